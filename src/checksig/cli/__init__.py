"""The command line, a layer over the public API.

Exit codes: 0 all verified, 1 something is not as listed, 2 usage, no manifest, or one that cannot
be read, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_EXIT_CODES = """\
exit codes: 0 all verified; 1 something is not as listed; 2 usage, no manifest, or one that
cannot be read; 130 interrupted
"""

_COMMANDS = {
    "verify": "verify files against manifests, which is also done where no command is named",
    "algorithms": "list the algorithms, and what each withstands",
}
"""Each is a module of this package, which has ``configure(parser)`` and ``run(options)``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with *argv* (``sys.argv[1:]`` if None) and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        named = bool(words) and words[0] in _COMMANDS
        command = importlib.import_module(f".{words[0] if named else 'verify'}", __name__)
        parser = _parser(f"checksig {words.pop(0)}" if named else "checksig")
        command.configure(parser)
        code: int = command.run(parser.parse_args(words))
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("checksig: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output went away. Python would complain once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _parser(prog: str) -> argparse.ArgumentParser:
    commands = "".join(f"  {name:11} {text}\n" for name, text in _COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog=prog,
        epilog=f"commands:\n{commands}\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = importlib.metadata.version("checksig")
    parser.add_argument("--version", action="version", version=f"checksig {version}")
    return parser
