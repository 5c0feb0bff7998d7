"""Verification of the files that a system's package database lists.

The databases of rpm, pacman and apk are no manifests, or say more than a manifest can: which files
are folders and links, what their permissions are, and which ones may be changed. Each reader turns
a package into :class:`ListedFile`. Here the kind, the permissions and the target of each are
compared, and the engine compares the digests, from a manifest in a private temporary folder.
"""

from __future__ import annotations

import collections
import errno
import hashlib
import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple

from .._printable import printable
from .._verify import verify
from ..errors import EngineError, ManifestError, ManifestNotFoundError
from ..report import MAX_BAD_LINES, BadLine, Manifest, Report, Result, Status
from .installed import InstalledReport, PackageReport, unreadable_record
from .safefs import Root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from os import PathLike

    from .safefs import Folder

__all__ = [
    "DEVICE",
    "FILE",
    "FOLDER",
    "LINK",
    "MAX_FILES",
    "Contents",
    "Database",
    "Listed",
    "ListedFile",
    "verify_packages",
]

FILE, FOLDER, LINK, DEVICE = "a file", "a folder", "a link", "a device or FIFO"
"""The kinds of files, as messages name them."""

_MAX_TEXT = 200
"""How much of a name is shown in the message about it."""

MAX_FILES = 1_000_000
"""How many files a package may have; the largest ones have 200,000."""


class ListedFile(NamedTuple):
    """A file as a database lists it."""

    name: str
    """Its path below the root."""
    line: int
    """Where the database lists it."""
    kind: str | None
    """:data:`FILE`, :data:`FOLDER`, :data:`LINK`, :data:`DEVICE`; None if the database does not
    say, and the digest is that of a file or of a link's target."""
    algorithm: str = ""
    digest: str = ""
    """In hexadecimal; empty if none is recorded. One of SHA-256 may be cut off."""
    size: int | None = None
    mode: int | None = None
    """The permissions; None if they are not recorded, or may be changed."""
    target: str | None = None
    """Where a link leads; None if that is not recorded, or may be changed."""
    may_change: str | None = None
    """Why its content is not a failure if it differs."""
    may_miss: str | None = None
    """Why it need not exist."""
    excused: str | None = None
    """Why it is not compared at all."""


class Contents(NamedTuple):
    """What a database lists for a package."""

    path: str
    """The path of the file that lists it."""
    files: list[ListedFile]
    bad_lines: tuple[BadLine, ...] = ()
    problem: str | None = None
    """Why the package cannot be verified completely."""


class Listed(NamedTuple):
    """A package in a database."""

    name: str
    version: str
    names: frozenset[str]
    """What it can be called on the command line."""
    key: object
    """What its reader finds it by."""


class Database:
    """A package database; the base class of its readers."""

    format: str
    """Its name in reports."""

    def __init__(self, files: Root) -> None:
        self.files = files

    def packages(self) -> Iterable[Listed]:
        """Return the packages that are installed.

        :raises OSError: the database cannot be read.
        :raises ManifestError: it is not understood.
        """
        raise NotImplementedError

    def contents(self, package: Listed) -> Contents:
        """Return the files of a package.

        :raises OSError: they cannot be read.
        :raises ManifestError: they are not understood.
        """
        raise NotImplementedError

    def path_of(self, package: Listed) -> str:
        """Return the path of the file that lists a package, for messages."""
        raise NotImplementedError

    def close(self) -> None:
        """Close it."""


def verify_packages(
    open_database: Callable[[Root], Database],
    names: tuple[str, ...],
    *,
    root: str | PathLike[str],
    ignore_unrecorded: bool,
    workers: int | None,
    package: Callable[[PackageReport], object] | None,
) -> InstalledReport:
    """Verify packages of a system, as the functions for each kind of database do."""
    import tempfile

    files = Root(os.path.abspath(root), is_system=True)
    database = open_database(files)
    reports: list[PackageReport] = []
    try:
        chosen = _select(database, names)
        with tempfile.TemporaryDirectory(prefix="checksig-") as scratch:
            for each in chosen:
                report = _verify(database, each, os.path.join(scratch, "manifest"), workers)
                reports.append(report)
                if package is not None:
                    package(report)
    finally:
        database.close()
    return InstalledReport(files.folder, tuple(reports), ignore_unrecorded)


def _select(database: Database, names: tuple[str, ...]) -> list[Listed]:
    listed = sorted(database.packages(), key=lambda each: (each.name, each.version))
    if not listed:
        text = f"{printable(database.files.folder)}: no package is installed there"
        raise ManifestNotFoundError(text)
    if not names:
        return listed
    chosen: dict[int, Listed] = {}
    for name in names:
        found = [each for each in listed if name in each.names]
        if not found:
            raise ManifestNotFoundError(f"{printable(name)}: no such package is installed")
        chosen.update((id(each), each) for each in found)
    return list(chosen.values())


def _verify(
    database: Database, package: Listed, scratch: str, workers: int | None
) -> PackageReport:
    name, version, path = package.name, package.version, database.path_of(package)
    try:
        contents = database.contents(package)
    except (ManifestError, OSError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        return PackageReport(name, version, path, unreadable_record(path, cause))
    problem = contents.problem
    if not (contents.files or contents.bad_lines):
        return PackageReport(name, version, contents.path, None, problem)
    check = _Check(database, contents)
    check.look()
    check.compare_digests(scratch, workers)
    report = check.report()
    if check.undigested and problem is None:
        problem = f"{check.undigested:,} files are recorded without a digest"
    if not report.verified and not report.failures and not report.bad_line_count:
        problem = problem or "no file was verified"
    found = report if report.entries or report.bad_line_count else None
    return PackageReport(
        name, version, contents.path, found, problem, check.undigested, tuple(check.skipped)
    )


class _Item(NamedTuple):
    """A file whose digest the engine compares."""

    file: ListedFile
    opened: str
    """Where it is below the root, without any link."""
    wrong: Result | None
    """What is wrong with its permissions."""


class _Check:
    """The verification of one package."""

    def __init__(self, database: Database, contents: Contents) -> None:
        self._files = database.files
        self._format = database.format
        self._contents = contents
        self._bad_lines = list(contents.bad_lines)
        self._failures: list[Result] = []
        self._verified = 0
        self._items: list[_Item] = []
        self._contents_of: dict[str, tuple[str, str, int | None]] = {}
        self._engine: Report | None = None
        self.skipped: list[Result] = []
        self.undigested = 0

    # --- look at the files

    def look(self) -> None:
        """Compare everything but the digests of files."""
        folders: dict[str, list[tuple[str, ListedFile]]] = {}
        for file in self._contents.files:
            components = [each for each in file.name.split("/") if each not in {"", "."}]
            if ".." in components or "\0" in file.name:
                self._bad(file, 'the name has ".." or a null byte in it')
            elif not components:  # the root itself
                folders.setdefault("", []).append((".", file))
            else:
                folders.setdefault("/".join(components[:-1]), []).append((components[-1], file))
        for name, files in folders.items():
            try:
                with self._files.open_folder(name) as folder:
                    for last, file in files:
                        self._look(folder, last, file)
            except OSError as error:  # noqa: PERF203 - each folder can have its own
                if error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOMEM}:
                    raise
                for _, file in files:
                    self._not_found(file, error)

    def _bad(self, file: ListedFile, cause: str) -> None:
        self._bad_lines.append(
            BadLine(self._contents.path, file.line, file.name[:_MAX_TEXT], cause)
        )

    def _look(self, folder: Folder, last: str, file: ListedFile) -> None:  # noqa: C901, PLR0912 - one case for each kind
        opened = f"{folder.found}/{last}".lstrip("/")
        try:
            status = folder.lstat(last)
            target = folder.readlink(last) if stat.S_ISLNK(status.st_mode) else None
        except OSError as error:
            self._not_found(file, error)
            return
        if file.excused is not None:
            self._skip(file, opened, file.excused)
            return
        kind = _kind(status.st_mode)
        if file.kind is not None and kind != file.kind:
            self._wrong(file, opened, f"is {kind}, and recorded as {file.kind}")
            return
        wrong: Result | None = None
        mode = stat.S_IMODE(status.st_mode)
        # The permissions of links differ between systems, and have no effect.
        if file.mode is not None and kind != LINK and mode != file.mode:
            text = f"has the permissions {mode:04o}, and is recorded with {file.mode:04o}"
            wrong = self._result(file, opened, Status.MISMATCHED, text)
        if target is not None:
            self._compare_target(file, opened, target)
        elif kind == FILE and file.digest:
            content = (file.algorithm, file.digest, file.size)
            if self._contents_of.setdefault(opened, content) != content:
                self._bad(file, "the file is listed twice, with different digests or sizes")
            else:
                self._items.append(_Item(file, opened, wrong))
        elif kind == FILE and wrong is None:
            self.undigested += 1
        elif kind != FILE and file.kind is None:  # the database says that it has a content
            self._wrong(file, opened, f"is {kind}, and recorded as a file or a link")
        elif wrong is not None:
            self._failures.append(wrong)
        elif kind == DEVICE:
            self._skip(file, opened, "a device or FIFO, of which only that is compared")
        else:
            self._verified += 1

    def _compare_target(self, file: ListedFile, opened: str, target: str) -> None:
        if file.kind == LINK:
            equal = file.target in {None, target}
        elif not file.digest:
            self.undigested += 1
            return
        else:
            content = os.fsencode(target)
            digest = hashlib.new(file.algorithm, content, usedforsecurity=False).hexdigest()
            equal = digest[: len(file.digest)] == file.digest
        if equal:
            self._verified += 1
        elif file.may_change is not None and file.kind is None:
            self._skip(file, opened, file.may_change)
        else:
            text = f"leads to {printable(target)}"
            text += f", recorded as {printable(file.target)}" if file.target is not None else ""
            self._wrong(file, opened, text)

    def _not_found(self, file: ListedFile, error: OSError) -> None:
        opened = file.name.lstrip("/")
        if error.errno not in {errno.ENOENT, errno.ENOTDIR}:
            text = error.strerror or str(error)
            self._failures.append(self._result(file, opened, Status.UNREADABLE, text))
        elif file.may_miss is not None:
            self._skip(file, opened, file.may_miss)
        else:
            self._failures.append(self._result(file, opened, Status.MISSING, "does not exist"))

    def _wrong(self, file: ListedFile, opened: str, text: str) -> None:
        self._failures.append(self._result(file, opened, Status.MISMATCHED, text))

    def _skip(self, file: ListedFile, opened: str, why: str) -> None:
        self.skipped.append(self._result(file, opened, Status.SKIPPED, why))

    def _result(self, file: ListedFile, opened: str, status: Status, detail: str) -> Result:
        return Result(
            name=file.name,
            status=status,
            algorithm=file.algorithm,
            expected=file.digest,
            found=None,
            size=0,
            manifest=self._contents.path,
            line=file.line,
            detail=detail,
            opened=self._files.path(opened),
        )

    # --- hash the files

    def compare_digests(self, scratch: str, workers: int | None) -> None:
        """Compare the digests of files."""
        if not self._items:
            return
        try:
            with open(scratch, "wb") as file:
                file.writelines(_manifest(self._items))
            report = verify(
                scratch,
                check=False,
                keep_verified=False,
                workers=workers,
                format="mtree",
                root=self._files.folder,
            )
        finally:
            if os.path.lexists(scratch):
                os.unlink(scratch)
        lines = {each.line for each in report.failures} | {each.line for each in report.bad_lines}
        if report.entries + report.bad_line_count != len(self._items) or not lines <= {
            *range(_FIRST_LINE, _FIRST_LINE + len(self._items))
        }:
            raise EngineError("the engine lost a file of the package")
        self._engine = report
        failed: dict[int, Result] = {}
        for result in report.failures:
            item = self._items[result.line - _FIRST_LINE]
            if not _is_cut_off(item.file, result):
                failed[result.line - _FIRST_LINE] = result
        if report.bad_line_count:  # a name or a digest that the engine refuses
            for bad in report.bad_lines:
                self._bad(self._items[bad.line - _FIRST_LINE].file, bad.cause)
            return
        for i, item in enumerate(self._items):
            self._add(item, failed.get(i))

    def _add(self, item: _Item, result: Result | None) -> None:
        if result is None:
            if item.wrong is None:
                self._verified += 1
            else:
                self._failures.append(item.wrong)
            return
        file = item.file
        result = result._replace(
            name=file.name,
            manifest=self._contents.path,
            line=file.line,
            opened=self._files.path(item.opened),
            expected=file.digest,
        )
        if result.status is Status.MISMATCHED and file.may_change is not None and not item.wrong:
            result = result._replace(status=Status.SKIPPED, detail=file.may_change)
            self.skipped.append(result)
        else:
            self._failures.append(result)

    # --- report

    def report(self) -> Report:
        """Return the report about all files."""
        self._failures.sort(key=lambda result: result.line)
        self.skipped.sort(key=lambda result: result.line)
        count = collections.Counter(result.status for result in self._failures)
        algorithms = dict.fromkeys(
            file.algorithm for file in self._contents.files if file.algorithm
        )
        engine = self._engine
        return Report(
            path=self._contents.path,
            manifests=(Manifest(self._contents.path, self._format, tuple(algorithms)),),
            verified=self._verified,
            mismatched=count[Status.MISMATCHED],
            missing=count[Status.MISSING],
            unreadable=count[Status.UNREADABLE],
            skipped=len(self.skipped),
            failures=tuple(self._failures),
            bad_lines=tuple(self._bad_lines[:MAX_BAD_LINES]),
            bad_lines_omitted=max(len(self._bad_lines) - MAX_BAD_LINES, 0),
            bytes_read=0 if engine is None else engine.bytes_read,
            elapsed=0.0 if engine is None else engine.elapsed,
        )


_FIRST_LINE = 2
"""The line of the first file in a manifest of the engine; the one before is the heading."""

_SHA256_DIGITS = 64
_UNSAFE = re.compile(rb"[^A-Za-z0-9./_+-]")


def _manifest(items: list[_Item]) -> Iterator[bytes]:
    """Yield the lines of a manifest in the format of :manpage:`mtree(5)`."""
    yield b"#mtree\n"
    for file, opened, _ in items:
        name = _UNSAFE.sub(lambda m: b"\\%03o" % m[0][0], os.fsencode(opened))
        size = b"" if file.size is None else b" size=%d" % file.size
        digest = (
            file.digest.ljust(_SHA256_DIGITS, "0") if file.algorithm == "sha256" else file.digest
        )
        yield b"./%s type=file%s %sdigest=%s\n" % (
            name,
            size,
            file.algorithm.encode(),
            digest.encode(),
        )


def _is_cut_off(file: ListedFile, result: Result) -> bool:
    """Whether a file has a digest that is recorded in part, such as apk's SHA-256 of 160 bits.

    The engine compares whole digests. It was given the part followed by zeros.
    """
    return (
        result.status is Status.MISMATCHED
        and len(file.digest) < len(result.expected)
        and result.found is not None
        and result.found.startswith(file.digest)
    )


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return FILE
    if stat.S_ISDIR(mode):
        return FOLDER
    return LINK if stat.S_ISLNK(mode) else DEVICE
