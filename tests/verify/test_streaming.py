"""iter_verify, averify and CancelToken: streamed results, and work that can be stopped."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

import checksig
from checksig import BadLine, CancelToken, Result, averify, iter_verify, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("engine")


def test_iter_verify_yields_what_verify_finds(tree: Callable[..., Path]) -> None:
    """Every entry and bad line comes once, as in the report."""
    folder = tree({f"f{i}": b"%d" % i for i in range(100)})
    (folder / "f7").write_bytes(b"changed")
    (folder / "f9").unlink()
    with (folder / "SHA256SUMS").open("ab") as manifest:
        manifest.write(b"garbage\n")
    report = verify(folder, check=False)
    items = list(iter_verify(folder))
    bad = [item for item in items if isinstance(item, BadLine)]
    results = [item for item in items if isinstance(item, Result)]
    assert tuple(sorted(results, key=lambda r: r.line)) == report.results
    assert tuple(bad) == report.bad_lines
    assert not bad[0].ok
    assert sum(item.ok for item in items) == report.verified == 98


def test_iter_verify_raises_what_verify_raises(tmp_path: Path) -> None:
    """The call checks arguments; other errors come with the first item."""
    with pytest.raises(ValueError, match="null byte"):
        iter_verify("a\0b")
    with pytest.raises(ValueError, match="workers"):
        iter_verify(tmp_path, workers=0)
    with pytest.raises(checksig.ManifestNotFoundError):
        next(iter_verify(tmp_path))
    with pytest.raises(FileNotFoundError):
        next(iter_verify(tmp_path / "none"))


def test_iter_verify_of_an_empty_manifest_is_not_ok(tree: Callable[..., Path]) -> None:
    """An empty manifest yields an item that is not ok."""
    items = list(iter_verify(tree({})))
    assert [item.ok for item in items] == [False]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_iter_verify_stops_when_it_is_closed(
    tree: Callable[..., Path], python: Callable[..., str]
) -> None:
    """Leaving early stops the engine, and no file stays open."""
    folder = tree({f"{i}": b"x" for i in range(200)})
    with (folder / "9").open("wb") as file:
        file.truncate(40 << 30)
    program = """
import os, sys, time
from checksig import iter_verify
results = iter_verify(sys.argv[1], workers=2)
for result in results:
    break
if sys.implementation.name == "cpython":
    del results  # CPython closes it at once, others at garbage collection
else:
    results.close()
before = sum(os.times()[:2])
time.sleep(1)
used = sum(os.times()[:2]) - before
print(used < 0.3, any(os.readlink(f"/proc/self/fd/{n}").startswith(sys.argv[1])
    for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")))
"""
    assert python(program, folder, timeout=60) == "True False\n"


def test_a_slow_reader_makes_the_engine_wait(tree: Callable[..., Path]) -> None:
    """If nobody takes results, the engine stops: the last file is read when it is its turn."""
    folder = tree({"a": b"a", "last": b"a"})
    a, last = (folder / "SHA256SUMS").read_bytes().splitlines(keepends=True)
    (folder / "SHA256SUMS").write_bytes(a * 300_000 + last)
    results = iter_verify(folder)
    assert next(results).ok
    time.sleep(3)  # an engine that does not wait reads everything meanwhile
    (folder / "last").write_bytes(b"b")
    failures = [item for item in results if not item.ok]
    assert [item.name for item in failures if isinstance(item, Result)] == ["last"]
    assert len(failures) == 1


def test_a_token_stops_a_verification_from_another_thread(huge: Path) -> None:
    """A cancel from another thread ends verify within a huge file."""
    token = CancelToken()
    started = threading.Event()

    def stop() -> None:
        started.wait(60)
        token.cancel()

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(checksig.CancelledError):
        verify(huge, cancel=token, progress=lambda p: started.set() if p.bytes_read else None)
    thread.join(60)
    assert token.cancelled
    for call in (lambda: verify(huge, cancel=token), lambda: next(iter_verify(huge, cancel=token))):
        with pytest.raises(checksig.CancelledError):
            call()


def test_averify_gives_the_report(httpd: Path) -> None:
    """It returns and raises the same as verify."""
    report = asyncio.run(averify(httpd, check=False))
    assert report.results == verify(httpd, check=False).results
    with pytest.raises(checksig.VerificationError):
        asyncio.run(averify(httpd))
    with pytest.raises(FileNotFoundError):
        asyncio.run(averify(httpd / "none"))


def test_averify_leaves_the_loop_free(huge: Path) -> None:
    """The loop keeps running, progress comes in its thread, cancelling stops the engine."""

    async def main() -> tuple[int, int, set[int]]:
        ticks = 0
        threads: set[int] = set()
        seen: list[int] = []

        def progress(p: checksig.Progress) -> None:
            threads.add(threading.get_ident())
            seen.append(p.bytes_read)

        task = asyncio.create_task(averify(huge, progress=progress))
        while len(seen) < 5:
            await asyncio.sleep(0.01)
            ticks += 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        at = len(seen)
        await asyncio.sleep(0.3)
        return ticks, len(seen) - at, threads

    ticks, after, threads = asyncio.run(asyncio.wait_for(main(), 60))
    assert ticks > 1
    assert after <= 1
    assert threads == {threading.get_ident()}


def test_averify_callback_that_raises(huge: Path) -> None:
    """An exception in the callback stops the engine and is raised."""

    def stop(progress: checksig.Progress) -> None:
        if progress.bytes_read:
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        asyncio.run(asyncio.wait_for(averify(huge, progress=stop), 60))


def test_many_averify_at_once(httpd: Path) -> None:
    """Fifty concurrent calls all get their reports."""

    async def main() -> list[checksig.Report]:
        return await asyncio.gather(*(averify(httpd, check=False) for _ in range(50)))

    assert [(r.verified, r.mismatched) for r in asyncio.run(main())] == [(9, 1)] * 50


def test_totals_are_known_after_half_a_second(huge: Path) -> None:
    """A longer verification reports how much there is to do."""
    token = CancelToken()
    totals: list[tuple[int, int]] = []

    def progress(p: checksig.Progress) -> None:
        if p.total_files is not None and p.total_bytes is not None:
            totals.append((p.total_files, p.total_bytes))
            token.cancel()

    end = time.monotonic() + 60
    with pytest.raises(checksig.CancelledError):
        verify(huge, progress=progress, cancel=token)
    assert totals[0] == (1, 40 << 30)
    assert time.monotonic() < end


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("kind", [StopIteration, GeneratorExit, StopAsyncIteration, KeyError])
def test_the_exception_of_a_callback(httpd: Path, tmp_path: Path, kind: type[Exception]) -> None:
    """It leaves each call unchanged; only from a generator or coroutine, PEP 479 changes one."""

    def stop(_: object) -> None:
        raise kind("of the callback")

    with pytest.raises(kind, match="of the callback"):
        verify(httpd, check=False, progress=stop)
    with pytest.raises(kind, match="of the callback"):
        checksig.create(httpd, output=tmp_path / "sums", progress=stop)
    expected = RuntimeError if kind is StopIteration else kind
    with pytest.raises(expected) as caught:
        list(iter_verify(httpd, progress=stop))
    assert isinstance(caught.value, kind) or isinstance(caught.value.__cause__, kind)
    with pytest.raises(expected) as caught:
        asyncio.run(averify(httpd, check=False, progress=stop))
    assert isinstance(caught.value, kind) or isinstance(caught.value.__cause__, kind)
