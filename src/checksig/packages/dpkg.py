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
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .._printable import printable
from .._verify import verify
from ..errors import ManifestError, ManifestNotFoundError
from ..report import Status
from .installed import InstalledReport, PackageReport, unreadable_record, without_foreign_text
from .safefs import Root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from os import PathLike

    from ..report import Report, Result

__all__ = ["verify_dpkg"]

_ADMIN = "var/lib/dpkg"
_CONFIG = "etc/dpkg"
_MAX_BYTES = 64 << 20
"""The size of a file of dpkg's; the largest, status, has a few MB."""

_MAX_CONFIG_BYTES = 1 << 20
_MAX_FILTERS = 1000
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
        raise ManifestNotFoundError(f"{printable(str(system.root))}: no package is installed there")
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
        self._files = Root(root, is_system=True)
        try:
            self._packages = list(_read_status(self._files))
        except FileNotFoundError as error:
            raise ManifestNotFoundError(
                f"{printable(str(root))}: dpkg has installed nothing there"
            ) from error
        self._diversions = _read_diversions(self._files)
        self._filters = list(_read_filters(self._files))

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
                raise ManifestNotFoundError(f"{printable(name)}: no such package is installed")
            chosen += found
        return chosen

    def verify(self, package: _Package, workers: int | None) -> PackageReport:
        """Verify the files of one package."""
        title, version = package.title, package.version
        if package.state not in _WITH_FILES:
            path = self._files.path(f"{_ADMIN}/status")
            return PackageReport(title, version, path, None, package.state)
        sums = self._file(package, "md5sums")
        path = self._files.path(sums)
        try:
            if not self._files.size(sums):
                raise FileNotFoundError
            report = verify(
                self._files.resolve(sums),
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
        except FileNotFoundError:
            return self._without_sums(package, path)
        except (ManifestError, OSError) as error:
            return PackageReport(title, version, path, unreadable_record(path, _cause(error)))
        report = without_foreign_text(report)
        skipped: list[Result] = []
        if report.failures:
            report, skipped = self._skip_expected(report, package)
        nothing = None if report.verified or not report.skipped else "no file was verified"
        return PackageReport(title, version, path, report, nothing, skipped=tuple(skipped))

    def _without_sums(self, package: _Package, path: str) -> PackageReport:
        """Return the report about a package without md5sums, which is right if it has no files."""
        title, version, problem = package.title, package.version, None
        try:
            listed = self._listed(package)
            if not listed:  # dpkg lists at least "/."
                raise ManifestError("the list of files is empty")
        except (ManifestError, OSError) as error:
            path = self._files.path(self._file(package, "list"))
            return PackageReport(title, version, path, unreadable_record(path, _cause(error)))
        if any(map(self._files.is_file, listed - package.conffiles)):
            problem = "no md5sums"
        elif package.conffiles:
            problem = "only configuration files, which are not verified"
        return PackageReport(title, version, path, None, problem)

    @staticmethod
    def _file(package: _Package, suffix: str) -> str:
        return f"{_ADMIN}/info/{package.title}.{suffix}"

    def _listed(self, package: _Package) -> frozenset[str]:
        """Return the files of the package, without those that others have replaced."""
        name = self._file(package, "list")
        lines = _lines(self._files, name)
        if not all(line.startswith("/") for line in lines):
            raise ManifestError(f"{printable(self._files.path(name))}: no list of files")
        return frozenset(lines)

    def _replaced(self, package: _Package, names: set[str]) -> set[str]:
        """Return those of *names* that another package lists and this one does not."""
        names = names - self._listed(package)
        replaced: set[str] = set()
        for other in self._packages if names else ():
            if other.title != package.title and self._files.exists(self._file(other, "list")):
                replaced |= names & self._listed(other)
        return replaced

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
        names = {name for result in report.failures if (name := _absolute(result.name))}
        replaced = self._replaced(package, names)
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
        if name is None:
            return None
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


def _cause(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _absolute(name: str) -> str | None:
    """Return a name of a list as dpkg's other files spell it: ./usr//bin/x is /usr/bin/x.

    None for a name with "..", which dpkg never writes: through a link, a/../x is another file than
    x, for which there may be an excuse.
    """
    components = [each for each in name.split("/") if each not in {"", "."}]
    return None if ".." in components else "/" + "/".join(components)


def _lines(files: Root, name: str, limit: int = _MAX_BYTES) -> list[str]:
    text = files.read(name, limit).decode("utf-8", "surrogateescape")
    lines = text.split("\n")
    if not lines[-1]:
        del lines[-1]
    return lines


# deb-control(5) and dpkg's own check; nothing of it leads out of a folder.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_ARCHITECTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")


def _read_status(files: Root) -> Iterator[_Package]:
    name = f"{_ADMIN}/status"
    for fields in _stanzas(_lines(files, name)):
        try:
            state = fields["Status"].split()[2]
            if state in {"config-files", "not-installed"}:
                continue  # its files have been removed
            yield _Package(
                name=_valid(_NAME, fields["Package"]),
                architecture=_valid(_ARCHITECTURE, fields["Architecture"]),
                version=fields["Version"],
                state=state,
                multi_arch=fields.get("Multi-Arch") == "same",
                conffiles=frozenset(
                    words[0]
                    for line in fields.get("Conffiles", "").split("\n")
                    if (words := line.split(None, 1))
                ),
            )
        except (KeyError, IndexError, ValueError) as error:
            package = printable(fields.get("Package", "?")[:200])
            path = printable(files.path(name))
            raise ManifestError(f"{path}: the entry of {package} is not understood") from error


def _valid(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError
    return text


def _stanzas(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield the fields of each paragraph; see :manpage:`deb822(5)`."""
    fields: dict[str, list[str]] = {}
    last = ""
    for line in lines:
        if not line or line.isspace():
            if fields:
                yield _joined(fields)
            fields, last = {}, ""
        elif line[0] in " \t":
            if last:
                fields[last].append(line.strip())
        else:
            last, _, value = line.partition(":")
            fields[last] = [value.strip()]
    if fields:
        yield _joined(fields)


def _joined(fields: dict[str, list[str]]) -> dict[str, str]:
    return {name: "\n".join(values) for name, values in fields.items()}


def _read_diversions(files: Root) -> list[_Diversion]:
    name = f"{_ADMIN}/diversions"
    try:
        lines = _lines(files, name)
    except FileNotFoundError:
        return []
    if len(lines) % 3:
        raise ManifestError(f"{printable(files.path(name))}: truncated")
    return [_Diversion(*lines[i : i + 3]) for i in range(0, len(lines), 3)]


def _read_filters(files: Root) -> Iterator[_Filter]:
    """Yield the filters of dpkg's configuration, in the order in which dpkg reads it."""
    folder = f"{_CONFIG}/dpkg.cfg.d"
    parts = [part for part in files.names(folder) if re.fullmatch(r"[A-Za-z0-9_-]+", part)]
    count = 0
    for name in [*(f"{folder}/{part}" for part in parts), f"{_CONFIG}/dpkg.cfg"]:
        try:
            lines = _lines(files, name, _MAX_CONFIG_BYTES)
        except FileNotFoundError:
            continue
        for line in lines:
            found = _filter(line.strip())
            if found is None:
                continue
            yield found
            count += 1
            if count > _MAX_FILTERS:
                path = printable(files.path(name))
                raise ManifestError(f"{path}: more than {_MAX_FILTERS} lines path-exclude")


def _filter(line: str) -> _Filter | None:
    for option in ("path-include", "path-exclude"):
        rest = line.removeprefix(option)
        pattern = rest.lstrip().removeprefix("=").lstrip()
        if rest != line and rest != rest.lstrip("= \t") and pattern:
            return _Filter(pattern.strip("'\""), option == "path-include")
    return None
