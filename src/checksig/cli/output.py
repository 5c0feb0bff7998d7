"""The output of reports: as text, as one JSON document, and as JUnit XML."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .. import ChecksigError, PackageStatus
from .._printable import printable, printable_text
from . import junit
from .arguments import add_flag, group_of
from .streams import complain, write
from .text import Style, Total, installed_lines, report_lines, summary_line

if TYPE_CHECKING:
    import argparse

    from .. import InstalledReport, PackageReport, Report

__all__ = ["SCHEMA", "Output", "add_output_arguments", "error_message"]

SCHEMA = 1
"""The version of the JSON document, which src/checksig/schema describes."""


def add_output_arguments(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the options for the kind of output; *what* is reported, such as "a PATH"."""
    add_flag(parser, "--json", text="print one JSON document")
    group_of(parser, "output").add_argument(
        "--junit", metavar="FILE", help="also write the failures to FILE as JUnit XML"
    )
    add_flag(parser, "-q", "--quiet", text=f"print nothing for {what} that is verified")


def error_message(path: str, error: Exception) -> str:
    """Return one line about an error; *path* is for one that names no file."""
    if isinstance(error, OSError) and error.strerror:
        name = path if error.filename is None else error.filename
        return f"{printable(os.fsdecode(name))}: {printable_text(error.strerror)}"
    return str(error) if isinstance(error, ChecksigError) else printable_text(str(error))


class Output:
    """Prints reports in the form that the command line asks for.

    :param of: The key in the JSON document, ``reports`` or ``packages``.
    """

    def __init__(self, options: argparse.Namespace, *, of: str = "reports") -> None:
        self._json: bool = options.json
        self._junit: str | None = options.junit
        self._quiet: bool = options.quiet
        self._style = Style()
        self._document: dict[str, Any] = {"schema": SCHEMA, "ok": False, of: []}
        self._errors: list[dict[str, str]] = []
        self._suites: list[junit.Suite] = []
        self._total = _Sum()
        self._code = 0

    def report(self, report: Report) -> None:
        """Print the report about one path, or keep it for the end."""
        self._total.add(report)
        if not report.ok:
            self._code = max(self._code, 1)
        if self._json:
            self._document["reports"].append(report.to_dict())
        elif not (report.ok and self._quiet):
            for line in report_lines(report, self._style):
                write(line)
        if self._junit:
            self._suites += junit.suites(report)

    def installed(self, report: InstalledReport, *, verbose: bool) -> None:
        """Print the report about packages, or keep it for the end."""
        if not report.ok:
            self._code = max(self._code, 1)
        if self._json:
            self._document.update(report.to_dict())
        else:
            for line in installed_lines(report, self._style, verbose=verbose):
                if not (report.ok and self._quiet):
                    write(line)
        if self._junit:
            self._suites += [suite for each in report.packages for suite in _suites(each)]

    def error(self, path: str, error: Exception) -> None:
        """Print an error that prevented the verification of a path."""
        self._code = 2
        self._total.errors += 1
        text = error_message(path, error)
        self._errors.append({"path": path, "message": text})
        if not self._json:
            complain(text)
        if self._junit:
            self._suites.append(junit.error_suite(path, text))

    def end(self) -> int:
        """Print the end of the output, and return the exit code."""
        if self._junit:
            try:
                junit.write(self._junit, self._suites)
            except OSError as error:
                self.error(self._junit, error)
        if self._json:
            self._document |= {"ok": self._code == 0, "errors": self._errors}
            import json

            write(json.dumps(self._document, indent=2))
        elif self._total.paths > 1 and not (self._code == 0 and self._quiet):
            write(summary_line(self._code == 0, str(self._total), self._total.total, self._style))
        return self._code


def _suites(package: PackageReport) -> list[junit.Suite]:
    name = f"{package.name} {package.version}"
    found = [] if package.report is None else junit.suites(package.report, name)
    if package.status is PackageStatus.UNVERIFIABLE:
        found.append(junit.error_suite(name, package.problem or "", package.status.value))
    return found or [junit.Suite(name, [], str(package))]


class _Sum:
    """The sum of several reports."""

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
        self._counts["bad lines"] = self._counts.get("bad lines", 0) + report.bad_line_count

    def __str__(self) -> str:
        counts = [f"{n} {what}" for what, n in self._counts.items() if n or what == "verified"]
        if self.errors:
            counts.append(f"{self.errors} could not be verified")
        return f"{self.paths} paths, {self.total.files} entries: {', '.join(counts)}"
