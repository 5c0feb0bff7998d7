"""The algorithms that the engine can compute."""

from __future__ import annotations

import contextlib
import functools
from typing import Literal, NamedTuple

from ._engine import raise_failure, run, wire

__all__ = ["Algorithm", "load"]


class Algorithm(NamedTuple):
    """A hash function or a checksum, as listed in :data:`checksig.algorithms`."""

    name: str
    """Its name in checksig, such as ``"sha256"``."""
    digest_size: int | None
    """The length of its digests in bytes; None if the length can be chosen. Names such as
    ``"blake2b-256"`` state it in bits, the plain name stands for the longest."""
    strength: Literal["checksum", "broken", "short", "strong"]
    """A ``checksum`` detects corruption, not tampering. Collisions are known for a ``broken``
    algorithm, so it no longer protects against tampering; the digests of a ``short`` one are too
    short for that."""
    bits: int
    """Finding a collision takes about 2 to the power of this many steps; 0 for checksums and
    broken algorithms."""
    secure: bool
    """Whether it protects against tampering."""
    aliases: tuple[str, ...]
    """Other spellings in manifests; case, ``-``, ``_`` and ``/`` are ignored."""


@functools.cache
def load() -> tuple[Algorithm, ...]:
    """Ask the engine for its algorithms, shortest digests first.

    :raises EngineError: the engine cannot be started, or failed.
    """
    found: list[Algorithm] = []
    request = wire.encode_request("algorithms")
    with contextlib.closing(run(request)) as batches:
        for batch in batches:
            for kind, payload in batch.records:
                if kind == wire.Kind.ERROR:
                    raise_failure(wire.decode_failure(payload))
                if kind == wire.Kind.ALGORITHM:
                    found.append(wire.decode_algorithm(payload))
    return tuple(found)
