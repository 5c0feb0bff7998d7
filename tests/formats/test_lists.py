"""Lists of packages and tables: what their formats say besides the digests of files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from checksig import verify
from checksig.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from checksig import Report

CONTENT = b"some data\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SIZE = len(CONTENT)


def test_what_is_not_verified_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report and the command line name what a manifest states besides digests."""
    (tmp_path / "a").write_bytes(CONTENT)
    manifest = tmp_path / "Manifest"
    manifest.write_text(f"IGNORE b\nDATA a {SIZE} SHA256 {SHA256}\n", encoding="utf-8")
    report = verify(manifest)
    assert report.manifests[0].unverified == ("IGNORE",)
    assert report.to_dict()["manifests"][0]["unverified"] == ("IGNORE",)
    assert main([str(manifest), "--no-progress"]) == 0
    assert "Manifest: not verified: IGNORE" in capsys.readouterr().out
    manifest.write_text(f"DATA a {SIZE} SHA256 {SHA256}\n", encoding="utf-8")
    assert verify(manifest).manifests[0].unverified == ()


def test_an_optional_file_may_be_missing(tmp_path: Path) -> None:
    """A missing file is skipped if its mtree says optional; a changed one is not."""
    (tmp_path / "a").write_bytes(CONTENT)
    (tmp_path / "tree.mtree").write_text(
        f"#mtree\n/set time=1.0\na sha256={SHA256}\nb sha256={SHA256} optional\n", encoding="utf-8"
    )
    report = verify(tmp_path)
    assert (report.verified, report.skipped) == (1, 1)
    assert report.manifests[0].unverified == ("time",)
    (tmp_path / "b").write_bytes(b"S" + CONTENT[1:])
    assert [r.name for r in verify(tmp_path, check=False).failures] == ["b"]
    (tmp_path / "b").unlink()
    (tmp_path / "a").unlink()
    assert not verify(tmp_path, check=False).ok


def test_downloads_lie_in_another_folder(tmp_path: Path) -> None:
    """The option root names the folder of the files that distinfo and DIST lines list."""
    files = tmp_path / "distfiles"
    (tmp_path / "port").mkdir()
    (files / "d").mkdir(parents=True)
    (files / "d" / "a").write_bytes(CONTENT)
    (files / "b").write_bytes(CONTENT)
    lists = {
        "distinfo": f"TIMESTAMP = 1\nSHA256 (d/a) = {SHA256}\nSIZE (d/a) = {SIZE}\n",
        "Manifest": f"DIST b {SIZE} SHA256 {SHA256}\n",
    }
    for name, text in lists.items():
        (tmp_path / "port" / name).write_text(text, encoding="utf-8")
    assert verify(tmp_path / "port", check=False).missing == 2
    assert verify(tmp_path / "port", root=files).verified == 2
    (tmp_path / "port" / "distinfo").write_text(
        lists["distinfo"].replace(f"= {SIZE}\n", f"= {SIZE + 1}\n"), encoding="utf-8"
    )
    assert [r.name for r in verify(tmp_path / "port", root=files, check=False).failures] == ["d/a"]


def unread(report: Report) -> list[str]:
    """Return the notes about manifests that were not read."""
    return [note for note in report.notes if "manifests that were not read" in note]


def test_manifests_of_a_tree_that_are_not_read(tmp_path: Path) -> None:
    """A note says so if the files below a tree's folders were not verified (GLEP 74)."""
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a").write_bytes(b"tampered")
    below = f"DATA a {SIZE} SHA256 {SHA256}\n"
    (tmp_path / "cat" / "Manifest").write_text(below, encoding="utf-8")
    digest = hashlib.sha256(below.encode()).hexdigest()
    (tmp_path / "Manifest").write_text(
        f"MANIFEST cat/Manifest {len(below)} SHA256 {digest}\n", encoding="utf-8"
    )
    report = verify(tmp_path)
    assert report.verified == 1
    [note] = unread(report)
    assert 'such as "cat/Manifest": name them, or their folder with -r (recursive=True)' in note
    report = verify(tmp_path, recursive=True, check=False)
    assert (report.verified, report.mismatched) == (1, 1)
    assert unread(report) == []


def test_a_list_of_packages_that_is_not_read(tmp_path: Path) -> None:
    """It is read if its name says what it is; else a note says that no package was verified."""
    (tmp_path / "a.rpm").write_bytes(CONTENT)
    folder = tmp_path / "repodata"
    folder.mkdir()
    packages = (
        '<metadata xmlns="http://linux.duke.edu/metadata/common" packages="1"><package type="rpm">'
        f'<checksum type="sha256" pkgid="YES">{SHA256}</checksum><size package="{SIZE}"/>'
        '<location href="a.rpm"/></package></metadata>'
    ).encode()
    digest = hashlib.sha256(packages).hexdigest()
    for name, count in (("primary.xml", 1), (f"{digest}-primary.xml", 2)):
        (folder / name).write_bytes(packages)
        (folder / "repomd.xml").write_text(
            '<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary">'
            f'<checksum type="sha256">{digest}</checksum><location href="repodata/{name}"/>'
            "</data></repomd>",
            encoding="utf-8",
        )
        report = verify(folder)
        assert report.verified == count
        assert len(unread(report)) == 2 - count
    assert len(unread(verify(folder / "repomd.xml"))) == 1
