"""Hundreds of thousands of calls leak nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import checksig

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.library,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.timeout(400),
]

LIBRARY = Path(checksig.__file__).with_name("libchecksig.so")
CALLS = 50_000  # in a round
ROUNDS = 5  # at most; the first that is flat is the last
FLAT = 512  # kB

# Growth of memory is that of a line through the samples of a round: the collector's ups and downs
# are larger than what a leak would leave. A busy machine makes Go start threads, which it keeps;
# a leak grows in every round, so the round that grew least counts.
PROGRAM = """
import ctypes, gc, os, sys, time
from checksig._ffi import ffi
library, good, bad, calls, rounds, goroutines = sys.argv[1:]
calls, rounds = int(calls), int(rounds)
lib = ffi.dlopen(library)
roots = [os.fsencode(good), os.fsencode(bad)]
requests = [b"op=verify\\0path=" + root for root in roots]
job, size = ffi.new("uintptr_t *"), ffi.new("size_t *")

def kb():
    gc.collect()  # on PyPy garbage waits for its collector
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024

def descriptors():
    return len(os.listdir("/proc/self/fd"))

def threads():
    return len(os.listdir("/proc/self/task"))

def running():  # goroutines, if the library counts them
    return ctypes.CDLL(library).checksig_goroutines() if goroutines else 0

def grown(samples):
    x = [i - (len(samples) - 1) / 2 for i in range(len(samples))]
    mean = sum(samples) / len(samples)
    return sum(i * (y - mean) for i, y in zip(x, samples)) / sum(i * i for i in x) * len(samples)

def verify(i):
    text = lib.verify(roots[i % 2])
    assert (text == ffi.NULL) == (i % 2 == 0)
    lib.free(text)

def finished():
    data = lib.checksig_wait(job[0], 1000, size)
    byte = ffi.buffer(data, size[0])[0]
    lib.free(data)
    return byte == b"\\1"

def jobs(i):
    request = requests[i % 2]
    lib.checksig_start(request, len(request), job)
    if i % 20 in (1, 2):  # cancelled at once: one of them waited for, one not
        lib.checksig_cancel(job[0])
    if i % 20 not in (2, 3):  # never waited for
        while not finished():
            pass
    lib.checksig_free(job[0])

def state():
    return [descriptors(), running()]

def settled(state_before):  # abandoned jobs end on their own
    deadline = time.monotonic() + 60
    while state() != state_before and time.monotonic() < deadline:
        time.sleep(0.01)
    return state()

each = {"verify": verify, "jobs": jobs}[KIND]
verify(0)
base = settled([descriptors(), running()])
for i in range(calls):
    each(i)
before, least = threads(), float("inf")
while rounds and least >= FLAT:
    rounds, samples = rounds - 1, []
    for i in range(calls):
        each(i)
        if i % (calls // 100) == 0:
            samples.append(kb())
    least = min(least, grown(samples))
left = [now - then for now, then in zip(settled(base), base)]
print(round(least), threads() - before, *left)
"""


@pytest.fixture
def folders(tree: Callable[..., Path]) -> tuple[Path, Path]:
    """Make a folder that verifies quickly, and one that fails."""
    good = tree({"a": b"a"})
    bad = good.with_name("bad")
    bad.mkdir()
    (bad / "SHA256SUMS").write_text(f"garbage\n{'0' * 64}  none\n")
    return good, bad


@pytest.mark.parametrize("kind", ["verify", "jobs"])
def test_calls_leak_nothing(
    folders: tuple[Path, Path], python: Callable[..., str], kind: str
) -> None:
    """Memory becomes flat, and no descriptor is left.

    A tenth of the jobs is cancelled at once, and a tenth never waited for. Go keeps every thread
    that it ever needed at the same time, more of them the busier the machine is. A leak would
    leave one for each call, or for each tenth or twentieth of them.
    """
    program = f"KIND, FLAT = {kind!r}, {FLAT}\n{PROGRAM}"
    out = python(program, LIBRARY, *folders, CALLS, ROUNDS, "", timeout=380)
    grown_kb, threads, descriptors, _ = map(int, out.split())
    assert grown_kb < FLAT
    assert threads < CALLS // 50
    assert descriptors == 0


@pytest.mark.parametrize("kind", ["verify", "jobs"])
def test_calls_leak_no_goroutine(
    tagged: Path, folders: tuple[Path, Path], python: Callable[..., str], kind: str
) -> None:
    """As many goroutines run as before; only a library built for tests counts them."""
    program = f"KIND, FLAT = {kind!r}, {FLAT}\n{PROGRAM}"
    out = python(program, tagged, *folders, 5_000, 1, "count", timeout=120)
    _, _, descriptors, goroutines = map(int, out.split())
    assert (descriptors, goroutines) == (0, 0)


THREADS = """
import gc, os, sys, threading
import checksig

def kb():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024

def often():
    for _ in range(40):
        checksig.verify(sys.argv[1], workers=7)

often()
before = kb()
threads = [threading.Thread(target=often) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(kb() - before)
"""


def test_many_threads_leave_little_memory(
    tree: Callable[..., Path], python: Callable[..., str]
) -> None:
    """The buffers of a hundred workers, 2 MB each for small files, are freed."""
    files = {str(i): bytes([i]) * 40_000 for i in range(250)}
    folder = tree(files, manifest="MD5SUMS", algorithm="md5")
    assert int(python(THREADS, folder)) < 112_000  # half of it: the C library keeps some
