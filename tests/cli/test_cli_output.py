"""What the command prints for people, for programs, and for CI systems."""

from __future__ import annotations

import copy
import importlib
import importlib.resources
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest

import checksig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Run = subprocess.CompletedProcess[str]


@pytest.fixture
def broken(tree: Callable[..., Path]) -> Path:
    """Make a folder with one failure of each kind."""
    folder = tree({"good": b"good", "bad": b"bad", "gone": b"", "folder": b""}, "MD5SUMS", "md5")
    (folder / "bad").write_bytes(b"changed")
    (folder / "gone").unlink()
    (folder / "folder").unlink()
    (folder / "folder").mkdir()
    with (folder / "MD5SUMS").open("ab") as manifest:
        manifest.write(b"some <garbage> & \x1b\x00\xff\n")
    return folder


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """Read the installed schema."""
    text = (importlib.resources.files("checksig") / "schema" / "report.v1.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@pytest.fixture(scope="module")
def draft(needs: Callable[..., None]) -> Any:
    """Return the class that validates; jsonschema is not packaged for every platform."""
    needs("module jsonschema")
    return importlib.import_module("jsonschema").Draft202012Validator


@pytest.fixture(scope="module")
def junit(needs: Callable[..., None]) -> Any:
    """Return the class that reads JUnit's XML."""
    needs("module junitparser")
    return importlib.import_module("junitparser").JUnitXml


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any], draft: Any) -> Any:
    """Make the schema strict: it must describe every property that is printed."""
    draft.check_schema(schema)
    strict = copy.deepcopy(schema)
    for each in (strict, *strict["$defs"].values()):
        each["additionalProperties"] = False
    return draft(strict)


# --- for people


def test_failures_come_first_and_the_verdict_last(run: Callable[..., Run], broken: Path) -> None:
    """Failures, notes, then counts and speed; the exit code is 1."""
    done = run(broken)
    words = [line[:11].strip() for line in done.stdout.splitlines() if line[:1] != " "]
    assert words[:3] == ["MISMATCHED", "MISSING", "REFUSED"]
    assert words[3] == "BAD LINE"
    assert words[-1] == "FAILED"
    assert re.search(
        r"4 entries: 1 verified, 1 mismatched, 1 missing, 1 refused, 1 bad line"
        r" \(11 B in \d+\.\d\d s, [\d,]+ files/s, [\d,]+\.\d MB/s\)\n\Z",
        done.stdout,
    )
    assert done.returncode == 1


def test_several_paths_have_a_total(
    run: Callable[..., Run], broken: Path, httpd: Path, tmp_path: Path
) -> None:
    """Several paths end with a total, which counts the errors too."""
    done = run(broken, httpd, tmp_path / "none")
    last = done.stdout.splitlines()[-1]
    assert last.startswith(
        "FAILED      3 paths, 14 entries: 10 verified, 2 mismatched, 1 missing, 1 refused,"
        " 1 bad line, 1 could not be verified (575.4 kB in "
    )
    assert done.returncode == 2
    (tmp_path / "ok").mkdir()
    (tmp_path / "ok" / "x").touch()
    (tmp_path / "ok" / "MD5SUMS").write_text("d41d8cd98f00b204e9800998ecf8427e  x\n")
    done = run("ok", "ok")
    assert done.stdout.splitlines()[-1].startswith(
        "OK          2 paths, 2 entries: 2 verified (0 B"
    )
    lines = "".join(f"d41d8cd98f00b204e9800998ecf8427e  {n}\n" for n in range(600))
    (tmp_path / "many.md5").write_text(lines)
    last = run("many.md5", "./many.md5").stdout.splitlines()[-1]
    assert last.startswith("FAILED      2 paths, 1,200 entries: 0 verified, 1,200 missing")
    done = run("--quiet", "ok", "ok")
    assert (done.stdout, done.returncode) == ("", 0)


def test_no_colours_in_a_pipe(run: Callable[..., Run], broken: Path) -> None:
    """Output that is not a terminal gets plain text."""
    assert "\x1b" not in run(broken, TERM="xterm-256color").stdout


@pytest.mark.parametrize(
    ("color", "variables", "coloured"),
    [
        ("always", {}, True),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
        ("auto", {"FORCE_COLOR": "1"}, True),
        ("auto", {"FORCE_COLOR": ""}, False),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours_that_are_asked_for(
    run: Callable[..., Run], broken: Path, color: str, variables: dict[str, str], coloured: bool
) -> None:
    """The option decides, then NO_COLOR, then FORCE_COLOR."""
    environment = {"NO_COLOR": "", "FORCE_COLOR": "", **variables}
    done = run(broken, f"--color={color}", **environment)
    assert ("\x1b[31mMISMATCHED\x1b[0m  " in done.stdout) is coloured
    assert done.returncode == 1


@pytest.mark.skipif(os.name != "posix", reason="opens a POSIX pseudo-terminal")
@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ({"TERM": "xterm", "FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours_on_a_terminal(
    command: list[str], broken: Path, variables: dict[str, str], coloured: bool
) -> None:
    """A terminal gets colours unless NO_COLOR is set and not empty (no-color.org)."""
    import pty

    unset = {"TERM", "NO_COLOR", "FORCE_COLOR"}
    environment = {k: v for k, v in os.environ.items() if k not in unset}
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [*command, str(broken)], stdout=theirs, env={**environment, **variables}
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:  # on Linux, the other side was closed
        pass
    os.close(ours)
    assert child.wait(60) == 1
    assert (b"\x1b[31mMISMATCHED\x1b[0m  " in seen) is coloured
    assert seen.count(b"\x1b") == (0 if not coloured else 2 * len(re.findall(rb"\x1b\[3", seen)))
    assert b"MISMATCHED  " in seen.replace(b"\x1b[31m", b"").replace(b"\x1b[0m", b"")


# --- for programs


def test_json_matches_the_schema(
    run: Callable[..., Run],
    broken: Path,
    httpd: Path,
    validator: Any,
) -> None:
    """The schema describes all JSON that is printed."""
    done = run("--json", broken, httpd, broken / "none")
    document = json.loads(done.stdout)
    validator.validate(document)
    assert (document["schema"], document["ok"], done.returncode) == (1, False, 2)
    assert {f["status"] for r in document["reports"] for f in r["failures"]} == {
        "mismatched",
        "missing",
        "unreadable",
    }
    validator.validate(json.loads(run("--json", broken / "none").stdout))
    validator.validate(json.loads(checksig.verify(broken, check=False).to_json(results=True)))


def test_json_of_packages_matches_the_schema(run: Callable[..., Run], validator: Any) -> None:
    """The schema also describes environments, and errors about them."""
    for document in (
        json.loads(run("env", *words).stdout) for words in (["--json"], ["--json", "none"])
    ):
        validator.validate(document)
        assert "reports" not in document


def test_notes_extra_and_moved_files(
    run: Callable[..., Run], tree: Callable[..., Path], validator: Any, junit: Any
) -> None:
    """Unchecked signatures, guesses, weak algorithms, extra and moved files are reported."""
    folder = tree({"a": b"a", "b": b"b"}, "sums", "md5")
    text = (folder / "sums").read_text()
    (folder / "sums").unlink()
    (folder / "checksums.txt").write_text(
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{text}"
        "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
    )
    (folder / "a").rename(folder / "c")
    (folder / "d").touch()
    done = run("--extra", "fail", folder)
    lines = done.stdout.splitlines()
    manifest = folder / "checksums.txt"
    assert lines[:2] == [f"MISSING     {folder / 'a'}", f"            moved to {folder / 'c'}"]
    for expected in (
        f"NOT LISTED  {folder / 'c'}",
        f"NOT LISTED  {folder / 'd'}",
        f"NOTE        {manifest}: signature: not checked (pgp)",
        f"NOTE        {manifest}: md5: chosen by the length of the digests alone",
        "NOTE        md5 detects corruption, not tampering",
    ):
        assert expected in lines
    assert done.returncode == 1
    validator.validate(json.loads(run("--json", "--extra", "fail", folder).stdout))
    run("--junit", "report.xml", "--extra", "fail", folder)
    found = junit.fromfile(str(folder.parent / "report.xml"))
    assert (found.tests, found.failures, found.errors) == (4, 3, 0)


def test_the_schema_refuses_wrong_documents(
    run: Callable[..., Run], httpd: Path, schema: dict[str, Any], draft: Any, validator: Any
) -> None:
    """The schema rejects wrong values but allows added properties."""
    document = json.loads(run("--json", httpd).stdout)
    lenient = draft(schema)
    document["added"] = 1
    assert lenient.is_valid(document)
    assert not validator.is_valid(document)
    for path, value in (
        (("schema",), 2),
        (("reports", 0, "verified"), -1),
        (("reports", 0, "failures", 0, "status"), "fine"),
        (("reports", 0, "failures", 0, "expected"), "XYZ"),
        (("errors",), None),
    ):
        wrong = copy.deepcopy(document)
        at: Any = wrong
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        assert not lenient.is_valid(wrong), path


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux alone")
def test_names_in_json_are_those_of_the_files(run: Callable[..., Run], tmp_path: Path) -> None:
    """A byte that is not UTF-8 is a lone surrogate, as from :func:`os.fsdecode`."""
    name = b"\xff\x1b \xc3\xa4"
    (tmp_path / "MD5SUMS").write_bytes(b"%032d  %s\n" % (0, name))
    done = run("--json", "MD5SUMS")
    assert done.stdout.isascii()
    (failure,) = json.loads(done.stdout)["reports"][0]["failures"]
    assert os.fsencode(failure["name"]) == name


# --- for CI systems


def test_junit(
    run: Callable[..., Run], broken: Path, httpd: Path, tmp_path: Path, junit: Any
) -> None:
    """Each manifest is a suite with a case for each failure and one for the manifest."""
    done = run("--junit", "report.xml", broken, httpd, broken / "none")
    assert done.returncode == 2
    text = (tmp_path / "report.xml").read_text(encoding="utf-8")
    found = junit.fromstring(text)
    counted = [(s.name, s.tests, s.failures, s.errors, s.skipped) for s in found]
    assert counted == [
        (str(broken / "MD5SUMS"), 5, 2, 2, 0),
        (str(httpd / "sha1sum.txt"), 2, 1, 0, 0),
        (str(broken / "none"), 1, 0, 1, 0),
    ]
    assert (found.tests, found.failures, found.errors, found.skipped) == (8, 3, 3, 0)
    for suite in found:
        cases = list(suite)
        assert len(cases) == suite.tests
        results = [type(result).__name__ for case in cases for result in case.result]
        assert results.count("Failure") == suite.failures
        assert results.count("Error") == suite.errors
    (mismatch,) = [c for c in ET.fromstring(text).iter("testcase") if c.get("name") == "bad"]
    assert mismatch.get("classname") == str(broken / "MD5SUMS")
    (failure,) = mismatch
    digests = {failure.tag: failure.get("message", "").split()}
    assert digests["failure"][:2] == ["md5", "listed"]
    assert "4 entries: 1 verified" in text


def test_junit_holds_no_control_characters(
    run: Callable[..., Run], tmp_path: Path, httpd: Path
) -> None:
    """Control characters, undecodable bytes and markup in names are escaped."""
    name = b"a<b>&\"'\\\\\x01\x7f" + (b"\xff" if sys.platform == "linux" else b"")
    (tmp_path / "MD5SUMS").write_bytes(b"%032d  %s\n" % (0, name))
    assert run("--junit", "report.xml", "MD5SUMS").returncode == 1
    data = (tmp_path / "report.xml").read_bytes()
    assert not set(data) & (set(range(32)) - {10})
    (case,) = [c for c in ET.fromstring(data).iter("testcase") if c.get("name") != "manifest"]
    backslashes = "\\" * (2 if os.name == "nt" else 4)  # which are separators there
    assert (case.get("name") or "").startswith(f"a<b>&\\\"'{backslashes}\\x01\\x7f")
    done = run("--junit", tmp_path / "no folder" / "report.xml", httpd)
    assert "no folder" in done.stderr
    assert done.returncode == 2


def test_junit_of_success(
    run: Callable[..., Run], tree: Callable[..., Path], tmp_path: Path, junit: Any
) -> None:
    """Success is one passed case: some systems reject an empty suite."""
    assert run("--junit", "report.xml", tree({"a": b"a"})).returncode == 0
    found = junit.fromfile(str(tmp_path / "report.xml"))
    assert (found.tests, found.failures, found.errors) == (1, 0, 0)
    (suite,) = found
    (case,) = suite
    assert (case.name, case.is_passed) == ("manifest", True)
