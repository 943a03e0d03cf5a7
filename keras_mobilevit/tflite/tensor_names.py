"""Which layer of a MobileViT a tensor of an exported file belongs to.

Names are as `keras_mobilevit.tflite.naming` gives them: the layers from the
outside in, then the operation (`stage3_block/transformer_0/add`).
"""

from __future__ import annotations

import re

# What quantization appends to the names of the copies that it inserts.
_COPY = re.compile("_(quantized|dequant|int8)$")

# What `quantization.channel_plan` adds to a layer: the input of a sigmoid, and
# groups of channels.
_BALANCED = {"gate", "groups"}
# Parts of a ConvBlock or InvertedResidual, which are one layer as a whole.
_INNER = {"conv", "depthwise", "expand", "norm", "pad", "reduce"} | _BALANCED
_PARTS = re.compile(r"local|project_in|transformer_\d+|project_out|fusion")
# What a MobileViT block does itself belongs to the part that it serves.
_BETWEEN_PARTS = {
    "resize_bilinear": "project_in",
    "space_to_depth": "project_in",
    "reshape": "project_in",
    "rms_norm": "project_out",
    "group_norm": "project_out",
    "fold": "project_out",
    "resize_bilinear_1": "project_out",
    "concatenation": "fusion",
}
_ENDS = {
    "image": "stem",
    "preprocessing": "stem",
    "avg_pool": "classifier",
    "max_pool": "classifier",
    "predictions": "classifier",
    "output": "classifier",
}


def layer_of(name: str) -> str:
    """Names the layer that a tensor comes out of.

    A layer is the stem, an inverted residual, the `local`, `project_in`,
    `project_out` or `fusion` part of a MobileViT block, one of its transformer
    layers, the head or the classifier: about thirty in a whole model. Layers
    that are not of this package keep their own names.

    Args:
        name: Name of a tensor, with or without a suffix of quantization.

    Returns:
        A short path, such as `"stage1_ir"` or `"stage3_block/transformer_0"`.
    """
    path = []
    *layers, operation = float_name(name).split("/")
    for part in (*layers, operation):
        in_block = bool(path) and path[-1].endswith("block")
        if in_block and part in _BETWEEN_PARTS:
            part = _BETWEEN_PARTS[part]
        if part in _INNER:
            break
        path.append(_ENDS.get(part, part))
        if _PARTS.fullmatch(part):
            break
    else:
        # No part of ours: all but the operation itself is the layer.
        path = path[:-1] or path
    return "/".join(path)


def is_balanced(name: str) -> bool:
    """Whether a tensor is there because channels were scaled, or split."""
    return any(part in _BALANCED for part in name.split("/"))


def float_name(name: str) -> str:
    """Name that a tensor of a quantized file has in the float file."""
    return _COPY.sub("", name)
