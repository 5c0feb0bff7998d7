"""Where reports go: to people line by line, to programs as one JSON document, to CI as JUnit."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from .. import PackageStatus
from ..report import printable
from . import junit
from .text import Style, Total, installed_lines, report_lines, verdict

if TYPE_CHECKING:
    from .. import InstalledReport, PackageReport, Report

__all__ = ["SCHEMA", "Output", "add_options", "message", "workers"]

SCHEMA = 1
"""The version of the JSON document; src/checksig/schema has its description."""


def add_options(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the options that say where reports go; *what* is reported, as in "a PATH"."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--junit", metavar="FILE", help="also write the failures to FILE, as JUnit's XML"
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help=f"print nothing for {what} that is verified"
    )


def workers(parser: argparse.ArgumentParser) -> None:
    """Add the option that says how many files are read at once."""
    parser.add_argument(
        "-j",
        "--workers",
        type=_count,
        metavar="N",
        help="read N files at once (default: as many as CPUs)",
    )


def _count(text: str) -> int:
    n = int(text)
    if not 1 <= n <= 1024:
        raise argparse.ArgumentTypeError(f"{n} is not between 1 and 1024")
    return n


def message(path: str, error: Exception) -> str:
    """Return what went wrong with *path*, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{printable(path)}: {error.strerror}"
    return str(error)


class Output:
    """Takes reports as they come, and prints what *options* ask for.

    *of* is what the JSON document lists: ``reports`` or ``packages``.
    """

    def __init__(self, options: argparse.Namespace, *, of: str = "reports") -> None:
        reconfigure = getattr(sys.stdout, "reconfigure", None)  # not there in a REPL or a test
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")  # for what its encoding lacks
        self._json: bool = options.json
        self._junit: str | None = options.junit
        self._quiet: bool = options.quiet
        self._style = Style()
        self._document: dict[str, Any] = {"schema": SCHEMA, "ok": False, of: []}
        self._errors: list[dict[str, str]] = []
        self._suites: list[junit.Suite] = []
        self._all = _Sum()
        self._code = 0

    def report(self, report: Report) -> None:
        """Take the report about one path."""
        self._all.add(report)
        if not report.ok:
            self._code = max(self._code, 1)
        if self._json:
            self._document["reports"].append(report.to_dict())
        elif not (report.ok and self._quiet):
            print(*report_lines(report, self._style), sep="\n")
        if self._junit:
            self._suites += junit.suites(report)

    def installed(self, report: InstalledReport, *, verbose: bool) -> None:
        """Take the report about packages."""
        if not report.ok:
            self._code = max(self._code, 1)
        if self._json:
            self._document.update(report.to_dict())
        else:
            for line in installed_lines(report, self._style, verbose=verbose):
                if not (report.ok and self._quiet):
                    print(line)
        if self._junit:
            self._suites += [suite for each in report.packages for suite in _suites(each)]

    def error(self, path: str, error: Exception) -> None:
        """Take what kept a path from being verified at all."""
        self._code = 2
        self._all.errors += 1
        text = message(path, error)
        self._errors.append({"path": path, "message": text})
        if not self._json:
            print(f"checksig: {text}", file=sys.stderr)
        if self._junit:
            self._suites.append(junit.error_suite(path, text))

    def end(self) -> int:
        """Print what stands last, and return the exit code."""
        if self._junit:
            try:
                junit.write(self._junit, self._suites)
            except OSError as error:
                self.error(self._junit, error)
        if self._json:
            self._document |= {"ok": self._code == 0, "errors": self._errors}
            print(json.dumps(self._document, indent=2))
        elif self._all.paths > 1 and not (self._code == 0 and self._quiet):
            print(verdict(self._code == 0, str(self._all), self._all.total, self._style))
        return self._code


def _suites(package: PackageReport) -> list[junit.Suite]:
    name = f"{package.name} {package.version}"
    found = [] if package.report is None else junit.suites(package.report, name)
    if package.status is PackageStatus.UNVERIFIABLE:
        found.append(junit.error_suite(name, package.problem or "", package.status.value))
    return found or [junit.Suite(name, [], str(package))]


class _Sum:
    """What several reports say together."""

    def __init__(self) -> None:
        self.errors = 0
        self.total = Total()
        self._reports = 0
        self._counts: dict[str, int] = {}

    @property
    def paths(self) -> int:
        return self._reports + self.errors

    def add(self, report: Report) -> None:
        self._reports += 1
        self.total = self.total + Total.of(report)
        for name in ("verified", "mismatched", "missing", "unreadable", "skipped"):
            self._counts[name] = self._counts.get(name, 0) + getattr(report, name)
        self._counts["bad lines"] = self._counts.get("bad lines", 0) + len(report.bad_lines)

    def __str__(self) -> str:
        counts = [f"{n} {what}" for what, n in self._counts.items() if n or what == "verified"]
        if self.errors:
            counts.append(f"{self.errors} not to be verified")
        return f"{self.paths} paths, {self.total.files} entries: {', '.join(counts)}"
