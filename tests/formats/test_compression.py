"""Manifests compressed by gzip, bzip2, xz and Zstandard."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import subprocess
from typing import TYPE_CHECKING

import pytest

import checksig
from checksig import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("engine")


def zstd(data: bytes) -> bytes:
    """Compress with the program, as Python has no such module before 3.14."""
    return subprocess.run(["zstd", "-cq"], input=data, capture_output=True, check=True).stdout


COMPRESS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": (".gz", lambda data: gzip.compress(data, mtime=0)),
    "bzip2": (".bz2", bz2.compress),
    "xz": (".xz", lzma.compress),
    "zstd": (".zst", zstd),
}


@pytest.fixture(params=COMPRESS)
def compression(request: pytest.FixtureRequest, needs: Callable[..., None]) -> str:
    """Return the name of a compression."""
    if request.param == "zstd":
        needs("zstd")
    return str(request.param)


@pytest.fixture
def packed(tmp_path: Path, compression: str) -> Path:
    """Make a folder with a file, and its compressed manifest."""
    suffix, compress = COMPRESS[compression]
    (tmp_path / "a").write_bytes(b"data")
    listed = hashlib.sha256(b"data").hexdigest()
    path = tmp_path / f"SHA256SUMS{suffix}"
    path.write_bytes(compress(f"# comment\n{listed}  a\n".encode()))
    return path


def test_a_compressed_manifest_is_verified(packed: Path, compression: str) -> None:
    """It is found in its folder and by its path, whatever it is called."""
    for path in (packed, packed.parent):
        report = verify(path)
        assert (report.verified, report.manifests[0].encoding) == (1, f"{compression}+utf-8")
        assert not report.manifests[0].assumed
    other = packed.rename(packed.parent / "list")
    assert verify(other).verified == 1
    (packed.parent / "a").write_bytes(b"Data")
    assert verify(other, check=False).mismatched == 1


def is_ok(path: Path) -> bool:
    """Whether a manifest can be read, and all is as listed."""
    try:
        return verify(path, check=False).ok
    except checksig.ManifestError:
        return False


def test_a_compressed_manifest_is_read_whole(packed: Path, compression: str) -> None:
    """All its members count, and a cut or damaged one is a failure, as is anything after it."""
    content = packed.read_bytes()
    packed.write_bytes(content + COMPRESS[compression][1](b"x\n"))
    assert verify(packed, check=False).bad_line_count == 1
    for size in (len(content) - 1, len(content) // 2):
        packed.write_bytes(content[:size])
        assert not is_ok(packed)
    packed.write_bytes(content + b"garbage after it\n")
    assert not is_ok(packed)


def test_every_byte_of_a_compressed_manifest(packed: Path) -> None:
    """A changed bit never leads to another result than OK for this file, or a failure."""
    content = packed.read_bytes()
    for i in range(len(content)):
        packed.write_bytes(content[:i] + bytes([content[i] ^ 4]) + content[i + 1 :])
        try:
            report = verify(packed, check=False)
        except checksig.ManifestError:
            continue
        assert not report.ok or [r.name for r in report.results] == ["a"]


def test_a_compressed_sidecar(tmp_path: Path) -> None:
    """The ending of the compression is no part of the file's name."""
    (tmp_path / "disc.iso").write_bytes(b"data")
    digest = hashlib.md5(b"data").hexdigest().encode()
    (tmp_path / "disc.iso.md5.gz").write_bytes(gzip.compress(digest))
    assert [r.name for r in verify(tmp_path).results] == ["disc.iso"]


def test_a_compressed_manifest_is_not_updated(packed: Path) -> None:
    """It stays as it is."""
    before = packed.read_bytes()
    with pytest.raises(checksig.WriteError, match="plain UTF-8"):
        checksig.update(packed)
    assert packed.read_bytes() == before


def test_a_compressed_manifest_is_converted(packed: Path) -> None:
    """With its comments, which the new one does not have."""
    written = checksig.convert(packed, "bsd", output=packed.parent / "CHECKSUM")
    assert written.entries == 1
    assert verify(packed.parent / "CHECKSUM").verified == 1


def test_a_bomb_is_a_failure(tmp_path: Path) -> None:
    """A small file that expands to much is not read to its end."""
    (tmp_path / "SHA256SUMS.gz").write_bytes(gzip.compress(b"\n" * (64 << 20)))
    report = verify(tmp_path, check=False)
    assert "expands to more than 100 times its size" in report.bad_lines[0].cause
