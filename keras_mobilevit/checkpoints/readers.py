"""Reads a checkpoint file of any known kind into named arrays."""

from __future__ import annotations

import pathlib
import warnings
from typing import Literal

import numpy as np

from keras_mobilevit.checkpoints import hdf5, hdf5_process, torch_file
from keras_mobilevit.checkpoints.model_folder import weights_file
from keras_mobilevit.info_archive import (
    list_members,
    read_member,
    verify_members,
)

FileKind = Literal["keras_h5", "keras", "kecam", "safetensors", "torch"]

_ZIP_MAGIC = b"PK\x03\x04"
_KERAS_WEIGHTS = "model.weights.h5"
# Group with the weights in the files of `model.save`; those of
# `model.save_weights` have them at the top.
_KECAM_GROUP = "model_weights"

# Start of the file (lower case) -> what such a file usually is.
_IMPOSTORS = (
    (b"<", "looks like an HTML page, probably a failed download"),
    (b"version https://git-lfs", "is a Git LFS pointer, not the file itself"),
    (b"", "is none of these"),
)


def file_kind(path: str | pathlib.Path) -> FileKind:
    """Tells what a checkpoint file is, by its contents and not its name.

    Args:
        path: The file, or a folder in which Hugging Face saved a model.

    Returns:
        `"keras_h5"` (`.weights.h5` of Keras 3), `"keras"` (`.keras`),
        `"kecam"` (HDF5 by layer name), `"safetensors"` or `"torch"`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is none of these.

    Example:
        >>> from keras_mobilevit import checkpoints
        >>> path = checkpoints.fetch("cifar10", "mobilevit_xxs")
        >>> checkpoints.file_kind(path)
        'keras_h5'
    """
    path = weights_file(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no checkpoint file at {path}.")
    with path.open("rb") as file:
        head = file.read(64)
    try:
        if head.startswith(hdf5.MAGIC):
            content = hdf5.read_hdf5(path)
            if "layers" in content.groups:
                return "keras_h5"
            if _is_tensorflow_of_hugging_face(content):
                raise _TensorFlowFile(
                    f"{path} is a file of Hugging Face for TensorFlow, which "
                    "is not read. Give the folder that it is in, or "
                    "model.safetensors or pytorch_model.bin of the same model; "
                    "both hold the same weights."
                )
            if (
                _KECAM_GROUP in content.groups
                or "layer_names" in content.attributes
            ):
                return "kecam"
        elif head.startswith(_ZIP_MAGIC):
            names = list_members(path)
            if _KERAS_WEIGHTS in names:
                return "keras"
            if any(name.endswith("/data.pkl") for name in names):
                return "torch"
        elif head[8:9] == b"{":
            # In front of the JSON stands its length, whose first byte may
            # well be that of a pickle.
            return "safetensors"
        elif head.startswith(b"\x80"):
            return "torch"
    except _TensorFlowFile:
        raise
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    if not head:
        reason = "is empty"
    else:
        text = head.lstrip().lower()
        reason = next(r for start, r in _IMPOSTORS if text.startswith(start))
    raise ValueError(
        "Expected a checkpoint: .weights.h5 or .keras (Keras), .safetensors, "
        ".pt or .pth (PyTorch), or .h5 (keras_cv_attention_models). "
        f"{path} {reason}; it starts with {head[:16]!r}. Fetch the file again."
    )


def read_tensors(
    path: str | pathlib.Path, *, ema: bool | None = None
) -> dict[str, np.ndarray]:
    """Reads all tensors of a checkpoint.

    Args:
        path: File of any kind that `file_kind` knows, or a folder in which
            Hugging Face saved a model.
        ema: Which weights to take of the checkpoint of a trainer that holds
            them and their exponential moving average: `True` for the average,
            `False` for the weights themselves, `None` for those that the
            file's library prefers. timm and cvnets both report, and publish,
            the average.

    Returns:
        Dict of arrays. The keys are those of the state dict for PyTorch and
        safetensors, `layer/weight` for keras_cv_attention_models, and
        `layer/sublayer/index` for the files of Keras.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or no checkpoint, or does not hold
            the weights that `ema` asks for.
        ImportError: If the file needs safetensors and it is not installed.

    Warns:
        UserWarning: If the file holds both and `ema` does not choose.

    Example:
        >>> from keras_mobilevit import checkpoints
        >>> path = checkpoints.fetch("cifar10", "mobilevit_xxs")
        >>> tensors = checkpoints.read_tensors(path)
        >>> f"{sum(tensor.size for tensor in tensors.values()):,}"
        '958,346'
    """
    tensors, has_both = read_all(path, ema=ema)
    if has_both and ema is None:
        warnings.warn(
            f"{path} holds weights and their exponential moving average. The "
            "average was taken, as timm and cvnets do; `ema=False` "
            "(`--no-ema`) takes the weights themselves, `ema=True` (`--ema`) "
            "the average without this warning.",
            stacklevel=2,
        )
    return tensors


def read_all(
    path: str | pathlib.Path, *, ema: bool | None = None
) -> torch_file.TorchContent:
    """As `read_tensors`, but says whether there are both, and never warns."""
    path = weights_file(path)
    kind = file_kind(path)
    if kind == "torch":
        return torch_file.read_torch(path, ema=ema)
    if ema:
        raise ValueError(
            f"{path} is no checkpoint of PyTorch and holds one set of "
            "weights. Leave `ema=True` out."
        )
    return torch_file.TorchContent(_read_others(path, kind), False)


def _read_others(path, kind):
    if kind == "safetensors":
        return _read_safetensors(path)
    try:
        if kind == "keras":
            data = read_member(path, _KERAS_WEIGHTS, hdf5_process.MAX_BYTES)
            return _read_keras(hdf5.read_hdf5(data))
        content = hdf5.read_hdf5(path)
        return _read_kecam(content) if kind == "kecam" else _read_keras(content)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def verify_keras_file(path: str | pathlib.Path) -> None:
    """Reads a `.keras` file through, before Keras opens it.

    Keras reads the weights with libhdf5 in this process, which damage can
    end.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or no `.keras` file.

    Example:
        >>> import pathlib
        >>> from keras_mobilevit import checkpoints
        >>> data = pathlib.Path("classifier.keras").read_bytes()
        >>> pathlib.Path("half.keras").write_bytes(data[:40_000])
        40000
        >>> checkpoints.verify_keras_file("half.keras")
        Traceback (most recent call last):
        ValueError: half.keras ...
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no .keras file at {path}.")
    try:
        if _KERAS_WEIGHTS not in list_members(path):
            raise ValueError(f"it holds no {_KERAS_WEIGHTS}")
        verify_members(path, hdf5_process.MAX_BYTES)
        data = read_member(path, _KERAS_WEIGHTS, hdf5_process.MAX_BYTES)
        hdf5.read_hdf5(data)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def import_safetensors():
    """Imports the optional `safetensors.numpy`.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "Safetensors files need the safetensors package: "
            'pip install "keras-mobilevit[checkpoints]".'
        ) from error
    return safetensors


def _read_safetensors(path):
    safetensors = import_safetensors()
    try:
        tensors = safetensors.numpy.load_file(path)
        # NumPy has no bfloat16 of its own.
        return {
            key: array.astype(np.float32) if array.dtype.kind == "V" else array
            for key, array in tensors.items()
        }
    # Beside errors of its own, it raises those of types that NumPy lacks.
    except Exception as error:
        raise _damaged(path, error) from error


def _datasets(content, group):
    """Yields (path inside the group, array)."""
    prefix = f"{group}/" if group else ""
    for path, array in content.datasets.items():
        if path.startswith(prefix):
            yield path.removeprefix(prefix), array


def _read_kecam(content):
    """`stem_conv/stem_conv/kernel:0` becomes `stem_conv/kernel`."""
    group = _KECAM_GROUP if _KECAM_GROUP in content.groups else ""
    tensors = {}
    for name, array in _datasets(content, group):
        layer, *_, weight = name.split("/")
        tensors[f"{layer}/{weight.removesuffix(':0')}"] = array
    return tensors


def _read_keras(content):
    """`layers/conv_block/conv/vars/0` becomes `stem/conv/0`.

    The groups are called after classes and attributes; Keras notes the name
    of each layer as an attribute beside its weights. Lists of layers are
    groups without weights of their own and drop out.

    Raises:
        ValueError: If a layer has no name.
    """
    tensors = {}
    for name, array in _datasets(content, "layers"):
        *parts, _, index = name.split("/")
        if "seed_generator" in parts:
            continue
        groups = [
            "/".join(("layers", *parts[: i + 1], "vars"))
            for i in range(len(parts))
        ]
        layers = [
            content.groups[group].get("name")
            for group in groups
            if group in content.groups
        ]
        if not all(isinstance(layer, str) for layer in layers):
            raise ValueError(f"a layer above {name} has no name")
        tensors["/".join((*layers, index))] = array
    return tensors


class _TensorFlowFile(ValueError):
    """Nothing is wrong with the file but its kind."""


def _is_tensorflow_of_hugging_face(content):
    return "mobilevit" in content.groups and any(
        name.startswith("mobilevit/") and "/encoder/" in name
        for name in content.datasets
    )


def _damaged(path, error):
    return ValueError(
        f"{path} is damaged, perhaps not fully downloaded ({error}). Fetch "
        "the file again."
    )
