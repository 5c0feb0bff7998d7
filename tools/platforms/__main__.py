"""Build checksig for every platform, run its tests there, and print the table of what came of it.

For one Debian x86-64 machine, as root, with debootstrap and podman: systems are made from
Debian's packages, tools come from PyPI. All of it is kept in ~/.cache/checksig-platforms, so a
second run takes minutes. Name platforms to do only these; --write brings docs/platforms.md up to
date.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from arm import aarch64
from base import CACHE, TABLE, Outcome, PlatformError, log
from builds import reproducible, source_distribution
from glibc import cibuildwheel, manylinux, pypy
from macos import macos
from musl import musllinux, musllinux_aarch64
from windows import windows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEBIAN_TOOLS = {"debootstrap": "debootstrap", "podman": "podman", "runc": "runc"}


@dataclass
class Row:
    """An outcome, how it ended and what it took."""

    platform: str
    built: str
    tested: str
    tests: str
    result: str
    seconds: int
    date: str
    notes: list[str]


PLATFORMS: dict[str, Callable[[], Outcome]] = {
    "manylinux-x86_64": manylinux,
    "cibuildwheel": cibuildwheel,
    "manylinux-aarch64": aarch64,
    "musllinux-x86_64": musllinux,
    "musllinux-aarch64": musllinux_aarch64,
    "windows-amd64": windows,
    "macos": macos,
    "pypy": pypy,
    "reproducible": reproducible,
    "sdist": source_distribution,
}

STATE = "results.json"


def one(name: str) -> Row:
    """Do one platform, and say how it ended."""
    platform = PLATFORMS[name]
    log.start(name)
    begin = time.monotonic()
    title = (platform.__doc__ or "").splitlines()[0].rstrip(".")
    try:
        done, result = platform(), "pass"
    except (PlatformError, OSError, StopIteration, shutil.Error) as error:
        done, result = Outcome("-", "-", notes=[f"{type(error).__name__}: {error}"]), "FAIL"
    today = datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat()
    seconds = round(time.monotonic() - begin)
    return Row(title, done.built, done.tested, done.tests, result, seconds, today, done.notes)


def table(rows: Sequence[Row]) -> str:
    """Write the rows in Markdown."""
    lines = [
        "| platform | built with | tested on | tests | result | seconds | on |",
        "|" + " --- |" * 7,
    ]
    for row in rows:
        cells = (row.platform, row.built, row.tested, row.tests, row.result, row.seconds, row.date)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def write(rows: Sequence[Row]) -> None:
    """Put the table and its notes between the marks in docs/platforms.md."""
    notes = "".join(f"- {row.platform}: {note}\n" for row in rows for note in row.notes)
    begin, end = "<!-- written by tools/platforms -->", "<!-- end -->"
    text = TABLE.read_text(encoding="utf-8")
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    body = f"{begin}\n{table(rows)}\n\n{notes}{end}"
    TABLE.write_text(before + body + after, encoding="utf-8")


def main() -> int:
    """Do the platforms that were asked for."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0], epilog=f"platforms: {', '.join(PLATFORMS)}"
    )
    parser.add_argument("names", nargs="*", metavar="PLATFORM", help="only these; all if none")
    parser.add_argument("--write", action="store_true", help="bring docs/platforms.md up to date")
    options = parser.parse_args()
    if unknown := set(options.names) - set(PLATFORMS):
        parser.error(f"no such platform: {', '.join(sorted(unknown))}")
    if os.geteuid() or not shutil.which("unshare"):
        sys.exit("platforms: this needs root on a Linux machine: it makes systems to test in")
    lacking = [package for tool, package in DEBIAN_TOOLS.items() if not shutil.which(tool)]
    if lacking:
        sys.exit(f"platforms: on Debian, first: apt-get install {' '.join(lacking)}")
    (CACHE / "nothing" / "tmp").mkdir(parents=True, exist_ok=True)
    known = CACHE / STATE
    results = json.loads(known.read_text()) if known.exists() else {}
    names = options.names or list(PLATFORMS)
    rows = {}
    for name in names:
        print(f"{name} ... ", end="", flush=True)
        rows[name] = one(name)
        print(f"{rows[name].result} {rows[name].tests} in {rows[name].seconds} s", flush=True)
        if rows[name].result != "pass":
            print("\n".join(rows[name].notes), f"(see {log.path})", sep="\n")
        results[name] = asdict(rows[name])
        known.write_text(json.dumps(results, indent=1))
    print(table(list(rows.values())))
    if options.write:
        write([Row(**results[name]) for name in PLATFORMS if name in results])
    return int(any(row.result != "pass" for row in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
