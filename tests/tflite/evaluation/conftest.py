"""Pictures of known classes, and the command line."""

import functools

import pytest
from colour_model import COLOURS, paint
from PIL import Image
from small_model import LABELS, make_images

from keras_mobilevit.tflite import ImageModel


@pytest.fixture
def pictures(tmp_path):
    """One picture of each colour, and a green one that is called red."""
    folder = tmp_path / "pictures"
    for colour in COLOURS:
        paint(folder / colour / "1.png", colour)
    paint(folder / "red" / "2.png", "green")
    return folder


@pytest.fixture(scope="session")
def photos(files, tmp_path_factory):
    """Eight pictures, named after the float file's answers but for one."""
    folder = tmp_path_factory.mktemp("photos")
    model = ImageModel(files["float32"])
    for index, image in enumerate(make_images(8, seed=3)):
        Image.fromarray(image).save(folder / "a.png")
        answer = model.predict(model.load_image(folder / "a.png")).argmax()
        label = LABELS[(answer + (index == 0)) % len(LABELS)]
        (folder / label).mkdir(exist_ok=True)
        (folder / "a.png").rename(folder / label / f"{index}.png")
    return folder


@pytest.fixture
def evaluate_command(command):
    """Runs `keras-mobilevit evaluate`; returns its exit status."""
    return functools.partial(command, "evaluate")
