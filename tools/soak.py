#!/usr/bin/env python3
"""Use checksig in all ways at random, and check every result: python tools/soak.py --minutes 30.

For what only shows over time: descriptors or memory that leak, a fork or a cancellation that hangs.
Prints one line at the end; exits with 1 at the first wrong result.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import faulthandler
import gc
import hashlib
import os
import random
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import checksig

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = 60
THREADS = 16
TIMEOUT = 60.0  # seconds for one step
GROWTH_KB = 32 << 10  # allowed growth of memory after the first tenth of the time


class WrongResultError(Exception):
    """A result is not as expected."""


def expect(found: object, expected: object) -> None:
    """Raise unless both are equal."""
    if found != expected:
        raise WrongResultError(f"found {found!r}, expected {expected!r}")


class Corpus:
    """A folder whose files change, and the result that a verification must have."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder = folder
        self.rng = rng
        self.content: dict[str, bytes] = {}
        self.state: dict[str, str] = {}
        folder.mkdir()
        lines: list[bytes] = []
        for i in range(FILES):
            name = rng.choice(["plain", "with space", "ünïcode", "deep/er/"]) + str(i)
            content = rng.randbytes(rng.choice([0, 1, 100, 10_000, 300_000]))
            self.content[name] = content
            lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode())
            self.restore(name)
        (folder / "SHA256SUMS").write_bytes(b"".join(lines))

    def restore(self, name: str) -> None:
        """Write the file as the manifest lists it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            path.rmdir()
        path.write_bytes(self.content[name])
        self.state[name] = "verified"

    def mutate(self) -> None:
        """Change, remove or restore a file, or replace it by a folder."""
        name = self.rng.choice(list(self.content))
        path = self.folder / name
        self.restore(name)
        change = self.rng.randrange(5)
        if change == 0:
            path.write_bytes(self.content[name] + b"!")
        elif change in {1, 2}:
            path.unlink()
        if change == 2:
            path.mkdir()
        self.state[name] = ["mismatched", "missing", "unreadable", *["verified"] * 2][change]

    def check(self, results: list[checksig.Result]) -> None:
        """Compare the status of every entry."""
        expect({result.name: str(result.status.value) for result in results}, self.state)

    def check_report(self, report: checksig.Report) -> None:
        """Compare a report: results, counts and ok."""
        self.check(report.results)
        for status in ("verified", "mismatched", "missing", "unreadable"):
            expect(getattr(report, status), list(self.state.values()).count(status))
        expect(report.ok, report.verified == FILES)


class Soak:
    """The ways of using checksig."""

    def __init__(self, root: Path, rng: random.Random) -> None:
        self.rng = rng
        self.corpora = [Corpus(root / f"corpus{i}", rng) for i in range(4)]
        self.huge = root / "huge"
        self.huge.mkdir()
        (self.huge / "huge").touch()
        os.truncate(self.huge / "huge", 40 << 30)
        (self.huge / "SHA256SUMS").write_text(f"{'0' * 64}  huge\n")
        self.bad = root / "bad"
        self.bad.mkdir()
        (self.bad / "a").write_bytes(b"a")
        often = [self.verify, self.mutate_and_verify, self.iter_verify, self.bad_manifest]
        seldom = [self.leave_early, self.averify, self.cancel, self.threads, self.fork]
        self.ways: list[Callable[[], None]] = [*often * 5, *seldom, self.missing_folder]

    def corpus(self) -> Corpus:
        """Choose a folder."""
        return self.rng.choice(self.corpora)

    def workers(self) -> int | None:
        """Choose a number of workers."""
        return self.rng.choice([None, 1, 2, 7])

    def verify(self) -> None:
        """Verify a folder."""
        corpus = self.corpus()
        corpus.check_report(checksig.verify(corpus.folder, check=False, workers=self.workers()))

    def mutate_and_verify(self) -> None:
        """Change a file, and verify the manifest."""
        corpus = self.corpus()
        corpus.mutate()
        try:
            report = checksig.verify(corpus.folder / "SHA256SUMS")
        except checksig.VerificationError as error:
            report = error.report
            expect(report.ok, expected=False)
        corpus.check_report(report)

    def iter_verify(self) -> None:
        """Verify a folder, one result at a time."""
        corpus = self.corpus()
        items = checksig.iter_verify(corpus.folder, workers=self.workers())
        corpus.check([item for item in items if isinstance(item, checksig.Result)])

    def leave_early(self) -> None:
        """Take some results, and close the generator."""
        results = checksig.iter_verify(self.corpus().folder)
        for _ in range(self.rng.randrange(1, 4)):
            next(results)
        results.close()

    def averify(self) -> None:
        """Verify several folders under asyncio, and cancel one verification."""

        async def main() -> None:
            corpora = [self.corpus() for _ in range(5)]
            calls = [checksig.averify(corpus.folder, check=False) for corpus in corpora]
            for corpus, report in zip(corpora, await asyncio.gather(*calls), strict=True):
                corpus.check_report(report)
            stopped = asyncio.ensure_future(checksig.averify(self.huge))
            await asyncio.sleep(self.rng.random() / 20)
            stopped.cancel()
            done = await asyncio.gather(stopped, return_exceptions=True)
            expect(type(done[0]), asyncio.CancelledError)

        asyncio.run(asyncio.wait_for(main(), TIMEOUT))

    def cancel(self) -> None:
        """Cancel from another thread while a file of 40 GB is read."""
        token = checksig.CancelToken()
        timer = threading.Timer(self.rng.random() / 10, token.cancel)
        timer.start()
        try:
            checksig.verify(self.huge, cancel=token)
        except checksig.CancelledError:
            return
        finally:
            timer.join()
        raise WrongResultError("a verification of 40 GB ended before it was cancelled")

    def threads(self) -> None:
        """Verify from many threads at once."""
        chosen = [self.corpus() for _ in range(THREADS)]
        with ThreadPoolExecutor(THREADS) as pool:
            reports = pool.map(lambda c: checksig.verify(c.folder, check=False), chosen)
            for corpus, report in zip(chosen, reports, strict=True):
                corpus.check_report(report)

    def fork(self) -> None:
        """Verify in a forked child."""
        if not hasattr(os, "fork"):
            return
        corpus = self.corpus()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the point
            child = os.fork()
        if child == 0:
            code = 1
            with contextlib.suppress(BaseException):
                corpus.check_report(checksig.verify(corpus.folder, check=False))
                code = 0
            os._exit(code)
        deadline = time.monotonic() + TIMEOUT
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                expect(os.waitstatus_to_exitcode(status), 0)
                return
            if time.monotonic() > deadline:
                os.kill(child, 9)
                os.waitpid(child, 0)
                raise WrongResultError("the child of a fork hangs")
            time.sleep(0.002)

    def bad_manifest(self) -> None:
        """Verify a manifest with a garbage line, which must never succeed."""
        good = f"{hashlib.sha256(b'a').hexdigest()}  a\n".encode()
        noise = self.rng.randbytes(self.rng.randrange(200)).replace(b"\n", b"")
        lines = [good] * self.rng.randrange(3) + [b"?" + noise + b"\n"]  # neither comment nor empty
        self.rng.shuffle(lines)
        (self.bad / "SHA256SUMS").write_bytes(b"".join(lines))
        expect(checksig.verify(self.bad, check=False).ok, expected=False)
        try:
            checksig.check_signatures(self.bad)
        except ValueError:
            return
        raise WrongResultError("check_signatures accepted garbage")

    def missing_folder(self) -> None:
        """Verify a folder that does not exist."""
        with contextlib.suppress(FileNotFoundError):
            checksig.verify(self.bad / "none")
            raise WrongResultError("a missing folder was verified")


def usage(at_most: int = sys.maxsize) -> dict[str, int]:
    """Return what this process uses (on Linux), once it has at most so many descriptors.

    Waits up to 10 seconds, for verifications that were cancelled to end.
    """
    gc.collect()
    deadline = time.monotonic() + 10
    while (count := len(os.listdir("/proc/self/fd"))) > at_most and time.monotonic() < deadline:
        time.sleep(0.1)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {"rss_kb": pages * os.sysconf("SC_PAGE_SIZE") // 1024, "descriptors": count}


def main() -> int:
    """Run until the time is over or a result is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    rng = random.Random(options.seed)
    counts: Counter[str] = Counter()
    begin = time.monotonic()
    start: dict[str, int] = {}
    problem = ""
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), rng)
        while time.monotonic() < begin + options.minutes * 60 and not problem:
            way = rng.choice(soak.ways)
            faulthandler.dump_traceback_later(2 * TIMEOUT, exit=True)
            try:
                way()
            except Exception as error:  # noqa: BLE001 - any exception is a wrong result
                problem = f"{way.__name__}: {type(error).__name__}: {error}"
            faulthandler.cancel_dump_traceback_later()
            counts[way.__name__] += 1
            if not start and time.monotonic() - begin > options.minutes * 6:
                start = usage()
        end = usage(start.get("descriptors", 0))
    if start and end["rss_kb"] - start["rss_kb"] > GROWTH_KB:
        problem = problem or "memory grew"
    if start and end["descriptors"] > start["descriptors"]:
        problem = problem or "descriptors leaked"
    used = ", ".join(f"{key} {start.get(key)} -> {value}" for key, value in end.items())
    ran = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    print(
        f"soak {'FAILED: ' + problem if problem else 'ok'}: {counts.total()} steps in "
        f"{time.monotonic() - begin:.0f} s (seed {options.seed}; {ran}); {used}"
    )
    return int(bool(problem))


if __name__ == "__main__":
    sys.exit(main())
