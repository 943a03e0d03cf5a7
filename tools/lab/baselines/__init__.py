"""Baselines: other packages' MobileViT, to measure beside ours.

Each baseline lives in a virtual environment of its own, so that none enters
this one: `registry` says what to install, `export` installs it and runs an
exporter there. The exporters are scripts; those of baselines import nothing of
`keras_mobilevit`. All weights are random: the files serve to compare latency,
only.
"""

from baselines.export import Exports, export_all
from baselines.registry import RECIPES, SOURCES, Source

__all__ = ["RECIPES", "SOURCES", "Exports", "Source", "export_all"]
