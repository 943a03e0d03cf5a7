"""A report on one quantized file: what it costs, and where it loses."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence
from dataclasses import asdict, astuple

import numpy as np

from keras_mobilevit.atomic_files import atomic_write
from keras_mobilevit.machine import describe_machine
from keras_mobilevit.optional_imports import import_optional
from keras_mobilevit.tflite.benchmarks.latency_plot import latency_plot
from keras_mobilevit.tflite.benchmarks.latency_tables import (
    to_footnote,
    to_json,
)
from keras_mobilevit.tflite.benchmarks.result_summaries import (
    machine_name,
    summarize_results,
)
from keras_mobilevit.tflite.evaluation.evaluate import Evaluation
from keras_mobilevit.tflite.output_fidelity import describe_fidelity
from keras_mobilevit.tflite.quantization_debugging.tensor_noise import (
    by_layer,
    noisiest_ops,
)
from keras_mobilevit.tflite.report.findings import measure
from keras_mobilevit.tflite.report.other_machines import (
    how_measured,
    read_other_machines,
    side_by_side,
)
from keras_mobilevit.tflite.report.pages import Section, to_html, to_markdown
from keras_mobilevit.tflite.report.plots import histogram_plot, sqnr_plot

_NOISIEST_OPS = 20
_SPREAD = (50, 5, 95)  # percentiles


def write_report(
    path: str | os.PathLike,
    quantized: str | os.PathLike,
    reference: str | os.PathLike,
    *,
    data: str | os.PathLike | None = None,
    images: str | os.PathLike | None = None,
    limit: int | None = None,
    runs: int = 100,
    num_threads: int = 1,
    results: Sequence[str | os.PathLike] = (),
) -> list[pathlib.Path]:
    """Measures a quantized file and writes what was found.

    Args:
        path: HTML page to write, ending in `.html`. It needs no other file.
            The same in Markdown, without the plots, is written beside it.
        quantized: The `.tflite` file to report on.
        reference: The float32 file of the same model.
        data: Folder or tar of `<class>/<picture>`, for the accuracy.
        images: Folder or tar of pictures that the tensors are compared on, a
            hundred at most; by default those of `data`. Without `data`, the
            files' answers are compared on them as well.
        limit: Use at most so many pictures, spread evenly.
        runs: Timed rounds.
        num_threads: Threads of the timed interpreters.
        results: JSON files that `keras-mobilevit benchmark` or the Android
            app wrote, of the same two files on other machines.

    Returns:
        The two files that were written, HTML first.

    Raises:
        FileNotFoundError: If something to read does not exist.
        ValueError: If the files are not of one model, or an argument is
            missing, or `results` are of other files.
        ImportError: If the `tflite` or `report` extra is not installed.

    Warns:
        UserWarning: Of pictures that can not be read, which are left out.
    """
    path = pathlib.Path(path)
    if path.suffix != ".html":
        raise ValueError(f"`path` must end in .html. Received: path={path}")
    if data is None and images is None:
        raise ValueError(
            "A report needs pictures: `data` with labels, or `images` without."
        )
    if limit is not None and limit < 1:
        raise ValueError(f"`limit` must be at least 1. Received: limit={limit}")
    import_optional("matplotlib", extra="report")  # before minutes of work
    others = read_other_machines(
        results,
        {"float": reference, "quantized": quantized},
        machine_name({"kind": "host", **describe_machine()}),
    )
    findings = measure(
        *(quantized, reference, data, images, limit, runs, num_threads)
    )
    title = (
        f"{pathlib.Path(quantized).name}, "
        f"quantized from {pathlib.Path(reference).name}"
    )
    sections = [
        *_costs(findings.measurements, findings.machine, others),
        *([_answers(findings.evaluations)] if findings.evaluations else []),
        _origin(findings.info),
        _layers(findings.tensors),
        _culprits(findings.tensors, findings.samples),
        _operations(findings.measurements[1].inspection),
    ]
    pages = {
        path: to_html(title, sections),
        path.with_suffix(".md"): to_markdown(title, sections),
    }
    for page, text in pages.items():
        atomic_write(page, text.encode())
    return list(pages)


def _costs(measurements, machine, others):
    def row(title, text):
        return title, *map(text, measurements)

    here = summarize_results(to_json(measurements, machine))
    summaries = [*here, *(s for other in others for s in other.summaries)]
    yield Section(
        title="Size and speed",
        text=to_footnote(measurements, machine),
        header=("", *(item.name for item in measurements)),
        rows=[
            row("bytes", lambda m: f"{m.inspection.size:,}"),
            row("nodes in XNNPACK", lambda m: _delegation(m.inspection)),
            row("left out", lambda m: _left_out(m.inspection)),
            row("threads", lambda m: str(m.num_threads)),
            row(
                "ms, median (p5 to p95)",
                lambda m: _spread(np.percentile(m.ms, _SPREAD)),
            ),
            row("speed-up (p5 to p95)", lambda m: _spread(astuple(m.speedup))),
            row("init ms", lambda m: f"{m.start.init_ms:.1f}"),
            row("first ms", lambda m: f"{m.start.first_inference_ms:.1f}"),
            row("memory MB", lambda m: _megabytes(m.start)),
        ],
        plot=latency_plot(summaries),
    )
    if others:
        yield side_by_side(summaries)
        yield how_measured(others)


def _delegation(inspection):
    return (
        f"{inspection.delegated} of {inspection.nodes}, "
        f"in {inspection.partitions} partition(s)"
    )


def _left_out(inspection):
    groups = [f"{g.nodes} {g.kind} ({g.reason})" for g in inspection.reasons]
    return ", ".join(groups) or "nothing"


def _spread(values):
    middle, low, high = values
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _megabytes(start):
    kilobytes = start.overall_footprint_kb
    return "unknown" if kilobytes is None else f"{kilobytes / 1024:.1f}"


def _answers(evaluations):
    first, *_ = evaluations
    if not isinstance(first, Evaluation):
        return _other_answers(evaluations)
    shares = (
        ("top-1", "top1"),
        ("top-5", "top5"),
        ("top-1, difference", "difference"),
        ("same answer", "agreement"),
    )
    return Section(
        title="Answers",
        text=f"On {evaluations[0].images:,} pictures, with 95 % intervals.",
        header=("", "float", "quantized"),
        rows=[
            (title, *(_share(result, field) for result in evaluations))
            for title, field in shares
            # Labelled pictures of few classes have a top-1 alone.
            if field != "top5"
            or any(e.top5 is not None or e.top1 is None for e in evaluations)
        ]
        + [("SQNR of the logits", *(_db(e.sqnr) for e in evaluations))],
    )


# Field of an evaluation of labels or values -> its row, and how to write it.
_OTHER_ROWS = {
    "mean_average_precision": ("mAP", "{:.2%}"),
    "label_accuracy": ("labels that are right at 0.5", "{:.2%}"),
    "agreement": ("same labels", "{:.2%}"),
    "rmse": ("RMSE", "{:.4g}"),
    "r2": ("R²", "{:.4g}"),
    "deviation": ("root mean square of the difference", "{:.4g}"),
}


def _other_answers(evaluations):
    """Of several labels, or of values."""
    first, *_ = evaluations
    return Section(
        title="Answers",
        text=f"On {first.images:,} pictures.",
        header=("", "float", "quantized"),
        rows=[
            (
                title,
                *(
                    "no labels"
                    if (value := getattr(result, field)) is None
                    else form.format(value)
                    for result in evaluations
                ),
            )
            for field, (title, form) in _OTHER_ROWS.items()
            if hasattr(first, field)
        ]
        + [("SQNR", *(_db(e.sqnr) for e in evaluations))],
    )


def _share(evaluation, field):
    value = getattr(evaluation, field)
    if value is None:
        return "no labels"
    low, high = getattr(evaluation, f"{field}_interval")
    return f"{value:.2%} ({low:.2%} to {high:.2%})"


def _db(value):
    return f"{value:.1f} dB"


def _origin(info):
    return Section(
        title="Origin and recipe",
        text="\n".join(
            [
                "What the quantized file says of itself.",
                *_fidelity(info),
            ]
        ),
        header=("fact", "value"),
        rows=list(_facts(asdict(info))),
    )


def _fidelity(info):
    if info.fidelity:
        yield describe_fidelity(info.recipe, info.fidelity)


def _facts(facts):
    for name, value in facts.items():
        if isinstance(value, dict):
            for inner, text in _facts(value):
                yield f"{name}: {inner}", text
        elif isinstance(value, (list, tuple)):
            yield name, ", ".join(map(str, value)) or "none"
        else:
            yield name, "none" if value is None else str(value)


def _layers(tensors):
    return Section(
        title="SQNR by layer",
        text="Signal to quantization noise against the float file, in the "
        "order of the graph; higher is better. 'All noise' is what goes on to "
        "the next layer; 'own noise' is only what the operations of the layer "
        "make themselves. In the plot, bars are layers and dots are tensors. "
        "On LiteRT's builtin kernels, not on XNNPACK.",
        header=("layer", "all noise", "own noise"),
        rows=[
            (layer.layer, _db(layer.sqnr), _db(layer.local_sqnr))
            for layer in by_layer(tensors)
        ],
        plot=sqnr_plot(tensors),
    )


def _culprits(tensors, samples):
    return Section(
        title="Noisiest operations",
        text="The operations that make most noise themselves. 'Rounding' is "
        "what the steps of the int8 range alone would cost: where it is near "
        "'own noise', only a narrower range or more bits can help; where it "
        "is far higher, the weights are to blame, or values beyond the range.",
        header=("tensor", "operation", "all noise", "own noise", "rounding"),
        rows=[
            (
                tensor.name,
                tensor.op,
                _db(tensor.sqnr),
                _db(tensor.local_sqnr),
                _db(tensor.rounding_sqnr),
            )
            for tensor in noisiest_ops(tensors)[:_NOISIEST_OPS]
        ],
        plot=histogram_plot(samples),
    )


def _operations(inspection):
    return Section(
        title="Operations",
        text="What the recipe made of the graph: operations by their types.",
        header=("operation", "inputs", "outputs", "nodes", "in XNNPACK"),
        rows=[
            (
                group.kind,
                ", ".join(group.inputs),
                ", ".join(group.outputs),
                str(group.nodes),
                str(group.delegated),
            )
            for group in inspection.operations
        ],
    )
