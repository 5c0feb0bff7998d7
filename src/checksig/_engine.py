"""The Go engine in this process: the only module that touches cffi.

The shared library is opened by the first call that needs it. Opening it starts a Go runtime,
which cannot be closed again and does not live through a fork; :func:`engine` looks after both.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from ._descriptors import need_descriptors
from .errors import EngineError, ForkedError

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["ABI", "Engine", "batches", "engine"]

ABI = 1
"""The number of the interface that this module speaks; go/export.go has its twin."""

_WAIT_MS = 50
"""How long one wait may block: a pending KeyboardInterrupt is raised between two of them."""

_STOP_SECONDS = 1.0
"""How long a cancelled job is waited for; one stuck in a dead file system ends on its own."""


class _Library(Protocol):
    """The functions of the shared library; build_ffi.py declares them to cffi."""

    def checksig_abi(self) -> int: ...
    def checksig_start(self, request: bytes, size: int, job: Any) -> None: ...
    def checksig_wait(self, job: int, timeout_ms: int, size: Any) -> Any: ...
    def checksig_cancel(self, job: int) -> None: ...
    def checksig_free(self, job: int) -> None: ...
    def free(self, pointer: Any) -> None: ...


class Engine:
    """The engine, loaded into this process.

    :raises EngineError: the library is not there, cannot be loaded, or is of another version.
    """

    def __init__(self) -> None:
        from ._ffi import ffi

        self._ffi = ffi
        self.pid = os.getpid()
        path = _library_path()
        need_descriptors()
        with _host_state_kept():
            try:
                self._lib = cast("_Library", ffi.dlopen(str(path)))
            except OSError as error:
                raise EngineError(f"the engine cannot be loaded: {error}") from error
            abi = self._lib.checksig_abi()  # returns once the Go runtime is ready
        if abi != ABI:
            raise EngineError(f"{path} speaks version {abi}, this package version {ABI}")

    def batches(self, request: bytes) -> Generator[bytes]:
        """Run a job for *request* and yield its batches of results; see go/internal/job.

        However the caller leaves, the job is stopped first.
        """
        job: Any = self._ffi.new("uintptr_t *")
        try:
            self._lib.checksig_start(request, len(request), job)
            finished = False
            while not finished:
                batch = self._wait(job[0])
                finished = batch[0] == 1
                yield batch
        except BaseException:
            self._stop(job[0])
            raise
        finally:
            if job[0]:
                self._lib.checksig_free(job[0])

    def _wait(self, job: int) -> bytes:
        size: Any = self._ffi.new("size_t *")
        data = self._lib.checksig_wait(job, _WAIT_MS, size)
        try:
            return bytes(self._ffi.buffer(data, size[0]))
        finally:
            self._lib.free(data)

    def _stop(self, job: int) -> None:
        if not job:
            return
        self._lib.checksig_cancel(job)
        deadline = time.monotonic() + _STOP_SECONDS
        while self._wait(job)[0] != 1 and time.monotonic() < deadline:
            pass


def _library_path() -> Path:
    names = {"win32": "checksig.dll", "darwin": "libchecksig.dylib"}
    path = Path(__file__).with_name(names.get(sys.platform, "libchecksig.so"))
    if not path.is_file():
        raise EngineError(f"the engine is not installed: there is no {path}")
    return path


@contextlib.contextmanager
def _host_state_kept() -> Generator[None]:
    """Keep the host process as it is while a Go runtime starts in it.

    The runtime's threads inherit the signal mask: with all signals blocked, none is delivered to
    a thread of Go's that the host waits for elsewhere (``signal.sigwait``). The runtime raises the
    soft limit of open files, which child processes would inherit.
    """
    if sys.platform == "win32":
        yield
        return
    import resource

    mask = signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


_engine: Engine | None = None
_lock = threading.Lock()


def engine() -> Engine:
    """Return the engine of this process, loading it at the first call.

    :raises EngineError: it cannot be loaded.
    :raises ForkedError: it was loaded before this process was forked off.
    """
    global _engine  # noqa: PLW0603 - one for the process, as the Go runtime is
    if _engine is None:
        with _lock:
            if _engine is None:
                _engine = Engine()
    if _engine.pid != os.getpid():
        raise ForkedError(
            "checksig was used before this process was forked, and Go does not live through a fork;"
            " use it first in the child, or start children by 'spawn' or 'forkserver'"
        )
    return _engine


def batches(request: bytes) -> Generator[bytes]:
    """Run a job for *request*, and yield its batches of results."""
    return engine().batches(request)
