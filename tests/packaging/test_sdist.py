"""The source distribution: its content, its builds offline, and equal bytes from two builds."""

from __future__ import annotations

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
    """Run a command that must succeed; return its output."""
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
    """Copy the source, and install the build requirements of pyproject.toml next to it."""
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
    """Build with a hook of the backend, into a new folder."""
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


def test_it_holds_the_source(scratch: Path, archive: Path) -> None:
    """Every file is as in the source, made by the build, or part of a Go module; none is a binary.

    Whether a file is missing is checked by check-sdist, in the session `sdist` of noxfile.py.
    """
    assert archive.stat().st_size < 10_000_000
    made = re.compile(r"PKG-INFO|setup\.cfg|src/checksig\.egg-info/.+|go/vendor/.+")
    binary = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"!<arch>\n")
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            if member.isfile():
                name = member.name.partition("/")[2]
                content = tar.extractfile(member)
                assert content is not None
                data = content.read()
                assert not data.startswith(binary), name
                assert made.fullmatch(name) or data == (scratch / "copy" / name).read_bytes(), name


def test_its_members_name_no_user(archive: Path) -> None:
    """All members are files or folders below one folder, of one time, one owner and two modes."""
    top = archive.name.removesuffix(".tar.gz")
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
    assert len({member.name for member in members}) == len(members)
    for member in members:
        assert member.name.partition("/")[0] == top
        assert ".." not in member.name.split("/")
        assert member.isfile() or member.isdir()
        assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
        assert member.mode in ({0o755} if member.isdir() else {0o644, 0o755})
        assert member.mtime == members[0].mtime


def test_two_are_the_same(scratch: Path, archive: Path, build: Callable[..., Path]) -> None:
    """The umask, the folder and the time zone change nothing."""
    other = scratch / "another folder"
    shutil.copytree(scratch / "copy", other, copy_function=shutil.copy)
    again = build("build_sdist", other, 0o077, TZ="Pacific/Kiritimati")
    assert again.read_bytes() == archive.read_bytes()


def test_a_date_can_be_asked_for(scratch: Path, build: Callable[..., Path]) -> None:
    """SOURCE_DATE_EPOCH is the time of every member."""
    dated = build("build_sdist", scratch / "copy", SOURCE_DATE_EPOCH="1700000000")
    with tarfile.open(dated) as tar:
        assert {member.mtime for member in tar} == {1700000000}


@pytest.mark.once
def test_a_date_can_be_asked_for_the_wheel(scratch: Path, build: Callable[..., Path]) -> None:
    """SOURCE_DATE_EPOCH is the time of every file in the wheel; two wheels are equal."""
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
    """Each Go module of go.mod is there, with the licence that LICENSES holds."""
    vendor = source / "go" / "vendor"
    text = (vendor / "modules.txt").read_text("utf-8")
    modules = re.findall(r"^# (\S+) (v\S+)", text, re.MULTILINE)
    text = (source / "go" / "go.mod").read_text("utf-8")
    pinned = re.findall(r"^\t(\S+) (v\S+)", text, re.MULTILINE)
    assert sorted(modules) == sorted(pinned)
    assert "golang.org/x/crypto" in dict(modules)
    for name, _version in modules:
        (licence,) = (vendor / name).glob("LICENSE*")
        ours = source / "LICENSES" / f"{name.replace('/', '-')}.txt"
        assert ours.read_bytes() == licence.read_bytes(), name


@pytest.fixture
def offline() -> tuple[str, ...]:
    """Return what starts a command without a network, or nothing where that is not allowed."""
    unshare = ("unshare", "--net", "--map-root-user")
    if shutil.which("unshare") is None:
        return ()
    tried = subprocess.run([*unshare, "true"], capture_output=True, timeout=60, check=False)
    return unshare if tried.returncode == 0 else ()


@pytest.mark.once
def test_it_is_installed_offline(
    scratch: Path, archive: Path, offline: tuple[str, ...], tmp_path: Path
) -> None:
    """With Go, a compiler and the build requirements installed, pip needs no network."""
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
