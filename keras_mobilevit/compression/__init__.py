"""Pruning, clustering and quantization-aware training with tfmot.

tensorflow-model-optimization (tfmot) 0.8 takes models of tf_keras only, and
changes what `tf.keras` means where it is imported. So it runs in a process of
its own: `worker`, and the modules that only that imports (`twin`, `wrapping`,
`quantizers`). Nothing else here imports either.
"""

from typing import TYPE_CHECKING

from keras_mobilevit.lazy import lazy_names

if TYPE_CHECKING:
    from keras_mobilevit.compression.job import Outcome
    from keras_mobilevit.compression.methods import (
        METHODS,
        Clustering,
        FineTuning,
        Pruning,
        QuantizationAware,
    )
    from keras_mobilevit.compression.pipeline import (
        Compressed,
        compress,
        compress_weights,
    )
    from keras_mobilevit.compression.statistics import (
        KernelStatistics,
        kernel_statistics,
        sparsity,
    )

__all__ = [
    "METHODS",
    "Clustering",
    "Compressed",
    "FineTuning",
    "KernelStatistics",
    "Outcome",
    "Pruning",
    "QuantizationAware",
    "compress",
    "compress_weights",
    "kernel_statistics",
    "sparsity",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "job": ("Outcome",),
        "methods": (
            "METHODS",
            "Clustering",
            "FineTuning",
            "Pruning",
            "QuantizationAware",
        ),
        "pipeline": ("Compressed", "compress", "compress_weights"),
        "statistics": ("KernelStatistics", "kernel_statistics", "sparsity"),
    },
)
