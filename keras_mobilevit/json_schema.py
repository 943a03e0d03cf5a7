"""Checks JSON of anyone's making against a JSON Schema, and says what is wrong.

Of JSON Schema 2020-12 it knows the keywords that this package's own schemas
use, and refuses schemas with others.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

_ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description"}
# A nested document would otherwise exhaust the stack.
_MAX_DEPTH = 50


def parse_json(text: str | bytes) -> Any:
    """Parses JSON as the standard has it: without `NaN` and `Infinity`.

    Args:
        text: The document.

    Raises:
        ValueError: If it is not JSON.
    """

    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    def finite(digits):
        number = float(digits)
        if math.isinf(number):
            raise ValueError(f"{digits[:20]} is no number of 64 bits")
        return number

    try:
        return json.loads(text, parse_constant=refuse, parse_float=finite)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def check_json(document: Any, schema: Mapping[str, Any]) -> None:
    """Checks a document against a schema.

    Args:
        document: From `parse_json`.
        schema: Parsed JSON Schema.

    Raises:
        ValueError: At the first difference; the message names the place in
            the document, as in `results[0].num_threads`.
    """
    _check(document, schema, schema, "", 0)


def _check(value, schema, root, place, depth):
    if depth > _MAX_DEPTH:
        raise ValueError(f"{place[:100]}: it is nested too deeply")
    for keyword, rule in schema.items():
        if keyword in _NESTED:
            _NESTED[keyword](value, schema, root, place, depth)
        elif keyword in _RULES:
            accepts, expected = _RULES[keyword]
            if not accepts(value, rule):
                raise ValueError(
                    f"{place or 'the document'}: expected "
                    f"{expected.format(_rule_text(rule))}. Received: "
                    f"{_abbreviate(value)}"
                )
        elif keyword not in _ANNOTATIONS:
            raise NotImplementedError(f"JSON Schema's keyword {keyword}")


# === Keywords that compare one value ===


def _is_number(value):
    # In Python, True is an integer too.
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "null": lambda x: x is None,
    "boolean": lambda x: isinstance(x, bool),
    "integer": lambda x: _is_number(x) and x % 1 == 0,
    "number": _is_number,
    "string": lambda x: isinstance(x, str),
    "array": lambda x: isinstance(x, list),
    "object": lambda x: isinstance(x, dict),
}


def _has_type(value, names):
    names = [names] if isinstance(names, str) else names
    return any(_TYPES[name](value) for name in names)


def _same(value, other):
    # 1 == True in Python.
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _matches(text, pattern):
    # In Python, `$` also matches before a line break at the end.
    return bool(re.search(re.sub(r"\$$", r"\\Z", pattern), text))


# Keyword -> whether a value passes, and what the message expects. As the
# standard says, each passes values of the types that it is not about.
_RULES: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "type": (_has_type, "{}"),
    "const": (_same, "{}"),
    "enum": (lambda x, rule: any(_same(x, y) for y in rule), "one of {}"),
    "minimum": (lambda x, r: not _is_number(x) or x >= r, "at least {}"),
    "maximum": (lambda x, r: not _is_number(x) or x <= r, "at most {}"),
    "exclusiveMinimum": (
        lambda x, r: not _is_number(x) or x > r,
        "more than {}",
    ),
    "minLength": (
        lambda x, r: not isinstance(x, str) or len(x) >= r,
        "a text of at least {} characters",
    ),
    "maxLength": (
        lambda x, r: not isinstance(x, str) or len(x) <= r,
        "a text of at most {} characters",
    ),
    "pattern": (
        lambda x, r: not isinstance(x, str) or _matches(x, r),
        "a text that matches {}",
    ),
    "minItems": (
        lambda x, r: not isinstance(x, list) or len(x) >= r,
        "at least {} elements",
    ),
    "maxItems": (
        lambda x, r: not isinstance(x, list) or len(x) <= r,
        "at most {} elements",
    ),
    "maxProperties": (
        lambda x, r: not isinstance(x, dict) or len(x) <= r,
        "at most {} keys",
    ),
}


def _rule_text(rule):
    rules = rule if isinstance(rule, list) else [rule]
    return " or ".join(
        x if isinstance(x, str) else json.dumps(x) for x in rules
    )


def _abbreviate(value):
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


# === Keywords that lead to other schemas ===


def _properties(value, schema, root, place, depth):
    if isinstance(value, dict):
        for name, inner in schema["properties"].items():
            if name in value:
                here = f"{place}.{name}" if place else name
                _check(value[name], inner, root, here, depth + 1)


def _other_properties(value, schema, root, place, depth):
    if isinstance(value, dict):
        named = schema.get("properties", {})
        for name in value.keys() - named.keys():
            here = f"{place}.{name[:100]}" if place else name[:100]
            rule = schema["additionalProperties"]
            _check(value[name], rule, root, here, depth + 1)


def _required(value, schema, root, place, depth):
    if isinstance(value, dict):
        for name in schema["required"]:
            if name not in value:
                raise ValueError(
                    f"{place or 'the document'}: expected a key {name!r}. "
                    f"Received: {_abbreviate(list(value))}"
                )


def _items(value, schema, root, place, depth):
    if isinstance(value, list):
        for index, element in enumerate(value):
            here = f"{place}[{index}]"
            _check(element, schema["items"], root, here, depth + 1)


def _reference(value, schema, root, place, depth):
    target = root
    for name in schema["$ref"].removeprefix("#/").split("/"):
        target = target[name]
    _check(value, target, root, place, depth + 1)


def _condition(value, schema, root, place, depth):
    try:
        _check(value, schema["if"], root, place, depth + 1)
    except ValueError:
        branch = schema.get("else", {})
    else:
        branch = schema.get("then", {})
    _check(value, branch, root, place, depth + 1)


def _done_by_if(*_):
    pass


_NESTED: dict[str, Callable[..., None]] = {
    "properties": _properties,
    "additionalProperties": _other_properties,
    "required": _required,
    "items": _items,
    "$ref": _reference,
    "if": _condition,
    "then": _done_by_if,
    "else": _done_by_if,
}
