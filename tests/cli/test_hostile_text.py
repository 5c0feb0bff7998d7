"""Hostile names, contents and arguments: no control character and no faked line is printed.

Every command is run with such a text in each place that it can come from, and every type with a
``str()`` is made of it.
"""

from __future__ import annotations

import gzip
import hashlib
import inspect
import json
import os
import pickle
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig import errors
from checksig._engine import raise_failure, wire
from checksig._printable import printable, printable_text
from checksig.cli.coreutils import COMMANDS as COREUTILS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux alone"),
    pytest.mark.slow,
]

# The end of a line, a faked one, colours, CSI as one character, an overridden direction, a byte
# that is not UTF-8, and a quote, a backslash, and what looks like an escape.
RAW = b"x\nFAKED line\rFAKED\x1b[31m\x07\x00\xc2\x9b2J\xe2\x80\xae\xe2\x80\xa8\xff\"\\\\n'"
BYTES = RAW.replace(b"\0", b"")  # what a name or an argument can be
TEXT = os.fsdecode(BYTES)
SURROGATES = TEXT + "\ud800\udfff"


in_each_form = pytest.mark.parametrize(
    "words",
    [
        *([], ["-v"], ["--json"], ["--junit", "report.xml"]),
        *(["--html=-"], ["--csv=-"], ["--github"]),
    ],
)


def check(text: str, lines: int | None = None) -> None:
    """Fail if *text* has anything but lines of printable characters, or a faked line."""
    for character in text.replace("\n", ""):
        assert unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}, ascii(text)
    for line in text.split("\n"):
        assert not line.lstrip().startswith("FAKED"), ascii(text)
    if lines is not None:
        assert text.rstrip("\n").count("\n") + 1 == lines, ascii(text)


@pytest.fixture
def run(command: list[str], tmp_path: Path) -> Callable[..., str]:
    """Run a command, check its output, and return standard output and error."""

    def run(*words: str | Path | bytes, code: set[int] | None = None, **env: str) -> str:
        done = subprocess.run(
            [*map(os.fsencode, command), *map(os.fsencode, words)],
            cwd=tmp_path,
            env={**os.environ, **env},
            capture_output=True,
            timeout=100,
            check=False,
        )
        assert done.returncode in (code or {0, 1, 2}), (words, done)
        out, err = done.stdout.decode(), done.stderr.decode()
        check(out.replace("\r\n", "\n") if "--csv=-" in words else out)
        check(err)
        assert "Traceback" not in err
        assert "internal error" not in err
        return out + err

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a hostile name, and a file of that name in it."""
    made = tmp_path / TEXT
    made.mkdir()
    (made / TEXT).write_bytes(b"a")
    return made


def manifest(folder: Path, *entries: tuple[bytes, str], more: bytes = b"") -> Path:
    """Write a manifest of names and digests."""
    path = folder / "SHA256SUMS"
    lines: list[bytes] = []
    for name, digest in entries:
        escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
        lines.append((b"\\" if escaped != name else b"") + digest.encode() + b"  " + escaped)
    path.write_bytes(b"".join(line + b"\n" for line in lines) + more)
    return path


A, B = (hashlib.sha256(c).hexdigest() for c in (b"a", b"b"))


def test_verify(run: Callable[..., str], folder: Path, tmp_path: Path) -> None:
    """Names and lines of a manifest, contradictions, links, and files that are not regular."""
    run(folder)  # no manifest in this folder
    run(folder / "none")
    run(folder / TEXT)  # a file that is no manifest
    (folder / "d").mkdir()
    os.mkfifo(folder / f"{TEXT}.fifo")
    (folder / f"{TEXT}.link").symlink_to(f"{TEXT}.nowhere")
    run(folder / f"{TEXT}.fifo")
    entries = [(BYTES, A), (BYTES, B), (BYTES + b".no", A), (BYTES + b".fifo", A)]
    entries += [(BYTES + b".link", A), (b"../" + BYTES, A), (b"d", A), (b"d/" + BYTES * 90, A)]
    sums = manifest(folder, *entries, more=RAW + b"\n" + b"MD9 (" + RAW + b") = 00\n")
    (folder / "other.sha256").write_bytes(sums.read_bytes())
    seen = run(folder)
    for word in ("MISMATCHED", "MISSING", "UNREADABLE", "BAD LINE", "FAILED"):
        assert word in seen
    run(folder, "--extra", "fail")
    run("-r", tmp_path, "--extra", "report")
    json.loads(run(folder, "--json"))
    run(folder, sums, tmp_path / "none", "--junit", folder / "report.xml")
    names = {case.get("name") for case in ET.parse(folder / "report.xml").iter("testcase")}
    assert printable(TEXT) in names
    run(folder, "--junit", folder / "none" / TEXT)
    for words in (["--html=-"], ["--csv=-"], ["--junit=-"], ["--github"]):
        run(folder, sums, tmp_path / "none", "--extra=fail", *words)


@pytest.mark.parametrize("engine", ["library", "process"])
@pytest.mark.parametrize(
    "option",
    ["--root", "--strip", "--remap", "--min-strength", "--algorithm", "--format", "--workers"],
)
def test_options_of_verify(run: Callable[..., str], folder: Path, option: str, engine: str) -> None:
    """An error about an option shows its value."""
    manifest(folder, (BYTES, A))
    run(folder, f"{option}={TEXT}", CHECKSIG_ENGINE=engine)
    run(folder, f"{option}=1={TEXT}", CHECKSIG_ENGINE=engine, code={0, 1, 2})


COMMANDS = (
    *("verify", "create", "update", "convert", "algorithms", "completion"),
    *("env", "conda", "dpkg", "rpm", "pacman", "apk"),
)


@pytest.mark.parametrize("name", [*COMMANDS, "install-shims"])
def test_arguments(run: Callable[..., str], name: str) -> None:
    """Errors of the parser: unknown options, choices, and too many arguments."""
    run(name, f"--{TEXT}")
    run(name, f"-{TEXT}")
    run(name, "--extra", TEXT, f"--links={TEXT}", f"--extra={TEXT}")
    run(name, "x", "x", TEXT, "--", TEXT, code={1, 2})
    run(TEXT)
    run(f"verif{TEXT}")
    run(name, ".", CHECKSIG_ENGINE=TEXT, code={0, 1, 2})
    run(name, TEXT, code={0, 1, 2})


def test_write(run: Callable[..., str], folder: Path) -> None:
    """What create, update and convert print."""
    path = f"{TEXT}/{TEXT}.sums"
    run("create", folder, "-o", path, code={0})
    run("create", folder, "-o", path)  # exists already
    for words in (["-a", TEXT], ["--format", TEXT], ["-o", f"{TEXT}/none/{TEXT}"], ["-o", TEXT]):
        run("create", folder, *words, code={1, 2})
    run("create", folder / "none")
    (folder / "l").symlink_to(TEXT)
    (folder / f"{TEXT}.d").symlink_to(".")
    run("create", folder, "--links", "refuse", "--force")
    run("create", folder, "--force", code={0})  # passes by a link to a folder
    os.mkfifo(folder / f"{TEXT}.fifo")
    run("create", folder, "--force")
    (folder / f"{TEXT}.fifo").unlink()
    (folder / "l").unlink()
    (folder / f"{TEXT}.new").touch()
    (folder / TEXT).rename(folder / f"{TEXT}.renamed")
    seen = run("update", folder / "SHA256SUMS")
    assert "MISSING" in seen
    assert "ADDED" in seen
    sums = folder / "SHA256SUMS"
    for to in ("bsd", "sfv", "csv", "names", TEXT):
        run("convert", sums, "--to", to, "-o", folder / to, code={0, 1, 2})
    more = b"# " + RAW.replace(b"\n", b"").replace(b"\r", b"") + b"\n" + RAW + b"\n"
    sums = manifest(folder, (b"l", A), more=more)
    run("update", sums)
    run("convert", sums, "--to", "bsd", "-o", folder / "converted")
    sums = manifest(folder, (b"l", A), more=more.partition(b"\n")[0] + b"\n")
    run("update", sums, code={0, 1, 2})
    run("convert", sums, "--to", "bsd", "-o", folder / "converted", code={0, 1, 2})


def test_what_a_run_reads_besides(run: Callable[..., str], folder: Path) -> None:
    """Files of settings, state, keys and roots of trust, and addresses of remote roots."""
    manifest(folder, (BYTES, A))
    file = folder / f"{TEXT}.file"
    line = RAW.replace(b"\n", b"").replace(b"\r", b"").replace(b"\0", b"")
    texts = (
        RAW,
        b"[" + line + b"]\n",
        b'"' + line.replace(b'"', b"") + b'" = 1\n',
        b"x = 1\n" + RAW,
    )
    escaped = json.dumps(TEXT.encode("utf-8", "replace").decode()).encode()
    for text in (
        *texts,
        escaped + b" = 1\n",
        b"trust = [" + escaped + b"]\n",
        b"{" + escaped + b": 1}",
    ):
        file.write_bytes(text)
        for option in (
            "--config",
            "--state",
            "--trust",
            "--trusted-root",
            "--key",
            "--bag-profile",
        ):
            run(folder, f"{option}={file}", code={1, 2})
    for option in ("--config", "--state", "--trust", "--bag-profile"):
        run(folder, f"{option}={folder / 'none' / TEXT}", code={1, 2})
    for option in ("--max-age", "--max-bytes", "--max-time", "--sample", "--signer", "--issuer"):
        run(folder, f"{option}={TEXT}", code={1, 2})
    for scheme in ("zip", "tar", "memory", "file", "x", "https"):
        run(f"{scheme}://{TEXT}", code={1, 2})
        run(folder, f"--root={scheme}://{TEXT}", code={1, 2})
    run(f"zip://{TEXT}::file://{folder / TEXT}", code={1, 2})


@in_each_form
def test_env(run: Callable[..., str], tmp_path: Path, words: list[str]) -> None:
    """The prefix, and every file of a package."""
    prefix = tmp_path / TEXT
    site = prefix / "lib" / f"python{TEXT}" / "site-packages"
    site.mkdir(parents=True)
    run("env", prefix, *words)  # no package
    for name in ("a", "b", "c", TEXT):
        info = site / f"{name}-{TEXT}.dist-info"
        info.mkdir()
        (info / "METADATA").write_bytes(b"Name: " + RAW + b"\nVersion: " + RAW[2:])
        (info / "INSTALLER").write_bytes(b"pip\x1b[31m\xc2\x9b" + RAW)
        origin = {"url": SURROGATES, "dir_info": {"editable": True}}
        (info / "direct_url.json").write_text(json.dumps(origin))
    (site / f"a-{TEXT}.dist-info" / "RECORD").write_bytes(
        RAW + b"\n" + b"x,sha256=" + RAW + b",1\n"
    )
    (site / f"b-{TEXT}.dist-info" / "RECORD").write_bytes(
        b'"' + RAW.replace(b'"', b"").replace(b"\0", b"") + b'",sha256=' + b"A" * 43 + b",1\n"
    )
    (site / f"{TEXT}.egg-link").touch()
    seen = run("env", prefix, *words, code={1})
    assert "FAILED" in seen or words in (["--json"], ["--csv=-"])
    if "--json" in words:
        json.loads(seen)
    if "--junit" in words:
        ET.parse(tmp_path / "report.xml")
    program = prefix / TEXT
    program.write_text("#!/bin/sh\nprintf '\\033[31mFAKED'\n")
    program.chmod(0o755)
    run("env", program, *words)
    run("env", prefix / "none", *words)


@in_each_form
def test_dpkg(run: Callable[..., str], tmp_path: Path, words: list[str]) -> None:
    """The root, the names of packages, and every file of the database."""
    root = tmp_path / TEXT
    info = root / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    run("dpkg", "--root", root, *words)
    status = root / "var/lib/dpkg/status"
    text = RAW.replace(b"\n", b"")  # a field is one line
    fields = {b"Package": b"x", b"Status": b"install ok installed", b"Version": b"1"}
    fields[b"Architecture"] = b"all"
    (info / "x.list").write_bytes(b"/" + RAW + b"\n/usr\n")
    (info / "x.md5sums").write_bytes(RAW + b"\n" + b"0" * 32 + b"  " + text + b"\n")
    (root / "etc/dpkg").mkdir(parents=True)
    (root / "etc/dpkg/dpkg.cfg").write_bytes(b"path-exclude=*" + text[-1:] + b"\n" + RAW + b"\n")
    for name, value in (
        (b"", b""),
        *((name, text) for name in fields),
        (b"Status", b"a b " + text),
    ):
        changed = {**fields, **({name: value} if name else {})}
        status.write_bytes(b"".join(b"%s: %s\n" % pair for pair in changed.items()))
        seen = run("dpkg", "--root", root, *words)
        if "--json" in words:
            json.loads(seen)
        if "--junit" in words:
            ET.parse(tmp_path / "report.xml")
    run("dpkg", "--root", root, TEXT, *words)
    status.write_bytes(RAW)
    run("dpkg", "--root", root, *words)
    run("dpkg", "--root", root / "none", *words)
    (root / "var/lib/dpkg/diversions").write_bytes(RAW)
    run("dpkg", "--root", root, *words)


@in_each_form
def test_other_databases(run: Callable[..., str], tmp_path: Path, words: list[str]) -> None:
    """The root, and texts in every place of the databases of pacman, apk and conda."""
    root = tmp_path / TEXT
    line = RAW.replace(b"\n", b"").replace(b"/", b"").replace(b"\0", b"")
    digest = hashlib.sha256(b"a").hexdigest().encode()
    (root / "etc").mkdir(parents=True)
    for command in ("rpm", "pacman", "apk"):
        run(command, "--root", root, *words)
        run(command, "--root", root, TEXT, *words)
    run("conda", root, *words)
    package = root / "var/lib/pacman/local/x-1"
    package.mkdir(parents=True)
    (root / "etc/pacman.conf").write_bytes(b"[options]\nNoExtract = " + line + b" *" + line + b"\n")
    mtree = b"#mtree\n./" + line + b" type=link link=" + line + b"\n" + line + b"\n./x size=" + line
    mtree += (
        b"\n./" + line.replace(b"\\", b"").replace(b" ", b"") + b" sha256digest=" + digest + b"\n"
    )
    (package / "mtree").write_bytes(gzip.compress(mtree))
    (package / "files").write_bytes(b"%FILES%\n" + line + b"\n%BACKUP%\n" + line + b"\n")
    for name, version in ((b"x", b"1"), (line, b"1"), (b"x", line)):
        (package / "desc").write_bytes(b"%NAME%\n" + name + b"\n\n%VERSION%\n" + version + b"\n")
        run("pacman", "--root", root, *words)
    (package / "desc").write_bytes(RAW)
    run("pacman", "--root", root, *words)
    installed = root / "lib/apk/db/installed"
    installed.parent.mkdir(parents=True)
    (root / "x").mkdir()
    (root / "x" / os.fsdecode(line)).symlink_to(TEXT)
    fields = [b"P:x", b"V:1", b"F:x", b"R:" + line, b"Z:Q1" + b"A" * 27 + b"="]
    for i in range(len(fields) + 1):
        changed = [field[:2] + line if i == n else field for n, field in enumerate(fields)]
        installed.write_bytes(b"\n".join(changed) + b"\n\n")
        run("apk", "--root", root, *words)
        run("apk", "--root", root, TEXT, *words)
    record = root / "conda-meta" / f"{TEXT}-{TEXT}-x.json"
    record.parent.mkdir()
    entry = {"_path": SURROGATES, "sha256": digest.decode(), "path_type": TEXT}
    paths = [entry, {"_path": TEXT, "sha256": TEXT}]
    document = {"name": SURROGATES, "version": TEXT, "paths_data": {"paths": paths}}
    for text in (json.dumps(document), "{", '{"a": 1, "a": 1}'):
        record.write_text(text)
        run("conda", root, *words)
        run("conda", root, TEXT, *words)


@pytest.mark.parametrize("name", COREUTILS)
def test_coreutils(command: list[str], folder: Path, name: str) -> None:
    """Standard error has no escape from names; GNU prints them raw on standard output."""
    bad = folder / f"{TEXT}.sums"
    bad.write_bytes(RAW + b"\n")
    lists = [[b"--check", os.fsencode(bad)]] if name != "sum" else []
    for words in ([BYTES], *lists):
        done = subprocess.run(
            [*map(os.fsencode, command), name.encode(), *words],
            capture_output=True,
            cwd=folder / "..",
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            timeout=100,
            check=False,
        )
        assert b"\x1b" not in done.stderr, words


# --- the API


def test_every_exception() -> None:
    """The text of each exception is safe, and each can be pickled and still has what it was."""
    found = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, Exception)]
    report = hostile_report()
    for kind in found:
        arguments: tuple[Any, ...] = (SURROGATES,)
        if kind is checksig.VerificationError:
            arguments = (report,)
        elif kind in {checksig.ConfigError, checksig.ReadError, checksig.WriteError}:
            arguments = (SURROGATES, SURROGATES)
        error = kind(*arguments)
        many = kind in {checksig.EngineError, checksig.ForkedError, checksig.VerificationError}
        for each in (error, pickle.loads(pickle.dumps(error))):  # noqa: S301
            if many:
                for line in str(each).split("\n    FAKED"):  # indented, as the errors say
                    check(line)
            else:
                check(str(each), 1)
            check(repr(each).replace("\\n", ""))
            assert each.args == error.args


@pytest.mark.parametrize("code", range(wire.FailureCode.ENVIRONMENT + 1))
@pytest.mark.parametrize("path", [TEXT, ""])
def test_every_failure_of_the_engine(code: int, path: str) -> None:
    """Whatever text the engine has for a failure."""
    with pytest.raises((checksig.ChecksigError, OSError, ValueError)) as caught:
        raise_failure(wire.Failure(code, 2, path, TEXT))
    text = str(caught.value)
    check(text.replace("\n    FAKED", ""))


def hostile_report() -> checksig.Report:
    """Return a report in which every text is hostile."""
    result = checksig.Result(
        SURROGATES, checksig.Status.UNREADABLE, "md5", "00", None, 0, SURROGATES, 1, SURROGATES
    )
    results = (
        result,
        result._replace(status=checksig.Status.MISMATCHED),
        result._replace(status=checksig.Status.MISSING, moved_to=SURROGATES),
        result._replace(opened=SURROGATES),
    )
    bad = checksig.BadLine(SURROGATES, 0, SURROGATES, SURROGATES)
    extra = checksig.Extra(SURROGATES, SURROGATES, fails=True)
    manifests = (checksig.Manifest(SURROGATES, ""),)
    return checksig.Report(
        SURROGATES, manifests, 0, 1, 1, 2, 0, results, (bad,), 0, 0.0, (extra, extra)
    )


def test_every_report() -> None:
    """The text of each report and each of its parts is safe; the parts are one line each."""
    report = hostile_report()
    check(str(report))
    assert str(report).count("\n") == 7
    check(report.explain())
    for part in (*report.failures, *report.bad_lines, *report.extras):
        check(str(part), 1)
    package = checksig.PackageReport(SURROGATES, SURROGATES, SURROGATES, report, SURROGATES)
    installed = checksig.InstalledReport(SURROGATES, (package,))
    check(str(package), 1)
    check(str(installed), 2)
    json.loads(installed.to_json())
    for each in (report, package, installed, *report.failures):
        check(repr(each))


def test_check_signatures(folder: Path) -> None:
    """The message of the original interface has no raw character either."""
    for names in ((), (BYTES,)):
        manifest(folder, *((name, B) for name in names), more=RAW)
        with pytest.raises(ValueError, match=r"\\x1b") as caught:
            checksig.check_signatures(folder)
        check(str(caught.value))


def test_arguments_of_the_api(folder: Path) -> None:
    """Errors about arguments show them."""
    manifest(folder, (BYTES, A))
    for options in (
        *({name: TEXT} for name in ("root", "min_strength", "algorithm", "format", "extra")),
        {TEXT: 1},
        {"workers": TEXT},
        {"remap": {TEXT: 1}},
    ):
        with pytest.raises((checksig.ChecksigError, OSError, ValueError, TypeError)) as caught:
            checksig.verify(folder, **options)  # type: ignore[arg-type]
        check(str(caught.value), 1)


def test_text_twice() -> None:
    """A text can pass through the function again; a name cannot be mistaken for another."""
    for text in (SURROGATES, TEXT, "plain", "", "a\\x1b"):
        assert printable_text(printable_text(text)) == printable_text(text)
        assert printable_text(printable(text)) == printable(text)
    assert printable("a\\x1b") != printable("a\x1b")
