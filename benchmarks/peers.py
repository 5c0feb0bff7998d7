"""The peers: programs that are measured, and how each proves that it verified every file.

A peer must accept a manifest in which everything is right, and refuse one with one wrong digest.
"""

from __future__ import annotations

import math
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from corpora import ALGORITHMS, HASHDEEP

if TYPE_CHECKING:
    from collections.abc import Callable

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


def _xargs(task: Task) -> list[str]:
    each = math.ceil(task.corpus.files / (4 * task.workers))
    script = f'printf "%s\\n" "$@" | {task.algorithm}sum -c --quiet --strict'
    cut = ["xargs", "-a", task.manifest, "-d", "\\n", "-P", str(task.workers), "-n", str(each)]
    return [*cut, "sh", "-c", script, "sh"]


def _rhash(task: Task) -> list[str]:
    return ["rhash", f"--{task.algorithm}", "--skip-ok", "-c", task.manifest]


def _hashdeep(task: Task) -> list[str]:
    known = str(task.corpus.hashdeep(task.algorithm, wrong=task.wrong))
    audit = ["-a", "-v", "-l", "-k", known, "-r", "data"]
    return ["hashdeep", f"-j{task.workers}", "-c", task.algorithm, *audit]


OURS = "checksig"
READING = "only reading"


def all_peers(gopool: Path, workers: int) -> list[Peer]:
    """Return every peer, checksig first."""

    def hashlib(task: Task, threads: int) -> list[str]:
        return python("hashlib", task.manifest, task.algorithm, threads)

    def go(task: Task, work: str) -> list[str]:
        return [str(gopool), work, task.algorithm, task.manifest, str(task.workers)]

    return [
        Peer(OURS, lambda task: python("checksig", task.manifest, 0), _counted),
        Peer("hashlib, 1 thread", lambda task: hashlib(task, 1), _counted),
        Peer(f"hashlib, {workers} threads", lambda task: hashlib(task, workers), _counted),
        Peer("Go pool", lambda task: go(task, "verify"), _counted),
        Peer("rhash", _rhash, _rhash_ok),
        Peer("coreutils", _coreutils, _silent),
        Peer(f"xargs -P{workers} coreutils", _xargs, _silent),
        Peer(f"hashdeep -j{workers}", _hashdeep, _audit_passed, HASHDEEP),
        Peer(READING, lambda task: go(task, "read"), _counted, verifies=False),
    ]


def missing_tools() -> list[str]:
    """Return the programs that are not installed."""
    return [tool for tool in ("rhash", "hashdeep", "sha256sum", "xargs") if not shutil.which(tool)]
