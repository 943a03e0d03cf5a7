"""Runs files that others made once, in a process that they may crash.

LiteRT verifies the offsets in a file, and `file_check` what these refer to.
Neither knows whether the shapes, types and options of an operation fit
together. Most kernels ask; some read past the end of an array. A file that did
so would end this process, and with it the work of its user.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

from keras_mobilevit.tflite import trial_process

# Even where the process waits and does not compute.
_TIMEOUT_S = 120
# SHA-256 of files that ran, or that this process made.
_known: set[bytes] = set()


def trust_file(data: bytes) -> None:
    """Remembers that this process made a file: it needs no trial."""
    _known.add(hashlib.sha256(data).digest())


def try_file(data: bytes) -> None:
    """Runs a file once on noise, unless its bytes are known.

    That takes about 0.15 s, and the time that the file needs. What only other
    pixels or another size would do goes unseen.

    Args:
        data: A `.tflite` file that `check_model` has accepted.

    Raises:
        ValueError: If LiteRT refuses it or crashes on it, or takes more than
            20 s or 2 GB; the message says which.
        OSError: If no process can be started.
    """
    digest = hashlib.sha256(data).digest()
    if digest in _known:
        return
    try:
        done = subprocess.run(
            # Without `site`: what this process found is found without it.
            [sys.executable, "-S", trial_process.__file__],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                # Each thread would take some of the memory that is allowed.
                "OPENBLAS_NUM_THREADS": "1",
            },
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"it takes over {_TIMEOUT_S} s") from error
    if code := done.returncode:
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        raise ValueError(f"it crashes, with {how}")
    if refusal := done.stdout.decode(errors="replace"):
        raise ValueError(refusal)
    _known.add(digest)
