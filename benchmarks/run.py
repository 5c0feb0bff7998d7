"""Measure checksig against other tools; ``python3 tools/dev.py bench`` sets up what it needs.

All take turns in one run, so that what the machine does meanwhile hits everybody. ``full`` writes
the page and the plot in docs/, and the paragraph in the README; ``short`` prints some ratios in
less than a minute. Neither fails because something is slow; both fail where a tool does not do
what it is timed for.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
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
    """Measure, print, and in full form write the documents."""
    options = arguments()
    if lacking := peers.missing_tools():
        sys.exit(f"benchmarks: not installed: {', '.join(lacking)}")
    if options.form == "full":  # now, and not after an hour
        report.with_figures((ROOT / "README.md").read_text(encoding="utf-8"), "")
    given = options.results
    results = json.loads(given.read_text()) if given else in_folder(options)
    print(report.summary(results))
    if options.form == "full":
        report.write(results, ROOT)
    return 0


def arguments() -> argparse.Namespace:
    """Read the command line: the form's settings, each of which may be given otherwise."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("form", choices=FORMS, nargs="?", default="short")
    parser.add_argument("--scale", type=float, help="make the corpora smaller: 0.1 for a tenth")
    parser.add_argument("--rounds", type=int, help="how often each is measured")
    parser.add_argument("--algorithms", nargs="+", choices=corpora.ALGORITHMS)
    parser.add_argument("--corpora", nargs="+", choices=corpora.CORPORA)
    parser.add_argument("--most-files", type=int, help="how far to follow growth; 0 for not at all")
    parser.add_argument("--grpc", action=argparse.BooleanOptionalAction)
    parser.add_argument("--folder", type=Path, help="keep the files here, and use them again")
    parser.add_argument("--results", type=Path, help="only write the documents anew from this file")
    parser.add_argument("--note", help="what else is to be known about this run")
    parser.add_argument("--go", default="go", help="the Go toolchain")
    options = parser.parse_args()
    for name, value in FORMS[options.form].items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def in_folder(options: argparse.Namespace) -> dict[str, Any]:
    """Measure in the folder asked for, or one that is removed again."""
    with tempfile.TemporaryDirectory(prefix="checksig-") as scratch:
        folder = (options.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        results = measured(options, folder)
        (folder / "results.json").write_text(json.dumps(results, indent=1))
    return results


def measured(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Everything that is measured, as numbers and texts."""
    processors = len(os.sched_getaffinity(0))
    programs = build(options.go, folder / "bin", grpc=options.grpc)
    everybody = peers.all_peers(programs["gopool"], processors)
    made = {
        name: corpora.make(folder, name, corpora.sizes(name, options.scale))
        for name in options.corpora
    }
    results: dict[str, Any] = {
        "date": dt.datetime.now(dt.timezone.utc).date().isoformat(),
        "note": options.note,
        "rounds": options.rounds,
        "machine": machine.describe(),
        "versions": machine.versions(options.go),
        "corpora": {name: [corpus.files, corpus.size] for name, corpus in made.items()},
        "runs": {},
    }
    for name, corpus in made.items():
        for algorithm in options.algorithms:
            task = peers.Task(corpus, algorithm, processors)
            tell(f"{name}, {algorithm}")
            results["runs"][f"{name} {algorithm}"] = compare(
                programs["launch"], everybody, task, options.rounds
            )
    tell("what Python adds")
    if "small" in made:
        results["added"] = own.added(
            programs["launch"], made["small"], programs["engine"], 10 * options.rounds
        )
    tell("calls")
    results["calls"] = calls.measure(
        folder, programs.get("grpc"), options.rounds, min(1.0, 5 * options.scale)
    )
    tell("growth")
    results["cores"] = {
        name: own.cores(programs["launch"], made[name], processors, options.rounds)
        for name in ("small", "medium")
        if name in made
    }
    results["growth"] = (
        own.growth(programs["launch"], folder, options.most_files, min(3, options.rounds))
        if options.most_files
        else {}
    )
    return results


def tell(what: str) -> None:
    """Say what is going on."""
    now = dt.datetime.now(dt.timezone.utc)
    print(f"{now:%H:%M:%S} {what}", file=sys.stderr, flush=True)


def build(go: str, folder: Path, *, grpc: bool) -> dict[str, Path]:
    """Compile the programs in Go."""
    folder.mkdir(exist_ok=True)
    sources = {
        "gopool": (HERE, ["build"], "./gopool"),
        "launch": (HERE, ["build"], "./launch"),
        "engine": (ROOT / "go", ["test", "-c"], "./internal/engine"),
    }
    if grpc:
        sources["grpc"] = (HERE / "grpc", ["build"], ".")
    for name, (where, words, package) in sources.items():
        tell(f"building {name}")
        subprocess.run([go, *words, "-o", str(folder / name), package], cwd=where, check=True)
    return {name: folder / name for name in sources}


def compare(
    launcher: Path, everybody: list[peers.Peer], task: peers.Task, rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Let all peers do the same in turns; one that does not really do it ends everything."""
    able = [peer for peer in everybody if task.algorithm in peer.algorithms]
    wrong = peers.Task(task.corpus, task.algorithm, task.workers, wrong=True)
    for peer in able:
        # Also what brings the files into the page cache.
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
