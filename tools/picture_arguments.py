"""Arguments of the commands that draw on pictures; itself no command."""

from __future__ import annotations

import argparse


def picture_parser(description: str, drawn: str) -> argparse.ArgumentParser:
    """A parser for pictures, a model and where to draw.

    Args:
        description: Docstring of the command.
        drawn: What it draws, such as `"boxes"`.
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument(
        "--model",
        required=True,
        metavar="FILE|weights:NAME[:VARIANT]",
        help="a .weights.h5, .keras or .tflite file",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE|DIR",
        help=f"draw the {drawn} there; several pictures go into a folder",
    )
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="input of a model that takes any",
    )
    return parser
