"""Says what is in .tflite files, and what XNNPACK makes of them.

Examples:
    keras-mobilevit inspect model.tflite
    keras-mobilevit inspect --json *.tflite > facts.json
    keras-mobilevit inspect --require-full-delegation model.tflite
    keras-mobilevit inspect --self-test model.tflite
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from typing import TYPE_CHECKING

from keras_mobilevit.markdown_tables import markdown_table

if TYPE_CHECKING:
    from keras_mobilevit.tflite import Inspection, SelfTest

HELP = "show what is in .tflite files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE.tflite")
    parser.add_argument(
        "--json", action="store_true", help="print a JSON list instead"
    )
    parser.add_argument(
        "--require-full-delegation",
        action="store_true",
        help="fail if a node falls out of XNNPACK, or if it splits the graph",
    )
    parser.add_argument(
        "--self-test",
        action="store_true",
        help="fail if this machine does not compute what the file recorded",
    )


def run(arguments: argparse.Namespace) -> int:
    from keras_mobilevit.tflite import inspect

    facts = {path: inspect(path) for path in arguments.files}
    if arguments.json:
        rows = [
            {"file": path, **dataclasses.asdict(fact)}
            for path, fact in facts.items()
        ]
        print(json.dumps(rows, indent=2))
    else:
        print("\n\n".join(describe(path, fact) for path, fact in facts.items()))
    failed = 0
    if arguments.require_full_delegation:
        failed |= require_full_delegation(facts)
    if arguments.self_test:
        failed |= self_test(arguments.files)
    return failed


def self_test(paths: list[str]) -> int:
    from keras_mobilevit.tflite import check_self_test

    failed = 0
    for path in paths:
        result = check_self_test(path)
        # Standard output may be JSON.
        print(f"self-test of {path}: {describe_test(result)}", file=sys.stderr)
        failed |= not result.passed
    return int(failed)


def require_full_delegation(facts: dict[str, Inspection]) -> int:
    failed = 0
    for path, fact in facts.items():
        try:
            fact.require_full_delegation()
        except ValueError as error:
            print(f"error: {path}: {error}", file=sys.stderr)
            failed = 1
    return failed


def describe(path: str, fact: Inspection) -> str:
    megabytes = "{:.2f} MB".format
    ports = [
        f"{kind}: {tensor.name}, {tensor.dtype} {list(tensor.shape)}"
        for kind, tensors in (("input", fact.inputs), ("output", fact.outputs))
        for tensor in tensors
    ]
    # Quantizers leave the figure that is in the file as it was.
    runtime = (
        f"runtime: TensorFlow Lite {fact.minimum_runtime} or newer (the file "
        f"says {fact.stated_runtime or 'nothing'}), or LiteRT, whose versions "
        "began again at 1.0 in 2024"
    )
    if fact.unknown_runtimes:
        runtime += f"; unknown for {', '.join(fact.unknown_runtimes)}"
    lines = [
        f"{path}: {fact.size:,} bytes",
        *ports,
        f"XNNPACK: {fact.delegated} of {fact.nodes} nodes; "
        f"partitions: {fact.partitions}",
        runtime,
        f"memory: weights {megabytes(fact.weight_bytes / 1e6)}, activations "
        f"{megabytes(fact.activation_bytes / 1e6)}, of them alive at a time "
        f"{megabytes(fact.peak_activation_bytes / 1e6)} (estimate)",
        f"nodes by output type: {counts(fact.dtypes)}",
        f"highest rank: {fact.highest_rank}; above 4: "
        f"{counts(fact.above_rank_4) or 'none'}",
        *(f"note: {note}" for note in fact.notes),
        *fidelity(fact),
        "",
        markdown_table(
            (
                *("operation", "version", "types", "nodes", "in XNNPACK"),
                "since TensorFlow Lite",
            ),
            [
                (
                    group.kind,
                    str(group.version),
                    f"{', '.join(group.inputs)} -> {', '.join(group.outputs)}",
                    str(group.nodes),
                    str(group.delegated),
                    group.minimum_runtime or "unknown",
                )
                for group in fact.operations
            ],
        ),
    ]
    if fact.reasons:
        lines += [
            "",
            markdown_table(
                ("left out", "nodes", "why"),
                [(r.kind, str(r.nodes), r.reason) for r in fact.reasons],
            ),
        ]
    return "\n".join(lines)


def describe_test(result: SelfTest) -> str:
    outputs = (
        f"{name} ({check.covers.replace('_', ' ')}) {check.verdict}"
        + ("" if check.verdict == "identical" else f", {check.sqnr:.1f} dB")
        for name, check in result.outputs.items()
    )
    return f"{'; '.join(outputs)}; recorded with {result.runtime}"


def fidelity(fact: Inspection) -> list[str]:
    if not fact.fidelity:
        return []
    from keras_mobilevit.tflite.output_fidelity import describe_fidelity

    return [f"fidelity: {describe_fidelity(fact.recipe, fact.fidelity)}"]


def counts(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in numbers.items())
