"""Setting up the emulated Arm64 machine in a cache folder."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import pathlib
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable

from tqdm import tqdm

from arm64 import apt
from arm64.emulator import (
    PYTHON,
    SUITE,
    Emulator,
    check_qemu,
)
from arm64.programs import run
from arm64.qemu_build import PLUGIN, QEMU, build_qemu
from keras_mobilevit.optional_imports import import_optional
from virtual_environments import user_cache

_BUILT = "qemu-counting"
# The C libraries that wheels are built for, none newer than that of `SUITE`.
_WHEEL_PLATFORMS = (
    "manylinux_2_28_aarch64",
    "manylinux_2_27_aarch64",
    "manylinux_2_17_aarch64",
    "manylinux2014_aarch64",
)


def default_cache() -> pathlib.Path:
    """The user's cache folder for the emulated machine."""
    return user_cache("arm64")


def prepare(
    cache: str | os.PathLike | None = None,
    *,
    qemu: str | os.PathLike | None = None,
    plugin: str | os.PathLike | None = None,
    counting: bool = False,
    build: bool = False,
) -> Emulator:
    """Downloads and unpacks what is not yet in the cache: about 190 MB.

    A Debian system with Python, LiteRT and NumPy for Arm64 in the versions of
    the host, and qemu. Nothing is installed, and root is not needed. With a
    complete cache, nothing is fetched.

    Args:
        cache: Folder to keep it in; `default_cache()` if `None`.
        qemu: A `qemu-aarch64` of version 10 or newer, instead of the
            machine's own or else Debian's.
        plugin: `instructions.c`, built for that qemu, to count with it.
        counting: Whether to return an emulator that counts instructions.
        build: Whether to build a qemu that can, if the cache has none: some
            minutes, and about 1 GB that is freed again.

    Returns:
        The emulator; with a plugin if `counting`.

    Raises:
        FileNotFoundError: If a program is missing on the machine.
        ValueError: If the arguments, qemu's version or apt's sources are not
            such that it can work.
        RuntimeError: If a program fails, as without a network.
        ImportError: If LiteRT is missing on the host.
    """
    import_optional("ai_edge_litert", extra="tflite")
    cache = pathlib.Path(cache or default_cache()).resolve()
    if counting:
        can_count = qemu or build or (cache / _BUILT).is_dir()
        _check_counting(can_count, qemu, plugin)
    versions = "-".join(f"{k}{v}" for k, v in host_versions().items())
    parts = {
        f"root-{SUITE}": _unpack_root,
        f"packages-{versions}": _unpack_packages,
    }
    if qemu is None and counting:
        parts[_BUILT] = build_qemu
        qemu, plugin = cache / _BUILT / QEMU, cache / _BUILT / PLUGIN
    elif qemu is None and (qemu := _machine_qemu()) is None:
        parts[f"qemu-{SUITE}"] = _unpack_qemu
        qemu = cache / f"qemu-{SUITE}" / QEMU
    root, packages, *_ = (
        _once(cache / name, make)
        for name, make in tqdm(parts.items(), desc="preparing", disable=None)
    )
    check_qemu(qemu)
    return Emulator(
        qemu=pathlib.Path(qemu).resolve(),
        root=root,
        packages=packages,
        plugin=pathlib.Path(plugin).resolve() if counting else None,
    )


def host_versions() -> dict[str, str]:
    """Versions of LiteRT and NumPy, which are the same on both sides."""
    names = ("ai-edge-litert", "numpy")
    return {name: importlib.metadata.version(name) for name in names}


def _check_counting(can_count, qemu, plugin):
    if not can_count:
        raise ValueError(
            "Debian's qemu takes no plugins, so it can not count "
            "instructions. Build one that can with `build` (--build-qemu; "
            "some minutes), or give `qemu` and `plugin`."
        )
    if (qemu is None) != (plugin is None):
        raise ValueError(
            "To count, `qemu` and `plugin` belong together: a plugin fits the "
            "qemu whose qemu-plugin.h it was built with. Received: "
            f"qemu={qemu}, plugin={plugin}"
        )


def _once(
    target: pathlib.Path, make: Callable[[pathlib.Path, pathlib.Path], None]
) -> pathlib.Path:
    """Makes a folder that is complete or not there."""
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            made = pathlib.Path(scratch) / "made"
            made.mkdir()
            make(made, pathlib.Path(scratch))
            made.rename(target)
    return target


@functools.cache
def _mirror():
    return apt.debian_release(apt.read_sources()).uri


def _unpack_root(made, scratch):
    archive = apt.Archive(
        scratch / "apt", [apt.source_line(_mirror(), SUITE)], "arm64"
    )
    archive.download_closure(f"python{PYTHON}", "libstdc++6", "libgomp1")
    # Programs look for their loader in /lib; the package with this link is
    # not needed otherwise.
    (made / "usr" / "lib").mkdir(parents=True)
    (made / "lib").symlink_to("usr/lib")
    archive.unpack(made)


def _unpack_packages(made, scratch):
    wheels = scratch / "wheels"
    run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet"),
            *(f"--platform={platform}" for platform in _WHEEL_PLATFORMS),
            *("--implementation=cp", f"--python-version={PYTHON}"),
            *("--only-binary=:all:", f"--dest={wheels}"),
            *map("==".join, host_versions().items()),
        ]
    )
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(made)


def _machine_qemu():
    program = shutil.which(QEMU)
    try:
        return program and check_qemu(program) and pathlib.Path(program)
    except ValueError:
        return None


def _unpack_qemu(made, scratch):
    archive = apt.Archive(
        scratch / "apt",
        [apt.source_line(_mirror(), SUITE)],
        apt.machine_architecture(),
    )
    archive.download("qemu-user")
    archive.unpack(scratch / "unpacked")
    shutil.move(scratch / "unpacked" / "usr" / "bin" / QEMU, made / QEMU)
