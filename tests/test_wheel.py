"""What was installed: what it does, and how little an import does.

What is in the wheel is the business of tools/check_wheel.py, see test_check_wheel.py.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LIBRARY = {"win32": "checksig.dll", "darwin": "libchecksig.dylib"}.get(
    sys.platform, "libchecksig.so"
)
ENGINE = "checksig-engine.exe" if sys.platform == "win32" else "checksig-engine"

linux = pytest.mark.skipif(
    sys.platform != "linux", reason="knows the paths of a Linux build, or reads /proc"
)


@pytest.fixture(scope="module")
def distribution() -> importlib.metadata.Distribution:
    """Find the distribution as pip recorded it."""
    return importlib.metadata.distribution("checksig")


@pytest.fixture(scope="module")
def library(distribution: importlib.metadata.Distribution) -> Path:
    """Find the library beside the package's modules."""
    path = Path(str(distribution.locate_file(f"checksig/{LIBRARY}")))
    if not path.exists():  # an editable install has it in the source tree
        import checksig

        path = Path(checksig.__path__[0], LIBRARY)
    return path


def test_program_says_what_it_is(library: Path) -> None:
    """Whoever starts the program by hand is told, and nothing waits."""
    done = subprocess.run(
        [library.with_name(ENGINE)],
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("checksig-engine: a part of checksig, which starts it itself")


@pytest.mark.library
@pytest.mark.skipif(sys.platform != "win32", reason="elsewhere free is the C library's")
def test_library_exports_free_on_windows(library: Path) -> None:
    """What the library's C runtime allocated can be given back to that same C runtime."""
    program = "import ctypes, sys; library = ctypes.CDLL(sys.argv[1]); library.free(None)"
    run = subprocess.run(
        [sys.executable, "-c", program, str(library)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


@linux
@pytest.mark.parametrize("name", [pytest.param(LIBRARY, marks=pytest.mark.library), ENGINE])
def test_nothing_says_where_it_was_built(library: Path, name: str) -> None:
    """No path of the build machine is inside, so that anybody can build the same bytes."""
    content = library.with_name(name).read_bytes()
    assert b"/go-build" not in content
    assert b"/pip-" not in content
    assert str(Path.home()).encode() + b"/go/" not in content


@linux
def test_import_starts_nothing() -> None:
    """An import starts no thread and loads no library of ours."""
    program = """
import json, os
def threads(): return len(os.listdir("/proc/self/task"))
def ours(): return [line for line in open("/proc/self/maps") if "libchecksig" in line]
before = threads()
import checksig
print(json.dumps({"started": threads() - before, "mapped": len(ours())}))
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert json.loads(run.stdout) == {"started": 0, "mapped": 0}


def test_the_list_of_go_code_is_that_of_go_mod(
    distribution: importlib.metadata.Distribution,
) -> None:
    """The binaries hold the modules that go.mod pins, in these versions, and no others."""
    text = (ROOT / "go" / "go.mod").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^\t(\S+) (v\S+)", text, re.MULTILINE))
    direct = set(re.findall(r"^\t(\S+) (v\S+)$", text, re.MULTILINE))
    content = json.loads(distribution.read_text("sboms/checksig.cdx.json") or "")
    listed = {(part["name"], part["version"]) for part in content["components"]}
    listed = {part for part in listed if part[0] != "std"}
    assert direct <= listed <= pinned  # not every platform needs what modules need themselves
    assert len(direct) >= 5
    sums = (ROOT / "go" / "go.sum").read_text(encoding="utf-8")
    assert all(f"{name} {version} h1:" in sums for name, version in pinned)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution twice, under other umasks, and unpack it."""
    if shutil.which("go") is None or not any(map(shutil.which, ("cc", "gcc", "clang"))):
        pytest.skip("there is no Go, or no C compiler, to build with")
    scratch = tmp_path_factory.mktemp("source")
    skip = shutil.ignore_patterns(".*", "build", "dist", "*.so", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, scratch / "copy", ignore=skip)
    tools = scratch / "tools"
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = re.findall(r'^  "([^"]+)"', project.partition("[project]")[0], re.MULTILINE)
    _pip("install", "-q", "--target", tools, *needed)
    hook = "import os, sys, checksig_build; os.umask(int(sys.argv[2], 8)); "
    path = os.pathsep.join(map(str, (tools, scratch / "copy" / "backend")))
    archives: list[Path] = []
    for umask in ("022", "077"):
        archives.append(scratch / umask)
        archives[-1].mkdir()
        subprocess.run(
            [
                *(sys.executable, "-c", f"{hook} checksig_build.build_sdist(sys.argv[1])"),
                *(archives[-1], umask),
            ],
            cwd=scratch / "copy",
            env={**os.environ, "PYTHONPATH": path},
            check=True,
            capture_output=True,
            timeout=120,
        )
    one, two = (next(folder.glob("checksig-*.tar.gz")) for folder in archives)
    assert one.read_bytes() == two.read_bytes()
    shutil.unpack_archive(one, scratch)
    return scratch / one.name.removesuffix(".tar.gz")


def _pip(*arguments: str | Path, **environment: str) -> None:
    """Run pip; what it needs for a build is looked for as ever."""
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments],
        env={**os.environ, **environment},
        check=True,
        timeout=400,
    )


@pytest.mark.once
@pytest.mark.timeout(600)
def test_source_distribution_builds_without_the_modules_network(
    source: Path, tmp_path: Path
) -> None:
    """It brings the Go modules along, whole, with licences, and what is built from it works."""
    vendor = source / "go" / "vendor"
    modules = re.findall(r"^# (\S+) ", (vendor / "modules.txt").read_text("utf-8"), re.MULTILINE)
    assert "golang.org/x/crypto" in modules
    for name in modules:
        (licence,) = (vendor / name).glob("LICENSE*")
        ours = source / "LICENSES" / f"{name.replace('/', '-')}.txt"
        assert ours.read_bytes() == licence.read_bytes(), name
    offline = {
        "GOFLAGS": "-mod=vendor",
        "GOPROXY": "off",
        "GONOSUMDB": "*",
        "GOMODCACHE": str(tmp_path / "no modules"),
    }
    _pip("wheel", "-q", "--no-deps", "-w", tmp_path, source, **offline)
    (wheel,) = tmp_path.glob("checksig-*.whl")
    _pip("install", "-q", "--no-deps", "--target", tmp_path / "installed", wheel)
    program = "import checksig; print(checksig.__file__); print(len(checksig.algorithms))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.startswith(str(tmp_path / "installed"))
    assert int(done.stdout.split()[-1]) >= 20
    assert not (tmp_path / "no modules" / "cache" / "download").exists()
