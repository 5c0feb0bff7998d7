"""Build checksig for every platform, run its tests there, and print the table of what came of it.

For one Debian x86-64 machine, as root, with debootstrap and podman: systems are made from
Debian's packages, tools come from PyPI. All of it is kept in ~/.cache/checksig-platforms, so a
second run takes minutes. Name platforms to do only these, in as many runs side by side as the
machine bears; --write records what came of them, and brings docs/platforms.md and README.md up to
date.
"""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING

import table
from arm import aarch64
from base import CACHE, Outcome, PlatformError, log
from builds import reproducible, source_distribution
from glibc import cibuildwheel, free_threaded, manylinux, pypy, python313
from macos import macos
from musl import musllinux, musllinux_aarch64
from windows import windows

if TYPE_CHECKING:
    from collections.abc import Callable

DEBIAN_TOOLS = {"debootstrap": "debootstrap", "podman": "podman", "runc": "runc"}
PLATFORMS: dict[str, Callable[[], Outcome]] = {
    "manylinux-x86_64": manylinux,
    "cibuildwheel": cibuildwheel,
    "cpython-3.13": python313,
    "pypy": pypy,
    "free-threaded": free_threaded,
    "manylinux-aarch64": aarch64,
    "musllinux-x86_64": musllinux,
    "musllinux-aarch64": musllinux_aarch64,
    "windows-amd64": windows,
    "macos": macos,
    "sdist": source_distribution,
    "reproducible": reproducible,
}


def one(name: str) -> table.Row:
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
    return table.Row(
        name, title, done.built, done.tested, done.tests, result, seconds, today, done.notes
    )


def main() -> int:
    """Do the platforms that were asked for."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0], epilog=f"platforms: {', '.join(PLATFORMS)}"
    )
    parser.add_argument("names", nargs="*", metavar="PLATFORM", help="only these; all if none")
    parser.add_argument("--write", action="store_true", help="record it, and write the documents")
    options = parser.parse_args()
    if unknown := set(options.names) - set(PLATFORMS):
        parser.error(f"no such platform: {', '.join(sorted(unknown))}")
    if os.geteuid() or not shutil.which("unshare"):
        sys.exit("platforms: this needs root on a Linux machine: it makes systems to test in")
    lacking = [package for tool, package in DEBIAN_TOOLS.items() if not shutil.which(tool)]
    if lacking:
        sys.exit(f"platforms: on Debian, first: apt-get install {' '.join(lacking)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was made goes with it
    (CACHE / "nothing" / "tmp").mkdir(parents=True, exist_ok=True)
    rows = {}
    for name in options.names or list(PLATFORMS):
        print(f"{name} ... ", end="", flush=True)
        row = rows[name] = one(name)
        print(f"{row.result} {row.tests} in {row.seconds} s", flush=True)
        if row.result != "pass":
            print("\n".join(row.notes), f"(see {log.path})", sep="\n")
        if options.write:
            row.save()
            table.write()
    print(table.table(rows))
    return int(any(row.result != "pass" for row in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
