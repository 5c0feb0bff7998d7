"""Inputs that are made to pass although a file is not as listed, or to reach other files."""

from __future__ import annotations

import binascii
import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from checksig import Status, create, update, verify

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"some data\n"


def md5(data: bytes) -> str:
    """Return the MD5 digest in hex."""
    return hashlib.md5(data).hexdigest()


def sha256(data: bytes) -> str:
    """Return the SHA-256 digest in hex."""
    return hashlib.sha256(data).hexdigest()


def write(path: Path, data: bytes) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "algorithm"), [("SHA256SUMS", None), ("a.sha256", None), ("sums", "sha512")]
)
def test_a_checksum_where_a_digest_is_demanded(
    tmp_path: Path, name: str, algorithm: str | None
) -> None:
    """A CRC-32 line does not count where the name or the caller says SHA-2."""
    write(tmp_path / "a", DATA)
    manifest = write(tmp_path / name, b"a %08x\n" % binascii.crc32(DATA))
    report = verify(manifest, algorithm=algorithm, check=False)
    assert not report.ok
    assert report.entries == 0
    assert "crc32 is weaker than sha" in report.bad_lines[0].cause


def test_a_digest_of_8_bits(tmp_path: Path) -> None:
    """A digest that a collision is found for in no time needs to be asked for by name."""
    write(tmp_path / "a", DATA)
    short = hashlib.blake2b(DATA, digest_size=1).hexdigest()
    manifest = write(tmp_path / "sums", f"BLAKE2b-8 (a) = {short}\n".encode())
    assert not verify(manifest, check=False).ok
    assert verify(manifest, algorithm="blake2b-8").verified == 1
    written = create(tmp_path / "a", algorithm="blake2b-8", format="bsd", output=tmp_path / "out")
    assert written.entries == 1


@pytest.mark.parametrize("inside", [b"tampered", None])
def test_an_extracted_system_is_verified_itself(tmp_path: Path, inside: bytes | None) -> None:
    """The lists of dpkg in a folder are about the files in that folder, not about the host's."""
    host = "/bin/sh"
    if not os.path.exists(host):
        pytest.skip(f"there is no {host}")
    with open(host, "rb") as file:
        digest = md5(file.read())
    root = tmp_path / "root"
    if inside is not None:
        write(root / "bin" / "sh", inside)
    write(root / "var/lib/dpkg/info/dash.md5sums", f"{digest}  bin/sh\n".encode())
    (failure,) = verify(tmp_path, recursive=True, check=False).failures
    assert failure.status is (Status.MISSING if inside is None else Status.MISMATCHED)
    assert failure.path == str(root / "bin" / "sh")


def test_update_reads_the_files_that_verify_does(tmp_path: Path) -> None:
    """A list that looks like one of dpkg's keeps the digests of its own files."""
    file = write(tmp_path / "usr" / "bin" / "env", DATA)
    manifest = write(tmp_path / "tool.md5sums", f"{md5(DATA)}  usr/bin/env\n".encode())
    assert verify(manifest).results[0].path == str(file)
    done = update(manifest, all=True, add=False)
    assert (done.changed, done.suspect, done.missing) == ((), (), ())
    assert manifest.read_text() == f"{md5(DATA)}  usr/bin/env\n"


def test_a_bag_that_lists_a_file_through_a_link(tmp_path: Path) -> None:
    """A name with ".." does not count as the file in the payload that it seems to be."""
    bag = tmp_path / "bag"
    write(bag / "bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    write(bag / "data" / "x", b"tampered")
    write(bag / "deep" / "er" / "data" / "x", DATA)
    (bag / "deep" / "er" / "sub").mkdir()
    (bag / "data" / "link").symlink_to("../deep/er/sub")
    manifest = bag / "manifest-sha256.txt"
    manifest.write_text(f"{sha256(DATA)}  data/link/../data/x\n")
    report = verify(bag, check=False)
    causes = [bad.cause for bad in report.bad_lines]
    assert 'a name in a bag must not contain ".."' in causes
    assert 'does not list "data/x" (BagIt 1.0)' in causes


def test_blanks_that_a_signature_does_not_cover(tmp_path: Path) -> None:
    """A blank after a name in PGP's signed text cannot choose another file."""
    write(tmp_path / "app.bin", b"tampered")
    write(tmp_path / "app.bin ", DATA)
    text = (
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{sha256(DATA)}  app.bin \n"
        "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
    )
    manifest = write(tmp_path / "SHA256SUMS.asc", text.encode())
    (failure,) = verify(manifest, check=False).failures
    assert (failure.name, failure.status) == ("app.bin", Status.MISMATCHED)


def test_a_list_next_to_its_file_is_about_that_file(tmp_path: Path) -> None:
    """The digest in disc.iso.txt is that of disc.iso, not of disc."""
    write(tmp_path / "disc", DATA)
    write(tmp_path / "disc.iso", b"tampered")
    manifest = write(tmp_path / "disc.iso.txt", f"{sha256(DATA)}\n".encode())
    (failure,) = verify(manifest, check=False).failures
    assert (failure.name, failure.status) == ("disc.iso", Status.MISMATCHED)
