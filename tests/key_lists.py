"""Keys and shapes of the published checkpoints: `checkpoints/keys`."""

import json
import pathlib

FOLDER = pathlib.Path(__file__).parent / "checkpoints" / "keys"
# Their order in the lists: keys are the same in all of them.
VARIANTS = ("xxs", "xs", "s")
VARIANTS_V2 = ("050", "075", "100", "125", "150", "175", "200")


def read_shapes(layout, variant):
    """Key -> shape of each tensor of a checkpoint, in the file's order."""
    variants = VARIANTS_V2 if layout.endswith("_v2") else VARIANTS
    index = variants.index(variant)
    shapes = json.loads((FOLDER / f"{layout}.json").read_text())
    return {key: shape[index] for key, shape in shapes.items()}


def read_key_map():
    """For each weight of a classifier: what the layouts call it.

    `hf` has several keys where the layout splits a tensor; `to_keras` has the
    axes of the transpose that a Keras kernel needs, `T` or `-` for none.
    """
    return json.loads((FOLDER / "key_map.json").read_text())
