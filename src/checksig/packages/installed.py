"""Reports about installed packages, of a Python environment or of the system."""

from __future__ import annotations

import enum
from typing import Any

from .._frozen import dataclass
from .._printable import printable, printable_text
from .._short import short
from ..report import BadLine, Manifest, Report, Result, to_document

__all__ = [
    "InstalledReport",
    "PackageReport",
    "PackageStatus",
    "unreadable_record",
    "without_foreign_text",
]


def unreadable_record(path: str, cause: str) -> Report:
    """Return the report about a record that cannot be read, which is never ok."""
    bad = BadLine(path, 0, "", cause)
    return Report(path, (Manifest(path, ""),), 0, 0, 0, 0, 0, (), (bad,), 0, 0.0)


def without_foreign_text(report: Report) -> Report:
    """Return *report* without the text of bad lines if no line of the record was understood.

    Then the record may be another file, such as a hard link to one that only few may read.
    """
    from dataclasses import replace  # not needed otherwise, and takes long

    if report.entries or not report.bad_lines:
        return report
    bad_lines = tuple(bad._replace(text="") for bad in report.bad_lines)
    for new, old in zip(bad_lines, report.bad_lines):  # noqa: B905 - made of each other
        new.code = old.code
    return replace(report, bad_lines=bad_lines)


class PackageStatus(str, enum.Enum):
    """The outcome of a package."""

    VERIFIED = "verified"
    """Every recorded file is as recorded, or there are no files."""
    FAILED = "failed"
    """Something is not as recorded."""
    UNVERIFIABLE = "unverifiable"
    """There is no record, or one by which nothing or not all was verified; ``problem`` says why."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class PackageReport:
    """The report about one package."""

    name: str
    """The name of the package; for dpkg with the architecture if several can be installed, such as
    ``libc6:amd64``."""
    version: str
    """Its version; empty if unknown. For rpm with the epoch, the release and the architecture."""
    path: str
    """The path of its record, or without one the folder or file that shows it is installed."""
    report: Report | None
    """The report about its files; None without a record or files."""
    problem: str | None = None
    """Why the package cannot be verified completely."""
    undigested: int = 0
    """The number of files that the record lists without a digest, mostly ``.pyc`` files. They are
    not verified. The RECORD itself is not counted."""
    skipped: tuple[Result, ...] = ()
    """Files that need not exist, or now belong to another package; ``detail`` says why."""

    @property
    def status(self) -> PackageStatus:
        """The outcome."""
        if self.report is not None and not self.report.ok and not self._all_skipped(self.report):
            return PackageStatus.FAILED
        return PackageStatus.UNVERIFIABLE if self.problem else PackageStatus.VERIFIED

    @staticmethod
    def _all_skipped(report: Report) -> bool:
        return report.skipped == report.entries > 0 and not report.bad_line_count

    def __repr__(self) -> str:
        name = type(self).__qualname__
        return f"<{name} {short(self.name)} {short(self.version)} {self.status.upper()}>"

    def __str__(self) -> str:
        title = f"{printable(self.name)} {printable(self.version)}".rstrip()
        parts = [] if self.report is None else [self.report.summary()]
        if self.problem:
            parts.append(printable_text(self.problem))
        return f"{title}: {'; '.join(parts) or 'no files'}"

    def to_dict(self) -> dict[str, Any]:
        """Return the report as types of JSON."""
        return {
            "name": self.name,
            "version": self.version,
            "path": self.path,
            "status": self.status.value,
            "problem": self.problem,
            "undigested": self.undigested,
            "skipped": [result._asdict() for result in self.skipped],
            "report": None if self.report is None else self.report.to_dict(),
        }


@dataclass(frozen=True)
class InstalledReport:
    """The report about all packages; true, like :attr:`ok`, if everything is as recorded."""

    path: str
    """The environment's prefix, or the root of the file system."""
    packages: tuple[PackageReport, ...]
    """The reports about the packages, sorted by name."""
    ignore_unrecorded: bool = False
    """Whether packages that cannot be verified are not counted as failures."""

    def of(self, status: PackageStatus) -> tuple[PackageReport, ...]:
        """Return the packages with this outcome."""
        return tuple(package for package in self.packages if package.status is status)

    @property
    def ok(self) -> bool:
        """Whether every package is verified, except those that are ignored."""
        statuses = {package.status for package in self.packages}
        if self.ignore_unrecorded:
            statuses.discard(PackageStatus.UNVERIFIABLE)
        return statuses == {PackageStatus.VERIFIED}

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        verdict = "OK" if self.ok else "FAILED"
        return f"<{type(self).__qualname__} {short(self.path)} {verdict}: {self.summary()}>"

    def _repr_html_(self) -> str:
        """Return the report as HTML, for notebooks."""
        from .._html import fragment

        return fragment(self)

    def summary(self) -> str:
        """Return the counts in one line."""
        counts = [
            (len(self.of(PackageStatus.VERIFIED)), "verified"),
            (len(self.of(PackageStatus.FAILED)), "failed"),
            (len(self.of(PackageStatus.UNVERIFIABLE)), "not verifiable"),
        ]
        parts = [f"{n:,} {what}" for n, what in counts if n or what == "verified"]
        text = f"{len(self.packages)} packages: {', '.join(parts)}"
        undigested = sum(package.undigested for package in self.packages)
        return f"{text}; {undigested:,} files recorded without a digest" if undigested else text

    def __str__(self) -> str:
        lines = [str(p) for p in self.packages if p.status is not PackageStatus.VERIFIED]
        return "\n".join([self.summary(), *lines])

    def to_dict(self) -> dict[str, Any]:
        """Return the report as types of JSON."""
        return {
            "ok": self.ok,
            "packages": [package.to_dict() for package in self.packages],
            "path": self.path,
            "ignore_unrecorded": self.ignore_unrecorded,
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the JSON document that the commands print with ``--json``, in ASCII.

        It has what :meth:`to_dict` returns; see :meth:`checksig.Report.to_json`.
        """
        import json

        return json.dumps(to_document(self.to_dict(), ok=self.ok), indent=indent)
