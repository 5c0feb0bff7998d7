"""How to verify: the options that every call takes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    AnyPath = str | bytes | PathLike[str] | PathLike[bytes]

__all__ = ["Options", "check_workers", "encode_options"]

_MOST_WORKERS = 1024
_MOST_STRIPPED = 4096


class Options(TypedDict, total=False):
    """The keywords of :func:`checksig.verify`, ``iter_verify`` and ``averify`` alike."""

    workers: int | None
    """How many files are read at once, 1 to 1024. If None, as many as CPUs may be used, but one
    where the folder that names start from is known to lie on a disk that rotates (Linux)."""
    leave_cache: bool
    """Leave the system's page cache as it was: what was not cached is not cached behind the read,
    so that what else is cached stays (Linux, macOS). Files are hashed one by one then."""
    follow_outside: bool
    """Read files outside the folder that names start from too, which are refused otherwise: by
    ``..``, an absolute name, or a symbolic link."""
    recursive: bool
    """Look for manifests in the folders below a folder, too. Names in each start from its own
    folder. Links to folders are not followed."""
    extra: Literal["ignore", "report", "fail"]
    """What to do about files below the manifests' folders that no manifest lists: nothing, report
    them, or count them as failures. Manifests, and signatures of them, need not be listed. With the
    latter two, files that are missing under one name and lie under another are told as moved. Takes
    16 bytes of memory an entry."""
    ignore_missing: bool
    """Skip entries whose file is missing. A verification that skips everything is not ok."""
    root: AnyPath | None
    """The folder that names start from, instead of that of each manifest."""
    strip: int
    """Leave out so many leading components of each name, as ``tar --strip-components`` does. A name
    that has no more is unreadable."""
    basename: bool
    """Leave out all components of each name but the last."""
    remap: Mapping[str, str] | Mapping[bytes, bytes] | None
    """Replace the prefixes of names that are its keys; of several that fit, the longest. A prefix
    is made of whole components: ``{"/home/runner/dist": ""}``. A backslash in it stands for either
    separator. This is done first, then *strip*, then *basename*; whatever comes of it has to lie in
    the folder that names start from."""
    min_strength: str | None
    """The name of an algorithm, such as ``"sha256"``: entries of a weaker one are unreadable,
    whatever else is listed for the file."""
    algorithm: str | None
    """The algorithm of digests that are not tagged with one, instead of what the manifest's name or
    the digest's length say."""
    format: str | None
    """The name of the manifests' format, instead of the one that is detected."""


def encode_options(
    *,
    workers: int | None = None,
    leave_cache: bool = False,
    follow_outside: bool = False,
    recursive: bool = False,
    extra: Literal["ignore", "report", "fail"] = "ignore",
    ignore_missing: bool = False,
    root: AnyPath | None = None,
    strip: int = 0,
    basename: bool = False,
    remap: Mapping[str, str] | Mapping[bytes, bytes] | None = None,
    min_strength: str | None = None,
    algorithm: str | None = None,
    format: str | None = None,  # noqa: A002 - as callers name it
) -> list[tuple[str, bytes | int | None]]:
    """Return the fields of a request; see go/internal/job/request.go.

    :raises ValueError: a number is out of range, or *root* is empty.
    """
    check_workers(workers)
    if not 0 <= strip <= _MOST_STRIPPED:
        raise ValueError(f"strip must be between 0 and {_MOST_STRIPPED}, not {strip}")
    folder = None if root is None else os.fsencode(root)
    if folder == b"":
        raise ValueError("root must not be empty")
    fields: list[tuple[str, bytes | int | None]] = [
        ("workers", workers),
        ("leave_cache", leave_cache),
        ("follow_outside", follow_outside),
        ("recursive", recursive),
        ("extra", None if extra == "ignore" else extra.encode()),
        ("ignore_missing", ignore_missing),
        ("root", folder),
        ("strip", strip or None),
        ("basename", basename),
        ("min_strength", _encoded(min_strength)),
        ("algorithm", _encoded(algorithm)),
        ("format", _encoded(format)),
    ]
    for prefix, replacement in (remap or {}).items():
        fields += [("remap", os.fsencode(prefix)), ("to", os.fsencode(replacement))]
    return fields


def _encoded(name: str | None) -> bytes | None:
    return None if name is None else name.encode("utf-8", "surrogateescape")


def check_workers(workers: int | None) -> None:
    """Raise ValueError if no such number of files can be read at once."""
    if workers is not None and not 1 <= workers <= _MOST_WORKERS:
        raise ValueError(f"workers must be between 1 and {_MOST_WORKERS}, not {workers}")
