"""Signatures and Sigstore bundles next to manifests that are in a store, in an archive, or here."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checksig import CancelledError, CancelToken, verify, verify_signed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from checksig import Report

    Arrange = Callable[[dict[str, bytes]], tuple[Any, dict[str, Any]]]

pytestmark = [pytest.mark.needs("module fsspec"), pytest.mark.usefixtures("engine")]

FILES = {"a": b"hello", "d/b": b"x" * 1000}
SUMS = "".join(f"{hashlib.sha256(v).hexdigest()}  {k}\n" for k, v in FILES.items()).encode()

PLACES = {
    "folder": ("store", "store", ""),
    "manifest": ("store", "store", "SHA256SUMS"),
    "zip": ("zip", "zip", ""),
    "zip manifest": ("zip", "zip", "SHA256SUMS"),
    "tar in a store": ("tar", "tar", ""),
    "manifest here": ("here", "store", "SHA256SUMS"),
    "manifest here of a zip": ("here", "zip", "SHA256SUMS"),
    "manifest there of files here": ("store", "here", "SHA256SUMS"),
}
"""Where the manifest and its signatures are, where its files are, and what is named."""


@pytest.fixture(scope="module")
def instance() -> Any:
    """Return a Sigstore instance."""
    pytest.importorskip("sigstore", reason="the package sigstore is missing")
    path = Path(__file__).resolve().parent.parent / "sigstores.py"
    spec = importlib.util.spec_from_file_location("sigstores", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.Instance()
    made.keyless = {"identity": module.IDENTITY, "issuer": module.ISSUER}
    return made


class Ssh:
    """A key of OpenSSH."""

    def __init__(self, folder: Path) -> None:
        self._key = folder / "key"
        self._folder = folder
        words = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._key))
        subprocess.run(words, check=True, timeout=60)
        self.public = folder / "key.pub"

    def sign(self, data: bytes) -> bytes:
        """Return a signature."""
        path = self._folder / "signed"
        path.write_bytes(data)
        words = ("ssh-keygen", "-q", "-Y", "sign", "-f", str(self._key), "-n", "file", str(path))
        subprocess.run(words, check=True, timeout=60, capture_output=True)
        signature = path.with_name("signed.sig")
        found = signature.read_bytes()
        signature.unlink()
        return found


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory, needs: Callable[..., None]) -> Ssh:
    """Return a key."""
    needs("ssh-keygen")
    return Ssh(tmp_path_factory.mktemp("ssh"))


@pytest.fixture
def memory() -> Generator[Any]:
    """Return the file system in memory."""
    filesystem: Any = pytest.importorskip("fsspec").filesystem("memory")
    yield filesystem
    if filesystem.exists("/r"):
        filesystem.rm("/r", recursive=True)


def put(place: str, files: dict[str, bytes], memory: Any, folder: Path) -> str:
    """Write files to a place, and return its address."""
    if place == "zip":
        with zipfile.ZipFile(folder / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return f"zip://::{folder / 'x.zip'}"
    if place == "tar":
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as tar:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        memory.pipe_file("/r/x.tar.gz", content.getvalue())
        return "tar://::memory://r/x.tar.gz"
    for name, data in files.items():
        if place == "store":
            memory.pipe_file(f"/r/{name}", data)
            continue
        path = folder / "here" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return "memory://r/" if place == "store" else f"{folder / 'here'}{os.sep}"


@pytest.fixture(params=PLACES)
def arrange(request: pytest.FixtureRequest, memory: Any, tmp_path: Path) -> Arrange:
    """Return what puts a manifest and its signatures to a place, and its files to theirs."""
    place, place_of_files, named = PLACES[request.param]

    def arrange(beside: dict[str, bytes]) -> tuple[Any, dict[str, Any]]:
        if place == place_of_files:
            address = put(place, {**FILES, **beside}, memory, tmp_path)
            before, separator, after = address.partition("::")
            return f"{before}{named}{separator}{after}", {}
        root = put(place_of_files, FILES, memory, tmp_path)
        return put(place, beside, memory, tmp_path) + named, {"root": root}

    return arrange


def causes(report: Report) -> str:
    """Return why nobody has signed the manifests of a report, of which nothing counts."""
    assert not report.ok
    assert report.entries == 0
    assert {manifest.signature for manifest in report.manifests} == {"not trusted"}
    return "\n".join(bad.cause for bad in report.bad_lines)


def test_the_signature_of_a_manifest(arrange: Arrange, ssh: Ssh) -> None:
    """It is found next to the manifest, wherever that is."""
    path, options = arrange({"SHA256SUMS": SUMS, "SHA256SUMS.sig": ssh.sign(SUMS)})
    report = verify(path, trust=ssh.public, **options)
    assert report.verified == 2
    (manifest,) = report.manifests
    assert manifest.signature == "verified"
    assert str(manifest.signers[0].file).endswith("SHA256SUMS.sig")


def test_a_signature_that_does_not_count(arrange: Arrange, ssh: Ssh, tmp_path: Path) -> None:
    """That of another content, none at all, and that of another key: nothing is verified."""
    other = tmp_path / "other"
    other.mkdir()
    path, options = arrange({"SHA256SUMS": SUMS, "SHA256SUMS.sig": ssh.sign(SUMS + b"\n")})
    assert "SHA256SUMS.sig" in causes(verify(path, trust=ssh.public, check=False, **options))
    path, options = arrange({"SHA256SUMS": SUMS, "SHA256SUMS.sig": Ssh(other).sign(SUMS)})
    report = verify(path, trust=ssh.public, check=False, **options)
    assert "a key that is not trusted" in causes(report)


def test_no_signature(arrange: Arrange, ssh: Ssh) -> None:
    """Without one, nothing is verified."""
    path, options = arrange({"SHA256SUMS": SUMS})
    assert "no signature" in causes(verify(path, trust=ssh.public, check=False, **options))


def test_a_signature_that_nobody_checks(arrange: Arrange, ssh: Ssh) -> None:
    """The report says so, as for a manifest and files here."""
    path, options = arrange({"SHA256SUMS": SUMS, "SHA256SUMS.sig": ssh.sign(SUMS)})
    (manifest,) = verify(path, **options).manifests
    assert manifest.signature == "not checked"
    assert any("SHA256SUMS.sig" in note and "not checked" in note for note in manifest.notes)


def test_the_bundle_of_a_manifest(arrange: Arrange, instance: Any, tmp_path: Path) -> None:
    """It is read where the manifest is, and only the demanded identity counts."""
    trusted = instance.write_trusted_root(tmp_path / "root.json")
    bundle = json.dumps(instance.sign_file(SUMS)).encode()
    path, options = arrange({"SHA256SUMS": SUMS, "SHA256SUMS.sigstore.json": bundle})
    report = verify(path, trusted_root=trusted, **instance.keyless, **options)
    assert (report.verified, report.manifests[0].signers[0].format) == (2, "sigstore")
    other = {**instance.keyless, "identity": "somebody@example.org"}
    report = verify(path, trusted_root=trusted, check=False, **other, **options)
    assert "not as demanded" in causes(report)


def test_the_bundle_of_another_content(arrange: Arrange, instance: Any, tmp_path: Path) -> None:
    """Nothing is verified by it."""
    trusted = instance.write_trusted_root(tmp_path / "root.json")
    bundle = json.dumps(instance.sign_file(SUMS + b"\n")).encode()
    path, options = arrange({"SHA256SUMS": SUMS, "SHA256SUMS.sigstore.json": bundle})
    report = verify(path, trusted_root=trusted, check=False, **instance.keyless, **options)
    assert "another content" in causes(report)


def test_an_attestation_that_is_the_manifest(memory: Any, instance: Any, tmp_path: Path) -> None:
    """Its subjects are the files in the store."""
    trusted = instance.write_trusted_root(tmp_path / "root.json")
    digests = [
        {"name": name, "digest": {"sha256": hashlib.sha256(data).hexdigest()}}
        for name, data in FILES.items()
    ]
    statement: dict[str, Any] = {"_type": "https://in-toto.io/Statement/v1", "subject": digests}
    statement |= {"predicateType": "https://slsa.dev/provenance/v1", "predicate": {}}
    made = instance.sign_statement(json.dumps(statement).encode())
    for name, data in {**FILES, "attestation.jsonl": json.dumps(made).encode()}.items():
        memory.pipe_file(f"/r/{name}", data)
    options = {"trusted_root": trusted, **instance.keyless}
    assert verify("memory://r/", **options).verified == 2
    (tmp_path / "attestation.jsonl").write_bytes(json.dumps(made).encode())
    assert verify(tmp_path / "attestation.jsonl", root="memory://r/", **options).verified == 2
    memory.pipe_file("/r/a", b"other")
    assert verify("memory://r/", check=False, **options).mismatched == 1


def test_a_bundle_signed_with_a_key(arrange: Arrange, instance: Any, tmp_path: Path) -> None:
    """A signature by Ed25519 covers the content, which is read from where the manifest is."""
    base64 = importlib.import_module("base64")
    ed25519: Any = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    forms: Any = importlib.import_module("cryptography.hazmat.primitives.serialization")
    del instance
    key = ed25519.Ed25519PrivateKey.generate()
    form = forms.PublicFormat.SubjectPublicKeyInfo
    pem = tmp_path / "key.pem"
    pem.write_bytes(key.public_key().public_bytes(forms.Encoding.PEM, form))

    def bundle(data: bytes) -> bytes:
        about = {"algorithm": "SHA2_256"}
        about["digest"] = base64.b64encode(hashlib.sha256(SUMS).digest()).decode()
        signature = {"messageDigest": about, "signature": base64.b64encode(key.sign(data)).decode()}
        kind = "application/vnd.dev.sigstore.bundle.v0.3+json"
        material: Any = {"publicKey": {"hint": "x"}}
        document: dict[str, Any] = {"mediaType": kind, "verificationMaterial": material}
        return json.dumps({**document, "messageSignature": signature}).encode()

    path, options = arrange({"SHA256SUMS": SUMS, "SHA256SUMS.sigstore.json": bundle(SUMS)})
    assert verify(path, key=pem, **options).verified == 2
    path, options = arrange({"SHA256SUMS": SUMS, "SHA256SUMS.sigstore.json": bundle(b"other")})
    assert "no signature by the key" in causes(verify(path, key=pem, check=False, **options))


def test_a_signature_elsewhere(memory: Any, ssh: Ssh, tmp_path: Path) -> None:
    """It can be named by its path or its address, wherever the manifest is."""
    signature = tmp_path / "elsewhere"
    signature.write_bytes(ssh.sign(SUMS))
    memory.pipe_file("/r/s/elsewhere", ssh.sign(SUMS))
    memory.pipe_file("/r/s/wrong", ssh.sign(b"other"))
    here = tmp_path / "here"
    for name, data in {**FILES, "SHA256SUMS": SUMS}.items():
        memory.pipe_file(f"/r/{name}", data)
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(data)
    there = "memory://r/SHA256SUMS"
    cases: tuple[tuple[Any, Any], ...] = (
        (there, None),
        (here / "SHA256SUMS", "memory://r/"),
        (there, here),
        (here / "SHA256SUMS", None),
    )
    for path, root in cases:
        some: dict[str, Any] = {"trust": ssh.public, "check": False, "root": root}
        for named in (signature, "memory://r/s/elsewhere"):
            assert verify(path, signature=named, **some).verified == 2, (path, named)
        for named in (tmp_path / "none", "memory://r/s/none"):
            assert "cannot be read: no such file" in causes(verify(path, signature=named, **some))
        assert "wrong" in causes(verify(path, signature="memory://r/s/wrong", **some))


def test_signatures_that_cannot_be_read(memory: Any, ssh: Ssh, tmp_path: Path) -> None:
    """They are reported, and never taken for ones that are not there."""
    for name, data in FILES.items():
        memory.pipe_file(f"/r/{name}", data)
    (tmp_path / "SHA256SUMS").write_bytes(SUMS)
    (tmp_path / "SHA256SUMS.sig").mkdir()
    some: dict[str, Any] = {"trust": ssh.public, "check": False, "root": "memory://r/"}
    assert 'SHA256SUMS.sig": cannot be read' in causes(verify(tmp_path / "SHA256SUMS", **some))
    (tmp_path / "SHA256SUMS.sig").rmdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "SHA256SUMS.sig")
        assert "not a regular file" in causes(verify(tmp_path / "SHA256SUMS", **some))
        (tmp_path / "SHA256SUMS.sig").unlink()
    (tmp_path / "SHA256SUMS.sig").write_bytes(b"x" * (2 << 20))
    assert "too long for a signature" in causes(verify(tmp_path / "SHA256SUMS", **some))
    with (tmp_path / "SHA256SUMS.sig").open("wb") as file:
        file.truncate(17 << 20)
    assert "more than 16 MiB" in causes(verify(tmp_path / "SHA256SUMS", **some))


def test_paths_start_from_the_working_folder(
    memory: Any, ssh: Ssh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of keys, signatures and files to verify do so, also with a remote manifest."""
    memory.pipe_file("/r/SHA256SUMS", SUMS)
    work, mirror = tmp_path / "work", tmp_path / "work" / "mirror"
    for name, data in FILES.items():
        (mirror / name).parent.mkdir(parents=True, exist_ok=True)
        (mirror / name).write_bytes(data)
    (work / "key.pub").write_bytes(ssh.public.read_bytes())
    (work / "s").write_bytes(ssh.sign(SUMS))
    monkeypatch.chdir(work)
    some: dict[str, Any] = {"trust": "key.pub", "signature": "s", "root": "mirror"}
    assert verify("memory://r/SHA256SUMS", **some).verified == 2
    assert verify("memory://r/SHA256SUMS", only="mirror/a", **some).verified == 1


def test_to_look_for_signatures_can_be_cancelled(memory: Any, ssh: Ssh, tmp_path: Path) -> None:
    """Also where the manifest comes from a store, and its files are here."""
    memory.pipe_file("/r/SHA256SUMS", SUMS)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(CancelledError):
        verify("memory://r/SHA256SUMS", root=tmp_path, trust=ssh.public, cancel=cancel)


def test_files_that_are_signed_one_by_one_are_local(memory: Any, ssh: Ssh) -> None:
    """An address of one is refused with a sentence."""
    memory.pipe_file("/r/a", b"hello")
    with pytest.raises(ValueError, match="must be local"):
        verify_signed("memory://r/a", trust=ssh.public)
