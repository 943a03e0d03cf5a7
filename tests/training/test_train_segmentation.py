"""Runs that teach a network to segment, from folders to weights."""

import pathlib
import shutil

import keras
import numpy as np
import pytest
from dense_images import quick_segmentation, write_masked
from PIL import Image
from run_files import read_rows, read_weights
from tiny_networks import make_segmenter

from keras_mobilevit.checkpoints import read_info
from keras_mobilevit.named_models import open_model
from keras_mobilevit.segmentation import (
    confusion_matrix,
    decode_predictions,
    mean_iou,
)
from keras_mobilevit.training import callbacks
from keras_mobilevit.training.mask_loader import MaskLoader
from keras_mobilevit.training.recipe import Augmentation
from keras_mobilevit.training.run import run_recipe
from keras_mobilevit.training.sampler import Batch
from keras_mobilevit.training.tasks import segmentation
from keras_mobilevit.training.tasks.segmentation import (
    MaskFolders,
    Segmentation,
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("camvid")
    return MaskFolders(*write_masked(folder))


@pytest.fixture
def tiny(monkeypatch):
    """Lets runs train a net of a few layers, which is quick to trace."""
    monkeypatch.setattr(
        segmentation,
        "build_dense_network",
        lambda recipe, labels, **options: make_segmenter(len(labels)),
    )


@pytest.fixture(scope="module")
def finished(folders, tmp_path_factory):
    """A run of the tiny net that nothing disturbed."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        tiny.__wrapped__(patch)
        train(folders, folder, sampler__mode="v0.4", sampler__divisor="16")
    return folder


def train(folders, folder, **changes):
    recipe = quick_segmentation(**changes)
    return run_recipe(recipe, folders, folders, folder, save_minutes=0)


def test_the_weights_know_task_classes_and_stride(finished):
    info = read_info(finished / "model.weights.h5")
    assert info.task == "segmentation"
    assert info.labels == ("dark", "red", "blue")
    assert (info.image.size, info.output.stride) == ((48, 48), 16)
    assert info.image.crop_mode == "squash"
    assert (finished / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_mean_iou_is_that_of_the_saved_average(finished, folders):
    """The last line of the log against the weights, in NumPy."""
    model = make_segmenter(3)
    model.load_weights(finished / "model.weights.h5")
    matrix = 0
    for picture in sorted(folders.pictures.iterdir()):
        pixels, mask = (
            Image.open(folder / picture.name).resize((48, 48), kind)
            for folder, kind in (
                (folders.pictures, Image.Resampling.BILINEAR),
                (folders.masks, Image.Resampling.NEAREST),
            )
        )
        logits = model.predict(np.float32(pixels)[None], verbose=0)
        (found,) = decode_predictions(logits, [(48, 48)])
        ids = np.where(np.asarray(mask) == 11, 255, np.asarray(mask))
        matrix = matrix + confusion_matrix(ids, found, 3)
    *_, last = read_rows(finished)
    # Ties between classes aside, a pixel or two of 13,000.
    assert float(last["val_mean_iou"]) == pytest.approx(
        mean_iou(matrix), abs=2e-4
    )
    assert float(last["mean_iou"]) > 0


class CutOff(Exception):
    pass


def test_a_run_that_is_cut_off_ends_as_if_it_had_not_been(
    tiny, finished, folders, tmp_path, monkeypatch
):
    """Crops, flips, sizes of batches and dropout all go on as they were."""
    original = callbacks.Progress.on_train_batch_end
    steps = iter(range(1, 1000))

    def on_train_batch_end(self, batch, logs=None):
        original(self, batch, logs)
        if next(steps) == 2:
            raise CutOff

    changes = {"sampler__mode": "v0.4", "sampler__divisor": "16"}
    with monkeypatch.context() as patch:
        patch.setattr(
            callbacks.Progress, "on_train_batch_end", on_train_batch_end
        )
        with pytest.raises(CutOff):
            train(folders, tmp_path, **changes)
    path = train(folders, tmp_path, **changes)
    expected = read_weights(finished / "model.weights.h5")
    for name, value in read_weights(path).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_it_learns_what_is_easy(tiny, tmp_path):
    folders = MaskFolders(*write_masked(tmp_path / "camvid", count=40))
    run = tmp_path / "run"
    train(
        folders,
        run,
        schedule__epochs="5",
        schedule__peak="0.03",
        optimizer__ema_momentum="0.85",
    )
    *_, last = read_rows(run)
    # Edges, at an eighth of the sides, are all that it can not learn.
    assert float(last["val_mean_iou"]) > 0.7


def test_masks_that_do_not_fit_take_no_folder(folders, tmp_path):
    recipe = quick_segmentation(segmentation__labels='["dark", "red"]')
    with pytest.raises(ValueError, match="the id 2, .* 2 classes"):
        run_recipe(recipe, folders, folders, tmp_path / "run")
    with pytest.raises(ValueError, match=r"Expected MaskFolders\(pictures"):
        run_recipe(recipe, folders.pictures, folders, tmp_path / "run")
    # Names of classes do not help where the masks have only one.
    for kind in ("train", "trainannot"):
        (tmp_path / kind).mkdir()
    ids = np.full((40, 56), 255, np.uint8)
    Image.fromarray(ids).save(tmp_path / "train" / "a.png")
    ids[:, :20] = 0
    Image.fromarray(ids).save(tmp_path / "trainannot" / "a.png")
    white = MaskFolders(tmp_path / "train", tmp_path / "trainannot")
    recipe = quick_segmentation(
        segmentation__labels='["dark", "red"]', segmentation__void_label="255"
    )
    with pytest.raises(ValueError, match="two classes.* the class 0 .* 255"):
        run_recipe(recipe, white, white, tmp_path / "run")
    assert not (tmp_path / "run").exists()


# === Where the pictures are ===


def test_folders_as_of_camvid(tmp_path):
    for name in ("train", "trainannot", "val", "valannot"):
        (tmp_path / name).mkdir()
    train, test = Segmentation.find_splits(tmp_path)
    assert train == (tmp_path / "train", tmp_path / "trainannot", None)
    assert test == (tmp_path / "val", tmp_path / "valannot", None)


def test_folders_as_of_pascal_voc(tmp_path, tiny):
    pictures, masks = write_masked(tmp_path / "flat")
    voc = tmp_path / "voc"
    lists = voc / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    shutil.move(pictures, voc / "JPEGImages")
    shutil.move(masks, voc / "SegmentationClass")
    (lists / "train.txt").write_text("0\n1\n2\n4\n")
    (lists / "val.txt").write_text("3\n5\n")
    task = Segmentation.open(
        quick_segmentation(), *Segmentation.find_splits(voc)
    )
    assert task.loader.source.names == ("0.png", "1.png", "2.png", "4.png")
    assert task.validation_loader.source.names == ("3.png", "5.png")


def test_a_folder_of_neither_kind(tmp_path):
    with pytest.raises(FileNotFoundError, match="trainannot.* or JPEGImages"):
        Segmentation.find_splits(tmp_path)
    with pytest.raises(ValueError, match="a folder of masks too.*pics alone"):
        Segmentation.join("pics", None)


# === Examples ===


def test_examples(folders):
    """Colours may be distorted, ids may not; void pixels are 255."""
    task = Segmentation.open(quick_segmentation(), folders, folders)
    loader = MaskLoader(
        task.loader.source, Augmentation(crop="none", flip=0.0, colors=True)
    )
    plan = [Batch(40, 56, np.array([[2, 0]]))]
    ((images, targets),) = loader.batches(plan, epoch=0)
    assert images.shape == (2, 40, 56, 3) and targets.dtype == np.float32
    ((plain, same),) = loader.evaluation_batches((40, 56), 6)
    np.testing.assert_array_equal(targets, same[[2, 0]])
    assert abs(images - plain[[2, 0]]).max() > 10
    mask = np.asarray(Image.open(folders.masks / "2.png"))
    np.testing.assert_array_equal(targets[0], np.where(mask == 11, 255, mask))


# === The real network ===


@pytest.mark.slow
def test_a_real_network_from_embedded_weights(folders, tmp_path):
    path = train(folders, tmp_path, schedule__epochs="1")
    opened = open_model(None, path)
    assert opened.info.task == "segmentation"
    assert opened.info.labels == ("dark", "red", "blue")
    assert opened.model.output_shape == (None, 48, 48, 3)
    assert isinstance(path, pathlib.Path)
    assert keras.config.dtype_policy().name == "float32"
