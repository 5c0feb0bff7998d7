"""Reports as CSV (RFC 4180): a row for each result, and for whatever else is to be known.

The file is in UTF-8, with a header and CRLF at the ends of rows. A name that it cannot have is
shown as in messages: bytes that are not UTF-8 and control characters as escapes. A name that a
spreadsheet would take for a formula has an apostrophe in front. The column ``path_hex`` or
``manifest_hex`` then has the bytes of the name in hexadecimal; it is empty if the name is exact.
"""

from __future__ import annotations

import csv
import io
import os

from .. import InstalledReport, Report
from .._printable import printable_text
from .._typing import TYPE_CHECKING
from ..report import BROKEN_RULE, NOTHING, UNREAD, cause_and_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .. import PackageReport, Result
    from .exports import Item

__all__ = ["COLUMNS", "document"]

COLUMNS = (
    "kind",
    "status",
    "path",
    "algorithm",
    "expected",
    "found",
    "size",
    "manifest",
    "line",
    "detail",
    "path_hex",
    "manifest_hex",
    "evidence",
)

_PART = 1 << 16
"""How many characters are written at once."""

_FORMULA = ("=", "+", "-", "@")


def document(items: Iterable[Item], *, interrupted: bool = False) -> Iterator[bytes]:
    """Yield the document about *items*, in parts."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for item in items:
        for row in _rows(item):
            writer.writerow(row)
            if text.tell() > _PART:
                yield text.getvalue().encode()
                text.seek(0)
                text.truncate()
    if interrupted:
        writer.writerow(_row("run", "interrupted", "", detail="not everything was verified"))
    yield text.getvalue().encode()


def _rows(item: Item) -> Iterator[list[str]]:
    if isinstance(item, Report):
        yield from _report_rows(item)
    elif isinstance(item, InstalledReport):
        for package in item.packages:
            yield from _package_rows(package)
    else:
        yield _row("error", "error", item.path, detail=item.message)


def _report_rows(report: Report) -> Iterator[list[str]]:
    yield from map(_result_row, report.results)
    for bad in report.bad_lines:
        kind = "manifest" if bad.code in {BROKEN_RULE, UNREAD, NOTHING} else "line"
        detail = cause_and_text(bad)
        yield _row(kind, bad.kind, "", manifest=bad.manifest, line=bad.line, detail=detail)
    if report.bad_lines_omitted:
        detail = f"{report.bad_lines_omitted} more bad lines"
        yield _row("line", "bad line", "", manifest=report.bad_lines[-1].manifest, detail=detail)
    for extra in report.unlisted:
        detail = f"moved from {extra.moved_from}" if extra.moved_from else ""
        yield _row("file", "not listed", extra.path, detail=detail)


def _package_rows(package: PackageReport) -> Iterator[list[str]]:
    name = f"{package.name} {package.version}".rstrip()
    detail = f"{name}: {package.problem}" if package.problem else name
    yield _row("package", package.status.value, package.path, detail=detail)
    if package.report is not None:
        yield from _report_rows(package.report)
    yield from map(_result_row, package.skipped)


def _result_row(result: Result) -> list[str]:
    detail = f"moved to {result.moved_to}" if result.moved_to else result.detail or ""
    return _row(
        "file",
        result.reason or result.status.value,
        result.path,
        result.algorithm,
        result.expected,
        result.found or "",
        str(result.size),
        manifest=result.manifest,
        line=result.line,
        detail=detail,
        evidence=result.evidence or "",
    )


def _row(
    kind: str,
    status: str,
    path: str,
    *texts: str,
    manifest: str = "",
    line: int = 0,
    detail: str,
    evidence: str = "",
) -> list[str]:
    shown, path_hex = _name(path)
    listed, manifest_hex = _name(manifest)
    filled = [*texts, *[""] * (4 - len(texts))]
    number = str(line) if line else ""
    detail = _name(detail)[0]
    return [kind, status, shown, *filled, listed, number, detail, path_hex, manifest_hex, evidence]


def _name(name: str) -> tuple[str, str]:
    """Return *name* as it can be shown, and its bytes in hexadecimal if that is not exact."""
    shown = printable_text(name)
    if shown.startswith(_FORMULA):
        shown = f"'{shown}"
    return shown, "" if shown == name else _hex(name)


def _hex(name: str) -> str:
    try:
        return os.fsencode(name).hex()
    except UnicodeEncodeError:  # no name of a file
        return name.encode("utf-8", "surrogatepass").hex()
