"""A process that opens one data set and reads some of its images.

Its arguments are the path and the number of images; it says, as JSON, what it
took. Imports do not count.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys
import time

import numpy as np

from keras_mobilevit.training.sources import open_source

_STATUS = pathlib.Path("/proc/self/status")


def main(path: str, reads: str) -> None:
    before = memory_mb("VmRSS")
    start, used = time.perf_counter(), time.process_time()
    source = open_source(path)
    opened = time.perf_counter() - start
    used = time.process_time() - used
    peak, held = memory_mb("VmHWM"), memory_mb("VmRSS")
    rng = np.random.default_rng(0)
    indices = rng.integers(0, len(source), int(reads)).tolist()
    start = time.perf_counter()
    for index in indices:
        source.open(index)
    facts = {
        "images": len(source),
        "classes": len(source.class_names),
        "open_seconds": opened,
        "open_cpu_seconds": used,
        "read_seconds": time.perf_counter() - start,
        "imported_mb": before,
        "open_peak_mb": peak,
        "open_mb": held,
        "read_mb": memory_mb("VmRSS"),
    }
    print(json.dumps(facts))


def memory_mb(field: str) -> float | None:
    """Resident memory, now (`VmRSS`) or at most (`VmHWM`), if it is known."""
    if not _STATUS.is_file():
        return None
    (kilobytes,) = re.findall(rf"{field}:\s*(\d+) kB", _STATUS.read_text())
    return int(kilobytes) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
