"""What the commands that verify the packages of a system have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ChecksigError
from .arguments import add_flag, add_option
from .output import Output, add_output_arguments

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from .. import InstalledReport

__all__ = ["configure_system", "run_system"]


def configure_system(parser: argparse.ArgumentParser, example: str) -> None:
    """Add the arguments of such a command; *example* names packages."""
    parser.add_argument(
        "packages",
        metavar="PACKAGE",
        nargs="*",
        help=f"a package, such as {example} (default: all installed packages)",
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


def run_system(options: argparse.Namespace, verify: Callable[..., InstalledReport]) -> int:
    """Verify the packages with *verify*, print the report, and return the exit code."""
    output = Output(options, of="packages")
    try:
        report = verify(
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
