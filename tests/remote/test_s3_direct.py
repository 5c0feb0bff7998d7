"""Objects of S3 that are got without aiohttp."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import os
import selectors
import signal
import ssl
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from checksig import CancelledError, CancelToken, Status, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

pytestmark = [
    pytest.mark.services,
    pytest.mark.needs("module s3fs"),
    pytest.mark.usefixtures("engine"),
]

KEY, SECRET = "testtest", "passw0rd-secret"
DATA = os.urandom(20_000_000)  # in three parts
NAMES = ["a1", "a2", "c"]
DAY = "Mon, 02 Nov 2026 10:00:00 GMT"


class Store(http.server.ThreadingHTTPServer):
    """A server with one bucket, all of whose objects have the same content."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, at: int, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", at), Handler)
        self.data = DATA
        self.answers: dict[str, list[str]] = {}
        """How to answer the next requests about an object that are not made by aiohttp."""
        self.direct: list[str] = []
        """The answers to these requests."""
        self.tokens: list[str | None] = []
        self.open = self.most = 0
        """Connections that are not those of aiohttp, now and at most."""
        self.lock = threading.Lock()
        self.released = threading.Event()
        if context is not None:
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self.at = f"http{'s' if context else ''}://localhost:{at}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients close connections."""

    def shutdown_request(self, request: Any) -> None:
        """End a connection, and let nobody wait for its end."""
        with contextlib.suppress(OSError):
            super().shutdown_request(request)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the server says."""

    protocol_version = "HTTP/1.1"
    is_direct = False
    """Whether the connection is not one of aiohttp."""

    def finish(self) -> None:
        """Note that the connection is closed."""
        store: Any = self.server
        with store.lock:
            store.open -= self.is_direct
        super().finish()

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer GetObject."""
        store: Any = self.server
        name = self.path.rpartition("/")[2]
        how = ""
        if "Accept" not in self.headers:  # not of aiohttp
            how = (store.answers.get(name) or [""]).pop(0)
            store.direct.append(how)
            store.tokens.append(self.headers["X-Amz-Security-Token"])
            if not self.is_direct:
                self.is_direct = True
                with store.lock:
                    store.open += 1
                    store.most = max(store.most, store.open)
        if how.isdigit():
            self.send_response(int(how))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body, headers = self.describe(how)
        self.send_response(206)
        for header, value in headers.items():
            self.send_header(header, value)
        self.end_headers()
        if how == "hang":
            self.wfile.write(body[: len(body) // 2])
            store.released.wait(60)
        else:
            self.wfile.write(body)
        # Without a word about it.
        self.close_connection = how in {"cut", "hang", "idle", "unknown"}

    def describe(self, how: str) -> tuple[bytes, dict[str, str]]:
        """Return what comes as the body of an answer, and the headers."""
        store: Any = self.server
        data = store.data
        first, _, last = self.headers["Range"].partition("=")[2].partition("-")
        part = data[int(first) : int(last) + 1]
        end = int(first) + len(part) - 1
        chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(part), part)
        bodies = {
            "cut": part[:-1],
            "short": part[:-1],
            "wrong": bytes([part[0] ^ 1]) + part[1:],
            "more": part + b"x",
            "chunked": chunks,
            "rest": part + b"HTTP/1.1 206 OK\r\nContent-Length: 1\r\n\r\nx",
        }
        body = bodies.get(how, part)
        shift = int(how == "other range")
        headers = {
            "ETag": '"other"' if how == "replaced" else '"tag"',
            "Last-Modified": DAY,
            "Content-Range": f"bytes {int(first) + shift}-{end + shift}/{len(data)}",
            "Content-Length": str(len(body if how in {"short", "more"} else part)),
        }
        if how == "chunked":
            headers["Transfer-Encoding"] = "chunked"
        if how in {"chunked", "unknown"}:
            del headers["Content-Length"]
        if how == "odd head":
            headers["Odd name"] = "x"
        return body, headers


@pytest.fixture
def start(port: Any) -> Generator[Callable[..., Store]]:
    """Return a function that starts a server."""
    stores: list[tuple[Store, threading.Thread]] = []

    def begin(context: ssl.SSLContext | None = None) -> Store:
        store = Store(port(), context)
        thread = threading.Thread(target=store.serve_forever)
        thread.start()
        stores.append((store, thread))
        return store

    yield begin
    for store, thread in stores:
        store.released.set()
        store.shutdown()
        store.server_close()
        thread.join()


def connect(store: Store, **options: Any) -> Any:
    """Return the file system of a server."""
    s3fs: Any = pytest.importorskip("s3fs")
    client = {"region_name": "us-east-1", **options.pop("client", {})}
    return s3fs.S3FileSystem(
        key=KEY,
        secret=SECRET,
        endpoint_url=store.at,
        client_kwargs=client,
        skip_instance_cache=True,
        **options,
    )


def check(store: Store, filesystem: Any = None, **options: Any) -> list[Any]:
    """Verify the objects of a server, and return the results."""
    listed = dict.fromkeys(NAMES, hashlib.sha256(store.data).digest())
    options = {"root": "bucket/", "check": False, "io_depth": 1, "workers": 1, **options}
    return list(verify(listed, filesystem=filesystem or connect(store), **options).results)


@contextlib.contextmanager
def cancelled_at_a_hang(store: Store, before: int = 0) -> Generator[CancelToken]:
    """Cancel what runs when the server has begun to hang."""
    cancel = CancelToken()

    def watch() -> None:
        deadline = time.monotonic() + 60
        while store.direct.count("hang") <= before and time.monotonic() < deadline:
            time.sleep(0.01)
        cancel.cancel()

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield cancel
    watcher.join()


@pytest.mark.parametrize("many", [1, 64])
def test_large_objects(start: Callable[..., Store], many: int) -> None:
    """All but the first part is got without aiohttp."""
    store = start()
    results = check(store, io_depth=many, workers=4)
    assert [each.status for each in results] == [Status.VERIFIED] * 3
    assert {each.size for each in results} == {len(DATA)}
    assert len(store.direct) >= 8
    assert not [each for each in threading.enumerate() if "checksig" in each.name]


@pytest.mark.parametrize(
    ("answers", "status", "detail"),
    [
        (["", "wrong"], Status.MISMATCHED, None),
        (["", "", "replaced"], Status.UNREADABLE, "changed"),
        (["", "412"], Status.UNREADABLE, "changed"),
        (["404"], Status.VERIFIED, None),
        (["", "404"], Status.MISSING, None),
        (["cut"], Status.VERIFIED, None),
        (["", "cut", "cut"], Status.VERIFIED, None),
        (["", "short"], Status.VERIFIED, None),
        (["", "more"], Status.VERIFIED, None),
        (["more"], Status.VERIFIED, None),
        (["", "rest", ""], Status.VERIFIED, None),
        (["", "other range"], Status.VERIFIED, None),
        (["idle", "idle", "idle"], Status.VERIFIED, None),
        (["", "chunked"], Status.VERIFIED, None),
        (["chunked"], Status.VERIFIED, None),
        (["", "unknown"], Status.VERIFIED, None),
        (["", "odd head"], Status.VERIFIED, None),
        (["", "503", "500"], Status.VERIFIED, None),
        (["", "403"], Status.VERIFIED, None),
    ],
)
def test_odd_answers(
    start: Callable[..., Store], answers: list[str], status: Status, detail: str | None
) -> None:
    """An answer counts only if it is whole, and about that part of that version.

    After another one, the part is asked for through asyncio, where the answers are right here.
    """
    store = start()
    store.answers["c"] = list(answers)
    *others, result = check(store)
    assert [each.status for each in others] == [Status.VERIFIED] * 2
    assert result.status is status
    assert (detail or "") in str(result.detail)
    assert answers[0] in store.direct
    assert SECRET not in str(result)


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ([""], Status.VERIFIED),
        (["wrong"], Status.MISMATCHED),
        (["cut"], Status.VERIFIED),
        (["more"], Status.VERIFIED),
        (["other range"], Status.VERIFIED),
        (["503"], Status.VERIFIED),
    ],
)
@pytest.mark.parametrize("size", [1, 1000, 200_000])
def test_small_objects(
    start: Callable[..., Store], answers: list[str], status: Status, size: int
) -> None:
    """An object that comes with its description is compared like any other."""
    store = start()
    store.data = DATA[:size]
    store.answers["c"] = list(answers)
    *others, result = check(store)
    assert [each.status for each in others] == [Status.VERIFIED] * 2
    assert (result.status, result.size) == (status, size)
    assert store.direct[:2] == ["", *answers]  # the first one is asked for by aiohttp
    assert answers != [""] or len(store.direct) == 2


def test_a_session_token(start: Callable[..., Store]) -> None:
    """Signatures are those of botocore, with temporary credentials too."""
    store = start()
    assert all(each.ok for each in check(store, connect(store, token="temporary/+=")))  # noqa: S106
    assert len(store.direct) >= 8
    assert set(store.tokens) == {"temporary/+="}


def test_settings_of_the_client(start: Callable[..., Store]) -> None:
    """Not more connections than the client may have; none of its own with unknown settings."""
    store = start()
    filesystem = connect(store, config_kwargs={"max_pool_connections": 2})
    assert all(each.ok for each in check(store, filesystem, io_depth=64))
    assert 1 <= store.most <= 2
    store.direct.clear()
    filesystem = connect(store, config_kwargs={"connector_args": {"use_dns_cache": False}})
    assert all(each.ok for each in check(store, filesystem))
    assert not store.direct


def test_a_store_that_hangs(start: Callable[..., Store]) -> None:
    """A read that takes too long is tried again; a job that waits for one can be cancelled."""
    store = start()
    store.answers["c"] = ["hang"]
    filesystem = connect(store, config_kwargs={"read_timeout": 1})
    assert all(each.ok for each in check(store, filesystem))
    assert store.direct.count("hang") == 1
    store.answers["c"] = ["", "hang"]
    with cancelled_at_a_hang(store, before=1) as cancel, pytest.raises(CancelledError):
        check(store, cancel=cancel)
    assert store.direct.count("hang") == 2
    assert not [each for each in threading.enumerate() if "checksig" in each.name]


PROGRAM = """
import sys, s3fs, checksig
filesystem = s3fs.S3FileSystem(key=sys.argv[2], secret=sys.argv[3], endpoint_url=sys.argv[1],
    client_kwargs={"region_name": "us-east-1"})
listed = dict.fromkeys(["a1", "a2", "c"], sys.argv[4])
checksig.verify(listed, root="bucket/", filesystem=filesystem, io_depth=1, workers=1, check=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no signal of one process to another")
def test_interrupts(start: Callable[..., Store]) -> None:
    """Ctrl-C ends a program while the server hangs in the middle of an object."""
    store = start()
    store.answers["c"] = ["", "hang"]
    arguments = [store.at, KEY, SECRET, hashlib.sha256(DATA).hexdigest()]
    command = [sys.executable, "-c", PROGRAM, *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while "hang" not in store.direct and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in {1, 130, -signal.SIGINT}
        assert process.stderr is not None
        assert b"KeyboardInterrupt" in process.stderr.read()


def test_no_threads(start: Callable[..., Store], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started, aiohttp gets all objects."""
    begin = threading.Thread.start

    def refuse(self: threading.Thread) -> None:
        if self.name.startswith("checksig"):
            raise RuntimeError("can't start new thread")
        begin(self)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    store = start()
    assert all(each.ok for each in check(store))
    assert not store.direct


def test_a_thread_that_fails(start: Callable[..., Store], monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody expects, such as a descriptor that others have closed, lets no job wait."""
    select: Any = selectors.DefaultSelector.select
    calls: list[float | None] = []

    def fail(self: Any, timeout: float | None = None) -> Any:
        if threading.current_thread().name == "checksig-remote":
            calls.append(timeout)
            if len(calls) > 5:
                raise OSError(9, "Bad file descriptor")
        return select(self, timeout)

    monkeypatch.setattr(selectors.DefaultSelector, "select", fail)
    store = start()
    assert all(each.ok for each in check(store))
    assert len(calls) == 6


@pytest.mark.needs("openssl")
def test_tls(start: Callable[..., Store], tmp_path: Path) -> None:
    """The client's settings of TLS are used, and all of a body is read."""
    file, key = tmp_path / "certificate", tmp_path / "key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(key), "-out", str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    store = start(context)
    filesystem = connect(store, client={"verify": str(file)})
    store.answers["c"] = ["idle", "cut", "more", "rest", ""]
    assert all(each.ok for each in check(store, filesystem))
    assert {"idle", "cut"} <= set(store.direct)
    store.answers["c"] = ["", "wrong"]
    assert check(store, filesystem)[-1].status is Status.MISMATCHED
    store.answers["c"] = ["", "hang"]
    with cancelled_at_a_hang(store) as cancel, pytest.raises(CancelledError):
        check(store, filesystem, cancel=cancel)
    assert not [each for each in threading.enumerate() if "checksig" in each.name]
