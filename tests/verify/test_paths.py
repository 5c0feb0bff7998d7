"""Manifest names that differ from the files': prefixes, separators, normal forms."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import checksig
from checksig import Status, verify

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("engine")

posix = pytest.mark.skipif(os.name != "posix", reason="names of POSIX")
OUTSIDE = "leads outside the manifest's folder"


@pytest.fixture
def listing(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder with the files ``a`` and ``sub/b``, and a manifest with other names."""

    def make(*names: str) -> Path:
        folder = tmp_path / "listing"
        (folder / "sub").mkdir(parents=True, exist_ok=True)
        for name in ("a", "sub/b"):
            (folder / name).write_text(name)
        lines: list[bytes] = []
        for name in names:
            content = "a" if name.rstrip()[-1] == "a" else "sub/b"
            digest = hashlib.sha256(content.encode()).hexdigest().encode()
            escaped = name.replace("\\", "\\\\")
            mark = b"\\" if escaped != name else b""
            lines.append(mark + digest + b"  " + os.fsencode(escaped) + b"\n")
        (folder / "SHA256SUMS").write_bytes(b"".join(lines))
        return folder

    return make


def paths(report: checksig.Report) -> list[str]:
    """Return where each file was found, relative to the manifest's folder."""
    folder = Path(report.manifests[0].path).parent
    return [Path(os.path.relpath(r.path, folder)).as_posix() for r in report.results]


def test_a_prefix_is_replaced(listing: Callable[..., Path]) -> None:
    """The report keeps the listed name and adds the file it stands for."""
    folder = listing("/builds/project/dist/a", "/builds/project/dist/sub/b")
    assert verify(folder, check=False).unreadable == 2
    for prefix in ("/builds/project/dist/", "/builds/project/dist"):
        report = verify(folder, remap={prefix: ""})
        assert [r.name for r in report.results] == [
            "/builds/project/dist/a",
            "/builds/project/dist/sub/b",
        ]
        assert paths(report) == ["a", "sub/b"]
        assert [r.opened for r in report.results] == [str(folder / "a"), str(folder / "sub/b")]
    assert verify(folder, remap={b"/builds/project/dist": b""}).verified == 2


def test_the_longest_prefix_counts(listing: Callable[..., Path]) -> None:
    """The order does not matter; a prefix is made of whole components."""
    folder = listing("x/y/a", "x/b", "xx/a")
    for remap in ({"x": "sub", "x/y": "."}, {"x/y/": ".", "x/": "sub/"}):
        report = verify(folder, remap=remap, check=False)
        assert paths(report) == ["a", "sub/b", "xx/a"]
        assert [r.status.value for r in report.results] == ["verified", "verified", "missing"]


def test_an_empty_prefix_stands_before_every_name(listing: Callable[..., Path]) -> None:
    """It moves all names into a folder."""
    assert verify(listing("b"), remap={"": "sub"}).verified == 1


@pytest.mark.parametrize(
    "remap", [{"dist": ".."}, {"dist": "/etc"}, {"dist/a": "sub/../../x"}, {"": "/"}]
)
def test_what_a_prefix_becomes_is_confined(
    listing: Callable[..., Path], remap: dict[str, str]
) -> None:
    """After a replacement names still must not lead outside."""
    report = verify(listing("dist/a"), remap=remap, check=False)
    assert [(r.status, r.detail) for r in report.failures] == [(Status.UNREADABLE, OUTSIDE)]


@pytest.mark.parametrize(
    ("name", "strip", "found"),
    [
        ("x/a", 1, "a"),
        ("./x/a", 1, "a"),
        ("x//y/./a", 2, "a"),
        ("/x/y/a", 2, "a"),
        ("x/sub/b", 1, "sub/b"),
    ],
)
def test_leading_components_are_left_out(
    listing: Callable[..., Path], name: str, strip: int, found: str
) -> None:
    """It works like ``tar --strip-components``."""
    report = verify(listing(name), strip=strip)
    assert paths(report) == [found]
    assert report.results[0].name == name


def test_names_with_too_few_components(listing: Callable[..., Path]) -> None:
    """They are unreadable, with a reason; nothing else is read instead."""
    report = verify(listing("a", "x/a"), strip=2, check=False)
    assert [(r.status, r.detail) for r in report.failures] == [
        (Status.UNREADABLE, "has only 1 component, cannot strip 2"),
        (Status.UNREADABLE, "has only 2 components, cannot strip 2"),
    ]


@pytest.mark.parametrize("strip", [1, 2])
def test_what_is_left_is_confined(listing: Callable[..., Path], strip: int) -> None:
    """Components that lead up do not count as folders."""
    report = verify(listing("x/y/../../../a"), strip=strip, check=False)
    assert [(r.status, r.detail) for r in report.failures] == [(Status.UNREADABLE, OUTSIDE)]


def test_base_names(listing: Callable[..., Path]) -> None:
    """Only the last component counts."""
    folder = listing("/abs/a", "../../a", "x/y/a")
    assert paths(verify(folder, basename=True)) == ["a"] * 3
    report = verify(listing("x/.."), basename=True, check=False)
    assert report.failures[0].detail == OUTSIDE


def test_another_root(listing: Callable[..., Path], tmp_path: Path) -> None:
    """Names start at the root and must not lead outside it."""
    folder = listing("b", "../a")
    report = verify(folder, root=folder / "sub", check=False)
    assert [(r.status, r.detail) for r in report.results] == [
        (Status.VERIFIED, None),
        (Status.UNREADABLE, OUTSIDE),
    ]
    assert report.results[0].path == str(folder / "sub" / "b")
    manifest = tmp_path / "elsewhere" / "SHA256SUMS"
    manifest.parent.mkdir()
    listing("a", "sub/b").joinpath("SHA256SUMS").rename(manifest)
    assert verify(manifest, root=folder, extra="fail").verified == 2
    with pytest.raises(FileNotFoundError) as caught:
        verify(manifest, root=tmp_path / "none")
    assert caught.value.filename == str(tmp_path / "none")


def test_a_root_from_the_working_folder(
    listing: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative root starts at the caller's folder, and is shown that way."""
    folder = listing("b")
    monkeypatch.chdir(folder)
    report = verify(folder / "SHA256SUMS", root="sub")
    assert report.results[0].path == os.path.join("sub", "b")


@posix
def test_a_root_may_be_a_link(listing: Callable[..., Path], tmp_path: Path) -> None:
    """The caller's root is trusted, but nothing inside may lead out of it."""
    folder = listing("b")
    (folder / "way").symlink_to("sub")
    assert verify(folder, root=folder / "way").verified == 1
    (folder / "sub" / "b").rename(tmp_path / "b")
    (folder / "sub" / "b").symlink_to(tmp_path / "b")
    assert verify(folder, root=folder / "way", check=False).failures[0].detail == OUTSIDE
    assert verify(folder, root=folder / "way", follow_outside=True).verified == 1


def test_all_of_them_in_one_call(listing: Callable[..., Path]) -> None:
    """Prefixes apply first, then stripping, then base names."""
    folder = listing("C:/build/x/y/sub/b")
    assert verify(folder, remap={"C:/build": "p/q"}, strip=4).verified == 1
    assert verify(folder, remap={"C:/build": ""}, strip=1, basename=True, root=folder / "sub")


def test_backslashes_as_separators(listing: Callable[..., Path]) -> None:
    """A missing name is tried with slashes."""
    folder = listing("sub\\b", ".\\sub\\b", "a")
    report = verify(folder, extra="fail")
    assert paths(report) == ["sub/b", "sub/b", "a"]
    assert [r.name for r in report.results] == ["sub\\b", ".\\sub\\b", "a"]


@posix
def test_a_backslash_in_a_name_comes_first(listing: Callable[..., Path]) -> None:
    """A file of exactly that name is preferred."""
    folder = listing("sub\\b")
    (folder / "sub\\b").write_text("another")
    report = verify(folder, check=False)
    assert [(r.status, r.opened) for r in report.results] == [(Status.MISMATCHED, None)]


@posix
@pytest.mark.parametrize("name", ["C:\\dl\\a", "c:\\a", "\\a", "\\\\host\\share\\a", "..\\a"])
def test_absolute_windows_names_are_refused(listing: Callable[..., Path], name: str) -> None:
    """They lead outside, unless a prefix is replaced."""
    report = verify(listing(name), check=False)
    assert [(r.status, r.detail) for r in report.failures] == [(Status.UNREADABLE, OUTSIDE)]
    folder = listing(name)
    report = verify(folder, basename=True)
    assert paths(report) == ["a"]
    assert verify(folder, remap={name[:-1]: ""}).verified == 1


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems know both forms")
@pytest.mark.parametrize(("listed", "there"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_the_other_normal_form_is_tried(tmp_path: Path, listed: str, there: str) -> None:
    """A name that is missing in one Unicode form is tried in the other."""
    name = "Zoë/Caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    file = tmp_path / unicodedata.normalize(there, name)  # type: ignore[arg-type]
    file.parent.mkdir()
    file.write_bytes(b"x")
    asked = unicodedata.normalize(listed, name)  # type: ignore[arg-type]
    digest = hashlib.sha256(b"x").hexdigest()
    (tmp_path / "SHA256SUMS").write_bytes(f"{digest}  {asked}\n".encode())
    report = verify(tmp_path, extra="fail")
    assert (report.results[0].name, report.results[0].path) == (asked, str(file))
    file.write_bytes(b"changed")
    assert verify(tmp_path, check=False).mismatched == 1
    file.unlink()
    (failure,) = verify(tmp_path, check=False).failures
    assert (failure.status, failure.opened) == (Status.MISSING, None)


@posix
def test_no_other_spelling_leads_outside(tmp_path: Path) -> None:
    """The alternative name must be in the folder as well."""
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    (folder / unicodedata.normalize("NFD", "é")).symlink_to("../secret")
    digest = hashlib.sha256(b"x").hexdigest()
    (folder / "SHA256SUMS").write_bytes(f"{digest}  é\n\\{digest}  ..\\\\secret\n".encode())
    report = verify(folder, check=False)
    assert [(r.status, r.detail) for r in report.failures] == [(Status.UNREADABLE, OUTSIDE)] * 2


def test_installed_packages_start_above_their_record(tmp_path: Path) -> None:
    """A package's RECORD lists names from the folder above its own."""
    for folder, verified in (("pkg-1.0.dist-info", 1), ("pkg", 0)):
        info = tmp_path / folder / folder
        info.mkdir(parents=True)
        (info.parent / "mod.py").write_bytes(b"")
        (info / "RECORD").write_text(
            "mod.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"
            "pkg-1.0.dist-info/RECORD,,\n"
        )
        report = verify(info, check=False)
        assert (report.manifests[0].format, report.verified) == ("record", verified)
        if verified:
            assert Path(report.results[0].path).resolve() == (info.parent / "mod.py").resolve()
        assert verify(info, root=info.parent).verified == 1


def test_a_file_that_two_folders_list(tmp_path: Path) -> None:
    """A file that is read once for two manifests has the right path in both results."""
    file = tmp_path / "sub" / "a"
    file.parent.mkdir()
    file.write_bytes(b"a")
    outer, inner = tmp_path / "SHA256SUMS", file.parent / "MD5SUMS"
    outer.write_text(f"{hashlib.sha256(b'a').hexdigest()}  sub/a\n")
    inner.write_text(f"{hashlib.md5(b'a').hexdigest()}  a\n")
    report = verify(tmp_path, recursive=True)
    assert report.bytes_read == 1
    found = {r.manifest: (r.name, r.opened, r.path) for r in report.results}
    assert found == {str(outer): ("sub/a", None, str(file)), str(inner): ("a", None, str(file))}


def test_the_command_takes_paths(listing: Callable[..., Path], command: list[str]) -> None:
    """The command has the same options as the call."""
    folder = listing("/build/x/a", "/dist/x/sub/b")
    options = ["--remap", "/build=.", "--remap", "/dist=.", "--strip", "1", "--root", str(folder)]
    for words, code in ((options, 0), ([], 1), (["--strip", "-1"], 2), (["--remap", "x"], 2)):
        done = subprocess.run(
            [*command, *words, folder], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == code, done.stderr


def test_absolute_names_inside_the_folder(tmp_path: Path) -> None:
    """They are verified without follow_outside, also by the path without links."""
    folder = tmp_path / "real"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_bytes(b"data")
    (folder / "sub" / "b").write_bytes(b"data")
    digest = hashlib.sha256(b"data").hexdigest()
    (folder / "SHA256SUMS").write_text(
        f"{digest}  {folder.resolve() / 'a'}\n"
        f"{digest}  {folder.resolve()}//sub/b\n{digest}  sub/b\n"
    )
    starts = [folder, folder / "SHA256SUMS"]
    if os.name == "posix":
        (tmp_path / "link").symlink_to("real")
        starts.append(tmp_path / "link")
    for start in starts:
        report = verify(start, extra="fail")
        assert report.verified == 3
        assert report.results[0].name == str(folder.resolve() / "a")
    (folder / "a").write_bytes(b"Data")
    report = verify(folder, check=False)
    assert [Path(r.path).name for r in report.failures] == ["a"]
    (folder / "a").unlink()
    assert verify(folder, check=False).missing == 1


@posix
def test_absolute_names_do_not_lead_outside(tmp_path: Path) -> None:
    """Not by a link, not by "..", not to a folder with a name that begins in the same way."""
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"data")
    (tmp_path / "inside").write_bytes(b"data")
    (folder / "link").symlink_to("../secret")
    (folder / "up").symlink_to("..")
    digest = hashlib.sha256(b"data").hexdigest()
    for name in ("link", "../secret", "up/secret", "../inside", "./../secret"):
        (folder / "SHA256SUMS").write_text(f"{digest}  {folder}/{name}\n")
        report = verify(folder, check=False)
        assert [r.detail for r in report.failures] == [OUTSIDE], name
    for name in (f"{folder}side", str(tmp_path / "secret"), f"/.{folder}/a"):
        (folder / "SHA256SUMS").write_text(f"{digest}  {name}\n")
        assert [r.detail for r in verify(folder, check=False).failures] == [OUTSIDE], name


def test_a_record_with_absolute_names(tmp_path: Path) -> None:
    """The specification allows them; they count if they are inside site-packages."""
    info = tmp_path / "pkg-1.0.dist-info"
    info.mkdir()
    (tmp_path / "mod.py").write_bytes(b"data")
    listed = base64.urlsafe_b64encode(hashlib.sha256(b"data").digest()).decode().rstrip("=")
    (info / "RECORD").write_text(f"{tmp_path / 'mod.py'},sha256={listed},4\n")
    assert verify(info).verified == 1
    (tmp_path / "mod.py").write_bytes(b"Data")
    assert verify(info, check=False).mismatched == 1


def test_update_reads_what_verify_reads(tmp_path: Path) -> None:
    """A file listed by its absolute path is not listed a second time, and keeps its name."""
    (tmp_path / "a").write_bytes(b"data")
    digest = hashlib.sha256(b"data").hexdigest()
    manifest = tmp_path / "SHA256SUMS"
    manifest.write_text(f"{digest}  {tmp_path / 'a'}\n")
    assert verify(manifest).verified == 1
    (tmp_path / "a").write_bytes(b"other")
    checksig.update(manifest, accept_changed=True)
    other = hashlib.sha256(b"other").hexdigest()
    assert manifest.read_text() == f"{other}  {tmp_path / 'a'}\n"
    assert verify(manifest).verified == 1
    manifest.write_text(f"{digest}  {tmp_path.parent / 'elsewhere'}\n")
    with pytest.raises(checksig.WriteError):
        checksig.update(manifest)
