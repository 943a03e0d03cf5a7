"""Random weights as lively as trained ones, and pictures to calibrate on.

Fresh weights have offsets of zero, scales of one, and (in timm) last scales
of zero. Converters fold those away, so the file would be of a smaller network
than any trained one; and the signal fades until no int8 scale fits it.

The exporters run where this package is not installed, and import this file
as their neighbour. It needs NumPy, and what made the model.
"""

from __future__ import annotations

import numpy as np

CALIBRATION_IMAGES = 8


def lively(kind: str, shape: tuple[int, ...], state: np.random.RandomState):
    """Draws one scale, offset or statistic.

    Args:
        kind: `"gamma"`, `"variance"`, or anything else for what is around 0:
            `beta`, `mean`, `bias`.
        shape: Shape of the result.
        state: Source of randomness.

    Returns:
        float32 array.
    """
    noise = state.standard_normal(shape).astype(np.float32)
    if kind == "gamma":
        return 1 + 0.2 * noise
    if kind == "variance":
        return np.exp(0.3 * noise)
    return 0.2 * noise


def keras_lively(model, state: np.random.RandomState) -> None:
    """Makes the weights of a Keras 2 or Keras 3 model lively, in place."""
    for weight in model.weights:
        path = getattr(weight, "path", weight.name)
        kind = path.partition(":")[0].rpartition("/")[2]
        if len(weight.shape) == 1:
            kind = kind.removeprefix("moving_")
            weight.assign(lively(kind, tuple(weight.shape), state))


def torch_lively(model, state: np.random.RandomState) -> None:
    """Makes the weights of a PyTorch model lively, in place."""
    import torch

    kinds = {"weight": "gamma", "running_var": "variance"}
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.ndim == 1:
            kind = name.rpartition(".")[2]
            values = lively(kinds.get(kind, kind), tuple(tensor.shape), state)
            tensor.data.copy_(torch.from_numpy(values))


def make_images(
    count: int, size: int, state: np.random.RandomState
) -> np.ndarray:
    """Coloured blocks, nearer to photographs than noise is.

    Returns:
        float32 array `(count, size, size, 3)`, pixels in [0, 255].
    """
    coarse = state.randint(0, 256, (count, 8, 8, 3)).astype(np.float32)
    side = size // 8
    return coarse.repeat(side, axis=1).repeat(side, axis=2)
