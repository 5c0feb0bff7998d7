"""The documentation is right: named tests exist, and examples print what is shown."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.skipif(
    not (ROOT / "README.md").exists(), reason="the documents are not next to the tests"
)


@pytest.mark.parametrize("page", ["guest.md", "files.md", "create.md"])
def test_the_tests_that_are_named_exist(page: str) -> None:
    """Each test named in a table, in Python or Go, exists."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", text)
    assert len(named) > 20
    for file, test in named:
        (path,) = (ROOT / "tests").rglob(file)
        source = path.read_text(encoding="utf-8")
        assert f"def {test}(" in source, f"{file}::{test}"
    go = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "go").rglob("*_test.go"))
    for target in re.findall(r"`(Fuzz\w+)`", text):
        assert f"func {target}(" in go, target


def test_every_row_names_a_test() -> None:
    """Each promise has a test."""
    for page in ("guest.md", "files.md", "create.md"):
        for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines():
            if line.startswith("| ") and not line.startswith(("| hazard", "| what", "| ---")):
                assert re.search(r"`(test_\w+\.py::test_\w+|Fuzz\w+)`[^|]*\|$", line), line


def test_the_readme_shows_what_the_command_prints(command: list[str]) -> None:
    """The first example's output is real, except for the times."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```console\n\$ checksig (\S+)\n(.*?)```", text, re.DOTALL)
    assert shown is not None
    done = subprocess.run(
        [*command, shown[1]], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    seconds = re.compile(r"in \d+\.\d\d s, \d+ files/s, \d+\.\d MB/s")
    printed = done.stdout.replace("\\", "/")
    assert seconds.sub("", printed) == seconds.sub("", shown[2])


def test_the_readme_shows_what_python_prints() -> None:
    """The quick start prints what the README shows."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL)
    assert shown is not None
    done = subprocess.run(
        [sys.executable, "-c", shown[1]],
        cwd=ROOT,  # its path is relative; the package is below src/, and not found from here
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.replace("\\", "/") == shown[2]
