#!/usr/bin/env python3
"""Builds and tests the Android app on Linux, without Android's SDK.

`make android-test` installs what this needs and runs it. Arguments after `--`
go to Maven, which is then all that runs: `host_build.py -- -o -pl core test`.
"""

from __future__ import annotations

import argparse
import sys

from host import toolchain
from host.folders import ASSETS
from host.maven import maven
from host.steps import BuildError, step


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("maven", nargs="*", help="arguments for Maven")
    arguments = parser.parse_args()
    try:
        build(arguments.maven)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def build(arguments: list[str]) -> None:
    toolchain.stop_if_unsupported()
    toolchain.check_java_and_maven()
    ASSETS.mkdir(parents=True, exist_ok=True)
    with step("Maven"):
        maven(*(arguments or ["package"]))


if __name__ == "__main__":
    sys.exit(main())
