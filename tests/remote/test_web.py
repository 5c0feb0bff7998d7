"""A web server that makes every mistake, and what checksig makes of it."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

import pytest

from checksig import CancelledError, CancelToken, Status, digest, verify, verify_file

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

pytestmark = [
    pytest.mark.services,
    pytest.mark.needs("module fsspec", "module aiohttp"),
    pytest.mark.usefixtures("engine"),
]

PATIENCE = float(os.environ.get("CHECKSIG_TEST_PATIENCE", "1"))

DATA = os.urandom(20 << 20)
SMALL = b"small"


class Reply(NamedTuple):
    """What a :class:`WebServer` answers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed
    length: int | None = None
    """The length that the answer claims; by default that of the body."""
    delay: float = 0.0
    ranges: bool = True
    """Whether a part is sent if one is asked for."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: WebServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Print nothing."""

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self._answer()

    def do_GET(self) -> None:
        """Answer with a body."""
        self._answer()

    def _answer(self) -> None:
        server = self.owner
        server.requests.append((self.command, self.path, dict(self.headers)))
        path = unquote(urlsplit(self.path).path)
        found = server.files.get(path, Reply(404))
        reply = found(self.command, dict(self.headers)) if callable(found) else found
        if reply.delay:
            server.stopped.wait(reply.delay)
        body, status, headers = reply.body, reply.status, dict(reply.headers)
        part = self.headers.get("Range")
        if part and reply.ranges and status == 200:
            first, last = (int(each) for each in part.removeprefix("bytes=").split("-"))
            headers["Content-Range"] = f"bytes {first}-{min(last, len(body) - 1)}/{len(body)}"
            body, status = body[first : last + 1], 206
        self.send_response(status)
        length = len(body) if reply.length is None else reply.length
        headers.setdefault("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            with contextlib.suppress(OSError):
                self.wfile.write(body)
        if length != len(body):
            self.close_connection = True


class WebServer:
    """A web server on this machine that answers as it is told."""

    def __init__(self) -> None:
        self.files: dict[str, Reply | Callable[[str, dict[str, str]], Reply]] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.stopped = threading.Event()
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> WebServer:  # noqa: PYI034 - Self is newer than Python 3.10
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Generator[WebServer]:
    """Run a server with a good file, ``/r/a``."""
    with WebServer() as server:
        server.files["/r/a"] = Reply(body=SMALL, headers={"ETag": '"1"'})
        yield server


def check(server: WebServer, name: str = "a", data: bytes = SMALL, **options: object) -> Status:
    """Verify one file, and return its status."""
    listed = {name: hashlib.sha256(data).digest()}
    (result,) = verify(listed, root=f"{server.url}/r/", check=False, **options).results  # type: ignore[arg-type]
    return result.status


def test_a_manifest_and_its_files(server: WebServer) -> None:
    """Large files are read in parts, each of the same version."""
    server.files["/r/big"] = Reply(body=DATA, headers={"ETag": '"2"'})
    manifest = f"{hashlib.sha256(SMALL).hexdigest()}  a\n{hashlib.sha256(DATA).hexdigest()}  big\n"
    server.files["/r/SHA256SUMS"] = Reply(body=manifest.encode())
    report = verify(f"{server.url}/r/SHA256SUMS")
    assert report.verified == 2
    assert report.results[0].path == f"{server.url}/r/a"
    parts = [h for method, path, h in server.requests if path == "/r/big" and method == "GET"]
    assert sorted(int(h["Range"][6:].partition("-")[0]) for h in parts) == [
        0,
        8 << 20,
        16 << 20,
    ]
    assert {h["If-Match"] for h in parts} == {'"2"'}


def test_a_folder_with_an_index(server: WebServer) -> None:
    """What the index of a folder links to is looked through."""
    manifest = f"{hashlib.sha256(SMALL).hexdigest()}  a\n".encode()
    server.files["/r/SHA256SUMS"] = Reply(body=manifest)
    links = ["SHA256SUMS", "a", "sub/", "../", "/etc/", "http://other/x", "?C=N"]
    index = "".join(f'<a href="{link}">x</a>' for link in links).encode()
    server.files["/r/"] = Reply(body=index, headers={"Content-Type": "text/html"})
    server.files["/r/sub/"] = Reply(body=b'<a href="new">x</a>')
    server.files["/r/sub/new"] = Reply(body=b"new")
    report = verify(f"{server.url}/r/", extra="report")
    assert report.verified == 1
    assert [extra.path for extra in report.unlisted] == [f"{server.url}/r/sub/new"]


@pytest.mark.parametrize("name", ["a?x=1", "a#x", "a%2f..%2fb", "a;b", "ä", "a b"])
def test_names_that_an_address_would_end_at(server: WebServer, name: str) -> None:
    """They are never another file."""
    assert check(server, name) is Status.MISSING
    server.files[f"/r/{name}"] = Reply(body=SMALL)
    assert check(server, name) is Status.VERIFIED


def test_a_server_that_is_busy(server: WebServer) -> None:
    """A request is repeated, a few times."""
    left = [503, 429, 500]
    server.files["/r/a"] = lambda _method, _sent: Reply(left.pop()) if left else Reply(body=SMALL)
    assert check(server) is Status.VERIFIED
    server.files["/r/a"] = Reply(503)
    assert check(server) is Status.UNREADABLE


def test_a_server_that_does_not_answer(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request fails when nothing comes for a while, and is not repeated for ever."""
    from checksig.remote import http as web
    from checksig.remote import server as answers

    monkeypatch.setattr(web, "_SILENT_SECONDS", 0.2)
    server.files["/r/a"] = Reply(body=SMALL, delay=60)
    assert check(server) is Status.UNREADABLE
    monkeypatch.setattr(answers, "_PATIENCE", -1.0)
    server.requests.clear()
    assert check(server) is Status.UNREADABLE
    assert [path for _, path, _ in server.requests] == ["/r/a"]


def test_a_body_that_is_cut(server: WebServer) -> None:
    """It is read again, and unreadable if that does not help."""
    whole = Reply(body=SMALL, length=5, ranges=False)
    cut = whole._replace(body=SMALL[:3])
    left = [cut, cut]
    server.files["/r/a"] = lambda method, _: left.pop() if left and method == "GET" else whole
    assert check(server) is Status.VERIFIED
    server.files["/r/a"] = lambda method, _: cut if method == "GET" else whole
    assert check(server) is Status.UNREADABLE
    assert check(server, data=SMALL[:3]) is Status.UNREADABLE


def test_a_length_that_is_wrong(server: WebServer) -> None:
    """A file of another length than it was described with is unreadable."""
    for length in (3, 7):
        server.files["/r/a"] = lambda method, _, n=length: Reply(  # type: ignore[misc]
            body=SMALL, length=n if method == "HEAD" else None
        )
        assert check(server) is Status.UNREADABLE
        assert check(server, data=SMALL[:3]) is Status.UNREADABLE
    server.files["/r/a"] = Reply(body=SMALL, headers={"Content-Encoding": "gzip"})
    assert check(server) is Status.UNREADABLE


@pytest.mark.parametrize("header", ["ETag", "Last-Modified"])
def test_a_file_that_changes(server: WebServer, header: str) -> None:
    """Each answer must be about the version that was described."""
    count = iter(range(1000))
    values = {"ETag": '"{}"', "Last-Modified": "Thu, 01 Jan 1970 00:00:{:02} GMT"}
    server.files["/r/a"] = lambda _method, _sent: Reply(
        body=SMALL, headers={header: values[header].format(next(count))}
    )
    assert check(server) is Status.UNREADABLE


def test_a_server_without_parts_or_descriptions(server: WebServer) -> None:
    """Whole files do, also large ones."""
    server.files["/r/big"] = Reply(body=DATA, ranges=False)
    assert check(server, "big", DATA) is Status.VERIFIED
    server.files["/r/a"] = lambda method, _: Reply(405) if method == "HEAD" else Reply(body=SMALL)
    assert check(server) is Status.VERIFIED
    server.files["/r/a"] = Reply(body=SMALL, headers={"Content-Length": "none"})
    assert check(server) is Status.UNREADABLE


def test_redirects(server: WebServer) -> None:
    """Within the origin they are followed; others only if asked for."""
    server.files["/r/b"] = Reply(302, headers={"Location": "/r/a"})
    assert check(server, "b") is Status.VERIFIED
    with WebServer() as other:
        other.files["/x"] = Reply(body=SMALL)
        server.files["/r/c"] = Reply(302, headers={"Location": f"{other.url}/x"})
        listed = {"c": hashlib.sha256(SMALL).digest()}
        report = verify(listed, root=f"{server.url}/r/", check=False)
        assert report.refused == 1
        assert not other.requests
        assert check(server, "c", follow_outside=True) is Status.VERIFIED
        assert digest(f"{server.url}/r/c") == hashlib.sha256(SMALL).hexdigest()
    server.files["/r/d"] = Reply(302, headers={"Location": "/r/d"})
    assert check(server, "d") is Status.UNREADABLE
    server.files["/r/e"] = Reply(302, headers={"Location": "file:///etc/passwd"})
    assert check(server, "e", follow_outside=True) is Status.UNREADABLE


@pytest.mark.parametrize(
    ("status", "detail"), [(403, "permission denied"), (401, "permission denied")]
)
def test_access_denied(server: WebServer, status: int, detail: str) -> None:
    """A file that may not be read is not missing."""
    server.files["/r/a"] = Reply(status)
    listed = {"a": hashlib.sha256(SMALL).digest()}
    (result,) = verify(listed, root=f"{server.url}/r/", check=False).results
    assert (result.status, result.detail) == (Status.UNREADABLE, detail)


def test_credentials_are_in_no_message(server: WebServer) -> None:
    """They go to the server, and nowhere else."""
    url = server.url.replace("//", "//me:passw0rd@") + "/r/a?sig=s3cret"
    report = verify_file(url, hashlib.sha256(SMALL).hexdigest())
    _, path, headers = server.requests[-1]
    assert (path, headers["Authorization"][:5]) == ("/r/a?sig=s3cret", "Basic")
    server.files["/r/a"] = Reply(500)
    failed = verify_file(url, hashlib.sha256(SMALL).hexdigest(), check=False)
    text = f"{report!r}{report}{report.to_json(results=True)}{failed}{failed.to_json()}"
    with pytest.raises(OSError) as raised:  # noqa: PT011 - of any kind
        verify(url.replace("/a?", "/none?"))
    text += f"{raised.value!r}{raised.value}"
    assert "passw0rd" not in text
    assert "s3cret" not in text
    assert f"{server.url}/r/a" in text


def test_a_slow_server(server: WebServer) -> None:
    """A verification can be stopped at once, and leaves no thread."""
    server.files["/r/a"] = Reply(body=SMALL, delay=60)
    cancel = CancelToken()
    timer = threading.Timer(0.3, cancel.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(CancelledError):
        digest(f"{server.url}/r/a", cancel=cancel)
    assert time.monotonic() - began < 10 * PATIENCE
    timer.join()
    assert not [each for each in threading.enumerate() if "checksig" in each.name]


@pytest.mark.skipif(sys.platform == "win32", reason="no signal of one process to another")
def test_interrupts(server: WebServer) -> None:
    """Ctrl-C ends the command while a server does not answer."""
    server.files["/r/SHA256SUMS"] = Reply(body=SMALL, delay=60)
    command = [sys.executable, "-m", "checksig", f"{server.url}/r/SHA256SUMS"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30 * PATIENCE
    while not server.requests and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) in {130, -signal.SIGINT}
    assert process.stderr is not None
    process.stderr.close()


def test_the_command(server: WebServer) -> None:
    """An address is given like a path."""
    manifest = f"{hashlib.sha256(SMALL).hexdigest()}  a\n".encode()
    server.files["/r/SHA256SUMS"] = Reply(body=manifest)
    done = subprocess.run(
        [sys.executable, "-m", "checksig", "-v", f"{server.url}/r/SHA256SUMS"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "1 verified" in done.stdout + done.stderr


def test_a_length_of_nothing(server: WebServer) -> None:
    """Some servers answer HEAD as if every file were empty: the content is read all the same."""

    def answer(method: str, headers: dict[str, str]) -> Reply:
        del headers
        return Reply(body=SMALL if method == "GET" else b"", headers={"ETag": '"1"'})

    server.files["/r/a"] = answer
    assert check(server) is Status.VERIFIED
    assert check(server, data=b"") is Status.MISMATCHED
    server.files["/r/a"] = Reply(headers={"ETag": '"1"'})
    assert check(server, data=b"") is Status.VERIFIED
    assert check(server) is Status.MISMATCHED
    server.files["/r/a"] = lambda method, _: Reply(416 if method == "GET" else 200)
    assert check(server, data=b"") is Status.VERIFIED
