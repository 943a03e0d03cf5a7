"""How much memory there is for images beside a network in training."""

from __future__ import annotations

import os
import sys

import keras

# The rest is for the network, its gradients and whatever else runs.
SHARE = 0.5


def room() -> int:
    """Bytes that training images may take.

    Half of the memory of the GPU or TPU, which JAX and PyTorch tell, or else
    of this machine. Where neither is known, as on Windows, no limit.
    """
    total = _ACCELERATORS.get(keras.backend.backend(), _none)() or _machine()
    return int(total * SHARE) if total else sys.maxsize


def _none():
    return None


def _jax():
    import jax

    # A processor has no figures.
    return (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")


def _torch():
    import torch

    if not torch.cuda.is_available():
        return None
    _, total = torch.cuda.mem_get_info()
    return total


_ACCELERATORS = {"jax": _jax, "torch": _torch}


def _machine():
    if not hasattr(os, "sysconf"):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
