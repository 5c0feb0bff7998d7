"""JUnit's XML, which CI systems show: a test suite for each manifest.

Each failure, each bad line and each file that is not to be there is a test case. The entries that
were verified are not, as a manifest may have millions: each suite has one test case for the
manifest itself, with the counts.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, NamedTuple

from .. import Status
from ..report import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO
    from xml.sax.saxutils import XMLGenerator

    from .. import BadLine, Report, Result

__all__ = ["Suite", "error_suite", "suites", "write"]

_ELEMENTS = {
    Status.MISMATCHED: "failure",
    Status.MISSING: "failure",
    Status.UNREADABLE: "error",
}


class Case(NamedTuple):
    """A test case that did not pass."""

    name: str
    element: str
    """``failure`` or ``error``."""
    kind: str
    message: str


class Suite(NamedTuple):
    """A manifest, or what else was to be verified."""

    name: str
    cases: Sequence[Case]
    summary: str | None
    """The counts, for a test case that passes; None where there is nothing to count."""
    seconds: float = 0.0


def suites(report: Report, name: str | None = None) -> list[Suite]:
    """Return a suite for each manifest of *report*, called *name* instead if that is given."""
    cases: collections.defaultdict[str, list[Case]] = collections.defaultdict(list)
    for result in report.failures:
        cases[result.manifest].append(_case(result))
    for bad in report.bad_lines:
        cases[bad.manifest].append(_bad_case(bad))
    found = [
        Suite(name or manifest.path, cases[manifest.path], report.summary(), report.elapsed)
        for manifest in report.manifests
    ]
    extras = [
        Case(extra.path, "failure", "not listed", "no manifest lists this file")
        for extra in report.extras
        if extra.fails
    ]
    if extras:
        found.append(Suite(name or report.path, extras, None))
    if not report.ok and not cases and not extras:  # nothing was verified, say
        found.append(error_suite(name or report.path, report.summary()))
    return found


def error_suite(name: str, message: str, kind: str = "error") -> Suite:
    """Return a suite for what could not be verified at all."""
    return Suite(name, [Case(name, "error", kind, message)], None)


def _case(result: Result) -> Case:
    message = result.detail or result.status.value
    if result.status is Status.MISMATCHED and result.found:
        message = f"{result.algorithm} listed {result.expected}, found {result.found}"
    return Case(result.name, _ELEMENTS[result.status], result.status.value, message)


def _bad_case(bad: BadLine) -> Case:
    where = f"line {bad.line}" if bad.line else "manifest"
    return Case(where, "error", "bad line", f"{bad.cause}: {bad.text}" if bad.text else bad.cause)


def write(path: str, found: Iterable[Suite]) -> None:
    """Write the document to *path*.

    :raises OSError: it cannot be written.
    """
    with open(path, "wb") as file:
        _write(file, list(found))


def _write(file: BinaryIO, found: list[Suite]) -> None:
    from xml.sax.saxutils import XMLGenerator  # here: only who asks for XML waits for it

    xml = XMLGenerator(file, "utf-8", short_empty_elements=True)
    xml.startDocument()
    _start(xml, "testsuites", name="checksig", **_counts(found))
    for suite in found:
        time = f"{suite.seconds:.3f}"
        _start(xml, "testsuite", name=suite.name, **_counts([suite]), time=time)
        if suite.summary is not None:
            _start(xml, "testcase", classname=suite.name, name="manifest", time=time)
            _start(xml, "system-out")
            xml.characters(printable(suite.summary))
            xml.endElement("system-out")
            xml.endElement("testcase")
        for case in suite.cases:
            _start(xml, "testcase", classname=suite.name, name=case.name, time="0.000")
            _start(xml, case.element, type=case.kind, message=case.message)
            xml.endElement(case.element)
            xml.endElement("testcase")
        xml.endElement("testsuite")
    xml.endElement("testsuites")
    xml.endDocument()


def _counts(found: list[Suite]) -> dict[str, str]:
    count = collections.Counter(case.element for suite in found for case in suite.cases)
    passed = sum(suite.summary is not None for suite in found)
    return {
        "tests": str(count.total() + passed),
        "failures": str(count["failure"]),
        "errors": str(count["error"]),
        "skipped": "0",
    }


def _start(xml: XMLGenerator, element: str, **attributes: str) -> None:
    from xml.sax.xmlreader import AttributesImpl

    # XML has no way to say a control character, nor bytes that are no text: they are escaped.
    escaped = {name: printable(value) for name, value in attributes.items()}
    xml.startElement(element, AttributesImpl(escaped))
