"""Files on this machine and on the phone, where their hash is their name."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import shlex
from collections.abc import Sequence

from keras_mobilevit.android.adb import Adb
from keras_mobilevit.android.cleanup import Cleanup
from keras_mobilevit.android.errors import AndroidError
from keras_mobilevit.android.remote_hashes import (
    HASH_PROGRAM,
    is_copy,
    read_hashes,
)

# Where apps may read and `adb` may write. The app lists what is there.
FOLDER = "/data/local/tmp/keras_mobilevit"
# Beside a file that is to be removed, also over an unplugged cable.
_MARKER = ".temporary"


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """A file of this machine.

    Attributes:
        name: What it is called in results.
        path: Where it is.
        sha256: Hash of its bytes, hexadecimal.
        size: Number of its bytes.
    """

    name: str
    path: pathlib.Path
    sha256: str
    size: int

    @property
    def remote(self) -> str:
        """Its path on the phone."""
        return f"{FOLDER}/{self.sha256}.tflite"


def open_model_file(path: str | os.PathLike) -> ModelFile:
    """Looks at a file.

    Args:
        path: A `.tflite` file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no `.tflite` file.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no .tflite file at {path}.")
    data = path.read_bytes()
    if data[4:8] != b"TFL3":
        raise ValueError(
            f"{path} is no .tflite file: expected TFL3 as bytes 4 to 8. "
            f"Received: {data[4:8]!r}"
        )
    digest = hashlib.sha256(data).hexdigest()
    # What JSON and a table can hold, whatever the file system has.
    name = "".join(c if c.isprintable() else "?" for c in os.fspath(path))
    return ModelFile(name[:1000], path, digest, len(data))


def push_files(
    adb: Adb,
    files: Sequence[tuple[pathlib.Path, str, str]],
    cleanup: Cleanup | None,
) -> None:
    """Copies files to the phone that are not there yet.

    Args:
        adb: The phone.
        files: Path here, path on the phone and hash of each.
        cleanup: Gets steps that remove what was copied, now or by a run that
            could not clean up; `None` to leave it there.

    Raises:
        AndroidError: If one can not be copied.
    """
    wanted = {remote: (source, digest) for source, remote, digest in files}
    markers = {remote: remote + _MARKER for remote in wanted}
    found = _hashes(adb, [*wanted, *markers.values()])
    pushed = {
        remote: file
        for remote, file in wanted.items()
        if not is_copy(*file, found.get(remote))
    }
    marked = [marker for marker in markers.values() if marker in found]
    if cleanup is not None:
        # First, since a copy that is cut off leaves a part.
        _remove_later(adb, [*pushed, *marked], cleanup)
        new = [markers[remote] for remote in pushed]
        if new:
            adb.shell(f"touch {shlex.join(new)}")
    elif marked:
        adb.shell(f"rm -f {shlex.join(marked)}")
    for remote, (source, _) in pushed.items():
        adb.push(source, remote)
    # Readable for apps, whatever it was here, or before.
    adb.shell(f"chmod 755 {shlex.join(wanted)}")
    if not pushed:
        return
    copied = _hashes(adb, pushed)
    for remote, (source, digest) in pushed.items():
        if not is_copy(source, digest, copied.get(remote)):
            raise AndroidError(
                f"{source} was damaged on its way to the phone: expected the "
                f"hash {digest}. Received: {copied.get(remote)}. Try another "
                "cable, and whether the phone's storage is full."
            )


def _remove_later(adb, paths, cleanup):
    for remote in dict.fromkeys(path.removesuffix(_MARKER) for path in paths):
        # The marker last: what is interrupted is tried again.
        both = shlex.join([remote, remote + _MARKER])
        cleanup.add(
            f"the file {remote} is still there",
            lambda both=both: adb.shell(f"rm -f {both}"),
        )


def _hashes(adb, paths):
    """Path -> hash of those that are on the phone."""
    # The exit status says whether all are.
    return read_hashes(
        adb.shell(f"{HASH_PROGRAM} {shlex.join(paths)} 2>/dev/null; true")
    )
