"""Verification in parts: the state file, and the options that choose entries."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

import checksig
from checksig import Report, StateError, Status, averify, iter_verify, verify
from checksig._part import Part

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT, SIZE = 10, 1000


def make(folder: Path, names: range = range(COUNT), *, bad: frozenset[int] = frozenset()) -> Path:
    """Make a folder of files and their manifest, in which those in *bad* have a wrong digest."""
    folder.mkdir()
    lines: list[str] = []
    for i in names:
        content = bytes([i % 256]) * SIZE
        (folder / f"f{i}").write_bytes(content)
        listed = hashlib.sha256(content + b"x" * (i in bad)).hexdigest()
        lines.append(f"{listed}  f{i}\n")
    (folder / "SHA256SUMS").write_text("".join(lines))
    settle()
    return folder


def settle() -> None:
    """Let files become old enough that a later change would change their times."""
    time.sleep(0.1)


def counts(report: Report) -> tuple[int, int, int]:
    """Return how many entries were verified, verified before, and not verified."""
    return report.verified, report.verified_before, report.not_verified


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return the path of a state file."""
    return tmp_path / "state.db"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of ten files of 1,000 bytes, and their manifest."""
    return make(tmp_path / "data")


def test_max_age(folder: Path, state: Path, engine: str) -> None:
    """What was verified within the time is not read again; without the option, all is."""
    assert engine
    assert counts(verify(folder, state=state)) == (10, 0, 0)
    report = verify(folder, state=state, max_age="30d")
    assert counts(report) == (0, 10, 0)
    assert report.ok
    assert report.complete
    assert report.bytes_read == 0
    assert report.summary() == "10 entries: 0 verified in this run, 10 within 30 days before"
    assert {result.status for result in report.results} == {Status.VERIFIED_BEFORE}
    assert counts(verify(folder, state=state, max_age=1e-9)) == (10, 0, 0)
    assert counts(verify(folder, state=state)) == (10, 0, 0)


def test_resume(folder: Path, state: Path) -> None:
    """Each run goes on, the last one completes the pass, and the next one begins anew."""
    runs: list[dict[str, Any]] = [
        {"max_bytes": "4kB"},
        {"max_bytes": 4000, "resume": True},
        {"resume": True},
        {"max_bytes": "1.5kB", "resume": True},
    ]
    found = [counts(verify(folder, state=state, **options)) for options in runs]
    assert found == [(4, 0, 6), (4, 4, 2), (2, 8, 0), (1, 0, 9)]


def test_the_oldest_come_first(folder: Path, state: Path) -> None:
    """With max_bytes, each entry has its turn."""
    seen: list[set[str]] = []
    for _ in range(4):
        report = verify(folder, state=state, max_bytes="5kB")
        seen.append({r.name for r in report.results if r.status is Status.VERIFIED})
        assert report.ok
        assert not report.complete
        assert report.verdict == "OK IN PART"
    assert seen[0] | seen[1] == {f"f{i}" for i in range(10)}
    assert seen[2] == seen[0]
    assert seen[3] == seen[1]


def test_a_file_larger_than_max_bytes_has_its_turn(folder: Path, state: Path) -> None:
    """At least one file is verified."""
    assert counts(verify(folder, state=state, max_bytes="1B")) == (1, 0, 9)


def test_max_time(huge: Path, state: Path) -> None:
    """What takes too long is left, and the verification is ok for the rest."""
    small = b"small"
    (huge / "small").write_bytes(small)
    with (huge / "SHA256SUMS").open("a") as file:
        file.write(f"{hashlib.sha256(small).hexdigest()}  small\n")
    for seconds in (1, 4, 16):  # enough for the small one, on a busy machine too
        report = verify(huge, state=state, max_time=seconds, check=False)
        if report.verified:
            break
    assert report.not_verified == 1
    assert report.verified == 1
    assert report.ok
    assert report.summary().endswith("1 verified in this run, 1 not verified")


def test_nothing_verified_is_a_failure(huge: Path, state: Path) -> None:
    """A run that had no time for anything proves nothing."""
    report = verify(huge, state=state, max_time="0.001s", check=False)
    assert not report.ok
    assert [bad.cause for bad in report.bad_lines] == ["no file was verified"]


def test_sample(folder: Path) -> None:
    """A sample needs no state, has at least one entry, and can be repeated."""
    reports = [verify(folder, sample=sample) for sample in ("25%@7", "25%@7", 0.25, "0.1%", "100%")]
    assert [counts(report) for report in reports] == [
        (3, 0, 7),
        (3, 0, 7),
        (3, 0, 7),
        (1, 0, 9),
        (10, 0, 0),
    ]
    chosen = [{r.name for r in each.results if r.status is Status.VERIFIED} for each in reports]
    assert chosen[0] == chosen[1]
    assert reports[0].sample_seed == 7
    assert f"random sample with seed {reports[2].sample_seed}" in reports[2].notes[0]
    again = verify(folder, sample=f"25%@{reports[2].sample_seed}")
    assert {r.name for r in again.results if r.status is Status.VERIFIED} == chosen[2]


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda path: path.write_bytes(b"y" * SIZE),
    "size": lambda path: path.write_bytes(b"y" * (SIZE + 1)),
    "missing": lambda path: path.unlink(),
    "link": lambda path: subprocess.run(["ln", "-sf", "/etc/passwd", path], check=True),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "limits", [{"max_age": "30d"}, {"max_bytes": 1, "max_age": "30d"}], ids=str
)
def test_a_changed_file_is_verified_again(
    folder: Path, state: Path, change: str, limits: dict[str, Any]
) -> None:
    """Also if its size and modification time are as before: the status change time is not."""
    verify(folder, state=state)
    path = folder / "f3"
    before = path.stat()
    CHANGES[change](path)
    if change == "content":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    report = verify(folder, state=state, check=False, **limits)
    assert [result.name for result in report.failures] == ["f3"]
    assert report.verified_before == 9
    assert not report.ok


def test_another_digest_is_another_entry(folder: Path, state: Path) -> None:
    """What was verified is the digest that was listed then."""
    verify(folder, state=state)
    manifest = folder / "SHA256SUMS"
    first, *others = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(["0" + first[1:], *others]))
    report = verify(folder, state=state, max_age="30d", check=False)
    assert (report.mismatched, *counts(report)) == (1, 0, 9, 0)


def test_folders_and_manifests_do_not_collide(folder: Path, state: Path, tmp_path: Path) -> None:
    """A moved folder, one in its place, and another manifest of the same files are verified."""
    verify(folder, state=state)
    shutil.copy(folder / "SHA256SUMS", folder / "other.sha256")
    assert counts(verify(folder / "other.sha256", state=state, max_age="30d")) == (10, 0, 0)
    (folder / "other.sha256").unlink()
    moved = folder.rename(tmp_path / "moved")
    make(folder, bad=frozenset([1]))
    report = verify(folder, state=state, max_age="30d", check=False)
    assert (report.mismatched, *counts(report)) == (1, 9, 0, 0)
    assert counts(verify(moved, state=state, max_age="30d")) == (10, 0, 0)
    assert counts(verify(moved, root=folder, state=state, max_age="30d", check=False))[1] == 0


def test_a_failure_is_never_verified_before(tmp_path: Path, state: Path) -> None:
    """Nor does what was verified hide it."""
    folder = make(tmp_path / "data", bad=frozenset([2, 5]))
    for _ in range(2):
        report = verify(folder, state=state, max_age="30d", check=False)
        assert [result.name for result in report.failures] == ["f2", "f5"]
        assert not report.ok


def test_a_part_hides_no_fault(folder: Path, state: Path) -> None:
    """Bad lines, missing files, unlisted files and wrong sizes are found whatever is chosen."""
    verify(folder, state=state)
    (folder / "extra").write_bytes(b"")
    (folder / "f9").unlink()
    with (folder / "SHA256SUMS").open("a") as file:
        file.write("what?\n" + "0" * 64 + "  ../outside\n")
    report = verify(folder, state=state, max_age="30d", extra="fail", check=False)
    assert [(r.name, r.status, r.reason) for r in report.failures] == [
        ("f9", Status.MISSING, None),
        ("../outside", Status.UNREADABLE, "refused"),
    ]
    assert report.bad_line_count == 1
    assert [Path(extra.path).name for extra in report.unlisted] == ["extra"]
    assert counts(report) == (0, 9, 0)


def test_several_manifests(folder: Path, state: Path) -> None:
    """Entries keep their places, whatever the number of manifests."""
    for i in range(12):
        make(folder / f"sub{i}", range(i, i + 3))
    assert counts(verify(folder, recursive=True, state=state)) == (46, 0, 0)
    (folder / "sub7" / "f8").write_bytes(b"z" * SIZE)
    report = verify(folder, recursive=True, state=state, max_age="1d", check=False)
    assert [result.path for result in report.failures] == [str(folder / "sub7" / "f8")]
    assert counts(report) == (0, 45, 0)


def test_a_fresh_file_may_change_unnoticed(folder: Path, state: Path) -> None:
    """A file that changed just before it was read is not believed to be unchanged."""
    (folder / "f0").write_bytes(bytes(SIZE))
    verify(folder, state=state)
    assert counts(verify(folder, state=state, max_age="1d"))[1] >= 9


def test_iter_verify_and_averify(folder: Path, state: Path) -> None:
    """They take the options, too, and record what they verify."""
    found = list(iter_verify(folder, state=state, max_bytes="3kB"))
    assert sorted(str(item.status) for item in found if isinstance(item, checksig.Result)) == [
        *["not verified"] * 7,
        *["verified"] * 3,
    ]
    report = asyncio.run(averify(folder, state=state, resume=True))
    assert counts(report) == (7, 3, 0)
    report = asyncio.run(averify(folder, state=state, max_age="1d", keep_verified=False))
    assert counts(report) == (0, 10, 0)


def test_a_closed_generator_has_recorded(folder: Path, state: Path) -> None:
    """What came before the end is in the state."""
    items = iter_verify(folder, state=state)
    next(items)
    items.close()
    assert counts(verify(folder, state=state, resume=True))[1] > 0


def test_a_manifest_that_changes_meanwhile(
    folder: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entries are those of the plan, or the result is not ok."""
    verify(folder, state=state)
    begin = Part.begin
    manifest = folder / "SHA256SUMS"
    lines = manifest.read_text().splitlines(keepends=True)

    later: list[str] = []

    def change(part: Part, cancel: Any) -> Any:
        fields = begin(part, cancel)
        manifest.write_text("".join(later))
        return fields

    monkeypatch.setattr(Part, "begin", change)
    for changed in (lines[1:], [*lines, lines[0]], ["0" + lines[0][1:], *lines[1:]], lines[::-1]):
        manifest.write_text("".join(lines))
        later[:] = changed
        report = verify(folder, state=state, max_age="1d", check=False)
        assert not report.ok
        assert any("changed since this run began" in bad.cause for bad in report.bad_lines)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"resume": True}, "resume needs a state file"),
    ({"max_age": "1d"}, "max_age needs a state file"),
    ({"state": "s", "max_age": "1x"}, "unknown unit 'x'"),
    ({"state": "s", "max_age": "30"}, "no unit"),
    ({"state": "s", "max_age": "-1d"}, "must be positive"),
    ({"state": "s", "max_age": 0}, "must be positive"),
    ({"state": "s", "max_age": "nand"}, "max_age must be"),
    ({"state": "s", "max_time": "1e999h"}, "must be positive, and not too large"),
    ({"state": "s", "max_bytes": "1 K"}, "unknown unit 'K'"),
    ({"state": "s", "max_bytes": "xTB"}, "max_bytes must be a size such as"),
    ({"state": "s", "max_bytes": -1}, "must be positive"),
    ({"sample": "5"}, "no unit"),
    ({"sample": "101%"}, "at most 100%"),
    ({"sample": "0%"}, "must be positive"),
    ({"sample": "5%@x"}, "to repeat a sample"),
    ({"state": "s", "sample": "5%", "resume": True}, "exclude each other"),
    ({"state": ""}, "state must not be empty"),
]


@pytest.mark.parametrize(("options", "message"), WRONG, ids=str)
def test_wrong_values(folder: Path, options: dict[str, Any], message: str) -> None:
    """Each is a ValueError that says what is wrong."""
    with pytest.raises(ValueError, match=message):
        verify(folder, **options)


def test_wrong_types(folder: Path) -> None:
    """A content has no path, and a number is no list."""
    with pytest.raises(ValueError, match="has a path"):
        verify(bytearray(b""), sample="5%")
    with pytest.raises(TypeError, match="max_age must be a str or a number"):
        verify(folder, state="s", max_age=[])  # type: ignore[arg-type]


def foreign(path: Path) -> None:
    """Make a database of another program."""
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE entries (a)")
    database.close()


def damaged(path: Path) -> None:
    """Damage the pages of a state file."""
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(b ^ 0x55 for b in data[4096:])
    path.write_bytes(data)


def newer(path: Path) -> None:
    """Make the state file one of a later version."""
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


def text(path: Path) -> None:
    """Write a text."""
    path.write_text("dear diary, " * 1000)


def cut(path: Path) -> None:
    """Cut the end of a state file off."""
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("spoil", [foreign, damaged, newer, text, cut])
def test_a_file_that_is_no_state_is_left_alone(
    folder: Path, state: Path, spoil: Callable[[Path], object], run: Callable[..., Any]
) -> None:
    """It is refused with its name, and not changed."""
    if spoil is not foreign:
        verify(folder, state=state)
    spoil(state)
    before = state.read_bytes()
    with pytest.raises(StateError, match=r"state\.db"):
        verify(folder, state=state)
    done = run("--state", state, folder)
    assert done.returncode == 2
    assert "state.db" in done.stderr
    assert spoil not in {text, foreign} or "delete" not in done.stderr
    assert state.read_bytes() == before


def test_two_runs_at_once(folder: Path, state: Path, command: list[str]) -> None:
    """Both end well, and the state has each entry once."""
    for i in range(4):
        make(folder / f"sub{i}", range(100))
    arguments = [*command, "-r", "--state", str(state), str(folder)]
    runs = [subprocess.Popen(arguments, stdout=subprocess.PIPE) for _ in range(3)]
    outputs = [each.communicate(timeout=60)[0] for each in runs]
    assert [each.returncode for each in runs] == [0, 0, 0], outputs
    with sqlite3.connect(state) as database:
        rows = database.execute("SELECT count(*), count(DISTINCT key), min(result) FROM entries")
        assert rows.fetchone() == (410, 410, "verified")
    database.close()
    assert counts(verify(folder, recursive=True, state=state, max_age="1d")) == (0, 410, 0)


KILLED = """
import sys, checksig._part
checksig._part._ROWS = 20  # more transactions
import checksig
checksig.verify(sys.argv[1], state=sys.argv[2], resume=True, check=False)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_killed_at_any_point(tmp_path: Path, state: Path) -> None:
    """Nothing is recorded as verified that was not; and the next run goes on."""
    bad = frozenset(range(0, 3000, 7))
    folder = make(tmp_path / "data", range(3000), bad=bad)
    seed = random.randrange(2**32)
    generator = random.Random(seed)
    killed = 0
    for _ in range(40):
        run = subprocess.Popen([sys.executable, "-c", KILLED, folder, state])
        try:
            run.wait(generator.uniform(0.02, 0.7))
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
            run.wait()
            killed += 1
        if not state.exists() or not state.stat().st_size:
            continue
        with sqlite3.connect(state) as database:
            try:
                rows = database.execute("SELECT name, result, digest FROM entries").fetchall()
            except sqlite3.OperationalError:
                rows = []  # killed before the tables were made
        database.close()
        for name, result, digest in rows:
            number = int(name[1:])
            assert result == ("mismatched" if number in bad else "verified"), seed
            content = (folder / name.decode()).read_bytes() + b"x" * (number in bad)
            assert hashlib.sha256(content).digest() == digest, seed
    report = verify(folder, state=state, resume=True, check=False)
    assert killed
    assert report.mismatched == len(bad)
    assert report.verified + report.verified_before == 3000 - len(bad)
    assert report.not_verified == 0


def test_the_outputs(folder: Path, state: Path, run: Callable[..., Any], tmp_path: Path) -> None:
    """Each kind of output tells what was not verified."""
    verify(folder, state=state, max_bytes="2kB")
    arguments = ["--state", state, "--max-age", "2d", "--max-bytes", "3kB"]
    arguments += ["--junit", "r.xml", "--csv", "r.csv", "--html", "r.html", folder]
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    summary = "10 entries: 3 verified in this run, 2 within 2 days before, 5 not verified"
    assert f"OK IN PART  {folder}: {summary}" in done.stdout
    suite = ET.parse(tmp_path / "r.xml").getroot()
    assert (suite.get("skipped"), suite.get("failures")) == ("1", "0")
    assert summary in (tmp_path / "r.xml").read_text()
    with (tmp_path / "r.csv").open(newline="") as file:
        states = sorted(row["status"] for row in csv.DictReader(file) if row["status"])
    assert states == [*["not verified"] * 5, *["verified"] * 3, *["verified before"] * 2]
    assert "OK IN PART" in (tmp_path / "r.html").read_text("utf-8")
    document = json.loads(run("--json", *arguments[:4], "--max-bytes", "4kB", folder).stdout)
    (report,) = document["reports"]
    assert [report[key] for key in ("ok", "complete", "verified", "verified_before")] == [
        True,
        False,
        4,
        5,
    ]
    assert (report["not_verified"], report["window"]) == (1, "within 2 days before")
    lines = run("-v", *arguments[:4], "--max-bytes", "1B", folder).stdout.splitlines()
    assert sum(line.startswith("VERIFIED BEFORE") for line in lines) == 9


def test_the_command_refuses_what_makes_no_sense(folder: Path, run: Callable[..., Any]) -> None:
    """Limits are for one path, and a digest has no state."""
    done = run("--sample", "5%", folder, folder / "SHA256SUMS")
    assert (done.returncode, "--sample is for a single PATH" in done.stderr) == (2, True)
    done = run("--state", "s", folder / "f1", "0" * 64)
    assert (done.returncode, "--state is for manifests" in done.stderr) == (2, True)
