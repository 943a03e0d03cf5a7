"""Small `.weights.h5` files, for a checkpoint that ships in the package."""

from __future__ import annotations

import os
import pathlib
import tempfile

import h5py
import keras

from keras_mobilevit.checkpoints.info import write_info
from keras_mobilevit.model_info import ModelInfo

# Below this, a compressed dataset is larger than the plain one.
_WORTH_COMPRESSING = 2048


def save_compact(
    model: keras.Model,
    path: str | os.PathLike,
    info: ModelInfo | None = None,
) -> None:
    """Saves weights as Keras does, losslessly compressed.

    The file is an ordinary Keras weights file, a sixth smaller than
    `model.save_weights` makes it, and without the state of an optimizer.

    Args:
        model: Model whose weights to save.
        path: File to write, ending in `.weights.h5`.
        info: What `keras_mobilevit.named_models.open_model` shall know of
            the weights when it is given the file.

    Example:
        >>> import keras_mobilevit
        >>> from keras_mobilevit import checkpoints
        >>> from keras_mobilevit.model_info import ModelInfo
        >>> model = keras_mobilevit.MobileViTXXS(weights=None, classes=2)
        >>> info = ModelInfo(labels=("cat", "dog"), classes=2)
        >>> checkpoints.save_compact(model, "pets.weights.h5", info)
        >>> checkpoints.read_info("pets.weights.h5").labels
        ('cat', 'dog')
    """
    path = pathlib.Path(path)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        plain = pathlib.Path(folder) / "plain.weights.h5"
        compact = pathlib.Path(folder) / "compact.weights.h5"
        model.save_weights(plain)
        # The newer layout of HDF5 spends far less on each small dataset.
        with (
            h5py.File(plain, "r+") as source,
            h5py.File(compact, "w", libver="latest") as target,
        ):
            source.pop("optimizer", None)
            _copy(source, target)
            if info is not None:
                write_info(target, info)
        compact.replace(path)


def _copy(source, target):
    target.attrs.update(source.attrs)
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            _copy(item, target.create_group(name))
            continue
        options = {}
        if item.nbytes > _WORTH_COMPRESSING:
            options = dict(compression="gzip", compression_opts=9, shuffle=True)
        target.create_dataset(name, data=item[()], **options)
