"""``checksig hash [FILE...]``: print the digests of files."""

from __future__ import annotations

import contextlib
import os
import time

from .. import CancelledError, ChecksigError, digest
from .._algorithms import find
from .._files import hash_files
from .._source import escape_name
from .._typing import TYPE_CHECKING, Any
from ..report import SCHEMA
from .arguments import add_flag, add_no_progress, add_option
from .interrupt import Interruption
from .output import error_message
from .progress import Bar
from .streams import StandardOutput, complain, flush, standard_input, write
from .text import shown_name

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Sequence

    from .. import Progress

__all__ = ["configure", "run"]

_SIZES_AFTER = 0.9
"""Seconds after which the sizes of the files are found out: just before the bar appears."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Print the digests of files, in lines that checksig and the commands of GNU coreutils"
        " verify. Every algorithm of `checksig algorithms` can be used, and each file is read once."
    )
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="*",
        default=["-"],
        help="a file, - for standard input (default: -)",
    )
    add_option(parser, "create", "algorithm")
    add_flag(
        parser,
        "--tag",
        text="print lines that name the algorithm; the default for several algorithms",
    )
    add_flag(parser, "--json", text="print one JSON document")
    add_no_progress(parser)
    add_option(parser, "create", "workers")
    add_option(parser, "create", "io_depth")
    add_option(parser, "create", "leave_cache")


def run(options: argparse.Namespace) -> int:
    """Print the lines, and return the exit code: 2 if a file could not be read."""
    algorithms = ",".join(options.algorithm or ["sha256"]).split(",")
    with Interruption() as interruption:
        output = _Output(options, algorithms)
        try:
            with output.bar:
                for file, outcome in _outcomes(options, algorithms, output.bar, interruption):
                    output.add(file, outcome)
        except (CancelledError, KeyboardInterrupt):
            if not interruption.number:
                raise
        except (ChecksigError, OSError, ValueError) as error:  # an unknown algorithm, for example
            output.add(options.files[0], error)
        return output.end(interruption)


class _Output:
    """Prints a line for each digest, or one JSON document."""

    def __init__(self, options: argparse.Namespace, algorithms: Sequence[str]) -> None:
        self.bar = Bar(shown=options.progress)
        self._json: bool = options.json
        self._algorithms = algorithms
        self._tagged = options.tag or len(algorithms) > 1
        self._files: list[dict[str, Any]] = []
        self._errors: list[dict[str, str]] = []

    def add(self, file: str, outcome: list[str] | Exception) -> None:
        """Take the digests of a file, or its error."""
        if isinstance(outcome, Exception):
            self._add_error(file, outcome)
        elif self._json:
            names = map(find, self._algorithms)
            self._files.append({"path": file, "digests": dict(zip(names, outcome, strict=True))})
        else:
            output = StandardOutput()
            with self.bar.hidden():
                for name, found in zip(self._algorithms, outcome, strict=True):
                    output.write(_line(file, find(name) if self._tagged else "", found))
                flush()

    def _add_error(self, file: str, error: Exception) -> None:
        text = error_message(file, error)
        if os.path.isdir(file):
            text = f"{shown_name(file)}: a folder; checksig create writes a manifest of it"
        self._errors.append({"path": file, "message": text})
        if not self._json:
            with self.bar.hidden():
                complain(text)

    def end(self, interruption: Interruption) -> int:
        """Print the document, and return the exit code."""
        interrupted = bool(interruption.number)
        if self._json:
            import json

            ok = not self._errors and not interrupted
            document = {"schema": SCHEMA, "ok": ok, "files": self._files, "errors": self._errors}
            write(json.dumps({**document, "interrupted": interrupted}, indent=2))
        if interrupted:
            flush()
            complain("interrupted")
            return interruption.exit_code
        return 2 if self._errors else 0


def _outcomes(
    options: argparse.Namespace, algorithms: Sequence[str], bar: Bar, interruption: Interruption
) -> Generator[tuple[str, list[str] | Exception]]:
    """Yield each file with its digests or its error, in their order."""
    files: list[str] = options.files
    paths = [file for file in files if file != "-"]
    hashed = hash_files(
        paths,
        algorithms,
        workers=options.workers,
        io_depth=options.io_depth,
        leave_cache=bool(options.leave_cache),
        progress=_Drawing(bar, paths) if bar.shown else None,
        cancel=interruption.token,
    )
    for file in files:
        if file == "-":
            with interruption.raising():
                outcome = _standard_input(algorithms, bar)
            yield file, outcome
        else:
            yield file, next(hashed)[1]


class _Drawing:
    """Draws the progress, with the size of all files, which is found out when the bar appears."""

    def __init__(self, bar: Bar, paths: Sequence[str]) -> None:
        self._bar = bar
        self._paths = paths
        self._began = time.monotonic()
        self._total: int | None = None

    def __call__(self, progress: Progress) -> None:
        if self._total is None and time.monotonic() - self._began > _SIZES_AFTER:
            self._total = sum(map(_size, self._paths))
        progress = progress._replace(total_files=len(self._paths), total_bytes=self._total)
        self._bar.update(progress)


def _size(path: str) -> int:
    with contextlib.suppress(OSError, ValueError):
        return os.stat(path).st_size
    return 0


def _standard_input(algorithms: Sequence[str], bar: Bar) -> list[str] | Exception:
    try:
        file = standard_input()
    except ValueError as error:  # of an unknown algorithm it would be about all files
        return error
    progress = bar.update if bar.shown else None
    try:
        return list(digest(file, list(algorithms), progress=progress).values())
    except (ChecksigError, OSError) as error:
        return error


def _line(file: str, algorithm: str, found: str) -> bytes:
    """Return the line for a file, as GNU coreutils print it; "" is for lines without algorithm."""
    name = os.fsencode(file)
    escaped = escape_name(name)
    mark = b"\\" if escaped != name else b""
    if not algorithm:
        return mark + found.encode() + b"  " + escaped + b"\n"
    tag = algorithm.upper().replace("SHA512-", "SHA512/")
    tag = tag.replace("BLAKE2B", "BLAKE2b").replace("BLAKE2S", "BLAKE2s")
    return b"%s%s (%s) = %s\n" % (mark, tag.encode(), escaped, found.encode())
