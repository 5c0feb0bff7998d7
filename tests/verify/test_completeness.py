"""Files that are unlisted, moved, or allowed to be missing."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import checksig
from checksig import BadLine, Extra, Status, iter_verify, verify

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("engine")

posix = pytest.mark.skipif(os.name != "posix", reason="links of POSIX")


def extras(report: checksig.Report) -> list[str]:
    """Return the unlisted paths, relative to the folder."""
    return [Path(os.path.relpath(e.path, report.path)).as_posix() for e in report.extras]


def test_files_that_are_not_listed(tree: Callable[..., Path]) -> None:
    """They are ignored, reported or failures, as the option says."""
    folder = tree({"a": b"a", "sub/b": b"b"})
    (folder / "new").write_bytes(b"n")
    (folder / "sub" / "newer").write_bytes(b"n")
    assert verify(folder).extras == ()
    report = verify(folder, extra="report")
    assert (report.ok, report.extra, extras(report)) == (True, 2, ["new", "sub/newer"])
    assert all(extra.ok for extra in report.extras)
    assert report.summary() == "2 entries: 2 verified, 2 not listed"
    with pytest.raises(checksig.VerificationError) as caught:
        verify(folder, extra="fail")
    report = caught.value.report
    assert (report.ok, report.extra, report.failures) == (False, 2, ())
    assert str(caught.value).splitlines() == [
        "2 entries: 2 verified, 2 not listed",
        f'"{folder / "new"}" - not listed',
        f'"{folder / "sub" / "newer"}" - not listed',
    ]
    assert report.to_dict()["extras"][0] == {
        "path": str(folder / "new"),
        "moved_from": None,
        "fails": True,
    }


def test_a_complete_folder_has_no_extra_files(tree: Callable[..., Path]) -> None:
    """Manifests and their signatures need not be listed, and notes name those that are not."""
    folder = tree({"a": b"a", "sub/b": b"b"})
    signatures = ("SHA256SUMS.asc", "SHA256SUMS.sig", "sub/MD5SUMS.gpg")
    for name in (*signatures, "b.md5", "sub/MD5SUMS"):
        (folder / name).write_bytes(b"not looked into")
    report = verify(folder / "SHA256SUMS", extra="fail")
    assert (report.extra, report.verified) == (0, 2)
    why = dict.fromkeys(signatures, "it is the signature of a manifest")
    unchecked = [
        f'the signature "{folder / name}" was not checked: --trust FILE (trust=) checks it'
        for name in ("SHA256SUMS.asc", "SHA256SUMS.sig")
    ]
    assert sorted(report.manifests[0].notes) == sorted(
        [
            *unchecked,
            *(f'"{folder / name}" is not listed: {text}' for name, text in why.items()),
            *(
                f'"{folder / name}" is not listed, and was not read: it has the name of a manifest'
                for name in ("b.md5", "sub/MD5SUMS")
            ),
        ]
    )
    assert sorted(verify(folder / "SHA256SUMS").manifests[0].notes) == sorted(unchecked)
    (folder / "SHA256SUMS").rename(folder / "hashes")
    (folder / "SHA256SUMS.asc").rename(folder / "hashes.asc")
    (folder / "SHA256SUMS.sig").rename(folder / "hashes.sig")
    assert verify(folder / "hashes", extra="fail", algorithm="sha256").verified == 2


@pytest.mark.parametrize(
    "name", ["MD5SUMS.asc", "a.sha256.sig", "sub/SHA256SUMS.asc", "a.asc", "SHA256SUMS.asc.sig"]
)
def test_a_signature_of_nothing_is_not_listed(tree: Callable[..., Path], name: str) -> None:
    """A signature is excused next to the manifest that it belongs to, and nowhere else."""
    folder = tree({"a": b"a", "sub/b": b"b"})
    (folder / name).write_bytes(b"anything")
    assert extras(verify(folder, extra="fail", check=False)) == [name]


def test_a_temporary_file_is_not_listed(tree: Callable[..., Path]) -> None:
    """It is what a killed ``create`` left behind, or anything that is called so."""
    folder = tree({"a": b"a"})
    name = f".checksig-{'A' * 26}.tmp"
    (folder / name).write_bytes(b"half a manifest")
    assert extras(verify(folder, extra="report")) == [name]


def test_failed_entries_count_as_listed(tree: Callable[..., Path]) -> None:
    """A file that fails is still a listed one."""
    folder = tree({"a": b"a", "b": b"b"})
    (folder / "a").write_bytes(b"changed")
    assert verify(folder, extra="report", check=False).extra == 0


@pytest.mark.parametrize("name", ["./a", ".//a", "sub/./b", "sub//b"])
def test_names_are_compared_cleaned(tree: Callable[..., Path], name: str) -> None:
    """``./a`` lists ``a``."""
    folder = tree({"a": b"a", "sub/b": b"b", name: b"a" if name.endswith("a") else b"b"})
    text = (folder / "SHA256SUMS").read_text().splitlines(keepends=True)
    other = 1 if name.endswith("a") else 0
    (folder / "SHA256SUMS").write_text(text[other] + text[2])
    assert verify(folder, extra="fail").extra == 0


@posix
def test_links_as_extra_files(tree: Callable[..., Path], tmp_path: Path) -> None:
    """A link to a file counts; links to folders or nothing, and FIFOs, do not."""
    folder = tree({"a": b"a", "sub/b": b"b"})
    (tmp_path / "outside").write_bytes(b"o")
    for name, target in {
        "link": "a",
        "dangling": "none",
        "folder": "sub",
        "outside": "../outside",
    }.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "fifo")
    assert extras(verify(folder, extra="report")) == ["link", "outside"]


@posix
def test_names_of_every_kind_as_extra_files(tree: Callable[..., Path]) -> None:
    """Their bytes come back as from os.fsdecode."""
    folder = tree({"a": b"a"})
    for name in ("new\nline", "caf\udce9", "-rf"):
        (folder / name).write_bytes(b"x")
    report = verify(folder, extra="report")
    assert {Path(e.path).name for e in report.extras} == {"new\nline", "caf\udce9", "-rf"}


def test_a_moved_file_is_reported(tree: Callable[..., Path]) -> None:
    """It is still missing, and the report says where its content is."""
    folder = tree({"a": b"content of a", "b": b"b", "empty": b""})
    (folder / "a").rename(folder / "renamed")
    (folder / "empty").unlink()
    (folder / "nothing in it").write_bytes(b"")
    report = verify(folder, extra="report", check=False)
    assert not report.ok
    assert [(r.name, r.status, r.moved_to) for r in report.failures] == [
        ("a", Status.MISSING, str(folder / "renamed")),
        ("empty", Status.MISSING, None),  # all empty files are equal
    ]
    assert [(Path(e.path).name, e.moved_from) for e in report.extras] == [
        ("nothing in it", None),
        ("renamed", str(folder / "a")),
    ]
    shown = [str(folder / name) for name in ("a", "renamed")]
    assert str(report.failures[0]) == '"{}" - missing, moved to "{}"'.format(*shown)
    assert str(report.extras[1]) == '"{1}" - not listed, moved from "{0}"'.format(*shown)


def test_a_swap_of_names_is_no_move(tree: Callable[..., Path]) -> None:
    """Listed files mismatch; nothing moved to a listed name."""
    folder = tree({"a": b"a", "b": b"b"})
    (folder / "a").rename(folder / "t")
    (folder / "b").rename(folder / "a")
    (folder / "t").rename(folder / "b")
    report = verify(folder, extra="report", check=False)
    assert (report.mismatched, report.extra) == (2, 0)


def test_many_moved_files(tree: Callable[..., Path]) -> None:
    """Each of 200 is found in another folder, as the first of several copies."""
    folder = tree({f"old/{i:03}": b"%d" % i for i in range(200)})
    (folder / "old").rename(folder / "new")
    (folder / "also").mkdir()
    (folder / "also" / "copy").write_bytes(b"7")
    report = verify(folder, extra="report", check=False, workers=4)
    assert (report.missing, report.extra) == (200, 201)
    moved = {Path(r.name).name: Path(r.moved_to or "").parent.name for r in report.failures}
    assert moved.pop("007") == "also"
    assert set(moved.values()) == {"new"}


def test_extra_files_of_another_size_are_not_read(tmp_path: Path) -> None:
    """If sizes are listed, only files of a listed size can be moved ones."""
    digest = hashlib.sha256(b"abc").hexdigest()
    (tmp_path / "hashes").write_text(
        f"%%%% HASHDEEP-1.0\n%%%% size,sha256,filename\n## \n3,{digest},gone\n"
    )
    (tmp_path / "big").write_bytes(b"x" * 100_000)
    (tmp_path / "moved").write_bytes(b"abc")
    report = verify(tmp_path / "hashes", extra="report", check=False)
    assert report.failures[0].moved_to == str(tmp_path / "moved")
    assert report.bytes_read == 3
    assert [Path(e.path).name for e in report.extras] == ["big", "moved"]


def test_missing_files_may_be_skipped(tree: Callable[..., Path]) -> None:
    """They are counted and no failure, if something was verified."""
    folder = tree({"a": b"a", "b": b"b", "c": b"c"})
    (folder / "b").unlink()
    report = verify(folder, ignore_missing=True)
    assert (report.ok, report.verified, report.skipped, report.missing) == (True, 2, 1, 0)
    assert report.failures == ()
    assert [(r.name, r.status.value, r.ok) for r in report.results][1] == ("b", "skipped", True)
    assert all(item.ok for item in iter_verify(folder, ignore_missing=True))
    kept = verify(folder, ignore_missing=True, keep_verified=False)
    assert (kept.skipped, kept.results) == (1, ())
    (folder / "c").write_bytes(b"changed")
    assert not verify(folder, ignore_missing=True, check=False)


def test_nothing_verified_is_no_success(tree: Callable[..., Path]) -> None:
    """If all were skipped it is a failure, as with sha256sum --ignore-missing."""
    folder = tree({"a": b"a", "b": b"b"})
    (folder / "a").unlink()
    (folder / "b").unlink()
    report = verify(folder, ignore_missing=True, check=False)
    assert (report.ok, report.skipped) == (False, 2)
    assert [b.cause for b in report.bad_lines] == ["no file was verified"]
    items = list(iter_verify(folder, ignore_missing=True))
    assert [item.ok for item in items if isinstance(item, BadLine)] == [False]


def test_unreadable_files_are_not_skipped(tree: Callable[..., Path]) -> None:
    """Only missing files are."""
    folder = tree({"a": b"a", "b": b"b"})
    (folder / "b").unlink()
    (folder / "b").mkdir()
    assert verify(folder, ignore_missing=True, check=False).unreadable == 1


def test_extra_files_below_several_folders(tmp_path: Path) -> None:
    """Each file counts once, for the outermost manifest."""
    for name in ("top", "sub/in", "sub/extra", "other/extra"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    digest = hashlib.sha256(b"sub/in").hexdigest()
    (tmp_path / "sub" / "SHA256SUMS").write_text(f"{digest}  in\n")
    assert extras(verify(tmp_path, recursive=True, extra="report")) == ["sub/extra"]
    digest = hashlib.sha256(b"top").hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  top\n")
    report = verify(tmp_path, recursive=True, extra="report")
    assert extras(report) == ["other/extra", "sub/extra"]


def test_the_command_fails_for_extra_files(tree: Callable[..., Path], command: list[str]) -> None:
    """The exit code is 1, and the JSON names them."""
    folder = tree({"a": b"a"})
    (folder / "new").write_bytes(b"n")
    codes: list[int] = []
    for choice in ("ignore", "report", "fail"):
        done = subprocess.run(
            [*command, "--extra", choice, "--json", folder],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        codes.append(done.returncode)
        assert len(json.loads(done.stdout)["reports"][0]["extras"]) == (choice != "ignore")
    assert codes == [0, 0, 1]


def test_extras_are_typed_and_immutable() -> None:
    """They are like everything else in a report."""
    extra = Extra("d/x", fails=True)
    assert (extra.path, extra.moved_from, extra.ok) == ("d/x", None, False)
    with pytest.raises(AttributeError):
        extra.path = "y"  # type: ignore[misc]
