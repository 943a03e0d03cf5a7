"""Something that has to happen around the first import of another package."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any


def import_within(
    name: str, context: Callable[[], AbstractContextManager]
) -> None:
    """Lets the first import of a package, whenever it comes, run in a context.

    Args:
        name: Name of the package, which is not imported yet.
        context: Makes the context manager.
    """
    sys.meta_path.insert(0, _Finder(name, context))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds one package as Python would, and follows its import."""

    def __init__(
        self, name: str, context: Callable[[], AbstractContextManager]
    ):
        self._name = name
        self._context = context

    def find_spec(
        self, name: str, path: Any = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    self._follow(spec.loader)
                return spec
        return None

    def _follow(self, loader: Any) -> None:
        def exec_module(module: ModuleType) -> None:
            # One loader may serve all packages of an archive.
            del loader.exec_module
            with self._context():
                loader.exec_module(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)

        loader.exec_module = exec_module
