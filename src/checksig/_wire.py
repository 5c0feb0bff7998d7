"""The bytes that the engine speaks: requests, and batches of results.

The layout is described where it is written, in go/internal/job (request.go and wire.go).
"""

from __future__ import annotations

import enum
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

from .report import BadLine, Manifest, Progress, Result, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "Batch",
    "Failure",
    "FailureCode",
    "Kind",
    "Summary",
    "decode_bad_line",
    "decode_batch",
    "decode_entries",
    "decode_entry",
    "decode_failure",
    "decode_manifest",
    "decode_summary",
    "encode_request",
]

_HEADER = struct.Struct("<Bqqqq")
_RECORD = struct.Struct("<BI")
_MANIFEST = struct.Struct("<II")
_ENTRY = struct.Struct("<BBBBIQQII")
_BAD_LINE = struct.Struct("<IQI")
_ERROR = struct.Struct("<BiI")
_SUMMARY = struct.Struct("<8q")

_STATUSES = tuple(Status)
_FS_ENCODING = sys.getfilesystemencoding()
_FS_ERRORS = sys.getfilesystemencodeerrors()


def encode_request(path: bytes, folder: bytes, **fields: int | None) -> bytes:
    """Return the request to verify *path* from *folder*; fields that are None are left out."""
    numbers = [
        b"%s=%d" % (key.encode(), value) for key, value in fields.items() if value is not None
    ]
    return b"\0".join([b"path=" + path, b"dir=" + folder, *numbers])


class Kind(enum.IntEnum):
    """The kinds of records."""

    MANIFEST = ord("M")
    ENTRY = ord("E")
    VERIFIED = ord("V")
    BAD_LINE = ord("B")
    ERROR = ord("X")
    SUMMARY = ord("S")
    FILE = ord("F")
    DATA = ord("D")
    WRITTEN = ord("W")


class Batch(NamedTuple):
    """What one wait for a job yields."""

    finished: bool
    progress: Progress
    records: list[tuple[int, bytes]]
    """The kind and the payload of each."""


def decode_batch(data: bytes) -> Batch:
    """Take a batch apart; the payloads stay as they are."""
    finished, files, total_files, size, total_size = _HEADER.unpack_from(data)
    progress = Progress(
        files=files,
        total_files=None if total_files < 0 else total_files,
        bytes_read=size,
        total_bytes=None if total_size < 0 else total_size,
    )
    return Batch(finished == 1, progress, list(_records(data, _HEADER.size)))


def _records(data: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at < len(data):
        kind, size = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        yield kind, data[at : at + size]
        at += size


def decode_manifest(payload: bytes) -> Manifest:
    """Decode an ``M`` record; they come in the order of their indices, from 0."""
    _, size = _MANIFEST.unpack_from(payload)
    text = payload[_MANIFEST.size :]
    return Manifest(path=_name(text[size:]), format=_text(text[:size]))


def decode_entry(payload: bytes, manifests: Sequence[Manifest]) -> Result:
    """Decode an ``E`` record."""
    manifest: int
    (status, algorithm_size, expected_size, found_size, manifest, line, size, name_size, _) = (
        _ENTRY.unpack_from(payload)
    )
    expected_at = _ENTRY.size + algorithm_size
    found_at = expected_at + expected_size
    name_at = found_at + found_size
    detail_at = name_at + name_size
    return Result(
        name=_name(payload[name_at:detail_at]),
        status=_STATUSES[status],
        algorithm=_text(payload[_ENTRY.size : expected_at]),
        expected=payload[expected_at:found_at].hex(),
        found=payload[found_at:name_at].hex() or None,
        size=size,
        manifest=manifests[manifest].path,
        line=line,
        detail=_text(payload[detail_at:]) or None,
    )


def decode_entries(payload: bytes, manifests: Sequence[Manifest]) -> Iterator[Result]:
    """Decode a ``V`` record, which holds ``E`` records."""
    for _, entry in _records(payload, 0):
        yield decode_entry(entry, manifests)


def decode_bad_line(payload: bytes, manifests: Sequence[Manifest]) -> tuple[int, BadLine]:
    """Decode a ``B`` record into the manifest's index and the bad line."""
    manifest: int
    manifest, line, size = _BAD_LINE.unpack_from(payload)
    text = payload[_BAD_LINE.size :]
    return manifest, BadLine(
        manifest=manifests[manifest].path,
        line=line,
        text=_name(text[:size]),
        cause=_text(text[size:]),
    )


class Summary(NamedTuple):
    """The counts that end a run."""

    verified: int
    mismatched: int
    missing: int
    unreadable: int
    skipped: int
    bad_lines: int
    bytes_read: int
    nanoseconds: int


def decode_summary(payload: bytes) -> Summary:
    """Decode an ``S`` record."""
    return Summary(*_SUMMARY.unpack(payload))


class FailureCode(enum.IntEnum):
    """Why a run failed as a whole."""

    REQUEST = 0
    SYSTEM = 1
    NO_MANIFEST = 2
    MANIFEST = 3
    PANIC = 4
    CANCELLED = 5
    WRITE = 6


class Failure(NamedTuple):
    """Why a run failed as a whole, and where."""

    code: FailureCode
    number: int
    path: str
    message: str


def decode_failure(payload: bytes) -> Failure:
    """Decode an ``X`` record."""
    code, number, size = _ERROR.unpack_from(payload)
    text = payload[_ERROR.size :]
    return Failure(FailureCode(code), number, _name(text[:size]), _text(text[size:]))


def _name(data: bytes) -> str:
    return data.decode(_FS_ENCODING, _FS_ERRORS)  # what os.fsdecode does, without its checks


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
