"""The documents that a command writes besides its output: JUnit XML, HTML and CSV."""

from __future__ import annotations

import os

from .._printable import printable
from .._typing import TYPE_CHECKING, NamedTuple
from .arguments import add_flag, group_of
from .streams import StandardOutput, complain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from .. import InstalledReport, Report

__all__ = ["Exports", "Item", "Unverified", "add_export_arguments"]


class Unverified(NamedTuple):
    """A path that could not be verified at all, and why."""

    path: str
    message: str


if TYPE_CHECKING:
    Item = Report | InstalledReport | Unverified

_KINDS = {
    "junit": "also write the failures to FILE as JUnit XML; - is standard output",
    "html": "also write a report to FILE as a page of HTML; - is standard output",
    "csv": "also write every result to FILE as CSV; - is standard output",
}


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a document, and those about annotations."""
    for kind, text in _KINDS.items():
        group_of(parser, "output").add_argument(f"--{kind}", metavar="FILE", help=text)
    add_flag(
        parser,
        "--github",
        text="print failures as annotations of GitHub Actions (default: where GITHUB_ACTIONS is"
        " true)",
    )
    group_of(parser, "output").add_argument(
        "--no-github", dest="github", action="store_false", help="do not print annotations"
    )
    parser.set_defaults(github=None)


class Exports:
    """The documents that *options* ask for, written at the end from what was added before."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._files = {kind: file for kind in _KINDS if (file := getattr(options, kind))}
        self._items: list[Item] = []
        runs_there = os.environ.get("GITHUB_ACTIONS") == "true"
        self._annotates: bool = runs_there if options.github is None else options.github
        printed = [f"--{kind} -" for kind, file in self._files.items() if file == "-"]
        if len(printed) + options.json > 1:
            first = "--json" if options.json else printed.pop(0)
            complain(f"{first} and {printed[0]} both write to standard output")
            raise SystemExit(2)
        for kind, file in self._files.items():
            if not _is_replaceable(kind, file):
                text = f"exists, and does not begin like what --{kind} writes; remove it first"
                complain(f"{printable(file)}: {text}")
                raise SystemExit(2)
        self.fills_output = bool(printed)
        """Whether standard output is one of them."""
        self.need_results = bool(self._files)
        """Whether reports should have the verified entries."""

    def add(self, item: Item) -> None:
        """Keep *item* for the documents."""
        if self._files or self._annotates:
            self._items.append(item)

    def write(self, *, interrupted: bool = False) -> Iterator[tuple[str, OSError]]:
        """Write the documents; yield each file that cannot be written, and why."""
        for kind, file in self._files.items():
            chunks = _encode(kind, self._items, interrupted=interrupted)
            if file == "-":
                for chunk in chunks:
                    StandardOutput().write(chunk)
                continue
            try:
                with open(file, "wb") as stream:
                    stream.writelines(chunks)
            except OSError as error:
                yield file, error
        if self._annotates:
            from . import github

            github.annotate(self._items)


_BEGINNINGS = {"junit": b"<?xml ", "html": b"<!doctype html>", "csv": b"kind,status,path,"}


def _is_replaceable(kind: str, file: str) -> bool:
    """Whether *file* is no regular file with another content.

    ``--csv data.csv`` could be meant for the data to verify.
    """
    try:
        if not os.path.isfile(file) or os.path.getsize(file) == 0:
            return True
        with open(file, "rb") as stream:
            return stream.read(20).startswith(_BEGINNINGS[kind])
    except OSError:  # it is reported when the file is written
        return True


def _encode(kind: str, items: list[Item], *, interrupted: bool) -> Iterable[bytes]:
    if kind == "junit":
        from . import junit

        return [junit.document(items, interrupted=interrupted)]
    if kind == "html":
        from .._html import page

        return [page(items, interrupted=interrupted).encode()]
    from . import rows

    return rows.document(items, interrupted=interrupted)
