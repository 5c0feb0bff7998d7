"""``checksig create [PATH...]``: write a manifest of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import create
from .progress import Bar
from .writing import add_selection, output_of, selection, tell

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Write a manifest of all files in a folder and its sub-folders, sorted by name. It appears"
        " whole or not at all."
    )
    parser.add_argument("paths", metavar="PATH", nargs="*", default=["."], help="a folder or file")
    parser.add_argument(
        "-a",
        "--algorithm",
        metavar="NAME",
        action="append",
        help="such as sha256, which it is by default; several, or joined by commas, are computed"
        " in one read",
    )
    parser.add_argument(
        "--format", metavar="NAME", help="such as gnu (default for one algorithm), bsd, hashdeep"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="the manifest (default: SHA256SUMS or alike in the folder, or beside the file);"
        " - is standard output",
    )
    parser.add_argument(
        "--relative-to",
        metavar="FOLDER",
        help="the folder that names are relative to (default: the manifest's)",
    )
    parser.add_argument("-f", "--force", action="store_true", help="replace one that is there")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    add_selection(parser)


def run(options: argparse.Namespace) -> int:
    """Write the manifest, print what was written, and return the exit code."""
    names = options.algorithm or ["sha256"]
    with Bar(shown=not options.no_progress) as bar:
        return tell(
            options,
            options.output or options.paths[0],
            lambda: create(
                options.paths,
                algorithm=[name for text in names for name in text.split(",")],
                format=options.format,
                output=None if options.output is None else output_of(options.output),
                relative_to=options.relative_to,
                overwrite=options.force,
                progress=bar.update if bar.shown else None,
                **selection(options),
            ),
        )
