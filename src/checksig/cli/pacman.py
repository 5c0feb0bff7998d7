"""``checksig pacman [PACKAGE...]``: verify the packages of an Arch Linux system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import verify_pacman
from .installed import configure_system, run_system

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Verify the files of Arch Linux packages against pacman's database: content, kind,"
        " permissions and targets of links. Configuration files may be changed."
    )
    configure_system(parser, "bash")


def run(options: argparse.Namespace) -> int:
    """Verify the packages, print the report, and return the exit code."""
    return run_system(options, verify_pacman)
