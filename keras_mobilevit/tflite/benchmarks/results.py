"""Benchmark results as JSON: one format for phones and hosts.

`benchmark_results.schema.json` is its published schema.
"""

from __future__ import annotations

import functools
import json
import math
import os
import pathlib
from typing import Any

from keras_mobilevit.optional_imports import import_optional

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
        ImportError: If jsonschema is missing.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(
            f"{origin} is no result of a benchmark: expected at most "
            f"{MAX_BYTES:,} bytes. Received: {len(data):,}"
        )
    try:
        document = _parse(data)
        _check_version(document)
        _check(document)
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
    return json.loads(SCHEMA_FILE.read_bytes())


def _parse(data):
    """JSON as the standard has it: without `NaN` and `Infinity`."""

    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    def finite(digits):
        number = float(digits)
        if math.isinf(number):
            raise ValueError(f"{digits[:20]} is no number of 64 bits")
        return number

    try:
        return json.loads(data, parse_constant=refuse, parse_float=finite)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _check(document):
    jsonschema = import_optional("jsonschema", extra="runtime")
    validator = jsonschema.Draft202012Validator(load_schema())
    # The first: of a million samples, all could be wrong.
    for error in validator.iter_errors(document):
        place = error.json_path.removeprefix("$").removeprefix(".")
        raise ValueError(
            f"{place[:100] or 'the document'}: {error.message[:200]}"
        )


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
