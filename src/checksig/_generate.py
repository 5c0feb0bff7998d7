"""The calls that write manifests."""

from __future__ import annotations

import contextlib
import os
import struct
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypedDict

from ._engine import wire
from ._frozen import dataclass
from ._engine.job import batches, raise_failure
from ._options import check_workers
from .errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Protocol

    from ._engine.job import CancelToken
    from ._options import AnyPath
    from .report import Progress

    class Writable(Protocol):
        """What bytes can be written to, such as a file opened with ``"wb"``."""

        def write(self, data: bytes, /) -> object: ...

    Links = Literal["follow", "skip", "refuse"]

__all__ = ["Converted", "Created", "Updated", "Written", "convert", "create", "update"]

_WRITTEN = struct.Struct("<4q")
_SIZE = struct.Struct("<I")


@dataclass(frozen=True)
class Written:
    """A manifest that was written."""

    manifest: str
    """Where it is, as the path given says it; ``"-"`` if it went to a file object."""
    relative_to: str
    """The folder that its names are relative to, absolute."""
    format: str
    """Its format, such as ``"gnu"``."""
    algorithms: tuple[str, ...]
    """Such as ``("sha256",)``."""
    files: int
    """How many files it lists."""
    entries: int
    """How many digests it lists."""
    elapsed: float
    """Seconds taken."""


@dataclass(frozen=True)
class Created(Written):
    """What :func:`create` wrote."""

    bytes_read: int
    """Bytes read from files."""
    passed_by: tuple[str, ...]
    """What lies in the tree and is not listed: links to folders, whose files are listed where they
    are, and what was to be skipped; but nothing of what was excluded by a pattern."""


@dataclass(frozen=True)
class Updated(Created):
    """What :func:`update` wrote."""

    added: tuple[str, ...]
    """Files that are new in the manifest."""
    changed: tuple[str, ...]
    """Files that are listed with another digest than before."""
    removed: tuple[str, ...]
    """Files that are missing, and not listed any more."""
    missing: tuple[str, ...]
    """Files that are missing, and are listed all the same."""
    suspect: tuple[str, ...]
    """Files with another digest, though neither size nor times tell of a change; they are listed
    as before, and do not verify."""
    dropped_comments: tuple[str, ...]
    """Comments behind the first entry, which the new manifest does not have."""
    _unread: tuple[bytes, ...] = ()

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """Files that were not read again, as neither size nor times tell of a change."""
        return tuple(map(os.fsdecode, self._unread))

    @property
    def ok(self) -> bool:
        """Whether every file listed is there, and none is suspect."""
        return not (self.missing or self.suspect)


@dataclass(frozen=True)
class Converted(Written):
    """What :func:`convert` wrote."""

    dropped_comments: tuple[str, ...]
    """Comments, which the new manifest does not have."""
    renamed: tuple[str, ...]
    """What the old manifest says instead of a file's name, such as a URL, where it does."""


def create(
    path: AnyPath | Sequence[AnyPath] = ".",
    *,
    algorithm: str | Sequence[str] = "sha256",
    format: str | None = None,  # noqa: A002 - what it is called everywhere
    output: AnyPath | Writable | None = None,
    relative_to: AnyPath | None = None,
    overwrite: bool = False,
    links: Links = "follow",
    follow_outside: bool = False,
    skip_special: bool = False,
    exclude: Sequence[str | bytes] = (),
    workers: int | None = None,
    leave_cache: bool = False,
    progress: Callable[[Progress], object] | None = None,
    cancel: CancelToken | None = None,
) -> Created:
    r"""Write a manifest of all files in a folder and its sub-folders.

    The entries are sorted by the bytes of the names, and the same tree gives the same bytes. The
    manifest appears whole or not at all: it is written beside its place, read back, and renamed.
    It never lists itself.

    :param path: a folder, a file, or several of these.
    :param algorithm: one or several; each file is read once.
    :param format: such as ``"gnu"``, which it is for one algorithm if None, or ``"bsd"``, which it
        is for several.
    :param output: where the manifest is written; if None, in the folder under the usual name
        (``SHA256SUMS``), or beside the file (``disc.iso.sha256``). To a file object its bytes are
        written once all of them are known.
    :param relative_to: the folder that the names are relative to; if None, that of the manifest,
        if all is in it, otherwise *path*.
    :param overwrite: replace a manifest that is there.
    :param links: ``"follow"`` lists a symbolic link to a file as that file, ``"skip"`` passes by
        every link, ``"refuse"`` takes one for an error. A link to a folder is passed by.
    :param follow_outside: list what links outside the tree lead to; an error otherwise.
    :param skip_special: pass by FIFOs, sockets and devices, which are an error otherwise.
    :param exclude: patterns (``*``, ``?``, ``[a-z]``) of what is not listed: of the name of a
        file or folder anywhere, or of the whole name if there is a ``/`` in it.
    :param workers: how many files are read at once, 1 to 1024; if None, as many as CPUs, or one on
        a disk that rotates.
    :param leave_cache: leave the system's page cache as it was: what was not cached is not cached
        behind the read (Linux, macOS).
    :param progress: called a few times a second, in this thread, with the :class:`Progress`; what
        it raises stops the work.
    :param cancel: stops the work when its :meth:`CancelToken.cancel` is called.

    :raises WriteError: a file is not regular, changes while it is read, or leads outside; or the
        format cannot say its name. Nothing was written.
    :raises FileExistsError: the manifest is there already.
    :raises OSError: the system refuses a file or folder; its number and path tell more.
    :raises EngineError: the engine cannot be started, or failed.
    :raises CancelledError: *cancel* was cancelled.
    :raises ValueError: an argument cannot be meant.
    """
    paths = [path] if isinstance(path, (str, bytes, os.PathLike)) else list(path)
    names = [algorithm] if isinstance(algorithm, str) else list(algorithm)
    job = _Job("create", paths, output, workers)
    job.add("algorithms", ",".join(names))
    job.add("as", format)
    job.add("relative_to", relative_to)
    job.add("replace", overwrite)
    job.add("leave_cache", leave_cache)
    job.select(links, follow_outside, skip_special, exclude)
    done = job.run(progress, cancel)
    return Created(**done, bytes_read=job.bytes_read, passed_by=job.told(_Change.PASSED_BY))


def update(
    path: AnyPath,
    *,
    all: bool = False,  # noqa: A002 - the word for it
    prune: bool = False,
    add: bool = True,
    algorithm: str | None = None,
    format: str | None = None,  # noqa: A002 - what it is called everywhere
    links: Links = "follow",
    follow_outside: bool = False,
    skip_special: bool = False,
    exclude: Sequence[str | bytes] = (),
    workers: int | None = None,
    leave_cache: bool = False,
    progress: Callable[[Progress], object] | None = None,
    cancel: CancelToken | None = None,
) -> Updated:
    """Bring a manifest up to date: read again what changed, add what is new.

    A file counts as unchanged, and is not read, if it was last changed before the manifest was
    modified, by its time of modification and, but for Windows, that of status change, and if its
    size is the one listed, where the manifest has sizes. What :func:`create` and this function
    write has the time of its beginning; of a manifest from elsewhere, a file that changed while it
    was written may be missed. ``all=True`` reads every file.

    The manifest keeps its format, its algorithms, and the comments that it begins with, and is
    sorted. It is replaced whole or not at all.

    :param path: the manifest.
    :param all: read every file. One that has another digest though it seems unchanged is
        ``suspect``, and stays listed as it was.
    :param prune: list missing files no longer; they stay listed otherwise.
    :param add: add the files below the manifest's folder that are not listed. None are added to
        one that stands beside its only file (``disc.iso.sha256``).
    :param algorithm: that of digests which do not say it, where neither the manifest's name nor
        their length tells it.
    :param format: that of the manifest, if it is not to be detected.

    The other arguments, and the errors, are those of :func:`create`; what is excluded is removed
    from the manifest, and the totals of *progress* stay unknown.

    :raises ManifestError: a line of the manifest is not understood, or none lists a file.
    :raises WriteError: moreover, the manifest is signed or in UTF-16.
    """
    job = _Job("update", [path], None, workers)
    job.add("all", all)
    job.add("prune", prune)
    job.add("keep_files", not add)
    job.add("by", algorithm)
    job.add("from", format)
    job.add("leave_cache", leave_cache)
    job.select(links, follow_outside, skip_special, exclude)
    done = job.run(progress, cancel)
    return Updated(
        **done,
        bytes_read=job.bytes_read,
        passed_by=job.told(_Change.PASSED_BY),
        added=job.told(_Change.ADDED),
        changed=job.told(_Change.CHANGED),
        removed=job.told(_Change.REMOVED),
        missing=job.told(_Change.LOST),
        suspect=job.told(_Change.SUSPECT),
        dropped_comments=job.told(_Change.COMMENT),
        _unread=job.raw(_Change.UNREAD),
    )


def convert(
    path: AnyPath,
    to: str,
    *,
    output: AnyPath | Writable,
    overwrite: bool = False,
    drop_signature: bool = False,
    algorithm: str | None = None,
    format: str | None = None,  # noqa: A002 - what it is called everywhere
    cancel: CancelToken | None = None,
) -> Converted:
    """Write a manifest in another format. No file that it lists is read.

    Names stay as they are, so the new manifest belongs into the folder of the old one. Nothing is
    lost in silence: what the other format cannot say is an error.

    :param path: the manifest.
    :param to: the format to write, such as ``"bsd"``.
    :param output: the new manifest, or a file object, to which its bytes are written once all of
        them are known.
    :param overwrite: replace a manifest that is there.
    :param drop_signature: convert a manifest that is signed, too.
    :param algorithm: that of digests which do not say it, where neither the manifest's name nor
        their length tells it.
    :param format: that of the manifest, if it is not to be detected.
    :param cancel: stops the work when its :meth:`CancelToken.cancel` is called.

    :raises ManifestError: a line of the manifest is not understood, or none lists a file.
    :raises WriteError: an entry cannot be said in the other format: its name, its algorithm, or its
        file's size; the message names the line.
    :raises FileExistsError: the new manifest is there already.
    :raises OSError: the system refuses a manifest; its number and path tell more.
    :raises EngineError: the engine cannot be started, or failed.
    :raises CancelledError: *cancel* was cancelled.
    :raises ValueError: an argument cannot be meant.
    """
    job = _Job("convert", [path], output, None)
    job.add("as", to)
    job.add("replace", overwrite)
    job.add("drop_signature", drop_signature)
    job.add("by", algorithm)
    job.add("from", format)
    done = job.run(None, cancel)
    return Converted(
        **done, dropped_comments=job.told(_Change.COMMENT), renamed=job.told(_Change.RENAMED)
    )


class _Fields(TypedDict):
    """The fields of :class:`Written`."""

    manifest: str
    relative_to: str
    format: str
    algorithms: tuple[str, ...]
    files: int
    entries: int
    elapsed: float


class _Change:
    """What is told of a file; go/internal/engine/create.go has its twin."""

    PASSED_BY, ADDED, CHANGED, REMOVED, LOST, UNREAD, SUSPECT, COMMENT, RENAMED = range(1, 10)


class _Job:
    """A job that writes a manifest; the fields are described in go/internal/job/write.go."""

    def __init__(
        self,
        op: str,
        paths: Iterable[AnyPath],
        output: AnyPath | Writable | None,
        workers: int | None,
    ) -> None:
        check_workers(workers)
        self._fields: list[bytes] = []
        self._sink: Writable | None = None
        self._files: dict[int, list[bytes]] = {}
        self.bytes_read = 0
        self.add("op", op)
        for path in paths:
            self.add("path", path)
        self.add("dir", os.getcwdb())  # the caller may go elsewhere while the engine works
        self.add("workers", workers)
        if output is not None and not isinstance(output, (str, bytes, os.PathLike)):
            self._sink = output
            self.add("output", "-")
        elif output is not None:
            name = os.fsencode(output)
            self.add("output", b"./-" if name == b"-" else name)

    def add(self, key: str, value: AnyPath | int | None) -> None:
        """Add a field, unless it is None."""
        if value is None:
            return
        data = b"%d" % value if isinstance(value, int) else os.fsencode(value)
        if b"\0" in data:
            raise ValueError("embedded null byte")
        self._fields.append(key.encode() + b"=" + data)

    def select(
        self,
        links: Links,
        follow_outside: bool,
        skip_special: bool,
        exclude: Sequence[str | bytes],
    ) -> None:
        self.add("links", links)
        self.add("links_outside", follow_outside)
        self.add("skip_special", skip_special)
        for pattern in [exclude] if isinstance(exclude, (str, bytes)) else exclude:
            self.add("exclude", pattern)

    def run(
        self, progress: Callable[[Progress], object] | None, cancel: CancelToken | None
    ) -> _Fields:
        """Run the job, and return the fields of :class:`Written`."""
        self.add("survey", progress is not None)
        written: _Fields | None = None
        request = b"\0".join(self._fields)
        with contextlib.closing(batches(request, progress, cancel)) as found:
            for batch in found:
                for kind, payload in batch.records:
                    if kind == wire.Kind.WRITTEN:
                        written = self._written(payload)
                    else:
                        self._take(kind, payload)
        if written is None:
            raise EngineError("the engine ended without a summary")
        return written

    def _take(self, kind: int, payload: bytes) -> None:
        match kind:
            case wire.Kind.FILE:
                self._files.setdefault(payload[0], []).append(payload[1:])
            case wire.Kind.DATA if self._sink is not None:
                self._sink.write(payload)
            case wire.Kind.ERROR:
                failure = wire.decode_failure(payload)
                if failure.code == wire.FailureCode.REQUEST:
                    raise ValueError(failure.message.partition(": ")[2])
                raise_failure(failure)
            case _:
                raise EngineError(f"the engine sent a record of unknown kind {kind}")

    def _written(self, payload: bytes) -> _Fields:
        files, entries, self.bytes_read, nanoseconds = _WRITTEN.unpack_from(payload)
        words: list[bytes] = []
        at = _WRITTEN.size
        while at < len(payload):
            (size,) = _SIZE.unpack_from(payload, at)
            at += _SIZE.size
            words.append(payload[at : at + size])
            at += size
        path, base, name, algorithms = words
        return {
            "manifest": "-" if self._sink is not None else os.fsdecode(path),
            "relative_to": os.fsdecode(base),
            "format": name.decode(),
            "algorithms": tuple(algorithms.decode().split(",")),
            "files": files,
            "entries": entries,
            "elapsed": nanoseconds / 1e9,
        }

    def raw(self, change: int) -> tuple[bytes, ...]:
        """Return the names of the files of which *change* was told, in the order of their bytes."""
        return tuple(self._files.get(change, ()))

    def told(self, change: int) -> tuple[str, ...]:
        """Return the same names as text."""
        return tuple(map(os.fsdecode, self.raw(change)))
