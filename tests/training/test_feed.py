"""The feed: everything in order, errors told, nothing left behind."""

import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from keras_mobilevit.training.feed import Feed

ROOT = pathlib.Path(__file__).parents[2]


def square(number):
    return {"square": np.full((3, 2), number**2, np.uint8)}, [("name", "why")]


def copy(element):
    arrays, rest = element
    return {name: np.array(a) for name, a in arrays.items()}, rest


def itself(element):
    return element


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_all_in_order(workers):
    with Feed(square, 10, workers=workers, unpack=copy) as feed:
        elements = list(feed)
        assert next(feed, None) is None
    assert [int(a["square"][0, 0]) for a, _ in elements] == [
        n**2 for n in range(10)
    ]
    assert elements[0][0]["square"].dtype == np.uint8
    assert elements[0][1] == [("name", "why")]


def test_fewer_than_workers():
    ((arrays, _),) = Feed(square, 1, workers=3, unpack=copy)
    assert (arrays["square"] == 0).all()


def test_nothing_to_make():
    assert list(Feed(square, 0, workers=2, unpack=copy)) == []


def blocks():
    """Blocks of shared memory that this process holds."""
    lines = pathlib.Path("/proc/self/maps").read_text().splitlines()
    return [line for line in lines if "/psm_" in line]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("count", [6, 1000])
def test_no_shared_memory_is_kept(count):
    with Feed(square, count, workers=2, unpack=copy) as feed:
        for _ in range(6):
            next(feed)
    limit = time.monotonic() + 20
    while blocks():  # A thread of grain frees them.
        assert time.monotonic() < limit
        time.sleep(0.01)


class Odd(Exception):
    """Can not be made of its message alone, and so not be unpickled."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def fail(number):
    if number == 2:
        raise KeyError("missing")
    if number == 5:
        raise Odd(1, 2)
    return number


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_arrives_as_it_was(workers):
    feed = Feed(fail, 9, workers=workers, unpack=itself)
    assert [next(feed), next(feed)] == [0, 1]
    with pytest.raises(KeyError, match="missing"):
        next(feed)
    assert list(feed) == []
    assert not multiprocessing.active_children()


def fail_oddly(number):
    raise Odd(1, 2)


def test_an_error_that_can_not_travel_is_told():
    with pytest.raises(RuntimeError, match="Odd: 1 and 2"):
        next(Feed(fail_oddly, 1, workers=1, unpack=itself))


def test_an_error_of_unpacking():
    def unpack(element):
        raise ZeroDivisionError

    for workers in (0, 1):
        with pytest.raises(ZeroDivisionError):
            next(Feed(square, 1, workers=workers, unpack=unpack))


def test_what_can_not_be_sent():
    lock = threading.Lock()

    def make(number):
        with lock:
            return number

    assert list(Feed(make, 3, unpack=itself)) == [0, 1, 2]
    with pytest.raises(ValueError, match="can not be sent.*`workers=0`"):
        Feed(make, 3, workers=1, unpack=itself)


def test_a_negative_number_of_workers():
    with pytest.raises(ValueError, match="0 for threads. Received: -1"):
        Feed(square, 3, workers=-1, unpack=copy)


def sleep(number):
    time.sleep(0.05)
    return np.full(100_000, number, np.float32)


def test_a_worker_that_ends_is_told_and_nothing_hangs():
    feed = Feed(sleep, 1000, workers=2, unpack=np.array)
    next(feed), next(feed)
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="has ended.*exit code -9"):
        list(feed)
    assert not multiprocessing.active_children()


def test_ctrl_c_is_for_the_main_process():
    with Feed(sleep, 12, workers=2, unpack=np.array) as feed:
        next(feed), next(feed)
        for process in multiprocessing.active_children():
            os.kill(process.pid, signal.SIGINT)
        assert len(list(feed)) == 10


def run_script(tmp_path, text, **options):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(text))
    return subprocess.Popen(
        [sys.executable, path],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.slow
def test_workers_do_without_keras(tmp_path):
    """What they import, for a loader of pictures."""
    script = """
        import sys
        import numpy as np
        from keras_mobilevit.model_info import ImageSpec
        from keras_mobilevit.training.loader import BatchLoader
        from keras_mobilevit.training.recipe import Augmentation
        from keras_mobilevit.training.sampler import Batch
        from keras_mobilevit.training.sources import open_source

        class Loader(BatchLoader):
            def training_example(self, index, size, rng):
                pixels, target = super().training_example(index, size, rng)
                heavy = {"keras", "tensorflow", "torch", "matplotlib"}
                target[0] = len(heavy & sys.modules.keys())
                return pixels, target

        if __name__ == "__main__":
            import keras
            images = np.zeros((4, 9, 9, 3), np.uint8)
            source = open_source((images, [0, 0, 1, 1]))
            plan = [Batch(8, 8, np.arange(4)[None])]
            for workers in (0, 1):
                loader = Loader(
                    source, Augmentation(), ImageSpec(), workers=workers
                )
                ((_, targets),) = loader.batches(plan, epoch=0)
                print(targets[0, 0] > 0)
    """
    output, errors = run_script(tmp_path, script).communicate(timeout=120)
    assert output.split() == ["True", "False"], errors


def test_a_script_without_a_guard_is_told(tmp_path):
    script = """
        from keras_mobilevit.training.feed import Feed
        feed = Feed(abs, 3, workers=1, unpack=abs)
        try:
            print(list(feed))
        except RuntimeError as error:
            print(error)
    """
    process = run_script(tmp_path, script)
    output, _ = process.communicate(timeout=120)
    assert "has ended" in output
    assert '`if __name__ == "__main__":`' in output


def alive(pid):
    """Whether it runs; what ended stays in the table until it is asked."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_end_when_the_main_process_is_killed(tmp_path):
    script = """
        import multiprocessing, time
        from keras_mobilevit.training.feed import Feed

        def slow(number):
            time.sleep(0.02)
            return number

        if __name__ == "__main__":
            feed = Feed(slow, 100_000, workers=2, unpack=abs)
            next(feed), next(feed)
            pids = [p.pid for p in multiprocessing.active_children()]
            print(*pids, flush=True)
            time.sleep(600)
    """
    process = run_script(tmp_path, script)
    pids = process.stdout.readline().split()
    assert len(pids) == 2 and all(map(alive, pids))
    process.kill()
    process.communicate(timeout=60)
    limit = time.monotonic() + 30
    while any(map(alive, pids)):
        assert time.monotonic() < limit
        time.sleep(0.1)
