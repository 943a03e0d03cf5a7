"""Other implementations of MobileViT, to measure beside ours.

Each peer lives in a virtual environment of its own, so that none enters this
one: `registry` says what to install, `environment` installs it, `export`
runs an exporter there. The exporters are scripts that import nothing of this
package. All weights are random: the files serve to compare latency, only.
"""

from keras_mobilevit.peers.export import Exports, export_all
from keras_mobilevit.peers.registry import RECIPES, SOURCES, Source

__all__ = ["RECIPES", "SOURCES", "Exports", "Source", "export_all"]
