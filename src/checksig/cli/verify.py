"""``checksig [verify] PATH...``: verify files against manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ChecksigError, verify
from .arguments import add_arguments, add_no_progress, given
from .output import Output, add_output_arguments
from .progress import Bar

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = "Verify files against checksum manifests (sha1sum.txt, SHA256SUMS, ...)."
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", help="a manifest, or a folder that contains manifests"
    )
    add_output_arguments(parser, "a PATH")
    add_arguments(parser, "verify")
    add_no_progress(parser)


def run(options: argparse.Namespace) -> int:
    """Verify each path, print the reports, and return the exit code."""
    output = Output(options)
    for path in options.paths:
        try:
            with Bar(shown=not options.no_progress) as bar:
                report = verify(
                    path,
                    check=False,
                    keep_verified=False,
                    progress=bar.update if bar.shown else None,
                    **given(options, "verify"),
                )
        except (ChecksigError, OSError, ValueError) as error:  # noqa: PERF203 - few paths
            output.error(path, error)
        else:
            output.report(report)
    return output.end()
