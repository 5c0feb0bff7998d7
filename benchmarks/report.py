"""What was measured, as text: for the terminal, for docs/benchmarks.md, for the README."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plot
from corpora import CORPORA
from measure import Ratio, middle, ratio, short
from own import WAYS
from peers import OURS, READING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Results = dict[str, Any]

PAGE = Path(__file__).with_name("page.md")
"""docs/benchmarks.md, with a place for each table."""


def summary(results: Results) -> str:
    """The ratios, for the terminal."""
    parts = {
        "Times as long as checksig; last column: checksig over only reading": speed(results),
        "The same in processor time": speed(results, "cpu"),
        "The corpora": sizes(results),
        "Peak memory": memory(results),
        "What Python adds": added(results),
        "Calls": call_costs(results),
        "Growth": growth(results),
    }
    return "\n\n".join(f"{title}\n\n{part}" for title, part in parts.items() if part)


def write(results: Results, root: Path) -> None:
    """Write the page and the plot, and the figures in the README."""
    docs = root / "docs"
    page = PAGE.read_text(encoding="utf-8").format(
        rounds=results["rounds"],
        note=f"{results['note']}\n\n" if results["note"] else "",
        machine=table(["machine", ""], results["machine"].items()),
        versions=table(["program", "version"], results["versions"].items()),
        date=results["date"],
        sizes=sizes(results),
        speed=speed(results),
        cpu=speed(results, "cpu"),
        memory=memory(results),
        added=added(results),
        calls=call_costs(results),
        growth=growth(results),
    )
    (docs / "benchmarks.md").write_text(page, encoding="utf-8")
    (docs / "benchmarks.svg").write_text(plot.draw(rows(results)), encoding="utf-8")
    readme = root / "README.md"
    text = with_figures(readme.read_text(encoding="utf-8"), sentence(results))
    readme.write_text(text, encoding="utf-8")


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def rows(results: Results, measured: str = "seconds") -> dict[str, dict[str, Ratio]]:
    """For each corpus and algorithm, how many times as long as checksig each peer takes."""
    return {
        what: {
            name: ratio(each[measured], runs[OURS][measured])
            for name, each in runs.items()
            if name != OURS
        }
        for what, runs in results["runs"].items()
    }


def speed(results: Results, measured: str = "seconds") -> str:
    """Everybody's time over ours, and ours over that of only reading."""
    everything = rows(results, measured)
    names = [name for name in next(iter(everything.values())) if name != READING]
    body = []
    for what, ratios in everything.items():
        runs = results["runs"][what]
        over = ratio(runs[OURS][measured], runs[READING][measured])
        body.append([what, *(str(ratios.get(name, "–")) for name in names), str(over)])  # noqa: RUF001
    return table(["corpus, algorithm", *names, "over only reading"], body)


def sizes(results: Results) -> str:
    """What the corpora are."""
    return "\n".join(
        f"- {name}: {files:,} files, {CORPORA[name]}, {size / 1e6:,.0f} MB"
        for name, (files, size) in results["corpora"].items()
    )


def memory(results: Results) -> str:
    """The most memory that each had."""
    names = list(next(iter(results["runs"].values())))
    body = [
        [what, *(_megabytes(runs.get(name)) for name in names)]
        for what, runs in results["runs"].items()
    ]
    return table(["MB", *names], body)


def _megabytes(run: dict[str, list[float]] | None) -> str:
    return f"{middle(run['memory']) / 1e6:.0f}" if run else "–"  # noqa: RUF001


def added(results: Results) -> str:
    """Python's times over the engine's, and what that is for an entry."""
    times = results.get("added")
    if not times:
        return ""
    files = results["corpora"]["small"][0]
    body = []
    for way in WAYS:
        difference = min(times[way]) - min(times["engine"])
        each = f"{difference / files * 1e6:.2f} µs"
        quickest = min(times[way]) / min(times["engine"])
        body.append([f"`{way}`", str(ratio(times[way], times["engine"])), f"{quickest:.2f}", each])
    head = ["call", "over the engine alone", "quickest over quickest", "more an entry"]
    return table(head, body)


def call_costs(results: Results) -> str:
    """The times of calls, and gRPC's over ours."""
    times = results["calls"]
    body = []
    for what in ("empty call", "verify", "verify, as a process", "first call", "import"):
        ours, theirs = times.get(f"checksig: {what}"), times.get(f"gRPC: {what}")
        if ours is None:
            continue  # measured before there was this row
        line = [what, f"{middle(ours) * 1e6:,.1f} µs"]
        other = (
            [f"{middle(theirs) * 1e6:,.1f} µs", str(ratio(theirs, ours))] if theirs else ["", ""]
        )
        body.append(line + other)
    if not any(name.startswith("gRPC") for name in times):
        body = [line[:2] for line in body]
    head = ["", "checksig", "gRPC", "times as long"]
    return table(head[: len(body[0])], body)


def growth(results: Results) -> str:
    """Time and memory by the number of files, and by that of workers."""
    parts = []
    if results["growth"]:
        counts = list(next(iter(results["growth"].values())))
        body = []
        for way, found in results["growth"].items():
            first = found[counts[0]][0]
            cells = [f"{short(found[n][0] / first)}; {found[n][1] / 1e6:.0f} MB" for n in counts]
            body.append([f"`{way}`", *cells])
        parts += [
            "Files of 4 KiB, SHA-256: a file's time over that with the fewest files; peak memory.",
            table(["files", *(f"{int(n):,}" for n in counts)], body),
        ]
    for name, found in results["cores"].items():
        one = found["1"]["seconds"]
        body = [
            [n, str(ratio(one, each["seconds"])), _megabytes(each)] for n, each in found.items()
        ]
        parts += [
            f"The {name} files, SHA-256: how many times faster than with one worker.",
            table(["workers", "times faster", "peak memory, MB"], body),
        ]
    return "\n\n".join(parts)


def with_figures(text: str, figures: str) -> str:
    """The README with this run's figures between its two marks."""
    begin, end = "<!-- benchmarks -->\n", "\n<!-- end of benchmarks -->"
    changed, count = re.subn(
        f"{begin}.*{end}", lambda _: f"{begin}{figures}{end}", text, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError("README.md has no place for the figures")
    return changed


def sentence(results: Results) -> str:
    """What the README says: from the least to the most over all corpora and algorithms."""
    everything = rows(results).values()

    def span(ratios: Iterable[float]) -> str:
        found = sorted(ratios)
        return f"{short(found[0])} to {short(found[-1])} times"

    hashlib = span(
        min(each.median for name, each in row.items() if name.startswith("hashlib"))
        for row in everything
    )
    go, rhash = (span(row[name].median for row in everything) for name in ("Go pool", "rhash"))
    reading = span(1 / row[READING].median for row in everything)
    machine = results["machine"]
    text = (
        f"On {machine['Processors that may be used']} processors ({machine['Processor']}), for"
        f" {_listed(results['corpora'])} files and {_listed(results['runs'])}: hashlib, the better"
        f" of one thread and a pool, takes {hashlib} as long as `verify()`; a pool of goroutines"
        f" with Go's own digests {go}; rhash {rhash}. `verify()` itself takes {reading} as long"
        f" as only reading the files. {results['note'] or ''}"
    )
    return textwrap.fill(text, 110, break_long_words=False, break_on_hyphens=False)


def _listed(whats: Iterable[str]) -> str:
    """The last words, each once, as a text lists them."""
    *names, last = dict.fromkeys(what.split()[-1] for what in whats)
    return f"{', '.join(names)} and {last}" if names else last
