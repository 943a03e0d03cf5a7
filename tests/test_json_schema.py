"""Our check of JSON against that of the package jsonschema."""

import copy
import json

import jsonschema
import pytest

from keras_mobilevit.json_schema import check_json, parse_json

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["kind", "items"],
    "properties": {
        "kind": {"enum": ["a", "b", None, 1]},
        "version": {"const": 1},
        "items": {
            "type": "array",
            "minItems": 1,
            "maxItems": 3,
            "items": {"$ref": "#/$defs/item"},
        },
        "named": {
            "type": "object",
            "maxProperties": 1,
            "properties": {"known": {"type": "boolean"}},
            "additionalProperties": {"type": ["string", "null"]},
        },
    },
    "if": {"properties": {"kind": {"const": "a"}}},
    "then": {"required": ["version"]},
    "else": {"required": ["named"]},
    "$defs": {
        "item": {
            "type": ["integer", "string"],
            "minimum": 0,
            "maximum": 10,
            "minLength": 2,
            "maxLength": 3,
            "pattern": "^[a-z]*$",
        }
    },
}
GOOD = {"kind": "a", "version": 1, "items": [1], "more": [[{}]]}
DOCUMENTS = [
    GOOD,
    *([], None, "text", 1, {}),
    *({**GOOD, "kind": kind} for kind in ("b", None, 1, True, "c", 1.0)),
    *({**GOOD, "version": x} for x in (2, 1.0, True, "1")),
    {"kind": "a", "items": [1]},
    *(
        {**GOOD, "items": items}
        for items in (
            *([], {}, [1, 2, 3], [1, 2, 3, 4], [0], [-1], [10.0], [10.5]),
            *([11], [True], ["ab"], ["a"], ["abcd"], ["aB"], ["ab", -1]),
            *([None], [1e308], [10**400]),
        )
    ),
    *(
        {"kind": "b", "items": [1], "named": named}
        for named in (
            *({}, {"known": True}, {"known": 1}, {"other": None}, []),
            *({"other": 1}, {"known": True, "other": "x"}),
        )
    ),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d)[:60])
def test_both_agree(document):
    kept = copy.deepcopy(document)
    valid = jsonschema.Draft202012Validator(SCHEMA).is_valid(document)
    if valid:
        check_json(document, SCHEMA)
    else:
        with pytest.raises(ValueError, match="Received: "):
            check_json(document, SCHEMA)
    assert document == kept


def test_some_documents_are_valid_and_some_are_not():
    valid = [
        jsonschema.Draft202012Validator(SCHEMA).is_valid(document)
        for document in DOCUMENTS
    ]
    assert 8 <= sum(valid) <= len(valid) - 8


def test_the_place_is_named():
    with pytest.raises(ValueError) as caught:
        check_json({**GOOD, "items": [1, -1]}, SCHEMA)
    assert str(caught.value) == "items[1]: expected at least 0. Received: -1"


def test_a_line_break_at_the_end_is_no_letter():
    with pytest.raises(ValueError, match="matches"):
        check_json("ab\n", {"pattern": "^[a-z]*$"})


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", "-Infinity", "1e999", "{", "[" * 10**5]
)
def test_what_is_no_json(text):
    with pytest.raises(ValueError):
        parse_json(text)


def test_a_document_that_is_nested_deeply():
    schema = {
        "$ref": "#/$defs/a",
        "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}},
    }
    with pytest.raises(ValueError, match="too deeply"):
        check_json(json.loads("[" * 500 + "]" * 500), schema)


def test_an_unknown_keyword_is_a_fault_of_the_schema():
    with pytest.raises(NotImplementedError, match="multipleOf"):
        check_json(1, {"multipleOf": 2})
