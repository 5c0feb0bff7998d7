"""The logger ``checksig``, which is quiet unless the program sets up logging.

Importing :mod:`logging` takes longer than importing this package. So it is used only if the program
has imported it: otherwise nobody can read the records.
"""

from __future__ import annotations

import sys

from ._printable import printable
from ._typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping, Sequence

    from .report import BadLine, Extra, Report, Result

__all__ = ["info", "log_report", "log_written", "warning"]

_MAX_FAILURES = 1000
"""How many failures of a report are logged each."""


def _logger() -> logging.Logger | None:
    module = sys.modules.get("logging")
    null_handler = getattr(module, "NullHandler", None)  # missing while a thread imports it
    if module is None or null_handler is None:
        return None
    logger: logging.Logger = module.getLogger("checksig")
    if not logger.handlers:  # otherwise warnings go to standard error
        logger.addHandler(null_handler())
    return logger


def info(text: str, *arguments: object) -> None:
    """Log a message; *arguments* are safe to print, as everything from a file must be."""
    logger = _logger()
    if logger is not None:
        logger.info(text, *arguments)


def warning(text: str, *arguments: object) -> None:
    """Log a warning; *arguments* are safe to print."""
    logger = _logger()
    if logger is not None:
        logger.warning(text, *arguments)


def log_report(report: Report, path: str) -> None:
    """Log the failures and the end of a verification; *path* is safe to print."""
    logger = _logger()
    if logger is None:
        return
    if report.ok:
        logger.info("verified %s: %s", path, report.summary())
        return
    if report.interrupted:
        logger.info("interrupted %s: %s", path, report.summary())
        return
    extras = [extra for extra in report.extras if not extra.ok]
    items: Iterable[Result | BadLine | Extra] = (*report.failures, *report.bad_lines, *extras)
    for item, _ in zip(items, range(_MAX_FAILURES), strict=False):
        logger.warning("%s", item)
    failed = report.mismatched + report.missing + report.unreadable
    count = failed + report.bad_line_count + len(extras)
    if count > _MAX_FAILURES:
        logger.warning("... and %s more failures", f"{count - _MAX_FAILURES:,}")
    logger.warning("failed %s: %s", path, report.summary())


def log_written(operation: str, path: str, files: int, failed: Mapping[str, Sequence[str]]) -> None:
    """Log the end of an operation that wrote a manifest, and the files of it that *failed*."""
    for what, names in failed.items():
        for name in names[:_MAX_FAILURES]:
            warning("%s: %s", what, printable(name))
        if len(names) > _MAX_FAILURES:
            warning("... and %s more are %s", f"{len(names) - _MAX_FAILURES:,}", what)
    info("%s %s: %s files listed", operation, path, f"{files:,}")
