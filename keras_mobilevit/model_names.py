"""Names of models, less those that tell nothing."""

from __future__ import annotations

import re

# What Keras calls models that nobody named.
_UNNAMED = re.compile(r"(sequential|functional|model)(_\d+)?")


def first_name(*names: str) -> str:
    """The first of some names that somebody chose; empty if there is none.

    Args:
        *names: Names of a model, the best first. Empty ones are left out, and
            those that Keras makes up, such as `"sequential_1"`.
    """
    return next((n for n in names if n and not _UNNAMED.fullmatch(n)), "")
