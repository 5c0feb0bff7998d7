"""Verify a part of what manifests list, and remember in a state file when each entry was verified.

A run with one of the options in :data:`OPTIONS` has two steps. The engine reads the manifests and
reports the state of each file, without opening it: the plan. It is compared with the state file,
and each entry gets a rank: left out, verified before, or to be verified now, the oldest first. The
engine then verifies those, and reports each with the state that its file had before and after it
was read: the proof. Only proofs are recorded.

Killed at any point, a run has recorded nothing that was not verified: rows are written in
transactions, after the proof. Memory does not grow with the manifests except for a byte an entry:
the plan is a temporary table of SQLite.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
import time

from ._engine import raise_failure, run, wire
from ._printable import printable
from ._source import is_path
from ._typing import TYPE_CHECKING, Any, NamedTuple, cast
from ._units import parse_bytes, parse_duration, parse_sample
from .errors import EngineError, StateError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from ._engine import CancelToken
    from ._options import AnyPath, Fields
    from ._source import Source
    from .report import Manifest, Report

__all__ = ["Part"]

_APPLICATION = 0x63736967
"""The number by which SQLite knows a state file."""

_VERSION = 1

_SCHEMA = """
CREATE TABLE manifests (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE);
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,        -- of manifest, name, algorithm, digest and file
    manifest INTEGER NOT NULL REFERENCES manifests,
    name BLOB NOT NULL,
    algorithm TEXT NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER,                    -- of the file, before and after it was read
    modified INTEGER,                -- nanoseconds since 1970; NULL if it may have changed since
    changed INTEGER,
    inode INTEGER,
    checked INTEGER NOT NULL,        -- when, in nanoseconds since 1970
    result TEXT NOT NULL             -- verified, mismatched, missing, ...
);
CREATE TABLE passes (job BLOB PRIMARY KEY, began INTEGER NOT NULL, finished INTEGER);
"""

_PLAN = """
CREATE TEMP TABLE batch (number INTEGER PRIMARY KEY, key BLOB, listed INTEGER, size INTEGER,
    modified INTEGER, changed INTEGER, inode INTEGER);
CREATE TEMP TABLE plan (number INTEGER PRIMARY KEY, size INTEGER, checked INTEGER, rank INTEGER);
"""

_SAME = """(e.size = b.size AND e.modified = b.modified AND e.changed = b.changed
    AND e.inode = b.inode)"""

_CHOOSE = f"""
INSERT INTO plan SELECT b.number, b.size,
    CASE WHEN e.modified IS NULL OR {_SAME} THEN coalesce(e.checked, 0) ELSE 0 END,
    CASE WHEN b.size < 0 OR (b.listed >= 0 AND b.listed <> b.size) THEN 2
         WHEN {_SAME} AND e.result = 'verified' AND e.checked BETWEEN ? AND ? THEN 1 END
FROM batch b LEFT JOIN entries e ON e.key = b.key
"""  # noqa: S608 - no part of it comes from outside

_RECORD = """
INSERT INTO entries (key, manifest, name, algorithm, digest, size, modified, changed, inode,
    checked, result) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET size = excluded.size, modified = excluded.modified,
    changed = excluded.changed, inode = excluded.inode, checked = excluded.checked,
    result = excluded.result
"""

_LEFT, _BEFORE, _FIRST = 0, 1, 2
"""The ranks of entries; those from _FIRST on are verified, in their order."""

_PASSES = 16
"""How often the manifests are read at most, to have the oldest entries verified first."""

_MINUTE = 60 * 10**9

_NEVER = 2**63 - 1

_BUSY = 60.0
"""How many seconds another run may keep the state file."""

_ROWS, _SECONDS = 10_000, 2.0
"""Rows are written when there are so many, or after so long."""

_FINE, _COARSE = 50_000_000, 2_000_000_000
"""How exact the times of files are, in nanoseconds: those with fractions of a second, and others.

A file that changed so shortly before it was read may change once more, and keep its times.
"""

_SAME_WORK = {
    "keep_verified",
    "workers",
    "io_depth",
    "leave_cache",
    "high_water",
    "max_bad_lines",
    "totals",
    "cwd",
    "path",
}
"""The fields that two runs of one job may differ in."""

_LONGEST = 2**31 - 1  # milliseconds


class Options(NamedTuple):
    """The options of a part."""

    state: AnyPath | None
    resume: bool
    max_age: Any
    max_time: Any
    max_bytes: Any
    sample: Any


class Part:
    """The part of the entries that a run verifies.

    :param fields: Those of the request without a part.
    :raises TypeError: an option has a wrong type.
    :raises ValueError: an option is out of range, or needs another one.
    """

    def __init__(self, path: Source, fields: Fields, arguments: Mapping[str, Any]) -> None:
        options = Options(*(arguments[name] for name in Options._fields))
        if options.state is None:
            for name in ("resume", "max_age", "max_time", "max_bytes"):
                if getattr(options, name) not in {None, False}:
                    raise ValueError(f"{name} needs a state file: --state FILE (state=)")
        if options.sample is not None and options.resume:
            raise ValueError("sample and resume exclude each other: a sample is never complete")
        if not is_path(path):
            raise ValueError("a part needs a manifest or a folder that has a path")
        self._options = options
        self._fields = fields
        self._max_age = _optional(parse_duration, "max_age", options.max_age)
        self._max_time = _optional(parse_duration, "max_time", options.max_time)
        self._max_bytes = _optional(parse_bytes, "max_bytes", options.max_bytes)
        self._share: float | None = None
        self.seed: int | None = None
        """The number from which a sample is drawn."""
        if options.sample is not None:
            self._share, self.seed = parse_sample("sample", options.sample)
        self._began = time.time_ns()
        self._clock = time.monotonic()
        self._database: sqlite3.Connection | None = None
        self._rows: list[tuple[Any, ...]] = []
        self._manifests: dict[bytes, int] = {}
        self._written = self._clock
        self._since = _NEVER
        self._pass = self._began
        self.window: str | None = None
        """Which earlier verifications count, in words."""

    def begin(self, cancel: CancelToken | None) -> Fields:
        """Choose the entries to verify, and return the fields that ask for them."""
        with self._errors():
            self._open()
            job = self._job()
            self._decide_since(job)
            packed = self._plan(cancel)
            if (
                self._options.state is not None
                and self._share is None
                and self._pass == self._began
            ):
                self._execute(
                    "INSERT OR REPLACE INTO passes VALUES (?, ?, NULL)", (job, self._began)
                )
        fields = [("part", packed), ("proofs", b"1")]
        if self._max_time is not None:
            left = self._max_time - (time.monotonic() - self._clock)
            fields.append(("max_time", b"%d" % min(max(int(left * 1000), 1), _LONGEST)))
        return fields

    def take(self, payload: bytes, manifests: Sequence[Manifest]) -> None:
        """Take a proof, to be recorded."""
        proof = wire.decode_proof(payload)
        if self._options.state is None:
            return
        size, modified, changed, inode = proof.state or (None, None, 0, 0)
        if modified is not None and not _is_settled(modified, changed, self._began):
            modified = None
        path = os.fsencode(os.path.abspath(manifests[proof.manifest].path))
        head = (proof.entry, path, proof.name, proof.algorithm, proof.digest)
        row = (*head, size, modified, changed, inode, time.time_ns(), proof.status)
        self._rows.append(row)

    def write(self, *, now: bool = False) -> None:
        """Record the proofs, if there are many, or it is time to, or *now*."""
        waited = time.monotonic() - self._written
        if not self._rows or not (now or len(self._rows) >= _ROWS or waited >= _SECONDS):
            return
        with self._errors(), self._transaction() as database:
            rows = [(row[0], self._manifest(row[1]), *row[2:]) for row in self._rows]
            database.executemany(_RECORD, rows)
        self._rows = []
        self._written = time.monotonic()

    def finish(self, report: Report) -> None:
        """Record what is left, and that this pass is complete if it is."""
        self.write(now=True)
        if self._options.state is None or self._share is not None or report.not_verified:
            return
        with self._errors():
            self._execute(
                "UPDATE passes SET finished = ? WHERE job = ? AND began = ?",
                (time.time_ns(), self._job(), self._pass),
            )

    def close(self) -> None:
        """Record what was verified until now, and close the state file."""
        try:
            if self._database is not None:
                self.write(now=True)
        finally:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _open(self) -> None:
        """Open the state file, which is made if there is none."""
        state = self._options.state
        if state is None:
            self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        else:
            name = os.fsdecode(state)
            if not name:
                raise ValueError("state must not be empty")
            self._database = sqlite3.connect(
                name, timeout=_BUSY, isolation_level=None, check_same_thread=False
            )
            self._check()
        if state is None:
            self._database.executescript(_SCHEMA)
        self._database.executescript(_PLAN)

    def _check(self) -> None:
        """Make sure that the file is a state file, and whole."""
        with self._transaction() as database:
            application, version = (
                database.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("application_id", "user_version")
            )
            tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if not (application or version or tables):
                for statement in _SCHEMA.split(";\n"):
                    database.execute(statement)
                database.execute(f"PRAGMA application_id = {_APPLICATION}")
                database.execute(f"PRAGMA user_version = {_VERSION}")
                return
            if application != _APPLICATION:
                raise StateError(f"{self._name}: not a state file of checksig; choose another name")
            if version != _VERSION:
                raise StateError(
                    f"{self._name}: a state file of version {version}, and this checksig knows"
                    f" version {_VERSION}; choose another name"
                )
            problem = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            if problem != "ok":
                ways = "delete it to begin anew, or choose another name"
                raise StateError(f"{self._name}: damaged, {printable(problem)}; {ways}")

    @property
    def _name(self) -> str:
        return printable(os.fsdecode(self._options.state or ""))

    @contextlib.contextmanager
    def _errors(self) -> Generator[None]:
        """Let the errors of SQLite name the state file, and what to do."""
        try:
            yield
        except sqlite3.Error as error:
            text = str(error)
            if self._options.state is None:
                raise StateError(f"the plan of the sample cannot be made: {text}") from error
            if isinstance(error, sqlite3.OperationalError):
                raise StateError(f"{self._name}: the state file cannot be used: {text}") from error
            way = "choose another name"
            raise StateError(f"{self._name}: not a state file: {text}; {way}") from error

    @contextlib.contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        database = cast("sqlite3.Connection", self._database)
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            self._manifests = {}
            raise
        database.execute("COMMIT")

    def _execute(self, statement: str, values: tuple[Any, ...] = ()) -> Any:
        return cast("sqlite3.Connection", self._database).execute(statement, values)

    def _job(self) -> bytes:
        """Return what stands for the work, so that a later run of the same can go on with it."""
        import hashlib

        fields = dict(self._fields)
        parts = [os.path.join(fields.get("cwd", b""), fields["path"])]
        parts += [
            key.encode() + b"=" + value
            for key, value in sorted(self._fields)
            if key not in _SAME_WORK
        ]
        return hashlib.sha256(b"\0".join(parts)).digest()

    def _decide_since(self, job: bytes) -> None:
        """Decide from when on a verification counts."""
        if self._max_age is not None:
            self._since = self._began - int(self._max_age * 10**9)
            self.window = f"within {_in_words(self._max_age)} before"
        if not self._options.resume:
            return
        row = self._execute("SELECT began, finished FROM passes WHERE job = ?", (job,)).fetchone()
        if row is not None and row[1] is None and row[0] <= self._began:
            self._pass = row[0]
            if self._pass < self._since:
                self._since = self._pass
                day = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self._pass // 10**9))
                self.window = f"since {day} UTC"

    def _plan(self, cancel: CancelToken | None) -> bytes:
        """Return the ranks of all entries, as the engine takes them."""
        counts: list[int] = []
        listed = b""
        number = 0
        request = wire.encode_request("verify", [*self._fields, ("plan", b"1")])
        with contextlib.closing(run(request, cancel)) as batches:
            for batch in batches:
                rows: list[tuple[Any, ...]] = []
                for kind, payload in batch.records:
                    match kind:
                        case wire.Kind.PLANNED:
                            manifest, *row = wire.decode_planned(payload)
                            counts[manifest] += 1
                            rows.append((number, *row))
                            number += 1
                        case wire.Kind.MANIFEST:
                            counts.append(0)
                        case wire.Kind.DATA:
                            listed = payload
                        case wire.Kind.ERROR:
                            raise_failure(wire.decode_failure(payload))
                        case _:
                            pass
                self._compare(rows)
        if len(listed) != _LISTED:
            raise EngineError("the engine ended without a plan")
        return _pack(listed, counts, self._rank(number))

    def _compare(self, rows: list[tuple[Any, ...]]) -> None:
        """Compare planned entries with the state file."""
        if not rows:
            return
        database = cast("sqlite3.Connection", self._database)
        database.execute("BEGIN")
        database.executemany("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        database.execute(_CHOOSE, (self._since, self._began))
        database.execute("DELETE FROM batch")
        database.execute("COMMIT")

    def _rank(self, count: int) -> bytearray:
        """Return the rank of each of *count* entries."""
        ranks = bytearray(count)
        for number, rank in self._execute("SELECT number, rank FROM plan WHERE rank IS NOT NULL"):
            ranks[number] = rank
        (left,) = self._execute("SELECT count(*) FROM plan WHERE rank IS NULL").fetchone()
        query = "SELECT number, size, checked FROM plan WHERE rank IS NULL"
        if self._max_bytes is not None or self._max_time is not None:
            query += " ORDER BY checked, number"
        rows: Iterator[tuple[int, int, int]] = self._execute(query)
        if self._share is not None:
            rows, left = self._draw(rows, left)
        rank, taken, size, last = _FIRST, 0, 0, -1
        for number, each, checked in rows:
            if self._max_bytes is not None and size and size + each > self._max_bytes:
                break
            if self._max_time is not None and checked // _MINUTE > last:
                if taken * _PASSES > (rank - _FIRST + 1) * left:
                    rank += 1
                last = checked // _MINUTE
            ranks[number] = rank
            taken += 1  # noqa: SIM113 - a break must not count
            size += each
        return ranks

    def _draw(
        self, rows: Iterator[tuple[int, int, int]], count: int
    ) -> tuple[Iterator[tuple[int, int, int]], int]:
        """Return a sample of *count* rows, and its size."""
        import math
        import random

        wanted = math.ceil(cast("float", self._share) * count)
        generator = random.Random(self.seed)  # noqa: S311 - to be repeated with the seed

        def draw() -> Iterator[tuple[int, int, int]]:
            need, left = wanted, count
            for row in rows:  # Knuth, The Art of Computer Programming, volume 2, algorithm S
                if generator.random() * left < need:
                    need -= 1
                    yield row
                left -= 1

        return draw(), wanted

    def _manifest(self, path: bytes) -> int:
        """Return the number of a manifest in the state file."""
        if path not in self._manifests:
            self._execute("INSERT OR IGNORE INTO manifests (path) VALUES (?)", (path,))
            row = self._execute("SELECT id FROM manifests WHERE path = ?", (path,)).fetchone()
            if len(self._manifests) >= _ROWS:
                self._manifests = {}
            self._manifests[path] = row[0]
        return self._manifests[path]


_LISTED = 32


def _pack(listed: bytes, counts: list[int], ranks: bytearray) -> bytes:
    import binascii
    import zlib

    head = listed + struct.pack(f"<I{len(counts)}Q", len(counts), *counts)
    packer = zlib.compressobj(1)
    return binascii.b2a_base64(
        packer.compress(head) + packer.compress(ranks) + packer.flush(), newline=False
    )


def _is_settled(modified: int, changed: int, began: int) -> bool:
    """Whether a later change of a file that was read after *began* would change its times."""
    second = 10**9
    exactness = _FINE if modified % second or changed % second else _COARSE
    return max(modified, changed) < began - exactness


def _optional(parse: Any, name: str, value: Any) -> Any:
    return None if value is None else parse(name, value)


def _in_words(seconds: float) -> str:
    """Return a duration in words: ``30 days``."""
    for unit, word in (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"):
        if seconds >= unit and seconds % unit == 0:
            n = int(seconds // unit)
            return f"{n} {word}" if n == 1 else f"{n} {word}s"
    return f"{seconds:g} seconds"
