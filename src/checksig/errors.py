"""What can go wrong.

::

    ChecksigError                      base, never raised itself
    ├── VerificationError (ValueError)         something is not as listed; carries the report
    ├── ManifestError (ValueError)             a manifest that cannot be read at all
    │   └── ManifestNotFoundError (FileNotFoundError)  a folder without a manifest
    ├── WriteError (ValueError)                a manifest was not written; names the file
    ├── CancelledError                 a CancelToken was cancelled
    └── EngineError (RuntimeError)             the engine cannot be started, or failed
        └── ForkedError                        it cannot, after a fork

A path that the system refuses raises the system's own error (:exc:`FileNotFoundError`,
:exc:`PermissionError`, …), with its number and the path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .report import Report

__all__ = [
    "CancelledError",
    "ChecksigError",
    "EngineError",
    "ForkedError",
    "ManifestError",
    "ManifestNotFoundError",
    "VerificationError",
    "WriteError",
]


class ChecksigError(Exception):
    """The base of this package's exceptions; never raised itself."""


class VerificationError(ChecksigError, ValueError):
    """Something is not as the manifests list it.

    The message has a line for each failure, beginning with ``"<path>" - mismatch`` or alike.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report: Report = report
        """What became of every entry."""

    def __str__(self) -> str:
        return self.report.explain()


class ManifestError(ChecksigError, ValueError):
    """A manifest cannot be read at all; the message says why."""


class ManifestNotFoundError(ManifestError, FileNotFoundError):
    """A folder holds no file that is taken for a manifest."""


class WriteError(ChecksigError, ValueError):
    """A manifest was not written, because of the file that is named; what was there is still there.

    The message is ``"<path>" - <cause>``.
    """

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(path, cause)
        self.path: str = path
        """Where the file is."""
        self.cause: str = cause
        """What is wrong with it."""

    def __str__(self) -> str:
        from .report import printable

        return f'"{printable(self.path)}" - {self.cause}'


class CancelledError(ChecksigError):
    """The work was stopped by its :class:`CancelToken`."""


class EngineError(ChecksigError, RuntimeError):
    """The engine cannot be started, or failed; the message holds what it said."""


class ForkedError(EngineError):
    """The engine was loaded before this process was forked, and does not live in it.

    Such a process uses the engine as a process of its own, so this is raised only where that
    cannot be started, and in a child that was forked off within a verification.
    """
