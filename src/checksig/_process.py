"""The Go engine as a process of its own, for one job; go/cmd/engine is its program."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ._engine import ABI
from .errors import EngineError, ForkedError

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Process"]

_SIZE = struct.Struct("<I")

_STOP_SECONDS = 1.0
"""How long the end of a process is waited for; one stuck in a dead file system ends on its own."""

_TIDY_SECONDS = 1.5
"""How long one that writes a file may take to end, and takes its temporary file away."""

_LOOK_MS = 1000
"""How long nothing may come, where something does every 50 ms, until the process is looked at."""

_MOST_TEXT = 1 << 16
"""How much of what the program said last goes into an exception."""

if sys.platform == "win32":
    _FLAGS = subprocess.CREATE_NO_WINDOW  # which the caller may not have, either
else:
    _FLAGS = 0

_unended: list[subprocess.Popen[bytes]] = []  # were killed, and are waited for at the next call


class Process:
    """The engine as a program, started anew for each job.

    Its environment, rights, limits and working folder are those of the caller at that time.
    """

    def __init__(self, path: Path | None = None) -> None:
        name = "checksig-engine.exe" if sys.platform == "win32" else "checksig-engine"
        self._path = path or Path(__file__).with_name(name)

    def batches(self, request: bytes) -> Generator[bytes]:
        """Run a job for *request* and yield its batches of results; see go/internal/job.

        However the caller leaves, the process is stopped first.
        """
        _reap()
        pid = os.getpid()
        process: subprocess.Popen[bytes] | None = None
        with _error_file() as errors:
            try:
                with _no_interrupt():
                    process = self._start(errors)
                _send(process, request)
                finished = False
                while not finished:
                    batch = _receive(process)
                    if not batch:
                        raise EngineError(_last_words(process, errors))
                    finished = batch[0] == 1
                    yield batch
                    if os.getpid() != pid:
                        raise ForkedError(
                            "this process was forked off within a verification, which goes on in"
                            " its parent"
                        )
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


@contextlib.contextmanager
def _error_file() -> Generator[IO[bytes] | int]:
    """Give a place for what a Go runtime says when it dies: a pipe could fill up, a file cannot."""
    with contextlib.ExitStack() as stack:
        try:
            file: IO[bytes] | int = stack.enter_context(tempfile.TemporaryFile())
        except OSError:  # a read-only system; the engine works all the same
            file = subprocess.DEVNULL
        yield file


def _send(process: subprocess.Popen[bytes], request: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - for the type checkers
    left = memoryview(_SIZE.pack(len(request)) + request)
    with contextlib.suppress(OSError):  # it has died, or has seen enough: what it says tells more
        while left:
            left = left[process.stdin.write(left) :]


def _receive(process: subprocess.Popen[bytes]) -> bytes:
    """Read one batch; nothing if the process ends instead."""
    head = _read(process, _SIZE.size)
    return _read(process, _SIZE.unpack(head)[0]) if head else b""


def _read(process: subprocess.Popen[bytes], size: int) -> bytes:
    assert process.stdout is not None  # noqa: S101 - for the type checkers
    data = bytearray()
    while len(data) < size:
        some = process.stdout.read(size - len(data)) if _sends(process) else b""
        if not some:
            return b""
        data += some
    return bytes(data)


def _sends(process: subprocess.Popen[bytes]) -> bool:
    """Wait until there is something to read, or no process any more.

    To wait for the pipe's end is not enough: another thread may have forked while the process was
    started, and its child hold a copy of that end.
    """
    if sys.platform != "win32":
        assert process.stdout is not None  # noqa: S101 - for the type checkers
        pipe = select.poll()
        pipe.register(process.stdout, select.POLLIN)
        while not pipe.poll(_LOOK_MS):
            if process.poll() is not None:
                return bool(pipe.poll(0))
    return True


def _last_words(process: subprocess.Popen[bytes], errors: IO[bytes] | int) -> str:
    """Say how a process ended that should not have."""
    try:
        code = process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        return "the engine's process sends nothing more, and does not end"
    how = f"exit code {code}"
    if code < 0:
        with contextlib.suppress(ValueError):
            how = signal.Signals(-code).name
    text = b""
    if not isinstance(errors, int):
        errors.seek(0)
        text = errors.read(_MOST_TEXT).strip()
    said = text.decode("utf-8", "backslashreplace")
    return f"the engine's process ended before it was done ({how})" + (f": {said}" if said else "")


def _stop(process: subprocess.Popen[bytes], *, ours: bool, writes: bool) -> None:
    """End the process, wherever it is in its work: one that only reads leaves nothing undone."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    if not ours:
        process.returncode = 0  # what was forked off holds but copies: it has no child to wait for
        return
    try:
        if writes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_TIDY_SECONDS)
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        process.kill()
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        if process.returncode is None:
            _unended.append(process)


def _reap() -> None:
    """Wait for processes that did not end in time, without waiting."""
    for process in _unended.copy():
        if process.poll() is not None:
            with contextlib.suppress(ValueError):  # another thread was faster
                _unended.remove(process)
