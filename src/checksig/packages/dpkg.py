"""The packages of a Debian system, against the MD5 digests that dpkg keeps of their files.

The files of ``/var/lib/dpkg`` are described in the man pages :manpage:`dpkg(1)`,
:manpage:`deb-md5sums(5)` and :manpage:`dpkg-divert(1)`. Files are taken for what ``dpkg --verify``
takes them for, and a diverted one, which that passes over, is verified where it is: what another
package has replaced, or a filter (``path-exclude``) left out, is skipped.
"""

from __future__ import annotations

import collections
import dataclasses
import fnmatch
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .installed import InstalledReport, PackageReport
from .._verify import verify
from ..errors import ManifestError, ManifestNotFoundError
from ..report import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from os import PathLike

    from ..report import Report, Result

__all__ = ["verify_dpkg"]

_ADMIN = Path("var", "lib", "dpkg")
_CONFIG = Path("etc", "dpkg")
_WITH_FILES = {"installed", "triggers-pending", "triggers-awaited", "half-configured", "unpacked"}


def verify_dpkg(
    *packages: str,
    root: str | PathLike[str] = "/",
    ignore_unrecorded: bool = False,
    workers: int | None = None,
    package: Callable[[PackageReport], object] | None = None,
) -> InstalledReport:
    """Verify the files of Debian packages against dpkg's MD5 digests.

    These find accidents: whoever can change the files can change the digests, too. Configuration
    files have none there, and are not verified.

    :param packages: their names, ``dash`` or ``libc6:amd64``; every installed one if none is given.
    :param root: the folder that the system lies in, such as a chroot.
    :param ignore_unrecorded: let packages without digests not count as failures.
    :param workers: how many files are read at once, as for :func:`checksig.verify`.
    :param package: called with each package's report as soon as it is known.

    :raises ManifestNotFoundError: there is no dpkg, or a package is not installed.
    :raises ManifestError: what dpkg has noted cannot be understood.
    :raises OSError: it cannot be read.
    :raises EngineError: the engine cannot be started, or failed.
    """
    system = _System(Path(os.path.abspath(root)))
    reports: list[PackageReport] = []
    for each in system.chosen(packages):
        report = system.verify(each, workers)
        reports.append(report)
        if package is not None:
            package(report)
    if not reports:
        raise ManifestNotFoundError(f"{system.root}: no package is installed there")
    return InstalledReport(str(system.root), tuple(reports), ignore_unrecorded)


class _Package(NamedTuple):
    """A package, from dpkg's file ``status``."""

    name: str
    architecture: str
    version: str
    state: str
    several: bool
    """Whether it may be installed for several architectures at once."""
    conffiles: frozenset[str]

    @property
    def title(self) -> str:
        return f"{self.name}:{self.architecture}" if self.several else self.name


class _Diversion(NamedTuple):
    """The file *original*, of any package but *owner* (":" if that is none), is at *target*."""

    original: str
    target: str
    owner: str


class _Filter(NamedTuple):
    """Whether files that match *pattern* are installed; of several that match, the last counts."""

    pattern: str
    include: bool


class _System:
    def __init__(self, root: Path) -> None:
        self.root = root
        self._info = root / _ADMIN / "info"
        try:
            self._packages = list(_read_status(root / _ADMIN / "status"))
        except FileNotFoundError as error:
            raise ManifestNotFoundError(f"{root}: dpkg has installed nothing there") from error
        self._diversions = _read_diversions(root / _ADMIN / "diversions")
        self._filters = list(_read_filters(root / _CONFIG))

    def chosen(self, names: tuple[str, ...]) -> list[_Package]:
        """Return the packages of these names, or all, in the order of their names."""
        if not names:
            return sorted(self._packages, key=lambda p: p.title)
        chosen: list[_Package] = []
        for name in names:
            plain, _, architecture = name.partition(":")
            found = [
                p
                for p in self._packages
                if p.name == plain and architecture in {"", p.architecture}
            ]
            if not found:
                raise ManifestNotFoundError(f"{name}: no such package is installed")
            chosen += found
        return chosen

    def verify(self, package: _Package, workers: int | None) -> PackageReport:
        """Verify the files of one package."""
        if package.state not in _WITH_FILES:
            path = str(self.root / _ADMIN / "status")
            return PackageReport(package.title, package.version, path, None, package.state)
        sums = self._file(package, "md5sums")
        if not sums.exists() or not sums.stat().st_size:
            problem = "no md5sums" if self._has_files(package) else None
            return PackageReport(package.title, package.version, str(sums), None, problem)
        report = verify(
            sums,
            check=False,
            keep_verified=False,
            workers=workers,
            format="dpkg",
            algorithm="md5",
            root=self.root,
            remap=self._diverted(package),
            # Nothing is outside of "/"; and a chroot's absolute links do not lead into it.
            follow_outside=self.root == Path("/"),
        )
        skipped: list[Result] = []
        if report.failures:
            report, skipped = self._excuse(report, self._listed(package))
        return PackageReport(
            package.title, package.version, str(sums), report, skipped=tuple(skipped)
        )

    def _file(self, package: _Package, suffix: str) -> Path:
        return self._info / f"{package.title}.{suffix}"

    def _listed(self, package: _Package) -> frozenset[str]:
        """Return what dpkg holds for the package's, which is no more what others replaced."""
        with self._file(package, "list").open(encoding="utf-8", errors="surrogateescape") as file:
            return frozenset(line.rstrip("\n") for line in file)

    def _has_files(self, package: _Package) -> bool:
        for name in self._listed(package) - package.conffiles:
            path = self.root / name.lstrip("/")
            if path.is_file() and not path.is_symlink():
                return True
        return False

    def _diverted(self, package: _Package) -> Mapping[str, str]:
        return {
            diversion.original.lstrip("/"): diversion.target.lstrip("/")
            for diversion in self._diversions
            if diversion.owner != package.name
        }

    def _excuse(self, report: Report, listed: frozenset[str]) -> tuple[Report, list[Result]]:
        """Take what dpkg does not expect to be there out of the failures."""
        skipped: list[Result] = []
        failures: list[Result] = []
        for result in report.failures:
            why = self._excuse_of(result, listed)
            if why is None:
                failures.append(result)
            else:
                skipped.append(result._replace(status=Status.SKIPPED, detail=why))
        count = collections.Counter(result.status for result in failures)
        report = dataclasses.replace(
            report,
            failures=tuple(failures),
            mismatched=count[Status.MISMATCHED],
            missing=count[Status.MISSING],
            unreadable=count[Status.UNREADABLE],
            skipped=report.skipped + len(skipped),
        )
        return report, skipped

    def _excuse_of(self, result: Result, listed: frozenset[str]) -> str | None:
        name = f"/{result.name}"
        if name not in listed:
            return "another package has replaced it"
        return self._filtered(name) if result.status is Status.MISSING else None

    def _filtered(self, name: str) -> str | None:
        last: _Filter | None = None
        for each in self._filters:
            if fnmatch.fnmatchcase(name, each.pattern):
                last = each
        if last is None or last.include:
            return None
        return f"left out at the installation: path-exclude={last.pattern}"


def _read_status(path: Path) -> Iterator[_Package]:
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        for fields in _stanzas(file):
            try:
                state = fields["Status"].split()[2]
                if state in {"config-files", "not-installed"}:
                    continue  # its files are gone, as was wanted
                yield _Package(
                    name=fields["Package"],
                    architecture=fields["Architecture"],
                    version=fields["Version"],
                    state=state,
                    several=fields.get("Multi-Arch") == "same",
                    conffiles=frozenset(
                        line.split()[0] for line in fields.get("Conffiles", "").splitlines() if line
                    ),
                )
            except (KeyError, IndexError) as error:
                name = fields.get("Package", "?")
                raise ManifestError(f"{path}: the entry of {name} is not understood") from error


def _stanzas(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """Yield the fields of each paragraph; see :manpage:`deb822(5)`."""
    fields: dict[str, str] = {}
    last = ""
    for line in lines:
        if line.isspace():
            if fields:
                yield fields
            fields, last = {}, ""
        elif line[0] in " \t":
            if last:
                fields[last] += "\n" + line.strip()
        else:
            last, _, value = line.partition(":")
            fields[last] = value.strip()
    if fields:
        yield fields


def _read_diversions(path: Path) -> list[_Diversion]:
    try:
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return []
    if len(lines) % 3:
        raise ManifestError(f"{path}: is cut short")
    return [_Diversion(*lines[i : i + 3]) for i in range(0, len(lines), 3)]


def _read_filters(folder: Path) -> Iterator[_Filter]:
    """Yield the filters of dpkg's configuration, in the order in which dpkg reads it."""
    parts = sorted((folder / "dpkg.cfg.d").glob("*"))
    files = [path for path in parts if re.fullmatch(r"[A-Za-z0-9_-]+", path.name)]
    for path in [*files, folder / "dpkg.cfg"]:
        if not path.is_file():
            continue
        for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            found = re.fullmatch(r"\s*path-(include|exclude)(?:\s*=\s*|\s+)(.*?)\s*", line)
            if found:
                yield _Filter(found[2].strip("'\""), found[1] == "include")
