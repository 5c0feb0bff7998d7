"""``checksig dpkg [PACKAGE...]``: verify the packages of a Debian system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ChecksigError, verify_dpkg
from .output import Output, add_options, workers

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Verify the files of Debian packages against the MD5 digests that dpkg keeps of them."
        " Configuration files are left out, as they are with debsums."
    )
    parser.add_argument(
        "packages",
        metavar="PACKAGE",
        nargs="*",
        help="a package, as dash or libc6:amd64 (default: every installed one)",
    )
    parser.add_argument(
        "--root", metavar="DIR", default="/", help="the folder that the system lies in (default: /)"
    )
    parser.add_argument(
        "--ignore-unrecorded",
        action="store_true",
        help="let packages that dpkg has no digests of not count as failures",
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="name verified packages and skipped files too"
    )
    add_options(parser, "a system")
    workers(parser)


def run(options: argparse.Namespace) -> int:
    """Verify the packages, print what was found, and return the exit code."""
    output = Output(options, of="packages")
    try:
        report = verify_dpkg(
            *options.packages,
            root=options.root,
            ignore_unrecorded=options.ignore_unrecorded,
            workers=options.workers,
        )
    except (ChecksigError, OSError, ValueError) as error:
        output.error(options.root, error)
    else:
        output.installed(report, verbose=options.verbose)
    return output.end()
