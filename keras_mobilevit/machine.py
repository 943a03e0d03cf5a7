"""What a latency depends on beside the file: processor, versions, load."""

from __future__ import annotations

import os
import pathlib
import platform
import re
from collections.abc import Sequence
from importlib import metadata

from keras_mobilevit.version import __version__

# Flags by which kernels for matrices are chosen, on x86 and on ARM.
_VECTOR_FLAG = re.compile(
    "sse4|avx|f16c|fma|amx|asimd|neon|fphp|sve|sme(?!p)|i8mm|bf16"
)
_PACKAGES = ("ai-edge-litert", "numpy")


def usable_cores() -> int:
    """Cores that this process may run on, of which `taskset` can deny some.

    More threads than that wait for each other by spinning, and are slower than
    one.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe_machine(packages: Sequence[str] = _PACKAGES) -> dict:
    """Facts to publish beside a latency.

    Args:
        packages: Names of installed packages whose versions to give, beside
            this one's.

    Returns:
        Fields that JSON can hold: `cpu`, `cpu_flags` (those of vector
        instructions; both are empty where `/proc/cpuinfo` is missing),
        `cores`, `load_average` (processes that wanted to run in the last
        minute, or `None`), `system`, `python` and `versions`.
    """
    cpu, flags = _cpu(pathlib.Path("/proc/cpuinfo"))
    return {
        "cpu": cpu or platform.processor(),
        "cpu_flags": flags,
        "cores": os.cpu_count(),
        "load_average": (
            os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        ),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {
            "keras-mobilevit": __version__,
            **{name: metadata.version(name) for name in packages},
        },
    }


def _cpu(cpuinfo):
    """Name and vector flags of the first core, in x86's or ARM's words."""
    if not cpuinfo.is_file():
        return "", []
    facts = {}
    for line in cpuinfo.read_text().splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    flags = facts.get("flags") or facts.get("Features") or ""
    return facts.get("model name", ""), sorted(
        flag for flag in flags.split() if _VECTOR_FLAG.match(flag)
    )
