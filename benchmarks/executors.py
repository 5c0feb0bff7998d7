"""Measure executors: how verify() scales over processes, and what their caller needs.

``executors.py FOLDER [--files N] [--entries N] [--rounds N]`` needs nothing but checksig, and
prints JSON: the seconds of one process with as many workers as there are CPUs, of an executor with
1, 2 and 4 processes, and of as many processes that each verify a part without an executor, in turn;
then the peak memory and the time of the calling process for N entries. A substitute answers their
shards at once, as few disks have so many files.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import multiprocessing
import resource
import struct
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measure

import checksig

if TYPE_CHECKING:
    from collections.abc import Callable

PROCESSES = (1, 2, 4)
MIB = 1 << 20
EMPTY = hashlib.sha256(b"")


class Substitute(Executor):
    """Answers each shard as if all its files were empty."""

    _max_workers = 64

    def submit(self, function: Any, /, *arguments: Any, **_: Any) -> Future[bytes]:
        """Return a future that is done."""
        del function
        count = sum(field.startswith(b"name=") for field in arguments[0].split(b"\0"))
        found: list[bytes] = []
        for number in range(count):
            payload = struct.pack("<I3x40xB", number, 1)  # its size, times and bytes read are 0
            payload += bytes([EMPTY.digest_size]) + EMPTY.digest()
            found.append(struct.pack("<cI", b"O", len(payload)) + payload)
        future: Future[bytes] = Future()
        future.set_result(b"".join(found))
        return future


def timed(work: Callable[[], bool]) -> float:
    """Return the seconds of a verification, which must be one."""
    began = time.perf_counter()
    verified = work()
    seconds = time.perf_counter() - began
    if not verified:
        sys.exit("executors.py: not verified")
    return seconds


def is_verified(path: Path, **options: Any) -> bool:
    """Verify *path*."""
    return checksig.verify(path, **options).ok


def are_verified(pool: Executor, folder: Path, manifests: list[Path]) -> bool:
    """Have each process verify a manifest, one file at a time, as a shard is."""
    verify = functools.partial(is_verified, root=folder, workers=1)
    return all(list(pool.map(verify, manifests)))


def scaling(folder: Path, files: int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each number of processes."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        (folder / f"{number}").write_bytes(number.to_bytes(4, "little") * (MIB // 4))
    checksig.create(folder, overwrite=True)
    lines = (folder / "SHA256SUMS").read_text("ascii").splitlines(keepends=True)
    parts = folder.with_name("parts")
    parts.mkdir(exist_ok=True)
    context = multiprocessing.get_context("spawn")
    pools = {count: ProcessPoolExecutor(count, context) for count in PROCESSES}
    tasks = {"here": functools.partial(timed, functools.partial(is_verified, folder))}
    for count, pool in pools.items():
        verify = functools.partial(is_verified, folder, executor=pool)
        verify()  # starts the processes
        tasks[f"{count} processes"] = functools.partial(timed, verify)
        manifests = [parts / f"{count}-{number}.sha256" for number in range(count)]
        for number, manifest in enumerate(manifests):
            manifest.write_text("".join(lines[number::count]), "ascii")
        verify = functools.partial(are_verified, pool, folder, manifests)
        tasks[f"{count} parts"] = functools.partial(timed, verify)
    found = measure.alternate(tasks, rounds)
    for pool in pools.values():
        pool.shutdown()
    return found


def coordinator(manifest: Path) -> dict[str, float]:
    """Return the peak bytes and the seconds of this process for a manifest."""
    seconds = timed(lambda: is_verified(manifest, keep_verified=False, executor=Substitute()))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "bytes": usage.ru_maxrss * unit,
        "seconds": seconds,
        "cpu": usage.ru_utime + usage.ru_stime,
    }


def main() -> None:
    """Measure, and print the numbers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=1_000, help="files of 1 MiB")
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(coordinator(options.only)))
        return
    results: dict[str, Any] = {
        "scaling": scaling(options.folder / "files", options.files, options.rounds)
    }
    manifest = options.folder / "SHA256SUMS"
    with manifest.open("w", encoding="ascii") as file:
        file.writelines(f"{EMPTY.hexdigest()}  {n // 1000}/{n}\n" for n in range(options.entries))
    # In a process of its own, whose peak is that of nothing else.
    command = [sys.executable, __file__, str(options.folder), "--only", str(manifest)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    results["coordinator"] = {"entries": options.entries, **json.loads(printed)}
    manifest.unlink()
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
