"""Measure files that are not in the page cache, and files on a file system with latency."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import contest
import corpora
import peers
import storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from contest import Columns
    from corpora import Corpus
    from storage import Storage

ALGORITHM = "sha256"
MILLISECONDS = (1, 5)
PROCESSORS = len(os.sched_getaffinity(0))
SEARCHES = ("recursive", "extra")


@dataclass(frozen=True)
class Slow:
    """What all rows share."""

    programs: Mapping[str, Path]
    folder: Path
    scale: float
    rounds: int
    only: tuple[str, ...]
    """How the names of rows start that are measured; an empty string stands for all."""

    def measure(self, log: Callable[[str], None]) -> dict[str, dict[str, Columns]]:
        """Return the runs of each row; rows that this machine does not allow are left out."""
        rows: dict[str, dict[str, Columns]] = {}
        for kind, place in self._storages(log):
            names = [*(corpora.COLD if kind == "cold" else ("remote",)), *SEARCHES]
            if kind == f"{MILLISECONDS[-1]} ms":
                names = ["remote"]
            for name in names:
                row = f"{kind} {name}"
                if not row.startswith(self.only):
                    continue
                log(row)
                work = self._search if name in SEARCHES else self._verify
                rows[row] = work(place, name)
        return rows

    def sizes(self, rows: Iterable[str]) -> dict[str, list[int]]:
        """Return the files and bytes of the rows' corpora."""
        names = {"tree" if row.endswith(SEARCHES) else row.split()[-1] for row in rows}
        made = [
            self._tree() if name == "tree" else self._task(name).corpus for name in sorted(names)
        ]
        return {corpus.name: [corpus.files, corpus.size] for corpus in made}

    def _storages(self, log: Callable[[str], None]) -> Iterator[tuple[str, Storage]]:
        if why := storage.not_cold(self.folder):
            log(f"without cold rows: {why}")
        else:
            yield "cold", storage.cold
        if why := storage.not_remote():
            log(f"without rows with latency: {why}")
        else:
            for each in MILLISECONDS:
                yield f"{each} ms", partial(storage.remote, self.programs["latencyfs"], each)

    def _verify(self, place: Storage, name: str) -> dict[str, Columns]:
        task = self._task(name)
        everybody = peers.for_slow_files(self.programs, PROCESSORS)
        contest.prove(self.programs["launch"], everybody, task)
        places = dict.fromkeys(everybody, place)
        if name == "huge":
            places[peers.ours(peers.WARM)] = storage.warm
        return self._compare(places, task)

    def _search(self, place: Storage, what: str) -> dict[str, Columns]:
        places = dict.fromkeys(peers.searchers(self.programs, what), place)
        return self._compare(places, peers.Task(self._tree(), ALGORITHM, PROCESSORS))

    def _compare(
        self, places: Mapping[peers.Peer, Storage], task: peers.Task
    ) -> dict[str, Columns]:
        launcher, tiny = self.programs["launch"], self._task("tiny")
        return contest.compare(launcher, places, task, self.rounds, tiny)

    def _task(self, name: str) -> peers.Task:
        lengths = corpora.sizes(name, self.scale)
        algorithms = corpora.ALGORITHMS if name in corpora.CORPORA else (ALGORITHM,)
        corpus = corpora.make(self.folder, name, lengths, algorithms)
        return peers.Task(corpus, ALGORITHM, PROCESSORS)

    def _tree(self) -> Corpus:
        return corpora.make_tree(self.folder, self.scale)
