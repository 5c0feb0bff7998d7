"""What is verified besides paths: the content of a manifest, and digests that the caller has."""

from __future__ import annotations

import os

from ._typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Protocol

    from ._options import AnyPath

    class Readable(Protocol):
        """An object that bytes can be read from, such as a file opened with ``"rb"``."""

        def read(self, size: int, /) -> bytes | None: ...

    Digest = str | bytes
    """Hex, base64, ``sha256:HEX`` or SRI as text; or the bytes of the digest itself."""
    Source = (
        AnyPath
        | Readable
        | bytearray
        | memoryview
        | Mapping[str, Digest | Sequence[Digest]]
        | Mapping[bytes, Digest | Sequence[Digest]]
    )
    """What :func:`checksig.verify` verifies."""

__all__ = [
    "CHUNK",
    "EXPECTED",
    "MAX_CONTENT",
    "NO_NAME",
    "encode_listing",
    "escape_name",
    "is_path",
    "is_remote",
    "read_chunks",
    "read_source",
]

MAX_CONTENT = 64 << 20
"""The most bytes of a manifest that is no file; go/internal/wire has the same number."""

CHUNK = 1 << 18
"""How many bytes are read from a file object at once."""

NO_NAME = b"-"
"""The name of a manifest that has none."""

EXPECTED = b"expected digest"
"""The name of the manifest that stands for digests of the caller."""


def is_path(source: object) -> bool:
    """Whether *source* is a path, not a manifest itself."""
    return isinstance(source, (str, bytes, os.PathLike))


def is_remote(source: object) -> bool:
    """Whether *source* is an address, such as ``s3://bucket/folder/``, and no path of a file."""
    if not is_path(source):
        return False
    text = os.fsdecode(cast("AnyPath", source))
    protocol, separator, _ = text.partition("://")
    if not separator or len(protocol) < 2 or not protocol[0].isalpha():
        return False
    return all(each.isalnum() or each in "+.-:" for each in protocol) and not os.path.lexists(text)


def read_source(source: Any) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Return the path or name of a manifest, and the fields of a request that hold its content.

    :raises TypeError: it is neither a path, nor bytes, a mapping or a binary file object.
    :raises ValueError: the content is too long, or the path is that of no file and looks like one.
    """
    if is_path(source):
        path = os.fsencode(source)
        if isinstance(source, bytes) and b"\n" in source and not os.path.lexists(source):
            raise ValueError(
                "bytes are a path, and there is no such file; if they are the manifest itself,"
                " pass io.BytesIO(content)"
            )
        return path, []
    if hasattr(source, "items"):
        return NO_NAME, [*_content(encode_listing(source.items())), ("format", b"gnu")]
    if isinstance(source, (bytearray, memoryview)):
        return NO_NAME, _content(bytes(cast("bytearray", source)))
    if not (hasattr(source, "read") or hasattr(source, "readinto")):
        return os.fsencode(source), []  # which raises TypeError
    content = bytearray()
    for chunk in read_chunks(source):
        content += chunk
        if len(content) > MAX_CONTENT:
            break
    return _name_of(source), _content(content)


def _content(data: bytes | bytearray) -> list[tuple[str, bytes]]:
    if len(data) > MAX_CONTENT:
        raise ValueError(
            f"the manifest has more than {MAX_CONTENT >> 20} MiB: write it to a file, and pass its"
            " path and root="
        )
    import binascii  # few need it

    return [("content", binascii.b2a_base64(data, newline=False))]


def _name_of(file: object) -> bytes:
    """Return the name of a file object, which may tell the algorithm; never that of no file."""
    name = getattr(file, "name", None)
    if not isinstance(name, (str, bytes)):
        return NO_NAME
    name = os.fsencode(name)
    return NO_NAME if not name or name.startswith(b"<") or b"\0" in name else name


def read_chunks(file: Any) -> Iterable[bytes | bytearray | memoryview]:
    """Yield what is left in a binary file object; each part is valid until the next one.

    :raises TypeError: it is opened for text.
    :raises BlockingIOError: it does not block, and has no data now.
    """
    if hasattr(file, "readinto"):
        buffer = memoryview(bytearray(CHUNK))
        while size := _blocking(file.readinto(buffer)):
            yield buffer[:size]
        return
    while data := _blocking(file.read(CHUNK)):
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"{file!r:.80} is opened for text; open it with 'rb'")
        yield data


def _blocking(result: Any) -> Any:
    if result is None:
        raise BlockingIOError("the file object does not block, and has no data now")
    return result


def encode_listing(
    items: Iterable[tuple[AnyPath, Digest | Sequence[Digest]]],
) -> bytes:
    """Return a manifest, in the format of GNU coreutils, that lists *items*.

    :raises TypeError: a name is no path, or a digest neither text nor bytes.
    :raises ValueError: a digest is empty.
    """
    lines: list[bytes] = []
    for name, digests in items:
        escaped = escape_name(os.fsencode(name))
        # The backslash says that the name is escaped.
        lines += [
            b"\\%s  %s\n" % (digest.encode("utf-8", "surrogateescape"), escaped)
            for digest in split_digests(digests)
        ]
    return b"".join(lines)


def escape_name(name: bytes) -> bytes:
    """Return a name as GNU coreutils escape it; such a line begins with a backslash."""
    return name.replace(b"\\", rb"\\").replace(b"\n", rb"\n").replace(b"\r", rb"\r")


def split_digests(digests: Any) -> list[str]:
    """Return each of some digests as text; a text may have several, separated by blanks (SRI).

    :raises TypeError: one is neither text nor bytes.
    :raises ValueError: there is none.
    """
    found: list[str] = []
    for digest in [digests] if isinstance(digests, (str, bytes)) else digests:
        if isinstance(digest, bytes):
            found.append(digest.hex())
        elif isinstance(digest, str):
            found += digest.split()
        else:
            raise TypeError(f"a digest must be a str or bytes, not {digest!r:.80}")
    if not found or not all(found):
        raise ValueError("a digest must not be empty")
    return found
