"""The process that reads an HDF5 file, so that damage ends it and not us.

`hdf5.py` runs this file as a script; nothing here may import the package.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any, BinaryIO

# Bytes of all values of a file. The largest MobileViT with the state of its
# optimizer has a tenth.
MAX_BYTES = 2**29
# Of the process. Time is that of the processor: waiting for a disk is no sign
# of damage.
_MAX_MEMORY = 3 * 2**29
_MAX_SECONDS = 15


def open_file(source: str | bytes) -> Any:
    """Opens a file by its path, or out of its bytes."""
    import h5py

    return h5py.File(
        io.BytesIO(source) if isinstance(source, bytes) else source, "r"
    )


def list_contents(
    file: Any,
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Attributes of all groups, and all datasets of an open file.

    Returns:
        Path of a group, `""` for the file itself -> its attributes, as JSON
        can hold them (`None` for others). Path -> dataset.

    Raises:
        OSError: If a dataset refers to another file, or holds no numbers.
        ValueError: If there are too many values.
    """
    groups, datasets = {"": _attributes(file)}, {}

    def visit(name, item):
        if not hasattr(item, "dtype"):
            groups[name] = _attributes(item)
            return
        if item.external or item.is_virtual:
            raise OSError(f"{name} refers to another file")
        if item.dtype.hasobject or item.shape is None:
            raise OSError(f"{name} holds no numbers")
        datasets[name] = item

    file.visititems(visit)
    size = sum(item.size * item.dtype.itemsize for item in datasets.values())
    if size > MAX_BYTES:
        raise ValueError(
            f"it claims to hold {size:,} bytes of values, and more than "
            f"{MAX_BYTES:,} are not read"
        )
    return groups, datasets


def _attributes(item):
    return {name: _plain(value) for name, value in item.attrs.items()}


def _plain(value):
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, str):
        return value
    if getattr(getattr(value, "dtype", None), "kind", "O") in "biuf":
        return value.tolist()
    return None


def _write(source: str | bytes, output: BinaryIO) -> None:
    """A line of JSON, and behind it the bytes of the datasets it lists."""
    with open_file(source) as file:
        groups, datasets = list_contents(file)
        entries = [
            (name, item.dtype.str, item.shape)
            for name, item in datasets.items()
        ]
        header = {"groups": groups, "datasets": entries}
        output.write(json.dumps(header).encode() + b"\n")
        for item in datasets.values():
            output.write(item[()].tobytes())


def _set_limits():
    try:
        import resource
    except ImportError:  # Windows has none.
        return
    for kind, limit in (
        (resource.RLIMIT_AS, _MAX_MEMORY),
        (resource.RLIMIT_CPU, _MAX_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        _, highest = resource.getrlimit(kind)
        if highest == resource.RLIM_INFINITY or limit < highest:
            resource.setrlimit(kind, (limit, limit))


def _main() -> None:
    # The folder of this file has modules that are not meant for others.
    del sys.path[0]
    import h5py  # noqa: F401 (before there are limits)

    _set_limits()
    path = sys.argv[1]
    source = sys.stdin.buffer.read() if path == "-" else path
    try:
        _write(source, sys.stdout.buffer)
    # h5py reports damage as nearly anything.
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        sys.stdout.buffer.seek(0)
        sys.stdout.buffer.truncate()
        sys.stdout.buffer.write(json.dumps({"error": message}).encode())


if __name__ == "__main__":
    _main()
