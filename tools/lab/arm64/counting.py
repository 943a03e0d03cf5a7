"""What the plugin `instructions.c` counted."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Instructions:
    """Instructions that one inference executes, in all and of some kinds.

    They are not time: kinds differ in latency and width, and neither caches
    nor memory nor the order of execution are modelled.

    Attributes:
        all: Everything, also what is not named below.
        fmla32: Multiply-add of vectors of float32 (FMLA).
        fmla16: The same of float16.
        dot: Dot products of int8 (SDOT, UDOT).
        mmla: Matrix products of int8 (SMMLA and the like).
        mlal: Widening multiply-add of integers (SMLAL, UMLAL).
    """

    all: int
    fmla32: int
    fmla16: int
    dot: int
    mmla: int
    mlal: int


def last_inference(text: str) -> Instructions:
    """Instructions between the last two marks in a file of the plugin.

    About 7,000 of them belong to the marks themselves.

    Args:
        text: One line a mark, with counts since the start of the program in
            the order of the fields of `Instructions`. The marks come in
            pairs, around each inference.

    Raises:
        ValueError: If it is no such text, or has less than two inferences:
            the first also packs weights.
    """
    marks = [
        [int(count) for count in line.split()] for line in text.split("\n")
    ]
    marks = [mark for mark in marks if mark]
    kinds = len(dataclasses.fields(Instructions))
    if (
        len(marks) < 4
        or len(marks) % 2
        or any(len(mark) != kinds for mark in marks)
    ):
        raise ValueError(
            "Expected the counts of at least two inferences, two lines of "
            f"{kinds} numbers each. Received: {len(marks)} lines"
        )
    begin, end = marks[-2:]
    return Instructions(*(b - a for a, b in zip(begin, end, strict=True)))
