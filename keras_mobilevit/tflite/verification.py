"""An int8 file that is compared with float32 before anyone trusts it.

What an export with calibration does between the statistics and the file: drop
what the model can not afford, quantize, measure on the reserved images, and if
that is too far from float32, move layers to float until it is not. Files whose
weights alone are int8 have nothing to drop or to move: they are measured.
"""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from keras_mobilevit.text_formatting import abbreviate, counted
from keras_mobilevit.tflite.accuracy_guard import GUARDED_FIELDS, guard_accuracy
from keras_mobilevit.tflite.benchmarks.latency import measure_latency
from keras_mobilevit.tflite.compatibility.compatible import make_compatible
from keras_mobilevit.tflite.delegation_check import (
    is_for_xnnpack,
    warn_of_gaps,
)
from keras_mobilevit.tflite.flatbuffer import ParsedFile
from keras_mobilevit.tflite.options import ExportOptions
from keras_mobilevit.tflite.output_fidelity import (
    Fidelity,
    fidelity_facts,
    parsed_meter,
)
from keras_mobilevit.tflite.output_heads.output_head import OutputHead
from keras_mobilevit.tflite.quantization.calibration_set import (
    FEWEST_RESERVED,
    CalibrationSet,
)
from keras_mobilevit.tflite.quantization.prepare import Prepared
from keras_mobilevit.tflite.quantization.quantize import quantize_parsed
from keras_mobilevit.tflite.quantization.recipes import Recipe
from keras_mobilevit.tflite.quantization.sequential_correction import (
    correct_biases_in_sequence,
)
from keras_mobilevit.tflite.quantization.weight_rounding import round_weights
from keras_mobilevit.tflite.search.layer_ranking import (
    LayerSensitivity,
    TargetNotReached,
    moved_layers,
    rank_layers,
    search_recipe,
)

# Layers are ranked on at most so many images. The order needs no more, and each
# layer costs an inference of every image.
_RANKING_IMAGES = 32
_WORST_LAYERS = 3
_RUNS, _WARMUP = 20, 3


@dataclasses.dataclass(frozen=True)
class Verified:
    """What `quantize_verified` or `round_verified` made.

    Attributes:
        quantized: The file, before its output head.
        recipe: The recipe that was really used.
        facts: For `ModelInfo.fidelity`; empty if there were no images to
            measure on.
    """

    quantized: ParsedFile
    recipe: Recipe
    facts: Mapping[str, Any]


def quantize_verified(
    prepared: Prepared,
    recipe: Recipe,
    images: CalibrationSet,
    output_head: OutputHead,
    options: ExportOptions,
) -> Verified:
    """Quantizes a float file and makes sure that it is near to it.

    Args:
        prepared: From `keras_mobilevit.tflite.quantization.prepare`, by
            `images.images` alone.
        recipe: As the user chose it, with int8 activations.
        images: Calibrating and reserved images. The latter measure, and tell
            an escalation when to stop; all else uses the former.
        output_head: What the file shall end in.
        options: `compat`, `min_sqnr` and `escalate` are obeyed.

    Returns:
        The file by the recipe, less the fields in `GUARDED_FIELDS` that would
        cost accuracy; if it had to be escalated, by one with more layers in
        float.

    Warns:
        UserWarning: If the file was escalated; if it is farther from float32
            than `min_sqnr`; if too few images were reserved to tell; or if
            XNNPACK leaves a part of it to slower kernels.
    """
    kept = guard_accuracy(
        prepared.file,
        output_head.adapt(recipe),
        prepared.calibration,
        images.images,
        options.compat,
        options.problem_type,
    )
    fields = {field: getattr(kept.recipe, field) for field in GUARDED_FIELDS}
    recipe = dataclasses.replace(recipe, **fields)
    quantized = _fit(kept.model, prepared, kept.recipe, images, options.compat)
    verified = Verified(quantized, recipe, {})
    if _enough_reserved(recipe.name, images):
        # Not against the balanced graph: a fault in it would go unseen.
        measure = parsed_meter(
            *(prepared.source, images.reserved),
            *(output_head.task, options.problem_type),
        )
        fidelity = measure(verified.quantized)
        facts = fidelity_facts(fidelity, options.min_sqnr)
        facts["balanced"] = [
            f"{move.family}: {move.way}" for move in prepared.moves
        ]
        verified = dataclasses.replace(verified, facts=facts)
        if is_too_far(fidelity, options.min_sqnr):
            verified = _handle_low(
                *(verified, prepared, kept.recipe, images),
                *(measure, fidelity, output_head, options),
            )
    warn_of_gaps(verified.recipe, verified.quantized.data)
    return verified


def round_verified(
    source: ParsedFile,
    recipe: Recipe,
    images: CalibrationSet,
    output_head: OutputHead,
    options: ExportOptions,
) -> Verified:
    """Rounds the weights of a file by images, and measures how near it is.

    Args:
        source: Float file; it stays as it is.
        recipe: As the user chose it, with `moment_rounding`, and without
            ranges of activations that need calibration.
        images: Those that weights are rounded by, and reserved ones, which
            only measure.
        output_head: What the file shall end in.
        options: `compat` and `min_sqnr` are obeyed.

    Returns:
        The file by the recipe.

    Warns:
        UserWarning: If the file is farther from float32 than `min_sqnr`, or
            too few images were reserved to tell; or if XNNPACK leaves a part
            of it to slower kernels.
    """
    model = quantize_parsed(source, output_head.adapt(recipe))
    if options.compat:
        make_compatible(model, options.compat)
    round_weights(model, source.model, images.images)
    verified = Verified(ParsedFile.pack(model), recipe, {})
    warn_of_gaps(recipe, verified.quantized.data)
    if not _enough_reserved(recipe.name, images):
        return verified
    measure = parsed_meter(
        *(source, images.reserved, output_head.task, options.problem_type)
    )
    fidelity = measure(verified.quantized)
    if is_too_far(fidelity, options.min_sqnr):
        problem = _problem(recipe.name, fidelity, options.min_sqnr)
        _warn(f"{problem} {_advice(recipe)}")
    facts = fidelity_facts(fidelity, options.min_sqnr)
    return dataclasses.replace(verified, facts=facts)


def is_too_far(fidelity: Fidelity, min_sqnr: float | None) -> bool:
    """Whether a file misses the threshold of an export, in dB, if any."""
    return bool(min_sqnr) and fidelity.sqnr < min_sqnr


def verify_foreign(
    name: str,
    source: ParsedFile,
    quantized: ParsedFile,
    images: CalibrationSet,
    output_head: OutputHead,
    options: ExportOptions,
) -> Mapping[str, Any]:
    """Measures a file that another converter quantized.

    Args:
        name: Of its recipe, for messages.
        source: Float file.
        quantized: The file, before its output head.
        images: As in `quantize_verified`.
        output_head: As in `quantize_verified`.
        options: `min_sqnr` is obeyed.

    Returns:
        For `ModelInfo.fidelity`; empty if there were no images to measure on.

    Warns:
        UserWarning: If it is farther from float32 than `min_sqnr`, or too few
            images were reserved to tell.
    """
    if not _enough_reserved(name, images):
        return {}
    measure = parsed_meter(
        *(source, images.reserved, output_head.task, options.problem_type)
    )
    fidelity = measure(quantized)
    if is_too_far(fidelity, options.min_sqnr):
        _warn(
            f"{_problem(name, fidelity, options.min_sqnr)} Use "
            "`export_tflite` instead."
        )
    return fidelity_facts(fidelity, options.min_sqnr)


def _enough_reserved(name, images):
    """Whether there is any image to measure on; warns if there are few."""
    reserved, total = len(images.reserved), len(images.images)
    if reserved < FEWEST_RESERVED:
        outcome = (
            f"only {reserved} of {reserved + total} images were reserved, so "
            "that figure is uncertain"
            if reserved
            else "there is no image left for it"
        )
        _warn(
            f"{name} is compared with float32 on images that did not "
            f"calibrate, but {outcome}: give at least {2 * FEWEST_RESERVED} "
            "different calibration images, better a hundred."
        )
    return reserved > 0


def _handle_low(
    verified: Verified,
    prepared: Prepared,
    kept: Recipe,
    images: CalibrationSet,
    measure: Callable[[ParsedFile], Fidelity],
    fidelity: Fidelity,
    output_head: OutputHead,
    options: ExportOptions,
) -> Verified:
    """Escalates a file that is too far from float32, or warns of it."""
    step = -(-len(images.images) // _RANKING_IMAGES)
    ranking = images.images[::step]
    source, calibration = prepared.file, prepared.calibration
    meter = parsed_meter(
        source, ranking, output_head.task, options.problem_type
    )
    layers = rank_layers(
        *(source, kept, calibration, ranking),
        score=lambda file: meter(file).sqnr,
        compat=options.compat,
    )
    name, target = verified.recipe.name, options.min_sqnr
    problem = _problem(name, fidelity, target)
    if not options.escalate or not is_for_xnnpack(verified.recipe):
        _warn(f"{problem} {_worst(layers)} {_advice(verified.recipe)}")
        return verified
    try:
        found, steps = search_recipe(
            *(source, kept, calibration, layers),
            *(lambda file: measure(file).sqnr, target, options.compat),
        )
    except TargetNotReached as error:
        found, steps = error.recipe, error.steps
    moved = moved_layers(steps)
    if not moved:
        _warn(
            f"{problem} Moving layers to float does not help. {_worst(layers)} "
            f"{_advice(verified.recipe)}"
        )
        return verified
    model = quantize_parsed(source, found, calibration)
    escalated = _fit(model, prepared, found, images, options.compat)
    after = measure(escalated)
    ratio = _latency_ratio(verified.quantized.data, escalated.data)
    outcome = (
        f"{problem} With {counted(len(moved), 'layer')} in float, "
        f"{abbreviate(moved, 8)}, it has "
        f"{after.sqnr:.1f} dB and takes {ratio:.2f} times as long, measured "
        "here"
    )
    if is_too_far(after, target):
        _warn(
            f"{outcome}. That is the best that was found, and it is still too "
            f"little. {_advice(verified.recipe)}"
        )
    else:
        _warn(f"{outcome}; so it was written. `escalate=False` prevents that.")
    facts = fidelity_facts(
        after, target, escalated_layers=moved, before=fidelity
    )
    return Verified(escalated, found, {**verified.facts, **facts})


def _fit(model, prepared, recipe, images, compat):
    """Fits weights and biases of a quantized model to images, and packs it."""
    source = prepared.file.model
    # First: older runtimes take other scales.
    if compat:
        make_compatible(model, compat)
    if recipe.moment_rounding:
        round_weights(model, source, images.images)
    if recipe.sequential_bias:
        correct_biases_in_sequence(model, source, images.images)
    return ParsedFile.pack(model)


def _problem(name: str, fidelity: Fidelity, target: float) -> str:
    return (
        f"{name} has {fidelity.sqnr:.1f} dB against float32 on "
        f"{fidelity.images} reserved images, less than min_sqnr={target:g}."
    )


def _worst(layers: Sequence[LayerSensitivity]) -> str:
    worst = sorted(layers, key=lambda layer: layer.sqnr)[:_WORST_LAYERS]
    named = ", ".join(f"{x.layer} ({x.sqnr:.1f} dB)" for x in worst)
    return f"The layers that lose most if quantized alone are {named}."


def _advice(recipe: Recipe) -> str:
    if not recipe.needs_calibration:
        better = "float16"
    elif recipe.name.startswith("int8_accurate"):
        better = "dynamic"
    else:
        better = "int8_accurate"
    return f"Use the recipe {better!r} instead."


def _latency_ratio(plain, escalated):
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, file in (("plain", plain), ("escalated", escalated)):
            paths.append(pathlib.Path(folder, f"{name}.tflite"))
            paths[-1].write_bytes(file)
        before, after = measure_latency(paths, _RUNS, warmup=_WARMUP)
    return after / before


def _warn(message):
    # Whoever called the export is at no fixed distance.
    warnings.warn(message, stacklevel=2)
