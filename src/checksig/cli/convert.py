"""``checksig convert MANIFEST --to FORMAT``: write a manifest in another format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import convert
from .writing import add_reading, output_of, tell

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Write a manifest in another format. What that cannot say is an error, and nothing is"
        " written then."
    )
    parser.add_argument("manifest", metavar="MANIFEST", help="such as SHA256SUMS")
    parser.add_argument(
        "--to", metavar="FORMAT", required=True, help="the format to write, such as bsd"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        default="-",
        help="the new manifest (default: -, standard output)",
    )
    parser.add_argument("-f", "--force", action="store_true", help="replace one that is there")
    parser.add_argument(
        "--drop-signature", action="store_true", help="convert a manifest that is signed, too"
    )
    add_reading(parser)
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")


def run(options: argparse.Namespace) -> int:
    """Convert the manifest, print what was written, and return the exit code."""
    return tell(
        options,
        options.manifest,
        lambda: convert(
            options.manifest,
            options.to,
            output=output_of(options.output),
            overwrite=options.force,
            drop_signature=options.drop_signature,
            algorithm=options.algorithm,
            format=getattr(options, "from"),
        ),
    )
