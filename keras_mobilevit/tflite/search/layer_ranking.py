"""Which layers have to stay float for a wanted accuracy, at least cost.

The noise of layers that are quantized one at a time adds up to that of the
whole, to within 1.5 dB on the embedded checkpoint. So layers are ranked once by
the noise that each makes for the time that it saves, and moved to float in that
order until the target is met.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

from keras_mobilevit.progress import progress_bar
from keras_mobilevit.tflite.compatibility.compatible import make_compatible
from keras_mobilevit.tflite.flatbuffer import (
    ParsedFile,
    constant,
    op_name,
    tensor_name,
)
from keras_mobilevit.tflite.quantization.calibration import Calibration
from keras_mobilevit.tflite.quantization.quantize import quantize_parsed
from keras_mobilevit.tflite.quantization.recipes import Recipe
from keras_mobilevit.tflite.scoring import sqnr_scorer
from keras_mobilevit.tflite.tensor_names import layer_of

# An element that is written in float, and not in int8, takes the time of as
# many multiply-accumulates: 0.07 ns against 7 ps, on one x86-64 core.
_ELEMENT_COST = 10
# Of the names of recipes that were found.
_SUFFIX = "_searched"
# Layers are moved in steps that should take this much of the noise away.
_STEP = 0.3


@dataclasses.dataclass(frozen=True)
class LayerSensitivity:
    """What it costs and gains to quantize one layer.

    Attributes:
        layer: As `keras_mobilevit.tflite.tensor_names.layer_of` names it.
        sqnr: Signal to quantization noise of the outputs in dB, if only this
            layer is quantized.
        cost: Rough time that it takes longer in float, in multiply-
            accumulates.
        scope: Regular expression for `Recipe.skip_layers`.
    """

    layer: str
    sqnr: float
    cost: int
    scope: str

    @property
    def noise(self) -> float:
        """Power of the noise over that of the signal, at most 1e20."""
        # More would let the sum over all layers lose sight of the others.
        return 10 ** (-max(self.sqnr, -200.0) / 10)


@dataclasses.dataclass(frozen=True)
class SearchStep:
    """One file that the search tried.

    Attributes:
        layers: Layers that were moved to float since the last step.
        score: Score of the file.
        returned: Whether they were moved back to int8 instead.
    """

    layers: tuple[str, ...]
    score: float
    returned: bool = False


class TargetNotReached(ValueError):
    """Nothing that a search tried reaches its target.

    Attributes:
        recipe: The best that was tried.
        steps: What was tried up to that one, in order.
    """

    def __init__(
        self, message: str, recipe: Recipe, steps: Sequence[SearchStep]
    ):
        super().__init__(message)
        self.recipe = recipe
        self.steps = list(steps)


def moved_layers(steps: Sequence[SearchStep]) -> list[str]:
    """Names of the layers that a search left in float, in its order."""
    moved: list[str] = []
    for step in steps:
        if step.returned:
            moved = [layer for layer in moved if layer not in step.layers]
        else:
            moved += step.layers
    return moved


def rank_layers(
    source: ParsedFile,
    recipe: Recipe,
    calibration: Calibration,
    images: Sequence[np.ndarray],
    score: Callable[[ParsedFile], float] | None = None,
    compat: str | None = None,
) -> list[LayerSensitivity]:
    """Quantizes each layer alone, and ranks by noise over time saved.

    Args:
        source: Float file; it stays as it is.
        recipe: With int8 activations.
        calibration: From `keras_mobilevit.tflite.quantization.calibration`.
        images: `(height, width, channels)`, pixels in [0, 255]; others than
            those that calibrated.
        score: Gives a file's SQNR in dB, if not that of all its outputs on
            `images`.
        compat: As in `export_tflite`: what is scored is made compatible.

    Returns:
        The layers, those first that are best moved to float.
    """
    score = score or file_scorer(sqnr_scorer(source.data, images))
    layers = []
    scopes, costs = _scopes_and_costs(source.model)
    for layer, scope in progress_bar(scopes.items(), desc="trying layers"):
        others = f"^(?!{scope.removeprefix('^')})"
        alone = dataclasses.replace(
            recipe, skip_layers=(*recipe.skip_layers, others)
        )
        file = _quantize(source, alone, calibration, compat)
        layers.append(LayerSensitivity(layer, score(file), costs[layer], scope))
    return sorted(layers, key=lambda layer: -layer.noise / (layer.cost + 1))


def search_recipe(
    source: ParsedFile,
    recipe: Recipe,
    calibration: Calibration,
    layers: Sequence[LayerSensitivity],
    score: Callable[[ParsedFile], float],
    target: float,
    compat: str | None = None,
) -> tuple[Recipe, list[SearchStep]]:
    """Moves layers to float until a score reaches its target.

    Those of the last step that turn out not to be needed are moved back, the
    costliest first.

    Args:
        source: Float file; it stays as it is.
        recipe: With int8 activations, to begin from.
        calibration: From `keras_mobilevit.tflite.quantization.calibration`.
        layers: From `rank_layers`.
        score: Gives a file's score; more is better.
        target: Score to reach.
        compat: As in `export_tflite`: what is scored is made compatible.

    Returns:
        `(recipe, steps)`: the recipe that reached it, named after the one to
        begin from and `_searched`; and what was tried, in order.

    Raises:
        TargetNotReached: If not even all layers in float reach it; a
            `ValueError` that knows the best recipe.
    """
    queue, kept = list(layers), []
    steps: list[SearchStep] = []
    moved: list[LayerSensitivity] = []
    name = f"{recipe.name.removesuffix(_SUFFIX)}{_SUFFIX}"

    def attempt(layers):
        """A recipe that keeps these float, and its score."""
        candidate = dataclasses.replace(
            recipe,
            name=name,
            skip_layers=(
                *recipe.skip_layers,
                *(layer.scope for layer in layers),
            ),
        )
        file = _quantize(source, candidate, calibration, compat)
        return candidate, score(file)

    with progress_bar(total=len(queue), desc="searching") as bar:
        candidate, found = attempt(kept)
        steps.append(SearchStep((), found))
        best = candidate, found, 1
        while found < target:
            if not queue:
                raise TargetNotReached(
                    f"Nothing reaches {target:g}: with every layer in float "
                    f"the score is {found:g}. Ask for less.",
                    best[0],
                    steps[: best[2]],
                )
            moved = []
            remaining = sum(layer.noise for layer in queue)
            goal = (1 - _STEP) * remaining
            # At least one: layers without noise of their own may be left.
            while queue and (not moved or remaining > goal):
                layer = queue.pop(0)
                remaining -= layer.noise
                moved.append(layer)
                bar.update()
            kept += moved
            candidate, found = attempt(kept)
            steps.append(
                SearchStep(tuple(layer.layer for layer in moved), found)
            )
            if found > best[1]:
                best = candidate, found, len(steps)
    # The last step may have gone too far.
    for layer in sorted(moved, key=lambda layer: -layer.cost):
        fewer = [other for other in kept if other is not layer]
        smaller, found = attempt(fewer)
        if found >= target:
            candidate, kept = smaller, fewer
            steps.append(SearchStep((layer.layer,), found, returned=True))
    return candidate, steps


def file_scorer(
    score: Callable[[bytes], float],
) -> Callable[[ParsedFile], float]:
    """A score of bytes as one that `rank_layers` and `search_recipe` take."""
    return lambda file: score(file.data)


def _quantize(source, recipe, calibration, compat):
    model = quantize_parsed(source, recipe, calibration)
    if compat:
        make_compatible(model, compat)
    return ParsedFile.pack(model)


def _scopes_and_costs(model):
    """Layer -> regular expression of its operations; layer -> cost."""
    (graph,) = model.subgraphs
    names: dict[str, list[str]] = {}
    costs: dict[str, int] = {}
    for op in graph.operators:
        name = tensor_name(graph, op.outputs[0])
        layer = layer_of(name)
        names.setdefault(layer, []).append(name)
        costs[layer] = costs.get(layer, 0) + _cost(model, graph, op)
    scopes = {}
    for layer, members in names.items():
        parts = {
            f"{layer}/" if name.startswith(f"{layer}/") else rf"{name}\b"
            for name in members
        }
        scopes[layer] = f"^({'|'.join(sorted(parts))})"
    return scopes, costs


def _cost(model, graph, op):
    # The file's sides are int32, in which a large network overflows.
    elements = math.prod(map(int, graph.tensors[op.outputs[0]].shape))
    cost = _ELEMENT_COST * elements
    kind = op_name(model, op)
    if kind == "BATCH_MATMUL":
        return cost + elements * int(graph.tensors[op.inputs[0]].shape[-1])
    # Depthwise convolutions run as fast in float.
    if kind in ("CONV_2D", "FULLY_CONNECTED"):
        weights = constant(model, graph, op.inputs[1])
        if weights is not None:
            cost += elements * weights.size // len(weights)
    return int(cost)
