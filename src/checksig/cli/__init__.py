"""The command line, a layer over the public API.

Exit codes: 0 all verified, 1 something is not as listed, 2 usage, no manifest, or one that cannot
be read, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_EPILOG = """\
exit codes: 0 all verified; 1 something is not as listed; 2 usage, no manifest, or one that
cannot be read; 130 interrupted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with *argv* (``sys.argv[1:]`` if None) and return its exit code."""
    try:
        options = _parser().parse_args(argv)
        from . import verify

        code = verify.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("checksig: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output went away. Python would complain once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="checksig",
        description="Verify files against checksum manifests (sha1sum.txt, SHA256SUMS, ...).",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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
    parser.add_argument("--no-progress", action="store_true", help="draw no progress bar")
    parser.add_argument(
        "--version", action="version", version=f"checksig {importlib.metadata.version('checksig')}"
    )
    return parser


def _workers(text: str) -> int:
    n = int(text)
    if not 1 <= n <= 1024:
        raise argparse.ArgumentTypeError(f"{n} is not between 1 and 1024")
    return n
