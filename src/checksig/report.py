"""What a verification found: typed, immutable, printable, and convertible to JSON."""

from __future__ import annotations

import enum
import functools
import os
from typing import Any, NamedTuple

from ._frozen import dataclass

__all__ = ["BadLine", "Extra", "Manifest", "Progress", "Report", "Result", "Status"]

_MOST_EXPLAINED = 20
_ESCAPED = '"' if os.name == "nt" else '"\\'


class Status(str, enum.Enum):
    """What became of an entry; every entry has exactly one of these."""

    VERIFIED = "verified"
    """The file was read whole, and its digest is the one listed."""
    MISMATCHED = "mismatched"
    """The file was read whole, and its digest is another; or its size is another than listed, which
    ``detail`` says, and it was not read for that."""
    MISSING = "missing"
    """There is no such file."""
    UNREADABLE = "unreadable"
    """The file was not read whole, or was refused; ``detail`` says why."""
    SKIPPED = "skipped"
    """The entry was left out because the caller asked for it: its file is missing, and
    ``ignore_missing`` says that this is no failure."""

    def __str__(self) -> str:
        return self.value


_OK = (Status.VERIFIED, Status.SKIPPED)


class Progress(NamedTuple):
    """How far a running verification is."""

    files: int
    """Entries done."""
    total_files: int | None
    """Entries in all; None until known, which takes half a second."""
    bytes_read: int
    """Bytes read from files."""
    total_bytes: int | None
    """Bytes to read in all; None until known, like ``total_files``."""


class Manifest(NamedTuple):
    """A manifest that was read."""

    path: str
    """Where it is, as the path given to :func:`checksig.verify` says it."""
    format: str
    """Its format, such as ``"gnu"``; empty if it could not be opened, and for a folder that could
    not be searched."""
    algorithms: tuple[str, ...] = ()
    """The algorithms of its entries, such as ``("sha256",)``, in the order of their first use."""
    assumed: bool = False
    """Whether nothing but a digest's length told the algorithm of some of them: of those that share
    the length, the commonest was chosen."""
    encoding: str = "utf-8"
    """``"utf-8"``, which stands for any with ASCII in it, ``"utf-16le"`` or ``"utf-16be"``."""
    wrapper: str = ""
    """The signed message it comes in, ``"pgp"`` or ``"signify"``; empty if there is none."""

    @property
    def signature(self) -> str:
        """``"not checked"`` for a manifest with a signature around it, empty for others."""
        return "not checked" if self.wrapper else ""


class Result(NamedTuple):
    """What became of one entry."""

    name: str
    """The file's name as the manifest lists it, unescaped; bytes that are not in the file
    system's encoding are kept as :func:`os.fsdecode` keeps them."""
    status: Status
    algorithm: str
    """Such as ``"sha256"``."""
    expected: str
    """The digest listed, in lower-case hexadecimal."""
    found: str | None
    """The digest of the file, in lower-case hexadecimal; None if it was not read whole."""
    size: int
    """Bytes read."""
    manifest: str
    """The path of the manifest."""
    line: int
    """The entry's line in the manifest, from 1."""
    detail: str | None = None
    """Why the file could not be verified, for those that are unreadable, missing or skipped, and
    those that mismatched for their size alone."""
    assumed: bool = False
    """Whether nothing but the digest's length told the algorithm."""
    opened: str | None = None
    """The file's path, if it is another than ``name`` from the manifest's folder: by ``root``,
    ``strip``, ``basename``, ``remap``, the format, backslashes or Unicode's normal forms."""
    moved_to: str | None = None
    """For a missing file, the path of one that no manifest lists and that has its digest."""

    @property
    def path(self) -> str:
        """Where the file is, or should be.

        ``name`` from the manifest's folder, unless it was looked for elsewhere.
        """
        name = self.name.replace("/", os.sep)  # which changes something on Windows only
        return self.opened or os.path.join(os.path.dirname(self.manifest), name)

    @property
    def ok(self) -> bool:
        """Whether the file was verified, or skipped as the caller asked for."""
        return self.status in _OK

    def __str__(self) -> str:
        words = {Status.VERIFIED: "ok", Status.MISMATCHED: "mismatch", Status.MISSING: "missing"}
        what = words.get(self.status, f"{self.status}: {self.detail}")
        if self.status is Status.MISMATCHED and self.detail:
            what += f": {self.detail}"
        if self.moved_to:
            what += f', moved to "{printable(self.moved_to)}"'
        return f'"{printable(self.path)}" - {what}'


class BadLine(NamedTuple):
    """A line of a manifest that was not understood."""

    manifest: str
    """The path of the manifest."""
    line: int
    """Its number, from 1; 0 when it is about the manifest as a whole."""
    text: str
    """How the line begins."""
    cause: str
    """What is wrong with it."""

    @property
    def ok(self) -> bool:
        """False, as for a :class:`Result` that was not verified."""
        return False

    def __str__(self) -> str:
        where = f" line {self.line}" if self.line else ""
        return f'"{printable(self.manifest)}"{where} - {self.cause}'


class Extra(NamedTuple):
    """A file on disk that no manifest lists."""

    path: str
    """Where it is, as the path given to :func:`checksig.verify`, or ``root``, says it."""
    moved_from: str | None = None
    """The path of a missing file that has the same digest: the first, of several."""
    fails: bool = False
    """Whether it is a failure, as ``extra="fail"`` says."""

    @property
    def ok(self) -> bool:
        """Whether it is no failure."""
        return not self.fails

    def __str__(self) -> str:
        moved = f', moved from "{printable(self.moved_from)}"' if self.moved_from else ""
        return f'"{printable(self.path)}" - not listed{moved}'


class Block:
    """Verified entries as the engine sent them, in the memory that they came in.

    A report of a million files is mostly these, and few callers look at them.
    """

    __slots__ = ("_memory",)

    def __init__(self, memory: bytes | memoryview) -> None:
        self._memory = memory

    def __bytes__(self) -> bytes:
        return bytes(self._memory)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Block) and self._memory == other._memory

    def __hash__(self) -> int:
        return hash(bytes(self))

    def __reduce__(self) -> tuple[type[Block], tuple[bytes]]:
        return Block, (bytes(self),)


@dataclass(frozen=True)
class Report:
    """What a verification found. It is true, as :attr:`ok` is, when all is as listed."""

    path: str
    """The folder or manifest that was verified, as it was given."""
    manifests: tuple[Manifest, ...]
    """The manifests read, in this order."""
    verified: int
    """How many entries were verified."""
    mismatched: int
    missing: int
    unreadable: int
    skipped: int
    failures: tuple[Result, ...]
    """Every entry that was neither verified nor skipped, in the order of the manifests."""
    bad_lines: tuple[BadLine, ...]
    """Every line that was not understood, in the order of the manifests."""
    bytes_read: int
    """Bytes read from files."""
    elapsed: float
    """Seconds taken."""
    extras: tuple[Extra, ...] = ()
    """The files that no manifest lists, by their paths, if ``extra`` asked for them."""
    _verified: tuple[Block, ...] = ()  # and skipped

    @property
    def ok(self) -> bool:
        """Whether every line was understood, every file verified, and there was at least one.

        Entries that were skipped, as the caller asked for, and files that are not listed do not
        count, unless ``extra="fail"`` was asked for.
        """
        everything = self.verified > 0 and self.verified + self.skipped == self.entries
        return everything and not self.bad_lines and all(extra.ok for extra in self.extras)

    def __bool__(self) -> bool:
        return self.ok

    @property
    def extra(self) -> int:
        """How many files no manifest lists."""
        return len(self.extras)

    @property
    def entries(self) -> int:
        """How many entries the manifests have: the sum of the five counts."""
        return self.verified + self.mismatched + self.missing + self.unreadable + self.skipped

    @functools.cached_property
    def results(self) -> tuple[Result, ...]:
        """What became of every entry, in the order of the manifests.

        Only the failures, if ``keep_verified=False`` was asked for.
        """
        from ._engine.wire import decode_entries

        results = list(self.failures)
        for block in self._verified:
            results += decode_entries(block, self.manifests)
        order = {manifest.path: i for i, manifest in enumerate(self.manifests)}
        results.sort(key=lambda result: (order[result.manifest], result.line))
        return tuple(results)

    def summary(self) -> str:
        """Return the counts in one line: ``10 entries: 9 verified, 1 mismatched``."""
        counts = [("mismatched", self.mismatched), ("missing", self.missing)]
        counts += [("unreadable", self.unreadable), ("skipped", self.skipped)]
        parts = [f"{self.verified} verified", *(f"{n} {what}" for what, n in counts if n)]
        if self.bad_lines:
            parts.append(_plural(len(self.bad_lines), "bad line"))
        if self.extras:
            parts.append(f"{self.extra} not listed")
        return f"{_plural(self.entries, 'entry', 'entries')}: {', '.join(parts)}"

    def explain(self) -> str:
        """Return a line for each failure and bad line; of very many, the first and how many."""
        extras = [extra for extra in self.extras if not extra.ok]
        lines = [str(what) for what in (*self.failures, *self.bad_lines, *extras)]
        if not lines:
            return self.summary()
        if len(lines) > _MOST_EXPLAINED:
            lines[_MOST_EXPLAINED:] = [f"... and {len(lines) - _MOST_EXPLAINED} more"]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary() if self.ok else f"{self.summary()}\n{self.explain()}"

    def to_dict(self, *, results: bool = False) -> dict[str, Any]:
        """Return the report as JSON knows it; with *results*, what became of every entry too."""
        d: dict[str, Any] = {
            "ok": self.ok,
            "path": self.path,
            "manifests": [{**m._asdict(), "signature": m.signature} for m in self.manifests],
            "entries": self.entries,
            "verified": self.verified,
            "mismatched": self.mismatched,
            "missing": self.missing,
            "unreadable": self.unreadable,
            "skipped": self.skipped,
            "extra": self.extra,
            "failures": [r._asdict() for r in self.failures],
            "bad_lines": [b._asdict() for b in self.bad_lines],
            "extras": [e._asdict() for e in self.extras],
            "bytes_read": self.bytes_read,
            "elapsed": self.elapsed,
        }
        if results:
            d["results"] = [r._asdict() for r in self.results]
        return d

    def to_json(self, *, results: bool = False, indent: int | None = None) -> str:
        r"""Return :meth:`to_dict` as JSON, in ASCII.

        A byte of a name that is not in the file system's encoding is written as :func:`os.fsdecode`
        gives it, a lone surrogate (``\udcff``), which ``json.loads`` reads back.
        """
        import json

        return json.dumps(self.to_dict(results=results), indent=indent)


def _plural(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


def printable(name: str) -> str:
    r"""Return *name* on one line and harmless to a terminal.

    Quotes, backslashes and what is not printable are escaped (``\"``, ``\n``, ``\x1b``), and so
    are bytes that could not be decoded (``\xff``). On Windows, backslashes are separators and stay.
    """
    if name.isprintable() and not any(c in name for c in _ESCAPED):
        return name
    return "".join(map(_printable_character, name))


def _printable_character(c: str) -> str:
    if c in _ESCAPED:
        return "\\" + c
    if c.isprintable():
        return c
    if "\udc80" <= c <= "\udcff":
        return f"\\x{ord(c) - 0xDC00:02x}"
    return c.encode("unicode_escape", "surrogatepass").decode("ascii")
