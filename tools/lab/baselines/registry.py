"""Which implementations there are, and what each needs, as data."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping

# The files that every exporter writes, as <recipe>.tflite.
RECIPES = ("float32", "int8")

_EXPORTERS = pathlib.Path(__file__).parent / "exporters"
# Named before what depends on it, and in one command with it: alone, pip
# would replace it by the newest torch and gigabytes of CUDA.
_TORCH = (
    "torch==2.13.0",
    "litert-torch==0.10.0",
    "ai-edge-quantizer==0.10.0",
)


@dataclasses.dataclass(frozen=True)
class Source:
    """One implementation of MobileViT.

    Attributes:
        name: Name in the tables.
        exporter: Script that takes `arguments`, the variant, the side of the
            input in pixels and a folder, and writes there one file a recipe.
        arguments: First arguments of the script.
        requirements: What pip must install into the script's environment;
            with none, the script runs in this one.
        environment: Environment variables that the script needs.
    """

    name: str
    exporter: pathlib.Path
    arguments: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)


SOURCES = {
    source.name: source
    for source in (
        Source("ours", _EXPORTERS / "export_ours.py"),
        Source(
            "kecam",
            _EXPORTERS / "export_kecam.py",
            requirements=(
                "keras_cv_attention_models==1.4.3",
                "tensorflow==2.21.0",
                "tf_keras==2.21.0",
            ),
            environment={"TF_USE_LEGACY_KERAS": "1"},
        ),
        Source(
            "timm",
            _EXPORTERS / "export_torch.py",
            arguments=("timm",),
            requirements=(*_TORCH, "timm==1.0.31"),
        ),
        Source(
            "huggingface",
            _EXPORTERS / "export_torch.py",
            arguments=("huggingface",),
            requirements=(*_TORCH, "transformers==5.23.0"),
        ),
    )
}
