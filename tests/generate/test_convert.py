"""Manifests converted to another format: nothing is lost silently."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from checksig import ManifestError, WriteError, convert, verify

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = subprocess.CompletedProcess[str]

pytestmark = pytest.mark.usefixtures("engine")

SHA256 = hashlib.sha256(b"a").hexdigest()
MD5 = hashlib.md5(b"a").hexdigest()

# Writable formats without sizes and with names relative to the manifest.
STYLES = ["gnu", "bsd", "base64", "openssl", "pipe", "name-first", "bagit", "sfv"]
ODD = ["two\nlines", "back\\slash", "\r", "\udcff", " x", "x ", "*x", "-", "#", ";", "a  b", "%0A"]
NAMES = st.one_of(
    st.sampled_from(ODD),
    st.binary(min_size=1, max_size=30)
    .filter(lambda name: not set(name) & {0, ord("/")} and name not in {b".", b".."})
    .map(os.fsdecode),
)


def converted(path: Path, to: str, **options: str) -> str:
    """Convert a manifest in memory."""
    sink = io.BytesIO()
    convert(path, to, output=sink, **options)  # type: ignore[arg-type]
    return os.fsdecode(sink.getvalue())


def entries(path: str) -> set[tuple[str, str, str]]:
    """Return what verify() reads from a manifest."""
    report = verify(path, check=False)
    assert not report.bad_lines
    return {(r.name, r.algorithm, r.expected) for r in report.results}


def test_one_into_another(tmp_path: Path) -> None:
    """The order stays, and the result describes what was written."""
    (tmp_path / "SHA256SUMS").write_text(f"{SHA256} *b\n{SHA256}  a\n")
    done = convert(tmp_path / "SHA256SUMS", "bsd", output=tmp_path / "CHECKSUMS")
    assert (tmp_path / "CHECKSUMS").read_text() == f"SHA256 (b) = {SHA256}\nSHA256 (a) = {SHA256}\n"
    assert done.manifest == str(tmp_path / "CHECKSUMS")
    assert (done.format, done.algorithms) == ("bsd", ("sha256",))
    assert (done.files, done.entries, done.relative_to) == (2, 2, str(tmp_path))
    with pytest.raises(FileExistsError):
        convert(tmp_path / "SHA256SUMS", "bsd", output=tmp_path / "CHECKSUMS")
    convert(tmp_path / "CHECKSUMS", "gnu", output=tmp_path / "SHA256SUMS", overwrite=True)
    assert (tmp_path / "SHA256SUMS").read_text() == f"{SHA256}  b\n{SHA256}  a\n"


def test_digests_that_stand_apart(tmp_path: Path) -> None:
    """Digests of one file are brought together."""
    (tmp_path / "m").write_text(
        f"MD5 (a) = {MD5}\nMD5 (b) = {MD5}\nSHA256 (a) = {SHA256}\nSHA256 (b) = {SHA256}\n"
    )
    assert converted(tmp_path / "m", "openssl") == (
        f"MD5(a)= {MD5}\nSHA2-256(a)= {SHA256}\nMD5(b)= {MD5}\nSHA2-256(b)= {SHA256}\n"
    )


@pytest.mark.parametrize(
    ("text", "to", "words"),
    [
        (f"{SHA256}  a\n{SHA256}  two\nbad\n", "bsd", "line 3"),
        (f"{SHA256}  a\n", "sfv", "crc32"),
        (f"{SHA256}  a\n", "hashdeep", 'line 1, "a": the format needs the file\'s size'),
        (f"%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n1,{MD5},a\n", "bsd", "size would be lost"),
        (f"\\{SHA256}  a\\nb\n", "openssl", "line 1"),
        (f"{SHA256}  a\n{SHA256}   b\n", "pipe", "line 2"),
        (f"SHA256 (a) = {SHA256}\nBLAKE3 (a) = {SHA256}\n", "gnu", "blake3"),
        (f"{SHA256}  a\n", "ena", "format ena can be read, but not written"),
        ("", "bsd", "lists no file"),
    ],
)
def test_what_the_format_cannot_represent(tmp_path: Path, text: str, to: str, words: str) -> None:
    """It is an error with place and reason, and nothing is written."""
    (tmp_path / "m").write_text(text)
    with pytest.raises((WriteError, ManifestError), match=words) as caught:
        convert(tmp_path / "m", to, output=tmp_path / "new")
    assert str(tmp_path / "m") in str(caught.value)
    assert os.listdir(tmp_path) == ["m"]


def test_signatures_and_comments(tmp_path: Path) -> None:
    """A signature is dropped only on request; dropped comments are reported."""
    (tmp_path / "m").write_text(
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# a\nSHA256 (a) = {SHA256}\n# b\n"
        "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
    )
    with pytest.raises(WriteError, match="signature would be lost"):
        convert(tmp_path / "m", "gnu", output=tmp_path / "n")
    done = convert(tmp_path / "m", "gnu", output=tmp_path / "n", drop_signature=True)
    assert (tmp_path / "n").read_text() == f"{SHA256}  a\n"
    assert done.dropped_comments == ("# a", "# b")


def test_the_algorithm_of_the_source(tmp_path: Path) -> None:
    """Digests without an algorithm get the one that is given."""
    (tmp_path / "m").write_text(f"{SHA256}  a\n")
    assert converted(tmp_path / "m", "bsd", algorithm="blake3") == f"BLAKE3 (a) = {SHA256}\n"
    for options in ({"algorithm": "none"}, {"format": "none"}):
        with pytest.raises(ValueError, match=r'^unknown (algorithm|format) "none"; known: '):
            converted(tmp_path / "m", "bsd", **options)
    with pytest.raises(ValueError, match=r'^unknown format "none"; known: '):
        converted(tmp_path / "m", "none")


@pytest.mark.skipif(os.name != "posix", reason="such names need POSIX")
@pytest.mark.parametrize("style", STYLES)
@settings(deadline=None, max_examples=settings().max_examples // 5)
@given(names=st.lists(NAMES, min_size=1, max_size=4, unique=True), other=st.sampled_from(STYLES))
@example(names=ODD, other="bsd")
@example(names=["a", "b"], other="gnu")
@example(names=["0"], other="base64")
def test_to_and_fro(style: str, names: list[str], other: str) -> None:
    """A to B to A gives equal entries, and B verifies; or there is an error."""
    assume(style != other)
    small = "sfv" in {style, other}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        algorithm = "crc32" if small else "sha256"
        for name in names:
            (folder / name).write_bytes(os.fsencode(name))
        digests = {
            name: f"{zlib.crc32(os.fsencode(name)):08x}"
            if small
            else hashlib.sha256(os.fsencode(name)).hexdigest()
            for name in names
        }
        tag = algorithm.upper()
        lines = "".join(f"\\{tag} ({_escaped(n)}) = {d}\n" for n, d in digests.items())
        # Names that no file of the tree has.
        start, a, b, again = (
            folder / ("0123456789" * 5 + end + f"manifest-{algorithm}.txt") for end in "sabr"
        )
        a, b, again = (_placed(path, s) for path, s in ((a, style), (b, other), (again, style)))
        start.write_bytes(os.fsencode(lines))
        try:
            convert(start, style, output=a)
            first = entries(str(a))
            convert(a, other, output=b)
            second = entries(str(b))
            convert(b, style, output=again)
        except WriteError:
            # No bag has CRC-32, and with it the name first is SFV.
            never = ({"sfv", "bagit"}, {"sfv", "name-first"})
            assert not "".join(names).isalnum() or {style, other} in never
            return
        assert first == second == {(n, algorithm, d) for n, d in digests.items()}
        assert again.read_bytes() == a.read_bytes()
        assert verify(b).verified == len(names)


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def _placed(path: Path, style: str) -> Path:
    """Return a path for a manifest; a bag's is recognised only by its name."""
    if style != "bagit":
        return path.with_name(path.name.replace("manifest-sha256.txt", "m"))
    return path.with_name(f"{'tag' if path.name[50] == 'r' else ''}manifest-sha256.txt")


@pytest.fixture
def run(run: Callable[..., Run]) -> Callable[..., Run]:
    """Run ``checksig convert`` outside the source tree."""
    return functools.partial(run, "convert")


def test_the_command(run: Callable[..., Run], tmp_path: Path) -> None:
    """It prints the manifest or writes a file; errors have exit code 2."""
    (tmp_path / "m").write_text(f"# c\n{SHA256}  a\n")
    done = run("m", "--to", "bsd")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"SHA256 (a) = {SHA256}\n", "")
    done = run("m", "--to", "bsd", "-o", "n")
    assert done.stdout.splitlines()[0] == "DROPPED     # c"
    assert done.stdout.splitlines()[1].startswith("WRITTEN     n: 1 file, sha256, bsd (")
    assert (tmp_path / "n").read_text() == f"SHA256 (a) = {SHA256}\n"
    assert run("m", "--to", "bsd", "-o", "n").returncode == 2
    document = json.loads(run("m", "--to", "base64", "-o", "n", "-f", "--json").stdout)
    assert (document["format"], document["dropped_comments"]) == ("base64", ["# c"])
    done = run("m", "--to", "hashdeep")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith('checksig: "m" - ')
