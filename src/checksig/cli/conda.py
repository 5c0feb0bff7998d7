"""``checksig conda [PREFIX [PACKAGE...]]``: verify the packages of a conda environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .. import ChecksigError, verify_conda
from .arguments import add_flag, add_option
from .output import Output, add_output_arguments

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Verify the packages of a conda environment against the SHA-256 digests in conda-meta."
    )
    parser.add_argument(
        "prefix",
        metavar="PREFIX",
        nargs="?",
        help="the folder of the environment (default: $CONDA_PREFIX)",
    )
    parser.add_argument(
        "packages",
        metavar="PACKAGE",
        nargs="*",
        help="a package, such as numpy (default: all installed packages)",
    )
    add_flag(
        parser,
        "--ignore-unrecorded",
        text="do not count packages without digests as failures",
    )
    add_flag(parser, "-v", "--verbose", text="list verified packages too")
    add_output_arguments(parser, "an environment")
    add_option(parser, "verify", "workers")


def run(options: argparse.Namespace) -> int:
    """Verify the environment, print the report, and return the exit code."""
    output = Output(options, of="packages")
    try:
        report = verify_conda(
            *options.packages,
            prefix=options.prefix,
            ignore_unrecorded=options.ignore_unrecorded,
            workers=options.workers,
        )
    except (ChecksigError, OSError, ValueError) as error:
        output.error(options.prefix or os.environ.get("CONDA_PREFIX", ""), error)
    else:
        output.installed(report, verbose=options.verbose)
    return output.end()
