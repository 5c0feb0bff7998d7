"""``checksig algorithms``: what can be verified, and how far it can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import checksig

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]

_WORDS = {
    "checksum": "finds accidents only",
    "broken": "broken: no protection against tampering",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command; it has no options."""
    parser.description = "List the algorithms, with the length of their digests in bits."


def run(_options: argparse.Namespace) -> int:
    """Print a line for each algorithm."""
    for algorithm in checksig.algorithms:
        size = "any" if algorithm.digest_size is None else str(8 * algorithm.digest_size)
        words = _WORDS.get(algorithm.strength, f"strong, {algorithm.bits} bits")
        print(f"{algorithm.name:10}  {size:>4}  {words}")
    return 0
