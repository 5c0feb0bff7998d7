"""``checksig env [PREFIX]``: verify the packages of a Python environment."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .. import verify_environment
from .arguments import add_flag
from .installed import add_report_arguments, run_packages

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
    add_report_arguments(
        parser, "an environment", unrecorded="packages without a RECORD, nor editable ones,"
    )
    add_flag(
        parser,
        "--follow-outside",
        text="read files outside the environment too; by default they are refused",
    )


def run(options: argparse.Namespace) -> int:
    """Verify the environment, print the report, and return the exit code."""
    return run_packages(
        options,
        options.prefix or sys.prefix,
        verify_environment,
        options.prefix,
        follow_outside=options.follow_outside,
    )
