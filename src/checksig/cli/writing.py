"""What the commands that write manifests share."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .. import ChecksigError, Converted, Created, Updated
from ..report import printable
from .output import message, workers
from .text import size

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from .. import Written

__all__ = ["add_reading", "add_selection", "selection", "tell"]

_MOST_NAMES = 20  # of each kind; --json lists them all


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which files are listed."""
    parser.add_argument(
        "--exclude",
        metavar="PATTERN",
        action="append",
        default=[],
        help="leave out files and folders of that name (*.tmp), or of that path (/build, src/*.o)",
    )
    parser.add_argument(
        "--links",
        choices=["follow", "skip", "refuse"],
        default="follow",
        help="list symbolic links as the files they lead to, pass them by, or refuse them",
    )
    parser.add_argument(
        "--follow-outside",
        action="store_true",
        help="list files that links outside the tree lead to; by default they are refused",
    )
    parser.add_argument(
        "--skip-special",
        action="store_true",
        help="pass by FIFOs, sockets and devices; by default they are refused",
    )
    workers(parser)
    parser.add_argument("--no-progress", action="store_true", help="draw no progress bar")


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how a manifest is read."""
    parser.add_argument("--from", metavar="FORMAT", help="the manifest's format, if not detected")
    parser.add_argument(
        "--algorithm", metavar="NAME", help="that of digests which do not say it themselves"
    )


def selection(options: argparse.Namespace) -> dict[str, Any]:
    """Return what :func:`add_selection` asked for, as keywords."""
    names = ("links", "follow_outside", "skip_special", "exclude", "workers")
    return {name: getattr(options, name) for name in names}


def tell(options: argparse.Namespace, where: str, work: Callable[[], Written]) -> int:
    """Do the work, print what was written, and return the exit code; *where* is for errors."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)  # not there in a REPL or a test
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")  # for what its encoding lacks
    try:
        written = work()
    except (ChecksigError, OSError, ValueError) as error:
        what = message(getattr(error, "filename", None) or where, error)
        print(f"checksig: {what}", file=sys.stderr)
        return 2
    ok = not isinstance(written, Updated) or written.ok
    if written.manifest != "-":
        if options.json:
            print(json.dumps(_dict(written, ok=ok), indent=2))
        elif not (ok and options.quiet):
            print(_text(written))
    return 0 if ok else 1


def _dict(written: Written, *, ok: bool) -> dict[str, Any]:
    d = {"ok": ok, **asdict(written)}
    if isinstance(written, Updated):
        del d["_unread"]
        d["unread"] = written.unread
    return d


def _text(written: Written) -> str:
    lines: list[str] = []
    if isinstance(written, Updated):
        lines += _names("MISSING", written.missing)
        lines += _names("SUSPECT", written.suspect)
        lines += _names("CHANGED", written.changed)
        lines += _names("ADDED", written.added)
        lines += _names("REMOVED", written.removed)
    if isinstance(written, Created):
        lines += _names("PASSED BY", written.passed_by)
    if isinstance(written, (Updated, Converted)):
        lines += _names("DROPPED", written.dropped_comments)
    counts = [f"{written.files} files" if written.files != 1 else "1 file"]
    if isinstance(written, Updated):
        counts.append(f"{len(written.unread)} of them not read again")
    counts += [", ".join(written.algorithms), written.format]
    took = f"{written.elapsed:.2f} s"
    if isinstance(written, Created):
        took = f"{size(written.bytes_read)} in {took}"
    lines.append(f"{'WRITTEN':11} {printable(written.manifest)}: {', '.join(counts)} ({took})")
    return "\n".join(lines)


def _names(word: str, names: Iterable[str]) -> list[str]:
    names = list(names)
    lines = [f"{word:11} {printable(name)}" for name in names[:_MOST_NAMES]]
    if len(names) > _MOST_NAMES:
        lines.append(f"{'':11} ... and {len(names) - _MOST_NAMES} more; --json lists them all")
    return lines


def output_of(text: str) -> Any:
    """Return what ``-o`` means: a path, or standard output."""
    return sys.stdout.buffer if text == "-" else os.fsencode(text)
