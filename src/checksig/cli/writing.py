"""The output of the commands that write manifests."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from typing import TYPE_CHECKING, Any

from .. import ChecksigError, Converted, Created, ManifestError, Updated
from .._printable import printable
from .._short import format_size
from .arguments import add_flag
from .output import error_message
from .streams import complain, flush, write

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Generator, Iterable

    from .. import Written

__all__ = ["add_output_arguments", "write_and_report"]

_MAX_NAMES = 20  # of each kind; --json lists all


def add_output_arguments(
    parser: argparse.ArgumentParser, quiet: str = "print nothing but errors"
) -> None:
    """Add the arguments that control what is printed."""
    add_flag(parser, "--json", text="print the result as JSON")
    add_flag(parser, "-q", "--quiet", text=quiet)


def write_and_report(options: argparse.Namespace, where: str, work: Callable[[], Written]) -> int:
    """Call *work*, print its result, and return the exit code.

    :param where: The path for errors that name none.
    """
    try:
        with _ends_by_signal():
            try:
                written = work()
            except (KeyboardInterrupt, _SignalError):
                if options.json and not _fills_output(options):
                    _print_document({"ok": False, "interrupted": True})
                raise
    except (ChecksigError, OSError, ValueError) as error:
        hint = "; --force replaces it" if isinstance(error, FileExistsError) else ""
        if isinstance(error, ManifestError) and os.path.isdir(where):
            hint = "; give the manifest in this folder"
        if getattr(options, "output", "") is None and _cannot_be_made(error):
            hint = "; -o FILE writes the manifest elsewhere"
        complain(error_message(where, error) + hint)
        return 2
    ok = not isinstance(written, Updated) or written.ok
    if written.manifest != "-":
        if options.json:
            _print_document(_to_dict(written, ok=ok))
        elif not (ok and options.quiet):
            write(_to_text(written, accepts=bool(getattr(options, "accept_changed", False))))
    return 0 if ok else 1


def _cannot_be_made(error: Exception) -> bool:
    """Whether *error* is about a file that is not there and must not be made."""
    if not isinstance(error, OSError) or error.filename is None:
        return False
    return error.errno in {errno.EACCES, errno.EROFS} and not os.path.lexists(error.filename)


def _fills_output(options: argparse.Namespace) -> bool:
    """Whether the manifest itself goes to standard output."""
    return bool(getattr(options, "output", None) == "-")


def _print_document(document: dict[str, Any]) -> None:
    import json

    write(json.dumps(document, indent=2))
    flush()  # a signal may end the process next


class _SignalError(BaseException):
    """A signal that ends the command, once the engine has removed its temporary file."""


@contextlib.contextmanager
def _ends_by_signal() -> Generator[None]:
    """Let SIGHUP and SIGTERM end this process only after the operation was stopped."""
    received: list[int] = []

    def end(number: int, _: object) -> None:
        received.append(number)
        raise _SignalError

    numbers = [getattr(signal, name, None) for name in ("SIGHUP", "SIGTERM")]
    ours = [n for n in numbers if n is not None and signal.getsignal(n) == signal.SIG_DFL]
    try:
        for number in ours:
            signal.signal(number, end)
        yield
    except _SignalError:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), received[0])
        raise
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _to_dict(written: Written, *, ok: bool) -> dict[str, Any]:
    from dataclasses import asdict

    d = {"ok": ok, "interrupted": False, **asdict(written)}
    if isinstance(written, Updated):
        del d["_unread"]
        d["unread"] = written.unread
    return d


def _to_text(written: Written, *, accepts: bool) -> str:
    lines: list[str] = []
    if isinstance(written, Updated):
        lines += _names("REMEMBERED", written.remembered)
        lines += [] if _nothing_is_there(written) else _names("MISSING", written.missing)
        lines += _names("SUSPECT", written.suspect)
        lines += _names("CHANGED", written.changed)
        lines += _names("ADDED", written.added)
        lines += _names("REMOVED", written.removed)
    if isinstance(written, Created):
        lines += _names("SKIPPED", written.skipped)
    if isinstance(written, (Updated, Converted)):
        lines += _names("DROPPED", written.dropped_comments)
    counts = [f"{written.files:,} files" if written.files != 1 else "1 file"]
    if isinstance(written, Updated):
        counts.append(f"{len(written.unread):,} of them not read again")
    if isinstance(written, Created) and written.excluded:
        counts.append(f"{written.excluded:,} excluded")
    counts += [", ".join(written.algorithms), written.format]
    took = f"{written.elapsed:.2f} s"
    if isinstance(written, Created):
        took = f"{format_size(written.bytes_read)} in {took}"
        lines += _notes(written, accepts=accepts)
    bag = "" if written.manifest == "-" else _bag_around(written.manifest)
    if bag:
        lines.append(
            f"{'NOTE':11} {printable(bag)} is a bag, whose own manifests do not know about this"
            " change: update them with the tool that made the bag"
        )
    word = "WRITTEN"
    if isinstance(written, Updated) and not written.written:
        word = "PLANNED" if written.accepted else "NOT WRITTEN"
    lines.append(f"{word:11} {printable(written.manifest)}: {', '.join(counts)} ({took})")
    return "\n".join(lines)


def _notes(written: Created, *, accepts: bool) -> Iterable[str]:
    """Yield what can be done about the result.

    :param accepts: Changed files were accepted, and only suspect ones are not.
    """
    if written.not_remembered:
        items = ", ".join(map(printable, written.not_remembered))
        yield (
            f"{'NOTE':11} a manifest of this format and algorithm cannot remember {items}:"
            " give update the same options again"
        )
    if isinstance(written, Updated) and written.missing:
        missing = len(written.missing)
        if missing == written.files - len(written.added):
            which = f"none of the {missing:,} files is" if missing > 1 else "the only file is not"
            listed = "; --json lists them" if _nothing_is_there(written) else ""
            yield (
                f"{'NOTE':11} {which} here: wrong folder? --relative-to names another one,"
                f" --prune removes missing files{listed}"
            )
        else:
            yield f"{'NOTE':11} missing files stay listed; --prune removes them from the manifest"
    if isinstance(written, Updated) and not written.accepted:
        if written.changed and not accepts:
            yield f"{'NOTE':11} --accept-changed lists changed files with their new digests"
        if written.suspect:
            yield (
                f"{'NOTE':11} suspect files are probably damaged: neither size nor time of"
                " modification shows a change; --accept-suspect lists their new digests"
            )


def _nothing_is_there(written: Updated) -> bool:
    """Whether so many files are missing, and no listed file is there, that they are not named."""
    return len(written.missing) == written.files - len(written.added) > _MAX_NAMES


def _bag_around(manifest: str) -> str:
    """Return the folder of the bag (RFC 8493) that *manifest* is in; empty if there is none."""
    folder = os.path.dirname(os.path.abspath(manifest))
    while not os.path.isfile(os.path.join(folder, "bagit.txt")):
        folder, before = os.path.dirname(folder), folder
        if folder == before:
            return ""
    return folder


def _names(word: str, names: Iterable[str]) -> list[str]:
    names = list(names)
    lines = [f"{word:11} {printable(name)}" for name in names[:_MAX_NAMES]]
    if len(names) > _MAX_NAMES:
        lines.append(f"{'':11} ... and {len(names) - _MAX_NAMES:,} more; --json lists all")
    return lines
