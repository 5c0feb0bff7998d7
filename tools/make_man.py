#!/usr/bin/env python3
"""Print the man page docs/checksig.1, from the options of the checksig that is installed.

Run it as ``.venv/bin/python tools/make_man.py > docs/checksig.1``.
"""

from __future__ import annotations

import argparse
import re
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from checksig.cli import whole_parser
from checksig.cli.coreutils import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator

DATE = "2026-11-22"
"""When the text below was changed last."""

DESCRIPTION = """\
Verifies files against checksum manifests, on every core. A PATH is a manifest, or a folder: every
manifest counts in it that has one of the usual names. Failures are printed first, and last a line
with the counts. All is OK only if every line was understood, every file was read to its end, and
every digest is the one listed.

The first word is taken for a command if it is the name of one, else for a PATH: say ./env for a
folder of that name.
"""

EXIT_STATUS = {
    "0": "All is verified.",
    "1": "Something is not as listed, or a line was not understood.",
    "2": "Wrong usage; or there is no manifest, or it cannot be read.",
    "130": "Interrupted.",
}

ENVIRONMENT = {
    "CHECKSIG_ENGINE": "Where the engine runs: library, in this process, or process, in its own.",
    "NO_COLOR": "If set and not empty, nothing is coloured.",
}

EXAMPLES = {
    "checksig downloads/": "Verify what the manifests in a folder list.",
    "checksig -r --extra fail archive/": "In subfolders too; every file has to be listed.",
    "checksig --junit report.xml dist/SHA256SUMS": "Tell a CI system, too.",
    "checksig env .venv": "Verify the packages of a virtual environment.",
    "checksig dpkg coreutils": "Verify a package of the system.",
}


def roff(text: str) -> str:
    """Return *text* such that roff prints it as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.MULTILINE)


def paragraphs(text: str) -> Iterator[str]:
    """Yield the lines of a text; an indented line is shown as it is."""
    for i, part in enumerate(text.strip().split("\n\n")):
        if i:
            yield ".PP"
        if part.startswith(" "):
            yield ".nf"
            yield from map(roff, part.splitlines())
            yield ".fi"
        else:
            yield roff(" ".join(part.split()))


def actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return what *parser* takes, but for the commands."""
    return [a for a in parser._actions if not isinstance(a, argparse._SubParsersAction)]  # noqa: SLF001


def value(action: argparse.Action) -> str:
    """Return what stands for the value of an argument."""
    if action.metavar is None and action.choices:
        return "|".join(rf"\fB{roff(str(choice))}\fR" for choice in action.choices)
    return rf"\fI{roff(str(action.metavar or action.dest))}\fR"


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield an entry for each option, and for each argument that has something to say."""
    for action in actions(parser):
        names = [rf"\fB{roff(name)}\fR" for name in action.option_strings]
        if action.nargs != 0:
            names = [f"{name} {value(action)}" for name in names] or [value(action)]
        yield ".TP"
        yield ", ".join(names)
        yield roff((action.help or "") % {**vars(action), "prog": "checksig"}) + "."


def synopsis(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the usage of a command."""
    parts = [rf"\fB{roff(name)}\fR", r"[\fIoption\fR ...]"]
    for action in actions(parser):
        if not action.option_strings:
            shape = {"*": "[{} ...]", "+": "{} ...", "?": "[{}]"}.get(str(action.nargs), "{}")
            parts.append(shape.format(value(action)))
    yield " ".join(parts)


def items(table: dict[str, str]) -> Iterator[str]:
    """Yield an entry for each row."""
    for name, text in table.items():
        yield from (".TP", rf"\fB{roff(name)}\fR", roff(text))


def page() -> Iterator[str]:
    """Yield the lines of the man page."""
    parser, every = whole_parser()
    commands = {name: command for name, command in every.items() if name not in COMMANDS}
    yield r".\" Made by tools/make_man.py."
    yield f'.TH CHECKSIG 1 {DATE} "checksig {version("checksig")}" "User Commands"'
    yield from (".SH NAME", r"checksig \- verify files against checksum manifests", ".SH SYNOPSIS")
    yield from synopsis("checksig", parser)
    for name, command in commands.items():
        yield ".br"
        yield from synopsis(f"checksig {name}", command)
    yield from (".SH DESCRIPTION", *paragraphs(DESCRIPTION), ".SH OPTIONS", *options(parser))
    yield from (".SH COMMANDS", f".SS {', '.join(f'checksig {name}' for name in COMMANDS)}")
    yield "As GNU coreutils has them, see their man pages."
    for name, command in commands.items():
        yield f".SS checksig {roff(name)}"
        if name == "verify":
            yield "The options above are those of this command, which may be left out."
            continue
        yield from paragraphs(command.description or "")
        yield from options(command)
    yield from (".SH EXIT STATUS", *items(EXIT_STATUS))
    yield from (".SH ENVIRONMENT", *items(ENVIRONMENT))
    yield from (".SH EXAMPLES", *items(EXAMPLES))
    yield from (".SH SEE ALSO", ".BR sha256sum (1),", ".BR dpkg (1),", ".BR debsums (1)")


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    print(*page(), sep="\n")
