"""The output as text: failures first, then notes, then a summary line."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from .. import PackageStatus, Report, Status
from .._algorithms import load
from .._printable import printable, printable_text
from ..report import BROKEN_RULE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .. import BadLine, Extra, InstalledReport, Manifest, Result

__all__ = [
    "Style",
    "Total",
    "format_size",
    "installed_lines",
    "report_lines",
    "summary_line",
]

_INDENT = " " * 12
_MAX_BAD_LINES = 20  # a file that is not a manifest may have thousands
_MAX_NOTES = 20

_RED, _GREEN, _YELLOW, _CYAN = "31", "32", "33", "36"
_COLOURS = {
    "OK": _GREEN,
    "FAILED": _RED,
    "MISMATCHED": _RED,
    "MISSING": _RED,
    "UNREADABLE": _RED,
    "BAD LINE": _RED,
    "BROKEN RULE": _RED,
    "NO RECORD": _RED,
    "NOT LISTED": _YELLOW,
    "SKIPPED": _YELLOW,
    "NOTE": _CYAN,
}


class Style:
    """Colours on a terminal, unless NO_COLOR (no-color.org) is set."""

    def __init__(self) -> None:
        able = os.name != "nt" or "WT_SESSION" in os.environ  # older consoles print the codes
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._coloured = able and wanted and sys.stdout.isatty()

    def line(self, word: str, text: str) -> str:
        """Return *word*, padded and perhaps coloured, followed by *text*, made printable."""
        padded = f"{word:11}"
        if self._coloured and word in _COLOURS:
            padded = f"\x1b[{_COLOURS[word]}m{word}\x1b[0m" + padded[len(word) :]
        return f"{padded} {printable_text(text)}"


def report_lines(report: Report, style: Style) -> Iterator[str]:
    """Yield the lines about *report*, with the summary last."""
    yield from _failure_lines(report, style)
    yield from _note_lines([report], style)
    if report.missing:
        yield style.line("NOTE", _missing_note(report))
    text = f"{printable(report.path)}: {report.summary()}"
    yield summary_line(report.ok, text, Total.of(report), style)


def _missing_note(report: Report) -> str:
    """Return what can be done about missing files."""
    if report.missing < report.entries:
        return "--ignore-missing skips missing files"
    return (
        f"none of the listed files ({report.entries}) is there: --root names another folder,"
        " --strip and --basename shorten the names"
    )


def installed_lines(report: InstalledReport, style: Style, *, verbose: bool) -> Iterator[str]:
    """Yield the lines about *report*: packages that failed first, the summary last."""
    for package in report.of(PackageStatus.FAILED):
        if package.report is not None:
            yield from _failure_lines(package.report, style)
        yield style.line("FAILED", str(package))
    for package in report.of(PackageStatus.UNVERIFIABLE):
        yield style.line("NO RECORD", str(package))
    for package in report.packages if verbose else ():
        for result in package.skipped:
            yield from _result_lines(result, style)
        if package.status is PackageStatus.VERIFIED:
            yield style.line("OK", str(package))
    reports = [p.report for p in report.packages if p.report is not None]
    yield from _note_lines(reports, style)
    total = sum(map(Total.of, reports), Total())
    text = f"{printable(report.path)}: {report.summary()}; {total.files} entries"
    yield summary_line(report.ok, text, total, style)


def _failure_lines(report: Report, style: Style) -> Iterator[str]:
    for result in report.failures:
        yield from _result_lines(result, style)
    for bad in report.bad_lines[:_MAX_BAD_LINES]:
        yield from _bad_line_lines(bad, style)
    if report.bad_line_count > _MAX_BAD_LINES:
        more = report.bad_line_count - min(len(report.bad_lines), _MAX_BAD_LINES)
        listed = "the first 1,000" if report.bad_lines_omitted else "all"
        yield f"{_INDENT}... and {more} more bad lines; --json lists {listed}"
    for extra in report.unlisted:
        yield from _unlisted_lines(extra, style)


def _result_lines(result: Result, style: Style) -> Iterator[str]:
    yield style.line(result.status.upper(), printable(result.path))
    if result.status is Status.MISMATCHED and result.found:
        yield f"{_INDENT}{result.algorithm} listed {result.expected}"
        yield f"{_INDENT}{' ' * len(result.algorithm)}  found {result.found}"
    elif result.moved_to:
        yield f"{_INDENT}moved to {printable(result.moved_to)}"
    elif result.detail and result.status is not Status.MISSING:
        yield f"{_INDENT}{printable_text(result.detail)}"


def _unlisted_lines(extra: Extra, style: Style) -> Iterator[str]:
    if extra.fails or not extra.moved_from:  # else it is shown with the missing file
        yield style.line("NOT LISTED", printable(extra.path))
        if extra.moved_from:
            yield f"{_INDENT}moved from {printable(extra.moved_from)}"


def _note_lines(reports: list[Report], style: Style) -> Iterator[str]:
    """Yield notes about what limits the reliability of the result."""
    manifests = [manifest for report in reports for manifest in report.manifests]
    notes = [
        f"{printable(m.path)}: signature: {m.signature} ({m.wrapper})"
        for m in manifests
        if m.signature
    ]
    notes += [
        f"{printable(m.path)}: {', '.join(m.algorithms)}: chosen by the length of the digests alone"
        for m in manifests
        if m.assumed
    ]
    notes += [
        f"{printable(m.path)}: lines of text ignored: {m.text_lines}"
        for m in manifests
        if m.text_lines
    ]
    notes += [
        f"{printable(m.path)}: not verified: {', '.join(m.unverified)}"
        for m in manifests
        if m.unverified
    ]
    notes += [
        f"{printable(path)}: looks like a manifest, but could not be understood"
        for report in reports
        for path in report.not_understood
    ]
    notes += [f"{printable(m.path)}: {printable_text(note)}" for m in manifests for note in m.notes]
    for note in notes[:_MAX_NOTES]:
        yield style.line("NOTE", note)
    if len(notes) > _MAX_NOTES:
        yield f"{_INDENT}... and {len(notes) - _MAX_NOTES} more notes; --json has all"
    weak = _weak(manifests)
    if weak:
        detect = "detects" if len(weak) == 1 else "detect"
        yield style.line("NOTE", f"{', '.join(weak)} {detect} corruption, not tampering")


def _weak(manifests: list[Manifest]) -> list[str]:
    used = dict.fromkeys(name for manifest in manifests for name in manifest.algorithms)
    if not used:
        return []
    secure = {algorithm.name: algorithm.secure for algorithm in load()}
    # A name that is not in the table is a secure one with a length, such as blake2b-256.
    return [name for name in used if not secure.get(name, True)]


def _bad_line_lines(bad: BadLine, style: Style) -> Iterator[str]:
    where = f" line {bad.line}" if bad.line else ""
    word = "BROKEN RULE" if bad.code == BROKEN_RULE else "BAD LINE"
    yield style.line(word, f"{printable(bad.manifest)}{where}")
    yield f"{_INDENT}{printable_text(bad.cause)}" + (f": {printable(bad.text)}" if bad.text else "")


class Total(NamedTuple):
    """How much was read, and in what time."""

    files: int = 0
    bytes_read: int = 0
    elapsed: float = 0.0

    @classmethod
    def of(cls, report: Report) -> Total:
        """Return the numbers of *report*."""
        return cls(report.entries, report.bytes_read, report.elapsed)

    def __add__(self, other: object) -> Total:
        """Return the sum of both."""
        if not isinstance(other, Total):
            return NotImplemented
        return Total(
            self.files + other.files,
            self.bytes_read + other.bytes_read,
            self.elapsed + other.elapsed,
        )

    def __str__(self) -> str:
        text = f"{format_size(self.bytes_read)} in {self.elapsed:.2f} s"
        if self.elapsed <= 0:
            return text
        files, megabytes = self.files / self.elapsed, self.bytes_read / self.elapsed / 1e6
        return f"{text}, {files:.0f} files/s, {megabytes:.1f} MB/s"


def summary_line(ok: bool, text: str, total: Total, style: Style) -> str:
    """Return the summary line."""
    return style.line("OK" if ok else "FAILED", f"{text} ({total})")


def format_size(n: float) -> str:
    """Return *n* bytes in a suitable unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} TB"
