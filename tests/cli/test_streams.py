"""Standard output and standard error that are closed, full, or not read."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

Run = subprocess.CompletedProcess[str]

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="a shell closes descriptors"),
    pytest.mark.slow,
]
full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@pytest.fixture
def shell(command: list[str], tmp_path: Path) -> Callable[..., Run]:
    """Run the command with the redirections of a shell."""

    def run(redirection: str, *words: object) -> Run:
        return subprocess.run(
            ["sh", "-c", f'"$@" {redirection}', "sh", *command, *map(str, words)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


@pytest.fixture
def good(tree: Callable[..., Path]) -> Path:
    """Make a folder in which everything is as listed."""
    return tree({"a": b"a"})


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Make an environment of one package that cannot be verified."""
    info = tmp_path / "env" / "lib" / "python3" / "site-packages" / "x-1.dist-info"
    info.mkdir(parents=True)
    return tmp_path / "env"


@pytest.fixture
def system(tmp_path: Path, build: Any) -> Path:
    """Make a system of one package for each package manager."""
    system = tmp_path / "system"
    folder = system / "var" / "lib" / "dpkg"
    (folder / "info").mkdir(parents=True)
    (folder / "status").write_text(
        "Package: x\nStatus: install ok half-installed\nVersion: 1\nArchitecture: all\n"
    )
    files = {"/usr/bin/a": b"a"}
    build.write_files(system, files)
    build.write_pacman(system, files)
    build.write_apk(system, files)
    build.write_conda(system, files)
    build.write_sqlite(system, [build.header(build.tags_of(files))])
    return system


DIGEST = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"

COMMANDS = {
    "verify": ["{good}"],
    "json": ["--json", "{good}"],
    "failures": ["{httpd}"],
    "create": ["create", "{good}", "-o", "sums", "--force"],
    "create -": ["create", "{good}", "-o", "-"],
    "create --json": ["create", "{good}", "-o", "sums", "--force", "--json"],
    "update": ["update", "{good}/SHA256SUMS"],
    "convert": ["convert", "{good}/SHA256SUMS", "--to", "bsd", "-o", "converted", "--force"],
    "convert -": ["convert", "{good}/SHA256SUMS", "--to", "bsd", "-o", "-"],
    "env": ["env", "{environment}"],
    "env --json": ["env", "--json", "{environment}"],
    "dpkg": ["dpkg", "--root", "{system}"],
    "rpm": ["rpm", "--root", "{system}"],
    "pacman": ["pacman", "--root", "{system}"],
    "apk": ["apk", "--root", "{system}"],
    "conda": ["conda", "{system}"],
    "conda --json": ["conda", "--json", "{system}"],
    "verbose": ["-v", "{good}"],
    "several": ["{good}", "{httpd}", "{good}"],
    "a file and its digest": ["{good}/a", f"sha256:{DIGEST}"],
    "hash": ["hash", "{good}/a"],
    "hash --json": ["hash", "--json", "{good}/a"],
    "algorithms": ["algorithms"],
    "install-shims": ["install-shims", "bin"],
    "completion": ["completion", "bash"],
    "help": ["--help"],
    "help of a command": ["create", "--help"],
    "version": ["--version"],
}


@pytest.fixture(params=COMMANDS)
def words(
    request: pytest.FixtureRequest, good: Path, httpd: Path, environment: Path, system: Path
) -> list[str]:
    """Return the arguments of one command that prints something."""
    places = {"good": good, "httpd": httpd, "environment": environment, "system": system}
    return [word.format(**places) for word in COMMANDS[request.param]]


@pytest.mark.parametrize(
    ("redirection", "why"),
    [
        (">&-", "Bad file descriptor"),
        pytest.param(">/dev/full", "No space left on device", marks=full),
    ],
)
def test_results_that_cannot_be_written(
    shell: Callable[..., Run], words: list[str], redirection: str, why: str
) -> None:
    """Exit code 2 and one line, also for results that are good, or bad."""
    done = shell(redirection, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"checksig: standard output: {why}\n"


def test_a_reader_that_has_ended(command: list[str], words: list[str], tmp_path: Path) -> None:
    """Exit code 2 without a word, as the reader wants no more."""
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        done = subprocess.run(
            [*command, *words],
            stdout=theirs,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            timeout=100,
            check=False,
        )
    finally:
        os.close(theirs)
    assert (done.returncode, done.stderr) == (2, b"")


@pytest.mark.parametrize("redirection", ["2>&-", pytest.param("2>/dev/full", marks=full)])
def test_without_standard_error(
    shell: Callable[..., Run], words: list[str], redirection: str
) -> None:
    """The result and the exit code stay the same."""
    whole = shell("", *words)
    done = shell(redirection, *words)
    assert done.returncode == whole.returncode
    assert len(done.stdout.splitlines()) == len(whole.stdout.splitlines())
    assert done.stderr == ""


@pytest.mark.parametrize("redirection", ["2>&-", pytest.param("2>/dev/full", marks=full)])
@pytest.mark.parametrize(
    "arguments", [["none"], ["--nonsense"], ["create", "none"], ["env", "none"], ["completion"]]
)
def test_errors_without_standard_error(
    shell: Callable[..., Run], redirection: str, arguments: list[str]
) -> None:
    """An error keeps its exit code, and does not go to standard output."""
    done = shell(redirection, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_create_without_any_stream(shell: Callable[..., Run], tmp_path: Path) -> None:
    """It writes its manifest, which gets nothing else."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").touch()
    done = shell("<&- 2>&-", "create", "in", "--quiet")
    assert (done.returncode, done.stdout) == (0, "")
    done = shell("<&- >&- 2>&-", "create", "in", "--quiet", "--force")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    names = [line.split()[1] for line in (tmp_path / "in" / "SHA256SUMS").read_text().splitlines()]
    assert names == ["a"]


def test_nothing_to_write(shell: Callable[..., Run], good: Path, httpd: Path) -> None:
    """Without output, a closed stream is no error; with output, it is."""
    assert shell(">&-", "--quiet", good).returncode == 0
    assert shell(">&-", "--quiet", httpd).returncode == 2


@full
def test_a_report_that_cannot_be_written(
    shell: Callable[..., Run], good: Path, httpd: Path, environment: Path, system: Path
) -> None:
    """A JUnit report that is lost is exit code 2, whatever the result is."""
    commands: list[list[Any]] = [[good], [httpd], [good, good], ["env", environment]]
    commands += [[name, "--root", system] for name in ("dpkg", "rpm", "pacman", "apk")]
    for words in (*commands, ["conda", system]):
        for report in ("/dev/full", "/none/report.xml", good):
            done = shell("", *words, "--junit", report)
            assert done.returncode == 2, words
            assert done.stderr.startswith(f"checksig: {report}: ")
            assert done.stderr.count("\n") == 1
    assert (
        f"FAILED      {good}: 1 entry: 1 verified" in shell("", "--junit", "/dev/full", good).stdout
    )
    done = shell("", "--json", "--junit", "/dev/full", good)
    assert json.loads(done.stdout)["ok"] is False
    assert done.returncode == 2
    for output in ("/dev/full", "/none/sums", good):
        done = shell("", "create", good / "a", "--force", "-o", output)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1


def test_an_error_inside_is_exit_code_2(good: Path, python: Callable[..., str]) -> None:
    """Exit code 1 is for files that are not as listed, never for a fault of checksig."""
    program = """
import sys
import checksig.cli, checksig.cli.verify
for error in (ZeroDivisionError("a\\x1b\\nb"), MemoryError(), RecursionError("x")):
    def fail(*_, **__):
        raise error
    checksig.cli.verify.verify_following = fail
    sys.stderr = sys.stdout
    print(checksig.cli.main([sys.argv[1]]))
"""
    first, code, memory, *rest = python(program, good).splitlines()
    assert first.startswith(
        "checksig: internal error, please report it: ZeroDivisionError: a\\x1b\\nb"
    )
    assert (code, memory) == ("2", "checksig: not enough memory")
    assert rest[0] == rest[2] == "2"
