"""The learning curves of a run, as a plot."""

from __future__ import annotations

import csv
import io
import os
import pathlib

from keras_mobilevit.extras import require
from keras_mobilevit.files import atomic_write


def plot_curves(metrics: str | os.PathLike, path: str | os.PathLike) -> None:
    """Draws loss and accuracy over the epochs of a run.

    Args:
        metrics: The `metrics.csv` of a run.
        path: PNG file to write.

    Raises:
        ImportError: If Matplotlib is missing.
    """
    figure_module = require("matplotlib.figure", extra="train")
    with pathlib.Path(metrics).open(newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure = figure_module.Figure(figsize=(8, 3.2), layout="constrained")
    for axes, name in zip(
        figure.subplots(1, 2), ("loss", "accuracy"), strict=True
    ):
        for column, label in ((name, "training"), (f"val_{name}", "test")):
            values = [float(row[column]) for row in rows]
            axes.plot(epochs, values, label=label)
        axes.set(xlabel="epochs", ylabel=name)
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120)
    atomic_write(path, image.getvalue())
