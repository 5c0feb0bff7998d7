"""Archives and lists that would fill the memory, or never end."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import http.server
import io
import itertools
import lzma
import os
import struct
import subprocess
import sys
import tarfile
import threading
import zipfile
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from checksig import CancelledError, CancelToken, ManifestError, verify
from checksig.remote import listing, tars

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

pytestmark = pytest.mark.needs("module fsspec")

PATIENCE = float(os.environ.get("CHECKSIG_TEST_PATIENCE", "1"))

FILES = {"a": b"hello", "d/b": os.urandom(300 << 10), "c": b""}
SUMS = "".join(f"{hashlib.sha256(v).hexdigest()}  {k}\n" for k, v in FILES.items()).encode()


def make_tar(files: dict[str, bytes]) -> bytes:
    """Return an archive."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "several streams of xz": lambda data: (
        lzma.compress(data[:1000]) + bytes(8) + lzma.compress(data[1000:]) + bytes(4)
    ),
}


@pytest.mark.parametrize("name", ["x.tar", "x.tgz", "x"])
@pytest.mark.parametrize("compression", COMPRESS)
def test_compressed_archives(tmp_path: Path, compression: str, name: str) -> None:
    """The content tells how they are compressed, and members are read in any order."""
    content = make_tar({**FILES, "SHA256SUMS": SUMS})
    path = tmp_path / name
    path.write_bytes(COMPRESS[compression](content))
    assert verify(f"tar://::{path}", extra="fail").verified == 3
    backwards: Any = {k: hashlib.sha256(v).digest() for k, v in reversed(FILES.items())}
    assert verify(backwards, root=f"tar://::{path}").verified == 3


@pytest.mark.parametrize("compression", ["gzip", "bz2", "xz"])
@pytest.mark.parametrize("part", [0.01, 0.5, 0.99])
def test_damaged_compressed_archives(tmp_path: Path, compression: str, part: float) -> None:
    """They are an error about the archive, or of the member; never a success."""
    content = COMPRESS[compression](make_tar({**FILES, "SHA256SUMS": SUMS}))
    path = tmp_path / "x"
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(ValueError, match="cannot be read as an archive"):
        verify(f"tar://::{path}")
    at = int(len(content) * part)
    path.write_bytes(content[:at] + bytes((content[at] ^ 1,)) + content[at + 1 :])
    listed: Any = {"d/b": hashlib.sha256(FILES["d/b"]).digest()}
    try:
        report = verify(listed, root=f"tar://::{path}", check=False)
    except ValueError as error:
        assert "archive" in str(error)  # noqa: PT017 - or there is none
    else:
        assert not report.ok


def test_a_name_of_a_gigabyte(tmp_path: Path) -> None:
    """It is not read, and the message names the limit and a way out."""
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    path = tmp_path / "x.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        for _ in range(64):
            file.write(bytes(1 << 20))
    code = (
        "import re, sys\n"
        "import checksig\n"
        "try:\n"
        "    checksig.verify(sys.argv[1])\n"
        "except ValueError as error:\n"
        "    print(error)\n"
        # Not ru_maxrss, which a program has from the process that started it.
        'print(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])\n'
    )
    if sys.platform != "linux":
        with pytest.raises(ValueError, match="more than 512 MiB, decompressed; decompress it"):
            verify(f"tar://::{path}")
        return
    done = subprocess.run(
        [sys.executable, "-c", code, f"tar://::{path}"],
        capture_output=True,
        text=True,
        timeout=100 * PATIENCE,
        check=True,
    )
    message, used = done.stdout.splitlines()
    assert "more than 512 MiB, decompressed; decompress it first, or unpack it" in message
    assert int(used) < 400 << 10  # KiB


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their headers are bounded if they are compressed; otherwise they are in the file."""
    monkeypatch.setattr(tars, "_MAX_HEADERS", 1 << 20)
    content = make_tar({f"{i}": b"" for i in range(3000)})
    path = tmp_path / "x.tar.xz"
    path.write_bytes(lzma.compress(content, preset=0))
    with pytest.raises(ValueError, match="its headers have more than"):
        verify(f"tar://::{path}")
    path.write_bytes(content)
    listed: Any = {"2999": hashlib.sha256(b"").digest()}
    assert verify(listed, root=f"tar://::{path}").ok


def test_a_decompressor_that_asks_for_memory(tmp_path: Path) -> None:
    """The header of an xz file can ask for 4 GiB."""
    content = bytearray(lzma.compress(make_tar(FILES)))
    assert content[14:16] == b"\x21\x01"  # LZMA2, and a byte about it
    content[16] = 38  # 2 GiB
    end = 12 + (content[12] + 1) * 4
    content[end - 4 : end] = struct.pack("<I", zlib.crc32(content[12 : end - 4]))
    (tmp_path / "x.tar.xz").write_bytes(content)
    with pytest.raises(ValueError, match="needs more than 512 MiB to be decompressed"):
        verify(f"tar://::{tmp_path / 'x.tar.xz'}")


def test_folders_without_an_end(tmp_path: Path) -> None:
    """The names of all folders above a file are more than the name of the file."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a/" * 30_000 + "f", b"")
    with pytest.raises(ValueError, match="the names of its folders have more than"):
        verify(f"zip://::{tmp_path / 'x.zip'}")
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as archive:
        archive.writestr("a/" * 1500 + "f", b"hello")
    listed: Any = {"a/" * 1500 + "f": hashlib.sha256(b"hello").digest()}
    assert verify(listed, root=f"zip://::{tmp_path / 'y.zip'}").ok


def test_to_open_an_archive_can_be_cancelled(tmp_path: Path) -> None:
    """To find the members of one takes as long as to decompress it."""
    member = tarfile.TarInfo("a")
    member.size = 1 << 50
    path = tmp_path / "x.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(member.tobuf())
    block = gzip.compress(bytes(64 << 20), 1)
    with path.open("ab") as file:
        for _ in range(64):
            file.write(block)
    cancel = CancelToken()
    timer = threading.Timer(0.2, cancel.cancel)
    timer.start()
    with pytest.raises((CancelledError, ValueError)) as raised:
        verify(f"tar://::{path}", cancel=cancel)
    timer.join()
    assert isinstance(raised.value, CancelledError)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: Callable[[str, dict[str, str]], tuple[int, str, str]]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Print nothing."""

    def do_GET(self) -> None:
        """Answer with what the test has for the path and the query."""
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, kind, text = type(self).answer(parts.path, query)
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        """Answer without the content."""
        self.do_GET()


Serve = Any


@pytest.fixture
def serve() -> Generator[Serve]:
    """Return what starts a server that answers with a function, and returns its address."""
    servers: list[Any] = []

    def start(answer: Callable[[str, dict[str, str]], tuple[int, str, str]]) -> str:
        handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def page(keys: list[str], token: str | None, *, more: bool = True) -> tuple[int, str, str]:
    """Return a page of a list, as S3 has it."""
    items = "".join(
        f"<Contents><Key>{key}</Key><Size>{68 if 'SUMS' in key else 5}</Size>"
        "<ETag>&quot;1&quot;</ETag>"
        "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
        for key in keys
    )
    text = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    text += f"<IsTruncated>{str(more).lower()}</IsTruncated><KeyCount>{len(keys)}</KeyCount>"
    return 200, "application/xml", f"<ListBucketResult>{items}{text}</ListBucketResult>"


def list_s3(address: str) -> Any:
    """Return the report about a folder in a bucket, of which all files are to be listed."""
    s3fs: Any = pytest.importorskip("s3fs")
    filesystem = s3fs.S3FileSystem(
        endpoint_url=address,
        anon=True,
        client_kwargs={"region_name": "us-east-1"},
        skip_instance_cache=True,
    )
    return verify("bucket/r/", filesystem=filesystem, check=False)


@pytest.mark.services
@pytest.mark.needs("module s3fs")
@pytest.mark.parametrize(
    ("tokens", "names", "cause"),
    [
        (itertools.repeat("t"), (f"r/{i}" for i in itertools.count()), "never ends"),
        (map(str, itertools.count()), itertools.repeat("r/a"), "without new names"),
        (itertools.cycle("abc"), itertools.repeat(None), "never ends"),
        (itertools.repeat(None), (f"r/{i}" for i in itertools.count()), "not where"),
    ],
)
def test_a_list_of_s3_without_an_end(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tokens: Any, names: Any, cause: str
) -> None:
    """One that does not advance is an error, which says what to do."""

    def answer(_path: str, query: dict[str, str]) -> tuple[int, str, str]:
        if "list-type" not in query or "max-keys" in query:
            return page(["r/a"], None, more=False) if "list-type" in query else (404, "", "")
        name = next(names)
        return page([name] if name else [], next(tokens))

    monkeypatch.setattr(listing, "_MOST_VAIN", 20)
    with pytest.raises(ManifestError, match=cause):
        list_s3(serve(answer))


@pytest.mark.services
@pytest.mark.needs("module s3fs")
def test_an_odd_list_of_s3(serve: Serve) -> None:
    """Empty pages, and names out of order, are allowed."""
    digest = hashlib.sha256(b"hello").hexdigest()
    body = f"{digest}  b\n"  # 68 bytes
    pages = [["r/b"], [], [], ["r/SHA256SUMS"], [], ["r/a"]]

    def answer(path: str, query: dict[str, str]) -> tuple[int, str, str]:
        if "list-type" in query:
            at = int(query.get("continuation-token", "0"))
            return page(pages[at], str(at + 1), more=at + 1 < len(pages))
        return {"/bucket/r/b": (200, "", "hello"), "/bucket/r/SHA256SUMS": (200, "", body)}.get(
            path, (404, "", "")
        )

    assert list_s3(serve(answer)).verified == 1


@pytest.mark.services
@pytest.mark.needs("module aiohttp")
@pytest.mark.parametrize("names", [["a/"], ["a/", "b/"], ["a/", "SHA256SUMS"]])
def test_indexes_without_an_end(serve: Serve, names: list[str]) -> None:
    """A web server that has the same folders at every level is not followed for ever."""
    asked: list[str] = []

    def answer(path: str, query: dict[str, str]) -> tuple[int, str, str]:
        del query
        asked.append(path)
        if path.endswith("SHA256SUMS"):
            return 404, "", ""
        return 200, "text/html", "".join(f'<a href="{name}">{name}</a>' for name in names)

    report = verify(f"{serve(answer)}/r/", recursive=True, check=False)
    assert not report.ok
    assert any("the same index as" in bad.cause for bad in report.bad_lines)
    assert len(asked) < 500


@pytest.mark.services
@pytest.mark.needs("module aiohttp")
def test_folders_of_one_name(serve: Serve) -> None:
    """Folders in folders of the same name are no loop."""
    body = f"{hashlib.sha256(b'hello').hexdigest()}  x\n"

    def answer(path: str, query: dict[str, str]) -> tuple[int, str, str]:
        del query
        if path == "/r/a/a/a/":
            return 200, "text/html", '<a href="SHA256SUMS">s</a><a href="x">x</a>'
        if path.endswith("SHA256SUMS"):
            return 200, "", body
        if path.endswith("x"):
            return 200, "", "hello"
        return 200, "text/html", '<a href="a/">a</a>'

    assert verify(f"{serve(answer)}/r/", recursive=True, extra="fail").verified == 1
