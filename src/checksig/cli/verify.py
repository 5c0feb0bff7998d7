"""``checksig [verify] PATH...``: verify files against manifests, or one against its digest."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from typing import TYPE_CHECKING, Any

from .. import ChecksigError, ManifestNotFoundError, verify, verify_file
from .._printable import printable
from .arguments import add_arguments, add_no_progress, given
from .output import Output, add_output_arguments
from .progress import Bar
from .words import UsageError, sort_words

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Generator, Sequence

    from .. import Report

__all__ = ["configure", "run"]

_MAX_NAMES = 3  # of manifests in an error


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = """\
Verify files against checksum manifests (sha1sum.txt, SHA256SUMS, ...).

  checksig                    all manifests in the working folder
  checksig MANIFEST|FOLDER    what a manifest, or those in a folder, list
  checksig MANIFEST FILE...   only these files
  checksig FILE               a file, by the manifests beside it
  checksig FILE DIGEST        a file, by its digest: hex, base64, sha256:...
  checksig -                  a manifest on standard input
"""
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        default=["."],
        help="a manifest, a folder that contains manifests, a file, a digest, or - for a manifest"
        " on standard input (default: the working folder)",
    )
    add_output_arguments(parser, "a PATH")
    add_arguments(parser, "verify")
    add_no_progress(parser)


def run(options: argparse.Namespace) -> int:
    """Verify what the words name, print the reports, and return the exit code."""
    command = _Command(options)
    try:
        words = sort_words(options.paths, are_manifests=bool(options.format or options.ignore_text))
    except UsageError as error:
        command.output.error(options.paths[0], error)
        return command.output.end()
    if words.digests:
        command.by_digest(words.files[0], words.digests)
    elif len(words.sources) == 1 and words.files:
        command.by_source(words.sources[0], words.files)
    else:
        for word in options.paths:
            if word in words.sources:
                command.by_source(word)
        folders: dict[str, list[str]] = {}
        for file in words.files:
            folders.setdefault(os.path.dirname(file) or ".", []).append(file)
        for folder, files in folders.items():
            command.beside(folder, files, words.unclear)
    return command.output.end()


class _Command:
    """The output of a command line, and its options."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.output = Output(options)
        self._keywords = given(options, "verify")
        self._shows_bar = not options.no_progress

    def by_digest(self, file: str, digests: Sequence[str]) -> None:
        """Verify one file against digests."""
        names = ("algorithm", "min_strength", "leave_cache")
        with self._errors_of(file):
            known = {name: self._keywords[name] for name in names if name in self._keywords}
            report = self._call(verify_file, file, digests, **known)
            self.output.report(report)

    def by_source(self, source: str, only: Sequence[str] = ()) -> None:
        """Verify what a manifest, a folder or a stream lists, or only some files."""
        with self._errors_of(source), contextlib.ExitStack() as stack:
            report = self._verify(_open(source, stack), only)
            self._report(report)
            for file in self._missed(report):
                there = "" if os.path.lexists(file) else ", and there is no such file"
                self._error(file, f"no line of {printable(source)} lists it{there}")

    def beside(self, folder: str, files: Sequence[str], unclear: Sequence[str]) -> None:
        """Verify files by the manifests in their folder.

        Those of *unclear* that no manifest lists may be manifests that begin with a text.
        """
        with self._errors_of(files[0]):
            try:
                report = self._verify(folder, files)
            except ManifestNotFoundError:
                report = None
            missed = list(files) if report is None else self._missed(report)
            manifests = () if report is None else report.manifests
            if report and len(files) == 1:
                fields: dict[str, Any] = {**vars(report), "path": files[0]}
                report = type(report)(**fields)
            if report is not None:
                self._report(report)
            where = _shown_names([os.path.basename(manifest.path) for manifest in manifests])
            for file in missed:
                if not (file in unclear and self._is_manifest(file)):
                    name = printable(os.path.basename(file))
                    text = f"no digest of it was found: no {name}.sha256 or the like, {where};"
                    self._error(file, f"{text} give it one: checksig FILE DIGEST")

    def _missed(self, report: Report) -> list[str]:
        """Return the files that were asked for, and that nothing lists."""
        asked = self._keywords.get("extra", "ignore") != "ignore"
        return [] if asked else [extra.path for extra in report.unlisted]

    def _report(self, report: Report) -> None:
        """Print a report, unless there is nothing in it but files that nothing lists."""
        if report.entries or report.bad_line_count or not self._missed(report):
            self.output.report(report)

    def _is_manifest(self, file: str) -> bool:
        """Print the report of *file* as a manifest, if a file that it lists exists.

        A sentence with a digest at its end could be read as an entry.
        """
        report = self._verify(file, ())
        is_manifest = report.entries > report.missing + report.skipped
        if is_manifest:
            self.output.report(report)
        return is_manifest

    def _error(self, file: str, text: str) -> None:
        self.output.error(file, ValueError(f"{printable(file)}: {text}"))

    def _verify(self, source: Any, only: Sequence[str]) -> Report:
        keywords = dict(self._keywords)
        keywords["only"] = [*keywords.get("only", ()), *only]
        return self._call(verify, source, keep_verified=False, **keywords)

    def _call(self, function: Callable[..., Report], *arguments: Any, **keywords: Any) -> Report:
        with Bar(shown=self._shows_bar) as bar:
            shown = bar.update if bar.shown else None
            return function(*arguments, check=False, progress=shown, **keywords)

    @contextlib.contextmanager
    def _errors_of(self, path: str) -> Generator[None]:
        try:
            yield
        except ManifestNotFoundError as error:
            ways = ["create one with checksig create"]
            if not self._keywords.get("recursive"):
                ways.insert(0, "-r looks in its subfolders too")
            self.output.error(path, ManifestNotFoundError(f"{error}; {', or '.join(ways)}"))
        except (ChecksigError, OSError, ValueError) as error:
            self.output.error(path, error)


# Where the shells' process substitution puts a pipe, and standard input has a name.
_STREAMS = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")


def _shown_names(names: Sequence[str]) -> str:
    if not names:
        return "there is no manifest beside it"
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return f"not listed in {', '.join(map(printable, names[:_MAX_NAMES]))}{more}"


def _open(source: str, stack: contextlib.ExitStack) -> Any:
    """Return *source*, or a file object for one that is a stream, such as ``<(command)``.

    Such a stream is a descriptor of this process. Other FIFOs are refused: to open one may take
    for ever.
    """
    if source == "-":
        if sys.stdin is None:
            raise ValueError("standard input is closed")
        return sys.stdin.buffer
    with contextlib.suppress(OSError):
        if not source.startswith(_STREAMS):
            return source
        mode = os.stat(source).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            return stack.enter_context(open(source, "rb"))
    return source
