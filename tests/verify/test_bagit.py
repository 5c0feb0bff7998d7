"""Bags (RFC 8493), compared with the reference implementation, bagit-python."""

from __future__ import annotations

import hashlib
import importlib
import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig import verify
from checksig.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

bagit: Any = importlib.import_module("bagit")  # it has no types

pytestmark = pytest.mark.usefixtures("engine")


def encoded_bag(folder: Path, encoding: str, name: str, *, mark: bytes = b"") -> Path:
    """Write a bag whose tag files are in another encoding than UTF-8."""
    (folder / "data").mkdir(parents=True)
    (folder / "data" / name).write_bytes(b"x")
    declaration = f"BagIt-Version: 0.97\nTag-File-Character-Encoding: {encoding}\n"
    (folder / "bagit.txt").write_text(declaration)
    listed = f"{hashlib.sha256(b'x').hexdigest()}  data/{name}\n"
    codec = "utf-16-be" if encoding == "UTF-16" else encoding
    for file, text in {
        "manifest-sha256.txt": listed,
        "bag-info.txt": f"Contact-Name: {name}\nPayload-Oxum: 1.1\n",
        "fetch.txt": f"https://example.org/ 1 data/{name}\n",
    }.items():
        (folder / file).write_bytes(mark + text.encode(codec))
    return folder


ENCODINGS = {
    "ISO-8859-1": ("Jürg", b""),
    "windows-1252": ("10 €", b""),
    "Shift_JIS": ("日本", b""),
    "UTF-16": ("Jürg 日本", b"\xfe\xff"),
    "UTF-16LE": ("Jürg", b""),
    "UTF-16BE": ("日本", b"\xfe\xff"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_tag_files_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    """Manifests, bag-info.txt and fetch.txt are decoded; names on disk are those decoded."""
    name, mark = ENCODINGS[encoding]
    folder = encoded_bag(tmp_path / "bag", encoding, name, mark=mark)
    report = verify(folder, extra="fail")
    assert [r.name for r in report.results] == [f"data/{name}"]
    assert [m.encoding for m in report.manifests] == [encoding.lower()]
    (folder / "data" / name).write_bytes(b"y")
    assert not verify(folder, check=False).ok
    (folder / "data" / name).write_bytes(b"x")
    (folder / "data" / "new").write_bytes(b"")
    report = verify(folder, check=False)
    assert {b.cause for b in report.bad_lines} == {
        'does not list "data/new" (BagIt 0.97)',
        "Payload-Oxum is 1.1, found 1.2 (BagIt 0.97)",
    }


def test_bytes_that_are_not_text_of_the_encoding(tmp_path: Path) -> None:
    """A manifest or tag file that cannot be decoded is not read."""
    folder = encoded_bag(tmp_path / "bag", "Shift_JIS", "日本")
    whole = (folder / "bag-info.txt").read_bytes()
    (folder / "bag-info.txt").write_bytes(whole + b"X: \x81\n")
    (problem,) = verify(folder, check=False).bad_lines
    assert "cannot be read: bytes that are not text in the encoding shift_jis" in problem.cause
    (folder / "bag-info.txt").write_bytes(whole)
    with (folder / "manifest-sha256.txt").open("ab") as file:
        file.write(b"\x81")
    assert not verify(folder, check=False).ok


def test_a_profile_that_is_not_checked(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bag that names a profile is verified without it, and that is said."""
    write("bag-info.txt", "BagIt-Profile-Identifier: https://example.org/p\n", append=True)(bag)
    reseal(bag)
    notes = [note for m in verify(bag).manifests for note in m.notes]
    said = 'the rules of the BagIt profile "https://example.org/p" were not checked'
    assert len(notes) == 2
    assert said in notes[0] + notes[1]
    assert "of a bag, whose rules were checked as well (BagIt " in notes[0] + notes[1]
    assert main([str(bag)]) == 0
    assert said in capsys.readouterr().out


def test_problems_of_the_bag_are_no_bad_lines(
    bag: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are shown as what they are, with the bag's version."""
    write("data/new", "")(bag)
    assert main([str(bag)]) == 1
    shown = capsys.readouterr().out
    assert f"BROKEN RULE {bag / 'manifest-md5.txt'}\n" in shown
    assert 'does not list "data/new" (BagIt 0.97)' in shown
    assert "3 broken rules" in shown
    assert "BAD LINE" not in shown


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """Make a bag with the reference implementation: two files, two algorithms."""
    folder = tmp_path / "bag"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"a")
    (folder / "sub" / "b 100%.txt").write_bytes(b"bb")
    logging.getLogger("bagit").disabled = True
    bagit.make_bag(str(folder), {"Contact-Name": "x"}, checksums=["sha256", "md5"])
    return folder


def reference(folder: Path) -> bool:
    """Return whether the reference implementation accepts the bag."""
    try:
        return bool(bagit.Bag(str(folder)).is_valid())
    except (bagit.BagError, OSError, ValueError):
        return False


def reseal(folder: Path) -> None:
    """Write the tag manifests again, as for an intended change."""
    for manifest in folder.glob("tagmanifest-*.txt"):
        algorithm = manifest.stem.partition("-")[2]
        lines = [
            f"{hashlib.new(algorithm, file.read_bytes()).hexdigest()} {file.name}\n"
            for file in sorted(folder.iterdir())
            if file.is_file() and not file.name.startswith("tagmanifest-")
        ]
        manifest.write_text("".join(lines))


def rewrite(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Return a function that replaces a text in a tag file."""

    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return change


def test_a_whole_bag_is_valid(bag: Path) -> None:
    """All manifests are read, and each file once."""
    assert reference(bag)
    report = verify(bag, extra="fail")
    assert [Path(m.path).name for m in report.manifests] == [
        "manifest-md5.txt",
        "manifest-sha256.txt",
        "tagmanifest-md5.txt",
        "tagmanifest-sha256.txt",
    ]
    assert {m.format for m in report.manifests} == {"bagit"}
    files = [f for f in bag.rglob("*") if f.is_file() and not f.name.startswith("tagm")]
    assert report.bytes_read == sum(f.stat().st_size for f in files)
    assert report.entries == 2 * len(files)


def sealed(change: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return a function that changes a bag and writes its tag manifests again."""

    def both(folder: Path) -> None:
        change(folder)
        reseal(folder)

    return both


def write(name: str, text: str, *, append: bool = False) -> Callable[[Path], object]:
    """Return a function that writes a file or appends to it."""

    def change(folder: Path) -> None:
        before = (folder / name).read_text() if append else ""
        (folder / name).write_text(before + text)

    return change


def without_manifests(folder: Path) -> None:
    """Remove the payload manifests."""
    for manifest in folder.glob("manifest-*"):
        manifest.unlink()


def without_first_line(folder: Path) -> None:
    """Remove the first line of one payload manifest."""
    lines = (folder / "manifest-md5.txt").read_text().splitlines(keepends=True)
    (folder / "manifest-md5.txt").write_text("".join(lines[1:]))


def oxum(text: str) -> Callable[[Path], object]:
    """Return a function that writes another Payload-Oxum."""
    return sealed(rewrite("bag-info.txt", "Payload-Oxum: 3.2", f"Payload-Oxum: {text}"))


def declared(old: str, new: str) -> Callable[[Path], object]:
    """Return a function that changes bagit.txt."""
    return sealed(rewrite("bagit.txt", old, new))


MUTATIONS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a payload file changed": (write("data/a.txt", "b"), "a.txt: mismatched"),
    "a payload file is missing": (lambda b: (b / "data/a.txt").unlink(), "data/a.txt: missing"),
    "a payload file is not listed": (
        write("data/new", ""),
        'manifest-md5.txt: does not list "data/new"',
    ),
    "a tag file changed": (
        write("bag-info.txt", "X: y\n", append=True),
        "bag-info.txt: mismatched",
    ),
    "a manifest changed": (
        write("manifest-md5.txt", "\n", append=True),
        "manifest-md5.txt: mismatched",
    ),
    "a tag file is missing": (lambda b: (b / "bag-info.txt").unlink(), "bag-info.txt: missing"),
    "no payload folder": (lambda b: shutil.rmtree(b / "data"), "bagit.txt: no folder data/"),
    "no payload manifest": (
        sealed(without_manifests),
        "bagit.txt: the bag has no payload manifest",
    ),
    "an unknown version": (declared("0.97", "7.1"), "bagit.txt: unknown version 7.1"),
    "no version": (
        declared("BagIt-Version", "Version"),
        "bagit.txt: is not BagIt-Version: and a version",
    ),
    "no encoding": (
        declared("Tag-File-Character-Encoding", "Encoding"),
        "bagit.txt: is not Tag-File-Character-Encoding: and an encoding",
    ),
    "an encoding that is none": (
        declared("UTF-8", "WTF-8"),
        'bagit.txt: unsupported encoding "WTF-8"; known: UTF-8, UTF-16',
    ),
    "an empty declaration": (
        sealed(write("bagit.txt", "")),
        "bagit.txt: does not have two lines",
    ),
    "a wrong number of bytes": (
        oxum("4.2"),
        "bag-info.txt: Payload-Oxum is 4.2, found 3.2",
    ),
    "a wrong number of files": (
        oxum("3.1"),
        "bag-info.txt: Payload-Oxum is 3.1, found 3.2",
    ),
    "a name that leads outside": (
        sealed(rewrite("manifest-md5.txt", "data/a.txt", "data/../../up")),
        'manifest-md5.txt: a name in a bag must not contain ".."',
    ),
}


@pytest.mark.parametrize("what", MUTATIONS)
def test_what_makes_a_bag_invalid(bag: Path, what: str) -> None:
    """The reference implementation rejects it too, and the report gives the reason."""
    mutate, expected = MUTATIONS[what]
    mutate(bag)
    assert not reference(bag)
    report = verify(bag, check=False)
    assert not report.ok
    problems = [f"{Path(r.path).as_posix()}: {r.status}" for r in report.failures]
    problems += [f"{Path(b.manifest).name}: {b.cause}" for b in report.bad_lines]
    assert any(expected in line for line in problems), problems


# What the RFC forbids and bagit-python 1.9 accepts.
STRICTER: dict[str, tuple[Callable[[Path], object], str]] = {
    # Section 2.1.1: bagit.txt has exactly two lines.
    "three lines": (
        sealed(write("bagit.txt", "More: x\n", append=True)),
        "bagit.txt: more than two lines",
    ),
    # Section 3: every payload file is listed in every payload manifest.
    "a file in one manifest alone": (
        sealed(without_first_line),
        'manifest-md5.txt: does not list "data/',
    ),
    # Section 2.2.3: what is to be fetched is listed in every payload manifest.
    "to be fetched, and not listed": (
        sealed(write("fetch.txt", "https://example.org/x - data/x\n")),
        'fetch.txt: manifest-md5.txt does not list "data/x"',
    ),
    # Section 2.2.1: a tag manifest lists every payload manifest.
    "a tag manifest without the payload manifests": (
        lambda b: rewrite(
            "tagmanifest-md5.txt",
            f"{hashlib.md5((b / 'manifest-md5.txt').read_bytes()).hexdigest()} manifest-md5.txt\n",
            "",
        )(b),
        "tagmanifest-md5.txt: does not list manifest-md5.txt",
    ),
}


@pytest.mark.parametrize("what", STRICTER)
def test_where_the_standard_is_stricter(bag: Path, what: str) -> None:
    """The report follows the RFC and fails where bagit-python is lenient."""
    mutate, expected = STRICTER[what]
    declared("0.97", "1.0")(bag)  # before, one manifest is enough
    mutate(bag)
    assert reference(bag)
    report = verify(bag, check=False)
    problems = [f"{Path(b.manifest).name}: {b.cause}" for b in report.bad_lines]
    assert any(expected in line for line in problems), problems
    assert not report.ok


def test_before_version_1_one_manifest_is_enough(bag: Path) -> None:
    """A payload file need not be in each manifest (RFC 8493, section 1.3)."""
    sealed(without_first_line)(bag)
    assert verify(bag).ok


def test_a_file_that_is_to_be_fetched_is_missing(bag: Path) -> None:
    """Nothing is fetched: listed files must exist."""
    (bag / "data" / "a.txt").unlink()
    (bag / "fetch.txt").write_text("https://example.org/a.txt 1 data/a.txt\n")
    reseal(bag)
    report = verify(bag, check=False)
    assert {r.name for r in report.failures} == {"data/a.txt"}
    assert [b.cause for b in report.bad_lines] == ["Payload-Oxum is 3.2, found 2.1 (BagIt 0.97)"]


def test_names_are_decoded_in_every_file(tmp_path: Path) -> None:
    """CR, LF and the percent sign are written as %0D, %0A and %25."""
    if os.name != "posix":
        pytest.skip("names of POSIX")
    folder = tmp_path / "bag"
    folder.mkdir()
    (folder / "n\rl%0A\n~.txt").write_bytes(b"x")
    bagit.make_bag(str(folder), checksums=["sha512"])
    rewrite("bagit.txt", "0.97", "1.0")(folder)
    (folder / "manifest-sha512.txt").write_text(
        f"{hashlib.sha512(b'x').hexdigest()}  data/n%0Dl%250A%0A~.txt\n"
    )
    (folder / "fetch.txt").write_text("https://example.org/%7E 1 data/n%0Dl%250A%0A~.txt\n")
    reseal(folder)
    assert verify(folder).results[0].name == "data/n\rl%0A\n~.txt"


def test_bags_in_subfolders(bag: Path) -> None:
    """With recursive, each bag is checked, and failures name their file."""
    shutil.copytree(bag, bag.parent / "second")
    assert len(verify(bag.parent, recursive=True).manifests) == 8
    (bag.parent / "second" / "data" / "new").write_bytes(b"")
    report = verify(bag.parent, recursive=True, check=False)
    assert {Path(b.manifest).parent.name for b in report.bad_lines} == {"second"}


def test_a_bag_without_any_manifest(tmp_path: Path) -> None:
    """A bagit.txt alone is never a success."""
    (tmp_path / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    (tmp_path / "data").mkdir()
    report = verify(tmp_path, check=False)
    assert (report.ok, report.entries) == (False, 0)
    assert "the bag has no payload manifest (BagIt 1.0)" in [b.cause for b in report.bad_lines]
    assert {b.code for b in report.bad_lines} == {2}


def test_a_manifest_of_a_bag_by_itself(bag: Path) -> None:
    """Given as the path, only what it lists is verified."""
    (bag / "data" / "new").write_bytes(b"")
    report = verify(bag / "manifest-md5.txt")
    assert report.verified == 2
    assert report.manifests[0].notes == ("part of a bag, which was not checked: verify its folder",)
    with pytest.raises(checksig.VerificationError):
        verify(bag)
