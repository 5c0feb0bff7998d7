"""``checksig create PATH...``: write a manifest of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import create
from .arguments import CLUSTERS, add_arguments, add_clusters, add_no_progress, given
from .progress import Bar
from .writing import add_output_arguments, write_and_report

if TYPE_CHECKING:
    import argparse

    from .. import Created

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Write a manifest of all files in a folder and its subfolders, sorted by name. It appears"
        " complete or not at all. Files that cannot be listed are reported together, and nothing is"
        " written."
    )
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        help="a folder or file; . is the current folder, into which the manifest is written",
    )
    add_arguments(parser, "create")
    add_clusters(parser)
    add_output_arguments(parser)
    add_no_progress(parser)


def run(options: argparse.Namespace) -> int:
    """Write the manifest, print a summary, and return the exit code."""
    with Bar(shown=options.progress) as bar:

        def work() -> Created:
            progress = bar.update if bar.shown else None
            if not any(getattr(options, name) is not None for name in CLUSTERS):
                return create(options.paths, progress=progress, **given(options, "create"))
            from .clusters import executor_of

            with executor_of(options) as executor:
                keywords = given(options, "create")
                return create(options.paths, progress=progress, executor=executor, **keywords)

        return write_and_report(options, options.output or options.paths[0], work)
