"""Entries and their verification as tables of Apache Arrow, for engines that split tables.

A row is verified by what it says alone, so a table can be cut anywhere, and a part can be verified
again. The engine of this package reads the names and compares, as it does for a manifest.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import TYPE_CHECKING, Any, cast

from ._algorithms import find, fold
from ._files import list_entries
from ._source import escape_name, is_remote
from ._tables import load_package, text_of
from ._verify import iter_verify
from .errors import EngineError, ManifestError
from .report import BadLine, Extra, Status

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from ._engine import CancelToken
    from ._options import AnyPath
    from ._source import Source
    from .report import Manifest, Result

__all__ = ["entries_reader", "entries_table", "verify_table"]

_BATCH_ROWS = 1 << 16
"""How many entries a batch has, and how many rows are verified together."""

_MAX_BYTES = 32 << 20
"""How many bytes of lines are verified together, about; a manifest in memory has at most twice."""

_MAX_NAME = 1 << 16
"""The most bytes of a name; no system opens longer ones."""

_BASED_ELSEWHERE = frozenset(
    {"ascmhl", "conda-meta", "conda-paths", "dpkg", "jar", "record", "repomd", "rpm-primary"}
    | {"simplestreams"}
)
"""The formats whose names do not start from the manifest's folder."""

_FOUND = ("status", "found", "bytes_read", "detail")


def entries_reader(
    manifest: Source,
    *,
    recursive: bool = False,
    algorithm: str | None = None,
    format: str | None = None,  # noqa: A002 - the word for it
    ignore_text: bool = False,
    batch_size: int = _BATCH_ROWS,
    filesystem: Any = None,
    cancel: CancelToken | None = None,
) -> Any:
    """Return a ``pyarrow.RecordBatchReader`` of what a manifest lists, without opening any file.

    It reads the manifest as its batches are asked for, in bounded memory. The columns are those of
    :func:`entries_table`.

    :param manifest: A manifest, or a folder that contains manifests; or a file object and the like,
        as in :func:`verify`.
    :param recursive: Find manifests in subfolders too.
    :param algorithm: The algorithm of digests that do not name it.
    :param format: The format of the manifest, instead of the one detected.
    :param ignore_text: Pass over lines in which nothing looks like a digest.
    :param batch_size: How many rows a batch has.
    :param filesystem: A file system of fsspec, which *manifest* is a path in.
    :param cancel: Stops the work when its :meth:`CancelToken.cancel` is called.

    :raises ImportError: the package pyarrow is not installed.
    :raises ManifestError: the manifest cannot be read, or a line is not understood; raised as the
        batches are read.
    :raises OSError: the system refuses access to the manifest.
    """
    pa = load_package("pyarrow", "entries_reader")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    options = {
        "recursive": recursive,
        "algorithm": algorithm,
        "format": format,
        "ignore_text": ignore_text,
    }
    manifests: list[Manifest] = []
    listed = list_entries(manifest, filesystem, manifests, options, cancel, check=True)
    schema = _schema(pa)
    is_archive = is_remote(manifest) and "::" in os.fsdecode(cast("AnyPath", manifest))
    batches = _batches(pa, schema, manifests, listed, batch_size, is_archive=is_archive)
    return pa.RecordBatchReader.from_batches(schema, batches)


def entries_table(
    manifest: Source,
    *,
    recursive: bool = False,
    algorithm: str | None = None,
    format: str | None = None,  # noqa: A002 - the word for it
    ignore_text: bool = False,
    filesystem: Any = None,
    cancel: CancelToken | None = None,
) -> Any:
    r"""Return what a manifest lists as a ``pyarrow.Table``, without opening any file.

    Its columns are ``name`` (text, with ``\xff`` for a byte that is not UTF-8), ``name_bytes``,
    ``algorithm``, ``digest`` (hexadecimal), ``size`` (null if not listed), ``optional`` (whether
    the file may be missing), ``manifest``, ``line``, and ``folder``: the bytes of the absolute path
    of the manifest's folder, or of its address; null if names of its format start elsewhere, and in
    archives.

    :param manifest: A manifest, or a folder that contains manifests; or a file object and the like,
        as in :func:`verify`.
    :param recursive: Find manifests in subfolders too.
    :param algorithm: The algorithm of digests that do not name it.
    :param format: The format of the manifest, instead of the one detected.
    :param ignore_text: Pass over lines in which nothing looks like a digest.
    :param filesystem: A file system of fsspec, which *manifest* is a path in.
    :param cancel: Stops the work when its :meth:`CancelToken.cancel` is called.

    :raises ImportError: the package pyarrow is not installed.
    :raises ManifestError: the manifest cannot be read, or a line is not understood.
    :raises OSError: the system refuses access to the manifest.
    """
    load_package("pyarrow", "entries_table")
    return entries_reader(
        manifest,
        recursive=recursive,
        algorithm=algorithm,
        format=format,
        ignore_text=ignore_text,
        filesystem=filesystem,
        cancel=cancel,
    ).read_all()


def _schema(pa: Any) -> Any:
    return pa.schema(
        {
            "name": pa.string(),
            "name_bytes": pa.binary(),
            "algorithm": pa.string(),
            "digest": pa.string(),
            "size": pa.int64(),
            "optional": pa.bool_(),
            "manifest": pa.string(),
            "line": pa.int64(),
            "folder": pa.binary(),
        }
    )


def _batches(
    pa: Any,
    schema: Any,
    manifests: list[Manifest],
    listed: Generator[Any],
    count: int,
    *,
    is_archive: bool,
) -> Iterator[Any]:
    folders: dict[str, bytes | None] = {}
    with contextlib.closing(listed):
        while rows := list(itertools.islice(listed, count)):
            for manifest in manifests[len(folders) :]:
                folders[manifest.path] = None if is_archive else _folder(manifest)
            columns: list[list[object]] = [
                [text_of(entry.name) for entry in rows],
                [entry.name_bytes for entry in rows],
                [entry.algorithm for entry in rows],
                [entry.digest for entry in rows],
                [entry.size for entry in rows],
                [entry.optional for entry in rows],
                [text_of(entry.manifest) for entry in rows],
                [entry.line for entry in rows],
                [folders[entry.manifest] for entry in rows],
            ]
            yield pa.RecordBatch.from_arrays(
                [
                    pa.array(column, field.type)
                    for column, field in zip(columns, schema, strict=True)
                ],
                schema=schema,
            )


def _folder(manifest: Manifest) -> bytes | None:
    """Return the folder that names start from; None if they do not start from the manifest's."""
    if manifest.format in _BASED_ELSEWHERE:
        return None
    if is_remote(manifest.path):
        return os.fsencode(manifest.path[: manifest.path.rfind("/") + 1])
    return os.path.dirname(os.path.abspath(os.fsencode(manifest.path)))


def verify_table(
    table: Any,
    root: AnyPath | None = None,
    *,
    follow_outside: bool = False,
    min_strength: str | None = None,
    workers: int | None = None,
    io_depth: int | None = None,
    leave_cache: bool = False,
    filesystem: Any = None,
    cancel: CancelToken | None = None,
) -> Any:
    """Verify the files that a table of entries lists, and return a table of the results.

    Each row is verified by what it says alone. So a table can be split, its parts can be verified
    anywhere, in any order and more than once, and the results can be put together. They have the
    columns of *table*, in the order of its rows, and these four: ``status`` (as of
    :class:`Status`), ``found`` (the digest of the file, in hexadecimal; null if it was not read to
    its end), ``bytes_read`` and ``detail`` (the reason).

    What is about several rows is not found out: files that no row lists, the rules of a bag, and
    signatures of manifests. Of rows that contradict each other, at most those of one digest are
    verified. Everything is verified if every row is, and there are as many as entries.

    :param table: A ``pyarrow.Table`` or ``RecordBatch``, or another object with Arrow's C stream
        interface, such as a data frame of Polars or a relation of DuckDB. It has the columns
        ``name_bytes`` or ``name``, ``algorithm``, ``digest``, and ``folder`` unless *root* is
        given; those of :func:`entries_table`. ``size`` and ``optional`` are used if there are any.
    :param root: The folder that names start from, or its address; by default that of each row's
        manifest. Formats such as a RECORD, whose names start elsewhere, need it.
    :param follow_outside: Verify files outside the folder, and follow links to them, instead of
        refusing.
    :param min_strength: Refuse entries with an algorithm weaker than this one.
    :param workers: How many files are hashed at once; by default one for each available CPU. One
        is right where an engine calls this function several times at once.
    :param io_depth: How many files are read at once; by default as many as help.
    :param leave_cache: Leave the system's page cache as it was.
    :param filesystem: A file system of fsspec, in which folders are paths.
    :param cancel: Stops the work when its :meth:`CancelToken.cancel` is called.

    :returns: A ``pyarrow.Table``.

    :raises CancelledError: *cancel* was cancelled.
    :raises ImportError: the package pyarrow is not installed.
    :raises TypeError: *table* is no table.
    :raises ValueError: it lacks a column, or *root* does not exist.
    """
    pa = load_package("pyarrow", "verify_table")
    whole = _as_table(pa, table)
    whole = whole.drop_columns([name for name in _FOUND if name in whole.column_names])
    columns = {
        "name": "name_bytes" if "name_bytes" in whole.column_names else "name",
        **{name: name for name in ("algorithm", "digest")},
        **({} if root is not None else {"folder": "folder"}),
    }
    lacking = [name for name in columns.values() if name not in whole.column_names]
    if lacking:
        hint = "; or give root=" if lacking == ["folder"] else ""
        raise ValueError(f"the table has no column {' and '.join(lacking)}{hint}")
    columns |= {name: name for name in ("size", "optional") if name in whole.column_names}
    options = {
        "follow_outside": follow_outside,
        "min_strength": min_strength,
        "workers": workers,
        "io_depth": io_depth,
        "leave_cache": leave_cache,
        "filesystem": filesystem,
        "cancel": cancel,
    }
    top = None if root is None else os.fsencode(root)
    types = (pa.string(), pa.string(), pa.int64(), pa.string())
    found: list[list[Any]] = [[] for _ in _FOUND]
    for start in range(0, whole.num_rows, _BATCH_ROWS):
        part = whole.slice(start, _BATCH_ROWS)
        values = {key: part.column(name).to_pylist() for key, name in columns.items()}
        outcomes = _verify_rows(values, part.num_rows, top, options)
        for arrays, kind, column in zip(found, types, zip(*outcomes, strict=True), strict=True):
            arrays.append(pa.array(column, kind))
    for name, kind, arrays in zip(_FOUND, types, found, strict=True):
        whole = whole.append_column(name, pa.chunked_array(arrays, kind))
    return whole


def _as_table(pa: Any, table: Any) -> Any:
    if isinstance(table, pa.Table):
        return table
    if isinstance(table, pa.RecordBatch):
        return pa.Table.from_batches([table])
    if hasattr(table, "__arrow_c_stream__"):
        return pa.table(table)
    raise TypeError(
        f"table must be a table of pyarrow, or be convertible to one, not {table!r:.80}"
    )


_Outcome = tuple[str, "str | None", int, "str | None"]


def _verify_rows(
    values: Mapping[str, Sequence[Any]], count: int, top: bytes | None, options: Mapping[str, Any]
) -> list[_Outcome]:
    """Return the outcome of each of some rows."""
    outcomes: list[_Outcome | None] = [None] * count
    lines: dict[bytes, list[tuple[int, bytes]]] = {}
    for row in range(count):
        try:
            folder = top if top is not None else _bytes_of(values["folder"][row], "folder")
            line = _line(*(values[key][row] for key in ("name", "algorithm", "digest")))
        except ValueError as error:  # noqa: PERF203 - one of many rows
            outcomes[row] = (Status.UNREADABLE.value, None, 0, str(error))
        else:
            lines.setdefault(folder, []).append((row, line))
    for folder, listed in lines.items():
        for some in _cut(listed):
            _verify_lines(folder, some, values, options, outcomes)
    return [_known(outcome) for outcome in outcomes]


def _known(outcome: _Outcome | None) -> _Outcome:
    if outcome is None:
        raise EngineError("the engine lost a row")
    return outcome


def _bytes_of(value: Any, what: str) -> bytes:
    if not isinstance(value, (str, bytes)) or not value:
        hint = ": give root=, as names of its format start elsewhere" if what == "folder" else ""
        raise ValueError(f"the row has no {what}{hint}")
    return os.fsencode(value)


def _line(name: Any, algorithm: Any, digest: Any) -> bytes:
    """Return a row as a line of a manifest of GNU coreutils."""
    name = _bytes_of(name, "name")
    digest = _bytes_of(digest, "digest")
    algorithm = os.fsdecode(_bytes_of(algorithm, "algorithm"))
    if b"\0" in name or len(name) > _MAX_NAME:
        raise ValueError("no name of a file")
    if len(digest) % 2 or digest.strip(b"0123456789abcdefABCDEF"):
        raise ValueError("the digest is not hexadecimal")
    canonical = find(algorithm)
    if not fold(canonical).isalnum() or not canonical.isascii():  # which the line would be cut at
        raise ValueError(f"unknown algorithm {algorithm!r:.40}")
    return b"\\%s:%s  %s\n" % (canonical.encode(), digest.lower(), escape_name(name))


def _cut(lines: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    some: list[tuple[int, bytes]] = []
    size = 0
    for row, line in lines:
        some.append((row, line))
        size += len(line)
        if size >= _MAX_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def _verify_lines(
    folder: bytes,
    lines: Sequence[tuple[int, bytes]],
    values: Mapping[str, Sequence[Any]],
    options: Mapping[str, Any],
    outcomes: list[_Outcome | None],
) -> None:
    """Put the outcomes of some rows, whose names start from *folder*, into *outcomes*."""
    digests: dict[tuple[Any, Any], set[Any]] | None = None
    content = memoryview(b"".join(line for _, line in lines))
    for item in iter_verify(content, root=folder, format="gnu", **options):
        if isinstance(item, Extra) or not 0 < item.line <= len(lines):
            raise ManifestError(str(item))
        row = lines[item.line - 1][0]
        if isinstance(item, BadLine):
            detail = text_of(item.cause)
            if digests is None:
                digests = _digests(lines, values)
            if len(digests[values["name"][row], values["algorithm"][row]]) > 1:
                detail = "contradicts another row: another digest for the same file"
            outcomes[row] = (Status.UNREADABLE.value, None, 0, detail)
        else:
            size = values["size"][row] if "size" in values else None
            optional = values["optional"][row] if "optional" in values else False
            outcomes[row] = _outcome(item, size, optional=bool(optional))


def _digests(
    lines: Sequence[tuple[int, bytes]], values: Mapping[str, Sequence[Any]]
) -> dict[tuple[Any, Any], set[Any]]:
    """Return the digests of each name and algorithm."""
    found: dict[tuple[Any, Any], set[Any]] = {}
    for row, _ in lines:
        key = values["name"][row], values["algorithm"][row]
        found.setdefault(key, set()).add(values["digest"][row].lower())
    return found


def _outcome(result: Result, size: int | None, *, optional: bool) -> _Outcome:
    """Return a result by what the row says besides the digest."""
    status, detail = result.status, result.detail
    if status in {Status.VERIFIED, Status.MISMATCHED} and size is not None and size != result.size:
        status, detail = Status.MISMATCHED, f"{result.size} bytes, {size} listed"
    elif status is Status.MISSING and optional:
        status = Status.SKIPPED
    return status.value, result.found, result.size, text_of(detail)
