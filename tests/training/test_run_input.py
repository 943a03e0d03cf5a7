"""The stream of a run against the batches of its epochs, one by one."""

import pickle

import numpy as np
import pytest
from image_files import plain

from keras_mobilevit.model_info import ImageSpec
from keras_mobilevit.training.loader import BatchLoader
from keras_mobilevit.training.recipe import Augmentation
from keras_mobilevit.training.run_input import RunInput
from keras_mobilevit.training.sampler import MultiScaleSampler, Scale
from keras_mobilevit.training.sources import open_source

REPLICAS, EPOCHS, TEST_SIZE = 2, 3, (16, 12)
ALL = slice(0, REPLICAS)
SCALES = (Scale(16, 16, 2), Scale(24, 20, 3))


def make_loader(count, **options):
    rng = np.random.default_rng(count)
    images = rng.integers(0, 256, (count, 20, 24, 3), np.uint8)
    source = open_source((images, np.arange(count) % 3))
    return BatchLoader(source, Augmentation(mixup=0.5), ImageSpec(), **options)


@pytest.fixture
def sampler():
    return MultiScaleSampler(14, SCALES, replicas=REPLICAS, seed=1)


def open_input(sampler, epoch=0, step=0, replicas=ALL, workers=0):
    return RunInput(
        make_loader(14, seed=7, workers=workers),
        make_loader(7),
        sampler,
        steps=[len(sampler.epoch(epoch)) for epoch in range(EPOCHS)],
        first_epoch=epoch,
        first_step=step,
        replicas=replicas,
        size=TEST_SIZE,
        batch_size=4,
    )


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def check(data, sampler, first_epoch=0, step=0, replicas=ALL):
    """Compares all of a stream with what the loaders make without it."""
    loader, tests = make_loader(14, seed=7), make_loader(7)
    assert data.test_batches == 2
    for epoch in range(first_epoch, EPOCHS):
        expected = loader.batches(
            sampler.epoch(epoch),
            epoch=epoch,
            first_step=step,
            replicas=replicas,
        )
        assert_same(data.training(epoch), expected)
        assert_same(
            data.validation(epoch), tests.evaluation_batches(TEST_SIZE, 4)
        )
        step = 0


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run(sampler, workers):
    check(open_input(sampler, workers=workers), sampler)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_goes_on_inside_an_epoch(sampler, workers):
    data = open_input(sampler, epoch=1, step=2, workers=workers)
    check(data, sampler, first_epoch=1, step=2)


def test_the_rows_of_one_process(sampler):
    rows = slice(1, 2)
    check(open_input(sampler, replicas=rows), sampler, replicas=rows)


def test_a_run_that_is_finished_makes_nothing(sampler):
    data = open_input(sampler, epoch=EPOCHS)
    with pytest.raises(RuntimeError, match="in order.*epoch 3, training"):
        next(data.training(EPOCHS))
    data.close()


def test_nothing_is_taken_twice_or_left_out(sampler):
    data = open_input(sampler)
    list(data.training(0))
    with pytest.raises(RuntimeError, match="Asked for: epoch 1, training"):
        next(data.training(1))
    data.close()


def test_unreadable_test_images_are_left_out_each_time(sampler):
    class Broken:
        def __len__(self):
            return 7

        def __getitem__(self, index):
            # Those that open the source look at every image.
            image = plain(index) if index != 2 or self.fine else None
            return image, index % 3

    broken = Broken()
    broken.fine = True
    tests = BatchLoader(open_source(broken), Augmentation(), ImageSpec())
    broken.fine = False
    data = RunInput(
        make_loader(14),
        tests,
        sampler,
        steps=[len(sampler.epoch(epoch)) for epoch in range(2)],
        first_epoch=0,
        first_step=0,
        replicas=ALL,
        size=TEST_SIZE,
        batch_size=2,
    )
    with pytest.warns(UserWarning, match="Skipped image 2") as caught:
        for epoch in range(2):
            list(data.training(epoch))
            sizes = [len(images) for images, _ in data.validation(epoch)]
            assert sizes == [2, 1, 2, 1]
    assert len(caught) == 1
    assert list(tests.skipped) == ["image 2"]


def test_a_teacher_stays():
    """Networks do not travel: workers get a copy of the rest."""
    loader = make_loader(14, teacher=lambda images: images)
    assert pickle.loads(pickle.dumps(loader)).teacher is None
    assert loader.teacher is not None
