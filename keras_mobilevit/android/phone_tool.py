"""What the driver asks of each way to measure on a phone."""

from __future__ import annotations

from typing import Any, Protocol

from keras_mobilevit.android.cleanup import Cleanup
from keras_mobilevit.android.configurations import Run


class PhoneTool(Protocol):
    """One way to measure.

    Attributes:
        pushes_files: Whether it wants the files on the phone before.
    """

    pushes_files: bool

    def prepare(self, cleanup: Cleanup) -> None:
        """Puts on the phone what it needs.

        Args:
            cleanup: Gets the steps that undo it.

        Raises:
            AndroidError: If that fails.
        """

    def measure(self, run: Run) -> dict[str, Any]:
        """Measures once.

        Args:
            run: What to measure.

        Returns:
            A document of results, with one of them.

        Raises:
            SilenceError: If nothing came for too long.
            RunFailedError: If this configuration can not be measured.
            AndroidError: If none can.
        """
