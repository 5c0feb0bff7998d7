"""tools/check_site.py finds what is wrong with a site."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).resolve().parent.parent.parent / "tools" / "check_site.py"

pytestmark = pytest.mark.skipif(not CHECK.exists(), reason="the program is not next to the tests")

GOOD = '<h1 id="top">a</h1><a href="b/c.html#here">c</a><a href="https://example.org">e</a>'


def check(site: Path, index: str) -> tuple[int, str]:
    """Check a site of two pages; return the exit code and the output."""
    (site / "b").mkdir(parents=True)
    (site / "index.html").write_text(index)
    (site / "b" / "c.html").write_text('<p id="here"></p><a href="../index.html#top">up</a>')
    done = subprocess.run(
        [sys.executable, CHECK, site], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout


def test_a_good_site(tmp_path: Path) -> None:
    """Links to pages, anchors and other hosts are right."""
    assert check(tmp_path / "site", GOOD) == (0, "2 pages, 0 faults\n")


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ('<a href="d.html">', "index.html: d.html leads nowhere"),
        ('<a href="../d.html">', "index.html: ../d.html leads nowhere"),
        ('<a href="b/c.html#there">', "index.html: b/c.html#there has no such anchor"),
        ('<a href="#there">', "index.html: #there has no such anchor"),
        ('<script src="https://example.org/a.js">', "index.html loads https://example.org/a.js"),
        ('<img src="//example.org/a.png">', "index.html loads //example.org/a.png"),
        ('<link rel="stylesheet" href="a.css">', "index.html: a.css leads nowhere"),
    ],
)
def test_a_fault(tmp_path: Path, more: str, fault: str) -> None:
    """It is printed, and the exit code is 1."""
    code, text = check(tmp_path / "site", GOOD + more)
    assert code == 1
    assert fault in text.splitlines()


def test_a_page_that_nothing_leads_to(tmp_path: Path) -> None:
    """It is a fault."""
    code, text = check(tmp_path / "site", '<h1 id="top">a</h1>')
    assert code == 1
    assert "c.html cannot be reached" in text


def test_what_a_style_sheet_loads(tmp_path: Path) -> None:
    """A font from another host is a fault."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "a.css").write_text("@font-face { src: url('https://example.org/a.woff2') }")
    code, text = check(site, GOOD)
    assert code == 1
    assert "a.css loads 'https://example.org/a.woff2'" in text
