"""Measure checksig against other tools and print ratios; started by tools/dev.py bench.

All peers take turns in one run, so that other load on the machine affects all of them. ``short``
takes less than a minute, ``full`` an hour. Slow results are not errors; a peer that does not verify
what it is timed with is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import calls
import corpora
import machine
import measure
import own
import peers
import report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

FORMS: dict[str, dict[str, Any]] = {
    "short": {
        "scale": 0.05,
        "rounds": 3,
        "algorithms": ["md5", "sha256"],
        "corpora": ["small", "medium", "large"],
        "most_files": 0,
        "grpc": False,
    },
    "full": {
        "scale": 1.0,
        "rounds": 5,
        "algorithms": list(corpora.ALGORITHMS),
        "corpora": list(corpora.CORPORA),
        "most_files": 1_000_000,
        "grpc": True,
    },
}


def main() -> int:
    """Measure, and print the tables."""
    options = arguments()
    if missing := peers.missing_tools():
        sys.exit(f"benchmarks: not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="checksig-") as scratch:
        folder = (options.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        results = measure_all(options, folder)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    print(report.summary(results))
    return 0


def arguments() -> argparse.Namespace:
    """Return the command line; an option overrides the setting of the form."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("form", choices=FORMS, nargs="?", default="short")
    parser.add_argument("--scale", type=float, help="make the corpora smaller: 0.1 for a tenth")
    parser.add_argument("--rounds", type=int, help="measure each peer this many times")
    parser.add_argument("--algorithms", nargs="+", choices=corpora.ALGORITHMS)
    parser.add_argument("--corpora", nargs="+", choices=corpora.CORPORA)
    parser.add_argument("--most-files", type=int, help="measure growth up to N files; 0: no growth")
    parser.add_argument("--grpc", action=argparse.BooleanOptionalAction, help="also measure gRPC")
    parser.add_argument("--folder", type=Path, help="keep the corpora here, and use them again")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers to FILE")
    parser.add_argument("--go", default="go", help="the Go toolchain")
    options = parser.parse_args()
    for name, value in FORMS[options.form].items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def measure_all(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return all measurements as numbers and texts."""
    processors = len(os.sched_getaffinity(0))
    programs = build(options.go, folder / "bin", grpc=options.grpc)
    launcher = programs["launch"]
    everybody = peers.all_peers(programs["gopool"], processors)
    made = {
        name: corpora.make(folder, name, corpora.sizes(name, options.scale))
        for name in options.corpora
    }
    results: dict[str, Any] = {
        "machine": machine.describe(),
        "versions": machine.versions(options.go),
        "corpora": {name: [corpus.files, corpus.size] for name, corpus in made.items()},
        "runs": {},
        "growth": {},
    }
    for name, corpus in made.items():
        for algorithm in options.algorithms:
            log(f"{name} {algorithm}")
            task = peers.Task(corpus, algorithm, processors)
            runs = compare(launcher, everybody, task, options.rounds)
            results["runs"][f"{name} {algorithm}"] = runs
    if "small" in made:
        log("overhead of Python")
        results["python overhead"] = own.python_overhead(
            launcher, made["small"], programs["engine"], 10 * options.rounds
        )
    log("calls")
    results["calls"] = calls.measure(
        folder, programs.get("grpc"), options.rounds, min(1.0, 5 * options.scale)
    )
    log("growth")
    results["workers"] = {
        name: own.workers(launcher, made[name], processors, options.rounds)
        for name in ("small", "medium")
        if name in made
    }
    if options.most_files:
        rounds = min(3, options.rounds)
        results["growth"] = own.growth(launcher, folder, options.most_files, rounds)
    return results


def log(what: str) -> None:
    """Print what is measured next to standard error."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def build(go: str, folder: Path, *, grpc: bool) -> dict[str, Path]:
    """Compile the Go programs and return their paths."""
    folder.mkdir(exist_ok=True)
    sources = {
        "gopool": (HERE, ["build"], "./gopool"),
        "launch": (HERE, ["build"], "./launch"),
        "engine": (ROOT / "go", ["test", "-c"], "./internal/verify"),
    }
    if grpc:
        sources["grpc"] = (HERE / "grpc", ["build"], ".")
    for name, (where, words, package) in sources.items():
        log(f"building {name}")
        subprocess.run([go, *words, "-o", str(folder / name), package], cwd=where, check=True)
    return {name: folder / name for name in sources}


def compare(
    launcher: Path, everybody: list[peers.Peer], task: peers.Task, rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Let all peers do the task in turns; exit if one of them does not really do it."""
    able = [peer for peer in everybody if task.algorithm in peer.algorithms]
    wrong = peers.Task(task.corpus, task.algorithm, task.workers, wrong=True)
    for peer in able:
        # This also brings the files into the page cache.
        run = measure.launch(launcher, peer.command(wrong), task.corpus.folder)
        if peer.verifies and (run.code < 0 or peer.accepts(run, task.corpus)):
            sys.exit(f"benchmarks: {peer.name} accepts a wrong digest: {run}")

    def turn(peer: peers.Peer) -> measure.Run:
        run = measure.launch(launcher, peer.command(task), task.corpus.folder)
        if not peer.accepts(run, task.corpus):
            sys.exit(f"benchmarks: {peer.name} did not verify {task.manifest}: {run}")
        return run

    runs = measure.alternate({peer.name: partial(turn, peer) for peer in able}, rounds)
    return {name: measure.columns(each) for name, each in runs.items()}


if __name__ == "__main__":
    sys.exit(main())
