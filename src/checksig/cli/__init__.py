"""The command line, a layer over the public API.

Exit codes: 0 everything is verified, 1 something is not as listed, 2 wrong usage, nothing could be
verified, or the output could not be written, 130 or 143 interrupted.
"""

from __future__ import annotations

import os
import sys

from .._typing import TYPE_CHECKING, Any, NoReturn
from . import coreutils, streams

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main", "program", "whole_parser"]

_VERIFYING = """\
exit codes:
  0    everything is verified
  1    something is not as listed
  2    wrong usage, no manifest, one that cannot be read, or output that cannot
       be written
  130  interrupted by Ctrl-C, or 143 by SIGTERM; what was found is printed
"""

_WRITING = """\
exit codes:
  0    the manifest was written
  2    wrong usage, or nothing was written
  130  interrupted
"""

_PRINTING = """\
exit codes:
  0    it was printed
  2    wrong usage, or output that cannot be written
"""

_EXIT_CODES = {
    "verify": _VERIFYING,
    "create": _WRITING,
    "update": """\
exit codes:
  0    the manifest was written, or would be
  1    a listed file is missing; or one has changed or is suspect, was not
       accepted, and the manifest was left alone
  2    wrong usage, or an error, and nothing was written
  130  interrupted
""",
    "convert": _WRITING,
    "hash": """\
exit codes:
  0    every digest was printed
  2    wrong usage, or a file that cannot be read
  130  interrupted by Ctrl-C, or 143 by SIGTERM
""",
    "env": _VERIFYING,
    **dict.fromkeys(("dpkg", "rpm", "pacman", "apk", "conda"), _VERIFYING),
    "algorithms": _PRINTING,
    "keys": """\
exit codes:
  0    every key was printed
  2    wrong usage, a file that cannot be read, or one without keys
""",
    "completion": _PRINTING,
    "install-shims": """\
exit codes:
  0    the scripts were written
  2    wrong usage, or a script that cannot be written
""",
}
"""The end of the help of each command."""

_COMMANDS = {
    "verify": "verify files against manifests; the default command",
    "hash": "print the digests of files",
    "create": "write a manifest of files",
    "update": "update a manifest, reading only changed files",
    "convert": "write a manifest in another format",
    "env": "verify the packages of a Python environment against their RECORDs",
    "conda": "verify the packages of a conda environment against conda's digests",
    "dpkg": "verify the packages of a Debian system against dpkg's digests",
    "rpm": "verify the packages of an RPM system against rpm's database",
    "pacman": "verify the packages of an Arch Linux system against pacman's database",
    "apk": "verify the packages of an Alpine system against apk's database",
    "algorithms": "list the algorithms and their strength",
    "keys": "list what a file of public keys holds",
    "install-shims": "write scripts that replace md5sum, sha256sum, cksum, ...",
    "completion": "print a completion script for bash, zsh or fish",
}
"""Each is a module of this package with ``configure(parser)`` and ``run(options)``."""

_GARBAGE = 50_000
"""How many objects are allocated between two collections; the imports allocate fewer."""

_COREUTILS = "like the command of GNU coreutils"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with *argv* (``sys.argv[1:]`` if None) and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in coreutils.COMMANDS:
        return coreutils.run_command(words)
    streams.open_streams()
    try:
        return _run(words)
    except KeyboardInterrupt:
        streams.complain("interrupted")
        return 130
    except streams.OutputError as error:
        if not error.quiet:
            streams.complain(str(error))
    except MemoryError:
        streams.complain("not enough memory")
    except Exception as error:  # noqa: BLE001 - exit code 1 would mean that a file is not as listed
        streams.complain(_error_text(error))
    finally:
        streams.silence()
    return 2


def program() -> int:
    """Run the command as a program of its own, which ends here.

    A small folder is verified in less time than Python needs to collect garbage during the imports,
    and to take down all modules at the end. Both are left out; exit functions are called. Where a
    debugger or profiler watches, the exit code is returned instead.
    """
    import atexit
    import gc

    gc.set_threshold(_GARBAGE)
    code = main()
    if sys.gettrace() or sys.getprofile() or sys.flags.inspect:
        return code
    # As multiprocessing does before os._exit.
    atexit._run_exitfuncs()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    streams.silence()
    os._exit(code)


def _run(words: list[str]) -> int:
    if words[:1] == ["help"] and not os.path.lexists("help"):
        words = [*words[1:], "--help"]
    try:
        name = words.pop(0) if words and words[0] in _COMMANDS else ""
        is_plain = name in {"", "verify"} and all(map(_is_path, words))
        if is_plain:
            from .._engine import prepare

            prepare()  # goes on while modules are imported
        from .arguments import check_options  # not needed for the commands of coreutils

        command = command_module(name or "verify")
        if is_plain:
            return _end(command.run(Defaults(command, words)))
        parser = _parser(name)
        command.configure(parser)
        parser.usage = _usage(parser)
        if not name:
            _check_command(parser, words)
        check_options(parser, words)
        return _end(command.run(_parse(parser, words)))
    except SystemExit as error:  # after --help, or an error in the arguments
        return _end(error.code if isinstance(error.code, int) else 2)


def _end(code: int) -> int:
    streams.flush()
    return code


def _is_path(word: str) -> bool:
    return os.path.lexists(word) and not word.startswith("-")


class Defaults:
    """The arguments of a command line that has paths only, without the import of argparse.

    It stands for the parser that a command adds its options to, and keeps their defaults.
    """

    def __init__(self, command: Any, paths: list[str]) -> None:
        self._action_groups = ()
        command.configure(self)
        if paths:
            self.set_defaults(paths=paths)

    def add_argument_group(self, _title: str) -> Defaults:
        """Return itself."""
        return self

    def add_argument(self, *names: str, action: str = "", **settings: Any) -> Defaults:
        """Keep the default of an argument; of several for the same attribute, the first counts."""
        longest = max(names, key=len).lstrip("-").replace("-", "_")
        default = {"store_true": False, "store_false": True}.get(action)
        vars(self).setdefault(settings.get("dest", longest), settings.get("default", default))
        return self

    def set_defaults(self, **defaults: Any) -> None:
        """Replace defaults."""
        vars(self).update(defaults)


def _parse(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """Parse *words*; options may be among the other arguments, of any number."""
    several = any(action.nargs in {"*", "+"} for action in parser._actions)  # noqa: SLF001 - as above
    if several and "--" not in words:  # which parse_intermixed_args does not pass on
        return parser.parse_intermixed_args(words)
    return parser.parse_args(words)


def _error_text(error: Exception) -> str:
    from .._printable import printable_text
    from ..errors import ChecksigError

    if isinstance(error, ChecksigError):
        return str(error)
    text = printable_text(str(error))
    if isinstance(error, OSError):
        return text
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = "" if at is None else f" in {at.tb_frame.f_code.co_filename}, line {at.tb_lineno}"
    return f"internal error, please report it: {type(error).__name__}: {text}{where}"


def whole_parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return a parser of all commands, and the parsers of the commands by name.

    They are for completion and the man page. They cannot parse a command line, as argparse does not
    distinguish the name of a command from a PATH.
    """
    import argparse

    parser = _parser("")
    within = parser.add_subparsers(metavar="COMMAND", parser_class=argparse.ArgumentParser)
    commands = {name: within.add_parser(name, help=text) for name, text in _COMMANDS.items()}
    for name, command in commands.items():
        command_module(name).configure(command)
    for name in coreutils.COMMANDS:
        commands[name] = within.add_parser(name, help=_COREUTILS, add_help=False)
        commands[name].add_argument("files", metavar="FILE", nargs="*", help="a file")
    command_module("verify").configure(parser)
    return parser, commands


def command_module(command: str) -> Any:
    """Return the module of a command."""
    # Without importlib, which would have to be imported first.
    return __import__(f"{__name__}.{command.replace('-', '_')}", fromlist=["run"])


def _check_command(parser: argparse.ArgumentParser, words: list[str]) -> None:
    """End the program if the first word is a misspelt command, not a path."""
    if not words or words[0].startswith("-") or os.path.lexists(words[0]):
        return
    import difflib

    from .._printable import printable

    # The cutoff keeps the usual error for a missing file, such as SHA256SUMS or updates.md5.
    close = difflib.get_close_matches(words[0], _COMMANDS, 1, 0.75)
    if close:
        text = f'neither a command nor an existing path; did you mean "{close[0]}"?'
        parser.error(f"{printable(words[0])}: {text}")


def _usage(parser: argparse.ArgumentParser) -> str:
    """Return the usage in one line."""
    words = [parser.prog, "[OPTION...]"]
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way
        shape = {"*": "[{}...]", "+": "{}...", "?": "[{}]"}.get(str(action.nargs), "{}")
        if action.required and action.option_strings:
            words.append(f"{action.option_strings[-1]} {action.metavar}")
        elif not action.option_strings:
            words.append(shape.format(action.metavar or action.dest))
    return " ".join(words)


def _parser(name: str) -> argparse.ArgumentParser:
    """Return a parser without arguments for the command *name*; "" is for `checksig` alone."""
    import argparse  # not needed for the commands of coreutils
    import contextlib

    from .._printable import printable_text

    class Formatter(argparse.HelpFormatter):
        """Wraps paragraphs at words, and leaves lists and tables as they are."""

        def _fill_text(self, text: str, width: int, indent: str) -> str:
            return "\n\n".join(
                "\n".join(indent + line for line in part.splitlines())
                if "\n " in f"\n{part}"
                else super(Formatter, self)._fill_text(part, width, indent)
                for part in text.rstrip().split("\n\n")
            )

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            super().error(printable_text(f"{message}; see {self.prog} --help"))

        def _print_message(self, message: str, file: Any = None) -> None:
            if message and file is sys.stdout:
                streams.write(message.removesuffix("\n"))
            elif message:
                with contextlib.suppress(OSError, ValueError):
                    sys.stderr.write(message)

    class Version(argparse.Action):
        def __call__(self, *_: object) -> NoReturn:
            from importlib.metadata import version  # here, as this import takes longest

            streams.write(f"checksig {version('checksig')}")
            parser.exit()

    width = max(map(len, _COMMANDS))
    commands = "".join(f"  {name:{width}}  {text}\n" for name, text in _COMMANDS.items())
    commands += f"  {', '.join(coreutils.COMMANDS)}:\n  {'':{width}}  {_COREUTILS}\n"
    parser = Parser(
        prog=f"checksig {name}" if name else "checksig",
        epilog=_EXIT_CODES.get(name, "") if name else f"commands:\n{commands}\n{_VERIFYING}",
        formatter_class=Formatter,
        allow_abbrev=False,
    )
    text = "show the version and exit"
    parser.add_argument("--version", action=Version, nargs=0, help=text)
    return parser
