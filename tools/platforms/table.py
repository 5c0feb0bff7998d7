"""The table of platforms: what was recorded of each, and the documents that show it.

`python3 tools/platforms/table.py` writes it into docs/platforms.md and README.md, and with --check
only says whether they are as they should be. It needs neither Linux nor root.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
PAGE = ROOT / "docs" / "platforms.md"
README = ROOT / "README.md"
WORKFLOW = ROOT / ".github" / "workflows" / "wheels.yml"
BEGIN, END = "<!-- written by tools/platforms -->", "<!-- end -->"


@dataclass
class Row:
    """What came of one platform, as the command recorded it: a day's fact, kept with the source."""

    name: str
    platform: str
    built: str
    tested: str
    tests: str
    result: str
    seconds: int
    date: str
    notes: list[str]

    def save(self) -> None:
        """Keep it, one file for each platform."""
        RESULTS.mkdir(exist_ok=True)
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        Path(RESULTS, f"{self.name}.json").write_text(f"{text}\n", encoding="utf-8", newline="\n")


@dataclass(frozen=True)
class Platform:
    """What a wheel is for: the rows that prove it here, and the job that does it on a release."""

    title: str
    rows: tuple[str, ...]
    job: str | None


PLATFORMS = (
    Platform(
        "Linux x86-64, glibc 2.17 or later",
        ("manylinux-x86_64", "cibuildwheel", "cpython-3.13", "pypy", "free-threaded"),
        "manylinux-x86_64",
    ),
    Platform("Linux aarch64, glibc 2.17 or later", ("manylinux-aarch64",), "manylinux-aarch64"),
    Platform("Linux x86-64, musl", ("musllinux-x86_64",), "musllinux-x86_64"),
    Platform("Linux aarch64, musl", ("musllinux-aarch64",), "musllinux-aarch64"),
    Platform("Windows x86-64", ("windows-amd64",), "windows-amd64"),
    Platform("macOS 13 or later, arm64", ("macos",), "macos-arm64"),
    Platform("macOS 13 or later, x86-64", ("macos",), "macos-x86_64"),
    Platform("any, from source", ("sdist", "reproducible"), None),
)
ROWS = tuple(dict.fromkeys(name for platform in PLATFORMS for name in platform.rows))


def recorded() -> dict[str, Row]:
    """Read what was recorded, in the order of the table."""
    files = {name: RESULTS / f"{name}.json" for name in ROWS}
    return {
        name: Row(**json.loads(file.read_text(encoding="utf-8")))
        for name, file in files.items()
        if file.exists()
    }


def jobs() -> dict[str, str]:
    """Read which wheels the workflow makes, and on which machine each."""
    text = WORKFLOW.read_text(encoding="utf-8")
    return dict(re.findall(r"- \{ name: ([\w.-]+), runner: ([\w.-]+)", text))


def markdown(*lines: tuple[object, ...]) -> str:
    """Write a table; the first line is its head."""
    rows = ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    rows.insert(1, "|" + " --- |" * len(lines[0]))
    return "\n".join(rows)


def table(rows: dict[str, Row]) -> str:
    """Write what was recorded, in full."""
    head = ("platform", "built with", "tested on", "tests", "result", "seconds", "on", "row")
    lines = [
        (r.platform, r.built, r.tested, r.tests, r.result, r.seconds, r.date, f"`{name}`")
        for name, r in rows.items()
    ]
    return markdown(head, *lines)


def page(rows: dict[str, Row]) -> str:
    """Write the part of docs/platforms.md that comes from the records."""
    missing = [name for name in ROWS if name not in rows]
    notes = [f"- `{name}`: {note}" for name, row in rows.items() for note in row.notes]
    notes += [f"- `{name}`: never run as a whole" for name in missing]
    return "\n".join((table(rows), "", *notes))


def short(rows: dict[str, Row]) -> str:
    """Write the part of README.md: for each platform, what proves it here and what on a release."""
    workflow = jobs()

    def here(platform: Platform) -> str:
        done = [rows[name] for name in platform.rows if name in rows]
        said = [f"{r.tested}: pass" if r.result == "pass" else f"`{r.name}`: FAIL" for r in done]
        return "; ".join(said) or "not run"

    def released(platform: Platform) -> str:
        return f"`{workflow[platform.job]}`" if platform.job else "-"

    head = ("platform", "tested here", "tested by the release on")
    return markdown(head, *((p.title, here(p), released(p)) for p in PLATFORMS))


def documents() -> Iterator[tuple[Path, str]]:
    """Each document as it should be."""
    rows = recorded()
    for path, body in ((PAGE, page(rows)), (README, short(rows))):
        before, rest = path.read_text(encoding="utf-8").split(BEGIN)
        yield path, f"{before}{BEGIN}\n{body}\n{END}{rest.split(END, 1)[1]}"


def write() -> None:
    """Bring the documents up to date."""
    for path, text in documents():
        path.write_text(text, encoding="utf-8", newline="\n")


def wrong() -> Iterator[str]:
    """Say what in the documents is not as recorded, and which wheel has no row."""
    ours = {platform.job for platform in PLATFORMS if platform.job}
    theirs = set(jobs())
    for job in sorted(ours ^ theirs):
        where = "the table of platforms" if job in theirs else WORKFLOW.name
        yield f"{job} is not in {where}"
    if ours <= theirs:
        for path, text in documents():
            if path.read_text(encoding="utf-8") != text:
                yield f"{path.name} is not as recorded: python3 tools/platforms/table.py"
    for file in RESULTS.glob("*.json"):
        if file.stem not in ROWS:
            yield f"{file.name} is of no platform in the table"


def main() -> int:
    """Write the documents, or with --check look at them only."""
    if sys.argv[1:] != ["--check"]:
        write()
    errors = list(wrong())
    print("\n".join(errors) or "the platforms are as recorded")
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main())
