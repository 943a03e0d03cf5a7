"""What compression buys: size, accuracy and speed of the files it leads to."""

from __future__ import annotations

import dataclasses
import gzip
import os
import pathlib
from collections.abc import Mapping, Sequence

from keras_mobilevit.atomic_files import atomic_write
from keras_mobilevit.compression.statistics import kernel_statistics, sparsity
from keras_mobilevit.markdown_tables import markdown_table
from keras_mobilevit.opening import open_model
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.png_figures import png_figure
from keras_mobilevit.reparameterization import reparameterize
from keras_mobilevit.tflite import evaluate, export_recipes
from keras_mobilevit.tflite.benchmarks.latency import measure_latency
from keras_mobilevit.tflite.conversion import (
    exported_shape,
    saved_model_converter,
)
from keras_mobilevit.tflite.evaluation.candidates import common_labels

HEADER = (
    *("weights", "zeros %", "top-1 %", "int8 top-1 %", "int8 SQNR dB"),
    *("float32 gzip kB", "zstd kB", "int8 gzip kB", "zstd kB"),
    *("float32 ms", "sparse ms", "int8 ms"),
)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Bytes of a file.

    Attributes:
        plain: As it is.
        gzip: Compressed by gzip, level 9.
        zstd: Compressed by zstd, level 19.
    """

    plain: int
    gzip: int
    zstd: int


@dataclasses.dataclass(frozen=True)
class Row:
    """One set of weights.

    Attributes:
        name: Name in the report.
        zeros: Share of zeros in the kernels that can be pruned.
        top1: Share of the pictures that the Keras model knows.
        int8_top1: Share that the int8 file knows.
        int8_sqnr: Signal to quantization noise of the int8 file against the
            Keras model of the same weights, in dB.
        float32: Sizes of the float32 file.
        int8: Sizes of the int8 file.
        float32_ms: Median latency of the float32 file.
        sparse_ms: Of the float32 file whose zeros are not stored, which is
            what makes XNNPACK look for sparse kernels.
        int8_ms: Of the int8 file.
    """

    name: str
    zeros: float
    top1: float
    int8_top1: float
    int8_sqnr: float
    float32: Sizes
    int8: Sizes
    float32_ms: float
    sparse_ms: float
    int8_ms: float


def measure(
    weights: Mapping[str, str],
    data: str | os.PathLike,
    calibration: str | os.PathLike,
    folder: str | os.PathLike,
    *,
    limit: int | None = None,
    workers: int = 1,
    runs: int = 200,
    num_threads: int = 1,
) -> list[Row]:
    """Exports weights, and measures the files side by side.

    Args:
        weights: Name in the report -> weights as `open_model` takes them,
            such as `"weights:cifar10"` or a `.weights.h5` file.
        data: Folder or tar of `<class>/<picture>` to test on.
        calibration: Pictures that set the ranges of int8.
        folder: Existing folder for the `.tflite` files: `NAME.float32.tflite`,
            `NAME.sparse.tflite` and `NAME.int8.tflite`.
        limit: Test on only so many pictures, spread evenly.
        workers: As in `keras_mobilevit.tflite.evaluate`.
        runs: Timed rounds; all files are timed interleaved.
        num_threads: Threads of the interpreters.

    Returns:
        One row a set of weights, in order.

    Raises:
        FileNotFoundError: If a file or the pictures do not exist.
        ValueError: If something does not fit.
        ImportError: If an extra is not installed.
    """
    zstandard = import_optional("zstandard", extra="compress")
    folder = pathlib.Path(folder)
    files, facts = [], []
    for name, source in weights.items():
        opened = open_model(source)
        float32, sparse, int8 = (
            folder / f"{name}.{kind}.tflite"
            for kind in ("float32", "sparse", "int8")
        )
        export_recipes(
            opened.model,
            {float32: "float32", int8: "int8"},
            calibration=calibration,
            info=opened.info if opened.described else None,
        )
        atomic_write(sparse, convert_sparse(opened.model))
        results = evaluate(
            {"keras": opened, "int8": int8},
            data,
            common_labels({name: opened}),
            limit=limit,
            workers=workers,
        )
        files += [float32, sparse, int8]
        facts.append(
            {
                "name": name,
                "zeros": sparsity(kernel_statistics(opened.model).values()),
                "top1": results["keras"].top1,
                "int8_top1": results["int8"].top1,
                "int8_sqnr": results["int8"].sqnr,
                "float32": _sizes(float32, zstandard),
                "int8": _sizes(int8, zstandard),
            }
        )
    latencies = iter(measure_latency(files, runs, num_threads))
    return [
        Row(
            **fact,
            float32_ms=next(latencies),
            sparse_ms=next(latencies),
            int8_ms=next(latencies),
        )
        for fact in facts
    ]


def convert_sparse(model) -> bytes:
    """Converts to float32 TFLite, with kernels of many zeros stored sparse.

    TensorFlow's converter decides which; XNNPACK takes that as the hint to
    look for layers that its sparse kernels can run.
    """
    tf = import_optional("tensorflow", extra="tflite")
    deploy = reparameterize(model)
    with saved_model_converter(deploy, exported_shape(model)) as converter:
        converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
        return converter.convert()


def _sizes(path, zstandard):
    data = path.read_bytes()
    packed = zstandard.ZstdCompressor(level=19).compress(data)
    return Sizes(len(data), len(gzip.compress(data, 9)), len(packed))


def report_table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    return markdown_table(
        HEADER,
        [
            (
                row.name,
                f"{100 * row.zeros:.1f}",
                f"{100 * row.top1:.2f}",
                f"{100 * row.int8_top1:.2f}",
                f"{row.int8_sqnr:.1f}",
                *(
                    f"{size / 1000:,.0f}"
                    for sizes in (row.float32, row.int8)
                    for size in (sizes.gzip, sizes.zstd)
                ),
                *(
                    f"{ms:.2f}"
                    for ms in (row.float32_ms, row.sparse_ms, row.int8_ms)
                ),
            )
            for row in rows
        ],
    )


def plot_rows(rows: Sequence[Row], path: str | os.PathLike) -> None:
    """Draws accuracy over the size of the packed files.

    Args:
        rows: What to draw.
        path: PNG file to write.

    Raises:
        ImportError: If Matplotlib is missing.
    """
    with png_figure(path, (7, 4), extra="compress") as figure:
        axes = figure.subplots()
        for index, row in enumerate(rows):
            for marker, sizes, top1, label in (
                ("o", row.float32, row.top1, row.name),
                ("s", row.int8, row.int8_top1, None),
            ):
                axes.plot(
                    sizes.zstd / 1000,
                    100 * top1,
                    marker,
                    color=f"C{index}",
                    label=label,
                )
        axes.set(
            title="circles: float32, squares: int8",
            xlabel="packed by zstd, kB",
            ylabel="top-1, %",
        )
        figure.legend(loc="outside right upper", frameon=False)
