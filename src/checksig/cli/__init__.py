"""The command line, a layer over the public API.

Exit codes: 0 all verified, 1 something is not as listed, 2 usage, no manifest, or one that cannot
be read, 130 interrupted.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import importlib.metadata
import os
import sys
from typing import TYPE_CHECKING, Any

from . import coreutils

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "whole_parser"]

_EXIT_CODES = """\
exit codes: 0 all verified; 1 something is not as listed; 2 usage, no manifest, or one that
cannot be read; 130 interrupted
"""

_COMMANDS = {
    "verify": "verify files against manifests, which is also done where no command is named",
    "create": "write a manifest of files",
    "update": "bring a manifest up to date, reading only what changed",
    "convert": "write a manifest in another format",
    "env": "verify the packages of a Python environment against their RECORDs",
    "dpkg": "verify the packages of a Debian system against dpkg's digests",
    "algorithms": "list the algorithms, and what each withstands",
    "install-shims": "put scripts into a folder that are md5sum, sha256sum, cksum, ...",
    "completion": "print a script that completes this command in bash, zsh or fish",
}
"""Each is a module of this package, which has ``configure(parser)`` and ``run(options)``."""

_COREUTILS = "as GNU coreutils has it"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with *argv* (``sys.argv[1:]`` if None) and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in coreutils.COMMANDS:
        return coreutils.run_command(words)
    try:
        name = words.pop(0) if words and words[0] in _COMMANDS else ""
        command = _module(name or "verify")
        parser = _parser(f"checksig {name}" if name else "checksig", overview=not name)
        command.configure(parser)
        code: int = command.run(parser.parse_args(words))
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("checksig: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        if not _is_broken_pipe(error):
            raise
        # Whoever read the output went away. Python would complain once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _is_broken_pipe(error: OSError) -> bool:
    """Whether a write failed because nobody reads; Windows gives that the number of a bad call."""
    return isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL)


def whole_parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return one parser that knows every command, and those of the commands by their names.

    It is for completion and the man page, and parses nothing itself: argparse could not tell a
    command's name and a PATH apart.
    """
    parser = _parser("checksig", overview=True)
    within = parser.add_subparsers(metavar="COMMAND", parser_class=argparse.ArgumentParser)
    commands = {name: within.add_parser(name, help=text) for name, text in _COMMANDS.items()}
    for name, command in commands.items():
        _module(name).configure(command)
    for name in coreutils.COMMANDS:
        commands[name] = within.add_parser(name, help=_COREUTILS, add_help=False)
        commands[name].add_argument("files", metavar="FILE", nargs="*", help="a file")
    _module("verify").configure(parser)
    return parser, commands


def _module(command: str) -> Any:
    return importlib.import_module(f".{command.replace('-', '_')}", __name__)


def _parser(prog: str, *, overview: bool) -> argparse.ArgumentParser:
    width = max(map(len, _COMMANDS))
    commands = "".join(f"  {name:{width}}  {text}\n" for name, text in _COMMANDS.items())
    commands += f"  {', '.join(coreutils.COMMANDS)}:\n  {'':{width}}  {_COREUTILS}\n"
    parser = argparse.ArgumentParser(
        prog=prog,
        epilog=(f"commands:\n{commands}\n" if overview else "") + _EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = importlib.metadata.version("checksig")
    parser.add_argument("--version", action="version", version=f"checksig {version}")
    return parser
