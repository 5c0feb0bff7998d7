"""Sigstore, DSSE, attestations and model signing, with a private instance made here."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hashlib
import importlib
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import checksig
from checksig import (
    CancelledError,
    CancelToken,
    ManifestNotFoundError,
    VerificationError,
    verify,
    verify_signed,
)

WHY = "the package sigstore is missing: pip install checksig[sigstore]"
pytest.importorskip("sigstore", reason=WHY)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from checksig import Report

    Change = Callable[[dict[str, Any]], object]

    Instance = Any


def _load() -> Any:
    path = Path(__file__).resolve().parent.parent / "sigstores.py"
    spec = importlib.util.spec_from_file_location("sigstores", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sigstores = _load()
ec, hashes, serialization = sigstores.ec, sigstores.hashes, sigstores.serialization
ed25519, padding, rsa = (
    cast("Any", importlib.import_module(f"cryptography.hazmat.primitives.asymmetric.{name}"))
    for name in ("ed25519", "padding", "rsa")
)
UNSUPPORTED: Any = importlib.import_module("cryptography.exceptions").UnsupportedAlgorithm
IDENTITY, ISSUER, SLSA = sigstores.IDENTITY, sigstores.ISSUER, sigstores.SLSA
b64, model, pae, statement = sigstores.b64, sigstores.model, sigstores.pae, sigstores.statement

MINUTES = dt.timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be downloaded."""

    def refuse(*_: object) -> None:
        pytest.fail("something is looked up in the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def instance() -> Instance:
    """Return an instance for all tests."""
    return sigstores.Instance()


@pytest.fixture
def root(instance: Instance, tmp_path: Path) -> Path:
    """Return the path of its trusted root."""
    return Path(instance.write_trusted_root(tmp_path / "trusted_root.json"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two files."""
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "a.iso").write_bytes(b"a")
    (folder / "b.iso").write_bytes(b"b")
    return folder


def check(path: Path, trusted: Path, /, **options: Any) -> Report:
    """Verify what is signed by the usual identity, and return the report."""
    known: dict[str, Any] = {
        "identity": IDENTITY,
        "issuer": ISSUER,
        "trusted_root": trusted,
        "check": False,
    }
    try:
        return verify(path, **{**known, **options})
    except ManifestNotFoundError:
        return verify_signed(path, **{**known, **options})


def check_file(path: Path, trusted: Path, /, **options: Any) -> Report:
    """Do the same with a file that is signed itself."""
    known: dict[str, Any] = {"identity": IDENTITY, "issuer": ISSUER, "trusted_root": trusted}
    return verify_signed(path, check=False, **{**known, **options})


def write(path: Path, *bundles: Any) -> Path:
    """Write bundles, one a line, and return the path."""
    path.write_text("\n".join(json.dumps(bundle) for bundle in bundles) + "\n")
    return path


def causes(report: Report) -> str:
    """Return the causes of the bad lines of a report that is not OK."""
    assert not report.ok
    return "\n".join(bad.cause for bad in report.bad_lines)


def sums(folder: Path) -> bytes:
    """Write SHA256SUMS in a folder, and return its content."""
    names = sorted(path.name for path in folder.glob("*.iso"))
    lines = [f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
    (folder / "SHA256SUMS").write_text("".join(lines))
    return (folder / "SHA256SUMS").read_bytes()


@pytest.mark.parametrize("suffix", [".sigstore.json", ".sigstore", ".bundle"])
def test_the_bundle_of_a_manifest(
    instance: Instance, root: Path, folder: Path, suffix: str
) -> None:
    """It is found by its name; the report says who signed when."""
    bundle = write(folder / f"SHA256SUMS{suffix}", instance.sign_file(sums(folder)))
    report = check(folder, root)
    assert report.ok
    assert report.verified == 2
    (manifest,) = report.manifests
    assert manifest.signature == "verified"
    (signer,) = manifest.signers
    assert (signer.format, signer.identity, signer.issuer) == ("sigstore", IDENTITY, ISSUER)
    assert signer.file == str(bundle)
    assert signer.log_index == 1
    assert signer.time == int(instance.now.timestamp())
    assert (
        json.loads(report.to_json())["reports"][0]["manifests"][0]["signers"][0]["issuer"] == ISSUER
    )
    with (folder / "SHA256SUMS").open("ab") as file:
        file.write(b"\n")
    assert "that of another content" in causes(check(folder, root))


def test_a_named_bundle_and_a_manifest_in_memory(
    instance: Instance, root: Path, folder: Path, tmp_path: Path
) -> None:
    """`signature=` names the bundle, wherever it is."""
    bundle = write(tmp_path / "x", instance.sign_file(sums(folder)))
    assert check(folder / "SHA256SUMS", root, signature=bundle).ok
    assert "another content" in causes(check_file(folder / "a.iso", root, signature=bundle))


def test_files_signed_one_by_one(instance: Instance, root: Path, folder: Path) -> None:
    """Each file of a folder must have a bundle, an attestation, or PyPI's form of one."""
    write(folder / "a.iso.sigstore.json", instance.sign_file(b"a"))
    attestation = instance.sign_statement(statement({"b.iso": b"b"}))
    published = write(folder / "b.iso.publish.attestation", sigstores.as_pypi(attestation))
    report = check(folder, root)
    assert report.ok
    assert report.verified == 2
    assert {m.signers[0].predicate for m in report.manifests} == {"", SLSA}
    published.unlink()
    report = check(folder, root)
    assert not report.ok
    assert [each.path for each in report.unlisted] == [str(folder / "b.iso")]
    (folder / "b.iso").unlink()
    (folder / "a.iso").write_bytes(b"A")
    assert "another content" in causes(check(folder, root))


def test_github_attestations(instance: Instance, root: Path, folder: Path) -> None:
    """A bundle a line; the files are hashed by the engine, and the line is named."""
    older = instance.sign_statement(statement({"a.iso": b"a"}), older=True)
    bundles = [older, instance.sign_statement(statement({"b.iso": b"b", "a.iso": b"a"}, SLSA))]
    write(folder / "attestation.jsonl", *bundles)
    report = check(folder, root)
    assert report.ok
    assert report.verified == 3
    assert [signer.predicate for signer in report.manifests[0].signers] == [SLSA, SLSA]
    (folder / "b.iso").write_bytes(b"B")
    report = check(folder, root)
    assert [(each.name, each.line) for each in report.failures] == [("b.iso", 2)]
    other = instance.sign_statement(statement({"b.iso": b"B"}), identity="https://other.example")
    write(folder / "attestation.jsonl", bundles[0], other)
    assert "line 2: not verified: signed by https://other.example" in causes(check(folder, root))
    assert check(folder, root, identity=[IDENTITY, "https://other.example"]).ok


def test_predicate_types(instance: Instance, root: Path, folder: Path) -> None:
    """An unknown one must be allowed by name; others do not count then."""
    made = instance.sign_statement(statement({"a.iso": b"a"}, "https://example.org/mine"))
    write(folder / "attestation.jsonl", made)
    assert "unknown predicate type 'https://example.org/mine'" in causes(check(folder, root))
    assert check(folder, root, predicate_type="https://example.org/mine").ok
    assert "was not asked for" in causes(check(folder, root, predicate_type=SLSA))
    write(folder / "attestation.jsonl", made, instance.sign_statement(statement({"b.iso": b"b"})))
    report = check(folder, root, predicate_type=SLSA)
    assert report.ok
    assert report.verified == 1
    assert "left out" in report.manifests[0].notes[0]
    (folder / "attestation.jsonl").unlink()
    write(folder / "SHA256SUMS.sigstore.json", instance.sign_file(sums(folder)))
    assert "no predicate type" in causes(check(folder, root, predicate_type=SLSA))


def test_a_verdict(instance: Instance, root: Path, folder: Path) -> None:
    """A statement that says that files are good counts, unlike one that says the opposite."""
    good = statement({"a.iso": b"a"}, VERDICT, {"verificationResult": "PASSED"})
    write(folder / "attestation.jsonl", instance.sign_statement(good))
    assert check(folder, root).ok
    bad = statement({"a.iso": b"a"}, VERDICT, {"verificationResult": "FAILED"})
    write(folder / "attestation.jsonl", instance.sign_statement(bad))
    assert "'FAILED'" in causes(check(folder, root, predicate_type=VERDICT))


def test_a_bundle_is_named_itself(instance: Instance, root: Path, folder: Path) -> None:
    """It lists the one file whose name it has, or the subjects of its statement."""
    path = write(folder / "a.iso.sigstore.json", instance.sign_file(b"a"))
    report = check(path, root)
    assert report.ok
    assert [each.name for each in report.results] == ["a.iso"]
    write(path, instance.sign_statement(statement({"a.iso": b"a", "b.iso": b"b"})))
    assert check(path, root).verified == 2
    (folder / "b.iso").write_bytes(b"B")
    assert check(path, root).mismatched == 1


def test_several_trusted_roots(instance: Instance, folder: Path, tmp_path: Path) -> None:
    """`gh attestation trusted-root` writes one a line; those without a log verify nothing."""
    path = write(folder / "a.iso.sigstore.json", instance.sign_file(b"a"))
    own, other = tmp_path / "own.json", tmp_path / "other.json"
    instance.write_trusted_root(own)
    sigstores.Instance().write_trusted_root(other)
    documents = [json.loads(each.read_text()) for each in (other, own)]
    bare: dict[str, Any] = {**documents[0], "tlogs": []}
    several = write(tmp_path / "several.jsonl", bare, *documents)
    assert check(path, several).ok
    assert "certificate chain" in causes(check(path, write(several, bare, documents[0])))
    with pytest.raises(ValueError, match="no trusted root of Sigstore with a transparency log"):
        check(path, write(several, bare))


def test_keys_of_both_kinds(
    instance: Instance, root: Path, folder: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    """With `trust=` too, either kind of signature counts, and signers are counted together."""
    needs("ssh-keygen")
    write(folder / "SHA256SUMS.sigstore.json", instance.sign_file(sums(folder)))
    make = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key")
    sign = ("ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", "key", folder / "SHA256SUMS")
    subprocess.run(make, cwd=tmp_path, check=True, timeout=100)
    options: dict[str, Any] = {"trust": tmp_path / "key.pub"}
    assert check(folder, root, **options).ok
    assert "1 of 2 different trusted signers" in causes(check(folder, root, signers=2, **options))
    subprocess.run(sign, cwd=tmp_path, check=True, capture_output=True, timeout=100)
    report = check(folder, root, signers=2, **options)
    assert report.ok
    assert {signer.format for signer in report.manifests[0].signers} == {"ssh", "sigstore"}
    # Keys of a configuration file would accept what the caller did not ask for.
    config = tmp_path / "checksig.toml"
    config.write_text('trust = "key.pub"\nrequire_trust = true\n')
    assert verify(folder, config=config).ok
    assert check(folder, root, config=config).ok
    (folder / "SHA256SUMS.sigstore.json").unlink()
    assert verify(folder, config=config).ok
    assert not check(folder, root, config=config).ok


@pytest.mark.parametrize("kind", ["ed25519", "p256", "rsa2048"])
def test_one_key_in_two_formats(
    folder: Path, tmp_path: Path, needs: Callable[..., None], kind: str
) -> None:
    """It is one signer, however many formats its signatures have."""
    needs("ssh-keygen")
    key = make_key(kind)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH)
    secret = tmp_path / "k"
    secret.touch(0o600)
    secret.write_bytes(key.private_bytes(*form, serialization.NoEncryption()))
    make = ("ssh-keygen", "-yf", secret)
    public = subprocess.run(make, check=True, capture_output=True, timeout=100).stdout
    content = sums(folder)
    sign = ("ssh-keygen", "-qY", "sign", "-n", "file", "-f", secret, folder / "SHA256SUMS")
    subprocess.run(sign, check=True, capture_output=True, timeout=100)
    digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(content).digest())}
    signature = {"messageDigest": digest, "signature": b64(sign_with(key, content))}
    write(folder / "SHA256SUMS.bundle", keyed({"messageSignature": signature}))
    options: dict[str, Any] = {
        "trust": bytearray(public),
        "key": write_key(tmp_path / "key.pem", key),
        "check": False,
    }
    report = verify(folder, **options)
    assert {signer.format for signer in report.manifests[0].signers} == {"ssh", "key"}
    assert "1 of 2 different trusted signers" in causes(verify(folder, signers=2, **options))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("AAAA"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def _replace_any(value: Any, data: st.DataObject) -> Any:
    """Return a document of which any member or element is replaced or removed."""
    how = data.draw(st.sampled_from(["replace", "remove", "descend", "descend", "descend"]))
    if not isinstance(value, (dict, list)) or not value or how == "replace":
        return data.draw(JSON)
    items: Any = cast("Any", value)
    changed = items.copy()
    places: list[Any] = [*items] if isinstance(value, dict) else [*range(len(items))]
    at = data.draw(st.sampled_from(places))
    if how == "remove":
        changed.pop(at)
    else:
        changed[at] = _replace_any(items[at], data)
    return changed


HOSTILE = {
    "GitHub attestations, `attestation.jsonl`": "attestation.jsonl",
    "model, by a key": "model.sig",
}
"""What is made hostile in the next test, and its file."""


@pytest.fixture(scope="module")
def hostile(
    instance: Instance, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[dict[str, Any]]]:
    """Return documents that sign two files, by the key of the folder `hostile`."""
    made: dict[str, list[dict[str, Any]]] = {}
    for title in HOSTILE:
        path = TAMPERED[title](instance, tmp_path_factory.mktemp("hostile"), HOSTILE_KEY)
        made[title] = [json.loads(line) for line in path.read_text().splitlines()]
    return made


@pytest.mark.parametrize("title", HOSTILE)
@given(data=st.data())
def test_hostile_documents(
    instance: Instance, hostile: dict[str, list[dict[str, Any]]], title: str, data: st.DataObject
) -> None:
    """Whatever a bundle says, it is refused without another error, or says what was signed."""
    documents = list(hostile[title])
    text = "\n".join(map(json.dumps, documents)).encode()
    if data.draw(st.booleans()):
        documents[0] = _replace_any(documents[0], data)
        text = "\n".join(map(json.dumps, documents)).encode()
    else:
        at = data.draw(st.integers(0, 20_000)) % len(text)
        text = text[:at] + data.draw(st.binary(max_size=9)) + text[at + 1 :]
    files = {"a.iso": b"a", "b.iso": b"b"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "dist"
        folder.mkdir()
        for file, content in files.items():
            (folder / file).write_bytes(content)
        (folder / HOSTILE[title]).write_bytes(text)
        root = instance.write_trusted_root(folder.parent / "root.json")
        options: dict[str, Any] = {}
        if title.endswith("by a key"):
            options = {"key": write_key(folder.parent / "key.pem", HOSTILE_KEY)}
            options |= {"trusted_root": None, "identity": None, "issuer": None}
        with contextlib.suppress(ManifestNotFoundError):
            report = check(folder, root, **options)
            listed = {(each.name, each.expected) for each in report.results}
            signed = {(file, hashlib.sha256(files[file]).hexdigest()) for file in files}
            assert not report.ok or listed <= signed


def test_one_verification_changes_no_other(
    instance: Instance, root: Path, folder: Path, tmp_path: Path
) -> None:
    """In threads and one after the other, the results are the same: no state is left."""
    write(folder / "SHA256SUMS.sigstore.json", instance.sign_file(sums(folder)))
    other = Path(sigstores.Instance().write_trusted_root(tmp_path / "other.json"))
    kinds: list[dict[str, Any]] = [
        {},
        {"identity": OTHER},
        {"issuer": "https://example.org"},
        {"trusted_root": other},
        {"predicate_type": SLSA},
        {"identity": [OTHER, IDENTITY]},
    ]

    def found(options: dict[str, Any]) -> tuple[bool, list[str], list[Any]]:
        report = check(folder, root, **options)
        signers = [signer for manifest in report.manifests for signer in manifest.signers]
        return report.ok, [bad.cause for bad in report.bad_lines], signers

    expected = [found(options) for options in kinds]
    assert [ok for ok, _, _ in expected] == [True, False, False, False, False, True]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(found, kinds * 4)) == expected * 4
    assert [found(options) for options in kinds] == expected


def test_settings_of_a_configuration_file(
    instance: Instance, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file names the identity, the issuer and the root; an option replaces all of them."""
    bundle = folder / "SHA256SUMS.sigstore.json"
    write(bundle, instance.sign_file(sums(folder)))
    (tmp_path / "keys").mkdir()
    instance.write_trusted_root(tmp_path / "keys" / "root.json")
    config = tmp_path / "checksig.toml"
    text = f'trusted_root = "keys/root.json"\nissuer = "{ISSUER}"\nrequire_trust = true\n'
    config.write_text(f'{text}identity = ["{OTHER}", "{IDENTITY}"]\n')
    report = verify(folder, config=config)
    assert report.manifests[0].signers[0].identity == IDENTITY
    assert report.configured == ("trusted_root", "issuer", "identity")
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-m", "checksig", "dist"]

    def run(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [*command, *words], capture_output=True, text=True, check=False, timeout=100
        )
        return done.returncode, done.stdout + done.stderr

    code, printed = run()
    assert (code, "checksig.toml: settings used: trusted_root, issuer, identity" in printed) == (
        0,
        True,
    )
    # A part of what the file says about signers could mean something else with an option.
    for words, lacking in (
        (("--identity", IDENTITY), "add --trusted-root FILE"),
        (("--trusted-root", "keys/root.json"), "add --identity TEXT"),
    ):
        code, printed = run(*words)
        assert (code, lacking in printed) == (2, True), printed
    key = make_key("p256")
    write_key(tmp_path / "keys" / "key.pem", key)
    code, printed = run("--key", "keys/key.pem")
    assert code == 1
    assert "expected" not in printed
    code, printed = run("--predicate-type", SLSA)  # only restricts
    assert (code, "has no predicate type" in printed) == (1, True)
    config.write_text(f'{text}identity = "{OTHER}"\n')
    assert "signed by https" in causes(verify(folder, config=config, check=False))
    config.write_text(f'{text}identity = "{IDENTITY}"\npredicate_type = "{SLSA}"\n')
    assert "has no predicate type" in causes(verify(folder, config=config, check=False))
    # A key alone, and files that are signed one by one.
    bundle.unlink()
    (folder / "SHA256SUMS").unlink()
    config.write_text('key = "keys/key.pem"\n')
    write(folder / "x.intoto.jsonl", envelope(key, statement({"a.iso": b"a"})))
    assert verify(folder, config=config).manifests[0].signers[0].format == "key"
    (folder / "x.intoto.jsonl").unlink()
    (folder / "b.iso").unlink()
    write(folder / "a.iso.bundle", keyed({"dsseEnvelope": envelope(key, statement({"a": b"a"}))}))
    assert verify_signed(folder / "a.iso", config=config).configured == ("key",)
    for path in ("dist", "dist/a.iso"):
        command[-1] = path
        assert run()[0] == 0
        (folder / "a.iso").write_bytes(b"A")
        assert run()[0] == 1
        (folder / "a.iso").write_bytes(b"a")


def test_provenance_of_a_manifest(instance: Instance, root: Path, folder: Path) -> None:
    """An attestation with the manifest's digest among its subjects signs the manifest."""
    made = instance.sign_statement(statement({"x": b"", "SHA256SUMS": sums(folder)}))
    write(folder / "SHA256SUMS.sigstore.json", made)
    assert check(folder, root).ok
    sums(folder)
    (folder / "SHA256SUMS").write_bytes((folder / "SHA256SUMS").read_bytes() + b"\n")
    assert "no subject of the statement has this digest" in causes(check(folder, root))


def test_a_model(instance: Instance, root: Path, folder: Path) -> None:
    """Every file must be listed, but for those that the signature leaves out."""
    (folder / "sub").mkdir()
    (folder / "sub" / "c").write_bytes(b"c")
    files = {"a.iso": b"a", "b.iso": b"b", "sub/c": b"c"}
    signature = write(folder / "model.sig", instance.sign_statement(model(files)))
    report = check(folder, root)
    assert report.ok
    assert report.verified == 3
    (folder / "sub" / "new").write_bytes(b"")
    assert "not listed in the model's signature" in causes(check(folder, root))
    ignoring = model(files, ignore_paths=["model.sig", "sub/new", ".git"])
    write(signature, instance.sign_statement(ignoring))
    (folder / ".git").mkdir()
    (folder / ".git" / "x").write_bytes(b"")
    report = check(folder, root)
    assert report.ok
    assert report.manifests[0].notes == ("files that the model's signature leaves out: 2",)
    write(signature, instance.sign_statement(model(files, method="shards")))
    assert 'unknown serialization of the model "shards"' in causes(check(folder, root))
    del files["sub/c"]
    outside = signature.rename(folder.parent / "m.sig")
    write(outside, instance.sign_statement(model(files, ignore_paths=["sub", ".git"])))
    assert check(outside, root, root=folder).ok
    (folder / "b.iso").unlink()
    assert check(outside, root, root=folder).missing == 1
    evil = model({"../m.sig": outside.read_bytes(), "a.iso": b"a"}, ignore_paths=["sub", ".git"])
    write(outside, instance.sign_statement(evil))
    assert check(outside, root, root=folder).refused == 1


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege")
def test_links_in_a_model(instance: Instance, root: Path, folder: Path) -> None:
    """They are refused unless the signature allows them."""
    (folder / "b.iso").unlink()
    (folder / "b.iso").symlink_to("a.iso")
    files = {"a.iso": b"a", "b.iso": b"a"}
    write(folder / "model.sig", instance.sign_statement(model(files)))
    assert "a symbolic link" in causes(check(folder, root))
    write(folder / "model.sig", instance.sign_statement(model(files, allow_symlinks=True)))
    assert check(folder, root).ok


VERDICT = "https://slsa.dev/verification_summary/v1"
OTHER = "https://github.com/example/other/.github/workflows/release.yml@refs/tags/v1"


def duplicate(bundle: dict[str, Any]) -> str:
    """Return a bundle with a member twice."""
    text = json.dumps(bundle)
    return text[:-1] + ', "mediaType": "x"}'


REFUSED: dict[str, tuple[Callable[[Instance], Any], str]] = {
    "wrong identity": (lambda i: i.sign_file(b"a", identity=OTHER), "signed by https"),
    "identity in an address": (
        lambda i: i.sign_file(b"a", identity="release@example.org", email=True),
        "signed by release@example.org",
    ),
    "wrong issuer": (
        lambda i: i.sign_file(b"a", issuer="https://example.org"),
        "for whom https://example.org",
    ),
    "signed after the certificate expired": (
        lambda i: i.sign_file(b"a", time=i.now + 6 * MINUTES),
        "not valid at validation time",
    ),
    "signed before the certificate was valid": (
        lambda i: i.sign_file(b"a", begins=20 * MINUTES),
        "not valid at validation time",
    ),
    "another authority": (lambda _: sigstores.Instance().sign_file(b"a"), "certificate chain"),
    "another file": (lambda i: i.sign_file(b"b"), "that of another content"),
    "digest changed": (
        lambda i: _with(
            i.sign_file(b"b"),
            lambda b: b["messageSignature"]["messageDigest"].update(
                digest=b64(hashlib.sha256(b"a").digest())
            ),
        ),
        "Signature is invalid",
    ),
    "no digest": (
        lambda i: _with(i.sign_file(b"a"), lambda b: b["messageSignature"].pop("messageDigest")),
        "no object",
    ),
    "entry of another signature": (
        lambda i: _with(i.sign_file(b"a"), lambda b: _swap_entry(b, i.sign_file(b"a"))),
        "inconsistent",
    ),
    "proof of another entry": (
        lambda i: _with(i.sign_file(b"a"), lambda b: _swap_proof(b, i.sign_file(b"a"))),
        "inclusion",
    ),
    "no promise": (
        lambda i: _with(
            i.sign_file(b"a"),
            lambda b: b["verificationMaterial"]["tlogEntries"][0].pop("inclusionPromise"),
        ),
        "promise",
    ),
    "no entry": (
        lambda i: _with(
            i.sign_file(b"a"), lambda b: b["verificationMaterial"].update(tlogEntries=[])
        ),
        "log entry",
    ),
    "payload type": (
        lambda i: i.sign_statement(statement({"a.iso": b"a"}), kind="text/plain"),
        "expected a payload of the type",
    ),
    "payload type changed": (
        lambda i: _with(
            i.sign_statement(statement({"a.iso": b"a"}), kind="text/plain"),
            lambda b: b["dsseEnvelope"].update(payloadType=sigstores.IN_TOTO),
        ),
        "DSSE: invalid signature",
    ),
    "subject changed": (
        lambda i: _with(
            i.sign_statement(statement({"a.iso": b"b"})),
            lambda b: b["dsseEnvelope"].update(payload=b64(statement({"a.iso": b"a"}))),
        ),
        "DSSE: invalid signature",
    ),
    "several signatures": (
        lambda i: _with(
            i.sign_statement(statement({"a.iso": b"a"})),
            lambda b: b["dsseEnvelope"]["signatures"].append({"sig": "AAAA"}),
        ),
        "signature",
    ),
    "both kinds": (
        lambda i: {**i.sign_statement(statement({"a.iso": b"a"})), **i.sign_file(b"a")},
        "must be set",
    ),
    "no subject": (lambda i: i.sign_statement(statement([])), "no subject"),
    "unknown statement": (
        lambda i: i.sign_statement(statement({"a.iso": b"a"}).replace(b"Statement/v1", b"x")),
        "unknown type of statements",
    ),
    "unknown predicate": (
        lambda i: i.sign_statement(statement({"a.iso": b"a"}, "x")),
        "unknown predicate type",
    ),
    "a member twice in the statement": (
        lambda i: i.sign_statement(statement({"a.iso": b"a"})[:-1] + b', "subject": [{}]}'),
        "two members with one key",
    ),
    "a member twice in the bundle": (
        lambda i: duplicate(i.sign_file(b"a")),
        "two members with one key",
    ),
    "a failed verification": (
        lambda i: i.sign_statement(
            statement({"a.iso": b"a"}, VERDICT, {"verificationResult": "FAILED"})
        ),
        "verificationResult of the statement is 'FAILED'",
    ),
    "only SHA-1": (
        lambda i: i.sign_statement(
            statement([{"name": "a.iso", "digest": {"sha1": hashlib.sha1(b"a").hexdigest()}}])
        ),
        "no SHA-256",
    ),
    "a bare envelope": (
        lambda i: i.sign_statement(statement({"a.iso": b"a"}))["dsseEnvelope"],
        "only --key",
    ),
    "a bundle of an older cosign": (
        lambda _: {"base64Signature": "AAAA", "cert": "AAAA", "rekorBundle": {}},
        "no Sigstore bundle or attestation",
    ),
    "control characters": (
        lambda i: i.sign_file(b"a", identity="https://x.example/\x1b[31m"),
        r"signed by https://x.example/\x1b[31m,",
    ),
    "not JSON": (lambda _: '{"mediaType":', "not JSON"),
    "nested too deep": (lambda _: '{"a":' + "[" * 100_000, "not JSON"),
}


def _with(bundle: dict[str, Any], change: Change) -> dict[str, Any]:
    change(bundle)
    return bundle


def _swap_entry(bundle: dict[str, Any], other: dict[str, Any]) -> None:
    entries = other["verificationMaterial"]["tlogEntries"]
    bundle["verificationMaterial"]["tlogEntries"] = entries


def _swap_proof(bundle: dict[str, Any], other: dict[str, Any]) -> None:
    entries = other["verificationMaterial"]["tlogEntries"]
    proof = entries[0]["inclusionProof"]
    bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"] = proof


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(instance: Instance, root: Path, folder: Path, name: str) -> None:
    """Each of these bundles signs nothing."""
    make, why = REFUSED[name]
    bundle = make(instance)
    path = folder / "a.iso.sigstore.json"
    path.write_text(bundle if isinstance(bundle, str) else json.dumps(bundle))
    report = check_file(folder / "a.iso", root, signature=path)
    assert report.verified == 0
    assert why in causes(report)


def test_only_weak_digests(instance: Instance, root: Path, folder: Path) -> None:
    """A subject whose digests protect against nothing is a bad line; one with others is not."""
    weak = {"sha1": hashlib.sha1(b"a").hexdigest()}
    strong = {**weak, "sha256": hashlib.sha256(b"a").hexdigest()}
    path = folder / "x.intoto.jsonl"
    made = instance.sign_statement(statement([{"name": "a.iso", "digest": weak}]))
    assert "no digest that protects" in causes(check(write(path, made), root))
    made = instance.sign_statement(statement([{"name": "a.iso", "digest": strong}]))
    assert check(write(path, made), root).ok


def make_key(kind: str) -> Any:
    """Return a private key."""
    curves: dict[str, Any] = {
        "p256": ec.SECP256R1(),
        "p384": ec.SECP384R1(),
        "p521": ec.SECP521R1(),
    }
    if kind in curves:
        return ec.generate_private_key(curves[kind])
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, int(kind[3:]))


def write_key(path: Path, key: Any) -> Path:
    """Write the public key, and return the path."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    path.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
    return path


def sign_with(key: Any, data: bytes, hashed: Any = None) -> bytes:
    """Sign data with any key."""
    hashed = hashed or hashes.SHA256()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return bytes(key.sign(data))
    if isinstance(key, rsa.RSAPrivateKey):
        return bytes(key.sign(data, padding.PKCS1v15(), hashed))
    return bytes(key.sign(data, ec.ECDSA(hashed)))


def keyed(content: dict[str, Any]) -> dict[str, Any]:
    """Return a bundle without a certificate."""
    material: dict[str, Any] = {"publicKey": {"hint": ""}, "tlogEntries": []}
    return {"mediaType": sigstores.BUNDLE, "verificationMaterial": material, **content}


def envelope(key: Any, payload: bytes, hashed: Any = None) -> dict[str, Any]:
    """Return a DSSE envelope."""
    signature = sign_with(key, pae(sigstores.IN_TOTO, payload), hashed)
    return {
        "payloadType": sigstores.IN_TOTO,
        "payload": b64(payload),
        "signatures": [
            {"sig": b64(b"other"), "keyid": ""},
            {"sig": b64(signature), "keyid": "the \x1bkey"},
        ],
    }


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "ed25519", "rsa2048"])
def test_keys(folder: Path, tmp_path: Path, kind: str) -> None:
    """Envelopes and bundles signed with a key, of each kind; one good signature suffices."""
    key = make_key(kind)
    public = write_key(tmp_path / "key.pem", key)
    other = write_key(tmp_path / "other.pem", make_key("p256"))
    payload = statement({"a.iso": b"a", "b.iso": b"b"})
    own = {"p384": hashes.SHA384(), "p521": hashes.SHA512()}.get(kind)
    path = write(folder / "x.intoto.jsonl", envelope(key, payload, own))
    report = verify(path, key=public, check=False)
    assert report.ok
    (signer,) = report.manifests[0].signers
    assert signer.format == "key"
    assert signer.predicate == SLSA
    why = causes(verify(path, key=other, check=False))
    assert (
        "no signature by the key that --key (key=) names; the signature names the \\x1bkey" in why
    )
    write(path, keyed({"dsseEnvelope": envelope(key, payload)}))
    assert verify(path, key=public).verified == 2
    digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(b"a").digest())}
    signature = b64(sign_with(key, b"a"))
    bundle = keyed({"messageSignature": {"messageDigest": digest, "signature": signature}})
    write(folder / "a.iso.sigstore.json", bundle)
    assert verify_signed(folder / "a.iso", key=public).ok
    assert not verify_signed(folder / "a.iso", key=other, check=False)
    (folder / "a.iso").write_bytes(b"A")
    assert "another content" in causes(verify_signed(folder / "a.iso", key=public, check=False))


def test_a_key_and_the_log(instance: Instance, root: Path, folder: Path, tmp_path: Path) -> None:
    """With a trusted root, an entry of the log is demanded, and must be that of the signature."""
    key = make_key("p256")
    public = write_key(tmp_path / "key.pem", key)
    signature = sign_with(key, b"a")
    digest = hashlib.sha256(b"a").digest()
    signed = {"content": b64(signature), "publicKey": {"content": b64(public.read_bytes())}}
    spec = {"data": {"hash": {"algorithm": "sha256", "value": digest.hex()}}, "signature": signed}
    entry = instance.log({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec})
    about = {"algorithm": "SHA2_256", "digest": b64(digest)}
    bundle = keyed({"messageSignature": {"messageDigest": about, "signature": b64(signature)}})
    path = write(folder / "a.iso.sigstore.json", bundle)

    def signed_by_key() -> Report:
        return verify_signed(folder / "a.iso", key=public, trusted_root=root, check=False)

    assert "one entry of the log" in causes(signed_by_key())
    bundle["verificationMaterial"]["tlogEntries"] = [entry]
    write(path, bundle)
    report = signed_by_key()
    assert report.ok
    assert report.manifests[0].signers[0].log_index == 1
    signed["content"] = b64(sign_with(key, b"a"))
    entry = instance.log({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec})
    bundle["verificationMaterial"]["tlogEntries"] = [entry]
    write(path, bundle)
    assert "that of another signature" in causes(signed_by_key())


def test_what_is_missing_or_wrong(root: Path, folder: Path, tmp_path: Path) -> None:
    """An error says what to give, before any file is read."""
    sums(folder)
    cases: tuple[tuple[Any, str], ...] = (
        ({"trusted_root": root}, "add --identity TEXT"),
        ({"identity": "x", "issuer": "y"}, "add --trusted-root FILE"),
        ({"identity": "x", "trusted_root": root}, "add --issuer URL"),
        ({"predicate_type": SLSA}, "add --trusted-root FILE"),
        ({"identity": [], "issuer": "y", "trusted_root": root}, "must not be empty"),
        ({"key": write_key(tmp_path / "p", make_key("rsa1024"))}, "1024 bits is too short"),
        ({"key": root}, "expected one public key"),
        ({"key": root, "identity": "x"}, "either --key, or --identity"),
        ({"trusted_root": __file__, "identity": "x", "issuer": "y"}, "not a trusted root"),
        ({"identity": 1, "issuer": "y", "trusted_root": root}, "identity must be a str"),
        ({"identity": "x", "issuer": 1, "trusted_root": root}, "issuer must be a str"),
    )
    for options, why in cases:
        known: dict[str, Any] = dict(options)
        with pytest.raises((ValueError, TypeError), match=why):
            verify(folder, **known)
    with pytest.raises(FileNotFoundError):
        verify(folder, trusted_root=tmp_path / "none", identity="x", issuer="y")


def test_unsigned_and_other_signatures(instance: Instance, root: Path, folder: Path) -> None:
    """Nothing of an unsigned manifest counts; two signers are two identities."""
    content = sums(folder)
    assert "untrusted manifest" in causes(check(folder, root))
    first = write(folder / "SHA256SUMS.sigstore.json", instance.sign_file(content))
    assert "1 of 2 different trusted signers" in causes(check(folder, root, signers=2))
    write(folder / "SHA256SUMS.bundle", instance.sign_file(content))
    assert "1 of 2 different trusted signers" in causes(check(folder, root, signers=2))
    write(folder / "SHA256SUMS.bundle", instance.sign_file(content, identity=OTHER))
    assert check(folder, root, signers=2, identity=[IDENTITY, OTHER]).ok
    first.unlink()
    (folder / "x.intoto.json").write_bytes(statement({"a.iso": b"a"}))  # not signed
    report = check(folder, root, identity=[IDENTITY, OTHER])
    assert not report.ok
    assert [m.untrusted for m in report.manifests] == [False, True]


def test_unchecked_bundles_are_noted(instance: Instance, folder: Path) -> None:
    """Without an option for it, a note says what checks a bundle."""
    write(folder / "SHA256SUMS.sigstore.json", instance.sign_file(sums(folder)))
    for path in (folder, folder / "SHA256SUMS"):
        (manifest,) = verify(path).manifests
        assert manifest.signature == "not checked"
        assert "--trusted-root FILE" in manifest.notes[0]


def _of_manifest(instance: Instance, folder: Path, _: Any) -> Path:
    return write(folder / "SHA256SUMS.sigstore.json", instance.sign_file(sums(folder)))


def _of_file(instance: Instance, folder: Path, _: Any) -> Path:
    (folder / "b.iso").unlink()
    return write(folder / "a.iso.bundle", instance.sign_file(b"a"))


def _statements(instance: Instance, folder: Path, _: Any) -> Path:
    files = {"a.iso": b"a", "b.iso": b"b"}
    made = [instance.sign_statement(statement({name: files[name]})) for name in files]
    return write(folder / "attestation.jsonl", *made)


def _older(instance: Instance, folder: Path, _: Any) -> Path:
    made = instance.sign_statement(statement({"a.iso": b"a"}), older=True)
    return write(folder / "x.intoto.jsonl", made)


def _published(instance: Instance, folder: Path, _: Any) -> Path:
    (folder / "b.iso").unlink()
    made = instance.sign_statement(statement({"a.iso": b"a"}))
    return write(folder / "a.iso.publish.attestation", sigstores.as_pypi(made))


def _model(instance: Instance, folder: Path, _: Any) -> Path:
    files = {"a.iso": b"a", "b.iso": b"b"}
    return write(folder / "model.sig", instance.sign_statement(model(files)))


def _by_key(_: Instance, folder: Path, key: Any) -> Path:
    return write(folder / "x.intoto.jsonl", signed_envelope(key, statement({"a.iso": b"a"})))


def _model_by_key(_: Instance, folder: Path, key: Any) -> Path:
    made = signed_envelope(key, model({"a.iso": b"a", "b.iso": b"b"}))
    return write(folder / "model.sig", keyed({"dsseEnvelope": made}))


def _file_by_key(_: Instance, folder: Path, key: Any) -> Path:
    (folder / "b.iso").unlink()
    digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(b"a").digest())}
    signature = {"messageDigest": digest, "signature": b64(sign_with(key, b"a"))}
    return write(folder / "a.iso.sigstore.json", keyed({"messageSignature": signature}))


def signed_envelope(key: Any, payload: bytes) -> dict[str, Any]:
    """Return a DSSE envelope with one signature."""
    made = envelope(key, payload)
    return {**made, "signatures": [{"sig": made["signatures"][1]["sig"]}]}


HOSTILE_KEY = make_key("p256")

TAMPERED = {
    "Sigstore bundle of a manifest": _of_manifest,
    "Sigstore bundle of a file": _of_file,
    "GitHub attestations, `attestation.jsonl`": _statements,
    "in-toto statement, older entry of the log": _older,
    "PyPI's attestation (PEP 740)": _published,
    "model, `model.sig`": _model,
    "DSSE envelope, by a key": _by_key,
    "Sigstore bundle of a file, by a key": _file_by_key,
    "model, by a key": _model_by_key,
}
"""What is signed in the next test, by its row in the table of docs/reference/verification.md."""

UNUSED = {"baseUrl", "organization", "commonName", "uri", "keyId"}
"""Members of trusted roots that nothing depends on: what they say about keys is not used."""


@pytest.mark.parametrize("is_thorough", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("title", TAMPERED)
def test_no_tampering_is_accepted(
    instance: Instance, root: Path, folder: Path, tmp_path: Path, title: str, *, is_thorough: bool
) -> None:
    """A change of what is signed, of the bundle, of the key or root, or of a file is never OK."""
    key = make_key("p256")
    signature = TAMPERED[title](instance, folder, key)
    public = write_key(tmp_path / "key.pem", key)
    with_key = title.endswith("by a key")
    options: dict[str, Any] = {"key": public, "trusted_root": None} if with_key else {}
    if with_key:
        options |= {"identity": None, "issuer": None}

    def is_accepted() -> bool:
        try:
            return check(folder, root, **options).ok
        except (ValueError, ManifestNotFoundError):
            return False

    for path in (signature, *(() if with_key else (root,))):
        original = path.read_text()
        for where, changed in _changes(original, is_root=path == root, is_thorough=is_thorough):
            write(path, *changed)
            assert is_accepted() == (not where), where
        path.write_text(original)
    # Bytes of the key, and of everything that is verified.
    for path in (*([public] if with_key else []), *folder.iterdir()):
        if path == signature:
            continue
        data = path.read_bytes()
        for at in range(0, len(data), 1 if is_thorough else 1 + len(data) // 9):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            is_unread = path.name == "b.iso" and b"b.iso" not in signature_payload(signature)
            is_same = path == public and key.public_key() == read_key(path)
            assert is_unread or is_same or not is_accepted(), (path.name, at)
        path.write_bytes(data)
    assert is_accepted()


def _changes(text: str, *, is_root: bool, is_thorough: bool) -> Iterator[tuple[str, list[Any]]]:
    """Yield the documents in a text unchanged, and with each of their strings changed."""
    whole: list[Any] = [json.loads(each) for each in ([text] if is_root else text.splitlines())]
    yield "", whole
    # No timestamps of an authority are used.
    used: list[Any] = [{**whole[0], "timestampAuthorities": []}] if is_root else whole
    for member, old in sorted(set(_strings(used))):
        for at in {0, len(old) // 2, len(old) - 1} if is_thorough else {len(old) // 2}:
            new = old[:at] + ("B" if old[at] != "B" else "C") + old[at + 1 :]
            # A last character of base64 may hold bits that stand for nothing.
            is_slack = old.endswith("=") and at == len(old) - 1
            if not is_slack and not (is_root and (member in UNUSED or is_same_authority(old, new))):
                yield f"{member} {at} {old}", _replaced(whole, old, new)


def read_key(path: Path) -> Any:
    """Return the public key in a file; None if it holds none."""
    try:
        return serialization.load_pem_public_key(path.read_bytes())
    except (ValueError, UNSUPPORTED):
        return None


def is_same_authority(one: str, other: str) -> bool:
    """Whether two certificates have one key: what else a trusted one says is not verified."""
    load = sigstores.x509.load_der_x509_certificate
    try:
        keys = [load(base64.b64decode(each)).public_key() for each in (one, other)]
    except (ValueError, UNSUPPORTED):
        return False
    return bool(keys[0] == keys[1])


def signature_payload(path: Path) -> bytes:
    """Return all that was signed in the envelopes of a file, and its name."""
    found = path.name.encode()
    if path.name.startswith("SHA256SUMS"):
        found += b"b.iso"
    for _, text in _strings([json.loads(line) for line in path.read_text().splitlines()]):
        with contextlib.suppress(ValueError):
            found += base64.b64decode(text)
    return found


DOCUMENTED = Path(__file__).resolve().parents[2] / "docs" / "reference" / "verification.md"


@pytest.mark.skipif(not DOCUMENTED.exists(), reason="the documentation is not next to the tests")
def test_what_is_changed_is_documented() -> None:
    """The table lists exactly what the test above signs."""
    text = DOCUMENTED.read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if "| `test_sigstore.py` |" in line]
    assert [row[0].removeprefix("| ") for row in rows] == list(TAMPERED)


def _strings(value: Any, member: str = "") -> list[tuple[str, str]]:
    """Return the strings in a document, each with the name of its member."""
    if isinstance(value, str):
        return [(member, value)] if value else []
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return [found for name, item in members.items() for found in _strings(item, name)]
    if isinstance(value, list):
        items: Any = cast("Any", value)
        return [found for item in items for found in _strings(item, member)]
    return []


def _replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {key: _replaced(item, old, new) for key, item in members.items()}
    if isinstance(value, list):
        return [_replaced(item, old, new) for item in cast("Iterable[Any]", value)]
    return new if value == old else value


def test_the_command(instance: Instance, root: Path, folder: Path) -> None:
    """The options, what is printed, and the exit code; nothing of a signer controls a terminal."""
    write(folder / "attestation.jsonl", instance.sign_statement(statement({"a.iso": b"a"})))
    command = [sys.executable, "-m", "checksig", str(folder), "--trusted-root", str(root)]

    def run(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [*command, *words], capture_output=True, text=True, check=False, timeout=100
        )
        return done.returncode, done.stdout + done.stderr

    code, text = run("--identity", IDENTITY, "--issuer", ISSUER)
    assert code == 0, text
    assert f"{IDENTITY} of {ISSUER} (sigstore " in text
    assert "log entry 1" in text
    code, text = run("--identity", OTHER, "--issuer", ISSUER)
    assert code == 1
    assert "UNTRUSTED" in text
    code, text = run()
    assert code == 2
    assert "add --identity TEXT (identity=), --issuer URL (issuer=)" in text
    made = instance.sign_statement(statement({"a.iso": b"a"}, "x\x1b[31m"))
    write(folder / "attestation.jsonl", made)
    words = ("--identity", IDENTITY, "--issuer", ISSUER, "--predicate-type", "x\x1b[31m")
    code, text = run(*words)
    assert code == 0, text
    assert "\x1b" not in text


def test_without_the_package(folder: Path, root: Path) -> None:
    """The error says what to install."""
    sums(folder)
    words = [str(folder), "--trusted-root", str(root), "--identity", "x", "--issuer", "y"]
    code = (
        "import sys; sys.modules['sigstore'] = None; sys.modules['sigstore.models'] = None\n"
        f"from checksig.cli import main; sys.exit(main({words!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=100,
    )
    assert done.returncode == 2
    assert 'pip install "checksig[sigstore]"' in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_timestamps(
    instance: Instance,
    root: Path,
    folder: Path,
    tmp_path: Path,
    needs: Callable[..., None],
) -> None:
    """An authority's timestamp of the signature says when it was made, instead of the log."""
    needs("openssl")
    path = folder / "a.iso.sigstore.json"

    def stamped(stamp: str | None, age: int = 0) -> Report:
        made = instance.sign_file(b"a", begins=-age * MINUTES)
        material = made["verificationMaterial"]
        del material["tlogEntries"][0]["inclusionPromise"]
        del material["tlogEntries"][0]["integratedTime"]
        signature = base64.b64decode(made["messageSignature"]["signature"])
        covered = {"own": signature, "other": b"another signature"}.get(stamp or "")
        if covered is not None:
            token = b64(instance.timestamp(covered, tmp_path))
            material["timestampVerificationData"] = {
                "rfc3161Timestamps": [{"signedTimestamp": token}]
            }
        write(path, made)
        return check_file(folder / "a.iso", root, signature=path)

    report = stamped("own")
    assert report.ok
    assert abs((report.manifests[0].signers[0].time or 0) - instance.now.timestamp()) < 300
    assert "promise or signed timestamp" in causes(stamped(None))
    assert "not enough sources of verified time" in causes(stamped("other"))
    assert "not valid at validation time" in causes(stamped("own", age=60))


def test_entries_of_the_newer_log(
    instance: Instance,
    root: Path,
    folder: Path,
    tmp_path: Path,
    needs: Callable[..., None],
) -> None:
    """Rekor 2 has one kind of entry, without a time; its earlier one for envelopes is refused.

    No release of Sigstore has ever asked a client to write ``dsse`` 0.0.2.
    """
    needs("openssl")
    path = folder / "x.intoto.jsonl"
    payload = statement({"a.iso": b"a"})

    def stamped(version: str) -> dict[str, Any]:
        made: dict[str, Any] = instance.sign_statement(payload, version=version)
        signature = base64.b64decode(made["dsseEnvelope"]["signatures"][0]["sig"])
        material = made["verificationMaterial"]
        token = b64(instance.timestamp(signature, tmp_path))
        material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": token}]}
        for member in ("inclusionPromise", "integratedTime"):
            del material["tlogEntries"][0][member]
        return made

    made = stamped("hashedrekord 0.0.2")
    assert check(write(path, made), root).ok
    entries = made["verificationMaterial"]["tlogEntries"]
    other = stamped("hashedrekord 0.0.2")["verificationMaterial"]["tlogEntries"]
    made["verificationMaterial"]["tlogEntries"] = other
    assert "inconsistent" in causes(check(write(path, made), root))
    made["verificationMaterial"]["tlogEntries"] = []
    assert "log entry" in causes(check(write(path, made), root))
    made["verificationMaterial"]["tlogEntries"] = entries
    assert check(write(path, made), root).ok
    why = causes(check(write(path, stamped("dsse 0.0.2")), root))
    assert "Unsupported DSSE log entry type: dsse/0.0.2" in why


def test_many_files_at_once(instance: Instance, root: Path, folder: Path) -> None:
    """Thousands of files are matched with all subjects of all bundles, in one run."""
    files = {f"f{n:04}": b"%d" % n for n in range(2000)}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    names = list(files)
    parts = [dict.fromkeys(names[n : n + 500]) for n in range(0, 2000, 500)]
    bundles = [
        instance.sign_statement(statement({name: files[name] for name in part})) for part in parts
    ]
    write(folder / "attestation.jsonl", *bundles)
    report = check(folder, root)
    assert report.ok
    assert report.verified == 2000
    (folder / "f1999").write_bytes(b"")
    with pytest.raises(VerificationError):
        checksig.verify(folder, trusted_root=root, identity=IDENTITY, issuer=ISSUER)


def test_limits(
    instance: Instance, root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many attestations there are in a file, and how much in all, is bounded."""
    path = folder / "attestation.jsonl"
    bundle = instance.sign_statement(statement({"a.iso": b"a"}))
    write(path, bundle, bundle)
    monkeypatch.setattr("checksig._sigstore._MAX_ATTESTATIONS", 2)
    assert check(path, root).ok
    monkeypatch.setattr("checksig._sigstore._MAX_ATTESTATIONS", 1)
    assert "more than 1 attestations in a file" in causes(check(path, root))
    path.write_bytes(b"{}\n{}\n")  # no attestation, as a manifest in JSON is none
    assert "more than 1 attestations" not in causes(check(path, root))
    write(path, bundle)
    monkeypatch.setattr("checksig._sigstore._MAX_REQUEST", 300)
    with pytest.raises(ValueError, match="verify fewer files at once"):
        check(path, root)


def test_cancelling(instance: Instance, root: Path, folder: Path) -> None:
    """It takes effect before the next attestation is verified."""

    class Impatient(CancelToken):
        looks = 0

        @property
        def cancelled(self) -> bool:
            self.looks += 1
            return self.looks > 5

    bundle = instance.sign_statement(statement({"a.iso": b"a"}))
    path = write(folder / "attestation.jsonl", *[bundle] * 50)
    cancel = Impatient()
    with pytest.raises(CancelledError):
        check(path, root, cancel=cancel)
    assert cancel.looks < 10


GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "verify-a-signed-release.md"


@pytest.mark.skipif(not GUIDE.exists(), reason="the documentation is not next to the tests")
@pytest.mark.parametrize(
    "title", ["Sigstore bundles, as Kubernetes has them", "SLSA provenance", "A signed model"]
)
def test_the_guide(instance: Instance, tmp_path: Path, title: str) -> None:
    """The commands of the guide print what it shows, but for digests, times and days."""
    section = GUIDE.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2]
    block = section.partition("```console\n$ ")[2].partition("\n```")[0]
    command, *lines = block.splitlines()
    instance.write_trusted_root(tmp_path / "trusted_root.json")
    (tmp_path / "kubectl").write_bytes(b"a tool")
    files = {"a.iso": b"the a\n", "b.iso": b"the b\n"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    match title:
        case "SLSA provenance":
            made = instance.sign_statement(statement(files))
            write(tmp_path / "attestation.jsonl", made)
        case "A signed model":
            key = make_key("p256")
            write_key(tmp_path / "signer.pem", key)
            (tmp_path / "trusted_root.json").unlink()
            (tmp_path / "kubectl").unlink()
            payload = model(files, ignore_paths=["model.sig", "signer.pem"])
            write(tmp_path / "model.sig", keyed({"dsseEnvelope": envelope(key, payload)}))
        case _:
            about = {"identity": "release@k8s.example", "issuer": "https://accounts.google.com"}
            made = instance.sign_file(b"a tool", email=True, **about)
            write(tmp_path / "kubectl.sigstore.json", made)
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout
    found = [_without_values(line) for line in done.stdout.splitlines()]
    shown = [_without_values(line) for line in lines]
    assert [line for line in found if not line.startswith("NOTE")] == shown


def _without_values(line: str) -> str:
    line = re.sub(r"[0-9a-f]{64}", "DIGEST", line)
    line = re.sub(r"\d{4}-\d\d-\d\d", "DAY", line)
    return re.sub(r"\(\d+ B in .*", "", line)
