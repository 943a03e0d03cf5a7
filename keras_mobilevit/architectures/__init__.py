"""Architectures as data: an entry each, and what is asked about all of them.

Everything here is light: the code that an entry names is imported when it is
needed. CONTRIBUTING.md says how to add an architecture.
"""

from keras_mobilevit.architectures.architecture import Architecture, Source
from keras_mobilevit.architectures.mobilevit import MOBILEVIT
from keras_mobilevit.architectures.mobilevit_v2 import MOBILEVIT_V2
from keras_mobilevit.architectures.registry import (
    architecture_of,
    architectures,
    constructors,
    embedded_weights,
    find_architecture,
    named_weights,
    register_architecture,
    variants,
)

__all__ = [
    "Architecture",
    "Source",
    "architecture_of",
    "architectures",
    "constructors",
    "embedded_weights",
    "find_architecture",
    "named_weights",
    "register_architecture",
    "variants",
]

register_architecture(MOBILEVIT)
register_architecture(MOBILEVIT_V2)
