"""Maven, with the versions that Gradle uses."""

from __future__ import annotations

import re

from host import toolchain
from host.folders import ANDROID
from host.steps import command


def versions() -> dict[str, str]:
    """Name -> version, from the one place of versions."""
    text = (ANDROID / "gradle" / "libs.versions.toml").read_text()
    table = text.split("[versions]")[1].split("\n[")[0]
    return dict(re.findall(r'^([a-z0-9-]+) = "([^"]+)"$', table, re.M))


def maven(*arguments: str) -> None:
    """Runs Maven in `tools/android`.

    Raises:
        BuildError: If it fails.
    """
    command(
        [
            "mvn",
            "--batch-mode",
            "--no-transfer-progress",
            # A daemon would stay for hours.
            "-Dkotlin.compiler.daemon=false",
            *(f"-Dversion.{name}={v}" for name, v in versions().items()),
            f"-Daapt2={toolchain.aapt2()}",
            f"-Dframework.res={toolchain.framework_resources()}",
            f"-Dlitert.library={toolchain.litert_library()}",
            *arguments,
        ],
        "Its output is above.",
        cwd=ANDROID,
        # Compilers end before the JVM's own optimizer pays off.
        environment={"MAVEN_OPTS": "-XX:TieredStopAtLevel=1"},
    )
