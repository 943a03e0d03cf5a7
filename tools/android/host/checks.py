"""Checks after Maven: the style of Kotlin files, and the release dex."""

from __future__ import annotations

import os
import pathlib
import shutil

from host.folders import ANDROID, BUILD
from host.maven import versions
from host.steps import BuildError, command


def check_style() -> None:
    """Runs ktlint on all Kotlin files, those of Gradle too."""
    _ktlint([], "`host_build.py --format` repairs most of it.")


def format_kotlin() -> None:
    """Lets ktlint repair what it can; after a build."""
    _ktlint(["--format"], "The rest is to be done by hand.")


def _ktlint(options: list[str], advice: str) -> None:
    # It reflects on the JDK.
    opened = "--add-opens=java.base/java.lang=ALL-UNNAMED"
    command(
        ["java", opened, "-jar", _path("checks", "ktlint"), *options]
        + ["--relative", "**/*.kt", "**/*.kts"]
        + ["!**/build/**", "!**/target/**"],
        advice,
        cwd=ANDROID,
    )


def make_dex() -> int:
    """Makes the dex of a release build, by R8 with the rules of the app.

    Returns:
        Its size in bytes.
    """
    folder = BUILD / "dex"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    programs = _paths("app", "runtime")
    android = _path("app", "android")
    classpath = [
        _as_jar(path, folder)
        for path in _paths("app", "compile")
        if path != android and path not in programs
    ]
    command(
        [
            "java",
            "-Xmx2g",
            "-cp",
            _path("checks", "r8"),
            "com.android.tools.r8.R8",
            "--release",
            "--min-api",
            versions()["min-sdk"],
            # The framework lacks java.*, of which the JDK has the same.
            "--lib",
            _java_home(),
            "--lib",
            android,
            *(part for path in classpath for part in ("--classpath", path)),
            "--pg-conf",
            ANDROID / "app" / "proguard-rules.pro",
            # What Gradle's plugin adds.
            "--pg-conf",
            ANDROID / "app" / "target" / "res" / "rules.pro",
            "--output",
            folder,
            *(_as_jar(path, folder) for path in programs),
        ],
        "Correct app/proguard-rules.pro, or what it keeps.",
    )
    return sum(path.stat().st_size for path in folder.glob("*.dex"))


def _as_jar(path: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    if path.is_file():
        return path
    name = folder / f"{path.parent.parent.name}"
    return pathlib.Path(shutil.make_archive(str(name), "zip", path))


def _java_home() -> pathlib.Path:
    home = os.environ.get("JAVA_HOME")
    if home:
        return pathlib.Path(home)
    java = shutil.which("javac")
    if java is None:
        raise BuildError("javac is missing.")
    return pathlib.Path(java).resolve().parents[1]


def _paths(module: str, name: str) -> list[pathlib.Path]:
    file = ANDROID / module / "target" / f"{name}.path"
    return [pathlib.Path(part) for part in file.read_text().split(os.pathsep)]


def _path(module: str, name: str) -> pathlib.Path:
    (path,) = _paths(module, name)
    return path
