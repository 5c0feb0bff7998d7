"""The exceptions of this package.

::

    ChecksigError                              base class, never raised itself
    ├── VerificationError (ValueError)         something is not as listed; has the report
    ├── ManifestError (ValueError)             a manifest cannot be read at all
    │   └── ManifestNotFoundError (FileNotFoundError)  a folder contains no manifest
    ├── ReadError (ValueError)                 a file was refused, or changed while it was read
    ├── WriteError (ValueError)                a manifest was not written; names the file
    ├── ConfigError (ValueError)               a configuration file has a fault
    ├── StateError                             a state file cannot be used
    ├── CancelledError                         a CancelToken was cancelled
    └── EngineError (RuntimeError)             the engine cannot be started, or failed
        └── ForkedError                        it cannot be started after a fork

If the system refuses access to a path, its own error is raised (:exc:`FileNotFoundError`,
:exc:`PermissionError`, …), with ``errno`` and ``filename``.
"""

from __future__ import annotations

from ._printable import printable, printable_text
from ._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .report import Report

__all__ = [
    "CancelledError",
    "ChecksigError",
    "ConfigError",
    "EngineError",
    "ForkedError",
    "ManifestError",
    "ManifestNotFoundError",
    "ReadError",
    "StateError",
    "VerificationError",
    "WriteError",
]


def __dir__() -> list[str]:
    return sorted(__all__)


_MAX_SHOWN = 20


class ChecksigError(Exception):
    """The base class of this package's exceptions; never raised itself.

    The message can be printed: characters that a terminal acts on, of a path for example, are
    escaped. It is one line, except for those of :exc:`VerificationError` and :exc:`EngineError`,
    and of a :exc:`WriteError` about several files.
    """

    def __str__(self) -> str:
        return printable_text(super().__str__())


class VerificationError(ChecksigError, ValueError):
    """Something is not as the manifests list it.

    The message has the counts, and a line for each failure, such as ``"<path>" - mismatch: sha1
    listed 44bb…, found 4c78…``; of more than 20, the first.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report: Report = report
        """The report, with the outcome of every entry."""

    def __str__(self) -> str:
        return f"{self.report.summary()}\n{self.report.explain(digests=True)}".rstrip("\n")


class ManifestError(ChecksigError, ValueError):
    """A manifest cannot be read at all; the message says why."""


class ManifestNotFoundError(ManifestError, FileNotFoundError):
    """A folder contains no file with the name of a manifest."""


class ReadError(ChecksigError, ValueError):
    """A file was refused, because it is not a regular one, or changed while it was read.

    The message is ``"<path>" - <cause>``.
    """

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(path, cause)
        self.path: str = path
        """The path of the file."""
        self.cause: str = cause
        """What is wrong with it."""

    def __str__(self) -> str:
        return f'"{printable(self.path)}" - {printable_text(self.cause)}'


class WriteError(ChecksigError, ValueError):
    """A manifest was not written, because of the named file; an existing one is unchanged.

    The message is ``"<path>" - <cause>``, or the cause alone if no file is to blame. If several
    files cannot be listed, it has a line for each; of more than 20, the first ones.
    """

    def __init__(self, path: str, cause: str, problems: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(path, cause, tuple(problems))
        self.path: str = path
        """The path of the file; empty if no file, or several files, are to blame."""
        self.cause: str = cause
        """What is wrong with it."""
        self.problems: tuple[tuple[str, str], ...] = tuple(problems)
        """The path of each file that cannot be listed, and what is wrong with it, if there are
        several; the first 1,000."""

    def __str__(self) -> str:
        cause = printable_text(self.cause)
        shown = self.problems[:_MAX_SHOWN]
        lines = [f'"{printable(path)}" - {printable_text(why)}' for path, why in shown]
        if len(self.problems) > _MAX_SHOWN:
            lines.append("... and more")
        if lines:
            return "\n".join([f"{cause}:", *lines])
        return f'"{printable(self.path)}" - {cause}' if self.path else cause


class ConfigError(ChecksigError, ValueError):
    """A configuration file has a fault, or demands something that the call does not have.

    The message is ``<path>: <cause>``.
    """

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(path, cause)
        self.path: str = path
        """The path of the file."""
        self.cause: str = cause
        """What is wrong with it, and what to do."""

    def __str__(self) -> str:
        return f"{printable(self.path)}: {printable_text(self.cause)}"


class StateError(ChecksigError):
    """A state file cannot be used: it is damaged, another kind of file, or not accessible.

    It is not changed then.
    """


class CancelledError(ChecksigError):
    """The work was stopped by its :class:`CancelToken`."""

    report: Report | None = None
    """What a verification had found by then; its ``interrupted`` is true, and it is not ok."""


class EngineError(ChecksigError, RuntimeError):
    """The engine cannot be started, or failed; the message has its output.

    If that has several lines, all but the first are indented.
    """

    def __str__(self) -> str:
        lines = Exception.__str__(self).split("\n")
        return "\n    ".join(printable_text(line.strip()) for line in lines)


class ForkedError(EngineError):
    """The engine was loaded before this process was forked, and cannot be used in it.

    Such a process runs the engine as a separate process. This is raised only if that cannot be
    started, and in a child that was forked during an operation.
    """
