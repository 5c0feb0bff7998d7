"""Files that fsspec reads, without a server: in memory, and in archives."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import threading
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from checksig import (
    ManifestError,
    ManifestNotFoundError,
    Status,
    VerificationError,
    create,
    digest,
    entries,
    iter_verify,
    verify,
    verify_file,
)

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

pytestmark = [pytest.mark.needs("module fsspec"), pytest.mark.usefixtures("engine")]

FILES = {"a": b"hello", "d/b": b"x" * 1000, "empty": b"", "big": bytes(range(256)) * (80 << 10)}


def sums(files: dict[str, bytes]) -> bytes:
    """Return a manifest of *files*."""
    lines = (f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    return "".join(lines).encode()


@pytest.fixture
def memory() -> Generator[Any]:
    """Return the file system in memory, with a release."""
    filesystem: Any = pytest.importorskip("fsspec").filesystem("memory")
    for name, data in FILES.items():
        filesystem.pipe_file(f"/release/{name}", data)
    filesystem.pipe_file("/release/SHA256SUMS", sums(FILES))
    yield filesystem
    filesystem.rm("/release", recursive=True)


def test_a_folder_and_a_manifest(memory: Any) -> None:
    """Both are verified, and reports have addresses."""
    report = verify("memory://release/")
    assert (report.verified, report.path) == (4, "memory://release")
    assert report.results[0].path == "memory://release/a"
    assert {result.evidence for result in report.results} == {"read"}
    assert verify("memory://release/SHA256SUMS", extra="fail").verified == 4
    assert verify("/release/", filesystem=memory).verified == 4
    assert all(item.ok for item in iter_verify("memory://release/"))


def test_what_is_not_as_listed(memory: Any) -> None:
    """Changed, missing and unlisted files are found."""
    memory.pipe_file("/release/a", b"hellx")
    memory.rm_file("/release/d/b")
    memory.pipe_file("/release/e/f/new", b"")
    report = verify("memory://release/", check=False, extra="report")
    assert (report.mismatched, report.missing, report.verified) == (1, 1, 2)
    assert [extra.path for extra in report.unlisted] == ["memory://release/e/f/new"]


@pytest.mark.parametrize("name", ["../release/a", "/release/a", "d/../a", "d//b", "..", "a/"])
def test_names_that_lead_elsewhere(memory: Any, name: str) -> None:
    """They are refused, whatever the store would make of them."""
    memory.pipe_file("/release/x.sha256", sums({name: b"hello"}))
    (result,) = verify("memory://release/x.sha256", check=False).results
    assert (result.status, result.reason) == (Status.UNREADABLE, "refused")


def test_names_are_as_the_store_has_them(memory: Any) -> None:
    """What would end a path in an address is a character as any other."""
    names = {name: name.encode() for name in ("a?b=c", "a#b", "a%20b", "a b", "ä", "*", "[x]")}
    for name, data in names.items():
        memory.pipe_file(f"/release/n/{name}", data)
    memory.pipe_file("/release/n/SHA256SUMS", sums(names))
    assert verify("memory://release/n/", extra="fail").verified == len(names)


def test_links_of_an_address_of_a_local_folder(tmp_path: Path) -> None:
    """They lead no farther than the folder that the caller names."""
    folder = tmp_path / "r"
    folder.mkdir()
    for path in (folder / "a", tmp_path / "o"):
        path.write_bytes(b"hello")
    (folder / "o").symlink_to("../o")
    (folder / "up").symlink_to("..")
    listed: Any = dict.fromkeys(("a", "o", "up/o"), hashlib.sha256(b"hello").digest())
    report = verify(listed, root=folder.as_uri(), check=False)
    assert [result.reason for result in report.results] == [None, "refused", "refused"]
    assert (report.verified, report.results[0].path) == (1, folder.as_uri() + "/a")


def test_what_does_not_exist(memory: Any) -> None:
    """The errors are those of local files."""
    del memory
    with pytest.raises(FileNotFoundError, match="memory://none"):
        verify("memory://none/")
    with pytest.raises(ManifestNotFoundError, match="memory://release/d"):
        verify("memory://release/d/")


def test_a_local_manifest_of_remote_files(memory: Any, tmp_path: Path) -> None:
    """The manifest and its files can be in different places."""
    (tmp_path / "SHA256SUMS").write_bytes(sums(FILES))
    assert verify(tmp_path / "SHA256SUMS", root="memory://release/").verified == 4
    assert verify({"a": hashlib.sha256(b"hello").digest()}, root="memory://release").verified == 1
    (tmp_path / "a").write_bytes(b"hello")
    memory.pipe_file("/release/x.sha256", sums({"a": b"hello"}))
    assert verify("memory://release/x.sha256", root=tmp_path).verified == 1


def test_single_files_and_entries(memory: Any) -> None:
    """digest, verify_file and entries take addresses."""
    del memory
    sha256 = hashlib.sha256(b"hello").hexdigest()
    assert digest("memory://release/a") == sha256
    assert verify_file("memory://release/a", sha256=sha256).ok
    assert not verify_file("memory://release/d/b", sha256=sha256, check=False).ok
    assert [entry.name for entry in entries("memory://release/")] == list(FILES)


def test_a_manifest_of_remote_files(memory: Any, tmp_path: Path) -> None:
    """Create writes a local file, and nothing into the store."""
    memory.rm_file("/release/SHA256SUMS")
    created = create("memory://release/", output=tmp_path / "SUMS", remember=False)
    assert (created.files, created.manifest) == (4, str(tmp_path / "SUMS"))
    assert created.relative_to == "memory://release"
    assert sorted((tmp_path / "SUMS").read_bytes().splitlines()) == sorted(sums(FILES).splitlines())
    with pytest.raises(FileExistsError):
        create("memory://release/", output=tmp_path / "SUMS")
    with pytest.raises(ValueError, match="output"):
        create("memory://release/")
    with pytest.raises(ValueError, match="local"):
        create("memory://release/", output="memory://release/SUMS")
    create(["memory://release/a", "memory://release/d"], output=tmp_path / "2", remember=False)
    names = [line.split()[-1] for line in (tmp_path / "2").read_text().splitlines()]
    assert names == ["a", "d/b"]
    assert memory.find("/release") == [
        "/release/a",
        "/release/big",
        "/release/d/b",
        "/release/empty",
    ]


def test_a_file_that_changes(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is unreadable, even if what was read is as listed."""
    kind: Any = memory.__class__
    read = kind.cat_file

    def cat_file(self: Any, path: str, **options: Any) -> bytes:
        data: bytes = read(self, path, **options)
        if path == "/release/a":
            self.pipe_file(path, b"hello, later")
        return data

    monkeypatch.setattr(kind, "cat_file", cat_file)
    report = verify("memory://release/", check=False)
    assert (report.verified, report.unreadable) == (3, 1)
    assert "changed" in str(report.failures[0].detail)


def test_what_is_for_local_files(memory: Any, tmp_path: Path) -> None:
    """An option that would do nothing for remote files is refused."""
    del memory
    for options in ({"state": tmp_path / "state"}, {"sample": "5%"}):
        keywords: dict[str, Any] = options
        with pytest.raises(ValueError, match="only for local files"):
            verify("memory://release/", **keywords)


def test_stored_is_for_stores() -> None:
    """Local files have no stored checksums."""
    with pytest.raises(ValueError, match="stored"):
        verify(".", stored="only")


def test_nothing_is_left(memory: Any) -> None:
    """No thread of checksig outlives a verification."""
    del memory
    verify("memory://release/")
    assert not [each for each in threading.enumerate() if "checksig" in each.name]


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    """Write an archive with a manifest of its files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"top/{name}", data)
        archive.writestr("top/SHA256SUMS", sums(files))


def test_members_of_archives(memory: Any, tmp_path: Path) -> None:
    """They are verified without being unpacked, also in an archive in a store."""
    path = tmp_path / "x.zip"
    write_zip(path, FILES)
    report = verify(f"zip://top::{path}", extra="fail")
    assert (report.verified, report.results[0].path) == (4, f"{path}!/top/a")
    assert verify(f"zip://*::{path}", recursive=True).verified == 4
    memory.pipe_file("/release/x.zip", path.read_bytes())
    report = verify("zip://top/SHA256SUMS::memory://release/x.zip")
    assert (report.verified, report.path) == (4, "memory://release/x.zip!/top/SHA256SUMS")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        for name, data in {**FILES, "SHA256SUMS": sums(FILES)}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "a"
        archive.addfile(link)
    assert verify(f"tar://::{tmp_path / 'x.tar.gz'}").verified == 4
    manifest = {"link": hashlib.sha256(b"hello").digest()}
    report = verify(manifest, root=f"tar://::{tmp_path / 'x.tar.gz'}", check=False)
    assert report.refused == 1


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_two_members_of_one_name(tmp_path: Path) -> None:
    """Nobody knows which one is meant, or unpacked."""
    path = tmp_path / "x.zip"
    write_zip(path, {"a": b"good"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("top/a", b"good")
    report = verify(f"zip://top::{path}", check=False)
    assert report.unreadable == 1
    assert "several members" in str(report.failures[0].detail)


def test_a_damaged_archive(tmp_path: Path) -> None:
    """A member whose own checksum is wrong is unreadable."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", b"good" * 100)
    path.write_bytes(path.read_bytes().replace(b"goodgood", b"goodgoop", 1))
    manifest = {"a": hashlib.sha256(b"goodgoop" + b"good" * 98).digest()}
    assert verify(manifest, root=f"zip://::{path}", check=False).unreadable == 1
    for text in (b"", b"none", path.read_bytes()[:-30]):
        path.write_bytes(text)
        for scheme in ("zip", "tar"):
            with pytest.raises(ValueError, match="cannot be read as an archive"):
                verify(f"{scheme}://::{path}")


def test_an_address_that_is_not_unicode(tmp_path: Path) -> None:
    """No store has such a name."""
    with pytest.raises(ValueError, match="no file of the store can have this address"):
        verify("file://" + os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))


def write_tar(path: Path, members: list[tuple[str, bytes]]) -> None:
    """Write an archive with these members, by the names that they have in it."""
    with tarfile.open(path, "w") as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def test_names_in_archives_as_tar_writes_them(tmp_path: Path) -> None:
    """What "tar -C folder -c ." writes begins with "./", which no name in a manifest has."""
    (tmp_path / "r" / "d").mkdir(parents=True)
    files = {"a": b"hello", "d/b": b"x" * 1000}
    for name, data in {**files, "SHA256SUMS": sums(files)}.items():
        (tmp_path / "r" / name).write_bytes(data)
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.add(tmp_path / "r", ".")
    assert b"./d/b\0" in (tmp_path / "x.tar").read_bytes()
    report = verify(f"tar://::{tmp_path / 'x.tar'}", extra="fail")
    assert [result.name for result in report.results] == ["a", "d/b"]
    assert verify(f"tar://SHA256SUMS::{tmp_path / 'x.tar'}").verified == 2
    for again in ("a", "./a", "/a", "././a", "a/"):
        write_tar(tmp_path / "y.tar", [("./a", b"hello"), (again, b"hello")])
        report = verify(
            {"a": sums(files)[:64].decode()}, root=f"tar://::{tmp_path / 'y.tar'}", check=False
        )
        assert report.unreadable == 1, again


@pytest.mark.parametrize("name", ["../a", "d/../a", "d//a", "d/./a", ".."])
def test_members_with_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    """They are never the member that a clean name is about, and their folder cannot be listed."""
    listed: Any = {"a": hashlib.sha256(b"hello").digest()}
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(name, b"hello")
    write_tar(tmp_path / "x.tar", [(name, b"hello")])
    for root in (f"zip://::{tmp_path / 'x.zip'}", f"tar://::{tmp_path / 'x.tar'}"):
        report = verify(listed, root=root, check=False)
        assert (report.missing, report.verified) == (1, 0)
        with pytest.raises((VerificationError, ManifestError)):
            verify(root, recursive=True, extra="fail")
