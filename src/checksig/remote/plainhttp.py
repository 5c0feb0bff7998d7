"""GET requests of HTTP/1.1, made by threads over connections that are kept open.

Bodies are received straight into the memory that they are answered from. Only the plainest answers
are understood; for all others, the caller must have another way to ask.
"""

from __future__ import annotations

import contextlib
import mmap
import re
import socket
import struct
import sys
import threading
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Generator, Mapping

    Memory = bytearray | mmap.mmap
    """Memory for a body."""

__all__ = ["Answer", "Connections", "NotPlainError", "Place", "new_memory"]

_HEAD = 1 << 16
"""How many bytes the head of an answer may have."""

_TEXT = r"[\t\x20-\x7e\x80-\xff]*"
_ANSWER = re.compile(
    rf"HTTP/1\.1 ([0-9]{{3}})(?: {_TEXT})?((?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:{_TEXT})*)"
)
"""The head of an answer."""

_LARGE = 128 << 10
"""From how many bytes on memory is got from the system, which fills it without the GIL."""

_HUGE = 2 << 20
"""The size of large pages, where the system has them."""

_SECONDS = struct.Struct("@ll")
_IS_LINUX = sys.platform == "linux" and _SECONDS.size == 16
"""Whether the kernel itself can wait, for a limited time, until as much came as is wanted."""

_PORTS = {"http": 80, "https": 443}


class NotPlainError(Exception):
    """A request or its answer needs more than this module knows."""


class Place(NamedTuple):
    """A server."""

    scheme: str
    host: str
    port: int
    name: str
    """What it is called in requests."""

    @classmethod
    def of(cls, url: str) -> tuple[Place, str] | None:
        """Return the server of an address, and the path on it; None of one that is not plain."""
        parts = urlsplit(url)
        host, ours = parts.hostname, _PORTS.get(parts.scheme)
        if not host or not ours or parts.query or parts.fragment or parts.username is not None:
            return None
        port = parts.port or ours
        name = f"[{host}]" if ":" in host else host
        return cls(parts.scheme, host, port, name if port == ours else f"{name}:{port}"), parts.path


class Answer(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    """With names in lower case."""
    body: Memory | None
    """None unless the status is about success, or if it was received somewhere else."""


def new_memory(size: int) -> Memory:
    """Return new memory."""
    if size < _LARGE:
        return bytearray(size)
    if sys.platform == "win32":
        return mmap.mmap(-1, size)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if size >= _HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)  # as most of the time goes to get its pages
    return memory


class _Connection:
    """A connection, which one thread uses at a time."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.is_old = False
        """Whether there was an answer before."""
        self.is_free = False
        """Whether another request may follow."""
        self.buffer = bytearray(_HEAD)
        self.waits = False
        """Whether the kernel waits."""

    def set_timeout(self, seconds: float | None) -> None:
        """Set how long to wait for the server, each time."""
        assert self.socket is not None  # noqa: S101 - for type checkers
        self.socket.settimeout(seconds)
        if _IS_LINUX and type(self.socket) is socket.socket:
            # Python would poll before it receives each part.
            whole = int(seconds or 0)
            value = _SECONDS.pack(whole, int(((seconds or 0) - whole) * 1e6))
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                self.socket.setsockopt(socket.SOL_SOCKET, option, value)
            self.socket.settimeout(None)
            self.waits = True

    def receive(self, memory: memoryview) -> int:
        """Receive the next bytes, of a body if possible all; return how many."""
        assert self.socket is not None  # noqa: S101 - for type checkers
        flags = socket.MSG_WAITALL if self.waits else 0
        return self.socket.recv_into(memory, 0, flags)

    def is_quiet(self) -> bool:
        """Whether the server has neither closed it nor sent anything since the last answer."""
        assert self.socket is not None  # noqa: S101 - for type checkers
        try:
            if self.waits:
                self.socket.recv(1, socket.MSG_DONTWAIT)
            else:
                self.socket.settimeout(0)
                self.socket.recv(1)
        except OSError as error:  # of TLS, it would want to read
            return isinstance(error, BlockingIOError) or type(error).__name__ == "SSLWantReadError"
        return False

    def close(self) -> None:
        """Close it."""
        if self.socket is not None:
            self.socket.close()


class Connections:
    """Connections to the servers that are asked, until they are closed."""

    def __init__(
        self, context: ssl.SSLContext | None, connect: float | None, read: float | None
    ) -> None:
        self._context = context
        self._connect_seconds, self._read_seconds = connect, read
        self._lock = threading.Lock()
        self._idle: dict[Place, list[_Connection]] = {}
        self._used: set[_Connection] = set()
        self._is_closed = False

    def get(
        self,
        place: Place,
        path: str,
        headers: Mapping[str, str],
        most: int,
        memory: memoryview | None = None,
    ) -> Answer:
        """Ask a server for what is at a path.

        The body must have the size of *memory*, into which it is received; without that, at most
        *most* bytes.

        :raises OSError: there was no whole answer, or its body has another size.
        :raises NotPlainError: the request must be made in another way.
        """
        lines = [f"GET {path} HTTP/1.1", f"Host: {place.name}"]
        lines += [f"{key}: {value}" for key, value in headers.items()]
        text = "".join(lines)
        if not (text.isascii() and text.isprintable()):
            raise NotPlainError
        request = ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
        while True:
            with self._lend(place) as connection:
                answer = _exchange(connection, request, most, memory)
            if answer is not None:
                return answer
            if not connection.is_old:
                raise ConnectionResetError("the server disconnected")
            # The server has closed what was idle, which happens: the next one may be new.

    @contextlib.contextmanager
    def _lend(self, place: Place) -> Generator[_Connection]:
        """Lend a connection. It is kept if another request may follow, and closed otherwise."""
        with self._lock:
            idle = self._idle.setdefault(place, [])
            connection = idle.pop() if idle else _Connection()
            if connection.socket is not None and not connection.is_quiet():
                connection.close()
                connection = _Connection()
            self._used.add(connection)
            connection.is_free = False
        try:
            if connection.socket is None:
                self._open(connection, place)
                connection.set_timeout(self._read_seconds)
            elif not connection.waits:
                connection.set_timeout(self._read_seconds)
            yield connection
        finally:
            with self._lock:
                self._used.discard(connection)
                if connection.is_free and not self._is_closed:
                    connection.is_old = True
                    idle.append(connection)
                else:
                    connection.close()

    def _open(self, connection: _Connection, place: Place) -> None:
        """Connect to the first address of a host that can be reached."""
        error: OSError = ConnectionError("the host has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM
        ):
            try:
                self._set(connection, socket.socket(family, kind, protocol))
                assert connection.socket is not None  # noqa: S101 - for type checkers
                connection.socket.settimeout(self._connect_seconds)
                connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.socket.connect(address)
                break
            except OSError as reason:
                error = reason
                connection.close()
        else:
            raise error
        if place.scheme == "https":
            if self._context is None:
                raise NotPlainError
            plain = connection.socket
            with self._lock:  # the socket moves
                connection.socket = self._context.wrap_socket(
                    plain, server_hostname=place.host, do_handshake_on_connect=False
                )
            connection.socket.do_handshake()

    def _set(self, connection: _Connection, new: socket.socket) -> None:
        with self._lock:
            connection.socket = new
            if self._is_closed:
                raise ConnectionAbortedError("the job has ended")

    def close(self) -> None:
        """Close all of them; threads that wait for an answer get an error."""
        with self._lock:
            self._is_closed = True
            for connection in self._used:
                if connection.socket is not None:
                    with contextlib.suppress(OSError):  # it may not be connected yet
                        # Not the method of SSLSocket: its thread may be reading.
                        socket.socket.shutdown(connection.socket, socket.SHUT_RDWR)
            for connection in (each for idle in self._idle.values() for each in idle):
                connection.close()
            self._idle.clear()


def _exchange(
    connection: _Connection, request: bytes, most: int, memory: memoryview | None
) -> Answer | None:
    """Send a request and receive its answer; None if the server has closed the connection."""
    stream = connection.socket
    assert stream is not None  # noqa: S101 - for type checkers
    try:
        stream.sendall(request)
        have = stream.recv_into(connection.buffer)
    except (ConnectionResetError, BrokenPipeError):
        have = 0
    if not have:
        return None
    head, rest = _split(connection, have)
    status, headers = _parse(head)
    if status not in {200, 206}:
        return Answer(status, headers, None)
    size = _length(headers)
    if memory is not None and size != len(memory):
        raise OSError(f"{size} bytes come instead of {len(memory)}")
    if size > most:
        raise NotPlainError
    if len(rest) > size:
        raise OSError(f"more than the {size} bytes that were asked for came")
    body = new_memory(size) if memory is None else None
    target = memoryview(body) if body is not None else memory
    assert target is not None  # noqa: S101 - for type checkers
    got = len(rest)
    target[:got] = rest
    while got < size:
        if not (more := connection.receive(target[got:])):
            raise EOFError(f"{got} bytes came instead of {size}")
        got += more
    connection.is_free = headers.get("connection", "keep-alive").lower() == "keep-alive"
    return Answer(status, headers, body)


def _split(connection: _Connection, have: int) -> tuple[bytearray, memoryview]:
    """Receive the rest of the head of an answer; return it, and what came of the body."""
    buffer = connection.buffer
    while (end := buffer.find(b"\r\n\r\n", 0, have)) < 0:
        assert connection.socket is not None  # noqa: S101 - for type checkers
        if have == _HEAD:
            raise NotPlainError
        if not (more := connection.socket.recv_into(memoryview(buffer)[have:])):
            raise EOFError("the server disconnected within the head of an answer")
        have += more
    return buffer[:end], memoryview(buffer)[end + 4 : have]


def _parse(head: bytearray) -> tuple[int, dict[str, str]]:
    """Return the status and the headers of an answer."""
    match = _ANSWER.fullmatch(head.decode("latin-1"))
    if match is None:
        raise NotPlainError
    headers: dict[str, str] = {}
    for line in match[2].split("\r\n")[1:]:
        name, _, value = line.partition(":")
        name = name.lower()
        # Of what may be there twice, nothing is read here.
        headers[name] = f"{headers[name]}, {value}" if name in headers else value.strip()
    return int(match[1]), headers


def _length(headers: dict[str, str]) -> int:
    """Return how many bytes follow the head of an answer."""
    length = headers.get("content-length", "")
    is_encoded = headers.get("content-encoding", "identity").lower() != "identity"
    if "transfer-encoding" in headers or is_encoded:
        raise NotPlainError
    if not re.fullmatch("[0-9]{1,19}", length):
        raise NotPlainError
    return int(length)
