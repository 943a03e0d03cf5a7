"""The learning curves of a run, as a plot."""

from __future__ import annotations

import csv
import io
import math
import os
import pathlib

from keras_mobilevit.extras import require
from keras_mobilevit.files import atomic_write


def plot_curves(
    metrics: str | os.PathLike,
    path: str | os.PathLike,
    figure_of_merit: str = "accuracy",
) -> None:
    """Draws the loss and another figure over the epochs of a run.

    Args:
        metrics: The `metrics.csv` of a run.
        path: PNG file to write.
        figure_of_merit: Name of the other figure. Where it was measured in
            some epochs only, its curve joins those.

    Raises:
        ImportError: If Matplotlib is missing.
    """
    figure_module = require("matplotlib.figure", extra="train")
    with pathlib.Path(metrics).open(newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure = figure_module.Figure(figsize=(8, 3.2), layout="constrained")
    both = figure.subplots(1, 2)
    for axes, name in zip(both, ("loss", figure_of_merit), strict=True):
        for column, label in ((name, "training"), (f"val_{name}", "test")):
            points = [
                (epoch, value)
                for epoch, row in zip(epochs, rows, strict=True)
                if math.isfinite(value := float(row.get(column, "nan")))
            ]
            if points:
                axes.plot(*zip(*points, strict=True), label=label)
        axes.set(xlabel="epochs", ylabel=name.replace("_", " "))
        axes.spines[["top", "right"]].set_visible(False)
    both[0].legend(frameon=False)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120)
    atomic_write(path, image.getvalue())
