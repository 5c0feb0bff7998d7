"""The plot: a row for each corpus and algorithm, a point for each peer, on a logarithmic scale.

Written as plain SVG: equal figures give equal bytes, and a change can be read.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from peers import READING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from measure import Ratio

COLOURS = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#d55e00", "#cc79a7", "#8c6d31", "#777777")
"""Of Okabe and Ito: they can be told apart by everybody."""

WIDTH, LEFT, RIGHT, TOP, ROW = 760, 120, 20, 92, 20
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)
STYLE = (
    "text{font:12px sans-serif;fill:#333}.t{font-weight:bold;font-size:14px}.m{text-anchor:middle}"
)


def draw(rows: Mapping[str, Mapping[str, Ratio]]) -> str:
    """Draw how many times as long as checksig each peer takes."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    colours = dict(zip(names, COLOURS, strict=False))
    ratios = [each.median for row in rows.values() for each in row.values()]
    low, high = min(*ratios, 0.5) / 1.2, max(*ratios, 2) * 1.2
    bottom = TOP + ROW * len(rows) + 6 * (len({name.split()[0] for name in rows}) - 1)

    def x(value: float) -> float:
        part = math.log(value / low) / math.log(high / low)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 24}" role="img">',
        "<title>How many times as long as checksig others take</title>",
        f"<style>{STYLE}</style>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        '<text class="t" x="12" y="20">Times as long as checksig takes (left is faster)</text>',
        *_legend(colours),
        *_axis(x, low, high, bottom),
    ]
    y, corpus = TOP + ROW / 2, next(iter(rows)).split()[0]
    for what, row in rows.items():
        if what.split()[0] != corpus:
            corpus = what.split()[0]
            y += 6
        lines.append(f'<text x="12" y="{y + 4:.0f}">{what}</text>')
        for name, each in row.items():
            lines.append(_point(x(each.median), y, name, each.median, colours[name]))
        y += ROW
    return "\n".join([*lines, "</svg>", ""])


def _point(x: float, y: float, name: str, value: float, colour: str) -> str:
    fill = "#fff" if name == READING else colour
    return (
        f'<circle cx="{x:.1f}" cy="{y:.0f}" r="4.5" fill="{fill}" stroke="{colour}">'
        f"<title>{name}: {value:.2f}</title></circle>"
    )


def _legend(colours: Mapping[str, str]) -> list[str]:
    lines = []
    for i, (name, colour) in enumerate(colours.items()):
        x, y = 20 + i % 4 * 185, 40 + i // 4 * 18
        lines.append(_point(x, y, name, 1, colour).replace(f"<title>{name}: 1.00</title>", ""))
        lines.append(f'<text x="{x + 10}" y="{y + 4}">{name}</text>')
    return lines


def _axis(x: Callable[[float], float], low: float, high: float, bottom: float) -> list[str]:
    lines = []
    for tick in TICKS:
        if not low <= tick <= high:
            continue
        at, colour = f"{x(tick):.1f}", "#333" if tick == 1 else "#ddd"
        lines.append(f'<path d="M{at} {TOP}V{bottom}" stroke="{colour}"/>')
        lines.append(f'<text class="m" x="{at}" y="{TOP - 6}">{tick:g}</text>')
        below = "checksig" if tick == 1 else f"{tick:g}"
        lines.append(f'<text class="m" x="{at}" y="{bottom + 16}">{below}</text>')
    return lines
