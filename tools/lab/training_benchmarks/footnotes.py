"""On what a measurement was made, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping


def machine_text(
    machine: dict, versions: Mapping[str, str] | None = None
) -> str:
    """Returns processor, load and versions.

    Args:
        machine: From `keras_mobilevit.machine.describe_machine`.
        versions: Those of further packages.
    """
    listed = ", ".join(
        f"{name} {value}"
        for name, value in {**machine["versions"], **(versions or {})}.items()
    )
    load = machine["load_average"]
    return (
        f"{machine['cpu'] or 'unknown processor'}, {machine['cores']} cores, "
        f"load {'unknown' if load is None else format(load, '.2f')}, "
        f"{machine['system']}, Python {machine['python']}, {listed}"
    )
