"""``checksig apk [PACKAGE...]``: verify the packages of an Alpine system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import verify_apk
from .installed import configure_system, run_system

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Verify the files of Alpine packages against apk's database: content, permissions and"
        " targets of links. Files in /etc may be changed."
    )
    configure_system(parser, "busybox")


def run(options: argparse.Namespace) -> int:
    """Verify the packages, print the report, and return the exit code."""
    return run_system(options, verify_apk)
