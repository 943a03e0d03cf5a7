"""Arm64 without a phone: files under emulation, beside the host.

`prepare` unpacks an Arm64 Python with LiteRT, and qemu, into a cache folder;
`check_files` runs files there and on the host, and compares what XNNPACK takes
and what comes out. Built with a plugin, qemu also counts instructions.
Needs `pip install "keras-mobilevit[tflite]"` and Debian's apt.
"""

from arm64.agreement import (
    Agreement,
    check_files,
    check_request,
)
from arm64.agreement_report import as_json, as_tables
from arm64.counting import Instructions
from arm64.emulator import CORES, Emulator
from arm64.preparation import default_cache, prepare

__all__ = [
    "CORES",
    "Agreement",
    "Emulator",
    "Instructions",
    "as_json",
    "as_tables",
    "check_files",
    "check_request",
    "default_cache",
    "prepare",
]
