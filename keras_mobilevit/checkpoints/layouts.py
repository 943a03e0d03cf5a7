"""Key layouts: how each checkpoint format names the weights of MobileViT.

One table lists the modules of the network with their name in every format.
Everything else is derived from it: the keys, the layout of an unknown file,
and the conversion in both directions. The three variants share one table, they
differ in shapes only.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

import numpy as np

from keras_mobilevit.configs import NUM_HEADS, VARIANTS

Layout = Literal["cvnets", "timm", "hf", "kecam", "keras"]
ChannelOrder = Literal["rgb", "bgr"]

LAYOUTS: tuple[Layout, ...] = ("cvnets", "timm", "hf", "kecam", "keras")
NUM_BATCHES = "num_batches_tracked"
STEM = "stem/conv/kernel"

# The order of the image channels that the published weights expect.
_BGR_LAYOUTS = ("cvnets", "hf")
# Queries, keys and values are one matrix in these layouts, in this order.
_FUSED_LAYOUTS = ("cvnets", "timm", "kecam")
_QKV = ("query", "key", "value")


class Module(NamedTuple):
    """One module with weights: its kind and its name in each layout."""

    kind: str
    keras: str
    cvnets: str
    timm: str
    hf: str
    kecam: str


class Weight(NamedTuple):
    """One weight of the Keras model and where a layout keeps it.

    Attributes:
        path: Path of the Keras variable.
        key: Key in the checkpoint.
        kind: Kind of the module.
        axes: Transposition from the checkpoint to Keras, `None` without one.
        part: Third of a fused query-key-value tensor, or `None`.
    """

    path: str
    key: str
    kind: str
    axes: tuple[int, ...] | None
    part: int | None


# Kind of module -> (Keras name, PyTorch name, axes from PyTorch to Keras) of
# its weights, in the order in which Keras saves them.
_DENSE = (("kernel", "weight", (1, 0)), ("bias", "bias", (0,)))
_NORM = (("gamma", "weight", (0,)), ("beta", "bias", (0,)))
_MOMENTS = (
    ("moving_mean", "running_mean", (0,)),
    ("moving_variance", "running_var", (0,)),
)
_WEIGHTS = {
    "conv": (("kernel", "weight", (2, 3, 1, 0)),),
    "depthwise": (("kernel", "weight", (2, 3, 0, 1)),),
    "dense": _DENSE,
    "query": _DENSE,
    "key": _DENSE,
    "value": _DENSE,
    "attention_output": _DENSE,
    "layer_norm": _NORM,
    "batch_norm": _NORM + _MOMENTS,
}


# === The table of modules ===


def _conv_block(kind, keras, cvnets, timm, hf, kecam):
    conv = "dw_conv" if kind == "depthwise" else "conv"
    yield Module(
        kind,
        f"{keras}/conv",
        f"{cvnets}.block.conv",
        f"{timm}.conv",
        f"{hf}.convolution",
        f"{kecam}_{conv}",
    )
    yield Module(
        "batch_norm",
        f"{keras}/norm",
        f"{cvnets}.block.norm",
        f"{timm}.bn",
        f"{hf}.normalization",
        f"{kecam}_bn",
    )


def _inverted_residual(keras, cvnets, timm, hf, kecam):
    for index, (kind, k, c, t, h) in enumerate(
        (
            ("conv", "expand", "exp_1x1", "conv1_1x1", "expand_1x1"),
            ("depthwise", "depthwise", "conv_3x3", "conv2_kxk", "conv_3x3"),
            ("conv", "reduce", "red_1x1", "conv3_1x1", "reduce_1x1"),
        ),
        start=1,
    ):
        yield from _conv_block(
            kind,
            f"{keras}/{k}",
            f"{cvnets}.block.{c}",
            f"{timm}.{t}",
            f"{hf}.{h}",
            f"{kecam}_deep_{index}",
        )


def _transformer(keras, cvnets, timm, hf, kecam):
    def module(kind, k, c, t, h, n):
        return Module(
            kind,
            f"{keras}/{k}",
            f"{cvnets}.pre_norm_{c}",
            f"{timm}.{t}",
            f"{hf}.{h}",
            f"{kecam}_{n}",
        )

    yield module(
        "layer_norm", "norm1", "mha.0", "norm1", "layernorm_before", "attn_ln"
    )
    for part in _QKV:
        yield module(
            part,
            f"attention/{part}",
            "mha.1.qkv_proj",
            "attn.qkv",
            f"attention.attention.{part}",
            "attn_mhsa_qkv",
        )
    yield module(
        "attention_output",
        "attention/attention_output",
        "mha.1.out_proj",
        "attn.proj",
        "attention.output.dense",
        "attn_mhsa_output",
    )
    yield module(
        "layer_norm", "norm2", "ffn.0", "norm2", "layernorm_after", "mlp_ln"
    )
    for index, c, h in (
        (1, "ffn.1", "intermediate.dense"),
        (2, "ffn.4", "output.dense"),
    ):
        yield module(
            "dense",
            f"dense{index}",
            c,
            f"mlp.fc{index}",
            h,
            f"mlp_Dense_{index - 1}",
        )


def _mobilevit_block(stage, depth):
    keras, cvnets = f"stage{stage}_block", f"layer_{stage}.1"
    timm, hf = f"stages.{stage - 1}.1", f"mobilevit.encoder.layer.{stage - 1}"
    kecam, last = f"stack{stage}_block2", f"stack{stage}_block{depth + 1}"
    yield from _conv_block(
        "conv",
        f"{keras}/local",
        f"{cvnets}.local_rep.conv_3x3",
        f"{timm}.conv_kxk",
        f"{hf}.conv_kxk",
        f"{kecam}_pre_1",
    )
    yield Module(
        "conv",
        f"{keras}/project_in",
        f"{cvnets}.local_rep.conv_1x1.block.conv",
        f"{timm}.conv_1x1",
        f"{hf}.conv_1x1.convolution",
        f"{kecam}_pre_2_conv",
    )
    for index in range(depth):
        yield from _transformer(
            f"{keras}/transformer_{index}",
            f"{cvnets}.global_rep.{index}",
            f"{timm}.transformer.{index}",
            f"{hf}.transformer.layer.{index}",
            f"stack{stage}_block{index + 2}",
        )
    yield Module(
        "layer_norm",
        f"{keras}/norm",
        f"{cvnets}.global_rep.{depth}",
        f"{timm}.norm",
        f"{hf}.layernorm",
        f"{last}_post_ln",
    )
    yield from _conv_block(
        "conv",
        f"{keras}/project_out",
        f"{cvnets}.conv_proj",
        f"{timm}.conv_proj",
        f"{hf}.conv_projection",
        f"{last}_post_1",
    )
    yield from _conv_block(
        "conv",
        f"{keras}/fusion",
        f"{cvnets}.fusion",
        f"{timm}.conv_fusion",
        f"{hf}.fusion",
        f"{last}_post_2",
    )


def modules() -> Iterator[Module]:
    """Yields all modules with weights, from the image to the classifier."""
    hf = "mobilevit.encoder.layer"
    yield from _conv_block(
        "conv", "stem", "conv_1", "stem", "mobilevit.conv_stem", "stem"
    )
    for keras, stage, block in (
        ("stage1_ir", 1, 0),
        ("stage2_ir1", 2, 0),
        ("stage2_ir2", 2, 1),
        ("stage2_ir3", 2, 2),
    ):
        yield from _inverted_residual(
            keras,
            f"layer_{stage}.{block}",
            f"stages.{stage - 1}.{block}",
            f"{hf}.{stage - 1}.layer.{block}",
            f"stack{stage}_block{block + 1}",
        )
    config = next(iter(VARIANTS.values()))
    for stage, stage_config in enumerate(config.stages, start=3):
        yield from _inverted_residual(
            f"stage{stage}_ir",
            f"layer_{stage}.0",
            f"stages.{stage - 1}.0",
            f"{hf}.{stage - 1}.downsampling_layer",
            f"stack{stage}_block1",
        )
        yield from _mobilevit_block(stage, stage_config.depth)
    yield from _conv_block(
        "conv",
        "head",
        "conv_1x1_exp",
        "final_conv",
        "mobilevit.conv_1x1_exp",
        "features",
    )
    yield Module(
        "dense",
        "predictions",
        "classifier.fc",
        "head.fc",
        "classifier",
        "predictions",
    )


# === Keys and conversion ===


@functools.cache
def table(layout: Layout) -> tuple[Weight, ...]:
    """Lists every weight of a classifier and where a layout keeps it."""
    weights = []
    for module in modules():
        kind, prefix = module.kind, getattr(module, layout)
        part = None
        if kind in _QKV and layout in _FUSED_LAYOUTS:
            part = _QKV.index(kind)
        for index, (name, torch_name, axes) in enumerate(_WEIGHTS[kind]):
            if layout == "keras":
                key = f"{prefix}/{index}"
            elif layout == "kecam":
                # Keras 2 called the kernel of a depthwise layer so.
                depthwise = "depthwise_" if kind == "depthwise" else ""
                key = f"{prefix}/{depthwise}{name}"
            else:
                key = f"{prefix}.{torch_name}"
            if layout in ("keras", "kecam"):
                axes = None
            path = f"{module.keras}/{name}"
            weights.append(Weight(path, key, kind, axes, part))
    return tuple(weights)


def detect_layout(keys: Iterable[str]) -> Layout:
    """Tells the layout of a checkpoint from its keys.

    Raises:
        ValueError: If no layout has such keys.
    """
    keys = list(keys)
    for layout in LAYOUTS:
        if table(layout)[0].key in keys:
            return layout
    raise ValueError(
        "The checkpoint has none of the known MobileViT key layouts "
        f"{LAYOUTS}. Its first keys are {keys[:3]}."
    )


def to_keras(
    tensors: Mapping[str, np.ndarray],
    layout: Layout,
    channel_order: ChannelOrder | None = None,
) -> dict[str, np.ndarray]:
    """Converts the tensors of a checkpoint to the weights of the Keras model.

    Args:
        tensors: Arrays by checkpoint key. Keys that are not in the layout are
            left out.
        layout: Layout of the keys.
        channel_order: Channel order of the images that the checkpoint
            expects. Defaults to what the published files of the layout
            expect: `"bgr"` for cvnets and hf, else `"rgb"`.

    Returns:
        Dict of arrays by path of the Keras variable.
    """
    weights = {}
    for path, key, kind, axes, part in table(layout):
        if key not in tensors:
            continue
        array = tensors[key]
        if axes is not None:
            array = array.transpose(axes)
        if part is not None:
            array = np.split(array, 3, axis=-1)[part]
        if layout != "keras":
            array = _split_heads(array, kind)
        if path == STEM and _is_bgr(layout, channel_order):
            array = array[:, :, ::-1]
        weights[path] = array
    return weights


def from_keras(
    weights: Mapping[str, np.ndarray],
    layout: Layout = "timm",
    channel_order: ChannelOrder | None = None,
) -> dict[str, np.ndarray]:
    """Converts the weights of the Keras model to a checkpoint's tensors.

    The inverse of `to_keras`, bit for bit. PyTorch layouts get the batch
    counters that PyTorch expects beside the moments of a batch norm.

    Args:
        weights: Arrays by path of the Keras variable. Paths that are not in
            the layout are left out.
        layout: Layout of the keys.
        channel_order: As in `to_keras`.

    Returns:
        Dict of arrays by checkpoint key.
    """
    pieces = {}
    for path, key, kind, axes, _ in table(layout):
        if path not in weights:
            continue
        array = weights[path]
        if path == STEM and _is_bgr(layout, channel_order):
            array = array[:, :, ::-1]
        if layout != "keras":
            array = _merge_heads(array, kind)
        pieces.setdefault(key, (axes, []))[1].append(array)
    tensors = {}
    for key, (axes, arrays) in pieces.items():
        array = np.concatenate(arrays, axis=-1)
        if axes is not None:
            array = array.transpose(np.argsort(axes))
        tensors[key] = np.ascontiguousarray(array)
    for key in list(tensors):
        if key.endswith(".running_var"):
            counter = key.replace("running_var", NUM_BATCHES)
            tensors[counter] = np.zeros((), np.int64)
    return tensors


def _is_bgr(layout, channel_order):
    if channel_order is None:
        return layout in _BGR_LAYOUTS
    if channel_order not in ("rgb", "bgr"):
        raise ValueError(
            '`channel_order` must be "rgb", "bgr" or `None`. Received: '
            f"channel_order={channel_order!r}"
        )
    return channel_order == "bgr"


def _split_heads(array, kind):
    """Splits the d channels of attention into (heads, d / heads)."""
    if kind in _QKV:
        return array.reshape(*array.shape[:-1], NUM_HEADS, -1)
    if kind == "attention_output" and array.ndim == 2:
        return array.reshape(NUM_HEADS, -1, array.shape[-1])
    return array


def _merge_heads(array, kind):
    """Inverse of `_split_heads`."""
    if kind in _QKV:
        return array.reshape(*array.shape[:-2], -1)
    if kind == "attention_output" and array.ndim == 3:
        return array.reshape(-1, array.shape[-1])
    return array
