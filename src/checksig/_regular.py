"""Reads files that could be anything."""

from __future__ import annotations

import os
import stat

__all__ = ["FLAGS", "read_regular"]

FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO has no effect until it is refused
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)  # Windows
)
"""Those with which a file is opened before it is known to be a regular one."""


def read_regular(path: str | bytes, most: int) -> tuple[bytes, os.stat_result]:
    """Return the first *most* bytes of a file, and one more if it has more; and its status.

    :raises OSError: it cannot be read.
    :raises ValueError: it is no regular file.
    """
    with open(path, "rb", opener=lambda name, _: os.open(name, FLAGS)) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("not a regular file")
        return file.read(most + 1), status
