"""One file and its digest: `digest`, `verify_file`, `only`, and manifests that are no files."""

from __future__ import annotations

import asyncio
import base64
import errno
import gzip
import hashlib
import io
import os
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig import (
    CancelledError,
    CancelToken,
    Entry,
    ManifestError,
    ReadError,
    Status,
    VerificationError,
    averify,
    digest,
    entries,
    iter_verify,
    verify,
    verify_file,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("engine")

DATA = b"some data"
SHA256 = hashlib.sha256(DATA).hexdigest()
MD5 = hashlib.md5(DATA).hexdigest()
SRI = "sha384-" + base64.b64encode(hashlib.sha384(DATA).digest()).decode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Make a file with DATA."""
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return path


# --- digest


def test_digest_of_a_path(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One algorithm gives a text, several a dictionary; relative paths start from here."""
    assert digest(file) == digest(os.fsencode(file)) == SHA256
    assert digest(str(file), "MD5") == MD5
    assert digest(file, ["md5", "SHA2-256"]) == {"md5": MD5, "SHA2-256": SHA256}
    monkeypatch.chdir(file.parent)
    assert digest("file") == digest("../" + file.parent.name + "/file") == SHA256


def test_every_algorithm_of_a_path_and_of_a_stream(file: Path) -> None:
    """Whether hashlib or the engine computes it, the result is the same."""
    names = [*(algorithm.name for algorithm in checksig.algorithms), "blake2b-256", "blake2s-128"]
    found = digest(file, names)
    assert list(found) == names
    assert {name: digest(io.BytesIO(DATA), name) for name in names} == found
    assert digest(io.BytesIO(DATA), names) == found


def test_digest_of_a_stream_begins_where_it_stands(file: Path) -> None:
    """Objects with read or readinto are read to their end."""

    class OnlyRead:
        def __init__(self, *parts: bytes) -> None:
            self.parts = list(parts)

        def read(self, size: int) -> bytes:
            return self.parts.pop(0) if self.parts and size > 0 else b""

    with file.open("rb") as stream:
        stream.seek(5)
        assert digest(stream) == hashlib.sha256(DATA[5:]).hexdigest()
    assert digest(OnlyRead(b"some", b" data")) == SHA256
    assert digest(OnlyRead(b"some", b" data"), "xxh3") == digest(file, "xxh3")
    with file.open("rb", buffering=0) as raw:
        assert digest(raw) == SHA256


def test_what_cannot_be_hashed(file: Path, tmp_path: Path) -> None:
    """Each error is of its own kind and names the file."""
    with pytest.raises(FileNotFoundError) as missing:
        digest(tmp_path / "none")
    assert missing.value.filename == str(tmp_path / "none")
    with pytest.raises(ReadError, match="not a regular file") as refused:
        digest(tmp_path)
    assert refused.value.path == str(tmp_path)
    with pytest.raises(ValueError, match=r'^unknown algorithm "sha255"; did you mean "sha256"\?'):
        digest(file, "sha255")
    with pytest.raises(ValueError, match=r'^unknown algorithm "sha255"'):
        digest(io.BytesIO(), "sha255")
    with pytest.raises(ValueError, match="sha256 is named twice"):
        digest(file, ["sha256", "SHA-256"])
    with pytest.raises(TypeError, match="opened for text"):
        digest(io.StringIO("x"))  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="must be a path or a binary file object"):
        digest(7)  # type: ignore[call-overload]
    cancel = CancelToken()
    cancel.cancel()
    for source in (file, io.BytesIO(DATA)):
        with pytest.raises(CancelledError):
            digest(source, cancel=cancel)


@pytest.mark.skipif(os.name != "posix", reason="makes a FIFO")
def test_a_fifo_is_refused_without_being_opened(tmp_path: Path) -> None:
    """It would wait for a writer."""
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ReadError, match="not a regular file"):
        digest(tmp_path / "fifo")
    report = verify_file(tmp_path / "fifo", SHA256, check=False)
    assert [r.status for r in report.failures] == [Status.UNREADABLE]


# --- verify_file


@pytest.mark.parametrize(
    "expected",
    [
        SHA256,
        SHA256.upper(),
        MD5,
        f"sha256:{SHA256}",
        f"SHA-256:{SHA256}",
        base64.b64encode(bytes.fromhex(SHA256)).decode(),
        SRI,
        f"{SRI} sha256-{base64.b64encode(bytes.fromhex(SHA256)).decode()}",
        [SHA256, MD5],
        bytes.fromhex(SHA256),
    ],
)
def test_every_form_of_a_digest(file: Path, expected: Any) -> None:
    """All are accepted when they match, and none for another file."""
    report = verify_file(file, expected)
    assert report.ok
    assert report.path == str(file)
    assert {result.path for result in report.results} == {str(file)}
    file.write_bytes(b"other")
    with pytest.raises(VerificationError) as caught:
        verify_file(file, expected)
    assert caught.value.report.verified == 0
    assert str(caught.value).splitlines()[1].startswith(f'"{file}" - mismatch: ')


def test_keywords_name_the_algorithm(file: Path) -> None:
    """Each keyword is an algorithm; all of them must match."""
    blake = hashlib.blake2b(DATA, digest_size=32).hexdigest()
    sha3 = hashlib.sha3_256(DATA).hexdigest()
    report = verify_file(file, sha256=SHA256, md5=f"md5:{MD5}", sha3_256=sha3, blake2b_256=blake)
    assert [r.algorithm for r in report.results] == ["sha256", "md5", "sha3-256", "blake2b-256"]
    report = verify_file(file, MD5, check=False, sha256="0" * 64)
    assert (report.ok, report.verified, report.mismatched) == (False, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        ((), {}, ValueError, "no digest to compare with"),
        (("",), {}, ValueError, "must not be empty"),
        (("abc",), {}, ValueError, "'abc' cannot be used"),
        (("!!" * 32,), {}, ValueError, "cannot be used"),
        (("sha256:abcd",), {}, ValueError, "cannot be used: expected 64 hex"),
        (("whirlpool:" + "0" * 128,), {}, ValueError, "cannot be used"),
        (("SHA256 (x) = " + SHA256,), {}, ValueError, "cannot be used"),
        ((SHA256 + "\n" + "0",), {}, ValueError, "'0' cannot be used"),
        ((MD5,), {"algorithm": "sha256"}, ValueError, "cannot be used"),
        ((f"md5:{MD5}",), {"algorithm": "sha256"}, ValueError, "md5 is weaker than sha256"),
        ((), {"sha256": MD5}, ValueError, "cannot be used"),
        ((), {"sha256": f"md5:{MD5}"}, ValueError, "is a digest of another algorithm"),
        ((), {"sha256": SRI}, ValueError, "is a digest of another algorithm"),
        ((), {"sha255": SHA256}, TypeError, "'sha255'; did you mean 'sha256'?"),
        ((), {"chek": False}, TypeError, "unexpected keyword argument 'chek'"),
        ((), {"sha256": 7}, TypeError, "sha256 must be a digest"),
        ((7,), {}, TypeError, "not iterable"),
        (([7],), {}, TypeError, "a digest must be a str or bytes"),
        ((SHA256,), {"algorithm": "sha255"}, ValueError, "unknown algorithm"),
    ],
)
def test_digests_that_cannot_be_used(
    file: Path, arguments: Any, keywords: Any, error: type[Exception], message: str
) -> None:
    """Nothing is verified then, and nothing weaker than asked."""
    for check in (True, False):
        with pytest.raises(error) as caught:
            verify_file(file, *arguments, check=check, **keywords)
        assert message in str(caught.value)
        assert not isinstance(caught.value, VerificationError)


def test_min_strength_refuses_a_digest_that_matches(file: Path) -> None:
    """MD5 is never enough if SHA-256 is asked for."""
    report = verify_file(file, [SHA256, MD5], min_strength="sha256", check=False)
    assert (report.ok, report.verified, report.unreadable) == (False, 1, 1)


def test_a_missing_file(tmp_path: Path) -> None:
    """It is a failure like that of an entry."""
    with pytest.raises(VerificationError, match=r'none" - missing$'):
        verify_file(tmp_path / "none", SHA256)


@pytest.mark.skipif(os.name != "posix", reason="names that Windows does not have")
@pytest.mark.parametrize("name", [b"a\nb", b"a\\b", b" x ", b"\xff", b"*a", b"?MD5*x", b"-", b"#a"])
def test_any_name(tmp_path: Path, name: bytes) -> None:
    """The file is the one that is named, byte for byte."""
    path = os.path.join(os.fsencode(tmp_path), name)
    with open(path, "wb") as file:
        file.write(DATA)
    report = verify_file(path, SHA256)
    assert [os.fsencode(r.name) for r in report.results] == [path]
    listed = {name: SHA256}
    report = verify(listed, root=tmp_path)
    assert [os.fsencode(r.name) for r in report.results] == [name]
    assert [e.name_bytes for e in entries(listed)] == [name]
    assert digest(path) == SHA256


@pytest.mark.skipif(os.name != "posix", reason="makes links")
def test_the_file_may_be_a_link(file: Path, tmp_path: Path) -> None:
    """The caller named it."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(file)
    assert verify_file(tmp_path / "in" / "link", SHA256)
    assert digest(tmp_path / "in" / "link") == SHA256


# --- manifests that are no files


def sources(content: bytes) -> Generator[Any]:
    """Yield the same manifest in every form but a path."""
    yield bytearray(content)
    yield memoryview(content)
    yield io.BytesIO(content)


def test_content_is_verified_like_a_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Names start from root, or else from the working folder."""
    content = f"{SHA256}  file\n{SHA256}  none\n".encode()
    monkeypatch.chdir(tmp_path)
    for root in (None, tmp_path, "."):
        for source in sources(content):
            report = verify(source, root=root, check=False)
            assert (report.verified, report.missing, report.path) == (1, 1, "-")
            assert [os.path.abspath(r.path) for r in report.results] == [
                str(file),
                str(tmp_path / "none"),
            ]
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert verify(io.BytesIO(content), check=False).missing == 2
    items = list(iter_verify(io.BytesIO(content), root=tmp_path))
    assert sorted(item.ok for item in items) == [False, True]
    report = asyncio.run(averify(io.BytesIO(content), root=tmp_path, check=False))
    assert report.verified == 1


def test_content_with_null_bytes(file: Path) -> None:
    """UTF-16 and compressed manifests are read, too."""
    text = f"{SHA256}  file\n"
    for content in (text.encode("utf-16"), gzip.compress(text.encode())):
        assert verify(io.BytesIO(content), root=file.parent)


def test_the_name_of_a_file_object_counts(file: Path, tmp_path: Path) -> None:
    """Its algorithm is demanded as it is of a file, wherever names start from."""
    (tmp_path / "m").mkdir()
    path = tmp_path / "m" / "SHA256SUMS"
    path.write_text(f"{MD5}  file\n")
    with path.open("rb") as manifest:
        report = verify(manifest, root=tmp_path, check=False)
    assert not report.ok
    assert report.manifests[0].path == report.path == str(path)
    assert report.bad_line_count == 1
    path.write_text(f"{SHA256}  file\n")
    with path.open("rb") as manifest:
        (result,) = verify(manifest, root=tmp_path).results
    assert result.path == str(file)


def test_a_mapping(file: Path, tmp_path: Path) -> None:
    """Its values are digests in every form, one or several."""
    (tmp_path / "b").write_bytes(DATA)
    assert verify({"file": SHA256, "b": [f"md5:{MD5}", SRI]}, root=tmp_path).verified == 3
    assert verify({b"file": bytes.fromhex(SHA256)}, root=tmp_path)
    report = verify({"file": MD5}, root=tmp_path, min_strength="sha256", check=False)
    assert report.unreadable == 1
    for wrong in ({}, {"file": "abc"}, {"file": SHA256, "b": "sha256:00"}):
        assert not verify(wrong, root=tmp_path, check=False)
    assert verify({"../x": SHA256}, root=tmp_path, check=False).unreadable == 1
    with pytest.raises(ValueError, match="a mapping has no format"):
        verify({"file": SHA256}, root=tmp_path, format="bsd")
    assert digest(file) == SHA256


def test_a_mapping_and_unlisted_files(file: Path, tmp_path: Path) -> None:
    """A root with files that the mapping lacks is reported if that is asked for."""
    (tmp_path / "-").write_bytes(DATA)
    report = verify({file.name: SHA256}, root=tmp_path, extra="fail", check=False)
    assert [os.path.basename(extra.path) for extra in report.unlisted] == ["-"]


def test_content_that_is_no_manifest(tmp_path: Path) -> None:
    """It is refused like a file; bytes are always a path."""
    for source in sources(os.urandom(5000)):
        with pytest.raises(ManifestError, match="not a checksum manifest, but binary data"):
            verify(source, root=tmp_path)
    with pytest.raises(ValueError, match=r"pass io\.BytesIO\(content\)"):
        verify(f"{SHA256}  file\n".encode())
    with pytest.raises(TypeError, match="opened for text"):
        verify(io.StringIO("x"))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        verify(None)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError) as missing:
        verify(io.BytesIO(b""), root=tmp_path / "none")
    assert missing.value.errno == errno.ENOENT


def test_a_long_content_is_refused() -> None:
    """The request has a limit; nothing of it is verified then."""

    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            return len(buffer)

    with pytest.raises(ValueError, match="more than 64 MiB: write it to a file"):
        verify(Endless())


# --- only


def test_only(tree: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries of other files are not looked at; paths are those of the files."""
    folder = tree({"a": b"a", "in/b": b"b", "in/c": b"c"})
    (folder / "a").write_bytes(b"changed")
    report = verify(folder, only=folder / "in" / "b")
    assert [r.name for r in report.results] == ["in/b"]
    assert verify(folder / "SHA256SUMS", only=[folder / "in"]).verified == 2
    assert verify(folder, only=folder / "a", check=False).mismatched == 1
    monkeypatch.chdir(folder / "in")
    assert verify("../SHA256SUMS", only=["b", "../in/c"]).verified == 2
    (result,) = iter_verify("..", only=b"b")
    assert isinstance(result, checksig.Result)
    assert result.name == "in/b"


def test_only_what_no_line_lists(tree: Callable[..., Path]) -> None:
    """A path without an entry is a failure, whether it exists or not."""
    folder = tree({"a": b"a"})
    (folder / "new").write_bytes(b"")
    report = verify(folder, only=[folder / "a", folder / "new", folder / "none"], check=False)
    assert (report.ok, report.verified) == (False, 1)
    assert [extra.path for extra in report.unlisted] == [str(folder / "new"), str(folder / "none")]
    assert not any(extra.ok for extra in report.unlisted)
    with pytest.raises(VerificationError, match=r'none" - not listed$'):
        verify(folder, only=folder / "none")
    with pytest.raises(ValueError, match="only and extra exclude each other"):
        verify(folder, only=folder / "a", extra="fail")


def test_only_does_not_hide_bad_lines(tree: Callable[..., Path]) -> None:
    """A line that is not understood may be about the file."""
    folder = tree({"a": b"a"})
    with (folder / "SHA256SUMS").open("a") as manifest:
        manifest.write("nonsense  a\n")
    report = verify(folder, only=folder / "a", check=False)
    assert (report.ok, report.verified, report.bad_line_count) == (False, 1, 1)


def test_only_a_missing_file_that_is_listed(tree: Callable[..., Path]) -> None:
    """It is missing, as in a whole verification."""
    folder = tree({"a": b"a", "b": b"b"})
    (folder / "a").unlink()
    report = verify(folder, only=folder / "a", check=False)
    assert (report.missing, report.entries, report.unlisted) == (1, 1, ())


@pytest.mark.skipif(os.name != "posix", reason="makes links")
def test_only_through_links(tree: Callable[..., Path], tmp_path: Path) -> None:
    """A path and an entry may lead to the file in different ways; another file never counts."""
    folder = tree({"d/a": b"a", "e/a": b"other"})
    (tmp_path / "link").symlink_to(folder)
    assert verify(folder, only=tmp_path / "link" / "d" / "a").verified == 1
    (folder / "l").symlink_to("e")
    line = (folder / "SHA256SUMS").read_text().splitlines()[1].replace("e/a", "d/../e/a")
    (folder / "SHA256SUMS").write_text(line + "\n")
    assert verify(folder, only=folder / "l" / "a").verified == 1
    assert not verify(folder, only=folder / "d" / "a", check=False)


def test_only_in_a_bag(tmp_path: Path) -> None:
    """The rules of the bag are not checked then, and a note says so."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_bytes(DATA)
    (tmp_path / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    (tmp_path / "manifest-sha256.txt").write_text(f"{SHA256}  data/a\n{SHA256}  data/b\n")
    report = verify(tmp_path, only=tmp_path / "data" / "a")
    assert (report.verified, report.entries) == (1, 1)
    assert ["not checked: verify its folder" in note for note in report.manifests[0].notes] == [
        True
    ]


# --- entries


def test_entries(tree: Callable[..., Path]) -> None:
    """They arrive in the order of the manifest, and no file is opened."""
    folder = tree({"b": b"b", "a": b"a"})
    for name in "ab":
        (folder / name).unlink()
    manifest = folder / "SHA256SUMS"
    found = list(entries(manifest))
    assert [(e.name, e.line, e.algorithm) for e in found] == [
        ("b", 1, "sha256"),
        ("a", 2, "sha256"),
    ]
    assert found[0] == Entry(
        "b", "sha256", hashlib.sha256(b"b").hexdigest(), None, str(manifest), 1
    )
    assert list(entries(folder)) == found
    assert [e.digest for e in entries(io.BytesIO(manifest.read_bytes()))] == [
        e.digest for e in found
    ]


def test_what_an_entry_states(tmp_path: Path) -> None:
    """Sizes, several algorithms in a line, and an assumed algorithm are kept."""
    path = tmp_path / "sums.txt"
    path.write_text(f"# file: 9 bytes\n{SHA256}  file\n")
    assert [(e.size, e.assumed) for e in entries(path)] == [(9, True)]
    (e,) = entries(path, algorithm="SHA3-256")
    assert (e.algorithm, e.assumed) == ("sha3-256", False)


def test_a_bad_line_among_entries(tmp_path: Path) -> None:
    """It raises, or is yielded; it is never passed over."""
    path = tmp_path / "SHA256SUMS"
    path.write_text(f"{SHA256}  a\nnonsense\n{SHA256}  b\n")
    found: list[str] = []
    with pytest.raises(ManifestError, match="line 2 - expected a"):
        found.extend(e.name for e in entries(path))
    assert found == ["a"]
    kinds = [type(item).__name__ for item in entries(path, check=False)]
    assert kinds == ["Entry", "BadLine", "Entry"]
    assert [type(item).__name__ for item in entries(path, ignore_text=True)] == ["Entry"] * 2
    path.write_text("")
    with pytest.raises(ManifestError, match="lists no file"):
        list(entries(path))


def test_entries_of_nothing(tmp_path: Path) -> None:
    """The errors are those of `verify`."""
    with pytest.raises(FileNotFoundError):
        list(entries(tmp_path / "none"))
    with pytest.raises(checksig.ManifestNotFoundError):
        list(entries(tmp_path))
    (tmp_path / "binary").write_bytes(os.urandom(5000))
    with pytest.raises(ManifestError, match="not a checksum manifest, but binary data"):
        list(entries(tmp_path / "binary"))
    with pytest.raises(TypeError, match="unexpected keyword argument 'recursiv'"):
        entries(tmp_path, recursiv=True)  # type: ignore[call-overload]


def test_many_entries_end_when_the_caller_does(tmp_path: Path) -> None:
    """A generator that is closed stops the engine."""
    path = tmp_path / "SHA256SUMS"
    path.write_text("".join(f"{SHA256}  {i}\n" for i in range(100_000)))
    found = entries(path)
    assert next(found).name == "0"
    found.close()
    assert sum(1 for _ in entries(path)) == 100_000


@pytest.mark.parametrize("seed", range(4))  # some digests begin with a letter
def test_digests_of_parts(tmp_path: Path, seed: int) -> None:
    """A file is verified by the digest of the digests of its parts, if their size is known."""
    data = bytes([seed]) * 40_000
    parts = [data[at : at + 16384] for at in range(0, len(data), 16384)]
    over = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
    tag = hashlib.md5(over, usedforsecurity=False).hexdigest() + "-3"
    (tmp_path / "a").write_bytes(data)
    manifest = tmp_path / "ETAGS.md5"
    manifest.write_text(f"{tag}\ta\n")
    for report in (verify(tmp_path, part_size="16KiB"), verify(manifest, part_size=16384)):
        (result,) = report.results
        assert (result.algorithm, result.expected) == ("md5-parts-16384", tag[:-2])
    assert verify_file(tmp_path / "a", md5=tag, part_size="16KiB").ok
    report = verify(manifest, part_size="20KiB", check=False)
    assert [result.detail for result in report.results] == ["2 blocks of 20480 bytes, 3 listed"]
    report = verify(manifest, part_size="17KiB", check=False)  # 3 parts, too
    assert report.mismatched == 1
    report = verify(manifest, check=False)
    assert (report.entries, report.bad_line_count) == (0, 1)
    assert "--part-size" in report.bad_lines[0].cause
    (tmp_path / "a").write_bytes(bytes([data[0] ^ 1]) + data[1:])
    assert verify(manifest, part_size="16KiB", check=False).mismatched == 1
    for size in (1, "6GiB", "x", True):
        with pytest.raises((TypeError, ValueError), match="part_size"):
            verify(manifest, part_size=size)
    with pytest.raises(ValueError, match="part_size"):
        verify_file(io.BytesIO(data), md5=tag, part_size="16KiB")
