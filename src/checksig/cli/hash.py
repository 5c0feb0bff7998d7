"""``checksig hash [FILE...]``: print the digests of files."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .. import ChecksigError, digest
from .._algorithms import find
from .._files import hash_files
from .._printable import printable
from .._source import escape_name
from .arguments import add_flag, add_option
from .output import error_message
from .streams import StandardOutput, complain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Sequence

__all__ = ["configure", "run"]


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
    add_option(parser, "create", "workers")
    add_option(parser, "create", "leave_cache")


def run(options: argparse.Namespace) -> int:
    """Print the lines, and return the exit code: 2 if a file could not be read."""
    algorithms = ",".join(options.algorithm or ["sha256"]).split(",")
    tagged = options.tag or len(algorithms) > 1
    code = 0
    try:
        for file, outcome in _outcomes(options, algorithms):
            code = max(code, _print(file, outcome, algorithms if tagged else ()))
    except (ChecksigError, OSError, ValueError) as error:  # an unknown algorithm, for example
        complain(error_message(options.files[0], error))
        return 2
    return code


def _print(file: str, outcome: list[str] | Exception, algorithms: Sequence[str]) -> int:
    """Print the lines for a file, and return the exit code; *algorithms* are named in them."""
    if isinstance(outcome, Exception):
        text = error_message(file, outcome)
        if os.path.isdir(file):
            text = f"{printable(file)}: a folder; checksig create writes a manifest of it"
        complain(text)
        return 2
    output = StandardOutput()
    for i, found in enumerate(outcome):
        output.write(_line(file, find(algorithms[i]) if algorithms else "", found))
    return 0


def _outcomes(
    options: argparse.Namespace, algorithms: Sequence[str]
) -> Generator[tuple[str, list[str] | Exception]]:
    """Yield each file with its digests or its error, in their order."""
    files: list[str] = options.files
    paths = [file for file in files if file != "-"]
    hashed = hash_files(
        paths, algorithms, workers=options.workers, leave_cache=bool(options.leave_cache)
    )
    for file in files:
        if file == "-":
            yield file, _standard_input(algorithms)
        else:
            yield file, next(hashed)[1]


def _standard_input(algorithms: Sequence[str]) -> list[str] | Exception:
    if sys.stdin is None:
        return ValueError("standard input is closed")
    try:
        return list(digest(sys.stdin.buffer, list(algorithms)).values())
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
