"""``checksig dpkg [PACKAGE...]``: verify the packages of a Debian system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ChecksigError, verify_dpkg
from .arguments import add_flag, add_option
from .output import Output, add_output_arguments

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Verify the files of Debian packages against the MD5 digests in dpkg's database."
        " Configuration files are left out, as with debsums."
    )
    parser.add_argument(
        "packages",
        metavar="PACKAGE",
        nargs="*",
        help="a package, such as dash or libc6:amd64 (default: all installed packages)",
    )
    parser.add_argument(
        "--root", metavar="DIR", default="/", help="the root folder of the system (default: /)"
    )
    add_flag(
        parser,
        "--ignore-unrecorded",
        text="do not count packages without digests as failures",
    )
    add_flag(parser, "-v", "--verbose", text="list verified packages and skipped files too")
    add_output_arguments(parser, "a system")
    add_option(parser, "verify", "workers")


def run(options: argparse.Namespace) -> int:
    """Verify the packages, print the report, and return the exit code."""
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
