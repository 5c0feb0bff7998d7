"""The report in HTML, as a browser shows it."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import checksig
from checksig._html import page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = subprocess.CompletedProcess[str]
    Browse = Callable[..., tuple[str, str]]

HOSTILE = (
    "<script>document.title='pwned'</script>",
    "<img src=x onerror=document.title='pwned'>",
    "\"><svg onload=document.title='pwned'>",
    "</title></style></script><b>",
    "\u202egnp.exe",
    "&lt;",
    "' onclick='alert(1)",
)


@pytest.fixture
def browse(needs: Callable[..., None], tmp_path: Path) -> Browse:
    """Open a page in Chromium; return the document after its script ran, and what it logged."""
    needs("chromium")

    def browse(file: Path, fragment: str = "") -> tuple[str, str]:
        done = subprocess.run(
            [
                *("chromium", "--headless", "--no-sandbox", "--disable-gpu"),
                *("--disable-dev-shm-usage", "--no-first-run", "--enable-logging=stderr"),
                *(f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"),
                file.as_uri() + fragment,
            ],
            capture_output=True,
            timeout=100,
            check=True,
        )
        logged = [line for line in done.stderr.decode().splitlines() if "CONSOLE" in line]
        return done.stdout.decode(), "\n".join(logged)

    return browse


def hostile_report() -> checksig.Report:
    """Return a report with hostile text in each place."""
    statuses = (*checksig.Status, *checksig.Status)
    results = tuple(
        checksig.Result(text, status, text, text, text, 1, text, 1, text, opened=text)
        for text, status in zip(HOSTILE, statuses, strict=False)
    )
    failures = tuple(result for result in results if not result.ok)
    manifests = tuple(
        checksig.Manifest(text, text, (text,), notes=(text,), unverified=(text,))
        for text in HOSTILE
    )
    bad_lines = tuple(checksig.BadLine(text, 1, text, text) for text in HOSTILE)
    extras = tuple(checksig.Extra(text, text, fails=True) for text in HOSTILE)
    return checksig.Report(
        HOSTILE[0], manifests, 1, 2, 2, 2, 0, failures, bad_lines, 0, 0.0, extras, (), HOSTILE
    )


class Failed:
    """A path that could not be verified."""

    path = HOSTILE[1]
    message = HOSTILE[2]


@pytest.mark.timeout(300)
def test_no_name_becomes_markup(browse: Browse, tmp_path: Path) -> None:
    """Hostile texts in all places are shown as text: no element, no attribute, no title."""
    report = hostile_report()
    package = checksig.PackageReport(HOSTILE[0], HOSTILE[1], HOSTILE[2], report, HOSTILE[3])
    installed = checksig.InstalledReport(HOSTILE[4], (package, package))
    file = tmp_path / "report.html"
    text = page([report, installed, Failed()])
    file.write_text(text, encoding="utf-8")
    assert "\u202e" not in text
    document, logged = browse(file)
    assert logged == ""
    assert "pwned</title>" not in document
    assert document.count("<script") == document.count("<style") == 1
    assert not re.search(r"<(img|b>|[^>]*\son\w+=)", re.sub(r"<li class=[^>]*><b>", "", document))
    shown = html.unescape(re.sub(r"<[^>]*>", "", document))
    for name in HOSTILE[:4]:
        assert name in shown


@pytest.mark.timeout(300)
def test_what_a_browser_shows(
    browse: Browse, run: Callable[..., Run], httpd: Path, tmp_path: Path
) -> None:
    """The script filters the rows, and nothing breaks the policy that the page has for itself."""
    assert run("--html", "report.html", httpd).returncode == 1
    file = tmp_path / "report.html"
    document, logged = browse(file)
    assert logged == ""
    assert document.index("mismatched</td>") < document.index("<svg")
    rows = re.findall(r"<tr( hidden=\"\")?><td", document)
    assert f"{len(rows)} of {len(rows)} rows" in document
    filtered, logged = browse(file, "#httpd-08%20MISMATCHED")
    assert f">1 of {len(rows)} rows<" in filtered
    assert len(re.findall(r'<tr hidden=""><td', filtered)) == len(rows) - 1
    assert logged == ""


@pytest.mark.timeout(300)
def test_the_policy_stops_other_scripts(browse: Browse, httpd: Path, tmp_path: Path) -> None:
    """A script or an event handler that is not the page's own does not run."""
    file = tmp_path / "report.html"
    text = page([checksig.verify(httpd, check=False)])
    added = "<script>document.title='x'</script><img src=x onerror=\"document.title='x'\">"
    file.write_text(text.replace("</h1>", f"</h1>{added}"), encoding="utf-8")
    document, logged = browse(file)
    assert "<title>x</title>" not in document
    assert "Content Security Policy" in logged
    free = text.replace("Content-Security-Policy", "x")  # otherwise this test could not fail
    file.write_text(free.replace("</h1>", f"</h1>{added}"), encoding="utf-8")
    assert "<title>x</title>" in browse(file)[0]


def test_a_page_stands_alone(httpd: Path) -> None:
    """Nothing is loaded, and there is no style attribute, which the policy would refuse."""
    text = page([checksig.verify(httpd, check=False)])
    assert not re.search(r"https?://|\bsrc=|\bhref=|@import|url\(|\sstyle=", text)


def test_a_page_is_bounded(run: Callable[..., Run], tmp_path: Path) -> None:
    """Of many failures and verified files the first are listed, and all are counted."""
    digest = checksig.digest(__file__)
    lines = [f"{digest}  f{i}" for i in range(1500)] + [f"{digest}  g{i}" for i in range(1700)]
    (tmp_path / "SHA256SUMS").write_text("\n".join(lines))
    for i in range(1500):
        (tmp_path / f"f{i}").hardlink_to(__file__)
    run("--html", "report.html", "SHA256SUMS")
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "Failures and findings (1,700)" in text
    assert "... and 700 more" in text
    assert "Verified entries (1,500)" in text
    assert "... and 500 more" in text
    assert text.count("<tr><td") == 1000 + 1000 + 1
    assert len(text) < 1_000_000


def test_the_plot_counts_every_entry(run: Callable[..., Run], tmp_path: Path) -> None:
    """A bar for each size, with the states of its files; and one for files that were not read."""
    for name, size in (("empty", 0), ("small", 5), ("large", 12345), ("bad", 7)):
        (tmp_path / name).write_bytes(b"x" * size)
    run("create", ".")
    (tmp_path / "bad").write_bytes(b"changed")
    (tmp_path / "large").unlink()
    run("--html", "report.html", "SHA256SUMS")
    text = (tmp_path / "report.html").read_text("utf-8")
    titles = re.findall(r"<rect[^>]*><title>([^<]*)</title>", text)
    assert titles == [
        "not read: 1 missing",
        "empty: 1 verified",
        "1 - 10 B: 1 verified",
        "1 - 10 B: 1 mismatched",
    ]


def test_installed_packages(run: Callable[..., Run], tmp_path: Path) -> None:
    """The commands for installed packages write such a page, with a table of the packages."""
    run("env", "--html", "report.html", sys.prefix)
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "<h2>Packages in " in text
    assert re.search(
        r'<td class="state verified">verified</td><td><span class="name">pytest<', text
    )
