"""The table and the plot of what compression buys."""

import dataclasses

import pytest
from PIL import Image

from keras_mobilevit.compression.compression_report import (
    Row,
    Sizes,
    plot_rows,
    report_table,
)

ROW = Row(
    "p70",
    zeros=0.5,
    top1=0.8512,
    int8_top1=0.84,
    int8_sqnr=21.25,
    float32=Sizes(4_000_000, 3_500_400, 3_400_000),
    int8=Sizes(1_000_000, 979_000, 972_000),
    float32_ms=2.5,
    sparse_ms=2.25,
    int8_ms=1.125,
)


def test_table():
    cells = [c.strip() for c in report_table([ROW]).splitlines()[2].split("|")]
    assert cells[1:-1] == [
        *("p70", "50.0", "85.12", "84.00", "21.2", "3,500", "3,400"),
        *("979", "972", "2.50", "2.25", "1.12"),
    ]


def test_each_row_has_a_colour_in_the_plot(tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "plot.png"
    blue, orange = (31, 119, 180), (255, 127, 14)  # Matplotlib's first two.
    plot_rows([ROW], path)
    assert {blue, orange} & colours(path) == {blue}
    plot_rows([ROW, dataclasses.replace(ROW, name="p80", top1=0.7)], path)
    assert {blue, orange} <= colours(path)


def colours(path):
    image = Image.open(path).convert("RGB")
    return {colour for _, colour in image.getcolors(image.width * image.height)}
