"""Annotations in the format of COCO, and its metrics."""

import json
import math

import numpy as np
import pytest

from keras_mobilevit.configs import DETECTION_WEIGHTS
from keras_mobilevit.detection import (
    Detection,
    coco_metrics,
    coco_results,
    decode_predictions,
    make_anchors,
    make_targets,
    read_annotations,
)


def content(**changes):
    """Two images; categories with a gap, and not in order."""
    return {
        "images": [
            {"id": 7, "file_name": "a.jpg", "height": 100, "width": 200},
            {"id": 3, "file_name": "b.jpg", "height": 50, "width": 50},
        ],
        "categories": [{"id": 9, "name": "dog"}, {"id": 4, "name": "cat"}],
        "annotations": [
            annotation(image_id=7, category_id=9, bbox=[10, 20, 30, 40]),
            annotation(image_id=7, category_id=4, bbox=[0, 0, 100, 100]),
        ],
        **changes,
    }


def annotation(image_id=7, category_id=4, bbox=(10, 20, 30, 40), **more):
    return {
        "image_id": image_id,
        "category_id": category_id,
        "bbox": list(bbox),
        **more,
    }


# === Reading ===


def test_reading():
    found = read_annotations(content())
    assert found.labels == ("background", "cat", "dog")
    assert found.category_ids == (None, 4, 9)
    first, second = found.images
    assert (first.id, first.file_name, first.size) == (7, "a.jpg", (100, 200))
    np.testing.assert_array_equal(
        first.boxes, [[10, 20, 40, 60], [0, 0, 100, 100]]
    )
    np.testing.assert_array_equal(first.labels, [2, 1])
    np.testing.assert_allclose(first.relative_boxes()[0], [0.05, 0.2, 0.2, 0.6])
    assert second.boxes.shape == (0, 4) and second.labels.shape == (0,)
    assert second.relative_boxes().shape == (0, 4)


def test_reading_a_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content()))
    assert read_annotations(path).labels == ("background", "cat", "dog")


def test_a_category_may_have_the_number_zero():
    found = read_annotations(
        content(
            categories=[{"id": 0, "name": "cat"}],
            annotations=[annotation(category_id=0)],
        )
    )
    assert found.category_ids == (None, 0)
    np.testing.assert_array_equal(found.images[0].labels, [1])


@pytest.mark.parametrize(
    ("bbox", "more", "expected"),
    [
        ([10, 20, 30, 40], {"iscrowd": 1}, []),
        ([10, 20, 0, 40], {}, []),
        ([10, 20, 30, 0], {}, []),
        ([10, 20, -5, 40], {}, []),
        ([200, 20, 30, 40], {}, []),
        ([-40, 20, 30, 40], {}, []),
        ([-10, 20, 30, 400], {}, [[0, 20, 20, 100]]),
        ([150, -20, 500, 30], {}, [[150, 0, 200, 10]]),
    ],
)
def test_boxes_that_are_cut_or_left_out(bbox, more, expected):
    annotations = [annotation(bbox=bbox, **more)]
    image = read_annotations(content(annotations=annotations)).images[0]
    np.testing.assert_array_equal(image.boxes, np.reshape(expected, (-1, 4)))
    assert len(image.labels) == len(expected)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        (
            {"annotations": [annotation(), annotation(category_id=5)]},
            r"annotations\[1\] has category_id 5, .* of the 2 categories: 4, 9",
        ),
        (
            {"annotations": [annotation(image_id=1)]},
            r"annotations\[0\] has image_id 1, .* of the 2 images: 3, 7",
        ),
        (
            {"annotations": [annotation(image_id="a")]},
            r"annotations\[0\] has image_id 'a', which is no whole number",
        ),
        (
            {"annotations": [annotation(image_id=7.5)]},
            r"annotations\[0\] has image_id 7.5, which is no whole number",
        ),
        (
            {"annotations": [annotation(bbox=[1, 2, 3])]},
            r"annotations\[0\] has bbox \[1, 2, 3\]; expected \[left, top",
        ),
        ({"annotations": [annotation(bbox=[1, 2, 3, "a"])]}, "has bbox"),
        ({"annotations": [annotation(bbox=[1, 2, 3, math.nan])]}, "has bbox"),
        (
            {"annotations": [{"image_id": 7, "category_id": 4}]},
            r"annotations\[0\] lacks `bbox`: {'image_id': 7",
        ),
        ({"annotations": None}, "`annotations` is no list but a NoneType"),
        ({"annotations": [3]}, r"annotations\[0\] is no dict: 3"),
        (
            {"annotations": [annotation(iscrowd="no")]},
            r"annotations\[0\] has iscrowd 'no'; expected 0 or 1",
        ),
        (
            {"images": [{"id": 7, "file_name": "a.jpg"}]},
            r"images\[0\] lacks `height`",
        ),
        (
            {
                "images": [
                    {"id": 7, "file_name": "a.jpg", "height": 0, "width": 9}
                ]
            },
            "the image 7 has 9x0 pixels",
        ),
        ({"categories": [{"id": 4}]}, r"categories\[0\] lacks `name`"),
    ],
)
def test_not_in_the_format_of_coco(changes, cause):
    with pytest.raises(
        ValueError, match=f"format of COCO.*Received: a dict .*{cause}"
    ):
        read_annotations(content(**changes))


def test_what_is_lacking():
    changed = content()
    del changed["categories"]
    with pytest.raises(ValueError, match="lacks `categories`; it has .*images"):
        read_annotations(changed)


@pytest.mark.parametrize(
    ("crowd", "boxes"), [("0", 1), ("1", 0), (False, 1), (True, 0), (None, 1)]
)
def test_crowds_that_are_marked_in_other_ways(crowd, boxes):
    """As text, `"0"` would be true: all boxes would silently be crowds."""
    changed = content(annotations=[annotation(iscrowd=crowd)])
    assert len(read_annotations(changed).images[0].boxes) == boxes


def test_numbers_as_text_are_measured_as_numbers():
    pytest.importorskip("pycocotools")
    images = [
        {**image, "id": str(image["id"])} for image in content()["images"]
    ]
    changed = content(
        images=images,
        annotations=[
            annotation(image_id="7", category_id="9", iscrowd="0"),
        ],
    )
    result = {**annotation(category_id=9), "score": 0.9}
    assert coco_metrics(changed, [result]).ap == pytest.approx(1)


@pytest.mark.parametrize(
    "changes",
    [
        {"images": content()["images"] + content()["images"][:1]},
        {"categories": content()["categories"] + [{"id": 4, "name": "b"}]},
    ],
)
def test_the_same_number_twice(changes):
    with pytest.raises(ValueError, match="the same number"):
        read_annotations(content(**changes))


def test_files_that_can_not_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file of annotations"):
        read_annotations(tmp_path / "a.json")
    path = tmp_path / "b.json"
    path.write_text("<html>")
    with pytest.raises(ValueError, match="b.json is not JSON"):
        read_annotations(path)
    path.write_text("[1, 2]")
    with pytest.raises(ValueError, match="of COCO.*b.json .a list at the top"):
        read_annotations(path)
    path.write_text(json.dumps(content()), encoding="utf-8-sig")
    assert len(read_annotations(path).images) == 2


def test_published_annotations(shared_dir):
    """COCO's own categories are those that the models name."""
    path = shared_dir / "data" / "coco256" / "instances_train.json"
    found = read_annotations(path)
    assert found.labels == DETECTION_WEIGHTS["coco"].info.output_labels
    assert (found.category_ids[1], found.category_ids[80]) == (1, 90)
    assert len(found.images) == 128
    # 939 annotations, of which 10 are crowds.
    assert sum(len(image.labels) for image in found.images) == 929


# === Metrics ===

pytest.importorskip("pycocotools", reason="pycocotools is not installed")


def detection(box, score=0.9, class_index=1):
    return Detection(class_index, "", score, box)


def one_object(*detections, bbox=(10, 10, 100, 50), **more):
    """Metrics of one image with one cat."""
    annotations = content(annotations=[annotation(bbox=bbox, **more)])
    return coco_metrics(annotations, coco_results(detections, 7, (None, 4, 9)))


def test_results():
    found = coco_results(
        [detection((1.0, 2.0, 11.0, 32.0), 0.5, 2)], 7, (None, 4, 9)
    )
    assert found == [
        {
            "image_id": 7,
            "category_id": 9,
            "bbox": [1.0, 2.0, 10.0, 30.0],
            "score": 0.5,
        }
    ]


def test_a_perfect_detection():
    metrics = one_object(detection((10, 10, 110, 60)))
    for found in (metrics.ap, metrics.ap50, metrics.ap75, metrics.ar1):
        assert found == pytest.approx(1)
    # 5000 pixels are between 32² and 96².
    assert metrics.ap_medium == pytest.approx(1)
    assert math.isnan(metrics.ap_small) and math.isnan(metrics.ap_large)


def test_an_overlap_of_0_62():
    """Counts at the thresholds 0.50, 0.55 and 0.60 of ten."""
    metrics = one_object(detection((10, 10, 72, 60)))
    assert metrics.ap == pytest.approx(0.3)
    assert (metrics.ap50, metrics.ap75) == (pytest.approx(1), 0)


def test_a_better_scored_mistake_halves_the_precision():
    metrics = one_object(
        detection((120, 10, 190, 60), 0.9), detection((10, 10, 110, 60), 0.8)
    )
    assert metrics.ap == pytest.approx(0.5)
    assert metrics.ar1 == 0 and metrics.ar10 == pytest.approx(1)


def test_another_class_does_not_count():
    assert one_object(detection((10, 10, 110, 60), class_index=2)).ap == 0


def test_no_detections():
    assert one_object().ap == 0


def test_a_crowd_costs_nothing():
    """Neither found nor missed: there is nothing to find."""
    box = (10, 10, 110, 60)
    assert math.isnan(one_object(detection(box), iscrowd=1, area=5000).ap)


def test_mean_over_classes():
    """The dog is found, the cat is not."""
    results = coco_results([detection((10, 20, 40, 60), 0.5, 2)], 7, (0, 4, 9))
    assert coco_metrics(content(), results).ap == pytest.approx(0.5)


def test_some_images_only():
    results = coco_results([detection((0, 0, 9, 9))], 3, (0, 4, 9))
    assert math.isnan(coco_metrics(content(), results, image_ids=[3]).ap)
    assert coco_metrics(content(), results, image_ids=[3, 7]).ap == 0


def test_nothing_is_printed(capsys):
    one_object(detection((10, 10, 110, 60)))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("changes", "image_ids", "match"),
    [
        ({"image_id": 5}, None, "image 5"),
        ({"category_id": 5}, None, "category 5"),
        ({}, [8], "image 8"),
    ],
)
def test_unknown_numbers(changes, image_ids, match):
    result = {**annotation(), "score": 1.0, **changes}
    with pytest.raises(ValueError, match=match):
        coco_metrics(content(), [result], image_ids)


def test_targets_decoding_and_metrics_agree(shared_dir):
    """What `make_targets` says of real boxes, decoded, has a mAP near 1.

    Not quite: boxes that share an anchor with another one get lost.
    """
    path = shared_dir / "data" / "coco256" / "instances_val.json"
    annotations = read_annotations(path)
    images = annotations.images[:16]
    anchors = make_anchors((320, 320))
    results = []
    for image in images:
        targets = make_targets(image.relative_boxes(), image.labels, anchors)
        classes = targets[:, 4].astype(int)
        logits = 20 * np.eye(81, dtype=np.float32)[classes]
        predictions = np.concatenate([targets[:, :4], logits], axis=-1)
        (found,) = decode_predictions(predictions[None], [image.size])
        results += coco_results(found, image.id, annotations.category_ids)
    ids = [image.id for image in images]
    metrics = coco_metrics(path, results, ids)
    assert metrics.ap > 0.9
    wrong = [{**r, "bbox": [0, 0, 9, 9]} for r in results]
    assert coco_metrics(path, wrong, ids).ap < 0.1
