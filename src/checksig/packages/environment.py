"""Verification of the packages of a Python environment against their RECORDs.

A RECORD is a table of three columns, defined by the PyPA's specification "Recording installed
projects": a name relative to site-packages, ``algorithm=digest`` with the digest in base64url, and
a size.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .._engine.wire import NO_DIGEST
from .._printable import printable
from .._verify import verify
from ..errors import ManifestError, ManifestNotFoundError
from ..report import MAX_BAD_LINES
from .installed import InstalledReport, PackageReport, unreadable_record, without_foreign_text
from .safefs import Root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from os import PathLike

__all__ = ["verify_environment"]

_SITES = (
    "lib*/python*/site-packages",
    "lib/pypy*/site-packages",
    "lib/python*/dist-packages",
    "Lib/site-packages",
)
"""The folders of packages in an environment: POSIX systems, PyPy, Debian, and Windows."""

_METADATA_BYTES = 1 << 16  # its first fields are the name and the version
_DIRECT_URL_BYTES = 1 << 20
_RECORD_BYTES = 64 << 20
_MAX_CHARACTERS = 200
"""How much of a value is shown."""

_INSTALLER = re.compile(r"[\w.+-]+(?: [\w.+-]+)*")

_QUERY_SECONDS = 30
_QUERY_BYTES = 1 << 20

# Run with -S, so that no code of the environment's packages runs (.pth, sitecustomize).
_QUERY = """
import json, site, sys
print(json.dumps([[sys.prefix, sys.exec_prefix], site.getsitepackages()]))
"""


class _Site(NamedTuple):
    """A folder of packages."""

    folder: Path
    prefix: Path
    """Names in its RECORDs must not lead out of this folder."""


def verify_environment(
    path: str | PathLike[str] | None = None,
    *,
    ignore_unrecorded: bool = False,
    follow_outside: bool = False,
    workers: int | None = None,
    package: Callable[[PackageReport], object] | None = None,
) -> InstalledReport:
    """Verify every package that is installed in a Python environment against its RECORD.

    No code of a virtual environment is run. A Python executable outside of one is run with
    ``-I -S`` to find its folders.

    Names in a RECORD can lead out of site-packages (``../../../bin/pip``), but not out of the
    environment. Packages without a RECORD (Debian's, or an ``.egg-info``) and the code of editable
    installations cannot be verified. Files that are recorded without a digest are counted and not
    verified.

    :param path: The folder of an environment (a virtual environment, a conda environment, a
        prefix), a folder of packages, or a Python executable. By default the environment of the
        running Python.
    :param ignore_unrecorded: Do not count packages that cannot be verified as failures.
    :param follow_outside: Read files outside the environment too. By default they are refused.
    :param workers: How many files are read at once, as in :func:`checksig.verify`.
    :param package: Called with the report of each package as soon as it is known.

    :raises ManifestNotFoundError: no package is installed.
    :raises OSError: the folder cannot be read, or the executable cannot be run.
    :raises EngineError: the engine cannot be started, or failed.
    """
    prefix, sites = _environment(path)
    reports: list[PackageReport] = []
    for found in sites:
        for info in _infos(found.folder):
            report = _verify(info, found, follow_outside=follow_outside, workers=workers)
            reports.append(report)
            if package is not None:
                package(report)
    if not reports:
        raise ManifestNotFoundError(
            f"{printable(str(prefix))}: no Python package is installed there"
        )
    reports.sort(key=lambda report: (report.name.lower(), report.path))
    return InstalledReport(str(prefix), tuple(reports), ignore_unrecorded)


# --- find packages


def _environment(path: str | PathLike[str] | None) -> tuple[Path, list[_Site]]:
    if path is None:
        prefix, prefixes, folders = Path(sys.prefix), _own_prefixes(), _own_folders()
    else:
        given = Path(os.path.abspath(path))
        if given.is_dir():
            return given, _sites_below(given)
        venv = given.parent.parent  # not resolved: a venv's python is a link
        if (venv / "pyvenv.cfg").is_file():
            return venv, _sites_below(venv)
        prefixes, folders = _query(given)
        prefix = Path(prefixes[0])
    return prefix, _unique(_Site(f, _prefix_of(f, prefixes)) for f in map(Path, folders))


def _own_prefixes() -> list[str]:
    import site  # here, as below: only this function needs it

    prefixes = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]
    return [*prefixes, site.getuserbase()]


def _own_folders() -> list[str]:
    import site

    folders = site.getsitepackages()
    return [*folders, site.getusersitepackages()] if site.ENABLE_USER_SITE else folders


def _query(python: Path) -> tuple[list[str], list[str]]:
    import subprocess
    import threading

    with subprocess.Popen(
        [python, "-I", "-S", "-c", _QUERY],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None  # noqa: S101 - for type checkers
        timer = threading.Timer(_QUERY_SECONDS, process.kill)
        timer.start()
        try:
            answer = process.stdout.read(_QUERY_BYTES)
        finally:
            timer.cancel()
            process.kill()
    try:
        prefixes, folders = json.loads(answer)
        if not all(isinstance(each, str) for each in (prefixes[0], *prefixes, *folders)):
            raise ValueError
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise OSError(0, "is not a Python executable", str(python)) from error
    return prefixes, folders


def _sites_below(prefix: Path) -> list[_Site]:
    found = [_Site(f, prefix) for pattern in _SITES for f in sorted(prefix.glob(pattern))]
    if not found:
        found = [_Site(prefix, _prefix_of(prefix, _prefixes_above(prefix)))]
    return _unique(found)


def _prefixes_above(folder: Path) -> list[str]:
    """Guess the prefix of a folder of packages; one made by ``pip --target`` has none."""
    if folder.name in {"site-packages", "dist-packages"}:
        depth = 1 if folder.parent.name == "Lib" else 2
        return [str(folder.parents[depth])]
    return []


def _prefix_of(folder: Path, prefixes: Iterable[str]) -> Path:
    """Return the longest of *prefixes* that contains *folder*, or the folder itself."""
    above = [Path(p) for p in prefixes if folder.is_relative_to(p)]
    return max(above, key=lambda p: len(p.parts), default=folder)


def _unique(sites: Iterable[_Site]) -> list[_Site]:
    """Remove folders that do not exist, and duplicates (``lib64`` can be a link to ``lib``)."""
    by_folder: dict[str, _Site] = {}
    for each in sites:
        if each.folder.is_dir():
            by_folder.setdefault(os.path.realpath(each.folder), each)
    return list(by_folder.values())


def _infos(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        if name.endswith((".dist-info", ".egg-info", ".egg-link", ".egg")):
            yield folder / name


# --- verify a package


def _verify(
    info: Path, found: _Site, *, follow_outside: bool, workers: int | None
) -> PackageReport:
    # With follow_outside, links lead where they lead on this system.
    top = Path(found.prefix.anchor) if follow_outside else found.prefix
    folder = _Info(
        Root(top, is_system=follow_outside), info.relative_to(top).as_posix(), info.suffix
    )
    name, version = _name_and_version(folder, info)
    record = folder.file("RECORD")
    if not folder.root.exists(record):
        return PackageReport(name, version, str(info), None, _why_no_record(folder))
    path = folder.root.path(record)
    try:
        report = verify(
            folder.root.resolve(record),
            check=False,
            keep_verified=False,
            workers=workers,
            follow_outside=follow_outside,
            format="record",
            root=found.prefix,
            remap=_remap(found),
        )
    except (ManifestError, OSError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        return PackageReport(name, version, path, unreadable_record(path, cause))
    kept = tuple(bad for bad in report.bad_lines if bad.code != NO_DIGEST)
    # The engine omits lines of a kind only after that many of them.
    omitted = report.bad_lines_omitted if len(kept) >= MAX_BAD_LINES else 0
    report = dataclasses.replace(report, bad_lines=kept, bad_lines_omitted=omitted)
    report = without_foreign_text(report)
    undigested = _count_undigested(folder.root, record)
    return PackageReport(name, version, path, report, _editable(folder), undigested)


def _remap(found: _Site) -> dict[str, str]:
    """Return where names in a RECORD lie: below the prefix, absolute ones as well."""
    remap = {"": os.path.relpath(found.folder, found.prefix)}
    if os.name == "posix":
        remap["/"] = "/"  # outside, and so refused unless that is allowed
    for prefix in (str(found.prefix), os.path.realpath(found.prefix)):
        if prefix != os.path.dirname(prefix):
            remap[prefix] = "."
    return remap


class _Info(NamedTuple):
    """A folder with the metadata of a package, or a file that has it all."""

    root: Root
    name: str
    suffix: str

    def file(self, name: str) -> str:
        """Return the name of a file in it, for the root."""
        return f"{self.name}/{name}"


def _name_and_version(folder: _Info, info: Path) -> tuple[str, str]:
    name, _, version = info.stem.partition("-")
    if folder.suffix != ".dist-info" and not info.is_dir():
        return name, version
    for file in ("METADATA", "PKG-INFO"):
        try:
            start = folder.root.read_start(folder.file(file), _METADATA_BYTES)
        except OSError:
            continue  # the folder's name has both too
        fields = _fields(start.decode("utf-8", "surrogateescape"))
        return fields.get("name") or name, fields.get("version") or version
    return name, version


def _fields(text: str) -> dict[str, str]:
    """Return the fields of METADATA by their names in lower case, without continuation lines."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        if colon and name.strip() == name:
            fields.setdefault(name.lower(), value.strip()[:_MAX_CHARACTERS])
    return fields


def _why_no_record(folder: _Info) -> str:
    if folder.suffix != ".dist-info":
        return f"no RECORD: installed as {folder.suffix}"
    try:
        content = folder.root.read_start(folder.file("INSTALLER"), _MAX_CHARACTERS)
    except OSError:
        return "no RECORD"
    first = content.decode("utf-8", "replace").partition("\n")[0].strip()
    # Anything else is no name, and so perhaps the content of a file that only few may read.
    return f"no RECORD: installed by {first}" if _INSTALLER.fullmatch(first) else "no RECORD"


def _editable(folder: _Info) -> str | None:
    """Return where the code of an editable installation is (PEP 610); None for other packages."""
    try:
        content = folder.root.read(folder.file("direct_url.json"), _DIRECT_URL_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"direct_url.json cannot be read, so it may be editable: {error.strerror}"
    try:
        origin: Any = json.loads(content)
        if origin.get("dir_info", {}).get("editable") is not True:
            return None
        url = str(origin.get("url"))[:_MAX_CHARACTERS]
    except (ValueError, AttributeError, RecursionError):
        return "direct_url.json cannot be understood, so it may be editable"
    return f"editable: no RECORD lists its code in {url}"


def _count_undigested(root: Root, record: str) -> int:
    import csv

    count = 0
    try:
        content = io.BytesIO(root.read(record, _RECORD_BYTES))
        lines = io.TextIOWrapper(content, "utf-8", "surrogateescape", newline="")
        for row in csv.reader(lines):
            if len(row) == 3 and not row[1] and not row[0].endswith(".dist-info/RECORD"):
                count += 1
    except (OSError, csv.Error):
        pass  # the engine reports it
    return count
