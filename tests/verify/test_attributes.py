"""What an mtree(5) states besides digests: types, modes, owners and the targets of links."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from checksig import iter_verify, verify
from checksig.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from checksig import Report

unix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes and owners")

CONTENT = b"some data\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NOTE = "--ignore-attributes (ignore_attributes=True) compares the content of files only"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a folder with a file, a folder, a link, and a FIFO that nobody writes into."""
    folder = tmp_path / "tree"
    for path in (folder, folder / "sub"):
        path.mkdir()
        path.chmod(0o755)
    for name in ("a", "sub/b c"):
        (folder / name).write_bytes(CONTENT)
        (folder / name).chmod(0o644)
    if sys.platform != "win32":
        (folder / "sub" / "link").symlink_to("../b =c")
        os.mkfifo(folder / "pipe", 0o600)
    return folder


def causes(report: Report) -> list[str]:
    """Return what is wrong besides files, with the names."""
    assert all(bad.kind == "broken rule" for bad in report.bad_lines)
    return [f"{bad.text}: {bad.cause}" for bad in report.bad_lines]


def unlisted(manifest: Path) -> set[str]:
    """Return the paths of what a manifest does not list."""
    return {extra.path for extra in verify(manifest, extra="report").unlisted}


def write(folder: Path, *lines: str) -> Path:
    """Write an mtree into a folder."""
    manifest = folder / "tree.mtree"
    manifest.write_text("\n".join(["#mtree", *lines, ""]), encoding="utf-8")
    return manifest


def change_owner(path: Path) -> None:
    """Give a file, or a link, to somebody else."""
    if os.geteuid():
        pytest.skip("only root can give files away")
    os.chown(path, 12345, 23456, follow_symlinks=False)


def replace(path: Path, make: Callable[[Path], object]) -> None:
    """Put what *make* makes in place of something."""
    path.unlink()
    make(path)


def replace_by_link(folder: Path) -> None:
    """Put a link in place of a file, which leads to the same content."""
    (folder / "a").rename(folder / "other")
    (folder / "a").symlink_to("other")


CHANGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "mode of a file": (lambda d: (d / "a").chmod(0o4755), "./a: mode 4755, 0644 listed"),
    "mode of a folder": (lambda d: (d / "sub").chmod(0o1777), "./sub: mode 1777, 0755 listed"),
    "mode of a FIFO": (lambda d: (d / "pipe").chmod(0o622), "./pipe: mode 0622, 0600 listed"),
    "mode of the whole": (lambda d: d.chmod(0o700), ".: mode 0700, 0755 listed"),
    "owner of a file": (
        lambda d: change_owner(d / "a"),
        "./a: owner 12345, 0 listed; group 23456, 0 listed",
    ),
    "owner of a link": (
        lambda d: change_owner(d / "sub" / "link"),
        "./sub/link: owner 12345, 0 listed; group 23456, 0 listed",
    ),
    "a link in place of a file": (replace_by_link, "./a: type link, file listed"),
    "no link": (lambda d: (d / "sub" / "link").unlink(), "./sub/link: missing"),
    "no FIFO": (lambda d: (d / "pipe").unlink(), "./pipe: missing"),
    "a file in place of a FIFO": (
        lambda d: replace(d / "pipe", lambda path: path.touch(0o600)),
        "./pipe: type file, fifo listed",
    ),
    "another target": (
        lambda d: replace(d / "sub" / "link", lambda path: path.symlink_to("/etc\n")),
        r'./sub/link: link to "/etc\n", "../b =c" listed',
    ),
}


@unix
@pytest.mark.parametrize("case", CHANGES)
def test_what_bsdtar_lists(tree: Path, needs: Callable[..., None], case: str) -> None:
    """A tree is as bsdtar lists it, until one attribute changes, although all content is right."""
    needs("bsdtar")
    keywords = "!all,type,mode,uid,gid,uname,gname,link,size,sha256"
    command = ["bsdtar", "--format=mtree", f"--options={keywords}", "-cf", "-", "."]
    listed = subprocess.run(command, cwd=tree, capture_output=True, timeout=60, check=True).stdout
    manifest = tree.parent / "tree.mtree"
    manifest.write_bytes(listed)
    report = verify(manifest, root=tree)
    assert (report.verified, report.manifests[0].unverified) == (2, ())

    change, cause = CHANGES[case]
    change(tree)
    owner = f"{os.geteuid()}", f"{os.getegid()}"
    cause = cause.replace(" 0 listed; ", f" {owner[0]} listed; ")
    report = verify(manifest, root=tree, check=False)
    assert not report.ok
    found = causes(report)
    assert any(c.replace(f" {owner[1]} listed", " 0 listed") == cause for c in found), found
    if case != "a link in place of a file":  # the FIFO's folder does not change either
        assert len(found) == 1, found
    assert NOTE in " ".join(report.notes)

    ignored = verify(manifest, root=tree, ignore_attributes=True)
    assert ignored.verified == 2
    assert ignored.manifests[0].unverified == (
        *("gid", "gname", "link", "mode", "type=dir", "type=fifo", "type=link", "uid", "uname"),
    )


@unix
def test_every_way_to_verify(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The stream, the command line and its documents say what the report says."""
    manifest = write(tree, f"a type=file mode=0600 sha256={SHA256}")
    items = list(iter_verify(manifest))
    assert {type(item).__name__ for item in items} == {"Result", "BadLine"}
    assert not all(item.ok for item in items)
    assert main([str(manifest), "--no-progress"]) == 1
    text = capsys.readouterr().out
    assert "BROKEN RULE" in text
    assert "mode 0644, 0600 listed" in text
    assert NOTE in text
    assert main([str(manifest), "--no-progress", "--ignore-attributes"]) == 0
    assert "not verified: mode" in capsys.readouterr().out


@unix
def test_names_of_owners(tree: Path) -> None:
    """Names of owners count if there is no number; a name that nobody has is no owner."""
    sha = f"sha256={SHA256}"
    (tree / "a").touch()
    if os.geteuid() == 0:
        assert verify(write(tree, f"a uname=root {sha}")).ok
        assert verify(write(tree, f"a uid=0 uname=who_is_that {sha}")).ok
    report = verify(write(tree, f"a uname=who_is_that {sha}"), check=False)
    assert causes(report) == [f'a: owner {os.geteuid()}, "who_is_that" (unknown here) listed']


@unix
def test_defaults_and_folders_that_are_open(tree: Path) -> None:
    """Attributes of /set hold for the lines after it, until /unset or another one."""
    lines = [
        "/set type=file mode=0600",
        ". type=dir mode=0755",
        f"a mode=0644 sha256={SHA256}",
        "sub type=dir",
        "/unset mode",
        rf"b\sc sha256={SHA256}",
        r"link type=link link=..\057b\040\=c",
        "..",
        "..",
    ]
    assert causes(verify(write(tree, *lines), check=False)) == ["sub: mode 0755, 0600 listed"]


@unix
@pytest.mark.parametrize(
    ("line", "unverified"),
    [
        (f"a type=file mode=u=rw,go=r sha256={SHA256}", ("mode",)),
        (f"a type=file mode=0600 nochange sha256={SHA256}", ("nochange",)),
        (f"a type=file time=1.0 nlink=1 flags=none sha256={SHA256}", ("flags", "nlink", "time")),
    ],
)
def test_what_is_not_compared(tree: Path, line: str, unverified: tuple[str, ...]) -> None:
    """Symbolic modes, times, and whatever may change are noted."""
    report = verify(write(tree, line, "sub/new type=dir optional"))
    assert report.manifests[0].unverified == unverified


@unix
def test_a_folder_that_may_change_must_exist(tree: Path) -> None:
    """``nochange`` asks for something of that name, whatever it is."""
    lines = (f"a type=file sha256={SHA256}", "./sub type=dir mode=0700 nochange")
    assert verify(write(tree, *lines)).ok
    (tree / "sub").rename(tree / "elsewhere")
    assert causes(verify(write(tree, *lines), check=False)) == ["./sub: missing"]
    assert verify(write(tree, *lines), ignore_missing=True).ok


@unix
@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("a type=file mode=abc", None),
        ("a type=file mode=100644", "mode=100644 has more than permissions"),
        ("a type=file mode=0644 uid=root", 'expected a number after uid=, found "root"'),
        ("a type=file gid=4294967296", 'expected a number after gid=, found "4294967296"'),
        ("a type=link link=\\q", "unknown escape in the file name, expected one of vis(3)"),
    ],
)
def test_bad_values(tree: Path, line: str, cause: str | None) -> None:
    """A value that cannot be understood is a bad line."""
    digest = "" if "type=link" in line else f" sha256={SHA256}"
    report = verify(write(tree, line + digest, f"./sub/b\\sc sha256={SHA256}"), check=False)
    assert [bad.cause for bad in report.bad_lines] == ([cause] if cause else [])


@unix
def test_nothing_outside_is_looked_at(tree: Path) -> None:
    """Names of folders and links stay in the folder, as those of files do."""
    outside = tree.parent / "outside"
    outside.mkdir(mode=0o700)
    (tree / "away").symlink_to(outside)
    (outside / "in").mkdir()
    names = ["../outside", str(outside), "./away/in"]
    lines = [f"{name} type=dir mode=0755" for name in names]
    manifest = write(tree, f"a sha256={SHA256}", *lines)
    expected = [
        f"{name}: cannot be looked at: leads outside the manifest's folder" for name in names
    ]
    assert causes(verify(manifest, check=False)) == expected
    report = verify(manifest, check=False, follow_outside=True)
    assert causes(report) == [f"{name}: mode 0700, 0755 listed" for name in names[:2]]


@unix
def test_a_link_that_is_listed(tree: Path) -> None:
    """A link or FIFO that an mtree lists is not unlisted."""
    files = [f"a sha256={SHA256}", rf"./sub/b\sc sha256={SHA256}"]
    manifest = write(tree, *files, "./pipe type=fifo")
    before = unlisted(manifest)
    assert str(tree / "pipe") not in before
    (tree / "new").symlink_to("a")
    assert unlisted(manifest) - before == {str(tree / "new")}
    manifest = write(tree, *files, "./pipe type=fifo", "./new type=link link=a")
    assert unlisted(manifest) == before


@unix
def test_some_entries_only(tree: Path) -> None:
    """Only the attributes count of what is asked for."""
    sha = f"sha256={SHA256}"
    manifest = write(
        tree, f"a mode=0600 {sha}", rf"./sub/b\sc mode=0644 {sha}", "./sub type=dir mode=0700"
    )
    assert verify(manifest, only=tree / "sub" / "b c").ok
    assert causes(verify(manifest, only=tree / "a", check=False)) == ["a: mode 0644, 0600 listed"]
    assert causes(verify(manifest, exclude=["/sub"], check=False)) == ["a: mode 0644, 0600 listed"]
    assert causes(verify(manifest, exclude=["a"], check=False)) == ["./sub: mode 0755, 0700 listed"]


@unix
def test_names_that_are_changed(tree: Path) -> None:
    """Options for names hold for folders, too; with ``basename`` there are none."""
    lines = [f"./x/a mode=0600 sha256={SHA256}", "./x/sub type=dir mode=0700"]
    changes = ["./x/a: mode 0644, 0600 listed", "./x/sub: mode 0755, 0700 listed"]
    manifest = write(tree, *lines)
    assert causes(verify(manifest, strip=1, check=False)) == changes
    assert causes(verify(manifest, remap={"./x/": ""}, check=False)) == changes
    report = verify(manifest, basename=True, check=False)
    assert causes(report) == changes[:1]
    assert report.manifests[0].unverified == ("mode", "type=dir")


def test_where_files_have_no_attributes(tree: Path) -> None:
    """In archives nothing but content is compared, and the report says so."""
    write(tree, ". type=dir mode=0700", f"a type=file mode=0600 sha256={SHA256}")
    with zipfile.ZipFile(tree.parent / "a.zip", "w") as archive:
        for name in ("tree.mtree", "a"):
            archive.write(tree / name, name)
    pytest.importorskip("fsspec")
    report = verify(f"zip://tree.mtree::{tree.parent / 'a.zip'}")
    assert (report.verified, report.manifests[0].unverified) == (1, ("mode", "type=dir"))


@unix
def test_a_socket(tree: Path) -> None:
    """Nothing is opened to compare it."""
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(".", os.O_RDONLY)
        os.chdir(tree)  # the address must be short
        try:
            server.bind("s")
        finally:
            os.fchdir(here)
            os.close(here)
        assert verify(write(tree, f"a sha256={SHA256}", "./s type=socket")).ok
        report = verify(write(tree, f"a sha256={SHA256}", "./s type=char"), check=False)
        assert causes(report) == ["./s: type socket, char listed"]


@unix
def test_many(tmp_path: Path) -> None:
    """The problems of many folders are all counted, and come in the order of the lines."""
    (tmp_path / "a").write_bytes(CONTENT)
    names = [f"./d{i}" for i in range(5000)]
    for name in names:
        (tmp_path / name).mkdir(mode=0o700)
    lines = (f"{name} type=dir mode=0755" for name in names)
    report = verify(write(tmp_path, f"a sha256={SHA256}", *lines), check=False)
    assert report.bad_line_count == len(names)
    assert [bad.text for bad in report.bad_lines] == names[: len(report.bad_lines)]
    assert report.summary() == "1 entry: 1 verified, 5,000 broken rules"
    assert len([note for note in report.notes if NOTE in note]) == 1
