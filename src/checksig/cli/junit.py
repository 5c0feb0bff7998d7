"""Reports as JUnit XML, which CI systems show: a test suite for each manifest.

Each failure, each bad line and each unlisted file is a test case. Verified entries are not, as a
manifest can have millions: each suite has one test case for the manifest, with its counts. A test
case is known by the names of its suite and its own, so both are unique.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, NamedTuple

from .. import InstalledReport, PackageStatus, Report, Status
from .._notes import notes
from .._printable import printable, printable_text
from ..report import cause_and_text, in_words, stored_in_words, why

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .. import BadLine, PackageReport, Result
    from .exports import Item

__all__ = ["document"]

_ELEMENTS = {
    Status.MISMATCHED: "failure",
    Status.MISSING: "failure",
    Status.UNREADABLE: "error",
}
_LEFT = "entries left for another run"


class Case(NamedTuple):
    """A test case that failed."""

    name: str
    element: str
    """``failure``, ``error`` or ``skipped``."""
    kind: str
    message: str
    where: str = ""
    """What is added to a name that is not unique."""


class Suite(NamedTuple):
    """A test suite: a manifest, a package, or a path that could not be verified."""

    name: str
    cases: Sequence[Case]
    summary: str | None
    """The counts and notes, for a test case that passes; None without such a test case."""
    seconds: float = 0.0


def document(items: Iterable[Item], *, interrupted: bool = False) -> bytes:
    """Return the document about *items*."""
    found = [suite for item in items for suite in _suites_of(item)]
    if interrupted:
        text = "interrupted: not everything was verified"
        found.append(_error_suite("checksig", text, "interrupted"))
    return _encode(found)


def _suites_of(item: Item) -> list[Suite]:
    if isinstance(item, Report):
        return list(_suites(item))
    if isinstance(item, InstalledReport):
        return [suite for package in item.packages for suite in _package_suites(package)]
    return [_error_suite(item.path, item.message)]


def _package_suites(package: PackageReport) -> list[Suite]:
    name = f"{package.name} {package.version}"
    found = [] if package.report is None else list(_suites(package.report, name))
    if package.status is PackageStatus.UNVERIFIABLE:
        found.append(_error_suite(name, package.problem or "", package.status.value))
    return found or [Suite(name, [], str(package))]


def _suites(report: Report, name: str | None = None) -> Iterator[Suite]:
    """Yield a suite for each manifest of *report*, named *name* if that is given."""
    cases: collections.defaultdict[str, list[Case]] = collections.defaultdict(list)
    for result in report.failures:
        cases[result.manifest].append(_case(result))
    for bad in report.bad_lines:
        cases[bad.manifest].append(_bad_case(bad))
    if report.bad_lines_omitted and report.bad_lines:
        message = f"{report.bad_lines_omitted:,} more bad lines"
        cases[report.bad_lines[-1].manifest].append(
            Case("more lines", "error", "bad lines", message)
        )
    seconds = report.elapsed
    summaries = _summaries(report)
    for path in dict.fromkeys([*summaries, *cases]):
        yield Suite(name or path, cases[path], summaries.get(path), seconds)
        seconds = 0.0  # the time is that of all manifests
    unlisted = [
        Case(extra.path, "failure", "not listed", "no manifest lists this file")
        for extra in report.unlisted
        if extra.fails
    ]
    if unlisted:
        yield Suite(name or report.path, unlisted, None)
    if report.not_verified:
        message = f"{report.not_verified} entries were not verified in this run"
        yield Suite(f"{name or report.path}: {_LEFT}", [Case(_LEFT, "skipped", "", message)], None)
    if not report.ok and not cases and not unlisted:  # for example because nothing was verified
        yield _error_suite(name or report.path, report.summary())


def _summaries(report: Report) -> dict[str, str]:
    """Return the counts of each manifest, and the notes about the report with the first."""
    if len(report.manifests) == 1:
        found = {report.manifests[0].path: report.summary()}
    else:
        counts = {manifest.path: collections.Counter[str]() for manifest in report.manifests}
        stored = collections.Counter[str]()
        for result in report.iter_results():
            counts.setdefault(result.manifest, collections.Counter())[result.status.value] += 1
            stored[result.manifest] += result.status == "verified" and result.evidence == "stored"
        for bad in report.bad_lines:
            counts.setdefault(bad.manifest, collections.Counter())[bad.kind] += 1
        found = {
            path: ", ".join(
                part + stored_in_words(count["verified"], stored[path]) * part.endswith(" verified")
                for part in in_words(sorted(count.items(), key=_place))
            )
            or "no entry"
            for path, count in counts.items()
        }
    for manifest in report.manifests:
        signed = [f"signed by {signer}" for signer in manifest.signers]
        found[manifest.path] = "\n".join([found[manifest.path], *signed])
    for path in list(found)[:1]:
        found[path] = "\n".join([found[path], *notes([report])])
    return found


def _place(count: tuple[str, int]) -> int:
    """Return where a count stands among others: those of entries come first."""
    states = [status.value for status in Status]
    return states.index(count[0]) if count[0] in states else len(states)


def _error_suite(name: str, message: str, kind: str = "error") -> Suite:
    """Return a suite for a path that could not be verified at all."""
    return Suite(name, [Case(name, "error", kind, message)], None)


def _case(result: Result) -> Case:
    kind, where = result.reason or result.status.value, f"{result.algorithm}, line {result.line}"
    return Case(result.name, _ELEMENTS[result.status], kind, why(result), where)


def _bad_case(bad: BadLine) -> Case:
    where = f"line {bad.line}" if bad.line else "manifest"
    return Case(where, "error", bad.kind, cause_and_text(bad), bad.kind)


class _Names:
    """Names of which none is returned twice."""

    def __init__(self, *taken: str) -> None:
        self._taken = set(taken)
        self._next: dict[str, int] = {}

    def unique(self, name: str, where: str = "") -> str:
        """Return *name*, with *where* or a number added if it is taken."""
        found = name
        if found in self._taken and where:
            name = found = f"{name} ({where})"
        while found in self._taken:
            self._next[name] = self._next.get(name, 1) + 1
            found = f"{name} ({self._next[name]})"
        self._taken.add(found)
        return found


def _encode(found: list[Suite]) -> bytes:
    from xml.etree import ElementTree as ET  # only this needs it

    seconds = sum(suite.seconds for suite in found)
    root = ET.Element(
        "testsuites", _attributes(name="checksig", **_counts(found), time=f"{seconds:.3f}")
    )
    names = _Names()
    for suite in found:
        time = f"{suite.seconds:.3f}"
        name = names.unique(suite.name)
        attributes = _attributes(name=name, **_counts([suite]), time=time)
        element = ET.SubElement(root, "testsuite", attributes)
        cases = _Names("manifest")
        if suite.summary is not None:
            attributes = _attributes(classname=name, name="manifest", time=time)
            passed = ET.SubElement(element, "testcase", attributes)
            lines = map(printable_text, suite.summary.split("\n"))
            ET.SubElement(passed, "system-out").text = "\n".join(lines)
        for case in suite.cases:
            unique = cases.unique(case.name, case.where)
            attributes = _attributes(classname=name, name=unique, time="0.000")
            failed = ET.SubElement(element, "testcase", attributes)
            attributes = _attributes(type=case.kind, message=case.message)
            if case.element == "skipped":
                del attributes["type"]
            ET.SubElement(failed, case.element, attributes)
    encoded: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return encoded + b"\n"


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
        "skipped": str(count["skipped"]),
    }
