"""Opening the files of a package database without being redirected, blocked or flooded.

The database belongs to the system or environment that is verified, which may be hostile. So every
file of it is opened here: only a regular file, only beneath a root folder, and only up to a size.
go/internal/safefs does the same for the files that manifests list.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import IO, TYPE_CHECKING

from .._regular import FLAGS

if TYPE_CHECKING:
    from collections.abc import Generator
    from os import PathLike

__all__ = ["Folder", "Root"]

_MAX_LINKS = 40  # as Linux has it
_MAX_DEPTH = 256
"""How many folders are open at once; no package database is as deep."""

_FOLDER = (
    getattr(os, "O_PATH", os.O_RDONLY)  # O_PATH: without the right to list the folder
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_FILE = FLAGS | getattr(os, "O_NOFOLLOW", 0)
_BENEATH = os.open in os.supports_dir_fd and os.readlink in os.supports_dir_fd


class Folder:
    """An open folder, beneath a :class:`Root`."""

    def __init__(self, path: str, descriptor: int | None, found: str) -> None:
        self._path = path
        self._descriptor = descriptor
        self.found = found
        """Where it is below the root, without any link."""

    def lstat(self, name: str) -> os.stat_result:
        """Return what is known about *name*, itself if it is a link.

        :raises OSError: it does not exist, or cannot be looked at.
        """
        return _lstat(self._of(name), self._descriptor)

    def readlink(self, name: str) -> str:
        """Return where a link leads, as it is written.

        :raises OSError: it is no link.
        """
        return os.readlink(self._of(name), dir_fd=self._descriptor)

    def _of(self, name: str) -> str:
        return name if self._descriptor is not None else os.path.join(self._path, name)


class Root:
    """A folder, and everything beneath it; paths are relative to it, with "/" between components.

    :param is_system: The folder is the root of a system. An absolute link in it starts there, as
        in a chroot, and ".." ends there. In another folder, a link that leads outside is an error.
    """

    def __init__(self, folder: str | PathLike[str], *, is_system: bool) -> None:
        self.folder = os.fspath(folder)
        self._is_system = is_system

    def path(self, name: str) -> str:
        """Return the path of *name*, as it is written, for messages."""
        return os.path.join(self.folder, *_components(name))

    def read(self, name: str, limit: int) -> bytes:
        """Return the content of a file of at most *limit* bytes.

        :raises OSError: it cannot be read, is not a regular file, leads outside or is larger.
        """
        with self.open(name) as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise self._error(errno.EFBIG, name, f"has more than {limit} bytes")
        return content

    def read_start(self, name: str, limit: int) -> bytes:
        """Return the first *limit* bytes of a file.

        :raises OSError: it cannot be read, is not a regular file or leads outside.
        """
        with self.open(name) as file:
            return file.read(limit)

    def open(self, name: str) -> IO[bytes]:
        """Open a file.

        :raises OSError: it cannot be opened, is not a regular file or leads outside.
        """
        with self._find(name) as (folder, last, _):
            descriptor = os.open(last, _FILE, dir_fd=folder)
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise self._error(errno.EINVAL, name, "not a regular file")
                return os.fdopen(descriptor, "rb")
            except BaseException:
                os.close(descriptor)
                raise

    def resolve(self, name: str) -> str:
        """Return the path of a regular file, without any link below the root.

        It is for the engine, which opens the file itself.

        :raises OSError: it does not exist, is not a regular file or leads outside.
        """
        with self._find(name) as (_, _, found):
            return os.path.join(self.folder, *found)

    def size(self, name: str) -> int:
        """Return the size of a regular file.

        :raises OSError: it does not exist, is not a regular file or leads outside.
        """
        with self._find(name) as (folder, last, _):
            return _lstat(last, folder).st_size

    def is_file(self, name: str) -> bool:
        """Whether *name* is a regular file and no link, or cannot be looked at.

        Links to its folder are followed.
        """
        try:
            with self._find(name, follow=False):
                return True
        except OSError as error:
            return error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.EINVAL}

    def exists(self, name: str) -> bool:
        """Whether there is anything with this name, even a link that leads nowhere."""
        try:
            with self._find(name, follow=False, regular=False):
                return True
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True  # reading it has the same error, which is then reported

    def names(self, name: str) -> list[str]:
        """Return the names of the files in a folder, sorted; none if it does not exist.

        :raises OSError: it cannot be read or leads outside.
        """
        try:
            with self._find(name, regular=False) as (folder, last, _):
                return sorted(_list(last, folder))
        except (FileNotFoundError, NotADirectoryError):
            return []

    @contextlib.contextmanager
    def open_folder(self, name: str) -> Generator[Folder]:
        """Open a folder, to look at what is in it.

        :raises OSError: it does not exist, is no folder or leads outside.
        """
        with self._find(name, regular=False) as (folder, last, found):
            if folder is None:
                yield Folder(os.path.join(self.folder, *found), None, "/".join(found))
                return
            descriptor = os.open(last, _FOLDER, dir_fd=folder)
            try:
                yield Folder(".", descriptor, "/".join(found))
            finally:
                os.close(descriptor)

    @contextlib.contextmanager
    def _find(
        self, name: str, *, follow: bool = True, regular: bool = True
    ) -> Generator[tuple[int | None, str, list[str]]]:
        """Yield where *name* is: an open folder, the name in it, and the path below the root.

        Without ``openat``, as on Windows, there is no open folder, and the name is a whole path.
        """
        if "\0" in name:
            raise self._error(errno.EINVAL, name, "contains a null byte")
        find = self._find_beneath if _BENEATH else self._find_by_path
        try:
            with find(name, follow=follow, regular=regular) as found:
                yield found
        except OSError as error:
            raise self._error(error.errno or 0, name, error.strerror or str(error)) from error

    @contextlib.contextmanager
    def _find_beneath(  # noqa: C901, PLR0912 - one loop reads better than its parts
        self, name: str, *, follow: bool, regular: bool
    ) -> Generator[tuple[int | None, str, list[str]]]:
        opened: list[int] = []
        try:
            opened.append(os.open(self.folder, _FOLDER & ~getattr(os, "O_NOFOLLOW", 0)))
            found: list[str] = []
            left = _components(name)[::-1]
            links = 0
            while left:
                component = left.pop()
                if component == "..":
                    self._go_up(name, opened, found)
                    continue
                status = _lstat(component, opened[-1])
                if stat.S_ISLNK(status.st_mode) and (left or follow):
                    links += 1
                    if links > _MAX_LINKS:
                        raise self._error(errno.ELOOP, name)
                    target = os.readlink(component, dir_fd=opened[-1])
                    if target.startswith("/"):
                        target = self._below(name, target)
                        while len(opened) > 1:
                            self._go_up(name, opened, found)
                    left += _components(target)[::-1]
                elif left:
                    if len(opened) > _MAX_DEPTH:
                        raise self._error(errno.ENAMETOOLONG, name)
                    opened.append(os.open(component, _FOLDER, dir_fd=opened[-1]))
                    found.append(component)
                else:
                    if regular and not stat.S_ISREG(status.st_mode):
                        raise self._error(errno.EINVAL, name, "not a regular file")
                    yield opened[-1], component, [*found, component]
                    return
            if regular:
                raise self._error(errno.EINVAL, name, "not a regular file")
            yield opened[-1], ".", found
        finally:
            for each in opened:
                os.close(each)

    def _go_up(self, name: str, opened: list[int], found: list[str]) -> None:
        if len(opened) > 1:
            os.close(opened.pop())
            found.pop()
        elif not self._is_system:
            raise self._error(errno.EACCES, name, f"leads outside {self.folder}")

    def _below(self, name: str, target: str) -> str:
        """Return the target of an absolute link as a path below the root."""
        if self._is_system:
            return target
        for folder in (self.folder, os.path.realpath(self.folder)):
            top = folder.rstrip("/")
            if f"{target}/".startswith(f"{top}/"):
                return target[len(top) :]
        raise self._error(errno.EACCES, name, f"leads outside {self.folder}")

    @contextlib.contextmanager
    def _find_by_path(
        self, name: str, *, follow: bool, regular: bool
    ) -> Generator[tuple[int | None, str, list[str]]]:
        top = os.path.realpath(self.folder)
        path = os.path.join(top, *_components(name))
        folder, last = os.path.split(path)
        path = os.path.join(os.path.realpath(folder), last)
        if follow:
            path = os.path.realpath(path)
        if os.path.commonpath([top, path]) != top:
            raise self._error(errno.EACCES, name, f"leads outside {self.folder}")
        if not stat.S_ISREG(os.lstat(path).st_mode) and regular:
            raise self._error(errno.EINVAL, name, "not a regular file")
        yield None, path, os.path.relpath(path, top).split(os.sep)

    def _error(self, number: int, name: str, text: str = "") -> OSError:
        return OSError(number, text or os.strerror(number), self.path(name))


def _components(name: str) -> list[str]:
    return [each for each in name.split("/") if each not in {"", "."}]


def _lstat(name: str, folder: int | None) -> os.stat_result:
    return os.stat(name, dir_fd=folder, follow_symlinks=False)


def _list(name: str, folder: int | None) -> list[str]:
    if folder is None:
        return os.listdir(name)
    descriptor = os.open(name, _FILE | getattr(os, "O_DIRECTORY", 0), dir_fd=folder)
    try:
        return os.listdir(descriptor)
    finally:
        os.close(descriptor)
