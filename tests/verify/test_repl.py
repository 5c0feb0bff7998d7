"""What a REPL, a notebook and a log show of reports, however large they are."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import re
import subprocess
import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig import BadLine, Entry, Extra, Manifest, Report, Result, Status, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONG = "x" * 10_000
MANY = tuple(f"{LONG}{i}" for i in range(100))
RESULT = Result(LONG, Status.MISMATCHED, "sha256", "ab" * 64, "cd" * 64, 1, LONG, 7, LONG)


def large_report() -> Report:
    """Return a report in which everything is long, and there is much of it."""
    manifest = Manifest(LONG, "gnu", MANY, notes=MANY, unverified=MANY)
    results = (RESULT,) * 200_000
    bad = BadLine(LONG, 1, LONG, LONG)
    extra = Extra(LONG, LONG)
    return Report(
        *(LONG, (manifest,) * 10, 1, 200_000, 0, 0, 0, results, (bad,) * 1000, 0, 0.0),
        extras=(extra,) * 1000,
        not_understood=MANY,
    )


def large_record(cls: Any) -> Any:
    """Return an object with a long value in each field."""
    values: dict[str, Any] = {"str": LONG, "int": 1, "float": 0.0, "bool": True}
    values["tuple[bytes, ...]"] = (LONG.encode(),) * 1000
    return cls(**{field.name: values.get(str(field.type), MANY) for field in fields(cls)})


def test_every_repr_is_short() -> None:
    """Of every public object, and of the tuples that they hold."""
    report = large_report()
    package = checksig.PackageReport(LONG, LONG, LONG, report, LONG, skipped=(RESULT,) * 1000)
    installed = checksig.InstalledReport(LONG, (package,) * 1000)
    created, updated, converted = map(
        large_record, (checksig.Created, checksig.Updated, checksig.Converted)
    )
    entry = Entry(LONG, "sha256", "ab" * 64, 1, LONG, 1, listed=LONG)
    held: list[Any] = [report, package, installed, created, updated, converted]
    records: tuple[Any, ...] = (RESULT, entry, *report.manifests[:1], *report.bad_lines[:1])
    values: list[Any] = []
    for each in held:
        values += [getattr(each, field.name) for field in fields(each) if field.repr]
    values += [*held, *records, *report.extras[:1], report.notes, report.results, created.skipped]
    values += [updated.unread, report.unlisted, checksig.VerificationError(report)]
    values += [checksig.Progress(1, 2, 3, 4), checksig.CancelToken(), *checksig.algorithms]
    for value in values:
        if type(value) is not str:
            assert len(repr(value)) < 4000, type(value)
    assert len(repr(checksig.VerificationError(report))) < 300


def test_what_a_repr_has(httpd: Path) -> None:
    """A report shows its verdict and counts; other objects show how they can be made again."""
    report = verify(httpd, check=False)
    assert repr(report) == f"<Report {str(httpd)!r} FAILED: {report.summary()}>"
    short = Extra("a", "b", fails=True)
    assert repr(short) == "Extra(path='a', moved_from='b', fails=True)"
    assert eval(repr(short), {"Extra": Extra}) == short  # noqa: S307
    assert repr(report.failures) == f"({report.failures[0]!r},)"
    assert repr(report.results).endswith(", ... 7 more)")
    assert report.results == tuple(report.results)
    assert list(report.iter_results())[0] == report.failures[0]  # noqa: RUF015
    assert sorted(report.iter_results()) == sorted(report.results)


def html(report: Any) -> str:
    """Return what a notebook shows."""
    text: str = report._repr_html_()
    return text


def test_html_in_a_notebook(httpd: Path) -> None:
    """Counts, failures and notes as HTML, in which names are text."""
    report = verify(httpd, check=False)
    text = html(report)
    assert "10 entries: 9 verified, 1 mismatched" in text
    assert str(httpd / "httpd-08.log") in text
    assert "sha1 detects corruption, not tampering" in text
    hostile = RESULT._replace(name="<script>alert(1)</script>&\x1b", manifest="m")
    many = Report("<b>", (), 1, 1000, 0, 0, 0, (hostile,) * 1000, (), 0, 0.0)
    text = html(many)
    assert "<script" not in text
    assert "\x1b" not in text
    assert "<b>&lt;" not in text
    assert "&lt;b&gt;" in text
    assert "... and 980 more" in text
    assert len(text) < 30 * len(LONG)
    installed = checksig.InstalledReport("/", ())
    assert "FAILED" in html(installed)


def test_version() -> None:
    """`__version__` is that of the installed package."""
    assert checksig.__version__ == importlib.metadata.version("checksig")


def test_dir_has_no_helpers(python: Callable[..., str]) -> None:
    """Only what is meant for users, before and after names were used."""
    shown = python("import checksig; checksig.verify; print(*dir(checksig))").split()
    public = {*checksig.__all__, "algorithms", "errors", "report"}
    assert {name for name in shown if not name.startswith("__")} == public
    assert {"__all__", "__doc__", "__version__"} <= set(shown)
    assert dir(checksig.errors) == sorted(checksig.errors.__all__)


# --- tables


@pytest.fixture
def odd(tree: Callable[..., Path]) -> Report:
    """Return the report of a folder with a name that is not UTF-8, and a missing file."""
    name = "caf\udce9" if sys.platform == "linux" else "café"
    folder = tree({"a": b"abc", name: b"", "gone": b"x"})
    (folder / "gone").unlink()
    return verify(folder, check=False)


def check_columns(rows: list[dict[str, Any]], report: Report) -> None:
    """Compare rows with the results of the report."""
    assert len(rows) == 3
    for row, result in zip(rows, report.results, strict=True):
        for name in ("status", "algorithm", "expected", "size", "line", "manifest", "assumed"):
            assert row[name] == getattr(result, name)
        assert os.fsdecode(row["name_bytes"]) == result.name
        assert os.fsdecode(row["path_bytes"]) == result.path
    assert rows[0]["name"] == "a"
    assert rows[1]["name"] == ("caf\\xe9" if sys.platform == "linux" else "café")
    assert rows[0]["found"] == rows[0]["expected"]


@pytest.mark.needs("module pyarrow")
def test_to_arrow(odd: Report) -> None:
    """A table with a row for each entry; also of no entry."""
    table = odd.to_arrow()
    rows = table.to_pylist()
    check_columns(rows, odd)
    assert rows[2]["found"] is None
    empty = Report("x", (), 0, 0, 0, 0, 0, (), (), 0, 0.0).to_arrow()
    assert empty.schema == table.schema
    assert empty.num_rows == 0


@pytest.mark.needs("module pandas")
def test_to_pandas(odd: Report) -> None:
    """A data frame with a row for each entry; also of no entry."""
    frame: Any = odd.to_pandas()
    check_columns(frame.to_dict("records"), odd)
    assert frame["found"].isna().tolist() == [False, False, True]
    assert frame.groupby("status").size().to_dict() == {"missing": 1, "verified": 2}
    empty: Any = Report("x", (), 0, 0, 0, 0, 0, (), (), 0, 0.0).to_pandas()
    assert list(empty.columns) == list(frame.columns)
    assert len(empty) == 0


@pytest.mark.parametrize(("method", "package"), [("to_arrow", "pyarrow"), ("to_pandas", "pandas")])
def test_without_the_package(
    odd: Report, monkeypatch: pytest.MonkeyPatch, method: str, package: str
) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"{method}\(\) needs {package}.*pip install {package}"):
        getattr(odd, method)()


# --- messages and logs


def test_the_message_of_a_failure(httpd: Path) -> None:
    """It has the counts, and the algorithm and both digests of each mismatch."""
    with pytest.raises(checksig.VerificationError) as caught:
        verify(httpd)
    (failure,) = caught.value.report.failures
    assert str(caught.value) == (
        "10 entries: 9 verified, 1 mismatched\n"
        f'"{failure.path}" - mismatch: sha1 listed {failure.expected}, found {failure.found}'
    )


def test_logs(
    httpd: Path, tree: Callable[..., Path], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """INFO at the start and the end, WARNING for failures."""
    caplog.set_level("INFO", "checksig")

    def logged() -> list[tuple[str, str]]:
        found = [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "checksig"]
        caplog.clear()
        return found

    report = verify(httpd, check=False)
    failed = [
        ("INFO", f"verifying {httpd}"),
        ("WARNING", f'"{httpd / "httpd-08.log"}" - mismatch'),
        ("WARNING", f"failed {httpd}: {report.summary()}"),
    ]
    assert logged() == failed
    assert len(list(checksig.iter_verify(httpd))) == 10
    assert logged() == [*failed[:2], ("INFO", f"verified {httpd}: 9 entries")]
    folder = tree({"a": b"a"})
    assert verify(folder)
    assert logged() == [
        ("INFO", f"verifying {folder}"),
        ("INFO", f"verified {folder}: 1 entry: 1 verified"),
    ]
    (folder / "a").rename(folder / "b")
    checksig.update(folder / "SHA256SUMS")
    lines = logged()
    assert [level for level, _ in lines] == ["INFO", "WARNING", "INFO"]
    assert lines[1][1].startswith("missing: ")
    checksig.create(folder / "b", output=tmp_path / "sums")
    assert [level for level, _ in logged()] == ["INFO", "INFO"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_logs_are_bounded_and_printable(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """No name can write a line of its own, and a million failures do not fill the disk."""
    lines = b"".join(b"\\%032d  %d\\nINFO:root:fine\x1b\n" % (0, i) for i in range(1500))
    (tmp_path / "MD5SUMS").write_bytes(lines)
    verify(tmp_path, check=False)
    found = [record.getMessage() for record in caplog.records if record.name == "checksig"]
    assert len(found) == 1002
    assert found[-2] == "... and 500 more failures"
    assert all(text.isprintable() for text in found)


def test_logs_are_quiet(httpd: Path, tmp_path: Path) -> None:
    """Without a handler nothing is printed, and `logging` is not imported."""
    program = """
import sys
{}
import checksig
checksig.verify(sys.argv[1], check=False)
print("logging" in sys.modules)
"""
    for first, expected in (("", "False"), ("import logging", "True")):
        done = subprocess.run(
            [sys.executable, "-c", program.format(first), httpd],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=60,
            check=True,
        )
        assert (done.stdout.strip(), done.stderr) == (expected, "")
    assert logging.getLogger("checksig").handlers
    assert re.match(r"\d", checksig.__version__)


def test_insecure_algorithms() -> None:
    """The notes know the same algorithms as the engine."""
    from checksig._notes import INSECURE

    assert {each.name for each in checksig.algorithms if not each.secure} == INSECURE
