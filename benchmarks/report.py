"""Print what was measured as tables of ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from corpora import CORPORA
from measure import median, ratio, short
from own import WAYS
from peers import OURS, READING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Results = dict[str, Any]


def summary(results: Results) -> str:
    """Return all tables, each with its title."""
    facts = [*results["machine"].items(), *results["versions"].items()]
    sections = {
        "Machine and versions": table(facts[0], facts[1:]),
        "Corpora": sizes(results),
        "Time of each peer / checksig; last column: checksig / only reading": speed(results),
        "The same in processor time": speed(results, "cpu"),
        "Peak memory": memory(results),
        "verify() and iter_verify() / the engine alone": python_overhead(results),
        "Cost of a call": call_costs(results),
        "Growth with the number of files: 4 KiB each, SHA-256": growth(results),
        "Growth with the number of workers: time of one worker / time, SHA-256": workers(results),
    }
    return "\n\n".join(f"{title}\n\n{text}" for title, text in sections.items() if text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with aligned columns."""
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def sizes(results: Results) -> str:
    """Return what the corpora are."""
    return "\n".join(
        f"{name}: {files:,} files, {CORPORA[name]}, {size / 1e6:,.0f} MB"
        for name, (files, size) in results["corpora"].items()
    )


def speed(results: Results, measured: str = "seconds") -> str:
    """Return each peer's time over that of checksig, and checksig's over only reading."""
    names = [name for name in _peers(results) if name not in (OURS, READING)]
    rows = []
    for what, runs in results["runs"].items():
        ours = runs[OURS][measured]
        ratios = [str(ratio(runs[name][measured], ours)) if name in runs else "-" for name in names]
        rows.append([what, *ratios, str(ratio(ours, runs[READING][measured]))])
    return table(["corpus, algorithm", *names, "over reading"], rows)


def memory(results: Results) -> str:
    """Return the peak memory of each peer."""
    names = _peers(results)
    rows = [
        [what, *(_megabytes(runs.get(name)) for name in names)]
        for what, runs in results["runs"].items()
    ]
    return table(["MB", *names], rows)


def _peers(results: Results) -> list[str]:
    return list(dict.fromkeys(name for runs in results["runs"].values() for name in runs))


def _megabytes(run: dict[str, list[float]] | None) -> str:
    return f"{median(run['memory']) / 1e6:.0f}" if run else "-"


def python_overhead(results: Results) -> str:
    """Return Python's times over those of the engine, and the difference per entry."""
    times = results.get("python overhead")
    if not times:
        return ""
    files = results["corpora"]["small"][0]
    rows = []
    for way in WAYS:
        fastest = min(times[way]) / min(times["engine"])
        difference = (min(times[way]) - min(times["engine"])) / files * 1e6
        median_ratio = str(ratio(times[way], times["engine"]))
        rows.append([way, median_ratio, f"{fastest:.2f}", f"{difference:.2f} µs"])
    return table(["call", "ratio", "fastest / fastest", "per entry"], rows)


def call_costs(results: Results) -> str:
    """Return the time of a call, and of the same call through gRPC if that was measured."""
    times = results["calls"]
    rows = []
    for what in ("empty call", "verify", "verify, as a process", "first call", "import"):
        ours, theirs = times[f"checksig: {what}"], times.get(f"gRPC: {what}")
        row = [what, f"{median(ours) * 1e6:,.1f} µs"]
        row += [f"{median(theirs) * 1e6:,.1f} µs", str(ratio(theirs, ours))] if theirs else ["", ""]
        rows.append(row)
    return table(["", "checksig", "gRPC", "gRPC / checksig"], rows)


def growth(results: Results) -> str:
    """Return time per file, over that with the fewest files, and peak memory."""
    if not results["growth"]:
        return ""
    counts = list(next(iter(results["growth"].values())))
    rows = []
    for way, found in results["growth"].items():
        first = found[counts[0]][0]
        cells = [f"{short(found[n][0] / first)}; {found[n][1] / 1e6:.0f} MB" for n in counts]
        rows.append([way, *cells])
    return table(["files", *(f"{int(n):,}" for n in counts)], rows)


def workers(results: Results) -> str:
    """Return how many times as fast several workers are as one, and peak memory."""
    rows = [
        [name, count, str(ratio(found["1"]["seconds"], each["seconds"])), _megabytes(each)]
        for name, found in results["workers"].items()
        for count, each in found.items()
    ]
    return table(["corpus", "workers", "times as fast", "MB"], rows) if rows else ""
