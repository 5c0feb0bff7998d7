"""Print what was measured as tables of ratios: ``report.py FILE``, as written by run.py --json."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpora import DESCRIPTIONS
from measure import median, ratio, short
from own import WAYS
from peers import OURS, READING, WALKING, WARM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from contest import Columns

    Rows = Mapping[str, Mapping[str, Columns]]

Results = dict[str, Any]
LIMITS = (READING, WALKING, WARM)


def summary(results: Results) -> str:
    """Return all tables, each with its title."""
    facts = [*results["machine"].items(), *results["versions"].items()]
    slow, warm = results["slow"], results.get("runs", {})
    sections = {
        "Machine and versions": table(facts[0], facts[1:]),
        "Corpora": sizes(results),
    }
    if slow:
        sections |= {
            "Cold and remote files, SHA-256: time / the best only reading": over_best(slow),
            "Cold and remote files: only reading with 1 to 64 threads, seconds": reading(slow),
            "Cold and remote files: time of each peer / checksig": speed(slow),
            "Cold and remote files: peak memory": memory(slow),
        }
    if warm:
        sections |= {
            "In the page cache: time of each peer / checksig": speed(warm),
            "The same in processor time": speed(warm, "cpu"),
            "Peak memory": memory(warm),
            "Bytes a second with mixed sizes / with 1 MiB": rates(results),
            "verify() and iter_verify() / the engine alone": python_overhead(results),
            "Growth with the number of files: 4 KiB each, SHA-256": growth(results),
            "Time of one worker / time of several, SHA-256": workers(results),
        }
    if "calls" in results:
        sections["Cost of a call"] = call_costs(results)
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items() if text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown with aligned columns."""
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([padded[0], rule, *padded[1:]])


def sizes(results: Results) -> str:
    """Return what the corpora are."""
    return "\n".join(
        f"- {name}: {files:,} files, {DESCRIPTIONS[name]}, {size / 1e6:,.0f} MB"
        for name, (files, size) in results["corpora"].items()
    )


def over_best(rows: Rows) -> str:
    """Return the time of checksig and its peers over that of the fastest reader."""
    names = [name for name in _peers(rows) if not name.startswith(LIMITS)]
    cells = []
    for what, runs in rows.items():
        limit, seconds = lower_limit(runs)
        ratios = [
            str(ratio(runs[name]["seconds"], seconds)) if name in runs else "-" for name in names
        ]
        cells.append([what, *ratios, limit])
    return table(["", *names, "limit"], cells)


def lower_limit(runs: Mapping[str, Columns]) -> tuple[str, list[float]]:
    """Return the name and seconds of the fastest reader, or hashing from the cache if slower."""
    readers = {name: runs[name]["seconds"] for name in runs if name.startswith(LIMITS)}
    warm = readers.pop(WARM, None)
    best = min(readers, key=lambda name: median(readers[name]))
    if warm and median(warm) > median(readers[best]):
        return WARM, warm
    return best, readers[best]


def reading(rows: Rows) -> str:
    """Return the seconds of each reader."""
    names = [name for name in _peers(rows) if name.startswith(LIMITS)]
    cells = [
        [what, *(short(median(runs[name]["seconds"])) if name in runs else "-" for name in names)]
        for what, runs in rows.items()
    ]
    return table(["", *names], cells)


def speed(rows: Rows, measured: str = "seconds") -> str:
    """Return each peer's time over that of checksig, and checksig's over only reading."""
    names = [name for name in _peers(rows) if name != OURS and not name.startswith(LIMITS)]
    cells = []
    for what, runs in rows.items():
        if WALKING in runs:
            continue
        ours = runs[OURS][measured]
        ratios = [str(ratio(runs[name][measured], ours)) if name in runs else "-" for name in names]
        if READING in runs:
            ratios.append(str(ratio(ours, runs[READING][measured])))
        cells.append([what, *ratios])
    last = ["checksig / only reading"] if any(READING in runs for runs in rows.values()) else []
    return table(["corpus, algorithm", *names, *last], cells)


def memory(rows: Rows) -> str:
    """Return the peak memory of each peer."""
    names = _peers(rows)
    cells = [[what, *(_megabytes(runs.get(name)) for name in names)] for what, runs in rows.items()]
    return table(["MB", *names], cells)


def _peers(rows: Rows) -> list[str]:
    return list(dict.fromkeys(name for runs in rows.values() for name in runs))


def _megabytes(run: Columns | None) -> str:
    return f"{median(run['memory']) / 1e6:.0f}" if run else "-"


def rates(results: Results) -> str:
    """Return the bytes a second with files of mixed sizes over those with files of 1 MiB."""
    found = results.get("rates", {})
    cells = [[name, str(ratio(each["mixed"], each["medium"]))] for name, each in found.items()]
    return table(["algorithm", "mixed / medium"], cells) if cells else ""


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
    command, nothing = times["checksig: the command"], times["python -c pass"]
    rows.append(["the command", f"{median(command) * 1e6:,.1f} µs", "", ""])
    rows.append(["python -c pass", f"{median(nothing) * 1e6:,.1f} µs", "", ""])
    over = ratio(command, nothing)
    return (
        table(["", "checksig", "gRPC", "gRPC / checksig"], rows)
        + f"\nThe command takes {over} times as long as `python -c pass`.\n"
    )


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


if __name__ == "__main__":
    print(summary(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
