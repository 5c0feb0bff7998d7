#!/usr/bin/env python3
"""Print the man page docs/checksig.1 from the command line of the installed checksig.

``python3 tools/dev.py reference`` writes the page. It depends only on the package and this file: no
clock, no environment.
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

DATE = "2026-11-28"
"""The date of the last change of the texts below; formatters warn about a page without a date."""

DESCRIPTION = """\
Verifies files against checksum manifests. A PATH is a manifest or a folder; in a folder, all
manifests with a usual name are read. After one manifest or folder, a PATH that is another file
selects the entries of that file. A file alone is verified by the manifests beside it, and one with
a DIGEST by that. - is a manifest on standard input. Failures are printed first, a summary line
last. The result is OK only if every line was understood, every file was read to its end, and every
digest matches.

If the first word is the name of a command, it selects that command. For a folder with such a name,
write ./env.
"""

EXIT_STATUS = {
    "0": "Everything is verified.",
    "1": "Something is not as listed, or a line was not understood.",
    "2": "Wrong usage; or there is no manifest, or it cannot be read.",
    "130": "Interrupted.",
}

ENVIRONMENT = {
    "CHECKSIG_ENGINE": "Where the engine runs: library (in this process) or process (a separate"
    " one).",
    "NO_COLOR": "If set and not empty, the output has no colours.",
}

EXAMPLES = {
    "checksig downloads/": "Verify the files that the manifests in a folder list.",
    "checksig disc.iso": "Verify a file by the manifests beside it.",
    "checksig disc.iso sha256:9f86d0...": "Verify a file by its digest.",
    "checksig SHA256SUMS disc.iso": "Verify one of the files that a manifest lists.",
    "curl -s URL | checksig -": "Read a manifest from standard input.",
    "checksig hash -a blake3 disc.iso": "Print the digest of a file.",
    "checksig -r --extra fail archive/": "Include subfolders; an unlisted file is a failure.",
    "checksig --junit report.xml dist/SHA256SUMS": "Write a report for a CI system.",
    "checksig create -o SHA256SUMS photos/": "Write a manifest of a folder.",
    "checksig env .venv": "Verify the packages of a virtual environment.",
    "checksig dpkg coreutils": "Verify a Debian package.",
    "checksig rpm --root /mnt": "Verify the RPM packages of the system in a folder.",
}


def roff(text: str) -> str:
    """Escape *text* for roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.MULTILINE)


def paragraphs(text: str) -> Iterator[str]:
    """Yield the lines of a text; indented paragraphs are printed as they are."""
    for i, part in enumerate(text.strip().split("\n\n")):
        if i:
            yield ".PP"
        if part.startswith(" "):
            yield from (".nf", *map(roff, part.splitlines()), ".fi")
        else:
            yield roff(" ".join(part.split()))


def actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the arguments of *parser*, without the commands."""
    return [a for a in parser._actions if not isinstance(a, argparse._SubParsersAction)]  # noqa: SLF001


def value(action: argparse.Action) -> str:
    """Return the placeholder of a value, or its choices."""
    if action.metavar is None and action.choices:
        return "|".join(rf"\fB{roff(str(choice))}\fR" for choice in action.choices)
    return rf"\fI{roff(str(action.metavar or action.dest))}\fR"


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield an entry for each argument."""
    for action in actions(parser):
        names = [rf"\fB{roff(name)}\fR" for name in action.option_strings]
        if action.nargs != 0:
            names = [f"{name} {value(action)}" for name in names] or [value(action)]
        text = (action.help or "") % {**vars(action), "prog": "checksig"}
        yield from (".TP", ", ".join(names), roff(text) + ".")


def synopsis(name: str, parser: argparse.ArgumentParser) -> str:
    """Return the usage of a command."""
    parts = [rf"\fB{roff(name)}\fR", r"[\fIoption\fR ...]"]
    for action in actions(parser):
        if not action.option_strings:
            shape = {"*": "[{} ...]", "+": "{} ...", "?": "[{}]"}.get(str(action.nargs), "{}")
            parts.append(shape.format(value(action)))
    return " ".join(parts)


def table(rows: dict[str, str]) -> Iterator[str]:
    """Yield an entry for each row."""
    for name, text in rows.items():
        yield from (".TP", rf"\fB{roff(name)}\fR", roff(text))


def page() -> Iterator[str]:
    """Yield the lines of the man page."""
    parser, every = whole_parser()
    commands = {name: command for name, command in every.items() if name not in COMMANDS}
    yield r".\" Generated by tools/make_man.py."
    yield f'.TH CHECKSIG 1 {DATE} "checksig {version("checksig")}" "User Commands"'
    yield from (".SH NAME", r"checksig \- verify files against checksum manifests", ".SH SYNOPSIS")
    yield synopsis("checksig", parser)
    for name, command in commands.items():
        yield from (".br", synopsis(f"checksig {name}", command))
    yield from (".SH DESCRIPTION", *paragraphs(DESCRIPTION), ".SH OPTIONS", *options(parser))
    yield from (".SH COMMANDS", f".SS {', '.join(f'checksig {name}' for name in COMMANDS)}")
    yield "The commands of GNU coreutils; see their man pages."
    for name, command in commands.items():
        yield f".SS checksig {roff(name)}"
        if name == "verify":
            yield "The default command, with the options above."
            continue
        yield from paragraphs(command.description or "")
        yield from options(command)
    yield from (".SH EXIT STATUS", *table(EXIT_STATUS))
    yield from (".SH ENVIRONMENT", *table(ENVIRONMENT))
    yield from (".SH EXAMPLES", *table(EXAMPLES))
    yield from (".SH SEE ALSO", ".BR sha256sum (1),", ".BR dpkg (1),", ".BR debsums (1)")


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    print(*page(), sep="\n")
