"""What the tests share. They run against the installed wheel, never the source tree."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

import checksig

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

HERE = Path(__file__).resolve().parent

# How many examples hypothesis tries; HYPOTHESIS_PROFILE=thorough takes a minute more.
settings.register_profile("quick", max_examples=100)
settings.register_profile("thorough", max_examples=1000)
settings.register_profile("emulated", max_examples=10, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# How many times longer than is written here a test may take, and waits for a program: for machines
# that are slow or emulated.
PATIENCE = float(os.environ.get("CHECKSIG_TEST_PATIENCE", "1"))


class Patient(subprocess.Popen[Any]):
    """A program that is waited for as long as PATIENCE says."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        return super().wait(None if timeout is None else timeout * PATIENCE)

    def communicate(self, input: Any = None, timeout: float | None = None) -> tuple[Any, Any]:  # noqa: A002
        """Wait for its end and for what it prints."""
        return super().communicate(input, None if timeout is None else timeout * PATIENCE)


if PATIENCE != 1:
    subprocess.Popen = Patient  # type: ignore[misc]

# Not what is there: a wheel that lacks its library is to fail.
WHEEL = importlib.metadata.distribution("checksig").read_text("WHEEL") or ""
# tools/platforms says "no" where cffi serves a Python not at all.
HAS_LIBRARY = "-musllinux_" not in WHEEL and os.environ.get("CHECKSIG_TEST_LIBRARY") != "no"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what no wheel for musl has; let the watchdogs be as patient."""
    if not HAS_LIBRARY:
        left_out = [item for item in items if is_about_the_library(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not is_about_the_library(item)]
    for item in items if PATIENCE != 1 else ():
        mark = item.get_closest_marker("timeout")
        seconds = mark.args[0] if mark else float(config.getini("timeout"))
        item.add_marker(pytest.mark.timeout(seconds * PATIENCE), append=False)


if Path(checksig.__file__).resolve().is_relative_to(HERE.parent / "src"):
    pytest.exit("the source tree is imported, not the installed wheel", returncode=3)


def is_wine() -> bool:
    """Whether this Windows is none."""
    return sys.platform == "win32" and hasattr(ctypes.windll.ntdll, "wine_get_version")


def is_about_the_library(item: pytest.Item) -> bool:
    """Whether a test is marked so, asks for the library as its engine, or for any one in Go."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return (
        item.get_closest_marker("library") is not None
        or any(parameters.get(name) == "library" for name in ("engine", "choice"))
        or "go_library" in getattr(item, "fixturenames", ())
    )


@pytest.fixture(scope="session")
def has_library() -> bool:
    """Tell whether the wheel holds the engine as a library; one for musl does not."""
    return HAS_LIBRARY


@pytest.fixture(scope="session")
def httpd() -> Path:
    """Find the sample: ten logs, of which httpd-08.log is not as listed."""
    return HERE / "data" / "httpd"


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder of files with a manifest that lists them all."""

    def make(
        files: Mapping[str, bytes], manifest: str = "SHA256SUMS", algorithm: str = "sha256"
    ) -> Path:
        folder = tmp_path / "tree"
        lines: list[bytes] = []
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            digest = hashlib.new(algorithm, content).hexdigest()
            lines.append(f"{digest}  ".encode() + os.fsencode(name) + b"\n")
        folder.mkdir(exist_ok=True)
        (folder / manifest).write_bytes(b"".join(lines))
        return folder

    return make


@pytest.fixture
def huge(tmp_path: Path) -> Path:
    """Make a folder with one file of 40 GB, which takes no room and a minute to hash."""
    folder = tmp_path / "of a huge file"
    folder.mkdir()
    file = folder / "huge"
    file.touch()
    if sys.platform == "win32" and not is_wine():  # elsewhere every file may have holes
        subprocess.run(["fsutil", "sparse", "setflag", file], check=True, capture_output=True)
    os.truncate(file, 40 << 30)
    (folder / "SHA512SUMS").write_text(f"{'0' * 128}  huge\n")
    return folder


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., str]:
    """Run a program in a Python of its own, far from the sources, and give what it printed."""

    def run(program: str, *arguments: object, timeout: float = 60) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(params=["library", "process"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test twice: with the library, and with a process for each job."""
    choice: str = request.param
    monkeypatch.setenv("CHECKSIG_ENGINE", choice)
    return choice


@pytest.fixture(scope="session")
def command() -> list[str]:
    """Find the command that was installed."""
    beside = shutil.which("checksig", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("checksig")
    assert found is not None
    return [found]


@pytest.fixture
def run(command: list[str], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command far from the sources, with these arguments, and variables as keywords."""

    def run(
        *arguments: object, cwd: Path = tmp_path, **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=100,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def go_library(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Build a shared library from the Go package in a folder."""
    go = shutil.which("go")
    if go is None or not any(map(shutil.which, ("cc", "gcc", "clang"))):
        pytest.skip("there is no Go, or no C compiler, to build a library with")

    def build(folder: Path, *flags: str) -> Path:
        library = tmp_path_factory.mktemp("library") / "library.so"
        subprocess.run(
            [go, "build", "-buildmode=c-shared", "-buildvcs=false", *flags, "-o", library, "."],
            cwd=folder,
            env={**os.environ, "CGO_ENABLED": "1", "GOTOOLCHAIN": "local"},
            check=True,
            timeout=300,
        )
        return library

    return build


@pytest.fixture(scope="session")
def tagged(go_library: Callable[..., Path]) -> Path:
    """Build the engine with the exports that only tests need, see go/capi_panics.go."""
    return go_library(HERE.parent / "go", "-tags=checksig_panics")


@pytest.fixture
def open_folder() -> Generator[Path]:
    """Make a folder that every user may enter, unlike those of tmp_path."""
    with tempfile.TemporaryDirectory(prefix="checksig-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def is_mounted(path: Path) -> bool:
    """Whether something is mounted at *path*; os.path.ismount would ask a dead file system."""
    words = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return str(path) in (word[4] for word in words)


@pytest.fixture
def faulty(open_folder: Path) -> Generator[Callable[..., Path]]:
    """Show a folder through a file system with faults; see faultfs.py."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("file systems in user space cannot be mounted here: no /dev/fuse")
    with contextlib.ExitStack() as mounts:

        def mount(folder: Path, faults: Mapping[str, Mapping[str, float]]) -> Path:
            point = open_folder / "mount"
            point.mkdir()
            server = subprocess.Popen(
                [sys.executable, HERE / "faultfs.py", point, folder, json.dumps(faults)]
            )

            def unmount() -> None:
                server.kill()  # which ends reads that hang, with an error
                server.wait(60)
                if is_mounted(point):
                    subprocess.run(["fusermount3", "-u", "-z", point], check=True, timeout=60)
                assert not is_mounted(point)

            mounts.callback(unmount)
            end = time.monotonic() + 60
            while not is_mounted(point):
                assert server.poll() is None, "the file system could not be mounted"
                assert time.monotonic() < end
                time.sleep(0.01)
            return point

        yield mount
