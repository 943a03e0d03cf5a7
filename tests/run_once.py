"""What the processes of a test run make once and share."""

import os
import time


def make_once(factory, name, make):
    """A folder that `make(folder)` fills, in the process that is first.

    Args:
        factory: The fixture `tmp_path_factory`.
        name: Of the folder, the same in all processes.
        make: Called with an empty folder.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # The folders of all processes are in it.
    folder, lock = base / name, base / f"{name}.lock"
    while not folder.exists():
        try:
            lock.mkdir()
        except FileExistsError:
            time.sleep(0.5)
            continue
        try:
            if not folder.exists():
                unfinished = factory.mktemp(name)
                make(unfinished)
                unfinished.rename(folder)
        finally:
            lock.rmdir()
    return folder
