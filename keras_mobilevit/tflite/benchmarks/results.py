"""Benchmark results as JSON: one format for phones and hosts.

`benchmark_results.schema.json` is its published schema.
"""

from __future__ import annotations

import functools
import os
import pathlib
from typing import Any

from keras_mobilevit.json_schema import check_json, parse_json

SCHEMA_VERSION = 1
SCHEMA_FILE = pathlib.Path(__file__).with_name("benchmark_results.schema.json")
# An hour of samples has a few; what is larger is no result.
MAX_BYTES = 64 * 2**20


def parse_results(data: bytes, origin: str) -> dict[str, Any]:
    """Parses and checks a document of results.

    Args:
        data: UTF-8 JSON of anyone's making.
        origin: Where it comes from, for messages.

    Raises:
        ValueError: If it is no document of this format.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(
            f"{origin} is no result of a benchmark: expected at most "
            f"{MAX_BYTES:,} bytes. Received: {len(data):,}"
        )
    try:
        document = parse_json(data)
        _check_version(document)
        check_json(document, load_schema())
    except ValueError as error:
        raise ValueError(
            f"{origin} is no result of a benchmark: {error}"
        ) from error
    return document


def read_results(path: str | os.PathLike) -> dict[str, Any]:
    """Reads a file that `keras-mobilevit benchmark` or the app wrote.

    Args:
        path: JSON file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no document of this format.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file of results at {path}.")
    with open(path, "rb") as file:
        return parse_results(file.read(MAX_BYTES + 1), str(path))


@functools.cache
def load_schema() -> dict[str, Any]:
    """The JSON Schema of the format."""
    return parse_json(SCHEMA_FILE.read_bytes())


def _check_version(document):
    """Before the rest, which another version may have otherwise."""
    if not isinstance(document, dict):
        return
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"expected schema_version {SCHEMA_VERSION}. Received: "
            f"{str(version)[:100]}. Update the app and this package to the "
            "same version."
        )
