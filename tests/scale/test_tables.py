"""Entries as tables, and their verification row by row: what verify() finds, wherever it is cut."""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig import CancelledError, CancelToken, ManifestError, entries, verify

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.needs("module pyarrow")
GUIDE = Path(__file__).resolve().parent.parent.parent / "docs" / "guides" / "scale-out.md"
BASES = {"simplestreams": "../..", "dpkg": "."}
X = hashlib.sha256(b"x").hexdigest()


@pytest.fixture
def pa() -> Any:
    """Return the package."""
    return pytest.importorskip("pyarrow")


def rows_of(table: Any) -> list[tuple[Any, ...]]:
    """Return of each row what a report has, too."""
    return sorted(
        (os.fsdecode(r["name_bytes"]), r["algorithm"], r["digest"], r["status"], r["detail"] or "")
        for r in table.to_pylist()
    )


def test_the_corpus_has_equal_results(
    damaged_corpus: list[tuple[str, dict[str, Any], Path]],
) -> None:
    """Of every format, with a good file, a changed one, a longer one and a missing one."""
    elsewhere: set[str] = set()
    for slug, row, manifest in damaged_corpus:
        if set(row["options"]) - {"algorithm", "format", "ignore_text"}:
            continue
        table = checksig.entries_table(manifest, **row["options"])
        listed: list[Any] = list(entries(manifest, **row["options"]))
        names = [entry.name_bytes for entry in listed]
        assert table.column("name_bytes").to_pylist() == names, slug
        assert table.column("line").to_pylist() == [entry.line for entry in listed]
        assert table.column("size").to_pylist() == [entry.size for entry in listed]
        report = verify(manifest, check=False, **row["options"])
        if not report.entries:
            continue
        verified = checksig.verify_table(table)
        if table.column("folder").null_count:
            elsewhere.add(report.manifests[0].format)
            assert set(verified.column("status").to_pylist()) == {"unreadable"}
            assert all("give root=" in detail for detail in verified.column("detail").to_pylist())
            root = manifest.parent / BASES.get(report.manifests[0].format, "..")
            verified = checksig.verify_table(table, root)
        want = sorted(
            (r.algorithm, r.expected, str(r.status.value), r.detail or "") for r in report.results
        )
        assert sorted(row[1:] for row in rows_of(verified)) == want, slug
    assert len(elsewhere) > 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder of files named a, b and so on, each with an x in it."""
    names = [b"a", b"b", b"-", b" blank ", b"*star", b"#x"]
    if os.name != "nt":
        names += [b"new\nline", b"back\\slash", b"\\n", b"cr\r"]
    if sys.platform == "linux":
        names.append(b"\xff")
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    return tmp_path


def table_of(pa: Any, rows: list[tuple[Any, Any, Any]]) -> Any:
    """Return a table of names, algorithms and digests."""
    names, algorithms, digests = (list(column) for column in zip(*rows, strict=True))
    return pa.table(
        {"name_bytes": pa.array(names, pa.binary()), "algorithm": algorithms, "digest": digests}
    )


def test_names_are_exact(pa: Any, folder: Path) -> None:
    """Every name is that of one file."""
    names = sorted(os.fsencode(path.name) for path in folder.iterdir())
    found = checksig.verify_table(table_of(pa, [(name, "sha256", X) for name in names]), folder)
    assert found.column("status").to_pylist() == ["verified"] * len(names)
    assert found.column("bytes_read").to_pylist() == [1] * len(names)
    assert found.column("found").to_pylist() == [X] * len(names)


B256 = hashlib.blake2b(b"x", digest_size=32).hexdigest()


@pytest.mark.parametrize(
    ("row", "status", "detail"),
    [
        ((b"a", "SHA-256", X.upper()), "verified", None),
        ((b"a", "blake2b-256", B256), "verified", None),
        ((b"a", "blake2b", B256), "unreadable", "expected 128 hex digits"),
        ((b"a", "sha256", "0" * 64), "mismatched", None),
        ((b"a", "sha257", X), "unreadable", 'unknown algorithm "sha257"'),
        ((b"a", "md5", X), "unreadable", "expected 32 hex digits"),
        ((b"a", "sha256", X[:32]), "unreadable", "expected 64 hex digits"),
        ((b"a", "sha256", "zz"), "unreadable", "the digest is not hexadecimal"),
        ((b"a", "sha256", X + "\n"), "unreadable", "the digest is not hexadecimal"),
        ((b"a", "sha256:" + X + "  b\nsha256", X), "unreadable", "unknown algorithm"),
        ((None, "sha256", X), "unreadable", "the row has no name"),
        ((b"", "sha256", X), "unreadable", "the row has no name"),
        ((b"a", None, X), "unreadable", "the row has no algorithm"),
        ((b"a", "sha256", None), "unreadable", "the row has no digest"),
        ((b"nul\0", "sha256", X), "unreadable", "no name of a file"),
        ((b"a/" * 40000, "sha256", X), "unreadable", "no name of a file"),
        ((b"../a", "sha256", X), "unreadable", "leads outside"),
        ((b"/etc/hostname", "sha256", X), "unreadable", "leads outside"),
        ((b".", "sha256", X), "unreadable", "not a regular file"),
        ((b"gone", "sha256", X), "missing", ""),
    ],
)
def test_a_row(
    pa: Any, folder: Path, row: tuple[Any, Any, Any], status: str, detail: str | None
) -> None:
    """Nothing is verified that is not understood; other rows are not affected."""
    good = (b"b", "sha256", X)
    rows = checksig.verify_table(table_of(pa, [good, row, good]), folder).to_pylist()
    assert rows[1]["status"] == status
    assert (rows[1]["detail"] is None) if detail is None else (detail in rows[1]["detail"])
    assert [rows[0]["status"], rows[2]["status"]] == ["verified"] * 2


def test_sizes_optional_files_and_contradictions(pa: Any, folder: Path) -> None:
    """What a row says besides the digest counts too."""
    rows = [(b"a", "sha256", X), (b"a", "md5", hashlib.md5(b"x").hexdigest()), (b"c", "sha256", X)]
    table = table_of(pa, rows)
    table = table.append_column("size", pa.array([1, 2, None], pa.int64()))
    table = table.append_column("optional", pa.array([False, False, True]))
    found = checksig.verify_table(table, folder)
    assert found.column("status").to_pylist() == ["verified", "mismatched", "skipped"]
    assert found.column("detail")[1].as_py() == "1 bytes, 2 listed"
    table = table_of(pa, [(b"a", "sha256", X), (b"a", "sha256", "0" * 64)])
    found = checksig.verify_table(table, folder)
    assert "verified" not in found.column("status").to_pylist()[1:]
    assert "another row" in found.column("detail")[1].as_py()


def test_parts_can_be_verified_anywhere_and_again(folder: Path) -> None:
    """The parts of a table have the results of the whole; a table of results is one of entries."""
    checksig.create(folder, algorithm=["sha256", "md5"])
    (folder / "b").unlink()
    table = checksig.entries_table(folder)
    call: Callable[[Any], Any] = functools.partial(checksig.verify_table, workers=1)
    call = pickle.loads(pickle.dumps(call))  # noqa: S301 - it is ours
    whole = call(table)
    assert whole.column_names[: table.num_columns] == table.column_names
    parts = [call(table.slice(i, 3)).to_pylist() for i in range(0, table.num_rows, 3)]
    assert [row for part in parts for row in part] == whole.to_pylist()
    assert call(whole).equals(whole)
    assert call(table.slice(0, 0)).schema == whole.schema
    batches = table.to_batches()
    assert call(batches[0]).to_pylist() == whole.to_pylist()
    report = verify(folder, check=False)
    assert rows_of(whole) == sorted(
        (r.name, r.algorithm, r.expected, r.status.value, r.detail or "") for r in report.results
    )


def test_manifests_in_several_folders(tree: Callable[..., Path]) -> None:
    """Names start from the folder of their manifest, wherever the process is."""
    top = tree({"a": b"1", "sub/a": b"2"})
    for folder in (top, top / "sub"):
        checksig.create(folder / "a", output=folder / "SHA256SUMS", overwrite=True)
    table = checksig.entries_table(top, recursive=True)
    assert len(set(table.column("folder").to_pylist())) == 2
    assert checksig.verify_table(table).column("status").to_pylist() == ["verified"] * 2
    found = checksig.verify_table(table, top).column("status").to_pylist()
    assert sorted(found) == ["unreadable", "verified"]  # as they contradict each other


@pytest.mark.skipif(os.name == "nt", reason="file:// of fsspec has other paths there")
def test_remote_manifests(folder: Path) -> None:
    """Rows have the address of the folder; a file system of the caller has the same files."""
    fsspec: Any = pytest.importorskip("fsspec")
    (folder / "sub").mkdir()
    checksig.create([folder / "a", folder / "b"], output=folder / "SHA256SUMS", remember=False)
    table = checksig.entries_table(folder.as_uri() + "/SHA256SUMS")
    assert set(table.column("folder").to_pylist()) == {folder.as_uri().encode() + b"/"}
    (folder / "b").write_bytes(b"y")
    found = checksig.verify_table(table)
    assert found.column("status").to_pylist()[:2] == ["verified", "mismatched"]
    filesystem = fsspec.filesystem("dir", path=str(folder), target_protocol="file")
    table = checksig.entries_table("SHA256SUMS", filesystem=filesystem)
    assert checksig.verify_table(table, filesystem=filesystem).column("found") == found.column(
        "found"
    )
    archive = folder / "sub" / "a.zip"
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("a", "x")
        writer.writestr("SHA256SUMS", f"{X}  a\n")
    table = checksig.entries_table(f"zip://SHA256SUMS::{archive}")
    assert table.column("folder").to_pylist() == [None]
    found = checksig.verify_table(table, f"zip://::{archive}")
    assert found.column("status").to_pylist() == ["verified"]


def test_batches_of_entries(tmp_path: Path) -> None:
    """A reader reads no more than it is asked for, and raises at a bad line."""
    manifest = tmp_path / "SHA256SUMS"
    manifest.write_text("".join(f"{X}  {i}\n" for i in range(10)) + "bad\n")
    reader = checksig.entries_reader(manifest, batch_size=4)
    assert reader.read_next_batch().column("name").to_pylist() == ["0", "1", "2", "3"]
    assert reader.read_next_batch().num_rows == 4
    with pytest.raises(ManifestError, match="line 11"):
        reader.read_next_batch()
    checksig.entries_reader(manifest, batch_size=1).close()
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        checksig.entries_reader(manifest, batch_size=0)
    with pytest.raises(ManifestError):
        checksig.entries_table(manifest)


def test_wrong_calls(pa: Any, folder: Path) -> None:
    """An argument that is no table of entries is an error that says so."""
    table = table_of(pa, [(b"a", "sha256", X)])
    with pytest.raises(TypeError, match="must be a table of pyarrow"):
        checksig.verify_table([1], folder)
    with pytest.raises(ValueError, match="no column folder; or give root="):
        checksig.verify_table(table)
    with pytest.raises(ValueError, match="no column name and digest"):
        checksig.verify_table(table.select(["algorithm"]), folder)
    with pytest.raises(FileNotFoundError):
        checksig.verify_table(table, folder / "gone")
    with pytest.raises(ValueError, match="workers"):
        checksig.verify_table(table, folder, workers=0)
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        checksig.verify_table(table, folder, cancel=token)
    weak = checksig.verify_table(
        table_of(pa, [(b"a", "crc32", "0" * 8)]), folder, min_strength="sha256"
    )
    assert weak.column("detail").to_pylist() == ["crc32 is weaker than sha256"]


def test_the_guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first example about tables."""
    (tmp_path / "data").mkdir()
    for number in range(12):
        (tmp_path / "data" / f"{number}").write_bytes(b"%d" % number)
    checksig.create(tmp_path / "data")
    text = GUIDE.read_text(encoding="utf-8").partition("test_tables.py::test_the_guide -->")[2]
    monkeypatch.chdir(tmp_path)
    exec(text.partition("```python")[2].partition("```")[0], {})  # noqa: S102 - it is ours


@pytest.mark.parametrize("scheduler", ["SLURM_ARRAY_TASK_ID", "AWS_BATCH_JOB_ARRAY_INDEX"])
def test_job_arrays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheduler: str, capsys: Any
) -> None:
    """The guide's programs, with the variables of a scheduler, find whatever is wrong."""
    pytest.importorskip("pyarrow.parquet")
    text = GUIDE.read_text(encoding="utf-8").split(
        "test_tables.py::test_job_arrays -->\n```python\n"
    )
    shard, collect = (each.partition("```")[0] for each in text[1:])
    (tmp_path / "data").mkdir()
    (tmp_path / "results").mkdir()
    for number in range(10):
        (tmp_path / "data" / f"{number}").write_bytes(b"%d" % number)
    checksig.create(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID", raising=False)

    def run(*indices: int) -> None:
        variables = {"AWS_BATCH_JOB_ARRAY_SIZE": 4, "SLURM_ARRAY_TASK_COUNT": 4}
        first = int(scheduler.startswith("SLURM"))
        variables |= {"SLURM_ARRAY_TASK_MIN": first}
        for index in indices:
            for name, value in {**variables, scheduler: index + first}.items():
                monkeypatch.setenv(name, str(value))
            exec(shard, {})  # noqa: S102 - it is ours

    run(0, 1, 2)
    with pytest.raises(SystemExit, match="not those of all entries"):
        exec(collect, {})  # noqa: S102
    run(3, 0)  # one of them again
    exec(collect, {})  # noqa: S102
    (tmp_path / "data" / "7").write_bytes(b"8")
    run(0, 1, 2, 3)
    with pytest.raises(SystemExit, match="1"):
        exec(collect, {})  # noqa: S102
    assert capsys.readouterr().out == "7 mismatched \n"
    checksig.create(tmp_path / "data", overwrite=True)
    with pytest.raises(SystemExit, match="not those of all entries"):
        exec(collect, {})  # noqa: S102


@pytest.mark.parametrize("name", ["entries_reader", "entries_table", "verify_table"])
def test_without_pyarrow(monkeypatch: pytest.MonkeyPatch, name: str, tmp_path: Path) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=rf"{name}\(\) needs pyarrow.*pip install pyarrow"):
        getattr(checksig, name)(tmp_path)
