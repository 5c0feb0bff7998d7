"""The output as text: failures as they are found, then notes, then a summary line."""

from __future__ import annotations

import os
import sys
import time

from .._notes import KINDS, NOT_UNDERSTOOD, text_about_config, texts_about, weakness
from .._printable import printable, printable_text
from .._short import format_size
from .._typing import TYPE_CHECKING, NamedTuple
from ..report import (
    NOTHING,
    REFUSED,
    UNREAD,
    UNTRUSTED,
    WEAK,
    BadLine,
    Report,
    Result,
)
from .streams import flush, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .. import Extra, InstalledReport, PackageReport, Progress
    from .progress import Bar

    Item = Result | BadLine | Extra

__all__ = [
    "Counter",
    "Follower",
    "Live",
    "Notes",
    "Style",
    "Total",
    "installed_summary",
    "package_lines",
    "shown_name",
    "signer_lines",
    "summary_line",
]

_INDENT = " " * 12
_MAX_BAD_LINES = 20  # a file that is not a manifest may have thousands
_MAX_NOTES = 20
_MAX_KINDS = 1000  # of notes that are kept

_MAX_FAILURES = 1000
"""How many failures are shown; the others are counted."""

_FEW = 20
"""Up to so many missing files are listed if no file is there at all."""

_PAUSE = 0.5
"""Seconds for which failures wait: those of one file, and all of a short run, come in order."""

_BLOCK = 1000
"""How many lines wait at most."""

_RED, _GREEN, _YELLOW, _CYAN = "31", "32", "33", "36"
_COLOURS = {
    "OK": _GREEN,
    "FAILED": _RED,
    "MISMATCHED": _RED,
    "MISSING": _RED,
    "UNREADABLE": _RED,
    "REFUSED": _RED,
    "TOO WEAK": _RED,
    "BAD LINE": _RED,
    "BROKEN RULE": _RED,
    "EMPTY": _RED,
    "UNTRUSTED": _RED,
    "SIGNED": _GREEN,
    "NO RECORD": _RED,
    "NOT LISTED": _YELLOW,
    "SKIPPED": _YELLOW,
    "OK IN PART": _YELLOW,
    "NOT VERIFIED": _YELLOW,
    "NOTE": _CYAN,
}


class Style:
    """Colours, as *color* says: ``"always"``, ``"never"`` or ``"auto"``.

    That is on a terminal, unless NO_COLOR (no-color.org) is set, and wherever FORCE_COLOR is.
    """

    def __init__(self, color: str = "auto") -> None:
        able = os.name != "nt" or "WT_SESSION" in os.environ  # older consoles print the codes
        able = able and os.environ.get("TERM") != "dumb" and sys.stdout.isatty()
        wanted = bool(os.environ.get("FORCE_COLOR")) or able
        self._coloured = color == "always" or (
            color == "auto" and wanted and not os.environ.get("NO_COLOR")
        )

    def line(self, word: str, text: str) -> str:
        """Return *word*, padded and perhaps coloured, followed by *text*, made printable."""
        padded = f"{word:11}"
        if self._coloured and word in _COLOURS:
            padded = f"\x1b[{_COLOURS[word]}m{word}\x1b[0m" + padded[len(word) :]
        return f"{padded} {printable_text(text)}"


def shown_name(name: str) -> str:
    """Return *name* as it is printed: in quotes if a blank at its end would not be seen."""
    text = printable(name)
    return f'"{text}"' if text != text.strip(" ") or not text else text


class Live:
    """Prints failures soon after they were found, above the bar.

    Threads may use it.
    """

    def __init__(self, style: Style, bar: Bar, *, unlisted: bool, verified: bool) -> None:
        self.shows_unlisted = unlisted
        """Whether files that no manifest lists are shown, not an error about each."""
        self.shows_verified = verified
        """Whether verified files are shown."""
        self._style = style
        self._bar = bar
        self._waiting: list[tuple[int, Item]] = []
        self._since = 0.0
        self._shown: set[tuple[str, str]] = set()
        self._hidden = 0
        self._bad_lines = 0

    def follow(self, number: int, *, keeps_failures: bool) -> Follower:
        """Return what takes the results of the path with that number, from 0."""
        return Follower(self, number, keeps_failures=keeps_failures)

    def add(self, number: int, item: Item) -> None:
        """Print *item* soon, unless too many were printed."""
        with self._bar.lock:
            if not item.ok:
                self._bar.failures += 1
                if self._is_hidden(item):
                    return
            if not self._waiting:
                self._since = time.monotonic()
            self._waiting.append((number, item))
            if len(self._waiting) >= _BLOCK:
                self.flush()

    def _is_hidden(self, item: Item) -> bool:
        """Count *item* if too many were printed before it, and return whether that is so."""
        if isinstance(item, BadLine) and item.kind == "bad line":
            self._bad_lines += 1
            return self._bad_lines > _MAX_BAD_LINES
        if len(self._shown) < _MAX_FAILURES:
            return False
        self._hidden += 1
        return True

    def hide(self, count: int) -> None:
        """Count failures that are not printed."""
        with self._bar.lock:
            self._bar.failures += count
            self._hidden += count

    def tick(self) -> None:
        """Print what has waited long enough; called several times a second."""
        if self._waiting and time.monotonic() - self._since >= _PAUSE:
            self.flush()

    def flush(self) -> None:
        """Print what waits."""
        with self._bar.lock:
            waiting, self._waiting = self._waiting, []
            if not waiting:
                return
            with self._bar.hidden():
                for line in self._lines(waiting):
                    write(line)
                flush()

    def _lines(self, items: list[tuple[int, Item]]) -> Iterator[str]:
        found: dict[tuple[str, str], list[str]] = {}
        for _, item in sorted(items, key=_place):
            word, name, details = _describe(item)
            key = word, name
            if isinstance(item, BadLine):
                yield from self._flushed(found)
                yield from _item_lines(word, name, details, self._style)
            elif key in self._shown:
                continue  # under another algorithm, or by another manifest
            else:
                known = found.setdefault(key, [])
                known += [detail for detail in details if detail not in known]
        yield from self._flushed(found)

    def _flushed(self, found: dict[tuple[str, str], list[str]]) -> Iterator[str]:
        for (word, name), details in found.items():
            if word not in {"OK", "SKIPPED", "VERIFIED BEFORE", "NOT VERIFIED"}:
                if len(self._shown) >= _MAX_FAILURES:
                    self._hidden += 1
                    continue
                self._shown.add((word, name))
            yield from _item_lines(word, name, details, self._style)
        found.clear()

    def end(self, reports: Iterable[Report]) -> Iterator[str]:
        """Print what waits, and yield what was left out."""
        self.flush()
        if self._bad_lines > _MAX_BAD_LINES:
            omitted = sum(report.bad_lines_omitted for report in reports)
            yield _more_bad_lines(self._bad_lines - _MAX_BAD_LINES + omitted, omitted)
        if self._hidden:
            yield f"{_INDENT}... and {self._hidden:,} more; --json lists all"


def _more_bad_lines(count: int, omitted: int) -> str:
    listed = "the first 1,000" if omitted else "all"
    return f"{_INDENT}... and {count:,} more bad lines; --json lists {listed}"


class Counter:
    """Counts the failures of one path for the bar."""

    keeps_failures = True

    def __init__(self, bar: Bar) -> None:
        self._bar = bar

    def found(self, item: Item) -> None:
        """Take a failure, a bad line or an unlisted file."""
        with self._bar.lock:
            self._bar.failures += not item.ok

    def verified(self, results: Iterable[Result]) -> None:
        """Take verified and skipped entries."""

    def tick(self, progress: Progress) -> None:
        """Take how far it has got."""

    def release(self) -> None:
        """Print what was held back, which is nothing."""

    def end(self, report: Report) -> None:
        """Do the same at the end."""


class Follower:
    """Takes the results of one path for :class:`Live`.

    Missing files are held back until it is known whether any file is there: if not, one note says
    more than a line for each.
    """

    def __init__(self, live: Live, number: int, *, keeps_failures: bool) -> None:
        self.keeps_failures = keeps_failures
        self._live = live
        self._number = number
        self._held: list[Result] = []
        self._held_count = 0
        self._holds = True

    def found(self, item: Item) -> None:
        """Take a failure, a bad line or an unlisted file."""
        if self._holds and isinstance(item, Result):
            if item.status == "missing" and not item.moved_to:
                self._held_count += 1
                if len(self._held) < _MAX_FAILURES:
                    self._held.append(item)
                return
            self.release()
        if not isinstance(item, (Result, BadLine)) and (
            not self._live.shows_unlisted
            or (item.moved_from and not item.fails)  # which is shown with the missing file
        ):
            return
        self._live.add(self._number, item)

    def verified(self, results: Iterable[Result]) -> None:
        """Take verified and skipped entries."""
        if not self._live.shows_verified:
            if any(result.status == "verified" for result in results):
                self.release()
            return
        for result in results:
            if result.status == "verified":
                self.release()
            self._live.add(self._number, result)

    def tick(self, progress: Progress) -> None:
        """Take how far it has got."""
        if progress.bytes_read:
            self.release()
        self._live.tick()

    def release(self) -> None:
        """Print the missing files that were held back."""
        if not self._holds:
            return
        self._holds = False
        for result in self._held:
            self._live.add(self._number, result)
        self._live.hide(self._held_count - len(self._held))
        self._held.clear()

    def end(self, report: Report) -> None:
        """Print the missing files that were held back, unless a note reports them."""
        if not nothing_is_there(report):
            self.release()


def signer_lines(reports: Iterable[Report], style: Style) -> Iterator[str]:
    """Yield who signed the manifests."""
    lines = [
        f"{shown_name(manifest.path)}: {signer}"
        for report in reports
        for manifest in report.manifests
        for signer in manifest.signers
    ]
    for line in lines[:_MAX_NOTES]:
        yield style.line("SIGNED", line)
    if len(lines) > _MAX_NOTES:
        yield f"{_INDENT}... and {len(lines) - _MAX_NOTES:,} more signatures; --json has all"


def nothing_is_there(report: Report) -> bool:
    """Whether so many files are missing, and no file is there, that they are not listed."""
    return report.entries == report.missing > _FEW and not any(r.moved_to for r in report.failures)


def _place(numbered: tuple[int, Item]) -> tuple[int, bool, str, int, str]:
    number, item = numbered
    if isinstance(item, Result):
        return number, False, item.manifest, item.line, ""
    if isinstance(item, BadLine):
        return number, True, item.manifest, item.line, ""
    return number, True, "\U0010ffff", 0, item.path


_WORDS = {UNREAD: "UNREADABLE", NOTHING: "EMPTY", UNTRUSTED: "UNTRUSTED"}
_REASONS = {REFUSED: "REFUSED", WEAK: "TOO WEAK"}


def _describe(item: Item) -> tuple[str, str, list[str]]:
    """Return the word, the name and the lines below them."""
    if isinstance(item, Result):
        word = _REASONS.get(item.reason or "", item.status.upper())
        return "OK" if item.status == "verified" else word, shown_name(item.path), _why(item)
    if isinstance(item, BadLine):
        where = f" line {item.line}" if item.line else ""
        detail = printable_text(item.cause) + (f": {printable(item.text)}" if item.text else "")
        return (
            _WORDS.get(item.code, item.kind.upper()),
            f"{shown_name(item.manifest)}{where}",
            [detail],
        )
    moved = [f"moved from {shown_name(item.moved_from)}"] if item.moved_from else []
    return "NOT LISTED", shown_name(item.path), moved


def _item_lines(word: str, name: str, details: list[str], style: Style) -> Iterator[str]:
    yield style.line(word, name)
    yield from (_INDENT + detail for detail in details)


def _why(result: Result) -> list[str]:
    detail = printable_text(result.detail or "")
    rule = [detail] if detail[:1].isupper() and detail[1:4].isdigit() else []  # such as E092
    if result.status == "mismatched" and result.found:
        blank = " " * len(result.algorithm)
        return [
            *rule,
            f"{result.algorithm} listed {result.expected}",
            f"{blank}  found {result.found}",
        ]
    if result.moved_to:
        return [f"moved to {shown_name(result.moved_to)}"]
    return [detail] if detail and result.status != "missing" else rule


class Notes:
    """What limits the reliability of a result, once for the whole run.

    :param hints: Name the options of ``verify`` that help with missing files.
    """

    def __init__(self, *, hints: bool) -> None:
        self._hints = hints
        self._found: dict[tuple[int, str], tuple[str, int]] = {}
        self._more = 0
        self._algorithms: dict[str, None] = {}
        self._missing = False

    def add(self, report: Report) -> None:
        """Add what is to be noted about *report*."""
        for manifest in report.manifests:
            for kind, texts in enumerate(texts_about(manifest)):
                for text in texts:
                    self._add(kind, text, shown_name(manifest.path))
            self._algorithms |= dict.fromkeys(manifest.algorithms)
        for path in report.not_understood:
            self._add(KINDS, NOT_UNDERSTOOD, shown_name(path))
        if report.config is not None:
            self._add(KINDS + 1, text_about_config(report), shown_name(report.config))
        if report.interrupted or not self._hints:
            return
        if nothing_is_there(report):
            self._add(9, f"{_nothing(report)}; --json lists them", shown_name(report.path))
        elif report.missing and report.missing == report.entries:
            self._add(9, _nothing(report), shown_name(report.path))
        self._missing = self._missing or 0 < report.missing < report.entries

    def _add(self, kind: int, text: str, path: str) -> None:
        key = kind, text
        if key in self._found or len(self._found) < _MAX_KINDS:
            first, count = self._found.get(key, (path, 0))
            self._found[key] = first, count + 1
        else:
            self._more += 1

    def lines(self, style: Style) -> Iterator[str]:
        """Yield the lines."""
        notes = sorted(self._found.items(), key=lambda note: note[0][0])
        for (_, text), (path, count) in notes[:_MAX_NOTES]:
            others = f" and {count - 1:,} more" if count > 1 else ""
            yield style.line("NOTE", f"{path}{others}: {text}")
        more = self._more + max(len(notes) - _MAX_NOTES, 0)
        if more:
            yield f"{_INDENT}... and {more:,} more notes; --json has all"
        for text in weakness(self._algorithms):
            yield style.line("NOTE", text)
        if self._missing:
            yield style.line("NOTE", "--ignore-missing skips missing files")


def _nothing(report: Report) -> str:
    which = f"none of the {report.entries:,} files" if report.entries > 1 else "the only file"
    is_here = "is here" if report.entries > 1 else "is not here"
    return (
        f"{which} {is_here}: wrong folder? --root names another one, --strip and --basename"
        " shorten the names"
    )


def package_lines(package: PackageReport, style: Style, *, verbose: bool) -> Iterator[str]:
    """Yield the lines about *package*."""
    from ..packages.installed import PackageStatus

    if package.status is PackageStatus.FAILED and package.report is not None:
        report = package.report
        found: list[Item] = [*report.failures, *report.bad_lines[:_MAX_BAD_LINES]]
        for item in (*found, *report.unlisted):
            yield from _item_lines(*_describe(item), style)
        if report.bad_line_count > _MAX_BAD_LINES:
            yield _more_bad_lines(report.bad_line_count - _MAX_BAD_LINES, report.bad_lines_omitted)
    for result in package.skipped if verbose else ():
        yield from _item_lines(*_describe(result), style)
    words = {PackageStatus.FAILED: "FAILED", PackageStatus.UNVERIFIABLE: "NO RECORD"}
    if verbose or package.status in words:
        yield style.line(words.get(package.status, "OK"), str(package))


def installed_summary(report: InstalledReport, style: Style, *, ok: bool) -> str:
    """Return the last line about *report*."""
    reports = [p.report for p in report.packages if p.report is not None]
    total = sum(map(Total.of, reports), Total())
    text = f"{printable(report.path)}: {report.summary()}; {total.files:,} entries"
    return summary_line(ok, text, total, style)


class Total(NamedTuple):
    """How much was read, and in what time."""

    files: int = 0
    bytes_read: int = 0
    elapsed: float = 0.0

    @classmethod
    def of(cls, report: Report) -> Total:
        """Return the numbers of *report*."""
        left = report.verified_before + report.not_verified
        return cls(report.entries - left, report.bytes_read, report.elapsed)

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
        return f"{text}, {files:,.0f} files/s, {megabytes:,.1f} MB/s"


def summary_line(ok: bool, text: str, total: Total, style: Style, *, complete: bool = True) -> str:
    """Return the summary line."""
    word = "OK" if complete else "OK IN PART"
    return style.line(word if ok else "FAILED", f"{text} ({total})")
