"""``checksig sha256sum ...``: the commands of GNU coreutils, in the engine's program.

Arguments are passed on unchanged, as bytes.
"""

from __future__ import annotations

import os
import sys

from .._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CLOSED_ENV", "COMMANDS", "engine", "run_command"]

COMMANDS = (
    "md5sum",
    "sha1sum",
    "sha224sum",
    "sha256sum",
    "sha384sum",
    "sha512sum",
    "b2sum",
    "cksum",
    "sum",
)

CLOSED_ENV = "CHECKSIG_CLOSED"
"""The environment variable that lists which of the descriptors 0 and 1 are closed.

go/internal/gnu reads it.
"""


def engine() -> str:
    """Return the path of the engine's program."""
    name = "checksig-engine.exe" if sys.platform == "win32" else "checksig-engine"
    return os.path.join(os.path.dirname(os.path.dirname(__file__)), name)


def run_command(words: Sequence[str]) -> int:
    """Replace this process with the command *words*; on Windows, run it and return its code."""
    program = engine()
    if sys.stdout:  # None if it is closed
        sys.stdout.flush()
    if os.name == "nt":
        return _run(program, words)
    import signal  # here, like other imports that take long

    for number in (
        signal.SIGPIPE,
        signal.SIGXFSZ,
    ):  # Python ignores them, and children inherit that
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execve(program, [program, *words], _environment())  # noqa: S606 - it needs no shell
    except OSError as error:
        from .streams import complain, open_streams

        open_streams()
        complain(f"{program}: {error.strerror}")
        return 2


def _run(program: str, words: Sequence[str]) -> int:
    import contextlib
    import subprocess

    with subprocess.Popen([program, *words]) as process:
        while True:
            with contextlib.suppress(KeyboardInterrupt):  # the console interrupts the program too
                return process.wait()


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    environment[CLOSED_ENV] = "".join(str(n) for n in (0, 1) if not _is_open(n))
    if _locale_coerced():
        del environment["LC_CTYPE"]
    return environment


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _locale_coerced() -> bool:
    """Whether Python has set LC_CTYPE, as it does in the C locale (PEP 538)."""
    if "LC_CTYPE" not in os.environ:
        return False
    try:
        with open("/proc/self/environ", "rb") as file:
            at_start = file.read()
    except OSError:
        return False
    return not any(entry.startswith(b"LC_CTYPE=") for entry in at_start.split(b"\0"))
