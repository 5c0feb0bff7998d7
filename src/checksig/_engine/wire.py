"""The bytes that the engine speaks: requests, and batches of results.

The layout is described where it is written, in go/internal/job (request.go and wire.go).
"""

from __future__ import annotations

import enum
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

from ..report import BadLine, Block, Extra, Manifest, Progress, Result, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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
    "decode_extra",
    "decode_failure",
    "decode_manifest",
    "decode_read",
    "decode_summary",
    "encode_request",
]

_HEADER = struct.Struct("<Bqqqq")
_RECORD = struct.Struct("<BI")
_MANIFEST = struct.Struct("<IIII")
_READ = struct.Struct("<IB")
_ENTRY = struct.Struct("<BBBBBIQQIIII")
_GROUP = struct.Struct("<xBBI")
_SHORT = struct.Struct("<xBHIQ")
_EXTRA = struct.Struct("<I")
_BAD_LINE = struct.Struct("<IQI")
_ERROR = struct.Struct("<BiI")
_SUMMARY = struct.Struct("<9q")

_STATUSES = tuple(Status)
_FS_ENCODING = sys.getfilesystemencoding()
_FS_ERRORS = sys.getfilesystemencodeerrors()


def encode_request(fields: Iterable[tuple[str, bytes | int | None]]) -> bytes:
    """Return a request of these fields, without those that are None or False.

    :raises ValueError: a value holds a NUL.
    """
    parts: list[bytes] = []
    for key, value in fields:
        if value is None or value is False:
            continue
        text = value if isinstance(value, bytes) else b"%d" % value
        if b"\0" in text:
            raise ValueError("embedded null byte")
        parts.append(key.encode() + b"=" + text)
    return b"\0".join(parts)


class Kind:  # an enum's members take longer to ask for than to compare
    """The kinds of records."""

    MANIFEST = ord("M")
    READ = ord("R")
    ENTRY = ord("E")
    VERIFIED = ord("V")
    GROUP = ord("G")
    SHORT = ord("v")
    BAD_LINE = ord("B")
    EXTRA = ord("U")
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
    """The kind and the payload of each; none for :attr:`Kind.VERIFIED`."""
    verified: Block
    """The payload of the record of that kind, of which there is at most one."""


def decode_batch(data: bytes | memoryview) -> Batch:
    """Take a batch apart; the payloads stay as they are, and verified entries where they are."""
    finished, files, total_files, size, total_size = _HEADER.unpack_from(data)
    progress = Progress(
        files,
        None if total_files < 0 else total_files,
        size,
        None if total_size < 0 else total_size,
    )
    records: list[tuple[int, bytes]] = []
    verified: bytes | memoryview = b""
    at = _HEADER.size
    while at < len(data):
        kind, size = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        payload = data[at : at + size]
        at += size
        if kind == Kind.VERIFIED:
            verified, payload = payload, b""
        records.append((kind, bytes(payload)))
    return Batch(finished == 1, progress, records, Block(verified))


def decode_manifest(payload: bytes) -> Manifest:
    """Decode an ``M`` record; they come in the order of their indices, from 0."""
    at = _MANIFEST.size
    texts: list[str] = []
    for size in _MANIFEST.unpack_from(payload)[1:]:
        texts.append(_text(payload[at : at + size]))
        at += size
    name, encoding, wrapper = texts
    return Manifest(_name(payload[at:]), name, encoding=encoding, wrapper=wrapper)


def decode_read(payload: bytes, manifests: Sequence[Manifest]) -> tuple[int, Manifest]:
    """Decode an ``R`` record into a manifest's index and what is known of it now."""
    index: int
    index, assumed = _READ.unpack_from(payload)
    algorithms = tuple(_text(payload[_READ.size :]).split())
    return index, manifests[index]._replace(algorithms=algorithms, assumed=assumed == 1)


def decode_entry(payload: bytes, manifests: Sequence[Manifest]) -> Result:
    """Decode an ``E`` record."""
    manifest: int
    status, algorithm, expected, found, assumed, manifest, line, bytes_read, *sizes = (
        _ENTRY.unpack_from(payload)
    )
    parts: list[bytes] = []
    at = _ENTRY.size
    for size in (algorithm, expected, found, *sizes):
        parts.append(payload[at : at + size])
        at += size
    return Result(
        _name(parts[3]),
        _STATUSES[status],
        _text(parts[0]),
        parts[1].hex(),
        parts[2].hex() or None,
        bytes_read,
        manifests[manifest].path,
        line,
        _text(parts[4]) or None,
        assumed == 1,
        _name(parts[5]) or None,
        _name(parts[6]) or None,
    )


def decode_entries(block: Block, manifests: Sequence[Manifest]) -> Iterator[Result]:
    """Decode a ``V`` record.

    There may be millions: what is equal is kept once.
    """
    payload = bytes(block)
    manifest: int
    algorithm, path, assumed = "", "", False
    at = 0
    while at < len(payload):
        kind = payload[at]
        if kind == Kind.SHORT:
            digest_size, name_size, line, bytes_read = _SHORT.unpack_from(payload, at)
            digest_at = at + _SHORT.size
            name_at = digest_at + digest_size
            at = name_at + name_size
            digest = payload[digest_at:name_at].hex()
            yield Result(
                _name(payload[name_at:at]),
                Status.VERIFIED,
                algorithm,
                digest,
                digest,
                bytes_read,
                path,
                line,
                None,
                assumed,
            )
        elif kind == Kind.GROUP:
            size, is_assumed, manifest = _GROUP.unpack_from(payload, at)
            at += _GROUP.size + size
            algorithm = _text(payload[at - size : at])
            path, assumed = manifests[manifest].path, is_assumed == 1
        else:
            _, size = _RECORD.unpack_from(payload, at)
            at += _RECORD.size + size
            yield decode_entry(payload[at - size : at], manifests)


def decode_extra(payload: bytes, *, fails: bool) -> Extra:
    """Decode a ``U`` record."""
    (size,) = _EXTRA.unpack_from(payload)
    text = payload[_EXTRA.size :]
    return Extra(path=_name(text[:size]), moved_from=_name(text[size:]) or None, fails=fails)


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
    extra: int
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
    VALUE = 7
    ENVIRONMENT = 8


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
    try:
        return data.decode(_FS_ENCODING, _FS_ERRORS)  # what os.fsdecode does, without its checks
    except UnicodeDecodeError:  # on Windows, where a manifest may still list any bytes
        return data.decode(_FS_ENCODING, "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
