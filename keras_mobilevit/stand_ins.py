"""Stand-ins that let Keras open saved models before their classes are there.

Keras looks a class up by its registered name and imports no modules but its
own. A stand-in has that name, and imports the class when it is needed; the
class itself then takes the place of the stand-in.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

# Package that all classes are registered under.
PACKAGE = "keras_mobilevit"


def register_stand_ins(classes: Mapping[str, Iterable[str]]) -> None:
    """Registers stand-ins with Keras, which has to be imported.

    Args:
        classes: Full name of a module -> classes that it registers by
            `keras.saving.register_keras_serializable(package=PACKAGE)`.
    """
    from keras.saving import get_custom_objects

    objects = get_custom_objects()
    for module, names in classes.items():
        for name in names:
            # The class itself may be there already.
            objects.setdefault(f"{PACKAGE}>{name}", _stand_in(module, name))


def _stand_in(module: str, name: str) -> type:
    """A class of which Keras can only make objects of another class."""

    def from_config(config: dict[str, Any]) -> Any:
        found = importlib.import_module(module)
        return getattr(found, name).from_config(config)

    return type(name, (), {"from_config": staticmethod(from_config)})
