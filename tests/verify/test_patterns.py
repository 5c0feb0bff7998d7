"""Include, exclude and columns: what is left out of a verification, and counted."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checksig import VerificationError, entries, iter_verify, verify

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = subprocess.CompletedProcess[str]

pytestmark = pytest.mark.usefixtures("engine")

FILES = {
    "a.fq": b"a",
    "a.txt": b"t",
    "raw/b.fq": b"b",
    "raw/old/c.fq": b"c",
    "raw/old/c.txt": b"ct",
    "x y": b"x",
}


def digest(data: bytes) -> str:
    """Return the hexadecimal digest."""
    return hashlib.sha256(data).hexdigest()


def lines(*names: str) -> str:
    """Return a GNU manifest of some of FILES."""
    return "".join(f"{digest(FILES[name])}  {name}\n" for name in names or FILES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder of FILES with a manifest."""
    folder = tmp_path / "tree"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "SHA256SUMS").write_text(lines())
    return folder


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"include": ["*.fq"]}, {"a.fq", "raw/b.fq", "raw/old/c.fq"}),
        ({"include": ["/*.fq"]}, {"a.fq"}),
        ({"include": ["raw/*.fq"]}, {"raw/b.fq"}),
        ({"include": ["raw/**/*.fq"]}, {"raw/b.fq", "raw/old/c.fq"}),
        ({"include": ["raw/"]}, {"raw/b.fq", "raw/old/c.fq", "raw/old/c.txt"}),
        ({"include": ["old/", "a.*"]}, {"a.fq", "a.txt", "raw/old/c.fq", "raw/old/c.txt"}),
        ({"include": ["*.fq"], "exclude": ["old"]}, {"a.fq", "raw/b.fq"}),
        ({"exclude": ["*.fq", "*.txt"]}, {"x y"}),
        ({"exclude": [b"raw", "x?y"]}, {"a.fq", "a.txt"}),
        ({"exclude": ["[a-m]*"]}, {"x y"}),
        ({"exclude": ["A.*", "RAW/"]}, set(FILES)),
    ],
)
def test_what_is_verified(folder: Path, options: dict[str, Any], names: set[str]) -> None:
    """Others are neither opened nor reported, and counted."""
    for other in set(FILES) - names:
        (folder / other).write_bytes(b"tampered")
    report = verify(folder, **options)
    assert {result.name for result in report.results} == names
    assert (report.verified, report.entries) == (len(names), len(names))
    assert report.excluded == len(FILES) - len(names)
    assert report.to_dict()["excluded"] == report.excluded
    assert ("excluded" in report.summary()) is (report.excluded > 0)
    assert {item.name for item in iter_verify(folder, **options)} == names  # type: ignore[union-attr]


def test_failures_among_what_is_left(folder: Path) -> None:
    """They are failures as without patterns."""
    (folder / "a.fq").write_bytes(b"tampered")
    with pytest.raises(VerificationError) as caught:
        verify(folder, include=["*.fq"])
    report = caught.value.report
    assert (report.mismatched, report.verified, report.excluded) == (1, 2, 3)
    assert report.summary() == "3 entries: 2 verified, 1 mismatched, 3 entries excluded"


def test_nothing_left_is_an_error(folder: Path, run: Callable[..., Run]) -> None:
    """Never OK: exit code 2, and an exception that says how much was left out."""
    cases: list[dict[str, Any]] = [
        {"exclude": ["*"]},
        {"include": ["none"]},
        {"include": ["*.fq"], "exclude": ["*.fq"]},
        {"include": ["*.fq"], "extra": "report"},
        {"only": folder / "a.txt", "include": ["*.fq"]},
    ]
    for options in cases:
        if "extra" in options:
            (folder / "SHA256SUMS").write_text(lines("a.txt"))
        with pytest.raises(ValueError, match="nothing is left to verify"):
            verify(folder, check=False, **options)
        with pytest.raises(ValueError, match="nothing is left to verify"):
            list(iter_verify(folder, **options))
        (folder / "SHA256SUMS").write_text(lines())
    done = run(folder, "--exclude", "*")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "checksig: nothing is left to verify: the patterns or columns exclude all 6 entries\n"
    )
    document = json.loads(run(folder, "--exclude", "*", "--json").stdout)
    assert (document["ok"], document["reports"]) == (False, [])
    # Bad lines stay failures, whatever is left out.
    (folder / "SHA256SUMS").write_text("bad\n" + lines())
    report = verify(folder, exclude=["*"], check=False)
    assert (report.ok, report.bad_line_count, report.entries) == (False, 1, 0)
    assert run(folder, "--exclude", "*").returncode == 1


def test_unlisted_files(folder: Path) -> None:
    """Patterns choose among these too; a note counts what they leave out."""
    for name in ("new.fq", "new.txt", "raw/old/new.fq"):
        (folder / name).write_bytes(b"n")
    (folder / "tmp" / "deep").mkdir(parents=True)
    (folder / "tmp" / "deep" / "x").write_bytes(b"n")

    def unlisted(**options: Any) -> list[str]:
        report = verify(folder, extra="report", **options)
        return [os.path.relpath(extra.path, folder) for extra in report.unlisted]

    assert unlisted(exclude=["tmp/", "*.txt"]) == ["new.fq", os.path.join("raw", "old", "new.fq")]
    assert unlisted(include=["*.fq"], exclude=["/raw/"]) == ["new.fq"]
    report = verify(folder, extra="fail", exclude=["tmp/", "new.*"])
    assert report.ok
    (note,) = [n for n in report.manifests[0].notes if "not listed" in n]
    assert note == "patterns exclude files and folders that are not listed: 4"
    assert not verify(folder, extra="fail", exclude=["tmp/"], check=False).ok


def test_where_patterns_start(folder: Path, tmp_path: Path) -> None:
    """At the folder that was named, at root, or where the manifest's names start."""
    (folder / "SHA256SUMS").unlink()
    (folder / "raw" / "SHA256SUMS").write_text(lines("raw/b.fq").replace("raw/", ""))
    (folder / "raw" / "old" / "MD5SUMS").write_text("bad\n")
    (folder / "SHA256SUMS").write_text(lines("a.fq"))
    report = verify(folder, recursive=True, include=["/raw/*"], exclude=["old/"])
    assert [result.name for result in report.results] == ["b.fq"]
    assert report.excluded == 1
    notes = [note for manifest in report.manifests for note in manifest.notes]
    assert notes == ["patterns exclude folders in which manifests were not looked for: 1"]
    assert verify(folder / "raw" / "SHA256SUMS", include=["/b.fq"]).verified == 1
    (tmp_path / "SUMS").write_text(lines())
    assert verify(tmp_path / "SUMS", root=folder, include=["/raw/old/"]).verified == 2
    (tmp_path / "sums").mkdir()
    above = "".join(f"{digest(FILES[n])}  ../tree/{n}\n" for n in ("a.fq", "raw/b.fq"))
    (tmp_path / "sums" / "SUMS").write_text(above)
    report = verify(
        tmp_path / "sums" / "SUMS", follow_outside=True, include=["tree/raw/**", "b.fq"]
    )
    assert (report.verified, report.excluded) == (1, 1)


def test_names_that_only_the_system_can_resolve(folder: Path) -> None:
    """A name with .. in its middle is never left out; backslashes may be separators."""
    text = f"{digest(b'a')}  raw/../a.fq\n" + lines("a.txt")
    (folder / "SHA256SUMS").write_text(text)
    assert verify(folder, exclude=["*.fq", "raw"]).verified == 2
    (folder / "SHA256SUMS").write_text(lines("raw/b.fq").replace("/", "\\") + lines("a.txt"))
    assert verify(folder, include=["raw/*"]).verified == 1
    assert verify(folder, exclude=["raw/"]).verified == 1


@pytest.mark.skipif(os.name != "posix", reason="such names need POSIX")
def test_names_are_bytes(folder: Path) -> None:
    """A pattern is bytes as well; a byte that is no character is one."""
    name = b"\xff.fq"
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"z")
    with (folder / "SHA256SUMS").open("ab") as file:
        file.write(digest(b"z").encode() + b"  " + name + b"\n")
    for pattern in (b"\xff*", os.fsdecode(b"\xff.fq"), "[!a-z].fq"):
        report = verify(folder, include=[pattern])
        assert [result.name for result in report.results] == [os.fsdecode(name)]


def test_a_bag_stays_a_bag(tmp_path: Path) -> None:
    """Its rules are checked in any case; only digests of what is left out are not."""
    bag = tmp_path / "bag"
    (bag / "data").mkdir(parents=True)
    (bag / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    listed = ""
    for name in ("a.fq", "b.txt"):
        (bag / "data" / name).write_bytes(name.encode())
        listed += f"{digest(name.encode())}  data/{name}\n"
    (bag / "manifest-sha256.txt").write_text(listed)
    (bag / "data" / "b.txt").write_bytes(b"tampered")
    report = verify(bag, exclude=["*.txt"])
    assert (report.verified, report.excluded) == (1, 1)
    (bag / "data" / "more.txt").write_bytes(b"m")
    assert not verify(bag, exclude=["*.txt"], check=False).ok


def test_the_command(folder: Path, run: Callable[..., Run], tmp_path: Path) -> None:
    """Patterns come from options and files; the summary counts what they leave out."""
    done = run(folder, "--include", "*.fq", "--include", "*.txt", "--exclude", "old")
    assert done.returncode == 0
    assert "3 entries: 3 verified, 3 entries excluded" in done.stdout
    patterns = tmp_path / "patterns"
    patterns.write_bytes(b"# comment\r\n\r\n*.txt\t \nraw/\nx\\ \n\\#x\n")
    done = run(folder, "--exclude-from", patterns, "--exclude", "x y")
    assert "1 entry: 1 verified, 5 entries excluded" in done.stdout
    (folder / "a ").write_bytes(b"a")
    (folder / "SHA256SUMS").write_text(lines("a.fq") + f"{digest(b'a')}  a \n")
    patterns.write_bytes(b"a\\ \n")
    assert "1 verified, 1 entry excluded" in run(folder, "--exclude-from", patterns).stdout
    done = run(folder, "--exclude-from", tmp_path / "none")
    assert done.returncode == 2
    assert "argument --exclude-from: " in done.stderr
    done = run(folder, "--exclude", "!x")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith('checksig: exclude: "!x": ')


ENA = {"fastq_1": b"f1", "fastq_2": b"f2", "sub.bam": b"s", "run.sra": b"r"}


@pytest.fixture
def ena(tmp_path: Path) -> Path:
    """Make a file report of ENA with three groups of columns, and its files."""
    for name, content in ENA.items():
        (tmp_path / name).write_bytes(content)

    def md5(name: str) -> str:
        return hashlib.md5(ENA[name]).hexdigest()

    head = ["run_accession"]
    head += [
        f"{group}_{what}" for group in ("fastq", "submitted", "sra") for what in ("ftp", "md5")
    ]
    row = ["R1", "ftp/fastq_1;ftp/fastq_2", f"{md5('fastq_1')};{md5('fastq_2')}"]
    row += ["ftp/sub.bam", md5("sub.bam"), "", ""]
    other = ["R2", "", "", "", "", "ftp/run.sra", md5("run.sra")]
    path = tmp_path / "filereport.tsv"
    path.write_text("".join("\t".join(each) + "\n" for each in (head, row, other)))
    return path


def test_columns_of_ena(ena: Path, run: Callable[..., Run]) -> None:
    """Only the groups that are asked for are verified; the rest is counted."""
    assert verify(ena).verified == 4
    for columns, names in (
        ("fastq", {"fastq_1", "fastq_2"}),
        (["submitted"], {"sub.bam"}),
        (["fastq", "sra"], {"fastq_1", "fastq_2", "run.sra"}),
        ("submitted,sra", {"sub.bam", "run.sra"}),
    ):
        kept = [ena.parent / name for name in ENA if name not in names]
        for path in kept:
            path.rename(path.with_suffix(".away"))
        report = verify(ena, columns=columns)
        assert {os.path.basename(result.path) for result in report.results} == names
        assert (report.verified, report.excluded) == (len(names), len(ENA) - len(names))
        for path in kept:
            path.with_suffix(".away").rename(path)
    (ena.parent / "fastq_1").write_bytes(b"tampered")
    assert not verify(ena, columns="fastq", check=False).ok
    assert verify(ena, columns="sra").excluded == 3
    done = run(ena, "--columns", "submitted", "--columns", "sra")
    assert (done.returncode, "2 verified, 2 entries excluded" in done.stdout) == (0, True)


def test_entries_and_copies_of_columns(ena: Path, run: Callable[..., Run]) -> None:
    """Only the groups that are asked for are listed, or written."""
    assert [entry.name for entry in entries(ena, columns=["submitted", "sra"])] == [
        "sub.bam",
        "run.sra",
    ]
    done = run("convert", ena, "--to", "bsd", "--columns", "sra")
    assert (done.returncode, done.stdout.count("MD5 (")) == (0, 1)
    assert "MD5 (run.sra) = " in done.stdout


def test_columns_that_are_not_there(ena: Path, run: Callable[..., Run]) -> None:
    """A group that the report lacks is wrong usage; one without files leaves nothing."""
    there = 'filereport.tsv: no columns "bam"; there are: fastq, submitted, sra'
    with pytest.raises(ValueError, match=there):
        verify(ena, columns=["fastq", "bam"], check=False)
    with pytest.raises(ValueError, match=there):
        list(entries(ena, columns="bam", check=False))
    with pytest.raises(ValueError, match='no columns "fastqs"; did you mean "fastq"\\?'):
        verify(ena, columns="fastqs")
    done = run(ena, "--columns", "bam")
    assert (done.returncode, there in done.stderr) == (2, True)
    assert there.partition(": ")[2] in run("convert", ena, "--to", "bsd", "--columns", "bam").stderr
    text = ena.read_text().splitlines()
    ena.write_text("\n".join(text[:2]) + "\n")  # the row has no sra
    with pytest.raises(ValueError, match="nothing is left to verify"):
        verify(ena, columns="sra")
