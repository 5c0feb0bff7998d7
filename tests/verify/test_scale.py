"""Many files: memory does not grow with their number."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads the peak as Linux counts it"),
    pytest.mark.slow,
]

PROGRAM = """
import re, sys
from checksig import verify
report = verify(sys.argv[1], keep_verified=sys.argv[2] == "True")
peak = re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1]
print(report.verified, peak)  # getrusage would count what the parent had before the exec
"""
LIMIT_KB = (
    80_000 if sys.implementation.name == "cpython" else 160_000
)  # PyPy alone takes 70 MB more


def corpus(folder: Path, count: int, size: int) -> None:
    """Write files that differ, and their manifest."""
    lines: list[str] = []
    rest = bytes(size - 8)
    for i in range(count):
        content = i.to_bytes(8, "little") + rest
        (folder / f"{i:05}").write_bytes(content)
        lines.append(f"{hashlib.sha1(content).hexdigest()}  {i:05}\n")
    (folder / "sha1sum.txt").write_text("".join(lines))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("count", "size"), [(50_000, 4096), (1_000, 1 << 20)])
def test_peak_memory(tmp_path: Path, python: Callable[..., str], count: int, size: int) -> None:
    """50,000 small files, or 1,000 of 1 MiB, verify in less than 80 MB."""
    corpus(tmp_path, count, size)
    for keep in (True, False):
        verified, peak = map(int, python(PROGRAM, tmp_path, keep, timeout=120).split())
        assert verified == count
        assert peak < LIMIT_KB


@pytest.mark.timeout(300)
def test_memory_does_not_grow_with_the_manifest(tmp_path: Path, python: Callable[..., str]) -> None:
    """A million entries, none kept, need no more memory than a few."""
    corpus(tmp_path, 1, 100)
    line = (tmp_path / "sha1sum.txt").read_text()
    (tmp_path / "sha1sum.txt").write_text(line * 1_000_000)
    verified, peak = map(int, python(PROGRAM, tmp_path, False, timeout=200).split())
    assert verified == 1_000_000
    assert peak < LIMIT_KB
