"""Keeps the screen on: Android slows down what is not in the foreground."""

from __future__ import annotations

import re

from keras_mobilevit.android.adb import Adb
from keras_mobilevit.android.cleanup import Cleanup
from keras_mobilevit.android.errors import AndroidError
from keras_mobilevit.android.model_files import FOLDER

_SETTING = "global stay_on_while_plugged_in"
# Remembers the value that was found, also over an unplugged cable.
_MARKER = f"{FOLDER}/stay_on_before"


def keep_screen_on(adb: Adb, cleanup: Cleanup) -> None:
    """Wakes the screen and keeps it on while the phone is plugged in.

    Makes the folder for files, too.

    Args:
        adb: The phone.
        cleanup: Gets a step that restores what was set before.

    Raises:
        AndroidError: If the phone does not answer as expected.
    """
    before = adb.shell(
        f"mkdir -p {FOLDER} && chmod 755 {FOLDER} && "
        f"(cat {_MARKER} 2>/dev/null | grep . || settings get {_SETTING})"
    ).strip()
    # A sum of kinds of chargers, or null.
    if not re.fullmatch(r"\d{1,2}|null", before):
        raise AndroidError(
            f"The phone's setting {_SETTING} was not understood: expected a "
            f"number or null. Received: {before[:100]!r}"
        )
    restore = (
        f"settings delete {_SETTING}"
        if before == "null"
        else f"settings put {_SETTING} {before}"
    )
    cleanup.add(
        "the screen stays on while it is plugged in, as the developer option "
        "'Stay awake' says",
        # The folder goes only if it is empty.
        lambda: adb.shell(
            f"{restore}; rm -f {_MARKER}; rmdir {FOLDER} 2>/dev/null; true"
        ),
    )
    adb.shell(
        # Nothing is changed that would not be remembered.
        f"echo {before} > {_MARKER} && (svc power stayon true; "
        "input keyevent KEYCODE_WAKEUP; wm dismiss-keyguard; true)"
    )
