"""Which images make up which batch, and at which size.

The multi-scale sampler with a variable batch size of MobileViT (arXiv
2110.02178, Sections 3.2 and B): small pictures come in large batches, so that
a batch of any size takes about the same memory. The text of the paper, its
listing and the two releases of its code disagree on sizes and batches;
`make_scales` has all four.
"""

from __future__ import annotations

import difflib
import numbers
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_mobilevit.configs import MIN_SIZE

MODES = ("paper", "listing", "v0.1", "v0.4", "standard")


class Scale(NamedTuple):
    """One size to train at.

    Attributes:
        height: Pixels.
        width: Pixels.
        batch_size: Images a replica.
    """

    height: int
    width: int
    batch_size: int


class Batch(NamedTuple):
    """One training step.

    Attributes:
        height: Pixels.
        width: Pixels.
        indices: int64 array `(replicas, batch_size)`: the images of each
            replica.
    """

    height: int
    width: int
    indices: np.ndarray


def make_scales(
    mode: str,
    size: int,
    batch_size: int,
    *,
    divisor: int = 32,
    replicas: int = 1,
) -> tuple[Scale, ...]:
    """The sizes that a multi-scale sampler draws from, all of them square.

    Published for a base size of 256, where the sizes are 160, 192, 256, 288
    and 320 (`"listing"`: 128, 192, 256, 320 and 384). Other base sizes get
    the same proportions.

    Args:
        mode: `"paper"`: the text of the paper. `batch_size` is that of the
            largest size, and the batches of the others hold as many pixels,
            rounded down to whole images. `"listing"`: Listing 1 of the paper,
            half to one and a half times the base size; this and the modes
            below take `batch_size` at the base size. `"v0.1"`: the code
            behind the paper and its weights, where no batch is smaller than
            `batch_size`. `"v0.4"`: the latest code, where batches above the
            base size shrink. `"standard"`: the base size alone.
        size: Side of the base size, in pixels: a multiple of `divisor`,
            unless `mode` is `"standard"`.
        batch_size: Images a replica, at the size that `mode` names.
        divisor: Sides are multiples of it.
        replicas: Devices that share a step. Only `"v0.1"` looks at it: it
            rounds the batch of each replica to a multiple of their number.

    Returns:
        The scales, from small to large. Each is as likely as any other.

    Raises:
        ValueError: If an argument is out of range, or a size would be smaller
            than `keras_mobilevit.configs.MIN_SIZE`.
    """
    if mode not in MODES:
        close = difflib.get_close_matches(str(mode), MODES, 1, 0.5) or MODES
        raise ValueError(
            f"There is no sampler mode {mode!r}. Did you mean "
            f"{' or '.join(map(repr, close))}?"
        )
    _require_integers(
        1, size=size, batch_size=batch_size, divisor=divisor, replicas=replicas
    )
    sides = _make_sides(mode, size, divisor)
    if min(sides) < MIN_SIZE:
        raise ValueError(
            f"Images must be at least {MIN_SIZE} pixels wide, and the sampler "
            f"mode {mode!r} makes them {min(sides)} pixels at size={size} "
            f"and divisor={divisor}. Take a larger size, or another mode."
        )
    batch_sizes = [
        _batch_size(mode, side, max(sides), size, batch_size, replicas)
        for side in sides
    ]
    return tuple(map(Scale, sides, sides, batch_sizes))


class MultiScaleSampler:
    """Draws batches of random scale until every image was in one.

    As published: the images are shuffled anew every epoch and dealt to the
    replicas in turn. Each step draws one scale, the same for all replicas,
    and every replica takes the next images of its own. The list of images is
    repeated from its beginning to deal evenly, and that of a replica to fill
    its last batch. Nothing else occurs twice.

    The published code repeats images before it shuffles, so that the first
    ones of the data set get the extra turn in every epoch. Here they are
    others every time.
    """

    def __init__(
        self,
        count: int,
        scales: Sequence[Scale],
        *,
        replicas: int = 1,
        seed: int = 0,
    ):
        """Keeps what is needed to make any epoch.

        Args:
            count: Images in the data set.
            scales: Scales to draw from. One that occurs twice is drawn twice
                as often.
            replicas: Devices that share a step.
            seed: Seed of the order and of the draws, from 0 up.

        Raises:
            ValueError: If a number is out of range, or there is no scale.
        """
        _require_integers(1, count=count, replicas=replicas)
        _require_integers(0, seed=seed)
        if not scales:
            raise ValueError(
                "A sampler needs at least one scale, as of `make_scales`. "
                "Received: none"
            )
        for scale in scales:
            _require_integers(1, **scale._asdict())
        self.count = count
        self.scales = tuple(scales)
        self.replicas = replicas
        self.seed = seed

    def epoch(self, epoch: int) -> list[Batch]:
        """The batches of one epoch.

        They depend on the arguments alone, not on epochs made before, so that
        a run resumes at any of them.

        Args:
            epoch: Number of the epoch, from 0 up.

        Returns:
            Batches in the order of training. Their number differs from epoch
            to epoch, unless all scales have the same batch size.

        Raises:
            ValueError: If `epoch` is negative.
        """
        rng = self._make_rng(epoch)
        scales = self._draw_scales(rng)
        order = rng.permutation(np.arange(self.count, dtype=np.int64))
        # Row i has the i-th image of every replica. `np.resize` repeats from
        # the beginning.
        dealt = np.resize(order, (self._share, self.replicas))
        ends = np.cumsum([scale.batch_size for scale in scales])
        # The last end is beyond the share, unless nothing is to be filled.
        filled = np.take(dealt.T, np.arange(ends[-1]), axis=1, mode="wrap")
        return [
            Batch(scale.height, scale.width, indices)
            for scale, indices in zip(
                scales, np.split(filled, ends[:-1], axis=1), strict=True
            )
        ]

    def batch_sizes(self, epoch: int) -> list[int]:
        """Images in each batch of an epoch, those of all replicas together.

        Takes a fraction of the time of `epoch`, since no image is dealt: fit
        to plan a whole run.

        Args:
            epoch: Number of the epoch, from 0 up.

        Raises:
            ValueError: If `epoch` is negative.
        """
        scales = self._draw_scales(self._make_rng(epoch))
        return [self.replicas * scale.batch_size for scale in scales]

    @property
    def _share(self) -> int:
        """Images that a replica sees in an epoch, before the filling."""
        return -(-self.count // self.replicas)

    def _make_rng(self, epoch: int) -> np.random.Generator:
        _require_integers(0, epoch=epoch)
        return np.random.default_rng([self.seed, epoch])

    def _draw_scales(self, rng: np.random.Generator) -> list[Scale]:
        """Scales of the steps of an epoch: the first draws of a generator."""
        sizes = np.array([scale.batch_size for scale in self.scales])
        # As many draws as the smallest batches would need; the rest is cut.
        draws = rng.integers(len(sizes), size=-(-self._share // sizes.min()))
        steps = np.searchsorted(np.cumsum(sizes[draws]), self._share) + 1
        return [self.scales[draw] for draw in draws[:steps]]


def _make_sides(mode: str, size: int, divisor: int) -> list[int]:
    """Sides of the scales of a mode, in pixels, from small to large."""
    if mode == "standard":
        return [size]
    if size % divisor:
        raise ValueError(
            f"The sampler mode {mode!r} needs a base size that is a multiple "
            f"of the divisor. Received: size={size}, divisor={divisor}"
        )
    if mode == "listing":
        # Sizes that become equal by the rounding stay in the list, as in the
        # published one, and so are drawn more often.
        sides = np.linspace(size / 2, size * 3 / 2, 5)
        return [int(side // divisor) * divisor for side in sides]
    # At 256 the fixed limits of the published code: 160 and 320.
    sides = [*np.linspace(size * 5 / 8, size * 5 / 4, 5), size]
    return sorted({_make_divisible(side, divisor) for side in sides})


def _batch_size(
    mode: str,
    side: int,
    largest: int,
    size: int,
    batch_size: int,
    replicas: int,
) -> int:
    """Images a replica at one of the sides of a mode."""
    if mode == "paper":
        return largest**2 * batch_size // side**2
    pixels = size**2 * batch_size
    if mode == "listing":
        return max(1, pixels // side**2)
    # As published: 226.996 becomes 227, and 226.994 becomes 226.
    fitting = int(round(pixels / side**2, 2))
    if mode == "v0.1":
        return _make_divisible(max(batch_size, fitting), replicas)
    return max(1, fitting)


def _make_divisible(value: float, divisor: int) -> int:
    """Nearest multiple that is not below nine tenths of the value."""
    multiple = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return multiple + divisor if multiple < 0.9 * value else multiple


def _require_integers(least: int, **values: int) -> None:
    for name, value in values.items():
        if not isinstance(value, numbers.Integral) or value < least:
            raise ValueError(
                f"`{name}` must be an integer of at least {least}. Received: "
                f"{name}={value!r}"
            )
