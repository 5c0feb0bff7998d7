"""The plugin for pytest, as installed with the wheel."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ["pytester"]

PASSES = "def test_passes():\n    pass\n"


@pytest.fixture
def data(tree: Callable[..., Path]) -> Path:
    """Make a folder of test data that is as listed."""
    return tree({"a.bin": b"a", "b.bin": b"b"})


@pytest.fixture
def run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Run pytest in a process of its own, in a folder with one test that passes."""
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "CHECKSIG_ENGINE"):
        monkeypatch.delenv(name, raising=False)  # of the run that this test is in
    pytester.makepyfile(test_it=PASSES)

    def run(*arguments: str | Path) -> pytest.RunResult:
        return pytester.runpytest_subprocess(*arguments, timeout=100)

    return run


def test_data_as_listed(data: Path, run: Callable[..., pytest.RunResult]) -> None:
    """The header says what was verified, and the tests run."""
    done = run("--checksig", data / "SHA256SUMS")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["checksig: *SHA256SUMS: 2 entries: 2 verified"])
    assert done.ret == 0


@pytest.mark.parametrize("workers", ["0", "2"])
def test_data_not_as_listed(data: Path, run: Callable[..., pytest.RunResult], workers: str) -> None:
    """No test runs, and the message names every file."""
    (data / "a.bin").write_bytes(b"x")
    (data / "b.bin").unlink()
    done = run("-n", workers, "--checksig", data)
    assert done.ret == 1
    text = done.stdout.str() + done.stderr.str()
    assert "the test data is not as listed" in text
    assert "2 entries: 0 verified, 1 mismatched, 1 missing" in text
    assert "a.bin" in text
    assert "b.bin" in text
    assert "passed" not in text
    assert "Traceback" not in text


def test_every_manifest_is_verified(
    data: Path, httpd: Path, run: Callable[..., pytest.RunResult]
) -> None:
    """The option can be repeated: one bad manifest ends the run."""
    done = run("--checksig", data, "--checksig", httpd)
    assert done.ret == 1
    assert "httpd-08.log" in done.stdout.str() + done.stderr.str()


def test_the_setting(
    data: Path, pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]
) -> None:
    """Paths in the settings start from the folder of the file with the settings."""
    data.rename(pytester.path / "data")
    pytester.makeini("[pytest]\nchecksig_manifests = data/SHA256SUMS\n")
    done = run()
    done.stdout.fnmatch_lines(["checksig: data*SHA256SUMS: 2 entries: 2 verified"])
    (pytester.path / "data" / "a.bin").write_bytes(b"x")
    below = pytester.mkdir("below")
    (below / "test_below.py").write_text(PASSES)
    assert run(below).ret == 1
    assert run("--collect-only").ret == 0  # no test runs, so nothing is verified


@pytest.mark.parametrize("what", ["nothing", "empty"])
def test_what_cannot_be_verified(
    tmp_path: Path, run: Callable[..., pytest.RunResult], what: str
) -> None:
    """A manifest that is not there is a usage error, not a run without verification."""
    if what == "empty":
        (tmp_path / what).mkdir()
    done = run("--checksig", tmp_path / what)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    text = done.stdout.str() + done.stderr.str()
    assert "the test data cannot be verified" in text
    assert "Traceback" not in text


def test_the_controller_verifies_once(
    data: Path, run: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    """The workers of pytest-xdist do not verify again."""
    pytester.makeconftest("""
import os, checksig
def counted(*args, verify=checksig.verify, **options):
    with open("calls", "a") as file:
        print(os.environ.get("PYTEST_XDIST_WORKER", "controller"), file=file)
    return verify(*args, **options)
checksig.verify = counted
""")
    done = run("-n", "2", "--checksig", data)
    done.assert_outcomes(passed=1)
    assert (pytester.path / "calls").read_text().split() == ["controller"]


def test_the_fixture(
    data: Path, httpd: Path, pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]
) -> None:
    """The fixture verifies with options, returns the report, and fails the test."""
    data.rename(pytester.path / "data")
    pytester.makepyfile(
        test_it=f"""
import checksig, pytest

@pytest.fixture(scope="session")
def dataset(checksig_verify):
    return checksig_verify("data", extra="fail")

def test_good(dataset):
    assert dataset.verified == 2

def test_bad(checksig_verify):
    checksig_verify({str(httpd)!r})

def test_strength(checksig_verify):
    checksig_verify("data", min_strength="sha512")

def test_nothing(checksig_verify):
    checksig_verify("nothing")
"""
    )
    done = run()
    done.assert_outcomes(passed=1, failed=3)
    text = done.stdout.str()
    assert "10 entries: 9 verified, 1 mismatched" in text
    assert "is weaker than sha512" in text
    assert "the test data cannot be verified: " in text
    assert "pytest_plugin.py" not in text  # no traceback into the plugin


def test_it_costs_nothing(pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]) -> None:
    """A run that does not use it loads the plugin's module and nothing else of the package."""
    pytester.makepyfile(
        test_it="""
import json, sys
def test_it():
    names = sorted(name for name in sys.modules if name.startswith(("checksig", "_cffi")))
    with open("loaded", "w") as file:
        json.dump(names, file)
"""
    )
    run().assert_outcomes(passed=1)
    loaded = json.loads((pytester.path / "loaded").read_text())
    assert loaded == ["checksig", "checksig.pytest_plugin"]


def test_it_loads_no_module_that_pytest_lacks() -> None:
    """Importing the plugin after pytest loads two modules."""
    program = """
import sys, pytest
before = set(sys.modules)
import checksig.pytest_plugin
print(*sorted(set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["checksig", "checksig.pytest_plugin"]


def test_the_tests_process_stays_as_it_is(
    data: Path, pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]
) -> None:
    """The engine that verifies the data runs in another process; the environment stays."""
    pytester.makepyfile(
        test_it="""
import os, sys
def test_it():
    assert "_cffi_backend" not in sys.modules
    assert "CHECKSIG_ENGINE" not in os.environ
"""
    )
    run("--checksig", data).assert_outcomes(passed=1)
