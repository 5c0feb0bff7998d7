"""Small files hashed side by side, with each instruction set of this processor."""

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
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="files are hashed one by one there"),
    pytest.mark.usefixtures("with_kernels"),
]

ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
CHOICES = ("go", "sse2", "avx2", "avx512", "shani", "avx2+shani", "neon", "armsha", "")
# What every processor of a kind has.
CERTAIN = {"x86_64": "sse2", "aarch64": "neon", "arm64": "neon"}

FILE_CALLS = (
    "openat",
    "openat2",
    "close",
    "fcntl",
    "fstat",
    "newfstatat",
    "statx",
    "read",
    "fadvise64",
)


@pytest.fixture
def with_kernels(engine: str, program_sets: list[str], needs: Callable[..., None]) -> None:
    """Skip the test if the engine's program was built without kernels."""
    if engine == "process":
        needs("a C compiler where the program was built", there=bool(program_sets))


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


CREATING = """
import json, sys
import checksig
print(json.dumps([checksig.create(sys.argv[1], workers=int(sys.argv[2])).files - 1]))
"""

# Writes half a manifest with each algorithm, then updates it.
WRITING = """
import json, sys
import checksig
folder, workers, *algorithms = sys.argv[1:]
try:
    for algorithm in algorithms:
        listed = f"{folder}/{algorithm}"
        how = {"workers": int(workers)}
        half = {"exclude": [*algorithms, "*[13579]"], "remember": False}
        checksig.create(folder, output=listed, algorithm=algorithm, **half, **how)
        written = checksig.update(listed, exclude=algorithms, **how)
except checksig.EngineError as error:
    print(json.dumps(str(error)))
else:
    print(json.dumps([written.files, len(written.added)]))
"""


def answer(program: str, choice: str, *arguments: object) -> object:
    """Run a program in a new process with CHECKSIG_ISA, and decode what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "CHECKSIG_ISA": choice},
        stdout=subprocess.PIPE,
        timeout=100,
        check=True,
    )
    return json.loads(done.stdout)


def verify(path: Path, choice: str, workers: int = 2) -> object:
    """Verify in a new process."""
    return answer(PROGRAM, choice, path, workers)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, dict[str, str]]:
    """Make a folder with all algorithms, many sizes, links and failures."""
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
    """Each file gets the same result with each instruction set."""
    folder, size, wrong = mixed
    found = verify(folder, choice, workers)
    if isinstance(found, str):  # not on this processor
        assert choice not in {"", "go", CERTAIN.get(platform.machine())}
        assert f"CHECKSIG_ISA={choice}: " in found
        assert " is not available" in found
    else:
        assert found == [120 * len(ALGORITHMS), size, wrong]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("choice", CHOICES)
def test_every_instruction_set_writes_the_same(tmp_path: Path, choice: str, workers: int) -> None:
    """Create and update write the digests of hashlib with each instruction set."""
    draw = random.Random(5)
    contents: dict[str, bytes] = {}
    for i in range(150):
        name = f"{'sub/' * (i % 3)}{i}"
        contents[name] = draw.randbytes(int(draw.lognormvariate(7, 2)) % 300_000)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if i == 10:
            (tmp_path / "target").write_bytes(contents[name])
            path.symlink_to(os.path.relpath(tmp_path / "target", path.parent))
            contents["target"] = contents[name]
        else:
            path.write_bytes(contents[name])
    found = answer(WRITING, choice, tmp_path, workers, *ALGORITHMS)
    if isinstance(found, str):  # not on this processor
        assert choice not in {"", "go", CERTAIN.get(platform.machine())}
        assert f"CHECKSIG_ISA={choice}: " in found
        assert " is not available" in found
        return
    assert found == [151, 75]
    for algorithm in ALGORITHMS:
        lines = [
            f"{hashlib.new(algorithm, contents[name]).hexdigest()}  {name}\n"
            for name in sorted(contents)
        ]
        assert (tmp_path / algorithm).read_text() == "".join(lines)


@pytest.mark.parametrize("program", [PROGRAM, WRITING])
def test_an_unknown_instruction_set_is_an_error(
    mixed: tuple[Path, int, dict[str, str]], program: str
) -> None:
    """An unknown instruction set is not ignored."""
    found = answer(program, "avx1024", mixed[0], 2, "sha256")
    assert isinstance(found, str)
    assert 'CHECKSIG_ISA: unknown instruction set "avx1024"; known: go, sse2, avx2, avx512' in found


@pytest.mark.needs("strace")
@pytest.mark.parametrize(
    ("program", "most"), [(PROGRAM, 6.1), (CREATING, 5.5)], ids=["verify", "create"]
)
def test_a_small_file_takes_few_system_calls(tmp_path: Path, program: str, most: float) -> None:
    """statx, open, one read, statx, close; perhaps one more read."""
    counts: list[int] = []
    for count in (1, 1001):
        folder = tmp_path / str(count)
        folder.mkdir()
        with (folder / "SHA1SUMS").open("w") as sums:
            for i in range(count):
                (folder / f"{i:04}").write_bytes(b"%d" % i)
                sums.write(f"{hashlib.sha1(b'%d' % i).hexdigest()}  {i:04}\n")
        trace = ["strace", "-f", "-c", "-U", "name,calls", "-e", "trace=%desc,%file,fcntl"]
        done = subprocess.run(
            [*trace, "-o", tmp_path / "counts", sys.executable, "-c", program, folder, "2"],
            env={**os.environ, "CHECKSIG_ISA": ""},
            stdout=subprocess.PIPE,
            timeout=100,
            check=True,
        )
        assert json.loads(done.stdout)[0] == count
        calls = dict(line.split() for line in (tmp_path / "counts").read_text().splitlines()[2:])
        counts.append(sum(int(calls.get(name, 0)) for name in FILE_CALLS))
    each = (counts[1] - counts[0]) / 1000
    # At least five: that checks the counting. Fixed costs of a run may differ by a call.
    assert 4.9 < each < most
