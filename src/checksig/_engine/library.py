"""The Go engine as a library in this process; the only module that imports cffi.

The first call that needs the shared library loads it. That starts a Go runtime, which cannot be
unloaded, does not survive a fork, and aborts the process where memory, threads or file descriptors
are too few; :func:`load` checks for that first.
"""

from __future__ import annotations

import _thread
import os
import sys
import time

from .._light import contextmanager, signal
from .._typing import TYPE_CHECKING, Any, cast
from ..errors import EngineError, ForkedError
from . import wire
from .limits import check_limits

if sys.platform != "win32":
    import resource

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from mmap import mmap
    from typing import Protocol

    Answer = Callable[[int, int, bytes | bytearray | mmap, Callable[[], bool]], None]
    """Takes the number of a query, a status and data, from any thread.

    It is also given a function that returns whether the answer is still wanted.
    """

    class Server(Protocol):
        """Answers the queries of one job at a time."""

        def start(self, answer: Answer) -> None: ...
        def check(self) -> None: ...
        def serve(self, payload: bytes) -> None: ...
        def stop(self) -> None: ...

    class _Functions(Protocol):
        """The functions of the shared library, as build_ffi.py declares them."""

        def checksig_abi(self) -> int: ...
        def checksig_start(self, request: bytes, size: int, job: Any) -> None: ...
        def checksig_wait(self, job: int, timeout_ms: int, size: Any) -> Any: ...
        def checksig_answer(
            self, job: int, query: int, status: int, data: Any, size: int
        ) -> None: ...
        def checksig_cancel(self, job: int) -> None: ...
        def checksig_free(self, job: int) -> None: ...
        def free(self, pointer: Any) -> None: ...


__all__ = ["Library", "is_installed", "load", "timeouts"]

_WAIT_MS = 50
"""The longest blocking wait; a pending KeyboardInterrupt is raised between two waits."""

_PAUSE_SECONDS = 0.02
"""The longest sleep between two polls of a job, where greenlets share this thread."""

_STOP_SECONDS = 1.0
"""How long to wait for a cancelled job; one that hangs in a dead file system ends later."""

_ON_MUSL = " (a wheel for musl has none: musl cannot load Go libraries, golang/go#54805)"

FORKED_DURING_JOB = (
    "this process was forked during a checksig operation, which continues in the parent only"
)


class Library:
    """The engine, which begins to start in this process from *path*.

    :raises EngineError: the library cannot be loaded.
    """

    def __init__(self, path: str) -> None:
        ffi = self._ffi = _import_ffi()
        self._path = path
        self._is_ready = False
        self.pid = os.getpid()
        if sys.platform != "win32":
            self._limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        with _signals_blocked():
            try:
                self._lib = cast("_Functions", ffi.dlopen(path))
            except OSError as error:
                raise EngineError(f"the engine cannot be loaded: {error}") from error

    def finish(self) -> None:
        """Wait until the Go runtime is ready, which goes on while this thread does other things.

        The runtime raises the soft limit of open files, which child processes would inherit.

        :raises EngineError: the library has another version.
        """
        if self._is_ready:
            return
        abi = self._lib.checksig_abi()
        if sys.platform != "win32":
            resource.setrlimit(resource.RLIMIT_NOFILE, self._limits)
        if abi != wire.ABI:
            raise EngineError(
                f"{self._path} has interface version {abi}, but this package needs {wire.ABI};"
                " reinstall checksig"
            )
        self._is_ready = True

    def batches(self, request: bytes, server: Server | None = None) -> Generator[memoryview]:
        """Run a job and yield its batches; the job is stopped however the caller leaves.

        *server* gives answers until then.
        """
        job: Any = self._ffi.new("uintptr_t *")
        try:
            self._lib.checksig_start(request, len(request), job)
            if server is not None:
                server.start(
                    lambda query, status, data, _: self._lib.checksig_answer(
                        job[0],
                        query,
                        status,
                        data if isinstance(data, bytes) else self._ffi.from_buffer(data),
                        len(data),
                    )
                )
            for timeout_ms in timeouts():
                batch = self._wait(job[0], timeout_ms)
                yield batch
                if os.getpid() != self.pid:
                    raise ForkedError(FORKED_DURING_JOB)
                if wire.is_finished(batch):
                    break
        except BaseException:
            self._stop(job[0])
            raise
        finally:
            if server is not None:
                server.stop()
            if job[0] and os.getpid() == self.pid:
                self._lib.checksig_free(job[0])

    def _wait(self, job: int, timeout_ms: int) -> memoryview:
        size: Any = self._ffi.new("size_t *")
        data = self._lib.checksig_wait(job, timeout_ms, size)
        # A reference to a part of the batch keeps its memory alive.
        return memoryview(self._ffi.buffer(self._ffi.gc(data, self._lib.free, size[0]), size[0]))

    def _stop(self, job: int) -> None:
        if not job or os.getpid() != self.pid:
            return
        self._lib.checksig_cancel(job)
        deadline = time.monotonic() + _STOP_SECONDS
        finished = False
        while not finished and time.monotonic() < deadline:
            finished = wire.is_finished(self._wait(job, _WAIT_MS))


def _import_ffi() -> Any:
    try:
        from .._ffi import ffi
    except ImportError as error:  # cffi refuses an isolated sub-interpreter
        raise EngineError(f"the engine cannot be loaded: {error}") from error
    return ffi


_gates: list[Any] = []
"""Semaphores that threads may still wait at, after an interrupt."""


def _start_threads(count: int) -> int:
    """Start up to so many threads at once, let them end, and return how many could be started.

    They run no Python, which takes a third of the time that threads of Python take.
    """
    ffi = _import_ffi()
    libc = ffi.dlopen(None)
    gate, threads = ffi.new("uint64_t[8]"), ffi.new("uintptr_t[]", count)
    wait = ffi.cast("void *", libc.sem_wait)
    _gates.append(gate)
    libc.sem_init(gate, 0, 0)
    started = 0
    try:
        with _signals_blocked():  # they must not take one that the application waits for
            while started < count and not libc.pthread_create(
                threads + started, ffi.NULL, wait, gate
            ):
                started += 1
    finally:
        for _ in range(count):
            libc.sem_post(gate)
        for number in range(started):
            libc.pthread_join(threads[number], ffi.NULL)
    _gates.pop()
    return started


def timeouts() -> Generator[int]:
    """Yield how many milliseconds each wait blocks at most.

    Where gevent or eventlet have replaced ``time.sleep``, a blocking wait would stop every greenlet
    of the thread. This function sleeps instead, during which they run, and yields 0.
    """
    pause = 0.001
    while True:
        # Only these two: a sleep that a test has mocked returns at once, and would make this spin.
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
    """Whether the library file exists; a wheel for musl has none."""
    try:
        _library_path()
    except EngineError:
        return False
    return True


@contextmanager
def _signals_blocked() -> Generator[None]:
    """Block all signals while the first thread of a Go runtime is created.

    It inherits that, and the runtime's other threads get it from this one. So none that the
    application waits for (``signal.sigwait``) is delivered to a thread of Go.
    """
    if sys.platform == "win32":
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


_library: Library | None = None
_owner: int | None = None  # the process that began to load it
# One lock for each process, as a fork can copy a held lock; reentrant for signal handlers.
_locks: dict[int, _thread.RLock] = {}


def load() -> Library:
    """Return the library of this process, and load it at the first call.

    :raises EngineError: it cannot be loaded.
    :raises ForkedError: it was loaded before this process was forked.
    """
    global _library  # noqa: PLW0603 - as below
    library = begin_to_load()
    with _locks.setdefault(library.pid, _thread.RLock()):
        try:
            library.finish()
        except EngineError:
            _library = None
            raise
    return library


def begin_to_load() -> Library:
    """Return the library of this process, which may not be ready, and load it at the first call.

    :raises EngineError: it cannot be loaded.
    :raises ForkedError: it was loaded before this process was forked.
    """
    global _library, _owner  # noqa: PLW0603 - one per process, like the Go runtime
    pid = os.getpid()  # at every call: a fork in C code runs no hook
    if _owner is not None and _owner != pid:
        raise ForkedError(
            "checksig was used before this process was forked, and Go does not survive a fork;"
            " use it first in the child, or start children with 'spawn' or 'forkserver'"
        )
    if _library is None:
        with _locks.setdefault(pid, _thread.RLock()):
            if _library is None:
                path = _library_path()
                _owner = pid  # from here on a forked child has an incomplete import or runtime
                try:
                    check_limits(_start_threads if sys.platform == "linux" else None)
                except BaseException:
                    _owner = None
                    raise
                _library = Library(path)
    return _library
