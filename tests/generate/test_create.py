"""Manifests that checksig writes, checked by verify() and by other tools."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import glob
import hashlib
import io
import json
import os
import re
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import checksig
from checksig import WriteError, create, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

pytestmark = pytest.mark.usefixtures("engine")
posix = pytest.mark.skipif(os.name != "posix", reason="needs the files of POSIX")

FILES = {
    "b": b"b",
    "a/x": b"ax",
    "a-b": b"",
    "a0": b"0" * 300_000,
    "a/b/c": b"abc",
    "with space": b"s",
}
SORTED = ["a-b", "a/b/c", "a/x", "a0", "b", "with space"]

# Formats with names relative to the manifest, and an algorithm that each supports.
FORMATS = {
    "gnu": "sha256",
    "bsd": "sha3-256",
    "base64": "sha512",
    "openssl": "blake2b-256",
    "pipe": "sha1",
    "name-first": "md5",
    "sfv": "crc32",
    "hashdeep": "sha256",
    "bagit": "sha512",
}

# Odd names: comments, escapes, markers, line ends, and bytes that are not UTF-8.
ODD = [
    b"two\nlines",
    b"back\\slash",
    b"\\n",
    b"cr\r",
    b"\xff\xfe",
    b" leading",
    b"trailing ",
    b"*star",
    b"-",
    b"#comment",
    b";comment",
    b"(a) = b",
    b"MD5 (x) = y",
    b"%0A",
    b"a,b",
    b'"quoted"',
    b"\tb",
    "\u00e9 e\u0301".encode(),
    b"0123abcd  name",
]
NAMES = st.one_of(
    st.sampled_from(ODD),
    st.binary(min_size=1, max_size=40).filter(lambda name: not set(name) & {0, ord("/")}),
).filter(lambda name: name not in {b".", b".."})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder of FILES."""
    folder = tmp_path / "tree"
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture
def no_trace(folder: Path) -> Generator[None]:
    """Check that a failure changes nothing in the folder."""
    before = _listing(folder)
    yield
    assert _listing(folder) == before


def _listing(folder: Path) -> list[tuple[str, float]]:
    return sorted((str(path), path.lstat().st_mtime) for path in folder.rglob("*"))


def gnu(algorithm: str, names: Sequence[str] = SORTED) -> str:
    """Return a GNU manifest of some of FILES."""
    return "".join(f"{hashlib.new(algorithm, FILES[name]).hexdigest()}  {name}\n" for name in names)


def test_a_folder(folder: Path) -> None:
    """The manifest is sorted by bytes, has its usual name, and verifies."""
    created = create(folder)
    assert created.manifest == str(folder / "SHA256SUMS")
    assert Path(created.manifest).read_text() == gnu("sha256")
    assert created.relative_to == str(folder.resolve())
    assert (created.format, created.algorithms) == ("gnu", ("sha256",))
    assert created.files == created.entries == len(FILES)
    assert created.bytes_read == sum(map(len, FILES.values()))
    assert created.elapsed > 0
    assert created.passed_by == ()
    assert verify(folder).verified == len(FILES)
    with pytest.raises(dataclasses.FrozenInstanceError):
        created.files = 1  # type: ignore[misc]


def test_the_same_tree_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """Place, order on disk and workers make no difference."""
    copy = tmp_path / "copy"
    for name in reversed(FILES):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(FILES[name])
    texts: set[bytes] = set()
    for tree, workers in ((folder, None), (copy, 1), (copy, 32)):
        manifest = create(
            tree, algorithm=["md5", "sha512"], workers=workers, overwrite=True
        ).manifest
        texts.add(Path(manifest).read_bytes())
    assert len(texts) == 1


def test_several_algorithms_in_one_read(folder: Path) -> None:
    """A file's digests are together, and its bytes are read once."""
    created = create(folder, algorithm=["sha1", "blake3", "sha1"])
    lines = Path(created.manifest).read_text().splitlines()
    assert [line.partition(" = ")[0] for line in lines[:4]] == [
        "SHA1 (a-b)",
        "BLAKE3 (a-b)",
        "SHA1 (a/b/c)",
        "BLAKE3 (a/b/c)",
    ]
    assert (created.algorithms, created.format) == (("sha1", "blake3"), "bsd")
    assert created.entries == 2 * created.files == 2 * len(FILES)
    assert created.bytes_read == sum(map(len, FILES.values()))
    assert verify(created.manifest).verified == created.entries


# Those of sum and cksum are only in lists of these tools.
WRITABLE = [a.name for a in checksig.algorithms if not re.match("bsdsum|sysvsum|cksum", a.name)]


@pytest.mark.parametrize("name", WRITABLE)
def test_the_usual_name_tells_the_algorithm(folder: Path, name: str) -> None:
    """A manifest of any algorithm is found in the folder and verifies."""
    created = create(folder, algorithm=name)
    report = verify(folder)
    assert [m.path for m in report.manifests] == [created.manifest]
    assert {result.algorithm for result in report.results} == {name}


def test_a_single_file(folder: Path) -> None:
    """The manifest is next to the file."""
    created = create(folder / "a" / "x", algorithm="md5")
    assert created.manifest == str(folder / "a" / "x.md5")
    assert Path(created.manifest).read_text() == gnu("md5", ["a/x"]).replace("a/x", "x")
    assert verify(created.manifest)


def test_where_names_start(folder: Path) -> None:
    """Names start from the manifest's folder, a given one, or the listed folder."""
    sub = folder / "a"
    for output, relative_to, names in (
        (folder / "SUMS", None, ["a/b/c", "a/x"]),
        (sub / "SUMS", folder, ["a/b/c", "a/x"]),
        (sub / "SUMS", None, ["b/c", "x"]),
        (folder.parent / "SUMS", None, ["tree/a/b/c", "tree/a/x"]),
        (sub / "b" / "SUMS", None, ["b/c", "x"]),
    ):
        created = create(sub, output=output, relative_to=relative_to)
        lines = [line for line in output.read_text().splitlines() if not line.startswith("#")]
        assert [line.partition("  ")[2] for line in lines] == names
        assert (Path(created.relative_to) / names[0]).is_file()
        output.unlink()


def test_names_that_start_above_the_manifest(folder: Path) -> None:
    """Names in a wheel's RECORD start from the folder above it."""
    record = folder / "x.dist-info" / "RECORD"
    record.parent.mkdir()
    created = create(folder / "a", format="record", output=record)
    assert created.relative_to == str(folder.resolve())
    assert [line.partition(",")[0] for line in record.read_text().splitlines()] == [
        "a/b/c",
        "a/x",
    ]
    assert verify(record).verified == 2


def test_several_paths(folder: Path) -> None:
    """One manifest lists all of them, sorted, each file once."""
    output = folder / "SUMS"
    create([folder / "b", folder / "a", folder / "a" / "b"], output=output)
    remembered = "# checksig: path=a\n# checksig: path=b\n"
    assert output.read_text() == remembered + gnu("sha256", ["a/b/c", "a/x", "b"])


def test_a_relative_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths start from the caller's working folder; bytes are accepted."""
    monkeypatch.chdir(folder)
    assert create(b"a").manifest == os.path.join("a", "SHA256SUMS")
    assert create(exclude=["a"], remember=False).manifest == "SHA256SUMS"
    assert (folder / "SHA256SUMS").read_text() == gnu("sha256", ["a-b", "a0", "b", "with space"])


def test_to_a_file_object(folder: Path) -> None:
    """The file object gets the bytes, and no file is written."""
    sink = io.BytesIO()
    created = create(folder, algorithm="blake3", output=sink)
    assert created.manifest == "-"
    assert sorted(path.name for path in folder.iterdir()) == ["a", "a-b", "a0", "b", "with space"]
    (folder / "B3SUMS").write_bytes(sink.getvalue())
    assert verify(folder).verified == len(FILES)


@posix
def test_a_file_object_gets_all_or_nothing(folder: Path) -> None:
    """After an error in the last file nothing is written."""
    sink = io.BytesIO()
    (folder / "z\n").write_bytes(b"")
    with pytest.raises(WriteError):
        create(folder, format="openssl", output=sink)
    assert sink.getvalue() == b""


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_mode_is_by_the_umask(folder: Path, umask: int) -> None:
    """A new manifest has the usual mode; a replaced one keeps its own."""
    before = os.umask(umask)
    try:
        manifest = create(folder).manifest
        assert stat.S_IMODE(os.stat(manifest).st_mode) == 0o666 & ~umask
        os.chmod(manifest, 0o604)
        create(folder, overwrite=True)
        assert stat.S_IMODE(os.stat(manifest).st_mode) == 0o604
    finally:
        os.umask(before)


def test_an_existing_manifest(folder: Path) -> None:
    """It is kept unless overwrite is given, and never lists itself."""
    manifest = folder / "SHA256SUMS"
    manifest.write_text("precious")
    with pytest.raises(FileExistsError) as caught:
        create(folder)
    assert caught.value.filename == str(manifest)
    assert manifest.read_text() == "precious"
    create(folder, overwrite=True)
    create(folder, overwrite=True)
    assert manifest.read_text() == gnu("sha256")


def test_temporary_files_of_other_runs(folder: Path) -> None:
    """They are skipped, and reported; a name that only resembles theirs is listed."""
    temporary = ".checksig-ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp"
    (folder / "d").mkdir(exist_ok=True)
    (folder / "d" / temporary).write_bytes(b"x")
    (folder / ".checksig-notes.tmp").write_bytes(b"x")
    created = create(folder)
    assert created.skipped == (f"d/{temporary}",)
    assert temporary not in Path(created.manifest).read_text()
    assert "  .checksig-notes.tmp\n" in Path(created.manifest).read_text()


@pytest.mark.parametrize("content", [b"data\n", b"\0\1\2" * 9, b'{"a": 1}', b"; x\n"])
def test_a_data_file_is_not_replaced(folder: Path, content: bytes) -> None:
    """What is no manifest stays, as a name may be given by mistake."""
    for name in ("b", "new.txt"):
        (folder / name).write_bytes(content)
        with pytest.raises(WriteError, match="is not a checksum manifest"):
            create(folder, output=folder / name, overwrite=True)
        with pytest.raises(WriteError, match="is not a checksum manifest"):
            create([folder / "a"], output=folder / name, overwrite=True, format="bsd")
        assert (folder / name).read_bytes() == content


@pytest.mark.parametrize(
    ("algorithm", "format"),
    [
        *(("sha256", "gnu"), ("sha512", "name-first"), ("sha1", "pipe")),
        *(("blake2b-64", "bsd"), ("crc32", "sfv"), ("sha1", "hashdeep")),
    ],
)
def test_a_manifest_is_replaced(folder: Path, algorithm: str, format: str) -> None:  # noqa: A002
    """Whatever its name, format and algorithm are; and so is an empty file."""
    output = folder / "list.txt"
    output.write_bytes(b"")
    for first, how in ((algorithm, format), ("md5", "gnu"), (algorithm, format)):
        create(folder, output=output, overwrite=True, algorithm=first, format=how)
    (folder / "SHA256SUMS").write_bytes(b"half of it")
    create(folder, output=folder / "SHA256SUMS", overwrite=True)


@posix
@pytest.mark.usefixtures("no_trace")
def test_only_a_file_is_replaced(folder: Path, tmp_path: Path) -> None:
    """A folder, a link or a FIFO in the manifest's place is an error."""
    output = tmp_path / "out"
    output.mkdir()
    with pytest.raises(WriteError, match="is not a regular file"):
        create(folder, output=output, overwrite=True)
    output.rmdir()
    output.symlink_to(folder / "b")
    with pytest.raises(WriteError, match="is not a regular file"):
        create(folder, output=output, overwrite=True)
    output.unlink()
    os.mkfifo(output)
    with pytest.raises(WriteError, match="is not a regular file"):
        create(folder, output=output, overwrite=True)


@posix
def test_special_files(folder: Path) -> None:
    """They are an error that names the file, or skipped on request."""
    os.mkfifo(folder / "fifo")
    with pytest.raises(WriteError) as caught:
        create(folder)
    assert caught.value.path == str(folder / "fifo")
    assert caught.value.cause == "not a regular file; --skip-special (skip_special=True) skips it"
    assert str(caught.value) == f'"{folder / "fifo"}" - {caught.value.cause}'
    assert not (folder / "SHA256SUMS").exists()
    with tempfile.TemporaryDirectory() as near, socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.join(near, "s"))  # a socket's path has to be short
        os.rename(os.path.join(near, "s"), folder / "socket")
    created = create(folder, skip_special=True)
    assert created.passed_by == ("fifo", "socket")
    text = "# checksig: skip-special=yes\n" + gnu("sha256")
    assert (folder / "SHA256SUMS").read_text() == text


@posix
def test_links(folder: Path, tmp_path: Path) -> None:
    """A link inside is listed as its file; others are skipped or refused."""
    (folder / "link").symlink_to("b")
    (folder / "sub").symlink_to("a")
    created = create(folder, output=tmp_path / "1")
    line = f"{hashlib.sha256(b'b').hexdigest()}  tree/link\n"
    assert line in (tmp_path / "1").read_text()
    assert created.passed_by == ("tree/sub",)
    created = create(folder, output=tmp_path / "2", links="skip", remember=False)
    assert created.passed_by == ("tree/link", "tree/sub")
    assert (tmp_path / "2").read_text() == gnu("sha256", SORTED).replace("  ", "  tree/")
    with pytest.raises(WriteError, match="link"):
        create(folder, links="refuse")
    secret = tmp_path / "secret"
    secret.write_bytes(b"s")
    (folder / "out").symlink_to(secret)
    with pytest.raises(WriteError) as caught:
        create(folder)
    assert caught.value.path == str(folder / "out")
    assert "outside" in caught.value.cause
    create(folder, follow_outside=True)
    assert verify(folder, follow_outside=True)
    assert not verify(folder, check=False)


@posix
def test_dangling_links(folder: Path) -> None:
    """They are an error that names them."""
    (folder / "dangling").symlink_to("none")
    with pytest.raises(FileNotFoundError) as caught:
        create(folder)
    assert caught.value.filename == str(folder / "dangling")


UNREADABLE = """
import os, sys, checksig
folder, httpd, *names = sys.argv[1:]
create = checksig.create  # while its module is readable
checksig.verify(httpd, check=False)  # loads the engine, whose threads change user too
if os.geteuid() == 0:
    os.chown(folder, 65534, 65534)
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    create(folder)
except PermissionError as error:
    print(error.filename)
print(sorted(os.listdir(folder)))
"""


@posix
def test_without_read_permission(
    engine: str, open_folder: Path, httpd: Path, python: Callable[..., str]
) -> None:
    """PermissionError names the file or folder, and no manifest is written."""
    above = Path(checksig.__file__).parents
    if engine == "process" and os.geteuid() == 0 and not all(p.stat().st_mode & 1 for p in above):
        pytest.skip("the engine's program lies where nobody but the superuser may go")
    (open_folder / "d").mkdir()
    (open_folder / "f").write_bytes(b"f")
    for name, mode in (("d", 0o755), ("f", 0o644)):
        (open_folder / name).chmod(0)
        printed = python(UNREADABLE, open_folder, httpd).splitlines()
        assert printed == [str(open_folder / name), "['d', 'f']"]
        (open_folder / name).chmod(mode)


@pytest.mark.parametrize("algorithm", [["sha512"], ["sha512", "sha3-512"]])
def test_a_file_that_grows(folder: Path, algorithm: list[str]) -> None:
    """It is an error, and the old manifest stays."""
    log = folder / "log"
    log.write_bytes(b"x" * 1000)
    (folder / "SHA256SUMS").write_text("precious")
    grower = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nwhile True:\n with open(sys.argv[1], 'ab') as f: f.write(b'x' * 9000)",
            str(log),
        ]
    )
    try:
        end = time.monotonic() + 60
        while log.stat().st_size < 10_000:
            assert time.monotonic() < end

        def create_often() -> None:
            while time.monotonic() < end:
                create(folder, algorithm=algorithm, output=folder / "CHECKSUMS")
                (folder / "CHECKSUMS").unlink()

        with pytest.raises(WriteError, match="changed while being read") as caught:
            create_often()
    finally:
        grower.kill()
        grower.wait()
    assert caught.value.path == str(log)
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith((".", "C"))) == []


def test_nothing_to_list(tmp_path: Path) -> None:
    """An empty folder is an error, as its manifest could never verify."""
    with pytest.raises(WriteError, match="no file to list"):
        create(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_exclude(folder: Path) -> None:
    """A pattern without a slash matches names anywhere, one with it whole paths."""
    cases: list[tuple[dict[str, Any], list[str], int]] = [
        ({"exclude": ["b", "/a0"]}, ["a-b", "a/x", "with space"], 3),
        ({"exclude": ["a/*"]}, ["a-b", "a0", "b", "with space"], 2),
        ({"exclude": ["a/"]}, ["a-b", "a0", "b", "with space"], 1),
        ({"exclude": ["**/c", "* *"]}, ["a-b", "a/x", "a0", "b"], 2),
        ({"include": ["a/", "b"], "exclude": [b"x"]}, ["a/b/c", "b"], 4),
        ({"include": ["/a/**"]}, ["a/b/c", "a/x"], 4),
    ]
    for options, names, excluded in cases:
        done = create(folder, overwrite=True, remember=False, **options)
        assert (folder / "SHA256SUMS").read_text() == gnu("sha256", names), options
        assert done.excluded == excluded, options
    with pytest.raises(WriteError, match="no file to list"):
        create(folder, include=["none"], overwrite=True)


@pytest.mark.parametrize("pattern", ["", "[", "[b-a]", "a//b", "./a", "../a", "!a", "a\\", "/"])
def test_patterns_that_match_nothing(folder: Path, pattern: str) -> None:
    """They are an error that names the option and what is wrong, of each function."""
    for call in (
        lambda: create(folder, exclude=[pattern]),
        lambda: create(folder, include=[pattern]),
        lambda: verify(folder, exclude=[pattern]),
    ):
        with pytest.raises(ValueError, match=r"^(in|ex)clude: ") as caught:
            call()
        assert type(caught.value) is ValueError


@posix
def test_all_odd_files_are_reported(folder: Path, tmp_path: Path, command: list[str]) -> None:
    """A socket, a link that leads out and one that dangles: one error names all."""
    (tmp_path / "secret").write_bytes(b"s")
    os.mkfifo(folder / "a" / "fifo")
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "dangling").symlink_to("none")
    with pytest.raises(WriteError) as caught:
        create(folder)
    error = caught.value
    assert (error.path, error.cause) == ("", "3 files cannot be listed")
    paths = sorted(path for path, _ in error.problems)
    assert paths == [str(folder / name) for name in ("a/fifo", "dangling", "out")]
    assert "--skip-special" in dict(error.problems)[str(folder / "a/fifo")]
    assert "--links skip" in dict(error.problems)[str(folder / "out")]
    assert len(str(error).splitlines()) == 4
    assert copy.copy(error).problems == error.problems
    done = run(command, "create", ".", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == "checksig: 3 files cannot be listed:"
    assert len(done.stderr.splitlines()) == 4
    assert not (folder / "SHA256SUMS").exists()
    done = run(command, "create", ".", "--skip-special", "--links", "skip", cwd=folder)
    assert done.returncode == 0
    assert verify(folder).verified == len(FILES)


@posix
@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_all_unreadable_files_are_reported(folder: Path) -> None:
    """Files and folders without permission are found although nothing is hashed any more."""
    for name in ("a", "b", "with space"):
        (folder / name).chmod(0)
    try:
        with pytest.raises(WriteError) as caught:
            create(folder)
    finally:
        (folder / "a").chmod(0o755)
    assert sorted(os.path.basename(path) for path, _ in caught.value.problems) == [
        "a",
        "b",
        "with space",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        {"algorithm": "sha257"},
        {"algorithm": []},
        {"algorithm": "sha256,"},
        {"format": "none"},
        {"format": "gnu\0"},
        {"links": "eat"},
        {"exclude": ["[a"]},
        {"exclude": [""]},
        {"workers": 0},
        {"workers": 1025},
        {"relative_to": "a"},
        {"path": []},
        {"path": ["a", "b"]},
        {"path": "a\0"},
        {"format": "record"},
    ],
)
@pytest.mark.usefixtures("no_trace")
def test_wrong_arguments(
    folder: Path, arguments: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They raise ValueError, and nothing is written."""
    monkeypatch.chdir(folder)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the texts are the engine's
        create(**{"path": ".", **arguments})  # type: ignore[arg-type]
    assert type(caught.value) is ValueError


@pytest.mark.usefixtures("no_trace")
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("SUMS.sfv", {"format": "sfv"}),
        ("SUMS", {"format": "hashdeep", "algorithm": "sha512"}),
        ("SUMS", {"format": "release"}),
        ("SUMS", {"format": "gnu", "algorithm": ["blake3", "sha256"]}),
        ("MD5SUMS", {}),
        ("SUMS", {"algorithm": "blake3"}),
        ("SUMS", {"format": "sidecar"}),
    ],
)
def test_unsuitable_formats_and_names(folder: Path, name: str, arguments: dict[str, str]) -> None:
    """They are an error, and nothing is written."""
    with pytest.raises(WriteError):
        create(folder, output=folder / name, **arguments)  # type: ignore[arg-type]


def test_a_name_that_is_for_another_algorithm(folder: Path) -> None:
    """The error names the algorithm to choose."""
    with pytest.raises(WriteError) as caught:
        create(folder, output=folder / "MD5SUMS")
    advice = "by its name, MD5SUMS lists md5; choose that algorithm (-a md5), or another name"
    assert str(caught.value).endswith(advice)


def test_a_missing_path(folder: Path) -> None:
    """The system's error has the path as given."""
    with pytest.raises(FileNotFoundError) as caught:
        create(folder / "none")
    assert caught.value.filename == str(folder / "none")


@posix
@pytest.mark.parametrize("style", FORMATS)
@settings(deadline=None, max_examples=settings().max_examples // 5)
@given(names=st.sets(NAMES, min_size=1, max_size=4))
@example(names=set(ODD))
def test_every_name_in_every_format(style: str, names: set[bytes]) -> None:
    """The manifest verifies each name, or an error names a file and nothing is written."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = os.path.join(scratch, "tree").encode()
        os.mkdir(folder)
        for name in names:
            Path(os.fsdecode(folder + b"/" + name)).write_bytes(name)
        output = os.path.join(scratch, "tree", "manifest-sha512.txt" if style == "bagit" else "m")
        if os.fsencode(os.path.basename(output)) in names:
            return
        refused: bytes | None = None
        try:
            create(folder, algorithm=FORMATS[style], format=style, output=output)
        except WriteError as error:
            refused = os.path.basename(os.fsencode(error.path))
        if refused is not None:
            assert refused in names
            assert set(os.listdir(folder)) == names
            assert not b"".join(names).isalnum()
            return
        report = verify(output)
        assert sorted(os.fsencode(result.name) for result in report.results) == sorted(names)
        assert {result.algorithm for result in report.results} == {FORMATS[style]}
        assert report.manifests[0].format == style


# Tools that verify the manifest: format, algorithms, command.
TOOLS = [
    ("gnu", ["sha256"], ["sha256sum", "--strict", "-c", "SUMS"]),
    ("gnu", ["sha1"], ["shasum", "-s", "-c", "SUMS"]),
    ("gnu", ["md5"], ["rhash", "-c", "SUMS"]),
    ("gnu", ["blake2b"], ["b2sum", "--strict", "-c", "B2SUMS"]),
    ("gnu", ["blake3"], ["b3sum", "-c", "B3SUMS"]),
    ("gnu", ["xxh64"], ["xxhsum", "--strict", "-c", "XXH64SUMS"]),
    ("bsd", ["sha256"], ["sha256sum", "--strict", "-c", "SUMS"]),
    ("bsd", ["md5", "sha1", "sha512", "sm3", "blake2b"], ["cksum", "--strict", "-c", "SUMS"]),
    ("sfv", ["crc32"], ["rhash", "-c", "SUMS.sfv"]),
    ("hashdeep", ["md5", "sha1", "sha256"], ["hashdeep", "-a", "-l", "-k", "../SUMS", *SORTED]),
    ("bagit", ["sha256"], ["sha256sum", "--strict", "-c", "manifest-sha256.txt"]),
]


@posix
@pytest.mark.parametrize(("style", "algorithms", "command"), TOOLS)
def test_the_tools_accept_it(
    folder: Path,
    style: str,
    algorithms: list[str],
    command: list[str],
    needs: Callable[..., None],
) -> None:
    """Each format's own tool accepts the manifest, and finds a changed file."""
    needs(command[0])
    usage = subprocess.run([command[0], "--help"], capture_output=True, timeout=60, check=False)
    if command[0] == "cksum" and b"--check" not in usage.stdout:
        pytest.skip("this cksum, older than coreutils 9.0, knows CRCs alone and checks nothing")
    odd = folder / "back\\slash\nand more"
    if command[0] in {"sha256sum", "cksum", "b2sum"} and style != "bagit":
        odd.write_bytes(b"o")
    (manifest,) = (word for word in command if "SUMS" in word or "manifest" in word)
    create(folder, algorithm=algorithms, format=style, output=folder / manifest, relative_to=folder)

    def check() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )

    done = check()
    assert done.returncode == 0, done
    (folder / "b").write_bytes(b"B")
    assert check().returncode != 0


def test_progress(folder: Path) -> None:
    """Progress is reported to the end; an exception in the callback stops the work."""
    seen: list[checksig.Progress] = []
    create(folder, progress=seen.append)
    assert seen[-1].files == len(FILES)
    assert seen[-1].bytes_read == sum(map(len, FILES.values()))

    def stop(_: checksig.Progress) -> None:
        raise LookupError("enough")

    (folder / "SHA256SUMS").unlink()
    with pytest.raises(LookupError):
        create(folder / "a", output=folder / "a" / "SUMS", progress=stop)


def test_progress_within_a_huge_file(huge: Path) -> None:
    """An exception in the callback ends the work at once; nothing is left."""

    def stop(progress: checksig.Progress) -> None:
        if progress.bytes_read:
            raise LookupError("enough")

    with pytest.raises(LookupError):
        create(huge, algorithm="sha256", progress=stop)
    assert sorted(os.listdir(huge)) == ["SHA512SUMS", "huge"]


def test_totals_of_a_long_run(huge: Path) -> None:
    """The totals are known after a while."""
    cancel = checksig.CancelToken()

    def tell(progress: checksig.Progress) -> None:
        if progress.total_bytes is not None:
            assert progress.total_files == 1
            assert progress.total_bytes == 40 << 30
            cancel.cancel()

    with pytest.raises(checksig.CancelledError):
        create(huge, exclude=["SHA512SUMS"], progress=tell, cancel=cancel)
    assert sorted(os.listdir(huge)) == ["SHA512SUMS", "huge"]


FEW = """
import resource, sys
import checksig, checksig._verify
try:
    import checksig._ffi
except ImportError:
    pass  # cffi does not serve every Python
resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
print(checksig.create(sys.argv[1], workers=64).files)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors as Linux does")
def test_few_descriptors_and_many_workers(
    tmp_path: Path, faulty: Callable[..., Path], python: Callable[..., str]
) -> None:
    """64 workers with 16 descriptors list every slow file."""
    folder = tmp_path / "files"
    folder.mkdir()
    for i in range(100):
        (folder / f"{i:02}").write_bytes(b"%d" % i)
    mounted = faulty(folder, {f"{i:02}": {"delay": 0.02} for i in range(100)})
    output = tmp_path / "SHA256SUMS"
    program = FEW.replace("sys.argv[1]", "sys.argv[1], output=sys.argv[2], remember=False")
    assert python(program, mounted, output) == "100\n"
    assert len(output.read_text().splitlines()) == 100


def test_a_cancelled_token(folder: Path) -> None:
    """No work starts with a cancelled token."""
    cancel = checksig.CancelToken()
    cancel.cancel()
    with pytest.raises(checksig.CancelledError):
        create(folder, cancel=cancel)
    assert not (folder / "SHA256SUMS").exists()


def is_open(path: Path) -> bool:
    """Whether a program reads *path*; where that is not known, whether a manifest is written."""
    if sys.platform != "linux":
        return any(name.startswith(".checksig-") for name in os.listdir(path.parent))
    for link in glob.iglob("/proc/[0-9]*/fd/*"):  # which, unlike Path, passes over what is gone
        with contextlib.suppress(OSError):
            if os.readlink(link) == str(path):
                return True
    return False


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP", "SIGTERM"])
def test_a_signal_leaves_nothing(huge: Path, command: list[str], name: str) -> None:
    """After Ctrl-C the exit code is 130; the old manifest stays, and nothing else is left."""
    import signal

    number = getattr(signal, name)
    with subprocess.Popen(
        [*command, "create", str(huge), "-a", "sha512", "-f", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            end = time.monotonic() + 60
            while not is_open(huge / "huge"):
                assert time.monotonic() < end
                time.sleep(0.01)
            child.send_signal(number)
            out, err = child.communicate(timeout=30)
        finally:
            child.kill()  # or leaving the block would wait for it
    if name == "SIGINT":
        assert (child.returncode, err) == (130, "checksig: interrupted\n")
    else:
        assert (child.returncode, err) == (-number, "")
    assert json.loads(out) == {"ok": False, "interrupted": True}
    assert sorted(os.listdir(huge)) == ["SHA512SUMS", "huge"]
    assert (huge / "SHA512SUMS").read_text() == f"{'0' * 128}  huge\n"


def run(command: list[str], *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [*command, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_the_command(folder: Path, command: list[str]) -> None:
    """It reports what it wrote, and does not overwrite unless asked."""
    done = run(command, "create", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: checksig create [OPTION...] PATH...\n")
    assert "required: PATH" in done.stderr
    assert not (folder / "SHA256SUMS").exists()
    done = run(command, "create", ".", cwd=folder)
    assert done.returncode == 0, done
    assert done.stdout.startswith("WRITTEN     SHA256SUMS: 6 files, sha256, gnu (300.0 kB in ")
    assert (folder / "SHA256SUMS").read_text() == gnu("sha256")
    done = run(command, "create", ".", cwd=folder)
    with pytest.raises(FileExistsError) as caught:
        (folder / "SHA256SUMS").mkdir()
    exists = caught.value.strerror
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        f"checksig: SHA256SUMS: {exists}; --force replaces it\n",
    )
    assert run(command, "create", ".", "-f", "-q", cwd=folder).stdout == ""
    assert run(command, ".", cwd=folder).returncode == 0
    done = run(
        command,
        "create",
        "-a",
        "md5,sha1",
        "-a",
        "crc32",
        "--json",
        "a",
        "b",
        "-o",
        "X",
        cwd=folder,
    )
    document = json.loads(done.stdout)
    assert document["ok"] is True
    assert document["manifest"] == "X"
    assert document["algorithms"] == ["md5", "sha1", "crc32"]
    assert (document["files"], document["entries"]) == (3, 9)


def test_the_command_to_standard_output(folder: Path, command: list[str]) -> None:
    """It prints the manifest and nothing else."""
    done = run(command, "create", "a", "-o", "-", "--exclude", "x", "--no-remember", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == gnu("sha256", ["a/b/c"]).replace("a/b/c", "b/c")


def test_the_command_names_what_is_wrong(folder: Path, command: list[str]) -> None:
    """The exit code is 2, and one line gives the reason."""
    done = run(command, "create", ".", "--format", "sfv", cwd=folder)
    assert done.returncode == 2
    assert "the format is for crc32" in done.stderr
    done = run(command, "create", ".", "--format", "sfv", "-o", "-", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the format is for crc32" in done.stderr
    assert '""' not in done.stderr  # standard output has no path
    done = run(command, "create", ".", "-a", "none", cwd=folder)
    known = ", ".join(algorithm.name for algorithm in checksig.algorithms)
    message = f'checksig: unknown algorithm "none"; known: {known}\n'
    assert (done.returncode, done.stderr) == (2, message)
