"""Run programs one after another, and compare how long they took."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    T = TypeVar("T")

_LONGEST_SECONDS = 3600
LONG = 60.0
"""A peer that takes more seconds than this is measured once."""


@dataclass(frozen=True)
class Run:
    """One run of a program."""

    code: int
    output: str
    errors: str
    seconds: float
    """Wall-clock time from start to end, or what the program measured itself."""
    cpu: float
    """Processor time in seconds, measured in the same way."""
    memory: int
    """Peak bytes of the program or of one of its children (``ru_maxrss``)."""

    def reported(self) -> dict[str, float]:
        """Return the JSON that one of our programs printed; nothing if it failed."""
        return json.loads(self.output) if self.output.startswith("{") else {}


def launch(launcher: Path, command: Sequence[str], folder: Path) -> Run:
    """Run *command* in *folder* and measure it."""
    done = subprocess.run(
        [str(launcher), *command],
        cwd=folder,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=_LONGEST_SECONDS,
    )
    run = Run(**json.loads(done.stdout))
    own = run.reported()
    return replace(run, seconds=own.get("seconds", run.seconds), cpu=own.get("cpu", run.cpu))


def columns(runs: Sequence[Run]) -> dict[str, list[float]]:
    """Return the runs' numbers by what was measured."""
    return {
        "seconds": [run.seconds for run in runs],
        "cpu": [run.cpu for run in runs],
        "memory": [run.memory for run in runs],
    }


def alternate(
    tasks: Mapping[str, Callable[[], T]], rounds: int, longest: float = math.inf
) -> dict[str, list[T]]:
    """Run each task once in every round, and start each round with another task.

    Other load on the machine then affects all tasks, and none is always the last one. What takes
    more than *longest* seconds is not done again.
    """
    results: dict[str, list[T]] = {name: [] for name in tasks}
    names, too_long = list(tasks), set[str]()
    for i in range(rounds):
        first = i % len(names)
        for name in names[first:] + names[:first]:
            if name in too_long:
                continue
            began = time.monotonic()
            results[name].append(tasks[name]())
            if time.monotonic() - began > longest:
                too_long.add(name)
    return results


class Ratio(NamedTuple):
    """The median of the rounds' ratios, the smallest and the largest."""

    middle: float
    smallest: float
    largest: float

    def __str__(self) -> str:
        return f"{short(self.middle)} ({short(self.smallest)}-{short(self.largest)})"


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
    """Return the ratio of the numbers of the same round, which were measured at about one time."""
    # What took too long has fewer rounds.
    ratios = [a / b for a, b in zip(numerators, denominators, strict=False)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def short(number: float) -> str:
    """Return two or three digits; more would not be accurate."""
    return f"{number:.0f}" if number >= 20 else f"{number:.1f}" if number >= 3 else f"{number:.2f}"


def median(numbers: Iterable[float]) -> float:
    """Return the median."""
    return statistics.median(numbers)
