"""Let peers do the same task in turns."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from peers import Peer, Task
    from storage import Storage

    Columns = dict[str, list[float]]


def prove(launcher: Path, everybody: Iterable[Peer], task: Task) -> None:
    """Exit if a peer accepts a wrong digest. This also brings the files into the page cache."""
    wrong = replace(task, wrong=True)
    for peer in everybody:
        run = measure.launch(launcher, peer.command(wrong), task.corpus.folder)
        if peer.verifies and (run.code < 0 or peer.accepts(run, task.corpus)):
            sys.exit(f"benchmarks: {peer.name} accepts a wrong digest: {run}")


def compare(
    launcher: Path,
    places: Mapping[Peer, Storage],
    task: Task,
    rounds: int,
    first: Task | None = None,
) -> dict[str, Columns]:
    """Return the runs of each peer, on its storage; exit if one does not really do the task.

    If *first* is given, each does this before, so that the programs are in the page cache.
    """

    def turn(peer: Peer, storage: Storage) -> measure.Run:
        with storage(task.corpus.folder) as folder:
            if first:
                measure.launch(launcher, peer.command(first), first.corpus.folder)
            here = replace(task, corpus=replace(task.corpus, folder=folder))
            run = measure.launch(launcher, peer.command(here), folder)
        if not peer.accepts(run, task.corpus):
            sys.exit(f"benchmarks: {peer.name} did not verify {here.manifest}: {run}")
        return run

    tasks = {peer.name: partial(turn, peer, storage) for peer, storage in places.items()}
    runs = measure.alternate(tasks, rounds, measure.LONG)
    return {name: measure.columns(each) for name, each in runs.items()}
