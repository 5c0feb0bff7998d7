"""The source distribution: its contents, its build, and reproducible builds."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("sdist"),  # whose fixtures build
]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command that must succeed; return what it printed."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory, needs: Callable[..., None]) -> Path:
    """Copy the source, and install next to it what pyproject.toml requires for a build."""
    needs("go", "a C compiler")
    scratch = tmp_path_factory.mktemp("source")
    skip = shutil.ignore_patterns(".*", "build", "dist", "*.so", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, scratch / "copy", ignore=skip)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = re.findall(r'^  "([^"]+)"', project.partition("[project]")[0], re.MULTILINE)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q")
    run(*pip, "--target", scratch / "tools", *needed, cwd=scratch)
    return scratch


@pytest.fixture(scope="module")
def build(scratch: Path) -> Callable[..., Path]:
    """Build with a hook of the backend into a new folder."""
    number = iter(range(100))

    def build(hook: str, source: Path, umask: int = 0o022, **environment: str) -> Path:
        folder = scratch / f"{hook} {next(number)}"
        folder.mkdir()
        path = os.pathsep.join(map(str, (scratch / "tools", source / "backend")))
        program = f"""
import checksig_build, os, sys
os.umask({umask})
checksig_build.{hook}(sys.argv[1])
"""
        command = (sys.executable, "-c", program, folder)
        run(*command, cwd=source, **{"PYTHONPATH": path, **environment})
        (built,) = folder.iterdir()
        return built

    return build


@pytest.fixture(scope="module")
def archive(scratch: Path, build: Callable[..., Path]) -> Path:
    """Build the source distribution."""
    return build("build_sdist", scratch / "copy")


@pytest.fixture(scope="module")
def source(scratch: Path, archive: Path) -> Path:
    """Unpack the source distribution."""
    shutil.unpack_archive(archive, scratch)
    return scratch / archive.name.removesuffix(".tar.gz")


def check(scratch: Path, archive: Path) -> list[str]:
    """Run tools/check_sdist.py; return the faults that it prints."""
    done = subprocess.run(
        [sys.executable, scratch / "copy" / "tools" / "check_sdist.py", archive],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    lines = [line.removeprefix(f"{archive.name}: ") for line in done.stdout.splitlines()]
    assert not done.stderr
    assert done.returncode == (0 if lines[0].startswith("ok, ") else 1)
    return lines if done.returncode else []


def test_it_holds_the_source_and_nothing_else(scratch: Path, archive: Path) -> None:
    """It holds the source and the Go modules, has no owner, and is below 10 MB."""
    assert check(scratch, archive) == []


def test_faults_are_found(scratch: Path, archive: Path, tmp_path: Path) -> None:
    """Extra, missing and changed files, binaries and links are reported."""
    damaged = tmp_path / archive.name
    top = archive.name.removesuffix(".tar.gz")
    with tarfile.open(archive) as old, tarfile.open(damaged, "w:gz", compresslevel=1) as new:
        for member in old.getmembers():
            name = member.name.partition("/")[2]
            content = old.extractfile(member) if member.isfile() else None
            text = content.read() if content else b""
            if name.startswith("go/vendor/golang.org/x/crypto/LICENSE") or name == "LICENSE":
                continue
            if name == "setup.py":
                text = b"# not as it was\n"
            member.size = len(text)
            new.addfile(member, io.BytesIO(text) if content else None)
        extra = tarfile.TarInfo(f"{top}/tests/program")
        extra.mtime, extra.mode, extra.uid, extra.size = 1, 0o700, 1000, 4
        new.addfile(extra, io.BytesIO(b"\x7fELF"))
        link = tarfile.TarInfo("elsewhere/link")
        link.type, link.linkname, link.mode = tarfile.SYMTYPE, "/etc/passwd", 0o644
        new.addfile(link)
    assert check(scratch, damaged) == [
        f"{top}/tests/program tells who made it",
        f"{top}/tests/program has the mode 700",
        f"elsewhere/link is outside of {top}",
        "elsewhere/link is neither a file nor a folder",
        "its members are of several times",
        "lacks LICENSE",
        "holds tests/program",
        "holds another setup.py",
        "tests/program is a binary",
        "lacks the licence of golang.org/x/crypto",
    ]


def test_two_are_the_same(scratch: Path, archive: Path, build: Callable[..., Path]) -> None:
    """Umask, folder and time zone make no difference."""
    other = scratch / "another folder"
    shutil.copytree(scratch / "copy", other, copy_function=shutil.copy)
    again = build("build_sdist", other, 0o077, TZ="Pacific/Kiritimati")
    assert again.read_bytes() == archive.read_bytes()


def test_a_date_can_be_asked_for(scratch: Path, build: Callable[..., Path]) -> None:
    """SOURCE_DATE_EPOCH sets the time of every member."""
    dated = build("build_sdist", scratch / "copy", SOURCE_DATE_EPOCH="1700000000")
    with tarfile.open(dated) as tar:
        assert {member.mtime for member in tar} == {1700000000}


@pytest.mark.once
def test_a_date_can_be_asked_for_the_wheel(scratch: Path, build: Callable[..., Path]) -> None:
    """SOURCE_DATE_EPOCH sets the time of every file, and two wheels are equal."""
    dates: list[set[tuple[int, ...]]] = []
    contents: list[bytes] = []
    for epoch, umask, zone in (
        ("1700000000", 0o022, "UTC"),
        ("1700000000", 0o077, "UTC"),
        ("315532800", 0o022, "UTC"),
    ):
        wheel = build("build_wheel", scratch / "copy", umask, SOURCE_DATE_EPOCH=epoch, TZ=zone)
        contents.append(wheel.read_bytes())
        with zipfile.ZipFile(wheel) as packed:
            dates.append({entry.date_time for entry in packed.infolist()})
    assert contents[0] == contents[1] != contents[2]
    assert dates[0] == dates[1] == {(2023, 11, 14, 22, 13, 20)}
    assert dates[2] == {(1980, 1, 1, 0, 0, 0)}


def test_it_brings_the_modules_with_licences(source: Path) -> None:
    """The licence of each Go module is the one in LICENSES."""
    vendor = source / "go" / "vendor"
    modules = re.findall(r"^# (\S+) ", (vendor / "modules.txt").read_text("utf-8"), re.MULTILINE)
    assert "golang.org/x/crypto" in modules
    for name in modules:
        (licence,) = (vendor / name).glob("LICENSE*")
        ours = source / "LICENSES" / f"{name.replace('/', '-')}.txt"
        assert ours.read_bytes() == licence.read_bytes(), name


@pytest.fixture
def offline() -> tuple[str, ...]:
    """Return a prefix that runs a command without network, or nothing if not allowed."""
    unshare = ("unshare", "--net", "--map-root-user")
    if shutil.which("unshare") is None:
        return ()
    tried = subprocess.run([*unshare, "true"], capture_output=True, timeout=60, check=False)
    return unshare if tried.returncode == 0 else ()


@pytest.mark.once
def test_it_is_installed_offline(
    scratch: Path, archive: Path, offline: tuple[str, ...], tmp_path: Path
) -> None:
    """With Go, a compiler and the build requirements, pip needs no network."""
    nowhere = {
        "PYTHONPATH": str(scratch / "tools"),
        "GOPROXY": "off",
        "GOFLAGS": "-mod=vendor",
        "GOMODCACHE": str(tmp_path / "no modules"),
    }
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q")
    options = ("--no-deps", "--no-index", "--no-build-isolation", "--target")
    run(*offline, *pip, *options, tmp_path / "installed", archive, cwd=tmp_path, **nowhere)
    assert not (tmp_path / "no modules" / "cache" / "download").exists()
    program = "import checksig; print(checksig.__file__); print(len(checksig.algorithms))"
    installed = str(tmp_path / "installed")
    answer = run(sys.executable, "-c", program, cwd=tmp_path, PYTHONPATH=installed)
    assert answer.startswith(installed)
    assert int(answer.split()[-1]) >= 20
