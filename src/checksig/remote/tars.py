"""Opens tar archives in bounded memory, however well they are compressed.

A compressed archive of a few kilobytes can have gigabytes of headers, which fsspec keeps, or ask
for gigabytes to be decompressed with. What is not compressed cannot be larger than it is.
"""

from __future__ import annotations

import importlib
import io
import lzma
from typing import TYPE_CHECKING, Any

from ..errors import CancelledError

if TYPE_CHECKING:
    from .._engine import CancelToken

__all__ = ["open_tar"]

_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
"""How compressed files begin, and what fsspec calls their compression."""

_BZIP2 = b"BZh"
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")
"""What comes after it and a digit: a name in an archive may begin so, too."""

_MAX_HEADERS = 512 << 20
"""How many bytes of headers a compressed archive may have: those of about a million members."""

_MAX_MEMORY = 512 << 20
"""How much memory xz may ask for; ``xz -9`` needs 65 MiB."""

_STEP = 1 << 20

_WAY = "decompress it first, or unpack it"


def open_tar(fsspec: Any, outer: str, cancel: CancelToken | None = None) -> Any:
    """Return the file system of fsspec for the archive at the address or path *outer*.

    :raises ValueError: it is compressed, and too large to be kept in memory.
    :raises CancelledError: *cancel* was cancelled.
    """
    tar: Any = importlib.import_module("fsspec.implementations.tar")
    opened = fsspec.open(outer)
    file = opened.open()
    try:
        compression = _compression_of(fsspec, file, outer)
        bounded = _Headers(_decompressed(compression, file), _limit(compression, file), cancel)
        # Without a name, fsspec decompresses nothing itself.
        filesystem = tar.TarFileSystem(fo=bounded)
    except BaseException:
        file.close()
        raise
    filesystem.of = opened  # which would close the file otherwise
    bounded.end()
    return filesystem


def _compression_of(fsspec: Any, file: Any, outer: str) -> str | None:
    """Return how a file is compressed, by its beginning or else its name."""
    start = file.read(10)
    file.seek(0)
    if start.startswith(_BZIP2) and start[4:].startswith(_BZIP2_BLOCKS):
        return "bz2"
    for magic, name in _MAGIC.items():
        if start.startswith(magic):
            return name
    named: str | None = fsspec.utils.infer_compression(outer.partition("?")[0])
    return named if named in {"lzma", "snappy"} else None  # which have no such beginning


def _decompressed(compression: str | None, file: Any) -> Any:
    if compression is None:
        return file
    if compression in {"xz", "lzma"}:
        return io.BufferedReader(_Xz(file))
    compr: Any = importlib.import_module("fsspec.compression").compr
    if compression not in compr:
        raise ValueError(f"compressed with {compression}, for which a package is missing; {_WAY}")
    return compr[compression](file, mode="rb")


def _limit(compression: str | None, file: Any) -> int:
    """Return how many bytes may be read as headers."""
    if compression is not None:
        return _MAX_HEADERS
    size: int = file.seek(0, 2)
    file.seek(0)
    return 2 * size + _STEP  # headers that are read again and again are more


class _Headers:
    """A file that is read to find members, up to a limit, and then without one."""

    def __init__(self, file: Any, most: int, cancel: CancelToken | None) -> None:
        self._file = file
        self._most: int | None = most
        self._cancel = cancel

    def end(self) -> None:
        """Note that all members were found."""
        self._most = self._cancel = None

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        if self._most is not None:
            self._check()
            self._most -= size
            if size < 0 or self._most < 0:
                text = f"its headers have more than {_MAX_HEADERS >> 20} MiB, decompressed; {_WAY}"
                raise ValueError(text)
        data: bytes = self._file.read(size)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to an offset: forwards in steps, as what is between them has to be decompressed."""
        at: int = self._file.tell()
        while whence == 0 and at + _STEP < offset:
            self._check()
            before, at = at, self._file.seek(at + _STEP)
            if at <= before:
                return at
        found: int = self._file.seek(offset, whence)
        return found

    def _check(self) -> None:
        if self._cancel is not None and self._cancel.cancelled:
            raise CancelledError("the operation was cancelled")

    def tell(self) -> int:
        """Return the offset."""
        at: int = self._file.tell()
        return at

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _Xz(io.RawIOBase):
    """What a file that is compressed with xz has, decompressed in bounded memory."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._rewind()

    def _rewind(self) -> None:
        self._file.seek(0)
        self._decoder = lzma.LZMADecompressor(memlimit=_MAX_MEMORY)
        self._at = 0

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes."""
        data = self._next(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to an offset from the beginning, or from here."""
        if whence == 1:
            offset += self._at
        elif whence != 0:
            raise io.UnsupportedOperation("the end is not known")
        if offset < self._at:
            self._rewind()
        while self._at < offset and self._next(min(offset - self._at, _STEP)):
            continue
        return self._at

    def _next(self, most: int) -> bytes:
        """Return up to *most* bytes, none at the end."""
        data = b""
        while most and not data:
            source = b""
            if self._decoder.eof:  # another stream may follow, after zeros
                source = self._decoder.unused_data.lstrip(b"\0")
                while not source:
                    raw = self._file.read(_STEP)
                    if not raw:
                        return b""
                    source = raw.lstrip(b"\0")
                self._decoder = lzma.LZMADecompressor(memlimit=_MAX_MEMORY)
            elif self._decoder.needs_input:
                source = self._file.read(_STEP)
                if not source:
                    raise EOFError("the compressed data ends too early")
            try:
                data = self._decoder.decompress(source, most)
            except lzma.LZMAError as error:
                if "emory" in str(error):
                    text = f"it needs more than {_MAX_MEMORY >> 20} MiB to be decompressed; {_WAY}"
                    raise ValueError(text) from error
                raise
        self._at += len(data)
        return data
