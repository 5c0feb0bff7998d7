"""``checksig [verify] PATH...``: verify files against manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ChecksigError, verify
from .output import Output, add_options, workers
from .progress import Bar

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = "Verify files against checksum manifests (sha1sum.txt, SHA256SUMS, ...)."
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", help="a manifest, or a folder that holds manifests"
    )
    add_options(parser, "a PATH")
    workers(parser)
    parser.add_argument(
        "--follow-outside",
        action="store_true",
        help="read files outside the manifest's folder too; by default they are refused",
    )
    parser.add_argument("--no-progress", action="store_true", help="draw no progress bar")


def run(options: argparse.Namespace) -> int:
    """Verify each path, print what was found, and return the exit code."""
    output = Output(options)
    for path in options.paths:
        _verify(path, options, output)
    return output.end()


def _verify(path: str, options: argparse.Namespace, output: Output) -> None:
    try:
        with Bar(shown=not options.no_progress) as bar:
            report = verify(
                path,
                check=False,
                workers=options.workers,
                follow_outside=options.follow_outside,
                keep_verified=False,
                progress=bar.update if bar.shown else None,
            )
    except (ChecksigError, OSError, ValueError) as error:
        output.error(path, error)
    else:
        output.report(report)
