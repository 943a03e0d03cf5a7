"""MobileViTv2 of timm and Hugging Face on fixed random weights: the oracles.

As `reference.py`, whose weights and images it shares, except that all take
RGB. `python tests/oracles/reference_v2.py` writes the golden file again; it
needs torch, transformers and timm.
"""

from __future__ import annotations

import pathlib

import numpy as np
import reference

GOLDEN_FILE = pathlib.Path(__file__).with_name("goldens_v2.npz")
WIDTHS = {
    "mobilevitv2_050": 0.5,
    "mobilevitv2_100": 1.0,
    "mobilevitv2_150": 1.5,
}
# At 224 pixels the last map is of 7x7: timm enlarges it, as the authors' code
# does, and Hugging Face leaves its last row and column out.
SIZES = {
    "timm": ((256, 256), (224, 224), (192, 320)),
    "hf": ((256, 256), (64, 128), (192, 320)),
}


def make_model(library: str, variant: str):
    """A PyTorch model of `library` with random weights, in eval mode."""
    reference._define_torchvision_operations()
    if library == "hf":
        from transformers import (
            MobileViTV2Config,
            MobileViTV2ForImageClassification,
        )

        config = MobileViTV2Config(
            width_multiplier=WIDTHS[variant], num_labels=1000
        )
        model = MobileViTV2ForImageClassification(config)
    else:
        import timm

        model = timm.create_model(variant)
    return reference._randomized(model)


def run_model(model, image: np.ndarray) -> np.ndarray:
    """Logits for an RGB image."""
    return reference.run_model("timm", model, image)


def main() -> None:
    goldens = {}
    for library, sizes in SIZES.items():
        for variant in WIDTHS:
            model = make_model(library, variant)
            for size in sizes:
                name = f"{library}/{variant}/{size[0]}x{size[1]}"
                goldens[name] = run_model(model, reference.random_image(size))
    np.savez_compressed(GOLDEN_FILE, **goldens)


if __name__ == "__main__":
    main()
