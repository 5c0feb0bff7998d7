"""The bytes exchanged with the engine: requests, and batches of records.

All layouts are here and in go/internal/wire, whose package comment is the specification. The tests
of both sides read ``tests/golden/wire.json``. Integers are little-endian.
"""

from __future__ import annotations

import struct
import sys

from .._light import wraps
from .._typing import TYPE_CHECKING, Any, NamedTuple
from ..errors import EngineError
from ..report import (
    REFUSED,
    WEAK,
    BadLine,
    Entry,
    Key,
    Manifest,
    PackedResults,
    Progress,
    Result,
    Signer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Literal

    from typing_extensions import ParamSpec, TypeVar

    from .._algorithms import Algorithm
    from .._status import Status

    P = ParamSpec("P")
    T = TypeVar("T")

__all__ = [
    "ABI",
    "EMPTY_BATCH",
    "FRAME",
    "MAX_BATCH",
    "NO_DIGEST",
    "RECORD",
    "Batch",
    "Change",
    "Content",
    "Failure",
    "FailureCode",
    "Hashed",
    "Kind",
    "Proof",
    "Summary",
    "WrittenSummary",
    "count_entries",
    "decode_algorithm",
    "decode_bad_line",
    "decode_batch",
    "decode_bundle",
    "decode_content",
    "decode_entries",
    "decode_entry",
    "decode_failure",
    "decode_file",
    "decode_hashed",
    "decode_key",
    "decode_listed",
    "decode_manifest",
    "decode_note",
    "decode_odd",
    "decode_planned",
    "decode_proof",
    "decode_read",
    "decode_signature",
    "decode_summary",
    "decode_written",
    "encode_request",
    "is_finished",
    "pack_result",
    "writes_files",
]

ABI = 20
"""The version of the interface; go/internal/wire has the same number."""

_HEADER = struct.Struct("<Bqqqq")
_RECORD = struct.Struct("<BI")
_MANIFEST = struct.Struct("<IIII")
_READ = struct.Struct("<IBQI")
_ENTRY = struct.Struct("<BBBBBBIQQIIII")
_GROUP = struct.Struct("<xBBI")
_SHORT = struct.Struct("<xBHIQ")
_LISTED = struct.Struct("<BBBBIqqI")
_HASHED = struct.Struct("<IiqB")
_CONTENT = struct.Struct("<IB")
_EXTRA = struct.Struct("<BII")  # the first two as in _RECORD
_BAD_LINE = struct.Struct("<IQBI")
_NOTE = struct.Struct("<IQ")
_SIGNATURE = struct.Struct("<IBq")
_KEY = struct.Struct("<Bqq")
_ERROR = struct.Struct("<BiI")
_PLANNED = struct.Struct("<I16s5q")
_PROOF = struct.Struct("<BBBI16s4q")
_SUMMARY = struct.Struct("<13q")
_WRITTEN = struct.Struct("<5qBB")
_ALGORITHM = struct.Struct("<BBH")
_SIZE = struct.Struct("<I")

FRAME = _SIZE
"""The length that precedes each request and each batch in a pipe."""

RECORD = _RECORD
"""The kind and the size that precede the payload of each record."""

MAX_BATCH = 256 << 20
"""The most bytes of a batch; the engine's buffers, of at most 64 MB, end far below."""

EMPTY_BATCH = _HEADER.pack(0, 0, -1, 0, -1)
"""A batch without records: running, nothing done, totals unknown."""

NO_DIGEST = 1
"""The code of a bad line that lists a file without a digest."""

_STATUSES = (
    "verified",
    "mismatched",
    "missing",
    "unreadable",
    "skipped",
    "unreadable",
    "unreadable",
    "verified before",
    "not verified",
)
"""The values of :class:`Status` by their codes."""
_REASONS: tuple[Literal["refused", "weak"] | None, ...] = (
    None,
    None,
    None,
    None,
    None,
    REFUSED,
    WEAK,
    None,
    None,
)
_FS_ENCODING = sys.getfilesystemencoding()
_FS_ERRORS = sys.getfilesystemencodeerrors()


def encode_request(operation: str, fields: Iterable[tuple[str, bytes]] = ()) -> bytes:
    """Return a request of these fields.

    :raises ValueError: a value contains a NUL.
    """
    parts = [b"op=" + operation.encode()]
    for key, value in fields:
        if b"\0" in value:
            raise ValueError(f"{key} contains a null byte")
        parts.append(key.encode() + b"=" + value)
    return b"\0".join(parts)


def writes_files(request: bytes) -> bool:
    """Whether *request* asks for an operation that writes files."""
    return request.startswith((b"op=create\0", b"op=update\0", b"op=convert\0"))


_WRONG = (struct.error, IndexError, KeyError, ValueError, OverflowError)
"""What a decoder raises for bytes that the engine does not send."""


def _decoder(function: Callable[P, T]) -> Callable[P, T]:
    """Let *function* raise EngineError for bytes that the engine does not send."""

    @wraps(function)
    def decode(*arguments: P.args, **options: P.kwargs) -> T:
        try:
            return function(*arguments, **options)
        except _WRONG as error:
            raise _damaged() from error

    return decode


def _damaged() -> EngineError:
    return EngineError("the engine sent something that cannot be decoded; reinstall checksig")


def _check(true: object) -> None:
    if not true:
        raise ValueError


class Kind:  # looking up a member of an enum takes longer than comparing it
    """The kinds of records."""

    MANIFEST = ord("M")
    READ = ord("R")
    ENTRY = ord("E")
    VERIFIED = ord("V")
    GROUP = ord("G")
    SHORT = ord("v")
    LISTED = ord("L")
    PLANNED = ord("J")
    PROOF = ord("Y")
    HASHED = ord("H")
    CONTENT = ord("C")
    BAD_LINE = ord("B")
    NOTE = ord("I")
    SIGNATURE = ord("T")
    KEY = ord("K")
    BUNDLE = ord("Z")
    EXTRA = ord("U")
    NOT_UNDERSTOOD = ord("N")
    ERROR = ord("X")
    SUMMARY = ord("S")
    FILE = ord("F")
    ODD = ord("P")
    DATA = ord("D")
    WRITTEN = ord("W")
    ALGORITHM = ord("A")
    QUERY = ord("Q")
    OUTCOME = ord("O")


class Batch(NamedTuple):
    """What one wait for a job returns."""

    finished: bool
    progress: Progress
    records: list[tuple[int, Any]]
    """The kind and the payload of each: bytes, but PackedResults for :attr:`Kind.VERIFIED`.

    Successive ones of :attr:`Kind.EXTRA` are one, whose payload is a list of paths, each with the
    path that the file was moved from, or None."""


def is_finished(data: bytes | memoryview) -> bool:
    """Whether a batch is the last one of its job."""
    return data[0] == 1


# The functions below raise EngineError for bytes that the engine does not send.


@_decoder
def decode_batch(data: bytes | memoryview) -> Batch:
    """Split a batch into its records; verified entries are not copied."""
    finished, files, total_files, size, total_size = _HEADER.unpack_from(data)
    _check(finished <= 1 and files >= 0 and size >= 0)
    progress = Progress(
        files,
        None if total_files < 0 else total_files,
        size,
        None if total_size < 0 else total_size,
    )
    records: list[tuple[int, Any]] = []
    at, length = _HEADER.size, len(data)
    unpack, verified, extra = _RECORD.unpack_from, Kind.VERIFIED, Kind.EXTRA  # there may be many
    while at < length:
        kind, size = unpack(data, at)
        if kind == extra:
            found, at = _extras(data, at)
            records.append((kind, found))
            continue
        start = at + _RECORD.size
        at = start + size
        _check(at <= length)
        payload = data[start:at]
        records.append((kind, PackedResults(payload) if kind == verified else bytes(payload)))
    return Batch(finished == 1, progress, records)


@_decoder
def decode_manifest(payload: bytes) -> Manifest:
    """Decode an ``M`` record; the manifests arrive in the order of their indices, from 0."""
    at = _MANIFEST.size
    texts: list[str] = []
    for size in _MANIFEST.unpack_from(payload)[1:]:
        texts.append(_text(payload[at : at + size]))
        at += size
    _check(at <= len(payload))
    name, encoding, wrapper = texts
    return Manifest(_name(payload[at:]), name, encoding=encoding, wrapper=wrapper)


@_decoder
def decode_read(payload: bytes, manifests: Sequence[Manifest]) -> tuple[int, Manifest]:
    """Decode an ``R`` record into a manifest's index and the manifest with all that is known."""
    index: int
    index, assumed, text_lines, size = _READ.unpack_from(payload)
    end = _READ.size + size
    return index, manifests[index]._replace(
        algorithms=tuple(_text(payload[_READ.size : end]).split()),
        assumed=assumed == 1,
        text_lines=text_lines,
        unverified=tuple(_text(payload[end:]).split()),
    )


@_decoder
def decode_entry(payload: bytes, manifests: Sequence[Manifest]) -> Result:
    """Decode an ``E`` record."""
    return _entry(payload, manifests)


def _entry(payload: bytes, manifests: Sequence[Manifest]) -> Result:
    members = _members or _load_members()
    manifest: int
    status, size, expected, found, assumed, stored, manifest, line, bytes_read, *sizes = (
        _ENTRY.unpack_from(payload)
    )
    name, detail, opened, moved = sizes
    # Every failure comes through here, and there may be many: no loop, and nothing for empty parts.
    algorithm = _ENTRY.size + size
    expected += algorithm
    found += expected
    name += found
    detail += name
    opened += detail
    _check(opened + moved == len(payload))
    was_hashed = found > expected
    return Result(
        _name(payload[found:name]),
        members[status],
        # One object for all entries: a report may have millions.
        sys.intern(_text(payload[_ENTRY.size : algorithm])),
        payload[algorithm:expected].hex(),
        payload[expected:found].hex() if was_hashed else None,
        bytes_read,
        manifests[manifest].path,
        line,
        sys.intern(_text(payload[name:detail])) if detail > name else None,
        assumed == 1,
        _name(payload[detail:opened]) if opened > detail else None,
        _name(payload[opened:]) if moved else None,
        _REASONS[status],
        "stored" if stored == 1 else "read" if was_hashed else None,
    )


_members: tuple[Status, ...] = ()


def _load_members() -> tuple[Status, ...]:
    """Return the outcomes in the order of their numbers, without the slow call of their class."""
    global _members  # noqa: PLW0603 - the module is imported with the first failure
    from .._status import Status

    _members = tuple(map(Status, _STATUSES))
    return _members


def pack_result(result: Result) -> PackedResults:
    """Return a ``V`` record of one entry, of the first manifest."""
    texts = (
        result.algorithm.encode(),
        bytes.fromhex(result.expected),
        bytes.fromhex(result.found or ""),
    )
    name = result.name.encode(_FS_ENCODING, _FS_ERRORS)
    payload = _ENTRY.pack(
        _STATUSES.index(result.status),
        *map(len, texts),
        result.assumed,
        result.evidence == "stored",
        0,
        result.line,
        result.size,
        len(name),
        0,
        0,
        0,
    )
    payload += b"".join((*texts, name))
    return PackedResults(_RECORD.pack(Kind.ENTRY, len(payload)) + payload)


def count_entries(packed: PackedResults) -> tuple[int, int]:
    """Return how many verified and how many skipped entries a ``V`` record has.

    Those that are not verified in this run count as neither.
    """
    try:
        return _count(bytes(packed))
    except _WRONG as error:
        raise _damaged() from error


def _count(payload: bytes) -> tuple[int, int]:
    verified, skipped, at = 0, 0, 0
    while at < len(payload):
        kind = payload[at]
        if kind == Kind.SHORT:
            digest_size, name_size, _, _ = _SHORT.unpack_from(payload, at)
            at += _SHORT.size + digest_size + name_size
            verified += 1
        elif kind == Kind.GROUP:
            at += _GROUP.size + _GROUP.unpack_from(payload, at)[0]
        else:
            _check(kind == Kind.ENTRY)
            _, size = _RECORD.unpack_from(payload, at)
            at += _RECORD.size
            status = _STATUSES[payload[at]]
            at += size
            skipped += status == "skipped"
            verified += status == "verified"
        _check(at <= len(payload))
    return verified, skipped


def decode_entries(packed: PackedResults, manifests: Sequence[Manifest]) -> Iterator[Result]:
    """Decode a ``V`` record.

    There may be millions of entries, so equal values share one object.
    """
    try:
        yield from _entries(packed, manifests)
    except _WRONG as error:
        raise _damaged() from error


def _entries(packed: PackedResults, manifests: Sequence[Manifest]) -> Iterator[Result]:
    from .._status import Status

    payload = bytes(packed)
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
            _check(at <= len(payload) and path)
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
                None,
                None,
                None,
                "read",
            )
        elif kind == Kind.GROUP:
            size, is_assumed, manifest = _GROUP.unpack_from(payload, at)
            at += _GROUP.size + size
            _check(at <= len(payload))
            algorithm = _text(payload[at - size : at])
            path, assumed = manifests[manifest].path, is_assumed == 1
        else:
            _check(kind == Kind.ENTRY)
            _, size = _RECORD.unpack_from(payload, at)
            at += _RECORD.size + size
            _check(at <= len(payload))
            yield _entry(payload[at - size : at], manifests)


@_decoder
def decode_listed(payload: bytes, manifests: Sequence[Manifest]) -> Entry:
    """Decode an ``L`` record."""
    manifest: int
    algorithm, digest, assumed, optional, manifest, line, size, name = _LISTED.unpack_from(payload)
    digest_at = _LISTED.size + algorithm
    name_at = digest_at + digest
    end = name_at + name
    _check(end <= len(payload))
    # Keywords would take several times as long, here and wherever there may be millions.
    return Entry(
        _name(payload[name_at:end]),
        _text(payload[_LISTED.size : digest_at]),
        payload[digest_at:name_at].hex(),
        None if size < 0 else size,
        manifests[manifest].path,
        line,
        assumed == 1,
        optional == 1,
        _name(payload[end:]) or None,
    )


@_decoder
def decode_planned(payload: bytes) -> tuple[int, bytes, int, int, int, int, int]:
    """Decode a ``J`` record: the manifest's index, what stands for the entry, and its sizes.

    After the size that is listed and that of the file come its times and its number.
    """
    return _PLANNED.unpack(payload)


class Proof(NamedTuple):
    """What became of an entry."""

    status: str
    manifest: int
    entry: bytes
    """What stands for the entry in all runs."""
    state: tuple[int, int, int, int] | None
    """The size, the times and the number of the file; None if it was not read whole."""
    algorithm: str
    digest: bytes
    name: bytes


_WIRE_STATUSES = (*_STATUSES[:5], REFUSED, "too weak")


@_decoder
def decode_proof(payload: bytes) -> Proof:
    """Decode a ``Y`` record."""
    status, algorithm, digest, manifest, entry, *state = _PROOF.unpack_from(payload)
    digest_at = _PROOF.size + algorithm
    name_at = digest_at + digest
    _check(name_at <= len(payload))
    size, modified, changed, inode = state
    return Proof(
        _WIRE_STATUSES[status],
        manifest,
        entry,
        None if size < 0 else (size, modified, changed, inode),
        _text(payload[_PROOF.size : digest_at]),
        payload[digest_at:name_at],
        payload[name_at:],
    )


class Content:
    """What a file is."""

    OTHER = 0
    MANIFEST = 1
    UNKNOWN = 2


class Hashed(NamedTuple):
    """What became of a file that was to be hashed."""

    file: int
    number: int
    bytes_read: int
    digests: list[str]
    cause: str


@_decoder
def decode_hashed(payload: bytes) -> Hashed:
    """Decode an ``H`` record."""
    file, number, bytes_read, count = _HASHED.unpack_from(payload)
    at = _HASHED.size
    digests: list[str] = []
    for _ in range(count):
        start = at + 1
        at = start + payload[at]
        digests.append(payload[start:at].hex())
    _check(at <= len(payload))
    return Hashed(file, number, bytes_read, digests, _text(payload[at:]))


@_decoder
def decode_content(payload: bytes) -> tuple[int, int]:
    """Decode a ``C`` record into a file's index and what it is: a number of :class:`Content`."""
    file, content = _CONTENT.unpack(payload)
    _check(content <= Content.UNKNOWN)
    return file, content


def _extras(data: bytes | memoryview, at: int) -> tuple[list[tuple[str, str | None]], int]:
    """Decode successive ``U`` records, and return where they end.

    All at once, as a folder may have millions of these files.
    """
    found: list[tuple[str, str | None]] = []
    length = len(data)
    unpack, extra = _EXTRA.unpack_from, Kind.EXTRA
    while at < length and data[at] == extra:
        _, size, name = unpack(data, at)
        start = at + _EXTRA.size
        at += _RECORD.size + size
        end = start + name
        if not end <= at <= length:
            raise _damaged()
        found.append((_name(data[start:end]), _name(data[end:at]) if end < at else None))
    return found, at


@_decoder
def decode_not_understood(payload: bytes) -> str:
    """Decode an ``N`` record, which is a path."""
    return _name(payload)


@_decoder
def decode_bad_line(payload: bytes, manifests: Sequence[Manifest]) -> tuple[int, BadLine]:
    """Decode a ``B`` record into the manifest's index and the bad line."""
    manifest: int
    manifest, line, code, size = _BAD_LINE.unpack_from(payload)
    text = payload[_BAD_LINE.size :]
    _check(size <= len(text))
    bad = BadLine(
        manifest=manifests[manifest].path,
        line=line,
        text=_name(text[:size]),
        cause=_text(text[size:]),
    )
    if code:
        bad.code = code
    return manifest, bad


def decode_note(payload: bytes, manifests: Sequence[Manifest]) -> tuple[int, Manifest]:
    """Decode an ``I`` record into a manifest's index and the manifest with the note."""
    index: int
    index, line = _NOTE.unpack_from(payload)
    text = _text(payload[_NOTE.size :])
    manifest = manifests[index]
    note = f"line {line}: {text}" if line else text
    return index, manifest._replace(notes=(*manifest.notes, note))


@_decoder
def decode_signature(payload: bytes, manifests: Sequence[Manifest]) -> tuple[int, Manifest]:
    """Decode a ``T`` record into a manifest's index and the manifest with the signature."""
    index: int
    index, state, seconds = _SIGNATURE.unpack_from(payload)
    name, key, fingerprint, identity, comment, file, issuer, predicate, log = _strings(
        payload, _SIGNATURE.size
    )
    manifest = manifests[index]
    match state:
        case 0:
            time = None if seconds < 0 else seconds
            texts = (_text(name), _text(key), _text(fingerprint), _name(identity))
            signer = Signer(
                *texts,
                time,
                _name(comment),
                _name(file) or None,
                _name(issuer),
                _name(predicate),
                int(log) if log else None,
            )
            return index, manifest._replace(signers=(*manifest.signers, signer))
        case 1:
            return index, manifest._replace(untrusted=True)
        case _:
            _check(state == 2)
            return index, manifest._replace(unchecked=(*manifest.unchecked, _name(file)))


@_decoder
def decode_bundle(payload: bytes) -> tuple[bytes, bytes]:
    """Decode a ``Z`` record into a path and the content of the file."""
    payload = bytes(payload)
    (size,) = _SIZE.unpack_from(payload)
    end = _SIZE.size + size
    _check(end <= len(payload))
    return payload[_SIZE.size : end], payload[end:]


@_decoder
def decode_key(payload: bytes) -> Key:
    """Decode a ``K`` record."""
    authority, created, expires = _KEY.unpack_from(payload)
    name, algorithm, key, fingerprint, problem, *names = _strings(payload, _KEY.size)
    _check(authority <= 1)
    return Key(
        _text(name),
        _text(key),
        _text(fingerprint),
        _text(algorithm),
        tuple(map(_name, names)),
        None if created < 0 else created,
        None if expires < 0 else expires,
        authority == 1,
        _text(problem) or None,
    )


class Summary(NamedTuple):
    """The counts at the end of a verification."""

    verified: int
    mismatched: int
    missing: int
    unreadable: int
    skipped: int
    bad_lines: int
    extra: int
    excluded: int
    verified_before: int
    not_verified: int
    not_read: int
    bytes_read: int
    nanoseconds: int


@_decoder
def decode_summary(payload: bytes) -> Summary:
    """Decode an ``S`` record."""
    counts = _SUMMARY.unpack(payload)
    _check(min(counts) >= 0)
    return Summary(*counts)


class FailureCode:
    """Why a job failed as a whole."""

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
    """Why a job failed as a whole, and where."""

    code: int
    """A number of :class:`FailureCode`."""
    number: int
    path: str
    message: str


@_decoder
def decode_failure(payload: bytes) -> Failure:
    """Decode an ``X`` record."""
    code, number, size = _ERROR.unpack_from(payload)
    text = payload[_ERROR.size :]
    _check(size <= len(text))
    _check(code <= FailureCode.ENVIRONMENT)
    return Failure(code, number, _name(text[:size]), _text(text[size:]))


class Change:
    """What an ``F`` record reports about a file."""

    SKIPPED = 1
    ADDED = 2
    CHANGED = 3
    REMOVED = 4
    STILL_MISSING = 5
    UNREAD = 6
    SUSPECT = 7
    COMMENT = 8
    RENAMED = 9
    REMEMBERED = 10
    FORGOTTEN = 11


@_decoder
def decode_file(payload: bytes) -> tuple[int, bytes]:
    """Decode an ``F`` record into a :class:`Change` and a file's name or a comment."""
    _check(0 < payload[0] <= Change.FORGOTTEN)
    return payload[0], payload[1:]


@_decoder
def decode_odd(payload: bytes) -> tuple[str, str]:
    """Decode a ``P`` record into a path and why that file cannot be listed."""
    (size,) = _SIZE.unpack_from(payload)
    end = _SIZE.size + size
    _check(end <= len(payload))
    return _name(payload[_SIZE.size : end]), _text(payload[end:])


class WrittenSummary(NamedTuple):
    """The manifest that a job wrote."""

    files: int
    entries: int
    excluded: int
    bytes_read: int
    nanoseconds: int
    is_plan: bool
    is_held: bool
    path: str
    relative_to: str
    format: str
    algorithms: tuple[str, ...]


@_decoder
def decode_written(payload: bytes) -> WrittenSummary:
    """Decode a ``W`` record."""
    path, relative_to, name, algorithms = _strings(payload, _WRITTEN.size)
    files, entries, excluded, bytes_read, nanoseconds, is_plan, is_held = _WRITTEN.unpack_from(
        payload
    )
    return WrittenSummary(
        files,
        entries,
        excluded,
        bytes_read,
        nanoseconds,
        is_plan == 1,
        is_held == 1,
        _name(path),
        _name(relative_to),
        _text(name),
        tuple(_text(algorithms).split(",")),
    )


@_decoder
def decode_algorithm(payload: bytes) -> Algorithm:
    """Decode an ``A`` record."""
    from .._algorithms import Algorithm  # a verification does without

    size, variable, bits = _ALGORITHM.unpack_from(payload)
    name, strength, aliases = map(_text, _strings(payload, _ALGORITHM.size))
    return Algorithm(
        name=name,
        digest_size=None if variable else size,
        strength=strength,  # type: ignore[arg-type]
        bits=bits,
        secure=strength == "strong",
        aliases=tuple(aliases.split(",")) if aliases else (),
    )


def _strings(payload: bytes, at: int) -> list[bytes]:
    """Return the strings from *at* to the end, each of which follows its length."""
    found: list[bytes] = []
    while at < len(payload):
        start = at + _SIZE.size
        at = start + _SIZE.unpack_from(payload, at)[0]
        _check(at <= len(payload))
        found.append(payload[start:at])
    return found


def _name(data: bytes | memoryview) -> str:
    try:
        return str(data, _FS_ENCODING, _FS_ERRORS)  # as os.fsdecode does, without its checks
    except UnicodeDecodeError:  # Windows: a manifest can list any bytes
        return str(data, _FS_ENCODING, "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
