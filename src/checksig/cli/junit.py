"""Reports as JUnit XML, which CI systems show: a test suite for each manifest.

Each failure, each bad line and each unlisted file is a test case. Verified entries are not, as a
manifest can have millions: each suite has one test case for the manifest, with the counts.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, NamedTuple

from .. import Status
from .._printable import printable, printable_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .. import BadLine, Report, Result

__all__ = ["Suite", "error_suite", "suites", "write"]

_ELEMENTS = {
    Status.MISMATCHED: "failure",
    Status.MISSING: "failure",
    Status.UNREADABLE: "error",
}


class Case(NamedTuple):
    """A test case that failed."""

    name: str
    element: str
    """``failure`` or ``error``."""
    kind: str
    message: str


class Suite(NamedTuple):
    """A test suite: a manifest, a package, or a path that could not be verified."""

    name: str
    cases: Sequence[Case]
    summary: str | None
    """The counts, for a test case that passes; None without such a test case."""
    seconds: float = 0.0


def suites(report: Report, name: str | None = None) -> list[Suite]:
    """Return a suite for each manifest of *report*, named *name* if that is given."""
    cases: collections.defaultdict[str, list[Case]] = collections.defaultdict(list)
    for result in report.failures:
        cases[result.manifest].append(_case(result))
    for bad in report.bad_lines:
        cases[bad.manifest].append(_bad_case(bad))
    if report.bad_lines_omitted and report.bad_lines:
        message = f"{report.bad_lines_omitted} more bad lines"
        cases[report.bad_lines[-1].manifest].append(
            Case("more lines", "error", "bad lines", message)
        )
    found = [
        Suite(name or manifest.path, cases[manifest.path], report.summary(), report.elapsed)
        for manifest in report.manifests
    ]
    unlisted = [
        Case(extra.path, "failure", "not listed", "no manifest lists this file")
        for extra in report.unlisted
        if extra.fails
    ]
    if unlisted:
        found.append(Suite(name or report.path, unlisted, None))
    if not report.ok and not cases and not unlisted:  # for example because nothing was verified
        found.append(error_suite(name or report.path, report.summary()))
    return found


def error_suite(name: str, message: str, kind: str = "error") -> Suite:
    """Return a suite for a path that could not be verified at all."""
    return Suite(name, [Case(name, "error", kind, message)], None)


def _case(result: Result) -> Case:
    message = result.detail or result.status.value
    if result.status is Status.MISMATCHED and result.found:
        message = f"{result.algorithm} listed {result.expected}, found {result.found}"
    kind = result.reason or result.status.value
    return Case(result.name, _ELEMENTS[result.status], kind, message)


def _bad_case(bad: BadLine) -> Case:
    where = f"line {bad.line}" if bad.line else "manifest"
    return Case(where, "error", bad.kind, f"{bad.cause}: {bad.text}" if bad.text else bad.cause)


def write(path: str, found: Iterable[Suite]) -> None:
    """Write the document to *path*.

    :raises OSError: it cannot be written.
    """
    from xml.etree import ElementTree as ET  # only --junit needs it

    found = list(found)
    root = ET.Element("testsuites", _attributes(name="checksig", **_counts(found)))
    for suite in found:
        time = f"{suite.seconds:.3f}"
        attributes = _attributes(name=suite.name, **_counts([suite]), time=time)
        element = ET.SubElement(root, "testsuite", attributes)
        if suite.summary is not None:
            attributes = _attributes(classname=suite.name, name="manifest", time=time)
            passed = ET.SubElement(element, "testcase", attributes)
            ET.SubElement(passed, "system-out").text = printable_text(suite.summary)
        for case in suite.cases:
            attributes = _attributes(classname=suite.name, name=case.name, time="0.000")
            failed = ET.SubElement(element, "testcase", attributes)
            attributes = _attributes(type=case.kind, message=case.message)
            ET.SubElement(failed, case.element, attributes)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _attributes(**values: str) -> dict[str, str]:
    # XML cannot represent control characters or undecodable bytes, so they are escaped.
    return {name: printable(value) for name, value in values.items()}


def _counts(found: list[Suite]) -> dict[str, str]:
    count = collections.Counter(case.element for suite in found for case in suite.cases)
    passed = sum(suite.summary is not None for suite in found)
    return {
        "tests": str(count.total() + passed),
        "failures": str(count["failure"]),
        "errors": str(count["error"]),
        "skipped": "0",
    }
