"""The Go engine as a process of its own, for one job; go/cmd/checksig-engine is its program.

This module and what it imports are there before the first call: a child that is forked off while
another thread of its parent imports a module can never import that one.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING

from .library import ABI, timeouts
from ..errors import EngineError, ForkedError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from os import PathLike

__all__ = ["NOTHING", "Process"]

_SIZE = struct.Struct("<I")

_STOP_SECONDS = 1.0
"""How long the end of a process is waited for; one stuck in a dead file system ends on its own."""

_PAUSE_SECONDS = 0.0005
"""How long after a look at a process that is to end comes the next."""

_CHUNK = 1 << 16
"""How much is read at once, and how much of what the program said goes into an exception."""

NOTHING = struct.pack("<Bqqqq", 0, 0, -1, 0, -1)
"""A batch that says: running, nothing done, totals unknown; see go/internal/job."""

if sys.platform == "win32":
    _FLAGS = subprocess.CREATE_NO_WINDOW  # which the caller may not have, either
else:
    _FLAGS = 0

_unended: list[subprocess.Popen[bytes]] = []  # were killed, and are waited for at the next call


class Process:
    """The engine as a program, started anew for each job.

    Its environment, rights, limits and working folder are those of the caller at that time.
    """

    def __init__(self, path: str | PathLike[str] | None = None) -> None:
        name = "checksig-engine.exe" if sys.platform == "win32" else "checksig-engine"
        self._path = path or os.path.join(os.path.dirname(os.path.dirname(__file__)), name)

    def batches(self, request: bytes) -> Generator[bytes]:
        """Run a job for *request* and yield its batches of results; see go/internal/job.

        However the caller leaves, the process is stopped first.
        """
        _reap()
        pid = os.getpid()
        process: subprocess.Popen[bytes] | None = None
        with contextlib.ExitStack() as stack:
            errors = _error_file(stack)
            try:
                with _no_interrupt():
                    process = self._start(errors)
                talk = _Talk(process, request, errors)
                silence = NOTHING
                for timeout_ms in timeouts():
                    batch = talk.turn(timeout_ms)
                    # Also where nothing came the caller has a turn: it may want to stop.
                    yield batch or silence
                    if os.getpid() != pid:
                        raise ForkedError(
                            "this process was forked off within a verification, which goes on in"
                            " its parent"
                        )
                    if batch:
                        silence = batch[: len(NOTHING)]
                        if batch[0] == 1:
                            break
            finally:
                if process is not None:
                    _stop(process, ours=os.getpid() == pid, writes=request.startswith(b"op="))

    def _start(self, errors: IO[bytes] | int) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                [self._path, str(ABI), str(os.getpid())],
                bufsize=0,  # nothing may be left to be written when a pipe is closed
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                creationflags=_FLAGS,
            )
        except (OSError, RuntimeError) as error:  # the latter in an isolated sub-interpreter
            raise EngineError(f"{self._path} cannot be started: {error}") from error


class _Talk:
    """What is said to and by a process, through pipes that do not block but on Windows."""

    def __init__(
        self, process: subprocess.Popen[bytes], request: bytes, errors: IO[bytes] | int
    ) -> None:
        self._process = process
        self._errors = errors
        self._unsent = memoryview(_SIZE.pack(len(request)) + request)
        self._received = bytearray()
        self._said = bytearray()  # on standard error
        # The ends of the pipes, without those that are done with.
        pipes = {"in": process.stdin, "out": process.stdout, "err": process.stderr}
        self._ends = {name: pipe.fileno() for name, pipe in pipes.items() if pipe is not None}
        if sys.platform != "win32":
            for end in self._ends.values():
                os.set_blocking(end, False)
        self._send()

    def turn(self, timeout_ms: int) -> bytes | None:
        """Return one batch; None if for *timeout_ms* nothing comes.

        :raises EngineError: the process ended, or sends nothing more.
        """
        while (batch := self._take()) is None and self._move(timeout_ms):
            pass
        if batch is None and self._has_ended():
            raise EngineError(self._last_words())
        return batch

    def _take(self) -> bytes | None:
        """Take one whole batch from what was received."""
        if len(self._received) < _SIZE.size:
            return None
        end = _SIZE.size + _SIZE.unpack_from(self._received)[0]
        if len(self._received) < end:
            return None
        batch = bytes(self._received[_SIZE.size : end])
        del self._received[:end]
        return batch

    def _move(self, timeout_ms: int) -> bool:
        """Send and receive what can be; say whether there was something."""
        if sys.platform != "win32" and timeout_ms:
            ready = select.poll()  # which eventlet takes away, but there timeout_ms is 0
            for name, end in self._ends.items():
                if name != "in":
                    ready.register(end, select.POLLIN)
                elif self._unsent:
                    ready.register(end, select.POLLOUT)
            if not ready.poll(timeout_ms):
                return False
        sent = self._send()
        said, received = self._read("err"), self._read("out")
        self._said += said[: _CHUNK - len(self._said)]
        self._received += received
        return bool(sent or said or received)

    def _send(self) -> int:
        """Write what the pipe takes, and return how much that was."""
        if not self._unsent or "in" not in self._ends:
            return 0
        try:
            sent = os.write(self._ends["in"], self._unsent)
        except BlockingIOError:
            return 0
        except OSError:  # it has died, or has seen enough: what it says tells more
            del self._ends["in"]
            return 0
        self._unsent = self._unsent[sent:]
        return sent

    def _read(self, name: str) -> bytes:
        """Read what there is; at its end the pipe is done with."""
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
        """Whether nothing can come any more.

        To wait for the pipe's end is not enough: another thread may have forked while the process
        was started, and its child hold a copy of that end.
        """
        return "out" not in self._ends or (
            self._process.poll() is not None and not self._move(timeout_ms=0)
        )

    def _last_words(self) -> str:
        """Say how a process ended that should not have."""
        if not _ended(self._process, meanwhile=self._listen):
            return "the engine's process sends nothing more, and does not end"
        self._listen()
        code = self._process.returncode
        how = f"exit code {code}"
        if code < 0:
            with contextlib.suppress(ValueError):
                how = signal.Signals(-code).name
        if not isinstance(self._errors, int):
            self._errors.seek(0)
            self._said += self._errors.read(_CHUNK)
        said = self._said.decode("utf-8", "backslashreplace").strip()
        text = f"the engine's process ended before it was done ({how})"
        return f"{text}: {said}" if said else text

    def _listen(self) -> None:
        """Read what a process says that is about to end, which waits for a reader."""
        while said := self._read("err"):
            self._said += said[: _CHUNK - len(self._said)]


@contextlib.contextmanager
def _no_interrupt() -> Generator[None]:
    """Have Ctrl-C wait until a process that starts can be stopped, and pass that process by."""
    if sys.platform == "win32":
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _error_file(stack: contextlib.ExitStack) -> IO[bytes] | int:
    """Give a place for what a Go runtime says when it dies.

    A pipe that is read beside the other; on Windows a file, as two pipes cannot be waited for.
    """
    if sys.platform == "win32":
        import tempfile  # here: no other system needs it, and nobody forks on this one

        try:
            return stack.enter_context(tempfile.TemporaryFile())
        except OSError:  # nowhere to write; the engine works all the same
            return subprocess.DEVNULL
    return subprocess.PIPE


def _stop(process: subprocess.Popen[bytes], *, ours: bool, writes: bool) -> None:
    """End the process, wherever it is in its work: one that only reads leaves nothing undone."""
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    if not ours:
        process.returncode = 0  # what was forked off holds but copies: it has no child to wait for
        return
    try:
        if writes:
            _ended(process)  # by itself, as nobody listens: it takes its temporary file away
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        process.kill()
        _ended(process)
    finally:
        if process.returncode is None:
            _unended.append(process)


def _ended(process: subprocess.Popen[bytes], meanwhile: Callable[[], object] = bool) -> bool:
    """Wait a while for the process to end, and say whether it did."""
    if sys.platform == "win32":
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
        return process.returncode is not None
    deadline = time.monotonic() + _STOP_SECONDS
    while process.poll() is None:
        if time.monotonic() > deadline:
            return False
        meanwhile()
        # Not Popen.wait, which calls time.sleep: a sleep that a test has mocked is no pause.
        select.select((), (), (), _PAUSE_SECONDS)
    return True


def _reap() -> None:
    """Wait for processes that did not end in time, without waiting."""
    for process in _unended.copy():
        if process.poll() is not None:
            with contextlib.suppress(ValueError):  # another thread was faster
                _unended.remove(process)
