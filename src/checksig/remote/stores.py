"""File systems of fsspec as stores that the engine can ask."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import datetime as dt
import os
import posixpath
import re
import stat
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from .server import ChangedError, Found, OddNameError, OutsideError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .plainhttp import Memory
    from .server import Query

__all__ = [
    "ArchiveStore",
    "FileStore",
    "LinkStore",
    "SftpStore",
    "Store",
    "read_exactly",
    "secrets_of",
    "stored_digests",
    "to_text",
]

_IDENTITY = (
    "ETag",
    "etag",
    "generation",
    "VersionId",
    "version_id",
    "mtime",
    "LastModified",
    "last_modified",
    "updated",
    "checksum",
    "md5Hash",
    "crc32c",
    "sha256",
    "blob_id",
    "CRC",
    "size",
)
"""What of a description by a file system tells versions of a file apart."""

_SECRETS = ("key", "secret", "token", "password", "account_key", "sas_token", "connection_string")

_MOST_OPEN = 16
"""How many members of an archive are open at once."""

_MOST_FOLDERS = 256 << 20
"""How many bytes the paths of all folders in an archive may have."""

_MOST_WHOLE = 256 << 20
"""How large a member may be that is read as a whole, as of an archive of an unknown kind."""

_SECONDS = 60.0
"""How long to wait for the description of a remote archive."""


class Store:
    """Where files are. Either *loop* runs its methods, which are coroutines, or threads do."""

    loop: asyncio.AbstractEventLoop | None = None
    threads = 16
    depth = 16
    """How many files are read at once."""
    reads = True
    """Whether what is described is read next, as far as is known."""
    secrets: tuple[str, ...] = ()
    """What must not be in any message."""

    def begin(self) -> None:
        """Prepare for a job."""

    def allow(self, path: bytes) -> None:
        """Note a path that the caller names: that itself may lead anywhere."""

    def take(self, path: bytes, version: bytes, offset: int, size: int) -> bytes | Memory | None:
        """Return a part of a file that is here already; None if there is none."""
        del path, version, offset, size
        return None

    def is_confirmed(self, version: bytes) -> bool:
        """Whether every part of a file was compared with its version when it came."""
        del version
        return False

    def is_direct(self, query: Query) -> bool:
        """Whether :meth:`direct` may answer a query, though there is a loop."""
        del query
        return False

    def direct(self, query: Query, take: Callable[[bytes | Memory | None], None]) -> None:
        """Let *take* have the answer to a query, from any thread; None if the loop must be asked.

        It must be called once unless the store is interrupted.
        """
        del query
        take(None)

    def free(self, data: bytes | Memory) -> None:
        """Note that an answer of :meth:`direct` was given, and is not used any more."""
        del data

    def interrupt(self, deadline: float) -> None:
        """Give no answers any more, and end what :meth:`direct` has begun, if possible in time."""
        del deadline

    def end(self) -> None:
        """Free what a job has left."""


def to_text(path: bytes) -> str:
    """Return a path as text; stores have names in UTF-8."""
    try:
        return path.decode()
    except UnicodeDecodeError as error:
        raise OddNameError from error


def secrets_of(filesystem: Any) -> tuple[str, ...]:
    """Return the credentials that a file system was made with."""
    options: dict[str, Any] = getattr(filesystem, "storage_options", {})
    found = [value for name, value in options.items() if name in _SECRETS]
    return tuple(value for value in found if isinstance(value, str) and len(value) > 3)


async def read_exactly(body: Any, size: int) -> bytes:
    """Return all that *body* has, which must be *size* bytes. What a server sends more is not kept.

    :raises EOFError: it has fewer.
    :raises OSError: it has more.
    """
    parts: list[bytes] = []
    left = size
    while left > 0 and (part := await body.read(left)):
        parts.append(part)
        left -= len(part)
    if left:
        raise EOFError(f"{size - left} bytes came instead of {size}")
    if await body.read(1):
        raise OSError(f"more than the {size} bytes that were asked for came")
    return b"".join(parts)


class FileStore(Store):
    """A file system, whose functions block."""

    def __init__(self, filesystem: Any, lead: str, *, literal: bool) -> None:
        self._fs = filesystem
        self._lead = lead
        self._literal = literal
        self.secrets = secrets_of(filesystem)

    def begin(self) -> None:
        """Forget what the file system knew before."""
        with contextlib.suppress(Exception):
            self._fs.invalidate_cache()

    def _path(self, path: bytes) -> str:
        text = to_text(path)
        if not self._literal and any(each in text for each in "?#"):
            raise OddNameError  # some file systems take what follows for a version
        return self._lead + text[1:]

    def stat(self, path: bytes) -> Found:
        """Describe a file or folder."""
        at = self._path(path)
        info = self._fs.info(at)
        if info["name"].strip("/") != at.strip("/"):
            raise OutsideError
        return self._found(info, path.rpartition(b"/")[2])

    def _found(self, info: dict[str, Any], name: bytes) -> Found:
        kinds = {"file": 0, "directory": 1}
        kind = kinds.get(info["type"], 2)
        if info.get("islink"):
            kind = 2
        size = info.get("size")
        if kind == 0 and size is None:
            raise OSError("the store does not say how large the file is")
        return Found(name, kind, int(size or 0), _modified(info), _version(info))

    def list(self, path: bytes) -> list[Found]:
        """Describe what is in a folder."""
        at = self._path(path)
        found: list[Found] = []
        prefix = at.strip("/")
        for info in self._fs.ls(at, detail=True):
            name = info["name"].strip("/")
            rest = name[len(prefix) :].lstrip("/") if prefix else name
            if name == prefix:
                if info["type"] == "file" and (info.get("size") or 0) > 0:
                    raise NotADirectoryError(at)
                continue  # the folder itself, or its marker
            if prefix and not name.startswith(prefix + "/"):
                raise OSError("the store lists something that is not in the folder")
            found.append(self._found(info, rest.encode("utf-8", "surrogateescape")))
        return found

    def read(self, path: bytes, version: bytes, offset: int, size: int) -> bytes:
        """Return a part of a file."""
        del version  # it is compared at the end
        data: bytes = self._fs.cat_file(self._path(path), start=offset, end=offset + size)
        if len(data) != size:
            raise EOFError(f"{len(data)} bytes came instead of {size}")
        return data

    def confirm(self, path: bytes, version: bytes) -> None:
        """Raise an error if a file has changed."""
        with contextlib.suppress(Exception):
            self._fs.invalidate_cache(posixpath.dirname(self._path(path)))
        if self.stat(path).version != version:
            raise ChangedError

    def stored(self, path: bytes, version: bytes, algorithms: Sequence[str]) -> dict[str, bytes]:
        """Return the checksums that the store keeps."""
        info = self._fs.info(self._path(path))
        if _version(info) != version:
            raise ChangedError
        return {k: v for k, v in stored_digests(info).items() if k in algorithms}


def stored_digests(info: dict[str, Any]) -> dict[str, bytes]:
    """Return the digests of the whole file in a description by gcsfs or adlfs."""
    settings: Any = info.get("content_settings") or {}
    values: dict[str, Any] = {
        "md5": info.get("md5Hash") or settings.get("content_md5"),
        "crc32c": info.get("crc32c"),
    }
    sizes = {"md5": 16, "crc32c": 4}
    found: dict[str, bytes] = {}
    for name, value in values.items():
        if isinstance(value, (bytes, bytearray)) and len(value) == sizes[name]:
            found[name] = bytes(value)
        elif isinstance(value, str):
            with contextlib.suppress(binascii.Error, ValueError):
                digest = base64.b64decode(value, validate=True)
                if len(digest) == sizes[name]:
                    found[name] = digest
    return found | _digests_of_hub(info)


def _digests_of_hub(info: dict[str, Any]) -> dict[str, bytes]:
    """Return the digests in a description by huggingface_hub.

    Of a file in LFS, git has a pointer, whose ID is not that of the file.
    """
    lfs: Any = info.get("lfs")
    name, value = "gitblob-sha1", info.get("blob_id")
    if lfs:
        name, value = "sha256", getattr(lfs, "sha256", None)
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", value):
        return {name: bytes.fromhex(value)}
    return {}


def _version(info: dict[str, Any]) -> bytes:
    return repr([(name, info.get(name)) for name in _IDENTITY if name in info]).encode(
        "utf-8", "backslashreplace"
    )


def _modified(info: dict[str, Any]) -> int | None:
    for name in ("mtime", "LastModified", "last_modified", "updated"):
        value = info.get(name)
        if isinstance(value, dt.datetime):
            return int(value.timestamp() * 1e9)
        if isinstance(value, (int, float)):
            return int(value * 1e9)
    return None


class LinkStore(FileStore):
    """A file system with links, which may lead anywhere."""

    def __init__(self, filesystem: Any, lead: str) -> None:
        super().__init__(filesystem, lead, literal=True)
        self._allowed: set[str] = set()

    def allow(self, path: bytes) -> None:
        """Note a path that the caller names, and the folder that it is in."""
        at = self._path(path)
        self._allowed |= {at, posixpath.dirname(at)}

    def stat(self, path: bytes) -> Found:
        """Describe a file or folder; no link may lead out of what the caller names."""
        self._confine(self._path(path))
        return super().stat(path)

    def list(self, path: bytes) -> list[Found]:
        """Describe what is in a folder, with the same rule."""
        self._confine(self._path(path))
        return super().list(path)

    def _confine(self, at: str) -> None:
        if at in self._allowed:
            return
        top = posixpath.dirname(at)
        while top not in self._allowed:
            if top == posixpath.dirname(top):
                raise OutsideError
            top = posixpath.dirname(top)
        inside = self._real(top).rstrip("/") + "/"
        if not self._real(at).startswith(inside):
            raise OutsideError

    def _real(self, path: str) -> str:
        """Return a path without links."""
        return os.path.realpath(path).replace(os.sep, "/")


class SftpStore(LinkStore):
    """A server of SSH, of which one thread asks at a time."""

    threads = 1
    depth = 1

    def read(self, path: bytes, version: bytes, offset: int, size: int) -> bytes:
        """Return a part of a file. Not every file system for SSH reads parts by itself."""
        del version
        with self._fs.open(self._path(path), "rb") as file:
            file.seek(offset)
            data = bytes(file.read(size))
        if len(data) != size:
            raise EOFError(f"{len(data)} bytes came instead of {size}")
        return data

    def _real(self, path: str) -> str:
        """Return a path without links."""
        ftp = getattr(self._fs, "ftp", None)
        if ftp is not None:  # fsspec with paramiko
            real: str = ftp.normalize(path)
            return real
        return asyncio.run_coroutine_threadsafe(self._ask(path), self._fs.loop).result(_SECONDS)

    async def _ask(self, path: str) -> str:
        async with self._fs._pool.get() as channel:  # noqa: SLF001 - of sshfs
            real: str | bytes = await channel.realpath(path)
            return real.decode() if isinstance(real, bytes) else real


class _Member(NamedTuple):
    """A member of an archive."""

    kind: int
    header: Any
    """How the module that reads the archive describes it."""
    several: bool = False
    """Whether the archive has several of its name, so that nobody knows which one is meant."""


def _members_of(filesystem: Any) -> Iterator[tuple[str, _Member]]:
    """Yield the members of an archive by their names in it; none of an unknown kind of archive.

    A link is no file: what is unpacked would be what it leads to.
    """
    archive = getattr(filesystem, "zip", None)
    for each in archive.infolist() if archive is not None else ():
        kind = 1 if each.is_dir() else 0
        if stat.S_IFMT(each.external_attr >> 16) not in {0, (stat.S_IFREG, stat.S_IFDIR)[kind]}:
            kind = 2
        yield each.filename, _Member(kind, each)
    archive = getattr(filesystem, "tar", None)
    for each in archive.getmembers() if archive is not None else ():
        kind = 1 if each.isdir() else 0 if each.isreg() else 2
        yield each.name, _Member(kind, each)


def _encode(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


class ArchiveStore(FileStore):
    """The members of an archive, which are read from their beginning to their end by one thread."""

    threads = 1
    depth = 1

    def __init__(
        self, filesystem: Any, outer: tuple[Any, bytes] | None = None, local: str | None = None
    ) -> None:
        super().__init__(filesystem, "", literal=True)
        self._outer = outer
        self._local = local
        self._lock = threading.Lock()
        self._open: OrderedDict[bytes, tuple[Any, int]] = OrderedDict()
        self._before: Any = None
        self._members: dict[str, _Member] | None = None
        self._folders: dict[str, dict[bytes, int]] = {}
        self._left = 0

    def begin(self) -> None:
        """Note what the archive is, and what it has."""
        self._before = self._state()
        self._members, self._folders = None, {}
        self._left = _MOST_FOLDERS
        for name, member in _members_of(self._fs):
            if self._members is None:
                self._members = {}
            self._add(name, member)

    def _add(self, name: str, member: _Member) -> None:
        """Note a member under the name that it is unpacked as, which has no "./" in front."""
        parts = name.rstrip("/").lstrip("/").split("/")
        while len(parts) > 1 and parts[0] in {".", ""}:
            del parts[0]
        if parts in ([""], ["."]):
            return
        clean = "/".join(parts)
        assert self._members is not None  # noqa: S101 - for type checkers
        known = self._members.get(clean)
        if known is not None and not (known.kind == member.kind == 1):
            member = member._replace(several=True)
        self._members[clean] = member
        at = ""
        for part in parts[:-1]:
            self._folders.setdefault(at, {})[_encode(part)] = 1
            at = f"{at}/{part}".lstrip("/")
            if at not in self._folders:
                self._left -= len(at)
                if self._left < 0:  # each level of a deep folder has a name of its own
                    text = f"the names of its folders have more than {_MOST_FOLDERS >> 20} MiB"
                    raise ValueError(f"the archive cannot be read: {text}; unpack it")
        self._folders.setdefault(at, {})[_encode(parts[-1])] = member.kind
        if member.kind == 1:
            self._folders.setdefault(clean, {})

    def _state(self) -> Any:
        if self._local is not None:
            info = os.stat(self._local)
            return info.st_size, info.st_mtime_ns, info.st_ino
        if self._outer is None:
            return None
        store, at = self._outer
        if store.loop is None:
            return store.stat(at)
        return asyncio.run_coroutine_threadsafe(store.stat(at), store.loop).result(_SECONDS)

    def stat(self, path: bytes) -> Found:
        """Describe a member."""
        name, last = self._path(path).strip("/"), path.rpartition(b"/")[2]
        if not name:
            return Found(b"", 1)
        if self._members is None:
            found = self._found(self._fs.info(name), last)
            if found.size > _MOST_WHOLE:  # it would be decompressed into memory
                raise ValueError(f"more than {_MOST_WHOLE >> 20} MiB; unpack the archive")
            return found
        member = self._members.get(name)
        if member is None and name in self._folders:
            return Found(last, 1)
        if member is None:
            raise FileNotFoundError(name)
        if member.several or (member.kind != 1 and name in self._folders):
            raise ValueError("the archive has several members of this name")
        if member.kind:
            return Found(last, member.kind)
        header = member.header
        if hasattr(header, "CRC"):
            return self._found({"type": "file", "size": header.file_size, "CRC": header.CRC}, last)
        return self._found({"type": "file", "size": header.size, "mtime": header.mtime}, last)

    def list(self, path: bytes) -> list[Found]:
        """Describe what is in a folder."""
        if self._members is None:
            return super().list(path)
        name = self._path(path).strip("/")
        if name and name not in self._folders:
            raise FileNotFoundError(name)
        at = path.rstrip(b"/") + b"/"
        found: list[Found] = []
        for last, kind in self._folders.get(name, {}).items():
            clean = f"{name}/{os.fsdecode(last)}".lstrip("/")
            if kind == 0 and not self._members[clean].several:
                found.append(self.stat(at + last))
            else:
                found.append(Found(last, kind))
        return found

    def _open_member(self, path: bytes) -> Any:
        name = self._path(path).strip("/")
        if self._members is None:
            return self._fs.open(name, "rb")
        header = self._members[name].header
        if hasattr(header, "CRC"):
            return self._fs.zip.open(header)
        return self._fs.tar.extractfile(header)

    def read(self, path: bytes, version: bytes, offset: int, size: int) -> bytes:
        """Return the next part of a member."""
        del version
        file, at = self._open.pop(path, (None, 0))
        if file is None or at != offset:
            file = self._open_member(path)
            left = offset
            while left > 0:
                skipped = len(file.read(min(left, 1 << 20)))
                if not skipped:
                    raise EOFError
                left -= skipped
        data = file.read(size)
        if len(data) != size:
            raise EOFError(f"{len(data)} bytes came instead of {size}")
        self._open[path] = file, offset + size
        if len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)[1][0].close()
        return bytes(data)

    def confirm(self, path: bytes, version: bytes) -> None:
        """Raise an error if the archive has changed, or the member is longer than it says."""
        del version
        file, _ = self._open.pop(path, (None, 0))
        if file is not None:
            rest = file.read(1)  # at its end, its own checksum is verified
            file.close()
            if rest:
                raise ChangedError
        if self._state() != self._before:
            raise ChangedError

    def end(self) -> None:
        """Close the members that are open."""
        while self._open:
            self._open.popitem()[1][0].close()
