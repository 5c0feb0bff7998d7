"""``checksig conda [PREFIX [PACKAGE...]]``: verify the packages of a conda environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .. import verify_conda
from .installed import add_report_arguments, run_packages

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
    add_report_arguments(parser, "an environment")


def run(options: argparse.Namespace) -> int:
    """Verify the environment, print the report, and return the exit code."""
    place = options.prefix or os.environ.get("CONDA_PREFIX", "")
    return run_packages(options, place, verify_conda, *options.packages, prefix=options.prefix)
