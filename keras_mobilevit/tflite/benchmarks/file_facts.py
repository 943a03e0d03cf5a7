"""What identifies a measured file, and whether it computes what it should."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib

from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.tflite.metadata import read_metadata
from keras_mobilevit.tflite.self_test import SelfTest, check_self_test


@dataclasses.dataclass(frozen=True)
class FileFacts:
    """Identity of a file.

    Attributes:
        sha256: Hash of its bytes, hexadecimal.
        info: What it says of itself, or `None`.
        self_test: Result on this machine; `None` for a file without one.
    """

    sha256: str
    info: ModelInfo | None
    self_test: SelfTest | None


def read_file_facts(path: str | os.PathLike) -> FileFacts:
    """Hashes a file and runs its self-test.

    Args:
        path: A `.tflite` file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If its description or its self-test is damaged.
    """
    info = read_metadata(path)
    tested = info is not None and bool(info.self_test)
    return FileFacts(
        sha256=hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest(),
        info=info,
        self_test=check_self_test(path) if tested else None,
    )
