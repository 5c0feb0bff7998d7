"""Who is measured, and how it is known that each really verified every file.

A peer counts only if it accepts a manifest in which all is right, and refuses the one in which a
single digest is wrong.
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
    """What a peer has to do."""

    corpus: Corpus
    algorithm: str
    workers: int
    wrong: bool = False

    @property
    def manifest(self) -> str:
        """The manifest, as coreutils writes it."""
        return str(self.corpus.manifest(self.algorithm, wrong=self.wrong))


@dataclass(frozen=True)
class Peer:
    """Something that verifies files; it runs in the corpus' folder."""

    name: str
    command: Callable[[Task], list[str]]
    accepts: Callable[[Run, Corpus], bool]
    """Whether a run says that every file of the corpus is as listed."""
    algorithms: tuple[str, ...] = ALGORITHMS
    verifies: bool = True
    """Whether it hashes; otherwise it only reads."""


def python(*words: object) -> list[str]:
    """Run our own Python program, with nothing of the caller's environment in it."""
    return [sys.executable, "-I", str(CHILD), *map(str, words)]


def _counted(run: Run, corpus: Corpus) -> bool:
    said = run.said()
    return run.code == 0 and (said["files"], said["bytes"]) == (corpus.files, corpus.size)


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
    """Every peer, checksig first."""

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
    """The programs that are not on this machine."""
    return [tool for tool in ("rhash", "hashdeep", "sha256sum", "xargs") if not shutil.which(tool)]
