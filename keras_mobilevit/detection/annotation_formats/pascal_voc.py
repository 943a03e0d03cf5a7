"""Boxes from the XML files of Pascal VOC, one a picture.

The format is that of the development kits of the challenge (2007 to 2012),
which labelImg, CVAT and Roboflow write too. Pixels count from 1, and the last
ones are part of the box: 1 to 500 is a whole picture of 500 pixels.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import NamedTuple
from xml.parsers import expat

from keras_mobilevit.detection.annotation_formats.assemble import (
    Box,
    Problems,
    Record,
    Records,
)
from keras_mobilevit.detection.annotation_formats.text_files import (
    read_limited_bytes,
    to_number,
)

# A file of a picture with a hundred objects has 30 kB.
MAX_FILE_BYTES = 2**22
MAX_DEPTH = 32
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read_voc(source: pathlib.Path, paths: Sequence[pathlib.Path]) -> Records:
    """Reads XML files.

    The picture of a file is the one that it names, or has its own name. Parts
    of objects, such as heads, are no objects; those marked as difficult or
    truncated count as any other.

    Args:
        source: Folder of the files, or the only one.
        paths: The files.
    """
    problems, records = Problems(), []
    for path in paths:
        where = (
            path.name if path == source else path.relative_to(source).as_posix()
        )
        with problems.at(where):
            records.append(_read(path, where))
    return Records(source, records, False, (), problems, complete=False)


def _read(path, where):
    root = _parse(path)
    if root.tag != "annotation":
        raise ValueError(
            "expected <annotation>, as of Pascal VOC. Received: "
            f"<{root.tag:.80}>"
        )
    boxes = [
        _box(element, f"{where}, object {number}")
        for number, element in enumerate(root.all("object"), start=1)
    ]
    named = root.text("filename")
    stem = where.rpartition(".")[0]
    references = (named, stem) if named else (stem,)
    return Record(where, references, _size(root), boxes)


def _size(root):
    """`(height, width)`; some tools leave it out, or write 0."""
    sides = root.first("size")
    if sides is None:
        return None
    found = []
    for name in ("height", "width"):
        side = to_number(sides.text(name) or "0", f"<{name}>")
        if side < 0 or side != int(side):
            raise ValueError(
                f"<{name}> must be a whole number of pixels. Received: {side:g}"
            )
        found.append(int(side))
    return tuple(found) if all(found) else None


def _box(element, where):
    name = element.text("name")
    if not name:
        raise ValueError(f"{where} has no <name>, or an empty one")
    corners = element.first("bndbox")
    if corners is None:
        found = ", ".join(f"<{child.tag:.40}>" for child in element.children)
        raise ValueError(f"{where} has no <bndbox>. Received: {found}")
    values = []
    for corner in _CORNERS:
        text = corners.text(corner)
        if not text:
            raise ValueError(f"{where} has no <{corner}>")
        values.append(to_number(text, f"<{corner}> of {where}"))
    left, top, right, bottom = values
    if right < left or bottom < top:
        raise ValueError(
            f"<xmax> and <ymax> of {where} must not be less than <xmin> and "
            f"<ymin>. Received: xmin {left:g}, ymin {top:g}, xmax {right:g}, "
            f"ymax {bottom:g}"
        )
    return Box(where, name, (left - 1, top - 1, right, bottom))


class _Element(NamedTuple):
    tag: str
    children: list[_Element]
    pieces: list[str]

    def all(self, tag):
        return [child for child in self.children if child.tag == tag]

    def first(self, tag):
        return next(iter(self.all(tag)), None)

    def text(self, tag):
        child = self.first(tag)
        return "" if child is None else "".join(child.pieces).strip()


def _parse(path):
    """The root of an XML file.

    Entities are refused before they are expanded: ten lines of them can stand
    for gigabytes, and they can name other files.
    """
    data = read_limited_bytes(path, MAX_FILE_BYTES)
    top = _Element("", [], [])
    stack = [top]

    def start(tag, attributes):
        if len(stack) > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH} elements")
        element = _Element(tag, [], [])
        stack[-1].children.append(element)
        stack.append(element)

    def refuse(name, *_):
        raise ValueError(
            f"it declares the entity {name!r:.40}, which no annotation needs"
        )

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda tag: stack.pop()
    parser.CharacterDataHandler = lambda text: stack[-1].pieces.append(text)
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError) as error:
        raise ValueError(f"it is not XML ({error})") from error
    return top.children[0]
