"""The algorithms that the engine can compute."""

from __future__ import annotations

import contextlib
import functools

from ._engine import raise_failure, run, wire
from ._typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Literal

__all__ = ["Algorithm", "find", "fold", "load", "names_close_to", "spellings"]


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


def fold(name: str) -> str:
    """Return *name* as it is compared: in lower case, without ``-``, ``_`` and ``/``."""
    return name.lower().translate({ord(c): None for c in "-_/"})


@functools.cache
def spellings() -> dict[str, str]:
    """Return the names of the algorithms by all their spellings, as :func:`fold` returns them."""
    return {fold(s): each.name for each in load() for s in (each.name, *each.aliases)}


def find(name: str) -> str:
    """Return the name of an algorithm for any spelling of it; *name* itself if it is unknown."""
    folded = fold(name)
    if folded in spellings():
        return spellings()[folded]
    family = folded.rstrip("0123456789")
    bits = folded[len(family) :]
    for each in load():
        # A family's name may end in a digit itself: blake2b has none, and lengths follow it.
        if each.digest_size is None and family == each.name and bits:
            return f"{family}-{bits}"
    return name


def names_close_to(name: str) -> list[str]:
    """Return the name that was probably meant by a misspelt one, in a list; or an empty list."""
    import difflib

    return difflib.get_close_matches(name.replace("_", "-"), [each.name for each in load()], 1)
