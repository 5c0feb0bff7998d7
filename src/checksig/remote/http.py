"""Web servers, through aiohttp and the file system that fsspec has for it.

Every request names the version that was described, where the server has told one, and every answer
is compared with it. Redirects within the origin are followed. Others lead outside, and need
``follow_outside``, unless the caller named the file itself. From https to http, none is followed.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import importlib
import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, unquote_to_bytes, urljoin, urlsplit

from .listing import EndlessError
from .server import ChangedError, Found, OutsideError
from .stores import Store, read_exactly, secrets_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

__all__ = ["WebStore"]

_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_REDIRECTS = 10
_MAX_INDEX = 32 << 20
_INDEX_SECONDS = 600.0
"""How long the index of a folder may take."""
_MOST_SAME = 4
"""How many folders above one may have the same index."""
_CONNECT_SECONDS, _SILENT_SECONDS = 30.0, 60.0
"""How long to wait for a connection, and for the next bytes; a large file may take any time."""
_SAFE = "!$&'()*+,;=:@"  # besides letters, digits and -._~; RFC 3986, section 3.3

_NO_STREAM: tuple[Any, Any, int] = (None, None, 0)


class StatusError(OSError):
    """The server has answered with an error."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the server answered with status {status}")
        self.status = status


class WebStore(Store):
    """The files of one origin, such as ``https://example.org``."""

    depth = 16

    def __init__(
        self,
        filesystem: Any,
        origin: str,
        *,
        query: str,
        user: str | None,
        password: str | None,
        folders: set[bytes],
        follow_outside: bool,
    ) -> None:
        self._fs = filesystem
        self.loop: Any = filesystem.loop
        self._origin = origin
        self._query = query
        self._user, self._password = user, password
        self._folders = folders
        self._follow_outside = follow_outside
        self._allowed: set[bytes] = set()
        values = [query, password or "", *(each.partition("=")[2] for each in query.split("&"))]
        self.secrets = (*(each for each in values if len(each) > 3), *secrets_of(filesystem))
        self._streams: dict[bytes, tuple[Any, Any, int]] = {}
        self._turns: dict[bytes, Any] = {}
        self._indexes: dict[bytes, bytes] = {}

    def begin(self) -> None:
        """Forget which indexes came before."""
        self._indexes.clear()

    def allow(self, path: bytes) -> None:
        """Note a path that the caller names: redirects of it may lead to other servers."""
        self._allowed.add(path)

    def _url(self, path: bytes, *, folder: bool = False) -> str:
        # Every byte that could end the path is escaped, so that a name is never more than that.
        url = self._origin + quote(path, safe="/" + _SAFE)
        if folder and not url.endswith("/"):
            url += "/"
        return f"{url}?{self._query}" if self._query else url

    @contextlib.asynccontextmanager
    async def _request(
        self,
        method: str,
        path: bytes,
        headers: dict[str, str] | None = None,
        *,
        folder: bool = False,
    ) -> AsyncGenerator[Any, None]:
        yarl: Any = importlib.import_module("yarl")
        timeout = importlib.import_module("aiohttp").ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENT_SECONDS
        )
        url = self._url(path, folder=folder)
        follows = self._follow_outside or path in self._allowed

        session = await self._fs.set_session()
        sent = {"Accept-Encoding": "identity", **(headers or {})}
        if self._user is not None:
            pair = f"{unquote(self._user)}:{unquote(self._password or '')}"
            sent["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        for _ in range(_MOST_REDIRECTS):
            response = await session.request(
                method,
                yarl.URL(url, encoded=True),
                headers=sent,
                allow_redirects=False,
                timeout=timeout,
            )
            async with response:
                target = response.headers.get("Location")
                if response.status not in _REDIRECTS or target is None:
                    if response.status >= 400:
                        raise StatusError(response.status)
                    if response.headers.get("Content-Encoding", "identity") != "identity":
                        raise OSError("the server sends the file only in an encoding")
                    yield response
                    return
                url = _redirected(url, target, sent, follows=follows)
        raise OSError("too many redirects")

    async def stat(self, path: bytes) -> Found:
        """Describe a file, or the folder that an address ends with."""
        name = path.rpartition(b"/")[2]
        if path in self._folders:
            return Found(name, 1)
        empty: Found | None = None
        try:
            async with self._request("HEAD", path) as response:
                if "Content-Length" in response.headers:
                    found = _found(name, response, _length(response))
                    if found.size > 0:
                        return found
                    empty = found
        except StatusError as error:
            if error.status not in {403, 405, 501}:
                raise
        # Some servers answer HEAD not at all, without a length, or with that of no content.
        try:
            async with self._request("GET", path, {"Range": "bytes=0-0"}) as response:
                total = response.headers.get("Content-Range", "").rpartition("/")[2]
                is_part = response.status == 206 and total.isdigit()
                return _found(name, response, int(total) if is_part else _length(response))
        except StatusError as error:
            if empty is None or error.status != 416:
                raise
            return empty

    async def list(self, path: bytes) -> list[Found]:
        """Describe what the index of a folder links to."""
        content = await self._index(path)
        text = content.decode("utf-8", "replace")
        base = urlsplit(self._url(path, folder=True))._replace(query="").geturl()
        names: dict[bytes, bool] = {}
        for match in re.finditer(
            r"""<a\s[^>]*?href=(?:"([^"]*)"|'([^']*)')""", text, re.IGNORECASE
        ):
            link = urljoin(base, (match[1] or match[2] or "").replace("&amp;", "&"))
            link = link.partition("#")[0].partition("?")[0]
            rest = link[len(base) :] if link.startswith(base) else ""
            folder = rest.endswith("/")
            raw = unquote_to_bytes(rest.rstrip("/"))
            if raw and b"/" not in raw and raw not in {b".", b".."}:
                names[raw] = folder
        at = path.rstrip(b"/")
        self._check_repetition(at, names)
        self._folders |= {at + b"/" + name for name, folder in names.items() if folder}
        return [Found(name, int(folder)) for name, folder in names.items()]

    async def _index(self, path: bytes) -> bytes:
        """Return the index of a folder, which must end."""
        content = bytearray()
        deadline = time.monotonic() + _INDEX_SECONDS
        async with self._request("GET", path, folder=True) as response:
            while part := await response.content.read(_MAX_INDEX):
                content += part
                if len(content) > _MAX_INDEX:
                    text = f"the index has more than {_MAX_INDEX >> 20} MiB"
                    raise EndlessError(f"{text}; name the manifest instead of the folder")
                if time.monotonic() > deadline:
                    text = f"the index did not come within {_INDEX_SECONDS / 60:.0f} minutes"
                    raise EndlessError(f"{text}; name the manifest instead of the folder")
        return bytes(content)

    def _check_repetition(self, path: bytes, names: dict[bytes, bool]) -> None:
        """Raise an error if folders above have the same content, and so on without an end.

        That is what a link to a folder above becomes, and a server that sends one page for all
        addresses.
        """
        if not any(names.values()):
            return
        digest = hashlib.blake2b(repr(sorted(names.items())).encode(), digest_size=16).digest()
        self._indexes[path] = digest
        same = 0
        while path:
            path = path.rpartition(b"/")[0]
            same += self._indexes.get(path) == digest
        if same >= _MOST_SAME:
            text = f"the folder has the same index as {same} folders above it"
            raise EndlessError(f"{text}: a link to one of them, or no index at all")

    async def read(self, path: bytes, version: bytes, offset: int, size: int) -> bytes:
        """Return a part of the version of a file that was described."""
        if path in self._streams or path in self._turns:  # a server that sends only whole files
            async with self._turns.setdefault(path, asyncio.Lock()):
                return await self._next(path, version, offset, size)
        headers = {"Range": f"bytes={offset}-{offset + size - 1}"}
        tag = _strong_tag(version)
        if tag:
            headers["If-Match"] = tag
        async with self._request("GET", path, headers) as response:
            if _version(response) != version:
                raise ChangedError
            if response.status == 206:
                expected = f"bytes {offset}-{offset + size - 1}/"
                if not response.headers.get("Content-Range", "").startswith(expected):
                    raise OSError("the server sent another range than asked for")
                return await read_exactly(response.content, size)
            if offset == 0 and _length(response) == size:
                return await read_exactly(response.content, size)
        async with self._turns.setdefault(path, asyncio.Lock()):
            return await self._next(path, version, offset, size)

    async def _next(self, path: bytes, version: bytes, offset: int, size: int) -> bytes:
        """Return the next part of a file of which the server sends no parts."""
        stack, response, at = self._streams.pop(path, _NO_STREAM)
        if stack is None or at != offset:
            if stack is not None:
                await stack.aclose()
            stack = contextlib.AsyncExitStack()
            response = await stack.enter_async_context(self._request("GET", path))
            at = 0
        try:
            if _version(response) != version:
                raise ChangedError
            while at < offset:
                at += len(await response.content.readexactly(min(offset - at, 1 << 20)))
            data: bytes = await response.content.readexactly(size)
        except BaseException:
            await stack.aclose()
            raise
        self._streams[path] = stack, response, offset + size
        return data

    async def confirm(self, path: bytes, version: bytes) -> None:
        """Raise an error if a file has changed that the server's answers do not tell apart."""
        stack: Any = self._streams.pop(path, _NO_STREAM)[0]
        if stack is not None:
            await stack.aclose()
        self._turns.pop(path, None)
        if version.startswith(b"\n\n") and (await self.stat(path)).version != version:
            raise ChangedError

    def end(self) -> None:
        """Close the answers that were not read to their end."""
        while self._streams:
            stack: Any = self._streams.popitem()[1][0]
            asyncio.run_coroutine_threadsafe(stack.aclose(), self.loop)
        self._turns.clear()

    async def stored(
        self, path: bytes, version: bytes, algorithms: Sequence[str]
    ) -> dict[str, bytes]:
        """Return nothing: web servers keep no checksums."""
        del path, version, algorithms
        return {}


def _redirected(url: str, target: str, headers: dict[str, str], *, follows: bool) -> str:
    before, after = urlsplit(url), urlsplit(urljoin(url, target))
    if after.scheme not in {"http", "https"} or before.scheme == "https" != after.scheme:
        raise OutsideError
    if (before.scheme, before.netloc) != (after.scheme, after.netloc):
        if not follows:
            raise OutsideError
        headers.pop("Authorization", None)
    return after.geturl()


def _length(response: Any) -> int:
    value = response.headers.get("Content-Length", "")
    if not value.isdigit():
        raise OSError("the server does not say how large the file is")
    return int(value)


def _version(response: Any, size: int | None = None) -> bytes:
    """Return what tells versions of a file apart: its tag, its time, and its size."""
    if size is None:
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
        size = int(total) if total.isdigit() else _length(response)
    parts = (response.headers.get("ETag", ""), response.headers.get("Last-Modified", ""), size)
    return "\n".join(map(str, parts)).encode("utf-8", "surrogateescape")


def _strong_tag(version: bytes) -> str:
    tag = version.decode("utf-8", "surrogateescape").partition("\n")[0]
    return tag if tag.startswith('"') else ""


def _found(name: bytes, response: Any, size: int) -> Found:
    modified = None
    with contextlib.suppress(ValueError, TypeError):
        date = parsedate_to_datetime(response.headers.get("Last-Modified"))
        modified = int(date.timestamp() * 1e9)
    return Found(name, 0, size, modified, _version(response, size))
