"""Reports as HTML: a page that stands alone, and a part of a notebook.

A page loads nothing. Its Content-Security-Policy allows one script and one style sheet, by their
digests, so that nothing that a name could smuggle in would run. All texts pass through
:func:`_text`. Only the first failures and verified entries are listed; the others are counted.
"""

from __future__ import annotations

import binascii
import hashlib
import heapq
from typing import TYPE_CHECKING, Any, NamedTuple

from ._notes import notes
from ._printable import printable_text
from ._short import format_size
from .packages.installed import InstalledReport, PackageStatus
from .report import Report, Status, stored_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .report import Manifest, Result

__all__ = ["fragment", "page"]

_MAX_FAILURES = 1000
_MAX_VERIFIED = 1000
_MAX_OTHERS = 1000
"""How many manifests, packages or notes are listed."""

_MAX_FRAGMENT = 20

_STATES = ("verified", "skipped", "mismatched", "missing", "unreadable")
"""The states of entries; also the names of their colours in the style sheet."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --dim: #59636e; --line: #d1d9e0;
  --paper: #fff; --soft: #f6f8fa; --verified: #2da44e; --skipped: #8c959f;
  --mismatched: #cf222e; --missing: #d4590a; --unreadable: #8250df; --other: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9198a1; --line: #3d444d;
  --paper: #0d1117; --soft: #151b23; --verified: #3fb950; --skipped: #848d97;
  --mismatched: #f85149; --missing: #f0883e; --unreadable: #ab7df8; --other: #d29922; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 75rem; padding: 1.5rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.6rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
h1 .verdict { border-radius: .3rem; padding: 0 .6rem; color: #fff; background: #1a7f37; }
h1 .verdict.failed { background: #b3202b; }
code, .name { font: 13px/1.45 ui-monospace, monospace; white-space: pre-wrap;
  overflow-wrap: anywhere; }
mark { background: var(--other); opacity: .5; } td.file { min-width: 13rem; }
td.where { min-width: 10rem; } td code { font-size: 12px; } td.state { padding-right: 1rem; }
.dim, caption, footer { color: var(--dim); }
.warning { border-left: 4px solid var(--other); padding: .4rem .8rem; background: var(--soft); }
.counts { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; padding: 0;
  list-style: none; }
.counts li { border: 1px solid var(--line); border-top: 4px solid var(--dim); border-radius: .3rem;
  padding: .3rem .9rem .4rem; min-width: 7rem; color: var(--dim); }
.counts b { display: block; font-size: 1.4rem; color: var(--ink); }
.counts .zero { opacity: .55; }
.counts .verified { border-top-color: var(--verified); }
.counts .skipped { border-top-color: var(--skipped); }
.counts .mismatched { border-top-color: var(--mismatched); }
.counts .missing { border-top-color: var(--missing); }
.counts .unreadable { border-top-color: var(--unreadable); }
.counts .other { border-top-color: var(--other); }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--dim); font: 12px system-ui, sans-serif; }
svg .axis { stroke: var(--line); }
svg .verified { fill: var(--verified); } svg .skipped { fill: var(--skipped); }
svg .mismatched { fill: var(--mismatched); } svg .missing { fill: var(--missing); }
svg .unreadable { fill: var(--unreadable); }
form { display: flex; gap: .8rem; align-items: center; margin: .5rem 0; }
input { flex: 1; max-width: 40rem; padding: .4rem .6rem; border: 1px solid var(--line);
  border-radius: .3rem; background: var(--paper); color: var(--ink); font: inherit; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding: .3rem 0; caption-side: bottom; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem .3rem 0; text-align: left;
  vertical-align: top; }
th { color: var(--dim); font-weight: 600; } td.number { text-align: right; white-space: nowrap; }
.state { white-space: nowrap; font-weight: 600; color: var(--other); }
.state.verified { color: var(--verified); } .state.skipped { color: var(--skipped); }
.state.mismatched { color: var(--mismatched); } .state.missing { color: var(--missing); }
.state.unreadable { color: var(--unreadable); }
summary { cursor: pointer; margin: 2rem 0 .5rem; font-size: 1.15rem; font-weight: 600; }
[hidden] { display: none !important; }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: .6rem; }
"""

_SCRIPT = """
"use strict";
const form = document.getElementById("search");
const box = document.getElementById("filter");
const count = document.getElementById("shown");
const rows = Array.from(document.querySelectorAll("tbody.rows tr"));
const texts = rows.map((row) => row.textContent.toLowerCase());
function apply() {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let shown = 0;
  rows.forEach((row, i) => {
    row.hidden = !words.every((word) => texts[i].includes(word));
    shown += row.hidden ? 0 : 1;
  });
  count.textContent = `${shown} of ${rows.length} rows`;
  if (words.length) {
    document.querySelectorAll("details").forEach((each) => { each.open = true; });
  }
}
function fromAddress() {
  try { box.value = decodeURIComponent(location.hash.slice(1)); } catch { box.value = ""; }
  apply();
}
form.addEventListener("submit", (event) => { event.preventDefault(); });
box.addEventListener("input", apply);
addEventListener("hashchange", fromAddress);
form.hidden = rows.length === 0;
fromAddress();
"""

_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
"""

_FORM = """\
<form id="search" hidden><label for="filter">Filter</label>
<input id="filter" type="search" autocomplete="off" placeholder="part of a name, a state, a digest">
<output id="shown" for="filter"></output></form>
"""

_FOOT = """\
<footer>checksig {version}, {time} UTC</footer>
<script>{script}</script>
</body>
</html>
"""


def _text(text: str) -> str:
    """Return *text* for an element or a quoted attribute, without invisible characters."""
    text = printable_text(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("'", "&#39;")


def _name(name: str) -> str:
    """Return *name* as HTML; blanks at its ends are marked."""
    inner = name.strip(" ")
    start = len(name) - len(name.lstrip(" ")) if inner else len(name)
    before, after = name[:start], name[start + len(inner) :]
    marked = [f"<mark>{blanks}</mark>" if blanks else "" for blanks in (before, after)]
    return f'<span class="name">{marked[0]}{_text(inner)}{marked[1]}</span>'


def _digest(text: str) -> str:
    """Return the source of a script or style sheet, for a Content-Security-Policy."""
    sha256 = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{binascii.b2a_base64(sha256, newline=False).decode()}'"


class _Row(NamedTuple):
    """A failure, or whatever else is to be seen first."""

    state: str
    colour: str
    path: str
    details: Sequence[str]
    where: str


class _Totals:
    """What all items have in common: counts, sizes and lists of bounded length."""

    def __init__(self, items: Iterable[Any], most: int = _MAX_FAILURES) -> None:
        self.ok = True
        self.paths: list[str] = []
        self.reports: list[Report] = []
        self.packages: list[InstalledReport] = []
        self.rows: list[_Row] = []
        self.row_count = 0
        self._most = most
        for item in items:
            self._add(item)
        self.counts: dict[str, int] = {
            state: sum(getattr(r, state) for r in self.reports) for state in _STATES
        }
        left = {
            "verified before": sum(report.verified_before for report in self.reports),
            "not verified": sum(report.not_verified for report in self.reports),
        }
        self.left: dict[str, int] = {what: n for what, n in left.items() if n}
        self.others = {
            **self.left,
            "bad lines": sum(report.bad_line_count for report in self.reports),
            "not listed": sum(report.extra for report in self.reports),
        }
        self.bytes_read = sum(report.bytes_read for report in self.reports)
        self.elapsed = sum(report.elapsed for report in self.reports)

    @property
    def entries(self) -> int:
        return sum(self.counts.values()) + sum(self.left.values())

    def _add(self, item: Any) -> None:
        self.paths.append(item.path)
        if isinstance(item, Report):
            self.ok = self.ok and item.ok
            self.reports.append(item)
            self._add_failures(item)
        elif isinstance(item, InstalledReport):
            self.ok = self.ok and item.ok
            self.packages.append(item)
            for package in item.packages:
                if package.report is not None:
                    self.reports.append(package.report)
                    if package.status is PackageStatus.FAILED:
                        self._add_failures(package.report)
                if package.status is PackageStatus.UNVERIFIABLE:
                    self._list("no record", "", package.path, [str(package)])
        else:
            self.ok = False
            self._list("error", "mismatched", item.path, [item.message])

    def _list(
        self, state: str, colour: str, path: str, details: Sequence[str] = (), where: str = ""
    ) -> None:
        self.row_count += 1
        if len(self.rows) < self._most:
            self.rows.append(_Row(state, colour, path, details, where))

    def _add_failures(self, report: Report) -> None:
        for result in report.failures:
            state = result.status.value
            where = f"{result.manifest}:{result.line}"
            self._list(result.reason or state, state, result.path, _details(result), where)
        for bad in report.bad_lines:
            where = f"{bad.manifest}:{bad.line}" if bad.line else bad.manifest
            self._list(bad.kind, "", "", [bad.cause, *([bad.text] if bad.text else [])], where)
        self.row_count += report.bad_lines_omitted
        for extra in report.unlisted:
            moved = [f"moved from {extra.moved_from}"] if extra.moved_from else []
            self._list("not listed", "mismatched" if extra.fails else "", extra.path, moved)


def _details(result: Result) -> list[str]:
    found = [result.detail] if result.detail else []
    if result.status is Status.MISMATCHED and result.found:
        return [*found, f"{result.algorithm} listed {result.expected}", f"found {result.found}"]
    return [*found, *([f"moved to {result.moved_to}"] if result.moved_to else [])]


def page(items: Iterable[Any], *, interrupted: bool = False) -> str:
    """Return a page about *items*: reports, and paths that could not be verified with a message."""
    from importlib.metadata import version
    from time import gmtime, strftime

    time = strftime("%Y-%m-%d %H:%M:%S", gmtime())
    totals = _Totals(items)
    verdict = "FAILED"
    if totals.ok and not interrupted:
        verdict = "OK IN PART" if totals.left.get("not verified") else "OK"
    subject = ", ".join(totals.paths[:3]) + (" …" if len(totals.paths) > 3 else "")
    policy = (
        f"default-src 'none'; style-src {_digest(_STYLE)}; script-src {_digest(_SCRIPT)};"
        " base-uri 'none'; form-action 'none'"
    )
    parts = [
        _HEAD.format(policy=policy, title=f"{verdict}: {_text(subject)} - checksig", style=_STYLE),
        _heading(verdict, subject),
    ]
    if interrupted:
        parts.append('<p class="warning">Interrupted: not everything was verified.</p>\n')
    parts += [
        _counts(totals),
        _FORM,
        _failures(totals),
        _notes(totals),
        _plot(totals),
        *map(_packages, totals.packages),
        _manifests(totals),
        _verified(totals),
        _FOOT.format(version=_text(version("checksig")), time=time, script=_SCRIPT),
    ]
    return "".join(parts)


def fragment(report: Report | InstalledReport) -> str:
    """Return what a notebook shows of *report*; it has no script, and styles nothing else."""
    totals = _Totals([report], _MAX_FRAGMENT)
    colour = "#1a7f37" if report.ok else "#b3202b"
    verdict = "OK" if report.ok else "FAILED"
    if isinstance(report, Report):
        verdict = report.verdict
    counts = f"{_text(report.path)}: {_text(report.summary())}"
    parts = [f'<div><p><b style="color: {colour}">{verdict}</b> {counts}</p>']
    if totals.rows:
        parts.append("<table><thead><tr><th>State</th><th>File</th><th>Details</th>")
        parts.append("<th>Listed in</th></tr></thead><tbody>")
        for row in totals.rows:
            details = "<br>".join(map(_text, row.details))
            cells = (_text(row.state), _text(row.path), details, _text(row.where))
            parts.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
        parts.append("</tbody></table>")
    if totals.row_count > len(totals.rows):
        parts.append(f"<p>... and {totals.row_count - len(totals.rows):,} more</p>")
    found = notes(totals.reports)
    parts += [f"<p>Note: {_text(note)}</p>" for note in found[:_MAX_FRAGMENT]]
    if len(found) > _MAX_FRAGMENT:
        parts.append(f"<p>... and {len(found) - _MAX_FRAGMENT:,} more notes</p>")
    return "".join([*parts, "</div>"])


def _heading(verdict: str, subject: str) -> str:
    kind = "verdict failed" if verdict == "FAILED" else "verdict"
    return f'<h1><span class="{kind}">{verdict}</span> {_name(subject)}</h1>\n'


def _counts(totals: _Totals) -> str:
    cards = [*totals.counts.items(), *totals.others.items()]
    cells: list[str] = []
    for what, n in cards:
        kind = what if what in _STATES else "other"
        cells.append(f'<li class="{kind}{"" if n else " zero"}"><b>{n:,}</b>{what}</li>')
    took = f"{format_size(totals.bytes_read)} read in {totals.elapsed:.2f} s"
    listed = f"{totals.entries:,} entries in {_plural(_manifest_count(totals), 'manifest')}"
    if stored := sum(report.stored for report in totals.reports):
        verified = totals.counts["verified"]
        took += f"; {verified:,} verified{stored_in_words(verified, stored)}"
    return f'<ul class="counts">{"".join(cells)}</ul>\n<p class="dim">{listed}; {took}</p>\n'


def _manifest_count(totals: _Totals) -> int:
    return sum(len(report.manifests) for report in totals.reports)


# --- the plot

_WIDTH, _HEIGHT, _TOP, _BOTTOM = 960, 190, 22, 40
_NOT_READ, _NOT_KEPT = -1, -2


def _plot(totals: _Totals) -> str:
    """Return a plot of how many entries there are of each size, by their state."""
    bars: dict[int, dict[str, int]] = {}
    for report in totals.reports:
        for result in report.iter_results():
            if result.status.value in _STATES:
                bar = bars.setdefault(_decade(result), dict.fromkeys(_STATES, 0))
                bar[result.status.value] += 1
    counted = sum(sum(bar[state] for state in _STATES[:2]) for bar in bars.values())
    lacking = totals.counts["verified"] + totals.counts["skipped"] - counted
    if lacking:  # reports about packages keep no verified entries
        bars[_NOT_KEPT] = {**dict.fromkeys(_STATES, 0), "verified": lacking}
    if not bars:
        return ""
    decades = [decade for decade in (_NOT_READ, _NOT_KEPT) if decade in bars]
    sizes = [decade for decade in bars if decade not in decades]
    decades += range(min(sizes), max(sizes) + 1) if sizes else []
    most = max(sum(bar.values()) for bar in bars.values())
    step = min(_WIDTH / len(decades), 140.0)
    foot = _TOP + _HEIGHT
    shapes: list[str] = []
    for i, decade in enumerate(decades):
        bar = bars.get(decade, {})
        x, y, width = i * step + step * 0.15, float(foot), step * 0.7
        for state in _STATES:
            n = bar.get(state, 0)
            if n:
                # A single failure among a million files must be visible.
                height = max(n / most * (_HEIGHT - 4 * len(_STATES)), 4.0)
                y -= height
                label = f"{_label(decade)}: {n:,} {state}"
                shapes.append(
                    f'<rect class="{state}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}"'
                    f' height="{height:.1f}"><title>{label}</title></rect>'
                )
        middle = x + width / 2
        total = f"{sum(bar.values()):,}" if bar else ""
        shapes.append(_centred(middle, y - 5, total) + _centred(middle, foot + 16, _label(decade)))
    return (
        "<h2>Sizes and states</h2>\n"
        f'<svg viewBox="0 0 {_WIDTH} {foot + _BOTTOM}" role="img"'
        ' aria-label="The number of entries by size and state">'
        f'<line class="axis" x1="0" y1="{foot}" x2="{_WIDTH}" y2="{foot}"/>'
        f"{''.join(shapes)}{_legend(totals, foot + 34)}</svg>\n"
    )


def _centred(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{text}</text>'


def _legend(totals: _Totals, y: int) -> str:
    parts: list[str] = []
    x = 0
    for state in _STATES:
        if totals.counts[state]:
            parts.append(f'<rect class="{state}" x="{x}" y="{y - 10}" width="11" height="11"/>')
            parts.append(f'<text x="{x + 16}" y="{y}">{state}</text>')
            x += 110
    return "".join(parts)


def _decade(result: Result) -> int:
    """Return the number of digits of the size of a file, 0 for an empty one."""
    if not result.size and result.status is not Status.VERIFIED:
        return _NOT_READ
    return len(str(result.size)) if result.size else 0


def _label(decade: int) -> str:
    if decade <= 0:
        return {_NOT_READ: "not read", _NOT_KEPT: "any size", 0: "empty"}[decade]
    low, unit = format_size(10 ** (decade - 1), 0).split()
    high = format_size(10**decade, 0)
    return f"{low} - {high}" if high.endswith(f" {unit}") else f"{low} {unit} - {high}"


# --- lists


def _table(heads: str, rows: Iterable[str], more: int, what: str) -> str:
    columns = "".join(f"<th>{head}</th>" for head in heads.split("|"))
    caption = f"<caption>... and {more:,} more {what}</caption>" if more > 0 else ""
    return (
        f'<div class="wide"><table>{caption}<thead><tr>{columns}</tr></thead>\n'
        f'<tbody class="rows">\n{"".join(rows)}</tbody></table></div>\n'
    )


def _failures(totals: _Totals) -> str:
    if not totals.rows:
        return ""
    rows = (
        f'<tr><td class="state {row.colour}">{_text(row.state)}</td>'
        f'<td class="file">{_name(row.path)}</td>'
        f"<td><code>{'<br>'.join(map(_text, row.details))}</code></td>"
        f'<td class="where">{_name(row.where)}</td></tr>\n'
        for row in totals.rows
    )
    more = totals.row_count - len(totals.rows)
    title = f"<h2>Failures and findings ({totals.row_count:,})</h2>\n"
    return title + _table("State|File|Details|Listed in", rows, more, "- --csv lists all")


def _notes(totals: _Totals) -> str:
    found = notes(totals.reports)
    if not found:
        return ""
    lines = [f"<li>{_text(note)}</li>\n" for note in found[:_MAX_OTHERS]]
    if len(found) > _MAX_OTHERS:
        lines.append(f"<li>... and {len(found) - _MAX_OTHERS:,} more; --json has all</li>\n")
    return f"<h2>Notes</h2>\n<ul>\n{''.join(lines)}</ul>\n"


def _packages(report: InstalledReport) -> str:
    ordered = sorted(report.packages, key=lambda p: p.status is PackageStatus.VERIFIED)
    colours = {PackageStatus.VERIFIED: "verified", PackageStatus.FAILED: "mismatched"}
    rows = (
        f'<tr><td class="state {colours.get(p.status, "")}">{p.status.value}</td>'
        f"<td>{_name(p.name)}</td><td>{_name(p.version)}</td>"
        f'<td class="number">{p.report.entries if p.report else 0:,}</td>'
        f"<td>{_text(p.problem or '')}</td></tr>\n"
        for p in ordered[:_MAX_OTHERS]
    )
    table = _table(
        "State|Package|Version|Files|Problem", rows, len(ordered) - _MAX_OTHERS, "packages"
    )
    return f"<h2>Packages in {_name(report.path)}</h2>\n<p>{_text(report.summary())}</p>\n{table}"


def _manifests(totals: _Totals) -> str:
    if totals.packages:
        return ""
    manifests = [manifest for report in totals.reports for manifest in report.manifests]
    rows = (
        f"<tr><td>{_name(m.path)}</td><td>{_text(m.format)}</td>"
        f"<td>{_text(', '.join(m.algorithms))}</td><td>{_signature(m)}</td></tr>\n"
        for m in manifests[:_MAX_OTHERS]
    )
    columns = "Manifest|Format|Algorithms|Signature"
    table = _table(columns, rows, len(manifests) - _MAX_OTHERS, "manifests")
    return f"<h2>Manifests</h2>\n{table}" if manifests else ""


def _signature(manifest: Manifest) -> str:
    """Return who signed a manifest, or what is known of its signature."""
    return "<br>".join(_text(str(signer)) for signer in manifest.signers) or manifest.signature


def _verified(totals: _Totals) -> str:
    """Return a list of the first verified entries, which can be opened."""
    rows: list[str] = []
    for report in totals.reports:
        order = {manifest.path: i for i, manifest in enumerate(report.manifests)}
        first = heapq.nsmallest(
            _MAX_VERIFIED - len(rows),
            (result for result in report.iter_results() if result.status.value in _STATES[:2]),
            key=lambda result, order=order: (order[result.manifest], result.line),  # type: ignore[misc]
        )
        rows += map(_verified_row, first)
    if not rows:
        return ""
    count = totals.counts["verified"] + totals.counts["skipped"]
    table = _table(
        "State|File|Size|Algorithm and digest", rows, count - len(rows), "- --csv lists all"
    )
    return f"<details><summary>Verified entries ({count:,})</summary>\n{table}</details>\n"


def _verified_row(result: Result) -> str:
    return (
        f'<tr><td class="state {result.status.value}">{result.status.value}</td>'
        f'<td>{_name(result.path)}</td><td class="number">{format_size(result.size)}</td>'
        f"<td><code>{_text(result.algorithm)} {_text(result.expected)}</code></td></tr>\n"
    )


def _plural(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
