"""The functions for single files, and the one that lists a manifest."""

from __future__ import annotations

import os

from ._engine import CancelToken, raise_failure, run, server_of, wire
from ._light import closing
from ._options import encode_options, suggest_options
from ._source import EXPECTED, NO_NAME, is_path, is_remote, read_chunks, read_source, split_digests
from ._typing import TYPE_CHECKING, Any, cast, overload
from ._verify import collect
from .errors import EngineError, ManifestError, ReadError, VerificationError
from .report import PackedResults, Progress, Report, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from typing import Literal

    from ._options import AnyPath
    from ._source import Digest, Readable, Source
    from .remote import Remote
    from .report import BadLine, Entry, Manifest

    Outcome = tuple[int, list[str] | OSError | ReadError]

__all__ = ["digest", "entries", "hash_files", "recognise", "verify_file"]


@overload
def digest(
    file: AnyPath | Readable,
    algorithm: str = ...,
    *,
    leave_cache: bool = ...,
    filesystem: Any = ...,
    progress: Callable[[Progress], object] | None = ...,
    cancel: CancelToken | None = ...,
) -> str: ...


@overload
def digest(
    file: AnyPath | Readable,
    algorithm: list[str] | tuple[str, ...],
    *,
    leave_cache: bool = ...,
    filesystem: Any = ...,
    progress: Callable[[Progress], object] | None = ...,
    cancel: CancelToken | None = ...,
) -> dict[str, str]: ...


def digest(
    file: AnyPath | Readable,
    algorithm: str | list[str] | tuple[str, ...] = "sha256",
    *,
    leave_cache: bool = False,
    filesystem: Any = None,
    progress: Callable[[Progress], object] | None = None,
    cancel: CancelToken | None = None,
) -> str | dict[str, str]:
    """Return the digest of a file, in lower-case hexadecimal.

    A file that is given by its path must be a regular one and must not change while it is read. A
    file object is read from its position to its end.

    :param file: A path, a file object opened for bytes, or an address such as ``s3://bucket/file``.
    :param algorithm: The name of an algorithm; or a list of names, for which the result is a
        dictionary of their digests. The file is read once.
    :param leave_cache: Leave the system's page cache as it was (Linux, macOS); not for file
        objects.
    :param filesystem: A file system of fsspec, which *file* is a path in.
    :param progress: Called with the :class:`Progress` a few times a second, in this thread; for
        file objects after each part that was read.
    :param cancel: Stops the work when its :meth:`CancelToken.cancel` is called.

    :raises OSError: the system refuses access to the file.
    :raises ReadError: it is not a regular file, or changed while it was read.
    :raises ValueError: the algorithm is unknown, or named twice.
    """
    names = [algorithm] if isinstance(algorithm, str) else list(algorithm)
    if is_path(file):
        found = _digest_path(
            cast("AnyPath", file),
            names,
            filesystem,
            {"leave_cache": leave_cache, "progress": progress, "cancel": cancel},
        )
    elif hasattr(file, "read") or hasattr(file, "readinto"):
        found = _digest_stream(file, names, progress, cancel)[0]
    else:
        raise TypeError(f"file must be a path or a binary file object, not {file!r:.80}")
    return found[0] if isinstance(algorithm, str) else dict(zip(names, found, strict=True))


def _digest_path(
    path: AnyPath, names: Sequence[str], filesystem: Any, options: dict[str, Any]
) -> list[str]:
    outcome = _hash_one(path, names, filesystem, **options)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def hash_files(
    paths: Sequence[AnyPath], algorithms: Sequence[str], **options: Any
) -> Generator[Outcome]:
    """Yield the index and the digests, or the error, of each file, in the order of *paths*.

    The *options* are the keywords of :func:`_hash`.
    """
    if any(map(is_remote, paths)):
        for index, path in enumerate(paths):
            yield index, _hash_one(path, algorithms, **options)
    else:
        yield from _hash(paths, _paths(paths), algorithms, **options)


def _hash_one(
    path: AnyPath, algorithms: Sequence[str], filesystem: Any = None, **options: Any
) -> list[str] | OSError | ReadError:
    """Return the digests of a file that may be remote, or the error."""
    fields = _paths([path])
    remote = None
    if filesystem is not None or is_remote(path):
        from .remote import connect

        remote, at = connect(path, filesystem, cancel=options.get("cancel"))
        path = remote.shown(at)
        fields = [("path", at), remote.field]
    with closing(_hash([path], fields, algorithms, remote, **options)) as outcomes:
        for _, outcome in outcomes:
            return outcome
    raise EngineError("the engine ended without a digest")


def _hash(
    paths: Sequence[AnyPath],
    fields: list[tuple[str, bytes]],
    algorithms: Sequence[str],
    remote: Remote | None = None,
    *,
    workers: int | None = None,
    io_depth: int | None = None,
    leave_cache: bool = False,
    progress: Callable[[Progress], object] | None = None,
    cancel: CancelToken | None = None,
) -> Generator[Outcome]:
    options = {
        "algorithm": algorithms,
        "workers": workers,
        "io_depth": io_depth,
        "leave_cache": leave_cache,
    }
    fields = [*fields, *encode_options("create", options)]
    if not any(name == "algorithm" for name, _ in fields):
        fields.append(("algorithm", ",".join(algorithms).encode()))  # the default of create
    server = server_of(remote, None, fields)
    waiting: dict[int, list[str] | OSError | ReadError] = {}
    at = 0
    with closing(run(wire.encode_request("hash", fields), cancel, server)) as batches:
        for batch in batches:
            for kind, payload in batch.records:
                if kind == wire.Kind.HASHED:
                    hashed = wire.decode_hashed(payload)
                    waiting[hashed.file] = _outcome(os.fsdecode(paths[hashed.file]), hashed)
                elif kind == wire.Kind.ERROR:
                    raise_failure(wire.decode_failure(payload))
            while at in waiting:
                yield at, waiting.pop(at)
                at += 1
            if progress is not None:
                progress(batch.progress)
    if at != len(paths):
        raise EngineError("the engine lost a file")


def _outcome(path: str, hashed: wire.Hashed) -> list[str] | OSError | ReadError:
    if hashed.digests:
        return hashed.digests
    if not hashed.number:
        return ReadError(path, hashed.cause)
    try:
        raise_failure(wire.Failure(wire.FailureCode.SYSTEM, hashed.number, path, hashed.cause))
    except OSError as error:
        return error


def _paths(paths: Iterable[AnyPath]) -> list[tuple[str, bytes]]:
    names = [os.fsencode(path) for path in paths]
    fields = [("path", name) for name in names]
    if not all(map(os.path.isabs, names)):
        fields.append(("cwd", os.getcwdb()))
    return fields


def _digest_stream(
    file: Any,
    names: Sequence[str],
    progress: Callable[[Progress], object] | None,
    cancel: CancelToken | None,
) -> tuple[list[str], int]:
    """Return the digests of what is left in a file object, and its size.

    The engine reads files only. What :mod:`hashlib` cannot compute goes to a temporary file.
    """
    from ._algorithms import find

    hashers = [_hasher(find(name)) for name in names]
    if None in hashers:
        return _digest_spooled(file, names, progress, cancel)
    size = 0
    for chunk in read_chunks(file):
        _raise_if_cancelled(cancel)
        for hasher in hashers:
            hasher.update(chunk)
        size += len(chunk)
        if progress is not None:
            progress(Progress(0, 1, size, None))
    return [hasher.hexdigest() for hasher in hashers], size


def _hasher(name: str) -> Any:
    """Return an object of :mod:`hashlib` for the algorithm *name*; None if it has none."""
    import hashlib
    import re

    blake = re.fullmatch(r"(blake2[bs])(?:-(\d+))?", name)
    if blake:
        size = int(blake[2] or "0") // 8
        return getattr(hashlib, blake[1])(**({"digest_size": size} if size else {}))
    if not re.fullmatch(r"md5|sha1|sha(3-)?(224|256|384|512)", name):
        return None
    try:
        return hashlib.new(name.replace("-", "_"), usedforsecurity=False)
    except ValueError:  # a build of Python without it
        return None


def _digest_spooled(
    file: Any,
    names: Sequence[str],
    progress: Callable[[Progress], object] | None,
    cancel: CancelToken | None,
) -> tuple[list[str], int]:
    import tempfile

    descriptor, path = tempfile.mkstemp(prefix="checksig-")
    try:
        size = 0
        with os.fdopen(descriptor, "wb") as copy:
            for chunk in read_chunks(file):
                _raise_if_cancelled(cancel)
                copy.write(chunk)
                size += len(chunk)
                if progress is not None:
                    progress(Progress(0, 1, size, None))
        return _digest_path(path, names, None, {"cancel": cancel}), size
    finally:
        os.unlink(path)


def _raise_if_cancelled(cancel: CancelToken | None) -> None:
    from .errors import CancelledError

    if cancel is not None and cancel.cancelled:
        raise CancelledError("the operation was cancelled")


def verify_file(
    path: AnyPath | Readable,
    expected: Digest | Sequence[Digest] | None = None,
    *,
    check: bool = True,
    algorithm: str | None = None,
    min_strength: str | None = None,
    stored: Literal["never", "prefer", "only"] = "never",
    part_size: str | int | None = None,
    leave_cache: bool = False,
    filesystem: Any = None,
    progress: Callable[[Progress], object] | None = None,
    cancel: CancelToken | None = None,
    **digests: Digest,
) -> Report:
    """Verify one file against digests that the caller has, and return a report.

    Every digest must match. Each is text, in hex (``"d41d…"``), base64, with the algorithm in front
    (``"sha256:d41d…"``) or as Subresource Integrity (``"sha256-47DE…="``), of which a text may have
    several, separated by blanks; or the bytes of the digest itself.

    >>> verify_file("disc.iso", sha256="9f86d0…")  # doctest: +SKIP

    :param path: The file. It must be a regular one, and is read wherever links lead. It can also be
        a file object opened for bytes, which is read from its position to its end, or an address
        such as ``s3://bucket/file``.
    :param expected: One digest, or several.
    :param check: Raise :exc:`VerificationError` unless every digest matches. If false, the report
        is returned in any case; it is then false where something is wrong.
    :param algorithm: The algorithm of digests that do not name it, instead of the most common one
        with digests of their length. Weaker ones are refused then.
    :param min_strength: The name of an algorithm. A weaker digest is not verified, even if it
        matches.
    :param stored: As in :func:`verify`, for a remote file.
    :param part_size: As in :func:`verify`, for a digest such as ``"…-3"``.
    :param leave_cache: Leave the system's page cache as it was (Linux, macOS).
    :param filesystem: A file system of fsspec, which *path* is a path in.
    :param progress: Called with the :class:`Progress` a few times a second, in this thread.
    :param cancel: Stops the work when its :meth:`CancelToken.cancel` is called.
    :param digests: More digests, by the names of their algorithms: ``sha256="…"``.

    :raises VerificationError: the file is missing, unreadable, or has another digest; its
        ``report`` has the details.
    :raises ValueError: a digest is malformed or too short to be one, of another algorithm than its
        keyword or weaker than *algorithm*; or there is none.
    """
    texts = [] if expected is None else split_digests(expected)
    for keyword, value in digests.items():
        texts += _tagged(keyword, value)
    if not texts:
        raise ValueError("no digest to compare with; pass one, such as sha256=")
    fields = [("path", EXPECTED), ("cwd", os.getcwdb()), ("follow_outside", b"1")]
    options: dict[str, Any] = {
        "algorithm": algorithm,
        "min_strength": min_strength,
        "leave_cache": leave_cache,
    }
    options |= {"stored": stored, "part_size": part_size}
    fields += encode_options("verify", options)
    if filesystem is not None or is_remote(path):
        from .remote import connect

        remote, at = connect(path, filesystem, cancel=cancel)
        remote.store.reads = stored == "never"
        folder, _, name = at.rpartition(b"/")
        fields[1] = ("cwd", folder or b"/")
        fields += [*read_source({name: texts})[1], remote.field]
        report = _collect(remote.shown(at), fields, texts, progress, cancel, remote)
    elif is_path(path):
        fields += read_source({cast("AnyPath", path): texts})[1]
        report = _collect(cast("AnyPath", path), fields, texts, progress, cancel)
    elif part_size is not None:
        raise ValueError("part_size is for files that have a path, not for file objects")
    elif hasattr(path, "read") or hasattr(path, "readinto"):
        report = _verify_stream(path, fields, texts, progress, cancel)
    else:
        raise TypeError(f"path must be a path or a binary file object, not {path!r:.80}")
    if check and not report.ok:
        raise VerificationError(report)
    return report


def _collect(  # noqa: PLR0917 - called twice
    path: AnyPath,
    fields: list[tuple[str, bytes]],
    texts: Sequence[str],
    progress: Callable[[Progress], object] | None,
    cancel: CancelToken | None,
    remote: Remote | None = None,
) -> Report:
    report = collect(path, fields, progress=progress, cancel=cancel, remote=remote)
    for bad in report.bad_lines:
        text = texts[bad.line - 1] if bad.line else ", ".join(texts)
        raise ValueError(f"{text!r:.200} cannot be used: {bad.cause.partition('; --')[0]}")
    return report


def _verify_stream(
    file: Any,
    fields: list[tuple[str, bytes]],
    texts: Sequence[str],
    progress: Callable[[Progress], object] | None,
    cancel: CancelToken | None,
) -> Report:
    """Verify what is left in a file object.

    The engine decides which digests can be used, for a file that is missing.
    """
    import tempfile
    import time

    from .report import Status

    name = os.fsdecode(NO_NAME)
    with tempfile.TemporaryDirectory(prefix="checksig-") as nowhere:
        fields += [*read_source({name: texts})[1], ("root", os.fsencode(nowhere))]
        asked = _collect(name, fields, texts, None, cancel)
    began = time.monotonic()
    names = list(dict.fromkeys(r.algorithm for r in asked.failures if r.status is Status.MISSING))
    digests, size = _digest_stream(file, names, progress, cancel) if names else ([], 0)
    found = dict(zip(names, digests, strict=True))
    verified: list[PackedResults] = []
    failures: list[Result] = []
    for result in asked.failures:
        done = result._replace(opened=None)
        if result.status is Status.MISSING:
            digest = found[result.algorithm]
            equal = digest == result.expected
            status = Status.VERIFIED if equal else Status.MISMATCHED
            done = done._replace(
                status=status, found=digest, size=size, detail=None, evidence="read"
            )
        if done.ok:
            verified.append(wire.pack_result(done))
        else:
            failures.append(done)
    unreadable = sum(result.status is Status.UNREADABLE for result in failures)
    return Report(
        path=name,
        manifests=asked.manifests,
        verified=len(verified),
        mismatched=len(failures) - unreadable,
        missing=0,
        unreadable=unreadable,
        skipped=0,
        failures=tuple(failures),
        bad_lines=(),
        bytes_read=size,
        elapsed=time.monotonic() - began,
        _verified=tuple(verified),
        too_weak=unreadable,
    )


def _tagged(keyword: str, value: Any) -> list[str]:
    """Return the digests of a keyword argument, with the name of the algorithm in front."""
    import re

    from ._algorithms import fold, names_close_to, spellings

    known = spellings()
    folded = fold(keyword)
    if folded not in known and re.sub(r"\d+$", "", folded) not in known:
        close = names_close_to(keyword)
        hint = f"; did you mean {close[0].replace('-', '_')!r}?" if close else ""
        raise TypeError(f"verify_file() got an unexpected keyword argument {keyword!r}{hint}")
    if not isinstance(value, (str, bytes)):
        raise TypeError(f"{keyword} must be a digest (str or bytes), not {value!r:.80}")
    found: list[str] = []
    for text in split_digests(value):
        # What ends in the number of parts, and only that, has no algorithm in front.
        tag = re.match(r"(?![^:]*-[1-9][0-9]{0,4}$)([A-Za-z][A-Za-z0-9/_-]*)[:-]", text)
        if tag and known.get(fold(tag[1]), fold(tag[1])) != known.get(folded, folded):
            raise ValueError(f"{keyword}={text!r:.200} is a digest of another algorithm")
        found.append(text if tag else f"{keyword}:{text}")
    return found


@overload
def entries(
    manifest: Source,
    *,
    check: Literal[True] = ...,
    recursive: bool = ...,
    algorithm: str | None = ...,
    format: str | None = ...,
    ignore_text: bool = ...,
    columns: str | Sequence[str] = ...,
    filesystem: Any = ...,
    cancel: CancelToken | None = ...,
) -> Generator[Entry]: ...


@overload
def entries(
    manifest: Source,
    *,
    check: bool,
    recursive: bool = ...,
    algorithm: str | None = ...,
    format: str | None = ...,
    ignore_text: bool = ...,
    columns: str | Sequence[str] = ...,
    filesystem: Any = ...,
    cancel: CancelToken | None = ...,
) -> Generator[Entry | BadLine]: ...


@suggest_options
def entries(
    manifest: Source,
    *,
    check: bool = True,
    recursive: bool = False,
    algorithm: str | None = None,
    format: str | None = None,  # noqa: A002 - the word for it
    ignore_text: bool = False,
    columns: str | Sequence[str] = (),
    filesystem: Any = None,
    cancel: CancelToken | None = None,
) -> Generator[Entry | BadLine]:
    """Yield what a manifest lists, an :class:`Entry` for each digest, without opening any file.

    Entries arrive in the order of the manifest. Memory does not grow with it: the engine waits for
    a slow caller, and stops when the generator is closed.

    :param manifest: A manifest, or a folder that contains manifests; or a file object and the like,
        as in :func:`verify`.
    :param check: Raise :exc:`ManifestError` at a line that is not understood. If false, a
        :class:`BadLine` is yielded for each.
    :param recursive: Find manifests in subfolders too.
    :param algorithm: The algorithm of digests that do not name it.
    :param format: The format of the manifest, instead of the one detected.
    :param ignore_text: Pass over lines in which nothing looks like a digest.
    :param columns: The groups of columns to read of an ENA file report, as in :func:`verify`.
    :param filesystem: A file system of fsspec, which *manifest* is a path in.
    :param cancel: Stops the work when its :meth:`CancelToken.cancel` is called.

    :raises ManifestError: the manifest cannot be read, or a line is not understood.
    :raises OSError: the system refuses access to the manifest.
    """
    options = {
        "recursive": recursive,
        "algorithm": algorithm,
        "format": format,
        "ignore_text": ignore_text,
        "columns": columns,
    }
    return list_entries(manifest, filesystem, [], options, cancel, check=check)


def list_entries(
    manifest: Source,
    filesystem: Any,
    manifests: list[Manifest],
    options: dict[str, Any],
    cancel: CancelToken | None,
    *,
    check: bool,
) -> Generator[Entry | BadLine]:
    """Yield what :func:`entries` yields; *manifests* gets each manifest before its entries."""
    remote = None
    if filesystem is not None or is_remote(manifest):
        from .remote import connect

        remote, name = connect(manifest, filesystem, cancel=cancel)
        fields = [remote.field]
    else:
        name, fields = read_source(manifest)
    if fields and fields[-1][0] == "format":
        options = {**options, "format": None}
    fields = [("path", name), ("cwd", os.getcwdb()), *fields, *encode_options("verify", options)]
    server = server_of(remote, None, fields)
    batches = run(wire.encode_request("entries", fields), cancel, server)
    return _iterate(batches, manifests, check=check)


def _iterate(
    batches: Generator[wire.Batch], manifests: list[Manifest], *, check: bool
) -> Generator[Entry | BadLine]:
    finished = False
    with closing(batches):
        for batch in batches:
            for kind, payload in batch.records:
                if kind == wire.Kind.LISTED:
                    yield wire.decode_listed(payload, manifests)
                elif kind == wire.Kind.BAD_LINE:
                    bad = wire.decode_bad_line(payload, manifests)[1]
                    if check:
                        raise ManifestError(str(bad))
                    yield bad
                elif kind == wire.Kind.MANIFEST:
                    manifests.append(wire.decode_manifest(payload))
                elif kind == wire.Kind.SUMMARY:
                    finished = True
                elif kind == wire.Kind.ERROR:
                    raise_failure(wire.decode_failure(payload))
    if not finished:
        raise EngineError("the engine ended without a summary")


def recognise(paths: Sequence[AnyPath]) -> list[int]:
    """Return for each file whether it is a manifest, by its name or its content.

    The numbers are those of :class:`wire.Content`.
    """
    found: dict[int, int] = {}
    with closing(run(wire.encode_request("recognise", _paths(paths)))) as batches:
        for batch in batches:
            for kind, payload in batch.records:
                if kind == wire.Kind.CONTENT:
                    index, content = wire.decode_content(payload)
                    found[index] = content
                elif kind == wire.Kind.ERROR:
                    raise_failure(wire.decode_failure(payload))
    if len(found) != len(paths):
        raise EngineError("the engine lost a file")
    return [found[i] for i in range(len(paths))]
