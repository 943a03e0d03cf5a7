"""Building a qemu that takes plugins, as Debian's does not, from its source."""

from __future__ import annotations

import ctypes.util
import os
import pathlib
import sys

from arm64 import apt
from arm64.emulator import SUITE
from arm64.programs import require_programs, run

QEMU = "qemu-aarch64"
PLUGIN = "instructions.so"

_SOURCE = pathlib.Path(__file__).with_name("instructions.c")
# All optional parts off; the emulator of Arm64 programs and plugins on.
_CONFIGURATION = (
    "--without-default-features",
    "--target-list=aarch64-linux-user",
    "--enable-linux-user",
    "--enable-plugins",
    "--enable-tcg",
    "--disable-system",
    "--disable-tools",
    "--disable-docs",
    "--disable-werror",
    # Debian's source package comes without them.
    "--disable-install-blobs",
)


def build_qemu(made: pathlib.Path, scratch: pathlib.Path) -> None:
    """Builds qemu and the plugin: about 3 minutes of one core.

    Headers come unpacked from the machine's own Debian release, with whose
    libraries the result runs. A static qemu would be simpler, but takes no
    plugins.

    Args:
        made: Folder that gets `QEMU` and `PLUGIN`.
        scratch: Folder for all else, about 1 GB.

    Raises:
        FileNotFoundError: If gcc, pkg-config or GLib are missing.
        RuntimeError: If a step fails.
    """
    require_programs("gcc", "pkg-config")
    if ctypes.util.find_library("glib-2.0") is None:
        raise FileNotFoundError(
            "qemu needs GLib on the machine. Install libglib2.0-0 (or "
            "libglib2.0-0t64, as it is called from Debian 13 on)."
        )
    uri, release, _ = apt.debian_release(apt.read_sources())
    archive = apt.Archive(
        scratch / "apt",
        [
            apt.source_line(uri, release),
            apt.source_line(uri, SUITE, "deb-src"),
        ],
        apt.machine_architecture(),
    )
    archive.download_closure("libglib2.0-dev", "zlib1g-dev")
    libraries = scratch / "libraries"
    archive.unpack(libraries)
    archive.download_source("qemu")
    (tarball,) = archive.packages.glob("qemu_*.orig.tar.xz")
    (scratch / "source").mkdir()
    run(["tar", "--extract", "--file", tarball], folder=scratch / "source")
    (source,) = (scratch / "source").iterdir()

    tools = scratch / "tools"
    run([sys.executable, "-m", "venv", tools])
    python = tools / "bin" / "python"
    run(
        [python, "-m", "pip", "install", "--quiet", "meson", "ninja", "pycotap"]
    )
    (search,) = libraries.glob("usr/lib/*/pkgconfig")
    variables = {
        "PATH": os.pathsep.join([str(tools / "bin"), os.environ["PATH"]]),
        "PKG_CONFIG_LIBDIR": str(search),
        "PKG_CONFIG_SYSROOT_DIR": str(libraries),
    }
    build = source / "build"
    build.mkdir()
    configure = [source / "configure", f"--python={python}", *_CONFIGURATION]
    run(configure, folder=build, variables=variables)
    run([tools / "bin" / "ninja", QEMU], folder=build, variables=variables)
    (build / QEMU).rename(made / QEMU)

    flags = run(["pkg-config", "--cflags", "glib-2.0"], variables=variables)
    run(
        [
            *("gcc", "-O2", "-shared", "-fPIC"),
            *("-I", source / "include" / "qemu", *flags.split()),
            *(_SOURCE, "-o", made / PLUGIN),
        ]
    )
