"""Annotations of GitHub Actions: ``::error file=NAME,line=1,title=WORDS::MESSAGE``.

They go to standard error, which the runner reads as well: standard output may be a document. The
source is GitHub's reference "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import contextlib
import os
import sys

from .. import InstalledReport, Report, Status
from .._printable import printable, printable_text
from .._typing import TYPE_CHECKING
from ..report import cause_and_text, why

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .. import Result
    from .exports import Item

__all__ = ["annotate", "annotation"]

_MAX = 10
"""How many annotations of a kind GitHub shows for each step."""


def annotate(items: Sequence[Item]) -> None:
    """Write annotations about the failures among *items*: at most 10, as GitHub shows no more."""
    lines: list[str] = []
    count = 0
    for line in _lines(items):
        count += 1
        if count <= _MAX:
            lines.append(line)
    for item in items:  # a report may hold fewer failures than it counts
        if isinstance(item, Report):
            failed = item.mismatched + item.missing + item.unreadable
            count += failed - len(item.failures) + item.extras_omitted
    if count > _MAX:
        lines[_MAX - 1 :] = [annotation("checksig", f"... and {count - _MAX + 1:,} more failures")]
    with contextlib.suppress(OSError, ValueError):  # as in streams.complain
        for line in lines:
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def annotation(title: str, message: str, file: str = "", line: int = 0) -> str:
    """Return an annotation."""
    properties = {"file": _relative(file), "line": str(line or ""), "title": title}
    shown = ",".join(f"{name}={_property(text)}" for name, text in properties.items() if text)
    return f"::error {shown}::{_data(message)}"


def _lines(items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        if isinstance(item, Report):
            yield from _report_lines(item)
        elif isinstance(item, InstalledReport):
            yield from _package_lines(item)
        else:
            yield annotation("not verified", item.message, item.path)


def _package_lines(report: InstalledReport) -> Iterator[str]:
    if report.ok:
        return
    for package in report.packages:
        title = f"package {package.status.value}"
        if package.report is not None and package.status.value == "failed":
            yield from _report_lines(package.report)
        elif package.status.value == "unverifiable" and not report.ignore_unrecorded:
            yield annotation(title, str(package), package.path)


def _report_lines(report: Report) -> Iterator[str]:
    for result in report.failures:
        yield _result_line(result)
    for bad in report.bad_lines:
        yield annotation(bad.kind, cause_and_text(bad), bad.manifest, bad.line)
    if report.bad_lines_omitted:
        yield annotation("bad lines", f"{report.bad_lines_omitted:,} more bad lines")
    for extra in report.unlisted:
        if extra.fails:
            yield annotation("not listed", "no manifest lists this file", extra.path)
    if not (report.ok or report.failures or report.bad_line_count or report.unlisted):
        yield annotation("not verified", report.summary(), report.path)


def _result_line(result: Result) -> str:
    message = why(result)
    where = f"{printable(result.manifest)} line {result.line}"
    if result.status is Status.MISSING:  # an annotation of a missing file would not be shown
        text = f"{printable(result.path)}: {message}"
        return annotation(result.status.value, text, result.manifest, result.line)
    return annotation(result.reason or result.status.value, f"{message} ({where})", result.path)


def _relative(path: str) -> str:
    """Return *path* relative to the checked-out repository, as GitHub expects it."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    if not path or not workspace:
        return path
    with contextlib.suppress(OSError, ValueError):
        relative = os.path.relpath(os.path.realpath(path), os.path.realpath(workspace))
        if relative.partition(os.sep)[0] != os.pardir:
            return relative.replace(os.sep, "/")
    return path


def _data(text: str) -> str:
    return printable_text(text).replace("%", "%25")  # line feeds are escaped already


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
