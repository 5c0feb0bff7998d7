"""``checksig update MANIFEST``: update a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import update
from .arguments import add_arguments, add_no_progress, given
from .progress import Bar
from .writing import add_output_arguments, write_and_report

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Update a manifest: read files again that have changed since it was written, by their size"
        " and times, and add new ones. If a file has another digest, the manifest is left alone"
        " unless that is accepted. Files that create was told to leave out, and other manifests,"
        " are not added."
    )
    parser.add_argument("manifest", metavar="MANIFEST", help="the manifest, such as SHA256SUMS")
    add_arguments(parser, "update")
    add_output_arguments(
        parser, quiet="print nothing if every listed file exists, and no change is refused"
    )
    add_no_progress(parser)


def run(options: argparse.Namespace) -> int:
    """Update the manifest, print the changes, and return the exit code."""
    with Bar(shown=options.progress) as bar:
        return write_and_report(
            options,
            options.manifest,
            lambda: update(
                options.manifest,
                progress=bar.update if bar.shown else None,
                **given(options, "update"),
            ),
        )
