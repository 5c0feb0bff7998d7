#!/usr/bin/env python3
"""Check what a source distribution holds: what git knows, the Go modules, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
MOST_BYTES = 10_000_000
# Not for those who build: how the project itself is run.
NOT_SHIPPED = re.compile(r"\.|benchmarks/|CONTRIBUTING\.md$|SECURITY\.md$")
MADE = re.compile(r"PKG-INFO|setup\.cfg|src/checksig\.egg-info/[\w.-]+|go/vendor/.+")
BINARY = re.compile(rb"\x7fELF|MZ|[\xce\xcf]\xfa\xed\xfe|\xca\xfe\xba\xbe|!<arch>\n")


def known() -> set[str]:
    """The files of the source: those that git knows; in an unpacked distribution, all there are."""
    if Path(ROOT, ".git").exists():
        command = ("git", "-C", str(ROOT), "ls-files", "-z", "--cached")
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        names = set(listed.split("\0")) - {""}
    else:
        names = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file()}
    return {name for name in names if not NOT_SHIPPED.match(name) and not MADE.fullmatch(name)}


def check_members(members: list[tarfile.TarInfo], top: str) -> Iterator[str]:
    """Files and folders below one folder, of nobody, of one time and of two modes."""
    for member in members:
        if member.name.partition("/")[0] != top or ".." in member.name.split("/"):
            yield f"{member.name} is outside of {top}"
        if not (member.isfile() or member.isdir()):
            yield f"{member.name} is neither a file nor a folder"
        if (member.uid, member.gid, member.uname, member.gname) != (0, 0, "", ""):
            yield f"{member.name} tells who made it"
        if member.mode not in ({0o755} if member.isdir() else {0o644, 0o755}):
            yield f"{member.name} has the mode {member.mode:o}"
    if len({member.mtime for member in members}) > 1:
        yield "its members are of several times"
    if len({member.name for member in members}) < len(members):
        yield "two of its members have one name"


def check_vendor(files: dict[str, bytes]) -> Iterator[str]:
    """The Go modules of go.mod are there, each with its licence."""
    pinned = re.findall(rb"^\t(\S+) (v\S+)", files.get("go/go.mod", b""), re.MULTILINE)
    listed = files.get("go/vendor/modules.txt", b"").decode().splitlines()
    if not pinned:
        yield "has no go.mod"
    for name, version in (tuple(map(bytes.decode, pair)) for pair in pinned):
        if f"# {name} {version}" not in listed:
            yield f"lacks the Go module {name} {version}"
        elif not any(file.startswith(f"go/vendor/{name}/LICENSE") for file in files):
            yield f"lacks the licence of {name}"


def check(path: Path) -> Iterator[str]:
    """Everything that is wrong with a source distribution."""
    if path.stat().st_size >= MOST_BYTES:
        yield f"is of {path.stat().st_size} bytes, {MOST_BYTES} or more"
    top = path.name.removesuffix(".tar.gz")
    if not re.fullmatch(r"checksig-[^-]+", top):
        yield "is not named checksig-VERSION.tar.gz"
    with tarfile.open(path, "r:gz") as archive:
        members = archive.getmembers()
        yield from check_members(members, top)
        files = {
            member.name.partition("/")[2]: stream.read()
            for member in members
            if member.isfile() and (stream := archive.extractfile(member))
        }
    wanted = known()
    yield from (f"lacks {name}" for name in sorted(wanted - set(files)))
    extra = (name for name in set(files) - wanted if not MADE.fullmatch(name))
    yield from (f"holds {name}" for name in sorted(extra))
    for name in sorted(wanted & set(files)):
        if files[name] != Path(ROOT, name).read_bytes():
            yield f"holds another {name}"
    yield from (f"{name} is a binary" for name in sorted(files) if BINARY.match(files[name]))
    yield from check_vendor(files)


def main() -> int:
    """Check each source distribution named on the command line."""
    if len(sys.argv) < 2:
        sys.exit(f"usage: check_sdist.py SDIST...\n{__doc__}")
    failed = False
    for path in map(Path, sys.argv[1:]):
        faults = list(check(path))
        failed |= bool(faults)
        for fault in faults:
            print(f"{path.name}: {fault}")
        if not faults:
            print(f"{path.name}: ok, {path.stat().st_size} bytes")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
