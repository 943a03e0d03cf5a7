"""Debian packages downloaded and unpacked, with nothing installed.

apt is pointed at a folder of its own instead of the machine's state, so that
neither root nor a foreign architecture is needed. Which mirror to ask is read
from the machine's own sources.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

from arm64.programs import require_programs, run

_KEYRING = pathlib.Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class Source(NamedTuple):
    """One suite of an archive, as apt's sources name it.

    Attributes:
        uri: The archive, ending in a slash.
        suite: Release, such as `"bookworm"`.
        component: Such as `"main"`.
    """

    uri: str
    suite: str
    component: str


def read_sources(path: str | os.PathLike | None = None) -> list[Source]:
    """Suites of binary packages that the machine's apt knows.

    apt itself reads them, in both of its formats.

    Args:
        path: Read this `.list` or `.sources` file alone.

    Raises:
        FileNotFoundError: If the machine has no apt.
    """
    require_programs("apt-get", "dpkg-deb")
    only = {"Dir::Etc::sourcelist": path, "Dir::Etc::sourceparts": ""}
    printed = run(
        [
            "apt-get",
            *_as_options(only if path else {}),
            "indextargets",
            # Also where `apt-get update` has never been run.
            "--no-release-info",
            "--format=$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)",
            "Created-By: Packages",
        ]
    )
    # One line for each architecture.
    lines = dict.fromkeys(printed.splitlines())
    return [Source(*line.split("\t")) for line in lines]


def debian_release(sources: Sequence[Source]) -> Source:
    """The first of some sources that is a Debian release itself.

    That is the component `main` of a suite without `-security` or the like,
    at a mirror that keeps Debian where all do: in a folder named `debian`.

    Raises:
        ValueError: If there is none.
    """
    for source in sources:
        release = source.component == "main" and "-" not in source.suite
        if release and "debian" in source.uri.split("/"):
            return source
    raise ValueError(
        "Expected a Debian mirror among apt's sources, to take Arm64 packages "
        "from: a line such as `deb URI/debian SUITE main`. Received: "
        f"{sorted({source.uri for source in sources})}. Run this on Debian, "
        "or in a container of it."
    )


def source_line(uri: str, suite: str, kind: str = "deb") -> str:
    """A line of `sources.list` for the component `main`, signed by Debian.

    Raises:
        FileNotFoundError: If Debian's keys are not on the machine.
    """
    if not _KEYRING.is_file():
        raise FileNotFoundError(
            f"Expected Debian's keys at {_KEYRING}, to check what is fetched. "
            "Install the package debian-archive-keyring."
        )
    return f"{kind} [signed-by={_KEYRING}] {uri} {suite} main"


class Archive:
    """Debian archives, seen through an apt with a state of its own.

    Args:
        folder: Empty folder for lists and packages.
        lines: Lines of a `sources.list`.
        architecture: Of the packages, such as `"arm64"`.

    Raises:
        FileNotFoundError: If the machine has no apt.
        RuntimeError: If the lists can not be fetched.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        lines: Sequence[str],
        architecture: str,
    ):
        require_programs("apt-get", "dpkg-deb")
        folder = pathlib.Path(folder).resolve()
        self.packages = folder / "packages"
        for path in (folder / "lists", self.packages):
            (path / "partial").mkdir(parents=True)
        (folder / "status").touch()
        (folder / "sources.list").write_text("\n".join([*lines, ""]))
        self._options = {
            "APT::Architecture": architecture,
            "APT::Architectures::": architecture,
            "APT::Install-Recommends": "false",
            # Else root's apt hands downloads to a user who may not write here.
            "APT::Sandbox::User": "root",
            "Dir::Cache": folder,
            "Dir::Cache::archives": self.packages,
            "Dir::Etc::preferences": "",
            "Dir::Etc::preferencesparts": "",
            "Dir::Etc::sourcelist": folder / "sources.list",
            "Dir::Etc::sourceparts": "",
            "Dir::State": folder,
            "Dir::State::lists": folder / "lists",
            # An empty machine: whatever a package needs counts as missing.
            "Dir::State::status": folder / "status",
        }
        self._apt("update")

    def download(self, *names: str) -> None:
        """Fetches packages into `packages`."""
        self._apt("download", *names)

    def download_closure(self, *names: str) -> None:
        """Fetches packages and all that they need into `packages`."""
        self._apt("install", "--download-only", "--yes", *names)

    def download_source(self, name: str) -> None:
        """Fetches a source package, as it is, into `packages`."""
        self._apt("source", "--download-only", name)

    def unpack(self, folder: str | os.PathLike) -> None:
        """Unpacks all binary packages fetched so far over one another."""
        for package in sorted(self.packages.glob("*.deb")):
            run(["dpkg-deb", "--extract", package, folder])

    def _apt(self, *arguments):
        options = _as_options(self._options)
        run(["apt-get", "-qq", *options, *arguments], folder=self.packages)


def machine_architecture() -> str:
    """Debian's name of this machine's architecture, such as `"amd64"`."""
    return run(["dpkg", "--print-architecture"]).strip()


def _as_options(settings):
    return [f"--option={name}={value}" for name, value in settings.items()]
