#!/usr/bin/env python3
"""Use checksig in every way at once, for as long as wanted, and check every answer.

Run it with the Python that checksig is installed for: `python tools/soak.py --minutes 30`.
It prints one line in the end, and exits with 1 at the first answer that is not as expected.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
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
    from collections.abc import Callable, Iterator

FILES = 60
THREADS = 16
PATIENCE = 60.0
GROWTH_KB = 32 << 10
"""How far memory may grow after the first tenth of the time."""


class DeviationError(Exception):
    """An answer is not as expected."""


class Corpus:
    """A folder whose files change, and what a verification of it must find."""

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.folder = folder
        self.dice = dice
        self.content: dict[str, bytes] = {}
        self.state: dict[str, str] = {}
        folder.mkdir()
        lines: list[bytes] = []
        for i in range(FILES):
            name = dice.choice(["plain", "with space", "ünïcode", "deep/er/"]) + str(i)
            content = dice.randbytes(dice.choice([0, 1, 100, 10_000, 300_000]))
            self.content[name] = content
            lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode())
            self.restore(name)
        (folder / "SHA256SUMS").write_bytes(b"".join(lines))

    def restore(self, name: str) -> None:
        """Make the file as it is listed."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            path.rmdir()
        path.write_bytes(self.content[name])
        self.state[name] = "verified"

    def mutate(self) -> None:
        """Change, remove or restore a file, or put a folder in its place."""
        name = self.dice.choice(list(self.content))
        path = self.folder / name
        self.restore(name)
        match self.dice.randrange(5):
            case 0:
                path.write_bytes(self.content[name] + b"!")
                self.state[name] = "mismatched"
            case 1:
                path.unlink()
                self.state[name] = "missing"
            case 2:
                path.unlink()
                path.mkdir()
                self.state[name] = "unreadable"
            case _:
                pass

    def check(self, found: dict[str, str]) -> None:
        """Compare what became of every entry with what must have become of it."""
        if found != self.state:
            wrong = {
                name: (found.get(name), self.state.get(name))
                for name in found.keys() | self.state.keys()
                if found.get(name) != self.state.get(name)
            }
            raise DeviationError(f"found and expected differ: {wrong}")

    def check_report(self, report: checksig.Report) -> None:
        """Compare a report; its counts and its truth as well."""
        self.check({result.name: str(result.status.value) for result in report.results})
        counts = Counter(self.state.values())
        expect(
            [report.verified, report.mismatched, report.missing, report.unreadable, report.ok],
            [
                *(counts[s] for s in ("verified", "mismatched", "missing", "unreadable")),
                counts["verified"] == FILES,
            ],
        )


def expect(found: object, expected: object) -> None:
    """Raise unless what was found is what was expected."""
    if found != expected:
        raise DeviationError(f"found {found!r}, expected {expected!r}")


class Soak:
    """The ways in which checksig is used."""

    def __init__(self, root: Path, dice: random.Random) -> None:
        self.dice = dice
        self.corpora = [Corpus(root / f"corpus{i}", dice) for i in range(4)]
        self.huge = root / "huge"
        self.huge.mkdir()
        with (self.huge / "huge").open("wb") as file:
            file.truncate(40 << 30)
        (self.huge / "SHA256SUMS").write_text(f"{'0' * 64}  huge\n")
        self.bad = root / "bad"
        self.bad.mkdir()
        (self.bad / "a").write_bytes(b"a")

    def corpus(self) -> Corpus:
        """Choose a folder."""
        return self.dice.choice(self.corpora)

    def workers(self) -> int | None:
        """Choose how many files are read at once."""
        return self.dice.choice([None, 1, 2, 7])

    def verify(self) -> None:
        """Verify a folder, with some number of workers."""
        corpus = self.corpus()
        corpus.check_report(checksig.verify(corpus.folder, check=False, workers=self.workers()))

    def mutate_and_verify(self) -> None:
        """Change a file, and verify by the manifest's name."""
        corpus = self.corpus()
        corpus.mutate()
        try:
            report = checksig.verify(corpus.folder / "SHA256SUMS")
        except checksig.VerificationError as error:
            report = error.report
            expect(report.ok, False)
        corpus.check_report(report)

    def iter_verify(self) -> None:
        """Take the results one by one."""
        corpus = self.corpus()
        items = [
            item
            for item in checksig.iter_verify(corpus.folder, workers=self.workers())
            if isinstance(item, checksig.Result)
        ]
        corpus.check({item.name: str(item.status.value) for item in items})

    def leave_early(self) -> None:
        """Take some results, and close the generator."""
        results = checksig.iter_verify(self.corpus().folder)
        for _ in range(self.dice.randrange(1, 4)):
            next(results)
        results.close()

    def averify(self) -> None:
        """Verify several at once under asyncio, and cancel one."""

        async def main() -> None:
            corpora = [self.corpus() for _ in range(5)]
            calls = [checksig.averify(corpus.folder, check=False) for corpus in corpora]
            for corpus, report in zip(corpora, await asyncio.gather(*calls), strict=True):
                corpus.check_report(report)
            stopped = asyncio.ensure_future(checksig.averify(self.huge))
            await asyncio.sleep(self.dice.random() / 20)
            stopped.cancel()
            done = await asyncio.gather(stopped, return_exceptions=True)
            expect(type(done[0]), asyncio.CancelledError)

        asyncio.run(asyncio.wait_for(main(), PATIENCE))

    def cancel(self) -> None:
        """Cancel from another thread, within a file of 40 GB."""
        token = checksig.CancelToken()
        timer = threading.Timer(self.dice.random() / 10, token.cancel)
        timer.start()
        try:
            checksig.verify(self.huge, cancel=token)
        except checksig.CancelledError:
            return
        finally:
            timer.join()
        raise DeviationError("a verification of 40 GB ended before it was cancelled")

    def threads(self) -> None:
        """Verify from many threads at once."""
        chosen = [self.corpus() for _ in range(THREADS)]
        with ThreadPoolExecutor(THREADS) as pool:
            reports = pool.map(lambda c: checksig.verify(c.folder, check=False), chosen)
            for corpus, report in zip(chosen, reports, strict=True):
                corpus.check_report(report)

    def fork(self) -> None:
        """A child gets the right answer, and never hangs."""
        if not hasattr(os, "fork"):
            return
        corpus = self.corpus()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # about threads: that is the point
            child = os.fork()
        if child == 0:
            code = 1
            with contextlib.suppress(BaseException):
                corpus.check_report(checksig.verify(corpus.folder, check=False))
                code = 0
            os._exit(code)
        deadline = time.monotonic() + PATIENCE
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                expect(os.waitstatus_to_exitcode(status), 0)
                return
            if time.monotonic() > deadline:
                os.kill(child, 9)
                os.waitpid(child, 0)
                raise DeviationError("the child of a fork hangs")
            time.sleep(0.002)

    def bad_manifest(self) -> None:
        """Garbage is never taken for success, whatever stands around it."""
        good = f"{hashlib.sha256(b'a').hexdigest()}  a\n".encode()
        noise = self.dice.randbytes(self.dice.randrange(200)).replace(b"\n", b"")
        garbage = [b"?" + noise + b"\n"]  # not a comment, and not empty
        lines = [good] * self.dice.randrange(3) + garbage
        self.dice.shuffle(lines)
        (self.bad / "SHA256SUMS").write_bytes(b"".join(lines))
        report = checksig.verify(self.bad, check=False)
        expect(report.ok, False)
        try:
            checksig.check_signatures(self.bad)
        except ValueError:
            return
        raise DeviationError("check_signatures took garbage for success")

    def nothing(self) -> None:
        """What is not there is the system's error."""
        try:
            checksig.verify(self.bad / "none")
        except FileNotFoundError:
            return
        raise DeviationError("a folder that is not there was verified")

    def ways(self) -> list[Callable[[], None]]:
        """List what is chosen from, each as often as it should come."""
        often = [self.verify, self.mutate_and_verify, self.iter_verify, self.bad_manifest]
        seldom = [self.leave_early, self.averify, self.cancel, self.threads, self.fork]
        return [*often * 5, *seldom, self.nothing]


@contextlib.contextmanager
def watchdog() -> Iterator[Callable[[], None]]:
    """Give what to call after every step; if it is not called in time the process ends."""
    import faulthandler

    def alive() -> None:
        faulthandler.dump_traceback_later(2 * PATIENCE, exit=True)

    alive()
    try:
        yield alive
    finally:
        faulthandler.cancel_dump_traceback_later()


def goroutines(library: str | None) -> dict[str, int]:
    """How many goroutines there are, if the library was built with what counts them."""
    import ctypes

    loaded = ctypes.CDLL(library) if library else None
    if hasattr(loaded, "checksig_goroutines"):
        return {"goroutines": int(loaded.checksig_goroutines())}
    return {}


def usage(library: str | None) -> dict[str, int]:
    """What this process uses, where the system tells."""
    gc.collect()
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return {
            "rss_kb": pages * os.sysconf("SC_PAGE_SIZE") // 1024,
            "descriptors": len(os.listdir("/proc/self/fd")),
            "threads": len(os.listdir("/proc/self/task")),
            **goroutines(library),
        }
    except OSError:
        return {}


def settled(library: str | None, start: dict[str, int]) -> dict[str, int]:
    """What is used once that which was cancelled has ended."""
    deadline = time.monotonic() + 10
    while True:
        now = usage(library)
        left = any(now.get(key, 0) > start.get(key, 0) for key in ("descriptors", "goroutines"))
        if not left or time.monotonic() > deadline:
            return now
        time.sleep(0.1)


def main() -> int:
    """Run until the time is over."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--library", help="another library than the installed one")
    options = parser.parse_args()
    if options.library:
        from checksig import _engine

        _engine._library_path = lambda: Path(options.library)  # noqa: SLF001
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    dice = random.Random(seed)
    counts: Counter[str] = Counter()
    begun = time.monotonic()
    end = begun + options.minutes * 60
    start: dict[str, int] = {}
    problem = ""
    with tempfile.TemporaryDirectory() as folder, watchdog() as alive:
        soak = Soak(Path(folder), dice)
        ways = soak.ways()
        while time.monotonic() < end and not problem:
            way = dice.choice(ways)
            try:
                way()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a deviation
                problem = f"{way.__name__}: {type(error).__name__}: {error}"
            counts[way.__name__] += 1
            alive()
            if not start and time.monotonic() - begun > options.minutes * 6:
                start = settled(options.library, {})  # a tenth of the time has passed: all is warm
        now = settled(options.library, start)
    if start:
        if now["rss_kb"] - start["rss_kb"] > GROWTH_KB:
            problem = problem or "memory grew"
        for key in ("descriptors", "goroutines"):
            if now.get(key, 0) > start.get(key, 0):
                problem = problem or f"{key} are left"
    used = ", ".join(f"{key} {start.get(key)} -> {value}" for key, value in now.items())
    ran = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    print(
        f"soak {'FAILED: ' + problem if problem else 'ok'}: {sum(counts.values())} steps in "
        f"{time.monotonic() - begun:.0f} s (seed {seed}; {ran}); {used}"
    )
    return int(bool(problem))


if __name__ == "__main__":
    sys.exit(main())
