"""The report: typed, immutable, printable, and convertible to JSON."""

from __future__ import annotations

import copy
import dataclasses
import gc
import json
import os
import pickle
from typing import TYPE_CHECKING

import pytest

import checksig
from checksig import BadLine, Extra, Manifest, Report, Result, Status, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def a_result(name: str, status: Status = Status.MISMATCHED, detail: str | None = None) -> Result:
    """Return a result of the manifest ``d/m`` with the given name."""
    return Result(name, status, "sha1", "ab", "cd", 3, os.path.join("d", "m"), 7, detail)


def a_report(**changes: object) -> Report:
    """Return a report of one verified entry, with changes."""
    manifest = Manifest(os.path.join("d", "m"), "gnu")
    report = Report("d", (manifest,), 1, 0, 0, 0, 0, (), (), 3, 0.5)
    return dataclasses.replace(report, **changes)  # type: ignore[arg-type]


def test_report_is_immutable(httpd: Path) -> None:
    """Neither a report nor its contents can be changed."""
    report = verify(httpd, check=False)
    for held in (report, report.failures[0], report.manifests[0]):
        with pytest.raises(AttributeError):
            setattr(held, "path" if held is not report.failures[0] else "status", "x")
    assert isinstance(report.failures, tuple)
    assert isinstance(report.results, tuple)


def test_report_is_true_only_when_all_is_well() -> None:
    """A report is true if it has entries, all verified, and no bad line."""
    assert a_report()
    assert not a_report(verified=0)
    assert not a_report(mismatched=1)
    assert not a_report(missing=1)
    assert not a_report(unreadable=1)
    assert a_report(skipped=1)
    assert not a_report(verified=0, skipped=1)
    assert a_report(extras=(Extra("x"),))
    assert not a_report(extras=(Extra("x"), Extra("y", fails=True)))
    assert not a_report(bad_lines=(BadLine("d/m", 1, "x", "y"),))


def test_reports_survive_pickle_and_copy(httpd: Path) -> None:
    """A report and the error that carries it can be pickled and copied."""
    report = verify(httpd, check=False)
    for twin in (pickle.loads(pickle.dumps(report)), copy.deepcopy(report)):  # noqa: S301
        assert twin == report
        assert twin.results == report.results
    error = pickle.loads(pickle.dumps(checksig.VerificationError(report)))  # noqa: S301
    assert error.report == report
    assert str(error) == str(checksig.VerificationError(report))


def test_results_outlive_other_verifications(tree: Callable[..., Path]) -> None:
    """Results stay valid in the engine's memory as long as the report exists."""
    folder = tree({f"{i:04}": b"%d" % i for i in range(3000)})
    report = verify(folder)
    twin = pickle.loads(pickle.dumps(report))  # noqa: S301
    for _ in range(3):
        other = verify(folder)
        del other
        gc.collect()
    assert [result.name for result in report.results] == [f"{i:04}" for i in range(3000)]
    assert twin.results == report.results


def test_json_round_trip(tree: Callable[..., Path]) -> None:
    """JSON holds the whole report, and names that are not UTF-8 come back."""
    folder = tree({"a": b"a"})
    name = "caf\udce9" if os.name == "posix" else "cafe"
    with (folder / "SHA256SUMS").open("ab") as manifest:
        manifest.write(b"0" * 64 + b"  " + os.fsencode(name) + b"\nbad\n")
    report = verify(folder, check=False)
    text = report.to_json(results=True, indent=2)
    assert text.isascii()
    document = json.loads(text)
    assert (document["schema"], document["ok"], document["errors"]) == (1, False, [])
    (d,) = document["reports"]
    assert d == json.loads(json.dumps(report.to_dict(results=True)))
    assert (d["entries"], d["verified"], d["missing"]) == (2, 1, 1)
    assert [f["name"] for f in d["failures"]] == [name]
    assert [(r["name"], r["status"]) for r in d["results"]] == [
        ("a", "verified"),
        (name, "missing"),
    ]
    assert d["bad_lines"][0]["line"] == 3
    assert "results" not in json.loads(report.to_json())["reports"][0]


def test_printed_forms() -> None:
    """Results, bad lines and reports print as one line each."""
    in_d = os.path.join("d", "x")
    m = os.path.join("d", "m")
    assert str(a_result("x")) == f'"{in_d}" - mismatch'
    assert str(a_result("x", Status.MISSING)) == f'"{in_d}" - missing'
    assert str(a_result("x", Status.UNREADABLE, detail="why")) == f'"{in_d}" - unreadable: why'
    assert str(a_result("x", Status.VERIFIED)) == f'"{in_d}" - ok'
    assert str(BadLine(os.path.join("d", "m"), 3, "text", "why")) == f'"{m}" line 3 - why'
    assert str(BadLine(os.path.join("d", "m"), 0, "", "why")) == f'"{m}" - why'
    assert str(a_report()) == "1 entry: 1 verified"
    failed = a_report(mismatched=1, failures=(a_result("x"),))
    assert str(failed) == f'2 entries: 1 verified, 1 mismatched\n"{in_d}" - mismatch'


def test_many_failures_are_cut_short() -> None:
    """A message is bounded; the report keeps everything."""
    failures = tuple(a_result(str(i)) for i in range(1000))
    text = str(checksig.VerificationError(a_report(mismatched=1000, failures=failures)))
    lines = text.splitlines()
    assert len(lines) == 22
    assert lines[0] == "1,001 entries: 1 verified, 1,000 mismatched"
    assert lines[1].endswith(" - mismatch: sha1 listed ab, found cd")
    assert lines[-1] == "... and 980 more"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain é 名", "plain é 名"),
        ("new\nline", "new\\nline"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ('q"u\\', 'q\\"u\\' if os.name == "nt" else 'q\\"u\\\\'),
        ("\udcff", "\\xff"),
        ("\u202eevil", "\\u202eevil"),
    ],
)
def test_names_cannot_control_the_terminal(name: str, shown: str) -> None:
    """A printed name is one line without control characters."""
    text = str(a_result(name)._replace(manifest="m"))
    assert text == f'"{shown}" - mismatch'


def test_status_is_a_string() -> None:
    """A status compares and prints as its word."""
    assert isinstance(Status.MISSING, str)
    assert f"{Status.MISSING}" == "missing"
    assert Status("verified") is Status.VERIFIED
