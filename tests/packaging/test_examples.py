"""The examples of the documentation are run; tools/examples.py says how."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TOOL = ROOT / "tools" / "examples.py"


def is_gnu() -> bool:
    """Whether the usual commands are those of GNU."""
    try:
        shown = subprocess.run(["sha256sum", "--version"], capture_output=True, check=False)
    except OSError:
        return False
    return b"GNU coreutils" in shown.stdout


pytestmark = [
    pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="there is no documentation here"),
    pytest.mark.skipif(sys.platform != "linux", reason="the examples use commands of Linux"),
    pytest.mark.skipif(not is_gnu(), reason="the examples use GNU coreutils"),
    pytest.mark.needs("bash"),
]


def load() -> Any:
    """Import tools/examples.py."""
    spec = importlib.util.spec_from_file_location("examples", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["examples"] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


# Its examples need keys and signatures, and are run by test_signed_release_guide.py.
SIGNED = ROOT / "docs" / "guides" / "verify-a-signed-release.md"
PAGES = [ROOT / "README.md", *sorted({*(ROOT / "docs").rglob("*.md")} - {SIGNED})]


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in PAGES])
def test_every_example_is_true(page: str) -> None:
    """Every fenced block prints what the page shows, or says why it is not run.

    If the output has changed for a good reason: tools/examples.py --write PAGE.
    """
    faults = load().check(ROOT / page)
    assert not faults, "\n\n".join(faults)


WRONG = {
    "output": "```console\n$ echo one\ntwo\n```\n",
    "exit code": "```console\n$ false\n```\n",
    "unknown option": "<!-- not run: a reason -->\n```console\n$ checksig --unknown FILE\n```\n",
    "unknown command": "```console\n$ no-such-command\n```\n",
    "python": "```python\nprint(1)\n```\n\n```text\n2\n```\n",
    "exception": "```python\nraise ValueError\n```\n",
    "session": "```pycon\n>>> 1 + 1\n3\n```\n",
    "no reason": "<!-- not run: -->\n```console\n$ true\n```\n",
    "no such test": "<!-- tested by: test_examples.py::test_nothing -->\n```console\n$ a\n```\n",
    "syntax": "<!-- file: a.json -->\n```json\n{,}\n```\n",
    "text": "```text\nabc\n```\n",
    "no language": "```\nabc\n```\n",
    "preparation": "<!-- before: false -->\n```console\n$ true\n```\n",
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_example_is_found(fault: str, tmp_path: Path, monkeypatch: Any) -> None:
    """The checker finds what is wrong, and only that."""
    examples = load()
    monkeypatch.setattr(examples, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(WRONG[fault])
    assert len(examples.check(page)) == 1


def test_output_can_be_written(tmp_path: Path, monkeypatch: Any) -> None:
    """With ``write``, a page gets what was printed; a second check finds nothing."""
    examples = load()
    monkeypatch.setattr(examples, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("a\n\n```console\n$ echo one\nzero\n$ echo two; echo 3\n...\n3\n```\n\nb\n")
    assert len(examples.check(page, write=True)) == 1
    assert page.read_text() == (
        "a\n\n```console\n$ echo one\none\n$ echo two; echo 3\n...\n3\n```\n\nb\n"
    )
    assert examples.check(page) == []
