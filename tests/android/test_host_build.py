"""What the app's host build says before it needs Java."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ANDROID = pathlib.Path(__file__).resolve().parents[2] / "tools" / "android"

pytestmark = pytest.mark.skipif(
    f"{sys.platform} {os.uname().machine}" != "linux x86_64",
    reason="The host build runs on Linux on x86-64.",
)


def error(programs, *arguments):
    """Of a build with only these programs on the path."""
    environment = {**os.environ, "PATH": str(programs)}
    environment.pop("JAVA_HOME", None)
    result = subprocess.run(
        [sys.executable, str(ANDROID / "host_build.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    return result.stderr


def install(folder, name, line):
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{line}'\n")
    path.chmod(0o755)


def test_without_java_it_says_what_to_install(tmp_path):
    assert "needs a JDK, 17 or newer. On Debian" in error(tmp_path)


def test_an_old_java_is_refused(tmp_path):
    install(tmp_path, "javac", "javac 11.0.2")
    assert "17 or newer. Received: javac 11.0.2." in error(tmp_path)


def test_without_maven_it_says_what_to_install(tmp_path):
    install(tmp_path, "javac", "javac 17.0.15")
    message = error(tmp_path)
    assert "needs Maven (mvn)." in message and "apt-get install" in message


def test_all_versions_are_in_one_place():
    catalogue = (ANDROID / "gradle" / "libs.versions.toml").read_text()
    defined = set(re.findall(r'^([a-z0-9-]+) = "', catalogue, re.M))
    poms = [ANDROID / "pom.xml", *ANDROID.glob("*/pom.xml")]
    used = {
        name
        for pom in poms
        for name in re.findall(r"\$\{version\.([a-z0-9-]+)\}", pom.read_text())
    }
    assert len(poms) == 5 and used <= defined
    # And nowhere else: the only other versions are our own and Maven's format.
    for pom in poms:
        numbers = re.findall(r"<version>([^$<]+)</version>", pom.read_text())
        assert set(numbers) <= {"1"}, pom
