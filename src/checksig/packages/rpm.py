"""Verification of the packages of an RPM system against rpm's database.

rpm's documentation describes the database ("RPM database") and the header of a package ("Package
format", "Header"): an index of entries (tag, type, offset, count), then the data that they are
about, all in network byte order. ``rpmdb.sqlite`` has the header of each package in a row of the
table ``Packages``; ``Packages.db`` of SUSE is in rpm's own format "ndb".

Results are those of ``rpm -V`` for the content, the kind and the permissions of files and the
targets of links, but changed configuration files are no failures.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from .._printable import printable, printable_text
from ..errors import ManifestError, ManifestNotFoundError
from ..report import BadLine
from .filelist import (
    DEVICE,
    FILE,
    FOLDER,
    LINK,
    MAX_FILES,
    Contents,
    Database,
    Listed,
    ListedFile,
    verify_packages,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from os import PathLike

    from .installed import InstalledReport, PackageReport
    from .safefs import Root

__all__ = ["verify_rpm"]

_FOLDERS = ("usr/lib/sysimage/rpm", "var/lib/rpm")
_SQLITE, _NDB, _BERKELEY = "rpmdb.sqlite", "Packages.db", "Packages"

_MAX_BYTES = 2 << 30
"""The size of the database; that of 3,000 packages has 200 MB."""
_MAX_HEADER = 64 << 20
"""The size of a header; the largest ones have 20 MB. rpm's own limit is 256 MB."""
_MAX_PACKAGES = 100_000
_MAX_STEPS = 1_000_000_000
"""How many steps of SQLite's virtual machine the reading may take."""
_STEPS = 1_000_000
_CHUNK = 1 << 20


def verify_rpm(
    *packages: str,
    root: str | PathLike[str] = "/",
    ignore_unrecorded: bool = False,
    workers: int | None = None,
    package: Callable[[PackageReport], object] | None = None,
) -> InstalledReport:
    """Verify the files of RPM packages against rpm's database.

    The content, the kind and the permissions of files and the targets of links are compared, but
    not owners, times, capabilities and device numbers. Configuration files may be changed.

    :param packages: Names such as ``bash``, ``bash-5.2-1.fc40`` or ``glibc.i686``. By default all
        installed packages.
    :param root: The root folder of the system, such as a chroot.
    :param ignore_unrecorded: Do not count packages without digests as failures.
    :param workers: How many files are read at once, as in :func:`checksig.verify`.
    :param package: Called with the report of each package as soon as it is known.

    :raises ManifestNotFoundError: rpm's database does not exist, or a package is not installed.
    :raises ManifestError: rpm's database is damaged, or of a kind that is not read.
    :raises OSError: rpm's database cannot be read.
    :raises EngineError: the engine cannot be started, or failed.
    """
    return verify_packages(
        _open,
        packages,
        root=root,
        ignore_unrecorded=ignore_unrecorded,
        workers=workers,
        package=package,
    )


def _open(files: Root) -> Database:
    found = [
        f"{folder}/{name}"
        for folder in _FOLDERS
        for name in (_SQLITE, _NDB, _BERKELEY)
        if files.exists(f"{folder}/{name}")
    ]
    if not found:
        folder = printable(files.folder)
        raise ManifestNotFoundError(f"{folder}: rpm has installed nothing there")
    # /var/lib/rpm can be a link to the other folder.
    if len({files.resolve(name) for name in found}) > 1:
        paths = " and ".join(printable(files.path(name)) for name in found)
        raise ManifestError(f"several databases of rpm, {paths}: remove those that are not in use")
    name = found[0]
    if name.endswith(_SQLITE):
        return _Rpm(files, name, _SqliteStore(files, name))
    if name.endswith(_NDB):
        return _Rpm(files, name, _NdbStore(files, name))
    raise ManifestError(
        f"{printable(files.path(name))}: a Berkeley DB, which checksig does not read;"
        ' "rpmdb --rebuilddb" of rpm 4.16 or newer converts it to rpmdb.sqlite'
    )


# --- the headers in the database


class _Store:
    """The headers of a database."""

    def headers(self) -> Iterator[tuple[int, bytes]]:
        """Yield the number and the header of each package."""
        raise NotImplementedError

    def header(self, number: int) -> bytes:
        """Return the header of a package."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the database."""


_TABLE = re.compile(
    r"CREATE TABLE ['\"]?Packages['\"]? ?\(\s*hnum INTEGER PRIMARY KEY AUTOINCREMENT,"
    r"\s*blob BLOB NOT NULL\s*\)"
)


class _SqliteStore(_Store):
    """The table of headers in rpmdb.sqlite.

    SQLite would write to the folder of a database, and read whatever lies there. So it is given a
    private copy: of the database, and of the write-ahead log with what is not yet in it.
    """

    def __init__(self, files: Root, name: str) -> None:
        import tempfile

        try:
            import sqlite3
        except ImportError as error:
            path = printable(files.path(name))
            raise ManifestError(f"{path}: this Python has no module sqlite3 to read it") from error
        self._path = files.path(name)
        self._folder = tempfile.TemporaryDirectory(prefix="checksig-")
        self._database: Any = None
        self._steps = 0
        self._errors = (sqlite3.Error, ValueError, OverflowError)
        try:
            copy = os.path.join(self._folder.name, "db")
            if _state(files, f"{name}-journal") is not None:
                # rpm keeps none; it can name another file, which SQLite would look at.
                raise ManifestError(
                    f"{printable(self._path)}: has an unfinished transaction;"
                    " let rpm end it, for example with rpm -qa"
                )
            logs = ("", "-wal")
            before = [_state(files, name + log) for log in logs]
            for log, state in zip(logs, before):  # noqa: B905 - made of each other
                if state is not None:
                    _copy(files, name + log, copy + log)
            if [_state(files, name + log) for log in logs] != before:
                raise ManifestError(f"{printable(self._path)}: changed while it was read")
            self._database = self._checked(lambda: self._connect(sqlite3, copy))
        except BaseException:
            self.close()
            raise

    def _connect(self, sqlite3: Any, copy: str) -> Any:
        database = sqlite3.connect(copy, isolation_level=None)
        self._database = database  # so that it is closed if this fails
        database.set_progress_handler(self._count_steps, _STEPS)
        for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0"):
            database.execute(f"PRAGMA {pragma}")
        # The schema must be rpm's own: a view or a computed column can be any program.
        found = database.execute(
            "SELECT type, sql FROM sqlite_master WHERE name = 'Packages' COLLATE NOCASE"
        ).fetchall()
        if len(found) != 1 or found[0][0] != "table" or not _TABLE.fullmatch(str(found[0][1])):
            raise ManifestError(f"{printable(self._path)}: not a database of rpm")
        return database

    def headers(self) -> Iterator[tuple[int, bytes]]:
        numbers = self._checked(
            lambda: self._database.execute(
                "SELECT hnum FROM Packages ORDER BY hnum LIMIT ?", (_MAX_PACKAGES + 1,)
            ).fetchall()
        )
        if len(numbers) > _MAX_PACKAGES:
            raise ManifestError(f"{printable(self._path)}: more than {_MAX_PACKAGES} packages")
        for (number,) in numbers:
            yield number, self.header(number)

    def header(self, number: int) -> bytes:
        row = self._checked(
            lambda: self._database.execute(
                "SELECT length(blob), CASE WHEN length(blob) <= ? THEN blob END"
                " FROM Packages WHERE hnum = ?",
                (_MAX_HEADER, number),
            ).fetchone()
        )
        if row is None or not isinstance(row[1], bytes):
            path = printable(self._path)
            raise ManifestError(
                f"{path}: package {number} has no header of at most {_MAX_HEADER} bytes"
            )
        return row[1]

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
        self._folder.cleanup()

    def _checked(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except ManifestError:
            raise
        except self._errors as error:
            text = printable_text(str(error))
            raise ManifestError(f"{printable(self._path)}: damaged: {text}") from error

    def _count_steps(self) -> bool:
        self._steps += _STEPS
        return self._steps > _MAX_STEPS


def _state(files: Root, name: str) -> tuple[int, ...] | None:
    """Return what changes when a file is written to; None if it does not exist or is empty."""
    try:
        with files.open(name) as file:
            status = os.fstat(file.fileno())
    except FileNotFoundError:
        return None
    if not status.st_size:
        return None
    if status.st_size > _MAX_BYTES:
        raise OSError(errno.EFBIG, f"has more than {_MAX_BYTES} bytes", files.path(name))
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _copy(files: Root, name: str, to: str) -> None:
    left = _MAX_BYTES
    with files.open(name) as source, open(to, "xb") as target:
        while chunk := source.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise OSError(errno.EFBIG, f"has more than {_MAX_BYTES} bytes", files.path(name))
            target.write(chunk)


# Packages.db, in rpm's source lib/backend/ndb/rpmpkg.c. All numbers are in little-endian order.
_NDB_HEADER = struct.Struct("<4sIIIIIII")  # magic, version, generation, pages of slots, next index
_NDB_SLOT = struct.Struct("<4sIII")  # magic, package, block, number of blocks
_NDB_BLOB = struct.Struct("<4sIII")  # magic, package, generation, length
_NDB_TAIL = struct.Struct("<II4s")  # Adler-32, length, magic
_NDB_BLOCK = 16
_NDB_PAGE = 4096


class _NdbStore(_Store):
    """The headers in Packages.db: pages with a table of slots, then a blob for each package."""

    def __init__(self, files: Root, name: str) -> None:
        self._path = files.path(name)
        self._file = files.open(name)
        try:
            self._slots = self._read_slots()
        except BaseException:
            self._file.close()
            raise

    def headers(self) -> Iterator[tuple[int, bytes]]:
        for number in self._slots:
            yield number, self.header(number)

    def header(self, number: int) -> bytes:
        import zlib

        block, blocks = self._slots[number]
        size = blocks * _NDB_BLOCK
        if size > _MAX_HEADER:
            raise self._damaged(f"package {number} has more than {_MAX_HEADER} bytes")
        self._file.seek(block * _NDB_BLOCK)
        blob = self._file.read(size)
        if len(blob) != size or size < _NDB_BLOB.size + _NDB_TAIL.size:
            raise self._damaged(f"package {number} is truncated")
        magic, of, _, length = _NDB_BLOB.unpack_from(blob)
        end = size - _NDB_TAIL.size
        checksum, length_again, end_magic = _NDB_TAIL.unpack_from(blob, end)
        if (
            (magic, of, end_magic) != (b"BlbS", number, b"BlbE")
            or length != length_again
            or not end - _NDB_BLOCK < _NDB_BLOB.size + length <= end
            or zlib.adler32(blob[:end]) != checksum
        ):
            raise self._damaged(f"package {number} is not understood")
        return blob[_NDB_BLOB.size : _NDB_BLOB.size + length]

    def close(self) -> None:
        self._file.close()

    def _read_slots(self) -> dict[int, tuple[int, int]]:
        start = self._file.read(_NDB_PAGE)
        if len(start) < _NDB_PAGE:
            raise self._damaged("truncated")
        magic, version, _, pages, *_ = _NDB_HEADER.unpack_from(start)
        if (magic, version) != (b"RpmP", 0) or not 0 < pages <= 2 * _MAX_PACKAGES * 16 // _NDB_PAGE:
            raise self._damaged("not a database of rpm")
        table = start[_NDB_HEADER.size :] + self._file.read((pages - 1) * _NDB_PAGE)
        if len(table) != pages * _NDB_PAGE - _NDB_HEADER.size:
            raise self._damaged("truncated")
        slots: dict[int, tuple[int, int]] = {}
        for magic, number, block, blocks in _NDB_SLOT.iter_unpack(table):
            if magic != b"Slot" or number in slots or (number and not block):
                raise self._damaged("its table of packages is not understood")
            if number:
                slots[number] = block, blocks
        return slots

    def _damaged(self, text: str) -> ManifestError:
        return ManifestError(f"{printable(self._path)}: damaged: {text}")


# --- the header of a package

_NAME, _VERSION, _RELEASE, _EPOCH, _ARCH = 1000, 1001, 1002, 1003, 1022
_OLD_NAMES, _SIZES, _STATES, _MODES, _DIGESTS, _LINKS = 1027, 1028, 1029, 1030, 1035, 1036
_FLAGS, _VERIFY_FLAGS, _FOLDER_INDEXES, _BASE_NAMES, _FOLDER_NAMES = 1037, 1045, 1116, 1117, 1118
_LONG_SIZES, _DIGEST_ALGORITHM = 5008, 5011

_CHAR, _INT8, _INT16, _INT32, _INT64, _STRING, _BIN, _STRINGS, _I18N = 1, 2, 3, 4, 5, 6, 7, 8, 9
_NUMBERS = {_CHAR: "B", _INT8: "B", _INT16: "H", _INT32: "I", _INT64: "Q", _BIN: "B"}

_TYPES = {
    **dict.fromkeys((_NAME, _VERSION, _RELEASE, _ARCH), _STRING),
    **dict.fromkeys((_DIGESTS, _LINKS, _BASE_NAMES, _FOLDER_NAMES, _OLD_NAMES), _STRINGS),
    **dict.fromkeys((_EPOCH, _SIZES, _FLAGS, _VERIFY_FLAGS, _FOLDER_INDEXES), _INT32),
    _STATES: _CHAR,
    _MODES: _INT16,
    _LONG_SIZES: _INT64,
    _DIGEST_ALGORITHM: _INT32,
}
"""The tags that are read, with their types."""

_PREAMBLE = struct.Struct(">II")
_ENTRY = struct.Struct(">IIII")
_MAX_ENTRIES = 0xFFFF

_ALGORITHMS = {
    1: ("md5", 32),
    2: ("sha1", 40),
    8: ("sha256", 64),
    9: ("sha384", 96),
    10: ("sha512", 128),
    11: ("sha224", 56),
    12: ("sha3-256", 64),
    14: ("sha3-512", 128),
}
"""The algorithms of OpenPGP (RFC 9580, section 9.5) and their numbers of hexadecimal digits."""

_HEX = re.compile(r"[0-9a-f]*")

_IS_CONFIG, _MISSING_OK, _IS_GHOST = 1 << 0, 1 << 3, 1 << 6
_VERIFY_DIGEST, _VERIFY_SIZE, _VERIFY_LINK, _VERIFY_MODE = 1 << 0, 1 << 1, 1 << 2, 1 << 6

_NORMAL, _REPLACED, _NOT_INSTALLED, _NET_SHARED, _WRONG_COLOR = 0, 1, 2, 3, 4
_EXCUSED = {
    _REPLACED: "another package has replaced it",
    _NOT_INSTALLED: "left out at the installation",
    _NET_SHARED: "on a network file system that rpm does not write to",
    _WRONG_COLOR: "the package of another architecture has replaced it",
}

_KINDS = {
    stat.S_IFREG: FILE,
    stat.S_IFDIR: FOLDER,
    stat.S_IFLNK: LINK,
    stat.S_IFCHR: DEVICE,
    stat.S_IFBLK: DEVICE,
    stat.S_IFIFO: DEVICE,
    stat.S_IFSOCK: DEVICE,
}


class _Header:
    """The tags of a header that are read here; a ValueError says what is wrong."""

    def __init__(self, blob: bytes) -> None:
        if len(blob) < _PREAMBLE.size:
            raise ValueError("its header is truncated")
        entries, size = _PREAMBLE.unpack_from(blob)
        start = _PREAMBLE.size + entries * _ENTRY.size
        if not 0 < entries <= _MAX_ENTRIES or len(blob) != start + size:
            raise ValueError("its header is truncated, or is none")
        self._data = blob[start:]
        self._entries: dict[int, tuple[int, int, int]] = {}
        for tag, kind, offset, count in _ENTRY.iter_unpack(blob[_PREAMBLE.size : start]):
            if not 0 < kind <= _I18N or offset > size or not 0 < count <= size:
                raise ValueError(f"its header has a wrong entry for tag {tag}")
            if tag in self._entries:
                raise ValueError(f"its header has tag {tag} twice")
            self._entries[tag] = kind, offset, count

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def text(self, tag: int) -> str:
        """Return the text of a tag."""
        texts = self.texts(tag)
        if len(texts) != 1:
            raise ValueError(f"tag {tag} of its header is not one text")
        return texts[0]

    def texts(self, tag: int) -> list[str]:
        """Return the texts of a tag; none if it is not there."""
        found = self._entry(tag)
        if found is None:
            return []
        _, offset, count = found
        texts = self._data[offset:].split(b"\0", count)
        if len(texts) <= count:
            raise ValueError(f"tag {tag} of its header is truncated")
        return [os.fsdecode(text) for text in texts[:count]]

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the numbers of a tag; none if it is not there."""
        found = self._entry(tag)
        if found is None:
            return ()
        kind, offset, count = found
        try:
            return struct.unpack_from(f">{count}{_NUMBERS[kind]}", self._data, offset)
        except struct.error as error:
            raise ValueError(f"tag {tag} of its header is truncated") from error

    def _entry(self, tag: int) -> tuple[int, int, int] | None:
        found = self._entries.get(tag)
        if found is not None and found[0] != _TYPES[tag]:
            raise ValueError(f"tag {tag} of its header has a wrong type")
        return found


class _Rpm(Database):
    format = "rpm"

    def __init__(self, files: Root, name: str, store: _Store) -> None:
        super().__init__(files)
        self._path = files.path(name)
        self._store = store

    def close(self) -> None:
        self._store.close()

    def path_of(self, package: Listed) -> str:
        del package  # all are in one file
        return self._path

    def packages(self) -> Iterator[Listed]:
        for number, blob in self._store.headers():
            try:
                listed = _listed(number, _Header(blob))
            except ValueError as error:
                raise self._error(f"package {number}", error) from error
            yield listed

    def contents(self, package: Listed) -> Contents:
        assert isinstance(package.key, int)  # noqa: S101 - for type checkers
        blob = self._store.header(package.key)
        try:
            return _contents(self._path, _Header(blob))
        except ValueError as error:
            raise self._error(printable(f"{package.name}-{package.version}"), error) from error

    def _error(self, package: str, error: ValueError) -> ManifestError:
        return ManifestError(f"{printable(self._path)}: {package}: {error}")


def _listed(number: int, header: _Header) -> Listed:
    name, version, release = (header.text(tag) for tag in (_NAME, _VERSION, _RELEASE))
    arch = header.text(_ARCH) if _ARCH in header else ""  # a key of gpg-pubkey has none
    if not all(re.fullmatch(r"[!-.0-~]+", text) for text in (name, version, release, arch or "x")):
        raise ValueError("its name or version is none")
    epoch = "".join(f"{each}:" for each in header.numbers(_EPOCH)[:1])
    full = f"{version}-{release}"
    names = {name, f"{name}-{version}", f"{name}-{full}"}
    if arch:
        names |= {f"{name}.{arch}", f"{name}-{full}.{arch}"}
        full += f".{arch}"
    return Listed(name, f"{epoch}{full}", frozenset(names), number)


class _Columns(NamedTuple):
    """What a header has about each file."""

    names: list[str]
    modes: tuple[int, ...]
    sizes: tuple[int, ...]
    digests: list[str]
    links: list[str]
    flags: tuple[int, ...]
    verify_flags: tuple[int, ...]
    states: tuple[int, ...]


def _columns(header: _Header) -> _Columns:
    names = _names(header)
    count = len(names)
    sizes = header.numbers(_LONG_SIZES if _LONG_SIZES in header else _SIZES)
    columns = _Columns(
        names,
        header.numbers(_MODES),
        sizes,
        header.texts(_DIGESTS),
        header.texts(_LINKS),
        header.numbers(_FLAGS),
        header.numbers(_VERIFY_FLAGS) or (0xFFFFFFFF,) * count,
        header.numbers(_STATES) or (_NORMAL,) * count,
    )
    if any(len(column) != count for column in columns):
        raise ValueError("its header does not have the same number of everything about its files")
    return columns


def _names(header: _Header) -> list[str]:
    if _OLD_NAMES in header:
        raise ValueError("its header is of rpm 3, which is not read")
    names, folders = header.texts(_BASE_NAMES), header.texts(_FOLDER_NAMES)
    indexes = header.numbers(_FOLDER_INDEXES)
    if len(names) != len(indexes) or any(i >= len(folders) for i in indexes):
        raise ValueError("its header has files without folders")
    if len(names) > MAX_FILES:
        raise ValueError(f"it has more than {MAX_FILES} files")
    if any("/" in name for name in names) or not all(f.startswith("/") for f in folders):
        raise ValueError("its header has a name that is none of a file")
    return [folders[i] + name for i, name in zip(indexes, names)]  # noqa: B905 - compared above


def _contents(path: str, header: _Header) -> Contents:
    columns = _columns(header)
    number = (header.numbers(_DIGEST_ALGORITHM) or (1,))[0]
    algorithm, digits = _ALGORITHMS.get(number, ("", 0))
    files: list[ListedFile] = []
    bad: list[BadLine] = []
    for i, (name, mode, size, listed, target, flags, verify, state) in enumerate(
        zip(*columns),  # noqa: B905 - of the same length
        1,
    ):
        kind = _KINDS.get(stat.S_IFMT(mode))
        cause = ""
        digest = "" if kind != FILE or flags & _IS_GHOST else listed
        if kind is None:
            cause = f"unknown kind of file: mode {mode:o}"
        elif state not in {_NORMAL, *_EXCUSED}:
            cause = f"unknown state of a file: {state}"
        elif digest and not algorithm:
            cause = f"digests of the unknown algorithm {number}"
        elif digest and (len(digest) != digits or not _HEX.fullmatch(digest)):
            cause = f"not a digest of {algorithm}"
        if cause:
            bad.append(BadLine(path, i, name[:200], cause))
            continue
        file = ListedFile(
            name,
            i,
            kind,
            algorithm if digest else "",
            digest,
            size=size if kind == FILE and verify & _VERIFY_SIZE else None,
            mode=stat.S_IMODE(mode) if verify & _VERIFY_MODE else None,
            target=target if kind == LINK and verify & _VERIFY_LINK else None,
            may_change=_may_change(flags, verify),
        )
        files.append(_with_excuses(file, flags, state))
    return Contents(path, files, tuple(bad))


def _may_change(flags: int, verify: int) -> str | None:
    if flags & _IS_CONFIG:
        return "a configuration file, which may be changed"
    return None if verify & _VERIFY_DIGEST else "the package allows for changes of it"


def _with_excuses(file: ListedFile, flags: int, state: int) -> ListedFile:
    if flags & _IS_GHOST:
        why = "not part of the package, but made later (%ghost)"
        return file._replace(excused=why, may_miss=why)
    if flags & _MISSING_OK:
        file = file._replace(may_miss="the package allows for its absence")
    if state == _NORMAL:
        return file
    why = _EXCUSED[state]
    # One that was replaced has to exist.
    may_miss = why if state in {_NOT_INSTALLED, _NET_SHARED} else file.may_miss
    return file._replace(excused=why, may_miss=may_miss)
