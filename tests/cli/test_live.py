"""What is printed while the command works, and when it is interrupted."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.resources
import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

pytestmark = pytest.mark.usefixtures("engine")
posix = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")

Run = subprocess.CompletedProcess[str]

SMALL = hashlib.sha512(b"small").hexdigest()


@pytest.fixture
def endless(huge: Path) -> Path:
    """Make a folder with one file that mismatches, one that is fine, and one that takes minutes."""
    (huge / "bad").write_bytes(b"small")
    (huge / "good").write_bytes(b"small")
    with (huge / "SHA512SUMS").open("a") as manifest:
        manifest.write(f"{'0' * 128}  bad\n{SMALL}  good\n")
    return huge


class Started:
    """A command whose output is read while it runs."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self.process = process
        self._descriptor = descriptor
        self.seen = b""

    def until(self, text: str) -> None:
        """Read what it prints up to *text*."""
        deadline = time.monotonic() + 300  # only so that a failing test ends
        while text.encode() not in self.seen and time.monotonic() < deadline:
            with contextlib.suppress(OSError):  # the end of a pseudo-terminal
                some = os.read(self._descriptor, 4096)
                self.seen += some
                if some:
                    continue
            break
        assert text.encode() in self.seen, self.seen

    def end(self) -> tuple[int, str]:
        """Read the rest, and return the exit code and everything that was printed."""
        with contextlib.suppress(OSError):
            while some := os.read(self._descriptor, 4096):
                self.seen += some
        return self.process.wait(60), self.seen.decode()


@pytest.fixture
def start(command: list[str], tmp_path: Path) -> Generator[Callable[..., Started]]:
    """Start the command; *terminal* names the streams that are one, of which the test reads."""
    with contextlib.ExitStack() as stack:

        def start(*words: object, terminal: str = "", output: Path | None = None) -> Started:
            pipes = os.pipe()
            if terminal:
                import pty

                pipes = pty.openpty()
            ours, theirs = pipes
            stack.callback(os.close, ours)
            err = theirs if "err" in terminal else subprocess.PIPE
            with contextlib.ExitStack() as opened:
                out: Any = theirs if output is None else opened.enter_context(output.open("wb"))
                process = subprocess.Popen(
                    [*command, *map(str, words)],
                    stdout=out,
                    stderr=err,
                    cwd=tmp_path,
                    env={**os.environ, "TERM": "xterm"},
                )
            os.close(theirs)
            stack.callback(process.wait)
            stack.callback(process.kill)
            if process.stderr is not None:
                stack.callback(process.stderr.close)
            return Started(process, ours)

        yield start


# --- at once


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_failures_appear_at_once_and_what_was_found_after_a_signal(
    start: Callable[..., Started], endless: Path, tmp_path: Path, number: int, code: int
) -> None:
    """A failure is printed while another file is read; a signal ends with the counts."""
    child = start("-j", 3, endless, "--junit", "report.xml")
    child.until("MISMATCHED  ")
    assert child.process.poll() is None
    child.process.send_signal(number)
    found, out = child.end()
    assert found == code
    lines = out.splitlines()
    assert lines[0] == f"MISMATCHED  {endless / 'bad'}"
    assert lines[-1].startswith(f"FAILED      {endless}: ")
    assert ", 1 mismatched, interrupted (" in lines[-1]
    assert child.process.stderr is not None
    assert child.process.stderr.read() == b"checksig: interrupted\n"
    document = ET.parse(tmp_path / "report.xml").getroot()
    assert {case.get("name") for case in document.iter("testcase") if len(case)} >= {"bad"}
    assert [error.get("type") for error in document.iter("error")] == ["interrupted"]


@posix
def test_json_after_a_signal(
    start: Callable[..., Started], endless: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    """The document is whole, has what was found, and says so; the bar is on standard error."""
    needs("module jsonschema")
    output = tmp_path / "document.json"
    child = start("-j", 3, "--json", endless, terminal="err", output=output)
    child.until("2/3 files")
    child.process.send_signal(signal.SIGTERM)
    assert child.end()[0] == 143
    document = json.loads(output.read_text())
    schema = importlib.resources.files("checksig") / "schema" / "report.v1.json"
    validate = importlib.import_module("jsonschema").validate
    validate(document, json.loads(schema.read_text("utf-8")))
    assert (document["ok"], document["interrupted"]) == (False, True)
    (report,) = document["reports"]
    assert (report["ok"], report["interrupted"]) == (False, True)
    assert (report["entries"], report["verified"], report["mismatched"]) == (2, 1, 1)
    assert [failure["name"] for failure in report["failures"]] == ["bad"]


@posix
def test_paths_that_were_not_begun(
    start: Callable[..., Started], endless: Path, tmp_path: Path
) -> None:
    """After an interrupt, each is an error; those that were begun have reports."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "SHA512SUMS").write_text(f"{SMALL}  a\n")
    output = tmp_path / "document.json"
    for workers in (1, 4):
        words = ("-j", workers, "--json", endless, endless, "other")
        child = start(*words, terminal="err", output=output)
        child.until("files")
        child.process.send_signal(signal.SIGINT)
        assert child.end()[0] == 130
        document = json.loads(output.read_text())
        reports = [report["path"] for report in document["reports"]]
        assert reports[0] == str(endless)
        errors = [error["path"] for error in document["errors"]]
        assert [*reports, *errors] == [str(endless), str(endless), "other"]
        messages = [error["message"] for error in document["errors"]]
        assert messages == [f"{path}: not verified: interrupted" for path in errors]


@posix
@pytest.mark.parametrize("word", ["hash", "-"])
def test_standard_input_is_a_terminal(command: list[str], word: str) -> None:
    """Standard error says what the command waits for."""
    import pty

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*command, word], stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"checksig: reading what you type; Ctrl-D ")
        os.close(ours)
        process.wait(60)


@posix
def test_the_bar_goes_on_below_failures(start: Callable[..., Started], endless: Path) -> None:
    """It counts the failures, which are printed above it."""
    child = start("-j", 3, endless, terminal="out err")
    child.until("1 failed")
    assert child.seen.count(b"MISMATCHED") == 1
    child.process.send_signal(signal.SIGINT)
    code, out = child.end()
    assert code == 130
    assert "Traceback" not in out
    # The line has nothing of the bar on it.
    (line,) = [line for line in re.split(r"[\r\n]+", out) if "MISMATCHED" in line]
    assert line.replace("\x1b[31m", "").replace("\x1b[0m", "").rstrip() == (
        f"MISMATCHED  {endless / 'bad'}"
    )


@posix
def test_a_short_run_draws_no_bar(tree: Callable[..., Path], start: Callable[..., Started]) -> None:
    """It would only flicker."""
    child = start("--quiet", tree({"a": b"a"}), terminal="out err")
    assert child.end() == (0, "")


@posix
def test_hash_shows_progress_and_can_be_interrupted(
    start: Callable[..., Started], endless: Path, tmp_path: Path
) -> None:
    """The document has the files that were finished before."""
    output = tmp_path / "document.json"
    words = ("hash", "-j", 2, "-a", "sha512", "--json", endless / "good", endless / "huge")
    child = start(*words, terminal="err", output=output)
    child.until("1/2 files")
    child.process.send_signal(signal.SIGINT)
    assert child.end()[0] == 130
    document = json.loads(output.read_text())
    assert document == {
        "schema": 1,
        "ok": False,
        "files": [{"path": str(endless / "good"), "digests": {"sha512": SMALL}}],
        "errors": [],
        "interrupted": True,
    }


@posix
def test_an_interrupt_while_standard_input_is_awaited(
    command: list[str], tree: Callable[..., Path]
) -> None:
    """Nobody writes to the pipe; the document is whole all the same."""
    needs_proc = Path("/proc/self/status")
    if not needs_proc.exists():
        pytest.skip("reads Linux's list of signals that are handled")
    folder = tree({"a": b"a"})
    for words in (["--json", "-"], ["hash", "--json", "-"], ["--json", "-", SMALL]):
        with subprocess.Popen(
            [*command, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
        ) as child:
            wait_for_handler(child.pid, signal.SIGTERM)
            child.send_signal(signal.SIGTERM)
            assert child.wait(60) == 143
            assert child.stdout is not None
            document = json.loads(child.stdout.read())
            assert (document["ok"], document["interrupted"]) == (False, True)


def wait_for_handler(pid: int, number: int) -> None:
    """Wait until a process handles a signal."""
    while True:
        status = Path(f"/proc/{pid}/status").read_text()
        caught = int(re.findall(r"SigCgt:\s*([0-9a-f]+)", status)[0], 16)
        if caught >> (number - 1) & 1:
            return
        time.sleep(0.01)


@posix
def test_an_interrupt_of_installed_packages(
    start: Callable[..., Started], endless: Path, tmp_path: Path
) -> None:
    """The packages that were verified are in the document."""
    site = tmp_path / "env" / "lib" / "python3" / "site-packages"
    for name in ("a-1", "b-1"):
        info = site / f"{name}.dist-info"
        info.mkdir(parents=True)
        (info / "RECORD").write_text(f"{name}.py,,\n{name},sha256={'A' * 43},\n")
    (site / "a-1").write_bytes(b"a")
    (endless / "huge").rename(site / "b-1")
    child = start("env", tmp_path / "env")
    child.until("FAILED      a 1")
    child.process.send_signal(signal.SIGINT)
    code, out = child.end()
    assert code == 130
    assert f"MISMATCHED  {site / 'a-1'}" in out
    assert "1 packages: 0 verified, 1 failed" in out.splitlines()[-1]


# --- very many failures


def missing(folder: Path, count: int, *there: str) -> None:
    """Write a manifest of files that are not there, and some that are."""
    lines = [f"{hashlib.sha256(b'').hexdigest()}  {name}\n" for name in there]
    for name in there:
        (folder / name).touch()
    lines += [f"{'0' * 64}  {i:05}\n" for i in range(count)]
    (folder / "SHA256SUMS").write_text("".join(lines))


def test_very_many_failures_are_cut(run: Callable[..., Run], tmp_path: Path) -> None:
    """The first thousand are shown and the rest counted; JSON and JUnit have all."""
    missing(tmp_path, 1500, "there")
    done = run("--junit", "report.xml", "SHA256SUMS")
    assert done.stdout.count("MISSING  ") == 1000
    assert "            ... and 500 more; --json lists all\n" in done.stdout
    assert "1,501 entries: 1 verified, 1,500 missing" in done.stdout
    failures = ET.parse(tmp_path / "report.xml").getroot().iter("failure")
    assert len(list(failures)) == 1500
    (report,) = json.loads(run("--json", "SHA256SUMS").stdout)["reports"]
    assert len(report["failures"]) == 1500
    done = run("--extra", "fail", "SHA256SUMS")
    assert done.returncode == 1


def test_no_file_is_there(run: Callable[..., Run], tmp_path: Path) -> None:
    """One note says it, not a line for each; few files are listed all the same."""
    missing(tmp_path, 12345)
    done = run("SHA256SUMS")
    note, verdict = done.stdout.splitlines()
    assert note == (
        "NOTE        SHA256SUMS: none of the 12,345 files is here: wrong folder? --root names"
        " another one, --strip and --basename shorten the names; --json lists them"
    )
    assert verdict.startswith("FAILED      SHA256SUMS: 12,345 entries: 0 verified, 12,345 missing")
    missing(tmp_path, 3)
    done = run("SHA256SUMS")
    assert done.stdout.count("MISSING  ") == 3
    assert "none of the 3 files is here" in done.stdout
    (tmp_path / "00001").touch()
    done = run("SHA256SUMS")
    assert (done.stdout.count("MISSING  "), "wrong folder" in done.stdout) == (2, False)


def test_many_unlisted_files_are_still_a_failure(run: Callable[..., Run], tmp_path: Path) -> None:
    """Of more than a thousand, the report for the text has only the first."""
    missing(tmp_path, 0, "there")
    (tmp_path / "sub").mkdir()
    for i in range(1010):
        (tmp_path / "sub" / f"{i:04}").touch()
    done = run("--extra", "fail", "SHA256SUMS")
    assert (done.returncode, done.stdout.count("NOT LISTED  ")) == (1, 1000)
    assert "1 verified, 1,010 not listed" in done.stdout
    done = run("--extra", "report", "SHA256SUMS")
    assert (done.returncode, done.stdout.count("NOT LISTED  ")) == (0, 1000)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak as Linux counts it")
def test_memory_does_not_grow_with_the_failures(tmp_path: Path, python: Callable[..., str]) -> None:
    """Only those that are printed are kept."""
    program = """
import re, sys
from checksig.cli import main
main([sys.argv[1]])
print(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
"""
    peaks: list[int] = []
    for count in (100_000, 400_000):  # the engine's buffers are full with both
        missing(tmp_path, count, "there")
        peaks.append(int(python(program, tmp_path / "SHA256SUMS", timeout=200).splitlines()[-1]))
    assert peaks[1] < peaks[0] + 60_000  # 300,000 results take over 100 MB


# --- labels


def words_of(done: Run) -> list[str]:
    """Return the words at the beginning of lines, and the names."""
    return [line for line in done.stdout.splitlines() if line[:1].isupper()]


def test_verified_files_are_listed(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """-v lists them, and what was skipped, in the order of the manifest; in JSON too."""
    folder = tree({"a": b"a", "b": b"b", "gone": b"", "c": b"c"})
    (folder / "b").write_bytes(b"x")
    (folder / "gone").unlink()
    done = run("-v", "--ignore-missing", "SHA256SUMS", cwd=folder)
    assert words_of(done)[:4] == [
        "OK          a",
        "MISMATCHED  b",
        "SKIPPED     gone",
        "OK          c",
    ]
    (report,) = json.loads(run("-v", "--json", folder).stdout)["reports"]
    assert [result["name"] for result in report["results"]] == ["a", "b", "gone", "c"]
    assert "results" not in json.loads(run("--json", folder).stdout)["reports"][0]


def test_a_file_under_two_algorithms_is_reported_once(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    """Both digests are below it; the counts and JSON have both entries."""
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "MD5SUMS").write_text(f"{'0' * 32}  a\n{'1' * 32}  gone\n")
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  a\n{'1' * 64}  gone\n")
    done = run(".", cwd=tmp_path)
    assert "4 entries: 0 verified, 2 mismatched, 2 missing" in done.stdout
    assert done.stdout.count("MISMATCHED  a\n") == 1
    assert done.stdout.count("MISSING     gone\n") == 1
    assert len(json.loads(run("--json", ".").stdout)["reports"][0]["failures"]) == 4


def test_a_file_is_reported_once_although_others_come_between(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    """It fails by two manifests, and the lines between them were printed before."""
    names = [f"{i:04}" for i in range(1500)]
    for name in ("bad", *names):
        (tmp_path / name).touch()
    (tmp_path / "MD5SUMS").write_text(f"{'0' * 32}  bad\n")
    lines = [f"{hashlib.sha256().hexdigest()}  {name}\n" for name in names]
    (tmp_path / "SHA256SUMS").write_text("".join((*lines, f"{'0' * 64}  bad\n")))
    done = run("-v", "-j", 1, "MD5SUMS", "SHA256SUMS")
    assert done.stdout.count("OK          0") == 1000
    assert done.stdout.count("MISMATCHED  bad\n") == 1
    assert "2 mismatched" in done.stdout


def test_what_is_refused_or_too_weak_is_not_unreadable(
    run: Callable[..., Run], tree: Callable[..., Path]
) -> None:
    """Each has its own word and count; JSON has the reason."""
    folder = tree({"a": b"a", "in/x": b""}, "MD5SUMS", "md5")
    digest = hashlib.md5(b"a").hexdigest()
    (folder / "in" / "MD5SUMS").write_text(f"{digest}  ../a\n{digest}  x\n")
    done = run("MD5SUMS", cwd=folder / "in")
    assert "REFUSED     ../a" in done.stdout
    assert "2 entries: 0 verified, 1 mismatched, 1 refused" in done.stdout
    done = run("--min-strength", "sha256", "MD5SUMS", cwd=folder)
    assert "TOO WEAK    a\n            md5 is weaker than sha256\n" in done.stdout
    assert "2 entries: 0 verified, 2 too weak" in done.stdout
    (report,) = json.loads(run("--json", folder / "in").stdout)["reports"]
    assert (report["unreadable"], [f["reason"] for f in report["failures"]]) == (
        1,
        ["refused", None],
    )
    assert "UNREADABLE" not in done.stdout


def test_what_is_no_line_is_no_bad_line(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """A manifest that cannot be read, and one that is empty, have words of their own."""
    folder = tree({"a": b"a"})
    (folder / "MD5SUMS").write_bytes(b"\0" * 5000)
    done = run(folder)
    assert f"UNREADABLE  {folder / 'MD5SUMS'}\n            cannot be read: " in done.stdout
    assert "1 verified, 1 unreadable manifest or folder (" in done.stdout
    (folder / "MD5SUMS").write_text("# nothing\n")
    done = run(folder)
    assert f"EMPTY       {folder / 'MD5SUMS'}\n            lists no file\n" in done.stdout
    assert "BAD LINE" not in done.stdout
    done = run("--ignore-missing", "--root", folder / "none", folder / "SHA256SUMS")
    assert done.returncode == 2
    (folder / "a").unlink()
    done = run("--ignore-missing", folder / "SHA256SUMS")
    assert "EMPTY       " in done.stdout
    assert "no file was verified" in done.stdout


def test_a_bag_is_reported_as_a_bag(run: Callable[..., Run], tmp_path: Path) -> None:
    """With its version; its rules have a word of their own."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_bytes(b"a")
    (tmp_path / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    digest = hashlib.sha256(b"a").hexdigest()
    (tmp_path / "manifest-sha256.txt").write_text(f"{digest}  data/a\n")
    done = run(".")
    assert (
        "NOTE        manifest-sha256.txt: of a bag, whose rules were checked as well (BagIt 1.0)"
    ) in done.stdout.splitlines()
    assert done.returncode == 0
    (tmp_path / "data" / "b").touch()
    (tmp_path / "bag-info.txt").write_text("Payload-Oxum: 5.5\n")
    done = run(".")
    assert done.stdout.count("BROKEN RULE ") == 2
    assert "2 broken rules" in done.stdout
    assert "BAD LINE" not in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows removes blanks at the end of a name")
def test_blanks_at_the_end_of_a_name_are_seen(run: Callable[..., Run], tmp_path: Path) -> None:
    """Such a name is in quotes."""
    zeros = "0" * 64
    (tmp_path / "SHA256SUMS").write_text(f"{zeros}  a \n{zeros}   b\n{zeros}  c d\n")
    done = run("SHA256SUMS")
    assert words_of(done)[:3] == ['MISSING     "a "', 'MISSING     " b"', "MISSING     c d"]


# --- several paths


def test_many_paths_have_one_summary(run: Callable[..., Run], tmp_path: Path) -> None:
    """A note appears once for all of them; the workers are shared."""
    paths = [f"{i:02}.md5" for i in range(30)]
    for path in paths:
        (tmp_path / path[:2]).write_bytes(path.encode())
        (tmp_path / path).write_text(hashlib.md5(path.encode()).hexdigest() + "\n")
    for words in ([], ["-j", "1"], ["-j", "5"]):
        done = run(*words, *paths)
        assert words_of(done)[0] == "NOTE        md5 detects corruption, not tampering"
        (verdict,) = words_of(done)[1:]
        assert verdict.startswith("OK          30 paths, 30 entries: 30 verified (180 B")
        assert done.stderr == ""
    (tmp_path / "07").write_bytes(b"changed")
    (tmp_path / "03.md5").unlink()
    done = run(*paths)
    assert done.returncode == 2
    assert words_of(done)[0] == "MISMATCHED  07"
    assert "30 paths, 29 entries: 28 verified, 1 mismatched, 1 could not be verified" in done.stdout
    document = json.loads(run("--json", *paths).stdout)
    assert [r["path"] for r in document["reports"]] == [p for p in paths if p != "03.md5"]
    assert [error["path"] for error in document["errors"]] == ["03.md5"]


def test_several_paths_at_once(tmp_path: Path, python: Callable[..., str]) -> None:
    """Whatever the disk claims to be, threads give the same reports in the same order."""
    paths = [f"{i:02}.md5" for i in range(30)]
    for path in paths:
        (tmp_path / path[:2]).write_bytes(path.encode())
        (tmp_path / path).write_text(hashlib.md5(path.encode()).hexdigest() + "\n")
    (tmp_path / "07").write_bytes(b"changed")
    (tmp_path / "03.md5").unlink()
    program = """
import sys, threading
from checksig.cli import main, sharing, verify
sharing.may_spin = lambda paths: False
threads = set()
work = verify._Task.do
def do(*arguments):
    threads.add(threading.current_thread())
    return work(*arguments)
verify._Task.do = do
code = main(sys.argv[1:])
print(code, threading.main_thread() in threads)
"""
    *lines, last = python(program, "-j", 4, *paths).splitlines()
    assert last == "2 False"
    assert lines[0] == "MISMATCHED  07"
    assert "30 paths, 29 entries: 28 verified, 1 mismatched, 1 could not" in lines[-1]
    text = python(program, "-j", 4, "--json", *paths)
    document = json.loads(text.rpartition("\n2 ")[0])
    assert [r["path"] for r in document["reports"]] == [p for p in paths if p != "03.md5"]


def test_one_note_for_many_manifests(run: Callable[..., Run], tmp_path: Path) -> None:
    """It names the first, and how many more."""
    for i in range(30):
        (tmp_path / f"{i:02}").mkdir()
        (tmp_path / f"{i:02}" / "a").touch()
        name = tmp_path / f"{i:02}" / "checksums.txt"
        name.write_text(f"{hashlib.md5().hexdigest()}  a\n")
    done = run("-r", ".")
    assert words_of(done)[0] == (
        f"NOTE        {Path('00', 'checksums.txt')} and 29 more: md5: chosen by the length of the"
        " digests alone"
    )
    assert len(words_of(done)) == 3


def test_a_word_that_names_nothing(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """It is an error of its own; what the others name is verified."""
    folder = tree({"a": b"a", "gone": b"b"})
    for source in (folder, folder / "SHA256SUMS"):
        done = run(source, "misspelt")
        assert done.returncode == 2
        assert done.stderr == (
            f"checksig: misspelt: there is no such file or folder, and {source} does not list it\n"
        )
        assert "2 paths, 2 entries: 2 verified, 1 could not be verified" in done.stdout
    done = run("a", "misspelt", cwd=folder)
    assert (done.returncode, done.stderr.count("misspelt: ")) == (2, 1)
    assert "2 paths, 1 entry: 1 verified, 1 could not be verified" in done.stdout
    (folder / "gone").unlink()
    done = run("SHA256SUMS", "gone", cwd=folder)
    assert (done.returncode, words_of(done)[0]) == (1, "MISSING     gone")
    assert "1 entry: 0 verified, 1 missing" in done.stdout


def test_bad_lines_are_printed_once(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """Although a misspelt word has the manifest read twice."""
    folder = tree({"a": b"a"})
    with (folder / "SHA256SUMS").open("a") as manifest:
        manifest.write("nonsense\n")
    assert run(folder, "misspelt").stdout.count("BAD LINE") == 1


@pytest.mark.parametrize("algorithm", ["sha256", "blake3"])
def test_data_on_standard_input_and_a_digest(
    command: list[str], tmp_path: Path, run: Callable[..., Run], algorithm: str
) -> None:
    """It is verified like a file."""
    (tmp_path / "x").write_bytes(b"data")
    digest = run("hash", "-a", algorithm, "x").stdout.split()[0]
    for data, code in ((b"data", 0), (b"other", 1)):
        done = subprocess.run(
            [*command, "-", f"{algorithm}:{digest}"],
            input=data,
            capture_output=True,
            cwd=tmp_path,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (code, b"")
        assert (b"MISMATCHED  -\n" in done.stdout) is (code == 1)
    done = subprocess.run(
        [*command, "--min-strength", "sha256", "-", "md5:" + hashlib.md5(b"data").hexdigest()],
        input=b"data",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, b"TOO WEAK    -\n" in done.stdout) == (1, True)


def test_hash_as_json(run: Callable[..., Run], tmp_path: Path) -> None:
    """Files and errors are in one document."""
    (tmp_path / "a").write_bytes(b"a")
    done = run("hash", "--json", "-a", "md5,SHA-256", "a", "none")
    document = json.loads(done.stdout)
    md5, sha256 = hashlib.md5(b"a").hexdigest(), hashlib.sha256(b"a").hexdigest()
    assert document["files"] == [{"path": "a", "digests": {"md5": md5, "sha256": sha256}}]
    assert [error["path"] for error in document["errors"]] == ["none"]
    assert (document["ok"], document["interrupted"]) == (False, False)
    assert (done.returncode, done.stderr) == (2, "")
