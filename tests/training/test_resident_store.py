"""Pictures in memory: their places, and what does not get one."""

import dataclasses

import numpy as np
import pytest

from keras_mobilevit.training.resident import memory
from keras_mobilevit.training.resident.store import load_pictures
from keras_mobilevit.training.sources import open_source

PLENTY = 2**30


def make_source(shapes, broken=()):
    """Pictures filled with their numbers, some of which can not be read."""
    source = open_source(
        [
            (np.full((*shape, 3), index % 256, np.uint8), index % 2)
            for index, shape in enumerate(shapes)
        ]
    )
    opened = []

    def read(index):
        opened.append(index)
        if index in broken:
            raise ValueError(f"number {index} is broken")
        return source.open(index)

    return dataclasses.replace(source, read=read), opened


def test_places_and_sizes():
    """A larger picture far behind leaves what is in its place before."""
    shapes = [(2, 3)] * 255 + [(1, 4)] * 45
    source, opened = make_source(shapes)
    store = load_pictures(source, np.asarray, max_bytes=PLENTY)
    assert store.pictures.shape == (300, 2, 4, 3)
    assert store.pictures.dtype == np.uint8
    np.testing.assert_array_equal(store.shapes, shapes)
    np.testing.assert_array_equal(store.kept, shapes)
    for index in (0, 254, 255, 299):
        height, width = shapes[index]
        assert (store.pictures[index, :height, :width] == index % 256).all()
        total = store.pictures[index].astype(int).sum()
        assert total == (index % 256) * height * width * 3
    assert sorted(opened) == list(range(300))
    assert store.failures == {}


def test_what_is_kept_may_be_smaller():
    source, _ = make_source([(4, 6)] * 4)
    store = load_pictures(
        source, lambda image: np.asarray(image)[::2, ::2], max_bytes=PLENTY
    )
    assert store.pictures.shape == (4, 2, 3, 3)
    assert store.shapes.tolist() == [[4, 6]] * 4
    assert store.kept.tolist() == [[2, 3]] * 4


def test_broken_pictures_are_told_and_leave_their_places_black():
    source, _ = make_source([(2, 3)] * 4, broken=(1, 2))
    store = load_pictures(source, np.asarray, max_bytes=PLENTY)
    assert store.failures == {
        1: "number 1 is broken",
        2: "number 2 is broken",
    }
    assert not store.pictures[1:3].any()
    assert (store.pictures[3] == 3).all()


def test_no_picture_at_all():
    source, _ = make_source([(2, 3)] * 4, broken=range(4))
    with pytest.raises(ValueError, match="None of the 4 .* number 0 is broken"):
        load_pictures(source, np.asarray, max_bytes=PLENTY)


def test_too_many_pictures_are_refused_early():
    """1,000 of 100 x 100 pixels, 30 MB, where there is room for 10."""
    source, opened = make_source([(100, 100)] * 1000)
    with pytest.raises(ValueError) as caught:
        load_pictures(source, np.asarray, max_bytes=10_000_000)
    assert "1,000 training images" in str(caught.value)
    assert "100x100" in str(caught.value)
    assert "`input.resident_side`" in str(caught.value)
    assert len(opened) < 500


def test_room_is_half_of_the_memory(monkeypatch):
    with open("/proc/meminfo") as file:
        name, kilobytes, _ = file.readline().split()
    assert name == "MemTotal:"
    monkeypatch.setattr(memory, "_ACCELERATORS", {})
    assert memory.room() == pytest.approx(int(kilobytes) * 1024 / 2, rel=0.01)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_room_on_an_accelerator(backend, monkeypatch):
    """What the backend tells of its device goes before the machine's."""
    monkeypatch.setattr(memory.keras.backend, "backend", lambda: backend)
    if backend == "jax":
        jax = pytest.importorskip("jax")

        class Device:
            def memory_stats(self):
                return {"bytes_limit": 80}

        monkeypatch.setattr(jax, "local_devices", lambda: [Device()])
    else:
        cuda = pytest.importorskip("torch").cuda
        monkeypatch.setattr(cuda, "is_available", lambda: True)
        monkeypatch.setattr(cuda, "mem_get_info", lambda: (60, 80))
    assert memory.room() == 40


def test_no_limit_where_nothing_is_known(monkeypatch):
    monkeypatch.setattr(memory, "_ACCELERATORS", {})
    monkeypatch.delattr(memory.os, "sysconf")
    assert memory.room() > 2**60
