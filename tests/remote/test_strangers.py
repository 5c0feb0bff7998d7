"""What goes wrong with addresses: wrong names, nothing there, servers that never answer."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from checksig import (
    CancelledError,
    CancelToken,
    ChecksigError,
    create,
    digest,
    entries,
    verify,
    verify_file,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

pytestmark = pytest.mark.needs("module fsspec")

PATIENCE = float(os.environ.get("CHECKSIG_TEST_PATIENCE", "1"))

HELLO = hashlib.sha256(b"hello").hexdigest()


@pytest.fixture
def silent() -> Generator[str]:
    """Run a server that takes requests and never answers, and return its host and port."""
    taken: list[socket.socket] = []
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(server.accept()[0])

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join()
    for each in taken:
        each.close()


SILENT = {
    "a manifest": ["http://{}/SHA256SUMS"],
    "an archive": ["zip://::http://{}/x.zip"],
    "a compressed archive": ["tar://::http://{}/x.tar.gz"],
    "files": ["--root", "http://{}/", "SHA256SUMS"],
    "files in an archive": ["--root", "zip://::http://{}/x.zip", "SHA256SUMS"],
    "a manifest of files here": ["--root", ".", "http://{}/SHA256SUMS"],
    "a digest": ["http://{}/x", HELLO],
    "a hash": ["hash", "http://{}/x"],
    "create": ["create", "--output", "SUMS", "zip://::http://{}/x.zip"],
    "entries of a repository": ["hf://datasets/a/b/SHA256SUMS"],
}


@pytest.mark.services
@pytest.mark.needs("module aiohttp", "module huggingface_hub")
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for one process")
@pytest.mark.parametrize("case", SILENT)
def test_to_interrupt_what_waits_for_a_server(silent: str, tmp_path: Path, case: str) -> None:
    """The first Ctrl-C ends the command, whatever it waits for."""
    (tmp_path / "SHA256SUMS").write_text(f"{HELLO}  a\n")
    words = [word.format(silent) for word in SILENT[case]]
    process = subprocess.Popen(
        [sys.executable, "-m", "checksig", *words],
        cwd=tmp_path,
        env={**os.environ, "HF_ENDPOINT": f"http://{silent}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20 * PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert not (tmp_path / "SUMS").exists()


CALLS: dict[str, Callable[[str, CancelToken], Any]] = {
    "verify": lambda url, cancel: verify(url, cancel=cancel),
    "digest": lambda url, cancel: digest(url, cancel=cancel),
    "verify_file": lambda url, cancel: verify_file(url, HELLO, cancel=cancel),
    "entries": lambda url, cancel: list(entries(url, cancel=cancel)),
    "create": lambda url, cancel: create(url, output=os.devnull, overwrite=True, cancel=cancel),
    "root": lambda url, cancel: verify({"a": HELLO}, root=url, cancel=cancel),
    "only": lambda url, cancel: verify({"a": HELLO}, root="file:///", only=url, cancel=cancel),
}


@pytest.mark.services
@pytest.mark.needs("module aiohttp")
@pytest.mark.parametrize("name", CALLS)
def test_to_cancel_what_waits_for_a_server(silent: str, name: str) -> None:
    """Each function raises CancelledError, also before the engine has begun."""
    for url in (f"zip://::http://{silent}/x.zip", f"tar://::http://{silent}/x.tar.xz"):
        cancel = CancelToken()
        timer = threading.Timer(0.3, cancel.cancel)
        timer.start()
        with pytest.raises(CancelledError):
            CALLS[name](url, cancel)
        timer.join()


@pytest.mark.services
@pytest.mark.needs("module paramiko")
def test_a_server_of_another_kind() -> None:
    """What the client of SSH raises is an error about the address, without its password."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(5)

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken, _ = server.accept()
                    taken.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    taken.close()

        thread = threading.Thread(target=answer)
        thread.start()
        host = f"127.0.0.1:{server.getsockname()[1]}"
        try:
            with pytest.raises(OSError, match=f"sftp://{host}") as raised:
                verify(f"sftp://somebody:passw0rd@{host}/x/")
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
    assert "passw0rd" not in str(raised.value)


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("zip://", {}, "the address has no archive: zip://PATH::FILE"),
        ("tar://SHA256SUMS", {}, "the address has no archive"),
        ("none://x/", {}, "none"),
        ("https://", {}, "has no host"),
        ("simplecache::http://x/", {}, "not supported"),
        (".", {"root": "memory://r/"}, "a local folder; name the manifest in it"),
        ("zip://::none.zip", {}, "none.zip"),
        ("zip://::text.txt", {}, "text.txt: cannot be read as an archive"),
        ("tar://::text.txt", {}, "text.txt: cannot be read as an archive"),
        ("zip://none::x.zip", {}, "x.zip!/none"),
        ("zip://a::x.zip", {}, "name the manifest that lists this file"),
        ("zip://::x.zip", {"only": "a"}, "must be an address"),
        ("zip://::x.zip", {"root": "memory://r/"}, "not in the same store"),
    ],
)
def test_wrong_addresses(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    options: dict[str, Any],
    message: str,
) -> None:
    """Each is an error with a sentence about the address, and nothing is verified."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("text")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a", b"hello")
        archive.writestr("SHA256SUMS", f"{HELLO}  a\n")
    with pytest.raises((OSError, ValueError, ChecksigError), match=message):
        verify(path, **options)


@pytest.mark.parametrize("name", ["../a", "/a", "d/../a", "d//a", "a/", ".."])
@pytest.mark.parametrize("follow", [False, True])
def test_names_in_archives_that_lead_outside(tmp_path: Path, name: str, follow: bool) -> None:
    """They are refused, also where ``follow_outside`` lets local ones lead there."""
    (tmp_path / "a").write_bytes(b"hello")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a", b"hello")
        archive.writestr("d/SHA256SUMS", f"{HELLO}  {name}\n")
    report = verify(f"zip://d::{tmp_path / 'x.zip'}", follow_outside=follow, check=False)
    assert (report.verified, report.unreadable) == (0, 1)
    report = verify({name: HELLO}, root=f"zip://d::{tmp_path / 'x.zip'}", check=False)
    assert (report.verified, report.unreadable) == (0, 1)


def test_an_archive_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """Its members are unreadable, not verified."""
    path = tmp_path / "x.zip"
    files = {f"{i}": os.urandom(1 << 20) for i in range(20)}

    def write(files: dict[str, bytes]) -> None:
        with zipfile.ZipFile(path.with_suffix(".new"), "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        path.with_suffix(".new").replace(path)

    write(files)
    listed: Any = {name: hashlib.sha256(data).digest() for name, data in files.items()}
    changed = threading.Event()

    def change(_: object) -> None:
        if not changed.is_set():
            changed.set()
            time.sleep(0.02)  # so that the archive has another time
            write({**files, "0": b""})

    report = verify(listed, root=f"zip://::{path}", check=False, progress=change)
    assert changed.is_set()
    assert not report.ok
    assert report.unreadable > 0
