"""Manifests that must be signed: keys and signatures are made by the tools that publishers use."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from checksig import (
    BadLine,
    ManifestNotFoundError,
    Signer,
    VerificationError,
    iter_verify,
    keys,
    verify,
    verify_signed,
)
from checksig._signed import BUNDLE_SUFFIXES, SIGNATURE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checksig import Report

    Run = Callable[..., subprocess.CompletedProcess[str]]

FILES = {"a.iso": b"a", "b.iso": b"b"}


def run_tool(*words: object) -> bytes:
    """Run a tool that must succeed, and return its output."""
    done = subprocess.run(list(map(str, words)), capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


class GPG:
    """A GnuPG of its own, with a key for each user."""

    def __init__(self, home: str) -> None:
        self.home = home

    def __call__(self, *words: object) -> bytes:
        """Run gpg."""
        common = ("--batch", "--quiet", "--yes", "--pinentry-mode", "loopback", "--passphrase", "")
        return run_tool("gpg", "--homedir", self.home, *common, *words)

    def key(self, user: str) -> bytes:
        """Make a key, and return its certificate."""
        self("--quick-gen-key", user, "ed25519", "sign", "never")
        return self("--armor", "--export", user)


@pytest.fixture(scope="module")
def gpg(needs: Callable[..., None]) -> Iterator[GPG]:
    """Return a GnuPG without keys."""
    needs("gpg")
    home = tempfile.mkdtemp()  # its path must be short, because of a socket
    yield GPG(home)
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
    shutil.rmtree(home, ignore_errors=True)


class Signed(NamedTuple):
    """How a tool signs a manifest."""

    format: str
    suffix: str
    """What the signature's name ends in; the manifest itself has that name if it is embedded."""
    needs: str
    embedded: bool = False
    manifest: str = "SHA256SUMS"


KINDS = {
    "pgp": Signed("pgp", ".gpg", "gpg"),
    "pgp armored": Signed("pgp", ".asc", "gpg"),
    "pgp clear": Signed("pgp", ".asc", "gpg", embedded=True),
    "signify": Signed("signify", ".sig", "signify-openbsd"),
    "signify embedded": Signed("signify", ".sig", "signify-openbsd", embedded=True),
    "minisign": Signed("minisign", ".minisig", "minisign"),
    "ssh": Signed("ssh", ".sshsig", "ssh-keygen"),
}


TAMPERED = {
    "OpenPGP, detached, binary": "pgp",
    "OpenPGP, detached, armored": "pgp armored",
    "OpenPGP, clear-signed": "pgp clear",
    "Debian, `Release` and `Release.gpg`": "pgp release",
    "Debian, `InRelease`": "pgp inrelease",
    "signify, detached": "signify",
    "signify, embedded": "signify embedded",
    "minisign, prehashed": "minisign",
    "minisign, of the file itself": "minisign legacy",
    "SSH": "ssh",
    "SSH, certificate of an authority": "ssh certificate",
}
"""What is signed in the tests, by its row in the table of docs/reference/verification.md."""

MORE_KINDS = {
    **KINDS,
    "pgp release": Signed("pgp", ".gpg", "gpg", manifest="Release"),
    "pgp inrelease": Signed("pgp", "", "gpg", embedded=True, manifest="InRelease"),
    "minisign legacy": Signed("minisign", ".minisig", "minisign"),
    "ssh certificate": Signed("ssh", ".sshsig", "ssh-keygen"),
}


class Release(NamedTuple):
    """A folder with files, a manifest and its signature; and the key, in a file outside."""

    folder: Path
    manifest: Path
    signature: Path
    key: Path
    kind: Signed


@pytest.fixture
def sign(
    tmp_path: Path, needs: Callable[..., None], request: pytest.FixtureRequest
) -> Callable[[str], Release]:
    """Return a function that signs a release as the kind says."""

    def sign(name: str) -> Release:
        kind = MORE_KINDS[name]
        needs(kind.needs)
        folder, keys = tmp_path / "release", tmp_path / "keys"
        folder.mkdir()
        keys.mkdir()
        for file, content in FILES.items():
            (folder / file).write_bytes(content)
        digests = {file: hashlib.sha256(content).hexdigest() for file, content in FILES.items()}
        lines = [f"{digest}  {file}\n" for file, digest in digests.items()]
        if kind.manifest != "SHA256SUMS":
            lines = ["Suite: stable\nSHA256:\n"]
            lines += [f" {digest} {len(FILES[file])} {file}\n" for file, digest in digests.items()]
        plain = folder / ("SHA256SUMS" if kind.embedded else kind.manifest)
        plain.write_text("".join(lines))
        signature, key, secret = folder / (kind.manifest + kind.suffix), keys / "k.pub", keys / "k"
        match name.split(maxsplit=1)[0]:
            case "pgp":
                gpg: GPG = request.getfixturevalue("gpg")
                user = f"{name.replace(' ', '-')}-{os.urandom(4).hex()}@example.org"
                key.write_bytes(gpg.key(user))
                how = "--clearsign" if kind.embedded else "-ab" if "armored" in name else "-b"
                gpg("-u", user, "-o", signature, how, plain)
            case "signify":
                run_tool("signify-openbsd", "-Gn", "-p", key, "-s", keys / "k.sec")
                embedded = ["-e"] if kind.embedded else []
                what = ("-s", keys / "k.sec", "-m", plain, "-x", signature)
                run_tool("signify-openbsd", "-S", *embedded, *what)
            case "minisign":
                run_tool("minisign", "-GW", "-p", key, "-s", secret)
                legacy = ["-l"] if "legacy" in name else []
                run_tool("minisign", "-S", *legacy, "-s", secret, "-m", plain, "-x", signature)
            case _:
                run_tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me", "-f", secret)
                used = secret
                if "certificate" in name:
                    authority, used = keys / "authority", keys / "k-cert.pub"
                    run_tool("ssh-keygen", "-qt", "ed25519", "-N", "", "-f", authority)
                    run_tool("ssh-keygen", "-qs", authority, "-I", "id", "-n", "me", key)
                    public = (keys / "authority.pub").read_text()
                    key = keys / "allowed_signers"
                    key.write_text(f"me cert-authority {public}")
                run_tool("ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", used, plain)
                (folder / "SHA256SUMS.sig").rename(signature)
        if kind.embedded:
            plain.unlink()
        manifest = signature if kind.embedded else plain
        return Release(folder, manifest, signature, key, kind)

    return sign


each_kind = pytest.mark.parametrize("name", KINDS)


def refused(path: object, *, why: str = "", **options: Any) -> Report:
    """Verify what must be refused as untrusted, and return the report."""
    report = verify(path, check=False, **options)  # type: ignore[arg-type]
    assert not report.ok
    assert not report.verified
    assert not report.entries
    assert [(bad.code, bad.line) for bad in report.bad_lines] == [(5, 0)] * len(report.manifests)
    assert report.bad_lines[0].cause.startswith("untrusted manifest, nothing of it counts: ")
    assert why in report.bad_lines[0].cause
    assert all(m.untrusted and m.signature == "not trusted" for m in report.manifests)
    assert not any(m.signers for m in report.manifests)
    return report


@each_kind
def test_a_signed_manifest(name: str, sign: Callable[[str], Release]) -> None:
    """It is verified in its folder and by its name; the report says who signed it."""
    release = sign(name)
    for path in (release.folder, release.manifest):
        report = verify(path, trust=release.key)
        assert report.verified == len(FILES)
        (manifest,) = report.manifests
        assert manifest.signature == "verified"
        (signer,) = manifest.signers
        assert signer.format == release.kind.format
        assert signer.file == (None if release.kind.embedded else str(release.signature))
        assert signer.fingerprint
        assert signer.identity
        assert not manifest.unchecked
        assert not manifest.untrusted


@each_kind
def test_lines_are_those_of_the_file(name: str, sign: Callable[[str], Release]) -> None:
    """Whether signatures are checked makes no difference to the entries and their lines."""
    release = sign(name)
    checked = verify(release.manifest, trust=release.key).results
    assert checked == verify(release.manifest).results
    lines = release.manifest.read_text(encoding="latin-1").splitlines()
    assert all(result.expected in lines[result.line - 1] for result in checked)


@each_kind
def test_another_key(name: str, sign: Callable[[str], Release], run: Run, tmp_path: Path) -> None:
    """Nothing counts that another key has signed, of the same kind or of another one; it is named.

    Whoever wants to look for the key needs its ID.
    """
    release = sign(name)
    first = release.key.read_bytes()
    shutil.rmtree(release.folder)
    shutil.rmtree(tmp_path / "keys")
    release = sign(name)
    report = verify(release.folder, trust=[bytearray(first), release.key])
    (signer,) = report.manifests[0].signers
    key = signer.key if signer.format in {"signify", "minisign"} else signer.fingerprint
    why = f"signed by a key that is not trusted: {signer.format} {key}"
    refused(release.folder, trust=bytearray(first), why=why)
    if name != "ssh":
        return
    other = tmp_path / "other.pub"
    other.write_bytes(first)
    for words in (("-q",), ("--json",), ("--junit", "-", "-q"), ("--html", "-", "-q")):
        done = run("--trust", other, release.folder, *words)
        assert (done.returncode, why in done.stdout + done.stderr) == (1, True), done.stdout
    verify(release.folder, trust=memoryview(release.key.read_bytes()))


@pytest.mark.parametrize("steps", [40, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("title", TAMPERED)
def test_no_tampering_is_accepted(title: str, steps: int, sign: Callable[[str], Release]) -> None:
    """A change of the manifest, of the signature, of the key or of a file is never OK."""
    release = sign(TAMPERED[title])
    file = release.folder / "a.iso"
    signed = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    for path in {release.manifest, release.signature, release.key, file}:
        original = path.read_bytes()
        changes = [bytearray(original[:-5]), bytearray(b""), bytearray(original + b"x")]
        for at in range(0, len(original), 1 + len(original) // steps):
            changed = bytearray(original)
            changed[at] ^= 1
            changes.append(changed)
        for changed in changes:
            path.write_bytes(changed)
            try:
                report = verify(release.folder, trust=release.key, check=False)
            except (ValueError, ManifestNotFoundError):
                assert path in {release.key, release.manifest}
                continue
            # Comments, headers of the armor and text after a key are not signed, and not used.
            listed = {result.name: result.expected for result in report.results}
            assert not report.ok or (path != file and listed == signed), (path.name, changed)
        path.write_bytes(original)
    assert verify(release.folder, trust=release.key)


def test_one_verification_changes_no_other(sign: Callable[[str], Release], tmp_path: Path) -> None:
    """In threads and one after the other, the results are the same: no state is left."""
    release = sign("ssh")
    other = tmp_path / "other"
    run_tool("ssh-keygen", "-qt", "ed25519", "-N", "", "-f", other)
    unsigned = bytearray(release.manifest.read_bytes())
    kinds: list[tuple[Any, dict[str, Any]]] = [
        (release.folder, {"trust": release.key}),
        (release.folder, {"trust": other.with_suffix(".pub")}),
        (release.manifest, {"trust": [release.key, other.with_suffix(".pub")]}),
        (release.folder, {"trust": release.key, "signers": 2}),
        (release.folder, {"trust": release.key, "namespace": "git"}),
        (release.manifest, {"trust": release.key, "signature": release.key}),
        (unsigned, {"trust": release.key, "root": release.folder}),
        (release.folder, {}),
    ]

    def found(kind: tuple[Any, dict[str, Any]]) -> tuple[bool, list[str], list[Any]]:
        path, options = kind
        report = verify(path, check=False, **options)
        signers = [signer for manifest in report.manifests for signer in manifest.signers]
        return report.ok, [bad.cause for bad in report.bad_lines], signers

    expected = [found(kind) for kind in kinds]
    good = (True, False, True, False, False, False, False, True)
    assert tuple(ok for ok, _, _ in expected) == good
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(found, kinds * 25)) == expected * 25
    assert [found(kind) for kind in kinds] == expected


DOCUMENTED = Path(__file__).resolve().parents[2] / "docs" / "reference" / "verification.md"


@pytest.mark.skipif(not DOCUMENTED.exists(), reason="the documentation is not next to the tests")
def test_what_is_changed_is_documented() -> None:
    """The table lists exactly what the test above signs."""
    text = DOCUMENTED.read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if "| `test_trust.py` |" in line]
    assert [row[0].removeprefix("| ") for row in rows] == list(TAMPERED)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if not kind.embedded])
def test_signature_of_another_name(name: str, sign: Callable[[str], Release]) -> None:
    """It is used if it is named, and not found otherwise."""
    release = sign(name)
    moved = release.folder.parent / "elsewhere"
    release.signature.rename(moved)
    refused(release.folder, trust=release.key, why="no signature")
    assert verify(release.manifest, trust=release.key, signature=moved)
    with pytest.raises(ValueError, match="name the manifest, not its folder"):
        verify(release.folder, trust=release.key, signature=moved)
    refused(release.manifest, trust=release.key, signature=release.key, why="k.pub")
    refused(release.manifest, trust=release.key, signature="none", why="cannot be read")
    content = bytearray(release.manifest.read_bytes())
    report = verify(content, root=release.folder, trust=release.key, signature=moved)
    assert report.verified == len(FILES)


@pytest.mark.parametrize("name", ["pgp clear", "signify embedded"])
def test_a_signed_message_in_memory(name: str, sign: Callable[[str], Release]) -> None:
    """Only what is inside counts, as in a file."""
    release = sign(name)
    content = bytearray(release.manifest.read_bytes())
    assert verify(content, root=release.folder, trust=release.key).verified == len(FILES)
    content += b"0" * 64 + b"  evil\n"
    refused(content, root=release.folder, trust=release.key)


def test_an_unsigned_manifest_beside_a_signed_one(sign: Callable[[str], Release]) -> None:
    """Every manifest must be signed: nothing of the other one counts, and the result is not OK."""
    release = sign("ssh")
    (release.folder / "MD5SUMS").write_text(f"{hashlib.md5(b'a').hexdigest()}  a.iso\n")
    report = verify(release.folder, trust=release.key, check=False)
    assert not report.ok
    assert report.verified == len(FILES)
    assert {result.algorithm for result in report.results} == {"sha256"}
    assert [bad.manifest for bad in report.bad_lines] == [str(release.folder / "MD5SUMS")]
    assert "1 untrusted manifest" in report.summary()
    (release.folder / "MD5SUMS").unlink()
    deep = release.folder / "deep"
    deep.mkdir()
    (deep / "SHA256SUMS").write_bytes(release.manifest.read_bytes())
    assert not verify(release.folder, recursive=True, trust=release.key, check=False).ok
    shutil.copy(release.signature, deep)
    shutil.copy(release.folder / "a.iso", deep)
    shutil.copy(release.folder / "b.iso", deep)
    assert verify(release.folder, recursive=True, trust=release.key).verified == 2 * len(FILES)


def test_iter_verify(sign: Callable[[str], Release]) -> None:
    """An untrusted manifest is an item that is not ok."""
    release = sign("minisign")
    items = list(iter_verify(release.folder, trust=release.key))
    assert len(items) == len(FILES)
    assert all(item.ok for item in items)
    release.signature.unlink()
    (item,) = iter_verify(release.folder, trust=release.key)
    assert isinstance(item, BadLine)
    assert not item.ok
    with pytest.raises(VerificationError, match="untrusted manifest"):
        verify(release.folder, trust=release.key)


def test_several_signers(sign: Callable[[str], Release], tmp_path: Path) -> None:
    """With signers=2, different keys must have signed; one key twice is not enough."""
    release = sign("ssh")
    first = release.key.read_bytes()
    options: dict[str, Any] = {"trust": release.key, "signers": 2}
    shutil.copy(release.signature, release.folder / "SHA256SUMS.sig")
    refused(release.folder, **options, why="1 of 2 different trusted signers")
    secret = tmp_path / "second"
    run_tool("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", secret)
    (release.folder / "SHA256SUMS.sig").unlink()
    run_tool("ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", secret, release.manifest)
    refused(release.folder, **options, why="1 of 2 different trusted signers")
    both = bytearray(first + (tmp_path / "second.pub").read_bytes())
    report = verify(release.folder, trust=both, signers=2)
    assert len({signer.fingerprint for signer in report.manifests[0].signers}) == 2
    pin = report.manifests[0].signers[0].fingerprint
    assert verify(release.folder, trust=both, trust_fingerprint=pin)
    refused(release.folder, trust=both, trust_fingerprint=pin, signers=2, why="1 of 2")
    with pytest.raises(ValueError, match="no fingerprint"):
        verify(release.folder, trust=both, trust_fingerprint="0123ABCD")


def test_ssh_namespace(sign: Callable[[str], Release]) -> None:
    """Only signatures for the namespace count, which is "file" unless another one is named."""
    release = sign("ssh")
    refused(release.folder, trust=release.key, namespace="git", why='instead of "git"')
    release.signature.unlink()
    secret = release.key.with_suffix("")
    run_tool("ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", secret, release.manifest)
    refused(release.folder, trust=release.key, why='"git" instead of "file"')
    assert verify(release.folder, trust=release.key, namespace="git")


def test_key_files_that_cannot_be_used(sign: Callable[[str], Release], tmp_path: Path) -> None:
    """A key file that is missing, or holds no public key, is an error: never less is demanded."""
    release = sign("ssh")
    with pytest.raises(FileNotFoundError, match="none"):
        verify(release.folder, trust=tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="none"):
        verify(release.folder, trust=[release.key, tmp_path / "none"])
    with pytest.raises(ValueError, match="holds a private key"):
        verify(release.folder, trust=release.key.with_suffix(""))
    with pytest.raises(ValueError, match="not a file of keys: holds no public key"):
        verify(release.folder, trust=bytearray())
    with pytest.raises(ValueError, match="not a file of keys: not a regular file"):
        verify(release.folder, trust=tmp_path)
    lonely: list[dict[str, Any]] = [{"signers": 1}, {"signature": "x"}, {"namespace": "x"}]
    for option in lonely:
        with pytest.raises(ValueError, match="needs keys: --trust FILE"):
            verify(release.folder, **option)
    with pytest.raises(ValueError, match="needs keys: --trust FILE"):
        verify(release.folder, trust_fingerprint="x")
    demanding_nothing: list[dict[str, Any]] = [{"trust": []}, {"trust": ""}, {"trust": ()}]
    for empty_option in demanding_nothing:
        with pytest.raises(ValueError, match="trust must not be empty"):
            verify(release.folder, **empty_option)
    with pytest.raises(ValueError, match="trust_fingerprint must not be empty"):
        verify(release.folder, trust=release.key, trust_fingerprint=[])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ManifestNotFoundError):
        verify(empty, trust=release.key)


def test_relative_paths(
    sign: Callable[[str], Release], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Key files and signatures start from the working folder."""
    release = sign("minisign")
    monkeypatch.chdir(tmp_path)
    assert verify(release.manifest, trust="keys/k.pub")
    assert verify(
        release.manifest, trust="keys/k.pub", signature="release/SHA256SUMS.minisig"
    ).verified


def test_a_compressed_manifest(sign: Callable[[str], Release]) -> None:
    """The bytes of the file are what is signed, before they are decompressed."""
    import gzip

    release = sign("ssh")
    packed = release.folder / "SHA256SUMS.gz"
    packed.write_bytes(gzip.compress(release.manifest.read_bytes()))
    release.manifest.unlink()
    release.signature.unlink()
    secret = release.key.with_suffix("")
    run_tool("ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", secret, packed)
    assert verify(release.folder, trust=release.key).verified == len(FILES)


def test_names_in_a_signed_manifest_are_not_trusted(
    sign: Callable[[str], Release], tmp_path: Path
) -> None:
    """A signature does not allow what no manifest may do: names that lead outside are refused."""
    release = sign("ssh")
    (tmp_path / "outside").write_bytes(b"a")
    release.manifest.write_text(f"{hashlib.sha256(b'a').hexdigest()}  ../outside\n")
    release.signature.unlink()
    secret = release.key.with_suffix("")
    run_tool("ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", secret, release.manifest)
    report = verify(release.folder, trust=release.key, check=False)
    assert report.manifests[0].signature == "verified"
    assert report.unreadable == 1


@pytest.mark.parametrize("kind", ["bag", "OCFL object", "OCI layout"])
def test_an_unsigned_structure(kind: str, sign: Callable[[str], Release], tmp_path: Path) -> None:
    """Its manifests must be signed like all others."""
    release = sign("ssh")
    folder = tmp_path / "structure"
    folder.mkdir()
    listed = folder / "manifest-sha256.txt"
    if kind == "bag":
        (folder / "bagit.txt").write_text(
            "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
        )
        (folder / "data").mkdir()
        (folder / "data" / "a").write_bytes(b"a")
        listed.write_text(f"{hashlib.sha256(b'a').hexdigest()}  data/a\n")
        assert verify(folder)
    elif kind == "OCFL object":
        (folder / "0=ocfl_object_1.1").write_text("ocfl_object_1.1\n")
        (folder / "inventory.json").write_text("{}")
    else:
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (folder / "index.json").write_text('{"schemaVersion": 2, "manifests": []}')
    report = verify(folder, trust=release.key, check=False)
    assert not report.ok
    assert not report.verified
    if kind == "bag":
        secret = release.key.with_suffix("")
        run_tool("ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", secret, listed)
        assert verify(folder, trust=release.key).manifests[0].signature == "verified"
        (folder / "bagit.txt").write_text(
            "BagIt-Version: 1.0\nTag-File-Character-Encoding: ISO-8859-1\n"
        )
        report = verify(folder, trust=release.key, check=False)
        assert not report.ok
        assert not report.entries
        assert "its encoding is named by a file that is not signed" in report.bad_lines[0].cause


def test_unchecked_signatures_are_noted(sign: Callable[[str], Release]) -> None:
    """Without trust, each signature next to a manifest is noted, and the result is the same."""
    release = sign("minisign")
    (release.folder / "SHA256SUMS.asc").write_text("-----BEGIN PGP SIGNATURE-----\n")
    (release.folder / "unrelated.asc").write_text("x")
    expected = tuple(str(release.folder / f"SHA256SUMS.{end}") for end in ("asc", "minisig"))
    for path in (release.folder, release.manifest):
        report = verify(path)
        (manifest,) = report.manifests
        assert manifest.unchecked == expected
        assert manifest.signature == "not checked"
        notes = [note for note in manifest.notes if "was not checked: --trust FILE" in note]
        assert len(notes) == len(expected)
        assert report.verified == len(FILES)
    release.signature.unlink()
    (release.folder / "SHA256SUMS.asc").unlink()
    assert not verify(release.folder).manifests[0].signature


@pytest.mark.parametrize("name", ["pgp", "pgp armored", "signify", "minisign", "ssh"])
def test_files_signed_one_by_one(name: str, sign: Callable[[str], Release]) -> None:
    """A file is verified by the signature next to it, and any change is found."""
    release = sign(name)
    file, content = release.manifest, release.manifest.read_bytes()
    report = verify_signed(file, trust=release.key)
    assert report.ok
    assert report.verified == 1
    (result,) = report.results
    assert result.path == str(file)
    assert (result.algorithm, result.expected) == ("sha256", hashlib.sha256(content).hexdigest())
    assert result.found == result.expected
    (manifest,) = report.manifests
    assert (manifest.path, manifest.format) == (str(release.signature), "signature")
    assert manifest.signature == "verified"
    for at in range(0, len(content), 11):
        changed = bytearray(content)
        changed[at] ^= 1
        file.write_bytes(changed)
        report = verify_signed(file, trust=release.key, check=False)
        assert not report.ok
        assert not report.entries
        assert report.manifests[0].untrusted
    file.write_bytes(content + b"x")
    with pytest.raises(VerificationError, match="invalid"):
        verify_signed(file, trust=release.key)
    file.write_bytes(content)
    moved = release.signature.rename(release.folder.parent / "moved")
    assert verify_signed(file, trust=release.key, signature=moved).results[0].path == str(file)
    with pytest.raises(VerificationError, match="no signature"):
        verify_signed(file, trust=release.key)
    file.unlink()
    with pytest.raises(FileNotFoundError):
        verify_signed(file, trust=release.key)


def test_a_folder_of_signed_files(sign: Callable[[str], Release], run: Run) -> None:
    """Every file in it must be signed; one whose signature was removed is a failure."""
    release = sign("ssh")
    release.manifest.unlink()
    release.signature.unlink()
    secret = release.key.with_suffix("")
    for name in FILES:
        what = ("-n", "file", "-f", secret, release.folder / name)
        run_tool("ssh-keygen", "-q", "-Y", "sign", *what)
    report = verify_signed(release.folder, trust=release.key)
    assert report.verified == len(FILES)
    done = run("--trust", release.key, release.folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("SIGNED") == len(FILES)
    assert run("--trust", release.key, release.folder / "a.iso").returncode == 0
    (release.folder / "a.iso.sig").unlink()
    report = verify_signed(release.folder, trust=release.key, check=False)
    assert not report.ok
    assert [extra.path for extra in report.unlisted] == [str(release.folder / "a.iso")]
    done = run("--trust", release.key, release.folder)
    assert done.returncode == 2
    assert "a.iso: it has no signature next to it" in done.stderr
    assert run("--trust", release.key, release.folder / "a.iso").returncode == 2
    deep = release.folder / "deep"
    deep.mkdir()
    (release.folder / "a.iso").rename(deep / "a.iso")
    assert verify_signed(release.folder, trust=release.key).verified == 1
    assert not verify_signed(release.folder, trust=release.key, recursive=True, check=False).ok
    (release.folder / "b.iso.sig").unlink()
    with pytest.raises(ManifestNotFoundError):
        verify_signed(release.folder, trust=release.key)
    assert run("--trust", release.key, release.folder).returncode == 2


def sign_files(release: Release) -> None:
    """Sign the files of a release one by one, and remove its manifest."""
    release.manifest.unlink()
    release.signature.unlink()
    for name in FILES:
        what = ("-n", "file", "-f", release.key.with_suffix(""), release.folder / name)
        run_tool("ssh-keygen", "-q", "-Y", "sign", *what)


def test_no_demand_is_ignored_without_a_manifest(sign: Callable[[str], Release], run: Run) -> None:
    """Options that only manifests can fulfil are errors for files that are signed one by one."""
    release = sign("ssh")
    sign_files(release)
    trust = ("--trust", release.key)
    for path in (release.folder, release.folder / "a.iso"):
        assert run(*trust, path).returncode == 0
        for option in (
            ("--only", release.folder / "missing"),
            ("--include", "*.iso"),
            ("--min-strength", "sha512"),
            ("--root", release.key.parent),
        ):
            done = run(*trust, *option, path)
            assert done.returncode == 2, done.stdout
            assert f"{option[0]} is for manifests" in done.stderr


def test_a_signature_of_a_signature_is_a_file(sign: Callable[[str], Release]) -> None:
    """Nobody verifies a file that is named like the signature of another signature."""
    release = sign("ssh")
    sign_files(release)
    assert verify_signed(release.folder, trust=release.key)
    evil = release.folder / "a.iso.sig.asc"
    evil.write_bytes(b"evil")
    report = verify_signed(release.folder, trust=release.key, check=False)
    assert [file.path for file in report.unlisted] == [str(evil)]
    assert not report


def test_a_name_excuses_no_unlisted_file(sign: Callable[[str], Release]) -> None:
    """A file that is called like a manifest, and was not read, is one that nobody has signed."""
    release = sign("ssh")
    deep = release.folder / "deep"
    deep.mkdir()
    names = ("SHA256SUMS", "SHA256SUMS.asc")
    for name in names:
        (deep / name).write_bytes(b"evil")
    report = verify(release.folder, trust=release.key, extra="fail", check=False)
    assert sorted(file.path for file in report.unlisted) == [str(deep / name) for name in names]
    assert not report


@each_kind
def test_keys(name: str, sign: Callable[[str], Release], run: Run) -> None:
    """The keys in a file are listed, as a signer that they verify is reported."""
    release = sign(name)
    (key,) = keys(release.key)
    assert (key,) == keys(bytearray(release.key.read_bytes()))
    (signer,) = verify(release.folder, trust=release.key).manifests[0].signers
    assert (key.format, key.fingerprint) == (signer.format, signer.fingerprint)
    assert signer.identity in key.names
    assert key.problem is None
    assert not key.authority
    done = run("keys", release.key)
    assert done.returncode == 0
    assert done.stdout.startswith(f"{key.format} {key.algorithm} {key.fingerprint}")
    assert f"    {key.names[0]}\n" in done.stdout
    done = run("keys", release.key, release.folder / "a.iso", "none")
    assert done.returncode == 2
    assert done.stdout.startswith(key.format)
    assert "not a file of keys" in done.stderr
    assert done.stderr.endswith("checksig: none: No such file or directory\n")


def test_one_file_by_an_untrusted_manifest(sign: Callable[[str], Release], run: Run) -> None:
    """The reason is that the manifest is not trusted, not that it does not list the file."""
    release = sign("ssh")
    release.manifest.write_bytes(release.manifest.read_bytes() + b"\n")
    done = run("--trust", release.key, release.folder / "a.iso")
    assert (done.returncode, done.stderr) == (1, "")
    assert "untrusted manifest, nothing of it counts" in done.stdout
    assert "FAILED" in done.stdout


def test_a_digest_is_not_signed(sign: Callable[[str], Release], run: Run) -> None:
    """--trust with a digest on the command line is an error, as it would demand nothing."""
    release = sign("ssh")
    done = run("--trust", release.key, release.folder / "a.iso", hashlib.sha256(b"a").hexdigest())
    assert done.returncode == 2
    assert "a digest on the command line has no signature" in done.stderr


def test_a_large_signed_file(sign: Callable[[str], Release], tmp_path: Path) -> None:
    """It is read in pieces; a signature of the file itself is refused for large ones."""
    release = sign("minisign")
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate((64 << 20) + 1)
    secret = release.key.with_suffix("")
    run_tool("minisign", "-S", "-s", secret, "-m", large)
    assert verify_signed(large, trust=release.key)
    run_tool("minisign", "-S", "-l", "-s", secret, "-m", large)
    with pytest.raises(VerificationError, match="a signature of its hash is needed"):
        verify_signed(large, trust=release.key)


def test_the_suffixes_of_signatures() -> None:
    """The command line knows those of the engine."""
    source = Path(__file__).resolve().parents[2] / "go" / "internal" / "manifest" / "names.go"
    if not source.exists():
        pytest.skip("the engine's source is not next to the tests")
    for name, suffixes in (("Signature", SIGNATURE_SUFFIXES), ("Bundle", BUNDLE_SUFFIXES)):
        listed = ", ".join(f'"{suffix}"' for suffix in suffixes)
        assert f"{name}Suffixes = []string{{{listed}}}" in source.read_text(encoding="utf-8")


def test_the_command_line(sign: Callable[[str], Release], run: Run) -> None:
    """It prints who signed, and exits with 1 for an untrusted manifest."""
    release = sign("minisign")
    done = run("--trust", release.key, release.folder)
    assert done.returncode == 0, done.stderr
    assert f"SIGNED      {release.manifest}: minisign public key " in done.stdout
    assert f"{release.signature}\n" in done.stdout
    document = json.loads(run("--trust", release.key, release.folder, "--json").stdout)
    (report,) = document["reports"]
    assert report["manifests"][0]["signature"] == "verified"
    assert report["manifests"][0]["signers"][0]["format"] == "minisign"
    junit = release.folder.parent / "junit.xml"
    assert not run("--trust", release.key, release.folder, "--junit", junit).returncode
    assert "signed by minisign public key" in junit.read_text(encoding="utf-8")
    page = run("--trust", release.key, release.folder, "--html", "-", "-q").stdout
    assert "<td>minisign public key " in page
    release.signature.unlink()
    done = run("--trust", release.key, release.folder, "--junit", junit)
    assert done.returncode == 1
    assert f"UNTRUSTED   {release.manifest}\n" in done.stdout
    assert "1 untrusted manifest" in done.stdout
    assert 'type="untrusted manifest"' in junit.read_text(encoding="utf-8")
    assert "NOTE" not in done.stdout
    assert run("--trust", "none", release.folder).returncode == 2
    assert run("--signers", 2, release.folder).returncode == 2


@pytest.mark.parametrize("name", ["ssh", "minisign", "pgp clear"])
def test_another_file_that_is_called_a_signature(name: str, sign: Callable[[str], Release]) -> None:
    """What is no signature, or does not count, is noted although another one is valid."""
    release = sign(name)
    garbage = release.manifest.with_name(f"{release.manifest.name}.gpg")
    garbage.write_text("<html>not found</html>\n")
    for path in (release.folder, release.manifest):
        report = verify(path, trust=release.key)
        expected = f'another signature does not count: "{garbage}": no signature of a known format'
        assert expected in report.manifests[0].notes
        assert report.not_understood == ()
    if name == "pgp clear":
        return
    file = release.folder / "a.iso"
    for suffix in SIGNATURE_SUFFIXES:
        file.with_name(f"a.iso{suffix}").write_bytes(b"\0")
    secret = release.key.with_suffix("")
    if name == "ssh":
        (release.folder / "a.iso.sig").unlink()
        run_tool("ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", secret, file)
    else:
        run_tool("minisign", "-S", "-s", secret, "-m", file)
    (manifest,) = verify_signed(file, trust=release.key).manifests
    assert [note.count("no signature of a known format") for note in manifest.notes] == [1, 1, 1]


def test_a_signed_comment_with_another_name(sign: Callable[[str], Release]) -> None:
    """It is noted, as the file may have taken the place of another one; renaming is no error."""
    release = sign("minisign")
    assert not any(
        "another name" in note for note in verify(release.folder, trust=release.key).notes
    )
    other = release.manifest.rename(release.folder / "SHA256SUMS.txt")
    release.signature.rename(release.folder / "SHA256SUMS.txt.minisig")
    expected = 'the signed comment is about a file of another name: "SHA256SUMS"'
    for path in (release.folder, other):
        assert expected in verify(path, trust=release.key).manifests[0].notes
    assert expected in verify_signed(other, trust=release.key).manifests[0].notes
    named = release.folder / "SHA256SUMS.txt.minisig"
    report = verify(
        bytearray(other.read_bytes()), root=release.folder, trust=release.key, signature=named
    )
    assert not any("another name" in note for note in report.notes)


def test_an_unsupported_curve(gpg: GPG, sign: Callable[[str], Release], run: Run) -> None:
    """The message says what is not supported, and how to go on."""
    release = sign("pgp armored")
    user = f"brainpool-{os.urandom(4).hex()}@example.org"
    gpg("--quick-gen-key", user, "brainpoolP256r1", "sign", "never")
    release.key.write_bytes(gpg("--armor", "--export", user))
    gpg("-u", user, "-o", release.signature, "-ab", release.manifest)
    why = "an ECDSA key with the curve brainpoolP256r1, which is not supported "
    cause = refused(release.folder, why=why, trust=release.key).bad_lines[0].cause
    assert "verify the signature with gpg or sq, and the manifest without --trust" in cause
    assert why in run("keys", release.key).stdout


V6 = """\
-----BEGIN PGP PUBLIC KEY BLOCK-----

xioGY4d/4xsAAAAg+U2nu0jWCmHlZ3BqZYfQMxmZu52JGggkLq2EVD34laPCsQYf
GwoAAABCBYJjh3/jAwsJBwUVCg4IDAIWAAKbAwIeCSIhBssYbE8GCaaX5NUt+mxy
KwwfHifBilZwj2Ul7Ce62azJBScJAgcCAAAAAK0oIBA+LX0ifsDm185Ecds2v8lw
gyU2kCcUmKfvBXbAf6rhRYWzuQOwEn7E/aLwIwRaLsdry0+VcallHhSu4RN6HWaE
QsiPlR4zxP/TP7mhfVEe7XWPxtnMUMtf15OyA51YBM4qBmOHf+MZAAAAIIaTJINn
+eUBXbki+PSAld2nhJh/LVmFsS+60WyvXkQ1wpsGGBsKAAAALAWCY4d/4wKbDCIh
BssYbE8GCaaX5NUt+mxyKwwfHifBilZwj2Ul7Ce62azJAAAAAAQBIKbpGG2dWTX8
j+VjFM21J0hqWlEg+bdiojWnKfA5AQpWUWtnNwDEM0g12vYxoWM8Y81W+bHBw805
I8kWVkXU6vFOi+HWvv/ira7ofJu16NnoUkhclkUrk0mXubZvyl4GBg==
-----END PGP PUBLIC KEY BLOCK-----
"""
"""The certificate of RFC 9580, appendix A.3; the Go tests verify a signature by it."""


def test_a_key_of_version_6() -> None:
    """Its ID is how its fingerprint begins, which can be pinned."""
    (key,) = keys(bytearray(V6.encode()))
    assert (key.format, key.algorithm, key.problem) == ("pgp", "ed25519", None)
    assert key.fingerprint == "CB186C4F0609A697E4D52DFA6C722B0C1F1E27C18A56708F6525EC27BAD9ACC9"
    signer = Signer("pgp", key.key, key.fingerprint, "", None, "", None)
    assert str(signer) == f"(pgp {key.fingerprint})"


def test_terminal_escapes_in_what_a_key_says(
    gpg: GPG, sign: Callable[[str], Release], run: Run
) -> None:
    """A user ID and a trusted comment with control characters are printed escaped."""
    release = sign("minisign")
    secret = release.key.with_suffix("")
    evil = "\x1b[31m\x07\u202e"
    what = ("-s", secret, "-m", release.manifest, "-x", release.signature)
    run_tool("minisign", "-S", *what, "-t", f"comment {evil}")
    key = gpg.key(f"Evil {evil} <evil@example.org>")
    release.key.write_bytes(release.key.read_bytes())
    gpg("-u", "evil@example.org", "-ab", release.manifest)
    done = run(release.folder, "--trust", release.key, cwd=release.folder)
    assert done.returncode == 0, done.stdout
    both = release.folder.parent / "evil.asc"
    both.write_bytes(key)
    report = verify(release.folder, trust=[release.key, both], signers=2)
    texts = [signer.identity + signer.comment for signer in report.manifests[0].signers]
    assert sum(evil in text for text in texts) == 2
    done = run(release.folder, "--trust", release.key, "--trust", both, "--signers", 2)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("SIGNED") == 2
    shown = ("--trust", release.key, "--trust", both, "--html", "-", "-q")
    page = run(release.folder, *shown).stdout
    assert "Evil " in page
    assert not any(c in page for c in evil if c not in "[31m")
    assert not any(c in done.stdout for c in evil if c not in "[31m")
