"""Amazon S3 and what has its interface, through s3fs.

Keys go to the service as they are: s3fs would take a part of some for a version.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import threading
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any

from .listing import Pages
from .plainhttp import Connections, NotPlainError, new_memory
from .s3get import Getter
from .server import ChangedError, Found, OddNameError, Query, status_of
from .stores import Store, read_exactly, secrets_of, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .plainhttp import Answer, Memory

__all__ = ["S3Store"]

_MOST_LISTED = 200_000
"""How many descriptions are kept from lists, so that the files need not be asked for again."""

_FIRST, _LONGEST_FIRST = 256 << 10, 1 << 20
"""How many bytes come with a description where a file is read next: more if others need more."""
_MOST_AT_ONCE = 128 << 10
"""Up to which size the engine gets an object with its description, which saves it two queries."""
_MOST_FIRST = 64 << 20
"""The most of these bytes that are kept."""

_PIECE = 8 << 20
"""How many bytes the engine asks for at once."""
_MOST_SPARE = 4
"""How many answers of that size keep their memory for others, as to get new memory takes long."""

_NAMES = {
    "crc32": "crc32",
    "crc32c": "crc32c",
    "crc64nvme": "crc64nvme",
    "sha1": "sha1",
    "sha256": "sha256",
    "sha512": "sha512",
    "md5": "md5",
    "xxhash64": "xxh64",
    "xxhash3": "xxh3",
    "xxhash128": "xxh128",
}
"""The algorithms by the names that S3 has for them."""


class S3Store(Store):
    """The objects of all buckets."""

    depth = 64

    def __init__(self, filesystem: Any) -> None:
        self._fs = filesystem
        self.loop: Any = filesystem.loop
        self.secrets = secrets_of(filesystem)
        self._listed: dict[bytes, Found] = {}
        self._first: OrderedDict[bytes, tuple[bytes, bytes | Memory]] = OrderedDict()
        self._ask = _FIRST
        self._is_begun = False
        self._beginning = asyncio.Lock()
        self._getters: dict[str, Getter] = {}
        self._is_plain = _is_plain(filesystem)
        self._connections: Connections | None = None
        self._failed: dict[tuple[bytes, int], Exception] = {}
        self._lock = threading.Lock()
        self._spare: list[Memory] = []

    def begin(self) -> None:
        """Forget what was listed before."""
        self._listed.clear()
        self._first.clear()
        self._failed.clear()
        self._ask, self._is_begun, self._beginning = _FIRST, False, asyncio.Lock()

    def interrupt(self, deadline: float) -> None:
        """Close the connections that are not those of s3fs."""
        connections, self._connections = self._connections, None
        if connections is not None:
            connections.close(deadline)

    def end(self) -> None:
        """Forget what was not read."""
        self._first.clear()
        self._failed.clear()
        self._spare.clear()

    async def _call(self, method: str, **arguments: Any) -> Any:
        """Make a request with the credentials and settings of the file system.

        What it repeats itself would multiply what botocore and :mod:`.server` do.
        """
        await self._fs.set_session()
        bucket = arguments.get("Bucket")
        client = await self._fs.get_s3(bucket)
        function = getattr(client, method)
        with_settings = self._fs._get_s3_method_kwargs  # noqa: SLF001 - payer, encryption

        async def call() -> Any:
            return await function(**with_settings(function, **arguments))

        if method != "get_object" or not self._is_plain:
            return await call()
        assert bucket is not None  # noqa: S101 - for type checkers
        getter = self._getters.get(bucket)
        if getter is None or getter.client is not client:
            getter = self._getters[bucket] = Getter(client)
        names = {"Range": "Range", "IfMatch": "If-Match"}
        headers = {header: arguments[name] for name, header in names.items() if name in arguments}
        return await getter.get(call, arguments["Key"], headers)

    @staticmethod
    def _split(path: bytes) -> tuple[str, str]:
        bucket, _, key = to_text(path)[1:].partition("/")
        if not bucket:
            raise OddNameError
        return bucket, key

    async def stat(self, path: bytes) -> Found:
        """Describe an object, or what has objects below it."""
        known = self._listed.pop(path, None)
        if known is not None:
            return known
        bucket, key = self._split(path)
        name = path.rpartition(b"/")[2]
        if key:
            try:
                return await self._describe(path, name, bucket, key)
            except Exception as error:
                if status_of(error) != 404 and not isinstance(error, FileNotFoundError):
                    raise
        prefix = f"{key}/" if key else ""
        page = await self._call("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1)
        if key and not page.get("KeyCount", len(page.get("Contents", ()))):
            raise FileNotFoundError(path)
        return Found(name, 1)

    async def _describe(self, path: bytes, name: bytes, bucket: str, key: str) -> Found:
        """Describe an object. If it is to be read, its beginning comes in the same answer.

        The first object shows how much of the others to ask for.
        """
        if self.reads and not self._is_begun:
            async with self._beginning:
                if not self._is_begun:
                    found = await self._begin(path, name, bucket, key)
                    self._is_begun = True
                    return found
        return await self._begin(path, name, bucket, key)

    async def _begin(self, path: bytes, name: bytes, bucket: str, key: str) -> Found:
        if self.reads:
            ask = self._ask
            try:
                self._raise_failed(path, -1)
                response = await self._call(
                    "get_object", Bucket=bucket, Key=key, Range=f"bytes=0-{ask - 1}"
                )
            except Exception as error:
                if status_of(error) != 416:  # of an empty object
                    raise
            else:
                async with response["Body"] as body:
                    part, size = _range_of(response)
                    found = _found(name, size, response)
                    most = min(size, ask)
                    self._note_size(size)
                    if _is_beginning(part, size, most):
                        data = await read_exactly(body, most)
                        self._keep(path, found.version, data)
                return found
        head = await self._call("head_object", Bucket=bucket, Key=key)
        return _found(name, head["ContentLength"], head)

    def _note_size(self, size: int) -> None:
        with self._lock:
            self._ask = max(self._ask, size) if size <= _LONGEST_FIRST else _FIRST

    def _keep(self, path: bytes, version: bytes, data: bytes | Memory) -> None:
        with self._lock:
            self._first[path] = version, data
            while self._first and len(self._first) * self._ask > _MOST_FIRST:
                self._first.popitem(last=False)

    def is_direct(self, query: Query) -> bool:
        """Whether :meth:`direct` can get an object: after asyncio has got one of its bucket."""
        is_begun = self.reads and self._is_begun and query.path not in self._listed
        if not (query.is_read or (query.is_stat and is_begun)):
            return False
        try:
            bucket, key = self._split(query.path)
        except OddNameError:
            return False
        getter = self._getters.get(bucket)
        if getter is None or not getter.is_ready(key):
            return False
        if self._connections is None:
            settings = getter.settings()
            if settings is None:
                return False
            most, context, connect, read = settings
            most = min(most or self.depth, self.depth)
            try:
                self._connections = Connections(context, connect, read, most)
            except RuntimeError:  # no thread can be started
                return False
        return True

    def direct(self, query: Query, take: Callable[[bytes | Memory | None], None]) -> None:
        """Let *take* have the answer to a query; None if it must be asked through asyncio.

        An error is kept for that: it decides what follows.
        """
        connections = self._connections
        if connections is None:
            take(None)
            return

        def attempt(function: Callable[..., bytes | Memory | None], *arguments: Any) -> None:
            answer: bytes | Memory | None = None
            try:
                answer = function(*arguments)
                if answer is None:
                    return  # it comes later
            except NotPlainError:
                pass
            except Exception as error:  # noqa: BLE001 - is raised there
                self._failed[query.path, query.offset if query.is_read else -1] = error
            take(answer)

        begin = self._read_now if query.is_read else self._begin_now
        connections.call(partial(attempt, begin, connections, query, attempt))

    def _memory(self, size: int) -> Memory:
        if size == _PIECE:
            with self._lock:
                if self._spare:
                    return self._spare.pop()
        return new_memory(size)

    def free(self, data: bytes | Memory) -> None:
        """Use the memory of an answer again."""
        if not isinstance(data, (bytes, bytearray)) and len(data) == _PIECE:
            with self._lock:
                if len(self._spare) < _MOST_SPARE:
                    self._spare.append(data)

    def _raise_failed(self, path: bytes, offset: int) -> None:
        """Raise the error that :meth:`direct` got; *offset* is -1 for a description."""
        error = self._failed.pop((path, offset), None)
        if error is not None:
            raise error

    def _begin_now(
        self, connections: Connections, query: Query, later: Callable[..., None]
    ) -> None:
        bucket, key = self._split(query.path)
        getter, ask = self._getters[bucket], self._ask

        def take(came: Answer | Exception) -> bytes:
            response, data = getter.described(came)
            part, size = _range_of(response)
            found = _found(query.path.rpartition(b"/")[2], size, response)
            self._note_size(size)
            most = min(size, ask)
            answer = found.encode()
            if data is not None and len(data) == most and _is_beginning(part, size, most):
                if size == most <= _MOST_AT_ONCE and self.is_confirmed(found.version):
                    return b"".join((answer, data))
                self._keep(query.path, found.version, data)
            return answer

        headers = {"Range": f"bytes=0-{ask - 1}"}
        getter.get_now(connections, key, headers, ask, partial(later, take))

    def _read_now(
        self, connections: Connections, query: Query, later: Callable[..., None]
    ) -> Memory | None:
        path, version, offset, size = query.path, query.version, query.offset, query.size
        bucket, key = self._split(path)
        getter, data = self._getters[bucket], self._memory(size)
        begun = 0
        if offset == 0:
            known, first = self._first.pop(path, (b"", b""))
            if known == version:
                begun = min(len(first), size)
                data[:begun] = first[:begun]
        if begun == size:
            return data
        at, left = offset + begun, size - begun

        def take(answer: Answer | Exception) -> Memory:
            response, _ = getter.described(answer)
            _check_part(response, version, at, left)
            return data

        headers = {"Range": f"bytes={at}-{at + left - 1}"}
        if not version.startswith(b"\n"):
            headers["If-Match"] = version.decode()
        getter.get_now(connections, key, headers, memoryview(data)[begun:], partial(later, take))
        return None

    async def list(self, path: bytes) -> list[Found]:
        """Describe what is directly below a prefix."""
        bucket, key = self._split(path)
        prefix = f"{key}/" if key else ""
        found: list[Found] = []
        more: dict[str, str] = {}
        exists = not key
        pages = Pages()
        while True:
            before = len(found)
            page = await self._call(
                "list_objects_v2", Bucket=bucket, Prefix=prefix, Delimiter="/", **more
            )
            for each in page.get("CommonPrefixes", ()):
                exists = True
                found.append(Found(_name(each["Prefix"][len(prefix) : -1]), 1))
            for each in page.get("Contents", ()):
                exists = True
                name = _name(each["Key"][len(prefix) :])
                if not name and each["Size"] == 0:
                    continue  # the marker of the folder
                described = _found(name, each["Size"], each)
                found.append(described)
                if len(self._listed) < _MOST_LISTED:
                    self._listed[path.rstrip(b"/") + b"/" + name] = described
            if not page.get("IsTruncated"):
                break
            pages.add([each.name for each in found[before:]])
            more = {"ContinuationToken": pages.follow(page.get("NextContinuationToken"))}
        if not exists:
            raise FileNotFoundError(path)
        return found

    def take(self, path: bytes, version: bytes, offset: int, size: int) -> bytes | Memory | None:
        """Return the beginning of an object if all that is asked for came with its description."""
        known, first = self._first.get(path, (b"", b""))
        if offset or known != version or not 0 < size <= len(first):
            return None
        self._first.pop(path, None)
        return first if len(first) == size else first[:size]

    def is_confirmed(self, version: bytes) -> bool:
        """Whether an object has a tag, which came with each of its parts."""
        return not version.startswith(b"\n")

    async def read(self, path: bytes, version: bytes, offset: int, size: int) -> bytes:
        """Return a part of the version of an object that was described."""
        self._raise_failed(path, offset)
        if offset == 0:
            known, first = self._first.pop(path, (b"", b""))
            if first and known == version:
                if len(first) >= size:
                    return bytes(first[:size])
                rest = await self.read(path, version, len(first), size - len(first))
                return bytes(first) + rest
        bucket, key = self._split(path)
        condition = {} if version.startswith(b"\n") else {"IfMatch": version.decode()}
        response = await self._call(
            "get_object",
            Bucket=bucket,
            Key=key,
            Range=f"bytes={offset}-{offset + size - 1}",
            **condition,
        )
        async with response["Body"] as body:
            _check_part(response, version, offset, size)
            return await read_exactly(body, size)

    async def confirm(self, path: bytes, version: bytes) -> None:
        """Raise an error if an object without a tag has changed; others were compared by parts."""
        if version.startswith(b"\n"):
            bucket, key = self._split(path)
            head = await self._call("head_object", Bucket=bucket, Key=key)
            if _version(head, head["ContentLength"]) != version:
                raise ChangedError

    async def stored(
        self, path: bytes, version: bytes, algorithms: Sequence[str]
    ) -> dict[str, bytes]:
        """Return the checksums of an object that the service keeps.

        Digests of the digests of parts have algorithms of their own, see
        ``go/internal/digest/inparts.go``. They are those of an algorithm only if the object was
        uploaded in parts of its length: that of the first one tells, as the others are as long.
        """
        bucket, key = self._split(path)
        head = await self._call("head_object", Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        if _version(head, head["ContentLength"]) != version:
            raise ChangedError
        found = _stored_in(head)
        composite = _composite_in(head)
        first: int | None = None
        for name in algorithms:
            base, _, length = name.partition("-parts-")
            if not length or base not in composite:
                continue
            digest, count = composite[base]
            if first is None and count > 1:
                # Its tag is not compared: some servers send that of the part.
                part = await self._call("head_object", Bucket=bucket, Key=key, PartNumber=1)
                first = int(part["ContentLength"])
            size, each = int(head["ContentLength"]), int(length)
            if count == max(1, -(-size // each)) and (count == 1 or first == each):
                found[name] = digest
        return {name: found[name] for name in algorithms if name in found}


def _is_plain(filesystem: Any) -> bool:
    """Whether the file system is s3fs itself with a session of its own, unchanged."""
    kind: Any = filesystem.__class__
    given = getattr(filesystem, "storage_args", ()) or filesystem.storage_options.get("session")
    return (kind.__module__, kind.__name__, bool(given)) == ("s3fs.core", "S3FileSystem", False)


def _name(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _found(name: bytes, size: int, described: dict[str, Any]) -> Found:
    """Return an object as a list or HeadObject describes it."""
    modified = int(described["LastModified"].timestamp() * 1e9)
    return Found(name, 0, size, modified, _version(described, size))


def _range_of(response: Any) -> tuple[str, int]:
    """Return which part of an object came, ``bytes 0-99`` or nothing for all, and its size."""
    part, _, total = str(response.get("ContentRange", "")).partition("/")
    return part, int(total if total.isdigit() else response["ContentLength"])


def _is_beginning(part: str, size: int, count: int) -> bool:
    """Whether the first *count* bytes of an object came, or all of it."""
    return part == f"bytes 0-{count - 1}" or (not part and size == count)


def _check_part(response: Any, version: bytes, offset: int, size: int) -> None:
    """Raise an error unless an answer is about a part of the version that was described."""
    part, whole = _range_of(response)
    if _version(response, whole) != version:
        raise ChangedError
    if part and part != f"bytes {offset}-{offset + size - 1}":
        raise OSError("the store sent another range than asked for")
    if not part and offset:
        raise OSError("the store sends no parts of objects")


def _version(described: Any, size: int) -> bytes:
    """Return what tells versions of an object apart: its tag, as S3 itself has for each.

    Gateways to folders have none of files that others wrote: their time and size must do, after a
    line break. The time has seconds, as in headers.
    """
    tag = str(described.get("ETag") or "")
    return (tag or f"\n{int(described['LastModified'].timestamp())}\n{size}").encode()


def _stored_in(head: Any) -> dict[str, bytes]:
    """Return the digests of the whole object in the answer to HeadObject, by algorithm.

    Others have a type of their own, or the number of parts after them.
    """
    headers, tag = _headers_of(head)
    found: dict[str, bytes] = {}
    # Old servers do not tell the type; that of an upload in one part is known.
    implied = "COMPOSITE" if "-" in tag else "FULL_OBJECT"
    if headers.get("x-amz-checksum-type", implied) == "FULL_OBJECT":
        for theirs, ours in _NAMES.items():
            digest = _decode(headers.get(f"x-amz-checksum-{theirs}", ""))
            if digest is not None:
                found[ours] = digest
    if _is_md5(headers) and re.fullmatch("[0-9a-f]{32}", tag):
        found.setdefault("md5", bytes.fromhex(tag))
    return found


def _composite_in(head: Any) -> dict[str, tuple[bytes, int]]:
    """Return the digests over digests of parts, and the numbers of parts, by algorithm."""
    headers, tag = _headers_of(head)
    found: dict[str, tuple[bytes, int]] = {}
    match = re.fullmatch("([0-9a-f]{32})-([1-9][0-9]{0,4})", tag)
    if match and headers.get("x-amz-checksum-type", "COMPOSITE") == "COMPOSITE":
        for theirs, ours in _NAMES.items():
            value, _, count = headers.get(f"x-amz-checksum-{theirs}", "").partition("-")
            digest = _decode(value)
            if digest is not None and count in {"", match[2]}:  # old servers leave it out
                found[ours] = digest, int(match[2])
    if _is_md5(headers) and match:
        found.setdefault("md5", (bytes.fromhex(match[1]), int(match[2])))
    return found


def _headers_of(head: Any) -> tuple[dict[str, str], str]:
    """Return the headers of an answer, with names in lower case, and the object's tag."""
    headers = head.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    tag = str(head.get("ETag", "")).strip('"')
    return {name.lower(): value for name, value in headers.items()}, tag


def _is_md5(headers: dict[str, str]) -> bool:
    """Whether the tag is computed by MD5: not of what is encrypted with a key of its own."""
    encryption = headers.get("x-amz-server-side-encryption", "AES256")
    customer = headers.get("x-amz-server-side-encryption-customer-algorithm")
    return encryption == "AES256" and not customer


def _decode(value: str) -> bytes | None:
    """Return a digest in base64; None if it is none."""
    try:
        return base64.b64decode(value, validate=True) or None
    except (binascii.Error, ValueError):
        return None
