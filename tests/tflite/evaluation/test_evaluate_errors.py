"""ImageSource, labels and models that can not be evaluated."""

import keras
import pytest
from colour_model import COLOURS, colour_model, paint

from keras_mobilevit.tflite import evaluate

# === ImageSource ===


def test_images_that_can_not_be_read(pictures):
    models = {"a": colour_model(), "b": colour_model((1, 1, 0))}
    expected = evaluate(models, pictures, COLOURS)
    (pictures / "green" / "bad.png").write_bytes(b"no picture")
    (pictures / "blue" / "0.jpg").write_bytes(b"")
    found = evaluate(models, pictures, COLOURS, workers=2)
    for name in models:
        assert found[name].skipped == ("blue/0.jpg", "green/bad.png")
        assert found[name].images == 4
        assert found[name].top1 == expected[name].top1
        assert found[name].sqnr == expected[name].sqnr


def test_none_can_be_read(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"None of the 1 .*such as a\.png"):
        evaluate({"a": colour_model()}, tmp_path)


def test_empty_and_missing_folders(tmp_path):
    with pytest.raises(ValueError, match="holds no picture"):
        evaluate({"a": colour_model()}, tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder or tar"):
        evaluate({"a": colour_model()}, tmp_path / "none")


# === What does not fit ===


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (("red", "green"), "blue"),
        (("red", "green", "green", "blue"), "green"),
    ],
)
def test_folders_must_name_a_class(pictures, labels, found):
    with pytest.raises(ValueError, match=f"named after .*'{found}'"):
        evaluate({"a": colour_model()}, pictures, labels)


def test_images_beside_class_folders(pictures):
    paint(pictures / "stray.png", "red")
    with pytest.raises(ValueError, match="named after"):
        evaluate({"a": colour_model()}, pictures, COLOURS)


def test_sizes_must_be_equal(pictures):
    models = {"a": colour_model(), "b": colour_model(size=(8, 16))}
    with pytest.raises(ValueError, match="one input size"):
        evaluate(models, pictures, COLOURS)


def test_classes_must_be_as_many_as_labels(pictures):
    labels = (*COLOURS, "black")
    with pytest.raises(ValueError, match=r"4 classes.*\(3,\)"):
        evaluate({"a": colour_model()}, pictures, labels)
    pooling = keras.layers.GlobalAveragePooling2D()
    grey = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            pooling,
            keras.layers.Dense(2),
        ]
    )
    with pytest.raises(ValueError, match=r"any number.*\(3,\).*\(2,\)"):
        evaluate({"a": colour_model(), "b": grey}, pictures)
    feature_map = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255)]
    )
    with pytest.raises(ValueError, match="one vector"):
        evaluate({"a": feature_map}, pictures)


def test_outputs_must_be_finite(pictures):
    models = {"a": colour_model(), "b": colour_model((1, 1, float("nan")))}
    with pytest.raises(ValueError, match="outputs of b .* on 4 of 4"):
        evaluate(models, pictures, COLOURS)


@pytest.mark.parametrize(
    "option",
    [
        dict(workers=0),
        dict(limit=0),
    ],
)
def test_arguments_out_of_range(pictures, option):
    (name,) = option
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        evaluate({"a": colour_model()}, pictures, COLOURS, **option)
