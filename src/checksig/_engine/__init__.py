"""Jobs of the engine, which runs as a library or as a separate process.

No other module knows which of the two runs a job.
"""

from __future__ import annotations

import os
import sys

from .._light import closing, suppress
from .._printable import printable, printable_text
from .._typing import TYPE_CHECKING, Any, NoReturn
from ..errors import (
    CancelledError,
    EngineError,
    ManifestError,
    ManifestNotFoundError,
    WriteError,
)
from . import library, wire
from .limits import check_job

if "checksig.cli" not in sys.modules:  # that forks nothing, and seldom starts a process
    from .. import _status  # noqa: F401 - as below # pyright: ignore[reportUnusedImport]
    from . import process  # noqa: F401 - see its docstring # pyright: ignore[reportUnusedImport]

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..remote import Remote
    from .library import Server

__all__ = ["VARIABLE", "CancelToken", "prepare", "raise_failure", "run", "server_of"]

VARIABLE = "CHECKSIG_ENGINE"
"""The environment variable that selects ``library`` or ``process``.

If it is not set, the library is used, and the process where the library cannot be.
"""


class CancelToken:
    """Stops the operations that it was passed to, from any thread."""

    def __init__(self) -> None:
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """Stop them: each raises :exc:`CancelledError` within about 50 ms."""
        self._cancelled = True


def prepare() -> None:
    """Begin to load the library, if it will run a job; what fails now will fail then, too."""
    if os.environ.get(VARIABLE, "") in {"", "library"}:
        with suppress(EngineError):
            library.begin_to_load()


def run(
    request: bytes, cancel: CancelToken | None = None, server: Server | None = None
) -> Generator[wire.Batch]:
    """Run a job and yield its batches of records, without queries: *server* answers those.

    The job is stopped when the generator ends, is closed or raises. Callbacks for the progress are
    called by its caller: what they raise would be changed on the way out of a generator (PEP 479).

    :raises EngineError: the engine cannot be started, or failed.
    :raises ForkedError: it cannot be started because this process was forked.
    :raises CancelledError: *cancel* was cancelled.
    """
    _raise_if_cancelled(cancel)
    with closing(_start(request, server)) as batches:
        for data in batches:
            batch = wire.decode_batch(data)
            if server is not None:
                batch = _without_queries(batch, server)
            yield batch
            _raise_if_cancelled(cancel)


def server_of(
    remote: Remote | None, executor: Any, fields: list[tuple[str, bytes]]
) -> Server | None:
    """Return what answers the queries of a job, and add the fields that it needs; None for none."""
    if executor is None:
        return None if remote is None else remote.server
    from .._shards import Shards

    shards = Shards(executor, remote)
    fields.append(shards.field)
    return shards


def _without_queries(batch: wire.Batch, server: Server) -> wire.Batch:
    """Pass the queries of a batch on, and return the rest of it."""
    server.check()
    records: list[tuple[int, Any]] = []
    for kind, payload in batch.records:
        if kind == wire.Kind.QUERY:
            server.serve(payload)
        else:
            records.append((kind, payload))
    return batch._replace(records=records)


def _raise_if_cancelled(cancel: CancelToken | None) -> None:
    if cancel is not None and cancel.cancelled:
        raise CancelledError("the operation was cancelled")


def _start(request: bytes, server: Server | None) -> Generator[bytes | memoryview]:
    """Start a job, and return a generator of its batches as they were sent."""
    choice = os.environ.get(VARIABLE, "")
    if choice not in {"", "library", "process"}:
        raise EngineError(f"{VARIABLE} must be 'library' or 'process', not {choice!r}")
    if choice == "process":
        return _run_process(request, server)
    try:
        loaded = library.load()
        check_job()
    except EngineError as error:
        if choice == "library":
            raise
        if not library.is_installed():
            return _run_process(request, server)  # the normal case on musl
        return _run_process_instead(request, server, error)
    return loaded.batches(request, server)


def _run_process(request: bytes, server: Server | None) -> Generator[bytes]:
    from .process import Process

    return Process().batches(request, server)


def _run_process_instead(
    request: bytes, server: Server | None, reason: EngineError
) -> Generator[bytes]:
    """Run a job in a process because the library cannot be used, for *reason*."""
    begun = False
    try:
        with closing(_run_process(request, server)) as batches:
            for batch in batches:
                begun = begun or batch != wire.EMPTY_BATCH
                yield batch
    except (EngineError, OSError) as error:  # OSError: no file descriptor for a pipe is free
        if begun:
            raise
        raise type(reason)(f"{reason}; and the engine's program failed: {error}") from error


def raise_failure(failure: wire.Failure) -> NoReturn:
    """Raise the exception for a job that failed as a whole."""
    code, number, path, message = failure
    match code:
        case wire.FailureCode.SYSTEM if os.name == "nt":
            raise OSError(0, message.rstrip("."), path, number)  # the form that Python itself uses
        case wire.FailureCode.SYSTEM:
            raise OSError(number, os.strerror(number), path)
        case wire.FailureCode.NO_MANIFEST:
            raise ManifestNotFoundError(f"{printable(path)}: {message}")
        case wire.FailureCode.MANIFEST:
            raise ManifestError(f"{printable(path)}: {message}")
        case wire.FailureCode.WRITE:
            raise WriteError(path, message)
        case wire.FailureCode.VALUE:
            raise ValueError(printable_text(message))
        case _:
            raise EngineError(message)
