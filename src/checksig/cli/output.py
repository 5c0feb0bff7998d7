"""The output of reports: as text, as one JSON document, and as the documents of exports.py."""

from __future__ import annotations

import os
import time

from .._printable import printable_text
from .._typing import TYPE_CHECKING, Any
from ..errors import ChecksigError
from ..report import in_words, stored_in_words, to_document
from .arguments import add_color, add_flag
from .exports import Exports, Unverified, add_export_arguments
from .progress import Bar
from .streams import complain, flush, write
from .text import (
    Counter,
    Live,
    Notes,
    Style,
    Total,
    installed_summary,
    package_lines,
    shown_name,
    signer_lines,
    summary_line,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from .. import InstalledReport, PackageReport, Report
    from .interrupt import Interruption
    from .text import Follower

__all__ = ["Output", "add_output_arguments", "error_message"]


def add_output_arguments(
    parser: argparse.ArgumentParser, what: str, listed: str = "verified files"
) -> None:
    """Add the options for the kind of output.

    :param what: What is reported, such as "a PATH".
    :param listed: What ``--verbose`` lists.
    """
    add_flag(parser, "--json", text="print one JSON document")
    add_export_arguments(parser)
    add_flag(parser, "-q", "--quiet", text=f"print nothing for {what} that is verified")
    add_flag(parser, "-v", "--verbose", text=f"list {listed} too")
    add_color(parser)


def error_message(path: str, error: Exception) -> str:
    """Return one line about an error; *path* is for one that names no file."""
    if isinstance(error, OSError) and error.strerror:
        name = path if error.filename is None else error.filename
        return f"{shown_name(os.fsdecode(name))}: {printable_text(error.strerror)}"
    return str(error) if isinstance(error, ChecksigError) else printable_text(str(error))


class Output:
    """Prints reports in the form that the command line asks for.

    :param of: The key in the JSON document, ``reports`` or ``packages``.
    :param parts: How many operations the bar shows the sum of.
    """

    def __init__(self, options: argparse.Namespace, *, of: str = "reports", parts: int = 1) -> None:
        self._json: bool = options.json
        self.exports = Exports(options)
        self._prints = not (self._json or self.exports.fills_output)
        self._quiet: bool = options.quiet
        self._verbose: bool = options.verbose
        self._style = Style(options.color)
        self._document: dict[str, Any] = to_document({of: []}, ok=False)
        self._errors: list[dict[str, str]] = []
        self._reports: list[Report] = []
        self._packages: InstalledReport | None = None
        self._code = 0
        self._lost = 0
        """Errors about output, not about a path."""
        self._began = time.monotonic()
        self.bar = Bar(shown=getattr(options, "progress", "none"), parts=parts)
        unlisted = getattr(options, "extra", "ignore") != "ignore"
        self._live = Live(self._style, self.bar, unlisted=unlisted, verified=self._verbose)

    def follow(self, number: int, *, keeps_failures: bool = False) -> Follower | Counter:
        """Return what prints the results of a path at once; it only counts them for a document."""
        if not self._prints:
            return Counter(self.bar)
        keeps_failures = keeps_failures or self.exports.need_results
        return self._live.follow(number, keeps_failures=keeps_failures)

    def report(self, report: Report, follower: Follower | Counter | None = None) -> None:
        """Take the report about one path, whose failures *follower* has."""
        if not report.ok:
            self._code = max(self._code, 1)
        if self._json:
            self._document["reports"].append(report.to_dict(results=self._verbose))
        elif follower is not None:
            follower.end(report)
        elif self._prints:
            self._show(report)
        self._reports.append(report)
        self.exports.add(report)

    def _show(self, report: Report) -> None:
        follower = self._live.follow(len(self._reports), keeps_failures=True)
        for items in (report.failures, report.bad_lines, report.unlisted):
            for item in items:
                follower.found(item)
        if self._verbose:
            follower.verified(result for result in report.results if result.ok)
        follower.end(report)

    def package(self, report: PackageReport) -> None:
        """Print the report about one package, if text is printed."""
        if self._prints:
            for line in package_lines(report, self._style, verbose=self._verbose):
                write(line)
            flush()

    def installed(self, report: InstalledReport) -> None:
        """Take the report about all packages."""
        if not report.ok:
            self._code = max(self._code, 1)
        self._packages = report
        if self._json:
            self._document.update(report.to_dict())
        self.exports.add(report)

    def error(self, path: str, error: Exception) -> None:
        """Print an error that prevented the verification of a path."""
        self._code = 2
        text = error_message(path, error)
        self._errors.append({"path": path, "message": text})
        if not self._json:
            with self.bar.hidden():
                complain(text)
        self.exports.add(Unverified(path, text))

    def end(self, interruption: Interruption | None = None) -> int:
        """Print the end of the output, and return the exit code.

        After an interrupt it says so, and has what was found until then.
        """
        interrupted = interruption is not None and bool(interruption.number)
        for path, error in self.exports.write(interrupted=interrupted):
            self.error(path, error)
            self._lost += 1
        ok = self._code == 0 and not interrupted
        if self._json:
            self._document |= {"ok": ok, "errors": self._errors, "interrupted": interrupted}
            import json

            write(json.dumps(self._document, indent=2))
        elif self._prints:
            for line in self._last_lines(ok=ok):
                write(line)
        if interrupted:
            flush()
            complain("interrupted")
        return interruption.exit_code if interrupted and interruption else self._code

    def _last_lines(self, *, ok: bool) -> Iterator[str]:
        yield from self._live.end(self._reports)
        notes = Notes(hints=self._packages is None)
        packages = () if self._packages is None else self._packages.packages
        of_packages = [each.report for each in packages if each.report is not None]
        for report in (*self._reports, *of_packages):
            if not (self._quiet and report.ok):
                notes.add(report)
        if not (self._quiet and ok):
            yield from signer_lines(self._reports, self._style)
            yield from notes.lines(self._style)
            yield from self._summary(ok=ok)

    def _summary(self, *, ok: bool) -> Iterator[str]:
        if self._packages is not None:
            yield installed_summary(self._packages, self._style, ok=ok)
        elif len(self._reports) == self._paths == 1:
            (report,) = self._reports
            text = f"{shown_name(report.path)}: {report.summary()}"
            yield summary_line(ok, text, Total.of(report), self._style, complete=report.complete)
        elif self._paths > 1:
            complete = all(report.complete for report in self._reports)
            yield summary_line(ok, self._sum(), self._total(), self._style, complete=complete)

    @property
    def _paths(self) -> int:
        return len(self._reports) + len(self._errors) - self._lost

    def _total(self) -> Total:
        total = sum(map(Total.of, self._reports), Total())
        return total._replace(elapsed=min(total.elapsed, time.monotonic() - self._began))

    def _sum(self) -> str:
        """Return the counts of all reports in one line."""
        counts: dict[str, int] = {}
        for report in self._reports:
            for what, n in report.counts():
                counts[what] = counts.get(what, 0) + n
        parts = in_words(counts.items()) or ["0 verified"]
        stored = sum(report.stored for report in self._reports)
        parts[0] += stored_in_words(counts.get("verified", 0), stored)
        if self._paths > len(self._reports):
            parts.append(f"{self._paths - len(self._reports)} could not be verified")
        entries = sum(report.entries for report in self._reports)
        word = "entry" if entries == 1 else "entries"
        return f"{self._paths:,} paths, {entries:,} {word}: {', '.join(parts)}"
