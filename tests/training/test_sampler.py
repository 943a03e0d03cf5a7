"""The sampler: sizes and batches as published, and every image in an epoch."""

import numpy as np
import pytest

from keras_mobilevit.training.sampler import (
    MODES,
    MultiScaleSampler,
    Scale,
    make_scales,
)

# Training images of ImageNet-1k, and the GPUs of the paper.
IMAGENET, GPUS = 1_281_167, 8
SIDES = (160, 192, 256, 288, 320)
# Sides and images a GPU, by mode, base batch and number of GPUs. That of the
# paper is 128 at 256; "paper" counts from 320, where 82 take as much memory.
PUBLISHED = {
    ("paper", 82, 1): (SIDES, (328, 227, 128, 101, 82)),
    ("paper", 82, 8): (SIDES, (328, 227, 128, 101, 82)),
    ("listing", 128, 1): ((128, 192, 256, 320, 384), (512, 227, 128, 81, 56)),
    ("listing", 128, 8): ((128, 192, 256, 320, 384), (512, 227, 128, 81, 56)),
    ("v0.1", 128, 1): (SIDES, (327, 227, 128, 128, 128)),
    ("v0.1", 128, 8): (SIDES, (328, 224, 128, 128, 128)),
    ("v0.4", 128, 1): (SIDES, (327, 227, 128, 101, 81)),
    ("v0.4", 128, 8): (SIDES, (327, 227, 128, 101, 81)),
    ("standard", 128, 1): ((256,), (128,)),
    ("standard", 128, 8): ((256,), (128,)),
}


def pairs(scales):
    assert all(scale.height == scale.width for scale in scales)
    return [(scale.height, scale.batch_size) for scale in scales]


def images(batches):
    """What each replica sees in an epoch: `(replicas, images)`."""
    return np.concatenate([batch.indices for batch in batches], axis=1)


def assert_equal(batches, others):
    for batch, other in zip(batches, others, strict=True):
        assert batch[:2] == other[:2]
        np.testing.assert_array_equal(batch.indices, other.indices)


# === Scales ===


@pytest.mark.parametrize(("mode", "batch_size", "replicas"), PUBLISHED)
def test_published_scales(mode, batch_size, replicas):
    found = make_scales(mode, 256, batch_size, replicas=replicas)
    sides, batches = PUBLISHED[mode, batch_size, replicas]
    assert pairs(found) == list(zip(sides, batches, strict=True))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        # 140, 175, 210, 245 and 280 to the nearest multiples of 32.
        (
            ("paper", 224, 64),
            [(128, 324), (160, 207), (224, 105), (256, 81), (288, 64)],
        ),
        # 80, 100, 120, 140 and 160: 80 and 100 become 96, the base is among
        # the rest, and 96 * 96 * 177 pixels are the most within 160 * 160 * 64.
        (("paper", 128, 64), [(96, 177), (128, 100), (160, 64)]),
        # 20, 25, 30 and 35 become 32, and 40 becomes 64: 32 would be less
        # than nine tenths of it.
        (("v0.4", 32, 64), [(32, 64), (64, 16)]),
        (("v0.1", 32, 64), [(32, 64), (64, 64)]),
        # 240, 300, 360, 420 and 480: the base, 384, is none of them rounded.
        (
            ("v0.4", 384, 9),
            [(256, 20), (288, 16), (352, 10), (384, 9), (416, 7), (480, 5)],
        ),
        # No batch is empty: 4 / 9 of an image at 96.
        (("v0.4", 64, 1), [(64, 1), (96, 1)]),
        # 32, 48, 64, 80 and 96, rounded down.
        (
            ("listing", 64, 64),
            [(32, 256), (32, 256), (64, 64), (64, 64), (96, 28)],
        ),
        (
            ("listing", 64, 1),
            [(32, 4), (32, 4), (64, 1), (64, 1), (96, 1)],
        ),
        (("standard", 72, 5), [(72, 5)]),
    ],
)
def test_other_base_sizes(arguments, expected):
    assert pairs(make_scales(*arguments)) == expected


def test_another_divisor():
    """40, 50, 60, 70 and 80, and 64, to multiples of 8."""
    found = make_scales("v0.4", 64, 100, divisor=8)
    assert [side for side, _ in pairs(found)] == [40, 48, 64, 72, 80]
    assert [scale.batch_size for scale in found] == [256, 177, 100, 79, 64]


def test_v0_1_gives_each_replica_a_multiple_of_their_number():
    found = make_scales("v0.1", 256, 4, replicas=3)
    # 10 becomes 9, the nearest. 7 becomes 9 and 4 becomes 6, since 6 and 3
    # would be less than nine tenths of them.
    assert [scale.batch_size for scale in found] == [9, 9, 6, 6, 6]


def test_the_code_rounds_to_hundredths_before_it_rounds_down():
    """103 * 416**2 / 512**2 is 67.996."""
    assert make_scales("v0.4", 416, 103)[-1] == (512, 512, 68)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(mode="v0.2"), "no sampler mode 'v0.2'. Did you mean 'v0.[14]'"),
        (dict(mode="papers"), r"'papers'. Did you mean 'paper'\?"),
        (dict(mode="x"), "Did you mean 'paper' or .* or 'standard'"),
        (dict(mode=None), "no sampler mode None"),
        (dict(batch_size=0), "`batch_size` must be .* 1. .*batch_size=0"),
        (dict(batch_size=8.0), "`batch_size` must be an integer.*=8.0"),
        (dict(size=-256), "`size` must be .*size=-256"),
        (dict(divisor=0), "`divisor` must be .*divisor=0"),
        (dict(replicas=0), "`replicas` must be .*replicas=0"),
        (dict(size=250), "multiple of the divisor.*size=250, divisor=32"),
        (dict(size=32, divisor=8), "at least 32 .*'paper' makes them 24 pix"),
        (dict(size=32, mode="listing"), "'listing' makes them 0 pixels"),
        (dict(size=31, mode="standard"), "at least 32 .* makes them 31 pix"),
    ],
)
def test_bad_scales_are_refused(change, message):
    arguments = dict(mode="paper", size=256, batch_size=8) | change
    with pytest.raises(ValueError, match=message):
        make_scales(**arguments)


# === Epochs ===


def test_an_epoch_by_hand():
    wide, small = Scale(32, 48, 3), Scale(64, 64, 2)
    # What the generator gives, so that another NumPy is told from a mistake.
    rng = np.random.default_rng([2, 1])
    assert rng.integers(2, size=2).tolist() == [0, 1]
    assert rng.permutation(7).tolist() == [3, 6, 2, 0, 4, 1, 5]
    # Seven images for two replicas: image 3 comes first and fills up. One
    # replica has 3 2 4 5, the other 6 0 1 3. Both begin with three of their
    # own; the last batch is filled with their first.
    sampler = MultiScaleSampler(7, [wide, small], replicas=2, seed=2)
    first, last = sampler.epoch(1)
    assert first[:2] == (32, 48)
    assert first.indices.tolist() == [[3, 2, 4], [6, 0, 1]]
    assert last[:2] == (64, 64)
    assert last.indices.tolist() == [[5, 3], [3, 6]]
    assert sampler.batch_sizes(1) == [6, 4]


@pytest.mark.parametrize(
    ("count", "replicas", "batch_size", "expected"),
    [
        # The order of `default_rng([0, 1])`: 1 3 6 0 4 2 5.
        (7, 1, 9, [[1, 3, 6, 0, 4, 2, 5, 1, 3]]),
        (7, 1, 16, [[1, 3, 6, 0, 4, 2, 5, 1, 3, 6, 0, 4, 2, 5, 1, 3]]),
        (7, 3, 5, [[1, 0, 5, 1, 0], [3, 4, 1, 3, 4], [6, 2, 3, 6, 2]]),
        (1, 3, 2, [[0, 0], [0, 0], [0, 0]]),
    ],
)
def test_short_lists_go_round(count, replicas, batch_size, expected):
    scales = make_scales("standard", 32, batch_size)
    sampler = MultiScaleSampler(count, scales, replicas=replicas)
    (batch,) = sampler.epoch(1)
    assert batch.indices.tolist() == expected


def published_epoch(order, scales, replicas):
    """Listing 1 of the paper, with given draws; pads after the shuffle."""
    lists = []
    for rank in range(replicas):
        padded = list(order)
        while len(padded) % replicas:
            padded.append(padded[len(padded) - len(order)])
        lists.append(padded[rank::replicas])
    batches, start = [], 0
    for scale in scales:
        assert start < len(lists[0])
        batch = []
        for mine in lists:
            chosen = mine[start : start + scale.batch_size]
            while len(chosen) < scale.batch_size:
                chosen += mine[: scale.batch_size - len(chosen)]
            batch.append(chosen)
        batches.append((scale.height, scale.width, batch))
        start += scale.batch_size
    assert start >= len(lists[0])
    return batches


CASES = [
    (count, replicas, epoch)
    for count in (1, 2, 5, 64, 97, 1000)
    for replicas in (1, 2, 3, 8)
    for epoch in (0, 7)
]
SCALES = (Scale(64, 32, 7), Scale(96, 64, 3), Scale(128, 32, 12))


@pytest.mark.parametrize(("count", "replicas", "epoch"), CASES)
def test_the_published_rule(count, replicas, epoch):
    batches = MultiScaleSampler(count, SCALES, replicas=replicas).epoch(epoch)
    by_size = {scale[:2]: scale for scale in SCALES}
    drawn = [by_size[batch[:2]] for batch in batches]
    # In turn from every replica, which gives back the order before the deal.
    order = images(batches).T.ravel()[:count].tolist()
    assert sorted(order) == list(range(count))
    found = [(*batch[:2], batch.indices.tolist()) for batch in batches]
    assert found == published_epoch(order, drawn, replicas)
    assert all(batch.indices.dtype == np.int64 for batch in batches)


@pytest.mark.parametrize(("count", "replicas", "epoch"), CASES)
def test_every_image_occurs_and_only_the_filling_twice(count, replicas, epoch):
    batches = MultiScaleSampler(count, SCALES, replicas=replicas).epoch(epoch)
    seen = images(batches)
    share = -(-count // replicas)
    dealt = share * replicas
    own = np.bincount(seen[:, :share].ravel(), minlength=count)
    assert own.shape == (count,) and dealt >= count
    # Once each, where there are no fewer images than replicas.
    assert own.min() == dealt // count
    assert own.max() == -(-dealt // count)
    assert own.sum() == dealt < count + replicas
    # The last batch was needed.
    assert seen.shape[1] - batches[-1].indices.shape[1] < share


def test_scales_are_drawn_uniformly():
    """A scale listed twice counts twice."""
    scales = [Scale(side, side, 1) for side in (32, 64, 96, 32, 128)]
    batches = MultiScaleSampler(20_000, scales).epoch(0)
    found = np.unique([batch.height for batch in batches], return_counts=True)
    assert found[0].tolist() == [32, 64, 96, 128]
    share = np.array([0.4, 0.2, 0.2, 0.2])
    deviation = np.sqrt(20_000 * share * (1 - share))
    assert (abs(found[1] - 20_000 * share) < 4 * deviation).all()


def test_the_padding_changes_from_epoch_to_epoch():
    sampler = MultiScaleSampler(7, [Scale(32, 32, 1)], replicas=4)
    twice = {
        int(np.bincount(images(sampler.epoch(epoch)).ravel()).argmax())
        for epoch in range(60)
    }
    assert twice == set(range(7))


def test_batch_sizes_are_those_of_the_epoch():
    sampler = MultiScaleSampler(1000, SCALES, replicas=3, seed=1)
    for epoch in range(5):
        sizes = [batch.indices.size for batch in sampler.epoch(epoch)]
        assert sampler.batch_sizes(epoch) == sizes
        assert set(sizes) == {21, 9, 36}


def test_epochs_stand_alone():
    """A run that resumes at epoch 3 goes on as if it had never stopped."""
    arguments = dict(count=50, scales=SCALES, replicas=2, seed=5)
    whole = MultiScaleSampler(**arguments)
    epochs = [whole.epoch(epoch) for epoch in range(4)]
    assert_equal(MultiScaleSampler(**arguments).epoch(3), epochs[3])
    assert_equal(whole.epoch(0), epochs[0])


def test_seeds_and_epochs_differ():
    orders = {
        tuple(
            images(MultiScaleSampler(50, SCALES, seed=seed).epoch(epoch))[
                0, :50
            ]
        )
        for seed in range(4)
        for epoch in range(4)
    }
    assert len(orders) == 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(count=0), "`count` must be an integer of at least 1.*count=0"),
        (dict(count=1e6), "`count` must be an integer.*count=1000000.0"),
        (dict(replicas=0), "`replicas` must be .*replicas=0"),
        (dict(seed=-1), "`seed` must be an integer of at least 0.*seed=-1"),
        (dict(seed=None), "`seed` must be .*seed=None"),
        (dict(scales=()), "at least one scale"),
        (dict(scales=[Scale(32, 32, 0)]), "`batch_size` must be .*=0"),
    ],
)
def test_bad_samplers_are_refused(change, message):
    arguments = dict(count=4, scales=SCALES) | change
    with pytest.raises(ValueError, match=message):
        MultiScaleSampler(**arguments)


@pytest.mark.parametrize("method", ["epoch", "batch_sizes"])
def test_a_negative_epoch_is_refused(method):
    with pytest.raises(ValueError, match="`epoch` must be .*epoch=-1"):
        getattr(MultiScaleSampler(4, SCALES), method)(-1)


# === Number of updates in 300 epochs of ImageNet-1k ===


def steps(mode, batch_size, epochs):
    scales = make_scales(mode, 256, batch_size, replicas=GPUS)
    sampler = MultiScaleSampler(IMAGENET, scales, replicas=GPUS)
    return [len(sampler.batch_sizes(epoch)) for epoch in range(epochs)]


def test_updates_of_the_standard_sampler():
    """Figure 5b of the paper: 375 k."""
    assert sum(steps("standard", 128, 300)) == 375_600


@pytest.mark.parametrize(
    ("mode", "batch_size", "thousands"),
    [
        ("paper", 82, 278),
        ("listing", 128, 240),
        ("v0.1", 128, 257),
        ("v0.4", 128, 278),
    ],
)
def test_updates_of_the_multi_scale_samplers(mode, batch_size, thousands):
    """Figure 5b says 232 k, which no published rule gives.

    Renewal theory has the expectation: draws of mean m and variance v pass n
    after (n + (m + v / m - 1) / 2) / m of them, with variance v n / m**3.
    """
    _, batches = PUBLISHED[mode, batch_size, GPUS]
    mean, variance = np.mean(batches), np.var(batches)
    share = -(-IMAGENET // GPUS)
    expected = (share + (mean + variance / mean - 1) / 2) / mean
    assert round(300 * expected / 1000) == thousands
    found = steps(mode, batch_size, 300)
    deviation = np.sqrt(variance * share / mean**3 / len(found))
    assert abs(np.mean(found) - expected) < 4 * deviation


def test_all_modes_are_tested():
    assert {mode for mode, _, _ in PUBLISHED} == set(MODES)
