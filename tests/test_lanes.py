"""Files that are hashed together, by the kernels of each instruction set that is here."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# The program is built without kernels; Windows has none for files yet.
pytestmark = [
    pytest.mark.library,
    pytest.mark.skipif(sys.platform == "win32", reason="files are hashed one by one there"),
]

ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
CHOICES = ("go", "sse2", "avx2", "avx512", "shani", "avx2+shani", "neon", "armsha", "")
# What every processor of a kind has.
CERTAIN = {"x86_64": "sse2", "aarch64": "neon", "arm64": "neon"}

PROGRAM = """
import json, sys
import checksig
try:
    report = checksig.verify(sys.argv[1], check=False, workers=int(sys.argv[2]))
except checksig.EngineError as error:
    print(json.dumps(str(error)))
    raise SystemExit
wrong = {r.name: str(r.status) for r in report.results if str(r.status) != "verified"}
print(json.dumps([report.entries, report.bytes_read, wrong]))
"""


def verify(path: Path, choice: str, workers: int = 2) -> object:
    """What a fresh process finds with CHECKSIG_ISA as given."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, path, str(workers)],
        env={**os.environ, "CHECKSIG_ENGINE": "library", "CHECKSIG_ISA": choice},
        stdout=subprocess.PIPE,
        timeout=100,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, dict[str, str]]:
    """Make a folder with every algorithm, all kinds of sizes, links, and things that are wrong."""
    folder = tmp_path_factory.mktemp("mixed")
    draw = random.Random(4)
    wrong: dict[str, str] = {}
    size = 0
    for algorithm in ALGORITHMS:
        lines: list[str] = []
        for i in range(120):
            content = draw.randbytes(int(draw.lognormvariate(7, 2)) % 300_000)
            name = f"{'sub/' * (i % 3)}{algorithm}-{i}"
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            lines.append(f"{hashlib.new(algorithm, content).hexdigest()}  {name}\n")
            if i % 40 == 7:
                wrong[name] = "missing"
                continue
            if i % 40 == 8:
                content += b"!"
                wrong[name] = "mismatched"
            if i % 40 == 9:
                path.mkdir()
                wrong[name] = "unreadable"
                continue
            if i % 40 == 10:
                (folder / f"target of {algorithm}-{i}").write_bytes(content)
                path.symlink_to(os.path.relpath(folder / f"target of {algorithm}-{i}", path.parent))
            else:
                path.write_bytes(content)
            size += len(content)
        (folder / f"{algorithm.upper()}SUMS").write_text("".join(lines))
    return folder, size, wrong


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("choice", CHOICES)
def test_every_instruction_set_finds_the_same(
    mixed: tuple[Path, int, dict[str, str]], choice: str, workers: int
) -> None:
    """Whatever the kernels, each file gets the answer it should."""
    folder, size, wrong = mixed
    found = verify(folder, choice, workers)
    if isinstance(found, str):  # this processor cannot
        assert choice not in {"", "go", CERTAIN.get(platform.machine())}
        assert f"CHECKSIG_ISA={choice}: there is no " in found
    else:
        assert found == [120 * len(ALGORITHMS), size, wrong]


def test_an_unknown_instruction_set_is_an_error(mixed: tuple[Path, int, dict[str, str]]) -> None:
    """What nobody knows is not passed over."""
    found = verify(mixed[0], "avx1024")
    assert isinstance(found, str)
    assert 'CHECKSIG_ISA: "avx1024" is none of go, sse2, avx2, avx512' in found
