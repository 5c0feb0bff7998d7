"""The signatures of a manifest that the engine cannot look for: it gets the manifest's content.

A signature lies next to its manifest, wherever that is, or at an address. What is there and cannot
be read is passed on as such, so that it is never taken for one that is not there.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from .._printable import printable_text
from .._regular import read_regular
from .._signed import BUNDLE_SUFFIXES, SIGNATURE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._engine import CancelToken
    from .connect import Remote

    Fields = list[tuple[str, bytes]]

__all__ = ["SUFFIXES", "local_signatures", "remote_signatures", "signature_at"]

SUFFIXES = tuple(map(os.fsencode, SIGNATURE_SUFFIXES + BUNDLE_SUFFIXES))

_MOST = 16 << 20
"""The size of the largest file that may hold signatures; go/internal/trust has the same."""

_MOST_IN_ALL = 24 << 20
"""How many bytes of them are passed on, besides a manifest of any size that is accepted."""


def local_signatures(path: str | bytes, *, demanded: bool) -> Fields:
    """Return the fields about the signatures next to a local manifest.

    :param demanded: They are to be verified; otherwise only their names are needed.
    """
    paths = [os.fsencode(path) + suffix for suffix in SUFFIXES]
    if not demanded:
        return _fields((each, b"") for each in paths if os.path.isfile(each))
    return _fields((each, _read(each)) for each in paths)


def _read(path: bytes) -> bytes | Exception:
    try:
        data, _ = read_regular(path, _MOST)
    except (OSError, ValueError) as error:
        return error
    return data if len(data) <= _MOST else _too_large(_MOST)


def _too_large(most: int) -> Exception:
    return ValueError(f"more than {most >> 20} MiB")


def remote_signatures(
    remote: Remote, path: bytes, cancel: CancelToken | None, *, demanded: bool
) -> Fields:
    """Return the fields about the signatures next to a manifest in a store."""
    paths = [path + suffix for suffix in SUFFIXES]
    shown = [os.fsencode(remote.shown(each)) for each in paths]
    if not demanded:
        found = remote.server.has(paths, cancel)
        return _fields((each, b"") for each, is_there in zip(shown, found, strict=True) if is_there)
    return _fields(zip(shown, remote.server.fetch(paths, _MOST, cancel), strict=True))


def signature_at(remote: Remote, path: bytes, cancel: CancelToken | None) -> Fields:
    """Return the field about the signature that the caller names, which must be there."""
    (found,) = remote.server.fetch([path], _MOST, cancel)
    return _fields([(os.fsencode(remote.shown(path)), found)], named=True)


def _fields(files: Iterable[tuple[bytes, bytes | Exception]], *, named: bool = False) -> Fields:
    fields: Fields = []
    left = _MOST_IN_ALL
    for name, found in files:
        if isinstance(found, FileNotFoundError) and not named:
            continue
        what = found
        if isinstance(what, bytes) and len(what) > left:
            what = _too_large(_MOST_IN_ALL)
        if isinstance(what, bytes):
            left -= len(what)
            value = b"c" + base64.b64encode(what)
        else:
            cause = getattr(what, "strerror", None) or str(what)
            cause = printable_text(cause[:1].lower() + cause[1:])  # as the engine's causes
            value = b"e" + base64.b64encode(cause.encode())
        fields.append(("beside", value + b":" + name))
    return fields
