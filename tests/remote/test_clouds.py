"""Stores with interfaces of their own, each with a server on this machine: Azure and Google."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from checksig import Status, create, verify, verify_file

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

pytestmark = [
    pytest.mark.services,
    pytest.mark.filterwarnings("ignore:Sending a large body"),
]

FILES = {"a": b"hello", "d/b": os.urandom(9 << 20), "empty": b"", "ä %41 b": b"odd"}

# The account that every Azurite has; https://github.com/Azure/Azurite
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def sums(files: dict[str, bytes]) -> bytes:
    """Return a manifest of *files*."""
    lines = (f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    return "".join(lines).encode()


def md5(data: bytes) -> bytes:
    """Return the digest of *data*."""
    return hashlib.md5(data, usedforsecurity=False).digest()


class Cloud:
    """A server, and the file system of it."""

    protocol: str
    filesystem: Any

    def put(self, name: str, data: bytes) -> None:
        """Upload an object, with the checksums that are usual."""
        raise NotImplementedError

    def verify(self, path: str, **options: Any) -> Any:
        """Verify in the store."""
        options = {"check": False, **options}
        return verify(f"data/{path}", filesystem=self.filesystem, **options)

    def check(self, name: str, stored: str, **digest: Any) -> tuple[str, str | None]:
        """Verify one object, and return the result and what it was found from."""
        options: dict[str, Any] = {"filesystem": self.filesystem, "check": False, "stored": stored}
        (result,) = verify_file(f"data/{name}", **options, **digest).results
        return result.status.value, result.evidence


class Azure(Cloud):
    """Azurite, and adlfs."""

    protocol = "abfs"

    def __init__(self, at: int) -> None:
        adlfs: Any = pytest.importorskip("adlfs")
        blob: Any = pytest.importorskip("azure.storage.blob")
        address = (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint=http://127.0.0.1:{at}/{ACCOUNT};"
        )
        self.filesystem = adlfs.AzureBlobFileSystem(
            connection_string=address, skip_instance_cache=True
        )
        self.settings = blob.ContentSettings
        self.client = blob.BlobServiceClient.from_connection_string(address)
        self.client.create_container("data")

    def blob(self, name: str) -> Any:
        """Return what changes an object."""
        return self.client.get_blob_client("data", name)

    def put(self, name: str, data: bytes) -> None:
        """Upload an object, with its MD5."""
        settings = self.settings(content_md5=bytearray(md5(data)))
        self.blob(name).upload_blob(data, overwrite=True, content_settings=settings)


class Google(Cloud):
    """fake-gcs-server, and gcsfs."""

    protocol = "gs"

    def __init__(self, at: int) -> None:
        core: Any = pytest.importorskip("gcsfs.core")  # what it has in front of it needs gRPC
        self.filesystem = core.GCSFileSystem(
            endpoint_url=f"http://127.0.0.1:{at}",
            token="anon",  # noqa: S106 - no password
            project="p",
            skip_instance_cache=True,
        )
        self.filesystem.mkdir("data")

    def put(self, name: str, data: bytes) -> None:
        """Upload an object, of which the store computes MD5 and CRC-32C."""
        self.filesystem.pipe_file(f"data/{name}", data)


@contextlib.contextmanager
def azure(needs: Any, program: Any, port: Any, running: Any, folder: Path) -> Generator[Cloud]:
    """Run a server with the interface of Azure."""
    needs("module adlfs")
    needs("azurite-blob", there=program("azurite-blob") is not None)
    at = port()
    command = [
        program("azurite-blob"),
        "--silent",
        "--inMemoryPersistence",
        "--skipApiVersionCheck",
    ]
    command += ["--disableTelemetry", "--blobHost", "127.0.0.1", "--blobPort", str(at)]
    with running(command, at, cwd=folder, stderr=subprocess.DEVNULL):
        yield Azure(at)


@contextlib.contextmanager
def google(needs: Any, program: Any, port: Any, running: Any, folder: Path) -> Generator[Cloud]:
    """Run a server with the interface of Google Cloud Storage."""
    needs("module gcsfs")
    needs("fake-gcs-server", there=program("fake-gcs-server") is not None)
    at = port()
    command = [
        program("fake-gcs-server"),
        "-scheme",
        "http",
        "-host",
        "127.0.0.1",
        "-port",
        str(at),
    ]
    command += ["-backend", "memory", "-public-host", f"127.0.0.1:{at}"]
    with running(command, at, cwd=folder, stderr=subprocess.DEVNULL):
        yield Google(at)


@pytest.fixture(scope="module", params=[azure, google], ids=lambda function: function.__name__)
def cloud(  # noqa: PLR0917 - pytest passes them by name
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    needs: Any,
    program: Any,
    port: Any,
    running: Any,
) -> Generator[Cloud]:
    """Run a server, and fill it."""
    folder = tmp_path_factory.mktemp("store")
    with request.param(needs, program, port, running, folder) as cloud:
        for name, data in FILES.items():
            cloud.put(f"r/{name}", data)
        cloud.put("r/SHA256SUMS", sums(FILES))
        yield cloud


@pytest.mark.usefixtures("engine")
def test_a_release(cloud: Cloud, tmp_path: Path) -> None:
    """A prefix is a folder, and an object a file."""
    report = cloud.verify("r/", extra="fail", check=True)
    assert (report.verified, report.path) == (len(FILES), f"{cloud.protocol}://data/r")
    assert {result.evidence for result in report.results} == {"read"}
    assert cloud.verify("r/SHA256SUMS", check=True).verified == len(FILES)
    created = create(
        "data/r/d", filesystem=cloud.filesystem, output=tmp_path / "SUMS", remember=False
    )
    assert created.files == 1
    assert (tmp_path / "SUMS").read_bytes() == sums({"b": FILES["d/b"]})


def test_what_is_not_as_listed(cloud: Cloud) -> None:
    """Changed, missing and unlisted objects are found."""
    cloud.put("other/SHA256SUMS", sums({"a": b"hello", "b": b"b", "c": b"c"}))
    cloud.put("other/a", b"hellx")
    cloud.put("other/c", b"c")
    cloud.put("other/x/y", b"y")
    report = cloud.verify("other/", extra="report")
    assert (report.verified, report.mismatched, report.missing) == (1, 1, 1)
    assert [extra.path for extra in report.unlisted] == [f"{cloud.protocol}://data/other/x/y"]
    with pytest.raises(FileNotFoundError, match=f"{cloud.protocol}://data/none"):
        cloud.verify("none/")


def test_stored_checksums(cloud: Cloud) -> None:
    """What the store keeps is compared if asked for; what it lacks is read, or unverified."""
    data = b"stored"
    cloud.put("stored/a", data)
    for stored in ("only", "prefer"):
        assert cloud.check("stored/a", stored, md5=md5(data)) == ("verified", "stored")
        assert cloud.check("stored/a", stored, md5=md5(b"x")) == ("mismatched", "stored")
    assert cloud.check("stored/a", "never", md5=md5(data)) == ("verified", "read")
    sha1 = hashlib.sha1(data, usedforsecurity=False).digest()
    assert cloud.check("stored/a", "only", sha1=sha1) == ("unreadable", None)
    assert cloud.check("stored/a", "prefer", sha1=sha1) == ("verified", "read")
    cloud.put("stored/a", b"storex")
    assert cloud.check("stored/a", "only", md5=md5(data)) == ("mismatched", "stored")
    if isinstance(cloud, Google):
        crc = base64.b64decode(cloud.filesystem.info("data/stored/a")["crc32c"])
        assert cloud.check("stored/a", "only", crc32c=crc) == ("verified", "stored")
        assert cloud.check("stored/a", "never", crc32c=crc) == ("verified", "read")
        assert cloud.check("stored/a", "only", crc32c=b"1234") == ("mismatched", "stored")


@pytest.mark.parametrize("cloud", [azure], indirect=True, ids=["azure"])
def test_a_checksum_that_the_client_sets(cloud: Cloud) -> None:
    """Azure keeps what it is given, which may be wrong, or nothing."""
    assert isinstance(cloud, Azure)
    data = b"stored"
    cloud.put("set/a", data)
    blob = cloud.blob("set/a")
    blob.set_http_headers(cloud.settings(content_md5=bytearray(md5(b"wrong"))))
    assert cloud.check("set/a", "only", md5=md5(data)) == ("mismatched", "stored")
    assert cloud.check("set/a", "never", md5=md5(data)) == ("verified", "read")
    blob.set_http_headers(cloud.settings())
    assert cloud.check("set/a", "only", md5=md5(data)) == ("unreadable", None)
    assert cloud.check("set/a", "prefer", md5=md5(data)) == ("verified", "read")


@pytest.mark.parametrize("stored", ["never", "only"])
def test_an_object_that_is_replaced(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, stored: Any
) -> None:
    """All that counts comes from the version that was described."""
    from checksig.remote.stores import FileStore

    before = {name: getattr(FileStore, name) for name in ("read", "stored")}
    cloud.put("changes/a", b"1" * 1000)

    def replaced(name: str) -> Any:
        def replace(self: Any, path: bytes, *arguments: Any) -> Any:
            cloud.put("changes/a", b"2" * 1000)
            self.begin()  # what the file system has cached is older
            return before[name](self, path, *arguments)

        return replace

    for name in before:
        monkeypatch.setattr(FileStore, name, replaced(name))
    for data in (b"1" * 1000, b"2" * 1000):
        cloud.put("changes/a", b"1" * 1000)
        assert cloud.check("changes/a", stored, md5=md5(data)) == ("unreadable", None)


def test_a_body_that_is_cut(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shorter than its description is unreadable, whatever the digest."""
    read = cloud.filesystem.cat_file

    def cut(path: str, **options: Any) -> bytes:
        data: bytes = read(path, **options)
        return data[:-1]

    monkeypatch.setattr(cloud.filesystem, "cat_file", cut)
    listed = {"a": hashlib.sha256(b"hell").digest()}
    report = verify(listed, root="data/r", filesystem=cloud.filesystem, check=False)
    assert [result.status for result in report.results] == [Status.UNREADABLE]
