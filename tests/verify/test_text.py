"""Text between the entries of a manifest: refused, or accepted and counted with ``ignore_text``."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from checksig import Report, iter_verify, verify
from checksig.cli import main

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"some data"
MD5 = hashlib.md5(DATA).hexdigest()
SHA256 = hashlib.sha256(DATA).hexdigest()
URL64 = base64.urlsafe_b64encode(bytes.fromhex(SHA256)).decode().rstrip("=")
HINT = "; --ignore-text (ignore_text=True) accepts text"

SLACKWARE = f"""These are the MD5 message digests for the files in this directory.
If you want to test your files, use 'md5sum' and compare the values to
the ones listed here.

To test all these files, use this command:

tail +13 CHECKSUMS.md5 | md5sum -c --quiet - | less

'md5sum' can be found in the GNU coreutils package on ftp.gnu.org in
/pub/gnu, or at any GNU mirror site.

MD5 message digest                Filename
{MD5}  ./a
"""

RESCUE = f"""Checksums
=========

Compare the digest of the file that you downloaded with this one:

{SHA256}  a

How to verify: see the manual.
"""

BEGINS_WITH_TEXT = {
    "gnu": (SLACKWARE, "CHECKSUMS.md5", 8),
    "gnu, SHA-256": (RESCUE, "SHA256SUMS", 4),
    "bsd": (f"The digests:\nSHA256 (a) = {SHA256}\n", "CHECKSUM", 1),
    "name-first": (f"The digests:\na  {SHA256}\nEnd.\n", "sums.txt", 2),
    "pipe": (f"The digests:\n{SHA256} | a\n", "sums.md", 1),
    "markdown": (
        f"The digests:\n\n| file | SHA256 |\n|---|---|\n| a | {SHA256} |\n",
        "sums.md",
        1,
    ),
    "columns": (f"The digests of all files:\na {MD5} {SHA256}\n", "sums.txt", 1),
    "print-md": (
        f"The digests of all files\na: {bytes.fromhex(MD5).hex(' ').upper()}\n",
        "sums.txt",
        1,
    ),
    "sidecar": (f"The digest is\n{SHA256}\n", "a.sha256", 1),
}


def check(folder: Path, name: str, text: str, *, ignore_text: bool = False) -> Report:
    """Verify a manifest in a folder with the file "a"."""
    (folder / "a").write_bytes(DATA)
    (folder / name).write_text(text, newline="")
    return verify(folder / name, check=False, ignore_text=ignore_text)


@pytest.mark.parametrize("shape", BEGINS_WITH_TEXT)
def test_text_is_counted(tmp_path: Path, shape: str) -> None:
    """Every format finds its entries between lines of text, and a changed file fails."""
    text, name, lines = BEGINS_WITH_TEXT[shape]
    report = check(tmp_path, name, text, ignore_text=True)
    assert report.ok, report
    assert report.manifests[0].format == shape.partition(",")[0]
    assert report.text_lines == report.manifests[0].text_lines == lines
    assert report.to_dict()["text_lines"] == lines
    (tmp_path / "a").write_bytes(b"Some data")
    report = verify(tmp_path / name, check=False, ignore_text=True)
    assert report.verified == 0
    assert {result.name for result in report.failures} == {report.results[0].name}
    assert not report.bad_lines
    assert not all(item.ok for item in iter_verify(tmp_path / name, ignore_text=True))


@pytest.mark.parametrize("shape", BEGINS_WITH_TEXT)
def test_text_is_refused(tmp_path: Path, shape: str) -> None:
    """By default a line of text is a bad line, which names the option."""
    text, name, _ = BEGINS_WITH_TEXT[shape]
    report = check(tmp_path, name, text)
    assert not report.ok
    assert report.text_lines == 0
    assert any(bad.cause.endswith(HINT) for bad in report.bad_lines)
    digests = [bad for bad in report.bad_lines if MD5 in bad.text or SHA256 in bad.text]
    assert not any(HINT in bad.cause for bad in digests)


@pytest.mark.parametrize(
    "line",
    [
        SHA256[:-1] + "  a",
        SHA256 + "0  a",
        SHA256,
        f"see {SHA256}, which is the digest of b",
        f"b {MD5}",
        f"SHA256 (b) = {SHA256[1:]}",
        "SHA256 (b) = ",
        "WHIRLPOOL (b) = 00",
        f"; {SHA256}  b",
        f"// {SHA256}  b",
        f"b: {bytes.fromhex(MD5).hex(' ')}",
        f"sha256:{SHA256[:40]}  b",
        "LIsI2lzmA5jh8Zrw5dzMdE3ydLgmq+WF6rpoxSVDSAY=  b",
        "f817a89  b",
        "1234567  b",
        "b f817a89",
        f"{SHA256[:16]}  b",
        f"x{SHA256}x",
        "\x00text",
    ],
)
def test_a_line_with_a_digest_stays_bad(tmp_path: Path, line: str) -> None:
    """A line in which something looks like a digest, or a part of one, is never passed over."""
    report = check(tmp_path, "sums.txt", f"{SHA256}  a\n{line}\n", ignore_text=True)
    assert not report.ok
    assert report.verified == 1
    assert report.text_lines == 0
    assert [bad.line for bad in report.bad_lines] == [2] or report.missing == 1
    assert not any(HINT in bad.cause for bad in report.bad_lines)


@pytest.mark.parametrize("text", ["", "nothing\n", "nothing\n" * 100_000, "\n", "# nothing\n"])
def test_text_alone_lists_no_file(tmp_path: Path, text: str) -> None:
    """A manifest in which no entry is found fails."""
    report = check(tmp_path, "sums.txt", text, ignore_text=True)
    assert not report.ok
    assert [bad.cause for bad in report.bad_lines] == ["lists no file"]
    assert report.text_lines == text.count("nothing\n") - text.count("# nothing\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.sfv", "a DEADBEE\n"),
        ("sums.crc32", "1234567 a\nDEAD a\n"),
        ("sums.xxh64", "text\n"),
        ("manifest-sha256.txt", f"{SHA256} a\ntext\n"),
        ("RECORD", f"a,sha256={URL64},9\nb,,\n"),
        ("hashes.txt", "%%%% HASHDEEP-1.0\ntext\n"),
        ("x.csv2", "b,3,\n"),
    ],
)
def test_formats_of_programs_have_no_text(tmp_path: Path, name: str, text: str) -> None:
    """Where a short line may be what is left of an entry, no text is accepted."""
    report = check(tmp_path, name, text, ignore_text=True)
    assert report.bad_lines
    assert report.text_lines == 0


def test_text_outside_a_signature_is_bad(tmp_path: Path) -> None:
    """What a signature does not cover is not accepted as text."""
    signed = (
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nThe digests:\n{SHA256}  a\n"
        "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
    )
    report = check(tmp_path, "sums.txt", signed, ignore_text=True)
    assert report.ok
    assert report.text_lines == 1
    report = check(tmp_path, "sums.txt", signed + "more\n", ignore_text=True)
    assert [bad.cause for bad in report.bad_lines] == ["outside the signed text"]


def test_the_command_line_shows_the_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--ignore-text accepts text, and a note and the JSON document have the count."""
    check(tmp_path, "CHECKSUMS.md5", SLACKWARE)
    path = str(tmp_path / "CHECKSUMS.md5")
    assert main([path, "--no-progress"]) == 1
    assert HINT in capsys.readouterr().out
    assert main([path, "--no-progress", "--ignore-text"]) == 0
    assert "lines of text ignored: 8" in capsys.readouterr().out
    assert main([path, "--json", "--ignore-text"]) == 0
    (report,) = json.loads(capsys.readouterr().out)["reports"]
    assert report["text_lines"] == report["manifests"][0]["text_lines"] == 8
