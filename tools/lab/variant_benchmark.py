"""Latency of all variants of all architectures, beside their published top-1.

The weights are random, which changes no latency. So the accuracies are those
that the authors published for float networks, and nothing is said about those
of the int8 files.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence

import keras
import numpy as np

from keras_mobilevit import tflite
from keras_mobilevit.architectures import (
    architecture_of,
    constructors,
    variants,
)
from keras_mobilevit.markdown_tables import markdown_table
from keras_mobilevit.progress import progress_bar
from keras_mobilevit.svg_figures import SERIES, svg_figure, svg_style, to_svg

SIZE = 256
RECIPES = ("float32", "int8")
_CALIBRATION = 4


@dataclasses.dataclass(frozen=True)
class Row:
    """One variant.

    Attributes:
        variant: Its name.
        architecture: Name of its family.
        top1: Published top-1 in percent, at 256x256.
        macs: Multiply-accumulates.
        parameters: Trainable parameters.
        bytes: Size of each recipe's file.
        partitions: XNNPACK partitions of each recipe's file.
        ms: Latencies `(runs,)` of each recipe.
    """

    variant: str
    architecture: str
    top1: float
    macs: int
    parameters: int
    bytes: dict[str, int]
    partitions: dict[str, int]
    ms: dict[str, np.ndarray]


def export_variants(
    names: Sequence[str], folder: pathlib.Path
) -> dict[str, pathlib.Path]:
    """Exports networks with random weights, unless the files are there.

    Args:
        names: Variants.
        folder: Where to write `VARIANT_RECIPE.tflite`.

    Returns:
        Name of each file, without its ending, and the file.
    """
    make = constructors("classification")
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (_CALIBRATION, SIZE, SIZE, 3))
    found = {}
    for variant in progress_bar(names, desc="exporting"):
        files = {r: folder / f"{variant}_{r}.tflite" for r in RECIPES}
        found |= {path.stem: path for path in files.values()}
        if all(path.is_file() for path in files.values()):
            continue
        keras.backend.clear_session()
        model = make[variant](weights=None, input_shape=(SIZE, SIZE, 3))
        tflite.export_recipes(
            model,
            {path: _quick(recipe) for recipe, path in files.items()},
            calibration=images,
            min_sqnr=None,
        )
    return found


def _quick(name):
    """A recipe without what only makes files more accurate, in minutes."""
    return dataclasses.replace(
        tflite.find_recipe(name),
        balance_channels=False,
        moment_rounding=False,
        sequential_bias=False,
    )


def measure(
    names: Sequence[str], folder: pathlib.Path, runs: int, warmup: int
) -> list[Row]:
    """Exports variants and measures them in one interleaved run, 1 thread."""
    files = export_variants(names, folder)
    measured = {
        m.name: m
        for m in tflite.benchmark(files, threads=(1,), runs=runs, warmup=warmup)
    }
    rows = []
    for name in names:
        config = variants()[name]
        own = {r: measured[f"{name}_{r}"] for r in RECIPES}
        rows.append(
            Row(
                variant=name,
                architecture=architecture_of(name).name,
                top1=config.top1,
                macs=config.macs,
                parameters=config.parameters,
                bytes={r: m.inspection.size for r, m in own.items()},
                partitions={r: m.inspection.partitions for r, m in own.items()},
                ms={r: m.ms for r, m in own.items()},
            )
        )
    return rows


def to_table(rows: Sequence[Row]) -> str:
    """Markdown table of the rows; ratios are of medians."""
    cells = []
    for row in rows:
        float32, int8 = (np.median(row.ms[r]) for r in RECIPES)
        low, high = np.percentile(row.ms["float32"] / row.ms["int8"], (5, 95))
        cells.append(
            (
                row.variant,
                f"{row.top1:.1f} %",
                f"{row.parameters / 1e6:.2f} M",
                f"{row.macs / 1e9:.2f} G",
                f"{float32:.1f}",
                f"{int8:.1f}",
                f"{float32 / int8:.2f} ({low:.2f} - {high:.2f})",
                f"{row.bytes['float32'] / 1e6:.1f}",
                f"{row.bytes['int8'] / 1e6:.1f}",
                " / ".join(str(row.partitions[r]) for r in RECIPES),
            )
        )
    header = (
        *("variant", "published top-1", "parameters", "MACs"),
        *("float32 ms", "int8 ms", "ratio (p5 - p95)"),
        *("float32 MB", "int8 MB", "partitions"),
    )
    return markdown_table(header, cells)


def to_plot(rows: Sequence[Row]) -> str:
    """Published top-1 over float32 latency, a line for each architecture."""
    with svg_style():
        figure = svg_figure(height=4)
        axes = figure.subplots()
        for name, colour in zip(
            dict.fromkeys(row.architecture for row in rows),
            SERIES,
            strict=False,
        ):
            own = [row for row in rows if row.architecture == name]
            own.sort(key=lambda row: row.macs)
            x = [float(np.median(row.ms["float32"])) for row in own]
            axes.plot(x, [r.top1 for r in own], "o-", color=colour, label=name)
            for ms, row in zip(x, own, strict=True):
                axes.annotate(
                    row.variant.rpartition("_")[2],
                    (ms, row.top1),
                    xytext=(4, -10),
                    textcoords="offset points",
                )
        axes.set_xlim(left=0)
        axes.set_xlabel("float32 latency in ms: median, 1 thread, 256x256")
        axes.set_ylabel("published ImageNet top-1 in %")
        axes.legend(loc="lower right")
        # An image does not get the colour of the page: grey is legible on both.
        return to_svg(figure).replace("currentColor", "#808080")
