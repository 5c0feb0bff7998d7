"""Lists of packages and tables: what their formats say besides the digests of files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from checksig import verify
from checksig.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

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
