"""How near the outputs of a quantized file are to those of the float32 file.

SQNR in dB, the power of the float outputs over that of the error. Of the
outputs only what carries information counts as signal, or a file that gives the
same answer to every picture would pass. So each kind of output has a measure of
its own:

- Class scores, of a picture, a pixel or an anchor: logits, less their mean over
  the classes, which changes no answer. A single score is that of the second of
  two classes.
- Scores of several labels, each by itself: logits, less the mean of each label
  over all images.
- All else, such as offsets of boxes and feature maps: values less the mean of
  their channel over all images and positions. The error is the whole error.

A detector's logits and offsets are measured apart, and so are several outputs
of other models; the lowest of them is the figure.

Probabilities that were rounded to 8 bits say nothing of the logits of
improbable classes. A file that ends in such is measured in front of its
softmax or sigmoid, where its logits are: how finely the output is written was
chosen with its type.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from keras_mobilevit.tflite.editing import set_outputs, signature_outputs
from keras_mobilevit.tflite.flatbuffer import (
    INT8,
    UINT8,
    ParsedFile,
    op_name,
    write_model,
)
from keras_mobilevit.tflite.metrics import (
    decibels,
    powers,
    same_answer,
    same_labels,
    sqnr,
)
from keras_mobilevit.tflite.output_scores import output_scores
from keras_mobilevit.tflite.scoring import predict_outputs

# JSON has no infinity, and no figure beyond this one means anything.
_LIMIT = 200.0
_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")
_ACTIVATIONS = ("SOFTMAX", "LOGISTIC")
_BOX = 4


@dataclasses.dataclass(frozen=True)
class Fidelity:
    """How near a file is to the float32 file.

    Attributes:
        sqnr: Signal to quantization noise in dB, within ±200; of several parts
            the lowest.
        agreement: Share in [0, 1] of the images, or of the pixels of a
            network that segments, whose first class is the same; of several
            labels of an image, the share that is the same; `None` where
            there are no classes, and for detectors.
        images: Number of images that it was measured on.
        parts: Name of a part of the outputs, such as `"logits"` and
            `"boxes"`, to its SQNR in dB.

    Example:
        >>> from keras_mobilevit import tflite
        >>> fidelity = tflite.Fidelity(
        ...     sqnr=23.4, agreement=0.95, images=20, parts={"logits": 23.4}
        ... )
        >>> f"{fidelity.sqnr} dB, {fidelity.agreement:.0%} agreement"
        '23.4 dB, 95% agreement'
    """

    sqnr: float
    agreement: float | None
    images: int
    parts: Mapping[str, float]


def fidelity_meter(
    float_model: bytes,
    images: Sequence[np.ndarray],
    task: str,
    problem_type: str | None = None,
) -> Callable[[bytes], Fidelity]:
    """Measures files against a float one, on images.

    Args:
        float_model: File from `keras_mobilevit.tflite.convert`.
        images: At least one, `(height, width, channels)`, pixels in [0, 255].
        task: One of `keras_mobilevit.configs.TASKS`: what the outputs are.
        problem_type: Of a classifier, one of
            `keras_mobilevit.model_info.PROBLEM_TYPES`; by default its last
            operation tells.

    Returns:
        A function of a file with the same outputs, of any types. What
        `OutputHead.finish` adds must not be in it: boxes that were selected, or
        class ids, can not be compared in dB.

    Example:
        >>> import pathlib
        >>> import numpy as np
        >>> from keras_mobilevit import tflite
        >>> float_model = pathlib.Path("model.tflite").read_bytes()
        >>> images = np.random.default_rng(0).uniform(0, 255, (8, 32, 48, 3))
        >>> measure = tflite.fidelity_meter(
        ...     float_model, images, "classification"
        ... )
        >>> fidelity = measure(pathlib.Path("int8.tflite").read_bytes())
        >>> fidelity.images, fidelity.sqnr > 0
        (8, True)
    """
    source = ParsedFile.parse(float_model)
    measure = parsed_meter(source, images, task, problem_type)
    return lambda file: measure(ParsedFile.parse(file))


def parsed_meter(
    source: ParsedFile,
    images: Sequence[np.ndarray],
    task: str,
    problem_type: str | None = None,
) -> Callable[[ParsedFile], Fidelity]:
    """As `fidelity_meter`, of files that are parsed already."""
    references = {}
    # A graph tells what its outputs are; their values need not be asked.
    kind = "probabilities" if _softmax_inputs(source.model) else "logits"
    if problem_type is None:
        problem_type = output_scores(source.model).problem_type

    def measure(file):
        logits = None
        if problem_type != "regression":
            logits = _without_rounded_softmax(file)
        cut = logits is not None
        if cut not in references:
            # Probabilities in float tell their logits well enough.
            reference = _without_softmax(source) if cut else None
            references[cut] = predict_outputs(reference or source.data, images)
        outputs = predict_outputs(logits if cut else file.data, images)
        return _compare(
            *(references[cut], outputs, task),
            *("logits" if cut else kind, problem_type),
        )

    return measure


def fidelity_facts(
    fidelity: Fidelity,
    threshold: float | None,
    *,
    escalated_layers: Sequence[str] = (),
    before: Fidelity | None = None,
) -> dict[str, Any]:
    """What a file's metadata says of its fidelity.

    Args:
        fidelity: Of the file as it is.
        threshold: `min_sqnr` of the export in dB, `None` or 0 for none.
        escalated_layers: Layers that were moved to float to reach it.
        before: Fidelity without that.

    Returns:
        JSON object with `sqnr_db`, `agreement_percent` (or null), `images`,
        `threshold_db` (or null), `parts_db`, `escalated`, `escalated_layers`
        and, if escalated, `sqnr_before_db`.
    """
    agreement = fidelity.agreement
    facts = {
        "sqnr_db": round(fidelity.sqnr, 3),
        "agreement_percent": (
            None if agreement is None else round(100 * agreement, 3)
        ),
        "images": fidelity.images,
        "threshold_db": threshold or None,
        "parts_db": {
            name: round(part, 3) for name, part in fidelity.parts.items()
        },
        "escalated": bool(escalated_layers),
        "escalated_layers": list(escalated_layers),
    }
    if before is not None:
        facts["sqnr_before_db"] = round(before.sqnr, 3)
    return facts


def describe_fidelity(recipe: str, facts: Mapping[str, Any]) -> str:
    """One line on what `fidelity_facts` gave, of a recipe by its name.

    Facts out of a file may be of a version that has others: it says so then.
    """
    try:
        return _describe(recipe, facts)
    except (KeyError, TypeError, ValueError) as error:
        return f"{recipe} against float32: in another form than here ({error})"


def _describe(recipe, facts):
    images = f"{facts['images']} reserved images"
    line = f"{recipe} against float32 on {images}: {facts['sqnr_db']:.1f} dB"
    if facts["agreement_percent"] is not None:
        line += f", {facts['agreement_percent']:.4g} % agreement"
    if facts["escalated"]:
        layers = ", ".join(facts["escalated_layers"])
        line += f"; {facts['sqnr_before_db']:.1f} dB without {layers} in float"
    return line


# === Comparison ===


def _compare(reference, outputs, task, kind, problem_type):
    parts = _parts(*_paired(reference, outputs), task, problem_type)
    measured, agreements = {}, []
    for name, (expected, actual, has_classes) in parts.items():
        if not has_classes:
            measured[name] = _plain(expected, actual)
        elif expected.ndim == 2:
            measured[name] = sqnr(
                *(expected, actual, kind),
                problem_type=problem_type or "single_label",
            )
        else:
            measured[name] = _centred(expected, actual, kind)
        if has_classes and task != "detection":
            same = _same(expected, actual, kind, problem_type)
            agreements.append(float(np.mean(same)))
    measured = {name: _bounded(value) for name, value in measured.items()}
    return Fidelity(
        sqnr=min(measured.values()),
        agreement=agreements[0] if len(agreements) == len(parts) == 1 else None,
        images=len(next(iter(outputs.values()))),
        parts=measured,
    )


def _same(expected, actual, kind, problem_type):
    """Whether answers are the same, each of them."""
    if expected.ndim == 2:
        same = same_labels if problem_type == "multi_label" else same_answer
        return same(expected, actual, kind)
    return expected.argmax(axis=-1) == actual.argmax(axis=-1)


def _paired(reference, outputs):
    """The outputs in the reference's order; other converters rename them."""
    if reference.keys() != outputs.keys():
        outputs = dict(zip(reference, outputs.values(), strict=True))
    return reference, {name: outputs[name] for name in reference}


def _parts(reference, outputs, task, problem_type):
    """Name -> (expected, actual, whether the last axis is one of classes)."""
    pairs = {n: (value, outputs[n]) for n, value in reference.items()}
    first, *others = pairs.values()
    if task == "detection" and not others:
        # As `Raw` joins them.
        return {
            "boxes": (*(array[..., :_BOX] for array in first), False),
            "logits": (*(array[..., _BOX:] for array in first), True),
        }
    if task == "detection":
        # As `Nms` wants them.
        (scores,) = others
        return {"boxes": (*first, False), "logits": (*scores, True)}
    if not others:
        value, _ = first
        if value.ndim == 2:
            has_classes = problem_type != "regression"
        else:
            # One value has nothing to be centred over.
            has_classes = value.shape[-1] > 1 and task == "segmentation"
        return {"logits" if has_classes else "values": (*first, has_classes)}
    return {name: (*pair, False) for name, pair in pairs.items()}


def _plain(reference, outputs):
    axes = tuple(range(reference.ndim - 1))
    mean = reference.mean(axes, np.float64)
    signal = noise = 0.0
    # One by one: maps at the size of the input are large.
    for expected, actual in zip(reference, outputs, strict=True):
        signal += np.sum((expected - mean) ** 2)
        noise += np.sum((actual.astype(np.float64) - expected) ** 2)
    return decibels(signal, noise)


def _centred(reference, outputs, kind):
    """As `sqnr`, but with classes at every position."""
    signal = noise = 0.0
    classes = reference.shape[-1]
    for expected, actual in zip(reference, outputs, strict=True):
        pair = (values.reshape(-1, classes) for values in (expected, actual))
        signals, noises = powers(*pair, kind)
        signal += signals.sum()
        noise += noises.sum()
    return decibels(signal, noise)


def _bounded(value):
    return float(np.clip(value, -_LIMIT, _LIMIT))


# === Softmax ===


def _without_rounded_softmax(file):
    """The file that gives logits, if its probabilities have 8 bits."""
    return _without_softmax(file, only_rounded=True)


def _without_softmax(file, only_rounded=False):
    found = {
        name: tensor
        for name, (tensor, rounded) in _softmax_inputs(file.model).items()
        if rounded or not only_rounded
    }
    if not found:
        return None
    model = file.copy_model()
    set_outputs(model, {**signature_outputs(model), **found})
    return write_model(model)


def _softmax_inputs(model):
    """Outputs of a softmax or sigmoid -> (its input, whether 8 bits follow)."""
    if len(model.subgraphs) != 1 or len(model.signatureDefs or ()) != 1:
        return {}
    (graph,) = model.subgraphs
    producers = {t: op for op in graph.operators for t in op.outputs}
    found = {}
    for name, tensor in signature_outputs(model).items():
        rounded = False
        while (op := producers.get(tensor)) is not None:
            rounded |= graph.tensors[tensor].type in (INT8, UINT8)
            (tensor, *_) = op.inputs
            if op_name(model, op) not in _CONVERSIONS:
                break
        if op is not None and op_name(model, op) in _ACTIVATIONS:
            found[name] = tensor, rounded
    return found
