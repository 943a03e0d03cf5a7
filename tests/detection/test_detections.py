"""From pictures to the model's input, from its output to named boxes."""

import io

import numpy as np
import pytest
from keras import ops
from PIL import Image

from keras_mobilevit.configs import DETECTION_WEIGHTS
from keras_mobilevit.detection import (
    decode_predictions,
    make_anchors,
    make_targets,
    preprocess,
    select_boxes,
)

SIZE = (64, 96)


def predictions_of(*images):
    """What a perfect model says: `(box, label, probability)` of each image.

    Each box, in shares of the image, is said by the anchors that match it.
    """
    anchors = make_anchors(SIZE)
    predictions = np.zeros((len(images), len(anchors), 4 + 81), np.float32)
    predictions[..., 4] = 20
    for prediction, objects in zip(predictions, images, strict=True):
        for box, label, probability in objects:
            targets = make_targets([box], [label], anchors)
            matched = targets[:, 4] > 0
            prediction[matched, :4] = targets[matched, :4]
            # Between the class and the background: the logit of the share.
            logit = np.log(probability / (1 - probability))
            prediction[matched, 4 + label] = 20 + logit
    return predictions


# === Decoding ===


def test_boxes_in_pixels_with_names():
    predictions = predictions_of(
        [((0.1, 0.2, 0.5, 0.6), 1, 0.9), ((0.5, 0.5, 0.9, 0.75), 17, 0.7)],
        [((0.25, 0.25, 0.75, 0.75), 80, 0.8)],
    )
    found = decode_predictions(
        predictions, [(200, 400), (1000, 100)], image_size=SIZE
    )
    assert [[d.name for d in image] for image in found] == [
        ["person", "dog"],
        ["toothbrush"],
    ]
    (person, dog), (brush,) = found
    assert [d.class_index for d in (person, dog, brush)] == [1, 17, 80]
    assert person.score == pytest.approx(0.9, abs=1e-4)
    assert dog.score == pytest.approx(0.7, abs=1e-4)
    np.testing.assert_allclose(person.box, (40, 40, 200, 120), atol=0.01)
    np.testing.assert_allclose(dog.box, (200, 100, 360, 150), atol=0.01)
    np.testing.assert_allclose(brush.box, (25, 250, 75, 750), atol=0.01)


def test_boxes_are_cut_at_the_edges_of_the_image():
    predictions = predictions_of([((-0.3, 0.5, 0.4, 1.25), 3, 0.9)])
    ((car,),) = decode_predictions(predictions, [(100, 200)], image_size=SIZE)
    np.testing.assert_allclose(car.box, (0, 50, 80, 100), atol=0.01)


def test_an_image_without_objects():
    predictions = predictions_of([], [((0.1, 0.2, 0.5, 0.6), 1, 0.9)])
    found = decode_predictions(
        predictions, [(10, 10), (10, 10)], image_size=SIZE
    )
    assert [len(image) for image in found] == [0, 1]


def test_thresholds_and_number_of_boxes():
    predictions = predictions_of(
        [((0.1, 0.2, 0.5, 0.6), 1, 0.9), ((0.5, 0.5, 0.9, 0.75), 17, 0.2)]
    )

    def count(**options):
        sizes = [(10, 10)]
        return len(
            decode_predictions(predictions, sizes, image_size=SIZE, **options)[
                0
            ]
        )

    assert count() == 2
    assert count(score_threshold=0.25) == 1
    assert count(max_boxes=1) == 1
    # Nothing is suppressed: one box for each anchor.
    assert count(iou_threshold=1.0, score_threshold=0.5) > 1


def test_own_labels():
    predictions = predictions_of([((0.1, 0.2, 0.5, 0.6), 2, 0.9)])[..., :7]
    ((detection,),) = decode_predictions(
        predictions,
        [(10, 10)],
        image_size=SIZE,
        labels=("background", "a", "b"),
    )
    assert detection.name == "b"


def test_classes_of_the_selection_are_those_of_the_model():
    predictions = predictions_of([((0.1, 0.2, 0.5, 0.6), 7, 0.9)])
    selection = select_boxes(predictions, SIZE)
    np.testing.assert_array_equal(selection.count, [1])
    np.testing.assert_array_equal(selection.classes[0, :2], [7, 0])


def test_tensors_are_decoded_as_arrays():
    rng = np.random.default_rng(0)
    predictions = rng.normal(size=(2, 208, 85)).astype(np.float32) * 3
    found, expected = (
        select_boxes(x, SIZE)
        for x in (predictions, ops.convert_to_tensor(predictions))
    )
    assert type(found.boxes) is np.ndarray
    assert found.count.min() > 20
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, np.array(other), rtol=1e-4, atol=1e-5)


def test_boxes_of_any_size_end_at_the_image():
    """Of an untrained network they can overflow, which is no warning."""
    predictions = predictions_of([((0.1, 0.2, 0.5, 0.6), 1, 0.9)])
    predictions[..., 2:4] = 1e4
    (found,) = decode_predictions(predictions, [(50, 100)], image_size=SIZE)
    assert [detection.box for detection in found][0] == (0, 0, 100, 50)


def test_half_precision():
    predictions = predictions_of([((0.1, 0.2, 0.5, 0.6), 1, 0.9)])
    ((person,),) = decode_predictions(
        predictions.astype(np.float16), [(100, 100)], image_size=SIZE
    )
    np.testing.assert_allclose(person.box, (10, 20, 50, 60), atol=0.1)


@pytest.mark.parametrize(
    ("shape", "sizes", "options", "match"),
    [
        ((1, 3232, 85), [(9, 9)], {}, r"64x96.*\(batch, \d+, 4 \+ classes\)"),
        ((2, 208, 85), [(9, 9)], {}, "2 pictures, sizes of shape"),
        ((1, 208, 85), [9], {}, "a height and a width"),
        ((1, 208, 25), [(9, 9)], {}, "21 classes.*81 labels"),
        ((1, 208, 85), [(9, 9)], {"labels": ("background",)}, "1 labels"),
        ((1, 208, 85), [(9, 9)], {"max_boxes": 0}, "at least 1"),
    ],
)
def test_bad_arguments(shape, sizes, options, match):
    with pytest.raises(ValueError, match=match):
        decode_predictions(np.zeros(shape), sizes, image_size=SIZE, **options)


def test_labels_of_coco():
    labels = DETECTION_WEIGHTS["coco"].info.output_labels
    assert len(set(labels)) == 81
    assert [labels[i] for i in (0, 1, 12, 18, 80)] == [
        "background",
        "person",
        "stop sign",
        "horse",
        "toothbrush",
    ]


# === Preprocessing ===


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def test_preprocess_keeps_no_aspect(tmp_path):
    """The left half is red, the right half is blue."""
    picture = np.zeros((40, 20, 3), np.uint8)
    picture[:, :10, 0] = picture[:, 10:, 2] = 255
    path = tmp_path / "a.png"
    path.write_bytes(png(picture))
    images, sizes = preprocess([path, png(picture[:10])], size=(32, 64))
    assert images.shape == (2, 32, 64, 3) and images.dtype == np.uint8
    assert sizes == [(40, 20), (10, 20)]
    for image in images:
        np.testing.assert_array_equal(image[16, 5], [255, 0, 0])
        np.testing.assert_array_equal(image[16, 60], [0, 0, 255])


def test_preprocess_has_the_size_of_the_models():
    images, _ = preprocess([png(np.zeros((9, 9, 3), np.uint8))])
    assert images.shape == (1, 320, 320, 3)


@pytest.mark.parametrize(
    ("sources", "error", "match"),
    [
        ([], ValueError, "no picture"),
        (["no/such.jpg"], FileNotFoundError, "no/such.jpg"),
        ([b"text"], ValueError, "Not a readable picture"),
        ("a.jpg", ValueError, "a list of pictures"),
    ],
)
def test_preprocess_errors(sources, error, match):
    with pytest.raises(error, match=match):
        preprocess(sources)
