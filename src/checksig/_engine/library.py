"""The Go engine in this process: the only module that touches cffi.

The shared library is opened by the first call that needs it. Opening it starts a Go runtime,
which cannot be closed again, does not live through a fork, and ends the process where it gets too
little of what it needs; :func:`load` looks after that.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol, cast

from .limits import check_limits
from ..errors import EngineError, ForkedError

if sys.platform != "win32":
    import resource

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["ABI", "Library", "is_installed", "load", "timeouts"]

ABI = 3
"""The number of the interface that this package speaks; go/internal/job has its twin."""

_WAIT_MS = 50
"""How long one wait may block: a pending KeyboardInterrupt is raised between two of them."""

_PAUSE_SECONDS = 0.02
"""The longest sleep between two looks at a job, where greenlets share this thread."""

_STOP_SECONDS = 1.0
"""How long a cancelled job is waited for; one stuck in a dead file system ends on its own."""

_ON_MUSL = " (a wheel for musl has none: musl loads no library of Go's, golang/go#54805)"

_FORKED_WITHIN = "this process was forked off within a verification, which goes on in its parent"


class _Functions(Protocol):
    """The functions of the shared library; build_ffi.py declares them to cffi."""

    def checksig_abi(self) -> int: ...
    def checksig_start(self, request: bytes, size: int, job: Any) -> None: ...
    def checksig_wait(self, job: int, timeout_ms: int, size: Any) -> Any: ...
    def checksig_cancel(self, job: int) -> None: ...
    def checksig_free(self, job: int) -> None: ...
    def free(self, pointer: Any) -> None: ...


class Library:
    """The engine, loaded into this process from *path*.

    :raises EngineError: the library cannot be loaded, or is of another version.
    """

    def __init__(self, path: str) -> None:
        try:
            from .._ffi import ffi
        except ImportError as error:  # cffi refuses an isolated sub-interpreter
            raise EngineError(f"the engine cannot be loaded: {error}") from error
        self._ffi = ffi
        self.pid = os.getpid()
        with _host_state_kept():
            try:
                self._lib = cast("_Functions", ffi.dlopen(path))
            except OSError as error:
                raise EngineError(f"the engine cannot be loaded: {error}") from error
            abi = self._lib.checksig_abi()  # returns once the Go runtime is ready
        if abi != ABI:
            raise EngineError(f"{path} speaks version {abi}, this package version {ABI}")

    def batches(self, request: bytes) -> Generator[memoryview]:
        """Run a job for *request* and yield its batches of results; see go/internal/job.

        However the caller leaves, the job is stopped first.
        """
        job: Any = self._ffi.new("uintptr_t *")
        try:
            self._lib.checksig_start(request, len(request), job)
            for timeout_ms in timeouts():
                batch = self._waited(job[0], timeout_ms)
                yield batch
                if os.getpid() != self.pid:
                    raise ForkedError(_FORKED_WITHIN)
                if batch[0] == 1:
                    break
        except BaseException:
            self._stop(job[0])
            raise
        finally:
            if job[0] and os.getpid() == self.pid:
                self._lib.checksig_free(job[0])

    def _waited(self, job: int, timeout_ms: int) -> memoryview:
        size: Any = self._ffi.new("size_t *")
        data = self._lib.checksig_wait(job, timeout_ms, size)
        # Whoever keeps a part of the batch keeps its memory.
        return memoryview(self._ffi.buffer(self._ffi.gc(data, self._lib.free, size[0]), size[0]))

    def _stop(self, job: int) -> None:
        if not job or os.getpid() != self.pid:
            return
        self._lib.checksig_cancel(job)
        deadline = time.monotonic() + _STOP_SECONDS
        finished = False
        while not finished and time.monotonic() < deadline:
            finished = self._waited(job, _WAIT_MS)[0] == 1


def timeouts() -> Generator[int]:
    """Yield how many milliseconds each wait may block.

    Where gevent or eventlet have put their own ``time.sleep``, a wait that blocks would stop every
    greenlet of the thread: those run in a sleep instead, and the wait only looks.
    """
    pause = 0.001
    while True:
        # By name: a sleep that a test has mocked returns at once, and must not be relied on.
        owner = getattr(time.sleep, "__module__", None) or ""
        if owner.partition(".")[0] in {"gevent", "eventlet"}:
            time.sleep(pause)
            pause = min(2 * pause, _PAUSE_SECONDS)
            yield 0
        else:
            yield _WAIT_MS


def _library_path() -> str:
    names = {"win32": "checksig.dll", "darwin": "libchecksig.dylib"}
    name = names.get(sys.platform, "libchecksig.so")
    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), name)
    if not os.path.isfile(path):
        why = _ON_MUSL if sys.platform == "linux" else ""
        raise EngineError(f"the engine is not installed: there is no {path}{why}")
    return path


def is_installed() -> bool:
    """Whether there is a library at all; a wheel for musl holds none."""
    try:
        _library_path()
    except EngineError:
        return False
    return True


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
    mask = signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


_library: Library | None = None
_owner: int | None = None  # the process that began to load it
# One for each process, as a fork may copy one that is held; a signal's handler may call, too.
_locks: dict[int, threading.RLock] = {}


def load() -> Library:
    """Return the engine of this process, loading it at the first call.

    :raises EngineError: it cannot be loaded.
    :raises ForkedError: it was loaded before this process was forked off.
    """
    global _library, _owner  # noqa: PLW0603 - one for the process, as the Go runtime is
    pid = os.getpid()  # asked at every call: a fork by C code tells nobody
    if _owner is not None and _owner != pid:
        raise ForkedError(
            "checksig was used before this process was forked, and Go does not live through a fork;"
            " use it first in the child, or start children by 'spawn' or 'forkserver'"
        )
    if _library is None:
        with _locks.setdefault(pid, threading.RLock()):
            if _library is None:
                path = _library_path()
                check_limits()
                _owner = pid  # from here on a child would find a runtime that is half there
                _library = Library(path)
    return _library
