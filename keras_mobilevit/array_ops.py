"""Operations for what follows a network, with Keras and without.

Code such as non-maximum suppression is written once, with functions that
`ops_for` chooses: on tensors those of `keras.ops`, on NumPy arrays the same of
NumPy. So devices that only run `.tflite` files need no Keras.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def ops_for(*inputs: Any) -> Any:
    """Chooses the operations that fit some inputs.

    Args:
        inputs: Arrays or tensors.

    Returns:
        `keras.ops`; or, if all inputs are NumPy arrays, functions of NumPy by
        the names of Keras.
    """
    if all(isinstance(x, np.ndarray) for x in inputs):
        return _NUMPY_OPS
    from keras import ops

    return ops


class _NumpyOps:
    """NumPy, and the functions of Keras that it does not have as they are."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def argsort(x: np.ndarray, axis: int = -1) -> np.ndarray:
        # Stable and int32, as on every backend of Keras.
        return np.argsort(x, axis=axis, kind="stable").astype(np.int32)

    @staticmethod
    def cast(x: Any, dtype: str) -> np.ndarray:
        return np.asarray(x, dtype)

    @staticmethod
    def convert_to_numpy(x: Any) -> np.ndarray:
        return np.asarray(x)

    @staticmethod
    def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
        powers = np.exp(x - x.max(axis=axis, keepdims=True))
        return powers / powers.sum(axis=axis, keepdims=True)

    @staticmethod
    def sum(x: np.ndarray, axis: int | None = None) -> np.ndarray:
        # NumPy itself would widen small integers.
        return np.sum(x, axis=axis, dtype=x.dtype)

    @staticmethod
    def while_loop(
        cond: Callable[..., Any], body: Callable[..., Any], loop_vars: tuple
    ) -> tuple:
        while cond(*loop_vars):
            loop_vars = body(*loop_vars)
        return loop_vars


_NUMPY_OPS = _NumpyOps()
