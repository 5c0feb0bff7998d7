"""A plugin for pytest, which verifies test data before the tests run.

pytest loads this module in every run, so it imports nothing that is not loaded anyway; the rest of
the package is imported when it is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .report import Report

__all__ = ["checksig_verify"]

_VERIFIED = pytest.StashKey[list[str]]()
"""A line for the header of the run for each manifest."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the setting."""
    parser.getgroup("checksig").addoption(
        "--checksig",
        action="append",
        default=[],
        metavar="MANIFEST",
        help="before the tests, verify the files that MANIFEST lists, or the manifests in a folder;"
        " can be repeated",
    )
    parser.addini(
        "checksig_manifests",
        "manifests, or folders with manifests, to verify before the tests",
        type="paths",
        default=[],
    )


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist starts its workers
def pytest_sessionstart(session: pytest.Session) -> None:
    """Verify the test data, and end the run if something is not as listed."""
    config = session.config
    # A worker of pytest-xdist need not repeat what the controller has done.
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    folder = config.invocation_params.dir
    given: list[str] = config.option.checksig
    named: list[Path] = config.getini("checksig_manifests")
    paths = dict.fromkeys([*named, *(folder / path for path in given)])
    if not paths:
        return
    reports = {_shorten(path, folder): _verify_apart(path) for path in paths}
    if not all(reports.values()):
        failed = "\n".join(str(report) for report in reports.values() if not report)
        pytest.exit(f"the test data is not as listed\n{failed}", returncode=1)
    from ._printable import printable

    config.stash[_VERIFIED] = [
        f"{printable(name)}: {report.summary()}" for name, report in reports.items()
    ]


def _shorten(path: Path, folder: Path) -> str:
    """Return *path* as it is from *folder*, except on another drive of Windows."""
    try:
        return os.path.relpath(path, folder)
    except ValueError:
        return str(path)


def _verify_apart(path: Path) -> Report:
    """Verify *path* with the engine in another process: the tests' stays as it is without it."""
    from . import ChecksigError, verify
    from ._engine import VARIABLE

    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = "process"
    try:
        return verify(path, check=False, keep_verified=False)
    except (ChecksigError, OSError) as error:
        raise pytest.UsageError(f"the test data cannot be verified: {error}") from None
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Return what was verified."""
    nothing: list[str] = []
    return [f"checksig: {line}" for line in config.stash.get(_VERIFIED, nothing)]


@pytest.fixture(scope="session")
def checksig_verify(pytestconfig: pytest.Config) -> Callable[..., Report]:
    """Return a function that verifies a manifest, or a folder, and fails the test if it must.

    checksig_verify(path, **options) takes the options of checksig.verify and returns the report. A
    relative path starts from pytest's root folder.
    """

    def verify(path: str | os.PathLike[str], **options: Any) -> Report:
        __tracebackhide__ = True
        import checksig

        try:
            report = checksig.verify(pytestconfig.rootpath / path, check=False, **options)
        except (checksig.ChecksigError, OSError) as error:
            pytest.fail(f"the test data cannot be verified: {error}", pytrace=False)
        if not report.ok:
            pytest.fail(str(report), pytrace=False)
        return report

    return verify
