"""The documentation is correct: tests it names exist, links lead somewhere, output is real."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PROMISES = ("host-process", "files", "writing")

pytestmark = pytest.mark.skipif(
    not (ROOT / "README.md").exists(), reason="the documentation is not next to the tests"
)


def promises(name: str) -> str:
    """Return the text of a page of promises."""
    return (ROOT / "docs" / "reference" / f"promises-{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PROMISES)
def test_the_tests_that_are_named_exist(page: str) -> None:
    """Every promise names a Python test or Go fuzz target that exists."""
    text = promises(page)
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", text)
    assert len(named) > 20
    for file, test in named:
        (path,) = (ROOT / "tests").rglob(file)
        source = path.read_text(encoding="utf-8")
        assert f"def {test}(" in source, f"{file}::{test}"
    go = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "go").rglob("*_test.go"))
    for target in re.findall(r"`(Fuzz\w+)`", text):
        assert f"func {target}(" in go, target


@pytest.mark.parametrize("page", PROMISES)
def test_every_row_names_a_test(page: str) -> None:
    """Every row of the tables of promises names a test."""
    for line in promises(page).splitlines():
        if line.startswith("| ") and not line.startswith(("| hazard", "| what", "| ---")):
            assert re.search(r"`(test_\w+\.py::test_\w+|Fuzz\w+)`[^|]*\|$", line), line


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    """Every relative link leads to a file, and every anchor to a heading."""
    if not (ROOT / "CONTRIBUTING.md").exists():
        pytest.skip("a source distribution does not contain all pages")
    broken: list[str] = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if re.match(r"\w+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []


def test_the_readme_shows_what_the_command_prints(command: list[str]) -> None:
    """The example with the sample data shows real output, except for the time taken."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```console\n\$ checksig (tests/\S+)\n(.*?)```", text, re.DOTALL)
    assert shown is not None
    done = subprocess.run(
        [*command, shown[1]], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    seconds = re.compile(r"in \d+\.\d\d s, \d+ files/s, \d+\.\d MB/s")
    printed = done.stdout.replace("\\", "/")
    assert seconds.sub("", printed) == seconds.sub("", shown[2])


def test_the_readme_shows_what_python_prints() -> None:
    """The Python example, run as it is, prints what is shown below it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL)
    assert shown is not None
    done = subprocess.run(
        [sys.executable, "-c", shown[1]],
        cwd=ROOT,  # its path is relative; src/ is not on the path
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.replace("\\", "/") == shown[2]
