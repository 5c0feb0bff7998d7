"""Verification of the packages of an Arch Linux system against pacman's local database.

``/var/lib/pacman/local`` has a folder for each package. Its file ``desc`` has the name and the
version, ``files`` the names of its files, and of those that the user may change (``%BACKUP%``), and
``mtree`` is compressed and has what is known about each, in the format of :manpage:`mtree(5)` as
:manpage:`makepkg(8)` writes it: a line for each file, with its whole path. Results are those of
``pacman -Qkk``, except for owners and times.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import re
import zlib
from typing import TYPE_CHECKING

from .._printable import printable
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

__all__ = ["verify_pacman"]

_LOCAL = "var/lib/pacman/local"
_CONFIG = "etc/pacman.conf"
_VERSION_FILE = "ALPM_DB_VERSION"
_MAX_BYTES = 64 << 20
"""The size of a file of the database; mtree is not larger when it is decompressed."""
_MAX_CONFIG_BYTES = 1 << 20
_MAX_PATTERNS = 1000
_MAX_PACKAGES = 100_000

_NAME = re.compile(r"[A-Za-z0-9@_+][A-Za-z0-9@._+-]*")
_VERSION = re.compile(r"[A-Za-z0-9:._+~-]+")

_METADATA = {
    ".BUILDINFO": None,
    ".MTREE": None,
    ".PKGINFO": None,
    ".INSTALL": "install",
    ".CHANGELOG": "changelog",
}
"""The files of a package that are not installed, and what they are called in the database."""

_CHANGED = "a configuration file, which may be changed"


def verify_pacman(
    *packages: str,
    root: str | PathLike[str] = "/",
    ignore_unrecorded: bool = False,
    workers: int | None = None,
    package: Callable[[PackageReport], object] | None = None,
) -> InstalledReport:
    """Verify the files of Arch Linux packages against pacman's local database.

    The content, the kind and the permissions of files and the targets of links are compared, but
    not owners and times. Configuration files ("backup" files) may be changed.

    :param packages: Names such as ``bash``. By default all installed packages.
    :param root: The root folder of the system, such as a chroot.
    :param ignore_unrecorded: Do not count packages without digests as failures.
    :param workers: How many files are read at once, as in :func:`checksig.verify`.
    :param package: Called with the report of each package as soon as it is known.

    :raises ManifestNotFoundError: pacman's database does not exist, or a package is not installed.
    :raises ManifestError: pacman's database is damaged.
    :raises OSError: pacman's database cannot be read.
    :raises EngineError: the engine cannot be started, or failed.
    """
    return verify_packages(
        _Pacman,
        packages,
        root=root,
        ignore_unrecorded=ignore_unrecorded,
        workers=workers,
        package=package,
    )


class _Pacman(Database):
    format = "pacman"

    def __init__(self, files: Root) -> None:
        super().__init__(files)
        self._left_out = _no_extract(files)

    def path_of(self, package: Listed) -> str:
        return self.files.path(f"{_LOCAL}/{package.key}/mtree")

    def packages(self) -> Iterator[Listed]:
        names = self.files.names(_LOCAL)
        if not names:
            folder = printable(self.files.folder)
            raise ManifestNotFoundError(f"{folder}: pacman has installed nothing there")
        if len(names) > _MAX_PACKAGES:
            path = printable(self.files.path(_LOCAL))
            raise ManifestError(f"{path}: more than {_MAX_PACKAGES} packages")
        for folder in names:
            if folder == _VERSION_FILE:
                continue
            sections = self._sections(f"{_LOCAL}/{folder}/desc")
            name, version = (sections.get(key, []) for key in ("NAME", "VERSION"))
            if (
                [f"{n}-{v}" for n in name for v in version] != [folder]
                or not _NAME.fullmatch(name[0])
                or not _VERSION.fullmatch(version[0])
            ):
                path = printable(self.files.path(f"{_LOCAL}/{folder}/desc"))
                raise ManifestError(f"{path}: not about the package that its folder is named after")
            yield Listed(name[0], version[0], frozenset({name[0], folder}), folder)

    def contents(self, package: Listed) -> Contents:
        folder = f"{_LOCAL}/{package.key}"
        path = self.path_of(package)
        sections = self._sections(f"{folder}/files")
        named = {_plain(name) for name in sections.get("FILES", [])}
        backup = {line.partition("\t")[0] for line in sections.get("BACKUP", [])}
        try:
            content = self._decompressed(f"{folder}/mtree")
        except FileNotFoundError:
            return Contents(path, [], problem="no mtree" if named else None)
        files: list[ListedFile] = []
        bad: list[BadLine] = []
        for file in _Mtree(path, content, bad):
            plain = _plain(file.name)
            named.discard(plain)
            if plain in _METADATA:
                kept = _METADATA[plain]
                if kept is None:
                    continue
                file = file._replace(name=f"{folder}/{kept}", mode=None)  # noqa: PLW2901
            files.append(
                file._replace(
                    may_change=_CHANGED if plain in backup else None,
                    may_miss=self._why_left_out(plain + "/" * (file.kind == FOLDER)),
                )
            )
        problem = f"{len(named):,} files are not in its mtree" if named else None
        return Contents(path, files, tuple(bad), problem)

    def _sections(self, name: str) -> dict[str, list[str]]:
        """Return the lines of each section of a file, which starts with %NAME%."""
        text = os.fsdecode(self.files.read(name, _MAX_BYTES))
        sections: dict[str, list[str]] = {}
        lines: list[str] | None = None
        for line in text.split("\n"):
            if re.fullmatch(r"%[A-Z0-9_]+%", line):
                if line[1:-1] in sections:
                    raise ManifestError(
                        f"{printable(self.files.path(name))}: {line} is there twice"
                    )
                lines = sections.setdefault(line[1:-1], [])
            elif line and lines is not None:
                lines.append(line)
            elif line:
                raise ManifestError(f"{printable(self.files.path(name))}: not understood")
        return sections

    def _decompressed(self, name: str) -> bytes:
        content = self.files.read(name, _MAX_BYTES)
        inflate = zlib.decompressobj(wbits=31)  # gzip
        try:
            text = inflate.decompress(content, _MAX_BYTES + 1)
        except zlib.error as error:
            raise OSError(errno.EINVAL, f"damaged: {error}", self.files.path(name)) from error
        if len(text) > _MAX_BYTES:
            raise OSError(errno.EFBIG, f"has more than {_MAX_BYTES} bytes", self.files.path(name))
        if not inflate.eof or inflate.unused_data:
            why = "truncated" if not inflate.eof else "more after its end"
            raise OSError(errno.EINVAL, f"damaged: {why}", self.files.path(name))
        return text

    def _why_left_out(self, name: str) -> str | None:
        # As pacman does: the last pattern that matches is the one that counts.
        for pattern in reversed(self._left_out):
            inverted = pattern.startswith("!")
            if fnmatch.fnmatchcase(name, pattern[1:] if inverted else pattern):
                return None if inverted else f"left out at the installation: NoExtract = {pattern}"
        return None


def _plain(name: str) -> str:
    """Return a name without what is before and after it in the files of the database."""
    return name.removeprefix("./").rstrip("/")


def _no_extract(files: Root) -> list[str]:
    """Return the patterns of files that pacman does not install; see :manpage:`pacman.conf(5)`."""
    try:
        text = os.fsdecode(files.read(_CONFIG, _MAX_CONFIG_BYTES))
    except FileNotFoundError:
        return []
    found: list[str] = []
    section = ""
    for line in map(str.strip, text.split("\n")):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        key, equals, value = line.partition("=")
        if section == "options" and equals and key.strip() == "NoExtract":
            found += value.split()
    if len(found) > _MAX_PATTERNS:
        path = printable(files.path(_CONFIG))
        raise ManifestError(f"{path}: more than {_MAX_PATTERNS} patterns of NoExtract")
    return found


# --- mtree(5), as bsdtar writes it for makepkg

_KINDS = {
    "file": FILE,
    "dir": FOLDER,
    "link": LINK,
    "block": DEVICE,
    "char": DEVICE,
    "fifo": DEVICE,
    "socket": DEVICE,
}
_DIGESTS = {
    "md5digest": ("md5", 32),
    "md5": ("md5", 32),
    "sha1digest": ("sha1", 40),
    "sha256digest": ("sha256", 64),
    "sha256": ("sha256", 64),
    "sha384digest": ("sha384", 96),
    "sha512digest": ("sha512", 128),
}
_IGNORED = {"uid", "gid", "uname", "gname", "time", "nlink", "flags", "inode", "device"}
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2})|\\(.?)", re.DOTALL)
_SIMPLE = {b"\\": b"\\", b"#": b"#", b"s": b" ", b"t": b"\t", b"n": b"\n", b"r": b"\r"}


class _Mtree:
    """The files in an mtree; a line that is not understood becomes a bad line."""

    def __init__(self, path: str, content: bytes, bad: list[BadLine]) -> None:
        self._path = path
        self._content = content
        self._bad = bad
        self._set: dict[str, str] = {}

    def __iter__(self) -> Iterator[ListedFile]:
        lines = self._content.split(b"\n")
        if lines[0] != b"#mtree":
            raise ManifestError(f"{printable(self._path)}: not an mtree")
        if lines.pop():
            raise ManifestError(f"{printable(self._path)}: truncated")
        if len(lines) > MAX_FILES:
            raise ManifestError(f"{printable(self._path)}: more than {MAX_FILES} lines")
        for number, line in enumerate(lines, 1):
            if not line or line.startswith(b"#"):
                continue
            try:
                file = self._read(line, number)
            except ValueError as error:
                self._bad.append(BadLine(self._path, number, os.fsdecode(line[:200]), str(error)))
            else:
                if file is not None:
                    yield file

    def _read(self, line: bytes, number: int) -> ListedFile | None:
        first, *words = line.split(b" ")
        if first == b"/unset":
            for word in words:
                self._set.pop(word.decode(), None)
            return None
        stated = _keywords(words)
        if first == b"/set":
            if not set(stated) <= {"type", "mode", *_IGNORED}:
                raise ValueError("a keyword in /set that is about a file")
            self._set |= stated
            return None
        if not first.startswith(b"./"):
            raise ValueError('expected a path that starts with "./"')
        return _file(os.fsdecode(_unescaped(first)), self._set | stated, number)


def _keywords(words: list[bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition(b"=")
        name = key.decode("ascii", "replace")
        if name not in {"type", "mode", "size", "link", *_DIGESTS, *_IGNORED} or not equals:
            raise ValueError(f"unknown keyword {printable(name[:40])}")
        if name in found:
            raise ValueError(f"the keyword {name} is there twice")
        if b"\0" in value:
            raise ValueError("a null byte")
        found[name] = os.fsdecode(_unescaped(value))
    return found


def _file(name: str, stated: dict[str, str], number: int) -> ListedFile:
    kind = _KINDS.get(stated.get("type", "file"))
    if kind is None:
        raise ValueError("unknown type of file")
    algorithm = digest = ""
    for key, (known, digits) in _DIGESTS.items():  # the strongest one is the last
        if key in stated:
            algorithm, digest = known, stated[key].lower()
            if not re.fullmatch(f"[0-9a-f]{{{digits}}}", digest):
                raise ValueError(f"not a digest of {known}")
    if kind != FILE and (digest or "size" in stated):
        raise ValueError("a digest or a size of what is no file")
    if kind == LINK and not stated.get("link"):
        raise ValueError("a link without its target")
    size, mode = stated.get("size"), stated.get("mode")
    if size is not None and not re.fullmatch(r"[0-9]{1,18}", size):
        raise ValueError("not a size in bytes")
    if mode is not None and not re.fullmatch(r"[0-7]{1,5}", mode):
        raise ValueError("not octal permissions")
    return ListedFile(
        name,
        number,
        kind,
        algorithm,
        digest,
        size=None if size is None else int(size),
        mode=None if mode is None else int(mode, 8),
        target=stated.get("link") if kind == LINK else None,
    )


def _unescaped(text: bytes) -> bytes:
    """Return *text* without the escapes of :manpage:`vis(3)` that libarchive writes."""

    def replace(match: re.Match[bytes]) -> bytes:
        if match[1]:
            value = int(match[1], 8)
            if value in b"\0/":
                raise ValueError("an escape that stands for a separator")
            return bytes([value])
        if match[2] not in _SIMPLE:
            raise ValueError("unknown escape")
        return _SIMPLE[match[2]]

    return _ESCAPE.sub(replace, text)
