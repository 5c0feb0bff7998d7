"""``checksig update MANIFEST``: bring a manifest up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import update
from .progress import Bar
from .writing import add_reading, add_selection, selection, tell

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Bring a manifest up to date: read again the files that changed since it was written, by"
        " their size and times, and add those that are new. The exit code is 1 if a file is missing"
        " that stays listed, or has another digest though it seems unchanged."
    )
    parser.add_argument("manifest", metavar="MANIFEST", help="such as SHA256SUMS")
    parser.add_argument("--all", action="store_true", help="read every file")
    parser.add_argument("--prune", action="store_true", help="list missing files no longer")
    parser.add_argument("--no-add", action="store_true", help="add no file")
    add_reading(parser)
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print nothing if all that is listed is there"
    )
    add_selection(parser)


def run(options: argparse.Namespace) -> int:
    """Update the manifest, print what was done, and return the exit code."""
    with Bar(shown=not options.no_progress) as bar:
        return tell(
            options,
            options.manifest,
            lambda: update(
                options.manifest,
                all=options.all,
                prune=options.prune,
                add=not options.no_add,
                algorithm=options.algorithm,
                format=getattr(options, "from"),
                progress=bar.update if bar.shown else None,
                **selection(options),
            ),
        )
