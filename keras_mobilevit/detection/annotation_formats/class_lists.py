"""The names of YOLO's classes, which lie in a file beside the annotations."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterable

from keras_mobilevit.detection.annotation_formats.text_files import read_limited
from keras_mobilevit.label_files import read_label_file

MAX_FILE_BYTES = 2**20
# In the order in which they are looked for.
_LISTS = ("classes.txt", "obj.names", "_darknet.labels")
_OTHER_LISTS = ("labels.txt", "predefined_classes.txt")
_YAML = ("data.yaml", "data.yml", "dataset.yaml")


def is_class_list(path: pathlib.Path) -> bool:
    """Whether a text file, by its name, lists classes."""
    return path.name.lower() in (*_LISTS, *_OTHER_LISTS)


def find_class_list(
    folders: Iterable[pathlib.Path],
) -> tuple[str, ...] | None:
    """Names of classes, from the first file of them that there is.

    Args:
        folders: Where to look, there and up to two folders above.

    Raises:
        ValueError: If the file can not be read.
    """
    for folder in folders:
        folder = folder.absolute()
        for place in (folder, *folder.parents[:2]):
            for name in _LISTS:
                if (place / name).is_file():
                    return read_label_file(place / name)
            if place.is_dir():
                for path in sorted(place.glob("*.names")):
                    return read_label_file(path)
            for name in _YAML:
                if (place / name).is_file():
                    return read_yaml_names(place / name)
    return None


def read_yaml_names(path: pathlib.Path) -> tuple[str, ...]:
    """Reads the entry `names` of a YAML file, as Ultralytics and Roboflow do.

    It is a list or numbered from 0 on, in brackets or indented lines. Nothing
    else of YAML is known here.

    Raises:
        ValueError: If there is no such entry, or in another form.
    """
    lines = [
        _without_comment(line)
        for line in read_limited(path, MAX_FILE_BYTES).splitlines()
    ]
    entry = None
    for number, line in enumerate(lines):
        if match := re.match(r"""["']?names["']?\s*:(.*)""", line):
            entry = match[1].strip()
            following = lines[number + 1 :]
    if entry is None:
        raise ValueError(
            f"Expected names of classes under `names:` in {path}. Received: "
            "no such entry"
        )
    if entry:
        names = _from_brackets(" ".join([entry, *following]))
    else:
        names = _from_lines(following)
    if not names or not all(names):
        raise ValueError(
            f"Expected under `names:` in {path} a list of names, or names "
            f"numbered from 0 on. Received: {lines[:20]!s:.200}. A text file "
            "classes.txt of one name a line, in the order of their numbers, "
            "does as well."
        )
    return tuple(names)


def _without_comment(line):
    return re.sub(r"""(^|\s)#.*""", "", line).rstrip()


def _from_lines(lines):
    items = []
    for line in lines:
        if not line:
            continue
        if match := re.match(r"\s*-\s+(.*)", line):
            items.append((len(items), match[1]))
        elif match := re.match(r"""\s+["']?(\d+)["']?\s*:\s*(.*)""", line):
            items.append((int(match[1]), match[2]))
        else:
            break
    return _in_order(items)


def _from_brackets(text):
    end = text.find({"[": "]", "{": "}"}.get(text[0], "\n"))
    if end < 0:
        return None
    found = re.findall(
        r"""\s*(?:(\d+)\s*:\s*)?("[^"]*"|'[^']*'|[^,]*)\s*(?:,|$)""",
        text[1:end].strip().removesuffix(","),
    )
    # The last one is that of the end itself.
    return _in_order(
        [
            (int(number) if number else index, name)
            for index, (number, name) in enumerate(found[:-1])
        ]
    )


def _in_order(items):
    numbers = sorted(number for number, _ in items)
    if numbers != list(range(len(items))):
        return None
    return [name.strip().strip("\"'") for _, name in sorted(items)]
