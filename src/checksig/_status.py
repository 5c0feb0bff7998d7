"""The outcomes of entries; a command that finds every file as listed does without this module."""

from __future__ import annotations

import enum

__all__ = ["Status"]


class Status(str, enum.Enum):
    """The outcome of an entry; every entry has exactly one."""

    __module__ = "checksig.report"  # where programs find it

    VERIFIED = "verified"
    """The file was read to its end, and its digest is the one listed."""
    MISMATCHED = "mismatched"
    """The file was read to its end, and its digest differs; or its size differs from the one
    listed, in which case ``detail`` says so and the file was not read."""
    MISSING = "missing"
    """The file does not exist."""
    UNREADABLE = "unreadable"
    """The file could not be read to its end, or was refused; ``detail`` says why."""
    SKIPPED = "skipped"
    """The file is missing, and ``ignore_missing`` was set."""
    VERIFIED_BEFORE = "verified before"
    """An earlier run verified it recently enough, as ``state`` and ``max_age`` or ``resume`` say,
    and the file seems unchanged since; it was not read."""
    NOT_VERIFIED = "not verified"
    """It is not in the part that was to be verified: ``max_time``, ``max_bytes`` and ``sample``."""

    def __str__(self) -> str:
        return self.value
