"""The report of a verification: typed, immutable, printable, convertible to JSON."""

from __future__ import annotations

import os

from ._frozen import dataclass
from ._printable import printable, printable_text
from ._short import Items, short, short_fields
from ._typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Final, Literal

    from pandas import DataFrame  # pyright: ignore[reportMissingTypeStubs]

    from ._status import Status

__all__ = [
    "SCHEMA",
    "BadLine",
    "Entry",
    "Extra",
    "Key",
    "Manifest",
    "Progress",
    "Report",
    "Result",
    "Signer",
    "Status",
    "cause_and_text",
    "sort_results",
    "to_document",
    "why",
]

SCHEMA = 1
"""The version of the JSON document, which src/checksig/schema describes."""

BROKEN_RULE, UNREAD, NOTHING, UNTRUSTED = 2, 3, 4, 5
"""The codes of bad lines that are not about a line."""

_MAX_EXPLAINED = 20
_KINDS = {
    0: "bad line",
    BROKEN_RULE: "broken rule",
    UNREAD: "unreadable manifest or folder",
    NOTHING: "empty manifest",
    UNTRUSTED: "untrusted manifest",
}
"""The kinds of bad lines by their codes."""

_PLURALS = {
    "bad line": "bad lines",
    "broken rule": "broken rules",
    "unreadable manifest or folder": "unreadable manifests or folders",
    "empty manifest": "empty manifests",
    "entry excluded": "entries excluded",
    "untrusted manifest": "untrusted manifests",
}

MAX_BAD_LINES = 1000
"""How many bad lines of a kind a report holds: a file that is no manifest may have millions."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name != "Status":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from ._status import Status

        globals()[name] = Status
        return Status


_OK = ("verified", "skipped", "verified before", "not verified")

REFUSED: Final = "refused"
WEAK: Final = "weak"


class Progress(NamedTuple):
    """How far an operation has got."""

    files: int
    """Entries done."""
    total_files: int | None
    """Entries in total; None until known, which takes half a second."""
    bytes_read: int
    """Bytes read from files."""
    total_bytes: int | None
    """Bytes to read in total; None until known, like ``total_files``."""


class Signer(NamedTuple):
    """Who signed a manifest: the key that made a signature, and whose it is."""

    format: str
    """``"pgp"``, ``"signify"``, ``"minisign"``, ``"ssh"``, ``"sigstore"``, or ``"key"`` for a
    bundle or an attestation that the key of ``key`` has signed."""
    key: str
    """The ID of the key that made the signature, which may be a subkey; for ``"sigstore"`` the
    serial number of its certificate, for ``"key"`` the algorithm."""
    fingerprint: str
    """The fingerprint of the certificate or key that is trusted; for signify and minisign, the
    public key itself; for ``"sigstore"`` and ``"key"`` the SHA-256 of the certificate or key."""
    identity: str
    """A user ID, principal or comment, as the key has it, or the identity that ``identity`` names.
    It may contain any characters, also those
    that control a terminal; the text of a signer, ``str(signer)``, escapes them."""
    time: int | None
    """When it was signed, in seconds since 1970, as the signer says, or for ``"sigstore"`` the log
    or a timestamp authority; None if unknown."""
    comment: str
    """The comment that is signed as well: minisign's trusted comment. It may contain any
    characters."""
    file: str | None
    """The path of the signature; None if it is inside the manifest."""
    issuer: str = ""
    """Who has vouched for the identity, in Sigstore; otherwise empty."""
    predicate: str = ""
    """The predicate type of the in-toto statement that was signed; empty for none."""
    log_index: int | None = None
    """The index of the entry in Sigstore's log; None for none."""

    def __str__(self) -> str:
        who = f"{printable(self.identity)} " if self.identity else ""
        if self.issuer:
            who += f"of {printable(self.issuer)} "
        text = f"{who}({self.format} {printable(self.fingerprint)}"
        ends = self.fingerprint[:16], self.fingerprint[-16:]  # the ID in version 6 and 4
        if self.key not in ends and self.format == "pgp":
            text += f", key {printable(self.key)}"
        text += ")"
        if self.time is not None:
            text += f" on {_day(self.time)}"
        if self.log_index is not None:
            text += f", log entry {self.log_index}"
        if self.predicate:
            text += f", {printable(self.predicate)}"
        if self.comment:
            text += f', comment "{printable(self.comment)}"'
        return text + (f", {printable(self.file)}" if self.file else "")


class Key(NamedTuple):
    """A key in a file of keys; see :func:`checksig.keys`."""

    format: str
    """``"pgp"``, ``"signify"``, ``"minisign"`` or ``"ssh"``."""
    key: str
    """Its ID."""
    fingerprint: str
    """Its fingerprint; for signify and minisign, the public key itself."""
    algorithm: str
    """Such as ``"rsa-4096"`` or ``"ed25519"``."""
    names: tuple[str, ...]
    """Its user IDs, principals or comment, as the file has them. They may contain any characters;
    escape them before they are printed."""
    created: int | None
    """When it was created, in seconds since 1970; None if unknown."""
    expires: int | None
    """When it expires; None for never."""
    authority: bool
    """Whether it certifies the keys of others, in an ``allowed_signers`` file."""
    problem: str | None
    """Why no signature of it counts, such as "revoked"; None if some may."""

    def __str__(self) -> str:
        kind = "authority, " if self.authority else ""
        text = f"{self.format} {kind}{printable(self.algorithm)} {printable(self.fingerprint)}"
        if self.created is not None:
            text += f", created {_day(self.created)}"
        if self.expires is not None:
            text += f", expires {_day(self.expires)}"
        if self.problem:
            text += f", cannot be used: {printable_text(self.problem)}"
        return text


def _day(seconds: int) -> str:
    import time

    try:
        return time.strftime("%Y-%m-%d", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s"


class Manifest(NamedTuple):
    """A manifest that was read."""

    path: str
    """Its path, starting with the path passed to :func:`checksig.verify`."""
    format: str
    """Its format, such as ``"gnu"``; empty if it could not be opened, and for a folder that could
    not be searched."""
    algorithms: tuple[str, ...] = ()
    """The algorithms of its entries, such as ``("sha256",)``, in order of first use."""
    assumed: bool = False
    """Whether the algorithm of some entries was chosen by the digest's length alone: the most
    common one of that length."""
    encoding: str = "utf-8"
    """``"utf-8"``, which includes every encoding based on ASCII, ``"utf-16le"`` or
    ``"utf-16be"``; with ``"gzip+"``, ``"bzip2+"``, ``"xz+"`` or ``"zstd+"`` in front if it is
    compressed; in a bag, the one that its ``bagit.txt`` names, such as ``"iso-8859-1"``."""
    wrapper: str = ""
    """The kind of signed message around it, ``"pgp"``, ``"signify"``, ``"dsse"`` or
    ``"sigstore"``; empty if unsigned."""
    text_lines: int = 0
    """The lines that ``ignore_text`` accepted: nothing in them looks like a digest."""
    unverified: tuple[str, ...] = ()
    """What it states about files that was not verified, such as ``"time"``, in the words of its
    format."""
    notes: tuple[str, ...] = ()
    """What is worth knowing about it and no failure, such as what was not checked."""
    signers: tuple[Signer, ...] = ()
    """Who signed it, if ``trust`` asked for that and it is trusted."""
    untrusted: bool = False
    """Whether nothing of it counts, because nobody who is trusted has signed it."""
    unchecked: tuple[str, ...] = ()
    """The paths of files next to it that seem to be its signatures, which were not checked because
    ``trust`` was not given."""

    def __repr__(self) -> str:
        return short_fields(self, self._fields)

    @property
    def signature(self) -> str:
        """What is known of its signature.

        ``"verified"`` or ``"not trusted"`` if ``trust`` was given, ``"not checked"`` for other
        manifests that have one, otherwise empty.
        """
        if self.untrusted:
            return "not trusted"
        if self.signers:
            return "verified"
        return "not checked" if self.wrapper or self.unchecked else ""


class Result(NamedTuple):
    """The outcome of one entry."""

    name: str
    """The file's name in the manifest, unescaped, decoded as by :func:`os.fsdecode`."""
    status: Status
    """Its outcome."""
    algorithm: str
    """Such as ``"sha256"``."""
    expected: str
    """The digest listed, in lower-case hexadecimal."""
    found: str | None
    """The digest of the file, in lower-case hexadecimal; None if not read to its end."""
    size: int
    """Bytes read."""
    manifest: str
    """The path of the manifest; ``"-"`` for one in memory."""
    line: int
    """The entry's line in the manifest, from 1."""
    detail: str | None = None
    """Why the file could not be verified, if it is unreadable, missing or skipped, or has
    another size than listed; the code of the rule that a file of an OCFL object breaks."""
    assumed: bool = False
    """Whether the algorithm was chosen by the digest's length alone."""
    opened: str | None = None
    """The file's path, if it differs from ``name`` in the manifest's folder because of ``root``,
    ``strip``, ``basename``, ``remap``, the format, backslashes or Unicode normalization."""
    moved_to: str | None = None
    """For a missing file, the path of an unlisted file with the same digest."""
    reason: Literal["refused", "weak"] | None = None
    """Why the file was not read, for programs: ``"refused"`` if a rule forbids it (it lies outside,
    or is no regular file), ``"weak"`` if its algorithm is weaker than ``min_strength``."""
    evidence: Literal["read", "stored"] | None = None
    """What ``found`` was computed from: ``"read"`` if the file was read to its end, ``"stored"`` if
    it is the checksum that a store keeps, which says what was uploaded once and not what the store
    would return now; None if there is none."""

    def __repr__(self) -> str:
        return short_fields(self, self._fields)

    @property
    def path(self) -> str:
        """The path where the file was looked for."""
        name = self.name.replace("/", os.sep)  # changes names on Windows only
        return self.opened or os.path.join(os.path.dirname(self.manifest), name)

    @property
    def ok(self) -> bool:
        """Whether the file was verified, or left out because of an option."""
        return self.status in _OK

    def __str__(self) -> str:
        from ._status import Status

        words = {
            Status.VERIFIED: "ok",
            Status.MISMATCHED: "mismatch",
            Status.MISSING: "missing",
            Status.VERIFIED_BEFORE: "verified before",
            Status.NOT_VERIFIED: "not verified",
        }
        detail = printable_text(self.detail or "")
        what = words.get(self.status, f"{self.status}: {detail}")
        if self.status is Status.MISMATCHED and detail:
            what += f": {detail}"
        if self.moved_to:
            what += f', moved to "{printable(self.moved_to)}"'
        return f'"{printable(self.path)}" - {what}'


class Entry(NamedTuple):
    """A digest of a file, as a manifest lists it; see :func:`checksig.entries`."""

    name: str
    """The file's name, unescaped, decoded as by :func:`os.fsdecode`."""
    algorithm: str
    """Such as ``"sha256"``."""
    digest: str
    """The digest, in lower-case hexadecimal."""
    size: int | None
    """The size of the file in bytes, if the manifest lists it."""
    manifest: str
    """The path of the manifest."""
    line: int
    """The line in the manifest, from 1."""
    assumed: bool = False
    """Whether the algorithm was chosen by the digest's length alone."""
    optional: bool = False
    """Whether the manifest says that the file may be missing."""
    listed: str | None = None
    """What the manifest has if the name was derived from it, such as a URL."""

    def __repr__(self) -> str:
        return short_fields(self, self._fields)

    @property
    def name_bytes(self) -> bytes:
        """The bytes of the file's name."""
        return os.fsencode(self.name)


class _BadLineFields(NamedTuple):
    manifest: str
    """The path of the manifest."""
    line: int
    """The line number, from 1; 0 if the whole manifest is meant."""
    text: str
    """The beginning of the line."""
    cause: str
    """What is wrong with it."""

    def __repr__(self) -> str:
        return short_fields(self, self._fields)


class BadLine(_BadLineFields):
    """A line of a manifest that was not understood."""

    code: int = 0
    """What is wrong with it, for programs: 1 if the line lists a file without a digest, 2 if it is
    not about a line but about the directory structure (a bag, an OCFL object) that the manifest
    belongs to, 3 if the manifest or a folder cannot be read (further), 4 if there was nothing to
    verify, 5 if nobody who is trusted has signed the manifest, otherwise 0. This is not part of
    the JSON document."""

    @property
    def ok(self) -> bool:
        """Always False, like that of a :class:`Result` that was not verified."""
        return False

    @property
    def kind(self) -> str:
        """What it is, in words, such as ``"bad line"`` or ``"broken rule"``."""
        return _KINDS.get(self.code, _KINDS[0])

    def __str__(self) -> str:
        where = f" line {self.line}" if self.line else ""
        return f'"{printable(self.manifest)}"{where} - {printable_text(self.cause)}'


class Extra(NamedTuple):
    """A file that no manifest lists."""

    path: str
    """Its path, starting with the path passed to :func:`checksig.verify`, or with ``root``."""
    moved_from: str | None = None
    """The path of the first missing file with the same digest."""
    fails: bool = False
    """Whether it is a failure, because of ``extra="fail"``."""

    def __repr__(self) -> str:
        return short_fields(self, self._fields)

    @property
    def ok(self) -> bool:
        """Whether it is not a failure."""
        return not self.fails

    def __str__(self) -> str:
        moved = f', moved from "{printable(self.moved_from)}"' if self.moved_from else ""
        return f'"{printable(self.path)}" - not listed{moved}'


class PackedResults:
    """Verified entries as the engine sent them, decoded only when they are needed.

    They are most of a report of a million files, and few callers look at them.
    """

    __slots__ = ("_memory",)

    def __init__(self, memory: bytes | memoryview) -> None:
        self._memory = memory

    def __bytes__(self) -> bytes:
        return bytes(self._memory)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackedResults) and self._memory == other._memory

    def __hash__(self) -> int:
        return hash(bytes(self))

    def __reduce__(self) -> tuple[type[PackedResults], tuple[bytes]]:
        return PackedResults, (bytes(self),)


@dataclass(frozen=True)
class Report:
    """The result of a verification; true, like :attr:`ok`, if everything is as listed."""

    path: str
    """The folder, manifest or file that was verified, as passed by the caller; ``"-"`` or the name
    of a file object if the manifest is no file."""
    manifests: tuple[Manifest, ...]
    """The manifests, in the order in which they were read."""
    verified: int
    """The number of verified entries."""
    mismatched: int
    """The number of entries whose file has another digest or size."""
    missing: int
    """The number of entries whose file does not exist."""
    unreadable: int
    """The number of entries whose file could not be read to its end, or was refused."""
    skipped: int
    """The number of missing entries that ``ignore_missing`` skipped."""
    failures: tuple[Result, ...]
    """The entries that were neither verified nor skipped, in the order of the manifests."""
    bad_lines: tuple[BadLine, ...]
    """The lines that were not understood, in the order of the manifests; of more than 1,000, the
    first ones found. :attr:`bad_line_count` counts all."""
    bytes_read: int
    """Bytes read from files."""
    elapsed: float
    """Seconds taken."""
    extras: tuple[Extra, ...] = ()
    """The files that no manifest lists, sorted by path; only with ``extra="report"`` or
    ``"fail"``, and those of ``only``. The better name is :attr:`unlisted`."""
    _verified: tuple[PackedResults, ...] = ()  # verified and skipped entries
    not_understood: tuple[str, ...] = ()
    """The paths of files in a folder that look like manifests, but have no known format; at most
    100. They are not verified, and not failures: their names are not those of manifests only."""
    bad_lines_omitted: int = 0
    """The number of further lines that were not understood, which :attr:`bad_lines` lacks."""
    extras_omitted: int = 0
    """The number of further unlisted files, which :attr:`extras` lacks; always 0 in what
    :func:`checksig.verify` returns."""
    refused: int = 0
    """How many of the unreadable entries were not read because a rule forbids it."""
    too_weak: int = 0
    """How many of them were not read because their algorithm is too weak."""
    interrupted: bool = False
    """Whether the verification was stopped before its end. The report has what was found until
    then, and is not ok."""
    excluded: int = 0
    """The number of entries that ``include``, ``exclude`` and ``columns`` left out. They are not
    among :attr:`entries`."""
    config: str | None = None
    """The path of the configuration file, if settings of it were used."""
    configured: tuple[str, ...] = ()
    """The options that have the values of that file, such as ``"trust"``."""
    verified_before: int = 0
    """The number of entries that an earlier run verified, recently enough."""
    not_verified: int = 0
    """The number of entries that this run was not to verify, or had no time for. If there are any,
    the report is not :attr:`complete`."""
    stored: int = 0
    """The number of verified entries that were compared with the checksum that a store keeps, and
    not read."""
    window: str | None = None
    """Which earlier verifications count, in words: ``"within 30 days before"``."""
    sample_seed: int | None = None
    """The number from which the sample was drawn."""

    @property
    def ok(self) -> bool:
        """Whether every line was understood and every file verified, and there was at least one.

        Skipped entries are not failures, nor are unlisted files, except with ``extra="fail"``, nor
        is what ``max_time``, ``max_bytes`` or ``sample`` leave for another run: see
        :attr:`complete`.
        """
        proved = self.verified + self.verified_before
        everything = proved > 0 and proved + self.skipped + self.not_verified == self.entries
        if self.interrupted or self.bad_line_count:
            return False
        return everything and all(extra.ok for extra in self.extras)

    def __bool__(self) -> bool:
        return self.ok

    @property
    def complete(self) -> bool:
        """Whether it is ok, and no entry was left for another run."""
        return self.ok and not self.not_verified

    @property
    def verdict(self) -> str:
        """``"OK"``, ``"FAILED"``, or ``"OK IN PART"`` if it is ok, but not complete."""
        if self.ok:
            return "OK" if self.complete else "OK IN PART"
        return "FAILED"

    def __repr__(self) -> str:
        verdict = self.verdict
        return f"<{type(self).__qualname__} {short(self.path)} {verdict}: {self.summary()}>"

    def _repr_html_(self) -> str:
        """Return the report as HTML, for notebooks."""
        from ._html import fragment  # only notebooks need it

        return fragment(self)

    @property
    def unlisted(self) -> tuple[Extra, ...]:
        """The files that no manifest lists, sorted by path.

        Only with ``extra="report"`` or ``"fail"``.
        """
        return self.extras

    @property
    def bad_line_count(self) -> int:
        """The number of lines that were not understood."""
        return len(self.bad_lines) + self.bad_lines_omitted

    @property
    def extra(self) -> int:
        """The number of files that no manifest lists."""
        return len(self.extras) + self.extras_omitted

    @property
    def text_lines(self) -> int:
        """The number of lines in all manifests that ``ignore_text`` accepted."""
        return sum(manifest.text_lines for manifest in self.manifests)

    @property
    def entries(self) -> int:
        """The number of entries in all manifests: the sum of the seven counts."""
        failed = self.mismatched + self.missing + self.unreadable
        left = self.skipped + self.verified_before + self.not_verified
        return self.verified + failed + left

    @property
    def results(self) -> tuple[Result, ...]:
        """The outcome of every entry, in the order of the manifests.

        With ``keep_verified=False``, only the failures.
        """
        known: tuple[Result, ...] | None = self.__dict__.get("_results")
        if known is None:
            results = list(self.iter_results())
            sort_results(results, self.manifests)
            known = self.__dict__["_results"] = Items(results)
        return known

    def iter_results(self) -> Iterator[Result]:
        """Yield the outcome of every entry: failures first, then the others in any order.

        Unlike :attr:`results`, this needs no memory for them. With ``keep_verified=False``, only
        the failures.
        """
        from ._engine.wire import decode_entries

        yield from self.failures
        for packed in self._verified:
            yield from decode_entries(packed, self.manifests)

    @property
    def notes(self) -> tuple[str, ...]:
        """What limits the reliability of the result, each in one line that is safe to print.

        Such as a signature that was not checked, or algorithms that detect corruption but not
        tampering.
        """
        from ._notes import notes

        return Items(notes([self]))

    def summary(self) -> str:
        """Return the counts in one line: ``10 entries: 9 verified, 1 mismatched``."""
        parts = in_words(self.counts())
        parts[0] += stored_in_words(self.verified, self.stored)
        if self.window or self.not_verified:
            parts[0] += " in this run"
        if self.window and self.verified_before:
            parts[1] = f"{self.verified_before} {self.window}"
        if self.interrupted:
            parts.append("interrupted")
        return f"{_plural(self.entries, 'entry', 'entries')}: {', '.join(parts)}"

    def counts(self) -> list[tuple[str, int]]:
        """Return what was found how often, in the words of :meth:`summary`."""
        lines = dict.fromkeys(_KINDS.values(), 0)
        codes: dict[int, int] = {}
        for bad in self.bad_lines:
            lines[bad.kind] += 1
            codes[bad.code] = codes.get(bad.code, 0) + 1
        # The omitted ones are of the kinds of which as many are here as are kept.
        omitted = {_KINDS.get(code, _KINDS[0]) for code, n in codes.items() if n >= MAX_BAD_LINES}
        lines[omitted.pop() if len(omitted) == 1 else _KINDS[0]] += self.bad_lines_omitted
        counts = [
            ("mismatched", self.mismatched),
            ("missing", self.missing),
            ("unreadable", self.unreadable - self.refused - self.too_weak),
            ("refused", self.refused),
            ("too weak", self.too_weak),
            ("skipped", self.skipped),
            ("not verified", self.not_verified),
            *lines.items(),
            ("not listed", self.extra),
            ("entry excluded", self.excluded),
        ]
        first = [("verified before", self.verified_before)] if self.verified_before else []
        found = [(what, n) for what, n in counts if n]
        return [("verified", self.verified), *first, *found]

    def explain(self, *, digests: bool = False) -> str:
        """Return a line for each failure; of more than 20, the first and how many more.

        :param digests: add the algorithm and both digests of each mismatch.
        """
        extras = [extra for extra in self.extras if not extra.ok]
        items = (*self.failures, *self.bad_lines, *extras)
        if not items:
            return "" if digests else self.summary()
        lines = list(map(_with_digests if digests else str, items[:_MAX_EXPLAINED]))
        more = len(items) - len(lines) + self.bad_lines_omitted
        if more:
            lines.append(f"... and {more:,} more")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary() if self.ok else f"{self.summary()}\n{self.explain()}"

    def to_dict(self, *, results: bool = False) -> dict[str, Any]:
        """Return the report as types of JSON: an element of ``reports`` in the JSON document.

        :param results: include the outcome of every entry, not only of the failures.
        """
        d: dict[str, Any] = {
            "ok": self.ok,
            "path": self.path,
            "manifests": [_manifest_dict(m) for m in self.manifests],
            "entries": self.entries,
            "verified": self.verified,
            "mismatched": self.mismatched,
            "missing": self.missing,
            "unreadable": self.unreadable,
            "skipped": self.skipped,
            "stored": self.stored,
            "verified_before": self.verified_before,
            "not_verified": self.not_verified,
            "complete": self.complete,
            "window": self.window,
            "sample_seed": self.sample_seed,
            "excluded": self.excluded,
            "extra": self.extra,
            "text_lines": self.text_lines,
            "failures": [r._asdict() for r in self.failures],
            "bad_lines": [b._asdict() for b in self.bad_lines],
            "bad_line_count": self.bad_line_count,
            "extras": [e._asdict() for e in self.extras],
            "not_understood": list(self.not_understood),
            "notes": list(self.notes),
            "bytes_read": self.bytes_read,
            "elapsed": self.elapsed,
            "interrupted": self.interrupted,
            "config": self.config,
            "configured": list(self.configured),
        }
        if results:
            d["results"] = [r._asdict() for r in self.results]
        return d

    def to_json(self, *, results: bool = False, indent: int | None = None) -> str:
        r"""Return the JSON document that ``checksig --json`` prints, in ASCII.

        Its only element of ``reports`` is that of :meth:`to_dict`.

        A byte of a name that is invalid in the file system's encoding becomes a lone surrogate
        (``\udcff``), as with :func:`os.fsdecode`; ``json.loads`` reads it back.
        """
        import json

        content = {"reports": [self.to_dict(results=results)]}
        document = to_document(content, ok=self.ok, interrupted=self.interrupted)
        return json.dumps(document, indent=indent)

    def to_arrow(self) -> Any:
        """Return the results as a table of Apache Arrow, a row for each entry.

        Its columns are those of :meth:`to_pandas`.

        :raises ImportError: the package pyarrow is not installed.
        """
        from ._tables import to_arrow

        return to_arrow(self)

    def to_pandas(self) -> DataFrame:
        r"""Return the results as a data frame of pandas, a row for each entry.

        Its columns are the fields of a :class:`Result` and its ``path``. A byte of a name that is
        not UTF-8 is shown as ``\xff``; ``name_bytes`` and ``path_bytes`` have the exact bytes. Bad
        lines and files that no manifest lists are not results: :attr:`ok` takes them into account.

        :raises ImportError: the package pandas is not installed.
        """
        from ._tables import to_pandas

        return to_pandas(self)


def sort_results(results: list[Result], manifests: Iterable[Manifest]) -> None:
    """Sort results as the manifests have them: by line, and those of one line by name."""
    order = {manifest.path: i for i, manifest in enumerate(manifests)}
    results.sort(key=lambda r: (order[r.manifest], r.line, r.name, r.algorithm, r.expected))


def _with_digests(item: object) -> str:
    text = str(item)
    if isinstance(item, Result) and item.status == "mismatched" and item.found:
        text += f": {why(item)}"
    return text


def why(result: Result) -> str:
    """Return why *result* is not as listed: both digests, or else its detail."""
    if result.status == "mismatched" and result.found:
        rule = f"{result.detail}: " if result.detail else ""
        return f"{rule}{result.algorithm} listed {result.expected}, found {result.found}"
    return result.detail or result.status.value


def cause_and_text(bad: BadLine) -> str:
    """Return the cause of *bad*, and how the line begins."""
    return f"{bad.cause}: {bad.text}" if bad.text else bad.cause


def to_document(
    content: Mapping[str, Any], *, ok: bool, interrupted: bool = False
) -> dict[str, Any]:
    """Return the JSON document with this *content*, which the schema describes."""
    return {"schema": SCHEMA, "ok": ok, **content, "errors": [], "interrupted": interrupted}


def _manifest_dict(manifest: Manifest) -> dict[str, Any]:
    return {
        **manifest._asdict(),
        "signers": [signer._asdict() for signer in manifest.signers],
        "signature": manifest.signature,
    }


def in_words(counts: Iterable[tuple[str, int]]) -> list[str]:
    """Return what :meth:`Report.counts` does in words: ``["2 verified", "1 bad line"]``."""
    return [f"{n:,} {what if n == 1 else _PLURALS.get(what, what)}" for what, n in counts]


def stored_in_words(verified: int, stored: int) -> str:
    """Return what follows "12 verified" where a store's checksums were compared, else nothing."""
    if not stored:
        return ""
    read = f", {verified - stored:,} read" if verified > stored else ""
    return f" ({stored:,} by stored checksums{read})"


def _plural(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"
