"""The functions for single files, and the one that lists a manifest."""

from __future__ import annotations

import contextlib
import os

from ._engine import CancelToken, raise_failure, run, wire
from ._options import encode_options, suggest_options
from ._source import EXPECTED, NO_NAME, is_path, read_chunks, read_source, split_digests
from ._typing import TYPE_CHECKING, Any, cast, overload
from ._verify import collect
from .errors import EngineError, ManifestError, ReadError, VerificationError
from .report import PackedResults, Progress, Report, Result, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from typing import Literal

    from ._options import AnyPath
    from ._source import Digest, Readable, Source
    from .report import BadLine, Entry, Manifest

    Outcome = tuple[int, list[str] | OSError | ReadError]

__all__ = ["digest", "entries", "hash_files", "recognise", "verify_file"]


@overload
def digest(
    file: AnyPath | Readable,
    algorithm: str = ...,
    *,
    leave_cache: bool = ...,
    progress: Callable[[Progress], object] | None = ...,
    cancel: CancelToken | None = ...,
) -> str: ...


@overload
def digest(
    file: AnyPath | Readable,
    algorithm: list[str] | tuple[str, ...],
    *,
    leave_cache: bool = ...,
    progress: Callable[[Progress], object] | None = ...,
    cancel: CancelToken | None = ...,
) -> dict[str, str]: ...


def digest(
    file: AnyPath | Readable,
    algorithm: str | list[str] | tuple[str, ...] = "sha256",
    *,
    leave_cache: bool = False,
    progress: Callable[[Progress], object] | None = None,
    cancel: CancelToken | None = None,
) -> str | dict[str, str]:
    """Return the digest of a file, in lower-case hexadecimal.

    A file that is given by its path must be a regular one and must not change while it is read. A
    file object is read from its position to its end.

    :param file: A path, or a file object opened for bytes.
    :param algorithm: The name of an algorithm; or a list of names, for which the result is a
        dictionary of their digests. The file is read once.
    :param leave_cache: Leave the system's page cache as it was (Linux, macOS); not for file
        objects.
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
            cast("AnyPath", file), names, leave_cache=leave_cache, progress=progress, cancel=cancel
        )
    elif hasattr(file, "read") or hasattr(file, "readinto"):
        found = _digest_stream(file, names, progress, cancel)[0]
    else:
        raise TypeError(f"file must be a path or a binary file object, not {file!r:.80}")
    return found[0] if isinstance(algorithm, str) else dict(zip(names, found, strict=True))


def _digest_path(path: AnyPath, names: Sequence[str], **options: Any) -> list[str]:
    with contextlib.closing(hash_files([path], names, **options)) as outcomes:
        for _, outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
    raise EngineError("the engine ended without a digest")


def hash_files(
    paths: Sequence[AnyPath],
    algorithms: Sequence[str],
    *,
    workers: int | None = None,
    leave_cache: bool = False,
    progress: Callable[[Progress], object] | None = None,
    cancel: CancelToken | None = None,
) -> Generator[Outcome]:
    """Yield the index and the digests, or the error, of each file, in the order of *paths*."""
    options = {"algorithm": algorithms, "workers": workers, "leave_cache": leave_cache}
    fields = [*_paths(paths), *encode_options("create", options)]
    if not any(name == "algorithm" for name, _ in fields):
        fields.append(("algorithm", ",".join(algorithms).encode()))  # the default of create
    waiting: dict[int, list[str] | OSError | ReadError] = {}
    at = 0
    with contextlib.closing(run(wire.encode_request("hash", fields), cancel)) as batches:
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
        return _digest_path(path, names, cancel=cancel), size
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
    leave_cache: bool = False,
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
        a file object opened for bytes, which is read from its position to its end.
    :param expected: One digest, or several.
    :param check: Raise :exc:`VerificationError` unless every digest matches. If false, the report
        is returned in any case; it is then false where something is wrong.
    :param algorithm: The algorithm of digests that do not name it, instead of the most common one
        with digests of their length. Weaker ones are refused then.
    :param min_strength: The name of an algorithm. A weaker digest is not verified, even if it
        matches.
    :param leave_cache: Leave the system's page cache as it was (Linux, macOS).
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
    options = {"algorithm": algorithm, "min_strength": min_strength, "leave_cache": leave_cache}
    fields += encode_options("verify", options)
    if is_path(path):
        fields += read_source({cast("AnyPath", path): texts})[1]
        report = _collect(cast("AnyPath", path), fields, texts, progress, cancel)
    elif hasattr(path, "read") or hasattr(path, "readinto"):
        report = _verify_stream(path, fields, texts, progress, cancel)
    else:
        raise TypeError(f"path must be a path or a binary file object, not {path!r:.80}")
    if check and not report.ok:
        raise VerificationError(report)
    return report


def _collect(
    path: AnyPath,
    fields: list[tuple[str, bytes]],
    texts: Sequence[str],
    progress: Callable[[Progress], object] | None,
    cancel: CancelToken | None,
) -> Report:
    report = collect(path, fields, progress=progress, cancel=cancel)
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
            done = done._replace(status=status, found=digest, size=size, detail=None)
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
        tag = re.match(r"([A-Za-z][A-Za-z0-9/_-]*)[:-]", text)
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
    :param cancel: Stops the work when its :meth:`CancelToken.cancel` is called.

    :raises ManifestError: the manifest cannot be read, or a line is not understood.
    :raises OSError: the system refuses access to the manifest.
    """
    name, fields = read_source(manifest)
    options = {
        "recursive": recursive,
        "algorithm": algorithm,
        "format": None if fields and fields[-1][0] == "format" else format,
        "ignore_text": ignore_text,
    }
    fields = [("path", name), ("cwd", os.getcwdb()), *fields, *encode_options("verify", options)]
    return _iterate(run(wire.encode_request("entries", fields), cancel), check=check)


def _iterate(batches: Generator[wire.Batch], *, check: bool) -> Generator[Entry | BadLine]:
    manifests: list[Manifest] = []
    finished = False
    with contextlib.closing(batches):
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


def recognise(paths: Sequence[AnyPath]) -> list[wire.Content]:
    """Return for each file whether it is a manifest, by its name or its content."""
    found: dict[int, wire.Content] = {}
    with contextlib.closing(run(wire.encode_request("recognise", _paths(paths)))) as batches:
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
