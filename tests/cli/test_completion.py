"""The completion scripts, tested in the shells they are for."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the shells are those of POSIX systems")

CASES = {
    "checksig verif": "checksig verify ",
    "checksig verify --foll": "checksig verify --follow-outside ",
    "checksig verify some-f": "checksig verify some-file ",
    "checksig verify some-file --no-pr": "checksig verify some-file --no-progress ",
    "checksig some-f": "checksig some-file ",
    "checksig --foll": "checksig --follow-outside ",
    "checksig some-file --foll": "checksig some-file --follow-outside ",
    "checksig completion ba": "checksig completion bash ",
    "checksig verify --algorithm sha3-5": "checksig verify --algorithm sha3-512 ",
    "checksig create --format hashd": "checksig create --format hashdeep ",
    "checksig some-file --extra rep": "checksig some-file --extra report ",
    "checksig create --links ref": "checksig create --links refuse ",
}
"""What is typed before TAB is pressed, and what stands there afterwards."""

START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
# The echo does not contain the prompt: it appears when the setup is done.
SET_UP = {
    "bash": "bind 'set enable-bracketed-paste off'; source ./_checksig; PS1='rea''dy> '\n",
    "zsh": "unset zle_bracketed_paste; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D;"
    " PS1='rea''dy> '\n",
}


@pytest.fixture
def folder(command: list[str], tmp_path: Path, needs: Callable[..., None]) -> Callable[[str], Path]:
    """Make a folder with a file and the script for a shell."""

    def make(shell: str) -> Path:
        needs(shell)
        done = subprocess.run(
            [*command, "completion", shell], capture_output=True, timeout=60, check=True
        )
        (tmp_path / "_checksig").write_bytes(done.stdout)
        (tmp_path / "some-file").touch()
        return tmp_path

    return make


class Terminal:
    """An interactive shell at a pseudo-terminal."""

    def __init__(self, shell: str, folder: Path) -> None:
        import pty

        self._ours, theirs = pty.openpty()
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb"}
        self._shell = subprocess.Popen(
            START[shell],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        self._seen = ""
        self.type(SET_UP[shell])
        self.wait_for("ready> ")

    def type(self, text: str) -> None:
        """Press the keys of *text*."""
        os.write(self._ours, text.encode())

    def wait_for(self, text: str) -> None:
        """Read until *text* appears."""
        import select

        seconds = 60 * float(os.environ.get("CHECKSIG_TEST_PATIENCE", "1"))
        deadline = time.monotonic() + seconds
        while text not in self._seen:
            assert time.monotonic() < deadline, f"{text!r} did not come, but {self._seen!r}"
            if select.select([self._ours], [], [], 1)[0]:
                read = os.read(self._ours, 4096).decode(errors="replace")
                self._seen += read.replace("\a", "")
        self._seen = self._seen.partition(text)[2]

    def close(self) -> None:
        """End the shell."""
        self._shell.kill()
        self._shell.wait(30)
        os.close(self._ours)


@pytest.mark.parametrize("shell", START)
def test_tab_completes(shell: str, folder: Callable[[str], Path]) -> None:
    """TAB completes commands, options and files, also without a command name."""
    terminal = Terminal(shell, folder(shell))
    try:
        for typed, expected in CASES.items():
            terminal.type(f"{typed}\t")
            terminal.wait_for(expected)
            terminal.type("\x15\n")  # clears the line
            terminal.wait_for("ready> ")
    finally:
        terminal.close()


def test_fish_completes(folder: Callable[[str], Path]) -> None:
    """Fish's own ``complete -C`` lists the expected completions."""
    where = folder("fish")
    version = subprocess.check_output(["fish", "--version"], text=True, timeout=60).split()[-1]
    # fish 3.1 lacks the option; this home has no configuration anyway.
    options = ["--no-config"] if version >= "3.2" else []
    for typed, expected in CASES.items():
        done = subprocess.run(
            ["fish", *options, "-c", 'source ./_checksig; complete -C "$TYPED"'],
            cwd=where,
            env={"PATH": os.environ["PATH"], "HOME": str(where), "TERM": "dumb", "TYPED": typed},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        offers = [line.split("\t")[0] for line in done.stdout.splitlines()]
        assert expected.split()[-1] in offers, (typed, done.stdout, done.stderr)


def test_an_unknown_shell(command: list[str]) -> None:
    """An unknown shell is a usage error that lists the known ones."""
    done = subprocess.run(
        [*command, "completion", "csh"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "bash" in done.stderr


def test_the_generator_is_imported_late(python: Callable[..., str]) -> None:
    """Only ``checksig completion`` imports the script generator."""
    program = (
        "import sys, checksig.cli as c; c.main(['--quiet', sys.argv[1]]);"
        " print('shtab' in sys.modules, 'argparse' in sys.modules)"
    )
    sample = Path(__file__).resolve().parent.parent / "data" / "httpd"
    assert python(program, sample).splitlines()[-1] == "False True"
