"""The functions that verify."""

from __future__ import annotations

import os
import time

from . import _log
from ._engine import CancelToken, raise_failure, run, server_of, wire
from ._light import closing
from ._options import (
    ATTESTING,
    PARTIAL,
    encode_options,
    options_of,
    select_options,
    suggest_options,
)
from ._printable import printable
from ._source import is_path, is_remote, read_source
from ._typing import TYPE_CHECKING, Any, Protocol, cast
from .errors import (
    CancelledError,
    EngineError,
    VerificationError,
)
from .report import (
    MAX_BAD_LINES,
    REFUSED,
    WEAK,
    BadLine,
    Extra,
    Manifest,
    PackedResults,
    Report,
    Result,
    sort_results,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
    from concurrent.futures import Executor
    from typing import Literal

    from ._engine.library import Server
    from ._options import AnyPath, KeyFile
    from ._part import Part
    from ._source import Source
    from .remote import Remote
    from .report import Progress

    Configured = tuple[str, tuple[str, ...]]
    """A configuration file, and the options that have the values of its settings."""

__all__ = [
    "Follower",
    "averify",
    "check_signatures",
    "collect",
    "iter_verify",
    "verify",
    "verify_following",
    "with_config",
]

_STOP_SECONDS = 1.5
"""How long a cancelled task waits for the engine; slightly longer than the engine itself does."""

_MAX_KEPT = 1000
"""How many failures a report holds whose follower has them all."""

_HIGH_WATER = 8 << 20
"""How many bytes of results the engine may collect for a caller who keeps them all; waking the
caller's thread costs the engine part of a millisecond each time."""


@suggest_options
def verify(
    path: Source,
    *,
    check: bool = True,
    keep_verified: bool = True,
    config: AnyPath | None = None,
    recursive: bool = False,
    extra: Literal["ignore", "report", "fail"] = "ignore",
    ignore_missing: bool = False,
    ignore_text: bool = False,
    ignore_attributes: bool = False,
    root: AnyPath | None = None,
    strip: int = 0,
    basename: bool = False,
    remap: Mapping[str, str] | Mapping[bytes, bytes] | None = None,
    only: AnyPath | Sequence[AnyPath] = (),
    include: Sequence[str | bytes] = (),
    exclude: Sequence[str | bytes] = (),
    columns: str | Sequence[str] = (),
    stored: Literal["never", "prefer", "only"] = "never",
    part_size: str | int | None = None,
    min_strength: str | None = None,
    trust: KeyFile | Sequence[KeyFile] | None = None,
    trust_fingerprint: str | Sequence[str] | None = None,
    signers: int | None = None,
    signature: AnyPath | None = None,
    namespace: str | None = None,
    trusted_root: AnyPath | None = None,
    identity: str | Sequence[str] | None = None,
    issuer: str | None = None,
    key: AnyPath | None = None,
    predicate_type: str | Sequence[str] | None = None,
    bag_profile: AnyPath | None = None,
    state: AnyPath | None = None,
    resume: bool = False,
    max_age: str | float | None = None,
    max_time: str | float | None = None,
    max_bytes: str | int | None = None,
    sample: str | float | None = None,
    algorithm: str | None = None,
    format: str | None = None,  # noqa: A002 - the word for it
    follow_outside: bool = False,
    workers: int | None = None,
    io_depth: int | None = None,
    leave_cache: bool = False,
    filesystem: Any = None,
    executor: Executor | None = None,
    progress: Callable[[Progress], object] | None = None,
    cancel: CancelToken | None = None,
) -> Report:
    """Verify every file that a manifest lists, and return a report.

    If *path* is a folder, all manifests in it with a usual name are read (``sha1sum.txt``,
    ``SHA256SUMS``, ``disc.iso.md5``, …); a folder with a ``bagit.txt`` is verified as a bag
    (RFC 8493). File names are relative to the manifest's folder.

    :param path: A manifest, or a folder that contains manifests. A manifest can also be a file
        object opened for bytes, a :class:`bytearray` or :class:`memoryview` with its content, or a
        mapping of file names to digests. Its names are then relative to *root*, or else to the
        working folder. Both can be addresses, such as ``s3://bucket/folder/``, which fsspec reads.
    :param check: Raise :exc:`VerificationError` unless everything is as listed. If false, the
        report is returned in any case; it is then false where something is wrong.
    :param keep_verified: Keep the verified entries for :attr:`Report.results`. If false, memory
        does not grow with the manifest.
    :param config: A file ``checksig.toml``, or a ``pyproject.toml`` with ``[tool.checksig]``, with
        the values of options that are not given: those that say who must have signed, and
        ``min_strength``; ``require_trust`` demands that the call or the file says it. *trust* or an
        option for Sigstore replaces all that the file says about it. Without *config*, no file is
        read.
    :param recursive: Find manifests in subfolders of *path* too. Names in each are relative to its
        own folder. Links to folders are not followed.
    :param extra: What to do about files below the manifests' folders that no manifest lists:
        ``"ignore"``, ``"report"`` or ``"fail"``. Manifests and their signatures need not be
        listed. A missing file whose content is found under another name is reported as moved. This
        takes 16 bytes of memory per entry.
    :param ignore_missing: Skip entries whose file is missing. If all are skipped, a
        :class:`BadLine` says "no file was verified", so the result is not ok.
    :param ignore_text: Accept lines in which nothing looks like a digest, such as headings, and
        count them in :attr:`Manifest.text_lines`. Without it they are bad lines.
    :param ignore_attributes: Do not compare the types, modes, owners and targets of links that an
        :manpage:`mtree(5)` states; :attr:`Manifest.unverified` has them then. Without it, each
        file, folder or link that differs is a :class:`BadLine`.
    :param root: The folder that names are relative to, instead of the folder of each manifest.
    :param strip: Remove this many leading components of each name, 0 to 4096, as
        ``tar --strip-components`` does. A name without more components is unreadable.
    :param basename: Use only the last component of each name.
    :param remap: Replace each prefix of a name that is a key with its value; the longest match is
        used. A prefix consists of whole components: ``{"/home/runner/dist": ""}``. A backslash in
        it matches either separator. *remap* is applied first, then *strip*, then *basename*; the
        resulting path must be inside the folder that names are relative to.
    :param only: Verify only the entries of this file, or of several: their paths, not their names
        in the manifest. A folder stands for all files below it. A path that no entry is about is
        an :class:`Extra`, and a failure.
    :param include: Patterns of the files to verify; the entries of others are left out. They have
        the language of ``.gitignore``: ``*.fq``, ``/data/``, ``raw/**/*.bam``. They start from the
        folder *path* or *root*, or else from where the manifest's names start.
    :param exclude: Patterns of files to leave out, also of those with *include*. An excluded folder
        is left out with all in it; nor are manifests looked for in it, or unlisted files. What is
        left out is counted (:attr:`Report.excluded`); to leave out everything is a ValueError.
    :param columns: The groups of columns to verify of an ENA file report: ``"fastq"``,
        ``"submitted"``, ``"sra"``. By default all. One that is missing is a ValueError.
    :param stored: What to do about checksums that a remote store keeps: ``"never"`` use them and
        read every file, ``"prefer"`` them to reading where the store has them, or use them
        ``"only"``: what the store lacks is unreadable. :attr:`Result.evidence` says which of both
        it was. A stored checksum is what was recorded when the file was uploaded.
    :param part_size: The size (``"8MiB"``) of the parts in which files were uploaded whose digests
        end in the number of parts (``"…-3"``), as ETags and composite checksums of S3 do. Without
        it, these are bad lines: they are digests of the digests of the parts.
    :param min_strength: The name of an algorithm, such as ``"sha256"``. Entries with a weaker one
        are unreadable, even if the file has a stronger digest too.
    :param trust: A file of keys, or several, or their content as a :class:`bytearray`: OpenPGP
        certificates, public keys of signify, minisign or SSH, or an ``allowed_signers`` file. Every
        manifest must be signed by one of them; nothing of the others counts, and a
        :class:`BadLine` says "untrusted manifest". Only what was signed is read.
    :param trust_fingerprint: The fingerprints of those keys in *trust* that count, instead of all.
    :param signers: How many different signers are needed, 1 to 1000; by default one.
    :param signature: The file with the signature of the manifest, or its address, instead of those
        next to it that have its name and ``.asc``, ``.gpg``, ``.gpgsig``, ``.pgp``, ``.sig``,
        ``.sign``, ``.minisig`` or ``.sshsig``. Only for a single manifest.
    :param namespace: The namespace of SSH signatures, by default ``"file"``.
    :param trusted_root: The trusted root of a Sigstore instance, a JSON file. Every manifest must
        be signed, as with *trust*: by a Sigstore bundle next to it, or as an attestation in one.
        *identity* and *issuer* are needed too. Nothing is downloaded. It takes the package
        ``checksig[sigstore]``.
    :param identity: Who must have signed: a mail address or URI, or several of which one suffices.
    :param issuer: Who must have vouched for the identity, such as
        ``"https://token.actions.githubusercontent.com"``.
    :param key: A file with a public key, in PEM, that must have signed instead. With
        *trusted_root*, the signature must be in the log too.
    :param predicate_type: The predicate type of attestations, or several. Others do not count; by
        default, those that are known do.
    :param bag_profile: The path of a BagIt profile, a JSON file. Each bag must conform to it, and
        there must be one. Nothing is downloaded.
    :param state: The path of a state file, in which each run records when it verified each entry.
        It is made if there is none.
    :param resume: Go on where the last run with the same arguments was stopped: what it has
        verified, of files that seem unchanged, is :attr:`Status.VERIFIED_BEFORE`. If that run has
        ended, begin anew. It needs *state*.
    :param max_age: The same for what was verified within this time: ``"30d"``, or seconds. It needs
        *state*.
    :param max_time: Stop after this time: ``"2h"``, or seconds. What was verified longest ago comes
        first, and the rest is :attr:`Status.NOT_VERIFIED`. It needs *state*.
    :param max_bytes: Verify no more bytes than this, ``"500GB"``, but at least one file. The order
        and the rest are those of *max_time*. It needs *state*.
    :param sample: Verify a random share of the entries: ``"5%"``. ``"5%@1234"`` repeats the sample
        with that :attr:`Report.sample_seed`.
    :param algorithm: The algorithm of digests that do not name it, instead of the one that the
        manifest's name or the digest's length implies.
    :param format: The format of the manifests, such as ``"gnu"``, instead of the one detected.
    :param follow_outside: Read files outside the folder that names are relative to as well. By
        default, ``..``, absolute names and symbolic links that lead outside are refused.
    :param workers: How many files are hashed at once, 1 to 1024. By default one for each available
        CPU.
    :param io_depth: How many files are read at once, 1 to 1024. By default as many as the storage
        is faster with: one for each worker where the data is in memory, up to 64 on a slow disk or
        a network.
    :param leave_cache: Leave the system's page cache as it was: data that was not cached before is
        not cached after the read (Linux, macOS). Each core then hashes one file at a
        time.
    :param filesystem: A file system of fsspec, which *path* is a path in.
    :param executor: Has the files hashed by a :class:`concurrent.futures.Executor`: in other
        processes or on other machines, which need the same files at the same paths. The result is
        the same. *workers* is the number of files that each of its calls hashes at once then, by
        default one.
    :param progress: Called with the :class:`Progress` a few times a second, in this thread. An
        exception that it raises stops the verification.
    :param cancel: Stops the verification when its :meth:`CancelToken.cancel` is called.

    :raises VerificationError: something is not as listed; its ``report`` has the details.
    :raises ManifestNotFoundError: the folder contains no manifest.
    :raises ManifestError: the manifest cannot be read, for example because it is a device.
    :raises OSError: the system refuses access to the folder, *root* or the manifest; ``errno`` and
        ``filename`` are set.
    :raises EngineError: the engine cannot be started, or failed.
    :raises CancelledError: *cancel* was cancelled.
    :raises TypeError: an option has a wrong type or an unknown name.
    :raises ValueError: *path* contains a null byte, or an option has an unknown value or is out of
        range.
    """
    return _verify(path, locals())


def _verify(path: Source, arguments: Mapping[str, Any], follower: Follower | None = None) -> Report:
    fields, remote, shown, config = _request(path, arguments)
    report = collect(
        shown,
        fields,
        part=None if remote is not None else _part(path, fields, arguments),
        remote=remote,
        executor=arguments["executor"],
        extra_fails=arguments["extra"] == "fail" or bool(arguments["only"]),
        progress=arguments["progress"],
        cancel=arguments["cancel"],
        follower=follower,
        config=config,
    )
    if arguments["check"] and not report.ok:
        raise VerificationError(report)
    return report


def _asked(names: Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """Return those *names* of options that ask for something."""
    return [name for name in names if options[name] is not None and options[name] is not False]


def _part(
    path: Source, fields: list[tuple[str, bytes]], arguments: Mapping[str, Any]
) -> Part | None:
    """Return the part of the entries that *arguments* ask for; None for all."""
    if not _asked(PARTIAL, arguments):
        return None
    from ._part import Part

    return Part(path, list(fields), arguments)


def verify_following(path: Source, follower: Follower, **keywords: Any) -> Report:
    """Verify like :func:`verify` without *check*, and let *follower* have each result at once."""
    defaults = {name: option.default for name, option in options_of("verify").items()}
    others = dict.fromkeys(("config", "filesystem", "executor", "progress", "cancel"))
    arguments = {"check": False, **others, **defaults, **keywords}
    return _verify(path, arguments, follower)


@suggest_options
def iter_verify(
    path: Source,
    *,
    config: AnyPath | None = None,
    recursive: bool = False,
    extra: Literal["ignore", "report", "fail"] = "ignore",
    ignore_missing: bool = False,
    ignore_text: bool = False,
    ignore_attributes: bool = False,
    root: AnyPath | None = None,
    strip: int = 0,
    basename: bool = False,
    remap: Mapping[str, str] | Mapping[bytes, bytes] | None = None,
    only: AnyPath | Sequence[AnyPath] = (),
    include: Sequence[str | bytes] = (),
    exclude: Sequence[str | bytes] = (),
    columns: str | Sequence[str] = (),
    stored: Literal["never", "prefer", "only"] = "never",
    part_size: str | int | None = None,
    min_strength: str | None = None,
    trust: KeyFile | Sequence[KeyFile] | None = None,
    trust_fingerprint: str | Sequence[str] | None = None,
    signers: int | None = None,
    signature: AnyPath | None = None,
    namespace: str | None = None,
    trusted_root: AnyPath | None = None,
    identity: str | Sequence[str] | None = None,
    issuer: str | None = None,
    key: AnyPath | None = None,
    predicate_type: str | Sequence[str] | None = None,
    bag_profile: AnyPath | None = None,
    state: AnyPath | None = None,
    resume: bool = False,
    max_age: str | float | None = None,
    max_time: str | float | None = None,
    max_bytes: str | int | None = None,
    sample: str | float | None = None,
    algorithm: str | None = None,
    format: str | None = None,  # noqa: A002 - the word for it
    follow_outside: bool = False,
    workers: int | None = None,
    io_depth: int | None = None,
    leave_cache: bool = False,
    filesystem: Any = None,
    executor: Executor | None = None,
    progress: Callable[[Progress], object] | None = None,
    cancel: CancelToken | None = None,
) -> Generator[Result | BadLine | Extra]:
    """Verify like :func:`verify`, and yield each result as soon as it is known.

    Results arrive in the order in which files are finished. Everything is as listed if ``ok`` is
    true for every item, and there is at least one:

    - a :class:`Result` for each entry; with *extra*, missing ones come last, as they may have moved
    - a :class:`BadLine` for each line that was not understood, and for a manifest without entries
      or one that could not be read to its end; all of them, of which a report holds the first 1,000
    - with *extra*, an :class:`Extra` for each file that no manifest lists

    Memory does not grow with the manifest, except with *extra*: the engine waits for a slow caller,
    and stops when the generator is closed. The errors are those of :func:`verify`, except
    :exc:`VerificationError`. An argument with a wrong type or out of range raises at once; other
    errors, also an unknown algorithm or format, are raised with the first item.

    :param path: A manifest, or a folder that contains manifests. A manifest can also be a file
        object opened for bytes, a :class:`bytearray` or :class:`memoryview` with its content, or a
        mapping of file names to digests. Its names are then relative to *root*, or else to the
        working folder. Both can be addresses, such as ``s3://bucket/folder/``, which fsspec reads.
    :param config: A file ``checksig.toml``, or a ``pyproject.toml`` with ``[tool.checksig]``, with
        the values of options that are not given: those that say who must have signed, and
        ``min_strength``; ``require_trust`` demands that the call or the file says it. *trust* or an
        option for Sigstore replaces all that the file says about it. Without *config*, no file is
        read.
    :param recursive: Find manifests in subfolders of *path* too. Names in each are relative to its
        own folder. Links to folders are not followed.
    :param extra: What to do about files below the manifests' folders that no manifest lists:
        ``"ignore"``, ``"report"`` or ``"fail"``. Manifests and their signatures need not be
        listed. A missing file whose content is found under another name is reported as moved. This
        takes 16 bytes of memory per entry.
    :param ignore_missing: Skip entries whose file is missing. If all are skipped, a
        :class:`BadLine` says "no file was verified", so the result is not ok.
    :param ignore_text: Accept lines in which nothing looks like a digest, such as headings, and
        count them in :attr:`Manifest.text_lines`. Without it they are bad lines.
    :param ignore_attributes: Do not compare the types, modes, owners and targets of links that an
        :manpage:`mtree(5)` states; :attr:`Manifest.unverified` has them then. Without it, each
        file, folder or link that differs is a :class:`BadLine`.
    :param root: The folder that names are relative to, instead of the folder of each manifest.
    :param strip: Remove this many leading components of each name, 0 to 4096, as
        ``tar --strip-components`` does. A name without more components is unreadable.
    :param basename: Use only the last component of each name.
    :param remap: Replace each prefix of a name that is a key with its value; the longest match is
        used. A prefix consists of whole components: ``{"/home/runner/dist": ""}``. A backslash in
        it matches either separator. *remap* is applied first, then *strip*, then *basename*; the
        resulting path must be inside the folder that names are relative to.
    :param only: Verify only the entries of this file, or of several: their paths, not their names
        in the manifest. A folder stands for all files below it. A path that no entry is about is
        an :class:`Extra`, and a failure.
    :param include: Patterns of the files to verify; the entries of others are left out. They have
        the language of ``.gitignore``: ``*.fq``, ``/data/``, ``raw/**/*.bam``. They start from the
        folder *path* or *root*, or else from where the manifest's names start.
    :param exclude: Patterns of files to leave out, also of those with *include*. An excluded folder
        is left out with all in it; nor are manifests looked for in it, or unlisted files. What is
        left out is counted (:attr:`Report.excluded`); to leave out everything is a ValueError.
    :param columns: The groups of columns to verify of an ENA file report: ``"fastq"``,
        ``"submitted"``, ``"sra"``. By default all. One that is missing is a ValueError.
    :param stored: What to do about checksums that a remote store keeps: ``"never"`` use them and
        read every file, ``"prefer"`` them to reading where the store has them, or use them
        ``"only"``: what the store lacks is unreadable. :attr:`Result.evidence` says which of both
        it was. A stored checksum is what was recorded when the file was uploaded.
    :param part_size: The size (``"8MiB"``) of the parts in which files were uploaded whose digests
        end in the number of parts (``"…-3"``), as ETags and composite checksums of S3 do. Without
        it, these are bad lines: they are digests of the digests of the parts.
    :param min_strength: The name of an algorithm, such as ``"sha256"``. Entries with a weaker one
        are unreadable, even if the file has a stronger digest too.
    :param trust: A file of keys, or several, or their content as a :class:`bytearray`: OpenPGP
        certificates, public keys of signify, minisign or SSH, or an ``allowed_signers`` file. Every
        manifest must be signed by one of them; nothing of the others counts, and a
        :class:`BadLine` says "untrusted manifest". Only what was signed is read.
    :param trust_fingerprint: The fingerprints of those keys in *trust* that count, instead of all.
    :param signers: How many different signers are needed, 1 to 1000; by default one.
    :param signature: The file with the signature of the manifest, or its address, instead of those
        next to it that have its name and ``.asc``, ``.gpg``, ``.gpgsig``, ``.pgp``, ``.sig``,
        ``.sign``, ``.minisig`` or ``.sshsig``. Only for a single manifest.
    :param namespace: The namespace of SSH signatures, by default ``"file"``.
    :param trusted_root: The trusted root of a Sigstore instance, a JSON file. Every manifest must
        be signed, as with *trust*: by a Sigstore bundle next to it, or as an attestation in one.
        *identity* and *issuer* are needed too. Nothing is downloaded. It takes the package
        ``checksig[sigstore]``.
    :param identity: Who must have signed: a mail address or URI, or several of which one suffices.
    :param issuer: Who must have vouched for the identity, such as
        ``"https://token.actions.githubusercontent.com"``.
    :param key: A file with a public key, in PEM, that must have signed instead. With
        *trusted_root*, the signature must be in the log too.
    :param predicate_type: The predicate type of attestations, or several. Others do not count; by
        default, those that are known do.
    :param bag_profile: The path of a BagIt profile, a JSON file. Each bag must conform to it, and
        there must be one. Nothing is downloaded.
    :param state: The path of a state file, in which each run records when it verified each entry.
        It is made if there is none.
    :param resume: Go on where the last run with the same arguments was stopped: what it has
        verified, of files that seem unchanged, is :attr:`Status.VERIFIED_BEFORE`. If that run has
        ended, begin anew. It needs *state*.
    :param max_age: The same for what was verified within this time: ``"30d"``, or seconds. It needs
        *state*.
    :param max_time: Stop after this time: ``"2h"``, or seconds. What was verified longest ago comes
        first, and the rest is :attr:`Status.NOT_VERIFIED`. It needs *state*.
    :param max_bytes: Verify no more bytes than this, ``"500GB"``, but at least one file. The order
        and the rest are those of *max_time*. It needs *state*.
    :param sample: Verify a random share of the entries: ``"5%"``. ``"5%@1234"`` repeats the sample
        with that :attr:`Report.sample_seed`.
    :param algorithm: The algorithm of digests that do not name it, instead of the one that the
        manifest's name or the digest's length implies.
    :param format: The format of the manifests, such as ``"gnu"``, instead of the one detected.
    :param follow_outside: Read files outside the folder that names are relative to as well. By
        default, ``..``, absolute names and symbolic links that lead outside are refused.
    :param workers: How many files are hashed at once, 1 to 1024. By default one for each available
        CPU.
    :param io_depth: How many files are read at once, 1 to 1024. By default as many as the storage
        is faster with: one for each worker where the data is in memory, up to 64 on a slow disk or
        a network.
    :param leave_cache: Leave the system's page cache as it was: data that was not cached before is
        not cached after the read (Linux, macOS). Each core then hashes one file at a
        time.
    :param filesystem: A file system of fsspec, which *path* is a path in.
    :param executor: Has the files hashed by a :class:`concurrent.futures.Executor`: in other
        processes or on other machines, which need the same files at the same paths. The result is
        the same. *workers* is the number of files that each of its calls hashes at once then, by
        default one.
    :param progress: Called with the :class:`Progress` a few times a second, in this thread. An
        exception that it raises stops the verification. A :exc:`StopIteration` leaves this
        generator as a :exc:`RuntimeError` with the original as its cause (PEP 479).
    :param cancel: Stops the verification when its :meth:`CancelToken.cancel` is called.
    """
    fields, remote, path, _ = _request(path, locals())
    if progress is not None and remote is None:
        fields.append(("totals", b"1"))
    part = None if remote is not None else _part(path, fields, locals())
    builder = _ReportBuilder(path, extra_fails=extra == "fail" or bool(only), part=part)
    server = server_of(remote, executor, fields)
    if part is not None:
        return _iterate_part(builder, part, fields, server, progress, cancel)
    request = wire.encode_request("verify", fields)
    return _iterate(builder, run(request, cancel, server), progress)


def _iterate_part(  # noqa: PLR0917 - called once
    builder: _ReportBuilder,
    part: Part,
    fields: list[tuple[str, bytes]],
    server: Server | None,
    progress: Callable[[Progress], object] | None,
    cancel: CancelToken | None,
) -> Generator[Result | BadLine | Extra]:
    with closing(part):
        request = wire.encode_request("verify", [*fields, *part.begin(cancel)])
        yield from _iterate(builder, run(request, cancel, server), progress)
        part.finish(builder.build_counts())


def _iterate(
    builder: _ReportBuilder,
    batches: Generator[wire.Batch],
    progress: Callable[[Progress], object] | None,
) -> Generator[Result | BadLine | Extra]:
    manifests = builder.manifests
    _log.info("verifying %s", builder.shown_path)
    with closing(batches):
        for batch in batches:
            for kind, payload in batch.records:
                items: Sequence[Result | BadLine | Extra]
                if kind == wire.Kind.VERIFIED:
                    yield from wire.decode_entries(payload, manifests)
                    continue
                if kind == wire.Kind.ENTRY:
                    items = [wire.decode_entry(payload, manifests)]
                elif kind == wire.Kind.BAD_LINE:
                    items = [wire.decode_bad_line(payload, manifests)[1]]
                elif kind == wire.Kind.EXTRA:
                    items = builder.extras(payload)
                else:
                    builder.add(kind, payload)
                    continue
                for item in items:
                    if not item.ok:
                        _log.warning("%s", item)
                    yield item
            builder.end_batch()
            if progress is not None:
                progress(batch.progress)
    _log.info("verified %s: %d entries", builder.shown_path, builder.summary().verified)


@suggest_options
async def averify(
    path: Source,
    *,
    check: bool = True,
    keep_verified: bool = True,
    config: AnyPath | None = None,
    recursive: bool = False,
    extra: Literal["ignore", "report", "fail"] = "ignore",
    ignore_missing: bool = False,
    ignore_text: bool = False,
    ignore_attributes: bool = False,
    root: AnyPath | None = None,
    strip: int = 0,
    basename: bool = False,
    remap: Mapping[str, str] | Mapping[bytes, bytes] | None = None,
    only: AnyPath | Sequence[AnyPath] = (),
    include: Sequence[str | bytes] = (),
    exclude: Sequence[str | bytes] = (),
    columns: str | Sequence[str] = (),
    stored: Literal["never", "prefer", "only"] = "never",
    part_size: str | int | None = None,
    min_strength: str | None = None,
    trust: KeyFile | Sequence[KeyFile] | None = None,
    trust_fingerprint: str | Sequence[str] | None = None,
    signers: int | None = None,
    signature: AnyPath | None = None,
    namespace: str | None = None,
    trusted_root: AnyPath | None = None,
    identity: str | Sequence[str] | None = None,
    issuer: str | None = None,
    key: AnyPath | None = None,
    predicate_type: str | Sequence[str] | None = None,
    bag_profile: AnyPath | None = None,
    state: AnyPath | None = None,
    resume: bool = False,
    max_age: str | float | None = None,
    max_time: str | float | None = None,
    max_bytes: str | int | None = None,
    sample: str | float | None = None,
    algorithm: str | None = None,
    format: str | None = None,  # noqa: A002 - the word for it
    follow_outside: bool = False,
    workers: int | None = None,
    io_depth: int | None = None,
    leave_cache: bool = False,
    filesystem: Any = None,
    executor: Executor | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> Report:
    """Verify like :func:`verify`, without blocking the event loop of :mod:`asyncio`.

    When the task is cancelled, the engine is stopped before :exc:`asyncio.CancelledError`
    propagates. If the system does not let a read end, this waits for at most a second. The errors
    are those of :func:`verify`.

    :param path: A manifest, or a folder that contains manifests. A manifest can also be a file
        object opened for bytes, a :class:`bytearray` or :class:`memoryview` with its content, or a
        mapping of file names to digests. Its names are then relative to *root*, or else to the
        working folder. Both can be addresses, such as ``s3://bucket/folder/``, which fsspec reads.
    :param check: Raise :exc:`VerificationError` unless everything is as listed. If false, the
        report is returned in any case; it is then false where something is wrong.
    :param keep_verified: Keep the verified entries for :attr:`Report.results`. If false, memory
        does not grow with the manifest.
    :param config: A file ``checksig.toml``, or a ``pyproject.toml`` with ``[tool.checksig]``, with
        the values of options that are not given: those that say who must have signed, and
        ``min_strength``; ``require_trust`` demands that the call or the file says it. *trust* or an
        option for Sigstore replaces all that the file says about it. Without *config*, no file is
        read.
    :param recursive: Find manifests in subfolders of *path* too. Names in each are relative to its
        own folder. Links to folders are not followed.
    :param extra: What to do about files below the manifests' folders that no manifest lists:
        ``"ignore"``, ``"report"`` or ``"fail"``. Manifests and their signatures need not be
        listed. A missing file whose content is found under another name is reported as moved. This
        takes 16 bytes of memory per entry.
    :param ignore_missing: Skip entries whose file is missing. If all are skipped, a
        :class:`BadLine` says "no file was verified", so the result is not ok.
    :param ignore_text: Accept lines in which nothing looks like a digest, such as headings, and
        count them in :attr:`Manifest.text_lines`. Without it they are bad lines.
    :param ignore_attributes: Do not compare the types, modes, owners and targets of links that an
        :manpage:`mtree(5)` states; :attr:`Manifest.unverified` has them then. Without it, each
        file, folder or link that differs is a :class:`BadLine`.
    :param root: The folder that names are relative to, instead of the folder of each manifest.
    :param strip: Remove this many leading components of each name, 0 to 4096, as
        ``tar --strip-components`` does. A name without more components is unreadable.
    :param basename: Use only the last component of each name.
    :param remap: Replace each prefix of a name that is a key with its value; the longest match is
        used. A prefix consists of whole components: ``{"/home/runner/dist": ""}``. A backslash in
        it matches either separator. *remap* is applied first, then *strip*, then *basename*; the
        resulting path must be inside the folder that names are relative to.
    :param only: Verify only the entries of this file, or of several: their paths, not their names
        in the manifest. A folder stands for all files below it. A path that no entry is about is
        an :class:`Extra`, and a failure.
    :param include: Patterns of the files to verify; the entries of others are left out. They have
        the language of ``.gitignore``: ``*.fq``, ``/data/``, ``raw/**/*.bam``. They start from the
        folder *path* or *root*, or else from where the manifest's names start.
    :param exclude: Patterns of files to leave out, also of those with *include*. An excluded folder
        is left out with all in it; nor are manifests looked for in it, or unlisted files. What is
        left out is counted (:attr:`Report.excluded`); to leave out everything is a ValueError.
    :param columns: The groups of columns to verify of an ENA file report: ``"fastq"``,
        ``"submitted"``, ``"sra"``. By default all. One that is missing is a ValueError.
    :param stored: What to do about checksums that a remote store keeps: ``"never"`` use them and
        read every file, ``"prefer"`` them to reading where the store has them, or use them
        ``"only"``: what the store lacks is unreadable. :attr:`Result.evidence` says which of both
        it was. A stored checksum is what was recorded when the file was uploaded.
    :param part_size: The size (``"8MiB"``) of the parts in which files were uploaded whose digests
        end in the number of parts (``"…-3"``), as ETags and composite checksums of S3 do. Without
        it, these are bad lines: they are digests of the digests of the parts.
    :param min_strength: The name of an algorithm, such as ``"sha256"``. Entries with a weaker one
        are unreadable, even if the file has a stronger digest too.
    :param trust: A file of keys, or several, or their content as a :class:`bytearray`: OpenPGP
        certificates, public keys of signify, minisign or SSH, or an ``allowed_signers`` file. Every
        manifest must be signed by one of them; nothing of the others counts, and a
        :class:`BadLine` says "untrusted manifest". Only what was signed is read.
    :param trust_fingerprint: The fingerprints of those keys in *trust* that count, instead of all.
    :param signers: How many different signers are needed, 1 to 1000; by default one.
    :param signature: The file with the signature of the manifest, or its address, instead of those
        next to it that have its name and ``.asc``, ``.gpg``, ``.gpgsig``, ``.pgp``, ``.sig``,
        ``.sign``, ``.minisig`` or ``.sshsig``. Only for a single manifest.
    :param namespace: The namespace of SSH signatures, by default ``"file"``.
    :param trusted_root: The trusted root of a Sigstore instance, a JSON file. Every manifest must
        be signed, as with *trust*: by a Sigstore bundle next to it, or as an attestation in one.
        *identity* and *issuer* are needed too. Nothing is downloaded. It takes the package
        ``checksig[sigstore]``.
    :param identity: Who must have signed: a mail address or URI, or several of which one suffices.
    :param issuer: Who must have vouched for the identity, such as
        ``"https://token.actions.githubusercontent.com"``.
    :param key: A file with a public key, in PEM, that must have signed instead. With
        *trusted_root*, the signature must be in the log too.
    :param predicate_type: The predicate type of attestations, or several. Others do not count; by
        default, those that are known do.
    :param bag_profile: The path of a BagIt profile, a JSON file. Each bag must conform to it, and
        there must be one. Nothing is downloaded.
    :param state: The path of a state file, in which each run records when it verified each entry.
        It is made if there is none.
    :param resume: Go on where the last run with the same arguments was stopped: what it has
        verified, of files that seem unchanged, is :attr:`Status.VERIFIED_BEFORE`. If that run has
        ended, begin anew. It needs *state*.
    :param max_age: The same for what was verified within this time: ``"30d"``, or seconds. It needs
        *state*.
    :param max_time: Stop after this time: ``"2h"``, or seconds. What was verified longest ago comes
        first, and the rest is :attr:`Status.NOT_VERIFIED`. It needs *state*.
    :param max_bytes: Verify no more bytes than this, ``"500GB"``, but at least one file. The order
        and the rest are those of *max_time*. It needs *state*.
    :param sample: Verify a random share of the entries: ``"5%"``. ``"5%@1234"`` repeats the sample
        with that :attr:`Report.sample_seed`.
    :param algorithm: The algorithm of digests that do not name it, instead of the one that the
        manifest's name or the digest's length implies.
    :param format: The format of the manifests, such as ``"gnu"``, instead of the one detected.
    :param follow_outside: Read files outside the folder that names are relative to as well. By
        default, ``..``, absolute names and symbolic links that lead outside are refused.
    :param workers: How many files are hashed at once, 1 to 1024. By default one for each available
        CPU.
    :param io_depth: How many files are read at once, 1 to 1024. By default as many as the storage
        is faster with: one for each worker where the data is in memory, up to 64 on a slow disk or
        a network.
    :param leave_cache: Leave the system's page cache as it was: data that was not cached before is
        not cached after the read (Linux, macOS). Each core then hashes one file at a
        time.
    :param filesystem: A file system of fsspec, which *path* is a path in.
    :param executor: Has the files hashed by a :class:`concurrent.futures.Executor`: in other
        processes or on other machines, which need the same files at the same paths. The result is
        the same. *workers* is the number of files that each of its calls hashes at once then, by
        default one.
    :param progress: Called with the :class:`Progress` a few times a second, in the event loop's
        thread. An exception that it raises stops the verification. A :exc:`StopIteration` leaves
        this coroutine as a :exc:`RuntimeError` with the original as its cause (PEP 479).
    """
    options = select_options("verify", locals())
    import asyncio

    loop = asyncio.get_running_loop()
    cancel = CancelToken()
    raised: list[BaseException] = []

    def report_progress(state: Progress) -> None:
        if progress is None or raised:
            return
        try:
            progress(state)
        except BaseException as error:  # noqa: BLE001 - it is raised below, whatever it is
            raised.append(error)
            cancel.cancel()

    def forward(state: Progress) -> None:
        loop.call_soon_threadsafe(report_progress, state)

    work = asyncio.ensure_future(
        asyncio.to_thread(
            verify,
            path,
            check=check,
            keep_verified=keep_verified,
            config=config,
            filesystem=filesystem,
            executor=executor,
            progress=None if progress is None else forward,
            cancel=cancel,
            **options,
        )
    )
    # After a cancellation nobody retrieves the exception, about which asyncio would warn.
    work.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        report = await asyncio.shield(work)
    except asyncio.CancelledError:
        cancel.cancel()
        await asyncio.wait([work], timeout=_STOP_SECONDS)
        raise
    except CancelledError:
        raise raised[0] from None
    if raised:
        raise raised[0]
    return report


def check_signatures(root_dir: AnyPath) -> None:
    """Verify the files that the manifests in the folder *root_dir* list.

    This is the original interface; :func:`verify` does the same, and returns a report.

    :raises ValueError: something is not as listed, or could not be verified; the message has a line
        ``"<path>" - mismatch`` for each file.
    """
    try:
        verify(root_dir, keep_verified=False)
    except VerificationError as error:
        raise ValueError(error.report.explain()) from error
    except OSError as error:
        raise ValueError(str(error)) from error


def _request(
    path: Source, arguments: Mapping[str, Any]
) -> tuple[list[tuple[str, bytes]], Remote | None, Source, Configured | None]:
    """Return the fields of a request for a call with *arguments*, which are its local variables.

    Also return who reads its remote files, the path of its report, and which settings of the
    configuration file are among the fields.
    """
    given, configured = with_config(arguments["config"], select_options("verify", arguments))
    options = encode_options("verify", given)
    attesting = {each: given[each] for each in ATTESTING if given[each] is not None}
    demands = bool(attesting) or given["trust"] is not None
    remote, shown = None, path
    if arguments["filesystem"] is None and not (is_remote(path) or is_remote(arguments["root"])):
        fields = _fields(path, options, arguments)
    else:
        vain = _asked(PARTIAL, given)
        if vain:
            raise ValueError(f"{vain[0]} is only for local files and their manifests")
        from .remote import encode_fields

        remote, fields, shown = encode_fields(path, options, arguments, demands_signature=demands)
    if demands and is_remote(arguments["signature"]):
        from .remote import encode_signature

        fields += encode_signature(arguments["signature"], arguments.get("cancel"))
    if attesting:
        from ._sigstore import attest

        fields += attest(fields, attesting, cancel=arguments.get("cancel"), remote=remote)
    if not arguments.get("keep_verified", True):
        fields.append(("keep_verified", b"0"))
    return fields, remote, shown, configured


def _fields(
    path: Source, options: list[tuple[str, bytes]], arguments: Mapping[str, Any]
) -> list[tuple[str, bytes]]:
    """Return the fields of a request for local files."""
    name, content = read_source(path)
    if content and content[-1][0] == "format" and arguments["format"] is not None:
        raise ValueError("a mapping has no format")
    fields = [("path", name), *content]
    # The working folder can change during the operation.
    table = options_of("verify")
    paths = [name]
    paths += [value for key, value in options if table[key].type in {"path", "paths"}]
    paths += [value[1:] for key, value in options if key == "trust" and value[:1] == b"p"]
    if content or not all(map(os.path.isabs, paths)):
        fields.append(("cwd", os.getcwdb()))
    return fields + options


def with_config(
    config: AnyPath | None, options: dict[str, Any]
) -> tuple[dict[str, Any], Configured | None]:
    """Return *options* with the settings of a configuration file, and which of them these are."""
    if config is None:
        return options, None
    from ._config import load_config

    return load_config(config).apply(options)


class Follower(Protocol):
    """What takes the results of a verification when they are found."""

    keeps_failures: bool
    """Whether the report has all failures and unlisted files, too; if not, it only counts those
    after the first thousand."""

    def found(self, item: Result | BadLine | Extra) -> object:
        """Take a failure, a bad line or an unlisted file."""

    def verified(self, results: Iterable[Result]) -> object:
        """Take verified and skipped entries, if the request asks for them."""

    def tick(self, progress: Progress) -> object:
        """Take how far it has got, several times a second."""


def collect(
    path: Source,
    fields: list[tuple[str, bytes]],
    *,
    extra_fails: bool = False,
    progress: Callable[[Progress], object] | None = None,
    cancel: CancelToken | None = None,
    operation: str = "verify",
    follower: Follower | None = None,
    config: Configured | None = None,
    part: Part | None = None,
    remote: Remote | None = None,
    executor: Executor | None = None,
) -> Report:
    """Run a verification with these fields, and return its report.

    :raises CancelledError: *cancel* was cancelled; the error has a report of what was found.
    """
    fields += [
        ("high_water", b"%d" % _HIGH_WATER),
        ("max_bad_lines", b"%d" % MAX_BAD_LINES),
    ]
    if progress is not None and remote is None:  # to ask for every size takes as long as to read
        fields.append(("totals", b"1"))
    builder = _ReportBuilder(
        path,
        extra_fails=extra_fails,
        follower=follower,
        keep_verified=("keep_verified", b"0") not in fields,
        config=config,
        part=part,
    )
    _log.info("verifying %s", builder.shown_path)
    try:
        if part is not None:
            fields += part.begin(cancel)
        server = server_of(remote, executor, fields)
        request = wire.encode_request(operation, fields)
        with closing(run(request, cancel, server)) as batches:
            for batch in batches:
                builder.progress = batch.progress
                for kind, payload in batch.records:
                    builder.add(kind, payload)
                builder.end_batch()
                if follower is not None:
                    follower.tick(batch.progress)
                if progress is not None:
                    progress(batch.progress)
            report = builder.build()
            if part is not None:
                part.finish(report)
    except CancelledError as error:
        error.report = builder.build_interrupted()
        _log.log_report(error.report, builder.shown_path)
        raise
    finally:
        if part is not None:
            part.close()
    _log.log_report(report, builder.shown_path)
    return report


class _ReportBuilder:
    """Collects records into a report."""

    def __init__(
        self,
        path: Source,
        *,
        extra_fails: bool,
        follower: Follower | None = None,
        keep_verified: bool = True,
        config: Configured | None = None,
        part: Part | None = None,
    ) -> None:
        self._config = config
        self._part = part
        self._path = os.fsdecode(cast("AnyPath", path)) if is_path(path) else ""
        self.shown_path = printable(self._path) or "-"
        self._extra_fails = extra_fails
        self._follower = follower
        self._keeps_failures = follower is None or follower.keeps_failures
        self._keep_verified = keep_verified
        self._began = time.monotonic()
        self._unlisted: list[Extra] = []
        self._count = {"mismatched": 0, "missing": 0, "unreadable": 0}  # of the failures
        self._reasons: dict[str | None, int] = {REFUSED: 0, WEAK: 0}
        self._skipped = 0  # of the entries that are not kept
        self._unlisted_count = 0
        self.manifests: list[Manifest] = []
        self.progress = wire.decode_batch(wire.EMPTY_BATCH).progress
        self._failures: list[Result] = []
        self._bad_lines: list[tuple[int, BadLine]] = []
        self._verified: list[PackedResults] = []
        self._not_understood: list[str] = []
        self._summary: wire.Summary | None = None

    def add(self, kind: int, payload: Any) -> None:  # noqa: C901, PLR0912 - a case for each kind
        """Add a record."""
        match kind:
            case wire.Kind.VERIFIED:
                self._add_verified(payload)
            case wire.Kind.ENTRY:
                result = wire.decode_entry(payload, self.manifests)
                status = result.status.value
                self._count[status] = self._count.get(status, 0) + 1
                if result.reason is not None:
                    self._reasons[result.reason] += 1
                if self._keeps_failures or len(self._failures) < _MAX_KEPT:
                    self._failures.append(result)
                if self._follower is not None:
                    self._follower.found(result)
            case wire.Kind.EXTRA:
                self._unlisted_count += len(payload)
                extras = self.extras(payload)
                kept = None if self._keeps_failures else max(0, _MAX_KEPT - len(self._unlisted))
                self._unlisted += extras[:kept]
                if self._follower is not None:
                    for extra in extras:
                        self._follower.found(extra)
            case wire.Kind.PROOF if self._part is not None:
                self._part.take(payload, self.manifests)
            case wire.Kind.MANIFEST:
                self.manifests.append(wire.decode_manifest(payload))
            case wire.Kind.READ:
                index, manifest = wire.decode_read(payload, self.manifests)
                self.manifests[index] = manifest
            case wire.Kind.NOTE:
                index, manifest = wire.decode_note(payload, self.manifests)
                self.manifests[index] = manifest
            case wire.Kind.SIGNATURE:
                index, manifest = wire.decode_signature(payload, self.manifests)
                self.manifests[index] = manifest
            case wire.Kind.BAD_LINE:
                placed = wire.decode_bad_line(payload, self.manifests)
                self._bad_lines.append(placed)
                if self._follower is not None:
                    self._follower.found(placed[1])
            case wire.Kind.NOT_UNDERSTOOD:
                self._not_understood.append(wire.decode_not_understood(payload))
            case wire.Kind.SUMMARY:
                self._summary = wire.decode_summary(payload)
            case wire.Kind.ERROR:
                raise_failure(wire.decode_failure(payload))
            case _:
                raise EngineError(f"the engine sent a record of unknown kind {kind}")

    def end_batch(self) -> None:
        """Record what was verified, after all records of a batch."""
        if self._part is not None:
            self._part.write()

    def _add_verified(self, packed: PackedResults) -> None:
        if self._follower is not None and self._keep_verified:
            self._follower.verified(wire.decode_entries(packed, self.manifests))
        if self._keep_verified and self._keeps_failures:
            self._verified.append(packed)
        else:
            self._skipped += wire.count_entries(packed)[1]

    def extras(self, found: list[tuple[str, str | None]]) -> list[Extra]:
        """Return unlisted files as the report has them."""
        new = cast("Any", tuple).__new__  # takes a third of the time of Extra()
        fails = self._extra_fails
        return [new(Extra, (path, moved_from, fails)) for path, moved_from in found]

    def summary(self) -> wire.Summary:
        """Return the counts of the engine, which end every verification."""
        if self._summary is None:
            raise EngineError("the engine ended without a summary")
        return self._summary

    def build(self) -> Report:
        """Return the report, after a comparison with the engine's counts."""
        counts = self.summary()
        report = self._build(counts)
        if (
            len(report.bad_lines) < min(counts.bad_lines, MAX_BAD_LINES)
            or report.bad_lines_omitted < 0
            or sum(self._count.values()) != counts.mismatched + counts.missing + counts.unreadable
            or self._unlisted_count != counts.extra
        ):
            raise EngineError("the engine lost a result")
        return report

    def build_counts(self) -> Report:
        """Return a report with the engine's counts only."""
        return self._build(self.summary())

    def build_interrupted(self) -> Report:
        """Return what was found so far; never more verified entries than there are."""
        skipped = self._skipped + sum(wire.count_entries(each)[1] for each in self._verified)
        failed = sum(self._count.values())
        counts = wire.Summary(
            max(self.progress.files - failed - skipped, 0),
            self._count["mismatched"],
            self._count["missing"],
            self._count["unreadable"],
            skipped,
            len(self._bad_lines),
            self._unlisted_count,
            *(0, 0, 0, 0),  # the engine counts what is left out at the end
            self.progress.bytes_read,
            int((time.monotonic() - self._began) * 1e9),
        )
        return self._build(counts, interrupted=True)

    def _build(self, counts: wire.Summary, *, interrupted: bool = False) -> Report:
        sort_results(self._failures, self.manifests)
        self._bad_lines.sort(key=lambda placed: (placed[0], placed[1].line))
        return Report(
            path=self._path or next((m.path for m in self.manifests), "-"),
            manifests=tuple(self.manifests),
            verified=counts.verified,
            mismatched=counts.mismatched,
            missing=counts.missing,
            unreadable=counts.unreadable,
            skipped=counts.skipped,
            failures=tuple(self._failures),
            bad_lines=tuple(bad for _, bad in self._bad_lines),
            bytes_read=counts.bytes_read,
            elapsed=counts.nanoseconds / 1e9,
            extras=tuple(sorted(self._unlisted, key=lambda extra: extra.path)),
            _verified=tuple(self._verified),
            not_understood=tuple(self._not_understood),
            bad_lines_omitted=counts.bad_lines - len(self._bad_lines),
            extras_omitted=self._unlisted_count - len(self._unlisted),
            refused=self._reasons[REFUSED],
            too_weak=self._reasons[WEAK],
            interrupted=interrupted,
            excluded=counts.excluded,
            config=None if self._config is None else self._config[0],
            configured=() if self._config is None else self._config[1],
            verified_before=counts.verified_before,
            not_verified=counts.not_verified,
            stored=counts.not_read,
            window=self._part.window if self._part is not None else None,
            sample_seed=self._part.seed if self._part is not None else None,
        )
