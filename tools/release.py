#!/usr/bin/env python3
"""Print what the changelog says of a release, if its tag is right: release.py v1.2.3."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def notes(tag: str, root: Path = ROOT) -> str:
    """The text of the changelog's first section, which is that of the tag and of pyproject.toml.

    :raises SystemExit: the three do not name one version, or nothing is said of it.
    """
    project = Path(root, "pyproject.toml").read_text(encoding="utf-8")
    match = re.search(r'^version = "([^"]+)"$', project, re.MULTILINE)
    version = match[1] if match else ""
    if tag != f"v{version}":
        sys.exit(f"release: the tag is {tag}, and pyproject.toml says {version}")
    changes = Path(root, "CHANGELOG.md").read_text(encoding="utf-8")
    _, *sections = re.split(r"^## ", changes, flags=re.MULTILINE)
    heading, _, text = sections[0].partition("\n") if sections else ("", "", "")
    if not re.fullmatch(re.escape(version) + r" - \d{4}-\d\d-\d\d", heading):
        sys.exit(
            f"release: CHANGELOG.md begins with {heading!r}, not with '{version} - YYYY-MM-DD'"
        )
    if not text.strip():
        sys.exit(f"release: CHANGELOG.md says nothing of {version}")
    return text.strip() + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(notes(sys.argv[1]), end="")
