"""Fixtures for all tests, which run against the installed wheel, not the source tree."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

import checksig

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

HERE = Path(__file__).resolve().parent

# How many examples hypothesis tries. HYPOTHESIS_PROFILE=thorough takes minutes more.
# Without a deadline: how long an example takes depends on what else the machine does.
settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.register_profile("emulated", max_examples=10, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# Multiplies every timeout, for slow and emulated machines.
PATIENCE = float(os.environ.get("CHECKSIG_TEST_PATIENCE", "1"))

# With CHECKSIG_TEST_STRICT=1 a test fails where the machine lacks what it needs.
STRICT = os.environ.get("CHECKSIG_TEST_STRICT", "") not in {"", "0"}


class Patient(subprocess.Popen[Any]):
    """A program that is waited for PATIENCE times as long."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        return super().wait(None if timeout is None else timeout * PATIENCE)

    def communicate(self, input: Any = None, timeout: float | None = None) -> tuple[Any, Any]:  # noqa: A002
        """Wait for its end and for what it prints."""
        return super().communicate(input, None if timeout is None else timeout * PATIENCE)


os.environ.pop("GITHUB_ACTIONS", None)  # where the command prints annotations, too

if PATIENCE != 1:
    subprocess.Popen = Patient  # type: ignore[misc]

# From the wheel's tag, not from its files: a wheel that lacks its library must fail.
WHEEL = importlib.metadata.distribution("checksig").read_text("WHEEL") or ""
HAS_LIBRARY = "-musllinux_" not in WHEEL


def runs_with_both(item: pytest.Item) -> bool:
    """Whether a test runs with each engine, whatever CHECKSIG_ENGINE is."""
    return "engine" in getattr(item, "fixturenames", ())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what cannot or need not run, and multiply the timeouts by PATIENCE.

    That is what a wheel for musl lacks and, where one engine is selected, tests with both.
    """
    if os.environ.get("CHECKSIG_ENGINE"):
        with_both = [item for item in items if runs_with_both(item)]
        config.hook.pytest_deselected(items=with_both)
        items[:] = [item for item in items if not runs_with_both(item)]
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


# --- what a test needs and a machine may lack


# Requirements that are more than a program of that name.
REQUIREMENTS: dict[str, Callable[[], object]] = {
    "a C compiler": lambda: any(map(shutil.which, ("cc", "gcc", "clang"))),
    "FUSE": lambda: shutil.which("fusermount3") and os.access("/dev/fuse", os.R_OK | os.W_OK),
}


def is_there(name: str) -> bool:
    """Whether the machine has a program, a requirement, or a Python module ("module X")."""
    kind, _, module = name.partition(" ")
    if kind == "module":
        return importlib.util.find_spec(module) is not None
    return bool(REQUIREMENTS.get(name, lambda: shutil.which(name))())


def require(*names: str, there: bool | None = None) -> None:
    """Skip the test where the machine lacks one of these; fail instead if STRICT.

    For what can be installed. What depends on the platform or the user is pytest's skipif.
    There: the answer, where the caller knows it.
    """
    lacking = [name for name in names if not (is_there(name) if there is None else there)]
    if lacking and STRICT:
        pytest.fail(f"CHECKSIG_TEST_STRICT is set, and there is no {', '.join(lacking)}")
    if lacking:
        pytest.skip(f"not installed here: {', '.join(lacking)}")


@pytest.hookimpl(tryfirst=True)  # before fixtures are set up
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Act on the marker ``needs``."""
    for mark in item.iter_markers("needs"):
        require(*mark.args, **mark.kwargs)


@pytest.fixture(scope="session")
def needs() -> Callable[..., None]:
    """Return the function behind the marker ``needs``, for fixtures and parameters."""
    return require


def is_wine() -> bool:
    """Whether this Windows is Wine."""
    return sys.platform == "win32" and hasattr(ctypes.windll.ntdll, "wine_get_version")


def is_about_the_library(item: pytest.Item) -> bool:
    """Whether a test needs the engine as a library, or any library built from Go."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return (
        item.get_closest_marker("library") is not None
        or any(parameters.get(name) == "library" for name in ("engine", "choice"))
        or "go_library" in getattr(item, "fixturenames", ())
    )


@pytest.fixture(scope="session")
def has_library() -> bool:
    """Return whether the wheel has the engine as a library; one for musl does not."""
    return HAS_LIBRARY


@pytest.fixture(scope="session")
def httpd() -> Path:
    """Return the sample: ten logs, of which httpd-08.log mismatches."""
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


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with the wheels of checksig and all that it needs; see wheelhouse.py."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    subprocess.run([sys.executable, HERE / "wheelhouse.py", folder], timeout=100, check=True)
    if not any(folder.iterdir()):
        pytest.skip("an editable install has no files of its own")
    return folder


@pytest.fixture
def offline(wheelhouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip find the wheels of this environment, and nothing else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheelhouse))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.fixture
def huge(tmp_path: Path) -> Path:
    """Make a folder with a sparse file of 40 GB, which takes a minute to hash."""
    folder = tmp_path / "of a huge file"
    folder.mkdir()
    file = folder / "huge"
    file.touch()
    if sys.platform == "win32" and not is_wine():  # elsewhere any file can be sparse
        subprocess.run(["fsutil", "sparse", "setflag", file], check=True, capture_output=True)
    os.truncate(file, 40 << 30)
    (folder / "SHA512SUMS").write_text(f"{'0' * 128}  huge\n")
    return folder


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., str]:
    """Run a program in a new Python, outside the source tree; return what it printed."""

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


@pytest.fixture(scope="session")
def build() -> Any:
    """Return the module databases.py, whose functions write databases of packages."""
    spec = importlib.util.spec_from_file_location("databases", HERE / "databases.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tool(build: Any) -> Callable[..., str]:
    """Return the function that runs a package manager, and returns what it prints."""
    run_tool: Callable[..., str] = build.run_tool
    return run_tool


@pytest.fixture(params=["library", "process"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test twice: with the library, and with a process for each job."""
    choice: str = request.param
    monkeypatch.setenv("CHECKSIG_ENGINE", choice)
    return choice


# --- servers


@pytest.fixture(scope="session")
def port() -> Callable[[], int]:
    """Return a function that returns a port that nothing listens on."""
    return _port


def _port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@pytest.fixture(scope="session")
def program() -> Callable[[str], str | None]:
    """Return a function that finds a program, which may be one for administrators."""
    return _program


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")


@pytest.fixture(scope="session")
def running() -> Any:
    """Return a context manager that runs a server, which has begun when its port answers."""
    return _running


@contextlib.contextmanager
def _running(command: Sequence[str], port: int, **options: Any) -> Generator[Patient]:
    process = Patient(command, stdout=subprocess.DEVNULL, **options)
    try:
        deadline = time.monotonic() + 30 * PATIENCE
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, f"{command[0]} has ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{command[0]} does not answer"
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


# --- the engine


@pytest.fixture(scope="session")
def program_sets() -> list[str]:
    """Return the instruction sets for which the engine's program has kernels on this machine."""
    name = "checksig-engine.exe" if sys.platform == "win32" else "checksig-engine"
    program = Path(checksig.__file__).with_name(name)
    done = subprocess.run(
        [program], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    shown = re.search(rb"\(interface version \d+; instruction sets: ([a-z0-9, ]+)\)", done.stderr)
    assert shown is not None, done.stderr
    return [] if shown[1] == b"none" else shown[1].decode().split(", ")


@pytest.fixture(scope="session")
def command() -> list[str]:
    """Return the installed command."""
    installed = shutil.which("checksig", path=str(Path(sys.executable).parent))
    found = installed or shutil.which("checksig")
    assert found is not None
    return [found]


@pytest.fixture
def run(command: list[str], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command outside the source tree; keywords are environment variables."""

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


@contextlib.contextmanager
def locked(path: Path) -> Generator[None]:
    """Keep other pytest-xdist workers out until the block ends."""
    with path.open("w") as file:
        if sys.platform != "win32":  # where each worker uses its own folder
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def go_library(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Build a shared library from the Go package in a folder, once for all workers."""
    require("go", "a C compiler")
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ and sys.platform != "win32":
        shared = shared.parent

    def build(folder: Path, *flags: str) -> Path:
        key = hashlib.sha256(repr((folder, flags)).encode()).hexdigest()[:16]
        library = shared / f"library-{key}" / "library.so"
        command = ("go", "build", "-buildmode=c-shared", "-buildvcs=false", *flags, "-o")
        with locked(shared / "go.lock"):
            if not library.exists():
                subprocess.run(
                    [*command, library, "."],
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
    """Make a folder that every user can enter, unlike tmp_path."""
    with tempfile.TemporaryDirectory(prefix="checksig-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def is_mounted(path: Path) -> bool:
    """Whether *path* is a mount point; os.path.ismount would hang on a dead file system."""
    words = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return str(path) in (word[4] for word in words)


@pytest.fixture
def faulty(open_folder: Path) -> Generator[Callable[..., Path]]:
    """Mount a folder as a file system with faults; see faultfs.py."""
    require("FUSE", "module mfusepy")
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


@pytest.fixture
def damaged_corpus(tmp_path: Path) -> list[tuple[str, dict[str, Any], Path]]:
    """Lay out every format, with a good file, a changed one, a longer one and a missing one.

    Return the name of each, its row and its manifest.
    """
    rows: dict[str, Any] = json.loads((HERE / "corpus" / "rows.json").read_text(encoding="utf-8"))
    laid: list[tuple[str, dict[str, Any], Path]] = []
    for slug, row in rows.items():
        if os.name == "nt" and any(set(name) & set('\\\n\r"') for name in row["files"]):
            continue
        folder = tmp_path / slug
        for number, (name, content) in enumerate(row["files"].items()):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            changes = [content.encode(), content.encode()[::-1], content.encode() + b"\n", None]
            changed = changes[number % 4]
            if changed is not None:
                path.write_bytes(changed)
        manifest = folder / row["manifest"]
        text = (HERE / "corpus" / slug / row["manifest"]).read_bytes()
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_bytes(text.decode().encode(row["encoding"]) if row["encoding"] else text)
        laid.append((slug, row, manifest))
    return laid
