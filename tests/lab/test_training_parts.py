"""Parts of a training step: the sizes that they have in the network."""

import importlib.util
import json
import math
import pathlib
import subprocess
import sys

import pytest

from training_benchmarks import part_builders
from training_benchmarks.implementations import huggingface_config, part_shapes
from training_benchmarks.part_builders import PARTS

# Of XXS: 24 channels and twice as many in stage 2; tokens of 64 in stage 3.
PARAMETERS = {
    "elementwise": 0,
    "pointwise": 48 * 24,
    "depthwise": 9 * 48,
    "batch_norm": 2 * 48,
    "patches": 0,
    # Two norms, queries, keys, values and output, a hidden layer of twice d.
    "transformer": 2
    * (2 * 2 * 64 + 4 * (64 * 64 + 64) + 2 * 64 * 128 + 128 + 64),
}


def part_settings(part, **settings):
    return {
        "part": part,
        "batch_size": 2,
        "dtype": "float32",
        "compiled": False,
        "channels_last": False,
        "shapes": part_shapes("mobilevit_xxs", 64)._asdict(),
        "huggingface_config": huggingface_config("mobilevit_xxs", 64),
        **settings,
    }


@pytest.mark.parametrize("part", PARTS)
def test_a_part_has_the_size_that_it_has_in_the_network(part):
    facts, step = part_builders.build_keras_part(part_settings(part))
    assert facts["parameters"] == PARAMETERS[part]
    assert 0 < step() < math.inf


def test_parts_of_hugging_face_have_the_same_sizes():
    for module in ("torch", "transformers"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    settings = [
        part_settings(part, channels_last=channels_last)
        for part in PARTS
        for channels_last in (False, True)
    ]
    # TensorFlow and torch do not get along in one process.
    code = """
import json, sys
from training_benchmarks.part_builders import build_huggingface_part
sys.modules["torchvision"] = None
for settings in json.loads(sys.argv[1]):
    facts, step = build_huggingface_part(settings, "cpu")
    assert step() > 0
    print(facts["parameters"])
"""
    output = subprocess.run(
        [sys.executable, "-c", code, json.dumps(settings)],
        capture_output=True,
        text=True,
        check=True,
        cwd=pathlib.Path(part_builders.__file__).parents[1],
    ).stdout
    expected = [PARAMETERS[one["part"]] for one in settings]
    assert list(map(int, output.split())) == expected


def test_parts_occur_in_these_sizes():
    """Table 4 of the paper: 1/4 of the image in stage 2, 1/8 in stage 3."""
    shapes = part_shapes("mobilevit_s", 256)
    assert shapes.input_shape("depthwise") == (64, 64, 4 * 64)
    assert shapes.input_shape("patches") == (32, 32, 144)
    assert shapes.input_shape("transformer") == (4, 256, 144)
