"""The guide "Verify a signed release": its commands, with what the publishers' tools make."""

from __future__ import annotations

import hashlib
import itertools
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import checksig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[..., subprocess.CompletedProcess[str]]

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "verify-a-signed-release.md"

pytestmark = pytest.mark.skipif(
    not GUIDE.exists(), reason="the documentation is not next to the tests"
)

FILES = {"a.iso": b"the a\n", "b.iso": b"the b\n"}


def tool(folder: Path, *words: object) -> None:
    """Run a tool in a folder."""
    done = subprocess.run(
        list(map(str, words)), cwd=folder, capture_output=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def gpg() -> Iterator[Callable[..., None]]:
    """Return a function that runs gpg with a home of its own."""
    home = tempfile.mkdtemp()  # its path must be short, because of a socket
    common = ("gpg", "--homedir", home, "--batch", "--quiet", "--yes", "--passphrase", "")

    def gpg(folder: Path, *words: object) -> None:
        tool(folder, *common, "--pinentry-mode", "loopback", *words)

    yield gpg
    if shutil.which("gpgconf"):  # else the tests were skipped
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
    shutil.rmtree(home, ignore_errors=True)


def examples() -> dict[str, tuple[str, list[str]]]:
    """Return the command of each section and the lines that it prints."""
    found: dict[str, tuple[str, list[str]]] = {}
    for section in GUIDE.read_text(encoding="utf-8").split("\n## ")[1:]:
        title = section.partition("\n")[0]
        for block in re.findall(
            r"^```console\n\$ checksig (.*?)^```", section, re.MULTILINE | re.DOTALL
        ):
            command, *lines = block.splitlines()
            found[title] = command, lines
    return found


def make_pgp(folder: Path, gpg: Callable[..., None], *users: str) -> list[str]:
    """Make a key for each user, and return the options that choose them."""
    options: list[str] = []
    for user in users:
        name = user.partition(" ")[0].lower()
        gpg(folder, "--quick-gen-key", user, "ed25519", "sign", "never")
        gpg(folder, "-ao", f"{'release-key' if name == 'release' else name}.asc", "--export", user)
        options += ["-u", user]
    return options


TEAM = "Release Team <release@example.org>"
NEEDS = {
    "A manifest with an OpenPGP signature": "gpg",
    "A clear-signed manifest": "gpg",
    "OpenBSD's signify": "signify-openbsd",
    "minisign": "minisign",
    "SSH": "ssh-keygen",
    "Files without a manifest": "gpg",
    "Several signers": "gpg",
    "When it is not signed": "gpg",
}


SIGSTORE = (
    "Sigstore bundles, as Kubernetes has them",
    "SLSA provenance",
    "A signed model",
)
"""The sections that test_sigstore.py::test_the_guide runs."""


def publish(title: str, folder: Path, gpg: Callable[..., None]) -> None:
    """Write what the section describes into the folder."""
    match title:
        case "A manifest with an OpenPGP signature":
            make_pgp(folder, gpg, TEAM)
            gpg(folder, "-u", TEAM, "-bo", "SHA256SUMS.gpg", "SHA256SUMS")
        case "A clear-signed manifest":
            make_pgp(folder, gpg, TEAM)
            gpg(folder, "-u", TEAM, "-o", "SHASUMS256.txt.asc", "--clearsign", "SHA256SUMS")
        case "OpenBSD's signify":
            signify = "signify-openbsd"
            keys = ("-p", "openbsd-base.pub", "-s", "openbsd-base.sec")
            tool(folder, signify, "-Gnc", "openbsd base", *keys)
            tool(folder, signify, "-Ses", keys[-1], "-m", "SHA256SUMS", "-x", "SHA256.sig")
        case "minisign":
            tool(folder, "minisign", "-GW", "-s", "n.sec")
            tool(folder, "minisign", "-Ss", "n.sec", "-m", "SHA256SUMS")
        case "SSH":
            tool(folder, "ssh-keygen", "-qt", "ed25519", "-N", "", "-f", "k")
            tool(folder, "ssh-keygen", "-qY", "sign", "-n", "file", "-f", "k", "SHA256SUMS")
            (folder / "SHA256SUMS.sig").rename(folder / "SHA256SUMS.sshsig")
            key = (folder / "k.pub").read_text()
            (folder / "allowed_signers").write_text(f"release@example.org {key}")
        case "Files without a manifest":
            make_pgp(folder, gpg, TEAM)
            (folder / "SHA256SUMS").unlink()
            (folder / "tool.tar.gz").write_bytes(b"a tool")
            gpg(folder, "-u", TEAM, "-ab", "tool.tar.gz")
        case "Several signers":
            users = make_pgp(folder, gpg, "Alice <alice@example.org>", "Bob <bob@example.org>")
            gpg(folder, *users, "-abo", "SHA256SUMS.asc", "SHA256SUMS")
        case _:
            make_pgp(folder, gpg, TEAM)


def pattern(line: str) -> str:
    """Return an expression for a line of the guide, in which keys, times and speeds vary."""
    words = re.escape(line)
    words = re.sub(r"RW\w+", r"RW[\\w/+=]+", words)
    words = re.sub(r"SHA256:[\w/]+(?:\\\+[\w/]*)*", r"SHA256:[\\w/+]+", words)
    # minisign writes the number of a key without leading zeros.
    words = re.sub(r"\b[0-9A-F]{16,40}\b", r"[0-9A-F]{1,40}", words)
    words = re.sub(r"\d{4}\\-\d\d\\-\d\d", r"[-\\d]{10}", words)
    words = re.sub(r"timestamp:\d+", r"timestamp:\\d+", words)
    return re.sub(r"\\ in\\ .*", r" in .*", words)


def test_the_sections() -> None:
    """Every example is run by the next test."""
    assert set(examples()) == {*NEEDS, *SIGSTORE}


@pytest.mark.parametrize("title", NEEDS)
def test_the_examples(
    title: str, tmp_path: Path, needs: Callable[..., None], run: Run, gpg: Callable[..., None]
) -> None:
    """The command prints what the guide shows, with what the publisher's own tool made."""
    needs(NEEDS[title])
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in FILES.items())
    (tmp_path / "SHA256SUMS").write_text("".join(lines))
    publish(title, tmp_path, gpg)
    command, expected = examples()[title]
    done = run(*shlex.split(command))
    assert done.returncode == (0 if expected[-1].startswith("OK") else 1), done.stderr
    found = done.stdout.splitlines()
    assert len(found) == len(expected), found
    for line, shown in zip(found, expected, strict=True):
        assert re.fullmatch(pattern(shown), line), (line, shown)
    # What was changed is not OK.
    for name in ("a.iso", "tool.tar.gz"):
        (tmp_path / name).write_bytes(b"changed")
    assert run(*shlex.split(command)).returncode == 1


def publishers() -> dict[str, list[str]]:
    """Return the command of each row of the table."""
    rows = re.findall(
        r"^\| (\w.*?) \| .* \| `checksig (.*)` \|$", GUIDE.read_text("utf-8"), re.MULTILINE
    )
    return {publisher: shlex.split(command) for publisher, command in rows}


# What the publisher signs the manifest or file with, and what the signature's name ends in.
PUBLISHED = {
    "Ubuntu": ("gpg", ".gpg"),
    "Debian": ("gpg", ".sign"),
    "Fedora": ("gpg", "clear"),
    "Arch Linux": ("gpg", ".sig"),
    "OpenBSD": ("signify-openbsd", "embedded"),
    "kernel.org": ("gpg", "clear"),
    "Node.js": ("gpg", "clear"),
    "Bitcoin Core": ("gpg", ".asc"),
    "Go": ("gpg", ".asc"),
    "Rust": ("gpg", ".asc"),
    "Python, up to 3.13": ("gpg", ".asc"),
    "Apache": ("gpg", ".asc"),
    "GNU": ("gpg", ".sig"),
    "Zig": ("minisign", ".minisig"),
    "GrapheneOS": ("ssh-keygen", ".sig"),
}


@pytest.fixture(scope="module")
def team(gpg: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with the keys of two users, one of whom is the team."""
    folder = tmp_path_factory.mktemp("keys")
    for user in (BUILDER, PUBLISHER):
        gpg(folder, "--quick-gen-key", user, "ed25519", "sign", "never")
    gpg(folder, "-o", "keys.gpg", "--export", BUILDER, PUBLISHER)
    return folder / "keys.gpg"


BUILDER, PUBLISHER = "Builder <builder@example.org>", "Publisher <publisher@example.org>"


def sign(
    signed: Path, how: tuple[str, str], key: Path, gpg: Callable[..., None], team: Path
) -> None:
    """Sign a file as the publisher does, and write the key."""
    folder, name = signed.parent, signed.name
    program, suffix = how
    users = ("-u", PUBLISHER, "-u", BUILDER)
    match program:
        case "gpg":
            shutil.copy(team, key)
            if suffix == "clear":
                (folder / name).rename(folder / "plain")
                gpg(folder, *users, "-o", name, "--clearsign", "plain")
                (folder / "plain").unlink()
            else:
                armor = ["-a"] if suffix == ".asc" else []
                gpg(folder, *users, *armor, "-o", f"{name}{suffix}", "-b", name)
        case "minisign":
            tool(folder, program, "-GW", "-s", "n.sec", "-p", key)
            tool(folder, program, "-Ss", "n.sec", "-m", name)
        case "ssh-keygen":
            tool(folder, program, "-qt", "ed25519", "-N", "", "-f", "k")
            tool(folder, program, "-qY", "sign", "-n", "factory images", "-f", "k", name)
            key.write_text(f"contact@example.org {(folder / 'k.pub').read_text()}")
        case _:
            tool(folder, program, "-Gn", "-p", key, "-s", key.with_suffix(".sec"))
            (folder / name).rename(folder / "plain")
            tool(folder, program, "-Ses", key.with_suffix(".sec"), "-m", "plain", "-x", name)
            (folder / "plain").unlink()


def test_the_table() -> None:
    """Every row is run by the next test."""
    assert set(publishers()) == set(PUBLISHED)


@pytest.mark.parametrize("publisher", PUBLISHED)
def test_the_publishers(
    publisher: str,
    tmp_path: Path,
    needs: Callable[..., None],
    run: Run,
    request: pytest.FixtureRequest,
) -> None:
    """The command accepts what the publisher's tool has signed, and nothing that was changed."""
    how = PUBLISHED[publisher]
    needs("gpg", how[0])
    words = publishers()[publisher]
    listed = [
        word
        for before, word in itertools.pairwise(words)
        if not word.startswith("--") and not before.startswith("--")
    ]
    file = tmp_path / listed[-1]
    file.write_bytes(b"the file\n")
    if len(listed) == 2:
        algorithm = "sha512" if "512S" in listed[0] else "sha256"
        digest = hashlib.new(algorithm, b"the file\n").hexdigest()
        gnu = "".join(f"{digest}  {name}\n" for name in (file.name, "absent"))
        bsd = "".join(f"SHA256 ({name}) = {digest}\n" for name in (file.name, "absent"))
        text = bsd if publisher in {"Fedora", "OpenBSD"} else gnu
        (tmp_path / listed[0]).write_text(text)
    gpg, team = request.getfixturevalue("gpg"), request.getfixturevalue("team")
    key = tmp_path / words[words.index("--trust") + 1]
    sign(tmp_path / listed[0], how, key, gpg, team)
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 0, done
    assert "SIGNED" in done.stdout
    file.write_bytes(b"another file\n")
    assert run(*words, cwd=tmp_path).returncode == 1


def test_python(tmp_path: Path, needs: Callable[..., None], gpg: Callable[..., None]) -> None:
    """The example in Python."""
    needs("gpg")
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "SHA256SUMS").write_text(f"{hashlib.sha256(b'a').hexdigest()}  a\n")
    make_pgp(tmp_path, gpg, TEAM)
    gpg(tmp_path, "-u", TEAM, "-ab", "SHA256SUMS")
    report = checksig.verify(tmp_path, trust=tmp_path / "release-key.asc")
    assert [str(s).startswith(TEAM) for m in report.manifests for s in m.signers] == [True]
