"""Verification of the packages of a conda environment against conda's records.

``conda-meta/NAME-VERSION-BUILD.json`` has the files of a package in ``paths_data``, with their
digests: in "sha256_in_prefix" that of the file as it was installed. conda's documentation describes
it in "Package specification". Older records have only the names, in ``files``.
"""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from .._engine.wire import NO_DIGEST
from .._printable import printable
from .._verify import verify
from ..errors import ManifestError, ManifestNotFoundError
from ..report import MAX_BAD_LINES
from .installed import InstalledReport, PackageReport, unreadable_record, without_foreign_text
from .safefs import Root

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

__all__ = ["verify_conda"]

_META = "conda-meta"
_MAX_BYTES = 32 << 20
"""The size of a record; the largest ones have 10 MB."""
_MAX_PACKAGES = 100_000
_MAX_CHARACTERS = 200
"""How much of a name or a version is shown."""


def verify_conda(
    *packages: str,
    prefix: str | PathLike[str] | None = None,
    ignore_unrecorded: bool = False,
    workers: int | None = None,
    package: Callable[[PackageReport], object] | None = None,
) -> InstalledReport:
    """Verify the packages of a conda environment against conda's records.

    Names in a record must not lead out of the environment. Files that are recorded without a
    digest, such as compiled Python files, are counted and not verified. Packages that pip has
    installed have no record of conda's; :func:`checksig.verify_environment` verifies them.

    :param packages: Names such as ``numpy``. By default all installed packages.
    :param prefix: The folder of the environment. By default ``$CONDA_PREFIX``.
    :param ignore_unrecorded: Do not count packages without digests as failures.
    :param workers: How many files are read at once, as in :func:`checksig.verify`.
    :param package: Called with the report of each package as soon as it is known.

    :raises ManifestNotFoundError: there is no environment, or a package is not installed.
    :raises ManifestError: a record is damaged.
    :raises OSError: the environment cannot be read.
    :raises EngineError: the engine cannot be started, or failed.
    """
    if prefix is None:
        prefix = os.environ.get("CONDA_PREFIX")
        if not prefix:
            raise ManifestNotFoundError("no conda environment is active; name its folder")
    files = Root(os.path.abspath(prefix), is_system=False)
    records = _records(files)
    reports: list[PackageReport] = []
    for each in _select(records, packages):
        report = _verify(files, each, workers)
        reports.append(report)
        if package is not None:
            package(report)
    return InstalledReport(files.folder, tuple(reports), ignore_unrecorded)


class _Record(NamedTuple):
    """The record of a package."""

    file: str
    """Its path in the environment."""
    name: str
    version: str
    error: str | None
    """Why it cannot be read."""
    problem: str | None
    """Why the package cannot be verified completely."""
    digested: int = 0
    """How many files it lists with a digest."""
    undigested: int = 0


def _records(files: Root) -> list[_Record]:
    names = [name for name in files.names(_META) if name.endswith(".json")]
    if not names:
        folder = printable(files.folder)
        raise ManifestNotFoundError(f"{folder}: no conda package is installed there")
    if len(names) > _MAX_PACKAGES:
        path = printable(files.path(_META))
        raise ManifestError(f"{path}: more than {_MAX_PACKAGES} packages")
    return [_record(files, f"{_META}/{name}") for name in names]


def _record(files: Root, file: str) -> _Record:
    stem = os.path.basename(file).removesuffix(".json")
    name, version = ([*stem.rsplit("-", 2), "", ""])[:2]
    error: str | None = None
    try:
        record = json.loads(files.read(file, _MAX_BYTES), object_pairs_hook=_object)
        return _described(file, record)
    except OSError as cause:
        error = cause.strerror or str(cause)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        error = "not a record of conda"
    return _Record(file, name, version, error, None)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _described(file: str, record: dict[str, Any]) -> _Record:
    name, version = record["name"], record["version"]
    paths: Any = record["paths_data"]["paths"] if record.get("paths_data") is not None else []
    names: Any = record["files"] if record.get("files") is not None or not paths else []
    if not all(isinstance(each, list) for each in (paths, names)):
        raise TypeError
    listed: set[str] = {path["_path"] for path in paths}
    named: set[str] = set(names)
    if not all(isinstance(each, str) for each in (name, version, *listed, *named)):
        raise TypeError
    without = [path for path in paths if not (path.get("sha256_in_prefix") or path.get("sha256"))]
    undigested = [path for path in without if path.get("path_type") != "directory"]
    folders = len(without) - len(undigested)
    # Python compiles these files after the installation.
    unexpected = [path for path in undigested if not path["_path"].endswith(".pyc")]
    problem: str | None = None
    if named and not paths:
        problem = f"the record lists {len(named):,} files without digests"
    elif missing := named - listed:
        problem = f"the record lists {len(missing):,} files without digests"
    elif unexpected:
        problem = f"{len(unexpected):,} files are recorded without a digest"
    return _Record(
        file,
        name[:_MAX_CHARACTERS],
        version[:_MAX_CHARACTERS],
        None,
        problem,
        digested=len(paths) - len(undigested) - folders,
        undigested=len(undigested) + len(named - listed),
    )


def _select(records: list[_Record], names: tuple[str, ...]) -> list[_Record]:
    records = sorted(records, key=lambda record: (record.name.lower(), record.file))
    if not names:
        return records
    chosen: dict[str, _Record] = {}
    for name in names:
        found = [record for record in records if record.name == name]
        if not found:
            raise ManifestNotFoundError(f"{printable(name)}: no such package is installed")
        chosen.update((record.file, record) for record in found)
    return list(chosen.values())


def _verify(files: Root, record: _Record, workers: int | None) -> PackageReport:
    name, version, path = record.name, record.version, files.path(record.file)
    if record.error is not None:
        return PackageReport(name, version, path, unreadable_record(path, record.error))
    if not record.digested:
        problem = record.problem or ("no file has a digest" if record.undigested else None)
        return PackageReport(name, version, path, None, problem, record.undigested)
    try:
        report = verify(
            files.resolve(record.file),
            check=False,
            keep_verified=False,
            workers=workers,
            format="conda-meta",
            root=files.folder,
        )
    except (ManifestError, OSError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        return PackageReport(name, version, path, unreadable_record(path, cause))
    kept = tuple(bad for bad in report.bad_lines if bad.code != NO_DIGEST)
    # The engine omits lines of a kind only after that many of them.
    omitted = report.bad_lines_omitted if len(kept) >= MAX_BAD_LINES else 0
    report = dataclasses.replace(report, bad_lines=kept, bad_lines_omitted=omitted)
    report = without_foreign_text(report)
    if report.entries < record.digested and not report.bad_line_count:
        report = unreadable_record(path, "the record can be understood in more than one way")
    return PackageReport(name, version, path, report, record.problem, record.undigested)
