"""The packages of a Python environment, against the RECORD that each was installed with.

A RECORD is a table of three columns, by the PyPA's specification "Recording installed projects":
a name relative to site-packages, ``algorithm=digest`` with the digest in base64url, and a size.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .installed import InstalledReport, PackageReport
from .._verify import verify
from ..errors import ManifestNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from os import PathLike

__all__ = ["verify_environment"]

_NO_DIGEST = "no digest of this file"
"""What the engine says of a line without a digest, see go/internal/manifest/record.go."""

_SITES = (
    "lib*/python*/site-packages",
    "lib/pypy*/site-packages",
    "lib/python*/dist-packages",
    "Lib/site-packages",
)
"""Where an environment keeps packages: of POSIX systems, PyPy, Debian, and Windows."""

_ASK_SECONDS = 30

# Without `site`, so that no code of the environment's packages runs (.pth, sitecustomize).
_ASK = """
import json, site, sys
print(json.dumps([[sys.prefix, sys.exec_prefix], site.getsitepackages()]))
"""


class _Site(NamedTuple):
    """A folder of packages."""

    folder: Path
    prefix: Path
    """The folder that names in its RECORDs may not lead out of."""


def verify_environment(
    path: str | PathLike[str] | None = None,
    *,
    ignore_unrecorded: bool = False,
    follow_outside: bool = False,
    workers: int | None = None,
    package: Callable[[PackageReport], object] | None = None,
) -> InstalledReport:
    """Verify every package that is installed in a Python environment against its RECORD.

    *path* is the folder of the environment (a virtual environment, a conda environment, a prefix),
    a folder of packages, or a Python executable; the environment of the running Python if None.
    A virtual environment's own code is not run; a Python that belongs to none is asked for its
    folders, with ``-I -S``.

    A name in a RECORD may lead out of site-packages (``../../../bin/pip``), and not out of the
    environment. A package without a RECORD (of Debian, or an ``.egg-info``) cannot be verified,
    nor can the code of an editable installation; files that are recorded without a digest are
    counted, and not verified.

    :param ignore_unrecorded: let packages that cannot be verified not count as failures.
    :param follow_outside: verify files outside the environment too, which are refused otherwise.
    :param workers: how many files are read at once, as for :func:`checksig.verify`.
    :param package: called with each package's report as soon as it is known.

    :raises ManifestNotFoundError: there is no installed package.
    :raises OSError: the folder or the executable cannot be read or run.
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
        raise ManifestNotFoundError(f"{prefix}: no Python package is installed there")
    reports.sort(key=lambda report: (report.name.lower(), report.path))
    return InstalledReport(str(prefix), tuple(reports), ignore_unrecorded)


# --- where packages are


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
        prefixes, folders = _ask(given)
        prefix = Path(prefixes[0])
    return prefix, _unique(_Site(f, _prefix_of(f, prefixes)) for f in map(Path, folders))


def _own_prefixes() -> list[str]:
    import site  # here, like others below: whoever imports checksig can do without

    prefixes = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]
    return [*prefixes, site.getuserbase()]


def _own_folders() -> list[str]:
    import site

    folders = site.getsitepackages()
    return [*folders, site.getusersitepackages()] if site.ENABLE_USER_SITE else folders


def _ask(python: Path) -> tuple[list[str], list[str]]:
    import subprocess

    done = subprocess.run(
        [python, "-I", "-S", "-c", _ASK], capture_output=True, timeout=_ASK_SECONDS, check=False
    )
    try:
        prefixes, folders = json.loads(done.stdout)
    except ValueError as error:
        raise OSError(0, "does not answer as a Python does", str(python)) from error
    return prefixes, folders


def _sites_below(prefix: Path) -> list[_Site]:
    found = [_Site(f, prefix) for pattern in _SITES for f in sorted(prefix.glob(pattern))]
    if not found:
        found = [_Site(prefix, _prefix_of(prefix, _prefixes_above(prefix)))]
    return _unique(found)


def _prefixes_above(folder: Path) -> list[str]:
    """Guess the prefix of a folder that holds packages itself; it may be of ``pip --target``."""
    if folder.name in {"site-packages", "dist-packages"}:
        depth = 1 if folder.parent.name == "Lib" else 2
        return [str(folder.parents[depth])]
    return []


def _prefix_of(folder: Path, prefixes: Iterable[str]) -> Path:
    """Return the longest of *prefixes* that *folder* lies in, or the folder itself."""
    above = [Path(p) for p in prefixes if folder.is_relative_to(p)]
    return max(above, key=lambda p: len(p.parts), default=folder)


def _unique(sites: Iterable[_Site]) -> list[_Site]:
    """Leave out what is not there, and what is there twice (``lib64`` may be a link to ``lib``)."""
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


# --- one package


def _verify(
    info: Path, found: _Site, *, follow_outside: bool, workers: int | None
) -> PackageReport:
    name, version = _name_and_version(info)
    record = info / "RECORD"
    if not os.path.lexists(record):
        return PackageReport(name, version, str(info), None, _why_no_record(info))
    report = verify(
        record,
        check=False,
        keep_verified=False,
        workers=workers,
        follow_outside=follow_outside,
        format="record",
        root=found.prefix,
        remap={"": os.path.relpath(found.folder, found.prefix)},
    )
    kept = tuple(bad for bad in report.bad_lines if bad.cause != _NO_DIGEST)
    report = dataclasses.replace(report, bad_lines=kept)
    return PackageReport(
        name, version, str(record), report, _editable(info), _count_undigested(record)
    )


def _name_and_version(info: Path) -> tuple[str, str]:
    import importlib.metadata

    name, _, version = info.stem.partition("-")
    if info.suffix == ".dist-info" or info.is_dir():
        try:
            metadata = importlib.metadata.Distribution.at(info).metadata
            return metadata["Name"] or name, metadata["Version"] or version
        except (OSError, ValueError, KeyError, TypeError):
            pass  # it is damaged; the folder's name says it, too
    return name, version


def _why_no_record(info: Path) -> str:
    if info.suffix != ".dist-info":
        return f"no RECORD: installed as {info.suffix}"
    try:
        installer = (info / "INSTALLER").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "no RECORD"
    return f"no RECORD: installed by {installer}"


def _editable(info: Path) -> str | None:
    """Say where the code of an editable installation is (PEP 610); None if it is no such one."""
    try:
        origin: Any = json.loads((info / "direct_url.json").read_text(encoding="utf-8"))
        if origin["dir_info"]["editable"] is not True:
            return None
        return f"editable: no RECORD lists its code, which is at {origin['url']}"
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _count_undigested(record: Path) -> int:
    import csv

    count = 0
    try:
        with record.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            for row in csv.reader(file):
                if len(row) == 3 and not row[1] and not row[0].endswith(".dist-info/RECORD"):
                    count += 1
    except (OSError, csv.Error):
        pass  # the engine, which reads it all, has said so
    return count
