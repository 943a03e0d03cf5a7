"""Float and int8 files of every source, from a cache where they are there."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import tempfile
from collections.abc import Iterable

from tqdm import tqdm

from baselines.registry import RECIPES, SOURCES, Source
from keras_mobilevit.tflite.benchmarks.fresh_start import measure_fresh_start
from logged_commands import CommandError, run_logged
from virtual_environments import python_with


@dataclasses.dataclass(frozen=True)
class Exports:
    """What one variant could be exported to, and what not.

    Attributes:
        files: Name in the tables, such as `"timm int8"` -> file.
        left_out: Name in the tables -> why there is no file.
    """

    files: dict[str, pathlib.Path]
    left_out: dict[str, str]


def export_all(
    variants: Iterable[str],
    cache: str | os.PathLike,
    *,
    sources: Iterable[Source] = tuple(SOURCES.values()),
    size: int = 256,
) -> dict[str, Exports]:
    """Installs the sources and exports their models with random weights.

    What fails is left out with its reason, and the rest goes on. The files
    of baselines are kept; ours are made anew each time.

    Args:
        variants: Names such as `"mobilevit_xxs"`.
        cache: Folder for environments, files and logs: some 7 GB for all.
        sources: In the order of the tables.
        size: Side of the input in pixels, a multiple of 32.

    Returns:
        Variant -> its files, each of which runs.
    """
    cache = pathlib.Path(cache).absolute()
    cache.mkdir(parents=True, exist_ok=True)
    exports = {variant: Exports({}, {}) for variant in variants}
    for source in tqdm(list(sources), desc="exporting", disable=None):
        for variant, files, reason in _export_source(
            source, exports, size, cache
        ):
            for recipe in RECIPES:
                name = f"{source.name} {recipe}"
                if recipe in files:
                    exports[variant].files[name] = files[recipe]
                else:
                    exports[variant].left_out[name] = reason
    return exports


def _export_source(source, variants, size, cache):
    """Yields `(variant, files, reason)`; see `_export`."""
    try:
        python = python_with(source.requirements, cache, source.name)
    except CommandError as error:
        for variant in variants:
            yield variant, {}, f"can not be installed: {error}"
        return
    for variant in variants:
        yield variant, *_export(source, python, variant, size, cache)


def _export(source, python, variant, size, cache):
    """`(files, reason)`: recipe -> file, and why some are missing."""
    folder = cache / f"{source.name}-{variant}-{size}-{_digest(source)}"
    folder.mkdir(exist_ok=True)
    files = {recipe: folder / f"{recipe}.tflite" for recipe in RECIPES}
    if source.requirements and all(path.is_file() for path in files.values()):
        return files, ""
    for path in files.values():
        path.unlink(missing_ok=True)
    reason = "the exporter ended well, but wrote no such file"
    # In the cache, so that a file that runs moves there at once and whole.
    with tempfile.TemporaryDirectory(dir=cache) as part:
        command = [*python, source.exporter, *source.arguments]
        try:
            run_logged(
                [*command, variant, str(size), part],
                folder / "export.log",
                source.environment,
            )
        except CommandError as error:
            reason = f"can not be exported: {error}"
        for path in pathlib.Path(part).glob("*.tflite"):
            try:
                measure_fresh_start(path, repeats=1)
                path.replace(folder / path.name)
            except ValueError as error:
                reason = f"does not run: {error}"
    done = {recipe: path for recipe, path in files.items() if path.is_file()}
    return done, reason


def _digest(source):
    """Files that would be made otherwise are kept apart."""
    settings = (
        source.arguments,
        source.requirements,
        sorted(source.environment.items()),
    )
    facts = repr(settings).encode()
    neighbour = source.exporter.with_name("lively_weights.py")
    for path in (source.exporter, neighbour):
        facts += path.read_bytes() if path.is_file() else b""
    return hashlib.sha256(facts).hexdigest()[:8]
