"""The command line, run as a user runs it."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

import checksig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("engine")

Run = subprocess.CompletedProcess[str]


def test_the_sample(run: Callable[..., Run], httpd: Path) -> None:
    """Failures with both digests come first, the counts last; the exit code is 1."""
    done = run("httpd", cwd=httpd.parent)
    (failure,) = checksig.verify(httpd, check=False).failures
    lines = done.stdout.splitlines()
    assert lines[0] == f"MISMATCHED  {os.path.join('httpd', 'httpd-08.log')}"
    assert lines[1].split() == ["sha1", "listed", failure.expected]
    assert lines[2].split() == ["found", failure.found]
    assert lines[3] == "NOTE        sha1 detects corruption, not tampering"
    assert re.fullmatch(
        r"FAILED      httpd: 10 entries: 9 verified, 1 mismatched"
        r" \(575\.4 kB in \d+\.\d\d s, [\d,]+ files/s, [\d,]+\.\d MB/s\)",
        lines[4],
    )
    assert (len(lines), done.stderr, done.returncode) == (5, "", 1)


def test_python_m_is_the_same(run: Callable[..., Run], httpd: Path, tmp_path: Path) -> None:
    """``python -m checksig`` does the same as the command."""
    done = subprocess.run(
        [sys.executable, "-m", "checksig", "--json", str(httpd)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    twin = run("--json", httpd)
    documents = [json.loads(d.stdout) for d in (done, twin)]
    for document in documents:
        document["reports"][0].pop("elapsed")
    assert documents[0] == documents[1]
    assert done.returncode == twin.returncode == 1


def test_all_is_well(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """Success is one line and exit code 0; with --quiet there is no line."""
    folder = tree({"a": b"a"})
    done = run(folder)
    assert done.stdout.startswith(f"OK          {folder}: 1 entry: 1 verified (1 B in")
    assert (done.stderr, done.returncode) == ("", 0)
    done = run("--quiet", folder)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_every_kind_of_failure_is_shown(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """Missing files, unreadable files and bad lines are each shown with their cause."""
    folder = tree({"a": b"a", "b": b"b"})
    (folder / "a").unlink()
    (folder / "b").unlink()
    (folder / "b").mkdir()
    with (folder / "SHA256SUMS").open("ab") as manifest:
        manifest.write(b"some \x1b[31mgarbage\n")
    out = run("SHA256SUMS", cwd=folder).stdout
    assert "MISSING     a\n" in out
    assert "REFUSED     b\n            not a regular file\n" in out
    assert (
        "BAD LINE    SHA256SUMS line 3\n"
        "            expected a hex digest at the beginning of the line;"
        " --ignore-text (ignore_text=True) accepts text: some \\x1b[31mgarbage\n"
    ) in out
    assert "2 entries: 0 verified, 1 missing, 1 refused, 1 bad line" in out


def test_many_bad_lines_are_cut_short(run: Callable[..., Run], tmp_path: Path) -> None:
    """The first bad lines are shown and the rest counted; JSON lists all."""
    (tmp_path / "SHA1SUMS").write_text("nonsense\n" * 1000)
    done = run("SHA1SUMS")
    assert done.stdout.count("BAD LINE") == 20
    assert "... and 980 more bad lines; --json lists all\n" in done.stdout
    assert "0 entries: 0 verified, 1,000 bad lines" in done.stdout
    assert len(json.loads(run("--json", "SHA1SUMS").stdout)["reports"][0]["bad_lines"]) == 1000


def test_several_paths(run: Callable[..., Run], tree: Callable[..., Path], httpd: Path) -> None:
    """They have one summary, and an error about one does not stop the others."""
    folder = tree({"a": b"a"})
    done = run(folder, httpd, folder / "none", folder.parent, folder)
    assert [line[:11].strip() for line in done.stdout.splitlines() if line[:1].isupper()] == [
        "MISMATCHED",
        "NOTE",
        "FAILED",
    ]
    none, parent = done.stderr.splitlines()
    assert none.startswith(f"checksig: {folder / 'none'}: ")  # and the system's error
    assert parent == (
        f"checksig: {folder.parent}: no checksum manifest in this folder;"
        " -r looks in its subfolders too, or create one with checksig create"
    )
    assert done.returncode == 2


def test_json(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """JSON is one document with every report and every error."""
    folder = tree({"a": b"a", "b": b"b"})
    (folder / "b").write_bytes(b"changed")
    done = run("--json", folder, folder / "SHA256SUMS", folder / "none")
    document = json.loads(done.stdout)
    assert document["ok"] is False
    assert [r["mismatched"] for r in document["reports"]] == [1, 1]
    assert [f["name"] for f in document["reports"][0]["failures"]] == ["b"]
    assert [e["path"] for e in document["errors"]] == [str(folder / "none")]
    assert (done.stderr, done.returncode) == ("", 2)
    assert json.loads(run("--json", folder / "a.md5").stdout)["ok"] is False


@pytest.mark.parametrize(
    "arguments", [["--nonsense", "."], ["-j", "0", "."], ["-j", "x", "."], ["-j", "1025", "."]]
)
def test_usage_errors(run: Callable[..., Run], arguments: list[str]) -> None:
    """Wrong arguments are answered with exit code 2 and a usage line."""
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    usage, error = done.stderr.splitlines()
    assert usage == "usage: checksig [OPTION...] [PATH...]"
    assert error.startswith("checksig: error: ")
    assert error.endswith("; see checksig --help")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--recursiv", "."], "unknown option --recursiv; did you mean --recursive?"),
        (["--recur", "."], "unknown option --recur; did you mean --recursive?"),
        (["--workrs=2"], "unknown option --workrs; did you mean --workers?"),
        (["verify", "--ignore-mising", "."], "did you mean --ignore-missing?"),
        (["convert", "m", "--too", "bsd"], "unknown option --too; did you mean --to?"),
        (["env", "--verbos"], "did you mean --verbose?"),
        (
            ["create", "--part-size=8MiB", "."],
            "unknown option --part-size; it is an option of checksig verify",
        ),
        (["--nonsense", "."], "unknown option --nonsense; see checksig --help\n"),
        (["verfy", "."], 'verfy: neither a command nor an existing path; did you mean "verify"?'),
        (["craete"], 'did you mean "create"?'),
        (["-c", "SHA256SUMS"], "unknown option -c; leave it out: manifests are verified without"),
        (["verify", "--check", "."], "unknown option --check; leave it out: manifests are"),
        (["--strict", "."], "--strict; leave it out: lines that are not understood are always"),
        (["--status", "."], "unknown option --status; did you mean --quiet?"),
        (["create", "-r", "."], "unknown option -r; leave it out: files in subfolders are always"),
        (["create", "--overwrite", "."], "unknown option --overwrite; did you mean --force?"),
    ],
)
def test_misspelt_words(run: Callable[..., Run], arguments: list[str], hint: str) -> None:
    """An unknown option or command is an error that names the close one."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert hint in done.stderr


def test_words_that_only_look_misspelt(
    run: Callable[..., Run], tree: Callable[..., Path], tmp_path: Path
) -> None:
    """An existing path, a value and what follows -- are taken as they are."""
    folder = tree({"a": b"a"})
    (folder / "SHA256SUMS").rename(tmp_path / "verfy")
    assert run("verfy", "--root", folder).returncode == 0
    (tmp_path / "verfy").rename(tmp_path / "--recur")
    assert run(f"--root={folder}", "--", "--recur").returncode == 0
    done = run("sha256sums")
    assert (done.stderr.count("\n"), done.stderr[:21]) == (1, "checksig: sha256sums:")


def test_an_error_names_its_own_path(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """A root that does not exist is reported, not the manifest, which exists."""
    folder = tree({"a": b"a"})
    root = folder / "none"
    manifest = folder / "SHA256SUMS"
    done = run("--root", root, manifest)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"checksig: {root}: ")  # and the system's error
    (error,) = json.loads(run("--json", "--root", root, manifest).stdout)["errors"]
    assert error["path"] == str(manifest)  # as it was given
    assert error["message"] == done.stderr.removeprefix("checksig: ").rstrip("\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("verify", "1 something is not as listed"),
        ("create", "2 wrong usage, or nothing was written"),
        ("update", "1 a listed file is missing; or one has changed"),
        ("convert", "2 wrong usage, or nothing was written"),
        ("env", "1 something is not as listed"),
        ("hash", "2 wrong usage, or a file that cannot be read"),
        ("completion", "2 wrong usage, or output that cannot be written"),
        ("algorithms", "0 it was printed"),
    ],
)
def test_exit_codes_in_the_help(run: Callable[..., Run], name: str, text: str) -> None:
    """The help of a command has its own exit codes, and is wrapped."""
    help_text = run(name, "--help").stdout
    assert text in " ".join(help_text.split())
    assert help_text.count("exit codes:") == 1
    assert all(len(line) <= 80 or "completions/" in line for line in help_text.splitlines())


def test_help_and_version(run: Callable[..., Run]) -> None:
    """Both go to standard output, with exit code 0."""
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "exit codes:" in done.stdout
    done = run("--version")
    assert re.fullmatch(r"checksig \d+\.\d+\.\d+\S*\n", done.stdout)


def test_help_is_a_word(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """``help`` and ``help COMMAND`` print the help, where nothing has that name."""
    assert run("help").stdout == run("--help").stdout
    assert run("help", "create").stdout == run("create", "--help").stdout
    folder = tree({"help": b"help"})
    assert run("help", cwd=folder).stdout.startswith("OK          help: 1 entry")


def test_follow_outside(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """Names that lead outside are refused unless --follow-outside is given."""
    folder = tree({"up": b"up", "in/x": b""})
    line = (folder / "SHA256SUMS").read_text().splitlines()[0].replace("up", "../up")
    (folder / "in" / "SHA256SUMS").write_text(line)
    done = run(folder / "in")
    assert "leads outside the manifest's folder" in done.stdout
    assert done.returncode == 1
    assert run("--follow-outside", folder / "in").returncode == 0


def test_a_closed_standard_output(command: list[str], httpd: Path) -> None:
    """If the reader closes the pipe, the results are lost: exit code 2, without a word."""
    with subprocess.Popen(
        [*command, *[str(httpd)] * 50], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        err = child.stderr.read()
        assert child.wait(60) == 2
    assert err == b""


@pytest.mark.skipif(os.name != "posix", reason="opens a POSIX pseudo-terminal")
def test_progress_on_a_terminal(command: list[str], huge: Path) -> None:
    """A bar appears after a second; Ctrl-C clears it and the exit code is 130."""
    import pty

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", LEADER, *command, str(huge)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as child:
        os.close(theirs)
        seen = b""
        deadline = time.monotonic() + 60
        try:
            while b"0/1 files" not in seen and time.monotonic() < deadline:
                seen += os.read(ours, 4096)
            os.write(ours, b"\x03")
            while b"interrupted" not in seen and time.monotonic() < deadline:
                seen += os.read(ours, 4096)
            assert child.wait(30) == 130
        finally:
            child.kill()
            os.close(ours)
    assert b"42.9G" in seen
    assert b"Traceback" not in seen


@pytest.mark.skipif(os.name != "posix", reason="opens a POSIX pseudo-terminal")
def test_the_bar_follows_the_size_of_the_terminal(command: list[str], huge: Path) -> None:
    """After the terminal was made narrower, the bar fits into it."""
    import fcntl
    import pty
    import struct
    import termios

    def resize(columns: int) -> None:
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    ours, theirs = pty.openpty()
    resize(100)
    environment = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(
        [*command, str(huge)], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as child:
        os.close(theirs)
        deadline = time.monotonic() + 60
        widths: list[int] = []
        try:
            for columns in (100, 50):
                resize(columns)
                while not (widths and 10 < widths[-1] <= columns) and time.monotonic() < deadline:
                    seen = os.read(ours, 4096).decode(errors="replace")
                    widths += [len(part.rstrip()) for part in seen.split("\r") if "%|" in part]
                assert widths
                assert widths.pop() <= columns
                widths.clear()
        finally:
            child.kill()
            os.close(ours)


# The terminal sends its signals to the processes it is the controlling terminal of.
LEADER = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_progress_in_lines(
    httpd: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line now and then, wherever standard error leads; nothing before it is time for one."""
    from checksig.cli import main, progress

    monkeypatch.setattr(progress, "_INTERVAL", 0.0)
    assert main(["--progress", "lines", str(httpd)]) == 1
    shown = capsys.readouterr()
    assert re.search(r"^checksig: \d+(/\d+)? files.*, .* in \d+ s$", shown.err, re.MULTILINE)
    monkeypatch.setattr(progress, "_INTERVAL", 1e9)
    for words in (["--progress=lines"], ["--progress=auto"], ["--progress=none"]):
        assert main([*words, str(httpd)]) == 1
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("terminal", "term", "form", "shown"),
    [
        (True, "xterm", "auto", True),
        (True, "dumb", "auto", False),
        (True, "xterm", "none", False),
        (False, "xterm", "auto", False),
        (False, "dumb", "lines", True),
    ],
)
def test_where_progress_is_shown(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, term: str, form: str, shown: bool
) -> None:
    """A bar needs a terminal that can move its cursor; lines need nothing."""
    from checksig.cli.progress import Bar

    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    monkeypatch.setattr(sys, "stderr", Stream())
    monkeypatch.setenv("TERM", term)
    assert Bar(shown=form).shown is shown


@pytest.mark.slow
def test_no_progress_without_a_terminal(run: Callable[..., Run], tmp_path: Path) -> None:
    """Nothing is drawn in a pipe, however long it takes."""
    with (tmp_path / "big").open("wb") as file:
        file.truncate(1 << 30)
    (tmp_path / "SHA512SUMS").write_text(f"{'0' * 128}  big\n")
    done = run(tmp_path)
    assert (done.stderr, done.returncode) == ("", 1)


def test_the_program_ends_at_once(tree: Callable[..., Path], python: Callable[..., str]) -> None:
    """It calls exit functions and writes all output; a profiler gets the exit code instead."""
    program = """
import atexit, sys
from checksig.cli import program
atexit.register(print, "exit function")
if sys.argv[2:]:
    sys.setprofile(lambda *_: None)
sys.argv[1:] = sys.argv[1:2]
print("exit code", program())
"""
    folder = tree({"a": b"a"})
    verdict, last = python(program, folder).splitlines()
    assert (verdict.startswith("OK  "), last) == (True, "exit function")
    assert python(program, folder, "watched").splitlines()[1:] == ["exit code 0", "exit function"]
