"""Command-line arguments, derived from the option table and shared by several commands."""

from __future__ import annotations

import os

from .._options import ATTESTING, PARTIAL, REQUIRED, TABLE, Option, options_of
from .._printable import printable
from .._typing import TYPE_CHECKING, Any
from .streams import StandardOutput

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = [
    "CLUSTERS",
    "GROUPS",
    "add_arguments",
    "add_clusters",
    "add_color",
    "add_config",
    "add_flag",
    "add_no_progress",
    "add_option",
    "check_options",
    "given",
    "group_of",
]


GROUPS = {
    "which files": (
        "recursive",
        "root",
        "strip",
        "basename",
        "remap",
        "only",
        "include",
        "exclude",
        "columns",
        "relative_to",
        "links",
        "follow_outside",
        "skip_special",
        "remember",
    ),
    "what counts": (
        "extra",
        "ignore_missing",
        "ignore_text",
        "ignore_attributes",
        "stored",
        "part_size",
        "min_strength",
        "bag_profile",
    ),
    "in parts": PARTIAL,
    "who must have signed it": (
        "trust",
        "trust_fingerprint",
        "signers",
        "signature",
        "namespace",
        *ATTESTING,
    ),
    "algorithm and format": ("algorithm", "format", "to"),
    "the manifest": ("output", "overwrite", "drop_signature", "all", "prune", "add"),
    "changes": ("dry_run", "accept_changed", "accept_suspect"),
    "speed": ("workers", "io_depth", "leave_cache"),
}
"""The options of the table by the headings of the help."""


def group_of(parser: argparse.ArgumentParser, title: str) -> Any:
    """Return the part of the help with that heading; the first call makes it."""
    for group in parser._action_groups:  # noqa: SLF001 - argparse has no public way
        if group.title == title:
            return group
    return parser.add_argument_group(title)


def add_arguments(parser: argparse.ArgumentParser, operation: str) -> None:
    """Add all options of *operation*."""
    for option in options_of(operation).values():
        _add(parser, option)
        if option.name == "exclude":
            _add_exclude_from(parser)


def _add_exclude_from(parser: argparse.ArgumentParser) -> None:
    action: Any = group_of(parser, "which files").add_argument(
        "--exclude-from",
        action="extend",
        default=None,
        type=_read_patterns,
        metavar="FILE",
        help="leave out what the patterns in FILE match, one a line, with # comments; can be"
        " repeated",
    )
    action.value_kind = "file"


_MAX_PATTERNS = 1 << 20  # bytes; the engine takes no more


def _read_patterns(path: str) -> list[bytes]:
    """Return the patterns in a file.

    As in ``.gitignore``, blanks at the end of a line count only after a backslash.
    """
    import argparse

    try:
        with open(os.fsencode(path), "rb") as file:
            text = file.read(_MAX_PATTERNS + 1)
    except OSError as error:
        what = f"{printable(path)}: {error.strerror}"
        raise argparse.ArgumentTypeError(what) from error
    if len(text) > _MAX_PATTERNS:
        what = f"{printable(path)}: more than {_MAX_PATTERNS} bytes of patterns"
        raise argparse.ArgumentTypeError(what)
    patterns: list[bytes] = []
    for line in text.split(b"\n"):
        pattern = line.rstrip(b" \t\r")
        if pattern.endswith(b"\\") and len(pattern) < len(line):
            pattern = line[: len(pattern) + 1]
        if pattern and not pattern.startswith(b"#"):
            patterns.append(pattern)
    return patterns


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the options about the configuration file."""
    group = group_of(parser, "who must have signed it")
    action: Any = group.add_argument(
        "--config",
        metavar="FILE",
        help="take trust, signers, min_strength and so on from this file, unless they are options"
        " here (default: checksig.toml, or pyproject.toml with [tool.checksig], in the working"
        " folder)",
    )
    action.value_kind = "file"
    group.add_argument(
        "--no-config",
        dest="config",
        action="store_false",
        default=None,
        help="read no configuration file",
    )


CLUSTERS = ("dask", "ray", "spark")
"""The options that name a cluster, which hashes the files."""


def add_clusters(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a cluster."""
    clusters = {
        "dask": ("ADDRESS", "Dask scheduler (tcp://HOST:8786)"),
        "ray": ("ADDRESS", "Ray cluster (auto, ray://HOST:10001)"),
        "spark": ("MASTER", "Spark master (spark://HOST:7077, local[4])"),
    }
    group = group_of(parser, "speed")
    for name in CLUSTERS:
        metavar, what = clusters[name]
        group.add_argument(
            f"--{name}",
            metavar=metavar,
            help=f"have the files hashed by the workers of this {what}, which need the same files"
            " at the same paths",
        )


def add_option(parser: argparse.ArgumentParser, operation: str, name: str) -> None:
    """Add a single option of *operation*."""
    _add(parser, options_of(operation)[name])


def _add(parser: argparse.ArgumentParser, option: Option) -> None:
    settings: dict[str, Any] = {"dest": option.name, "help": option.help.replace("%", "%%")}
    if option.type == "bool":
        settings["action"] = "store_false" if option.default else "store_true"
    else:
        settings["default"] = option.command_line_default
        settings["metavar"] = option.metavar
    if option.type in {"algorithms", "keys", "mapping", "names", "paths", "patterns", "texts"}:
        settings["action"] = "append"
    match option.type:
        case "int":
            settings["type"] = _integer(option)
        case "mapping":
            settings["type"] = _pair
        case "choice":
            settings.update(choices=option.choices, default=option.default)
        case _:
            pass
    if option.default is REQUIRED and option.command_line_default is None:
        settings["required"] = True
    title = next((title for title, names in GROUPS.items() if option.name in names), "")
    action: Any = group_of(parser, title).add_argument(*option.flags, **settings)
    action.value_kind = option.complete  # for cli/completion.py


_NOT_NEEDED = "leave it out: manifests are verified without it"
_BAD_LINES = "leave it out: lines that are not understood are always errors"
_SUBFOLDERS = "leave it out: files in subfolders are always listed"
_HABITS = {
    "verify": {
        "-c": _NOT_NEEDED,
        "--check": _NOT_NEEDED,
        "-w": _BAD_LINES,
        "--warn": _BAD_LINES,
        "--strict": _BAD_LINES,
        "-s": "did you mean --quiet?",
        "--status": "did you mean --quiet?",
    },
    "create": {"-r": _SUBFOLDERS, "-R": _SUBFOLDERS, "--recursive": _SUBFOLDERS},
}
"""Options of other programs, and what to do instead."""


def check_options(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """End the program if one of *words* is an unknown option; name the one probably meant.

    argparse itself would complain about missing arguments first, which a misspelt option may be.
    """
    actions = parser._actions  # noqa: SLF001 - argparse has no public way
    known = [name for action in actions for name in action.option_strings]
    for word in words:
        if word == "--":
            return
        name = word.partition("=")[0]
        habits = _HABITS.get(parser.prog.partition(" ")[2] or "verify", {})
        if word in habits and name not in known:
            parser.error(f"unknown option {word}; {habits[word]}")
        if not name.startswith("--") or name in known or " " in word:
            continue  # argparse takes a word with a space for an argument
        import difflib

        longer = [each for each in known if each.startswith(name)]
        close = longer if len(longer) == 1 else difflib.get_close_matches(name, known, 1, 0.7)
        by_keyword = [a.option_strings[-1] for a in actions if f"--{a.dest}" == name]
        close = by_keyword or close  # the name in Python, such as overwrite of --force
        hint = f"; did you mean {close[0]}?" if close else ""
        owner = next((each.operations[0] for each in TABLE if name in each.flags), None)
        if owner is not None:
            hint = f"; it is an option of checksig {owner}"
        parser.error(f"unknown option {printable(name)}{hint}")


def given(arguments: argparse.Namespace, operation: str) -> dict[str, Any]:
    """Return the options that were parsed, as keywords of the API."""
    keywords: dict[str, Any] = {}
    for option in options_of(operation).values():
        value: Any = getattr(arguments, option.name)
        if option.name == "exclude" and getattr(arguments, "exclude_from", None):
            value = [*(value or ()), *arguments.exclude_from]
        if value is None:
            continue  # the API has the default
        if option.type == "mapping":
            value = dict(value)
        elif option.type == "output":
            value = StandardOutput() if value == "-" else os.fsencode(value)
        keywords[option.name] = value
    return keywords


def _integer(option: Option) -> Any:
    def integer(text: str) -> int:
        import argparse

        number = int(text)
        least, most = option.bounds or (number, number)
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{number} is not between {least} and {most}")
        return number

    return integer


def _pair(text: str) -> tuple[str, str]:
    import argparse

    prefix, equals, replacement = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not FROM=TO")
    return prefix, replacement


def add_flag(parser: argparse.ArgumentParser, *names: str, text: str) -> None:
    """Add an option without a value that is not one of the API."""
    group_of(parser, "output").add_argument(*names, action="store_true", help=text)


def add_no_progress(parser: argparse.ArgumentParser) -> None:
    """Add the options about progress."""
    group = group_of(parser, "output")
    group.add_argument(
        "--progress",
        choices=("auto", "lines", "none"),
        default="auto",
        help="auto: a bar, on a terminal; lines: a line every 30 s, for logs; none (default: auto)",
    )
    group.add_argument(
        "--no-progress",
        dest="progress",
        action="store_const",
        const="none",
        help="the same as --progress none",
    )


def add_color(parser: argparse.ArgumentParser) -> None:
    """Add the option about colours."""
    group_of(parser, "output").add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="colour the output; auto: on a terminal, unless NO_COLOR is set, and wherever"
        " FORCE_COLOR is (default: auto)",
    )
