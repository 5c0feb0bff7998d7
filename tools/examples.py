#!/usr/bin/env python3
"""Run the examples of the documentation: examples.py [--write] [PAGE...].

Every fenced block of README.md and docs/ is run with the installed checksig, and what it prints is
compared with what the page shows. --write puts what was printed into the page.

A page has a folder of its own, in which its blocks run one after the other:

- console: lines that begin with "$ " are commands for bash; the lines below are what they print. A
  command without such lines must succeed; a line "..." stands for any. Times are not compared.
- python: a program; a text block right after it is what it prints. pycon: a session, as in doctest.
- toml, json, yaml, ini, c: checked for their syntax; the page also says how they are tested.

A comment right above a block says more:

- <!-- not run: REASON --> for what cannot run everywhere
- <!-- tested by: test_FILE.py::test_NAME --> for what a test of its own runs
- <!-- file: NAME --> writes the block into that file
- <!-- before: COMMANDS --> are commands for bash that run first and are not shown
"""

from __future__ import annotations

import argparse
import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^( *)(```+|~~~+)(.*)$")
DIRECTIVE = re.compile(r"<!-- (not run|tested by|file|before):\s*(.*?)\s*-->", re.DOTALL)
COMMENTS = re.compile(r"(?:<!--(?:(?!-->).)*-->\s*)*\Z", re.DOTALL)
# What differs from run to run.
TIMES = [
    (re.compile(r"\d+\.\d\d ?s\b"), "N s"),
    (re.compile(r"[\d,]+ files/s"), "N files/s"),
    (re.compile(r"[\d,]+\.\d [kMG]?B/s"), "N MB/s"),
    (re.compile(r'"elapsed": [\d.e-]+'), '"elapsed": N'),
    (re.compile(r"/dev/fd/\d+"), "/dev/fd/N"),
]
DOCTEST = """
import doctest, sys
runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
text = sys.stdin.read()
runner.run(doctest.DocTestParser().get_doctest(text, {}, "example", None, 0))
sys.exit(runner.failures > 0)
"""
PARSE = """
import sys
from checksig import cli
words = sys.argv[1:]
name = words.pop(0) if words and words[0] in cli._COMMANDS else ""
parser = cli._parser(name)
cli.command_module(name or "verify").configure(parser)
cli._parse(parser, words)
"""


def parse_yaml(text: str) -> object:
    """Parse YAML, where there is a parser."""
    try:
        import yaml
    except ImportError:
        return None
    return yaml.safe_load(text)


def parse_toml(text: str) -> object:
    """Parse TOML, where there is a parser."""
    if sys.version_info < (3, 11):
        return None
    import tomllib

    return tomllib.loads(text)


def parse_c(text: str) -> None:
    """Compile C, where there is a compiler."""
    compiler = shutil.which("cc")
    if compiler:
        command = [compiler, "-fsyntax-only", "-x", "c", "-"]
        subprocess.run(command, input=text, encoding="utf-8", timeout=100, check=True)


SYNTAX: dict[str, Callable[[str], object]] = {
    "c": parse_c,
    "ini": lambda text: configparser.ConfigParser().read_string(text),
    "json": json.loads,
    "toml": parse_toml,
    "yaml": parse_yaml,
}


@dataclass
class Block:
    """A fenced block of a page."""

    language: str
    line: int
    """The number of the line of its fence, from 1."""
    lines: list[str]
    directives: dict[str, str] = field(default_factory=dict)
    follows: Block | None = None
    """The block above it, if there is no text between them."""


def pages() -> list[Path]:
    """Return the pages that have examples."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page."""
    found: list[Block] = []
    lines = text.splitlines()
    above = at = 0  # the first line after the last block
    while at < len(lines):
        fence = FENCE.match(lines[at])
        if not fence:
            at += 1
            continue
        end = next(i for i in range(at + 1, len(lines)) if lines[i].strip() == fence[2])
        before = "\n".join(lines[above:at]).rstrip()
        directives = {m[1]: m[2] for m in DIRECTIVE.finditer(COMMENTS.search(before)[0])}
        content = [line.removeprefix(fence[1]) for line in lines[at + 1 : end]]
        follows = found[-1] if found and not before else None
        found.append(Block(fence[3].strip(), at + 1, content, directives, follows))
        above = at = end + 1
    return found


def read_commands(lines: list[str]) -> list[tuple[str, list[str]]]:
    """Return the commands of a console block, each with the lines that it prints."""
    commands: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith("$ "):
            commands.append((line[2:], []))
        elif commands and line.startswith("> ") and not commands[-1][1]:
            commands[-1] = (f"{commands[-1][0]}\n{line[2:]}", [])
        elif commands:
            commands[-1][1].append(line)
        else:
            return []
    return commands


def comparable(text: str) -> list[str]:
    """Return the lines of *text* without what differs from run to run."""
    for pattern, replacement in TIMES:
        text = pattern.sub(replacement, text)
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def is_shown(shown: list[str], printed: list[str]) -> bool:
    """Whether *printed* is what a page shows; "..." stands for any lines.

    Without "...", the order may be another one: failures are printed as they are found.
    """
    if "..." not in map(str.strip, shown):
        return sorted(shown) == sorted(printed)
    if not shown:
        return not printed
    if shown[0].strip() == "...":
        return any(is_shown(shown[1:], printed[i:]) for i in range(len(printed) + 1))
    return bool(printed) and shown[0] == printed[0] and is_shown(shown[1:], printed[1:])


def begins_with(lines: list[str], shown: list[str]) -> bool:
    """Whether *lines* begin with those that a page shows, in which "…" ends a long line."""
    return len(lines) >= len(shown) and all(
        line.startswith(short[:-1]) if short.endswith("…") else line.rstrip() == short.rstrip()
        for line, short in zip(lines, shown, strict=False)
    )


class Page:
    """A page, and the folder in which its examples run."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.folder = folder
        self.blocks = blocks(self.text)
        self.faults: list[str] = []
        self.replaced: list[tuple[Block, list[str]]] = []
        scripts = (
            f"{folder}/bin{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        )
        keep = ("LANG", "TMPDIR", "CHECKSIG_ENGINE", "LD_LIBRARY_PATH")
        self.env = {name: os.environ[name] for name in keep if name in os.environ}
        self.env |= {"HOME": str(folder), "PATH": scripts, "LC_ALL": "C.UTF-8", "COLUMNS": "100"}
        if "tests/data/httpd" in self.text:
            shutil.copytree(ROOT / "tests" / "data", folder / "tests" / "data")

    def run(self) -> None:
        """Run every block, and collect the faults."""
        for block in self.blocks:
            text = "\n".join(block.lines) + "\n"
            directives = block.directives
            if "before" in directives:
                self._shell(block, directives["before"])
            if "file" in directives:
                path = self.folder / directives["file"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            if block.language in SYNTAX:
                self._check_syntax(block, text)
            if directives.keys() & {"not run", "tested by"}:
                self._check_directives(block)
            elif "file" not in directives:
                self._run_block(block, text)

    def _run_block(self, block: Block, text: str) -> None:
        if block.language == "console":
            self._run_console(block)
        elif block.language in {"python", "pycon"}:
            self._run_python(block, text)
        elif block.language == "text" and self.path.name == "formats.md":
            self._find_in_corpus(block)
        elif block.language != "text" or not block.follows:  # which is what that block prints
            self._fault(block, f"nothing says how {block.language or 'this'} is tested")

    def _fault(self, block: Block, text: str) -> None:
        self.faults.append(f"{self.path.relative_to(ROOT)}:{block.line}: {text}")

    def _start(self, command: list[str], text: str = "") -> tuple[int, str]:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=100,
            check=False,
        )
        return done.returncode, done.stdout.replace(str(self.folder), "/home/me")

    def _shell(self, block: Block, script: str) -> None:
        code, printed = self._start(["bash", "-euc", script])
        if code:
            self._fault(block, f"what runs before it failed:\n{printed}")

    def _run_console(self, block: Block) -> None:
        commands = read_commands(block.lines)
        # One shell for all of them, which prints a mark and the exit code after each.
        mark = "\x1e"
        script = "".join(f"{command}\nprintf '{mark}%d{mark}' $?\n" for command, _ in commands)
        _, printed = self._start(["bash", "-c", script])
        parts = printed.split(mark)
        if not commands or len(parts) != 2 * len(commands) + 1:
            self._fault(block, f"the shell ended early:\n{printed}")
            return
        lines: list[str] = []
        for (command, shown), output, code in zip(commands, parts[::2], parts[1::2], strict=False):
            lines += [f"{'> ' if i else '$ '}{line}" for i, line in enumerate(command.splitlines())]
            if not shown and code != "0":
                self._fault(block, f"exit code {code} of {command}:\n{output}")
            elif shown and not is_shown(comparable("\n".join(shown)), comparable(output)):
                self._fault(block, f"{command}\nprints\n{output}")
                shown = output.strip("\n").splitlines()  # noqa: PLW2901
            lines += shown
        if lines != block.lines:
            self.replaced.append((block, lines))

    def _check_directives(self, block: Block) -> None:
        """Check what a block says instead of being run, and its arguments of checksig."""
        if block.directives.get("not run") == "":
            self._fault(block, "no reason is given")
        for named in block.directives.get("tested by", "").split():
            file, _, test = named.partition("::")
            found = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob(file)]
            if not any(f"def {test}(" in text for text in found):
                self._fault(block, f"there is no test {named}")
        for line in block.lines:
            if line.startswith("$ checksig "):
                words = shlex.split(line, comments=True)[2:]
                code, printed = self._start([sys.executable, "-c", PARSE, *words])
                if code:
                    self._fault(block, f"{line}\n{printed}")

    def _run_python(self, block: Block, text: str) -> None:
        if block.language == "pycon":
            code, printed = self._start([sys.executable, "-c", DOCTEST], text)
        else:
            code, printed = self._start([sys.executable, "-"], text)
        if code:
            self._fault(block, f"it fails:\n{printed}")
            return
        below = [other for other in self.blocks if other.follows is block]
        shown = below[0].lines if below and below[0].language == "text" else []
        if block.language == "pycon" or not shown:
            return
        if not is_shown(comparable("\n".join(shown)), comparable(printed)):
            self._fault(block, f"it prints\n{printed}")
            self.replaced.append((below[0], printed.strip("\n").splitlines()))

    def _check_syntax(self, block: Block, text: str) -> None:
        try:
            SYNTAX[block.language](text)
        except Exception as error:  # noqa: BLE001 - each parser has exceptions of its own
            self._fault(block, f"it is no {block.language}: {error}")

    def _find_in_corpus(self, block: Block) -> None:
        """An example of a format is a part of a manifest of the corpus, which tests verify."""
        below = self.text.splitlines()[block.line + len(block.lines) :]
        after = "\n".join(below).partition("\n## ")[0]
        linked = re.findall(r"\]\((\.\./\.\./tests/corpus/[^)]+)\)", after)
        for link in linked:
            content = (self.path.parent / link).read_bytes()
            lines = content.decode(errors="replace").splitlines()
            if any(begins_with(lines[i:], block.lines) for i in range(len(lines))):
                return
        self._fault(block, "no manifest of the corpus in this section contains it")

    def write(self) -> None:
        """Put what was printed into the page."""
        lines = self.text.splitlines()
        for block, new in sorted(self.replaced, key=lambda item: -item[0].line):
            lines[block.line : block.line + len(block.lines)] = new
        self.path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def check(path: Path, *, write: bool = False) -> list[str]:
    """Run the examples of a page; return what is wrong."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve() / "me"
        folder.mkdir()
        page = Page(path, folder)
        page.run()
    if write and page.replaced:
        page.write()
    return page.faults


def main() -> int:
    """Check the pages that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("pages", nargs="*", type=Path)
    arguments = parser.parse_args()
    faults = []
    for path in arguments.pages or pages():
        faults += check(path.resolve(), write=arguments.write)
    print(*faults, sep="\n\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
