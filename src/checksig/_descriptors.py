"""What the engine needs of the process's limit of open files."""

from __future__ import annotations

import errno
import os

from .errors import EngineError

__all__ = ["need_descriptors"]

_PAIRS = 3
"""As pairs: the Go runtime keeps four descriptors; a folder and a file are the least to verify."""


def need_descriptors() -> None:
    """Make sure that the Go runtime can start, which without free descriptors ends the process.

    :raises EngineError: too few files can be open at once.
    """
    pipes: list[int] = []
    try:
        for _ in range(_PAIRS):
            pipes += os.pipe()
    except OSError as error:
        if error.errno not in {errno.EMFILE, errno.ENFILE}:
            raise
        raise EngineError(
            f"the engine needs {2 * _PAIRS} free file descriptors to start: {error.strerror};"
            " close some, or raise the limit (ulimit -n)"
        ) from error
    finally:
        for descriptor in pipes:
            os.close(descriptor)
