"""Every error says what to do about it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from checksig._options import TABLE
from checksig.cli.arguments import GROUPS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Run = subprocess.CompletedProcess[str]


def test_missing_files(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """Some: --ignore-missing; all: another folder."""
    folder = tree({"a": b"a", "b": b"b"})
    (folder / "a").unlink()
    assert "NOTE        --ignore-missing skips missing files\n" in run(folder).stdout
    (folder / "b").unlink()
    out = run(folder).stdout
    assert "none of the 2 files is here: wrong folder? --root names another one" in out


def test_names_that_lead_outside(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """One note for each manifest."""
    folder = tree({"a": b"a", "in/x": b""})
    line = (folder / "SHA256SUMS").read_text().splitlines()[0]
    (folder / "in" / "SHA256SUMS").write_text(
        "".join(line.replace("  a", f"  ../{name}\n") for name in "ab")
    )
    done = run(folder / "in")
    assert done.stdout.count("REFUSED") == 2
    assert done.stdout.count("--follow-outside (follow_outside=True) reads files outside") == 1


def test_a_folder_without_manifests(run: Callable[..., Run], tmp_path: Path) -> None:
    """Subfolders may have some."""
    text = run(tmp_path).stderr
    assert "-r looks in its subfolders too, or create one with checksig create" in text
    assert "-r looks" not in run("-r", tmp_path).stderr


def test_a_manifest_that_exists(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """--force replaces it."""
    folder = tree({"a": b"a"})
    done = run("create", folder)
    assert (done.returncode, done.stderr.endswith("; --force replaces it\n")) == (2, True)
    assert run("create", "--force", folder).returncode == 0


def test_update_of_a_folder(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """It takes a manifest, unlike create."""
    folder = tree({"a": b"a"})
    done = run("update", folder)
    assert done.returncode == 2
    assert done.stderr.endswith("not a regular file; give the manifest in this folder\n")


@pytest.mark.skipif(os.name != "posix", reason="makes links and a FIFO")
def test_what_is_not_accepted(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """The notes name the options that were not given."""
    folder = tree({"a": b"a", "b": b"b"})
    manifest = folder / "SHA256SUMS"
    for name in "ab":
        before = (folder / name).stat().st_mtime_ns
        (folder / name).write_bytes(b"x")
        times = (before, before) if name == "a" else (before, before + 10**9)
        os.utime(folder / name, ns=times)
    done = run("update", "--all", manifest)
    assert "--accept-changed" in done.stdout
    assert "--accept-suspect" in done.stdout
    done = run("update", "--all", "--accept-changed", manifest)
    assert done.returncode == 1
    assert "NOTE        --accept-changed" not in done.stdout
    assert "--accept-suspect" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="makes links and a FIFO")
def test_what_create_refuses(run: Callable[..., Run], tmp_path: Path) -> None:
    """The option that skips it is named, and does so."""
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "a").touch()
    (folder / "link").symlink_to("../x")
    (tmp_path / "x").touch()
    done = run("create", "-o", "-", folder)
    assert '; --links skip (links="skip") skips it, --follow-outside' in done.stderr
    assert run("create", "-o", "-", "--links", "skip", folder).returncode == 0
    assert "--links skip" in run("create", "-o", "-", "--links", "refuse", folder).stderr
    (folder / "link").unlink()
    os.mkfifo(folder / "fifo")
    done = run("create", "-o", "-", folder)
    assert "not a regular file; --skip-special (skip_special=True) skips it" in done.stderr
    assert run("create", "-o", "-", "--skip-special", folder).returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of folders")
def test_a_folder_that_must_not_be_written(python: Callable[..., str], open_folder: Path) -> None:
    """The manifest can go elsewhere, which is no help where a file cannot be read."""
    program = """
import os, sys
from checksig.cli import main
sys.stderr = sys.stdout
folder, unreadable = sys.argv[1:]
main(["create", "-q", "-o", "-", folder + "/none"])  # loads everything
if os.geteuid() == 0:
    os.setuid(65534)
main(["create", folder])
main(["create", unreadable])
"""
    for name in ("folder", "unreadable"):
        (open_folder / name).mkdir(mode=0o777)
        (open_folder / name / "a").touch()
    (open_folder / "unreadable").chmod(0o777)
    (open_folder / "unreadable" / "a").chmod(0)
    (open_folder / "folder").chmod(0o555)
    paths = open_folder / "folder", open_folder / "unreadable"
    missing, first, second = python(program, *paths).splitlines()
    assert missing.endswith("none: No such file or directory")
    assert first.endswith("SHA256SUMS: Permission denied; -o FILE writes the manifest elsewhere")
    assert second.endswith("a: Permission denied")


@pytest.mark.parametrize("name", ["SHA256", "sha-256", "SHA2-256", "sha_256"])
def test_algorithms_in_any_spelling(
    run: Callable[..., Run], tree: Callable[..., Path], name: str
) -> None:
    """All commands accept them."""
    folder = tree({"a": b"a"})
    assert run("-a", name, "--min-strength", name, folder).returncode == 0
    done = run("create", "-a", name, "-o", "-", "a", cwd=folder)
    assert done.stdout == (folder / "SHA256SUMS").read_text()
    done = run("create", "-a", f"sha256,{name}", "-o", "-", "a", cwd=folder)
    assert done.stdout == (folder / "SHA256SUMS").read_text()  # each algorithm once


def test_every_option_has_a_heading() -> None:
    """The help has no option outside the groups."""
    names = [name for group in GROUPS.values() for name in group]
    assert sorted(names) == sorted({option.name for option in TABLE})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("create", "PATH..."),
        ("convert", "MANIFEST --to FORMAT"),
        ("update", "MANIFEST"),
        ("hash", "[FILE...]"),
        ("env", "[PREFIX]"),
    ],
)
def test_the_usage_is_one_line(run: Callable[..., Run], name: str, arguments: str) -> None:
    """It has what is required, in the help and after an error."""
    usage = f"usage: checksig {name} [OPTION...] {arguments}"
    assert run(name, "--help").stdout.splitlines()[0] == usage
    assert run(name, "--nonsense").stderr.splitlines()[0] == usage


def test_formats_that_can_be_written(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """An error about the format to write lists no others."""
    folder = tree({"a": b"a"})
    for words in (["create", folder, "--format"], ["convert", folder / "SHA256SUMS", "--to"]):
        for name, text in (
            ("gnuu", 'did you mean "gnu"? known: '),
            ("torrent", "not written; those that can: "),
        ):
            done = run(*words, name, "-o", folder / "new")
            assert done.returncode == 2
            known = done.stderr.rstrip().partition(text)[2].split(", ")
            assert {"gnu", "bsd", "sfv"} <= set(known), done.stderr
            assert "torrent" not in known


def test_update_in_a_wrong_folder(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """One note, and no list of what is missing where that is everything."""
    folder = tree({f"{i:02}": b"a" for i in range(21)})
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "SHA256SUMS").write_bytes((folder / "SHA256SUMS").read_bytes())
    done = run("update", elsewhere / "SHA256SUMS")
    assert (done.returncode, "MISSING" in done.stdout) == (1, False)
    assert "none of the 21 files is here: wrong folder? --relative-to names another" in done.stdout
    (elsewhere / "00").write_bytes(b"a")
    done = run("update", elsewhere / "SHA256SUMS", "--dry-run")
    assert ("MISSING     01\n" in done.stdout, "wrong folder" in done.stdout) == (True, False)


def test_an_accepted_suspect_file(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """It is shown as suspect, not as changed."""
    folder = tree({"a": b"a"})
    before = (folder / "a").stat()
    os.utime(folder / "a", ns=(before.st_atime_ns, before.st_mtime_ns - 10**10))
    (folder / "a").write_bytes(b"b")
    os.utime(folder / "a", ns=(before.st_atime_ns, before.st_mtime_ns - 10**10))
    done = run("update", folder / "SHA256SUMS", "--all", "--accept-suspect")
    assert done.returncode == 0
    assert ("SUSPECT     a\n" in done.stdout, "CHANGED" in done.stdout) == (True, False)


def test_a_manifest_inside_a_bag(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """Whatever is written into a bag, its own manifests do not know it."""
    folder = tree({"data/a": b"a"})
    (folder / "SHA256SUMS").unlink()
    assert " is a bag" not in run("create", folder / "data").stdout
    (folder / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    note = f"NOTE        {folder} is a bag, whose own manifests do not know about this change: "
    assert note in run("create", "-f", folder / "data").stdout
    assert note in run("update", folder / "data" / "SHA256SUMS").stdout
    words = ("--to", "bsd", "-o", folder / "data" / "new.sha256")
    assert note in run("convert", folder / "data" / "SHA256SUMS", *words).stdout


@pytest.mark.parametrize("suffix", [".gpg", ".asc", ".sig", ".minisig"])
def test_a_signature_is_no_data(
    run: Callable[..., Run], tree: Callable[..., Path], suffix: str
) -> None:
    """Whoever names the signature gets the command that verifies what it signs."""
    folder = tree({"a": b"a"})
    (folder / f"SHA256SUMS{suffix}").write_bytes(b"\x88\x75\x04\x00")
    done = run(f"SHA256SUMS{suffix}", cwd=folder)
    assert done.returncode == 2
    assert "a signature; to verify what it signs: checksig --trust KEYS SHA256SUMS\n" in done.stderr


def test_numbers_have_separators(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """All texts for people count in one style."""
    folder = tree({"a": b"a"})
    line = (folder / "SHA256SUMS").read_text()
    (folder / "SHA256SUMS").write_text(line + line.replace("  a", "  b") * 1234)
    done = run(folder)
    assert "1,235 entries: 1 verified, 1,234 missing" in done.stdout


def test_hash_reads_as_many_files_at_once_as_asked(
    run: Callable[..., Run], tree: Callable[..., Path]
) -> None:
    """``--io-depth`` has the same bounds as elsewhere."""
    folder = tree({"a": b"a"})
    done = run("hash", "--io-depth", 4, folder / "a")
    assert (done.returncode, done.stdout.count(f"  {folder / 'a'}\n")) == (0, 1)
    assert "0 is not between 1 and 1024" in run("hash", "--io-depth", 0, folder / "a").stderr
