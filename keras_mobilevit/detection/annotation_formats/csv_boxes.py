"""Boxes from a CSV file, a line a box.

There is no one format, but the columns have much the same names everywhere.
Those of TensorFlow's detection tutorials and Roboflow (`filename, width,
height, class, xmin, ymin, xmax, ymax`), VoTT and makesense.ai are known, and
two formats without a header: `path, x1, y1, x2, y2, class` of keras-retinanet,
and makesense.ai's older one. Corners are pixels from the top left corner of
the picture, which is 0, 0.
"""

from __future__ import annotations

import csv
import io
import itertools
import pathlib
from collections.abc import Mapping, Sequence

from keras_mobilevit.detection.annotation_formats.assemble import (
    Box,
    Problems,
    Record,
    Records,
)
from keras_mobilevit.detection.annotation_formats.text_files import to_number

# What a column holds -> what it may be called, in lower case and without
# anything between the words.
_NAMES = {
    "picture": ("filename", "file", "image", "imagename", "imagepath")
    + ("imagefilename", "path", "filepath", "img", "imgname", "imgpath")
    + ("frame",),
    "label": ("class", "classname", "label", "labelname", "name", "category")
    + ("categoryname", "object"),
    "left": ("xmin", "x1", "left", "xtopleft", "bboxxmin", "bboxx", "bboxleft")
    + ("x",),
    "top": ("ymin", "y1", "top", "ytopleft", "bboxymin", "bboxy", "bboxtop")
    + ("y",),
    "right": ("xmax", "x2", "right", "xbottomright", "bboxxmax"),
    "bottom": ("ymax", "y2", "bottom", "ybottomright", "bboxymax"),
    "box width": ("bboxwidth", "bboxw", "boxwidth", "w"),
    "box height": ("bboxheight", "bboxh", "boxheight", "h"),
    "width": ("width", "imagewidth", "imgwidth", "imagew"),
    "height": ("height", "imageheight", "imgheight", "imageh"),
}
_COLUMN = {name: what for what, names in _NAMES.items() for name in names}
# Columns of files without a header, by their number.
_HEADERLESS = {
    6: ("picture", "left", "top", "right", "bottom", "label"),
    8: ("label", "left", "top", "box width", "box height", "picture")
    + ("width", "height"),
}
_EXAMPLE = "filename,width,height,class,xmin,ymin,xmax,ymax"


def read_csv(path: pathlib.Path, text: str) -> Records:
    """Reads a CSV file, separated by commas, semicolons or tabs.

    A line without box and class is that of a picture without objects.

    Args:
        path: The file, for messages.
        text: Its content.

    Raises:
        ValueError: If it is no CSV file, or of other columns.
    """
    lines = _lines(path, text)
    first = next(lines, None)
    if first is None:
        raise ValueError(
            f"{path} is empty. Expected a line a box, under a header such as "
            f"{_EXAMPLE}"
        )
    columns, has_header = _columns(path, first[1])
    problems, records = Problems(), {}
    for number, line in itertools.chain(() if has_header else [first], lines):
        where = f"line {number}"
        with problems.at(where):
            if len(line) < len(columns):
                raise ValueError(
                    f"it must have {len(columns)} columns. Received: "
                    f"{len(line)}"
                )
            cells = {
                what: line[column].strip() for what, column in columns.items()
            }
            _add(records, cells, where)
    if not problems.found:
        _refuse_shares(path, records.values())
    return Records(
        path, list(records.values()), False, (), problems, complete=False
    )


def _lines(path, text):
    """Yields number and cells of each line that is not blank."""
    header = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            if any(row):
                yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(
            f"{path} is not a CSV file ({error}, line {reader.line_num})."
        ) from error


def _columns(path, first):
    """What is in which column, and whether the first line is a header."""
    found: dict[str, int] = {}
    for index, name in enumerate(first):
        letters = "".join(filter(str.isalnum, name.lower()))
        if what := _COLUMN.get(letters):
            found.setdefault(what, index)
    missing = _missing(found)
    if not missing:
        return found, True
    headerless = _HEADERLESS.get(len(first), ())
    if headerless and all(
        _is_number(cell)
        for what, cell in zip(headerless, first, strict=True)
        if what not in ("picture", "label")
    ):
        return {what: i for i, what in enumerate(headerless)}, False
    raise ValueError(
        f"{path} must have a header of a picture, a class and the corners of "
        f"a box, such as {_EXAMPLE}. Received: {','.join(first):.200}, which "
        f"lacks {', '.join(missing)}"
    )


def _missing(found: Mapping[str, int]) -> list[str]:
    needed = ["picture", "label", "left", "top"]
    sides = ["box width", "box height"]
    if not all(side in found for side in sides):
        sides = ["right", "bottom"]
    return [what for what in needed + sides if what not in found]


def _is_number(cell):
    try:
        float(cell or "0")
    except ValueError:
        return False
    return True


def _add(records, cells, where):
    """Adds a line to the record of its picture."""
    picture = cells["picture"]
    if not picture:
        raise ValueError("it names no picture")
    size = _size(cells)
    record = records.setdefault(picture, Record(where, (picture,), size, []))
    if record.size != size:
        raise ValueError(
            f"the size of {picture} must be that of {record.where}, (height, "
            f"width) {record.size}. Received: {size}"
        )
    values = [
        cells[what]
        for what in (
            *("left", "top", "right", "bottom"),
            *("box width", "box height"),
        )
        if what in cells
    ]
    if not any(values) and not cells["label"]:
        return
    if not cells["label"]:
        raise ValueError("it has no class")
    record.boxes.append(Box(where, cells["label"], _corners(cells)))


def _size(cells):
    if not (cells.get("width") and cells.get("height")):
        return None
    height, width = (
        to_number(cells[side], f"the {side} of the picture")
        for side in ("height", "width")
    )
    if min(height, width) < 1:
        return None
    return round(height), round(width)


def _corners(cells):
    names: Sequence[str] = ("left", "top", "right", "bottom")
    if "right" not in cells:
        names = ("left", "top", "box width", "box height")
    left, top, right, bottom = (to_number(cells[n], f"the {n}") for n in names)
    if "right" not in cells:
        if min(right, bottom) < 0:
            raise ValueError(
                "the width and height of a box must not be negative. "
                f"Received: {right:g} and {bottom:g}"
            )
        right, bottom = left + right, top + bottom
    return left, top, right, bottom


def _refuse_shares(path, records):
    """Boxes of less than a pixel are shares of the picture's sides."""
    boxes = [box for record in records for box in record.boxes]
    if boxes and all(max(map(abs, box.corners)) <= 1 for box in boxes):
        raise ValueError(
            f"{path} must have corners in pixels. Received: none above 1, as "
            "of shares of the picture's sides. Multiply those by its width "
            "and height."
        )
