"""What the installed wheel does; test_check_wheel.py tests what is in it."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent.parent

LIBRARY = {"win32": "checksig.dll", "darwin": "libchecksig.dylib"}.get(
    sys.platform, "libchecksig.so"
)
ENGINE = "checksig-engine.exe" if sys.platform == "win32" else "checksig-engine"

linux = pytest.mark.skipif(
    sys.platform != "linux", reason="knows the paths of a Linux build, or reads /proc"
)


@pytest.fixture(scope="module")
def distribution() -> importlib.metadata.Distribution:
    """Return the installed distribution."""
    return importlib.metadata.distribution("checksig")


@pytest.fixture(scope="module")
def library(distribution: importlib.metadata.Distribution) -> Path:
    """Return the path of the installed library."""
    path = Path(str(distribution.locate_file(f"checksig/{LIBRARY}")))
    if not path.exists():  # an editable install has it in the source tree
        import checksig

        path = Path(checksig.__path__[0], LIBRARY)
    return path


def test_program_says_what_it_is(library: Path) -> None:
    """Started by hand, the program prints what it is and ends."""
    done = subprocess.run(
        [library.with_name(ENGINE)],
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("checksig-engine: part of checksig, which starts it when needed")


@pytest.mark.skipif(sys.platform == "win32", reason="files are hashed one by one there")
def test_program_has_kernels(program_sets: list[str], needs: Callable[..., None]) -> None:
    """The program has the SIMD kernels, unless there was no C compiler for it."""
    needs("a C compiler where the program was built", there=bool(program_sets))
    certain = {"x86_64": "sse2", "aarch64": "neon", "arm64": "neon"}
    assert certain[platform.machine()] in program_sets


@pytest.mark.library
@pytest.mark.skipif(sys.platform != "win32", reason="elsewhere free is the C library's")
def test_library_exports_free_on_windows(library: Path) -> None:
    """The library exports the free of its own C runtime."""
    program = "import ctypes, sys; library = ctypes.CDLL(sys.argv[1]); library.free(None)"
    run = subprocess.run(
        [sys.executable, "-c", program, str(library)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


@linux
@pytest.mark.parametrize("name", [pytest.param(LIBRARY, marks=pytest.mark.library), ENGINE])
def test_nothing_says_where_it_was_built(library: Path, name: str) -> None:
    """No path of the build machine is inside, so that builds are reproducible."""
    content = library.with_name(name).read_bytes()
    assert b"/go-build" not in content
    assert b"/pip-" not in content
    assert str(Path.home()).encode() + b"/go/" not in content


@linux
def test_import_starts_nothing() -> None:
    """An import starts no thread and loads no library of checksig."""
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
    """The binaries hold exactly the modules and versions pinned in go.mod."""
    text = (ROOT / "go" / "go.mod").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^\t(\S+) (v\S+)", text, re.MULTILINE))
    direct = set(re.findall(r"^\t(\S+) (v\S+)$", text, re.MULTILINE))
    content = json.loads(distribution.read_text("sboms/checksig.cdx.json") or "")
    listed = {
        (part["name"], part["version"])
        for part in content["components"]
        if part["name"] not in {"musl", "std"}
    }
    assert direct <= listed <= pinned  # platforms differ in indirect requirements
    assert len(direct) >= 5
    sums = (ROOT / "go" / "go.sum").read_text(encoding="utf-8")
    assert all(f"{name} {version} h1:" in sums for name, version in pinned)
