"""The peers: programs that are measured, and how each proves that it verified every file.

A peer must accept a manifest in which everything is right, and refuse one with one wrong digest.
"""

from __future__ import annotations

import math
import shutil
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from corpora import ALGORITHMS, HASHDEEP, MANIFESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from corpora import Corpus
    from measure import Run

CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True)
class Task:
    """What a peer does: verify a corpus with one algorithm."""

    corpus: Corpus
    algorithm: str
    workers: int
    wrong: bool = False

    @property
    def manifest(self) -> str:
        """Return the manifest in the format of coreutils."""
        return str(self.corpus.manifest(self.algorithm, wrong=self.wrong))


@dataclass(frozen=True)
class Peer:
    """A program that verifies files; it runs in the folder of the corpus."""

    name: str
    command: Callable[[Task], list[str]]
    accepts: Callable[[Run, Corpus], bool]
    """Whether a run reports that every file of the corpus matches."""
    algorithms: tuple[str, ...] = ALGORITHMS
    verifies: bool = True
    """False for a program that only reads."""


def python(*words: object) -> list[str]:
    """Return the command of child.py, isolated from the caller's environment."""
    return [sys.executable, "-I", str(CHILD), *map(str, words)]


def _counted(run: Run, corpus: Corpus) -> bool:
    own = run.reported()
    return run.code == 0 and (own["files"], own["bytes"]) == (corpus.files, corpus.size)


def _silent(run: Run, _: Corpus) -> bool:
    return run.code == 0 and not run.output and not run.errors


def _rhash_ok(run: Run, _: Corpus) -> bool:
    return run.code == 0 and run.output.endswith("Everything OK\n") and not run.errors


def _audit_passed(run: Run, corpus: Corpus) -> bool:
    matched = f"Files matched: {corpus.files}\n"
    return run.code == 0 and "Audit passed" in run.output and matched in run.output


def _coreutils(task: Task) -> list[str]:
    return [f"{task.algorithm}sum", "-c", "--quiet", "--strict", task.manifest]


def _xargs(processes: int, task: Task) -> list[str]:
    each = math.ceil(task.corpus.files / (4 * processes))
    script = f'printf "%s\\n" "$@" | {task.algorithm}sum -c --quiet --strict'
    cut = ["xargs", "-a", task.manifest, "-d", "\\n", "-P", str(processes), "-n", str(each)]
    return [*cut, "sh", "-c", script, "sh"]


def _rhash(task: Task) -> list[str]:
    return ["rhash", f"--{task.algorithm}", "--skip-ok", "-c", task.manifest]


def _hashdeep(task: Task) -> list[str]:
    known = str(task.corpus.hashdeep(task.algorithm, wrong=task.wrong))
    audit = ["-a", "-v", "-l", "-k", known, "-r", "data"]
    return ["hashdeep", f"-j{task.workers}", "-c", task.algorithm, *audit]


OURS = "checksig"
READING = "only reading"
WALKING = "only walking, 64 threads"
WARM = f"{OURS}, warm"
READERS = (1, 2, 8, 32, 64)
"""How many threads only read files that are not in the page cache."""


def ours(name: str = OURS, workers: int = 0) -> Peer:
    """Return checksig; 0 workers stands for its default."""
    return Peer(name, lambda task: python("checksig", task.manifest, workers), _counted)


def _hashlib(threads: int) -> Peer:
    name = f"hashlib, {threads} thread{'s' * (threads > 1)}"
    return Peer(
        name, lambda task: python("hashlib", task.manifest, task.algorithm, threads), _counted
    )


def _reading(name: str, program: Path, threads: int) -> Peer:
    return Peer(
        name, lambda task: [str(program), task.manifest, str(threads)], _counted, verifies=False
    )


def _others(workers: int, processes: int) -> list[Peer]:
    return [
        Peer("rhash", _rhash, _rhash_ok),
        Peer("coreutils", _coreutils, _silent),
        Peer(f"xargs -P{processes} coreutils", partial(_xargs, processes), _silent),
        Peer(f"hashdeep -j{workers}", _hashdeep, _audit_passed, HASHDEEP),
    ]


def all_peers(programs: Mapping[str, Path], workers: int) -> list[Peer]:
    """Return every peer, checksig first."""

    def go_pool(task: Task) -> list[str]:
        return [str(programs["gopool"]), task.algorithm, task.manifest, str(task.workers)]

    return [
        ours(),
        _hashlib(1),
        _hashlib(workers),
        Peer("Go pool", go_pool, _counted),
        *_others(workers, workers),
        _reading(READING, programs["reader"], workers),
    ]


def for_slow_files(programs: Mapping[str, Path], workers: int) -> list[Peer]:
    """Return the peers that verify what is not in the page cache, checksig first."""
    return [
        ours(),
        ours(f"{OURS}, 64 workers", workers=64),
        _hashlib(2),
        _hashlib(32),
        *_others(workers, 16),
        *(_reading(f"{READING}, {n}", programs["reader"], n) for n in READERS),
    ]


def searchers(programs: Mapping[str, Path], kind: str) -> list[Peer]:
    """Return what searches a tree for manifests ("recursive") or unlisted files ("extra")."""

    def found(run: Run, corpus: Corpus) -> bool:
        return run.code == 0 and run.reported()["files"] >= (
            MANIFESTS if kind == "recursive" else corpus.files
        )

    def walk(task: Task) -> list[str]:
        return [str(programs["walker"]), str(task.corpus.folder), "64"]

    return [
        Peer(OURS, lambda task: python("tree", task.corpus.folder, kind), found),
        Peer(WALKING, walk, found, verifies=False),
    ]


def missing_tools() -> list[str]:
    """Return the programs that are not installed."""
    tools = ("cc", "rhash", "hashdeep", "sha256sum", "xargs")
    return [tool for tool in tools if not shutil.which(tool)]
