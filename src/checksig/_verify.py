"""The calls that verify."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NoReturn

from . import _engine, _wire
from .errors import EngineError, ManifestError, ManifestNotFoundError, VerificationError
from .report import BadLine, Manifest, Report, Result

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from .report import Progress

__all__ = ["check_signatures", "verify"]

_MOST_WORKERS = 1024


def verify(
    path: str | bytes | PathLike[str] | PathLike[bytes],
    *,
    check: bool = True,
    workers: int | None = None,
    follow_outside: bool = False,
    keep_verified: bool = True,
    progress: Callable[[Progress], object] | None = None,
) -> Report:
    """Verify every file that a manifest lists.

    *path* is a manifest, or a folder, in which every manifest counts that has one of the usual
    names (``sha1sum.txt``, ``SHA256SUMS``, ``disc.iso.md5``, …). File names are relative to the
    manifest's folder. Read are the manifests of GNU coreutils (man page :manpage:`sha256sum(1)`),
    for MD5 (RFC 1321), SHA-1 and SHA-2 (FIPS 180-4).

    :param check: raise :exc:`VerificationError` unless all is as listed; otherwise the report,
        which is false then, is returned whatever was found.
    :param workers: how many files are read at once, 1 to 1024; as many as CPUs may be used if None.
    :param follow_outside: read files outside the manifest's folder too, which are refused
        otherwise: by ``..``, an absolute name, or a symbolic link.
    :param keep_verified: keep the entries that were verified for :attr:`Report.results`; without
        them the memory needed does not grow with the manifest.
    :param progress: called a few times a second, in this thread, with the :class:`Progress`; what
        it raises stops the verification.

    :raises VerificationError: something is not as listed; its ``report`` says what.
    :raises ManifestNotFoundError: the folder holds no manifest.
    :raises ManifestError: the manifest cannot be read, being a device or a FIFO, say.
    :raises OSError: the system refuses the folder or the manifest; its number and path tell more.
    :raises EngineError: the engine cannot be loaded, or failed.
    :raises ValueError: *path* holds a NUL, or *workers* is out of range.
    """
    run = _Run(path)
    request = _request(path, workers, follow_outside, keep_verified, progress is not None)
    with contextlib.closing(_engine.batches(request)) as batches:
        for data in batches:
            batch = _wire.decode_batch(data)
            for kind, payload in batch.records:
                run.take(kind, payload)
            if progress is not None:
                progress(batch.progress)
    report = run.report()
    if check and not report.ok:
        raise VerificationError(report)
    return report


def check_signatures(root_dir: str | bytes | PathLike[str] | PathLike[bytes]) -> None:
    """Verify the files that the manifests in the folder *root_dir* list.

    The first name of :func:`verify`.

    :raises ValueError: something is not as listed, ``"<path>" - mismatch``, a line for each; or
        could not be verified.
    """
    try:
        verify(root_dir, keep_verified=False)
    except OSError as error:
        raise ValueError(str(error)) from error


def _request(
    path: str | bytes | PathLike[str] | PathLike[bytes],
    workers: int | None,
    follow_outside: bool,
    keep_verified: bool,
    survey: bool,
) -> bytes:
    name = os.fsencode(path)
    if b"\0" in name:
        raise ValueError("embedded null byte")
    if workers is not None and not 1 <= workers <= _MOST_WORKERS:
        raise ValueError(f"workers must be between 1 and {_MOST_WORKERS}, not {workers}")
    return _wire.encode_request(
        name,
        workers=workers,
        follow_outside=follow_outside,
        failures_only=not keep_verified,
        survey=survey,
    )


class _Run:
    """Collects what the engine finds."""

    def __init__(self, path: str | bytes | PathLike[str] | PathLike[bytes]) -> None:
        self._path = os.fsdecode(path)
        self._manifests: list[Manifest] = []
        self._failures: list[Result] = []
        self._bad_lines: list[tuple[int, BadLine]] = []
        self._verified: list[bytes] = []
        self._summary: _wire.Summary | None = None

    def take(self, kind: int, payload: bytes) -> None:
        match kind:
            case _wire.Kind.MANIFEST:
                self._manifests.append(_wire.decode_manifest(payload))
            case _wire.Kind.ENTRY:
                self._failures.append(_wire.decode_entry(payload, self._manifests))
            case _wire.Kind.VERIFIED:
                self._verified.append(payload)
            case _wire.Kind.BAD_LINE:
                self._bad_lines.append(_wire.decode_bad_line(payload, self._manifests))
            case _wire.Kind.SUMMARY:
                self._summary = _wire.decode_summary(payload)
            case _wire.Kind.ERROR:
                _raise(_wire.decode_failure(payload))
            case _:
                raise EngineError(f"the engine sent a record of unknown kind {kind}")

    def report(self) -> Report:
        s = self._summary
        if s is None:
            raise EngineError("the engine ended without a summary")
        order = {manifest.path: i for i, manifest in enumerate(self._manifests)}
        self._failures.sort(key=lambda result: (order[result.manifest], result.line))
        self._bad_lines.sort(key=lambda placed: (placed[0], placed[1].line))
        report = Report(
            path=self._path,
            manifests=tuple(self._manifests),
            verified=s.verified,
            mismatched=s.mismatched,
            missing=s.missing,
            unreadable=s.unreadable,
            skipped=s.skipped,
            failures=tuple(self._failures),
            bad_lines=tuple(bad for _, bad in self._bad_lines),
            bytes_read=s.bytes_read,
            elapsed=s.nanoseconds / 1e9,
            _verified=tuple(self._verified),
        )
        if (
            len(report.bad_lines) != s.bad_lines
            or len(report.failures) != report.entries - s.verified
        ):
            raise EngineError("the engine lost a result")
        return report


def _raise(failure: _wire.Failure) -> NoReturn:
    code, number, path, message = failure
    match code:
        case _wire.FailureCode.SYSTEM if os.name == "nt":
            raise OSError(0, message, path, number)
        case _wire.FailureCode.SYSTEM:
            raise OSError(number, os.strerror(number), path)
        case _wire.FailureCode.NO_MANIFEST:
            raise ManifestNotFoundError(f"{path}: {message}")
        case _wire.FailureCode.MANIFEST:
            raise ManifestError(f"{path}: {message}")
        case _:
            raise EngineError(message)
