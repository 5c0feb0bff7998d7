"""Verification of the packages of an Alpine system against apk's database.

The file ``lib/apk/db/installed`` is described in Alpine's wiki ("Apk spec", "Installed Database
V2") and by :manpage:`apk-v2(5)`: a paragraph for each package, in which ``F:`` starts a folder,
``R:`` a file in it, and ``Z:`` has its digest. ``Q1`` is base64 of SHA-1, ``Q2`` of SHA-256; the
digest of a link is that of the path that it leads to. apk 3 writes ``f:S`` for packages of its own
format, whose digests are the first 160 bits of SHA-256, though they start with ``Q1``.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from typing import TYPE_CHECKING, cast

from .._printable import printable
from ..errors import ManifestError, ManifestNotFoundError
from .filelist import FOLDER, MAX_FILES, Contents, Database, Listed, ListedFile, verify_packages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from os import PathLike

    from .installed import InstalledReport, PackageReport
    from .safefs import Root

__all__ = ["verify_apk"]

_PATHS = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
_MAX_BYTES = 256 << 20
"""The size of the database; a large one has 20 MB."""
_MAX_PACKAGES = 100_000

_FLAGS = set("fsxS")
"""What apk marks packages with: something of it is broken, or (S) its digests are of SHA-256."""

_SHA1_BYTES, _SHA256_BYTES = 20, 32
_FILE_MODE = 0o644
"""The permissions of a file without a line ``a:``."""

_NAME = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._+:@~-]*")  # .build-deps is a virtual package
_VERSION = re.compile(r"[A-Za-z0-9._~+-]+")
_OWNER = re.compile(r"[0-9]+:[0-9]+:([0-7]{1,5})(?::[QX][12].*)?")

_CHANGED = "a configuration file, which may be changed"


def verify_apk(
    *packages: str,
    root: str | PathLike[str] = "/",
    ignore_unrecorded: bool = False,
    workers: int | None = None,
    package: Callable[[PackageReport], object] | None = None,
) -> InstalledReport:
    """Verify the files of Alpine packages against apk's database.

    The content of files, the targets of links, and the permissions of files are compared, but not
    owners. Files in ``/etc`` may be changed, as with ``apk audit``, except ``/etc/apk`` and
    ``/etc/init.d``.

    :param packages: Names such as ``busybox``. By default all installed packages.
    :param root: The root folder of the system, such as a chroot.
    :param ignore_unrecorded: Do not count packages without digests as failures.
    :param workers: How many files are read at once, as in :func:`checksig.verify`.
    :param package: Called with the report of each package as soon as it is known.

    :raises ManifestNotFoundError: apk's database does not exist, or a package is not installed.
    :raises ManifestError: apk's database is damaged.
    :raises OSError: apk's database cannot be read.
    :raises EngineError: the engine cannot be started, or failed.
    """
    return verify_packages(
        _Apk,
        packages,
        root=root,
        ignore_unrecorded=ignore_unrecorded,
        workers=workers,
        package=package,
    )


class _Apk(Database):
    format = "apk"

    def __init__(self, files: Root) -> None:
        super().__init__(files)
        found = [name for name in _PATHS if files.exists(name)]
        if not found:
            folder = printable(files.folder)
            raise ManifestNotFoundError(f"{folder}: apk has installed nothing there")
        if len({files.resolve(name) for name in found}) > 1:
            paths = " and ".join(printable(files.path(name)) for name in found)
            raise ManifestError(f"two databases of apk, {paths}: remove the one that is not in use")
        self._path = files.path(found[0])
        self._content = files.read(found[0], _MAX_BYTES)

    def path_of(self, package: Listed) -> str:
        del package  # all are in one file
        return self._path

    def packages(self) -> Iterator[Listed]:
        for count, (start, line) in enumerate(self._starts(), 1):
            name = version = ""
            for number, key, value in self._fields(start, line):
                if key == "P" and not name:
                    name = self._valid(_NAME, value, number)
                elif key == "V" and not version:
                    version = self._valid(_VERSION, value, number)
                elif key in "PV":
                    raise self._error(number, "a second name or version")
            if not name or not version:
                raise self._error(line, "a package without a name or a version")
            if count > _MAX_PACKAGES:
                raise self._error(line, f"more than {_MAX_PACKAGES} packages")
            yield Listed(name, version, frozenset({name, f"{name}-{version}"}), (start, line))

    def contents(self, package: Listed) -> Contents:  # noqa: C901, PLR0912 - one case for each letter
        start, line = cast("tuple[int, int]", package.key)
        files: list[ListedFile] = []
        cut_off = False
        folder: str | None = None
        is_file = False  # whether the last entry is one
        for number, key, value in self._fields(start, line):
            if key == "f":
                if set(value) - _FLAGS:
                    raise self._error(number, "written by an apk that is newer than checksig")
                cut_off = "S" in value
            elif key == "F":
                folder, is_file = value, False
                files.append(ListedFile(f"/{value}", number, FOLDER))
            elif key in "RMaZ" and folder is None:
                raise self._error(number, f"{key}: before a folder")
            elif key == "R":
                if not value or "/" in value or value in {".", ".."}:
                    raise self._error(number, "no name of a file")
                name = f"/{folder}/{value}" if folder else f"/{value}"
                files.append(ListedFile(name, number, None, mode=_FILE_MODE, may_change=_may(name)))
                is_file = True
            elif key in "Ma":
                found = _OWNER.fullmatch(value)
                if found is None or (key == "a") != is_file:
                    raise self._error(number, "no owner and permissions")
                if key == "a":
                    files[-1] = files[-1]._replace(mode=int(found[1], 8))
            elif key == "Z":
                if not is_file or files[-1].digest:
                    raise self._error(number, "a digest of no file")
                algorithm, digest = self._digest(value, number, cut_off)
                files[-1] = files[-1]._replace(algorithm=algorithm, digest=digest)
            if len(files) > MAX_FILES:
                raise self._error(number, f"more than {MAX_FILES} files")
        return Contents(self._path, files)

    def _starts(self) -> Iterator[tuple[int, int]]:
        """Yield where each paragraph starts: its offset and its line."""
        content = self._content
        if content and not content.endswith(b"\n"):
            raise self._error(content.count(b"\n") + 1, "truncated")
        offset, line = 0, 1
        within = False
        while offset < len(content):
            end = content.index(b"\n", offset)
            if end == offset:
                within = False
            elif not within:
                within = True
                yield offset, line
            offset, line = end + 1, line + 1

    def _fields(self, offset: int, line: int) -> Iterator[tuple[int, str, str]]:
        """Yield the lines of a paragraph: their number, the letter, and the value."""
        content = self._content
        while offset < len(content) and content[offset] != ord("\n"):
            end = content.index(b"\n", offset)
            if end - offset < 2 or content[offset + 1] != ord(":"):
                raise self._error(line, "not understood")
            yield line, chr(content[offset]), os.fsdecode(content[offset + 2 : end])
            offset, line = end + 1, line + 1

    def _valid(self, pattern: re.Pattern[str], text: str, line: int) -> str:
        if not pattern.fullmatch(text):
            raise self._error(line, "no name or version of a package")
        return text

    def _digest(self, text: str, line: int, cut_off: bool) -> tuple[str, str]:
        try:
            digest = base64.b64decode(text[2:].encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError):
            digest = b""
        if text.startswith("Q1") and len(digest) == _SHA1_BYTES:
            return "sha256" if cut_off else "sha1", digest.hex()
        if text.startswith(("Q1", "Q2")) and len(digest) == _SHA256_BYTES:
            return "sha256", digest.hex()
        raise self._error(line, "unknown kind of digest, expected Q1 or Q2 and base64")

    def _error(self, line: int, text: str) -> ManifestError:
        return ManifestError(f"{printable(self._path)} line {line}: {text}")


def _may(name: str) -> str | None:
    """Return why *name* may be changed: it is protected, as apk is built to do."""
    inside = name.startswith("/etc/") and not name.startswith(("/etc/apk/", "/etc/init.d/"))
    return _CHANGED if inside else None
