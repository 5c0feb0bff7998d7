"""Verify a manifest in Python, and print counts and times as JSON.

The start of the interpreter is not measured, that of the engine is. With the word "warm" in front,
the work is done twice, and measured the second time.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 256 << 10

Counts = tuple[int, int]
"""The number of verified files, and of their bytes."""


def with_checksig(manifest: str, workers: str, keep: str = "keep") -> Callable[[], Counts]:
    """Call verify(); 0 workers stands for its default."""
    from checksig import verify

    def work() -> Counts:
        report = verify(
            manifest, check=False, workers=int(workers) or None, keep_verified=keep == "keep"
        )
        return report.verified if report.ok else 0, report.bytes_read

    return work


def with_iterator(manifest: str, workers: str) -> Callable[[], Counts]:
    """Call iter_verify(), and use every result."""
    from checksig import Result, iter_verify

    def work() -> Counts:
        verified = size = 0
        for result in iter_verify(manifest, workers=int(workers) or None):
            verified += result.ok
            size += result.size if isinstance(result, Result) else 0
        return verified, size

    return work


def with_tree(folder: str, kind: str) -> Callable[[], Counts]:
    """Search a tree for manifests, or for files that its first manifest does not list."""
    from checksig import verify

    def work() -> Counts:
        if kind == "recursive":
            report = verify(folder, recursive=True, check=False)
        else:
            report = verify(folder, extra="report", check=False)
        return report.verified + report.extra if report.ok else 0, report.bytes_read

    return work


def with_hashlib(manifest: str, algorithm: str, threads: str) -> Callable[[], Counts]:
    """Use hashlib, in one thread or in a pool of threads."""
    own = threading.local()

    def verify(line: str) -> int | None:
        """Return the file's size, or None if the digest differs."""
        digest, _, name = line.rstrip("\n").partition("  ")
        if not hasattr(own, "buffer"):
            own.buffer = memoryview(bytearray(CHUNK))
        hasher, size = hashlib.new(algorithm), 0
        with open(os.path.join(os.path.dirname(manifest), name), "rb", buffering=0) as file:
            while count := file.readinto(own.buffer):
                hasher.update(own.buffer[:count])
                size += count
        return size if hmac.compare_digest(hasher.hexdigest(), digest) else None

    def work() -> Counts:
        with open(manifest) as lines:
            if threads == "1":
                found = list(map(verify, lines))
            else:
                with ThreadPoolExecutor(int(threads)) as pool:
                    found = list(pool.map(verify, lines))
        good = [size for size in found if size is not None]
        return len(good), sum(good)

    return work


def main() -> None:
    """Do the work that the arguments name."""
    kinds: dict[str, Callable[..., Callable[[], Counts]]] = {
        "checksig": with_checksig,
        "iterator": with_iterator,
        "hashlib": with_hashlib,
        "tree": with_tree,
    }
    words = sys.argv[1:]
    warm = words[0] == "warm"
    work = kinds[words[warm]](*words[warm + 1 :])
    if warm:
        work()
    began, cpu = time.perf_counter(), time.process_time()
    files, size = work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"files": files, "bytes": size, "seconds": seconds, "cpu": cpu}))


if __name__ == "__main__":
    main()
