"""Evaluations as tables for people, and as data that JSON can hold."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from keras_mobilevit.markdown_tables import markdown_table
from keras_mobilevit.tflite.evaluation.detection import DetectionEvaluation
from keras_mobilevit.tflite.evaluation.evaluate import Evaluation
from keras_mobilevit.tflite.evaluation.multi_label import (
    MultiLabelEvaluation,
)
from keras_mobilevit.tflite.evaluation.regression import RegressionEvaluation
from keras_mobilevit.tflite.evaluation.segmentation import (
    SegmentationEvaluation,
)
from keras_mobilevit.tflite.inspection.inspect import Inspection

_CLASSIFIER = ("top-1 %", "top-5 %", "ECE %", "Δ top-1", "agreement %")
_LABELS = ("mAP %", "label acc. %", "Δ mAP", "agreement %")
_VALUES = ("RMSE", "R²", "Δ RMSE", "deviation")
_DETECTOR = ("mAP %", "AP50 %", "AP75 %", "S %", "M %", "L %", "Δ mAP")
_SEGMENTER = ("mIoU %", "pixel acc. %", "Δ mIoU", "agreement %")


def to_table(
    results: Mapping[str, Any], files: Mapping[str, Inspection]
) -> str:
    """Returns a Markdown table of evaluations of one task, one row each.

    Args:
        results: Name of a model -> its evaluation, all of one type; the first
            is the reference.
        files: Names of those that are `.tflite` files -> what is in them.
    """
    (first, *_) = results
    header, cells = {
        Evaluation: ((*_CLASSIFIER, "SQNR dB"), _classifier),
        MultiLabelEvaluation: ((*_LABELS, "SQNR dB"), _labels),
        RegressionEvaluation: ((*_VALUES, "SQNR dB"), _values),
        DetectionEvaluation: (_DETECTOR, _detector),
        SegmentationEvaluation: (_SEGMENTER, _segmenter),
    }[type(results[first])]
    rows = [
        (
            name,
            *cells(result, name == first),
            *_file_cells(files.get(name)),
        )
        for name, result in results.items()
    ]
    return markdown_table(("model", *header, "bytes", "delegated"), rows)


def to_record(result: Any, file: Inspection | None) -> dict[str, Any]:
    """An evaluation as data.

    JSON knows neither infinity nor what is not a number: they become null.

    Args:
        result: As in `to_table`.
        file: What is in the file, if it is one.
    """
    facts = dataclasses.asdict(result)
    if file:
        facts |= {
            "bytes": file.size,
            "nodes": file.nodes,
            "delegated": file.delegated,
            "partitions": file.partitions,
        }
    return _finite(facts)


def _finite(value):
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _classifier(result: Evaluation, is_first: bool) -> tuple[str, ...]:
    against_first = (
        _percent(result.difference, result.difference_interval, sign="+"),
        _percent(result.agreement),
        f"{result.sqnr:.1f}",
    )
    return (
        _percent(result.top1, result.top1_interval),
        _percent(result.top5),
        _percent(result.calibration_error),
        *(("-", "-", "-") if is_first else against_first),
    )


def _labels(result: MultiLabelEvaluation, is_first: bool) -> tuple[str, ...]:
    against_first = (
        _percent(result.difference, sign="+"),
        _percent(result.agreement),
        f"{result.sqnr:.1f}",
    )
    return (
        _percent(result.mean_average_precision),
        _percent(result.label_accuracy),
        *(("-", "-", "-") if is_first else against_first),
    )


def _values(result: RegressionEvaluation, is_first: bool) -> tuple[str, ...]:
    against_first = (
        _number(result.difference, sign="+"),
        _number(result.deviation),
        f"{result.sqnr:.1f}",
    )
    return (
        _number(result.rmse),
        _number(result.r2),
        *(("-", "-", "-") if is_first else against_first),
    )


def _detector(result: DetectionEvaluation, is_first: bool) -> tuple[str, ...]:
    metrics = result.metrics
    return (
        *map(
            _percent,
            (
                metrics.ap,
                metrics.ap50,
                metrics.ap75,
                metrics.ap_small,
                metrics.ap_medium,
                metrics.ap_large,
            ),
        ),
        "-" if is_first else _percent(result.difference, sign="+"),
    )


def _segmenter(
    result: SegmentationEvaluation, is_first: bool
) -> tuple[str, ...]:
    against_first = (
        _percent(result.difference, result.difference_interval, sign="+"),
        _percent(result.agreement),
    )
    return (
        _percent(result.mean_iou),
        _percent(result.pixel_accuracy),
        *(("-", "-") if is_first else against_first),
    )


def _file_cells(file):
    if file is None:
        return "", ""
    return (
        f"{file.size:,}",
        f"{file.delegated}/{file.nodes} in {file.partitions}",
    )


def _number(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.4g}"


def _percent(
    share: float | None,
    interval: tuple[float, float] | None = None,
    sign: str = "",
) -> str:
    """`"84.21 [83.48, 84.91]"`; `"-"` for what is unknown."""
    if share is None or math.isnan(share):
        return "-"
    text = f"{100 * share:{sign}.2f}"
    if interval:
        low, high = (f"{100 * end:{sign}.2f}" for end in interval)
        text += f" [{low}, {high}]"
    return text
