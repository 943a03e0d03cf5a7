"""Converts a MobileViT checkpoint to another format and checks the result.

IN is any of these, recognised by its contents:
  .pt, .pth       PyTorch, with the keys of ml-cvnets, timm or Hugging Face
  .safetensors    the same keys
  .h5             keras_cv_attention_models
  .weights.h5     Keras 3 weights
  .keras          Keras 3 model
  a folder        of Hugging Face, with config.json, which names the classes
The suffix of OUT chooses the format to write:
  .weights.h5     weights for keras_mobilevit
  .keras          whole model: RGB pixels in [0, 255] to logits
  .safetensors    safetensors file in timm's layout: its keys and its shapes.
                  Networks that timm lacks are in the layout of Hugging Face
                  (segmentation) or of ml-cvnets (detection)
OUT appears only if it gives exactly the outputs of IN.
"""

from __future__ import annotations

import argparse

from keras_mobilevit.cli.arguments import add_ema
from keras_mobilevit.cli.errors import print_error

HELP = "convert a checkpoint to another format"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="IN", help="file or folder to read")
    parser.add_argument("target", metavar="OUT", help="file to write")
    parser.add_argument(
        "--channel-order",
        choices=("rgb", "bgr"),
        help="order of the image channels that IN was trained with (default: "
        "bgr for ml-cvnets and Hugging Face keys, else rgb)",
    )
    add_ema(parser)


def run(arguments: argparse.Namespace) -> int:
    from keras_mobilevit.conversion import convert

    try:
        result = convert(
            arguments.source,
            arguments.target,
            channel_order=arguments.channel_order,
            ema=arguments.ema,
        )
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        print_error(error)
        return 2
    info = result.source
    top = f"{info.classes} classes" if info.classes else "no classifier"
    print(f"{info.variant}, {top}: {info.layout} -> {result.target}")
    return 0
