"""``checksig env [PREFIX]``: verify the packages of a Python environment."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .. import ChecksigError, verify_environment
from .output import Output, add_options, workers

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
        help="an environment's folder, a folder of packages, or a Python executable"
        " (default: the environment that checksig runs in)",
    )
    parser.add_argument(
        "--ignore-unrecorded",
        action="store_true",
        help="let packages without a RECORD, and editable ones, not count as failures",
    )
    parser.add_argument(
        "--follow-outside",
        action="store_true",
        help="verify files outside the environment too; by default they are refused",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="name verified packages too")
    add_options(parser, "an environment")
    workers(parser)


def run(options: argparse.Namespace) -> int:
    """Verify the environment, print what was found, and return the exit code."""
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
