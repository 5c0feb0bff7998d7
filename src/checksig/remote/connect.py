"""From a URL to the store that has it."""

from __future__ import annotations

import importlib
import os
import posixpath
import threading
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from .._options import encode_options
from .._printable import printable
from .._source import MAX_CONTENT, is_path, is_remote
from ..errors import CancelledError, ChecksigError
from .beside import SUFFIXES, local_signatures, remote_signatures, signature_at
from .server import OddNameError, Server, scrub
from .stores import ArchiveStore, FileStore, LinkStore, SftpStore, Store
from .tars import open_tar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .._engine import CancelToken

    Fields = list[tuple[str, bytes]]

__all__ = ["Place", "Remote", "connect", "encode_create", "encode_fields", "encode_signature"]

_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "http": "aiohttp",
    "https": "aiohttp",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "hf": "huggingface_hub",
}
"""The packages that fsspec needs for a protocol."""

_WAIT = 0.05  # seconds

_ARCHIVES = {"zip", "tar", "libarchive"}
_LITERAL = {"memory", "file", "local", "sftp", "ssh", *_ARCHIVES}
"""The file systems for which "?" and "#" in a path are characters as any other."""


class MissingPackageError(ChecksigError, ImportError):
    """A package that a remote path needs is not installed."""


class Place(NamedTuple):
    """What a store was connected with: another process connects to the same one with it."""

    url: str
    filesystem: Any
    follow_outside: bool
    allowed: tuple[bytes, ...]
    """The paths that the caller has named."""

    def connect(self) -> Remote:
        """Return a connection of its own."""
        remote, _ = _connect(self.url, self.filesystem, follow_outside=self.follow_outside)
        for path in self.allowed:
            remote.store.allow(path)
        return remote


class Remote:
    """A store, and how its paths are shown.

    The engine's paths begin with a slash; *prefix* in front of one is what reports show.
    """

    def __init__(self, store: Store, prefix: str) -> None:
        self.store = store
        self.server = Server(store)
        self.prefix = prefix
        self.place = Place("", None, follow_outside=False, allowed=())

    def allow(self, path: bytes) -> None:
        """Note a path that the caller names."""
        try:
            self.store.allow(path)
        except OddNameError as error:
            raise ValueError("no file of the store can have this address") from error
        self.place = self.place._replace(allowed=(*self.place.allowed, path))

    @property
    def field(self) -> tuple[str, bytes]:
        """The field of a request for files of this store."""
        return "source", os.fsencode(self.prefix)

    def shown(self, path: bytes) -> str:
        """Return how reports show *path*."""
        return self.prefix + os.fsdecode(path)

    def fetch(self, path: bytes, cancel: CancelToken | None = None) -> bytes:
        """Return the content of a manifest, or of what it is about.

        :raises OSError: it cannot be read.
        :raises ValueError: it is too large.
        """
        (found,) = self.server.fetch([path], MAX_CONTENT, cancel)
        if isinstance(found, bytes):
            return found
        if isinstance(found, OSError) and found.errno is not None:
            raise OSError(found.errno, found.strerror, self.shown(path))
        raise type(found)(f"{printable(self.shown(path))}: {found}")


def connect(
    url: Any,
    filesystem: Any = None,
    *,
    follow_outside: bool = False,
    cancel: CancelToken | None = None,
) -> tuple[Remote, bytes]:
    """Return the store that has *url*, and its path there.

    :param filesystem: A file system of fsspec; *url* is a path in it then.
    :param cancel: Ends the wait for a server, and for the members of an archive.

    :raises MissingPackageError: a package that the protocol needs is not installed.
    :raises ValueError: the URL has a form that is not known.
    :raises OSError: the server, or the archive, cannot be reached.
    """
    place = Place(os.fsdecode(url), filesystem, follow_outside, ())

    def work() -> tuple[Remote, bytes]:
        try:
            return _connect(place.url, filesystem, follow_outside=follow_outside, cancel=cancel)
        except Exception as error:
            names_no_address = isinstance(error, (ConnectionError, TimeoutError))
            if isinstance(error, (ChecksigError, OSError, ValueError)) and not names_no_address:
                raise
            if filesystem is not None:  # it may be no file system
                raise
            # Those of paramiko, asyncssh and others have no common base.
            text = " ".join(scrub(f"{type(error).__name__}: {error}").split())
            raise ConnectionError(f"{printable(scrub(place.url))}: {text}") from error

    remote, path = work() if cancel is None else _until_cancelled(work, cancel)
    remote.place = place
    remote.allow(path)
    return remote, path


def _until_cancelled(
    work: Callable[[], tuple[Remote, bytes]], cancel: CancelToken
) -> tuple[Remote, bytes]:
    """Return what *work* returns. It is left alone if it does not end: no file system can stop."""
    found: list[tuple[Remote, bytes]] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised below, whatever it is
            failed.append(error)

    thread = threading.Thread(target=run, name="checksig-connect", daemon=True)
    thread.start()
    while thread.is_alive():
        if cancel.cancelled:
            raise CancelledError("the operation was cancelled")
        thread.join(_WAIT)  # between two waits, a signal is handled
    if failed:
        raise failed[0]
    return found[0]


def _connect(
    text: str, filesystem: Any, *, follow_outside: bool, cancel: CancelToken | None = None
) -> tuple[Remote, bytes]:
    if filesystem is not None:
        return _of_filesystem(filesystem, text, follow_outside=follow_outside)
    protocol = text.partition("://")[0].partition("::")[0].lower()
    fsspec = _load("fsspec", "checksig[remote]", protocol)
    if protocol in _ARCHIVES and "::" not in text:
        raise ValueError(f"the address has no archive: {protocol}://PATH::FILE")
    if "::" in text:
        return _of_archive(fsspec, protocol, text, cancel)
    if protocol in {"http", "https"}:
        return _of_web(text, follow_outside=follow_outside)
    filesystem, path = _open(fsspec, protocol, _without_query(text))
    if protocol in {"s3", "s3a"}:
        from .s3 import S3Store

        # Not the path of s3fs, which takes a part of a key for a version.
        path = _split(text)
        return Remote(S3Store(filesystem), "s3:/"), os.fsencode("/" + path)
    path = path.strip("/")
    if protocol in {"sftp", "ssh"}:
        parts = urlsplit(text)
        store: Store = SftpStore(filesystem, "/")
        host = parts.hostname or ""
        host += f":{parts.port}" if parts.port else ""
        return Remote(store, f"{protocol}://{host}"), os.fsencode("/" + path)
    lead = "/" if _strip(filesystem, text).startswith("/") else ""
    return _generic(filesystem, protocol, lead), os.fsencode("/" + path)


def _generic(filesystem: Any, protocol: str, lead: str) -> Remote:
    if protocol in {"sftp", "ssh"}:
        return Remote(SftpStore(filesystem, lead), f"{protocol}://")
    if protocol in {"file", "local"}:
        return Remote(LinkStore(filesystem, lead), f"{protocol}://")
    return Remote(FileStore(filesystem, lead, literal=protocol in _LITERAL), f"{protocol}:/")


def _split(url: str) -> str:
    """Return bucket and key of an address, as they are: a key may have "?" and "#"."""
    return url.partition("://")[2].rstrip("/")


def _without_query(url: str) -> str:
    return url.partition("?")[0] if url.startswith(("az:", "abfs")) else url


def _of_filesystem(filesystem: Any, path: str, *, follow_outside: bool) -> tuple[Remote, bytes]:
    names = filesystem.protocol
    protocol = names if isinstance(names, str) else names[0]
    if type(filesystem).__module__.partition(".")[0] == "sshfs":  # which names no protocol
        protocol = "sftp"
    stripped = _strip(filesystem, path)
    at = os.fsencode("/" + stripped.strip("/"))
    if protocol in {"s3", "s3a"}:
        from .s3 import S3Store

        return Remote(S3Store(filesystem), "s3:/"), at
    if protocol in _ARCHIVES:
        return Remote(ArchiveStore(filesystem), f"{protocol}:/"), at
    if protocol in {"http", "https"}:
        return _of_web(path, follow_outside=follow_outside, filesystem=filesystem)
    lead = "/" if stripped.startswith("/") else ""
    return _generic(filesystem, protocol, lead), at


def _strip(filesystem: Any, path: str) -> str:
    """Return the path of an address, as the file system has it."""
    stripped: str = filesystem._strip_protocol(path)  # noqa: SLF001 - all of fsspec use it
    return stripped


def _of_archive(
    fsspec: Any, protocol: str, url: str, cancel: CancelToken | None
) -> tuple[Remote, bytes]:
    if protocol not in _ARCHIVES:
        raise ValueError(f"{protocol}:: is not supported; zip:: and tar:: are")
    from lzma import LZMAError
    from tarfile import TarError
    from zipfile import BadZipFile
    from zlib import error as ZlibError  # noqa: N812 - a class

    inner, _, outer = url.partition("::")
    try:
        if protocol == "tar":
            filesystem: Any = open_tar(fsspec, outer, cancel)
            path = "" if inner == "tar" else _strip(filesystem, inner)
        else:
            filesystem, path = _open(fsspec, protocol, url)
    except (BadZipFile, TarError, EOFError, LZMAError, ZlibError, ValueError) as error:
        text = f"{printable(scrub(outer))}: cannot be read as an archive: {error}"
        raise ValueError(text) from error
    except OSError as error:
        if error.errno is not None:
            raise
        text = f"{printable(scrub(outer))}: cannot be read as an archive: {error}"
        raise ValueError(text) from error
    shown = outer
    confirm = None
    if is_remote(outer):
        holder, at = connect(outer)
        shown, confirm = holder.shown(at), (holder.store, at)
    path = path.strip("/")
    path = "" if path in {"*", "**"} else path
    store = ArchiveStore(filesystem, confirm, local=None if confirm else outer)
    return Remote(store, f"{shown}!"), os.fsencode("/" + path)


def _of_web(url: str, *, follow_outside: bool, filesystem: Any = None) -> tuple[Remote, bytes]:
    from .http import WebStore

    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError("the address has no host")
    if filesystem is None:
        fsspec = _load("fsspec", "checksig[remote]", parts.scheme)
        filesystem = _open(fsspec, parts.scheme, f"{parts.scheme}://{parts.hostname}")[0]
    host = parts.netloc.rpartition("@")[2]
    path = unquote_to_bytes(parts.path)
    folder = path.endswith(b"/") or not path
    path = b"/" + b"/".join(part for part in path.split(b"/") if part)
    if b".." in path.split(b"/") or b"." in path.split(b"/"):
        raise ValueError("the address has a component . or ..")
    store = WebStore(
        filesystem,
        f"{parts.scheme}://{host}",
        query=parts.query,
        user=parts.username,
        password=parts.password,
        folders={path} if folder else set(),
        follow_outside=follow_outside,
    )
    return Remote(store, f"{parts.scheme}://{host}"), path


def _open(fsspec: Any, protocol: str, url: str) -> tuple[Any, str]:
    try:
        filesystem, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        package = _PACKAGES.get(protocol) or error.name or "another package"
        raise MissingPackageError(
            f"{protocol}:// needs {package}: pip install {package}"
        ) from error
    return filesystem, path


def _load(module: str, package: str, protocol: str) -> Any:
    try:
        importlib.import_module(f"{module}.core")
        return importlib.import_module(module)
    except ImportError as error:
        text = f"{protocol}:// needs {module}: pip install '{package}'"
        raise MissingPackageError(text) from error


def encode_fields(
    path: Any, fields: Fields, arguments: Mapping[str, Any], *, demands_signature: bool = False
) -> tuple[Remote | None, Fields, Any]:
    """Return the store of a request, its fields, and the path that the report shows.

    *fields* are those of the options, as for local files.

    :raises ValueError: the paths are in different stores.
    """
    filesystem = arguments.get("filesystem")
    follow = bool(arguments.get("follow_outside"))
    root = arguments.get("root")
    cancel = arguments.get("cancel")
    here = is_path(path) and (filesystem is not None or is_remote(path))
    root_there = root is not None and (filesystem is not None or is_remote(root))
    kept = [(key, _absolute(key, value)) for key, value in fields if key not in {"root", "only"}]
    if here and root is not None and not root_there:  # a remote manifest of local files
        remote, at = connect(path, filesystem, follow_outside=follow, cancel=cancel)
        import io

        from .._source import read_source

        content = io.BytesIO(remote.fetch(at, cancel))
        content.name = posixpath.basename(os.fsdecode(at))
        name, held = read_source(content)
        if arguments.get("signature") is None:
            _allow_signatures(remote, at)
            held += remote_signatures(remote, at, cancel, demanded=demands_signature)
        start = os.getcwdb()
        kept += [(key, os.path.join(start, value)) for key, value in fields if key == "only"]
        local = [("path", name), *held, ("cwd", os.fsencode(os.path.abspath(root))), *kept]
        return None, local, remote.shown(at)
    if here:
        remote, at = connect(path, filesystem, follow_outside=follow, cancel=cancel)
        if demands_signature:
            _allow_signatures(remote, at)
        result = [("path", at), ("cwd", b"/")]
        shown: Any = remote.shown(at)
        if root_there:
            result.append(("root", _same(remote, root, filesystem, cancel)))
    else:  # a local manifest of remote files
        remote, at = connect(root, filesystem, follow_outside=follow, cancel=cancel)
        shown = path
        finds = arguments.get("signature") is None
        name, held = _read_local(path, finds_signatures=finds, demanded=demands_signature)
        result = [("path", name), *held, ("cwd", b"/"), ("root", at)]
    only = arguments.get("only") or ()
    for each in [only] if is_path(only) else only:
        result.append(("only", _same(remote, each, filesystem, cancel)))
    remote.store.reads = arguments.get("stored", "never") == "never"
    result.append(remote.field)
    if arguments.get("io_depth") is None:
        result.append(("io_depth", b"%d" % remote.store.depth))
    return remote, result + kept, shown


def _read_local(path: Any, *, finds_signatures: bool, demanded: bool) -> tuple[bytes, Fields]:
    """Return the name of a local manifest of remote files, and the fields with its content."""
    from .._source import read_source

    if not is_path(path):
        return read_source(path)
    if os.path.isdir(path):
        text = "a local folder; name the manifest in it whose files root= (--root) has"
        raise ValueError(f"{printable(os.fsdecode(path))}: {text}")
    with open(path, "rb") as file:
        name, held = read_source(file)
    if finds_signatures:
        held += local_signatures(path, demanded=demanded)
    return os.path.basename(name), held


def _allow_signatures(remote: Remote, path: bytes) -> None:
    """Let the signatures of a manifest lie where it may itself: the caller has named it."""
    for suffix in SUFFIXES:
        remote.allow(path + suffix)


def encode_signature(url: Any, cancel: CancelToken | None) -> Fields:
    """Return the field with a signature that the caller names by its address."""
    remote, at = connect(url, cancel=cancel)
    return signature_at(remote, at, cancel)


def encode_create(
    paths: Sequence[Any],
    filesystem: Any,
    options: Mapping[str, Any],
    cancel: CancelToken | None = None,
) -> tuple[Remote, Fields, list[str]]:
    """Return the store of a request to write a manifest, its fields, and how to show *paths*.

    :raises ValueError: the paths are in different stores, or the manifest would be.
    """
    remote, at = connect(paths[0], filesystem, cancel=cancel)
    found = [at, *(_same(remote, each, filesystem, cancel) for each in paths[1:])]
    fields = [("path", each) for each in found]
    fields.append(remote.field)
    local = dict(options)
    if is_path(local["output"]):
        if is_remote(local["output"]):
            raise ValueError("the manifest must be a local file: --output FILE (output=)")
        local["output"] = os.path.abspath(local["output"])
    base = local.pop("relative_to")
    if base is not None:
        fields.append(("relative_to", _same(remote, base, filesystem, cancel)))
    if local["io_depth"] is None:
        local["io_depth"] = remote.store.depth
    return remote, fields + encode_options("create", local), [remote.shown(each) for each in found]


def _same(remote: Remote, url: Any, filesystem: Any, cancel: CancelToken | None) -> bytes:
    """Return the path of *url* in the store of *remote*."""
    if filesystem is None and not is_remote(url):
        raise ValueError(f"{os.fsdecode(url)}: must be an address, like the folder or manifest")
    other, at = connect(url, filesystem, cancel=cancel)
    remote.allow(at)
    if other.prefix != remote.prefix:
        raise ValueError(f"{other.shown(at)}: is not in the same store as the manifest")
    return at


def _absolute(key: str, value: bytes) -> bytes:
    """Return the value of an option that names a local file, as an absolute path."""
    if key in {"signature", "bag_profile"} and not is_remote(value):
        return os.path.join(os.getcwdb(), value)
    if key == "trust" and value[:1] == b"p":
        return b"p" + os.path.join(os.getcwdb(), value[1:])
    return value
