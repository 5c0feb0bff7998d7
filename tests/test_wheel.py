"""What was installed: the tag, the files, the exported names, and how little an import does."""

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
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

ROOT = Path(__file__).resolve().parent.parent

EXPORTS = {
    "checksig_abi",
    "checksig_cancel",
    "checksig_free",
    "checksig_start",
    "checksig_wait",
    "verify",
}
LIBRARY = {"win32": "checksig.dll", "darwin": "libchecksig.dylib"}.get(
    sys.platform, "libchecksig.so"
)
LIBRARY_BYTES = 8 << 20
ENGINE = "checksig-engine.exe" if sys.platform == "win32" else "checksig-engine"

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files or /proc")


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


def _files(distribution: importlib.metadata.Distribution) -> list[str]:
    return [file.as_posix() for file in distribution.files or ()]


def test_tag_serves_every_python(distribution: importlib.metadata.Distribution) -> None:
    """One wheel serves every Python 3 of a platform."""
    wheel = distribution.read_text("WHEEL") or ""
    tags = [line.split()[1] for line in wheel.splitlines() if line.startswith("Tag: ")]
    assert tags
    for tag in tags:
        assert tag.startswith("py3-none-")
        assert not tag.endswith("-any")
    assert "Root-Is-Purelib: false" in wheel.splitlines()


def test_wheel_holds_what_runs(distribution: importlib.metadata.Distribution) -> None:
    """The program, the cffi module and the typing marker are installed; but on musl the library."""
    files = _files(distribution)
    if not any(file.startswith("checksig/") for file in files):
        pytest.skip("an editable install records no files of the package")
    assert {f"checksig/{ENGINE}", "checksig/_ffi.py", "checksig/py.typed"} <= set(files)
    musl = "-musllinux_" in (distribution.read_text("WHEEL") or "")
    assert (f"checksig/{LIBRARY}" in files) is not musl


def test_wheel_holds_nothing_else(distribution: importlib.metadata.Distribution) -> None:
    """No header, no source of the engine and no library of another platform is installed."""
    ours = [file for file in _files(distribution) if not file.endswith((".py", ".pyc", ".pyi"))]
    package = {file for file in ours if file.startswith("checksig/")}
    allowed = {"py.typed", "schema/report.v1.json", LIBRARY, ENGINE}
    assert package <= {f"checksig/{name}" for name in allowed}
    top = {file.split("/")[0] for file in _files(distribution)}
    assert {name for name in top if name != ".."} <= {
        "checksig",
        f"checksig-{distribution.version}.dist-info",
        f"__editable__.checksig-{distribution.version}.pth",
        "__pycache__",
    }


@pytest.mark.library
def test_library_is_small(library: Path) -> None:
    """The library stays small enough to download without a thought."""
    assert 0 < library.stat().st_size < LIBRARY_BYTES


def test_program_is_small_and_may_be_run(library: Path) -> None:
    """The program is as small, and has the mode of a program."""
    program = library.with_name(ENGINE)
    assert 0 < program.stat().st_size < LIBRARY_BYTES
    assert os.access(program, os.X_OK)


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


@linux
def test_program_needs_no_other_library(library: Path) -> None:
    """The program is static: it runs where there is another C library, or none."""
    with library.with_name(ENGINE).open("rb") as stream:
        segments = {segment["p_type"] for segment in ELFFile(stream).iter_segments()}
    assert not segments & {"PT_INTERP", "PT_DYNAMIC"}


@pytest.mark.library
@linux
def test_library_exports_only_its_own_names(library: Path) -> None:
    """No name of Go's runtime, and none of C's, leaves the library to clash with others."""
    with library.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".dynsym")
        assert isinstance(table, SymbolTableSection)
        exported = {
            symbol.name
            for symbol in table.iter_symbols()
            if symbol["st_shndx"] != "SHN_UNDEF" and symbol["st_info"]["bind"] != "STB_LOCAL"
        }
    assert exported == EXPORTS


@pytest.mark.library
@pytest.mark.skipif(sys.platform != "win32", reason="elsewhere free is the C library's")
def test_library_exports_free_on_windows(library: Path) -> None:
    """What the library's C runtime allocated can be given back to that same C runtime."""
    program = "import ctypes, sys; library = ctypes.CDLL(sys.argv[1]); library.free(None)"
    run = subprocess.run(
        [sys.executable, "-c", program, str(library)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.library
@linux
def test_library_is_hardened(library: Path) -> None:
    """The stack is not executable, and what the loader fills in is read-only afterwards."""
    with library.open("rb") as stream:
        segments = {
            segment["p_type"]: segment["p_flags"] for segment in ELFFile(stream).iter_segments()
        }
    assert "PT_GNU_RELRO" in segments
    assert segments["PT_GNU_STACK"] & 1 == 0


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


def test_wheel_tells_what_is_in_it(distribution: importlib.metadata.Distribution) -> None:
    """A list of the Go code in the binaries is installed (PEP 770), and that code's licences."""
    text = distribution.read_text("sboms/checksig.cdx.json")
    assert text is not None
    content = json.loads(text)
    assert content["bomFormat"] == "CycloneDX"
    assert content["metadata"]["component"]["version"] == distribution.version
    parts = {part["name"]: part for part in content["components"]}
    go = parts.pop("std")
    assert tuple(map(int, go["version"].split(".")[:2])) >= (1, 25)
    assert go["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    assert "The Go Authors" in (distribution.read_text("licenses/LICENSES/go.txt") or "")
    assert "golang.org/x/crypto" in parts
    stated = re.split(" AND ", distribution.metadata["License-Expression"])
    for name, part in parts.items():
        assert part["purl"] == f"pkg:golang/{name}@{part['version']}"
        assert part["licenses"][0]["license"]["id"] in stated
        licence = distribution.read_text(f"licenses/LICENSES/{name.replace('/', '-')}.txt") or ""
        assert "copyright" in licence.lower(), name


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
