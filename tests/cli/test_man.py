"""The man page, which tools/make_man.py generates from the options."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "checksig.1"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the page is not next to the tests")


def test_it_is_up_to_date(tmp_path: Path) -> None:
    """The page is as generated; else run python3 tools/dev.py reference."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "make_man.py"],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.decode().splitlines() == PAGE.read_text(encoding="utf-8").splitlines()


def test_it_is_installed() -> None:
    """The page is installed where man finds it, next to the command's folder."""
    files = importlib.metadata.files("checksig") or []
    if not any(file.as_posix().startswith("checksig/") for file in files):
        pytest.skip("an editable install records no files")
    (page,) = [file for file in files if file.name == "checksig.1"]
    assert page.as_posix().endswith("share/man/man1/checksig.1")
    assert page.read_text(encoding="utf-8").splitlines() == PAGE.read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    "tool",
    [
        ("man", "--warnings", "-l", "-Tutf8", str(PAGE)),
        ("mandoc", "-Tlint", "-Wwarning,stop", str(PAGE)),
        ("mandoc", "-Tutf8", str(PAGE)),
    ],
)
def test_it_is_well_formed(tool: tuple[str, ...], needs: Callable[..., None]) -> None:
    """The formatters print no warning."""
    needs(tool[0])
    done = subprocess.run(
        tool,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
        timeout=60,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0), done.stdout
    if "-Tlint" not in tool:
        text = re.sub(".\b", "", done.stdout)  # bold, as on a printer
        assert "--junit" in text
        assert "EXIT STATUS" in text
