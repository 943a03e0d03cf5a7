"""Labelled images from wherever they are, opened one at a time."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import tarfile
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from keras_mobilevit.image_folders import (
    image_names,
    label_of,
    list_contents,
    require_class_pictures,
    take_evenly,
    tar_contents,
)
from keras_mobilevit.images import to_rgb
from keras_mobilevit.progress import progress_bar, stage
from keras_mobilevit.text_formatting import abbreviate
from keras_mobilevit.training.shards import holds_shards, open_shards
from keras_mobilevit.training.stored_images import (
    FolderImages,
    LabelledFiles,
    Names,
    TarImages,
)


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledSource:
    """Images that can be opened in any order, from several threads at once.

    Other processes get it by pickle.

    Attributes:
        class_names: A name for each label.
        labels: int64 array `(count,)`, indices into `class_names`.
        names: What to call each image in a message.
        read: Opens the image of an index.
    """

    class_names: tuple[str, ...]
    labels: np.ndarray
    names: Sequence[str]
    read: Callable[[int], Image.Image] = dataclasses.field(repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    def take_evenly(self, count: int) -> LabelledSource:
        """At most so many of the images, evenly spread over all of them.

        Args:
            count: At least 1.

        Raises:
            ValueError: If it is less.
        """
        kept = take_evenly(range(len(self)), count)
        return dataclasses.replace(
            self,
            labels=self.labels[list(kept)],
            names=[self.names[index] for index in kept],
            read=_Part(self.read, kept),
        )

    def open(self, index: int) -> Image.Image:
        """Reads one image.

        Returns:
            RGB image of its own size.

        Raises:
            OSError: If it is not there any more.
            ValueError: If it can not be read.
        """
        return self.read(index)


@dataclasses.dataclass(frozen=True, eq=False)
class _Part:
    """Opens some of the images of a source."""

    read: Callable[[int], Image.Image]
    kept: Sequence[int]

    def __call__(self, index):
        return self.read(self.kept[index])


def open_source(
    source: Any, class_names: Sequence[str] | None = None
) -> LabelledSource:
    """Finds the images of a source and what they show.

    Args:
        source: One of

            - a folder of `<class>/<image>`;
            - an uncompressed tar of such a folder, which is read in place;
            - a folder of several such tars, which are read as one;
            - a folder of shards, as `keras-mobilevit pack` makes them;
            - a sequence, that is anything with `len` and `[]`, of
              `(image, label)` or `{"image": image, "label": label}`, as
              Hugging Face's, torchvision's and `tfds.as_data_source`'s are;
            - a pair of arrays `(images, labels)`;
            - a finite `tf.data.Dataset` of single `(image, label)`, which is
              read into memory;
            - what this function returned.

            The others hold PIL images or uint8 arrays `(height,
            width, channels)`, and integers as labels.
        class_names: Names of the classes in the order of the labels, such as
            those of the training images or of a checkpoint. By default, the
            sorted names of the class folders, or else `"0"`, `"1"` and so on.

    Raises:
        FileNotFoundError: If there is no such path.
        ValueError: If there is no image, fewer than two classes, a folder or
            label that `class_names` lacks, a class whose pictures are all of
            formats that are not read, or anything else than the above.

    Warns:
        UserWarning: If there is but one image of some class, or files are
            left out that are pictures of other formats.
    """
    if isinstance(source, LabelledSource):
        return source
    if class_names is not None:
        class_names = tuple(class_names)
    if isinstance(source, (str, os.PathLike)):
        return _open_files(pathlib.Path(source), class_names)
    if _is_tf_dataset(source):
        source = _read_tf_dataset(source)
    elif _is_pair_of_arrays(source):
        source = _join(*source)
    if not (hasattr(source, "__len__") and hasattr(source, "__getitem__")):
        raise ValueError(
            "Expected a folder, a tar, a sequence of (image, label), a pair "
            "of arrays or a `tf.data.Dataset`. Received: "
            f"{type(source).__name__}"
        )
    return _open_sequence(source, class_names)


# === Files ===

_NO_CLASS = ("", "..")


def _open_files(path, class_names):
    with stage("listing images"):
        files = _find_files(path)
    folders = files.class_names
    if class_names is None:
        class_names = tuple(sorted(set(folders)))
    if surplus := sorted(set(folders) - set(class_names)):
        raise ValueError(
            f"{path} has class folders that are none of the "
            f"{len(class_names)} classes: {abbreviate(surplus)}. Expected some "
            f"of: {abbreviate(class_names)}"
        )
    index = {name: label for label, name in enumerate(class_names)}
    labels = np.array([index[folder] for folder in folders], np.int64)
    source = LabelledSource(
        class_names, labels[files.labels], files.names, files.images
    )
    return _checked(source, path)


def _find_files(path) -> LabelledFiles:
    if holds_shards(path):
        return open_shards(path)
    tars = _tars_in(path) if path.is_dir() else [path]
    if tars:
        return _find_in_tars(tars, path)
    files, folders = list_contents(path)
    names = image_names(files, path)
    require_class_pictures(files, folders, path)
    classes, labels = _class_folders(names, path)
    names = Names.of(names)
    return LabelledFiles(classes, labels, names, FolderImages(path, names))


def _tars_in(folder):
    """The tars of a folder that holds tars instead of class folders."""
    inside = [path for path in folder.iterdir() if path.name[0] != "."]
    if any(path.is_dir() for path in inside):
        return []
    return sorted(path for path in inside if path.suffix.lower() == ".tar")


def _find_in_tars(tars, path):
    places, repeated, folders, columns = {}, set(), [], []
    first = 0
    for number, tar in enumerate(progress_bar(tars, desc="listing tars")):
        _refuse_compression(tar)
        index = tar_contents(tar)
        for place, name in enumerate(index.names, first):
            if places.get(name, first) < first:
                repeated.add(name)
            # The last of a tar counts, as when it is unpacked.
            places[name] = place
        folders += index.folders
        numbers = np.full(len(index.names), number, np.uint32)
        columns.append((numbers, index.offsets, index.sizes))
        first += len(index.names)
    names = image_names(places, path)
    if lost := sorted(repeated.intersection(names)):
        raise ValueError(
            f"Several tars of {path} hold {abbreviate(lost)}. Rename them, or "
            "take a tar away."
        )
    require_class_pictures(places, folders, path)
    classes, labels = _class_folders(names, path)
    kept = np.fromiter((places[name] for name in names), np.int64, len(names))
    columns = (
        np.concatenate(parts)[kept] for parts in zip(*columns, strict=True)
    )
    images = TarImages(tuple(tars), *columns)
    return LabelledFiles(classes, labels, Names.of(names), images)


def _class_folders(names, path):
    """The class folders, and which of them each file is in.

    All files must be `<class>/<image>` of one folder.
    """
    places = {}
    inside = (name.rpartition("/")[0] for name in names)
    numbers = np.fromiter(
        (places.setdefault(place, len(places)) for place in inside),
        np.int64,
        len(names),
    )
    folders = [pathlib.PurePosixPath(place) for place in places]
    if any(folder.name in _NO_CLASS for folder in folders):
        stray = [name for name in names if label_of(name) in _NO_CLASS]
        raise ValueError(
            "Expected every image in a folder that names its class. Received "
            f"at the top level of {path}: {abbreviate(stray)}"
        )
    # Train and test folders side by side would become one set of images.
    parents = sorted({str(folder.parent) for folder in folders})
    if len(parents) > 1:
        raise ValueError(
            f"Expected one folder of class folders. {path} holds several: "
            f"{abbreviate(parents)}. Name one of them."
        )
    return tuple(folder.name for folder in folders), numbers


def _refuse_compression(path):
    try:
        tarfile.open(path, "r:").close()
    except (tarfile.TarError, OSError):
        if path.is_file() and tarfile.is_tarfile(path):
            raise ValueError(
                f"{path} is a compressed tar, whose images can only be read "
                "one after the other. Decompress or unpack it first."
            ) from None


# === Python objects ===


def _is_tf_dataset(source):
    """Tells without importing TensorFlow, which may not be installed."""
    return hasattr(source, "element_spec") and hasattr(source, "cardinality")


def _read_tf_dataset(dataset):
    if int(dataset.cardinality()) == -1:  # tf.data.INFINITE_CARDINALITY
        raise ValueError(
            "Expected a finite `tf.data.Dataset`. Received one that repeats "
            "for ever: leave out its `repeat()`."
        )
    elements = progress_bar(dataset.as_numpy_iterator(), desc="reading images")
    pairs = []
    for element in elements:
        image, label = _image_and_label(element)
        pairs.append((_round(np.asarray(image)), label))
    if pairs and max(image.max() for image, _ in pairs) <= 1:
        raise ValueError(
            "Expected pixels in [0, 255]; the model scales them itself. "
            "Received a `tf.data.Dataset` with none above 1."
        )
    return pairs


def _round(image):
    if image.dtype.kind != "f":
        return image
    # NaN compares as false.
    if not (image.min() >= 0 and image.max() <= 255):
        raise ValueError(
            "Expected pixels in [0, 255]. Received values in "
            f"[{image.min():g}, {image.max():g}]"
        )
    return np.round(image).astype(np.uint8)


def _is_pair_of_arrays(source):
    # In a sequence of two images, the first is itself a pair or a dict.
    return (
        isinstance(source, (tuple, list))
        and len(source) == 2
        and hasattr(source[0], "ndim")
    )


def _join(images, labels):
    if len(images) != len(labels):
        raise ValueError(
            "Expected as many labels as images. Received: "
            f"{len(images)} images, {len(labels)} labels"
        )
    return list(zip(images, labels, strict=True))


def _open_sequence(items, class_names):
    names = [f"image {index}" for index in range(len(items))]
    if not names:
        raise ValueError("Expected labelled images. Received none.")
    labels = []
    for index in progress_bar(range(len(items)), desc="reading labels"):
        image, label = _image_and_label(items[index])
        _as_pillow(image)
        labels.append(_as_integer(label, names[index]))
    labels = np.array(labels, np.int64)
    if class_names is None:
        class_names = _numbers_as_names(labels)

    source = LabelledSource(class_names, labels, names, _Items(items))
    return _checked(source, "the data set")


@dataclasses.dataclass(frozen=True, eq=False)
class _Items:
    """Opens the images of a sequence."""

    items: Any

    def __call__(self, index):
        try:
            return to_rgb(_as_pillow(_image_and_label(self.items[index])[0]))
        # Datasets of others raise whatever their decoders do.
        except Exception as error:
            raise ValueError(
                f"Not a readable picture: image {index} ({error})."
            ) from error


def _image_and_label(item):
    if isinstance(item, dict) and {"image", "label"} <= item.keys():
        return item["image"], item["label"]
    if isinstance(item, (tuple, list)) and len(item) == 2:
        return item
    received = list(item) if isinstance(item, dict) else type(item).__name__
    raise ValueError(
        'Expected (image, label) or {"image": image, "label": label}. '
        f"Received: {received}"
    )


def _as_pillow(image):
    if isinstance(image, Image.Image):
        return image
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    grey, colour = array.ndim == 2, array.ndim == 3 and array.shape[2] in (3, 4)
    if array.dtype != np.uint8 or not (grey or colour):
        raise ValueError(
            "Expected single images, from Pillow or as uint8 arrays (height, "
            f"width, channels). Received: {array.dtype} of shape {array.shape}"
        )
    return Image.fromarray(array)


def _as_integer(label, name):
    array = np.asarray(label)
    if array.dtype.kind not in "iu" or array.size != 1 or array.item() < 0:
        raise ValueError(
            "Expected one integer of at least 0 as a label. Received for "
            f"{name}: {str(label)[:50]}"
        )
    return array.item()


def _numbers_as_names(labels):
    if labels.max() >= len(labels):
        raise ValueError(
            f"Labels go up to {labels.max()}, beyond the {len(labels)} "
            "images. Pass `class_names` if that is right."
        )
    if labels.min() == labels.max():
        raise ValueError(
            "Expected at least two classes in the data set. Received: only "
            f"the label {labels.max()}, for all {len(labels)} images."
        )
    return tuple(map(str, range(labels.max() + 1)))


# === Checks ===


def _checked(source, where):
    count = len(source.class_names)
    if len(set(source.class_names)) < count:
        raise ValueError(
            "`class_names` must differ. Received: "
            f"{abbreviate(source.class_names)}"
        )
    if count < 2:
        raise ValueError(
            f"Expected at least two classes in {where}. Received: "
            f"{abbreviate(source.class_names)}"
        )
    if source.labels.max() >= count:
        raise ValueError(
            f"Labels of {count} classes must be in [0, {count - 1}]. "
            f"Received: {source.labels.max()}"
        )
    singles = np.flatnonzero(np.bincount(source.labels) == 1)
    if len(singles):
        names = [source.class_names[label] for label in singles]
        warnings.warn(
            f"There is only one image in {where} of: {abbreviate(names)}",
            stacklevel=4,
        )
    return source
