"""Every shape of manifest: read whole, and never OK once a byte of a file or manifest is another.

The manifests are those of tests/corpus, which tools/make_corpus.py makes with their own tools.
"""

from __future__ import annotations

import base64
import inspect
import json
import os
import random
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from checksig import Report, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CORPUS = Path(__file__).resolve().parent / "corpus"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="names in the corpus are none on some systems"
)


class Row(NamedTuple):
    """A manifest of the corpus."""

    slug: str
    shape: str
    manifest: str
    format: str
    files: dict[str, str]
    options: dict[str, Any]


def rows() -> Iterator[Row]:
    """Read the list of the corpus."""
    listed = json.loads((CORPUS / "rows.json").read_text(encoding="utf-8"))
    for slug, row in listed.items():
        yield Row(slug, row["shape"], row["manifest"], row["format"], row["files"], row["options"])


ROWS = list(rows())
each = pytest.mark.parametrize("row", ROWS, ids=[row.slug for row in ROWS])


class Laid(NamedTuple):
    """A row's files and manifest in a folder."""

    row: Row
    folder: Path
    manifest: Path
    text: bytes

    def verify(self, text: bytes | None = None) -> Report:
        """Verify, with another text in the manifest if one is given."""
        if text is not None:
            self.manifest.write_bytes(text)
        options = dict(self.row.options)
        if "root" in options:
            options["root"] = self.folder / options["root"]
        return verify(self.manifest, check=False, **options)


@pytest.fixture
def lay(tmp_path: Path) -> Callable[[Row], Laid]:
    """Put a row's files into a folder, with its manifest."""

    def put(row: Row) -> Laid:
        missing = set(row.options) - set(inspect.signature(verify).parameters)
        if missing:
            pytest.skip(f"verify() has no {', '.join(missing)} yet")
        for name, content in row.files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode())
        manifest = tmp_path / row.manifest
        manifest.parent.mkdir(parents=True, exist_ok=True)
        text = (CORPUS / row.slug / row.manifest).read_bytes()
        manifest.write_bytes(text)
        return Laid(row, tmp_path, manifest, text)

    return put


def entries(report: Report) -> set[tuple[str, str, str]]:
    """What a report says was verified."""
    return {(Path(r.path).name, r.algorithm, r.expected) for r in report.results if r.ok}


def listed_files(row: Row) -> set[str]:
    """The names, without folders, of the files that a row's manifest lists."""
    names = {Path(name).name for name in row.files}
    return names - {"bagit.txt", "bag-info.txt", "tagmanifest-sha256.txt"}


@each
def test_each_shape_is_read_whole(lay: Callable[[Row], Laid], row: Row) -> None:
    """The manifest of each tool is known for what it is, and every file in it verified."""
    report = lay(row).verify()
    assert report.ok, report
    assert not report.bad_lines
    assert {Path(r.path).name for r in report.results} == listed_files(row)
    (manifest,) = report.manifests
    assert manifest.format == row.format


@each
def test_one_byte_of_a_file(lay: Callable[[Row], Laid], row: Row) -> None:
    """A byte of any file another, or one more, or one less: never OK, and the file is named."""
    laid = lay(row)
    for name, content in row.files.items():
        if Path(name).name not in listed_files(row):
            continue
        path, good = laid.folder / name, content.encode()
        tampered = {good + b"\n", good[:-1], b"x" + good[1:], good[:-1] + b"\0"} - {good}
        for bad in sorted(tampered):
            path.write_bytes(bad)
            report = laid.verify()
            assert not report.ok
            assert {Path(r.path).name for r in report.failures} == {Path(name).name}
        path.unlink()
        assert not laid.verify().ok
        path.write_bytes(good)
    assert laid.verify().ok


def spellings(digest: str) -> Iterator[str]:
    """How a manifest may write a digest."""
    raw = bytes.fromhex(digest)
    yield from (digest, digest.upper(), raw.hex(" "), base64.b64encode(raw).decode())
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")


def encoded(text: bytes, characters: str) -> bytes:
    """Encode *characters* as *text* is encoded."""
    marks = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
    return characters.encode(marks.get(text[:2], "utf-8"))


@each
def test_one_digit_of_a_digest(lay: Callable[[Row], Laid], row: Row) -> None:
    """A digit of any digest another, missing or doubled: never OK."""
    laid = lay(row)
    for result in laid.verify().results:
        shown = next(s for s in spellings(result.expected) if encoded(laid.text, s) in laid.text)
        for at in (0, len(shown) // 2 + 1, len(shown) - 3):
            digit = "1" if shown[at] == "0" else "0"
            for other in (digit, "", shown[at] * 2, "g"):
                changed = shown[:at] + other + shown[at + 1 :]
                old, new = (encoded(laid.text, s) for s in (shown, changed))
                report = laid.verify(laid.text.replace(old, new, 1))
                assert not report.ok, changed
                assert report.failures or report.bad_lines


@each
def test_any_byte_of_a_manifest(lay: Callable[[Row], Laid], row: Row) -> None:
    """Whatever byte of a manifest changes: all is as it was, or it is not OK."""
    laid = lay(row)
    want = entries(laid.verify())
    chance = random.Random(row.slug)
    places = range(len(laid.text))
    for at in chance.sample(places, min(80, len(places))):
        for byte in {0, 0x0A, 0x20, laid.text[at] ^ 1, laid.text[at] ^ 0x80, chance.randrange(256)}:
            text = laid.text[:at] + bytes([byte]) + laid.text[at + 1 :]
            report = laid.verify(text)
            assert not report.ok or entries(report) == want, text


@each
def test_half_a_manifest(lay: Callable[[Row], Laid], row: Row) -> None:
    """Cut short, a manifest is OK only if its entries were verified, and cut between lines."""
    laid = lay(row)
    want = entries(laid.verify())
    for size in sorted({len(laid.text) * n // 24 for n in range(24)}):
        text = laid.text[:size]
        report = laid.verify(text)
        assert entries(report) <= want
        if report.ok:
            rest = laid.text[size:].lstrip(b"\0\r\n ")
            assert (
                text.rstrip(b"\0 ").endswith((b"\n", b"\r"))
                or laid.text[size : size + 1] in b"\r\n"
                or not rest
            )
            assert entries(report)
            assert not laid.text.startswith(b"-----BEGIN")


GARBAGE = {
    "empty": b"",
    "blank": b"\n\n \n",
    "zeros": bytes(1000),
    "HTML": b"<!DOCTYPE html>\n<html><body>404: Not Found</body></html>\n",
    "words": b"these are no digests\n" * 10,
    "random": random.Random(1).randbytes(5000),
    "comments": b"# a.txt\n; a.txt\n## a.txt\n",
    "a mark": b"\xff\xfe",
    "half a mark": b"\xff",
    "a header": b"%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n",
    "a signature": b"-----BEGIN PGP SIGNATURE-----\n\nabcd\n-----END PGP SIGNATURE-----\n",
    "nothing signed": b"-----BEGIN PGP SIGNED MESSAGE-----\n\n-----BEGIN PGP SIGNATURE-----\n"
    b"-----END PGP SIGNATURE-----\n",
    "a table": b"Algorithm Hash Path\n--------- ---- ----\n",
    "a row without digest": b"pkg-1.0.dist-info/RECORD,,\n",
}


@each
@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_under_every_name(lay: Callable[[Row], Laid], row: Row, garbage: str) -> None:
    """What lists nothing is never OK, whatever it is called."""
    report = lay(row).verify(GARBAGE[garbage])
    assert not report.ok
    assert report.verified == 0
    assert report.bad_lines


@each
def test_a_line_of_garbage(lay: Callable[[Row], Laid], row: Row) -> None:
    """A line that means nothing, wherever it stands, is told."""
    laid = lay(row)
    line, end = (encoded(laid.text, text) for text in ("this means nothing\n", "\n"))
    places = [m.end() for m in re.finditer(re.escape(end), laid.text) if m.end() % len(end) == 0]
    for at in (0 if len(end) == 1 else 2, *places):
        report = laid.verify(laid.text[:at] + line + laid.text[at:])
        signature = laid.text[:at].count(b"-----") == 6  # which is not looked into
        assert signature or not report.ok
        assert signature or report.bad_lines


def test_the_corpus_is_whole() -> None:
    """Every row has its manifest, and every format of the engine a row."""
    for row in ROWS:
        assert (CORPUS / row.slug / row.manifest).is_file()
    folders = {entry.name for entry in os.scandir(CORPUS) if entry.is_dir()}
    assert folders == {row.slug for row in ROWS}
    formats = "gnu bsd base64 openssl sidecar pipe sfv name-first record hashdeep get-filehash"
    assert {row.format for row in ROWS} == {
        *formats.split(),
        "certutil",
        "ena",
        "release",
        "bagit",
        "dpkg",
    }
