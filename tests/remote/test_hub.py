"""Repositories of the Hugging Face Hub: its own client, and a server with the hub's interface."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from checksig import Status, create, digest, verify, verify_file

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

pytestmark = [
    pytest.mark.services,
    pytest.mark.needs("module huggingface_hub", "module fsspec"),
    pytest.mark.usefixtures("engine"),
]

PATIENCE = float(os.environ.get("CHECKSIG_TEST_PATIENCE", "1"))

COMMIT = "0123456789abcdef0123456789abcdef01234567"

FILES = {"README.md": b"text", "data/a.bin": os.urandom(100_000), "data/b.bin": os.urandom(9 << 20)}


def sums(files: dict[str, bytes]) -> bytes:
    """Return a manifest of *files*."""
    lines = (f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    return "".join(lines).encode()


def blob(data: bytes) -> str:
    """Return the ID that git has for a file."""
    return hashlib.sha1(b"blob %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest()


class Hub:
    """A server with a dataset, ``org/set``, whose folders are listed in pages of two entries."""

    def __init__(self) -> None:
        self.files = {**FILES, "SHA256SUMS": sums(FILES)}
        self.wrong_lfs = False
        self.requests: list[str] = []
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Hub:  # noqa: PYI034 - Self is newer than Python 3.10
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def tree(self, folder: str) -> list[dict[str, Any]]:
        """Return the entries of a folder, as the hub describes them."""
        prefix = f"{folder}/" if folder else ""
        found: dict[str, dict[str, Any]] = {}
        for path, data in sorted(self.files.items()):
            if not path.startswith(prefix):
                continue
            name, _, below = path[len(prefix) :].partition("/")
            entry: dict[str, Any] = {"path": prefix + name, "oid": blob(data), "size": len(data)}
            if below:
                entry |= {"type": "directory", "oid": "0" * 40, "size": 0}
            elif path.endswith(".bin"):
                digest = hashlib.sha256(data).hexdigest()
                lfs = {"oid": "0" * 64 if self.wrong_lfs else digest}
                entry |= {"type": "file", "oid": blob(b"pointer")}
                entry["lfs"] = {**lfs, "size": len(data), "pointerSize": 130}
            else:
                entry["type"] = "file"
            found[name] = entry
        return list(found.values())


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Print nothing."""

    def do_HEAD(self) -> None:
        """Answer without the content."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer as the hub does."""
        self.hub.requests.append(self.path)
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        api, resolve = "/api/datasets/org/set", "/datasets/org/set/resolve/main/"
        if path in {api, f"{api}/revision/main"}:
            self._send({"id": "org/set", "sha": COMMIT, "private": False})
        elif path.startswith(f"{api}/tree/main"):
            entries = self.hub.tree(path[len(f"{api}/tree/main") :].strip("/"))
            at = int(query.get("cursor", "0"))
            if not entries:
                self._send({"error": "none"}, 404, {"X-Error-Code": "EntryNotFound"})
                return
            headers: dict[str, str] = {}
            if at + 2 < len(entries):
                following = f"{self.hub.url}{parts.path}?cursor={at + 2}"
                headers["Link"] = f'<{following}>; rel="next"'
            self._send(entries[at : at + 2], headers=headers)
        elif path.startswith(resolve) and path[len(resolve) :] in self.hub.files:
            self._send_part(self.hub.files[path[len(resolve) :]])
        elif path.startswith("/api/datasets/org/private"):
            self._send({"error": "secret"}, 401, {"X-Error-Code": "GatedRepo"})
        else:
            self._send({"error": "none"}, 404, {"X-Error-Code": "RepoNotFound"})

    def _send_part(self, data: bytes) -> None:
        headers, status = {"ETag": f'"{blob(data)}"'}, 200
        asked = self.headers.get("Range")
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            end = min(int(last or len(data) - 1), len(data) - 1)
            headers["Content-Range"] = f"bytes {first}-{end}/{len(data)}"
            data, status = data[int(first) : end + 1], 206
        self._send(data, status, headers)

    def _send(self, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


@pytest.fixture
def hub() -> Generator[Hub]:
    """Run a server."""
    with Hub() as hub:
        yield hub


def client(hub: Hub) -> Any:
    """Return the hub's file system for a server."""
    library: Any = pytest.importorskip("huggingface_hub")
    return library.HfFileSystem(endpoint=hub.url, token=False, skip_instance_cache=True)


def check(hub: Hub, path: str = "datasets/org/set/", **options: Any) -> Any:
    """Verify in the repository, and return the report."""
    return verify(path, filesystem=client(hub), check=False, **options)


def test_a_repository(hub: Hub) -> None:
    """Its files are verified, and those that nothing lists are found, page by page."""
    report = check(hub, extra="fail", recursive=True)
    assert report.ok
    assert report.verified == 3
    assert report.results[0].path == "hf://datasets/org/set/README.md"
    hub.files["data/b.bin"] = bytes(9 << 20)
    hub.files["data/new"] = b""
    del hub.files["README.md"]
    report = check(hub, extra="fail")
    assert (report.mismatched, report.missing, report.verified) == (1, 1, 1)
    assert [each.path for each in report.unlisted] == ["hf://datasets/org/set/data/new"]


def test_a_revision(hub: Hub) -> None:
    """It is part of the address."""
    assert check(hub, "datasets/org/set@main/SHA256SUMS").verified == 3


def test_a_local_manifest_and_single_files(hub: Hub, tmp_path: Path) -> None:
    """The other functions take repositories, too."""
    filesystem = client(hub)
    manifest = io.BytesIO(sums(FILES))
    assert verify(manifest, root="datasets/org/set/", filesystem=filesystem).verified == 3
    listed: Any = {name: hashlib.sha256(data).digest() for name, data in FILES.items()}
    assert verify(listed, root="datasets/org/set/", filesystem=filesystem).verified == 3
    sha256 = hashlib.sha256(FILES["README.md"]).hexdigest()
    assert digest("datasets/org/set/README.md", filesystem=filesystem) == sha256
    assert verify_file("datasets/org/set/README.md", sha256, filesystem=filesystem).ok
    made = create(
        "datasets/org/set/data", output=tmp_path / "made", filesystem=filesystem, remember=False
    )
    assert made.files == 2
    lines = (tmp_path / "made").read_bytes()
    assert lines == sums({n.removeprefix("data/"): d for n, d in FILES.items() if "data/" in n})


def test_checksums_that_the_hub_keeps(hub: Hub) -> None:
    """It has the SHA-256 of large files; of others only git's ID, which is that of the content."""
    report = check(hub, stored="prefer")
    assert (report.verified, report.stored) == (3, 2)
    assert {r.name for r in report.results if r.evidence == "stored"} == {
        "data/a.bin",
        "data/b.bin",
    }
    assert not any("/resolve/" in each and each.endswith(".bin") for each in hub.requests)
    (only,) = [r for r in check(hub, stored="only").results if not r.ok]
    assert (only.name, only.status) == ("README.md", Status.UNREADABLE)
    text = f"{blob(FILES['README.md'])}  README.md\n{blob(FILES['data/a.bin'])}  data/a.bin\n"
    hub.files["IDS.gitblob-sha1"] = text.encode()
    path = "datasets/org/set/IDS.gitblob-sha1"
    report = check(hub, path, stored="prefer", algorithm="gitblob-sha1")
    assert (report.verified, report.stored) == (2, 1)  # of large files, git has a pointer
    del hub.files["IDS.gitblob-sha1"]
    hub.wrong_lfs = True
    assert check(hub, stored="prefer").mismatched == 2


def test_what_is_not_there(hub: Hub) -> None:
    """The errors are those of other stores, also without a permission."""
    for path in ("datasets/org/none/", "datasets/org/set/none", "datasets/org/set@none/"):
        with pytest.raises(FileNotFoundError):
            verify(path, filesystem=client(hub))
    with pytest.raises((PermissionError, FileNotFoundError)):
        verify("datasets/org/private/", filesystem=client(hub))


def test_the_command(hub: Hub) -> None:
    """An address is enough, with the variable for the endpoint."""
    done = subprocess.run(
        [sys.executable, "-m", "checksig", "hf://datasets/org/set/"],
        env={**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"},
        capture_output=True,
        text=True,
        timeout=100 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "3 verified" in done.stdout
