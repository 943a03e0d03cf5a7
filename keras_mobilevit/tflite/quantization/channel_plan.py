"""Which channels are brought to like ranges before int8, and how.

Networks that were trained for long have layers whose channels differ in range
by a factor of a hundred, each as important as any other: a batch normalization
behind a depthwise convolution lifts the small ones to full size. An int8 tensor
has one step for all of its channels, so the small ones drown, and the answers
of the network with them.

Two exact transformations help: `equalization` and `channel_groups`. Both take
time. So each family of channels is rounded to int8 alone, in the float graph,
before and after; what is kept takes most noise off the outputs within a budget
of time. A network that would gain little is left as it is.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Mapping

import numpy as np

from keras_mobilevit.progress import progress_bar
from keras_mobilevit.tflite.editing import (
    add_tensor,
    make_operation,
    remove_unused,
)
from keras_mobilevit.tflite.flatbuffer import (
    FLOAT32,
    INT8,
    ParsedFile,
    set_quantization,
    tensor_name,
    write_model,
)
from keras_mobilevit.tflite.partial_runs import observe_images
from keras_mobilevit.tflite.quantization.channel_choice import (
    EQUALIZE,
    Move,
    Way,
    choose,
)
from keras_mobilevit.tflite.quantization.channel_costs import Costs
from keras_mobilevit.tflite.quantization.channel_groups import (
    groups_of_like_range,
    most_groups,
    split_channels,
)
from keras_mobilevit.tflite.quantization.channels import (
    channel_families,
)
from keras_mobilevit.tflite.quantization.equalization import (
    GATE_RANGE,
    gate_name,
    representable_factors,
    scale_channels,
)
from keras_mobilevit.tflite.quantization.even_choice import evenly
from keras_mobilevit.tflite.scoring import sqnr_scorer

_LEVELS = 255
# Images that ranges and noise are found with, and how many it takes to tell an
# offset from noise.
_IMAGES, _OFFSET_IMAGES = 24, 8
# Share of the images whose largest values a channel's range covers.
_COVERED_IMAGES = 0.9
# Channels may be lifted by so much, and no further.
_MOST_OCTAVES = 7
# A channel counts as one that varies so much less than the liveliest.
_LEAST_VARIANCE = 1e-6
# A family is tried if like ranges would leave so little of its rounding noise,
# relative to what its channels vary.
_WORTH_TRYING = 0.5
# A transformation has to take away so much of the noise that is left at best.
_WORTH_SHARE = 0.02
# All together has to take off so many dB, or nothing is done.
_LEAST_GAIN = 3.0
# More groups than these gained nothing.
_MOST_GROUPS = 3


@dataclasses.dataclass(frozen=True)
class Balanced:
    """What `balance_channels` made of a float file.

    Attributes:
        file: With the same outputs, up to float32 rounding; the very file, if
            nothing was done.
        moves: What was done.
        limits: Name of an activation to `(low, high)`, beyond which its values
            make no difference.
    """

    file: ParsedFile
    moves: tuple[Move, ...] = ()
    limits: Mapping[str, tuple[float, float]] = dataclasses.field(
        default_factory=dict
    )


def balance_channels(
    source: ParsedFile,
    images: np.ndarray,
    stays_float: Callable[[str], bool] = lambda name: False,
    *,
    ignore_offset: bool = True,
) -> Balanced:
    """Brings the channels of uneven layers to like ranges.

    Args:
        source: Float file; it stays as it is.
        images: Those that calibrate: `(count, height, width, channels)`,
            pixels in [0, 255].
        stays_float: Whether an activation of that name will not be int8; what
            it belongs to is left as it is.
        ignore_offset: Whether biases will be corrected, so that an error which
            is the same for all images does not count.
    """
    return _Planner(source, images, stays_float, ignore_offset).run()


@dataclasses.dataclass(frozen=True)
class _Ranges:
    """Per channel: what a tensor covers, and how much it varies."""

    low: np.ndarray
    high: np.ndarray
    variance: np.ndarray


class _Planner:
    def __init__(self, source, images, stays_float, ignore_offset):
        self._source = source
        self._model = source.model
        (self._graph,) = self._model.subgraphs
        self._all_families = channel_families(self._model)
        self._families = [
            family
            for family in self._all_families
            if not any(stays_float(self._name(t)) for t in family.tensors)
        ]
        self._costs = Costs(self._model)
        self._images = evenly(images, _IMAGES)
        self._score = sqnr_scorer(
            source.data,
            list(self._images),
            ignore_offset=ignore_offset and len(self._images) >= _OFFSET_IMAGES,
        )

    def run(self):
        self._ranges = self._observe()
        uneven = [f for f in self._families if self._is_uneven(f)]
        if not uneven:
            return Balanced(self._source)
        every = {family.name: EQUALIZE for family in uneven}
        least = _WORTH_SHARE * self._noise(every, self._families)
        moves = []
        for family in progress_bar(uneven, desc="comparing channels"):
            before = self._noise({}, [family])
            if before < least:
                continue
            for way, cost in self._ways(family):
                after = self._noise({family.name: way}, [family])
                if before - after > least:
                    moves.append(Move(family.name, way, before - after, cost))
        chosen = choose(moves, least)
        plan = {move.family: move.way for move in chosen}
        if not plan:
            return Balanced(self._source)
        before, after = (
            self._noise(which, self._families) for which in ({}, plan)
        )
        if after > before * 10 ** (-_LEAST_GAIN / 10):
            return Balanced(self._source)
        model, ranges = self._apply(plan)
        remove_unused(model)
        return Balanced(
            ParsedFile.pack(model),
            tuple(chosen),
            self._limits(plan, ranges),
        )

    def _limits(self, plan, ranges):
        limits = {}
        for family in self._families:
            if plan.get(family.name) != EQUALIZE:
                continue
            for tensor in family.gated:
                name = self._name(tensor)
                limits[gate_name(name)] = -GATE_RANGE, GATE_RANGE
                limits[name] = ranges[family.name][tensor][0], math.inf
        return limits

    def _observe(self):
        """Index of a tensor to its channels' ranges."""
        tensors = [t for family in self._families for t in family.tensors]
        lows, highs, sums, squares = ([] for _ in range(4))
        for arrays in observe_images(self._model, self._images, tensors):
            rows = [array.reshape(-1, array.shape[-1]) for array in arrays]
            lows.append([row.min(0) for row in rows])
            highs.append([row.max(0) for row in rows])
            sums.append([row.mean(0) for row in rows])
            squares.append([np.square(row).mean(0) for row in rows])

        def over_images(values, place, share):
            return np.quantile([v[place] for v in values], share, axis=0)

        found = {}
        for place, tensor in enumerate(tensors):
            mean = np.mean([v[place] for v in sums], axis=0)
            square = np.mean([v[place] for v in squares], axis=0)
            variance = square - mean**2
            # A channel that says nothing needs no levels.
            least = max(variance.max() * _LEAST_VARIANCE, 1e-30)
            found[tensor] = _Ranges(
                over_images(lows, place, 1 - _COVERED_IMAGES),
                over_images(highs, place, _COVERED_IMAGES),
                np.maximum(variance, least),
            )
        return found

    # === What a family would gain ===

    def _widths(self, family):
        """Largest value of each channel that has to be told apart."""
        widths = np.zeros(family.channels)
        for tensor in family.tensors:
            ranges = self._ranges[tensor]
            low = -ranges.low
            if tensor in family.gated:
                # SiLU is flat below.
                low = np.minimum(low, GATE_RANGE)
            widths = np.maximum(widths, np.maximum(ranges.high, low))
        return np.maximum(widths, widths.max() * 2.0**-_MOST_OCTAVES)

    def _is_uneven(self, family):
        widths = self._widths(family)
        if widths.max() <= 0:
            return False
        variance = np.max(
            [self._ranges[tensor].variance for tensor in family.tensors], axis=0
        )
        relative = widths**2 / variance
        alike = np.mean(relative)
        as_is = np.mean(widths.max() ** 2 / variance)
        return alike < _WORTH_TRYING * as_is

    def _ways(self, family):
        """What can be done, and its cost; scales are best if they are cheap."""
        most = self._costs.of(family, EQUALIZE)
        yield EQUALIZE, most
        groups = most_groups(self._model, family, self._families)
        for way in map(Way, range(2, min(groups, _MOST_GROUPS) + 1)):
            cost = self._costs.of(family, way)
            if cost < most:
                yield way, cost

    def _noise(self, plan: Mapping[str, Way], families):
        """Noise over signal if only some families are rounded to int8."""
        model, ranges = self._apply(plan)
        names = {family.name for family in families}
        rounded = {
            tensor: ends
            for family, tensors in ranges.items()
            if family in names
            for tensor, ends in tensors.items()
        }
        _round_to_int8(model, rounded)
        return 10 ** (-self._score(write_model(model)) / 10)

    def _apply(self, plan):
        """A transformed copy; family to tensor to `(low, high)` there."""
        # Together, so that the families are those of the copy.
        model, twins = copy.deepcopy((self._model, self._all_families))
        families = {family.name: family for family in twins}
        ranges = {}
        for family in self._families:
            twin, way = families[family.name], plan.get(family.name)
            factors = np.ones(family.channels)
            if way == EQUALIZE:
                widths = self._widths(family)
                factors = representable_factors(widths.max() / widths)
                scale_channels(model, twin, factors)
            ranges[family.name] = self._scaled_ranges(
                family, factors, way == EQUALIZE
            )
        # Last, since it replaces operations.
        for family in self._families:
            way = plan.get(family.name, EQUALIZE)
            if way != EQUALIZE:
                ranges[family.name] = self._split(
                    model,
                    families[family.name],
                    list(families.values()),
                    way.groups,
                )
        return model, ranges

    def _scaled_ranges(self, family, factors, clamped):
        ranges = {}
        widest = (factors * self._widths(family)).max()
        for tensor in family.tensors:
            found = self._ranges[tensor]
            low = float((factors * found.low).min())
            if clamped and tensor in family.gated:
                low = max(low, float(-widest))
            ranges[tensor] = low, float((factors * found.high).max())
        return ranges

    def _split(self, model, family, families, count):
        """Splits a family of `model`, and returns its new tensors' ranges."""
        (graph,) = model.subgraphs
        groups = groups_of_like_range(self._widths(family), count)
        found = [self._ranges[tensor] for tensor in family.tensors]
        first = len(graph.tensors)
        kinds = [self._name(t).rpartition("/")[2] for t in family.tensors]
        split_channels(model, family, families, groups)
        ranges = {}
        for index in range(first, len(graph.tensors)):
            _, number, kind = tensor_name(graph, index).rsplit("/", 2)
            if kind in kinds and number.isdigit():
                chosen = found[kinds.index(kind)]
                channels = groups[int(number)]
                ranges[index] = (
                    float(chosen.low[channels].min()),
                    float(chosen.high[channels].max()),
                )
        return ranges

    def _name(self, tensor):
        return tensor_name(self._graph, tensor)


def _round_to_int8(model, ranges: Mapping[int, tuple[float, float]]) -> None:
    """Lets float tensors pass through int8, in place."""
    (graph,) = model.subgraphs
    operators = []
    renamed: dict[int, int] = {}
    for op in graph.operators:
        op.inputs = [renamed.get(int(t), int(t)) for t in op.inputs]
        operators.append(op)
        for tensor in map(int, op.outputs):
            if tensor not in ranges:
                continue
            low, high = ranges[tensor]
            low, high = min(low, 0.0), max(high, 0.0)
            scale = max(high - low, 1e-12) / _LEVELS
            name, shape = (
                tensor_name(graph, tensor),
                graph.tensors[tensor].shape,
            )
            rounded = add_tensor(model, f"{name}/rounded", INT8, shape)
            set_quantization(
                graph.tensors[rounded], scale, round(-128 - low / scale)
            )
            renamed[tensor] = add_tensor(model, f"{name}/float", FLOAT32, shape)
            operators += [
                make_operation(model, "QUANTIZE", [tensor], [rounded]),
                make_operation(
                    model, "DEQUANTIZE", [rounded], [renamed[tensor]], 2
                ),
            ]
    graph.operators = operators
