"""Measure checksig alone: the overhead of Python, and how time and memory grow."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import corpora
import measure
from peers import python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from corpora import Corpus

ALGORITHM = "sha256"

WAYS = {
    "verify()": ("checksig", "{manifest}", "0", "keep"),
    "verify(keep_verified=False)": ("checksig", "{manifest}", "0", "drop"),
    "iter_verify()": ("iterator", "{manifest}", "0"),
}


def python_overhead(
    launcher: Path, corpus: Corpus, engine: Path, rounds: int
) -> dict[str, list[float]]:
    """Return the seconds of the engine alone (a Go benchmark) and of calls from Python.

    Each is measured in a new process, when it does the same for the second time: the addresses of
    memory change the time by some percent, differently in each process.
    """
    manifest = str(corpus.manifest(ALGORITHM))

    def engine_alone() -> float:
        command = [str(engine), "-test.run=^$", "-test.bench=^BenchmarkRun$"]
        command += ["-test.benchtime=1x", "-test.count=2"]
        printed = subprocess.run(
            command,
            env={**os.environ, "CHECKSIG_BENCHMARK": manifest},
            cwd=corpus.folder,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        found = re.findall(r"^BenchmarkRun\S*\s+1\s+(\S+) ns/op", printed, re.MULTILINE)
        if len(found) != 2:
            raise RuntimeError(printed)
        return float(found[1]) / 1e9

    ways = {name: ("warm", *words) for name, words in WAYS.items()}
    tasks = {
        name: lambda work=work: work().seconds
        for name, work in _tasks(launcher, corpus, ways).items()
    }
    return measure.alternate({"engine": engine_alone, **tasks}, rounds)


def growth(
    launcher: Path, folder: Path, most: int, rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Return µs per file and peak bytes for 1,000 files of 4 KiB, 10,000, … up to *most*."""
    found: dict[str, dict[str, list[float]]] = {}
    count = min(1_000, most)
    while count <= most:
        corpus = corpora.make(folder, "growth", [4 * corpora.KIB] * count, (ALGORITHM,))
        runs = _runs(launcher, corpus, WAYS, rounds)
        for way, each in runs.items():
            found.setdefault(way, {})[str(count)] = [
                measure.median(run.seconds for run in each) / count * 1e6,
                measure.median(run.memory for run in each),
            ]
        count *= 10
    return found


def workers(
    launcher: Path, corpus: Corpus, processors: int, rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Return seconds and bytes for 1, 2, 4 workers, and so on up to the number of processors."""
    counts = sorted({min(2**i, processors) for i in range(processors.bit_length() + 1)})
    ways = {str(count): ("checksig", "{manifest}", str(count), "keep") for count in counts}
    runs = _runs(launcher, corpus, ways, rounds)
    return {count: measure.columns(each) for count, each in runs.items()}


def rates(
    launcher: Path, made: Mapping[str, Corpus], algorithms: Iterable[str], rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Return bytes a second for each algorithm with files of mixed sizes and of 1 MiB, in turns."""
    found: dict[str, dict[str, list[float]]] = {}
    for algorithm in algorithms:
        tasks = {
            name: _tasks(launcher, made[name], {name: WAYS["verify()"]}, algorithm)[name]
            for name in ("mixed", "medium")
        }
        measure.alternate(tasks, 1)
        runs = measure.alternate(tasks, rounds)
        found[algorithm] = {
            name: [made[name].size / run.seconds for run in each] for name, each in runs.items()
        }
    return found


def _runs(
    launcher: Path, corpus: Corpus, ways: Mapping[str, tuple[str, ...]], rounds: int
) -> dict[str, list[measure.Run]]:
    tasks = _tasks(launcher, corpus, ways)
    measure.alternate(tasks, 1)
    return measure.alternate(tasks, rounds)


def _tasks(
    launcher: Path,
    corpus: Corpus,
    ways: Mapping[str, tuple[str, ...]],
    algorithm: str = ALGORITHM,
) -> dict[str, Callable[[], measure.Run]]:
    def task(words: tuple[str, ...]) -> Callable[[], measure.Run]:
        manifest = str(corpus.manifest(algorithm))
        command = python(*(word.format(manifest=manifest) for word in words))

        def work() -> measure.Run:
            run = measure.launch(launcher, command, corpus.folder)
            if run.reported().get("files") != corpus.files:
                raise RuntimeError(f"{command}: {run}")
            return run

        return work

    return {name: task(words) for name, words in ways.items()}
