"""``checksig convert MANIFEST --to FORMAT``: write a manifest in another format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import convert
from .arguments import add_arguments, given
from .writing import add_output_arguments, write_and_report

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Write a manifest in another format. Anything that the target format cannot represent is"
        " an error, and nothing is written."
    )
    parser.add_argument("manifest", metavar="MANIFEST", help="the manifest, such as SHA256SUMS")
    add_arguments(parser, "convert")
    add_output_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Convert the manifest, print a summary, and return the exit code."""
    return write_and_report(
        options,
        options.manifest,
        lambda: convert(options.manifest, **given(options, "convert")),
    )
