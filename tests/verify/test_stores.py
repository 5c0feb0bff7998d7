"""Stores whose files are named after their digests: Hugging Face, git-lfs, DVC, git-annex."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checksig import ManifestNotFoundError, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from checksig import Report

pytestmark = [
    pytest.mark.usefixtures("engine"),
    pytest.mark.skipif(os.name == "nt", reason="needs symbolic links"),
]

COMMIT = "0123456789" * 4


def write(path: Path, content: bytes) -> None:
    """Write a file, and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def hugging_face(folder: Path) -> Path:
    """Make a repository as huggingface_hub keeps it."""
    files = {
        "config.json": hashlib.sha1(b"blob 2\0{}").hexdigest(),
        "sub/model.bin": hashlib.sha256(b"weights").hexdigest(),
    }
    for (name, blob), content in zip(files.items(), [b"{}", b"weights"], strict=True):
        write(folder / "blobs" / blob, content)
        link = folder / "snapshots" / COMMIT / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to("../" * (2 + name.count("/")) + "blobs/" + blob)
    write(folder / "refs" / "main", COMMIT.encode())
    write(folder / ".no_exist" / COMMIT / "README.md", b"")
    return folder


def git_lfs(folder: Path) -> Path:
    """Make a store of git-lfs."""
    for content in (b"one", b"two"):
        oid = hashlib.sha256(content).hexdigest()
        write(folder / "objects" / oid[:2] / oid[2:4] / oid, content)
    (folder / "tmp").mkdir()
    return folder


def dvc(folder: Path) -> Path:
    """Make a cache of DVC 3."""
    sums: list[str] = []
    for content in (b"one", b"two"):
        sums.append(hashlib.md5(content).hexdigest())
        write(folder / "files" / "md5" / sums[-1][:2] / sums[-1][2:], content)
    listed = [{"md5": each, "relpath": f"f{i}"} for i, each in enumerate(sums)]
    text = json.dumps(listed).encode()
    name = hashlib.md5(text).hexdigest()
    write(folder / "files" / "md5" / name[:2] / f"{name[2:]}.dir", text)
    return folder


def git_annex(folder: Path) -> Path:
    """Make a store of git-annex."""
    keys = {
        f"SHA256E-s3--{hashlib.sha256(b'one').hexdigest()}.tar.gz": b"one",
        f"MD5-s3--{hashlib.md5(b'two').hexdigest()}": b"two",
        f"BLAKE2B256E-s5-m1700000000--{hashlib.blake2b(b'three', digest_size=32).hexdigest()}": (
            b"three"
        ),
    }
    for i, (key, content) in enumerate(keys.items()):
        write(folder / "annex" / "objects" / f"a{i}" / "bc" / key / key, content)
    return folder


STORES: dict[str, tuple[Callable[[Path], Path], int]] = {
    "hugging-face": (hugging_face, 2),
    "git-lfs": (git_lfs, 2),
    "dvc": (dvc, 3),
    "git-annex": (git_annex, 3),
}
each = pytest.mark.parametrize("kind", STORES)


def problems(report: Report) -> list[str]:
    """Return everything that is wrong."""
    failed = [f"{Path(r.name).name}: {r.status}" for r in report.failures]
    return failed + [bad.cause for bad in report.bad_lines]


@each
def test_every_file_is_verified(tmp_path: Path, kind: str) -> None:
    """A store is recognised by its folders, also by a recursive search, and nothing is unlisted."""
    make, count = STORES[kind]
    store = make(tmp_path / "below" / "store")
    for report in (verify(store, extra="fail"), verify(tmp_path, recursive=True, extra="fail")):
        assert report.verified == report.entries == count
        assert all(Path(r.path).is_file() for r in report.results)
        assert len(report.manifests) >= 1


@each
def test_every_byte_counts(tmp_path: Path, kind: str) -> None:
    """No byte of any file can change, and none be added; nor can a file have another name."""
    make, count = STORES[kind]
    store = make(tmp_path / "store")
    files = [p for p in store.rglob("*") if p.is_file() and not p.is_symlink()]
    assert len(files) >= count
    for path in files:
        before = path.read_bytes()
        for at in range(len(before)):
            path.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
            assert not verify(store, check=False).ok, (path, at)
        path.write_bytes(before + b"x")
        assert not verify(store, check=False).ok, path
        path.write_bytes(before)
        moved = path.rename(path.with_name("x" + path.name[1:]))
        refs = "refs" in path.parts or ".no_exist" in path.parts  # whose names are free
        assert verify(store, check=False).ok == refs, path
        moved.rename(path)
        path.rename(tmp_path / "away")
        path.symlink_to(tmp_path / "away")
        assert not verify(store, check=False).ok, path
        path.unlink()
        (tmp_path / "away").rename(path)
    assert verify(store).ok


@each
def test_trust_and_options(tmp_path: Path, kind: str, keys: Path) -> None:
    """Names have no signature; and the options for manifests of others change nothing."""
    store = STORES[kind][0](tmp_path / "store")
    report = verify(store, trust=keys, check=False)
    assert not report.ok
    assert report.verified == 0
    assert verify(store, algorithm="sha512", format="sfv").ok


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Return a file with a key of minisign."""
    path = tmp_path / "minisign.pub"
    path.write_text(
        "untrusted comment: key\nRWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n"
    )
    return path


SNAPSHOT = Path("snapshots") / COMMIT

FAULTS: list[tuple[str, Callable[[Path], object], str]] = [
    ("hugging-face", lambda s: next((s / "blobs").iterdir()).unlink(), "links to is missing"),
    ("hugging-face", lambda s: write(s / "blobs" / "a.incomplete", b""), "incomplete download"),
    ("hugging-face", lambda s: write(s / "blobs" / "abc", b""), "no digest as its name"),
    ("hugging-face", lambda s: write(s / "other", b""), "not part of a Hugging Face cache"),
    ("hugging-face", lambda s: write(s / SNAPSHOT / "copy", b""), "not a link to a blob"),
    ("hugging-face", lambda s: write(s / "refs" / "x", b"1" * 40), "is missing or empty"),
    ("hugging-face", lambda s: write(s / "refs" / "x", b"main"), "contains no commit"),
    (
        "hugging-face",
        lambda s: (s / SNAPSHOT / "l").symlink_to("/etc/passwd"),
        "links to is missing",
    ),
    ("git-lfs", lambda s: write(s / "objects" / "logs" / "x", b""), "not at the place"),
    ("git-lfs", lambda s: write(s / "objects" / "ab" / "cd" / ("e" * 64), b""), "not at the place"),
    ("dvc", lambda s: write(s / "files" / "sha256" / "ab" / "c", b""), "not at the place"),
    ("git-annex", lambda s: write(annexed(s, "WORM-s1-m1--a"), b"x"), 'unknown kind, "WORM"'),
    (
        "git-annex",
        lambda s: write(annexed(s, f"CRC32-s1--{zlib.crc32(b'x'):08x}"), b"x"),
        'unknown kind, "CRC32"',
    ),
    ("git-annex", lambda s: write(annexed(s, "URL--http&c%%x"), b"x"), "has no digest"),
    (
        "git-annex",
        lambda s: write(annexed(s, "SHA1-s1-S2-C1--" + "0" * 40), b"x"),
        "part of a file",
    ),
    ("git-annex", lambda s: write(s / "annex" / "objects" / "x", b""), "not at the place"),
]


def annexed(store: Path, key: str) -> Path:
    """Return where the object of a key is."""
    return store / "annex" / "objects" / "a" / "b" / key / key


@pytest.mark.parametrize(("kind", "change", "cause"), FAULTS)
def test_faults(tmp_path: Path, kind: str, change: Callable[[Path], object], cause: str) -> None:
    """What is not in its place, or not understood, is never passed over."""
    store = STORES[kind][0](tmp_path / "store")
    change(store)
    report = verify(store, check=False)
    assert not report.ok
    assert any(cause in problem for problem in problems(report)), problems(report)


def test_a_missing_file_of_a_folder(tmp_path: Path) -> None:
    """The objects of a folder in a DVC cache must be there."""
    store = dvc(tmp_path / "store")
    one = hashlib.md5(b"one").hexdigest()
    (store / "files" / "md5" / one[:2] / one[2:]).unlink()
    report = verify(store, check=False)
    assert any(f'the object "{one}" of "f0" is missing' in p for p in problems(report))


def test_other_folders_are_no_stores(tmp_path: Path) -> None:
    """A folder that only has such a name is none."""
    for name in ("objects/ab", "files/x", "annex", "snapshots/x", "blobs"):
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(ManifestNotFoundError):
        verify(tmp_path)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=pytest.mark.needs("git", kind), id=kind)
        for kind in ("git-lfs", "git-annex")
    ],
)
def test_the_stores_of_the_programs(tmp_path: Path, kind: str) -> None:
    """What git-lfs and git-annex write is verified whole."""
    environment = {**os.environ, "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*words: str) -> None:
        known = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org", *words]
        done = subprocess.run(
            known, cwd=work, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    work = tmp_path / "work"
    work.mkdir()
    git("init", "-q")
    (work / "a.bin").write_bytes(b"a" * 5000)
    (work / "b.tar.gz").write_bytes(b"b" * 5000)
    if kind == "git-lfs":
        git("lfs", "install", "--local")
        git("lfs", "track", "*.bin", "*.gz")
        git("add", ".")
        store = work / ".git" / "lfs"
    else:
        git("annex", "init", "-q")
        git("annex", "add", ".")
        store = work / ".git"
    git("commit", "-q", "-m", "m")
    report = verify(store, extra="fail")
    assert report.verified == report.entries == 2
