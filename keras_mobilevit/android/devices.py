"""Which phone is meant."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from keras_mobilevit.android.adb import Adb, explain
from keras_mobilevit.android.errors import AndroidError


@dataclasses.dataclass(frozen=True)
class Device:
    """A line of `adb devices -l`.

    Attributes:
        serial: Serial number, or address and port.
        state: `"device"` if it is ready; else such as `"unauthorized"`.
        model: Its name, or empty.
    """

    serial: str
    state: str
    model: str

    def __str__(self) -> str:
        facts = [self.model or "unknown model"]
        if self.state != "device":
            facts.append(self.state)
        return f"{self.serial} ({', '.join(facts)})"


def list_devices(adb: Adb) -> list[Device]:
    """Devices that adb sees, ready or not.

    Args:
        adb: Without a chosen device.
    """
    devices = []
    for line in adb.run("devices", "-l").splitlines():
        # "no permissions (...)" is the only state of several words.
        match = re.match(r"(\S+)\s+(no permissions|\S+)", line)
        if match and not line.startswith(("List of devices", "*")):
            model = re.search(r"\bmodel:(\S+)", line)
            name = model[1].replace("_", " ") if model else ""
            devices.append(Device(match[1], match[2], name))
    return devices


def choose_device(devices: Sequence[Device], serial: str | None) -> Device:
    """The device that was asked for, or the only one.

    Args:
        devices: From `list_devices`.
        serial: Serial number, or `None`.

    Raises:
        AndroidError: If there is none, or more than one, or it is not ready.
    """
    listed = ", ".join(map(str, devices)) or "none"
    if serial is not None:
        chosen = [device for device in devices if device.serial == serial]
        if not chosen:
            raise AndroidError(
                f"There is no phone with the serial number {serial!r}. "
                f"Connected: {listed}."
            )
    elif not devices:
        raise explain("error: no devices/emulators found")
    else:
        # What is not ready does not make the choice ambiguous.
        ready = [device for device in devices if device.state == "device"]
        chosen = ready or list(devices)
        if len(chosen) > 1:
            raise AndroidError(
                f"{len(chosen)} phones are connected: choose one with "
                f"--serial. Connected: {listed}."
            )
    (device,) = chosen
    if device.state != "device":
        raise explain(f"error: device {device.state}") or AndroidError(
            f"The phone {device} is not ready: unlock it, and see "
            "https://developer.android.com/studio/run/device if it needs "
            "permissions or a driver on this computer."
        )
    return device
