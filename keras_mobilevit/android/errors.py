"""What can go wrong between this machine and a phone."""

from __future__ import annotations


class AndroidError(OSError):
    """The phone, adb or the app does not do what it was asked for.

    The message says what happened and what to do about it.

    Example:
        >>> from keras_mobilevit.android import AndroidError
        >>> str(AndroidError("No phone is connected."))
        'No phone is connected.'
    """


class DeviceGoneError(AndroidError):
    """The phone is no longer there, as far as adb knows."""


class NoAnswerError(AndroidError):
    """Something was asked for and did not end in time."""


class RunFailedError(AndroidError):
    """One configuration can not be measured; others may."""
