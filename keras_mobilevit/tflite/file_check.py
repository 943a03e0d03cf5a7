"""What LiteRT does not verify of a file, and readers rely on.

Its verifier has seen the offsets of the flatbuffer, and with them all vectors
and texts, before this runs. It does not ask whether texts are UTF-8, whether
indices are in range wherever they stand, or how much memory a tensor takes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from keras_mobilevit.tflite.flatbuffer import INT8, UINT8

# Bytes of one tensor, 16 times those that MobileViT-S has at 1024 pixels.
MAX_TENSOR_BYTES = 2**29
# No element of a tensor is larger, but those of texts.
_MAX_RANK = 16
# Type of a tensor -> the range of its values.
_RANGES = {INT8: (-128, 127), UINT8: (0, 255)}
_WIDEST = (-(2**31), 2**31 - 1)


def check_model(model: Any) -> None:
    """Checks a file that LiteRT's verifier has accepted.

    Args:
        model: What `read_model` gives.

    Raises:
        ValueError: If the graph refers to what is not there, or claims a
            tensor that does not fit into memory; the message says where.
    """
    if not model.subgraphs:
        raise ValueError("it holds no graph")
    buffers, codes = len(model.buffers), len(model.operatorCodes or ())
    for code in model.operatorCodes or ():
        _check_text(code.customCode, "the name of a custom operation")
    for number, graph in enumerate(model.subgraphs):
        where = f"graph {number}"
        tensors = graph.tensors or []
        for index, tensor in enumerate(tensors):
            _check_tensor(tensor, f"tensor {index} of {where}", buffers)
            _check_quantization(tensor, f"tensor {index} of {where}")
        for name in ("inputs", "outputs"):
            _check_indices(
                _list(getattr(graph, name)),
                len(tensors),
                f"the {name} of {where}",
            )
        for index, op in enumerate(graph.operators or ()):
            place = f"operation {index} of {where}"
            _check_indices([op.opcodeIndex], codes, f"the kind of {place}")
            _check_indices(
                [i for i in _list(op.inputs) if i != -1],
                len(tensors),
                f"the inputs of {place}",
            )
            _check_indices(
                _list(op.outputs), len(tensors), f"the outputs of {place}"
            )
    _check_names(model)


def _check_tensor(tensor, place, buffers):
    _check_text(tensor.name, f"the name of {place}")
    _check_indices([tensor.buffer], buffers, f"the buffer of {place}")
    # Converters write the empty shape of a number, too.
    if tensor.shape is None:
        raise ValueError(f"{place} has no shape")
    shape, signature = _list(tensor.shape), _list(tensor.shapeSignature)
    if len(shape) > _MAX_RANK or min(shape, default=0) < 0:
        raise ValueError(f"{place} has the shape {shape}")
    if min(signature, default=0) < -1:
        raise ValueError(f"{place} has the signature {signature}")
    # At least one byte each.
    if math.prod(shape) > MAX_TENSOR_BYTES:
        raise ValueError(
            f"{place} has the shape {shape}, and more than "
            f"{MAX_TENSOR_BYTES:,} values are not read"
        )


def _check_quantization(tensor, place):
    found = tensor.quantization
    if found is None:
        return
    scales, zeros = _list(found.scale), _list(found.zeroPoint)
    if not scales:
        return
    shape, axis = _list(tensor.shape), found.quantizedDimension
    wanted = {1}
    if 0 <= axis < len(shape):
        wanted.add(shape[axis])
    if len(scales) not in wanted or len(zeros) not in {1, len(scales)}:
        raise ValueError(
            f"{place} has {len(scales)} scales and {len(zeros)} zero points, "
            f"but the shape {shape}"
        )
    if not all(math.isfinite(scale) and scale >= 0 for scale in scales):
        raise ValueError(f"{place} has a scale that is no positive number")
    low, high = _RANGES.get(tensor.type, _WIDEST)
    if min(zeros) < low or max(zeros) > high:
        raise ValueError(
            f"{place} has a zero point outside of [{low}, {high}], the range "
            "of its type"
        )


def _check_names(model):
    buffers = len(model.buffers)
    for entry in model.metadata or ():
        _check_text(entry.name, "the name of a metadata entry")
        _check_indices([entry.buffer], buffers, "the buffer of metadata")
    for definition in model.signatureDefs or ():
        _check_text(definition.signatureKey, "the key of a signature")
        _check_indices(
            [definition.subgraphIndex],
            len(model.subgraphs),
            "the graph of a signature",
        )
        tensors = len(model.subgraphs[definition.subgraphIndex].tensors or ())
        for entry in (*(definition.inputs or ()), *(definition.outputs or ())):
            _check_text(entry.name, "a name in a signature")
            _check_indices([entry.tensorIndex], tensors, "a signature")


def _check_text(text, place):
    try:
        (text or b"").decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{place} is no text: {text[:40]!r}") from error


def _check_indices(indices: Iterable[int], count: int, place: str) -> None:
    for index in indices:
        if not 0 <= index < count:
            raise ValueError(f"{place} refer to {index}, of {count}")


def _list(array):
    return [] if array is None else array.tolist()
