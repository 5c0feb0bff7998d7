"""A job of the engine, with progress and a way to cancel it."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NoReturn

from . import batches as raw_batches
from . import wire
from ..errors import (
    CancelledError,
    EngineError,
    ManifestError,
    ManifestNotFoundError,
    WriteError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ..report import Progress

__all__ = ["CancelToken", "batches", "raise_failure"]


class CancelToken:
    """Stops the verifications that it was given to; from any thread, once and for all."""

    def __init__(self) -> None:
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """Stop them: each raises :exc:`CancelledError` within 50 ms or so."""
        self._cancelled = True


def batches(
    request: bytes, progress: Callable[[Progress], object] | None, cancel: CancelToken | None
) -> Generator[wire.Batch]:
    """Run a job, and yield what it finds. However this is left, the job is stopped first."""
    _check(cancel)
    with contextlib.closing(raw_batches(request)) as found:
        for data in found:
            batch = wire.decode_batch(data)
            yield batch
            if progress is not None:
                progress(batch.progress)
            _check(cancel)


def _check(cancel: CancelToken | None) -> None:
    if cancel is not None and cancel.cancelled:
        raise CancelledError("the verification was cancelled")


def raise_failure(failure: wire.Failure) -> NoReturn:
    """Raise the exception that says why a run failed as a whole."""
    code, number, path, message = failure
    match code:
        case wire.FailureCode.SYSTEM if os.name == "nt":
            raise OSError(0, message.rstrip("."), path, number)  # as Python itself says it
        case wire.FailureCode.SYSTEM:
            raise OSError(number, os.strerror(number), path)
        case wire.FailureCode.NO_MANIFEST:
            raise ManifestNotFoundError(f"{path}: {message}")
        case wire.FailureCode.MANIFEST:
            raise ManifestError(f"{path}: {message}")
        case wire.FailureCode.WRITE:
            raise WriteError(path, message)
        case wire.FailureCode.VALUE:
            raise ValueError(message)
        case _:
            raise EngineError(message)
