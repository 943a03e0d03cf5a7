"""Results of the app, as the tests left them, read by the package."""

from __future__ import annotations

from host.folders import ANDROID
from host.steps import BuildError

_DOCUMENTS = ANDROID / "app" / "target" / "documents"


def check_documents() -> list[str]:
    """Validates them against the published schema.

    Returns:
        Their names.

    Raises:
        BuildError: If there is none, or one does not follow the schema.
    """
    from keras_mobilevit.tflite.benchmarks.results import read_results

    paths = sorted(_DOCUMENTS.glob("*.json"))
    if not paths:
        raise BuildError(f"The tests left no documents in {_DOCUMENTS}.")
    for path in paths:
        try:
            read_results(path)
        except ValueError as error:
            raise BuildError(f"The app writes wrong documents: {error}") from (
                error
            )
    return [path.name for path in paths]
