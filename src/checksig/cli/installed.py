"""What the commands that verify installed packages have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import ChecksigError, InstalledReport
from .arguments import add_flag, add_option
from .interrupt import Interruption
from .output import Output, add_output_arguments

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from .. import PackageReport

__all__ = ["add_report_arguments", "configure_system", "run_packages", "run_system"]


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
    add_report_arguments(parser, "a system", listed="verified packages and skipped files")


def add_report_arguments(
    parser: argparse.ArgumentParser,
    of: str,
    *,
    listed: str = "verified packages",
    unrecorded: str = "packages without digests",
) -> None:
    """Add the arguments about the report *of* something, with what it can list and excuse."""
    add_flag(parser, "--ignore-unrecorded", text=f"do not count {unrecorded} as failures")
    add_output_arguments(parser, of, listed)
    add_option(parser, "verify", "workers")


def run_system(options: argparse.Namespace, verify: Callable[..., InstalledReport]) -> int:
    """Verify packages of a system with *verify*, print the report, and return the exit code."""
    return run_packages(options, options.root, verify, *options.packages, root=options.root)


def run_packages(
    options: argparse.Namespace,
    place: str,
    verify: Callable[..., InstalledReport],
    *arguments: Any,
    **keywords: Any,
) -> int:
    """Verify packages with *verify*, print the report, and return the exit code.

    An error is about *place*.
    """
    output = Output(options, of="packages")
    found: list[PackageReport] = []

    def take(package: PackageReport) -> None:
        found.append(package)
        output.package(package)

    with Interruption() as interruption:
        try:
            with interruption.raising():
                report = verify(
                    *arguments,
                    **keywords,
                    ignore_unrecorded=options.ignore_unrecorded,
                    workers=options.workers,
                    package=take,
                )
        except (ChecksigError, OSError, ValueError) as error:
            output.error(place, error)
        except KeyboardInterrupt:
            partial = InstalledReport(place, tuple(found), options.ignore_unrecorded)
            output.installed(partial)
        else:
            output.installed(report)
        return output.end(interruption)
