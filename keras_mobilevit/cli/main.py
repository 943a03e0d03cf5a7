"""MobileViT for Keras 3: trains, exports, runs and measures its models.

`keras-mobilevit COMMAND --help` explains a command.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from keras_mobilevit.cli.errors import UsageError, print_error
from keras_mobilevit.cli.quiet import only_our_output
from keras_mobilevit.progress import progress_lines
from keras_mobilevit.renamed import current_options
from keras_mobilevit.version import __version__

COMMANDS = (
    *("train", "export", "predict", "evaluate", "inspect"),
    *("benchmark", "report", "convert", "compress", "search", "pack"),
)


def build_parser() -> argparse.ArgumentParser:
    """Makes the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="keras-mobilevit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {__version__}"
    )
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    for name in COMMANDS:
        module = importlib.import_module(f"keras_mobilevit.cli.{name}")
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run, parser=command)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: Its arguments; by default those of the process.

    Returns:
        The exit status.

    Raises:
        SystemExit: With status 2 for arguments that fit no command, and 0
            after `--help`.
    """
    with only_our_output():
        try:
            argv = sys.argv[1:] if argv is None else argv
            arguments = build_parser().parse_args(current_options(argv))
            try:
                with progress_lines():
                    return arguments.run(arguments)
            except UsageError as error:
                arguments.parser.error(str(error))
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        except (OSError, ValueError, ImportError, FloatingPointError) as error:
            print_error(error)
            return 1
