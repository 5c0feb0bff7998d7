"""The options of every operation, in one table.

Everything that depends on an option's name, type or default is derived from :data:`TABLE`: the
fields of a request, the arguments of the command line with their help, the man page, completion,
and ``docs/reference/options.md``. The signatures of the API are written out, so that editors show
them; ``tests/cli/test_options.py`` compares them with the table. The engine's side of the table
is in ``tests/golden/wire.json``.
"""

from __future__ import annotations

import io
import os

from ._light import wraps
from ._typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from os import PathLike
    from typing import Final, TypeVar

    AnyPath = str | bytes | PathLike[str] | PathLike[bytes]
    KeyFile = AnyPath | bytearray | memoryview
    Function = TypeVar("Function", bound=Callable[..., Any])
    Fields = list[tuple[str, bytes]]

__all__ = [
    "ATTESTING",
    "FORMATS",
    "OPERATIONS",
    "PARTIAL",
    "REQUIRED",
    "SIGNERS",
    "TABLE",
    "Option",
    "encode_options",
    "options_of",
    "select_options",
    "suggest_options",
]

REQUIRED: Final = "required"
"""The default of an argument that has none."""

OPERATIONS = ("verify", "create", "update", "convert")

FORMATS = (
    "apkbuild",
    "ascmhl",
    "ascmhl-chain",
    "bagit",
    "base64",
    "bsd",
    "cargo",
    "certutil",
    "cfv-csv",
    "cksum",
    "columns",
    "conda-meta",
    "conda-paths",
    "croissant",
    "cyclonedx",
    "datapackage",
    "distinfo",
    "dpkg",
    "dsc",
    "ena",
    "freebsd",
    "gentoo",
    "get-filehash",
    "gnu",
    "hashdeep",
    "in-toto",
    "jar",
    "json-map",
    "markdown",
    "metalink",
    "mhl",
    "mtree",
    "name-first",
    "npm",
    "ocfl",
    "oci",
    "openssl",
    "packages",
    "pipe",
    "print-md",
    "pylock",
    "record",
    "release",
    "repomd",
    "ro-crate",
    "rpm-primary",
    "s3-batch",
    "sfv",
    "sidecar",
    "sigstore",
    "simplestreams",
    "spdx",
    "srcinfo",
    "sum",
    "table",
    "torrent",
)
"""The formats that completion offers; a test compares them with the engine's."""


class Option(NamedTuple):
    """One keyword argument, which is also one field of a request and one command-line option."""

    name: str
    """The keyword, and the key of the field."""
    operations: tuple[str, ...]
    """The operations that take it."""
    type: str
    """``bool``, ``int``, ``choice``, ``algorithm``, ``algorithms``, ``format``, ``path``,
    ``output``, ``paths``, ``patterns``, ``names``, ``mapping``, ``text``, ``texts``, ``keys``,
    ``duration``, ``size`` or ``share``."""
    annotation: str
    """The type hint in the signatures."""
    default: Any
    """The default in the signatures, or :data:`REQUIRED`."""
    flags: tuple[str, ...]
    """The command-line option."""
    help: str
    """One sentence for ``--help``, the man page and the reference; no full stop."""
    metavar: str | None = None
    """The placeholder for the value on the command line; None for flags and choices."""
    bounds: tuple[int, int] | None = None
    """The least and the greatest value of an ``int``."""
    choices: tuple[str, ...] = ()
    """The values of a ``choice``."""
    complete: str = ""
    """What completion offers: ``algorithm``, ``format``, ``directory`` or ``file``."""
    command_line_default: str | None = None
    """The default on the command line, where it differs from that of the API."""
    keyword_help: str = ""
    """What the keyword does, if the command-line option does the opposite of it."""
    local: bool = False
    """Whether it is no field of the request: the package itself does what it asks for."""


_WRITING = ("create", "update")

TABLE: tuple[Option, ...] = (
    Option(
        "recursive",
        ("verify",),
        "bool",
        "bool",
        default=False,
        flags=("-r", "--recursive"),
        help="find manifests in subfolders too",
    ),
    Option(
        "extra",
        ("verify",),
        "choice",
        "Literal['ignore', 'report', 'fail']",
        "ignore",
        ("--extra",),
        "what to do about files that no manifest lists (default: ignore)",
        choices=("ignore", "report", "fail"),
    ),
    Option(
        "ignore_missing",
        ("verify",),
        "bool",
        "bool",
        default=False,
        flags=("--ignore-missing",),
        help="skip entries whose file is missing",
    ),
    Option(
        "ignore_text",
        ("verify",),
        "bool",
        "bool",
        default=False,
        flags=("--ignore-text",),
        help="accept lines in which nothing looks like a digest, such as headings, and count them",
    ),
    Option(
        "ignore_attributes",
        ("verify",),
        "bool",
        "bool",
        default=False,
        flags=("--ignore-attributes",),
        help="do not compare the modes, owners, links and folders that an mtree states",
    ),
    Option(
        "root",
        ("verify",),
        "path",
        "AnyPath | None",
        None,
        ("--root",),
        "resolve file names from this folder (default: the folder of each manifest)",
        "DIR",
        complete="directory",
    ),
    Option(
        "strip",
        ("verify",),
        "int",
        "int",
        0,
        ("--strip",),
        "remove the first N components of each file name",
        "N",
        bounds=(0, 4096),
    ),
    Option(
        "basename",
        ("verify",),
        "bool",
        "bool",
        default=False,
        flags=("--basename",),
        help="use only the last component of each file name",
    ),
    Option(
        "remap",
        ("verify",),
        "mapping",
        "Mapping[str, str] | Mapping[bytes, bytes] | None",
        None,
        ("--remap",),
        "replace the prefix FROM of file names with TO; can be repeated, the longest match is used",
        "FROM=TO",
    ),
    Option(
        "only",
        ("verify",),
        "paths",
        "AnyPath | Sequence[AnyPath]",
        (),
        ("--only",),
        "verify only the entries of this file, or of the files below this folder; can be repeated",
        "FILE",
        complete="file",
    ),
    Option(
        "include",
        ("verify",),
        "patterns",
        "Sequence[str | bytes]",
        (),
        ("--include",),
        "verify only files with that name (*.fq), in that folder (raw/) or with that path (/a/*.fq,"
        " src/**/x); can be repeated",
        "PATTERN",
    ),
    Option(
        "exclude",
        ("verify",),
        "patterns",
        "Sequence[str | bytes]",
        (),
        ("--exclude",),
        "leave out files and folders with that name (*.tmp, cache/) or path (/build, src/*.o); can"
        " be repeated",
        "PATTERN",
    ),
    Option(
        "to",
        ("convert",),
        "format",
        "str",
        REQUIRED,
        ("--to",),
        "the format to write, such as bsd",
        "FORMAT",
        complete="format",
    ),
    Option(
        "columns",
        ("verify", "convert"),
        "names",
        "str | Sequence[str]",
        (),
        ("--columns",),
        "of an ENA file report, read only these columns: fastq, submitted or sra; repeat it or"
        " separate names by commas",
        "NAME",
    ),
    Option(
        "stored",
        ("verify",),
        "choice",
        "Literal['never', 'prefer', 'only']",
        "never",
        ("--stored",),
        "for remote files: compare with the checksums that the store keeps, and read only what it"
        " has none of (prefer), or nothing (only) (default: never)",
        choices=("never", "prefer", "only"),
    ),
    Option(
        "part_size",
        ("verify",),
        "size",
        "str | int | None",
        None,
        ("--part-size",),
        "the size (8MiB) of the parts in which files were uploaded whose digests end in the number"
        " of parts (-3), as ETags of S3 do",
        "SIZE",
        bounds=(16 << 10, 5 << 30),
    ),
    Option(
        "min_strength",
        ("verify",),
        "algorithm",
        "str | None",
        None,
        ("--min-strength",),
        "refuse algorithms that are weaker than this one",
        "NAME",
        complete="algorithm",
    ),
    Option(
        "trust",
        ("verify",),
        "keys",
        "KeyFile | Sequence[KeyFile] | None",
        None,
        ("--trust",),
        "verify only manifests that a key in this file has signed (OpenPGP, signify, minisign,"
        " SSH); can be repeated",
        "FILE",
        complete="file",
    ),
    Option(
        "trust_fingerprint",
        ("verify",),
        "texts",
        "str | Sequence[str] | None",
        None,
        ("--trust-fingerprint",),
        "trust only the key with this fingerprint; can be repeated",
        "TEXT",
    ),
    Option(
        "signers",
        ("verify",),
        "int",
        "int | None",
        None,
        ("--signers",),
        "ask for signatures by N different signers (default: 1)",
        "N",
        bounds=(1, 1000),
    ),
    Option(
        "signature",
        ("verify",),
        "path",
        "AnyPath | None",
        None,
        ("--signature",),
        "the signature of the manifest, or its address (default: the files next to it with its name"
        " and .asc, .sig, .minisig and the like)",
        "FILE",
        complete="file",
    ),
    Option(
        "namespace",
        ("verify",),
        "text",
        "str | None",
        None,
        ("--namespace",),
        "the namespace of SSH signatures (default: file)",
        "NAME",
    ),
    Option(
        "trusted_root",
        ("verify",),
        "path",
        "AnyPath | None",
        None,
        ("--trusted-root",),
        "verify only what is signed with Sigstore (bundles, attestations), by this trusted root;"
        " nothing is downloaded",
        "FILE",
        complete="file",
        local=True,
    ),
    Option(
        "identity",
        ("verify",),
        "texts",
        "str | Sequence[str] | None",
        None,
        ("--identity",),
        "who must have signed with Sigstore: a mail address or URI; can be repeated",
        "TEXT",
        local=True,
    ),
    Option(
        "issuer",
        ("verify",),
        "text",
        "str | None",
        None,
        ("--issuer",),
        "who must have vouched for the identity, such as"
        " https://token.actions.githubusercontent.com",
        "URL",
        local=True,
    ),
    Option(
        "key",
        ("verify",),
        "path",
        "AnyPath | None",
        None,
        ("--key",),
        "verify only Sigstore bundles and attestations that this public key (PEM) has signed",
        "FILE",
        complete="file",
        local=True,
    ),
    Option(
        "predicate_type",
        ("verify",),
        "texts",
        "str | Sequence[str] | None",
        None,
        ("--predicate-type",),
        "count only attestations of this predicate type (default: all types that are known); can"
        " be repeated",
        "URI",
        local=True,
    ),
    Option(
        "bag_profile",
        ("verify",),
        "path",
        "AnyPath | None",
        None,
        ("--bag-profile",),
        "compare every bag with the rules of this BagIt profile, too",
        "FILE",
        complete="file",
    ),
    Option(
        "state",
        ("verify",),
        "path",
        "AnyPath | None",
        None,
        ("--state",),
        "record in this file when each entry was verified, for --resume, --max-age and the like",
        "FILE",
        complete="file",
        local=True,
    ),
    Option(
        "resume",
        ("verify",),
        "bool",
        "bool",
        default=False,
        flags=("--resume",),
        help="go on where the last run with the same arguments was stopped",
        local=True,
    ),
    Option(
        "max_age",
        ("verify",),
        "duration",
        "str | float | None",
        None,
        ("--max-age",),
        "leave out what was verified within this time (30d, 12h) and seems unchanged since",
        "TIME",
        local=True,
    ),
    Option(
        "max_time",
        ("verify",),
        "duration",
        "str | float | None",
        None,
        ("--max-time",),
        "stop after this time (2h, 30min); what was verified longest ago comes first",
        "TIME",
        local=True,
    ),
    Option(
        "max_bytes",
        ("verify",),
        "size",
        "str | int | None",
        None,
        ("--max-bytes",),
        "verify no more bytes than this (500GB, 1TiB), in the order of --max-time",
        "SIZE",
        local=True,
    ),
    Option(
        "sample",
        ("verify",),
        "share",
        "str | float | None",
        None,
        ("--sample",),
        "verify a random share of the entries (5%, or 5%@SEED to repeat one)",
        "SHARE",
        local=True,
    ),
    Option(
        "all",
        ("update",),
        "bool",
        "bool",
        default=False,
        flags=("--all",),
        help="read every file, also those that seem unchanged",
    ),
    Option(
        "prune",
        ("update",),
        "bool",
        "bool",
        default=False,
        flags=("--prune",),
        help="remove the entries of missing files",
    ),
    Option(
        "add",
        ("update",),
        "bool",
        "bool",
        default=True,
        flags=("--no-add",),
        help="do not add files that are not listed",
        keyword_help="add files that are not listed",
    ),
    Option(
        "dry_run",
        ("update",),
        "bool",
        "bool",
        default=False,
        flags=("-n", "--dry-run"),
        help="show what would be added, removed and changed, and write nothing",
    ),
    Option(
        "accept_changed",
        ("update",),
        "bool",
        "bool",
        default=False,
        flags=("--accept-changed",),
        help="list changed files with their new digests; by default the manifest is left alone",
    ),
    Option(
        "accept_suspect",
        ("update",),
        "bool",
        "bool",
        default=False,
        flags=("--accept-suspect",),
        help="the same for files that have another digest although their size and modification"
        " time show no change",
    ),
    Option(
        "algorithm",
        ("create",),
        "algorithms",
        "str | Sequence[str]",
        "sha256",
        ("-a", "--algorithm"),
        "the algorithm (default: sha256); repeat it or separate names by commas to compute"
        " several digests in one read",
        "NAME",
        complete="algorithm",
    ),
    Option(
        "algorithm",
        ("verify", "update", "convert"),
        "algorithm",
        "str | None",
        None,
        ("-a", "--algorithm"),
        "the algorithm of digests that do not name it, whatever the manifest's name or their length"
        " implies (default: detected)",
        "NAME",
        complete="algorithm",
    ),
    Option(
        "format",
        ("verify",),
        "format",
        "str | None",
        None,
        ("--format",),
        "the format of the manifests (default: detected)",
        "NAME",
        complete="format",
    ),
    Option(
        "format",
        ("create",),
        "format",
        "str | None",
        None,
        ("--format",),
        "the format to write (default: gnu, or bsd for several algorithms)",
        "NAME",
        complete="format",
    ),
    Option(
        "format",
        ("update", "convert"),
        "format",
        "str | None",
        None,
        ("--from",),
        "the format of the manifest that is read (default: detected)",
        "FORMAT",
        complete="format",
    ),
    Option(
        "output",
        ("create",),
        "output",
        "AnyPath | Writable | None",
        None,
        ("-o", "--output"),
        "the manifest to write, - for standard output (default: SHA256SUMS or a similar name in"
        " the folder, or next to the file)",
        "FILE",
        complete="file",
    ),
    Option(
        "output",
        ("convert",),
        "output",
        "AnyPath | Writable",
        REQUIRED,
        ("-o", "--output"),
        "the manifest to write (default: -, standard output)",
        "FILE",
        complete="file",
        command_line_default="-",
    ),
    Option(
        "relative_to",
        _WRITING,
        "path",
        "AnyPath | None",
        None,
        ("--relative-to",),
        "the folder that file names are relative to (default: that of the manifest)",
        "DIR",
        complete="directory",
    ),
    Option(
        "overwrite",
        ("create", "convert"),
        "bool",
        "bool",
        default=False,
        flags=("-f", "--force"),
        help="replace an existing manifest",
    ),
    Option(
        "drop_signature",
        ("convert",),
        "bool",
        "bool",
        default=False,
        flags=("--drop-signature",),
        help="convert a signed manifest, without its signature",
    ),
    Option(
        "links",
        _WRITING,
        "choice",
        "Literal['follow', 'skip', 'refuse']",
        "follow",
        ("--links",),
        "list symbolic links as the files that they point to, skip them, or fail (default: follow)",
        choices=("follow", "skip", "refuse"),
    ),
    Option(
        "follow_outside",
        ("verify",),
        "bool",
        "bool",
        default=False,
        flags=("--follow-outside",),
        help="read files outside the manifest's folder too; by default they are refused",
    ),
    Option(
        "follow_outside",
        _WRITING,
        "bool",
        "bool",
        default=False,
        flags=("--follow-outside",),
        help="list files outside the tree that links point to; by default they are refused",
    ),
    Option(
        "skip_special",
        _WRITING,
        "bool",
        "bool",
        default=False,
        flags=("--skip-special",),
        help="skip FIFOs, sockets and devices; by default they are refused",
    ),
    Option(
        "include",
        _WRITING,
        "patterns",
        "Sequence[str | bytes]",
        (),
        ("--include",),
        "add only files with that name (*.fq), in that folder (raw/) or with that path (/a/*.fq,"
        " src/**/x); can be repeated",
        "PATTERN",
    ),
    Option(
        "exclude",
        _WRITING,
        "patterns",
        "Sequence[str | bytes]",
        (),
        ("--exclude",),
        "leave out files and folders with that name (*.tmp, cache/) or path (/build, src/*.o); can"
        " be repeated",
        "PATTERN",
    ),
    Option(
        "remember",
        ("create",),
        "bool",
        "bool",
        default=True,
        flags=("--no-remember",),
        help="do not write into the manifest, for update, which files it was to list",
        keyword_help="write into the manifest, as comments for update, which files it was to list",
    ),
    Option(
        "remember",
        ("update",),
        "bool",
        "bool",
        default=True,
        flags=("--no-remember",),
        help="ignore what the manifest says about which files it was to list",
        keyword_help="add only files that the manifest was to list when it was created",
    ),
    Option(
        "workers",
        ("verify", *_WRITING),
        "int",
        "int | None",
        None,
        ("-j", "--workers"),
        "hash N files at once (default: one for each CPU)",
        "N",
        bounds=(1, 1024),
    ),
    Option(
        "io_depth",
        ("verify", *_WRITING),
        "int",
        "int | None",
        None,
        ("--io-depth",),
        "read N files at once (default: as many as the storage is faster with, up to 64)",
        "N",
        bounds=(1, 1024),
    ),
    Option(
        "leave_cache",
        ("verify", *_WRITING),
        "bool",
        "bool",
        default=False,
        flags=("--leave-cache",),
        help="leave the system's page cache as it was (Linux, macOS)",
    ),
)


PARTIAL = ("state", "resume", "max_age", "max_time", "max_bytes", "sample")
"""The options that :mod:`checksig._part` carries out."""

SIGNERS = ("trust", "trusted_root", "identity", "issuer", "key")
"""The options that say who must have signed."""

ATTESTING = (*SIGNERS[1:], "predicate_type")
"""The options that :mod:`checksig._sigstore` carries out."""


_of: dict[str, dict[str, Option]] = {}


def options_of(operation: str) -> dict[str, Option]:
    """Return the options of *operation* by name, in the order of its signature."""
    if operation not in _of:
        found = {option.name: option for option in TABLE if operation in option.operations}
        _of[operation] = found
    return _of[operation]


def select_options(operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of *arguments*, such as ``locals()``, that are options of *operation*."""
    return {name: arguments[name] for name in options_of(operation)}


def encode_options(operation: str, options: Mapping[str, Any]) -> Fields:
    """Return the request fields of those *options* that differ from their defaults.

    :raises TypeError: a value has the wrong type.
    :raises ValueError: a value is out of range.
    """
    table = options_of(operation)
    fields: Fields = []
    for name, value in options.items():
        option = table[name]
        if value is None or option.local:
            continue
        try:
            texts = list(_encode(option, value))
        except (AttributeError, TypeError) as error:
            raise TypeError(f"{name} must be {_TYPES[option.type]}, not {value!r:.80}") from error
        if value != option.default:
            fields += [(name, text) for text in texts]
    return fields


_TYPES = {
    "bool": "a bool",
    "int": "an int",
    "choice": "a str",
    "algorithm": "a str",
    "algorithms": "a str or a sequence of str",
    "format": "a str",
    "path": "a path (str, bytes or os.PathLike)",
    "output": "a path (str, bytes or os.PathLike) or a file object that takes bytes",
    "paths": "a path or a sequence of paths (str, bytes or os.PathLike)",
    "patterns": "a sequence of str or bytes",
    "names": "a str or a sequence of str",
    "mapping": "a mapping of str or bytes",
    "text": "a str",
    "texts": "a str or a sequence of str",
    "size": "a str or an int",
    "keys": "a path or a sequence of paths (str, bytes or os.PathLike), or the content of such"
    " files as a bytearray or memoryview",
}
"""What a value must be, by the type of the option."""


def _encode(option: Option, value: Any) -> Iterable[bytes]:  # noqa: C901, PLR0911, PLR0912 - one case a type
    """Return the value of each field for the option.

    A value of a wrong type raises an AttributeError or a TypeError.
    """
    match option.type:
        case "int":
            number = value.__index__()  # as operator.index
            least, most = option.bounds or (number, number)
            if not least <= number <= most:
                raise ValueError(f"{option.name} must be between {least} and {most}, not {number}")
            return [b"%d" % number]
        case "size":
            from ._units import parse_bytes

            number = parse_bytes(option.name, value)
            least, most = option.bounds or (number, number)
            if not least <= number <= most:
                raise ValueError(f"{option.name} must be between {least} and {most} bytes")
            return [b"%d" % number]
        case "bool":
            if value not in {0, 1}:
                raise TypeError
            return [b"%d" % value]
        case "path":
            path = os.fsencode(value)
            if not path:
                raise ValueError(f"{option.name} must not be empty")
            return [path]
        case "output":
            if not isinstance(value, (str, bytes, os.PathLike)):
                if isinstance(value, io.TextIOBase) or not callable(value.write):
                    raise TypeError
                return [b"-"]  # the engine sends the bytes
            path = os.fsencode(cast("AnyPath", value))
            return [b"./-" if path == b"-" else path]
        case "paths":
            single = isinstance(value, (str, bytes, os.PathLike))
            return map(os.fsencode, [cast("AnyPath", value)] if single else value)
        case "patterns":
            return map(os.fsencode, [value] if isinstance(value, (str, bytes)) else value)
        case "names":
            names = [value] if isinstance(value, str) else value
            return [_encode_name(each) for name in names for each in name.split(",")]
        case "texts":
            return _some(option, map(_encode_name, [value] if isinstance(value, str) else value))
        case "keys":
            single = isinstance(value, (str, bytes, bytearray, memoryview, os.PathLike))
            return _some(option, map(_encode_keys, [value] if single else value))
        case "mapping":
            pairs = [(os.fsencode(a), os.fsencode(b)) for a, b in value.items()]
            return [b"%d:%s%s" % (len(prefix), prefix, new) for prefix, new in pairs]
        case "algorithms":
            names = [value] if isinstance(value, str) else value
            return [_encode_name(",".join(names))]
        case _:
            return [_encode_name(value)]


def _some(option: Option, values: Iterable[bytes]) -> list[bytes]:
    """Return *values*; without any, nothing would be demanded that somebody believes in."""
    found = list(values)
    if not found:
        raise ValueError(f"{option.name} must not be empty")
    return found


def _encode_keys(source: Any) -> bytes:
    if not isinstance(source, (bytearray, memoryview)):
        path = os.fsencode(source)
        if not path:
            raise ValueError("trust must not be empty")
        return b"p" + path
    import binascii

    return b"c" + binascii.b2a_base64(cast("bytearray", source), newline=False)


def _encode_name(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def suggest_options(function: Function) -> Function:
    """Let a misspelt keyword of *function* raise a TypeError that names the close one."""
    code = function.__code__
    known = frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    # A function that returned the coroutine would not be one to `inspect.iscoroutinefunction`.
    if code.co_flags & _IS_COROUTINE:

        @wraps(function)
        async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
            _check_keywords(function.__name__, kwargs, known)
            return await function(*args, **kwargs)

        return cast("Function", async_wrapper)

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        _check_keywords(function.__name__, kwargs, known)
        return function(*args, **kwargs)

    return cast("Function", wrapper)


_IS_COROUTINE = 0x80  # inspect.CO_COROUTINE, without the import


def _check_keywords(function: str, given: Iterable[str], known: frozenset[str]) -> None:
    for name in given:
        if name not in known:
            import difflib

            flag = f"--{name.replace('_', '-')}"  # --force is overwrite
            close = [each.name for each in TABLE if flag in each.flags and each.name in known]
            close = close or difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            owner = next((each.operations[0] for each in TABLE if each.name == name), None)
            if owner is not None:
                hint = f"; it is an option of {owner}()"
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}{hint}")
