"""Threads, interpreters, event loops and other Go libraries in one process."""

from __future__ import annotations

import asyncio
import platform
import sys
import sysconfig
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import checksig
from checksig import CancelToken, averify, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

THREADS = 64

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
cpython = pytest.mark.skipif(platform.python_implementation() != "CPython", reason="about CPython")


@pytest.fixture
def folders(tree: Callable[..., Path]) -> list[Path]:
    """Make 64 folders; the nth has n + 1 files, and every third one has a mismatch."""
    parent = tree({f"{n}/{i}": b"%d" % i for n in range(THREADS) for i in range(n + 1)})
    lines = (parent / "SHA256SUMS").read_text().splitlines(keepends=True)
    for n in range(THREADS):
        mine = [line.replace(f"  {n}/", "  ") for line in lines if f"  {n}/" in line]
        if n % 3 == 0:
            (parent / str(n) / "0").write_bytes(b"changed")
        (parent / str(n) / "SHA256SUMS").write_text("".join(mine))
    return [parent / str(n) for n in range(THREADS)]


def expected(n: int) -> tuple[int, int]:
    """Return how many files of the nth folder verify and mismatch."""
    wrong = int(n % 3 == 0)
    return n + 1 - wrong, wrong


def test_many_threads_at_once(folders: list[Path]) -> None:
    """64 threads verify different folders at once; each gets its own result."""
    barrier = threading.Barrier(THREADS, timeout=60)

    def work(n: int) -> list[tuple[int, int]]:
        barrier.wait()
        reports = [verify(folders[n], check=False) for _ in range(10)]
        return [(report.verified, report.mismatched) for report in reports]

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(work, range(THREADS)))
    assert found == [[expected(n)] * 10 for n in range(THREADS)]


def test_many_threads_may_be_the_first(folders: list[Path], python: Callable[..., str]) -> None:
    """64 threads that make the first call at once load the engine once."""
    program = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
import checksig
barrier = threading.Barrier(64, timeout=60)
def work(n):
    barrier.wait()
    return checksig.verify(f"{sys.argv[1]}/{n}", check=False).entries
with ThreadPoolExecutor(64) as pool:
    print(list(pool.map(work, range(64))) == list(range(1, 65)))
"""
    assert python(program, folders[0].parent) == "True\n"


def test_some_threads_are_cancelled(folders: list[Path], huge: Path) -> None:
    """Half of 64 threads are cancelled in a huge file; the others finish."""
    tokens = [CancelToken() for _ in range(THREADS)]
    begun = threading.Semaphore(0)

    def work(n: int) -> object:
        if n % 2:
            report = verify(folders[n], check=False, cancel=tokens[n])
            return report.verified, report.mismatched
        reported: list[int] = []

        def progress(p: checksig.Progress) -> None:
            if not reported:
                reported.append(p.bytes_read)
                begun.release()

        with pytest.raises(checksig.CancelledError):
            verify(huge, workers=1, progress=progress, cancel=tokens[n])
        return "cancelled"

    with ThreadPoolExecutor(THREADS) as pool:
        futures = [pool.submit(work, n) for n in range(THREADS)]
        for _ in range(THREADS // 2):
            assert begun.acquire(timeout=60)
        for token in tokens[::2]:
            token.cancel()
        found = [future.result(60) for future in futures]
    assert found == [expected(n) if n % 2 else "cancelled" for n in range(THREADS)]


@pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="about free-threaded Python"
)
def test_the_gil_stays_off(httpd: Path, python: Callable[..., str]) -> None:
    """On a free-threaded Python, neither the import nor a call enables the GIL."""
    program = """
import sys
import checksig
checksig.verify(sys.argv[1], check=False)
print(sys._is_gil_enabled())
"""
    assert python(program, httpd) == "False\n"


# The name of the module for sub-interpreters changes between versions.
INTERPRETERS = """
import sys
import checksig
kind, used, folder = sys.argv[1:]
if used == "used":
    checksig.verify(folder, check=False)
code = f'''
import checksig
try:
    print("verified", checksig.verify({folder!r}, check=False).verified)
except checksig.EngineError as error:
    print("error", "cannot be loaded" in str(error))
'''
if sys.version_info >= (3, 13):
    import _interpreters
    own = _interpreters.create(kind)
    print(_interpreters.exec(own, code))
else:
    import _xxsubinterpreters as _interpreters
    own = _interpreters.create(isolated=kind == "isolated")
    print(_interpreters.run_string(own, code))
_interpreters.destroy(own)
print(checksig.verify(folder, check=False).verified)
"""


@pytest.mark.library
@cpython
@pytest.mark.parametrize("used", ["used", "unused"])
@pytest.mark.parametrize("kind", ["legacy", "isolated"])
def test_a_subinterpreter(httpd: Path, python: Callable[..., str], kind: str, used: str) -> None:
    """A sub-interpreter gets a result or, where cffi refuses it, an EngineError.

    The main interpreter works as before, whether or not it called first.
    """
    if kind == "isolated" and sys.version_info[:2] == (3, 12):
        pytest.skip("in 3.12.1, 'import asyncio' in an isolated interpreter is enough to abort")
    inner, outcome, after = python(INTERPRETERS, kind, used, httpd).splitlines()
    assert inner in ({"verified 9"} if kind == "legacy" else {"verified 9", "error True"})
    assert (outcome, after) == ("None", "9")


@pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters is new in 3.14")
@cpython
def test_concurrent_interpreters(httpd: Path, python: Callable[..., str]) -> None:
    """concurrent.interpreters gets a result or a clear error."""
    program = """
import sys
import checksig
from concurrent import interpreters
def call(folder):
    import checksig
    try:
        return checksig.verify(folder, check=False).verified
    except checksig.EngineError as error:
        return "cannot be loaded" in str(error)
own = interpreters.create()
print(own.call(call, sys.argv[1]) in (9, True), checksig.verify(sys.argv[1], check=False).verified)
"""
    assert python(program, httpd) == "True 9\n"


@pytest.mark.skipif(
    sys.platform != "linux" or sys.version_info >= (3, 14), reason="gevent has no wheel for it"
)
@cpython
@pytest.mark.needs("module gevent")
@pytest.mark.parametrize(
    "call", ["verify(huge, cancel=token)", "list(iter_verify(huge, cancel=token))"]
)
@pytest.mark.usefixtures("engine")
def test_greenlets_keep_running(
    huge: Path, tree: Callable[..., Path], python: Callable[..., str], call: str
) -> None:
    """Under gevent, greenlets run during a verification, and one can cancel it."""
    program = f"""
from gevent import monkey
monkey.patch_all()
import gevent, sys
from checksig import CancelToken, CancelledError, iter_verify, verify
huge, small = sys.argv[1:]
token, ticks = CancelToken(), 0
def tick():
    global ticks
    while ticks < 100:
        gevent.sleep(0.001)
        ticks += 1
    token.cancel()
ticker = gevent.spawn(tick)
try:
    {call}
except CancelledError:
    print(ticks)
jobs = [gevent.spawn(verify, small) for _ in range(20)]
gevent.joinall(jobs, timeout=60, raise_error=True)
print({{job.value.verified for job in jobs}})
killed = gevent.spawn(verify, huge)
gevent.sleep(0.1)
killed.kill(timeout=30)
print(killed.dead, isinstance(killed.value, gevent.GreenletExit))
"""
    small = tree({"a": b"a"})
    assert python(program, huge, small) == "100\n{1}\nTrue True\n"


@pytest.mark.usefixtures("engine")
def test_a_mocked_sleep_is_not_called(httpd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replaced time.sleep is not called, unless gevent or eventlet replaced it."""
    monkeypatch.setattr("time.sleep", None)
    assert verify(httpd, check=False).verified == 9


OTHER = """
package main

import "C"

import "sync"

//export sum_in_goroutines
func sum_in_goroutines(n C.long) C.long {
	var group sync.WaitGroup
	parts := make(chan C.long, int(n))
	for i := C.long(1); i <= n; i++ {
		group.Add(1)
		go func() { defer group.Done(); parts <- i }()
	}
	group.Wait()
	close(parts)
	var sum C.long
	for part := range parts {
		sum += part
	}
	return sum
}

func main() {}
"""


@linux
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.xdist_group("go")
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_another_go_library(
    folders: list[Path],
    go_library: Callable[..., Path],
    python: Callable[..., str],
    tmp_path: Path,
    first: str,
) -> None:
    """Two Go runtimes, loaded in either order, work from 32 threads at once."""
    source = tmp_path / "other"
    source.mkdir()
    (source / "go.mod").write_text("module other\n\ngo 1.25\n")
    (source / "other.go").write_text(OTHER)
    program = """
import ctypes, sys
from concurrent.futures import ThreadPoolExecutor
import checksig
library, folder, first = sys.argv[1:]
if first == "ours":
    checksig.verify(f"{folder}/1")
other = ctypes.CDLL(library)
other.sum_in_goroutines.argtypes = [ctypes.c_long]
other.sum_in_goroutines.restype = ctypes.c_long
def work(n):
    return [(checksig.verify(f"{folder}/{n}", check=False).entries, other.sum_in_goroutines(n))
            for _ in range(20)]
with ThreadPoolExecutor(32) as pool:
    print(list(pool.map(work, range(64))) == [[(n + 1, n * (n + 1) // 2)] * 20 for n in range(64)])
"""
    assert python(program, go_library(source), folders[0].parent, first) == "True\n"


def test_averify_with_a_timeout(huge: Path, tree: Callable[..., Path]) -> None:
    """asyncio.wait_for stops the engine; the loop and later calls work."""
    small = tree({"a": b"a"})

    async def main() -> int:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(averify(huge), 0.3)
        return (await averify(small)).verified

    assert asyncio.run(asyncio.wait_for(main(), 60)) == 1


def test_averify_among_failures(folders: list[Path], huge: Path) -> None:
    """One that fails or is cancelled does not affect the others."""

    async def main() -> list[object]:
        stopped = asyncio.ensure_future(averify(huge))
        others = [averify(folder) for folder in folders[:4]]
        asyncio.get_running_loop().call_later(0.2, stopped.cancel)
        found = await asyncio.gather(stopped, *others, return_exceptions=True)
        return [type(f) if isinstance(f, BaseException) else f.verified for f in found]

    found = asyncio.run(asyncio.wait_for(main(), 60))
    error = checksig.VerificationError
    assert found == [asyncio.CancelledError, error, 2, 3, error]


def test_averify_in_two_event_loops(folders: list[Path]) -> None:
    """Event loops in several threads each get their results."""

    def work(n: int) -> int:
        return asyncio.run(averify(folders[n], check=False)).entries

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == list(range(1, 9))


def test_debug_mode_sees_no_slow_callback(huge: Path, python: Callable[..., str]) -> None:
    """In asyncio's debug mode, no step of a verification blocks the loop."""
    program = """
import asyncio, logging, sys
from checksig import averify
logging.basicConfig(stream=sys.stdout, format="%(message)s")
async def main():
    asyncio.get_running_loop().slow_callback_duration = 10  # far less than the minute of hashing
    task = asyncio.create_task(averify(sys.argv[1], progress=lambda p: None))
    await asyncio.sleep(0.5)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled")
asyncio.run(main(), debug=True)
"""
    assert python(program, huge) == "cancelled\n"
