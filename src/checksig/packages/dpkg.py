"""Verification of the packages of a Debian system against dpkg's MD5 digests.

The man pages :manpage:`dpkg(1)`, :manpage:`deb-md5sums(5)` and :manpage:`dpkg-divert(1)` describe
the files in ``/var/lib/dpkg``. Results are those of ``dpkg --verify``, except that a diverted file
is verified at its new path. A file is skipped if another package has replaced it, or if a filter
(``path-exclude``) left it out.
"""

from __future__ import annotations

import collections
import dataclasses
import fnmatch
import os
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .._verify import verify
from ..errors import ManifestError, ManifestNotFoundError
from ..report import Status
from .installed import InstalledReport, PackageReport

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

    This detects corruption, not tampering: anyone who can change the files can change the digests
    too. Configuration files have no digest there, and are not verified.

    :param packages: Names such as ``dash`` or ``libc6:amd64``. By default all installed packages.
    :param root: The root folder of the system, such as a chroot.
    :param ignore_unrecorded: Do not count packages without digests as failures.
    :param workers: How many files are read at once, as in :func:`checksig.verify`.
    :param package: Called with the report of each package as soon as it is known.

    :raises ManifestNotFoundError: dpkg's database does not exist, or a package is not installed.
    :raises ManifestError: dpkg's database is damaged.
    :raises OSError: dpkg's database cannot be read.
    :raises EngineError: the engine cannot be started, or failed.
    """
    system = _System(Path(os.path.abspath(root)))
    reports: list[PackageReport] = []
    for each in system.select(packages):
        report = system.verify(each, workers)
        reports.append(report)
        if package is not None:
            package(report)
    if not reports:
        raise ManifestNotFoundError(f"{system.root}: no package is installed there")
    return InstalledReport(str(system.root), tuple(reports), ignore_unrecorded)


class _Package(NamedTuple):
    """A package in dpkg's file ``status``."""

    name: str
    architecture: str
    version: str
    state: str
    multi_arch: bool
    """Whether it can be installed for several architectures at once."""
    conffiles: frozenset[str]

    @property
    def title(self) -> str:
        return f"{self.name}:{self.architecture}" if self.multi_arch else self.name


class _Diversion(NamedTuple):
    """A file that every package except *owner* (":" for no package) installs as *target*."""

    original: str
    target: str
    owner: str


class _Filter(NamedTuple):
    """Whether files that match *pattern* are installed; the last match counts."""

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

    def select(self, names: tuple[str, ...]) -> list[_Package]:
        """Return the packages with these names, or all packages, sorted by name."""
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
            remap=self._remap(package),
            # Nothing is outside "/". In a chroot, absolute links lead out of it.
            follow_outside=self.root == Path("/"),
        )
        skipped: list[Result] = []
        if report.failures:
            report, skipped = self._skip_expected(report, package)
        return PackageReport(
            package.title, package.version, str(sums), report, skipped=tuple(skipped)
        )

    def _file(self, package: _Package, suffix: str) -> Path:
        return self._info / f"{package.title}.{suffix}"

    def _listed(self, package: _Package) -> frozenset[str]:
        """Return the files of the package, without those that others have replaced."""
        with self._file(package, "list").open(encoding="utf-8", errors="surrogateescape") as file:
            return frozenset(line.rstrip("\n") for line in file)

    def _replaced(self, package: _Package, names: set[str]) -> set[str]:
        """Return those of *names* that another package lists and this one does not."""
        names = names - self._listed(package)
        replaced: set[str] = set()
        for other in self._packages if names else ():
            if other.title != package.title and self._file(other, "list").exists():
                replaced |= names & self._listed(other)
        return replaced

    def _has_files(self, package: _Package) -> bool:
        for name in self._listed(package) - package.conffiles:
            path = self.root / name.lstrip("/")
            if path.is_file() and not path.is_symlink():
                return True
        return False

    def _remap(self, package: _Package) -> Mapping[str, str]:
        """Return where names of md5sums lie below the root, absolute ones as well."""
        remap = {"/": ""}
        for diversion in self._diversions:
            if diversion.owner != package.name:
                original, target = diversion.original.lstrip("/"), diversion.target.lstrip("/")
                remap.update(dict.fromkeys((original, f"/{original}", f"./{original}"), target))
        return remap

    def _skip_expected(self, report: Report, package: _Package) -> tuple[Report, list[Result]]:
        """Turn failures that dpkg expects into skipped files."""
        replaced = self._replaced(package, {_absolute(result.name) for result in report.failures})
        skipped: list[Result] = []
        failures: list[Result] = []
        for result in report.failures:
            why = self._reason_to_skip(result, replaced)
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

    def _reason_to_skip(self, result: Result, replaced: set[str]) -> str | None:
        name = _absolute(result.name)
        if name in replaced:
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


def _absolute(name: str) -> str:
    """Return a name of a list as dpkg's other files spell it: ./usr//bin/x is /usr/bin/x."""
    return posixpath.normpath(f"/{name}").replace("//", "/", 1)


def _read_status(path: Path) -> Iterator[_Package]:
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        for fields in _stanzas(file):
            try:
                state = fields["Status"].split()[2]
                if state in {"config-files", "not-installed"}:
                    continue  # its files have been removed
                yield _Package(
                    name=fields["Package"],
                    architecture=fields["Architecture"],
                    version=fields["Version"],
                    state=state,
                    multi_arch=fields.get("Multi-Arch") == "same",
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
        raise ManifestError(f"{path}: truncated")
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
