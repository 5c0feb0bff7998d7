"""``checksig env [PREFIX]``: verify the packages of a Python environment."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .. import ChecksigError, verify_environment
from .arguments import add_flag, add_option
from .output import Output, add_output_arguments

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Verify every package that is installed in a Python environment against its RECORD."
    )
    parser.add_argument(
        "prefix",
        metavar="PREFIX",
        nargs="?",
        help="the folder of an environment, a folder of packages, or a Python executable"
        " (default: the environment that checksig runs in)",
    )
    add_flag(
        parser,
        "--ignore-unrecorded",
        text="do not count packages without a RECORD, nor editable ones, as failures",
    )
    add_flag(
        parser,
        "--follow-outside",
        text="read files outside the environment too; by default they are refused",
    )
    add_flag(parser, "-v", "--verbose", text="list verified packages too")
    add_output_arguments(parser, "an environment")
    add_option(parser, "verify", "workers")


def run(options: argparse.Namespace) -> int:
    """Verify the environment, print the report, and return the exit code."""
    output = Output(options, of="packages")
    try:
        report = verify_environment(
            options.prefix,
            ignore_unrecorded=options.ignore_unrecorded,
            follow_outside=options.follow_outside,
            workers=options.workers,
        )
    except (ChecksigError, OSError, ValueError) as error:
        output.error(options.prefix or sys.prefix, error)
    else:
        output.installed(report, verbose=options.verbose)
    return output.end()
