"""Damages the bytes of a file."""

from __future__ import annotations

import random


def damage(data: bytes, rng: random.Random) -> bytes:
    """Flips bits, cuts off the end, inserts bytes or repeats some elsewhere.

    Half of the flips hit a stretch of a few hundred bytes, because large
    files consist mostly of values that may be anything.

    Args:
        data: A file, of at least one byte.
        rng: The same state damages in the same way.
    """
    kind = rng.choice(("flip", "truncate", "insert", "repeat"))
    if kind == "truncate":
        return data[: rng.randrange(len(data))]
    if kind == "insert":
        place = rng.randrange(len(data) + 1)
        return data[:place] + rng.randbytes(rng.randint(1, 64)) + data[place:]
    damaged = bytearray(data)
    if kind == "repeat":
        size = min(rng.randint(1, 64), len(data))
        source, target = (rng.randint(0, len(data) - size) for _ in range(2))
        damaged[target : target + size] = data[source : source + size]
        return bytes(damaged)
    start, stretch = 0, len(data)
    if rng.random() < 0.5:
        stretch = min(stretch, 512)
        # The ends of a file hold what describes it.
        start = rng.choice(
            (0, len(data) - stretch, rng.randint(0, len(data) - stretch))
        )
    for _ in range(rng.choice((1, 2, 4, 16, 64))):
        damaged[start + rng.randrange(stretch)] ^= 1 << rng.randrange(8)
    return bytes(damaged)
