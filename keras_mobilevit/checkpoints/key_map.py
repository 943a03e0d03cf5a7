"""How the checkpoints of an architecture name its weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

Layout = str
Task = Literal["classification", "segmentation", "detection"]

# Attention has one such module each.
QKV = ("query", "key", "value")
# (Keras name, PyTorch name, axes from PyTorch to Keras) of each weight.
Kind = tuple[tuple[str, str, tuple[int, ...]], ...]


class Module(NamedTuple):
    """One module with weights: its kind and its name in each layout.

    Layouts that publish no such network have no name for it, but `None`. An
    architecture with other layouts has a tuple of its own, with `kind`,
    `keras` and a field for each.
    """

    kind: str
    keras: str
    cvnets: str | None = None
    timm: str | None = None
    hf: str | None = None
    kecam: str | None = None


class Head(NamedTuple):
    """What stands behind the backbone of the networks for one task.

    Attributes:
        modules: Yields its modules, in the order of the data.
        bias: Path of the Keras variable whose length tells the classes.
        count_classes: From that length to the number of classes.
        prefixes: Layout -> what it puts in front of the backbone's names.
    """

    modules: Callable[[], Iterator[Any]]
    bias: str
    count_classes: Callable[[int], int] = int
    prefixes: Mapping[Layout, str] = {}


@dataclasses.dataclass(frozen=True, eq=False)
class KeyMap:
    """All networks of an architecture, with their keys in every layout.

    All variants share one table: they differ in shapes, and those that are
    less deep lack the last modules.

    Attributes:
        backbone: Yields the modules of the backbone, the stem first.
        heads: Task -> what follows the backbone.
        layouts: Layouts of keys, in the order in which they are recognised.
            `"keras"` is that of the files of Keras, `"kecam"` that of Keras 2
            by names of layers; all others are PyTorch's.
        saved_layouts: Those to save safetensors in, the first that has the
            network.
        variants: Variant -> paths of Keras variables with one axis, and their
            lengths, that together no other variant has; `None` for a variable
            that it lacks.
        stem: Path of the convolution that reads the image.
        bgr_layouts: Layouts whose published weights take BGR.
        fused_layouts: Layouts in which queries, keys and values are one
            matrix, in this order.
        num_heads: Heads of all attention layers of `keras.layers`.
        kinds: Kinds of modules besides the common ones of `layouts.KINDS`,
            with their weights in the order in which Keras saves them.
    """

    backbone: Callable[[], Iterator[Any]]
    heads: Mapping[Task, Head]
    layouts: tuple[Layout, ...]
    saved_layouts: tuple[Layout, ...]
    variants: Mapping[str, Mapping[str, int | None]]
    stem: str = "stem/conv/kernel"
    bgr_layouts: tuple[Layout, ...] = ()
    fused_layouts: tuple[Layout, ...] = ()
    num_heads: int = 1
    kinds: Mapping[str, Kind] = dataclasses.field(default_factory=dict)

    def network(self, task: Task) -> tuple[Any, ...]:
        """Lists all modules with weights of a network, in their order."""
        head = self.heads[task]
        backbone = (
            module._replace(
                **{
                    layout: prefix + getattr(module, layout)
                    for layout, prefix in head.prefixes.items()
                }
            )
            for module in self.backbone()
        )
        return (*backbone, *head.modules())

    def layouts_of(self, task: Task) -> tuple[Layout, ...]:
        """Layouts that publish networks for a task."""
        if task not in self.heads:
            return ()
        modules = tuple(self.heads[task].modules())
        return tuple(
            layout
            for layout in self.layouts
            if all(getattr(module, layout) for module in modules)
        )
