"""Every shape of manifest: read whole, and never OK once a byte of a file or manifest is another.

The manifests are those of tests/corpus, which tools/make_corpus.py makes with their own tools.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from checksig import (
    BadLine,
    ManifestError,
    ManifestNotFoundError,
    Report,
    VerificationError,
    averify,
    iter_verify,
    verify,
)
from checksig.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CORPUS = Path(__file__).resolve().parent.parent / "corpus"


class Row(NamedTuple):
    """A manifest of the corpus."""

    slug: str
    shape: str
    manifest: str
    format: str
    files: dict[str, str]
    options: dict[str, Any]
    encoding: str

    def text(self) -> bytes:
        """Return the manifest; the corpus keeps UTF-16 as UTF-8, with its mark."""
        text = (CORPUS / self.slug / self.manifest).read_bytes()
        return text.decode().encode(self.encoding) if self.encoding else text


def rows() -> Iterator[Row]:
    """Read the list of the corpus."""
    listed = json.loads((CORPUS / "rows.json").read_text(encoding="utf-8"))
    for slug, row in listed.items():
        yield Row(slug, **{key: row[key] for key in Row._fields[1:]})


def with_odd_names(row: Row) -> bool:
    """Whether this is Windows and the row has names that Windows cannot store."""
    return any(set(name) & set('\\\n\r"') for name in row.files)


ROWS = list(rows())
each = pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            row,
            id=row.slug,
            marks=pytest.mark.skipif(
                os.name == "nt" and with_odd_names(row), reason="Windows has no such names"
            ),
        )
        for row in ROWS
    ],
)


def verify_any(manifest: Path, options: dict[str, Any]) -> Report:
    """Verify a manifest; one that no longer looks like a manifest at all is a bad line."""
    try:
        return verify(manifest, check=False, **options)
    except ManifestError as error:
        bad = BadLine(str(manifest), 0, "", str(error))
        return Report(str(manifest), (), 0, 0, 0, 0, 0, (), (bad,), 0, 0.0)


class Laid(NamedTuple):
    """A row's files and manifest in a folder."""

    row: Row
    folder: Path
    manifest: Path
    text: bytes

    def verify(self, text: bytes | None = None) -> Report:
        """Verify the row, with another manifest text if given."""
        if text is not None:
            self.manifest.write_bytes(text)
        return verify_any(self.manifest, self.options())

    def options(self) -> dict[str, Any]:
        """Return the options that verify() needs for this row."""
        options = dict(self.row.options)
        if "root" in options:
            options["root"] = self.folder / options["root"]
        return options


@pytest.fixture
def lay(tmp_path: Path) -> Callable[[Row], Laid]:
    """Put a row's files into a folder, with its manifest."""

    def put(row: Row) -> Laid:
        for name, content in row.files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode())
        manifest = tmp_path / row.manifest
        manifest.parent.mkdir(parents=True, exist_ok=True)
        text = row.text()
        manifest.write_bytes(text)
        tmp_path.chmod(0o755)  # as an mtree lists it
        return Laid(row, tmp_path, manifest, text)

    return put


def entries(report: Report) -> set[tuple[str, str, str]]:
    """Return what a report verified."""
    return {(Path(r.path).name, r.algorithm, r.expected) for r in report.results if r.ok}


def listed_files(row: Row) -> set[str]:
    """Return the names, without folders, that a row's manifest lists."""
    names = {Path(name).name for name in row.files}
    return names - {"bagit.txt", "bag-info.txt", "tagmanifest-sha256.txt"}


@each
def test_each_shape_is_read_whole(lay: Callable[[Row], Laid], row: Row) -> None:
    """Each tool's manifest is detected, and all its files are verified."""
    report = lay(row).verify()
    assert report.ok, report
    assert not report.bad_lines
    assert {Path(r.path).name for r in report.results} == listed_files(row)
    (manifest,) = report.manifests
    assert manifest.format == row.format
    marks = {b"\xff\xfe": "utf-16le", b"\xfe\xff": "utf-16be"}
    text = row.text()
    assert manifest.encoding == marks.get(text[:2], "utf-8")
    signed = {b"-----BEGIN": "pgp", b"untrusted ": "signify"}
    signed |= {b'{"payloadT': "dsse", b'{\n "mediaT': "sigstore", b'{"mediaTyp': "sigstore"}
    assert manifest.wrapper == signed.get(text[:10], "")
    assert manifest.signature == ("not checked" if text[:10] in signed else "")


NOT_FOUND = {
    *("sums", "sums.txt", "sums.md", "files.txt", "disc.txt", "audit.txt"),
    *("8.0.1-sha.txt", "files.csv", "files.csv4", "report.csv", "gdc_manifest.2024-03-29.txt"),
    *("disc.iso.sigstore.json", "tool-1.0-0.json", "bom.json", "download.json"),
    *("croissant.json", "package-lock.json", "sbom.spdx.json", "sbom.spdx3.json"),
}


@each
def test_each_is_found_in_its_folder(lay: Callable[[Row], Laid], row: Row) -> None:
    """Manifests with usual names are found; other files are left alone."""
    laid = lay(row)
    folder = laid.manifest.parent
    options = laid.options()
    if laid.manifest.name in NOT_FOUND:
        with pytest.raises(ManifestNotFoundError):
            verify(folder, **options)
        return
    report = verify(folder, **options)
    assert str(laid.manifest) in {manifest.path for manifest in report.manifests}
    assert listed_files(row) <= {Path(r.path).name for r in report.results}


@each
def test_one_byte_of_a_file(lay: Callable[[Row], Laid], row: Row) -> None:
    """A changed, added or removed byte of a file fails, and the file is named."""
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


@each
def test_each_is_remembered(
    lay: Callable[[Row], Laid], row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was verified need not be read again until it changes."""
    monkeypatch.setattr("checksig._part._FINE", -(10**18))  # the files are new
    laid = lay(row)
    parts: dict[str, Any] = {"state": tmp_path / "state.db", "max_age": "1d", "check": False}
    first = verify(laid.manifest, **laid.options(), **parts)
    assert first.complete
    assert first.verified == first.entries == laid.verify().verified
    again = verify(laid.manifest, **laid.options(), **parts)
    assert again.complete
    assert (again.verified, again.verified_before) == (0, first.verified)
    name = next(name for name in row.files if Path(name).name in listed_files(row))
    (laid.folder / name).write_bytes(b"x" + row.files[name].encode()[1:])
    changed = verify(laid.manifest, **laid.options(), **parts)
    assert not changed.ok
    assert {Path(r.path).name for r in changed.failures} == {Path(name).name}


def on_the_command_line(options: dict[str, Any]) -> list[str]:
    """Return the options of a row as command-line arguments."""
    words = ["--basename"] if options.get("basename") else []
    words += [f"--algorithm={options['algorithm']}"] if "algorithm" in options else []
    words += [f"--remap={old}={new}" for old, new in options.get("remap", {}).items()]
    return words + ([f"--root={options['root']}"] if "root" in options else [])


@each
def test_every_call_and_command_sees_it(
    lay: Callable[[Row], Laid], row: Row, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """All functions and commands agree on success and failure."""
    laid = lay(row)
    options = laid.options()
    path = str(laid.manifest)

    def raises() -> bool:
        try:
            verify(path, **options)
        except VerificationError:
            return True
        return False

    def verdicts() -> list[bool]:
        words = [path, "--no-progress", *on_the_command_line(options)]
        junit = ["--junit", str(tmp_path / "junit.xml")]
        found = [
            raises(),
            not all(item.ok for item in iter_verify(path, **options)),
            not asyncio.run(averify(path, check=False, **options)).ok,
            *(main([*words, *more]) == 1 for more in ([], ["--json"], ["-q"], junit)),
        ]
        out = capsys.readouterr().out
        return [*found, '"ok": false' in out, "<failure" in junit_text()]

    def junit_text() -> str:
        return (tmp_path / "junit.xml").read_text(encoding="utf-8")

    assert set(verdicts()) == {False}
    name = next(name for name in row.files if Path(name).name in listed_files(row))
    (laid.folder / name).write_bytes(b"x" + row.files[name].encode()[1:])
    assert set(verdicts()) == {True}


def spellings(digest: str) -> Iterator[str]:
    """Return the ways in which a manifest may write a digest."""
    raw = bytes.fromhex(digest)
    yield from (digest, digest.upper(), raw.hex(" "), base64.b64encode(raw).decode())
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
    yield c4(raw)
    groups = digest.upper()  # the first ones, as gpg writes them
    yield from (groups[:8], f"{groups[:4]} {groups[4:8]}", raw.hex(" ").upper()[:10])
    if len(raw) <= 4:  # a sum is written as a number
        yield from (f"{int.from_bytes(raw, 'big'):0{width}d}" for width in (5, 1))


def c4(raw: bytes) -> str:
    """Return a digest as a C4 ID, which is a number to base 58."""
    digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = digits[digit] + text
    return "c4" + text.rjust(88, "1")


def encoded(text: bytes, characters: str) -> bytes:
    """Encode *characters* as *text* is encoded."""
    marks = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
    return characters.encode(marks.get(text[:2], "utf-8"))


@pytest.mark.parsing
@each
def test_one_digit_of_a_digest(lay: Callable[[Row], Laid], row: Row) -> None:
    """A changed, missing or doubled digit of a digest is never OK."""
    if row.format == "torrent":
        pytest.skip("the digests of torrents are binary; other tests change them")
    laid = lay(row)
    for result in laid.verify().results:
        if b'"payload"' in laid.text:
            continue  # the digests are in base64 twice: see TestTamperedPayload
        shown = next(s for s in spellings(result.expected) if encoded(laid.text, s) in laid.text)
        for at in (0, len(shown) // 2 + 1, len(shown) - 3):
            digit = "1" if shown[at] == "0" else "0"
            for other in (digit, "", shown[at] * 2, "g"):
                changed = shown[:at] + other + shown[at + 1 :]
                old, new = (encoded(laid.text, s) for s in (shown, changed))
                report = laid.verify(laid.text.replace(old, new, 1))
                assert not report.ok, changed
                assert report.failures or report.bad_lines


@pytest.mark.parsing
@pytest.mark.parametrize(
    ("slug", "size", "wrong"),
    [
        ("hashdeep", b"\n4,", b"\n5,"),
        ("pgp-bsd", b": 9 bytes", b": 8 bytes"),
        ("release", b" 11 main/", b" 12 main/"),
        pytest.param(
            *("record", b",4", b",5"),
            marks=pytest.mark.skipif(os.name == "nt", reason="Windows has no such names"),
        ),
        ("ena", b"\t3\n", b"\t4\n"),
        ("cfv-csv4", b",4,", b",5,"),
        ("conda-paths", b'_in_bytes": 5', b'_in_bytes": 6'),
        ("datapackage", b'"bytes": 4', b'"bytes": 5'),
        ("ro-crate", b'"contentSize": "4"', b'"contentSize": "5"'),
        ("croissant", b'"4 B"', b'"5 B"'),
        ("simplestreams", b'"size": 4', b'"size": 5'),
        ("distinfo-freebsd", b"SIZE (a.txt) = 4", b"SIZE (a.txt) = 5"),
        ("distinfo-openbsd", b"SIZE (a.txt) = 4", b"SIZE (a.txt) = 5"),
        ("distinfo-pkgsrc", b"= 4 bytes", b"= 5 bytes"),
        ("gentoo", b" 6 BLAKE2B", b" 7 BLAKE2B"),
        ("dsc", b" 4 a_1", b" 5 a_1"),
        ("packages", b"\nSize: 4\n", b"\nSize: 5\n"),
        ("sum", b" 1 a.txt", b" 2 a.txt"),
        ("sum-sysv", b" 1 a.txt", b" 0 a.txt"),
        ("cksum", b" 4 a.txt", b" 5 a.txt"),
        ("table", b",4,", b",5,"),
        ("mtree-bsdtar", b"size=4 ", b"size=5 "),
        ("mtree-netbsd", b"size=4 ", b"size=5 "),
        ("mtree-netbsd-d", b"size=4 ", b"size=5 "),
        ("gdc", b"\t4\t", b"\t5\t"),
        ("markdown", b"| 4 |", b"| 5 |"),
        ("metalink-4", b"<size>4<", b"<size>5<"),
        ("repomd", b"<size>12<", b"<size>13<"),
        ("rpm-primary", b'package="10"', b'package="11"'),
        ("ascmhl", b'size="4"', b'size="5"'),
        ("mhl", b"<size>4<", b"<size>5<"),
        ("pylock", b"size = 8", b"size = 9"),
        ("torrent-2", b"lengthi4e", b"lengthi5e"),
    ],
)
def test_a_size_that_is_wrong(
    lay: Callable[[Row], Laid], slug: str, size: bytes, wrong: bytes
) -> None:
    """If a manifest lists sizes, they must be right."""
    laid = lay(next(row for row in ROWS if row.slug == slug))
    assert size in laid.text
    assert laid.verify().ok
    report = laid.verify(laid.text.replace(size, wrong, 1))
    assert not report.ok
    assert report.failures


@pytest.mark.parsing
@each
def test_any_byte_of_a_manifest(lay: Callable[[Row], Laid], row: Row) -> None:
    """After a change of any byte, the entries are the same or the result is not OK."""
    laid = lay(row)
    want = entries(laid.verify())
    chance = random.Random(row.slug)
    places = range(len(laid.text))
    for at in chance.sample(places, min(16, len(places))):
        for byte in (chance.choice(b"\0\n ,-0"), laid.text[at] ^ 1, chance.randrange(256)):
            if byte in b"#;":
                continue  # which may turn a line into a comment
            text = laid.text[:at] + bytes([byte]) + laid.text[at + 1 :]
            report = laid.verify(text)
            assert not report.ok or entries(report) == want, text


@pytest.mark.parsing
@each
def test_half_a_manifest(lay: Callable[[Row], Laid], row: Row) -> None:
    """A truncated manifest is OK only if cut between lines and entries verified."""
    laid = lay(row)
    want = entries(laid.verify())
    for size in sorted({len(laid.text) * n // 12 for n in range(12)}):
        text = laid.text[:size]
        report = laid.verify(text)
        assert entries(report) <= want
        if report.ok:
            whole = text.rstrip(b"\0").endswith(b"\n")
            assert whole or not laid.text[size:].split(b"\n")[0].strip(b"\0\r ")
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


@pytest.mark.parsing
@each
@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_under_every_name(lay: Callable[[Row], Laid], row: Row, garbage: str) -> None:
    """A manifest without entries is never OK, whatever its name."""
    report = lay(row).verify(GARBAGE[garbage])
    assert not report.ok
    assert report.verified == 0
    assert report.bad_lines


@pytest.mark.parsing
@each
def test_a_line_of_garbage(lay: Callable[[Row], Laid], row: Row) -> None:
    """A meaningless line is reported, wherever it is."""
    if row.format == "apkbuild":
        pytest.skip("the rest of it is a script")
    laid = lay(row)
    line, end = (encoded(laid.text, text) for text in ("this means nothing\n", "\n"))
    places = [m.end() for m in re.finditer(re.escape(end), laid.text) if m.end() % len(end) == 0]
    for at in (0 if len(end) == 1 else 2, *places):
        report = laid.verify(laid.text[:at] + line + laid.text[at:])
        assert not report.ok
        assert report.bad_lines


LISTS = (
    "srcinfo apkbuild freebsd distinfo gentoo dsc packages sum cksum table mtree jar"
    " s3-batch markdown"
)
"""The formats of lists of packages and tables."""


@pytest.mark.parsing
def test_the_corpus_is_whole() -> None:
    """Every row has its manifest, and every format of the engine a row."""
    for row in ROWS:
        assert (CORPUS / row.slug / row.manifest).is_file()
    folders = {entry.name for entry in os.scandir(CORPUS) if entry.is_dir()}
    assert folders == {row.slug for row in ROWS}
    formats = "gnu bsd base64 openssl sidecar pipe sfv name-first record hashdeep get-filehash"
    documents = "metalink repomd rpm-primary ascmhl ascmhl-chain mhl pylock torrent"
    assert {row.format for row in ROWS} == {
        *formats.split(),
        *documents.split(),
        "certutil",
        "ena",
        "release",
        "bagit",
        "dpkg",
        *("print-md", "columns", "cfv-csv"),
        *DOCUMENTS,
        *LISTS.split(),
    }


@pytest.mark.parsing
def test_the_matrix_shows_every_row() -> None:
    """The documented table has each row of the corpus, and checksig reads all."""
    page = CORPUS.parent.parent / "docs" / "reference" / "formats.md"
    if not page.exists():
        pytest.skip("the documents are not next to the tests")
    text = page.read_text(encoding="utf-8")
    for row in ROWS:
        assert f"\n| {row.shape} | reads | " in text
        assert f"(`{row.format}`)" in text


@pytest.mark.parsing
def test_the_page_says_what_its_tool_does() -> None:
    """The sections of the page are those of tools/matrix.py, which would else be lost."""
    matrix = runpy.run_path(str(CORPUS.parent.parent / "tools" / "matrix.py"))
    page = matrix["PAGE"].read_text(encoding="utf-8")
    assert page.endswith(matrix["TAIL"] + matrix["sections"]())


# --- random manifests

# They are tried with a reader that knows no format. It looks in each line for words that look like
# digests, and for names of files: a manifest that is OK leaves none of them out.
# CHECKSIG_TEST_CASES sets how many manifests are tried, CHECKSIG_TEST_SEED which ones.

CASES = int(os.environ.get("CHECKSIG_TEST_CASES", "4000"))

# Characters that mean something in some format.
SPECIAL = " \t\r\n#;\\*-()=,:|\"'\0%./@?{}[]<>&aF0"
COMMENT = re.compile(r"\s*(?:#|;|//)")
# Lines that hold free text in a format: headers, and what is neither a digest nor a name.
FIELDS = re.compile(r"(?!\s*[0-9A-Fa-f]{32,}\s)")
FREE_TEXT = {
    # Digests of folders: only those of files have an action.
    "ascmhl": re.compile(r"\s*<(?:\w+:|\?xml|(?:md5|xxh64) (?!.*action=))"),
    "certutil": re.compile(r"CertUtil:|.*:$"),
    "distinfo": re.compile(r"\$NetBSD"),
    "apkbuild": re.compile(r"(?!\s*[0-9A-Fa-f]{32,}\s)"),  # the rest of a script
    "dsc": FIELDS,
    "ena": re.compile(""),
    "get-filehash": re.compile(r"\S+ +[0-9A-F]+ +C:"),  # a folder, which --basename removes
    "jar": re.compile(r"(?!Name:|SHA|MD5)"),
    "metalink": re.compile(r"\s*<(?:url|generator|\w+:|\?xml)"),
    "mhl": re.compile(r"\s*<(?:\w+:|\?xml)"),
    "mtree": re.compile(r".*\btype=dir\b"),  # is in Manifest.unverified
    "packages": FIELDS,
    "pylock": re.compile(r"\s*index ="),
    "record": re.compile(r".*,,"),
    "release": re.compile(r"\S| [0-9A-Fa-f]+:"),
    "repomd": re.compile(r"\s*<(?:open-checksum|timestamp|revision|data|\?xml)"),
    "rpm-primary": re.compile(r"\s*<(?:summary|description|\?xml)"),
    "s3-batch": re.compile(""),  # the bucket, and the etag
    "srcinfo": re.compile(r"(?!\s*\w*sums)"),
    "table": re.compile(""),
}
SIGNATURE = re.compile(
    r"-----BEGIN PGP SIGNATURE-----.*?-----END PGP SIGNATURE-----|"
    r"\Auntrusted comment:.*\n.*",
    re.DOTALL,
)


DOCUMENTS = {
    *("in-toto", "sigstore", "conda-paths", "conda-meta", "datapackage", "ro-crate"),
    *("croissant", "npm", "cargo", "json-map", "cyclonedx", "spdx", "simplestreams"),
}
"""The formats that are JSON documents."""


class Seed(NamedTuple):
    """A manifest of the corpus, with folders in which one of its files, or none, is changed."""

    row: Row
    text: str
    codec: str
    folders: dict[str, Path]
    contents: dict[str, str]
    """Of the listed files, by their names without folders."""

    def manifest(self, tampered: str) -> Path:
        """Return the manifest in the folder where that file is tampered with."""
        return self.folders[tampered] / self.row.manifest

    def verify(self, tampered: str) -> Report:
        """Verify the manifest in the folder where that file is tampered with."""
        options = dict(self.row.options)
        if "root" in options:
            options["root"] = self.folders[tampered] / options["root"]
        return verify_any(self.manifest(tampered), options)


def make_seed(row: Row, folder: Path, digests: dict[str, str]) -> Seed:
    """Lay out a row of the corpus, and add the content that each of its digests is of."""
    codec = row.encoding or "utf-8"
    listed = sorted(name for name in row.files if Path(name).name in listed_files(row))
    contents = {Path(name).name: row.files[name] for name in listed}
    seed = Seed(row, row.text().decode(codec, "surrogateescape"), codec, {}, contents)
    for tampered in ("", *listed):
        tree = folder / row.slug / str(len(seed.folders))
        seed.folders[tampered] = tree
        for name, content in {**row.files, row.manifest: ""}.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(content.encode() + b"!" * (name == tampered))
    seed.manifest("").write_bytes(row.text())
    report = seed.verify("")
    assert report.ok, report
    for result in report.results:
        for spelling in spellings(result.expected):
            digests[spelling.lower()] = contents[Path(result.path).name]
    return seed


class Seeds(NamedTuple):
    """The rows of the corpus, and the content that each digest in them is of, by its spellings."""

    seeds: list[Seed]
    digests: dict[str, str]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Seeds:
    """Lay out every row of the corpus."""
    folder = tmp_path_factory.mktemp("random")
    digests: dict[str, str] = {}
    rows = [
        row
        for row in ROWS
        if row.format != "torrent"  # which is no text
        and not (os.name == "nt" and with_odd_names(row))
    ]
    return Seeds([make_seed(row, folder, digests) for row in rows], digests)


def change(text: str, seeds: list[Seed], chance: random.Random) -> str:
    """Change a manifest in one way."""
    start = chance.randrange(len(text) + 1)
    end = min(len(text), start + chance.choice((0, 1, 2, 8, 33, 64)))
    lines = text.splitlines(keepends=True) or [""]
    line = chance.randrange(len(lines))
    other = chance.choice(seeds).text.splitlines(keepends=True)
    kind = chance.randrange(8)
    if kind == 0:  # remove
        return text[:start] + text[end:]
    if kind == 1:  # insert
        added = "".join(chance.choice(SPECIAL) for _ in range(chance.randint(1, 3)))
        return text[:start] + added + text[start:]
    if kind == 2:  # replace
        return text[:start] + chance.choice(SPECIAL) + text[start + 1 :]
    if kind == 3:  # repeat elsewhere
        to = chance.randrange(len(text) + 1)
        return text[:to] + text[start:end] + text[to:]
    if kind == 4:  # change the case
        return text[:start] + text[start:end].swapcase() + text[end:]
    if kind == 5:  # move a line
        moved = lines.pop(line)
        lines.insert(chance.randrange(len(lines) + 1), moved)
    elif kind == 6:  # a line of another manifest
        lines.insert(line, chance.choice(other))
    else:  # half of one line, half of another
        lines[line] = lines[line][: chance.randrange(len(lines[line]) + 1)] + chance.choice(other)
    return "".join(lines)


def ignored(seed: Seed, text: str, report: Report, digests: dict[str, str]) -> Iterator[str]:
    """Yield what looks like a demand in a manifest that is OK, and was not verified."""
    verified = {Path(result.path).name for result in report.results if result.ok}
    read = {seed.contents[name] for name in verified}
    (manifest,) = report.manifests
    free = FREE_TEXT.get(manifest.format)
    shortest = 8 if manifest.format == "sfv" else 12
    names = {name for name in seed.contents if not set(name) & set('\\\n\r"')}
    for line in SIGNATURE.sub("", text).split("\n"):
        if COMMENT.match(line) or (free and free.match(line)):
            continue
        for word in re.findall(rf"[0-9A-Fa-f]{{{shortest},}}", line):
            if digests.get(word.lower()) not in read:
                yield f"digest {word} in {line!r}"
        for name in names - verified:
            if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", line):
                yield f"name {name} in {line!r}"


class Faults(NamedTuple):
    """What is wrong with a report that is OK."""

    certain: list[str]
    likely: list[str]  # words in it look like demands, and were not verified


def faults(seed: Seed, tampered: str, text: str, digests: dict[str, str]) -> Faults | None:
    """Verify a manifest whose file *tampered* was changed.

    Return what is wrong with the report if that is OK, and None if it is not.
    """
    seed.manifest(tampered).write_bytes(text.encode(seed.codec, "surrogateescape"))
    report = seed.verify(tampered)
    if not report.ok:
        return None
    found = [] if report.verified else ["nothing was verified"]
    for result in report.results:
        name = Path(result.path).name
        if tampered and name == Path(tampered).name:
            found.append(f"{name} was tampered with")
        if digests.get(result.expected) != seed.contents.get(name):
            found.append(f"{name} has another digest")
    if seed.row.format in DOCUMENTS:
        return Faults(found, [])  # in-toto and others demand to ignore members of unknown keys
    return Faults(found, list(ignored(seed, text, report, digests)))


@pytest.mark.parsing
def test_what_is_ok_demands_nothing_else(corpus: Seeds) -> None:
    """A random manifest is OK only if every digest and every name in it was verified.

    One in 10,000 may leave out what only looks like a digest to a reader that knows no format.
    """
    chance = random.Random(int(os.environ.get("CHECKSIG_TEST_SEED", "1")))
    count = 0
    wrong: list[str] = []
    doubtful: list[str] = []
    for _ in range(CASES):
        seed = chance.choice(corpus.seeds)
        tampered = chance.choice(list(seed.folders)) if chance.random() < 0.6 else ""
        text = seed.text
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
            text = change(text, corpus.seeds, chance)
        found = faults(seed, tampered, text, corpus.digests)
        count += found is not None
        if found and (found.certain or found.likely):
            shown = f"{seed.row.slug}, {tampered!r} tampered with: {found}\n{text}"
            (wrong if found.certain else doubtful).append(shown)
    assert not wrong, f"{len(wrong)} manifests:\n" + "\n".join(wrong[:20])
    assert len(doubtful) <= CASES // 10_000, "\n".join(doubtful[:20])
    # Otherwise nothing was tried.
    assert CASES / 20 < count < CASES * 19 / 20
