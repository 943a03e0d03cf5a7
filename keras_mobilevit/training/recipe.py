"""Training recipes as data, and the TOML files that hold them.

A recipe is a runnable record: what it trains, how, and what came out. Nothing
here trains; `keras_mobilevit.training.run` does as the record says.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import pathlib
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from keras_mobilevit.architectures import (
    architecture_of,
    named_weights,
    variants,
)
from keras_mobilevit.configs import TASKS
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.renamed import EVALUATION_FIELDS, current_names
from keras_mobilevit.training.checked import Checked, choice, part, text
from keras_mobilevit.training.recipes import FOLDER, recipe_names
from keras_mobilevit.training.resident.fields import check_resident_fields
from keras_mobilevit.training.sections import (
    Augmentation,
    Detection,
    Distillation,
    Evaluation,
    Input,
    Optimizer,
    Sampler,
    Schedule,
    Segmentation,
)
from keras_mobilevit.training.task_fields import check_task_fields

# What a recipe tells about itself; no run depends on it.
_RECORD = ("description", "source", "expected", "cost", "command")


def _told():
    return text(pattern=r"(?s).*\S.*", expected="text that is not empty")


@dataclasses.dataclass(frozen=True)
class Recipe(Checked):
    """Everything that decides the outcome of a training run, but the seed.

    Attributes:
        name: Name on the command line.
        description: What it is for, in a sentence.
        source: Section of the paper that it follows, and where it departs.
        expected: Result to expect, and whose figure that is.
        cost: Time and hardware of that result.
        command: Command that runs it.
        task: What the network is for: `"classification"`, `"segmentation"` or
            `"detection"`.
        variant: Variant to train (`"mobilevit_xxs"`).
        weights: Weights to begin from, as the constructors take them; empty
            for random ones. A classifier of other classes is left out, and of
            a network for another task all but the backbone.
        schedule: Learning rate.
        optimizer: Optimisation.
        sampler: Sizes of the batches.
        augmentation: What happens to training images.
        evaluation: What happens to validation images.
        distillation: Teacher.
        segmentation: What only networks for segmentation have.
        detection: What only detectors have.
        input: How training images come to the device.
    """

    name: str = text(
        pattern=r"[A-Za-z0-9_-]+", expected="letters, digits, _ and - only"
    )
    description: str = _told()
    source: str = _told()
    expected: str = _told()
    cost: str = _told()
    command: str = _told()
    task: str = choice("classification", TASKS)
    variant: str = choice("mobilevit_s", variants)
    weights: str = text("")
    schedule: Schedule = part(Schedule())
    optimizer: Optimizer = part(Optimizer())
    sampler: Sampler = part(Sampler())
    augmentation: Augmentation = part(Augmentation())
    evaluation: Evaluation = part(Evaluation())
    distillation: Distillation = part(Distillation())
    segmentation: Segmentation = part(Segmentation())
    detection: Detection = part(Detection())
    input: Input = part(Input())

    def __post_init__(self):
        super().__post_init__()
        check_task_fields(self)
        check_resident_fields(self)
        named = named_weights()
        if self.weights in named:
            trained = named[self.weights].variants
            if self.variant not in trained:
                raise ValueError(
                    f"`variant` must be one of {list(trained)}, which the "
                    f"weights {self.weights!r} are for. Received: "
                    f"variant={self.variant!r}"
                )
        # What lies behind the backbone has two parts.
        last = len(architecture_of(self.variant).parts) + 1
        if self.optimizer.freeze > last:
            raise ValueError(
                f"`optimizer.freeze` must be a whole number in [0, {last}]. "
                f"Received: freeze={self.optimizer.freeze}"
            )
        if self.optimizer.freeze and not self.weights:
            raise ValueError(
                "`optimizer.freeze` would keep random weights: name `weights` "
                f"too. Received: freeze={self.optimizer.freeze}"
            )

    @classmethod
    def dotted(cls, name: str) -> str:
        """Name of a field as seen from outside."""
        return name

    def to_toml(self) -> str:
        """The recipe as a TOML file; `load_recipe` reads an equal one."""
        fields = dataclasses.asdict(self)
        sections = {name: fields.pop(name) for name in _SECTIONS}
        lines = _lines(fields)
        for name, section in sections.items():
            lines += ["", f"[{name}]", *_lines(section)]
        return "\n".join([*lines, ""])


# Parts of a recipe, which are sections of its file.
_SECTIONS = {
    field.name: type(field.default)
    for field in dataclasses.fields(Recipe)
    if isinstance(field.default, Checked)
}


def _lines(fields: Mapping[str, Any]) -> list[str]:
    # JSON and TOML write texts, numbers and lists alike, but for one letter.
    return [
        f"{name} = {json.dumps(value, ensure_ascii=False)}".replace(
            "\x7f", "\\u007f"
        )
        for name, value in fields.items()
    ]


def differences(a: Recipe, b: Recipe) -> list[str]:
    """Dotted names of the fields in which two recipes differ.

    What a recipe only tells (description, source, expected result, cost and
    command) does not count: no run depends on it.
    """
    a, b = _flatten(a), _flatten(b)
    return [name for name in a if a[name] != b[name] and name not in _RECORD]


def _flatten(recipe: Recipe) -> dict[str, Any]:
    """Values by dotted name."""
    flat = {}
    for name, value in dataclasses.asdict(recipe).items():
        if name in _SECTIONS:
            flat |= {f"{name}.{field}": v for field, v in value.items()}
        else:
            flat[name] = value
    return flat


# === Files ===


def load_recipe(
    recipe: str | os.PathLike, overrides: Mapping[str, str] | None = None
) -> Recipe:
    """Reads a recipe by its name, or out of a TOML file.

    Args:
        recipe: A name in `recipe_names()`, or the path of a `.toml` file.
        overrides: Dotted fields and their values as TOML, such as
            `{"schedule.epochs": "5"}`. Texts need no quotes.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If there is no such recipe, the file is no TOML, or a field
            is missing, unknown, or has a value that it can not have.
        ImportError: If Python is older than 3.11 and tomli is missing.
    """
    path = _find(recipe)
    try:
        tables = _toml().loads(path.read_text(encoding="utf-8"))
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{path} is not a TOML file ({error}).") from error
    if isinstance(tables.get("evaluation"), dict):
        tables["evaluation"] = current_names(
            tables["evaluation"], EVALUATION_FIELDS
        )
    # The file alone comes first, so that an error names the place to mend.
    loaded = _build(tables, str(recipe))
    if not overrides:
        return loaded
    known = _flatten(loaded)
    overrides = current_names(
        overrides,
        {
            f"evaluation.{old}": f"evaluation.{new}"
            for old, new in EVALUATION_FIELDS.items()
        },
    )
    for name, value in overrides.items():
        if name not in known:
            raise ValueError(_no_field(name))
        section, _, field = name.rpartition(".")
        table = tables.setdefault(section, {}) if section else tables
        table[field] = _parse(value, like=known[name])
    return _build(tables, f"{recipe} with {', '.join(overrides)} changed")


def _find(recipe: str | os.PathLike) -> pathlib.Path:
    path = pathlib.Path(recipe)
    if path.suffix == ".toml":
        if not path.is_file():
            raise FileNotFoundError(f"There is no recipe at {path}.")
        return path
    names = recipe_names()
    if str(recipe) not in names:
        close = difflib.get_close_matches(str(recipe), names, 1) or names
        raise ValueError(
            f"There is no recipe {str(recipe)!r}. Did you mean "
            f"{' or '.join(map(repr, close))}, or the path of a .toml file?"
        )
    return FOLDER / f"{recipe}.toml"


def _toml() -> ModuleType:
    # Part of Python from 3.11 on.
    name = "tomllib" if sys.version_info >= (3, 11) else "tomli"
    return import_optional(name, extra="train")


def _parse(text: str, *, like: Any) -> Any:
    """Value of a text from the command line, for a field that has another."""
    try:
        tables = _toml().loads(f"value = {text}")
    except ValueError:
        return text
    value = tables.pop("value")
    # A text may look like a number; one of two lines may hold more fields.
    is_text = isinstance(like, str) and not isinstance(value, str)
    return text if is_text or tables else value


def _build(tables: Mapping[str, Any], origin: str) -> Recipe:
    try:
        arguments = {
            name: _build_section(name, value) if name in _SECTIONS else value
            for name, value in tables.items()
        }
        return _construct(Recipe, arguments)
    except ValueError as error:
        raise ValueError(f"{origin}: {error}") from error


def _build_section(name: str, fields: Any) -> Checked:
    if not isinstance(fields, dict):
        raise ValueError(
            f"`{name}` must be a section, [{name}]. Received: {name}={fields!r}"
        )
    # TOML has lists only.
    return _construct(
        _SECTIONS[name],
        {
            field: tuple(value) if isinstance(value, list) else value
            for field, value in fields.items()
        },
    )


def _construct(kind: type[Checked], arguments: Mapping[str, Any]) -> Checked:
    fields = {field.name: field.default for field in dataclasses.fields(kind)}
    for name in arguments:
        if name not in fields:
            raise ValueError(_no_field(kind.dotted(name)))
    for name, default in fields.items():
        if default is dataclasses.MISSING and name not in arguments:
            raise ValueError(f"`{kind.dotted(name)}` is missing.")
    return kind(**arguments)


def _no_field(name: str) -> str:
    """The sentence about a dotted name that no field has."""
    section, _, field = name.rpartition(".")
    known = {
        dotted: dotted.rpartition(".")[2]
        for kind in (Recipe, *_SECTIONS.values())
        for dotted in _dotted_names(kind)
    }
    # It may be in another section.
    similar = difflib.get_close_matches(field, known.values(), 1)
    close = [dotted for dotted, last in known.items() if last in similar]
    if close and name not in _SECTIONS:
        hint = f"Did you mean {' or '.join(close)}?"
    else:
        kind = _SECTIONS.get(section or name, Recipe)
        hint = f"There are {', '.join(_dotted_names(kind))}."
    return f"A recipe has no field {name}. {hint}"


def _dotted_names(kind: type[Checked]) -> list[str]:
    return [kind.dotted(field.name) for field in dataclasses.fields(kind)]
