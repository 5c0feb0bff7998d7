#!/usr/bin/env python3
"""Write the manifests of tests/corpus again, each with the tool named in rows.json.

    python tools/make_corpus.py [ROW...]

For Debian 12 with coreutils, rhash, hashdeep, b3sum, xxhash, openssl, libdigest-sha-perl, gnupg,
signify-openbsd, dpkg-dev, apt-utils, libarchive-tools, mtree-netbsd, a JDK and unzip, and with cfv
on PATH. A row without a command is left as it is: it was written after the tool's documentation, or
needs bagit, wheel and pip.

A manifest differs from the one before where its tool writes the time, or signs it: the key is made
here and thrown away.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).resolve().parent.parent / "tests" / "corpus"
WORK = Path(tempfile.gettempdir(), "corpus")  # a fixed path: hashdeep writes it into the manifest


def run(command: str) -> bytes:
    """Return the output of a shell command in the working folder."""
    env = {**os.environ, "LC_ALL": "C.UTF-8", "GNUPGHOME": f"{WORK}.gpg"}
    words = ["bash", "-euo", "pipefail", "-c", command]
    return subprocess.run(words, cwd=WORK, env=env, check=True, stdout=subprocess.PIPE).stdout


def make(slug: str, row: dict[str, str], files: dict[str, str]) -> None:
    """Write a row's manifest, and note the tool's version in the row."""
    shutil.rmtree(WORK, ignore_errors=True)
    for name, content in files.items():
        path = WORK / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    content = run(row["command"])
    version = run(row["version"]).decode().strip().splitlines()[0].replace("\t", " ")
    tool = "" if version[0].isalpha() else f"{row['version'].split()[0]} "
    row["made"] = f"{tool}{version}: {row['command']}"
    # UTF-16 is stored as UTF-8, with its byte order mark, so that git shows its changes.
    encoding = row["encoding"]
    text = content.decode(encoding).encode() if encoding else content
    (CORPUS / slug / row["manifest"]).write_bytes(text)
    print(slug)


def main() -> None:
    """Make all rows that have a command, or those that are named."""
    index = CORPUS / "rows.json"
    rows = json.loads(index.read_text(encoding="utf-8"))
    for slug in sys.argv[1:] or [slug for slug, row in rows.items() if "command" in row]:
        make(slug, rows[slug], rows[slug]["files"])
    index.write_text(json.dumps(rows, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
