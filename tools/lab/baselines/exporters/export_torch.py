"""Exports MobileViT of timm or Hugging Face by litert-torch.

Usage: export_torch.py timm|huggingface VARIANT SIZE FOLDER
Writes FOLDER/float32.tflite and FOLDER/int8.tflite: the second from the first
by ai-edge-quantizer's static int8, calibrated as its documentation says.
"""

from __future__ import annotations

import pathlib
import sys

import litert_torch
import numpy as np
import torch
from ai_edge_quantizer import quantizer, recipe
from lively_weights import CALIBRATION_IMAGES, make_images, torch_lively

# What differs from the defaults of `transformers.MobileViTConfig`, which are
# those of MobileViT-S; from its convert_mlcvnets_to_pytorch.py.
HUGGING_FACE_CONFIGS = {
    "mobilevit_xxs": {
        "hidden_sizes": [64, 80, 96],
        "neck_hidden_sizes": [16, 16, 24, 48, 64, 80, 320],
        "expand_ratio": 2.0,
    },
    "mobilevit_xs": {
        "hidden_sizes": [96, 120, 144],
        "neck_hidden_sizes": [16, 32, 48, 64, 80, 96, 384],
    },
    "mobilevit_s": {},
}


def build_timm(variant: str, size: int) -> torch.nn.Module:
    import_torchvision()
    import timm

    return timm.create_model(variant, pretrained=False)


def import_torchvision() -> None:
    """Imports torchvision, if need be without its compiled operations.

    timm imports it for its pictures only. A wheel for CUDA beside a torch for
    the CPU can not load its library, and then fails for want of operations
    that nobody calls here.
    """
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in ("nms", "qnms"):
            torch.library.define(
                f"torchvision::{name}",
                "(Tensor dets, Tensor scores, float threshold) -> Tensor",
            )


def build_huggingface(variant: str, size: int) -> torch.nn.Module:
    class Logits(torch.nn.Module):
        """The converter wants tensors as outputs, not a dictionary."""

        def __init__(self, model: torch.nn.Module):
            super().__init__()
            self.model = model

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.model(image).logits

    return Logits(huggingface_model(variant, size))


def huggingface_model(variant: str, size: int) -> torch.nn.Module:
    import transformers

    options = {"image_size": size, "num_labels": 1000}
    family, _, percent = variant.partition("_")
    if family == "mobilevitv2":
        config = transformers.MobileViTV2Config(
            width_multiplier=int(percent) / 100, **options
        )
        return transformers.MobileViTV2ForImageClassification(config)
    config = transformers.MobileViTConfig(
        **options, **HUGGING_FACE_CONFIGS[variant]
    )
    return transformers.MobileViTForImageClassification(config)


BUILDERS = {"timm": build_timm, "huggingface": build_huggingface}


def main(library: str, variant: str, size: int, folder: pathlib.Path) -> None:
    state = np.random.RandomState(0)
    torch.manual_seed(0)
    model = BUILDERS[library](variant, size).eval()
    torch_lively(model, state)
    float_path = folder / "float32.tflite"
    litert_torch.convert(model, (torch.zeros(1, 3, size, size),)).export(
        str(float_path)
    )

    images = make_images(CALIBRATION_IMAGES, size, state) / 255
    quantization = quantizer.Quantizer(str(float_path), recipe.static_wi8_ai8())
    ranges = quantization.calibrate(
        {
            "serving_default": [
                {"args_0": np.moveaxis(image, -1, 0)[None]} for image in images
            ]
        }
    )
    quantization.quantize(ranges).export_model(str(folder / "int8.tflite"))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), pathlib.Path(sys.argv[4]))
