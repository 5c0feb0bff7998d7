"""A panic in the engine raises an exception in Python; the process goes on."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.library,
    pytest.mark.slow,
    pytest.mark.timeout(400),  # the first test waits for the compiler
    pytest.mark.xdist_group("go"),
]

# The package uses the library built for these tests; ctypes calls its test exports.
TAGGED = """
import ctypes, sys
from pathlib import Path
import checksig
from checksig._engine import library as engine_library
library, good, bad = sys.argv[1:4]
engine_library._library_path = lambda: library

def well():
    return checksig.verify(good).verified == 1

def tried(**options):
    try:
        return str(checksig.verify(bad, check=False, **options))
    except checksig.EngineError as error:
        return str(error)
"""

HOOKS = """
assert well()
hooks = ctypes.CDLL(library)
hooks.checksig_panic.restype = ctypes.c_void_p
hooks.free.argtypes = [ctypes.c_void_p]
"""

NOTHING, JOB, JOB_NIL, WORKER, WORKER_NIL, SURVEY, CONTRADICTS = range(7)


@pytest.fixture
def folders(tmp_path: Path, tree: Callable[..., Path]) -> tuple[Path, Path]:
    """Make a folder that verifies, and one with a file that takes a minute to hash."""
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(40 << 30)
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  huge\n")
    return tree({"a": b"a"}), tmp_path


@pytest.mark.parametrize("faulthandler", ["", "import faulthandler; faulthandler.enable()"])
@pytest.mark.parametrize(
    ("where", "says", "function"),
    [
        (JOB, "in a job", "(*run).read"),
        (JOB_NIL, "nil pointer dereference", "(*run).read"),
        (WORKER, "in a worker", "(*worker[...]).hash"),
        (WORKER_NIL, "nil pointer dereference", "(*worker[...]).hash"),
        (SURVEY, "in a second reading", "verify.countTotals"),
    ],
)
def test_a_panic_in_a_goroutine_is_an_engine_error(  # noqa: PLR0917
    tagged: Path,
    folders: tuple[Path, Path],
    python: Callable[..., str],
    where: int,
    says: str,
    function: str,
    faulthandler: str,
) -> None:
    """The error holds the Go stack of whichever goroutine panics; later calls work."""
    program = f"""
{faulthandler}
{TAGGED}
{HOOKS}
for _ in range(3):
    hooks.checksig_panic_at({where})
    message = tried(progress=lambda p: None)
    hooks.checksig_panic_at({NOTHING})
    print({says!r} in message, {function!r} in message, "goroutine " in message, well())
"""
    assert python(program, tagged, *folders) == "True True True True\n" * 3


def test_a_panic_after_the_workers_is_an_engine_error(
    tagged: Path, tree: Callable[..., Path], python: Callable[..., str]
) -> None:
    """A panic in the steps after hashing ends the run with an error as well."""
    folder = tree({"a": b"a"})
    bad = folder.with_name("bad")
    bad.mkdir()
    (bad / "b").write_bytes(b"b")
    (bad / "SHA256SUMS").write_text(f"{'0' * 64}  b\n")
    program = f"""
{TAGGED}
{HOOKS}
hooks.checksig_panic_at({CONTRADICTS})
message = tried()
hooks.checksig_panic_at({NOTHING})
print("in a second reading" in message, "verify.findContradictions" in message, well())
"""
    assert python(program, tagged, folder, bad) == "True True True\n"


@pytest.mark.parametrize("faulthandler", ["", "import faulthandler; faulthandler.enable()"])
def test_a_panic_in_a_call_is_a_message(
    tagged: Path, folders: tuple[Path, Path], python: Callable[..., str], faulthandler: str
) -> None:
    """A panic in an exported function, even a nil dereference, becomes its message."""
    program = f"""
{faulthandler}
{TAGGED}
{HOOKS}
for null in (0, 1):
    text = hooks.checksig_panic(null)
    print(ctypes.string_at(text).decode())
    hooks.free(text)
print(well())
"""
    out = python(program, tagged, *folders).splitlines()
    assert out[0] == "panic: in the call"
    assert "nil pointer dereference" in out[1]
    assert out[2] == "True"


def test_a_panic_in_start_is_an_engine_error(
    tree: Callable[..., Path], python: Callable[..., str]
) -> None:
    """In the installed library too: an impossible request size makes the call panic."""
    program = """
import sys
import checksig
from checksig._engine.library import load
class Liar(bytes):
    def __len__(self):
        return 1 << 31
*_, last = map(bytes, load().batches(Liar(b"op=verify")))
print(last[0] == 1, b"panic" in last, b"goroutine " in last)
print(checksig.verify(sys.argv[1]).verified)
"""
    out = python(program, tree({"a": b"a"}))
    assert out == "True True True\n1\n"


@pytest.mark.skipif(sys.platform == "win32", reason="about POSIX signals")
def test_faulthandler_enabled_after_the_first_call(
    tagged: Path, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    """A known limit: faulthandler then handles a nil dereference, and the process ends.

    Every other panic still raises an exception.
    """
    program = f"""
{TAGGED}
{HOOKS}
import faulthandler
faulthandler.enable()
hooks.checksig_panic_at({WORKER})
print("in a worker" in tried(), flush=True)
hooks.checksig_panic_at({WORKER_NIL})
print(tried(), flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tagged), *map(str, folders)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "True\n"
    assert done.returncode != 0
    assert "Fatal Python error: Segmentation fault" in done.stderr
