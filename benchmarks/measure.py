"""Running programs one after another, and comparing how long they took."""

from __future__ import annotations

import json
import statistics
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    T = TypeVar("T")

_LONGEST_SECONDS = 3600


@dataclass(frozen=True)
class Run:
    """What one run of a program was like."""

    code: int
    output: str
    errors: str
    seconds: float
    """From its start to its end; what it says itself, where it measures itself."""
    cpu: float
    """Seconds of processor time, likewise."""
    memory: int
    """The most bytes it, or one of its children, had at once (``ru_maxrss``)."""

    def said(self) -> dict[str, float]:
        """What a program of ours printed, as JSON; nothing if it failed."""
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
    said = run.said()
    return replace(run, seconds=said.get("seconds", run.seconds), cpu=said.get("cpu", run.cpu))


def columns(runs: Sequence[Run]) -> dict[str, list[float]]:
    """What is kept of some runs, by what was measured."""
    return {
        "seconds": [run.seconds for run in runs],
        "cpu": [run.cpu for run in runs],
        "memory": [run.memory for run in runs],
    }


def alternate(tasks: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Run each task once in every round, each time starting with another one.

    What happens on the machine meanwhile hits all of them, and nobody always comes last.
    """
    results: dict[str, list[T]] = {name: [] for name in tasks}
    names = list(tasks)
    for i in range(rounds):
        first = i % len(names)
        for name in names[first:] + names[:first]:
            results[name].append(tasks[name]())
    return results


class Ratio(NamedTuple):
    """How many times one thing is another: the median of the rounds, the least and the most."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{short(self.median)} ({short(self.least)}–{short(self.most)})"  # noqa: RUF001


def ratio(several: Sequence[float], one: Sequence[float]) -> Ratio:
    """Compare each round's figures with one another, as both were taken at about the same time."""
    ratios = [a / b for a, b in zip(several, one, strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def short(number: float) -> str:
    """Two or three digits, as no more are meant."""
    return f"{number:.0f}" if number >= 20 else f"{number:.1f}" if number >= 3 else f"{number:.2f}"


def middle(numbers: Iterable[float]) -> float:
    """The median."""
    return statistics.median(numbers)
