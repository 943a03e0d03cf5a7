"""The learning curves of a run, as a plot."""

from __future__ import annotations

import csv
import math
import os
import pathlib

from keras_mobilevit.png_figures import png_figure


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
    with pathlib.Path(metrics).open(newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    with png_figure(path, (8, 3.2), extra="train") as figure:
        both = figure.subplots(1, 2)
        for axes, name in zip(both, ("loss", figure_of_merit), strict=True):
            for column, label in (
                (name, "training"),
                (f"val_{name}", "validation"),
            ):
                points = [
                    (epoch, value)
                    for epoch, row in zip(epochs, rows, strict=True)
                    if math.isfinite(value := float(row.get(column, "nan")))
                ]
                if points:
                    axes.plot(*zip(*points, strict=True), label=label)
            axes.set(xlabel="epochs", ylabel=name.replace("_", " "))
        both[0].legend(frameon=False)
