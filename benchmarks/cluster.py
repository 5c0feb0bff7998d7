"""Simulate a cluster: what one calling process can keep busy, up to 1,000 nodes and 10^9 files.

``cluster.py FOLDER [--rate MB] [--jitter SHARE]`` needs nothing but checksig, and prints Markdown.
It measures the calling process of ``verify(executor=…)``, the real one, with manifests of several
lengths and numbers of slots, and fits a line to its processor time and one to its memory. An
executor that answers at once stands for the nodes; its own time is subtracted, and what it costs to
hand a shard to another process, and to take the outcome, is measured with a pool of processes.
Everything else is simulated: nodes that hash shards at a rate that varies, the order in which
shards are ready, and how many may be in flight. Not in the model: the network, a file system that
becomes slower with more nodes, and nodes that fail.
"""

from __future__ import annotations

import argparse
import heapq
import json
import multiprocessing
import random
import resource
import subprocess
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from executors import EMPTY, Substitute

import checksig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MIB = 1 << 20
MEASURED = [
    *((entries, slots) for entries in (250_000, 1_000_000) for slots in (4, 64, 1000)),
    (4_000_000, 64),
]
"""The lengths of manifests, and the slots of the executor."""
SIMULATED = [
    (nodes, files, size)
    for nodes, files in ((10, 10**6), (100, 10**7), (1000, 10**8), (1000, 10**9))
    for size in (1, 16, 128)
]
"""The nodes, the files, and the MiB of each."""
MOST_SIMULATED = 200_000
"""The most shards that are simulated; the rest takes as long as the second half of them did."""

# As in go/internal/hashpool/elsewhere.go.
MIN_SHARD, FEW_SHARDS, MAX_SHARD, LAST_SHARD = 32 * MIB, 256 * MIB, 4096 * MIB, 8 * MIB
GROWTH, LAST_GROWTH, PER_FILE = 4, 32, 16 << 10
MAX_WAITING, MAX_HELD, MIN_FILES, MAX_FILES = 64 << 10, 32 << 10, 16, 4096
ROW, MIN_ROW = 16, 32


class Costs(NamedTuple):
    """What the calling process needs."""

    per_entry: float
    per_shard: float
    handing: float
    """Seconds of processor time for each shard to reach another process, and return."""
    memory: float
    memory_per_entry: float


class Cluster(NamedTuple):
    """What is simulated."""

    nodes: int
    files: int
    size: int
    """The bytes of each file."""
    rate: float
    """The bytes that a node hashes in a second."""
    jitter: float
    """The share by which that varies from shard to shard."""

    def files_in_shard(self) -> int:
        """Return how many files a shard has at most."""
        most = min(max(MAX_WAITING // (2 * self.nodes + 1), MIN_FILES), MAX_FILES)
        return min(most, max(1, MAX_SHARD // (self.size + PER_FILE)))


class Timed(Substitute):
    """Counts the shards, and the processor time that it needs itself."""

    def __init__(self, slots: int) -> None:
        self._max_workers = slots
        self.shards = 0
        self.seconds = 0.0

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[bytes]:
        """Return a future that is done."""
        began = time.thread_time()
        future = super().submit(function, *arguments, **options)
        self.seconds += time.thread_time() - began
        self.shards += 1
        return future


def measure_one(manifest: Path, slots: int) -> dict[str, float]:
    """Return the shards, the processor time and the memory of this process for a manifest."""
    executor = Timed(slots)
    before = time.process_time()
    report = checksig.verify(manifest, keep_verified=False, executor=executor)
    seconds = time.process_time() - before
    if not report.ok:
        sys.exit(f"cluster.py: {report.summary()}")
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {"shards": executor.shards, "cpu": seconds - executor.seconds, "bytes": peak}


def measure_handing(shards: int = 500) -> float:
    """Return the processor time of this process for each shard that goes to another one."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(len, b"").result()
        before = time.process_time()
        for future in [pool.submit(bytes, 3000) for _ in range(shards)]:
            future.result()
        return (time.process_time() - before) / shards


def solve(rows: Sequence[Sequence[float]], values: Sequence[float]) -> list[float]:
    """Return the least squares solution, by Gauss's method for the normal equations."""
    size = len(rows[0])
    table = [
        [sum(row[i] * row[j] for row in rows) for j in range(size)]
        + [sum(row[i] * value for row, value in zip(rows, values, strict=True))]
        for i in range(size)
    ]
    for i in range(size):
        table[i] = [each / table[i][i] for each in table[i]]
        for j in range(size):
            if j != i:
                factor = table[j][i]
                table[j] = [a - factor * b for a, b in zip(table[j], table[i], strict=True)]
    return [row[-1] for row in table]


def fit(found: Sequence[tuple[int, dict[str, float]]], handing: float) -> Costs:
    """Fit the costs to measurements: processor time to entries and shards, memory to entries."""
    rows = [(1.0, float(entries), one["shards"]) for entries, one in found]
    _, per_entry, per_shard = solve(rows, [one["cpu"] for _, one in found])
    memory, each = solve([row[:2] for row in rows], [one["bytes"] for _, one in found])
    return Costs(per_entry, max(per_shard, 0), handing, memory, max(each, 0))


def plan(files: int, size: int, slots: int) -> Iterator[int]:
    """Yield how many files each shard has, by the rules of the planner."""
    in_flight = 2 * slots + 1
    most = min(max(MAX_WAITING // in_flight, MIN_FILES), MAX_FILES)
    weight = size + PER_FILE
    planned = 0
    sent = 0
    while files:
        held = min(files, MAX_HELD) * weight if sent >= in_flight else 0
        growth, least = (GROWTH, MIN_SHARD) if files > MAX_HELD else (LAST_GROWTH, LAST_SHARD)
        known = min(held // in_flight, FEW_SHARDS)
        target = min(max(known, planned // (growth * in_flight), least), MAX_SHARD)
        count = min(max(1, -(-target // weight)), most, files)
        if count >= MIN_ROW:
            count -= count % ROW
        sent += 1
        planned += count * weight
        files -= count
        yield count


def simulate(costs: Costs, cluster: Cluster) -> tuple[float, float]:
    """Return the seconds from begin to end, and those in which nodes were of use, added up.

    The calling process plans and compares one shard after the other, as if it had one thread.
    """
    rng = random.Random(1)
    in_flight = 2 * cluster.nodes + 1
    free = [0.0] * cluster.nodes
    done: list[float] = []
    now = end = busy = 0.0
    for count in plan(cluster.files, cluster.size, cluster.nodes):
        now += count * costs.per_entry + costs.per_shard + costs.handing
        if len(done) >= in_flight:
            now = max(now, heapq.heappop(done))
        varied = rng.uniform(1 - cluster.jitter, 1 + cluster.jitter)
        seconds = count * cluster.size / cluster.rate * varied
        finished = max(now, heapq.heappop(free)) + seconds
        heapq.heappush(free, finished)
        heapq.heappush(done, finished)
        end = max(end, finished)
        busy += seconds
    return end, busy


def extrapolate(costs: Costs, cluster: Cluster) -> tuple[float, float, bool]:
    """Return the seconds, the lost share of the nodes' time, and whether all was simulated."""
    part = min(cluster.files, MOST_SIMULATED * cluster.files_in_shard())
    end, busy = simulate(costs, cluster._replace(files=part))
    if part < cluster.files:
        half, worked = simulate(costs, cluster._replace(files=part // 2))
        times = (cluster.files - part) / (part - part // 2)
        end += (end - half) * times
        busy += (busy - worked) * times
    return end, max(0.0, 1 - busy / (cluster.nodes * end)), part == cluster.files


def main() -> None:
    """Measure, simulate, and print tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rate", type=float, default=500, help="MB/s that a node hashes")
    parser.add_argument("--jitter", type=float, default=0.3, help="by which that varies")
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure_one(Path(options.only[0]), int(options.only[1]))))
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    manifest = options.folder / "SHA256SUMS"
    found: list[tuple[int, dict[str, float]]] = []
    print("| entries | slots | shards | processor time, s | memory, MB |\n|---|---|---|---|---|")
    for entries, slots in MEASURED:
        with manifest.open("w", encoding="ascii") as file:
            file.writelines(f"{EMPTY.hexdigest()}  {n // 1000}/{n}\n" for n in range(entries))
        # In a process of its own, whose peak is that of nothing else.
        command = [sys.executable, __file__, str(options.folder), "--only"]
        command += [str(manifest), str(slots)]
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        one = json.loads(printed)
        found.append((entries, one))
        cells = f"{one['shards']:,} | {one['cpu']:.2f} | {one['bytes'] / 1e6:.0f}"
        print(f"| {entries:,} | {slots} | {cells} |", flush=True)
    manifest.unlink()
    costs = fit(found, measure_handing())
    print(
        f"\nFitted: {costs.per_entry * 1e6:.1f} µs for each entry,"
        f" {(costs.per_shard + costs.handing) * 1e6:.0f} µs for each shard"
        f" ({costs.handing * 1e6:.0f} µs of it to hand it over),"
        f" {costs.memory / 1e6:.0f} MB and {costs.memory_per_entry:.0f} bytes for each entry.\n"
    )
    print("| nodes | files | MiB each | time, s | calling process, s of CPU | memory, MB | lost |")
    print("|---|---|---|---|---|---|---|")
    for nodes, files, size in SIMULATED:
        cluster = Cluster(nodes, files, size * MIB, options.rate * 1e6, options.jitter)
        end, lost, whole = extrapolate(costs, cluster)
        shards = files / cluster.files_in_shard()
        cpu = files * costs.per_entry + shards * (costs.per_shard + costs.handing)
        memory = (costs.memory + files * costs.memory_per_entry) / 1e6
        note = "" if whole else " *"
        cells = f"{end:,.0f}{note} | {cpu:,.0f} | {memory:,.0f} | {lost:.1%}"
        print(f"| {nodes:,} | {files:,} | {size} | {cells} |", flush=True)
    print("\n\\* the rest at the rate of the last shards that were simulated")


if __name__ == "__main__":
    main()
