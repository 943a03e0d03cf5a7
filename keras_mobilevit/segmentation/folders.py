"""Pictures with masks, in the folders of CamVid and of Pascal VOC."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_mobilevit.configs import IGNORE_LABEL
from keras_mobilevit.images import list_files, open_image
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.progress import progress_bar
from keras_mobilevit.text_formatting import abbreviate

if TYPE_CHECKING:
    from PIL import Image

# Of a mask: black and white, grey, and coloured by a palette.
_ID_MODES = ("1", "L", "P")


@dataclasses.dataclass(frozen=True, eq=False)
class MaskedImages:
    """Pictures whose pixels have classes, opened one at a time.

    Attributes:
        labels: Name of each class.
        names: Path of each picture inside its folder.
        pictures: Where they are.
        masks: Where their masks are.
        void_label: Id of the pixels without a class in the mask files.
        present: Ids of the classes that some pixel of the masks has.

    Example:
        >>> from keras_mobilevit import segmentation
        >>> pictures = segmentation.open_masked_images(
        ...     "street", "street_masks"
        ... )
        >>> pictures.names, pictures.void_label
        (('0.png', '1.png'), 255)
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    pictures: tuple[pathlib.Path, ...]
    masks: tuple[pathlib.Path, ...]
    void_label: int
    present: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)

    def open(self, index: int) -> tuple[Image.Image, Image.Image]:
        """Reads a picture and its mask.

        Returns:
            Upright RGB picture, and a grey one of class ids, in which pixels
            without a class are `IGNORE_LABEL`.

        Raises:
            OSError: If one is not there any more.
            ValueError: If one can not be read.
        """
        image_module = import_optional("PIL.Image", extra="train")
        ids = read_mask(self.masks[index])
        ids = np.where(ids == self.void_label, np.uint8(IGNORE_LABEL), ids)
        picture = open_image(self.pictures[index])
        return picture, image_module.fromarray(ids)


def open_masked_images(
    pictures: str | os.PathLike,
    masks: str | os.PathLike,
    names: str | os.PathLike | None = None,
    *,
    labels: Sequence[str] = (),
    void_label: int = IGNORE_LABEL,
) -> MaskedImages:
    """Pairs pictures with masks of the same name, and checks every mask.

    A picture without a mask is left out, as most of Pascal VOC have none.

    Args:
        pictures: Folder of pictures.
        masks: Folder of masks: PNG files of class ids, grey or with a
            palette.
        names: Text file of the names to take, without their endings, one a
            line, as in `ImageSets/Segmentation` of Pascal VOC. By default, of
            all masks.
        labels: Names of the classes 0, 1, ...; by default `"0"`, `"1"` and so
            on, up to the largest id in the masks.
        void_label: Id of the pixels without a class.

    Raises:
        FileNotFoundError: If a folder is missing, or a picture or a mask.
        ValueError: If there is no mask, one is no picture of class ids, has
            another size than its picture, or an id of no class; without
            `labels`, also if the masks have fewer than two classes.

    Warns:
        UserWarning: Without `labels`, if most ids up to the largest are in no
            mask.

    Example:
        >>> from keras_mobilevit import segmentation
        >>> pictures = segmentation.open_masked_images(
        ...     "street", "street_masks", labels=("road", "sky")
        ... )
        >>> pictures.names, pictures.labels
        (('0.png', '1.png'), ('road', 'sky'))
    """
    pictures, masks = pathlib.Path(pictures), pathlib.Path(masks)
    picture_of = _by_stem(pictures)
    mask_of = _by_stem(masks)
    stems = sorted(mask_of)
    if names is not None:
        stems = pathlib.Path(names).read_text(encoding="utf-8-sig").split()
    for what, known, where in (
        ("picture", picture_of, pictures),
        ("mask", mask_of, masks),
    ):
        if missing := [stem for stem in stems if stem not in known]:
            raise FileNotFoundError(
                f"{where} lacks {len(missing)} of the {len(stems)} {what}s, "
                f"such as that of {missing[0]!r}."
            )
    if not stems:
        raise ValueError(f"{names} names no picture.")
    source = MaskedImages(
        tuple(labels),
        tuple(picture_of[stem] for stem in stems),
        tuple(pictures / picture_of[stem] for stem in stems),
        tuple(masks / mask_of[stem] for stem in stems),
        void_label,
        present=(),
    )
    source = dataclasses.replace(source, present=_check(source))
    if labels:
        return source
    require_two_classes(source)
    count = source.present[-1] + 1
    if count > 2 * len(source.present):
        warnings.warn(
            f"The masks in {masks} have the ids {abbreviate(source.present)}, "
            f"from which {count} classes follow, most of them without a pixel. "
            "Ids are numbers from 0 on, not shades of grey.",
            stacklevel=2,
        )
    return dataclasses.replace(source, labels=tuple(map(str, range(count))))


def require_two_classes(source: MaskedImages) -> None:
    """Refuses masks from which nothing can be learned.

    Raises:
        ValueError: If fewer than two classes have pixels.
    """
    if len(source.present) > 1:
        return
    void = source.void_label
    raise ValueError(
        "Expected masks of at least two classes. Received: only the class "
        f"{source.present[0]} in the {len(source)} masks, such as "
        f"{source.masks[0]}. Pixels of {void} have no class and are ignored "
        f"(the ignore label, `void_label`). If {void} marks a class, as white "
        "does in masks in black and white, replace it by that class's id: "
        f"np.where(mask == {void}, 1, mask)."
    )


def read_mask(path: str | os.PathLike) -> np.ndarray:
    """Reads a mask as it is in its file.

    Args:
        path: PNG file of class ids, grey or with a palette.

    Returns:
        uint8 `(height, width)`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a picture of that kind.
    """
    image_module = import_optional("PIL.Image", extra="train")
    if not pathlib.Path(path).is_file():
        raise FileNotFoundError(f"There is no mask at {path}.")
    try:
        with image_module.open(path) as image:
            mode, ids = image.mode, np.array(image)
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"{path} is not a readable mask ({error}).") from error
    if mode not in _ID_MODES:
        raise ValueError(
            "A mask is a picture of class ids, grey or with a palette, of 8 "
            f"bits. Received one of mode {mode!r}: {path}"
        )
    return ids.astype(np.uint8)


def _by_stem(folder):
    """Name without its ending -> name, of the pictures in a folder."""
    return {
        str(pathlib.PurePosixPath(name).with_suffix("")): name
        for name in list_files(folder)
    }


def _check(source):
    """Checks every mask; returns the class ids that they have."""
    counts = np.zeros(256, np.int64)
    for picture, path in progress_bar(
        zip(source.pictures, source.masks, strict=True),
        total=len(source),
        desc="checking masks",
    ):
        ids = read_mask(path)
        size = _upright_size(picture)
        if size not in (None, ids.shape):
            raise ValueError(
                f"The mask {path} has {ids.shape[1]}x{ids.shape[0]} pixels, "
                f"its picture {size[1]}x{size[0]}."
            )
        found = np.bincount(ids.ravel(), minlength=256)
        found[source.void_label] = 0
        unknown = np.flatnonzero(found[len(source.labels) :])
        if source.labels and len(unknown):
            first = len(source.labels) + unknown[0]
            raise ValueError(
                f"The mask {path} has the id {first}, which is none of the "
                f"{len(source.labels)} classes; pixels without a class are "
                f"{source.void_label}."
            )
        counts += found
    if not counts.any():
        raise ValueError(
            f"No pixel of the {len(source)} masks has a class: all are "
            f"{source.void_label}, the ignore label (`void_label`). Expected "
            "class ids from 0 on."
        )
    return tuple(np.flatnonzero(counts).tolist())


def _upright_size(path):
    """`(height, width)` of a picture as it is shown; `None` if it is none."""
    image_module = import_optional("PIL.Image", extra="train")
    exif = import_optional("PIL.ExifTags", extra="train")
    try:
        with image_module.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(exif.Base.Orientation, 1) > 4
    except (OSError, ValueError, SyntaxError):
        # Whoever reads it tells why.
        return None
    return (width, height) if turned else (height, width)
