"""Standard output and standard error.

What cannot be written to standard output ends the command, as its results would be lost. What
cannot be written to standard error is lost: there is no other place to complain.
"""

from __future__ import annotations

import errno
import io
import os
import sys

from .._light import contextmanager, suppress
from .._printable import printable_text
from .._typing import TYPE_CHECKING, Any, NoReturn, cast

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = [
    "OutputError",
    "StandardOutput",
    "complain",
    "flush",
    "open_streams",
    "silence",
    "standard_input",
    "write",
]


class OutputError(Exception):
    """Standard output cannot be written."""

    def __init__(self, error: OSError | ValueError) -> None:
        super().__init__(error)
        # On Windows, a write to a pipe whose reader has ended fails with EINVAL.
        broken = isinstance(error, BrokenPipeError)
        self.quiet = broken or (os.name == "nt" and getattr(error, "errno", 0) == errno.EINVAL)
        """Whether the reader has ended, as ``head`` does, which is no reason to complain."""

    def __str__(self) -> str:
        (error,) = self.args
        return f"standard output: {getattr(error, 'strerror', None) or error}"


class _Closed(io.RawIOBase):
    """A standard output that is closed."""

    def writable(self) -> bool:
        return True

    def write(self, _data: object) -> NoReturn:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def open_streams() -> None:
    """Prepare the standard streams, of which each can be closed.

    The numbers of closed ones are taken, so that no other file gets them.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # noqa: PERF203 - three times
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(cast("Any", _Closed()), "utf-8", write_through=True)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # missing in a REPL or a test
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")  # for characters that its encoding lacks


@contextmanager
def _output() -> Generator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: the stream is closed
        raise OutputError(error) from error


def write(text: str) -> None:
    """Write *text*, which is safe to print, and a newline to standard output.

    :raises OutputError: it cannot be written.
    """
    with _output():
        sys.stdout.write(f"{_without_commands(text)}\n")


def _without_commands(text: str) -> str:
    """Return *text* without ``##[``, which begins a command wherever GitHub Actions reads it.

    A name could set an output of the step. The escape is that of JSON, too.
    """
    if os.environ.get("GITHUB_ACTIONS") == "true":
        return text.replace("##[", "#\\u0023[")
    return text


def flush() -> None:
    """Write what standard output has buffered.

    :raises OutputError: it cannot be written.
    """
    with _output():
        sys.stdout.flush()


class StandardOutput:
    """Standard output as a file of bytes, whose errors are :exc:`OutputError`."""

    def write(self, data: bytes) -> None:
        """Write *data*."""
        with _output():
            sys.stdout.buffer.write(data)


def complain(message: str) -> None:
    """Write an error to standard error; all lines of *message* but the first are indented."""
    text = "\n    ".join(map(printable_text, message.split("\n")))
    with suppress(OSError, ValueError):
        sys.stderr.write(f"checksig: {_without_commands(text)}\n")
        sys.stderr.flush()


def standard_input() -> Any:
    """Return standard input; where somebody types it, standard error says so.

    :raises ValueError: it is closed.
    """
    if sys.stdin is None:
        raise ValueError("standard input is closed")
    with suppress(OSError, ValueError):
        if sys.stdin.isatty():
            end = "Ctrl-Z and Enter" if os.name == "nt" else "Ctrl-D"
            complain(f"reading what you type; {end} ends it, and --help shows what else there is")
    return sys.stdin.buffer


def silence() -> None:
    """Drop what is still buffered, about which Python would complain at its end."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:  # after a command of coreutils
            continue
        with suppress(OSError, ValueError):
            stream.flush()
            continue
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
