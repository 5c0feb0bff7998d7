"""Random changes to trees: the report names exactly the changed entries."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,  # type: ignore[attr-defined, unused-ignore]
)

from checksig import Status, verify

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="makes links, FIFOs and permissions")

CONTENTS = {
    "a": b"a",
    "b": b"bb" * 3000,
    "empty": b"",
    "new\nline": b"a line\n",
    "sub/c": b"c" * 70_000,
    "sub/d": b"d",
}
IN_MD5 = ("a", "sub/c")
NAMES = tuple(CONTENTS)
NOT_REGULAR = "not a regular file"
OUTSIDE = "leads outside the manifest's folder"
LOOP = "too many levels of symbolic links"
DENIED = "permission denied"


@dataclass
class File:
    """A regular file."""

    content: bytes
    readable: bool = True


@dataclass
class Link:
    """A symbolic link to a name of the tree, or out of it."""

    target: str | None


@dataclass
class Special:
    """A folder or a FIFO."""

    folder: bool


Expected = tuple[Status, "str | None"]


def line(algorithm: str, name: str) -> str:
    """Return a manifest's line for a name."""
    digest = hashlib.new(algorithm, CONTENTS[name]).hexdigest()
    escaped = name.replace("\n", "\\n")
    return ("\\" if escaped != name else "") + f"{digest}  {escaped}\n"


@contextlib.contextmanager
def unprivileged() -> Generator[None]:
    """Drop the superuser's right to read everything for a while."""
    if os.geteuid() != 0:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


class Tree(RuleBasedStateMachine):
    """A folder with two manifests, and a model of its contents."""

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(tempfile.mkdtemp(prefix="checksig-"))
        self.base.chmod(0o755)
        self.root = self.base / "tree"
        (self.root / "sub").mkdir(parents=True)
        (self.base / "outside").write_bytes(CONTENTS["a"])
        self.nodes: dict[str, File | Link | Special] = {}
        self.sub = "here"  # or "moved" away, or moved and "linked" to
        self.garbage = 0
        for name in NAMES:
            self.write(name, File(CONTENTS[name]))
        self.manifest = self.root / "SHA256SUMS"
        self.manifest.write_text("".join(line("sha256", name) for name in NAMES))
        (self.root / "x.md5").write_text("".join(line("md5", name) for name in IN_MD5))

    def teardown(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.base)

    # --- the folder and what is known of it

    def path(self, name: str) -> Path:
        """Return where the file of that name is now."""
        return self.root / (name if self.sub == "here" else name.replace("sub/", "moved/"))

    def clear(self, name: str) -> None:
        """Remove what is there."""
        node = self.nodes.pop(name, None)
        if isinstance(node, Special) and node.folder:
            self.path(name).rmdir()
        elif node is not None:
            self.path(name).unlink()

    def write(self, name: str, file: File) -> None:
        """Write a regular file there."""
        self.clear(name)
        self.path(name).write_bytes(file.content)
        self.nodes[name] = file

    def change(self, name: str, content: bytes) -> None:
        """Change a file in place, if it is a file, and restore its times."""
        node = self.nodes.get(name)
        if isinstance(node, File) and node.readable:
            path = self.path(name)
            before = path.stat()
            with path.open("r+b") as file:
                file.write(content)
                file.truncate()
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            node.content = content

    def content(self, name: str) -> bytes:
        """Return the content of a file, or None."""
        node = self.nodes.get(name)
        return node.content if isinstance(node, File) else b""

    def follow(self, name: str) -> File | Expected:
        """Return the file that a name leads to, or why there is none."""
        at: str | None = name
        for _ in range(len(NAMES) + 1):
            if at is None:
                return Status.UNREADABLE, OUTSIDE
            away = at.startswith("sub/") and self.sub == "moved"
            node = None if away else self.nodes.get(at)
            if node is None:
                return Status.MISSING, "no such file or directory"
            if isinstance(node, Special):
                return Status.UNREADABLE, NOT_REGULAR
            if isinstance(node, File):
                return node
            at = node.target
        return Status.UNREADABLE, LOOP

    def expected(self, name: str, algorithm: str) -> Expected:
        """Return the expected result of an entry."""
        file = self.follow(name)
        if not isinstance(file, File):
            return file
        if not file.readable:
            return Status.UNREADABLE, DENIED
        digests = {hashlib.new(algorithm, c).digest() for c in (file.content, CONTENTS[name])}
        return (Status.VERIFIED if len(digests) == 1 else Status.MISMATCHED), None

    # --- the changes

    names = st.sampled_from(NAMES)

    @rule(name=names)
    def delete(self, name: str) -> None:
        """Delete what is there."""
        self.clear(name)

    @rule(name=names, part=st.floats(0, 1))
    def truncate(self, name: str, part: float) -> None:
        """Truncate a file."""
        content = self.content(name)
        self.change(name, content[: int(len(content) * part)])

    @rule(name=names, more=st.binary(min_size=1, max_size=9))
    def append(self, name: str, more: bytes) -> None:
        """Append to a file."""
        self.change(name, self.content(name) + more)

    @rule(name=names, part=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
    def flip(self, name: str, part: float, bit: int) -> None:
        """Flip one bit of a file."""
        content = bytearray(self.content(name))
        if content:
            content[int(len(content) * part)] ^= 1 << bit
            self.change(name, bytes(content))

    @rule(name=names)
    def lock(self, name: str) -> None:
        """Remove the permission to read a file."""
        node = self.nodes.get(name)
        if isinstance(node, File):
            self.path(name).chmod(0)
            node.readable = False

    @rule(name=names)
    def unlock(self, name: str) -> None:
        """Restore the permission."""
        node = self.nodes.get(name)
        if isinstance(node, File):
            self.path(name).chmod(0o644)
            node.readable = True

    @rule(name=names, to=names)
    def link_inside(self, name: str, to: str) -> None:
        """Replace with a link to another name or to itself; several can form loops."""
        self.clear(name)
        self.path(name).symlink_to(("../" if "/" in name else "") + to)
        self.nodes[name] = Link(to)

    @rule(name=names, absolute=st.booleans())
    def link_outside(self, name: str, absolute: bool) -> None:
        """Replace with a link to a file outside."""
        self.clear(name)
        outside = "../../outside" if "/" in name else "../outside"
        self.path(name).symlink_to(self.base / "outside" if absolute else outside)
        self.nodes[name] = Link(None)

    @rule(name=names, folder=st.booleans())
    def replace_by_special(self, name: str, folder: bool) -> None:
        """Replace with a folder or a FIFO."""
        self.clear(name)
        if folder:
            self.path(name).mkdir()
        else:
            os.mkfifo(self.path(name))
        self.nodes[name] = Special(folder)

    @rule(one=names, other=names)
    def rename(self, one: str, other: str) -> None:
        """Rename one over the other."""
        if one != other and isinstance(self.nodes.get(one), File):
            self.clear(other)
            self.path(one).rename(self.path(other))
            self.nodes[other] = self.nodes.pop(one)

    @rule(one=names, other=names)
    def swap(self, one: str, other: str) -> None:
        """Swap two files."""
        first, second = self.nodes.get(one), self.nodes.get(other)
        if one != other and isinstance(first, File) and isinstance(second, File):
            aside = self.base / "aside"
            self.path(one).rename(aside)
            self.path(other).rename(self.path(one))
            aside.rename(self.path(other))
            self.nodes[one], self.nodes[other] = second, first

    @rule(name=names)
    def restore(self, name: str) -> None:
        """Restore the original."""
        self.write(name, File(CONTENTS[name]))

    @rule()
    def restore_all(self) -> None:
        """Restore everything."""
        self.move_folder("here")
        self.mend_manifest()
        for name in NAMES:
            self.restore(name)

    @rule(to=st.sampled_from(["here", "moved", "linked"]))
    def move_folder(self, to: str) -> None:
        """Move a folder away and back, or put a link in its place."""
        here, moved = self.root / "sub", self.root / "moved"
        if self.sub == "linked":
            here.unlink()
        if self.sub == "here" and to != "here":
            here.rename(moved)
        if self.sub != "here" and to == "here":
            moved.rename(here)
        if to == "linked":
            here.symlink_to("moved")
        self.sub = to

    @rule(
        garbage=st.sampled_from(
            ["garbage", "0" * 64, "0" * 64 + "  a\0b", "\\" + "0" * 64 + "  \\"]
        )
    )
    def spoil_manifest(self, garbage: str) -> None:
        """Append a bad line to the manifest."""
        with self.manifest.open("a") as manifest:
            manifest.write(garbage + "\n")
        self.garbage += 1

    @rule()
    def mend_manifest(self) -> None:
        """Remove the bad line."""
        good = "".join(self.manifest.read_text().splitlines(keepends=True)[: len(NAMES)])
        self.manifest.write_text(good)
        self.garbage = 0

    # --- the check

    @invariant()
    def the_report_says_exactly_that(self) -> None:
        """Every entry has its status and detail, and every bad line is counted."""
        expected = {("SHA256SUMS", name): self.expected(name, "sha256") for name in NAMES}
        expected |= {("x.md5", name): self.expected(name, "md5") for name in IN_MD5}
        with unprivileged():
            report = verify(self.root, check=False)
        found = {
            (os.path.basename(r.manifest), r.name): (
                r.status,
                None if r.status is Status.MISMATCHED else r.detail,
            )
            for r in report.results
        }
        assert found == expected
        wrong = {entry for entry, (status, _) in expected.items() if status is not Status.VERIFIED}
        assert {(os.path.basename(r.manifest), r.name) for r in report.failures} == wrong
        assert [b.line for b in report.bad_lines] == [
            len(NAMES) + 1 + i for i in range(self.garbage)
        ]
        assert report.ok is not bool(wrong or self.garbage)


@pytest.mark.timeout(600)
def test_the_report_names_exactly_what_changed(httpd: Path) -> None:
    """After random changes, each entry has the status that the model expects."""
    verify(httpd, check=False)  # loads the engine, which the user nobody may be unable to read
    mask = os.umask(0o022)
    try:
        run_state_machine_as_test(  # type: ignore[no-untyped-call, unused-ignore]
            Tree, settings=settings(deadline=None, database=None, stateful_step_count=20)
        )
    finally:
        os.umask(mask)
