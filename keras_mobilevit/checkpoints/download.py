"""Fetches published weights into the cache of Keras, verified."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import sys

import keras

from keras_mobilevit.architectures import architectures, named_weights
from keras_mobilevit.checkpoints import loading

_EMBEDDED = pathlib.Path(__file__).parent / "embedded"


def fetch(weights: str, variant: str) -> pathlib.Path:
    """Finds the file of named weights.

    Args:
        weights: `"imagenet"` or others that are published (downloaded once),
            or the name of weights that are part of this package, such as
            `"cifar10"`.
        variant: Name of the variant, such as `"mobilevit_xxs"`.

    Returns:
        Path of the file.

    Raises:
        OSError: If the file can not be had.

    Example:
        >>> from keras_mobilevit import checkpoints
        >>> checkpoints.fetch("cifar10", "mobilevit_xxs").name
        'mobilevit_xxs_cifar10.weights.h5'
    """
    if _published(weights):
        return _fetch_published(weights, variant)
    path = _EMBEDDED / f"{variant}_{weights}.weights.h5"
    if not path.is_file():
        raise FileNotFoundError(
            f"This installation lacks {path.name}; install the package anew."
        )
    return path


def fetch_imagenet(variant: str) -> pathlib.Path:
    """Downloads the published ImageNet weights of a variant, once.

    The sources are tried in turn. A file gets its final name only after it
    is complete and verified; later calls use it without network. A file put
    into the cache folder by hand under its published name is used too.

    Args:
        variant: Name of the variant, such as `"mobilevit_xxs"`.

    Returns:
        Path of the file in the cache folder.

    Raises:
        ValueError: If there is no such variant.
        OSError: If no source works; the message says which file to fetch
            by hand and where to put it.

    Example:
        >>> from keras_mobilevit import checkpoints
        >>> checkpoints.fetch_imagenet("mobilevit_xxs")  # doctest: +SKIP
        PosixPath('/home/me/.keras/keras_mobilevit/mobilevit_xxs.pt')
    """
    return _fetch_published("imagenet", variant)


def _published(weights):
    """Variant -> published files of such weights, of all architectures."""
    return {
        variant: sources
        for architecture in architectures()
        for variant, sources in architecture.files.get(weights, {}).items()
    }


def _fetch_published(weights, variant):
    published = _published(weights)
    if variant not in published:
        raise ValueError(
            f"`variant` must be one of {list(published)}. Received: "
            f"variant={variant!r}"
        )
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    folder = pathlib.Path(home).expanduser() / "models"
    sources = published[variant]
    reasons = {}
    for source in sources:
        path = folder / source.filename
        try:
            _verify(path, source, variant)
            return path
        except (OSError, ValueError) as error:
            if path.exists():
                reasons[source] = f"the file in the folder is bad: {error}"
    for source in sources:
        try:
            return _download(source, folder, variant)
        # `keras.utils.get_file` raises a bare Exception without network.
        except Exception as error:
            reasons.setdefault(source, str(error))
    listing = "\n".join(
        f"  {source.url} ({reasons[source]})" for source in sources
    )
    raise OSError(
        f"The {weights} weights of {variant} can not be downloaded. Fetch one "
        f"of these files by any means and put it into {folder} under its own "
        f"name:\n{listing}\n{_embedded_weights()}"
    )


def _embedded_weights():
    """Says which weights need no download."""
    named = {
        f"{name} of {variant}"
        for name, config in named_weights("classification").items()
        for variant in config.variants
        if variant not in _published(name)
    }
    return (
        "Or begin from weights that are part of this package, which need no "
        f"network: {', '.join(sorted(named))} (in commands: --weights cifar10, "
        "with --variant or --model mobilevit_xxs)."
    )


def _download(source, folder, variant):
    """Downloads under a temporary name, verifies, then renames."""
    folder.mkdir(parents=True, exist_ok=True)
    # The process id keeps two downloads at a time out of each other's way.
    part = folder / f"{source.filename}.{os.getpid()}.part"
    try:
        with _progress_on_terminals_only():
            keras.utils.get_file(
                part.name,
                source.url,
                cache_subdir=str(folder.absolute()),
                force_download=True,
            )
        _verify(part, source, variant)
        path = folder / source.filename
        os.replace(part, path)
        return path
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _progress_on_terminals_only():
    was_interactive = keras.config.is_interactive_logging_enabled()
    if not sys.stdout.isatty():
        keras.config.disable_interactive_logging()
    try:
        yield
    finally:
        if was_interactive:
            keras.config.enable_interactive_logging()


def _verify(path, source, variant):
    """Raises ValueError unless the file is the published one."""
    if not source.digest:
        # Without a hash, the file must at least read as what it claims to be.
        info = loading.identify(path)
        expected = (source.layout, variant, source.task)
        if (info.layout, info.variant, info.task) != expected:
            raise ValueError(
                f"it holds {info.layout} {info.variant} weights for {info.task}"
            )
        return
    digest = hashlib.new(source.algorithm, path.read_bytes()).hexdigest()
    if not digest.startswith(source.digest):
        raise ValueError(
            f"its {source.algorithm} is {digest}, expected {source.digest}"
        )
