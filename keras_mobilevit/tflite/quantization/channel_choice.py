"""Which changes of channels are made, out of what each gains and costs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

# Share of the time of the whole int8 file that may be spent.
MOST_TIME = 0.09
# In which it is counted.
_TIME_STEP = 1e-4
# Share of the time that has to take off the least noise that counts.
_WORTH_TIME = 0.01


@dataclasses.dataclass(frozen=True)
class Way:
    """How the channels of a family are brought to like ranges.

    Attributes:
        groups: Groups that the channels are split into; 1: none, but each
            channel gets a factor of its own.
    """

    groups: int = 1

    def __str__(self):
        return "equalize" if self.groups == 1 else f"split in {self.groups}"


EQUALIZE = Way()


@dataclasses.dataclass(frozen=True)
class Move:
    """One transformation of one family.

    Attributes:
        family: Its name, that of its first tensor.
        way: What is done.
        gain: How much less noise rounding the family alone adds to the
            outputs, over the power of the signal.
        cost: Share of the time of the int8 file that it adds, roughly.
    """

    family: str
    way: Way
    gain: float
    cost: float


def choose(moves: Sequence[Move], least: float) -> list[Move]:
    """The moves that take most noise off within the budget of time.

    Args:
        moves: Of each family, those to choose one or none from.
        least: Noise that each `_WORTH_TIME` has to take off; it is subtracted
            from what is gained.
    """
    by_family: dict[str, list[Move]] = {}
    for move in moves:
        by_family.setdefault(move.family, []).append(move)
    # What was spent, in steps, to the best that it buys.
    best: dict[int, tuple[float, list[Move]]] = {0: (0.0, [])}
    for choices in by_family.values():
        for spent, (worth, chosen) in list(best.items()):
            for move in choices:
                steps = spent + math.ceil(move.cost / _TIME_STEP)
                worthier = worth + move.gain - least * move.cost / _WORTH_TIME
                known, _ = best.get(steps, (-math.inf, []))
                if steps * _TIME_STEP <= MOST_TIME and worthier > known:
                    best[steps] = worthier, [*chosen, move]
    _, chosen = max(best.values(), key=lambda found: found[0])
    return chosen
