"""The documents that the command writes: valid for every manifest, whatever is wrong with it."""

from __future__ import annotations

import contextlib
import copy
import csv
import importlib
import importlib.resources
import io
import json
import os
import re
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import checksig
from checksig.cli import main

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = subprocess.CompletedProcess[str]

HERE = Path(__file__).resolve().parent.parent
ROWS: dict[str, dict[str, Any]] = json.loads((HERE / "corpus/rows.json").read_text("utf-8"))


class Validators(NamedTuple):
    """What says whether documents are valid."""

    json: Any
    junit: Any


@pytest.fixture(scope="module")
def valid(needs: Callable[..., None]) -> Validators:
    """Read the schemas; that of JSON must describe every property that is printed."""
    needs("module jsonschema", "module xmlschema")
    text = (importlib.resources.files("checksig") / "schema" / "report.v1.json").read_text("utf-8")
    schema = copy.deepcopy(json.loads(text))
    for each in (schema, *schema["$defs"].values()):
        each["additionalProperties"] = False
    return Validators(
        importlib.import_module("jsonschema").Draft202012Validator(schema),
        importlib.import_module("xmlschema").XMLSchema(str(HERE / "golden" / "junit.xsd")),
    )


def lay(slug: str, folder: Path) -> Path:
    """Put the files of a row of the corpus into *folder*, and return the path of its manifest."""
    row = ROWS[slug]
    folder.chmod(0o755)  # as an mtree lists it
    name: str
    for name, content in row["files"].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    manifest = folder / str(row["manifest"])
    text = (HERE / "corpus" / slug / row["manifest"]).read_bytes()
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_bytes(text.decode().encode(row["encoding"]) if row["encoding"] else text)
    return manifest


def words_of(slug: str, folder: Path) -> list[str]:
    """Return the options of a row as command-line arguments."""
    options: dict[str, Any] = ROWS[slug]["options"]
    words = ["--basename"] if options.get("basename") else []
    words += [f"--algorithm={options['algorithm']}"] if "algorithm" in options else []
    words += [f"--remap={old}={new}" for old, new in options.get("remap", {}).items()]
    return words + ([f"--root={folder / options['root']}"] if "root" in options else [])


def check(valid: Validators, *words: object) -> dict[str, Any]:
    """Run the command, fail unless its documents are valid and agree, and return the JSON."""
    out = io.StringIO()
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(out):
        files = {kind: Path(scratch, kind) for kind in ("junit", "csv", "html")}
        options = [f"--{kind}={file}" for kind, file in files.items()]
        code = main([*map(str, words), "--json", *options])
        junit, table = files["junit"].read_bytes(), files["csv"].read_bytes().decode()
        page = files["html"].read_text("utf-8")
    document: dict[str, Any] = json.loads(out.getvalue())
    valid.json.validate(document)
    text = junit.decode()
    valid.junit.validate(text)
    root = ET.fromstring(text)
    problems = len([*root.iter("failure"), *root.iter("error")])
    assert int(root.get("failures", "")) + int(root.get("errors", "")) == problems
    assert int(root.get("tests", "")) == len([*root.iter("testcase")])
    assert document["ok"] is (code == 0) is (problems == 0)
    rows = list(csv.DictReader(io.StringIO(table, newline=""), strict=True))
    good = {"verified", "skipped"}
    if "--extra=fail" not in words:
        good.add("not listed")
    assert document["ok"] is all(row["status"] in good for row in rows)
    entries = sum(report["entries"] for report in document.get("reports", []))
    assert sum(row["kind"] == "file" and row["status"] != "not listed" for row in rows) == entries
    assert page.count("<script>") == page.count("</html>") == 1
    return document


@pytest.mark.parametrize("slug", ROWS)
def test_each_manifest_has_valid_documents(valid: Validators, slug: str, tmp_path: Path) -> None:
    """Each shape of manifest: as it is, cut short, and with its files changed or missing."""
    if os.name == "nt" and any(set(name) & set('\\\n\r"') for name in ROWS[slug]["files"]):
        pytest.skip("Windows has no such names")
    manifest = lay(slug, tmp_path)
    words = [manifest, *words_of(slug, tmp_path)]
    assert check(valid, *words)["ok"]
    for i, name in enumerate(ROWS[slug]["files"]):
        if i % 2:
            (tmp_path / name).unlink()
        elif tmp_path / name != manifest:
            (tmp_path / name).write_bytes(b"changed")
    assert not check(valid, *words, "--format=gnu")["ok"]
    assert not check(valid, *words)["ok"]
    text = manifest.read_bytes()
    manifest.write_bytes(text[: len(text) * 2 // 3])
    check(valid, *words)
    check(valid, tmp_path, "--extra=fail", "--recursive", *words[1:])


@given(
    slug=st.sampled_from(sorted(ROWS)),
    at=st.floats(0, 1),
    length=st.integers(0, 40),
    instead=st.one_of(
        st.binary(max_size=12),
        st.sampled_from([b"\0", b"\xff\xfe", b"\n\n", b'"', b"<", b"]]>", b"\x1b[2J", b"../../x"]),
    ),
    more=st.sampled_from([(), ("--extra=fail",), ("--ignore-missing",), ("--ignore-text",)]),
    removed=st.booleans(),
)
@example(slug="tab", at=0.0, length=0, instead=b"\0", more=(), removed=False)
def test_documents_are_valid_whatever_is_wrong(
    *,
    valid: Validators,
    slug: str,
    at: float,
    length: int,
    instead: bytes,
    more: tuple[str, ...],
    removed: bool,
) -> None:
    """JSON, JUnit, CSV and HTML of a manifest in which some bytes are others."""
    if os.name == "nt" and any(set(name) & set('\\\n\r"') for name in ROWS[slug]["files"]):
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = lay(slug, folder)
        text = manifest.read_bytes()
        start = int(at * len(text))
        manifest.write_bytes(text[:start] + instead + text[start + length :])
        if removed:
            (folder / next(iter(ROWS[slug]["files"]))).unlink()
        check(valid, manifest, *words_of(slug, folder), *more)
        check(valid, folder, *words_of(slug, folder), *more)


def a_bag(folder: Path) -> Path:
    """Make a bag whose Payload-Oxum is wrong."""
    (folder / "data").mkdir()
    (folder / "data" / "a").write_bytes(b"a")
    (folder / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    (folder / "bag-info.txt").write_text("Payload-Oxum: 99.1\n")
    digest = checksig.digest(folder / "data" / "a")
    (folder / "manifest-sha256.txt").write_text(f"{digest}  data/a\n")
    return folder


def test_documents_of_a_bag(valid: Validators, tmp_path: Path) -> None:
    """A wrong Payload-Oxum is about a file that has no digests and no encoding."""
    document = check(valid, a_bag(tmp_path))
    (bad,) = document["reports"][0]["bad_lines"]
    assert bad["cause"].startswith("Payload-Oxum is 99.1")


def test_documents_of_several_paths(valid: Validators, httpd: Path, tmp_path: Path) -> None:
    """The same path twice, a folder without manifests and none at all."""
    (tmp_path / "empty").mkdir()
    check(valid, httpd, httpd, tmp_path / "empty", tmp_path / "none")
    check(valid, "env", tmp_path / "none")


def test_the_report_is_the_document(run: Callable[..., Run], httpd: Path) -> None:
    """`Report.to_json` returns what `--json` prints, except for the time taken."""
    report = checksig.verify(httpd, check=False)
    elapsed = re.compile(r'"elapsed": [\d.e-]+')
    printed = elapsed.sub("", run("--json", httpd).stdout)
    assert elapsed.sub("", report.to_json(indent=2) + "\n") == printed


def test_notes_are_included(run: Callable[..., Run], httpd: Path, tmp_path: Path) -> None:
    """The notes of the text are in JSON, in JUnit and in HTML."""
    note = "sha1 detects corruption, not tampering"
    assert f"NOTE        {note}" in run(httpd).stdout
    assert checksig.verify(httpd, check=False).notes == (note,)
    document = json.loads(run("--json", "--junit=j", "--html=h", httpd).stdout)
    assert document["reports"][0]["notes"] == [note]
    for name in ("j", "h"):
        assert note in (tmp_path / name).read_text("utf-8")


def test_junit_counts_each_manifest(run: Callable[..., Run], tmp_path: Path) -> None:
    """Each suite has the counts of its own manifest; no two cases have the same name."""
    good = checksig.digest(__file__)
    (tmp_path / "x").write_bytes(Path(__file__).read_bytes())
    (tmp_path / "y").write_bytes(Path(__file__).read_bytes())
    (tmp_path / "manifest").write_bytes(b"")
    (tmp_path / "a.sha256").write_text(f"{good}  y\n{good}  ./y\n")
    (tmp_path / "b.sha256").write_text(f"{good[::-1]}  x\n{good[::-1]}  x\n{good}  manifest\n")
    run("--junit=report.xml", ".")
    first, second = ET.parse(tmp_path / "report.xml").getroot()
    assert [suite.get("name") for suite in (first, second)] == ["a.sha256", "b.sha256"]
    assert first.findtext("testcase/system-out") == "2 verified"
    assert second.findtext("testcase/system-out") == "3 mismatched"
    assert [suite.get("tests") for suite in (first, second)] == ["1", "4"]
    names = [case.get("name") for case in second]
    assert names == ["manifest", "x", "x (sha256, line 2)", "manifest (sha256, line 3)"]


def test_a_document_on_standard_output(
    run: Callable[..., Run], httpd: Path, valid: Validators
) -> None:
    """`-` prints the document alone; two documents there are an error."""
    done = run("--junit", "-", httpd, httpd)
    valid.junit.validate(done.stdout)
    assert done.returncode == 1
    assert run("--csv", "-", httpd).stdout.startswith("kind,status,path,")
    assert run("--html", "-", httpd).stdout.endswith("</html>\n")
    for words in (["--json", "--junit=-"], ["--html=-", "--csv=-"]):
        done = run(*words, httpd)
        assert (done.returncode, done.stdout) == (2, "")
        assert "both write to standard output" in done.stderr
    if sys.platform == "linux":
        for kind in ("junit", "html", "csv"):
            done = run(f"--{kind}=/dev/full", httpd)
            assert done.returncode == 2
            assert "/dev/full: No space left on device" in done.stderr


@pytest.mark.parametrize("kind", ["junit", "html", "csv"])
def test_only_reports_are_replaced(
    run: Callable[..., Run], httpd: Path, tmp_path: Path, kind: str
) -> None:
    """An option whose FILE was forgotten does not cost the data that was to be verified."""
    file = tmp_path / "data"
    for content in (b"", None):  # nothing, and a report
        if content is not None:
            file.write_bytes(content)
        assert run(f"--{kind}=data", httpd).returncode == 1
    assert len(file.read_bytes()) > 100
    file.write_bytes(b"precious,data\n")
    done = run(f"--{kind}", "data")
    assert (done.returncode, done.stdout, file.read_bytes()) == (2, "", b"precious,data\n")
    assert done.stderr.startswith("checksig: data: exists, ")


def test_csv(run: Callable[..., Run], httpd: Path, tmp_path: Path) -> None:
    """A row for each result, in the order of the manifest, with CRLF at the end."""
    (tmp_path / "empty").mkdir()
    run("--csv", "results.csv", httpd, tmp_path / "empty")
    data = (tmp_path / "results.csv").read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n") == 12
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))
    report = checksig.verify(httpd, check=False)
    assert [row["path"] for row in rows[:-1]] == [result.path for result in report.results]
    bad = next(row for row in rows if row["status"] == "mismatched")
    (failure,) = report.failures
    assert (bad["expected"], bad["found"]) == (failure.expected, failure.found)
    assert (bad["algorithm"], bad["line"], bad["path_hex"]) == ("sha1", str(failure.line), "")
    assert (rows[-1]["kind"], rows[-1]["status"]) == ("error", "error")


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux alone")
def test_csv_has_every_name_exactly(run: Callable[..., Run], tmp_path: Path) -> None:
    """Names that are not UTF-8, have control characters, or would be a formula."""
    names = [b"=1+1", b"@x", b"caf\xe9", b"\x1b[2J", b'a,"b', b" plain ", "é".encode()]
    lines = b"".join(b"%064d  %s\n" % (0, name) for name in names)
    (tmp_path / "SHA256SUMS").write_bytes(lines)
    done = run("--csv=-", "SHA256SUMS")
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline=""), strict=True))
    exact = [bytes.fromhex(r["path_hex"]) or r["path"].encode() for r in rows]
    assert exact == names
    shown = ["'=1+1", "'@x", "caf\\xe9", "\\x1b[2J", 'a,"b', " plain ", "é"]
    assert [row["path"] for row in rows] == shown


def annotations_in(text: str) -> list[str]:
    """Return the annotations in what was printed."""
    return [line for line in text.splitlines() if line.startswith("::")]


def test_annotations_in(run: Callable[..., Run], tree: Callable[..., Path]) -> None:
    """Automatic in GitHub Actions, and nowhere else; either can be asked for."""
    folder = tree({"a,b%": b"1", "gone": b"2"})
    (folder / "a,b%").write_bytes(b"changed")
    (folder / "gone").unlink()
    with (folder / "SHA256SUMS").open("ab") as manifest:
        manifest.write(b"bad\x1b line\n")
    here = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(folder.parent)}
    nowhere = {"GITHUB_ACTIONS": "", "GITHUB_WORKSPACE": ""}
    done = run(folder, **here)
    lines = annotations_in(done.stderr)
    listed = (
        "sha256 listed 6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b, found "
    )
    assert lines[0].startswith(f"::error file=tree/a%2Cb%25,title=mismatched::{listed}")
    assert lines[1].startswith("::error file=tree/SHA256SUMS,line=2,title=missing::")
    assert re.fullmatch(
        r"::error file=tree/SHA256SUMS,line=3,title=bad line::.*bad\\x1b line", lines[2]
    )
    assert len(lines) == 3
    assert json.loads(run("--json", folder, **here).stdout)["ok"] is False
    assert annotations_in(run(folder, "--no-github", **here).stderr) == []
    assert annotations_in(run(folder, **nowhere).stderr) == []
    assert len(annotations_in(run(folder, "--github", **nowhere).stderr)) == 3
    assert annotations_in(run(folder / "none", **here).stderr) == [
        f"::error file=tree/none,title=not verified::{folder / 'none'}: No such file or directory"
    ]


def test_names_are_no_commands(run: Callable[..., Run], tmp_path: Path) -> None:
    """GitHub Actions takes ``##[`` in any line for a command; none is printed."""
    name = "x##[set-output name=y]z"
    (tmp_path / "MD5SUMS").write_text(f"{0:032}  {name}\n##[error]\n")
    for words in ([], ["--json"], ["-q", "--no-github"]):
        done = run(*words, "MD5SUMS", ".", "./##[none]", GITHUB_ACTIONS="true")
        assert "##[" not in done.stdout
        plain = [line for line in done.stderr.splitlines() if not line.startswith("::error ")]
        assert "##[" not in "".join(plain)
        if words == ["--json"]:
            assert json.loads(done.stdout)["reports"][0]["failures"][0]["name"] == name


def test_annotations_are_few(run: Callable[..., Run], tmp_path: Path) -> None:
    """GitHub shows ten for each step: the last one counts the rest."""
    (tmp_path / "MD5SUMS").write_text("".join(f"{i:032}  f{i}\n" for i in range(30)))
    lines = annotations_in(run("--github", "MD5SUMS").stderr)
    assert len(lines) == 10
    assert lines[-1] == "::error title=checksig::... and 21 more failures"
