"""The calls that verify."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from ._engine import wire
from ._engine.job import CancelToken, batches, raise_failure
from ._options import Options, encode_options
from .errors import (
    CancelledError,
    EngineError,
    VerificationError,
)
from .report import BadLine, Block, Extra, Manifest, Report, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from typing_extensions import Unpack

    from ._options import AnyPath
    from .report import Progress

__all__ = ["averify", "check_signatures", "iter_verify", "verify"]

_STOP_SECONDS = 1.5

_HIGH_WATER = 8 << 20
"""How many bytes of results the engine may have for a caller who keeps them all: each time that it
wakes another thread, one of its own loses some of a millisecond."""


def verify(
    path: AnyPath,
    *,
    check: bool = True,
    keep_verified: bool = True,
    progress: Callable[[Progress], object] | None = None,
    cancel: CancelToken | None = None,
    **options: Unpack[Options],
) -> Report:
    """Verify every file that a manifest lists.

    *path* is a manifest, or a folder, in which every manifest counts that has one of the usual
    names (``sha1sum.txt``, ``SHA256SUMS``, ``disc.iso.md5``, …), and which is a bag (RFC 8493) if
    it holds a ``bagit.txt``. File names are relative to the manifest's folder.

    :param check: raise :exc:`VerificationError` unless all is as listed; otherwise the report,
        which is false then, is returned whatever was found.
    :param keep_verified: keep the entries that were verified for :attr:`Report.results`; without
        them the memory needed does not grow with the manifest.
    :param progress: called a few times a second, in this thread, with the :class:`Progress`; what
        it raises stops the verification.
    :param cancel: stops the verification when its :meth:`CancelToken.cancel` is called.
    :param options: how to verify: *workers*, *leave_cache*, *follow_outside*, *recursive*, *extra*,
        *ignore_missing*, *root*, *strip*, *basename*, *remap*, *min_strength*, *algorithm* and
        *format*; see :class:`Options`.

    :raises VerificationError: something is not as listed; its ``report`` says what.
    :raises ManifestNotFoundError: the folder holds no manifest.
    :raises ManifestError: the manifest cannot be read, being a device or a FIFO, say.
    :raises OSError: the system refuses the folder, *root* or the manifest; its number and path tell
        more.
    :raises EngineError: the engine cannot be started, or failed.
    :raises CancelledError: *cancel* was cancelled.
    :raises ValueError: *path* holds a NUL, or an option is out of range, or not known.
    """
    run = _Run(path, options)
    request = _request(
        path,
        options,
        keep_verified=keep_verified,
        survey=progress is not None,
        high_water=_HIGH_WATER,
    )
    with contextlib.closing(batches(request, progress, cancel)) as found:
        for batch in found:
            for kind, payload in batch.records:
                if kind == wire.Kind.VERIFIED:
                    run.keep(batch.verified)
                else:
                    run.take(kind, payload)
    report = run.report()
    if check and not report.ok:
        raise VerificationError(report)
    return report


def iter_verify(
    path: AnyPath,
    *,
    progress: Callable[[Progress], object] | None = None,
    cancel: CancelToken | None = None,
    **options: Unpack[Options],
) -> Generator[Result | BadLine | Extra]:
    """Verify like :func:`verify`, and yield what became of each entry as soon as it is known.

    The order is that in which files are done. A line that was not understood comes as a
    :class:`BadLine`; so do a manifest without entries and one that could not be read whole. A file
    that no manifest lists, if *extra* asks for those, comes as an :class:`Extra`, and missing
    entries only then, as they may have been moved.
    All is as listed if every item's ``ok`` is true.

    The memory needed does not grow with the manifest, but for *extra*: when the caller is slow the
    engine waits, and it stops when the generator is closed. The errors are those of :func:`verify`,
    but for :exc:`VerificationError`; they are raised with the first item, but for what is wrong
    with the arguments by themselves.
    """
    request = _request(path, options, keep_verified=True, survey=progress is not None)
    return _items(_Run(path, options), batches(request, progress, cancel))


def _items(run: _Run, found: Generator[wire.Batch]) -> Generator[Result | BadLine | Extra]:
    with contextlib.closing(found):
        for batch in found:
            for kind, payload in batch.records:
                if kind == wire.Kind.ENTRY:
                    yield wire.decode_entry(payload, run.manifests)
                elif kind == wire.Kind.VERIFIED:
                    yield from wire.decode_entries(batch.verified, run.manifests)
                elif kind == wire.Kind.BAD_LINE:
                    yield wire.decode_bad_line(payload, run.manifests)[1]
                elif kind == wire.Kind.EXTRA:
                    yield run.unlisted(payload)
                else:
                    run.take(kind, payload)
    run.end()


async def averify(
    path: AnyPath,
    *,
    check: bool = True,
    keep_verified: bool = True,
    progress: Callable[[Progress], object] | None = None,
    **options: Unpack[Options],
) -> Report:
    """Verify like :func:`verify`, without blocking the event loop of :mod:`asyncio`.

    *progress* is called in the event loop's thread. When the task is cancelled, the engine is
    stopped before :exc:`asyncio.CancelledError` goes on, unless the system keeps a read from
    ending: that is waited for at most a second.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    cancel = CancelToken()
    raised: list[BaseException] = []

    def tell(how_far: Progress) -> None:
        if progress is None or raised:
            return
        try:
            progress(how_far)
        except BaseException as error:  # noqa: BLE001 - it is raised below, whatever it is
            raised.append(error)
            cancel.cancel()

    def forward(how_far: Progress) -> None:
        loop.call_soon_threadsafe(tell, how_far)

    work = asyncio.ensure_future(
        asyncio.to_thread(
            verify,
            path,
            check=check,
            keep_verified=keep_verified,
            progress=None if progress is None else forward,
            cancel=cancel,
            **options,
        )
    )
    # Whoever stopped waiting is not interested in what it raises any more.
    work.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        report = await asyncio.shield(work)
    except asyncio.CancelledError:
        cancel.cancel()
        await asyncio.wait([work], timeout=_STOP_SECONDS)
        raise
    except CancelledError:
        raise raised[0] from None
    if raised:
        raise raised[0]
    return report


def check_signatures(root_dir: AnyPath) -> None:
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
    path: AnyPath,
    options: Options,
    *,
    keep_verified: bool,
    survey: bool,
    high_water: int | None = None,
) -> bytes:
    fields = encode_options(**options)
    name = os.fsencode(path)
    # The caller may go elsewhere while the engine works.
    absolute = os.path.isabs(name) and os.path.isabs(os.fsencode(options.get("root") or name))
    return wire.encode_request(
        [
            ("path", name),
            ("dir", None if absolute else os.getcwdb()),
            *fields,
            ("failures_only", not keep_verified),
            ("survey", survey),
            ("high_water", high_water),
        ]
    )


class _Run:
    """Collects what the engine finds."""

    def __init__(self, path: AnyPath, options: Options) -> None:
        self._path = os.fsdecode(path)
        self._extra_fails = options.get("extra") == "fail"
        self._extras: list[Extra] = []
        self.manifests: list[Manifest] = []
        self._failures: list[Result] = []
        self._bad_lines: list[tuple[int, BadLine]] = []
        self._verified: list[Block] = []
        self._summary: wire.Summary | None = None

    def take(self, kind: int, payload: bytes) -> None:
        match kind:
            case wire.Kind.MANIFEST:
                self.manifests.append(wire.decode_manifest(payload))
            case wire.Kind.READ:
                index, manifest = wire.decode_read(payload, self.manifests)
                self.manifests[index] = manifest
            case wire.Kind.ENTRY:
                self._failures.append(wire.decode_entry(payload, self.manifests))
            case wire.Kind.BAD_LINE:
                self._bad_lines.append(wire.decode_bad_line(payload, self.manifests))
            case wire.Kind.EXTRA:
                self._extras.append(self.unlisted(payload))
            case wire.Kind.SUMMARY:
                self._summary = wire.decode_summary(payload)
            case wire.Kind.ERROR:
                raise_failure(wire.decode_failure(payload))
            case _:
                raise EngineError(f"the engine sent a record of unknown kind {kind}")

    def keep(self, verified: Block) -> None:
        self._verified.append(verified)

    def unlisted(self, payload: bytes) -> Extra:
        return wire.decode_extra(payload, fails=self._extra_fails)

    def end(self) -> wire.Summary:
        if self._summary is None:
            raise EngineError("the engine ended without a summary")
        return self._summary

    def report(self) -> Report:
        s = self.end()
        order = {manifest.path: i for i, manifest in enumerate(self.manifests)}
        self._failures.sort(key=lambda result: (order[result.manifest], result.line))
        self._bad_lines.sort(key=lambda placed: (placed[0], placed[1].line))
        report = Report(
            path=self._path,
            manifests=tuple(self.manifests),
            verified=s.verified,
            mismatched=s.mismatched,
            missing=s.missing,
            unreadable=s.unreadable,
            skipped=s.skipped,
            failures=tuple(self._failures),
            bad_lines=tuple(bad for _, bad in self._bad_lines),
            bytes_read=s.bytes_read,
            elapsed=s.nanoseconds / 1e9,
            extras=tuple(sorted(self._extras)),
            _verified=tuple(self._verified),
        )
        if (
            len(report.bad_lines) != s.bad_lines
            or len(report.failures) != report.entries - s.verified - s.skipped
            or report.extra != s.extra
        ):
            raise EngineError("the engine lost a result")
        return report
