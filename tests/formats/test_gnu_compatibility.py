"""Manifests of GNU coreutils, compared with its own tools."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from checksig import Status, verify

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere not all bytes make a file name"),
    pytest.mark.needs("sha256sum"),
]

TOOLS = ["md5sum", "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum"]

# Any file name of one component, except "-", which means standard input to GNU.
names = (
    st.binary(min_size=1, max_size=40)
    | st.text("ab \\\n\r*é#-", min_size=1, max_size=8).map(lambda text: text.encode())
).filter(lambda name: not set(name) & {0, ord("/")} and name not in {b".", b"..", b"-"})
files = st.dictionaries(names, st.binary(max_size=300), min_size=1, max_size=6)

slow_draws = settings(suppress_health_check=[HealthCheck.too_slow], print_blob=True)


def in_folder(content: dict[bytes, bytes], folder: str) -> list[str]:
    """Write the files and return their names as str."""
    for name, text in content.items():
        Path(os.path.join(folder, os.fsdecode(name))).write_bytes(text)
    return [os.fsdecode(name) for name in content]


def gnu(tool: str, folder: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run the tool in the folder."""
    return subprocess.run(
        [tool, *arguments],
        cwd=folder,
        env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
        capture_output=True,
        timeout=60,
        check=False,
    )


@functools.cache
def is_old() -> bool:
    """Whether coreutils is older than 9.0, which does not escape CR."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "\r").touch()
        return not gnu("md5sum", folder, "--", "\r").stdout.startswith(b"\\")


def suits(content: dict[bytes, bytes]) -> bool:
    """Whether a manifest can represent the names; old tools write a CR as it is."""
    return not (is_old() and any(b"\r" in name for name in content))


@slow_draws
@given(
    tool=st.sampled_from(TOOLS),
    content=files,
    binary=st.booleans(),
    named=st.booleans(),
    shape=st.sampled_from(["as it is", "upper case", "CRLF", "BOM", "no last newline", "comments"]),
)
def test_what_gnu_writes_is_verified(
    tool: str, content: dict[bytes, bytes], binary: bool, named: bool, shape: str
) -> None:
    """Whatever the file names, the tool's manifest is read back exactly."""
    assume(suits(content))
    with tempfile.TemporaryDirectory() as folder:
        listed = in_folder(content, folder)
        done = gnu(tool, folder, "-b" if binary else "-t", "--", *listed)
        assert done.returncode == 0
        text = done.stdout
        if shape == "upper case":
            text = re.sub(rb"(?m)^\\?[0-9a-f]+", lambda digest: digest[0].upper(), text)
        elif shape == "CRLF":
            text = text.replace(b"\n", b"\r\n")
        elif shape == "BOM":
            text = b"\xef\xbb\xbf" + text
        elif shape == "no last newline":
            text = text.removesuffix(b"\n")
        elif shape == "comments":
            text = b"# a comment\n\n" + text
        with tempfile.TemporaryDirectory() as elsewhere:
            # A link, so that the manifest cannot take the name of a file.
            manifest = Path(elsewhere, f"{tool}.txt" if named else "list")
            manifest.write_bytes(text)
            inside = Path(folder, "m" * 60)
            inside.symlink_to(manifest)
            report = verify(inside, check=False)
        assert report.ok, report
        assert [r.name for r in report.results] == listed
        assert {r.algorithm for r in report.results} == {tool.removesuffix("sum")}


# A manifest's line, whole or damaged.
damage = st.sampled_from(
    ["", "", "", "flip", "cut", "blank", "garbage", "space", "tab", "escape", "digit", "empty"]
)


def damaged(line: bytes, how: str) -> bytes:
    """Return a damaged line of a manifest."""
    at = 1 if line.startswith(b"\\") else 0
    end = line.index(b" ")
    return {
        "": line,
        "flip": line[:at] + (b"1" if line[at : at + 1] == b"0" else b"0") + line[at + 1 :],
        "cut": line[: end // 2],
        "blank": b"  " + line,
        "garbage": b"something else",
        "space": line[:end] + line[end + 1 :],
        "tab": line[:end] + b"\t" + line[end + 1 :],
        "escape": b"\\" + line[at:],
        "digit": line[:end] + b"0" + line[end:],
        "empty": b"",
    }[how]


def test_names_of_control_characters(tmp_path: Path) -> None:
    """A damaged line is a bad one, however many control characters the names have."""
    name = "\x01\x02\x03\x04\x05\x06"
    (tmp_path / name).write_bytes(b"a")
    digest = hashlib.md5(b"a").hexdigest()
    manifest = tmp_path / "md5sums.txt"
    manifest.write_text(f"{digest[:16]}\n{digest}  {name}\n")
    report = verify(manifest, check=False)
    assert (report.verified, [bad.line for bad in report.bad_lines]) == (1, [1])
    manifest.write_text(f"{digest[:16]}\n{digest[:16]}  {name}\n")
    assert verify(manifest, check=False).bad_line_count == 2


@slow_draws
@given(
    tool=st.sampled_from(TOOLS),
    content=files,
    how=st.lists(damage, min_size=6, max_size=6),
    deleted=st.sets(st.integers(0, 5)),
)
def test_damaged_lines_count_as_with_gnu(
    tool: str, content: dict[bytes, bytes], how: list[str], deleted: set[int]
) -> None:
    """Entries and bad lines of a damaged manifest are those that the tool finds."""
    assume(suits(content))
    assume(not (is_old() and "empty" in how))
    with tempfile.TemporaryDirectory() as folder:
        listed = in_folder(content, folder)
        lines = gnu(tool, folder, "--", *listed).stdout.splitlines()
        lines = [line for line in lines if line]
        if len(lines) != len(listed):  # str.splitlines splits at more than LF
            lines = gnu(tool, folder, "--", *listed).stdout.removesuffix(b"\n").split(b"\n")
        text = b"".join(damaged(line, h) + b"\n" for line, h in zip(lines, how, strict=False))
        # A digest and two blanks alone: for us a line without a name; for GNU, in the first line,
        # a file called " ", and in all lines after it one more blank at the front of their names.
        assume(not re.search(rb"(?m)^[^ ]+  $", text))
        for i in deleted & set(range(len(listed))):
            Path(folder, listed[i]).unlink()
        manifest = Path(folder, "m" * 60)
        manifest.write_bytes(text)
        judged = gnu(tool, folder, "--check", manifest.name)
        # The tool's name in the manifest's, so that the digests' length is checked as GNU does.
        renamed = manifest.rename(Path(folder, "m" * 60 + f".{tool}s.txt"))
        report = verify(renamed, check=False)

        ours = [
            "OK" if r.ok else "FAILED" if r.status is Status.MISMATCHED else "FAILED open or read"
            for r in report.results
        ]
        theirs = [
            line.rpartition(b": ")[2].decode()
            for line in judged.stdout.split(b"\n")
            if line.endswith((b": OK", b": FAILED", b": FAILED open or read"))
        ]
        # A damaged line may name a path, which GNU would follow, or its standard input.
        assume(not any(os.sep in r.name or r.name == "-" for r in report.results))
        assert ours == theirs, text
        bad = re.search(rb"(\d+) lines? (?:is|are) improperly formatted", judged.stderr)
        if theirs:
            ours_bad = [b for b in report.bad_lines if b.line > 0]
            # GNU does not look for contradictions, which damage to a name can make.
            ours_bad = [b for b in ours_bad if not b.cause.startswith("contradicts")]
            assert len(ours_bad) == (int(bad[1]) if bad else 0)
        if judged.returncode != 0:
            assert not report.ok
