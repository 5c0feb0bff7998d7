"""GET requests of HTTP/1.1, many at once, over connections that are kept open.

One thread makes them all: threads of their own would wait for each other more than for the server.
Bodies are received straight into the memory that they are answered from. Only the plainest answers
are understood; for all others, the caller must have another way to ask.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import re
import selectors
import socket
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator, Mapping

    Memory = bytearray | mmap.mmap
    """Memory for a body."""

    Take = Callable[["Answer | Exception"], None]
    """Takes the answer to a request, or why there is none."""

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

_CHECK_SECONDS = 0.25
"""How often to look for connections that have waited too long."""

_KNOWN_SECONDS = 60.0
"""How long the addresses of a host are used."""

_BEGUN = {errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 0)} - {0}
"""What the system says of a connection that is being made."""

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

_PORTS = {"http": 80, "https": 443}


class NotPlainError(Exception):
    """A request or its answer needs more than this module knows."""


class _GoneError(ConnectionResetError):
    """The server has closed a connection instead of answering."""


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


class _Request(NamedTuple):
    """A request, and what takes its answer."""

    place: Place
    content: bytes
    most: int
    memory: memoryview | None
    take: Take


class _Connection:
    """A connection, which has one request at a time."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.is_open = False
        """Whether it can be used."""
        self.is_tls = False
        self.is_old = False
        """Whether there was an answer before."""
        self.is_free = False
        """Whether another request may follow."""
        self.buffer = bytearray(_HEAD)
        self.request: _Request | None = None
        self.steps: Generator[int, None, Answer] | None = None
        """What is done for the request; it yields the events that it waits for."""
        self.events = 0
        """What the selector waits for."""
        self.deadline = 0.0

    def receive(self, memory: memoryview | bytearray) -> Generator[int, None, int]:
        """Receive the next bytes, and return how many; 0 if the server has closed it."""
        assert self.socket is not None  # noqa: S101 - for type checkers
        if not self.is_tls:  # that may have some that the system knows nothing of
            yield _READ
        while True:
            count, events = _attempt(self.socket.recv_into, memory, _READ)
            if not events:
                return count
            yield events

    def send(self, data: bytes) -> Generator[int, None, None]:
        """Send all of something."""
        assert self.socket is not None  # noqa: S101 - for type checkers
        left = memoryview(data)
        while left:
            count, events = _attempt(self.socket.send, left, _WRITE)
            left = left[count:]
            if events:
                yield events

    def is_quiet(self) -> bool:
        """Whether the server has neither closed it nor sent anything since the last answer."""
        assert self.socket is not None  # noqa: S101 - for type checkers
        try:
            self.socket.recv(1)
        except OSError as error:  # of TLS, it would want to read
            return isinstance(error, BlockingIOError) or type(error).__name__ == "SSLWantReadError"
        return False


def _attempt(function: Callable[[Any], int], argument: object, events: int) -> tuple[int, int]:
    """Return what a function returns, and which events it must wait for, if any."""
    try:
        return function(argument), 0
    except OSError as error:
        return 0, _events_for(error, events)


def _events_for(error: OSError, events: int) -> int:
    """Return what a socket waits for that was not ready; raise any other error."""
    if isinstance(error, BlockingIOError):
        return events
    wanted = {"SSLWantReadError": _READ, "SSLWantWriteError": _WRITE}.get(type(error).__name__)
    if wanted is None:
        raise error
    return wanted


class Connections:
    """Connections to the servers that are asked, until they are closed.

    There are at most *most*; a timeout is the seconds to wait for the server, each time.

    :raises RuntimeError: no thread can be started.
    """

    def __init__(
        self, context: ssl.SSLContext | None, connect: float | None, read: float | None, most: int
    ) -> None:
        self._context = context
        self._connect_seconds, self._read_seconds = connect, read
        self._most = most
        self._tasks: deque[Callable[[], None]] = deque()
        self._idle: dict[Place, list[_Connection]] = {}
        self._used: set[_Connection] = set()
        self._known: dict[Place, tuple[float, list[Any]]] = {}
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        self._is_waiting = self._is_closed = False
        self._next_check = 0.0
        self._error: Exception | None = None
        """Why the thread has ended before it was told to."""
        for each in (self._woken, self._waker):
            each.setblocking(False)
        self._selector.register(self._woken, _READ)
        self._thread = threading.Thread(target=self._run, name="checksig-remote", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._end()
            raise

    def call(self, task: Callable[[], None]) -> None:
        """Let the thread of the connections call *task* once it may call :meth:`get`.

        It must neither wait nor raise anything.
        """
        self._tasks.append(task)
        self._wake()
        if self._error is not None:
            self._give_up(self._error)

    def get(
        self,
        place: Place,
        path: str,
        headers: Mapping[str, str],
        memory: int | memoryview,
        take: Take,
    ) -> None:
        """Ask a server for what is at a path, and let *take* have its answer, in the same thread.

        The body is received into *memory*, whose size it must have, or has at most so many bytes.
        Instead of an answer, *take* may get

        - an OSError or EOFError: no whole answer came, or its body has another size,
        - a NotPlainError: the request must be made in another way.
        """
        lines = [f"GET {path} HTTP/1.1", f"Host: {place.name}"]
        lines += [f"{key}: {value}" for key, value in headers.items()]
        text = "".join(lines)
        if not (text.isascii() and text.isprintable()):
            take(NotPlainError())
            return
        if self._error is not None:
            take(self._error)
            return
        content = ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
        most, into = (memory, None) if isinstance(memory, int) else (len(memory), memory)
        self._ask(_Request(place, content, most, into, take))

    def close(self, deadline: float) -> None:
        """Close all of them, and wait for the thread, which may be looking for a host.

        No request is answered any more.
        """
        self._is_closed = True
        self._wake()
        self._thread.join(max(0, deadline - time.monotonic()))

    def _give_up(self, error: Exception) -> None:
        """Let all requests fail, those to come too."""
        self._error = error
        for connection in self._used:
            request, connection.request = connection.request, None
            if request is not None:
                request.take(error)
        with contextlib.suppress(IndexError):
            while True:
                self._tasks.popleft()()

    def _wake(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            with contextlib.suppress(OSError):  # it was woken by others, or has ended
                self._waker.send(b"x")

    def _run(self) -> None:
        try:
            while not self._is_closed:
                while self._tasks and len(self._used) < self._most:
                    self._tasks.popleft()()
                self._is_waiting = True  # before the last look at what would wake it
                may_do = bool(self._tasks) and len(self._used) < self._most
                pause = _CHECK_SECONDS if self._used else None
                ready = self._selector.select(0 if may_do or self._is_closed else pause)
                self._is_waiting = False
                for key, _ in ready:
                    if key.data is None:
                        self._woken.recv(_HEAD)
                    else:
                        self._advance(key.data)
                self._check_time()
        except Exception as error:  # noqa: BLE001 - who waits for an answer must not wait for ever
            self._give_up(error)
        finally:
            self._end()

    def _end(self) -> None:
        for connection in [*self._used, *(each for idle in self._idle.values() for each in idle)]:
            self._disconnect(connection)
        self._selector.close()
        self._woken.close()
        self._waker.close()

    def _check_time(self) -> None:
        """Let those fail that have waited too long."""
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + _CHECK_SECONDS
            for connection in [each for each in self._used if each.deadline < now]:
                self._advance(connection, TimeoutError("the server did not answer in time"))

    def _ask(self, request: _Request) -> None:
        """Begin to make a request, through an idle connection if there is one."""
        idle = self._idle.setdefault(request.place, [])
        connection = idle.pop() if idle else _Connection()
        if connection.socket is not None and not connection.is_quiet():
            self._disconnect(connection)
            connection = _Connection()
        connection.request = request
        connection.steps = self._exchange(connection, request)
        self._used.add(connection)
        self._advance(connection)

    def _advance(self, connection: _Connection, error: Exception | None = None) -> None:
        """Do for a connection what can be done without waiting, or let it fail."""
        steps, request = connection.steps, connection.request
        if steps is None or request is None:
            if connection.socket is not None and not connection.is_quiet():
                for idle in self._idle.values():
                    with contextlib.suppress(ValueError):
                        idle.remove(connection)
                self._disconnect(connection)
            return
        answer: Answer | Exception
        try:
            self._wait_for(connection, next(steps) if error is None else steps.throw(error))
        except StopIteration as end:
            answer = end.value
        except Exception as reason:  # noqa: BLE001 - goes to who has asked
            answer = reason
        else:
            return
        self._used.discard(connection)
        connection.steps = connection.request = None
        if isinstance(answer, Answer) and connection.is_free:
            connection.is_old = True
            self._wait_for(connection, _READ)
            self._idle[request.place].append(connection)
        else:
            self._disconnect(connection)
        if isinstance(answer, _GoneError) and connection.is_old:
            self._ask(request)  # what was idle has been closed, which happens: the next may be new
        else:
            request.take(answer)

    def _wait_for(self, connection: _Connection, events: int) -> None:
        assert connection.socket is not None  # noqa: S101 - for type checkers
        if not connection.events:
            self._selector.register(connection.socket, events, connection)
        elif connection.events != events:
            self._selector.modify(connection.socket, events, connection)
        connection.events = events
        seconds = self._read_seconds if connection.is_open else self._connect_seconds
        connection.deadline = float("inf") if seconds is None else time.monotonic() + seconds

    def _forget(self, connection: _Connection) -> None:
        """Let the selector wait for a connection no longer."""
        if connection.events and connection.socket is not None:
            self._selector.unregister(connection.socket)
        connection.events = 0

    def _disconnect(self, connection: _Connection) -> None:
        self._forget(connection)
        if connection.socket is not None:
            connection.socket.close()
            connection.socket = None

    def _exchange(self, connection: _Connection, request: _Request) -> Generator[int, None, Answer]:
        """Send a request, and return its answer."""
        connection.is_free = False
        if connection.socket is None:
            yield from self._open(connection, request.place)
        have = 0
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            yield from connection.send(request.content)
            have = yield from connection.receive(connection.buffer)
        if not have:
            raise _GoneError("the server disconnected")
        head, rest = yield from _split(connection, have)
        status, headers = _parse(head)
        if status not in {200, 206}:
            return Answer(status, headers, None)
        size = _length(headers)
        memory = request.memory
        if memory is not None and size != len(memory):
            raise OSError(f"{size} bytes come instead of {len(memory)}")
        if size > request.most:
            raise NotPlainError
        if len(rest) > size:
            raise OSError(f"more than the {size} bytes that were asked for came")
        body = new_memory(size) if memory is None else None
        target = memoryview(body) if body is not None else memory
        assert target is not None  # noqa: S101 - for type checkers
        got = len(rest)
        target[:got] = rest
        while got < size:
            if not (more := (yield from connection.receive(target[got:]))):
                raise EOFError(f"{got} bytes came instead of {size}")
            got += more
        connection.is_free = headers.get("connection", "keep-alive").lower() == "keep-alive"
        return Answer(status, headers, body)

    def _open(self, connection: _Connection, place: Place) -> Generator[int, None, None]:
        """Connect to the first address of a host that can be reached."""
        if place.scheme == "https" and self._context is None:
            raise NotPlainError
        until, addresses = self._known.get(place, (0.0, []))
        if time.monotonic() > until:
            addresses = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
            self._known[place] = time.monotonic() + _KNOWN_SECONDS, addresses
        error: OSError = ConnectionError("the host has no address")
        for family, kind, protocol, _, address in addresses:
            try:
                connection.socket = socket.socket(family, kind, protocol)
                connection.socket.setblocking(False)
                connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                code = connection.socket.connect_ex(address)
                if code in _BEGUN:
                    yield _WRITE
                    code = connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code == 0:
                    break
                raise OSError(code, os.strerror(code))
            except OSError as reason:
                error = reason
                self._disconnect(connection)
        else:
            raise error
        if place.scheme == "https" and self._context is not None:
            self._forget(connection)  # the socket moves
            stream = connection.socket = self._context.wrap_socket(
                connection.socket, server_hostname=place.host, do_handshake_on_connect=False
            )
            connection.is_tls = True
            while True:
                try:
                    stream.do_handshake()
                    break
                except OSError as reason:
                    yield _events_for(reason, _READ)
        connection.is_open = True


def _split(
    connection: _Connection, have: int
) -> Generator[int, None, tuple[bytearray, memoryview]]:
    """Receive the rest of the head of an answer; return it, and what came of the body."""
    buffer = connection.buffer
    while (end := buffer.find(b"\r\n\r\n", 0, have)) < 0:
        if have == _HEAD:
            raise NotPlainError
        if not (more := (yield from connection.receive(memoryview(buffer)[have:]))):
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
