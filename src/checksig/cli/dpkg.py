"""``checksig dpkg [PACKAGE...]``: verify the packages of a Debian system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import verify_dpkg
from .installed import configure_system, run_system

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Verify the files of Debian packages against the MD5 digests in dpkg's database."
        " Configuration files are left out, as with debsums."
    )
    configure_system(parser, "dash or libc6:amd64")


def run(options: argparse.Namespace) -> int:
    """Verify the packages, print the report, and return the exit code."""
    return run_system(options, verify_dpkg)
