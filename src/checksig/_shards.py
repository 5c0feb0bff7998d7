"""The files of an operation in shards, which an executor hashes in other processes or machines.

The engine of the calling process reads the manifests, applies every rule, plans the shards and
compares; a shard only hashes files. It is bytes, and so are its outcomes: both can be pickled, and
to run a shard again does no harm.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import struct
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from ._engine import CancelToken, raise_failure, run, wire
from .errors import EngineError

if TYPE_CHECKING:
    from ._engine.library import Answer
    from .remote import Place, Remote

__all__ = ["Shards", "hash_shard"]

MAX_TRIES = 3
"""How often a shard is submitted whose worker fails."""

_UNKNOWN_SLOTS = 128
"""How many slots an executor is assumed to have that does not tell."""

_MAX_IN_FLIGHT = 1 << 14
"""The most shards in flight; go/internal/job has the same number."""

_MAX_OUTCOMES = 64 << 20
"""The most bytes of the outcomes of a shard; those of 4,096 files have far fewer."""

_MAX_REASON = 500
"""The most characters of an exception in the detail of a result."""

_QUERY = struct.Struct("<IBQII")
"""The head of a query: number, kind, bytes to read, files, and the size of the request."""
_HASH = 6
_OK, _FAILED = 0, 6


class _Flying(NamedTuple):
    """A shard that was submitted."""

    request: bytes
    tries: int
    future: Any


class Shards:
    """Answers the queries of one job: *executor* hashes the shards, *remote* does all else."""

    def __init__(self, executor: Any, remote: Remote | None) -> None:
        if hasattr(executor, "get_executor"):  # the client of Dask
            executor = executor.get_executor()
        if not callable(getattr(executor, "submit", None)):
            raise TypeError(f"executor must be a concurrent.futures.Executor, not {executor!r:.80}")
        self._executor = executor
        self._remote = remote
        self._in_flight = min(2 * count_slots(executor) + 1, _MAX_IN_FLIGHT)
        self._cancel = CancelToken()
        self._key = os.urandom(16).hex()
        self._lock = threading.Lock()
        self._answer: Answer | None = None
        self._is_wanted = False
        self._flying: dict[int, _Flying] = {}
        self._failed: list[tuple[int, _Flying]] = []
        self._broken: BaseException | None = None  # that no query may be left without an answer
        self._pid = 0

    @property
    def field(self) -> tuple[str, bytes]:
        """The field of a request whose files are hashed so."""
        return "shards", b"%d" % self._in_flight

    def start(self, answer: Answer) -> None:
        """Begin; see the class ``Server`` of :mod:`checksig._engine.library`."""
        self._pid = os.getpid()
        self._answer, self._is_wanted = answer, True
        _cancels[self._key] = self._cancel
        if self._remote is not None:
            self._remote.server.start(answer)

    def check(self) -> None:
        """Submit again what has failed; raise an error if a shard was left without an answer."""
        if self._broken is not None:
            raise EngineError(f"a shard could not be answered: {self._broken}") from self._broken
        if self._remote is not None:
            self._remote.server.check()
        while self._failed:
            shard, flying = self._failed.pop()
            self._submit(shard, flying.request, flying.tries + 1)

    def serve(self, payload: bytes) -> None:
        """Answer a query, later and in another thread."""
        shard, kind, _, _, size = _QUERY.unpack_from(payload)
        if kind == _HASH:
            self._submit(shard, bytes(payload[_QUERY.size : _QUERY.size + size]), 1)
        elif self._remote is not None:
            self._remote.server.serve(payload)

    def _submit(self, shard: int, request: bytes, tries: int) -> None:
        place = None if self._remote is None else self._remote.place
        try:
            # No two calls are equal, for executors that remember results: Dask's does.
            future = self._executor.submit(hash_shard, request, self._key, shard, tries, place)
        except Exception as error:
            raise EngineError(
                f"the executor takes no more shards: {_reason(error)}; if a worker of it has ended,"
                " use one that replaces workers"
            ) from error
        with self._lock:
            self._flying[shard] = _Flying(request, tries, future)

        def take(future: Any) -> None:
            try:
                self._take(shard, future)
            except BaseException as error:  # noqa: BLE001 - is raised by check()
                self._broken = error

        future.add_done_callback(take)

    def _take(self, shard: int, future: Any) -> None:
        """Answer with the outcomes of a shard that is done; it may be called in any thread."""
        try:
            outcomes = future.result()
            if not isinstance(outcomes, bytes):
                raise TypeError(f"the executor returned {type(outcomes).__name__}")
            if len(outcomes) > _MAX_OUTCOMES:
                raise ValueError(f"the executor returned {len(outcomes)} bytes")
            status, data, error = _OK, outcomes, None
        except (Exception, asyncio.CancelledError, concurrent.futures.CancelledError) as raised:  # noqa: BLE001 - workers raise anything
            reason = f"not read: its shard failed {MAX_TRIES} times: {_reason(raised)}"
            status, data, error = _FAILED, reason.encode("utf-8", "backslashreplace"), raised
        with self._lock:
            flying = self._flying.get(shard)
            if flying is None or flying.future is not future or self._answer is None:
                return  # it is answered, or not wanted any more
            del self._flying[shard]
            if error is not None and flying.tries < MAX_TRIES:
                self._failed.append((shard, flying))
            else:
                self._answer(shard, status, data, lambda: self._is_wanted)

    def stop(self) -> None:
        """Cancel what has not begun. In a pool of threads, also end what has."""
        if os.getpid() != self._pid:  # forked: the threads are the parent's, and may hold the lock
            return
        self._is_wanted = False
        self._cancel.cancel()
        _cancels.pop(self._key, None)
        if self._remote is not None:
            self._remote.server.stop()
        with self._lock:
            self._answer = None
            flying, self._flying = self._flying, {}
        for each in flying.values():
            with contextlib.suppress(Exception):
                each.future.cancel()


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:_MAX_REASON]


def count_slots(executor: Any) -> int:
    """Return how many shards *executor* runs at once, as far as that can be found out."""
    client: Any = getattr(executor, "_client", None)
    if hasattr(client, "nthreads"):  # Dask
        with contextlib.suppress(Exception):
            return max(1, sum(map(int, client.nthreads().values())))
    for name in ("num_workers", "_max_workers", "max_workers"):
        count = getattr(executor, name, None)
        if isinstance(count, int) and count > 0:
            return count
    return _UNKNOWN_SLOTS


_cancels: dict[str, CancelToken] = {}
"""The tokens of the jobs of this process: a shard in one of its threads ends with its job."""


def hash_shard(
    request: bytes, job: str = "", shard: int = 0, tries: int = 1, place: Place | None = None
) -> bytes:
    """Hash the files of a shard, which a remote *place* may have, and return their outcomes.

    It may run in any process, and more than once.
    """
    del shard, tries  # they only tell calls apart
    found: list[bytes] = []
    finished = False
    server = None if place is None else place.connect().server
    with contextlib.closing(run(request, _cancels.get(job), server)) as batches:
        for batch in batches:
            for kind, payload in batch.records:
                if kind == wire.Kind.OUTCOME:
                    found += (wire.RECORD.pack(kind, len(payload)), payload)
                elif kind == wire.Kind.SUMMARY:
                    finished = True
                elif kind == wire.Kind.ERROR:
                    raise_failure(wire.decode_failure(payload))
    if not finished:
        raise EngineError("the engine ended without a summary")
    return b"".join(found)
