"""``checksig [verify] PATH...``: verify files against manifests."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from .. import ChecksigError, Report, Status, verify
from ..report import printable as _escaped
from .progress import Bar

__all__ = ["configure", "run"]

_INDENT = " " * 12
_MOST_BAD_LINES = 20  # of what is no manifest at all, the first lines say enough


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = "Verify files against checksum manifests (sha1sum.txt, SHA256SUMS, ...)."
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", help="a manifest, or a folder that holds manifests"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print nothing for a PATH that is verified"
    )
    parser.add_argument(
        "-j",
        "--workers",
        type=_workers,
        metavar="N",
        help="read N files at once (default: as many as CPUs)",
    )
    parser.add_argument(
        "--follow-outside",
        action="store_true",
        help="read files outside the manifest's folder too; by default they are refused",
    )
    _add_options(parser)
    parser.add_argument("--no-progress", action="store_true", help="draw no progress bar")


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which files count, and where they are."""
    add = parser.add_argument
    add("-r", "--recursive", action="store_true", help="find manifests in subfolders, too")
    add(
        "--extra",
        choices=("ignore", "report", "fail"),
        default="ignore",
        help="what to do about files that no manifest lists (default: %(default)s)",
    )
    add("--ignore-missing", action="store_true", help="skip entries whose file is missing")
    add("--root", metavar="DIR", help="the folder that names start from, for all manifests")
    add("--strip", type=int, default=0, metavar="N", help="leave out N leading parts of names")
    add("--basename", action="store_true", help="leave out all parts of names but the last")
    add(
        "--remap",
        type=_prefix,
        action="append",
        metavar="FROM=TO",
        help="replace a prefix of names; may be given several times, the longest that fits counts",
    )
    add("--min-strength", metavar="NAME", help="refuse algorithms weaker than this one")
    add("--algorithm", metavar="NAME", help="the algorithm of digests that are not tagged")
    add("--format", metavar="NAME", help="the format of manifests, instead of detecting it")


def run(options: argparse.Namespace) -> int:
    """Verify each path, print what was found, and return the exit code."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)  # not there in a REPL or a test
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")  # for what its encoding lacks
    code = 0
    reports: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    for path in options.paths:
        try:
            with Bar(shown=not options.no_progress) as bar:
                report = verify(
                    path,
                    check=False,
                    workers=options.workers,
                    follow_outside=options.follow_outside,
                    recursive=options.recursive,
                    extra=options.extra,
                    ignore_missing=options.ignore_missing,
                    root=options.root,
                    strip=options.strip,
                    basename=options.basename,
                    remap=dict(options.remap or ()),
                    min_strength=options.min_strength,
                    algorithm=options.algorithm,
                    format=options.format,
                    keep_verified=False,
                    progress=bar.update if bar.shown else None,
                )
        except (ChecksigError, OSError, ValueError) as error:
            code = 2
            message = _message(path, error)
            errors.append({"path": path, "message": message})
            if not options.json:
                print(f"checksig: {message}", file=sys.stderr)
            continue
        if not report.ok:
            code = max(code, 1)
        if options.json:
            reports.append(report.to_dict())
        elif not (report.ok and options.quiet):
            print(_text(report))
    if options.json:
        print(json.dumps({"ok": code == 0, "reports": reports, "errors": errors}, indent=2))
    return code


def _workers(text: str) -> int:
    n = int(text)
    if not 1 <= n <= 1024:
        raise argparse.ArgumentTypeError(f"{n} is not between 1 and 1024")
    return n


def _prefix(text: str) -> tuple[str, str]:
    prefix, equals, replacement = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not FROM=TO")
    return prefix, replacement


def printable(name: str) -> str:
    """Return *name* for a terminal; on Windows its separators stay single."""
    text = _escaped(name)
    return text.replace("\\\\", "\\") if os.name == "nt" else text


def _message(path: str, error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{printable(path)}: {error.strerror}"
    return str(error)


def _text(report: Report) -> str:
    lines: list[str] = []
    for result in report.failures:
        lines.append(f"{result.status.upper():11} {printable(result.path)}")
        if result.status is Status.MISMATCHED and result.found:
            lines.append(f"{_INDENT}{result.algorithm} listed {result.expected}")
            lines.append(f"{_INDENT}{' ' * len(result.algorithm)}  found {result.found}")
        elif result.detail and result.status is not Status.MISSING:
            lines.append(f"{_INDENT}{result.detail}")
    for bad in report.bad_lines[:_MOST_BAD_LINES]:
        where = f" line {bad.line}" if bad.line else ""
        lines.append(f"{'BAD LINE':11} {printable(bad.manifest)}{where}")
        lines.append(f"{_INDENT}{bad.cause}" + (f": {printable(bad.text)}" if bad.text else ""))
    if len(report.bad_lines) > _MOST_BAD_LINES:
        more = len(report.bad_lines) - _MOST_BAD_LINES
        lines.append(f"{_INDENT}... and {more} bad lines more; --json lists them all")
    verdict = "OK" if report.ok else "FAILED"
    rate = f"{_size(report.bytes_read)} in {report.elapsed:.2f} s"
    lines.append(f"{verdict:11} {printable(report.path)}: {report.summary()} ({rate})")
    return "\n".join(lines)


def _size(n: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} TB"
