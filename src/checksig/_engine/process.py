"""The Go engine as a separate process for one job; its program is go/cmd/checksig-engine.

This module and its imports are loaded before the first call: a child that is forked while another
thread imports a module can never import that module.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import select
import signal
import struct
import subprocess
import sys
import time
import weakref

from .._typing import TYPE_CHECKING
from ..errors import EngineError, ForkedError
from . import wire
from .library import FORKED_DURING_JOB, timeouts
from .limits import check_process, memory_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from mmap import mmap
    from os import PathLike
    from typing import IO

    from .library import Server

__all__ = ["Process"]

_STOP_SECONDS = 1.0
"""How long to wait for the end of a process; one that hangs in a dead file system ends later."""

_PAUSE_SECONDS = 0.0005
"""The time between two polls of a process that is about to end."""

_ANSWER = struct.Struct("<IIB")
"""What comes before the data of an answer: the frame's length, the query's number, the status."""

_ANSWER_SECONDS = 0.05
"""How long an answer waits for the pipe before it looks whether it is still wanted."""

_CHUNK = 1 << 16
"""How many bytes are read at once, and how many of standard error an exception contains."""

if sys.platform == "win32":
    _FLAGS = subprocess.CREATE_NO_WINDOW  # the caller has none either, perhaps
else:
    _FLAGS = 0

_unreaped: list[subprocess.Popen[bytes]] = []  # were killed; the next call waits for them


class Process:
    """The engine as a program, started once for each job.

    It inherits the caller's environment, rights, limits and working folder at that time.
    """

    def __init__(self, path: str | PathLike[str] | None = None) -> None:
        name = "checksig-engine.exe" if sys.platform == "win32" else "checksig-engine"
        self._path = path or os.path.join(os.path.dirname(os.path.dirname(__file__)), name)

    def batches(self, request: bytes, server: Server | None = None) -> Generator[bytes]:
        """Run a job and yield its batches; the process is stopped however the caller leaves.

        *server* gives answers until then.
        """
        _reap()
        job = _Job(os.getpid(), writes=wire.writes_files(request))
        with contextlib.ExitStack() as stack:
            # Twice, as the handler of a signal can raise in the first "finally" before it has
            # begun. After another one there, the next job does it.
            try:
                try:
                    errors = _error_file(stack)
                    with _no_signals():
                        process = self._start(errors)
                        entry = process, id(job), weakref.ref(job), job.pid, job.writes
                        _started.append(entry)
                    pipes = _Pipes(process, request, errors)
                    if server is not None:
                        server.start(pipes.answer)
                    yield from job.batches(pipes)
                finally:
                    if server is not None:
                        server.stop()
                    _stop_jobs_of(job)
            finally:
                _stop_jobs_of(job)

    def _start(self, errors: IO[bytes] | int) -> subprocess.Popen[bytes]:
        check_process()
        try:
            return subprocess.Popen(
                [self._path, str(wire.ABI), str(os.getpid())],
                bufsize=0,  # closing a pipe must not write
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                creationflags=_FLAGS,
            )
        except (OSError, RuntimeError) as error:  # RuntimeError: isolated sub-interpreter
            raise EngineError(f"{self._path} cannot be started: {error}") from error


class _Job:
    """A job of the process *pid*; a process that was started for it ends with it."""

    def __init__(self, pid: int, *, writes: bool) -> None:
        self.pid = pid
        self.writes = writes

    def batches(self, pipes: _Pipes) -> Generator[bytes]:
        """Yield the batches that arrive."""
        no_news = wire.EMPTY_BATCH
        for timeout_ms in timeouts():
            batch = pipes.receive(timeout_ms)
            # The caller gets control even if nothing arrived, as it may want to stop.
            yield batch or no_news
            if os.getpid() != self.pid:
                raise ForkedError(FORKED_DURING_JOB)
            if batch:
                no_news = batch[: len(wire.EMPTY_BATCH)]
                if wire.is_finished(batch):
                    break


_started: list[tuple[subprocess.Popen[bytes], int, weakref.ref[_Job], int, bool]] = []
"""The processes that run, with the job's id, the job, the process and the kind of request of each.

A process is here from its start to its end, whatever a signal handler raises in between. The job's
reference is gone already when the garbage collector closes its generator, the id is not.
"""


def _stop_jobs_of(job: _Job | None) -> None:
    """Stop what was started for *job*; for None, what was started for jobs that are gone."""
    if not _started:
        return
    with _no_signals():
        for entry in _started.copy():
            process, key, owner, pid, writes = entry
            if owner() is not None if job is None else key != id(job):
                continue
            try:
                _stop(process, ours=os.getpid() == pid, writes=writes)
            finally:
                with contextlib.suppress(ValueError):  # another thread has removed it
                    _started.remove(entry)


class _Pipes:
    """The pipes of a process; they do not block, except on Windows."""

    def __init__(
        self, process: subprocess.Popen[bytes], request: bytes, errors: IO[bytes] | int
    ) -> None:
        self._process = process
        self._errors = errors
        self._unsent = memoryview(wire.FRAME.pack(len(request)) + request)
        self._received = bytearray()
        self._errors_seen = bytearray()
        # The open ends; one that has reached its end is removed.
        pipes = {"in": process.stdin, "out": process.stdout, "err": process.stderr}
        self._ends = {name: pipe.fileno() for name, pipe in pipes.items() if pipe is not None}
        if sys.platform != "win32":
            for end in self._ends.values():
                os.set_blocking(end, False)
        self._send()
        self._turn = _thread.allocate_lock()

    def answer(
        self, query: int, status: int, data: bytes | bytearray | mmap, is_wanted: Callable[[], bool]
    ) -> None:
        """Send the answer to a query, from any thread; only a part if it is not wanted any more.

        The request was sent before: the engine asks only after it has read that.
        """
        head = _ANSWER.pack(_ANSWER.size - wire.FRAME.size + len(data), query, status)
        with self._turn:
            for part in (memoryview(head), memoryview(data)):
                while part and is_wanted() and "in" in self._ends:
                    part = part[self._write(part) :]  # noqa: PLW2901

    def _write(self, data: memoryview) -> int:
        """Write a part of *data*, and return how many bytes need not be written any more."""
        try:
            return os.write(self._ends["in"], data)
        except BlockingIOError:
            select.select([], [self._ends["in"]], [], _ANSWER_SECONDS)
            return 0
        except OSError:  # the process has ended; its output says why
            return len(data)

    def receive(self, timeout_ms: int) -> bytes | None:
        """Return one batch; None if nothing arrives for *timeout_ms*.

        :raises EngineError: the process ended, or sends nothing more.
        """
        while (batch := self._next_batch()) is None and self._transfer(timeout_ms):
            pass
        if batch is None and self._has_ended():
            raise EngineError(self._exit_message())
        return batch

    def _next_batch(self) -> bytes | None:
        """Remove one whole batch from the bytes received, and return it."""
        if len(self._received) < wire.FRAME.size:
            return None
        size = wire.FRAME.unpack_from(self._received)[0]
        if not len(wire.EMPTY_BATCH) <= size <= wire.MAX_BATCH:
            raise EngineError(f"the engine's process sent a batch of {size} bytes")
        end = wire.FRAME.size + size
        if len(self._received) < end:
            return None
        batch = bytes(self._received[wire.FRAME.size : end])
        del self._received[:end]
        return batch

    def _transfer(self, timeout_ms: int) -> bool:
        """Write and read what the pipes allow; return whether that was anything."""
        if sys.platform != "win32" and timeout_ms:
            ready = select.poll()  # missing with eventlet, but there timeout_ms is 0
            for name, end in self._ends.items():
                if name != "in":
                    ready.register(end, select.POLLIN)
                elif self._unsent:
                    ready.register(end, select.POLLOUT)
            if not ready.poll(timeout_ms):
                return False
        sent = self._send()
        errors, received = self._read("err"), self._read("out")
        self._keep_errors(errors)
        self._received += received
        return bool(sent or errors or received)

    def _send(self) -> int:
        """Write as much of the request as the pipe takes, and return how many bytes."""
        if not self._unsent or "in" not in self._ends:
            return 0
        try:
            sent = os.write(self._ends["in"], self._unsent)
        except BlockingIOError:
            return 0
        except OSError:  # the process has ended; its output says why
            del self._ends["in"]
            return 0
        self._unsent = self._unsent[sent:]
        return sent

    def _read(self, name: str) -> bytes:
        """Read what is available; forget the pipe at its end."""
        if name not in self._ends:
            return b""
        try:
            some = os.read(self._ends[name], _CHUNK)
        except BlockingIOError:
            return b""
        if not some:
            del self._ends[name]
        return some

    def _has_ended(self) -> bool:
        """Whether nothing more can arrive.

        Waiting for the end of the pipe is not enough: if another thread forked while the process
        was started, that child holds a copy of the pipe's other end.
        """
        return "out" not in self._ends or (
            self._process.poll() is not None and not self._transfer(timeout_ms=0)
        )

    def _exit_message(self) -> str:
        """Return how a process ended too early, with what it wrote to standard error."""
        if not _wait_for_end(self._process, poll=self._read_errors):
            return "the engine's process sends nothing more, and does not end"
        self._read_errors()
        code = self._process.returncode
        how = f"exit code {code}"
        if code < 0:
            with contextlib.suppress(ValueError):
                how = signal.Signals(-code).name
        if not isinstance(self._errors, int):
            self._errors.seek(0)
            self._keep_errors(self._errors.read(_CHUNK))
        output = self._errors_seen.decode("utf-8", "backslashreplace").strip()
        text = f"the engine's process ended unexpectedly ({how})"
        if limits := memory_limits():
            text += f"; with the limits of {limits}"
        return f"{text}: {output}" if output else text

    def _read_errors(self) -> None:
        """Read standard error to its end, as a process waits for that before it ends."""
        while errors := self._read("err"):
            self._keep_errors(errors)

    def _keep_errors(self, errors: bytes) -> None:
        self._errors_seen += errors[: _CHUNK - len(self._errors_seen)]


@contextlib.contextmanager
def _no_signals() -> Generator[None]:
    """Delay signals that have a handler in Python, which could raise, until the block ends.

    SIGINT is always one of them: a process that is started meanwhile inherits that it is blocked,
    and so is not interrupted before the engine ignores it. If another thread of this process
    receives a signal, its handler runs all the same.
    """
    if sys.platform == "win32":
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:  # both of these calls run pending handlers, and raise what they raise
        signal.pthread_sigmask(signal.SIG_BLOCK, _signals_with_handlers())
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _signals_with_handlers() -> set[int]:
    found: set[int] = {signal.SIGINT}
    return found.union(n for n in signal.valid_signals() if callable(signal.getsignal(n)))


def _error_file(stack: contextlib.ExitStack) -> IO[bytes] | int:
    """Return where the process writes standard error, which a Go runtime does when it aborts.

    That is a pipe; on Windows a file, as two pipes cannot be waited for at once.
    """
    if sys.platform == "win32":
        import tempfile  # only needed here, and Windows has no fork

        try:
            return stack.enter_context(tempfile.TemporaryFile())
        except OSError:  # no writable folder; the engine works without
            return subprocess.DEVNULL
    return subprocess.PIPE


def _stop(process: subprocess.Popen[bytes], *, ours: bool, writes: bool) -> None:
    """End the process; one that only reads can be killed at any time."""
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    if not ours:
        process.returncode = 0  # the process is the parent's child, not this one's
        return
    try:
        if writes:
            _wait_for_end(process)  # it ends as its pipe is closed, and removes its temporary file
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        process.kill()
        _wait_for_end(process)
    finally:
        if process.returncode is None:
            _unreaped.append(process)


def _wait_for_end(process: subprocess.Popen[bytes], poll: Callable[[], object] = bool) -> bool:
    """Wait up to a second for the process to end, and return whether it did."""
    if sys.platform == "win32":
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
        return process.returncode is not None
    deadline = time.monotonic() + _STOP_SECONDS
    while process.poll() is None:
        if time.monotonic() > deadline:
            return False
        poll()
        # Not Popen.wait, as it calls time.sleep, which a test may have mocked.
        select.select((), (), (), _PAUSE_SECONDS)
    return True


def _reap() -> None:
    """Stop processes whose jobs are gone, and collect the exit status of killed ones."""
    _stop_jobs_of(None)
    for process in _unreaped.copy():
        if process.poll() is not None:
            with contextlib.suppress(ValueError):  # another thread has removed it
                _unreaped.remove(process)
