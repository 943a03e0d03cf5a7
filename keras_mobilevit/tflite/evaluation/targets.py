"""Right answers of several labels or of values, from a CSV file."""

from __future__ import annotations

import csv
import os
import pathlib
from collections.abc import Sequence

import numpy as np


def read_targets(
    path: str | os.PathLike, labels: Sequence[str] = ()
) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    """Reads a table with a row for each picture and a column for each output.

    The first line names the columns. The first column holds the names of the
    pictures, relative to their folder; the others numbers: of several labels
    1 where the label is there and 0 where not.

    Args:
        path: CSV file in UTF-8.
        labels: Names of the outputs in their order; by default the columns
            are in that order.

    Returns:
        `(labels, targets)`: the names of the outputs, and name of a picture ->
        its numbers in that order, float64.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such table, or lacks a label.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file of targets at {path}.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"Expected a CSV file in UTF-8. Received: {path} ({error})"
        ) from error
    if len(rows) < 2 or len(rows[0]) < 2:
        raise ValueError(
            "Expected a CSV file whose first line names its columns, the name "
            "of a picture and the outputs, with a line for each picture. "
            f"Received: {path}, with {len(rows)} lines"
        )
    (_, *columns), *rows = rows
    labels = tuple(labels or columns)
    if missing := [label for label in labels if label not in columns]:
        raise ValueError(
            f"{path} must have a column for each output, {list(labels)[:5]}... "
            f"Received: the columns {columns[:5]}..., without {missing[:5]}"
        )
    order = [1 + columns.index(label) for label in labels]
    targets = {}
    for line, row in enumerate(rows, start=2):
        try:
            numbers = np.array([float(row[i]) for i in order])
            if not np.isfinite(numbers).all():
                raise ValueError
        except (IndexError, ValueError):
            raise ValueError(
                f"Expected a number for each output in line {line} of {path}. "
                f"Received: {','.join(row)[:100]}"
            ) from None
        targets[row[0]] = numbers
    return labels, targets


def targets_of(
    names: Sequence[str],
    targets: dict[str, np.ndarray],
    path: str | os.PathLike,
) -> dict[str, np.ndarray]:
    """The targets of some pictures.

    Raises:
        ValueError: If one has none.
    """
    missing = [name for name in names if name not in targets]
    if missing:
        raise ValueError(
            f"{path} must have a line for each picture. {len(missing)} have "
            f"none, such as {missing[0]!r}; its first line is for "
            f"{next(iter(targets))!r}"
        )
    return {name: targets[name] for name in names}
