#!/usr/bin/env python3
"""Builds and tests the Android app on Linux, without Android's SDK.

`make android-test` installs what this needs and runs it. Arguments after `--`
go to Maven, which is then all that runs: `host_build.py -- -o -pl core test`.
"""

from __future__ import annotations

import argparse
import sys

from host import toolchain
from host.checks import check_style, format_kotlin, make_dex
from host.documents import check_documents
from host.gradle_dsl import write_gradle_dsl
from host.maven import maven
from host.models import make_models
from host.steps import BuildError, step


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--format",
        action="store_true",
        help="only format the Kotlin files; after a build",
    )
    parser.add_argument("maven", nargs="*", help="arguments for Maven")
    arguments = parser.parse_args()
    try:
        toolchain.check_system()
        toolchain.check_java_and_maven()
        if arguments.format:
            format_kotlin()
        elif arguments.maven:
            maven(*arguments.maven)
        else:
            build()
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def build() -> None:
    with step("models and golden values"):
        make_models()
    write_gradle_dsl()
    with step("Maven: compile, link resources, test"):
        maven("test")
    with step("documents of the app, in Python"):
        print(", ".join(check_documents()))
    with step("ktlint"):
        check_style()
    with step("R8"):
        print(f"The release dex has {make_dex():,} bytes.")


if __name__ == "__main__":
    sys.exit(main())
