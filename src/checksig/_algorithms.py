"""What the engine can compute."""

from __future__ import annotations

import contextlib
import functools
import struct
from typing import Literal, NamedTuple, cast

from . import _engine
from ._engine import wire
from .errors import EngineError

__all__ = ["Algorithm", "load"]

_REQUEST = b"op=algorithms"
_RECORD = ord("A")
_HEAD = struct.Struct("<BBH")
_SIZE = struct.Struct("<I")


class Algorithm(NamedTuple):
    """A hash function or a checksum, as it is listed in :data:`checksig.algorithms`."""

    name: str
    """Its name in checksig, such as ``"sha256"``."""
    digest_size: int | None
    """The length of its digests in bytes; None where any length can be had: names such as
    ``"blake2b-256"`` tell it in bits, the name alone stands for the longest."""
    strength: Literal["checksum", "broken", "strong"]
    """What it withstands: a ``checksum`` finds accidents only; of a ``broken`` algorithm
    collisions are known, so that it does not protect against tampering any more."""
    bits: int
    """Finding a collision takes 2 to the power of this; 0 where there is a shorter way."""
    secure: bool
    """Whether it protects against tampering."""
    aliases: tuple[str, ...]
    """Other spellings that manifests use; case, and ``-``, ``_`` and ``/``, make no difference."""


@functools.cache
def load() -> tuple[Algorithm, ...]:
    """Ask the engine for its algorithms, by growing length of their digests.

    :raises EngineError: the engine cannot be started, or failed.
    """
    found: list[Algorithm] = []
    with contextlib.closing(_engine.batches(_REQUEST)) as batches:
        for data in batches:
            for kind, payload in wire.decode_batch(data).records:
                if kind == wire.Kind.ERROR:
                    raise EngineError(wire.decode_failure(payload).message)
                if kind == _RECORD:
                    found.append(_decode(payload))
    return tuple(found)


def _decode(payload: bytes) -> Algorithm:
    size, variable, bits = _HEAD.unpack_from(payload)
    texts: list[str] = []
    at = _HEAD.size
    while at < len(payload):
        start = at + _SIZE.size
        at = start + _SIZE.unpack_from(payload, at)[0]
        texts.append(payload[start:at].decode("ascii"))
    name, strength, aliases = texts
    return Algorithm(
        name=name,
        digest_size=None if variable else size,
        strength=cast("Literal['checksum', 'broken', 'strong']", strength),
        bits=bits,
        secure=strength == "strong",
        aliases=tuple(aliases.split(",")) if aliases else (),
    )
