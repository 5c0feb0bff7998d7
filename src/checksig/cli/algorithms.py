"""``checksig algorithms``: list the algorithms and their strength."""

from __future__ import annotations

from typing import TYPE_CHECKING

import checksig

from .streams import write

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]

_WORDS = {
    "checksum": "detects corruption only",
    "broken": "broken: no protection against tampering",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command; it has no arguments."""
    parser.description = (
        "List the algorithms, the length of their digests in bits, and their strength."
    )


def run(_options: argparse.Namespace) -> int:
    """Print a line for each algorithm."""
    for algorithm in checksig.algorithms:
        size = "any" if algorithm.digest_size is None else str(8 * algorithm.digest_size)
        words = _WORDS.get(algorithm.strength, f"{algorithm.strength}, {algorithm.bits} bits")
        write(f"{algorithm.name:10}  {size:>4}  {words}")
    return 0
