"""tools/release.py: tag, pyproject.toml and changelog must name the same version."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RELEASE = Path(__file__).resolve().parent.parent.parent / "tools" / "release.py"


HOST = "https://example.org"


def release(
    root: Path, tag: str, version: str, changes: str, source: str = f"{HOST}/a/b"
) -> tuple[int, str, str]:
    """Run the program for a project in the repository a/b; return exit code, output and error."""
    (root / "tools").mkdir()
    shutil.copy(RELEASE, root / "tools")
    (root / "pyproject.toml").write_text(
        f'[project]\nname = "checksig"\nversion = "{version}"\n\n'
        f'[project.urls]\nSource = "{source}"\nIssues = "{source}/issues"\n\n[other]\n'
    )
    (root / "CHANGELOG.md").write_text(f"# Changelog\n\n{changes}")
    done = subprocess.run(
        [sys.executable, root / "tools" / "release.py", tag],
        env={**os.environ, "GITHUB_SERVER_URL": HOST, "GITHUB_REPOSITORY": "a/b"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_notes_are_those_of_the_version(tmp_path: Path) -> None:
    """The text between the first heading and the next is printed."""
    changes = "## 1.2.0 - 2026-11-23\n\n### Added\n\n- This.\n\n## 1.1.0 - 2026-01-01\n\n- That.\n"
    answer = release(tmp_path, "v1.2.0", "1.2.0", changes)
    assert answer == (0, "### Added\n\n- This.\n", "")


@pytest.mark.parametrize(
    ("tag", "version", "changes", "fault"),
    [
        ("v1.2.1", "1.2.0", "## 1.2.0 - 2026-11-23\n\n- This.\n", "the tag is v1.2.1, but pypr"),
        ("1.2.0", "1.2.0", "## 1.2.0 - 2026-11-23\n\n- This.\n", "the tag is 1.2.0, but pyproj"),
        ("v1.2.0", "1.2.0", "## Unreleased\n\n- This.\n", "CHANGELOG.md begins with 'Unreleased'"),
        ("v1.2.0", "1.2.0", "## 1.2.0\n\n- This.\n", "CHANGELOG.md begins with '1.2.0'"),
        ("v1.2.0", "1.2.0", "## 1.2.0 - 2026-11-23\n\n## 1.1.0 - 2026-01-01\n\n- That.\n", "CHAN"),
        ("v1.2.0", "1.2.0", "", "CHANGELOG.md begins with ''"),
    ],
)
def test_what_is_no_release(
    tmp_path: Path, tag: str, version: str, changes: str, fault: str
) -> None:
    """A tag of another version, and a version without notes, are refused."""
    code, output, error = release(tmp_path, tag, version, changes)
    assert (code, output) == (1, "")
    assert error.startswith(f"release: {fault}")


@pytest.mark.parametrize("source", [f"{HOST}/OWNER/REPOSITORY", f"{HOST}/c/d"])
def test_the_addresses_are_those_of_the_repository(tmp_path: Path, source: str) -> None:
    """A release with the placeholder, or with another repository's address, is refused."""
    changes = "## 1.2.0 - 2026-11-23\n\n- This.\n"
    code, output, error = release(tmp_path, "v1.2.0", "1.2.0", changes, source)
    assert (code, output) == (1, "")
    assert error.startswith("release: pyproject.toml has the address")
