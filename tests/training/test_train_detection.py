"""Runs that teach a detector, from boxes in a file to weights."""

import json
import math
import shutil

import h5py
import numpy as np
import pytest
from dense_images import quick_detection, write_boxed
from PIL import Image
from run_files import read_rows, read_weights
from tiny_networks import make_detector

from keras_mobilevit import detection as pieces
from keras_mobilevit.checkpoints import fetch, read_info, save_compact
from keras_mobilevit.model_info import ModelInfo, OutputSpec
from keras_mobilevit.named_models import open_model
from keras_mobilevit.training import callbacks
from keras_mobilevit.training.box_loader import BoxSource
from keras_mobilevit.training.dense_network import build_dense_network
from keras_mobilevit.training.run import run_recipe
from keras_mobilevit.training.sampler import Batch
from keras_mobilevit.training.tasks import detection
from keras_mobilevit.training.tasks.detection import (
    AnnotatedFolder,
    Detection,
)

LABELS = ("background", "red", "blue")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return AnnotatedFolder(*write_boxed(tmp_path_factory.mktemp("coco")))


@pytest.fixture
def tiny(monkeypatch):
    """Lets runs train a net of a few layers, which is quick to trace."""
    monkeypatch.setattr(
        detection,
        "build_dense_network",
        lambda recipe, labels: make_detector(len(labels)),
    )


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    """A run of the tiny net that nothing disturbed."""
    run = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        tiny.__wrapped__(patch)
        train(folder, run)
    return run


def train(folder, run, **changes):
    recipe = quick_detection(**changes)
    return run_recipe(recipe, folder, folder, run, save_minutes=0)


def test_the_folder_of_a_run(finished):
    """The mAP is measured in the second of two epochs."""
    info = read_info(finished / "model.weights.h5")
    assert info.task == "detection" and info.output_labels == LABELS
    assert (info.image.size, info.image.crop_pct) == ((64, 64), 1)
    first, last = read_rows(finished)
    assert math.isnan(float(first["val_map"]))
    assert 0 <= float(last["val_map"]) <= 1
    assert all(float(row["val_loss"]) > 0 for row in (first, last))
    assert (finished / "curves.png").read_bytes().startswith(b"\x89PNG")


class CutOff(Exception):
    pass


@pytest.mark.slow
def test_a_run_that_is_cut_off_ends_as_if_it_had_not_been(
    tiny, finished, folder, tmp_path, monkeypatch
):
    original = callbacks.Progress.on_train_batch_end
    steps = iter(range(1, 1000))

    def on_train_batch_end(self, batch, logs=None):
        original(self, batch, logs)
        if next(steps) == 3:
            raise CutOff

    with monkeypatch.context() as patch:
        patch.setattr(
            callbacks.Progress, "on_train_batch_end", on_train_batch_end
        )
        with pytest.raises(CutOff):
            train(folder, tmp_path)
    path = train(folder, tmp_path)
    expected = read_weights(finished / "model.weights.h5")
    for name, value in read_weights(path).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


@pytest.mark.slow
def test_it_learns_images_by_heart(tiny, tmp_path):
    """Then targets, loss, decoding and evaluation agree.

    The figure in the log is that of the saved weights, measured apart.
    """
    folder = AnnotatedFolder(*write_boxed(tmp_path / "coco", count=25))
    path = train(
        folder,
        tmp_path / "run",
        schedule__epochs="8",
        schedule__peak="0.02",
        optimizer__ema_momentum="0.85",
        detection__map_epochs="8",
        augmentation__crop="none",
        augmentation__colors="false",
        augmentation__flip="0",
    )
    *_, last = read_rows(tmp_path / "run")
    assert float(last["val_map"]) > 0.8

    model = make_detector(3)
    model.load_weights(path)
    truth = pieces.read_annotations(folder.annotations)
    pixels, sizes = pieces.preprocess(
        [folder.pictures / image.file_name for image in truth.images], (64, 64)
    )
    found = pieces.decode_predictions(
        model.predict(pixels, verbose=0),
        sizes,
        image_size=(64, 64),
        labels=truth.labels,
        score_threshold=0.01,
    )
    results = [
        result
        for image, detections in zip(truth.images, found, strict=True)
        for result in pieces.coco_results(
            detections, image.id, truth.category_ids
        )
    ]
    metrics = pieces.coco_metrics(folder.annotations, results)
    assert float(last["val_map"]) == pytest.approx(metrics.ap, abs=1e-6)


# === Examples ===


def test_examples(folder):
    """Targets of a box by hand; none where a picture has no box."""
    task = Detection.open(
        quick_detection(
            augmentation__crop="none",
            augmentation__colors="false",
            augmentation__flip="1",
        ),
        folder,
        folder,
    )
    plan = [Batch(64, 64, np.array([[1, 5]]))]
    ((images, targets),) = task.loader.batches(plan, epoch=0)
    ((plain, _),) = task.validation_loader.evaluation_batches((64, 64), 6)
    np.testing.assert_array_equal(images[:, :, ::-1], plain[[1, 5]])
    assert images.dtype == targets.dtype == np.float32
    anchors = pieces.make_anchors((64, 64))
    assert targets.shape == (2, len(anchors), 5)
    assert not targets[1].any()

    content = json.loads(folder.annotations.read_text())
    left, top, width, height = content["annotations"][1]["bbox"]
    expected = np.array([56 - left - width, top, 56 - left, top + height])
    expected = expected / [56, 40, 56, 40]
    matched = targets[0, :, 4] > 0
    assert matched.any() and set(targets[0, matched, 4]) == {2}
    boxes = np.array(pieces.decode_boxes(targets[:1, :, :4], anchors))[0]
    np.testing.assert_allclose(
        boxes[matched], np.tile(expected, (matched.sum(), 1)), atol=1e-5
    )


# === What is refused, or left out ===


def changed(folder, path, **changes):
    content = json.loads(folder.annotations.read_text())
    path.write_text(json.dumps({**content, **changes}))
    return AnnotatedFolder(folder.pictures, path)


def test_annotations_that_do_not_fit_take_no_folder(folder, tmp_path):
    def run(train, test):
        run_recipe(quick_detection(), train, test, tmp_path / "run")

    other = [{"id": 3, "name": "red"}, {"id": 7, "name": "green"}]
    test = changed(folder, tmp_path / "other.json", categories=other)
    with pytest.raises(ValueError, match="red, green and red, blue"):
        run(folder, test)
    nothing = changed(folder, tmp_path / "nothing.json", annotations=[])
    with pytest.raises(ValueError, match="Expected boxes of objects in"):
        run(nothing, folder)
    with pytest.raises(ValueError, match="boxes of objects in .*nothing.json"):
        run(folder, nothing)
    with pytest.raises(ValueError, match=r"Expected AnnotatedFolder\(pictures"):
        run(str(folder.pictures), folder)
    empty = AnnotatedFolder(tmp_path, folder.annotations)
    with pytest.raises(FileNotFoundError, match="lacks 6 of the 6 pictures"):
        run(empty, folder)
    assert not (tmp_path / "run").exists()


@pytest.fixture
def damaged(tmp_path):
    """One picture is broken, another has not the size of its boxes."""
    folder = AnnotatedFolder(*write_boxed(tmp_path / "coco"))
    (folder.pictures / "0.png").write_bytes(b"broken")
    Image.new("RGB", (56, 41)).save(folder.pictures / "1.png")
    return folder


REASONS = {
    "0.png": "Not a readable picture",
    "1.png": "its boxes are for 56x40 pixels, it has 56x41",
}


def test_images_that_can_not_be_used_are_left_out(damaged):
    task = Detection.open(quick_detection(), damaged, damaged)
    with pytest.warns(UserWarning, match="Skipped"):
        ((images, _),) = task.validation_loader.evaluation_batches((64, 64), 6)
    assert len(images) == 4
    assert sorted(task.validation_loader.skipped) == sorted(REASONS)
    for name, reason in REASONS.items():
        assert task.validation_loader.skipped[name].startswith(reason)


@pytest.mark.slow
def test_a_run_measures_on_the_images_that_there_are(tiny, damaged, tmp_path):
    run = tmp_path / "run"
    with pytest.warns(UserWarning, match="Skipped"):
        train(damaged, run, schedule__epochs="1")
    (row,) = read_rows(run)
    assert 0 <= float(row["val_map"]) <= 1
    assert "0.png: Not a readable" in (run / "skipped.txt").read_text()


# === Where the pictures are ===


def test_folders_as_of_coco(folder, tmp_path):
    for split in ("train2017", "val2017"):
        shutil.copytree(folder.pictures, tmp_path / split)
        annotations = tmp_path / "annotations" / f"instances_{split}.json"
        annotations.parent.mkdir(exist_ok=True)
        shutil.copy(folder.annotations, annotations)
    task = Detection.open(quick_detection(), *Detection.find_splits(tmp_path))
    assert len(task.loader.source) == len(task.validation_loader.source) == 6
    assert task.labels == LABELS


def write_voc(folder, voc):
    """The same boxes as Pascal VOC's files, and the pictures with a box."""
    content = json.loads(folder.annotations.read_text())
    labels = {c["id"]: c["name"] for c in content["categories"]}
    voc.mkdir()
    for annotation in content["annotations"]:
        left, top, width, height = annotation["bbox"]
        values = dict(
            xmin=left + 1, ymin=top + 1, xmax=left + width, ymax=top + height
        )
        box = "".join(f"<{name}>{v}</{name}>" for name, v in values.items())
        name = labels[annotation["category_id"]]
        stem = annotation["image_id"]
        (voc / f"{stem}.xml").write_text(
            f"<annotation><object><name>{name}</name><bndbox>{box}</bndbox>"
            "</object></annotation>"
        )
        shutil.copy(folder.pictures / f"{stem}.png", voc)


def test_examples_of_pascal_voc_are_those_of_coco(folder, tmp_path):
    """The test pictures may lack a class."""
    write_voc(folder, tmp_path / "train")
    write_voc(folder, tmp_path / "valid")
    for number in (1, 3):
        for suffix in ("xml", "png"):
            (tmp_path / "valid" / f"{number}.{suffix}").unlink()
    recipe = quick_detection()
    voc = Detection.open(recipe, *Detection.find_splits(tmp_path))
    coco = Detection.open(recipe, folder, folder)
    # The numbers of COCO's file have another order.
    assert voc.labels == ("background", "blue", "red")
    plan = [Batch(64, 64, np.arange(5)[None])]
    ((images, targets),) = voc.loader.batches(plan, epoch=0)
    ((expected_images, expected),) = coco.loader.batches(plan, epoch=0)
    np.testing.assert_array_equal(images, expected_images)
    expected[..., 4] = np.array([0, 2, 1])[expected[..., 4].astype(int)]
    np.testing.assert_array_equal(targets, expected)
    assert len(voc.validation_loader.source) == 3


@pytest.mark.parametrize(
    "places",
    [
        ("images/train", "labels/train", "images/val", "labels/val"),
        ("train/images", "train/labels", "valid/images", "valid/labels"),
    ],
)
def test_folders_as_of_yolo(places, tmp_path):
    for place in places:
        (tmp_path / place).mkdir(parents=True)
        if "images" in place:
            Image.new("RGB", (64, 32)).save(tmp_path / place / "0.png")
        else:
            text = "1 0.5 0.5 0.25 0.5"
            (tmp_path / place / "0.txt").write_text(text)
    (tmp_path / "data.yaml").write_text("names: [red, blue]\n")
    task = Detection.open(quick_detection(), *Detection.find_splits(tmp_path))
    assert task.labels == ("background", "red", "blue")
    for loader in (task.loader, task.validation_loader):
        (image,) = loader.source.images
        assert image.boxes.tolist() == [[24, 8, 40, 24]]


def test_the_map_is_measured_with_any_format(folder, tmp_path):
    """`to_coco` has the numbers of the classes that `category_ids` has."""
    pytest.importorskip("pycocotools")
    write_voc(folder, tmp_path / "valid")
    source = BoxSource(tmp_path / "valid", tmp_path / "valid", ("blue", "red"))
    results = [
        result
        for image in source.images
        for result in pieces.coco_results(
            [
                pieces.Detection(int(label), "", 0.9, tuple(box))
                for label, box in zip(image.labels, image.boxes, strict=True)
            ],
            image.id,
            source.category_ids,
        )
    ]
    assert pieces.coco_metrics(source.to_coco(), results).ap == pytest.approx(1)


def test_a_folder_of_another_kind(tmp_path):
    with pytest.raises(FileNotFoundError, match="instances_train2017.json"):
        Detection.find_splits(tmp_path)
    with pytest.raises(ValueError, match="need annotations too"):
        Detection.join("pics", None)


# === The real network ===


def layer_weights(model, name):
    return model.get_layer(name).get_weights()[0]


def test_what_a_detector_begins_from(tmp_path):
    """All of the weights for the same classes; else the backbone alone."""
    path = tmp_path / "a.weights.h5"
    recipe = quick_detection()
    start = build_dense_network(recipe, LABELS)
    with h5py.File(fetch("cifar10", "mobilevit_xxs")) as file:
        stem = file["layers/conv_block/conv/vars/0"][()]
    np.testing.assert_array_equal(layer_weights(start, "stem"), stem)

    info = ModelInfo(
        task="detection",
        labels=LABELS[1:],
        output=OutputSpec(label_offset=1),
    )
    save_compact(start, path, info)
    recipe = quick_detection(weights=str(path))
    same = build_dense_network(recipe, LABELS)
    other = build_dense_network(recipe, ("background", "red", "green"))
    for model, equal in ((same, True), (other, False)):
        for name, expected in (("stem", True), ("head5_predict", equal)):
            found = np.array_equal(
                layer_weights(model, name), layer_weights(start, name)
            )
            assert found == expected, name


@pytest.mark.slow
def test_a_real_detector(folder, tmp_path):
    path = train(folder, tmp_path, schedule__epochs="1")
    opened = open_model(None, path)
    assert opened.info.task == "detection"
    assert opened.info.output_labels == LABELS
    assert opened.model.output_shape[-1] == 4 + 3
