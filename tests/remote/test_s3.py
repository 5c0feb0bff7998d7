"""Object stores with the interface of S3."""

from __future__ import annotations

import datetime as dt
import hashlib
import http.server
import os
import subprocess
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from checksig import CancelledError, CancelToken, Status, create, digest, verify, verify_file

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

pytestmark = [
    pytest.mark.services,
    pytest.mark.needs("module s3fs", "module boto3", "module moto"),
    pytest.mark.usefixtures("engine"),
]

KEY, SECRET = "testtest", "passw0rd-secret"

FILES = {
    "a": b"hello",
    "d/b": b"x" * 100_000,
    "empty": b"",
    "big": os.urandom(20 << 20),
    "a?versionId=1": b"odd",
    "a#1": b"odd",
    "ä b": b"odd",
}


def sums(files: dict[str, bytes]) -> bytes:
    """Return a manifest of *files*."""
    lines = (f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    return "".join(lines).encode()


class Bucket:
    """A bucket of a server, and the file system of it."""

    def __init__(self, endpoint: str) -> None:
        boto3: Any = pytest.importorskip("boto3")
        s3fs: Any = pytest.importorskip("s3fs")
        keys = {"key": KEY, "secret": SECRET}
        options = {"region_name": "us-east-1"}
        self.filesystem: Any = s3fs.S3FileSystem(
            endpoint_url=endpoint, client_kwargs=options, skip_instance_cache=True, **keys
        )
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=keys["key"],
            aws_secret_access_key=keys["secret"],
            **options,
        )

    def put(self, key: str, data: bytes, **options: Any) -> None:
        """Upload an object."""
        self.client.put_object(Bucket="bucket", Key=key, Body=data, **options)

    def verify(self, path: str = "release/", **options: Any) -> Any:
        """Verify in the bucket."""
        options = {"check": False, **options}
        return verify(f"bucket/{path}", filesystem=self.filesystem, **options)


@pytest.fixture(scope="module", params=["moto", "versitygw"])
def endpoint(  # noqa: PLR0917 - pytest passes them by name
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    needs: Any,
    port: Any,
    program: Any,
    running: Any,
) -> Generator[str]:
    """Run a server, and return its address."""
    at = port()
    if request.param == "versitygw":
        gateway = program("versitygw")
        needs("versitygw", there=gateway is not None)
        command = [gateway, "--access", KEY, "--secret", SECRET, "--port", f"127.0.0.1:{at}"]
        command += ["--quiet", "posix", str(tmp_path_factory.mktemp("store"))]
        with running(command, at, stderr=subprocess.DEVNULL):
            yield f"http://127.0.0.1:{at}"
        return
    server: Any = pytest.importorskip("moto.server").ThreadedMotoServer(
        ip_address="127.0.0.1", port=at, verbose=False
    )
    server.start()
    yield f"http://127.0.0.1:{at}"
    server.stop()


@pytest.fixture(scope="module")
def filled(endpoint: str) -> Bucket:
    """Return a bucket with a release."""
    bucket = Bucket(endpoint)
    bucket.client.create_bucket(Bucket="bucket")
    for name, data in FILES.items():
        bucket.put(f"release/{name}", data)
    bucket.put("release/SHA256SUMS", sums(FILES))
    return bucket


def test_a_prefix(filled: Bucket) -> None:
    """A prefix is a folder, and a key a file."""
    report = filled.verify(extra="fail", check=True)
    assert (report.verified, report.path) == (len(FILES), "s3://bucket/release")
    assert report.results[0].path == "s3://bucket/release/a"
    assert filled.verify("release/SHA256SUMS", check=True).verified == len(FILES)
    assert filled.verify("", recursive=True, check=True).verified == len(FILES)
    assert (
        digest("bucket/release/a", filesystem=filled.filesystem)
        == hashlib.sha256(b"hello").hexdigest()
    )


def test_what_is_not_as_listed(filled: Bucket) -> None:
    """Changed, missing and unlisted objects are found."""
    files = {"a": b"hello", "b": b"b", "c": b"c"}
    filled.put("other/SHA256SUMS", sums(files))
    filled.put("other/a", b"hellx")
    filled.put("other/c", b"c")
    filled.put("other/x/y", b"")
    report = filled.verify("other/", extra="report")
    assert (report.verified, report.mismatched, report.missing) == (1, 1, 1)
    assert [extra.path for extra in report.unlisted] == ["s3://bucket/other/x/y"]


def test_what_does_not_exist(filled: Bucket) -> None:
    """Neither a bucket nor a prefix that is not there is empty."""
    for path in ("bucket/none/", "nobucket/x"):
        with pytest.raises(FileNotFoundError, match=f"s3://{path[:-1]}"):
            verify(path, filesystem=filled.filesystem)


@pytest.fixture
def _without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all objects be got through asyncio."""
    from checksig.remote.s3 import S3Store

    def never(*_: Any) -> bool:
        return False

    monkeypatch.setattr(S3Store, "is_direct", never)


@pytest.mark.parametrize("threads", [False, True])
def test_an_object_that_is_replaced(
    filled: Bucket, monkeypatch: pytest.MonkeyPatch, *, threads: bool
) -> None:
    """All parts come from the version that was described."""
    from checksig.remote.s3 import S3Store

    stat = S3Store.stat
    data = b"1" * 9_000_000
    is_direct = S3Store.is_direct

    def only_reads(self: Any, query: Any) -> bool:
        return threads and query.is_read and is_direct(self, query)

    monkeypatch.setattr(S3Store, "is_direct", only_reads)
    filled.put("changes/a", data)
    filled.put("changes/SHA256SUMS", sums({"a": data}))

    async def replaced(self: Any, path: bytes) -> Any:
        found = await stat(self, path)
        if path.endswith(b"/a"):
            filled.put("changes/a", b"2" * 9_000_000)
        return found

    monkeypatch.setattr(S3Store, "stat", replaced)
    (result,) = filled.verify("changes/SHA256SUMS").results
    assert result.status is Status.UNREADABLE
    assert "changed" in str(result.detail)


def test_how_often_the_store_is_asked(filled: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small object takes one request, unless only what the store keeps is asked for."""
    from checksig.remote.plainhttp import Connections
    from checksig.remote.s3 import S3Store

    call: Any = vars(S3Store)["_call"]
    calls: list[str] = []

    async def counted(self: Any, method: str, **arguments: Any) -> Any:
        if arguments["Bucket"] == "bucket" and "asked/" in arguments.get("Key", ""):
            calls.append(method)
        return await call(self, method, **arguments)

    monkeypatch.setattr(S3Store, "_call", counted)
    get = Connections.get

    def counted_get(self: Any, place: Any, path: str, *arguments: Any) -> Any:
        calls.append("get_object" if "asked/" in path else path)
        return get(self, place, path, *arguments)

    monkeypatch.setattr(Connections, "get", counted_get)
    data = {"a": b"hello", "empty": b"", "big": bytes(range(256)) * 2000}
    for name, content in data.items():
        filled.put(f"asked/{name}", content)
    expected = {"a": ["get_object"], "empty": ["get_object", "head_object"]}
    expected["big"] = ["get_object", "get_object"]
    options: dict[str, Any] = {"root": "bucket/asked", "filesystem": filled.filesystem}
    for name, content in data.items():
        calls.clear()
        assert verify({name: hashlib.sha256(content).digest()}, **options).ok
        assert calls == expected[name]
    filled.put("asked/big2", data["big"])
    calls.clear()
    listed = dict.fromkeys(["big", "big2"], hashlib.sha256(data["big"]).digest())
    assert verify(listed, workers=1, io_depth=1, **options).ok
    assert calls == ["get_object"] * 3  # the first one has shown how much to ask for
    calls.clear()
    verify({"a": hashlib.md5(b"hello", usedforsecurity=False).digest()}, stored="only", **options)
    assert calls == ["head_object", "head_object"]


def count_gets(filesystem: Any) -> list[str]:
    """Return a list of the objects that aiobotocore gets from now on."""
    seen: list[str] = []

    def note(request: Any, **_: object) -> None:
        seen.append(request.url)

    filesystem.s3.meta.events.register("before-send.s3.GetObject", note)
    return seen


def test_plain_objects_are_got_directly(filled: Bucket, endpoint: str) -> None:
    """After the first one, aiobotocore is not needed; odd keys, and other settings, need it."""
    s3fs: Any = pytest.importorskip("s3fs")
    names = {f"direct/{n:02} ä+%41~(x)": os.urandom(300_000) for n in range(20)}
    for name, content in names.items():
        filled.put(name, content)
    listed = {name.partition("/")[2]: hashlib.sha256(data).digest() for name, data in names.items()}
    keys: dict[str, Any] = {"key": KEY, "secret": SECRET, "endpoint_url": endpoint}
    keys |= {"client_kwargs": {"region_name": "us-east-1"}, "skip_instance_cache": True}

    other = type("Other", (s3fs.S3FileSystem,), {})
    aio: Any = pytest.importorskip("aiobotocore.session")
    cases: list[tuple[Any, int]] = [
        (s3fs.S3FileSystem(**keys), 1),
        (s3fs.S3FileSystem(requester_pays=True, **keys), 21),  # the first one in two parts
        (s3fs.S3FileSystem(session=aio.AioSession(), **keys), 21),  # the first one in two parts
        (other(**keys), 21),
    ]
    for filesystem, expected in cases:
        seen = count_gets(filesystem)
        assert verify(listed, root="bucket/direct", filesystem=filesystem).verified == 20
        # It watches again if its clock and that of the first signature show different seconds.
        assert len(seen) == expected or (expected == 1 and len(seen) <= 3)


EMPTY_LIST = b"<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>"


class Store:
    """A server with one bucket, which answers GetObject as a test wants."""

    def __init__(self, at: int, data: bytes) -> None:
        store = self
        self.answers: list[int | str] = []
        """The next answers about "c" to requests that it has not made."""

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *_: object) -> None:  # noqa: A002
                """Say nothing."""

            def do_GET(self) -> None:
                if "list-type=2" in self.path:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(EMPTY_LIST)))
                    self.end_headers()
                    self.wfile.write(EMPTY_LIST)
                    return
                is_theirs = "amz-sdk-invocation-id" in self.headers
                answer: int | str = 206
                if not is_theirs and self.path.endswith("/c") and store.answers:
                    answer = store.answers.pop(0)
                if answer == "closed":
                    self.close_connection = True
                    return
                if isinstance(answer, int) and answer >= 300:
                    self.send_response(answer)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("ETag", '"other"' if answer == "replaced" else '"tag"')
                self.send_header("Last-Modified", "Mon, 02 Nov 2026 10:00:00 GMT")
                first, _, last = self.headers["Range"].partition("=")[2].partition("-")
                part = data[int(first) : int(last) + 1]
                end = int(first) + len(part) - 1
                self.send_header("Content-Range", f"bytes {first}-{end}/{len(data)}")
                self.send_header("Content-Length", str(len(part)))
                self.end_headers()
                self.wfile.write(part[:-1] if answer == "cut" else part)
                self.close_connection = answer == "cut"

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", at), Handler)
        self.server.daemon_threads = True


@pytest.mark.parametrize(
    ("answers", "status", "detail"),
    [
        ([503, "closed", "cut", 500], Status.VERIFIED, None),
        ([400], Status.VERIFIED, None),
        ([403], Status.VERIFIED, None),
        ([301], Status.VERIFIED, None),
        ([404], Status.MISSING, None),
        ([412], Status.UNREADABLE, "changed"),
        (["", "replaced"], Status.UNREADABLE, "changed"),
        ([503] * 5, Status.UNREADABLE, "the store answered with status 503"),
        (["closed"] * 12, Status.UNREADABLE, "disconnected"),
    ],
)
def test_answers_to_direct_requests(
    port: Any, answers: list[int | str], status: Status, detail: str | None
) -> None:
    """They are tried again, or asked for through aiobotocore; and no part is of another version."""
    s3fs: Any = pytest.importorskip("s3fs")
    data = os.urandom(1_500_000)  # in two parts
    at = port()
    store = Store(at, data)
    store.answers = list(answers)
    thread = threading.Thread(target=store.server.serve_forever)
    thread.start()
    try:
        filesystem = s3fs.S3FileSystem(
            key=KEY,
            secret=SECRET,
            endpoint_url=f"http://127.0.0.1:{at}",
            client_kwargs={"region_name": "us-east-1"},
            skip_instance_cache=True,
        )
        options: dict[str, Any] = {"root": "bucket/", "filesystem": filesystem, "check": False}
        options |= {"io_depth": 1, "workers": 1}  # one after the other
        names = ["a1", "a2", "a3", "c"]
        *before, result = verify(
            dict.fromkeys(names, hashlib.sha256(data).digest()), **options
        ).results
        assert [each.status for each in before] == [Status.VERIFIED] * 3
        assert len(store.answers) < len(answers)
        assert result.status is status
        assert SECRET not in str(result)
        assert (detail or "") in str(result.detail)
    finally:
        store.server.shutdown()
        store.server.server_close()
        thread.join()


@pytest.mark.usefixtures("_without_threads")
def test_objects_without_tags(filled: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a gateway has none, time and size are compared, also at the end."""
    from checksig.remote.s3 import S3Store

    call: Any = vars(S3Store)["_call"]
    data = b"1" * 9_000_000
    filled.put("tags/a", data)
    filled.put("tags/SHA256SUMS", sums({"a": data}))
    heads: list[str] = []
    changes = False

    async def without(self: Any, method: str, **arguments: Any) -> Any:
        answer = await call(self, method, **arguments)
        for each in (answer, *answer.get("Contents", ())):
            each.pop("ETag", None)
        if method == "head_object" and arguments["Key"] == "tags/a":
            heads.append(method)
            if changes:
                answer["LastModified"] += dt.timedelta(seconds=len(heads))
        return answer

    monkeypatch.setattr(S3Store, "_call", without)
    assert filled.verify("tags/", check=True).verified == 1
    assert len(heads) == 1  # at the end
    changes = True
    (result,) = filled.verify("tags/SHA256SUMS").results
    assert result.status is Status.UNREADABLE
    assert "changed" in str(result.detail)


@pytest.mark.usefixtures("_without_threads")
@pytest.mark.parametrize("wrong", ["bytes 1-5/6", "bytes 0-3/5", "none"])
def test_another_range_than_asked_for(
    filled: Bucket, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """An answer about another part of an object is an error, whatever its bytes."""
    from checksig.remote.s3 import S3Store

    call: Any = vars(S3Store)["_call"]

    async def other(self: Any, method: str, **arguments: Any) -> Any:
        answer = await call(self, method, **arguments)
        if "ContentRange" in answer:
            answer["ContentRange"] = wrong
        return answer

    monkeypatch.setattr(S3Store, "_call", other)
    report = verify_file(
        "bucket/release/a",
        hashlib.sha256(b"hello").hexdigest(),
        filesystem=filled.filesystem,
        check=False,
    )
    assert report.unreadable == 1


def test_create(filled: Bucket, tmp_path: Path) -> None:
    """A manifest of a prefix is written here."""
    output = tmp_path / "SUMS"
    create("bucket/release/d", filesystem=filled.filesystem, output=output, remember=False)
    assert output.read_bytes() == sums({"b": FILES["d/b"]})


def test_stored_checksums(filled: Bucket) -> None:
    """What the store keeps is compared if asked for, and the report says so."""
    data = b"stored"
    filled.put("stored/a", data, ChecksumAlgorithm="SHA256")
    filled.put("stored/SHA256SUMS", sums({"a": data}))
    (result,) = filled.verify("stored/", stored="only").results
    assert (result.status, result.evidence, result.size) == (Status.VERIFIED, "stored", 0)
    (result,) = filled.verify("stored/").results
    assert (result.status, result.evidence) == (Status.VERIFIED, "read")
    wrong = {"a": hashlib.sha256(b"wrong").digest()}
    options: dict[str, Any] = {"filesystem": filled.filesystem, "check": False}
    (result,) = verify(wrong, root="bucket/stored", stored="only", **options).results
    assert (result.status, result.evidence) == (Status.MISMATCHED, "stored")
    sha512 = {"a": hashlib.sha512(data).digest()}
    (result,) = verify(sha512, root="bucket/stored", stored="only", **options).results
    assert (result.status, result.evidence) == (Status.UNREADABLE, None)
    (result,) = verify(sha512, root="bucket/stored", stored="prefer", **options).results
    assert (result.status, result.evidence) == (Status.VERIFIED, "read")
    filled.put("stored/c", data)
    filled.put("stored/SHA256SUMS", sums({"a": data, "c": data, "gone": data}))
    report = filled.verify("stored/", stored="prefer")
    counts = "3 entries: 2 verified (1 by stored checksums, 1 read), 1 missing"
    assert (report.stored, report.summary()) == (1, counts)
    assert filled.verify("stored/").stored == 0
    from checksig import _html
    from checksig.cli import junit

    assert counts in junit.document([report]).decode()
    assert "2 verified (1 by stored checksums, 1 read)" in _html.page([report])
    assert report.to_dict()["stored"] == 1
    crc32 = f"{zlib.crc32(data):08x}"
    filled.put("stored/b", data, ChecksumAlgorithm="CRC32")
    report = verify_file("bucket/stored/b", crc32=crc32, stored="only", **options)
    assert [each.evidence for each in report.results] == ["stored"]
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert verify_file("bucket/stored/b", md5=md5, stored="only", **options).ok


def test_an_executor(filled: Bucket, tmp_path: Path) -> None:
    """Workers read objects, or what the store keeps, with the caller's file system."""
    filled.put("pool/a", b"stored", ChecksumAlgorithm="SHA256")
    filled.put("pool/b", b"b")
    filled.put("pool/SHA256SUMS", sums({"a": b"stored", "b": b"b", "gone": b""}))
    with ThreadPoolExecutor(2) as pool:
        assert filled.verify(executor=pool, check=True).verified == len(FILES)
        for options in ({}, {"stored": "prefer"}, {"stored": "only"}):
            report = filled.verify("pool/", executor=pool, **options)
            assert report.results == filled.verify("pool/", **options).results
        written: dict[str, Any] = {"output": tmp_path / "made", "remember": False}
        create("bucket/pool/b", filesystem=filled.filesystem, executor=pool, **written)
    assert (tmp_path / "made").read_bytes() == sums({"b": b"b"})


PARTS = [b"1" * (5 << 20), b"2" * (5 << 20), b"3" * 10]


def upload(bucket: Bucket, key: str, parts: list[bytes]) -> tuple[str, str]:
    """Upload an object in parts; return its tag and its composite checksum."""
    options = {"Bucket": "bucket", "Key": key}
    started = bucket.client.create_multipart_upload(ChecksumAlgorithm="SHA256", **options)
    options["UploadId"] = started["UploadId"]
    done: list[dict[str, Any]] = []
    for number, part in enumerate(parts, 1):
        answer = bucket.client.upload_part(
            PartNumber=number, Body=part, ChecksumAlgorithm="SHA256", **options
        )
        named = {name: answer[name] for name in ("ETag", "ChecksumSHA256")}
        done.append({"PartNumber": number, **named})
    bucket.client.complete_multipart_upload(MultipartUpload={"Parts": done}, **options)
    found = bucket.client.head_object(Bucket="bucket", Key=key, ChecksumMode="ENABLED")
    sha256 = found["ChecksumSHA256"].partition("-")[0]
    return found["ETag"].strip('"'), f"{sha256}-{len(parts)}"  # moto leaves the number out


def test_composite_checksums(filled: Bucket, tmp_path: Path) -> None:
    """They are compared with digests of parts, and never with a digest of the whole file."""
    tag, sha256 = upload(filled, "parts/a", PARTS)
    data = b"".join(PARTS)
    (tmp_path / "a").write_bytes(data)
    wrong = "0" * 32 + "-3"
    whole = hashlib.sha256(data).hexdigest()

    def check(digest: str, stored: str, size: str | None = "5MiB") -> tuple[str, str | None]:
        (result,) = verify(
            {"a": digest},
            root="bucket/parts",
            filesystem=filled.filesystem,
            stored=stored,  # type: ignore[arg-type]
            part_size=size,
            check=False,
        ).results
        return result.status.value, result.evidence

    for size in ("5MiB", None):
        assert check(whole, "only", size) == ("unreadable", None)
        assert check(whole, "prefer", size) == ("verified", "read")
    for listed in (tag, sha256):
        assert verify_file(tmp_path / "a", listed, part_size="5MiB").ok
        assert not verify_file(tmp_path / "a", listed, part_size="6MiB", check=False).ok
        assert check(listed, "never") == ("verified", "read")
        assert check(listed, "only") == ("verified", "stored")
    with ThreadPoolExecutor(1) as pool:
        options: dict[str, Any] = {"root": "bucket/parts", "filesystem": filled.filesystem}
        options |= {"part_size": "5MiB", "executor": pool}
        assert verify({"a": tag}, **options).ok
        assert verify({"a": tag}, stored="only", **options).ok
    assert check(wrong, "only") == ("mismatched", "stored")
    assert not verify_file(tmp_path / "a", wrong, part_size="5MiB", check=False).ok
    assert check(tag[:-1] + "2", "only") == ("mismatched", None)  # of 3 parts
    # The store keeps no digest of parts of that size, though as many of them would do.
    assert check(tag, "only", "5000KiB") == ("unreadable", None)
    assert check(tag, "prefer", "5000KiB") == ("mismatched", "read")
    with pytest.raises(ValueError, match="part_size"):
        verify_file(tmp_path / "a", tag)


def test_cancel(filled: Bucket) -> None:
    """A verification of objects can be stopped."""
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(CancelledError):
        filled.verify(cancel=cancel)
    assert not [each for each in threading.enumerate() if "checksig" in each.name]
