#!/usr/bin/env python3
"""Print the changelog of a release after checking its tag: release.py v1.2.3."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def notes(tag: str, root: Path = ROOT) -> str:
    """Return the first section of the changelog.

    :raises SystemExit: tag, pyproject.toml and changelog differ, or the section is empty.
    """
    project = Path(root, "pyproject.toml").read_text(encoding="utf-8")
    match = re.search(r'^version = "([^"]+)"$', project, re.MULTILINE)
    version = match[1] if match else ""
    if tag != f"v{version}":
        sys.exit(f"release: the tag is {tag}, but pyproject.toml has {version}")
    changes = Path(root, "CHANGELOG.md").read_text(encoding="utf-8")
    _, *sections = re.split(r"^## ", changes, flags=re.MULTILINE)
    heading, _, text = sections[0].partition("\n") if sections else ("", "", "")
    if not re.fullmatch(re.escape(version) + r" - \d{4}-\d\d-\d\d", heading):
        sys.exit(
            f"release: CHANGELOG.md begins with {heading!r}, not with '{version} - YYYY-MM-DD'"
        )
    if not text.strip():
        sys.exit(f"release: CHANGELOG.md has no text for {version}")
    return text.strip() + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(notes(sys.argv[1]), end="")
