"""What can be named on the command line: manifests, folders, files, digests, streams."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import checksig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("engine")

Run = subprocess.CompletedProcess[str]

DATA = b"data"
SHA256 = hashlib.sha256(DATA).hexdigest()
MD5 = hashlib.md5(DATA).hexdigest()
BASE64 = base64.b64encode(bytes.fromhex(SHA256)).decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder of files, some of which are listed."""
    (tmp_path / "disc.iso").write_bytes(DATA)
    (tmp_path / "tool.zip").write_bytes(DATA)
    (tmp_path / "readme").write_text(f"written at commit {MD5}\nand more\n")
    (tmp_path / "SHA256SUMS").write_text(f"{SHA256}  disc.iso\n{SHA256}  gone\n")
    (tmp_path / "MD5SUMS").write_text(f"{MD5}  disc.iso\n")
    (tmp_path / "tool.zip.sha256").write_text(f"{SHA256}\n")
    return tmp_path


def summary(done: Run) -> str:
    """Return the summary without the speed."""
    return done.stdout.splitlines()[-1].partition(" (")[0]


# --- a file by the manifests beside it


def test_a_file_by_every_manifest_beside_it(run: Callable[..., Run], folder: Path) -> None:
    """All digests of it are compared; other entries do not matter."""
    done = run("disc.iso", cwd=folder)
    assert (summary(done), done.returncode) == ("OK          disc.iso: 2 entries: 2 verified", 0)
    done = run(folder / "tool.zip")
    assert summary(done) == f"OK          {folder / 'tool.zip'}: 1 entry: 1 verified"
    (folder / "disc.iso").write_bytes(b"changed")
    done = run("disc.iso", cwd=folder)
    assert (done.stdout.count("MISMATCHED"), done.returncode) == (1, 1)  # one file
    assert "2 mismatched" in done.stdout
    (folder / "MD5SUMS").write_text(f"{hashlib.md5(b'changed').hexdigest()}  disc.iso\n")
    assert run("disc.iso", cwd=folder).returncode == 1  # one that matches is not enough


def test_several_files(run: Callable[..., Run], folder: Path) -> None:
    """Those of one folder are verified together."""
    done = run("disc.iso", "tool.zip", cwd=folder)
    assert (summary(done), done.returncode) == ("OK          .: 3 entries: 3 verified", 0)


def test_a_file_that_nothing_lists(run: Callable[..., Run], folder: Path, tmp_path: Path) -> None:
    """The error says what was looked for, and what to do; the exit code is 2."""
    (folder / "new").write_bytes(b"\0\1\2\3" * 99)
    done = run("new", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "checksig: new: no digest of it was found: no new.sha256 or the like, not listed in"
        " MD5SUMS, SHA256SUMS, tool.zip.sha256; give it one:"
        " checksig FILE DIGEST, or checksig MANIFEST FILE\n"
    )
    done = run("new", "disc.iso", cwd=folder)
    assert done.returncode == 2
    assert "1 entry: 1 verified" not in done.stdout
    assert "2 entries: 2 verified, 1 not listed" in done.stdout
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "x").touch()
    done = run("empty/x")
    assert "no x.sha256 or the like, there is no manifest beside it; give it one" in done.stderr
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "x").touch()
    (tmp_path / "half" / "SHA256SUMS.gz").write_bytes(
        gzip.compress(b"%b  y\n" % SHA256.encode())[:-8]
    )
    done = run("half/x")
    assert "no x.sha256 or the like, SHA256SUMS.gz cannot be read; give it one" in done.stderr
    document = json.loads(run("--json", "empty/x").stdout)
    assert (document["ok"], document["reports"]) == (False, [])
    assert [error["path"] for error in document["errors"]] == ["empty/x"]


def test_a_manifest_in_a_folder_above(run: Callable[..., Run], folder: Path) -> None:
    """The error names the command that verifies the file."""
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    (below / "x").write_bytes(DATA)
    (folder / "SHA256SUMS").write_text(f"{SHA256}  a/b/x\n")
    for words, cwd in ((["x"], below), (["a/b/x"], folder), ([str(below / "x")], below)):
        done = run(*words, cwd=cwd)
        assert done.returncode == 2
        command = done.stderr.rstrip().partition(", such as checksig ")[2].split()
        assert summary(run(*command, cwd=cwd)).endswith("1 entry: 1 verified")


def test_a_file_named_as_in_the_manifest(run: Callable[..., Run], folder: Path) -> None:
    """Files are named from the working folder; the error says which path was meant."""
    (folder / "elsewhere").mkdir()
    for manifest in (folder, folder / "SHA256SUMS"):
        done = run(manifest, "disc.iso", cwd=folder / "elsewhere")
        assert done.returncode == 2
        assert f"does not list it; did you mean {folder / 'disc.iso'}?\n" in done.stderr
        done = run(manifest, folder / "disc.iso", "disc.iso", cwd=folder / "elsewhere")
        assert f"no such file; did you mean {folder / 'disc.iso'}?\n" in done.stderr
    done = run("--root", folder, folder / "SHA256SUMS", "disc.iso", cwd=folder / "elsewhere")
    assert f"did you mean {folder / 'disc.iso'}?\n" in done.stderr
    done = run(folder, "misspelt")
    assert done.stderr.endswith("does not list it\n")


def test_a_digest_that_was_cut(run: Callable[..., Run], folder: Path) -> None:
    """It is no missing file; a file of such a name is one."""
    done = run("disc.iso", SHA256[:-1], cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no such file, and no digest has 63 hex digits: was it cut?" in done.stderr
    (folder / SHA256[:-1]).touch()
    assert "was it cut" not in run("disc.iso", SHA256[:-1], cwd=folder).stderr


@pytest.mark.parametrize(
    ("word", "digest"),
    [
        (f"SHA256: {SHA256}", f"SHA256:{SHA256}"),
        (f"SHA3-256={SHA256}", f"SHA3-256:{SHA256}"),
        (f"SHA256 (disc.iso) = {SHA256}", f"SHA256:{SHA256}"),
        (f"{SHA256}  disc.iso", SHA256),
        (f"Digest: {SHA256.upper()}", SHA256.upper()),
        (" ".join(SHA256[i : i + 4] for i in range(0, 64, 4)), SHA256),
        (" ".join(SHA256[i : i + 8] for i in range(0, 64, 8)), SHA256),
        ("-".join(SHA256[i : i + 2].upper() for i in range(0, 64, 2)), SHA256.upper()),
        (f"0x{SHA256}", SHA256),
        (BASE64.rstrip("=").translate({43: "-", 47: "_"}), BASE64),
        (BASE64.rstrip("="), BASE64),
    ],
)
def test_a_digest_as_pages_show_it(
    run: Callable[..., Run], folder: Path, word: str, digest: str
) -> None:
    """The error says how to give it, which verifies the file or says why not."""
    done = run("disc.iso", word, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"no such file; if the digest in it is meant, give {digest}\n")
    assert run("disc.iso", digest, cwd=folder).returncode == ("SHA3" in word)


def test_a_missing_file_with_a_digest_in_its_name(run: Callable[..., Run], folder: Path) -> None:
    """It is a missing file."""
    (folder / "SHA256SUMS").write_text(f"{SHA256}  app-{MD5}.js\n")
    done = run("SHA256SUMS", f"app-{MD5}.js", cwd=folder)
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, f"MISSING     app-{MD5}.js")


def test_a_text_with_digests_is_no_manifest(run: Callable[..., Run], folder: Path) -> None:
    """Its name and its content decide, not that there is something like a digest."""
    done = run("readme", cwd=folder)
    assert done.returncode == 2
    assert "readme: no digest of it was found" in done.stderr
    found = hashlib.sha256((folder / "readme").read_bytes()).hexdigest()
    with (folder / "SHA256SUMS").open("a") as manifest:
        manifest.write(f"{found}  readme\n")
    done = run("readme", cwd=folder)
    assert (summary(done), done.returncode) == ("OK          readme: 1 entry: 1 verified", 0)


def test_a_manifest_that_begins_with_a_text(run: Callable[..., Run], folder: Path) -> None:
    """It is read as one if it has an entry and no manifest lists it."""
    (folder / "notes").write_text(f"About these files\n{SHA256}  disc.iso\n")
    done = run("notes", cwd=folder)
    assert (done.returncode, done.stdout.count("BAD LINE")) == (1, 1)
    assert "--ignore-text" in done.stdout
    assert run("--ignore-text", "notes", cwd=folder).returncode == 0


def test_a_broken_manifest_is_not_verified_as_a_file(run: Callable[..., Run], folder: Path) -> None:
    """What it lists was to be verified, not it."""
    (folder / "SHA256SUMS").write_bytes(b"\0" * 5000)
    digest = hashlib.md5(b"\0" * 5000).hexdigest()
    (folder / "MD5SUMS").write_text(f"{digest}  SHA256SUMS\n")
    done = run("SHA256SUMS", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "not a checksum manifest, but binary data" in done.stderr


def test_a_bad_line_beside_a_file_counts(run: Callable[..., Run], folder: Path) -> None:
    """It may be about the file."""
    with (folder / "MD5SUMS").open("a") as manifest:
        manifest.write("nonsense  disc.iso\n")
    done = run("disc.iso", cwd=folder)
    assert (done.returncode, done.stdout.count("BAD LINE")) == (1, 1)


# --- a file by its digest


@pytest.mark.parametrize(
    "digest",
    [
        SHA256,
        SHA256.upper(),
        MD5,
        BASE64,
        f"sha256:{SHA256}",
        f"SHA2-256:{SHA256}",
        f"sha256-{BASE64}",
        f"sha256-{BASE64} md5:{MD5}",
        "xxh3:" + checksig.digest.__name__,
    ],
)
def test_file_and_digest_in_any_order(run: Callable[..., Run], folder: Path, digest: str) -> None:
    """Each form of a digest is recognised."""
    if digest.startswith("xxh3:"):
        digest = "xxh3:" + checksig.digest(folder / "disc.iso", "xxh3")
    for words in (["disc.iso", digest], [digest, "disc.iso"]):
        done = run(*words, cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
        assert summary(done).startswith("OK          disc.iso: ")
    (folder / "disc.iso").write_bytes(b"changed")
    done = run("disc.iso", digest, cwd=folder)
    assert done.returncode == 1
    assert "MISMATCHED  disc.iso" in done.stdout


def test_the_algorithm_of_a_digest(run: Callable[..., Run], folder: Path) -> None:
    """-a names it; a weaker one is refused, and so is what is malformed."""
    sha3 = hashlib.sha3_256(DATA).hexdigest()
    assert run("disc.iso", sha3, cwd=folder).returncode == 1
    assert run("-a", "SHA3-256", "disc.iso", sha3, cwd=folder).returncode == 0
    crc32 = checksig.digest(folder / "disc.iso", "crc32")
    assert run("-a", "crc32", "disc.iso", crc32, cwd=folder).returncode == 0
    for words in (["-a", "sha256", MD5], [f"sha256:{MD5}"]):
        done = run("disc.iso", *words, cwd=folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert "cannot be used" in done.stderr
    assert run("disc.iso", SHA256, MD5, cwd=folder).returncode == 0
    assert run("disc.iso", SHA256, "0" * 32, cwd=folder).returncode == 1


def test_a_file_named_like_the_digest_is_not_asked(run: Callable[..., Run], folder: Path) -> None:
    """Otherwise who can write into the folder could say what the digest is."""
    (folder / "disc.iso").write_bytes(b"evil")
    evil = hashlib.sha256(b"evil").hexdigest()
    other = hashlib.sha256(b"other")
    slashed = "ab/d" + base64.b64encode(other.digest()).decode().replace("/", "a")[4:]
    (folder / "ab").mkdir()
    for name in (other.hexdigest(), slashed, f"sha256-{slashed.replace('/', 'a')}"):
        (folder / name).write_text(f"{evil}  disc.iso\n")
        assert run("disc.iso", name, cwd=folder).returncode == 1
    done = run("--root", ".", "disc.iso", f"./{other.hexdigest()}", cwd=folder)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([SHA256], "a digest, with no file; write checksig FILE DIGEST"),
        ([SHA256, "disc.iso", "tool.zip"], "a digest, with several files"),
        ([SHA256, "."], ".: not a file, which the digest"),
    ],
)
def test_words_that_do_not_belong_together(
    run: Callable[..., Run], folder: Path, words: list[str], message: str
) -> None:
    """The error says what to write."""
    done = run(*words, cwd=folder)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr


def test_a_missing_file_with_a_digest(run: Callable[..., Run], folder: Path) -> None:
    """It is missing: the exit code is 1."""
    done = run("none", SHA256, cwd=folder)
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "MISSING     none")


def test_folders_named_like_digests(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """If there is nothing else, they are what they were."""
    made = tree({"a": b"a"})
    made.rename(made.parent / MD5)
    assert run(MD5, cwd=made.parent).returncode == 0
    (made.parent / MD5).rename(made.parent / "20240101")
    assert run("20240101", cwd=made.parent).returncode == 0


# --- some files of a manifest


def test_some_files_of_a_manifest(run: Callable[..., Run], folder: Path) -> None:
    """Only their entries are verified; a file that no line lists is an error."""
    for source in ("SHA256SUMS", "."):
        assert run(source, "disc.iso", cwd=folder).returncode == 0
        assert run("--only", "disc.iso", source, cwd=folder).returncode == 0
    done = run("SHA256SUMS", "disc.iso", "tool.zip", cwd=folder)
    assert done.returncode == 2
    assert done.stderr == "checksig: tool.zip: no line of SHA256SUMS lists it\n"
    assert "1 verified" in done.stdout
    done = run("SHA256SUMS", "disc.iso", "none", cwd=folder)
    assert "none: no line of SHA256SUMS lists it, and there is no such file" in done.stderr
    assert (done.returncode, "MISSING" in done.stdout) == (2, False)
    done = run("SHA256SUMS", "gone", cwd=folder)
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "MISSING     gone")
    assert run("--extra", "fail", ".", "disc.iso", cwd=folder).returncode == 2


@pytest.mark.needs("strace")
def test_nothing_is_opened_twice(command: list[str], folder: Path) -> None:
    """A manifest that is known by its name is opened once, and so is the file."""
    trace = folder / "trace"
    (folder / "SHA256SUMS").write_text(f"{SHA256}  disc.iso\n")
    subprocess.run(
        ["strace", "-f", "-e", "trace=%file", "-o", trace, *command, "SHA256SUMS"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        timeout=100,
        check=True,
    )
    opened = re.findall(r'\bopen\w*\([^"]*"([^"]*)"', trace.read_text(errors="replace"))
    names = list(map(os.path.basename, opened))
    assert (names.count("SHA256SUMS"), names.count("disc.iso")) == (1, 1)


# --- nothing, and streams


def test_without_words(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """The working folder is verified."""
    done = run(cwd=tree({"a": b"a"}))
    assert (summary(done), done.returncode) == ("OK          .: 1 entry: 1 verified", 0)


def piped(command: list[str], words: list[str], data: bytes, cwd: Path) -> tuple[int, str]:
    """Run the command with *data* on standard input."""
    done = subprocess.run(
        [*command, *words], input=data, cwd=cwd, capture_output=True, timeout=60, check=False
    )
    return done.returncode, (done.stdout + done.stderr).decode()


def test_a_manifest_on_standard_input(command: list[str], folder: Path, tmp_path: Path) -> None:
    """Its names start from the working folder, or from --root."""
    data = f"{SHA256}  disc.iso\n".encode()
    assert piped(command, ["-"], data, folder)[0] == 0
    assert piped(command, ["-", "disc.iso"], data, folder)[0] == 0
    (tmp_path / "sub").mkdir()
    assert piped(command, ["-"], data, tmp_path / "sub")[0] == 1
    assert piped(command, ["--root", "..", "-"], data, tmp_path / "sub")[0] == 0
    code, text = piped(command, ["-"], b"\0" * 5000, folder)
    assert (code, "not a checksum manifest, but binary data" in text) == (2, True)
    code, text = piped(command, ["-"], b"", folder)
    assert (code, "lists no file" in text) == (1, True)


@pytest.mark.skipif(os.name != "posix", reason="makes a FIFO")
def test_process_substitution(command: list[str], folder: Path) -> None:
    """A pipe that is named is read like standard input."""
    shell = f"exec {command[0]} <(cat SHA256SUMS) disc.iso"
    done = subprocess.run(
        ["bash", "-c", shell], cwd=folder, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


# --- hash


def test_hash_prints_what_sha256sum_prints(run: Callable[..., Run], folder: Path) -> None:
    """The lines are those of GNU coreutils, in the order of the words."""
    for options in ([], ["--tag"]):
        ours = run("hash", *options, "tool.zip", "disc.iso", cwd=folder)
        theirs = run("sha256sum", *options, "tool.zip", "disc.iso", cwd=folder)
        assert (ours.stdout, ours.returncode) == (theirs.stdout, 0)


def test_every_algorithm_is_read_again(run: Callable[..., Run], folder: Path) -> None:
    """What `hash` prints is a manifest of its own kind."""
    names = [*(algorithm.name for algorithm in checksig.algorithms), "BLAKE2b-256", "blake2s128"]
    short = ("bsdsum", "sysvsum", "cksum")
    names = [name for name in names if name not in short]
    for name in names:
        done = run("hash", "--tag", "-a", name, "disc.iso", cwd=folder)
        (folder / "sums.txt").write_text(done.stdout)
        assert run("sums.txt", cwd=folder).returncode == 0, name
    done = run("hash", "-a", ",".join(names), "-a", "bsdsum", "disc.iso", cwd=folder)
    assert len(done.stdout.splitlines()) == len(names) + 1


@pytest.mark.skipif(os.name != "posix", reason="names that Windows does not have")
def test_hash_of_odd_names(command: list[str], tmp_path: Path) -> None:
    """Names are bytes, and escaped as GNU coreutils do."""
    names = [b"a\nb", b"a\\b", b"\xff", b" x "]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            file.write(DATA)
    for options in ([], ["--tag"]):
        lines = [
            subprocess.run(
                [*command, tool, *options, *map(os.fsdecode, names)],
                cwd=tmp_path,
                capture_output=True,
                timeout=60,
                check=True,
            ).stdout
            for tool in ("hash", "sha256sum")
        ]
        assert lines[0] == lines[1]


def test_hash_of_standard_input(command: list[str], folder: Path) -> None:
    """It is the default, and can be among files."""
    assert piped(command, ["hash"], DATA, folder) == (0, f"{SHA256}  -\n")
    expected = f"{MD5}  disc.iso\n{hashlib.md5(b'x').hexdigest()}  -\n"
    assert piped(command, ["hash", "-a", "md5", "disc.iso", "-"], b"x", folder) == (0, expected)


def test_hash_of_what_cannot_be_read(run: Callable[..., Run], folder: Path) -> None:
    """The other files are hashed all the same; the exit code is 2."""
    done = run("hash", "none", ".", "disc.iso", cwd=folder)
    assert (done.stdout, done.returncode) == (f"{SHA256}  disc.iso\n", 2)
    none, here = done.stderr.splitlines()
    assert none.startswith("checksig: none: ")
    assert here == "checksig: .: a folder; checksig create writes a manifest of it"
    done = run("hash", "-a", "sha255", "disc.iso", cwd=folder)
    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr.startswith('checksig: unknown algorithm "sha255"; did you mean "sha256"?')


@pytest.mark.skipif(sys.platform == "win32", reason="closes a descriptor in a shell")
def test_a_closed_standard_input(command: list[str], folder: Path) -> None:
    """It is an error, not an empty manifest."""
    for words in ("-", "hash -"):
        shell = f"exec {command[0]} {words} <&-"
        done = subprocess.run(
            ["sh", "-c", shell], cwd=folder, capture_output=True, timeout=60, check=False
        )
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"standard input is closed" in done.stderr
