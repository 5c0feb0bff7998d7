"""The functions that write manifests."""

from __future__ import annotations

import contextlib
import os
from functools import cached_property

from . import _log
from ._engine import raise_failure, run, server_of, wire
from ._frozen import dataclass
from ._options import encode_options, select_options, suggest_options
from ._printable import printable
from ._short import Items
from ._source import is_remote
from ._typing import TYPE_CHECKING, Any
from .errors import EngineError, WriteError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor
    from typing import Literal, NoReturn, Protocol

    from ._engine import CancelToken
    from ._options import AnyPath
    from .remote import Remote
    from .report import Progress

    class Writable(Protocol):
        """An object that bytes can be written to, such as a file opened with ``"wb"``."""

        def write(self, data: bytes, /) -> object: ...


__all__ = ["Converted", "Created", "Updated", "Written", "convert", "create", "update"]


@dataclass(frozen=True)
class Written:
    """A manifest that was written."""

    manifest: str
    """Its path, starting with the path passed by the caller; ``"-"`` for a file object."""
    relative_to: str
    """The folder that its names are relative to, absolute."""
    format: str
    """Its format, such as ``"gnu"``."""
    algorithms: tuple[str, ...]
    """Its algorithms, such as ``("sha256",)``."""
    files: int
    """The number of files it lists."""
    entries: int
    """The number of digests it lists."""
    elapsed: float
    """Seconds taken."""


@dataclass(frozen=True)
class Created(Written):
    """The result of :func:`create`."""

    bytes_read: int
    """Bytes read from files."""
    passed_by: tuple[str, ...]
    """The paths in the tree that were skipped: links to folders, and what *links* and
    *skip_special* skip, but nothing that a pattern excludes. The better name is
    :attr:`skipped`."""
    excluded: int
    """The number of files and folders in the tree that *include* and *exclude* left out."""
    remembered: tuple[str, ...]
    """What the manifest says, for :func:`update`, about which files it was to list, such as
    ``"exclude=*.tmp"``."""
    not_remembered: tuple[str, ...]
    """The same, which the manifest does not say as its format has no comments, or its tools refuse
    them: :func:`update` needs the same options again."""

    @property
    def skipped(self) -> tuple[str, ...]:
        """The paths in the tree that were skipped: links to folders, and others by option.

        What a pattern excludes is not included.
        """
        return self.passed_by


@dataclass(frozen=True)
class Updated(Created):
    """The result of :func:`update`."""

    added: tuple[str, ...]
    """Files that are new in the manifest."""
    changed: tuple[str, ...]
    """Files whose digest in the manifest changed, without those that are suspect."""
    removed: tuple[str, ...]
    """Missing files that were removed from the manifest."""
    missing: tuple[str, ...]
    """Missing files that are still listed."""
    suspect: tuple[str, ...]
    """Files with another digest although neither size nor time of modification show a change. They
    are probably damaged; the manifest was not written, unless *accept_suspect* was set, which lists
    their new digests."""
    dropped_comments: tuple[str, ...]
    """Comments after the first entry, which the new manifest does not have."""
    written: bool
    """Whether the manifest was written. It was not with *dry_run*, nor if files are changed or
    suspect and were not accepted."""
    accepted: bool
    """Whether every changed and suspect file was accepted, or there was none."""
    _unread: tuple[bytes, ...] = ()

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """Files that were not read again, as their size and times are unchanged."""
        return Items(map(os.fsdecode, self._unread))

    @property
    def ok(self) -> bool:
        """Whether every listed file exists, and changed and suspect ones were accepted."""
        return self.accepted and not self.missing


@dataclass(frozen=True)
class Converted(Written):
    """The result of :func:`convert`."""

    dropped_comments: tuple[str, ...]
    """Comments, which the new manifest does not have."""
    renamed: tuple[str, ...]
    """What the old manifest has in place of file names, such as URLs."""


@suggest_options
def create(
    path: AnyPath | Sequence[AnyPath] = ".",
    *,
    algorithm: str | Sequence[str] = "sha256",
    format: str | None = None,  # noqa: A002 - the word for it
    output: AnyPath | Writable | None = None,
    relative_to: AnyPath | None = None,
    overwrite: bool = False,
    links: Literal["follow", "skip", "refuse"] = "follow",
    follow_outside: bool = False,
    skip_special: bool = False,
    include: Sequence[str | bytes] = (),
    exclude: Sequence[str | bytes] = (),
    remember: bool = True,
    workers: int | None = None,
    io_depth: int | None = None,
    leave_cache: bool = False,
    filesystem: Any = None,
    executor: Executor | None = None,
    progress: Callable[[Progress], object] | None = None,
    cancel: CancelToken | None = None,
) -> Created:
    r"""Write a manifest of all files in a folder and its subfolders.

    Entries are sorted by the bytes of the names; the same tree always gives the same bytes. The
    manifest is written to a temporary file, read back and renamed, so that it appears complete or
    not at all. It never lists itself.

    :param path: A folder, a file, or several of them; or an address such as ``s3://bucket/folder/``,
        for which *output* must be given.
    :param algorithm: One algorithm or several; each file is read once.
    :param format: The format to write, such as ``"bsd"``. The default is ``"gnu"`` for one
        algorithm, ``"bsd"`` for several.
    :param output: The path of the manifest. By default it is written into the folder under its
        usual name (``SHA256SUMS``), or next to the file (``disc.iso.sha256``). If this is a file
        object, all bytes are written to it at the end.
    :param relative_to: The folder that names are relative to. By default that of the manifest if
        all files are in it, otherwise *path*.
    :param overwrite: Replace an existing manifest.
    :param links: ``"follow"`` lists a symbolic link to a file as that file, ``"skip"`` skips every
        link, ``"refuse"`` fails. A link to a folder is skipped.
    :param follow_outside: List files outside the tree that links point to. By default, such a link
        is an error.
    :param skip_special: Skip FIFOs, sockets and devices. By default they are an error.
    :param include: Patterns of the files to list; others are left out. They have the language of
        ``.gitignore``: ``*.fq``, ``/data/``, ``raw/**/*.bam``, and start from the folder that names
        are relative to.
    :param exclude: Patterns of files and folders to leave out, also of those with *include*.
    :param remember: Write into the manifest, as comments for :func:`update`, what *path*,
        *include*, *exclude*, *links* and *skip_special* leave out.
    :param workers: How many files are hashed at once, 1 to 1024. By default one for each available
        CPU.
    :param io_depth: How many files are read at once, 1 to 1024. By default as many as the storage
        is faster with: one for each worker where the data is in memory, up to 64 on a slow disk or
        a network.
    :param leave_cache: Leave the system's page cache as it was: data that was not cached before is
        not cached after the read (Linux, macOS).
    :param filesystem: A file system of fsspec, which *path* is a path in.
    :param executor: Has the files hashed by a :class:`concurrent.futures.Executor`, as in
        :func:`verify`. The manifest is the same.
    :param progress: Called with the :class:`Progress` a few times a second, in this thread. An
        exception that it raises stops the work.
    :param cancel: Stops the work when its :meth:`CancelToken.cancel` is called.

    :raises WriteError: a file is not regular, changes while it is read or is outside the tree, or
        the format cannot represent its name. Nothing was written. If several files cannot be
        listed, for whatever reason, ``problems`` has all.
    :raises FileExistsError: the manifest exists already; see *overwrite*.
    :raises OSError: the system refuses access to a file or folder; ``errno`` and ``filename`` are
        set.
    :raises EngineError: the engine cannot be started, or failed.
    :raises CancelledError: *cancel* was cancelled.
    :raises TypeError: an option has a wrong type or an unknown name.
    :raises ValueError: an argument has an unknown value or is out of range.
    """
    job = _Job("create", path, locals())
    done = job.run(progress, cancel)
    return Created(
        **job.common_fields(done),
        **job.created_fields(done),
    )


@suggest_options
def update(
    path: AnyPath,
    *,
    all: bool = False,  # noqa: A002 - the word for it
    prune: bool = False,
    add: bool = True,
    dry_run: bool = False,
    accept_changed: bool = False,
    accept_suspect: bool = False,
    algorithm: str | None = None,
    format: str | None = None,  # noqa: A002 - the word for it
    relative_to: AnyPath | None = None,
    links: Literal["follow", "skip", "refuse"] = "follow",
    follow_outside: bool = False,
    skip_special: bool = False,
    include: Sequence[str | bytes] = (),
    exclude: Sequence[str | bytes] = (),
    remember: bool = True,
    workers: int | None = None,
    io_depth: int | None = None,
    leave_cache: bool = False,
    progress: Callable[[Progress], object] | None = None,
    cancel: CancelToken | None = None,
) -> Updated:
    """Update a manifest: read changed files again, and add new ones.

    A file is unchanged, and is not read, if its size is the one listed (in formats with sizes) and
    its times of modification and status change are before the manifest's time of modification. (On
    Windows, only the time of modification counts.) Manifests that checksig writes have the time at
    which their creation began. Other manifests have a later time, so a file that changed while its
    manifest was written can be missed; ``all=True`` reads every file.

    A file that was read and has another digest is ``changed``; but it is ``suspect`` if neither its
    size nor its time of modification shows a change, as damaged data does not. If there is one of
    either, the manifest is left alone, unless *accept_changed* or *accept_suspect* is set: new
    digests are never taken over unasked.

    The manifest keeps its format, its algorithms and its leading comments, and is sorted. It is
    replaced completely or not at all. Of the files below its folder, manifests are not added, nor
    what :func:`create` was told to leave out; see *remember*.

    :param path: The manifest.
    :param all: Read every file, also those that seem unchanged.
    :param prune: Remove the entries of missing files. By default they stay listed.
    :param add: Add unlisted files below the manifest's folder. None are added to a manifest that
        lies next to its only file (``disc.iso.sha256``).
    :param dry_run: Write nothing. The result says what would be done.
    :param accept_changed: List changed files with their new digests.
    :param accept_suspect: The same for suspect files, which are then ``changed``.
    :param algorithm: The algorithm of digests that do not name it, instead of the one that the
        manifest's name or the digest's length implies.
    :param format: The format of the manifest that is read. By default it is detected.
    :param relative_to: The folder that names are relative to, if it is not that of the manifest.
    :param links: ``"follow"`` lists a symbolic link to a file as that file, ``"skip"`` skips every
        link, ``"refuse"`` fails. A link to a folder is skipped.
    :param follow_outside: List files outside the tree that links point to. By default, such a link
        is an error.
    :param skip_special: Skip FIFOs, sockets and devices. By default they are an error.
    :param include: Patterns of the files to add; others are not. What is listed stays.
    :param exclude: Patterns of files and folders to leave out and to remove from the manifest.
    :param remember: Add no files that :func:`create` was told to leave out, as far as the manifest
        says so in comments (:attr:`Updated.remembered`). These take nothing out of the manifest.
    :param workers: How many files are hashed at once, 1 to 1024. By default one for each available
        CPU.
    :param io_depth: How many files are read at once, 1 to 1024. By default as many as the storage
        is faster with: one for each worker where the data is in memory, up to 64 on a slow disk or
        a network.
    :param leave_cache: Leave the system's page cache as it was: data that was not cached before is
        not cached after the read (Linux, macOS).
    :param progress: Called with the :class:`Progress` a few times a second, in this thread; its
        totals stay unknown. An exception that it raises stops the work.
    :param cancel: Stops the work when its :meth:`CancelToken.cancel` is called.

    The errors are those of :func:`create`, and these:

    :raises ManifestError: a line of the manifest is not understood, or none lists a file.
    :raises WriteError: the manifest is signed or in UTF-16, or for the reasons of :func:`create`.
    """
    job = _Job("update", path, locals())
    done = job.run(progress, cancel)
    return Updated(
        **job.common_fields(done),
        **job.created_fields(done),
        added=job.names(wire.Change.ADDED),
        changed=job.names(wire.Change.CHANGED),
        removed=job.names(wire.Change.REMOVED),
        missing=job.names(wire.Change.STILL_MISSING),
        suspect=job.names(wire.Change.SUSPECT),
        dropped_comments=job.names(wire.Change.COMMENT),
        written=not (done.is_plan or done.is_held),
        accepted=not done.is_held,
        _unread=job.raw_names(wire.Change.UNREAD),
    )


@suggest_options
def convert(
    path: AnyPath,
    to: str,
    *,
    columns: str | Sequence[str] = (),
    algorithm: str | None = None,
    format: str | None = None,  # noqa: A002 - the word for it
    output: AnyPath | Writable,
    overwrite: bool = False,
    drop_signature: bool = False,
    cancel: CancelToken | None = None,
) -> Converted:
    """Write a manifest in another format, without reading the files that it lists.

    Names stay as they are, so the new manifest belongs in the same folder as the old one.
    Anything that the new format cannot represent is an error.

    :param path: The manifest.
    :param to: The format to write, such as ``"bsd"``.
    :param columns: The groups of columns to read of an ENA file report: ``"fastq"``,
        ``"submitted"``, ``"sra"``. By default all; a name that it lacks is an error.
    :param algorithm: The algorithm of digests that do not name it, instead of the one that the
        manifest's name or the digest's length implies.
    :param format: The format of the manifest that is read. By default it is detected.
    :param output: The path of the new manifest, or a file object, to which all bytes are written at
        the end.
    :param overwrite: Replace an existing manifest.
    :param drop_signature: Convert a signed manifest too; the new one is unsigned.
    :param cancel: Stops the work when its :meth:`CancelToken.cancel` is called.

    :raises ManifestError: a line of the manifest is not understood, or none lists a file.
    :raises WriteError: the new format cannot represent an entry's name, algorithm or missing size;
        the message names the line.
    :raises FileExistsError: the new manifest exists already; see *overwrite*.
    :raises OSError: the system refuses access to a manifest; ``errno`` and ``filename`` are set.
    :raises EngineError: the engine cannot be started, or failed.
    :raises CancelledError: *cancel* was cancelled.
    :raises TypeError: an option has a wrong type or an unknown name.
    :raises ValueError: an argument has an unknown value.
    """
    job = _Job("convert", path, locals())
    done = job.run(None, cancel)
    return Converted(
        **job.common_fields(done),
        dropped_comments=job.names(wire.Change.COMMENT),
        renamed=job.names(wire.Change.RENAMED),
    )


class _Job:
    """A job that writes a manifest, called with *arguments*, which are local variables."""

    def __init__(
        self, operation: str, path: AnyPath | Sequence[AnyPath], arguments: Mapping[str, Any]
    ) -> None:
        self._operation = operation
        options = select_options(operation, arguments)
        encoded = encode_options(operation, options)
        paths = [path] if isinstance(path, (str, bytes, os.PathLike)) else path
        self._remote: Remote | None = None
        self._executor: Executor | None = arguments.get("executor")
        filesystem = arguments.get("filesystem")
        if paths and (filesystem is not None or any(map(is_remote, paths))):
            cancel = arguments.get("cancel")
            self._fields, self._shown_path = self._remote_fields(paths, filesystem, options, cancel)
        else:
            self._fields = [("path", os.fsencode(each)) for each in paths]
            self._shown_path = ", ".join(printable(os.fsdecode(each)) for each in paths[:3])
            # The working folder can change during the operation.
            self._fields.append(("cwd", os.getcwdb()))
            self._fields += encoded
        if not paths:
            raise ValueError("path must name at least one file or folder")
        self._file: Writable | None = None
        output = options.get("output")
        if output is not None and not isinstance(output, (str, bytes, os.PathLike)):
            self._file = output
        self._names: dict[int, list[bytes]] = {}
        self._problems: list[tuple[str, str]] = []

    def _remote_fields(
        self,
        paths: Sequence[AnyPath],
        filesystem: Any,
        options: Mapping[str, Any],
        cancel: CancelToken | None,
    ) -> tuple[list[tuple[str, bytes]], str]:
        """Return the fields of a request for remote files, and how to show their paths."""
        from .remote import encode_create

        if self._operation != "create":
            raise ValueError(f"{self._operation} is only for local manifests")
        self._remote, fields, shown = encode_create(paths, filesystem, options, cancel)
        return fields, ", ".join(map(printable, shown[:3]))

    def run(  # noqa: C901 - one case for each kind
        self, progress: Callable[[Progress], object] | None, cancel: CancelToken | None
    ) -> wire.WrittenSummary:
        """Run the job, and return its summary."""
        if progress is not None and self._operation == "create" and self._remote is None:
            self._fields.append(("totals", b"1"))
        written: wire.WrittenSummary | None = None
        _log.info("%s %s: started", self._operation, self._shown_path)
        server = server_of(self._remote, self._executor, self._fields)
        request = wire.encode_request(self._operation, self._fields)
        with contextlib.closing(run(request, cancel, server)) as batches:
            for batch in batches:
                for kind, payload in batch.records:
                    match kind:
                        case wire.Kind.FILE:
                            change, name = wire.decode_file(payload)
                            self._names.setdefault(change, []).append(name)
                        case wire.Kind.ODD:
                            self._problems.append(wire.decode_odd(payload))
                        case wire.Kind.DATA if self._file is not None:
                            self._file.write(payload)
                        case wire.Kind.WRITTEN:
                            written = wire.decode_written(payload)
                        case wire.Kind.ERROR:
                            self._fail(wire.decode_failure(payload))
                        case _:
                            raise EngineError(f"the engine sent a record of unknown kind {kind}")
                if progress is not None:
                    progress(batch.progress)
        if written is None:
            raise EngineError("the engine ended without a summary")
        if self._remote is not None:
            base = self._remote.shown(os.fsencode(written.relative_to))
            written = written._replace(relative_to=base)
        failed = {
            "missing": self.names(wire.Change.STILL_MISSING),
            "suspect": self.names(wire.Change.SUSPECT),
        }
        _log.log_written(self._operation, self._shown_path, written.files, failed)
        return written

    def _fail(self, failure: wire.Failure) -> NoReturn:
        if failure.code == wire.FailureCode.WRITE and len(self._problems) > 1:
            raise WriteError(failure.path, failure.message, self._problems)
        raise_failure(failure)

    def created_fields(self, done: wire.WrittenSummary) -> dict[str, Any]:
        """Return the fields that :class:`Created` has besides those of :class:`Written`."""
        return {
            "bytes_read": done.bytes_read,
            "passed_by": self.names(wire.Change.SKIPPED),
            "excluded": done.excluded,
            "remembered": self.names(wire.Change.REMEMBERED),
            "not_remembered": self.names(wire.Change.FORGOTTEN),
        }

    def common_fields(self, done: wire.WrittenSummary) -> dict[str, Any]:
        """Return the fields of :class:`Written`."""
        return {
            "manifest": "-" if self._file is not None else done.path,
            "relative_to": done.relative_to,
            "format": done.format,
            "algorithms": done.algorithms,
            "files": done.files,
            "entries": done.entries,
            "elapsed": done.nanoseconds / 1e9,
        }

    def raw_names(self, change: int) -> tuple[bytes, ...]:
        """Return the names that were reported with *change*, sorted by their bytes."""
        return tuple(self._names.get(change, ()))

    def names(self, change: int) -> tuple[str, ...]:
        """Return the same names decoded."""
        return tuple(map(os.fsdecode, self.raw_names(change)))
