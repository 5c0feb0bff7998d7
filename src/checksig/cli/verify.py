"""``checksig [verify] PATH...``: verify files against manifests, or one against its digest."""

from __future__ import annotations

import io
import os
import stat

from .._light import suppress
from .._options import ATTESTING, PARTIAL, SIGNERS, options_of
from .._printable import printable
from .._source import MAX_CONTENT, is_remote, read_chunks
from .._typing import TYPE_CHECKING, Any, NamedTuple
from .._verify import verify, verify_following
from ..errors import CancelledError, ChecksigError, ConfigError, ManifestNotFoundError
from ..report import UNREAD
from .arguments import (
    CLUSTERS,
    add_arguments,
    add_clusters,
    add_config,
    add_no_progress,
    given,
)
from .interrupt import Interruption
from .output import Output, add_output_arguments
from .streams import standard_input
from .text import shown_name
from .words import MANIFESTS, UsageError, sort_words

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from .. import Manifest, Progress, Report
    from .._config import Configuration
    from .text import Counter, Follower
    from .words import Words

__all__ = ["configure", "run"]

_MAX_NAMES = 3  # of manifests in an error
_MAX_ABOVE = 10  # folders in which a manifest is looked for
_WAIT = 0.05  # seconds

_OF_SIGNED = (
    "recursive",
    "trust",
    "trust_fingerprint",
    "signers",
    "signature",
    "namespace",
    *ATTESTING,
    "follow_outside",
)
"""The options for files with signatures of their own."""

_HARMLESS = ("extra", "workers", "io_depth", "leave_cache")
"""The options that demand nothing of such files: an unsigned one fails in any case."""

_CONFIG_FILES = ("checksig.toml", "pyproject.toml")
"""The configuration files in the working folder."""


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
  checksig - DIGEST           the data on standard input, by its digest
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
    add_clusters(parser)
    add_config(parser)
    add_no_progress(parser)


def run(options: argparse.Namespace) -> int:
    """Verify what the words name, print the reports, and return the exit code."""
    with Interruption() as interruption:
        command = _Command(options, interruption)
        try:
            command.all()
        except KeyboardInterrupt:
            if not interruption.number:  # a handler of the caller's
                raise
        return command.output.end(interruption)


class _Command:
    """The output of a command line, and its options."""

    def __init__(self, options: argparse.Namespace, interruption: Interruption) -> None:
        self._options = options
        self._keywords = given(options, "verify")
        self._config: Configuration | None = None
        self._executor: Any = None
        self._interruption = interruption
        self.output = Output(options)

    def all(self) -> None:
        """Verify what all words name."""
        paths: list[str] = self._options.paths
        are_manifests = bool(self._options.format or self._options.ignore_text)
        try:
            words = sort_words(paths, are_manifests=are_manifests)
            self._config = self._find_config(words)
        except (UsageError, ConfigError, OSError) as error:
            self.output.error(paths[0], error)
            return
        tasks = list(self._tasks(words))
        limits = [name for name in ("max_time", "max_bytes", "sample") if name in self._keywords]
        if limits and len(tasks) > 1:
            flag = limits[0].replace("_", "-")
            self.output.error(paths[1], UsageError(f"--{flag} is for a single PATH"))
            return
        if not any(getattr(self._options, name) is not None for name in CLUSTERS):
            self._run(tasks)
            return
        from .clusters import executor_of  # few have a cluster

        try:
            with executor_of(self._options) as self._executor:
                self._run(tasks)
        except (ChecksigError, UsageError) as error:
            self.output.error(paths[0], error)

    def _run(self, tasks: Sequence[_Task]) -> None:
        self.output = Output(self._options, parts=len(tasks))
        with self.output.bar:
            for outcomes in self._do(tasks):
                for outcome in outcomes:
                    if isinstance(outcome, _Error):
                        self.output.error(*outcome)
                    else:
                        self.output.report(*outcome)

    def _find_config(self, words: Words) -> Configuration | None:
        """Return the configuration file that is named, or in the working folder.

        :raises OSError: the system refuses access to it.
        :raises ConfigError: it has a fault, or must not be used without being named.
        """
        if self._options.config is False:
            return None
        named = self._options.config or os.environ.get("CHECKSIG_CONFIG")
        if not named and not any(map(os.path.lexists, _CONFIG_FILES)):
            return None
        from .._config import find_config, load_config  # few folders have one

        if named:
            return load_config(named)
        paths = [*words.sources, *words.files]
        trees = [path if os.path.isdir(path) else os.path.dirname(path) or "." for path in paths]
        trees += [self._options.root] if self._options.root else []
        # Such an address may be that of the working folder.
        trees = ["/" if tree.startswith(("file:", "local:")) else tree for tree in trees]
        return find_config(_CONFIG_FILES, trees, has_keys=self._names_signers)

    def _tasks(self, words: Words) -> Iterator[_Task]:
        """Yield what there is to do, in the order of the words."""
        if words.digests:
            yield _Task(self, words.files[0], digests=words.digests)
        elif len(words.sources) == 1 and words.files and _is_there(words.sources[0]):
            yield _Task(self, words.sources[0], only=words.files)
        else:
            for word in self._options.paths:
                if word in words.sources:
                    yield _Task(self, word)
            folders: dict[str, list[str]] = {}
            for file in words.files:
                if self.is_signed(file):
                    yield _Task(self, file, signed=True)
                    continue
                folders.setdefault(os.path.dirname(file) or ".", []).append(file)
            for files in folders.values():
                yield _Task(self, files[0], beside=files, unclear=words.unclear)

    def _do(self, tasks: Sequence[_Task]) -> Iterator[list[_Outcome]]:
        """Do all tasks, several at once, and yield what each found, in their order."""
        if len(tasks) == 1:
            yield tasks[0].do(0, self._options.workers)
            return
        from .sharing import Speed, may_spin, share_workers  # one task does without

        workers, jobs = share_workers(self._options.workers, len(tasks))
        paths = [task.path for task in tasks]
        # Only in the main thread does a signal end the read of a stream.
        is_serial = jobs == 1 or any(path == "-" or path.startswith(_STREAMS) for path in paths)
        begun, speed = 0, Speed()
        if is_serial or may_spin(paths):
            for task in tasks:
                outcomes = task.do(begun, self._options.workers)
                yield outcomes
                begun += 1
                for outcome in outcomes:
                    if isinstance(outcome, _Found):
                        speed.add(outcome.report.bytes_read, outcome.report.elapsed)
                if speed.is_high and not is_serial:
                    break
        if begun < len(tasks):
            yield from self._do_at_once(tasks, begun, workers, jobs)

    def _do_at_once(
        self, tasks: Sequence[_Task], begun: int, workers: int | None, jobs: int
    ) -> Iterator[list[_Outcome]]:
        """Do the tasks after the first ones, so many at once."""
        from concurrent.futures import ThreadPoolExecutor, wait

        with ThreadPoolExecutor(jobs) as pool:
            rest = enumerate(tasks[begun:], begun)
            futures = [pool.submit(task.do, number, workers) for number, task in rest]
            try:
                for future in futures:
                    while not future.done():
                        wait([future], _WAIT)  # between two waits, a signal is handled
                    yield future.result()
            except BaseException:
                self._interruption.token.cancel()
                raise

    @property
    def keywords(self) -> dict[str, Any]:
        """The options, as keywords of :func:`checksig.verify`."""
        return self._keywords

    @property
    def _keeps_verified(self) -> bool:
        """Whether verified files are listed, in the output or in a document."""
        return bool(self._options.verbose) or self.output.exports.need_results

    def verify(
        self,
        number: int,
        source: Any,
        only: Sequence[str],
        workers: int | None,
        *,
        at_once: bool = True,
    ) -> _Found:
        """Verify what *source* lists, and return the report with what has printed its failures.

        :param at_once: Print failures when they are found.
        """
        keywords = {**self._keywords, **self._watched(number)}
        keywords["config"], keywords["executor"] = self._config, self._executor
        keywords["keep_verified"] = self._keeps_verified
        keywords["only"] = [*keywords.get("only", ()), *only]
        if workers is not None:
            keywords["workers"] = workers
        keeps = bool(keywords["only"])
        follower = self.output.follow(number, keeps_failures=keeps) if at_once else None
        if follower is None:
            return _Found(verify(source, check=False, **keywords), None)
        try:
            return _Found(verify_following(source, follower, **keywords), follower)
        except CancelledError:
            follower.release()
            raise

    def verify_digest(self, number: int, file: Any, digests: Sequence[str]) -> _Found:
        """Verify one file, or a stream, against digests.

        :raises UsageError: an option is for manifests, or needs signatures.
        """
        for name in (*PARTIAL, *CLUSTERS):
            if getattr(self._options, name):
                flag = name.replace("_", "-")
                raise UsageError(f"--{flag} is for manifests, and a digest was given")
        for name in ("trust", *ATTESTING):
            if name in self._keywords:
                flag = name.replace("_", "-")
                raise UsageError(
                    f"a digest on the command line has no signature; leave out --{flag}, or the"
                    " digest"
                )
        names = ("algorithm", "min_strength", "stored", "part_size", "leave_cache")
        known, configured = self._given(*names), None
        if self._config is not None:
            if self._config.requires_trust:
                text = "require_trust: a digest on the command line has no signature; leave it out,"
                raise ConfigError(self._config.path, f"{text} or say --no-config")
            known, configured = self._config.apply({**dict.fromkeys(names[:2]), **known})
        from .._files import verify_file  # most words name a manifest

        report = verify_file(file, digests, check=False, **known, **self._watched(number))
        if configured is not None:
            report = _replace(report, config=configured[0], configured=configured[1])
        return _Found(report, None)

    def _given(self, *names: str) -> dict[str, Any]:
        """Return those of the options with these names that were given."""
        return {name: self._keywords[name] for name in names if name in self._keywords}

    def _watched(self, number: int) -> dict[str, Any]:
        """Return the keywords by which the bar follows an operation, and a signal stops it."""
        bar = self.output.bar

        def draw(progress: Progress) -> None:
            bar.update(progress, number)

        return {"progress": draw if bar.shown else None, "cancel": self._interruption.token}

    def is_signed(self, file: str) -> bool:
        """Whether *file* is verified by a signature of its own."""
        if not self.demands_signatures:
            return False
        from .._signed import has_signature

        return "signature" in self._keywords or has_signature(file)

    @property
    def demands_signatures(self) -> bool:
        """Whether an option or the configuration file says whose signatures count."""
        of_config = self._config is not None and self._config.demands_signatures
        return self._names_signers or of_config

    @property
    def _names_signers(self) -> bool:
        """Whether an option says whose signatures count."""
        return any(name in self._keywords for name in SIGNERS)

    def verify_signed(self, number: int, path: str) -> _Found:
        """Verify a file, or those in a folder, by their own signatures.

        :raises UsageError: there are other demands, which nothing would fulfil.
        """
        from .._signed import verify_signed

        defaults = options_of("verify")
        for name, value in self._keywords.items():
            if name in {*_OF_SIGNED, *_HARMLESS}:
                continue
            if value and value != defaults[name].default:
                flag = name.replace("_", "-")
                raise UsageError(
                    f"--{flag} is for manifests, and there is none: only signatures of single files"
                )
        known = {**self._given(*_OF_SIGNED), "config": self._config}
        return _Found(verify_signed(path, check=False, **known, **self._watched(number)), None)

    @property
    def asks_for_unlisted(self) -> bool:
        """Whether files that no manifest lists are to be found."""
        return bool(self._keywords.get("extra", "ignore") != "ignore")

    @property
    def is_recursive(self) -> bool:
        """Whether manifests in subfolders are read."""
        return bool(self._keywords.get("recursive"))

    @property
    def interruption(self) -> Interruption:
        """What Ctrl-C does."""
        return self._interruption


class _Found(NamedTuple):
    """A report, and what has printed its failures already; None if nothing has."""

    report: Report
    follower: Follower | Counter | None


class _Error(NamedTuple):
    """An error about a path."""

    path: str
    error: Exception


class _Task:
    """One path of the command line, or several files of one folder."""

    def __init__(
        self,
        command: _Command,
        path: str,
        *,
        digests: Sequence[str] = (),
        only: Sequence[str] = (),
        beside: Sequence[str] = (),
        unclear: Sequence[str] = (),
        signed: bool = False,
    ) -> None:
        self.path = path
        self._command = command
        self._digests = digests
        self._only = only
        self._beside = beside
        self._unclear = unclear
        self._signed = signed
        self._number = 0
        self._workers: int | None = None

    def do(self, number: int, workers: int | None) -> list[_Outcome]:
        """Verify it as the path with that number, and return the reports and errors."""
        self._number, self._workers = number, workers
        found: list[_Outcome] = []
        try:
            if self._command.interruption.token.cancelled:
                raise CancelledError
            for outcome in self._work():
                found.append(outcome)  # noqa: PERF402 - an error may come after some
        except CancelledError as error:
            if error.report is not None:
                follower = self._command.output.follow(number)  # its failures are printed
                found.append(_Found(error.report, follower))
            else:
                text = f"{shown_name(self.path)}: not verified: interrupted"
                found.append(_Error(self.path, CancelledError(text)))
        except ManifestNotFoundError as error:
            ways = ["create one with checksig create"]
            if not self._command.is_recursive:
                ways.insert(0, "-r looks in its subfolders too")
            text = f"{error}; {', or '.join(ways)}"
            found.append(_Error(self.path, ManifestNotFoundError(text)))
        except (ChecksigError, OSError, ValueError, ModuleNotFoundError) as error:
            found.append(_Error(self.path, error))
        return found

    def _work(self) -> Iterator[_Outcome]:
        if self._signed:
            return self._by_signature()
        if self._beside:
            return self._by_manifests()
        return self._by_digest() if self._digests else self._by_source()

    def _by_signature(self) -> Iterator[_Outcome]:
        """Verify a file, or those in a folder, by their own signatures."""
        found = self._command.verify_signed(self._number, self.path)
        yield found
        for extra in found.report.unlisted:
            yield self._error(
                extra.path, "it has no signature next to it, and is in a folder of signed files"
            )

    def _by_digest(self) -> Iterator[_Outcome]:
        """Verify one file against digests."""
        with _Opened(self.path) as file:
            if isinstance(file, str):
                found = self._command.verify_digest(self._number, file, self._digests)
            else:
                with self._command.interruption.raising():  # a read of a stream may take for ever
                    found = self._command.verify_digest(self._number, file, self._digests)
        yield found

    def _by_source(self) -> Iterator[_Outcome]:
        """Verify what a manifest, a folder or a stream lists, or only some files."""
        source = self._source()
        doubtful = bool(self._only) and not any(map(os.path.lexists, self._only))
        try:
            found = self._verify(source, self._only, at_once=not doubtful)
        except ManifestNotFoundError:
            if self._only or not self._command.demands_signatures or is_remote(self.path):
                raise
            yield from self._by_signature()
            return
        missed = self._missed(found.report)
        absent = [file for file in missed if not os.path.lexists(file)]
        if found.report.entries or not doubtful or not absent:
            if _says_something(found.report, missed):
                yield found
            for file in missed:
                there = ", and there is no such file" if file in absent else ""
                text = f"no line of {shown_name(self.path)} lists it{there}{self._elsewhere(file)}"
                yield self._error(file, text)
            return
        # None of the other words is a file: they are misspelt, and were to be verified besides.
        yield self._verify(self._source(source))
        for file in absent:
            text = f"there is no such file or folder, and {shown_name(self.path)} does not list it"
            yield self._error(file, text + self._elsewhere(file))

    def _elsewhere(self, file: str) -> str:
        """Return a hint if *file* is named as in the manifest, and not from the working folder."""
        if os.path.lexists(file):
            return ""
        folder = self.path if os.path.isdir(self.path) else os.path.dirname(self.path)
        path = os.path.join(self._command.keywords.get("root") or folder, file)
        return f"; did you mean {shown_name(path)}?" if os.path.lexists(path) else ""

    def _source(self, again: Any = None) -> Any:
        """Return what is verified; the content of a stream is read, or used *again*."""
        if isinstance(again, io.BytesIO):
            again.seek(0)
            return again
        with _Opened(self.path) as source:
            if isinstance(source, str):
                return source
            with self._command.interruption.raising():
                return _Content(source, self.path)

    def _by_manifests(self) -> Iterator[_Outcome]:
        """Verify files by the manifests in their folder.

        Those of ``unclear`` that no manifest lists may be manifests that begin with a text.
        """
        files = self._beside
        folder = os.path.dirname(files[0]) or "."
        manifests: Sequence[Manifest] = ()
        unread: set[str] = set()
        try:
            found = self._verify(folder, files)
        except ManifestNotFoundError:
            missed = list(files)
        else:
            report = found.report
            missed, manifests = self._missed(report), report.manifests
            unread = {bad.manifest for bad in report.bad_lines if bad.code == UNREAD}
            if len(files) == 1:
                found = found._replace(report=_replace(report, path=files[0]))
            if _says_something(report, missed):
                yield found
        if any(manifest.untrusted for manifest in manifests):
            return  # which is why nothing lists them, and in the report
        where = _shown_names(manifests, unread)
        for file in missed:
            as_manifest = self._as_manifest(file) if file in self._unclear else None
            if as_manifest is not None:
                yield as_manifest
                continue
            signed = _signed_by(file)
            if signed:
                text = "a signature; to verify what it signs: checksig --trust KEYS"
                text += f" {shown_name(signed)}"
                yield self._error(file, text)
                continue
            name = printable(os.path.basename(file))
            text = f"no digest of it was found: no {name}.sha256 or the like, {where};"
            text += " give it one: checksig FILE DIGEST, or checksig MANIFEST FILE"
            above = _folder_above(file)
            if above:
                text += f", such as checksig {shown_name(above)} {shown_name(file)}"
            yield self._error(file, text)

    def _missed(self, report: Report) -> list[str]:
        """Return the files that were asked for, and that nothing lists."""
        return [] if self._command.asks_for_unlisted else [each.path for each in report.unlisted]

    def _as_manifest(self, file: str) -> _Found | None:
        """Return the report of *file* as a manifest, if a file that it lists exists.

        A sentence with a digest at its end could be read as an entry.
        """
        found = self._verify(file, at_once=False)
        report = found.report
        return found if report.entries > report.missing + report.skipped else None

    def _error(self, file: str, text: str) -> _Error:
        return _Error(file, ValueError(f"{shown_name(file)}: {text}"))

    def _verify(self, source: Any, only: Sequence[str] = (), *, at_once: bool = True) -> _Found:
        return self._command.verify(self._number, source, only, self._workers, at_once=at_once)


if TYPE_CHECKING:
    _Outcome = _Found | _Error


def _replace(report: Report, **fields: Any) -> Report:
    return type(report)(**{**vars(report), **fields})


def _folder_above(file: str) -> str:
    """Return the nearest folder above that of *file* that has a manifest; empty if none has."""
    folder = os.path.dirname(file) or "."
    for _ in range(_MAX_ABOVE):
        above = os.path.normpath(os.path.join(folder, os.pardir))
        if os.path.abspath(above) == os.path.abspath(folder):
            break
        folder = above
        names = (*MANIFESTS, "bagit.txt")
        if any(os.path.isfile(os.path.join(folder, name)) for name in names):
            return folder
    return ""


def _signed_by(file: str) -> str:
    """Return the file whose signature *file* seems to be, by its name; empty if it is none."""
    from .._signed import SIGNATURE_SUFFIXES

    stem, suffix = os.path.splitext(file)
    return stem if suffix.lower() in SIGNATURE_SUFFIXES and os.path.lexists(stem) else ""


def _is_there(word: str) -> bool:
    return word == "-" or is_remote(word) or os.path.exists(word)


def _says_something(report: Report, missed: Sequence[str]) -> bool:
    """Whether there is more in a report than files that nothing lists."""
    return bool(report.entries or report.bad_line_count or not missed)


class _Content(io.BytesIO):
    """What a stream had, with its name."""

    def __init__(self, stream: Any, name: str) -> None:
        content = bytearray()
        for chunk in read_chunks(stream):
            content += chunk
            if len(content) > MAX_CONTENT:
                break
        super().__init__(content)
        self.name = "" if name == "-" else name


# Where the shells' process substitution puts a pipe, and standard input has a name.
_STREAMS = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")


def _shown_names(manifests: Sequence[Manifest], unread: set[str]) -> str:
    """Return where a digest was looked for; *unread* are those that could not be read."""
    if not manifests:
        return "there is no manifest beside it"
    texts: list[str] = []
    for what, is_unread in (("not listed in {}", False), ("{} cannot be read", True)):
        paths = [m.path for m in manifests if (m.path in unread) == is_unread]
        names = [printable(os.path.basename(path)) for path in paths]
        more = f" and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
        texts += [what.format(", ".join(names[:_MAX_NAMES]) + more)] if names else []
    return ", ".join(texts)


class _Opened:
    """A context manager for a path, or for a file object of a stream, such as ``<(command)``.

    Such a stream is a descriptor of this process. Other FIFOs are refused: to open one may take
    for ever.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: Any = None

    def __enter__(self) -> Any:
        if self._path == "-":
            return standard_input()
        with suppress(OSError):
            if self._path.startswith(_STREAMS):
                mode = os.stat(self._path).st_mode
                if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
                    self._file = open(self._path, "rb")
        return self._file or self._path

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
