"""What became of installed packages: those of a Python environment, or the system's."""

from __future__ import annotations

import enum
from typing import Any

from .._frozen import dataclass
from ..report import Report, Result, printable

__all__ = ["InstalledReport", "PackageReport", "PackageStatus"]


class PackageStatus(str, enum.Enum):
    """What became of a package."""

    VERIFIED = "verified"
    """All that its record lists is as listed, or it has no files."""
    FAILED = "failed"
    """Something is not as its record lists it."""
    UNVERIFIABLE = "unverifiable"
    """There is no record of it, or one that does not cover its code; ``problem`` says why."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class PackageReport:
    """What became of one package."""

    name: str
    """As the package calls itself; for dpkg with its architecture where that tells it from others,
    ``libc6:amd64``."""
    version: str
    """Empty if it does not say."""
    path: str
    """Its record, or the folder or file that tells of it where there is no record."""
    report: Report | None
    """What became of the files recorded; None if there is no record, or no file."""
    problem: str | None = None
    """Why the package cannot be verified, or not wholly."""
    undigested: int = 0
    """Files that the record lists without a digest, and that are not verified: ``.pyc`` files,
    mostly. A RECORD itself is not counted."""
    skipped: tuple[Result, ...] = ()
    """Files that are not expected to be there, or to be the package's; ``detail`` says why."""

    @property
    def status(self) -> PackageStatus:
        """What became of it."""
        if self.report is not None and not self.report.ok and not self._all_skipped(self.report):
            return PackageStatus.FAILED
        return PackageStatus.UNVERIFIABLE if self.problem else PackageStatus.VERIFIED

    @staticmethod
    def _all_skipped(report: Report) -> bool:
        return report.skipped == report.entries > 0 and not report.bad_lines

    def __str__(self) -> str:
        title = f"{printable(self.name)} {printable(self.version)}".rstrip()
        parts = [] if self.report is None else [self.report.summary()]
        if self.problem:
            parts.append(self.problem)
        return f"{title}: {'; '.join(parts) or 'no files'}"

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON knows it."""
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
    """What became of all packages. It is true, as :attr:`ok` is, when all is as recorded."""

    path: str
    """The environment's prefix, or the root of the file system."""
    packages: tuple[PackageReport, ...]
    """In the order of their names."""
    ignore_unrecorded: bool = False
    """Whether packages that cannot be verified were allowed for."""

    def of(self, status: PackageStatus) -> tuple[PackageReport, ...]:
        """Return the packages of which this became."""
        return tuple(package for package in self.packages if package.status is status)

    @property
    def ok(self) -> bool:
        """Whether every package is verified, but for those that were allowed for."""
        statuses = {package.status for package in self.packages}
        if self.ignore_unrecorded:
            statuses.discard(PackageStatus.UNVERIFIABLE)
        return statuses == {PackageStatus.VERIFIED}

    def __bool__(self) -> bool:
        return self.ok

    def summary(self) -> str:
        """Return the counts in one line."""
        counts = [
            (len(self.of(PackageStatus.VERIFIED)), "verified"),
            (len(self.of(PackageStatus.FAILED)), "failed"),
            (len(self.of(PackageStatus.UNVERIFIABLE)), "not verifiable"),
        ]
        parts = [f"{n} {what}" for n, what in counts if n or what == "verified"]
        text = f"{len(self.packages)} packages: {', '.join(parts)}"
        undigested = sum(package.undigested for package in self.packages)
        return f"{text}; {undigested} files recorded without a digest" if undigested else text

    def __str__(self) -> str:
        lines = [str(p) for p in self.packages if p.status is not PackageStatus.VERIFIED]
        return "\n".join([self.summary(), *lines])

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON knows it."""
        return {
            "ok": self.ok,
            "path": self.path,
            "ignore_unrecorded": self.ignore_unrecorded,
            "packages": [package.to_dict() for package in self.packages],
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """Return :meth:`to_dict` as JSON, in ASCII; see :meth:`checksig.Report.to_json`."""
        import json

        return json.dumps(self.to_dict(), indent=indent)
