"""Draw cold and remote files as SVG: ``plot.py FILE``, as written by run.py --json.

Each group of bars is a row of the report: time over that of only reading, on a logarithmic axis.
"""

from __future__ import annotations

import json
import math
import sys
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from measure import ratio, short
from report import LIMITS, lower_limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contest import Columns
    from report import Rows

COLOURS = ("#0b6e4f", "#6bbf9a", "#9e9ac8", "#54278f", "#fdae6b", "#d94801", "#a63603", "#969696")
BAR, GAP, LEFT, WIDTH, MARGIN = 9, 14, 130, 820, 60


def draw(rows: Rows) -> str:
    """Return the picture."""
    found = {what: ratios(runs) for what, runs in rows.items()}
    names = list(dict.fromkeys(name for each in found.values() for name in each))
    colours = dict(zip(names, COLOURS, strict=False))
    longest = max(2.0, *(value for each in found.values() for value in each.values()))
    scale = (WIDTH - LEFT - MARGIN) / math.log(longest)
    parts, y = [], 20
    for i, name in enumerate(names):
        x = LEFT + 170 * (i % 4)
        parts.append(rectangle(x, y - 8, 9, colours[name]) + text(x + 14, y, name))
        y += 18 * (i % 4 == 3 or i == len(names) - 1)
    for what, each in found.items():
        y += GAP
        parts.append(text(LEFT - 8, y + BAR * len(each) // 2 + 4, what, "end"))
        for name, value in each.items():
            length = max(1.0, scale * math.log(max(1.0, value)))
            parts.append(rectangle(LEFT, y, length, colours[name]))
            parts.append(text(LEFT + length + 4, y + BAR - 1, short(value)))
            y += BAR
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 30}" '
    head += 'font-family="sans-serif" font-size="11">'
    title = "time / the best time of only reading the same files (logarithmic)"
    background = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([head, background, *parts, text(LEFT, y + 20, title), "</svg>"])


def ratios(runs: Mapping[str, Columns]) -> dict[str, float]:
    """Return the median ratio of each that is not a limit itself."""
    _, limit = lower_limit(runs)
    others = {name: run["seconds"] for name, run in runs.items() if not name.startswith(LIMITS)}
    return {name: ratio(seconds, limit).middle for name, seconds in others.items()}


def rectangle(x: float, y: float, width: float, colour: str) -> str:
    """Return a bar."""
    return f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{BAR - 1}" fill="{colour}"/>'


def text(x: float, y: float, words: str, anchor: str = "start") -> str:
    """Return a line of text."""
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


if __name__ == "__main__":
    print(draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["slow"]))
