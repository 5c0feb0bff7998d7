"""The way to the engine: the library in this process, or the program beside it."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from . import library
from .process import NOTHING, Process
from ..errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["VARIABLE", "batches"]

VARIABLE = "CHECKSIG_ENGINE"
"""The environment variable that says ``library`` or ``process``; the library if it is not set,
and the process where there can be no library."""


def batches(request: bytes) -> Generator[bytes | memoryview]:
    """Run a job for *request*, and yield its batches of results; see go/internal/job.

    However the caller leaves, the job is stopped first.

    :raises EngineError: the engine cannot be started, or failed.
    :raises ForkedError: it cannot because this process was forked off.
    """
    choice = os.environ.get(VARIABLE, "")
    if choice not in {"", "library", "process"}:
        raise EngineError(f"{VARIABLE} is {choice!r}, where 'library' or 'process' is understood")
    if choice == "process":
        return Process().batches(request)
    try:
        loaded = library.load()
    except EngineError as error:
        if choice == "library":
            raise
        if not library.is_installed():
            return Process().batches(request)  # as ever on musl: its errors speak for themselves
        return _instead(request, error)
    return loaded.batches(request)


def _instead(request: bytes, reason: EngineError) -> Generator[bytes]:
    """Run a job in a process because the library, for *reason*, cannot be used."""
    begun = False
    try:
        with contextlib.closing(Process().batches(request)) as results:
            for batch in results:
                begun = begun or batch != NOTHING
                yield batch
    except (EngineError, OSError) as error:  # OSError: there may be no descriptor for a pipe
        if begun:
            raise
        raise type(reason)(f"{reason}; nor can it run as a process of its own: {error}") from error
