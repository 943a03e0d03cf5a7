"""`keras-mobilevit export`, from its arguments to the file."""

import dataclasses
import json

import pytest
from PIL import Image
from small_model import make_images
from tiny_model import TINY_SIZE

from keras_mobilevit.checkpoints import add_info
from keras_mobilevit.model_info import ImageSpec, ModelInfo
from keras_mobilevit.tflite import (
    Recipe,
    accuracy_guard,
    find_recipe,
    inspect,
    read_metadata,
)
from keras_mobilevit.tflite.accuracy_guard import GuardedModel
from keras_mobilevit.tflite.quantization.quantize import quantize_parsed
from keras_mobilevit.tflite.scoring import predict_all

LABELS = tuple("abcde")


@pytest.fixture
def export(command, tmp_path):
    """Runs the command; returns its exit status and the file to write."""

    def export(*argv, output="model.tflite"):
        path = tmp_path / output
        return command("export", *argv, "-o", path), path

    return export


@pytest.fixture(scope="module")
def saved(tiny, tmp_path_factory):
    """The tiny model as Keras saves it."""
    path = tmp_path_factory.mktemp("saved") / "tiny.keras"
    tiny.save(path)
    return path


@pytest.fixture(scope="module")
def pictures(tiny_float, tmp_path_factory):
    """50 pictures in folders named after the float file's answers."""
    folder = tmp_path_factory.mktemp("pictures")
    images = make_images(50, TINY_SIZE, seed=1)
    for index, answer in enumerate(predict_all(tiny_float, images).argmax(1)):
        path = folder / LABELS[answer] / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(images[index]).save(path)
    return folder


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("\n".join(LABELS))
    return path


def read_summary(text):
    """What a command printed: lines before the summary, its title and facts."""
    before, title, facts = [], None, {}
    for line in text.splitlines():
        if line.startswith("wrote "):
            title = line
        elif title is None:
            before.append(line)
        else:
            name, _, fact = line.removeprefix("  ").partition(": ")
            facts[name] = fact
    return before, title, facts


@pytest.mark.slow
def test_from_a_keras_file(export, saved, pictures, names, capsys):
    """The whole way, with nothing replaced."""
    status, path = export(
        *("--keras", saved, "--recipe", "int8", "--labels", names),
        *("--calibration", pictures, "--calibration-images", 30),
        *("--seed", 5),
    )
    assert status == 0
    inspect(path).require_full_delegation()
    metadata = read_metadata(path)
    # Before that it may say what this model can not afford.
    _, title, facts = read_summary(capsys.readouterr().out)
    size = path.stat().st_size
    assert title == f"wrote {path}: tiny by int8, {size:,} bytes"
    nodes = inspect(path).nodes
    fidelity = facts.pop("fidelity")
    assert facts == {
        "input": "32x48 pixels, rgb in [0, 255], float32; the model scales "
        "them",
        "picture": "resized to cover 32x48, cropped at its centre to 32x48",
        "output": "probabilities, float32",
        "labels": "5 (a, b, c, d, e)",
        "XNNPACK": f"{nodes} of {nodes} nodes, in 1 partition",
    }
    figure = metadata.fidelity["sqnr_db"]
    assert fidelity.startswith(
        f"int8 against float32 on 8 reserved images: {figure:.1f} dB, "
    )
    assert metadata.labels == LABELS
    assert metadata.name == "tiny"
    assert metadata.recipe == "int8"
    # Of 30, 8 are reserved.
    assert (metadata.calibration_images, metadata.calibration_seed) == (22, 5)
    assert metadata.fidelity["images"] == 8


def test_a_keras_file_brings_its_description(
    export, tiny, tmp_path, names, converted, capsys
):
    source = tmp_path / "tiny.keras"
    tiny.save(source)
    argv = ("--keras", source, "--recipe", "float32")
    assert export(*argv)[0] == 0
    assert "has no class names" in capsys.readouterr().out
    image = ImageSpec(crop_pct=0.875, pre_resize=28)
    known = ModelInfo(labels=LABELS, image=image, licence="CC-BY-4.0")
    add_info(source, known)
    status, path = export(*argv)
    assert status == 0
    info = read_metadata(path)
    assert (info.labels, info.licence) == (LABELS, "CC-BY-4.0")
    assert "has no class names" not in capsys.readouterr().out
    assert (info.image.crop_pct, info.image.pre_resize) == (0.875, 28)
    # What the command line says counts more.
    names.write_text("\n".join(reversed(LABELS)))
    status, path = export(
        *(*argv, "--labels", names),
        *("--crop-pct", 0.5, "--pre-resize", 0),
    )
    assert status == 0
    info = read_metadata(path)
    assert info.labels == LABELS[::-1]
    assert (info.image.crop_pct, info.image.pre_resize) == (0.5, 0)


def test_from_the_name_of_a_variant(export, monkeypatch, tiny_parsed):
    models = []

    def convert(model, size):
        models.append((model, size))
        return tiny_parsed

    monkeypatch.setattr("keras_mobilevit.tflite.export.convert_parsed", convert)
    status, path = export(
        *("--model", "mobilevit_xxs", "--weights", "none", "--classes", 3),
        *("--size", "32x64", "--recipe", "float32"),
    )
    assert status == 0
    ((model, size),) = models
    assert (model.name, size) == ("mobilevit_xxs", (32, 64))
    assert model.input_shape == (None, 32, 64, 3)
    assert model.output_shape == (None, 3)
    assert read_metadata(path).name == "mobilevit_xxs"


@pytest.mark.parametrize(
    ("options", "ends"),
    [
        ((), ("float32", "float32")),
        (("--input-type", "uint8"), ("uint8", "float32")),
        (("--output-type", "int8"), ("float32", "int8")),
        (
            ("--input-type", "int8", "--output-type", "uint8"),
            ("int8", "uint8"),
        ),
        (
            ("--recipe", "int8_full", "--input-type", "float32")
            + ("--min-sqnr", 0),
            ("float32", "int8"),
        ),
    ],
)
def test_types_of_the_ends(export, saved, pictures, converted, options, ends):
    status, path = export(
        *("--keras", saved, "--calibration", pictures),
        *("--calibration-images", 20, *options),
    )
    assert status == 0
    inspection = inspect(path)
    (image,), (output,) = inspection.inputs, inspection.outputs
    assert (image.dtype, output.dtype) == ends
    fields = read_metadata(path).recipe_fields
    assert (fields["input_type"], fields["output_type"]) == ends


@pytest.mark.parametrize("recipe", ["weight_only", "dynamic", "float16"])
def test_images_for_int8_weights(
    export, saved, pictures, names, converted, capsys, recipe
):
    """They are optional, and print a figure where they were of use."""
    options = ("--keras", saved, "--recipe", recipe, "--labels", names)
    assert export(*options)[0] == 0
    before, _, facts = read_summary(capsys.readouterr().out)
    assert before == [] and facts["fidelity"] == "not measured"
    options += ("--calibration", pictures, "--calibration-images", 30)
    status, path = export(*options, "--seed", 3)
    assert status == 0
    before, _, facts = read_summary(capsys.readouterr().out)
    assert before == []
    metadata = read_metadata(path)
    if recipe == "float16":
        assert metadata.calibration_images == 0
        return
    figure = metadata.fidelity["sqnr_db"]
    assert facts["fidelity"].startswith(
        f"{recipe} against float32 on 8 reserved images: {figure:.1f} dB, "
    )
    assert (metadata.calibration_images, metadata.calibration_seed) == (22, 3)


def test_what_a_model_can_not_afford_is_told(
    export, saved, pictures, names, converted, monkeypatch, capsys
):
    options = ("--keras", saved, "--calibration", pictures)
    options += ("--calibration-images", 20, "--labels", names)

    def without_integer_softmax(source, recipe, calibration, *rest):
        recipe = dataclasses.replace(recipe, integer_softmax=False)
        return GuardedModel(
            recipe, quantize_parsed(source, recipe, calibration)
        )

    monkeypatch.setattr(
        "keras_mobilevit.tflite.verification.guard_accuracy",
        without_integer_softmax,
    )
    assert export(*options)[0] == 0
    before, _, facts = read_summary(capsys.readouterr().out)
    assert before == ["without integer_softmax: it would cost accuracy here"]
    assert facts["fidelity"].startswith("int8 against float32 on 8 reserved ")


@pytest.mark.slow
def test_a_file_that_is_far_from_float32(
    export, saved, pictures, names, converted, capsys, tmp_path
):
    """It warns without escalation; with it, the recipe that is kept has it."""
    options = ("--keras", saved, "--calibration", pictures, "--min-sqnr", 30)
    options += ("--labels", names)
    with pytest.warns(UserWarning, match="lose most.*'int8_accurate'"):
        status, path = export(*options, "--no-escalation")
    assert status == 0
    figure = read_metadata(path).fidelity["sqnr_db"]
    line = read_summary(capsys.readouterr().out)[-1]["fidelity"]
    start = "int8 against float32 on 10 reserved images: "
    assert line.startswith(f"{start}{figure:.1f} dB, ")
    assert line.endswith(" % agreement")
    found = tmp_path / "found.json"
    with pytest.warns(UserWarning, match="layers? in float"):
        assert export(*options, "--save-recipe", found)[0] == 0
    line = read_summary(capsys.readouterr().out)[-1]["fidelity"]
    assert f"; {figure:.1f} dB without " in line
    metadata = read_metadata(path)
    assert metadata.fidelity["escalated"]
    scopes = metadata.recipe_fields["skip_layers"]
    assert list(find_recipe(found).skip_layers) == scopes


def test_recipes_out_of_files(export, saved, pictures, converted, tmp_path):
    """A saved recipe gives the same file, and may be written by hand."""
    found = tmp_path / "found.json"
    calibration = ("--calibration", pictures, "--calibration-images", 20)
    status, path = export(
        *("--keras", saved, *calibration, "--input-type", "uint8"),
        *("--save-recipe", found),
    )
    assert status == 0
    assert find_recipe(found).input_type == "uint8"
    status, again = export(
        *("--keras", saved, *calibration, "--recipe", found),
        output="again.tflite",
    )
    assert status == 0
    assert again.read_bytes() == path.read_bytes()
    found.write_text('{"name": "mine", "weights": "float16"}')
    status, mine = export(
        *("--keras", saved, "--recipe", found), output="mine.tflite"
    )
    assert status == 0
    assert read_metadata(mine).recipe == "mine"


@pytest.mark.slow
@pytest.mark.parametrize(
    "target", [("--target-sqnr", 25), ("--max-drop", 0, "--data")]
)
def test_search(
    export, saved, pictures, converted, names, tmp_path, capsys, target
):
    """It prints each step, and its recipe gives the same file again."""
    found = tmp_path / "found.json"
    if target[-1] == "--data":
        target = (*target, pictures)
    options = ("--keras", saved, "--labels", names, "--calibration", pictures)
    options += ("--calibration-images", 20)
    status, path = export(*options, *target, "--save-recipe", found)
    assert status == 0
    recipe = Recipe.from_json(found.read_text())
    assert recipe.name == read_metadata(path).recipe == "int8_searched"
    steps, _, facts = read_summary(capsys.readouterr().out)
    start = "int8_searched against float32 on 8 reserved "
    assert facts["fidelity"].startswith(start)
    scores = [float(step.split()[0]) for step in steps]
    goal = 25 if target[0] == "--target-sqnr" else 100
    assert steps[0].split()[1:] == ["int8_searched"]
    reached = [score >= goal for score in scores]
    assert reached == sorted(reached) and reached[-1]
    back = [" back to int8: " in step for step in steps]
    # Only when the goal is reached.
    assert sum(back) == sum(reached) - 1
    status, again = export(*options, "--recipe", found, output="b.tflite")
    assert status == 0
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--weights", "nowhere.pt"], "no checkpoint file"),
        (["--weights", "none", "--recipe", "int8"], "calibration"),
        (
            ["--weights", "none", "--calibration", "nowhere"],
            "no folder or tar",
        ),
        (["--weights", "none", "--recipe", "int4"], "must be one of"),
        (["--weights", "none", "--recipe", "a.json"], "no recipe at a.json"),
        (
            ["--weights", "none", "--recipe", "dynamic"]
            + ["--input-type", "int8"],
            "need int8 activations",
        ),
        (
            ["--weights", "none", "--recipe", "float16"]
            + ["--target-sqnr", "30"],
            "needs a recipe with int8 activations",
        ),
        (["--weights", "none", "--labels", "nowhere.txt"], "nowhere.txt"),
        (["--weights", "none", "--min-sqnr", "-1"], "dB from 0, or None"),
        (["--keras", "a.h5"], "takes a .keras file, and --weights all others"),
    ],
)
def test_errors(export, capsys, argv, message):
    if "--keras" not in argv:
        argv = ["--model", "mobilevit_xxs", *argv]
    status, path = export(*argv)
    assert status == 1
    error = capsys.readouterr().err
    assert error.splitlines()[-1].startswith("error: ")
    assert message in error
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("data", [None, b"", b"PK\3\4 cut off", b"<html>"])
def test_files_that_are_no_keras_model(export, capsys, tmp_path, data):
    source = tmp_path / "model.keras"
    if data is not None:
        source.write_bytes(data)
    status, path = export("--keras", source, "--recipe", "float32")
    assert status == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert str(source) in error
    assert not path.exists()


def test_recipes_that_are_cut_off(export, saved, capsys, tmp_path):
    recipe = tmp_path / "recipe.json"
    recipe.write_text(find_recipe("int8").to_json()[:-20])
    status, path = export("--keras", saved, "--recipe", recipe)
    assert status == 1
    assert "error: The recipe is not JSON" in capsys.readouterr().err
    assert not path.exists()


def test_images_that_can_not_be_read(
    export, saved, converted, pictures, capsys, tmp_path
):
    """One among others is left out with a word; none at all is an error."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    calibration = ("--keras", saved, "--calibration", folder)
    status, path = export(*calibration)
    assert status == 1
    assert "1 pictures that can not be read: cut.jpg" in capsys.readouterr().err
    assert not path.exists()
    for index, image in enumerate(make_images(20, TINY_SIZE)):
        Image.fromarray(image).save(folder / f"{index}.png")
    with pytest.warns(UserWarning, match="Skipped 1 pictures.*cut.jpg"):
        status, path = export(*calibration)
    assert status == 0
    assert read_metadata(path).calibration_images == 12


def test_options_that_go_together(export, saved, pictures, capsys):
    for options in (("--max-drop", 1), ("--data", pictures)):
        with pytest.raises(SystemExit) as caught:
            export("--keras", saved, *options)
        assert caught.value.code == 2
        assert "--max-drop and --data go together" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "others"),
    [
        (["--baseline"], ["--recipe", "int8"]),
        (["--baseline"], ["--save-recipe", "a.json", "--output-type", "int8"]),
        (["--baseline"], ["--no-escalation"]),
        (["--baseline"], ["--target-sqnr", "0"]),
        (["--keras", "a.keras"], ["--weights", "cifar10"]),
        (["--keras", "a.keras"], ["--task", "detection", "--classes", "3"]),
    ],
)
def test_options_without_effect_are_refused(export, capsys, option, others):
    with pytest.raises(SystemExit) as caught:
        export(*option, *others)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert f"{option[0]} goes without " in error
    assert all(name in error for name in others if name.startswith("--"))


@pytest.mark.slow
def test_the_saved_recipe_is_that_of_the_file(
    export, saved, pictures, tmp_path, monkeypatch
):
    """Not the one asked for, of which the export drops what costs accuracy."""
    # Drops all it can.
    monkeypatch.setattr(accuracy_guard, "_MOST_LOST", -1e3)
    monkeypatch.setattr(accuracy_guard, "_ENOUGH", 1e3)
    found = tmp_path / "found.json"
    status, path = export(
        *("--keras", saved, "--calibration", pictures),
        *("--calibration-images", 20, "--min-sqnr", 0, "--save-recipe", found),
    )
    assert status == 0
    assert find_recipe("int8").integer_softmax
    assert not find_recipe(found).integer_softmax
    assert json.loads(found.read_text()) == json.loads(
        Recipe.from_json(
            json.dumps(dict(read_metadata(path).recipe_fields))
        ).to_json()
    )


@pytest.mark.parametrize("size", ["0x", "a", "1x2x3", ""])
def test_sizes_that_are_none(export, capsys, size):
    with pytest.raises(SystemExit):
        export("--model", "mobilevit_xxs", "--size", size)
    assert "expected SIDE or HEIGHTxWIDTH" in capsys.readouterr().err


def test_a_target_that_is_a_folder(export, saved, converted, capsys, tmp_path):
    (tmp_path / "model.tflite").mkdir()
    status, path = export("--keras", saved, "--recipe", "float32")
    assert status == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert list(tmp_path.iterdir()) == [path]
