"""Hashes of files on the phone, by whichever program it has."""

from __future__ import annotations

import hashlib
import pathlib
import re

# A word for the phone's shell: Android 7 does not have sha256sum yet.
HASH_PROGRAM = "$(command -v sha256sum || echo sha1sum)"
# Numbers of hexadecimal digits.
_SHA256, _SHA1 = 64, 40


def read_hashes(output: str) -> dict[str, str]:
    """Reads what `HASH_PROGRAM` printed.

    Args:
        output: Lines of hash and path, maybe among others.

    Returns:
        Path -> hash, hexadecimal.
    """
    lines = re.findall(r"^([0-9a-f]+)[ \t]+(/.*?)\s*$", output, re.M)
    return {
        path: digest
        for digest, path in lines
        if len(digest) in (_SHA256, _SHA1)
    }


def is_copy(source: pathlib.Path, sha256: str, digest: str | None) -> bool:
    """Whether a hash of the phone is that of a file of this machine.

    Args:
        source: The file.
        sha256: Its hash, as it was when it was opened.
        digest: From `read_hashes`; `None` if the phone has no such file.
    """
    if digest is None or len(digest) == _SHA256:
        return digest == sha256
    data = source.read_bytes()
    return (
        hashlib.sha256(data).hexdigest() == sha256
        and hashlib.sha1(data).hexdigest() == digest
    )
