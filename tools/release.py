#!/usr/bin/env python3
"""Print the changelog of a release after checking its tag: release.py v1.2.3."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def check_addresses(project: str) -> None:
    """Check that the project's addresses are those of the repository that this runs in.

    :raises SystemExit: they are not, or are the placeholder.
    """
    section = project.partition("\n[project.urls]\n")[2].partition("\n[")[0]
    addresses = re.findall(r'^\w+ = "([^"]+)"$', section, re.MULTILINE)
    if not addresses:
        sys.exit("release: pyproject.toml has no [project.urls]")
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY")
    here = "/".join(os.environ[name] for name in names if os.environ.get(name))
    for address in addresses:
        if "OWNER/REPOSITORY" in address or not f"{address}/".startswith(
            f"{here}/" if here else ""
        ):
            sys.exit(f"release: pyproject.toml has the address {address}, not one below {here}")


def notes(tag: str, root: Path = ROOT) -> str:
    """Return the first section of the changelog.

    :raises SystemExit: tag, pyproject.toml and changelog differ, the section is empty, or the
        project's addresses are not those of the repository that this runs in.
    """
    project = Path(root, "pyproject.toml").read_text(encoding="utf-8")
    match = re.search(r'^version = "([^"]+)"$', project, re.MULTILINE)
    version = match[1] if match else ""
    if tag != f"v{version}":
        sys.exit(f"release: the tag is {tag}, but pyproject.toml has {version}")
    check_addresses(project)
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
