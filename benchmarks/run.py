"""Measure checksig against other tools and print ratios; started by tools/dev.py bench.

All peers take turns in one run, so that other load on the machine affects all of them. ``short``
takes less than a minute, ``cold`` some minutes, ``full`` hours. Slow results are not errors; a peer
that does not verify what it is timed with is.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import calls
import contest
import corpora
import machine
import own
import peers
import report
import slow

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
        "warm": True,
        "slow": False,
    },
    "cold": {
        "scale": 0.2,
        "rounds": 3,
        "algorithms": [slow.ALGORITHM],
        "corpora": [],
        "most_files": 0,
        "grpc": False,
        "warm": False,
        "slow": True,
    },
    "full": {
        "scale": 1.0,
        "rounds": 5,
        "algorithms": list(corpora.ALGORITHMS),
        "corpora": list(corpora.CORPORA),
        "most_files": 1_000_000,
        "grpc": True,
        "warm": True,
        "slow": True,
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
    switch = argparse.BooleanOptionalAction
    parser.add_argument("--warm", action=switch, help="measure files in the page cache")
    parser.add_argument(
        "--rows",
        nargs="+",
        default=[""],
        help='only these cold and remote files: "cold small", "1 ms"',
    )
    parser.add_argument("--grpc", action=switch, help="also measure gRPC")
    parser.add_argument("--slow", action=switch, help="measure cold and remote files")
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
    programs = build(options, folder / "bin")
    results: dict[str, Any] = {
        "machine": machine.describe(),
        "versions": machine.versions(options.go),
        "corpora": {},
        "slow": {},
    }
    if options.slow:
        rows = slow.Slow(programs, folder, options.scale, options.rounds, tuple(options.rows))
        results["slow"] = rows.measure(log)
        results["corpora"] |= rows.sizes(results["slow"])
    if options.warm:
        made = {
            name: corpora.make(folder, name, corpora.sizes(name, options.scale))
            for name in options.corpora
        }
        for name, corpus in made.items():
            results["corpora"][name] = [corpus.files, corpus.size]
        results |= measure_warm(options, folder, programs, made)
    return results


def measure_warm(
    options: argparse.Namespace,
    folder: Path,
    programs: dict[str, Path],
    made: dict[str, corpora.Corpus],
) -> dict[str, Any]:
    """Return the measurements of files in the page cache, and of calls."""
    launcher, processors = programs["launch"], len(os.sched_getaffinity(0))
    everybody = peers.all_peers(programs, processors)
    results: dict[str, Any] = {
        "runs": {},
        "growth": {},
    }
    for name, corpus in made.items():
        for algorithm in options.algorithms:
            log(f"{name} {algorithm}")
            task = peers.Task(corpus, algorithm, processors)
            able = [peer for peer in everybody if algorithm in peer.algorithms]
            contest.prove(launcher, able, task)
            places = dict.fromkeys(able, contextlib.nullcontext)
            runs = contest.compare(launcher, places, task, options.rounds)
            results["runs"][f"{name} {algorithm}"] = runs
    if "small" in made:
        log("overhead of Python")
        results["python overhead"] = own.python_overhead(
            launcher, made["small"], programs["engine"], 10 * options.rounds
        )
    if "mixed" in made and "medium" in made:
        log("mixed and medium in turns")
        results["rates"] = own.rates(launcher, made, options.algorithms, options.rounds)
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


def build(options: argparse.Namespace, folder: Path) -> dict[str, Path]:
    """Compile the programs in C and Go, and return their paths."""
    folder.mkdir(exist_ok=True)
    go_build = [options.go, "build", "-o"]
    sources = {
        "reader": (HERE, ["cc", "-O2", "-pthread", "-o"], "reader.c"),
        "walker": (HERE, ["cc", "-O2", "-pthread", "-o"], "walker.c"),
        "gopool": (HERE, go_build, "./gopool"),
        "launch": (HERE, go_build, "./launch"),
    }
    if options.warm:
        engine = [options.go, "test", "-c", "-o"]
        sources["engine"] = (ROOT / "go", engine, "./internal/verify")
    if options.slow:
        sources["latencyfs"] = (HERE / "latencyfs", go_build, ".")
    if options.grpc:
        sources["grpc"] = (HERE / "grpc", go_build, ".")
    for name, (where, words, package) in sources.items():
        log(f"building {name}")
        subprocess.run([*words, str(folder / name), package], cwd=where, check=True)
    return {name: folder / name for name in sources}


if __name__ == "__main__":
    sys.exit(main())
