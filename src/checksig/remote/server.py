"""Answers the engine's queries about remote files, many at once."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import random
import re
import struct
import threading
import time
from concurrent.futures import Future, wait
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ..errors import CancelledError, EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from .._engine import CancelToken
    from .plainhttp import Memory
    from .stores import Store

    Answer = Callable[[int, int, bytes | Memory, Callable[[], bool]], None]
    _Ask = Callable[[int, dict[bytes, tuple[int, bytes]]], dict[bytes, bytes | Exception]]

__all__ = [
    "ChangedError",
    "Found",
    "OddNameError",
    "OutsideError",
    "Query",
    "Server",
]

_QUERY = struct.Struct("<IBQI")
_SIZE = struct.Struct("<I")
_DESCRIPTION = struct.Struct("<BqqII")
_STAT, _LIST, _READ, _CONFIRM, _STORED = 1, 2, 3, 4, 5
_OK, _MISSING, _DENIED, _CHANGED, _NAME, _OUTSIDE, _FAILED = range(7)
_ERRNOS = {_MISSING: errno.ENOENT, _DENIED: errno.EACCES}
_CAUSES = {
    _CHANGED: "changed while being read",
    _NAME: "no file can have this name",
    _OUTSIDE: "refused: it leads to another place",
}
_UNKNOWN_TIME = -(1 << 63)

_ATTEMPTS = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_PATIENCE = 120.0
"""How many seconds after the first attempt another one may begin."""
_STOP_SECONDS = 0.9
"""How long to wait for the threads of a store that cannot be interrupted."""

_MAX_TEXT = 500


class ChangedError(Exception):
    """The store has another version of a file than the one that was described."""


class OddNameError(Exception):
    """No file of the store can have that name."""


class OutsideError(Exception):
    """A name leads to something outside the store, or outside the root."""


class Found(NamedTuple):
    """A file or folder of a store."""

    name: bytes
    """The last component of its path."""
    kind: int
    """0 a file, 1 a folder, 2 anything else."""
    size: int = 0
    modified: int | None = None
    """Nanoseconds since 1970; None if unknown."""
    version: bytes = b""
    """What tells versions of the file apart."""

    def encode(self) -> bytes:
        """Return it as a part of an answer."""
        modified = _UNKNOWN_TIME if self.modified is None else self.modified
        head = _DESCRIPTION.pack(self.kind, self.size, modified, len(self.name), len(self.version))
        return head + self.name + self.version


class Query(NamedTuple):
    """What the engine asks for."""

    ident: int
    kind: int
    offset: int
    size: int
    path: bytes
    version: bytes
    algorithms: list[str]

    @property
    def is_stat(self) -> bool:
        """Whether it asks for the description of a file or folder."""
        return self.kind == _STAT

    @property
    def is_read(self) -> bool:
        """Whether it asks for a part of a file."""
        return self.kind == _READ


def _decode(payload: bytes) -> Query:
    ident, kind, offset, size = _QUERY.unpack_from(payload)
    at = _QUERY.size
    texts: list[bytes] = []
    for _ in range(2):
        (length,) = _SIZE.unpack_from(payload, at)
        at += _SIZE.size
        texts.append(payload[at : at + length])
        at += length
    names = payload[at:].decode()
    path, version = texts
    return Query(ident, kind, offset, size, path, version, names.split(",") if names else [])


class _Workers:
    """Threads that end with the process; it would wait for those of concurrent.futures."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._threads: list[threading.Thread] = []
        self._unfinished = 0
        self._lock = threading.Lock()
        self._queue: SimpleQueue[tuple[Future[None], Callable[[Query], None], Query] | None]
        self._queue = SimpleQueue()

    def submit(self, function: Callable[[Query], None], query: Query) -> Future[None]:
        """Let a thread call *function*.

        :raises RuntimeError: no thread can be started.
        """
        future: Future[None] = Future()
        with self._lock:
            self._unfinished += 1
            is_new = len(self._threads) < min(self._most, self._unfinished)
        if is_new:
            thread = threading.Thread(target=self._work, name="checksig-remote", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                if not self._threads:
                    raise
            else:
                self._threads.append(thread)
        self._queue.put((future, function, query))
        return future

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            future, function, query = item
            if future.set_running_or_notify_cancel():
                try:
                    function(query)
                except BaseException as error:  # noqa: BLE001 - is raised by check()
                    future.set_exception(error)
                else:
                    future.set_result(None)
            with self._lock:
                self._unfinished -= 1

    def stop(self, deadline: float) -> None:
        """End the threads, and wait a moment for those that a store holds up."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))


class Server:
    """Serves the queries of one job at a time from a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Condition()
        self._answer: Answer | None = None
        self._broken: BaseException | None = None  # that no query may be left without an answer
        self._inside = 0  # threads that are giving an answer
        self._pending: set[Future[None]] = set()
        self._workers: _Workers | None = None
        self._pid = 0

    def start(self, answer: Answer) -> None:
        """Begin: *answer* takes the number of a query, a status and data, from any thread.

        It is also given a function that returns whether the answer is still wanted.
        """
        with self._lock:
            self._answer = answer
        self._pid = os.getpid()
        self._store.begin()

    def check(self) -> None:
        """Raise an error if a query was left without an answer, for which the job would wait."""
        if self._broken is not None:
            raise EngineError(f"a query could not be answered: {self._broken}") from self._broken

    def serve(self, payload: bytes) -> None:
        """Answer a query, later and in another thread unless the store need not be asked."""
        query = _decode(payload)
        known = self._known(query)
        if known is not None:
            self._reply(query, _OK, known)
            return
        if self._store.loop is None:
            self._submit(query)
        elif self._store.is_direct(query):
            self._store.direct(query, partial(self._take_direct, query, time.monotonic()))
        else:
            self._schedule(query, time.monotonic())

    def _submit(self, query: Query) -> None:
        """Let a thread serve a query."""
        if self._workers is None:
            self._workers = _Workers(self._store.threads)
        future = self._workers.submit(self._serve, query)
        with self._lock:
            self._pending.add(future)
        future.add_done_callback(self._done)

    def _schedule(self, query: Query, began: float) -> None:
        """Let the store's loop serve a query."""
        with self._lock:
            loop = self._store.loop
            if self._answer is None or loop is None:
                return
            future = asyncio.run_coroutine_threadsafe(self._serve_async(query, began), loop)
            self._pending.add(future)
        future.add_done_callback(self._done)

    def _known(self, query: Query) -> bytes | Memory | None:
        if query.kind == _READ:
            return self._store.take(query.path, query.version, query.offset, query.size)
        if query.kind == _CONFIRM and self._store.is_confirmed(query.version):
            return b""
        return None

    def _done(self, future: Future[None]) -> None:
        with self._lock:
            self._pending.discard(future)
            if not future.cancelled() and future.exception() is not None:
                self._broken = future.exception()

    def stop(self) -> None:
        """End: no answer is given after this, and no thread is left that can be ended."""
        if os.getpid() != self._pid:  # forked: the threads are the parent's, and may hold the lock
            return
        with self._lock:
            self._answer = None
            pending = list(self._pending)
        deadline = time.monotonic() + _STOP_SECONDS
        for future in pending:
            future.cancel()
        self._store.interrupt(deadline)
        if self._workers is not None:
            self._workers.stop(deadline)
            self._workers = None
        if self._store.loop is not None and pending:
            wait(pending, max(0, deadline - time.monotonic()))
        with self._lock:
            self._lock.wait_for(lambda: self._inside == 0, _STOP_SECONDS)
        self._store.end()

    def fetch(
        self, paths: Sequence[bytes], most: int, cancel: CancelToken | None = None
    ) -> list[bytes | Exception]:
        """Return the content of each file, for which there is no job, or why it cannot be read."""
        found: dict[bytes, bytes | Exception] = {}
        sizes: dict[bytes, int] = {}
        with self._asking(cancel) as ask:
            tokens: dict[bytes, bytes] = {}
            for path, answer in ask(_STAT, dict.fromkeys(paths, (0, b""))).items():
                if isinstance(answer, Exception):
                    found[path] = answer
                    continue
                kind, size, _, name, version = _DESCRIPTION.unpack_from(answer)
                if kind != 0:
                    found[path] = IsADirectoryError(21, os.strerror(21))
                elif size > most:
                    found[path] = ValueError(f"more than {most >> 20} MiB")
                elif content := answer[_DESCRIPTION.size + name + version :]:
                    found[path] = content
                else:
                    sizes[path] = size
                    tokens[path] = answer[_DESCRIPTION.size + name :][:version]
            found |= dict.fromkeys(tokens, b"")
            wanted = {path: (sizes[path], token) for path, token in tokens.items() if sizes[path]}
            found |= ask(_READ, wanted)
            for path, answer in ask(_CONFIRM, {p: (0, t) for p, t in tokens.items()}).items():
                if isinstance(answer, Exception):
                    found[path] = answer
        return [found[path] for path in paths]

    def has(self, paths: Sequence[bytes], cancel: CancelToken | None = None) -> list[bool]:
        """Return for each path whether there is a file."""
        with self._asking(cancel) as ask:
            found = ask(_STAT, dict.fromkeys(paths, (0, b"")))
        return [isinstance(each, bytes) and each[0] == 0 for each in map(found.get, paths)]

    @contextlib.contextmanager
    def _asking(self, cancel: CancelToken | None) -> Generator[_Ask]:
        """Let the caller ask instead of the engine."""
        answers: dict[int, tuple[int, bytes]] = {}
        arrived = threading.Event()

        def answer(ident: int, status: int, data: bytes | Memory, _: Callable[[], bool]) -> None:
            answers[ident] = status, bytes(data)
            arrived.set()

        def ask(
            kind: int, queries: dict[bytes, tuple[int, bytes]]
        ) -> dict[bytes, bytes | Exception]:
            answers.clear()
            for ident, (path, (size, version)) in enumerate(queries.items()):
                texts = b"".join(_SIZE.pack(len(each)) + each for each in (path, version))
                self.serve(_QUERY.pack(ident, kind, 0, size) + texts)
            while len(answers) < len(queries):
                arrived.wait(0.05)  # between two waits, a signal is handled
                arrived.clear()
                self.check()
                if cancel is not None and cancel.cancelled:
                    raise CancelledError("the operation was cancelled")
            return {path: _outcome(*answers[ident]) for ident, path in enumerate(queries)}

        self.start(answer)
        try:
            yield ask
        finally:
            self.stop()

    def _reply(self, query: Query, status: int, data: bytes | Memory) -> None:
        with self._lock:
            answer = self._answer
            if answer is None:
                return
            self._inside += 1
        try:
            answer(query.ident, status, data, self._is_open)
        finally:
            with self._lock:
                self._inside -= 1
                self._lock.notify_all()

    def _is_open(self) -> bool:
        return self._answer is not None

    def _serve(self, query: Query) -> None:
        began = time.monotonic()
        for attempt in range(_ATTEMPTS):
            if not self._is_open():
                return
            try:
                found, encode = self._ask(query)
                data = encode(found)
            except Exception as error:  # noqa: BLE001 - whatever a file system raises is an answer
                if _may_repeat(attempt, began, error):
                    self._rest(pause(attempt))
                    continue
                self._reply(query, *_failure(error, self._store))
            else:
                self._reply(query, _OK, data)
            return

    def _take_direct(self, query: Query, began: float, data: bytes | Memory | None) -> None:
        """Take the answer of :meth:`.Store.direct`."""
        try:
            if data is None:
                self._schedule(query, began)
            else:
                self._reply(query, _OK, data)
                self._store.free(data)
        except BaseException as error:  # noqa: BLE001 - is raised by check()
            self._broken = error

    def _rest(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._is_open() and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.05))

    def _ask(self, query: Query) -> tuple[Any, Callable[[Any], bytes]]:
        """Ask the store; return what it returns, or a coroutine of that, and what encodes it."""
        store: Any = self._store
        path, version = query.path, query.version
        if query.kind == _STAT:
            return store.stat(path), Found.encode
        if query.kind == _LIST:
            return store.list(path), _encode_list
        if query.kind == _READ:
            return store.read(path, version, query.offset, query.size), bytes
        if query.kind == _CONFIRM:
            return store.confirm(path, version), _encode_nothing
        if query.kind == _STORED:
            return store.stored(path, version, query.algorithms), _encode_digests
        raise NotImplementedError(f"query of kind {query.kind}")

    async def _serve_async(self, query: Query, began: float) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                found, encode = self._ask(query)
                data = encode(await found)
            except Exception as error:  # noqa: BLE001 - whatever a file system raises is an answer
                if _may_repeat(attempt, began, error):
                    await asyncio.sleep(pause(attempt))
                    continue
                self._reply(query, *_failure(error, self._store))
            else:
                self._reply(query, _OK, data)
            return


def _outcome(status: int, data: bytes) -> bytes | Exception:
    """Return the data of an answer, or the error that it reports."""
    if status == _OK:
        return data
    if status in _ERRNOS:
        return OSError(_ERRNOS[status], os.strerror(_ERRNOS[status]))
    return OSError(data.decode("utf-8", "replace") or _CAUSES.get(status, "cannot be read"))


def _encode_list(found: list[Found]) -> bytes:
    return b"".join(each.encode() for each in found)


def _encode_nothing(_: None) -> bytes:
    return b""


def _encode_digests(found: dict[str, bytes]) -> bytes:
    parts: list[bytes] = []
    for name, digest in found.items():
        parts += [bytes((len(name), len(digest))), name.encode(), digest]
    return b"".join(parts)


def pause(attempt: int) -> float:
    """Return how long to wait after an attempt has failed, with jitter."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
    return float(longest * random.uniform(0.5, 1.0))  # noqa: S311 - not for secrets


def _may_repeat(attempt: int, began: float, error: BaseException) -> bool:
    """Whether another attempt may be made after one has failed."""
    is_late = time.monotonic() - began > _PATIENCE
    return attempt + 1 < _ATTEMPTS and not is_late and is_transient(error)


_FINAL = (
    ChangedError,
    OddNameError,
    OutsideError,
    FileNotFoundError,
    NotADirectoryError,
    IsADirectoryError,
    PermissionError,
    FileExistsError,
    NotImplementedError,
)


def is_transient(error: BaseException) -> bool:
    """Whether another attempt may succeed."""
    if isinstance(error, _FINAL):
        return False
    if isinstance(error, (ConnectionError, TimeoutError, asyncio.TimeoutError, EOFError)):
        return True
    if type(error).__name__ == "ClientPayloadError":  # of aiohttp: the body was cut
        return True
    status = status_of(error)
    if status is not None:
        return status in {408, 425, 429, 500, 502, 503, 504}
    if any(each.__name__ == "HTTPClientError" for each in type(error).__mro__):  # of botocore
        return True
    module = type(error).__module__.partition(".")[0]
    return module in {"aiohttp", "urllib3", "paramiko", "asyncssh"} or isinstance(error, OSError)


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an error is about; None if there is none."""
    each: BaseException | None = error
    while each is not None:
        response: Any = getattr(each, "response", None)  # of botocore
        if isinstance(response, dict):
            found: Any = (
                cast("dict[str, Any]", response).get("ResponseMetadata", {}).get("HTTPStatusCode")
            )
            if isinstance(found, int):
                return found
        places: list[tuple[Any, str]] = [(each, "status"), (each, "status_code")]
        places += [(response, "status_code"), (each, "code")]  # of huggingface_hub; aiohttp warns
        for holder, name in places:
            found = getattr(holder, name, None)
            if isinstance(found, int) and 100 <= found < 600:
                return found
        each = each.__cause__
    return None


def _failure(  # noqa: PLR0911 - one for each status
    error: BaseException, store: Store
) -> tuple[int, bytes]:
    """Return the status and the text of an answer about an error."""
    if isinstance(error, ChangedError):
        return _CHANGED, b""
    if isinstance(error, OddNameError):
        return _NAME, b""
    if isinstance(error, OutsideError):
        return _OUTSIDE, b""
    status = status_of(error)
    if isinstance(error, (FileNotFoundError, NotADirectoryError)) or status in {404, 410}:
        return _MISSING, b""
    if isinstance(error, PermissionError) or status in {401, 403}:
        return _DENIED, b""
    if status == 412:
        return _CHANGED, b""
    is_ours = type(error).__module__.startswith("checksig.")
    text = " ".join((str(error) if is_ours else f"{type(error).__name__}: {error}").split())
    return _FAILED, scrub(text, store.secrets)[:_MAX_TEXT].encode("utf-8", "backslashreplace")


def scrub(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Return *text* without what could be credentials."""
    text = re.sub(r"(\w://)[^/\s@'\"]*@", r"\1", text)
    text = re.sub(r"(\w://[^\s?'\"]*)\?[^\s'\"]*", r"\1", text)
    text = re.sub(r"(?i)\b(sig|signature|token|x-amz-[a-z-]+)=[^\s&'\"]+", r"\1=…", text)
    for secret in secrets:
        text = text.replace(secret, "…")
    return text
