"""The page cache, which a verification can leave unchanged."""

from __future__ import annotations

import ctypes
import hashlib
import mmap
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import checksig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be asked so")

PAGE = mmap.PAGESIZE
SIZE = 600_000 // PAGE * PAGE + 1000  # several reads, the last page not whole


def cached(path: Path) -> list[bool]:
    """Return which pages of a file are in the page cache, without changing it."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ | 2) as mapped:
        pages = (ctypes.c_ubyte * -(-len(mapped) // PAGE))()
        start = ctypes.c_char.from_buffer(mapped)
        libc = ctypes.CDLL(None, use_errno=True)
        failed = libc.mincore(
            ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(len(mapped)), pages
        )
        del start
        assert not failed, os.strerror(ctypes.get_errno())
        return [page & 1 == 1 for page in pages]


def make_cold(path: Path) -> None:
    """Remove a file from the page cache."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if any(cached(path)):
        pytest.skip("this file system keeps its pages")


def warm(path: Path, *pages: int) -> None:
    """Read these pages without read-ahead."""
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        for page in pages:
            os.pread(file.fileno(), 1, page * PAGE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder of cold, warm, partly warm and small files."""
    content = os.urandom(SIZE)
    for name in ("cold", "warm", "partly"):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "small").write_bytes(content[:100])
    (tmp_path / "SHA256SUMS").write_text(
        "".join(
            f"{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}  {name}\n"
            for name in ("cold", "warm", "partly", "small")
        )
    )
    for name in ("cold", "partly", "small"):
        make_cold(tmp_path / name)
    warm(tmp_path / "partly", 3, 70, 146)
    return tmp_path


def by_function(folder: Path) -> None:
    """Verify from Python."""
    checksig.verify(folder, leave_cache=True)


def by_two_algorithms(folder: Path) -> None:
    """Verify two manifests in one read."""
    lines = (folder / "SHA256SUMS").read_text().replace("  ", " *")
    (folder / "sha256sum.txt").write_text(lines)
    assert checksig.verify(folder, leave_cache=True).entries == 8


def by_command(folder: Path) -> None:
    """Verify from the command line."""
    subprocess.run([sys.executable, "-m", "checksig", "--leave-cache", folder], check=True)


def by_create(folder: Path) -> None:
    """Write another manifest."""
    checksig.create(folder, algorithm=["md5", "blake3"], leave_cache=True)


def by_update(folder: Path) -> None:
    """Update the manifest, reading all files."""
    assert checksig.update(folder / "SHA256SUMS", all=True, leave_cache=True).entries == 4


@pytest.mark.parametrize("work", [by_function, by_two_algorithms, by_command, by_create, by_update])
def test_the_page_cache_stays_as_it_was(folder: Path, work: Callable[[Path], None]) -> None:
    """Pages that were cached stay, and no others are added."""
    names = ("cold", "warm", "partly", "small")
    before = {name: cached(folder / name) for name in names}
    assert not any(before["cold"])
    assert all(before["warm"])
    assert [i for i, page in enumerate(before["partly"]) if page] == [3, 70, 146]
    work(folder)
    assert {name: cached(folder / name) for name in names} == before


def test_the_cache_is_used_otherwise(folder: Path) -> None:
    """Without the option, what was read is cached."""
    checksig.verify(folder)
    assert all(cached(folder / "cold"))
