"""tools/check_wheel.py accepts the installed wheel, and reports every fault put into it."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = [
    pytest.mark.skipif(
        sys.implementation.name != "cpython", reason="lief, which the check uses, is for CPython"
    ),
    pytest.mark.needs("module lief"),
    pytest.mark.slow,
]

ENGINE = "checksig/checksig-engine"
LIBRARY = "checksig/libchecksig.so"


class Wheel:
    """The installed wheel, packed again so that a test can damage it."""

    def __init__(self) -> None:
        installed = importlib.metadata.distribution("checksig")
        self.version = installed.version
        self.info = f"checksig-{self.version}.dist-info"
        self.files: dict[str, bytes] = {}
        self.modes: dict[str, int] = {}
        left_out = {f"{self.info}/{name}" for name in ("INSTALLER", "REQUESTED", "direct_url.json")}
        for file in installed.files or ():
            name = file.as_posix()
            if name.startswith(".."):
                place, share, rest = name.partition("share/")
                name = f"checksig-{self.version}.data/data/{share}{rest}" if share else place
            if not name.startswith("..") and not name.endswith(".pyc") and name not in left_out:
                path = Path(str(file.locate()))
                self.files[name] = path.read_bytes()
                self.modes[name] = path.stat().st_mode
        text = self.files[f"{self.info}/WHEEL"].decode()
        tags = [line.split()[1] for line in text.splitlines() if line.startswith("Tag: ")]
        self.tags = ".".join(tag.removeprefix("py3-none-") for tag in tags)
        self.linux = "linux" in self.tags
        self.has_library = LIBRARY in self.files

    def change(self, name: str, old: str, new: str) -> None:
        """Replace text in a file."""
        text = self.files[name].decode()
        assert old in text
        self.files[name] = text.replace(old, new).encode()

    def retag(self, tag: str) -> None:
        """Give it a single platform tag."""
        name = f"{self.info}/WHEEL"
        lines = self.files[name].decode().splitlines()
        lines = [line for line in lines if line and not line.startswith("Tag: ")]
        self.files[name] = "\n".join([*lines, f"Tag: py3-none-{tag}", ""]).encode()
        self.tags = tag

    def write(self, folder: Path, name: str = "") -> Path:
        """Pack it with a correct RECORD."""
        path = folder / (name or f"checksig-{self.version}-py3-none-{self.tags}.whl")
        record = f"{self.info}/RECORD"
        table = io.StringIO()
        rows = csv.writer(table, lineterminator="\n")
        for file, content in self.files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            if file != record:
                rows.writerow([file, f"sha256={digest.decode()}", len(content)])
        rows.writerow([record, "", ""])
        self.files[record] = table.getvalue().encode()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for file, content in self.files.items():
                entry = zipfile.ZipInfo(file)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = (self.modes.get(file, 0o100644)) << 16
                archive.writestr(entry, content)
        return path


@pytest.fixture
def wheel() -> Wheel:
    """Pack the installed wheel again."""
    return Wheel()


def check(*arguments: str | Path) -> tuple[int, str]:
    """Run the program; return its exit code and its output."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "check_wheel.py", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert not done.stderr
    return done.returncode, done.stdout


@pytest.fixture
def faults(wheel: Wheel, tmp_path: Path) -> Callable[..., list[str]]:
    """Check the wheel as it is now; return the faults."""

    def faults(name: str = "") -> list[str]:
        path = wheel.write(tmp_path, name)
        code, output = check(path)
        lines = output.splitlines()
        assert code == (0 if lines[0].startswith(f"{path.name}: ok") else 1)
        return [] if code == 0 else [line.removeprefix(f"{path.name}: ") for line in lines]

    return faults


def test_the_installed_wheel_has_no_fault(faults: Callable[..., list[str]]) -> None:
    """The wheel under test may be published."""
    assert faults() == []


def test_the_names_that_auditwheel_gives(wheel: Wheel, faults: Callable[..., list[str]]) -> None:
    """A wheel may have several tags, with names of the old kind."""
    if not wheel.has_library or not wheel.linux:
        pytest.skip("needs a library for Linux")
    machine = "aarch64" if "aarch64" in wheel.tags else "x86_64"
    for old in ("manylinux1", "manylinux2010", "manylinux2014"):
        names = [f"{old}_{machine}", f"manylinux_2_99_{machine}"]
        wheel.retag(names[0])
        wheel.change(f"{wheel.info}/WHEEL", names[0], f"{names[1]}\nTag: py3-none-{names[0]}")
        found = faults(f"checksig-{wheel.version}-py3-none-{'.'.join(names)}.whl")
        # A build for this machine alone may need a newer glibc, and have a program that is not
        # static; both are reported.
        version = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}[old]
        found = [fault for fault in found if fault != f"{ENGINE} is not a static program"]
        assert all(fault.endswith(f"the tag says {version}") for fault in found), found


# --- files


def test_files_that_do_not_belong(wheel: Wheel, faults: Callable[..., list[str]]) -> None:
    """A header, a library of another platform and another package are reported."""
    extra = ("checksig/libchecksig.h", "checksig/other.so", "tests/__init__.py")
    for name in extra:
        wheel.files[name] = b""
    assert faults() == [f"holds {name}" for name in sorted(extra)]


@pytest.mark.parametrize(
    "name",
    [
        *("checksig/_ffi.py", "checksig/py.typed", "checksig/schema/report.v1.json"),
        "checksig-{}.data/data/share/man/man1/checksig.1",
        *("checksig-{}.dist-info/entry_points.txt", "checksig-{}.dist-info/licenses/LICENSE"),
    ],
)
def test_files_that_are_missing(wheel: Wheel, faults: Callable[..., list[str]], name: str) -> None:
    """A missing file is reported."""
    name = name.format(wheel.version)
    del wheel.files[name]
    assert faults() == [f"lacks {name}"]


def test_an_engine_that_is_missing(wheel: Wheel, faults: Callable[..., list[str]]) -> None:
    """Every wheel holds the engine's program."""
    (name,) = (name for name in wheel.files if name.startswith(ENGINE))
    del wheel.files[name]
    assert f"lacks {name}" in faults()


@pytest.mark.skipif(os.name != "posix", reason="files have no mode here")
def test_a_program_that_may_not_be_run(wheel: Wheel, faults: Callable[..., list[str]]) -> None:
    """The program must be executable."""
    wheel.modes[ENGINE] = 0o100644
    assert faults() == [f"{ENGINE} is not executable: its mode is 644"]


def test_a_wheel_that_is_too_big(wheel: Wheel, faults: Callable[..., list[str]]) -> None:
    """7.5 MB is the limit; random bytes fill it."""
    wheel.files["checksig/_noise.py"] = os.urandom(8_200_000)
    size, extra = faults()
    assert size.startswith("has ")
    assert size.endswith(" bytes, 8200000 or more")
    assert extra == "holds checksig/_noise.py"


def test_a_file_that_is_no_wheel(tmp_path: Path) -> None:
    """A file that cannot be read is a fault."""
    path = tmp_path / "checksig-0.1.0-py3-none-win_amd64.whl"
    path.write_bytes(b"no archive")
    code, output = check(path)
    assert code == 1
    assert f"{path.name}: cannot be read: BadZipFile" in output


# --- metadata


@pytest.mark.parametrize(
    "name",
    [
        *("checksig-1-cp311-cp311-win_amd64.whl", "checksig-1-py3-none-any.whl"),
        "other-1-py3-none-win_amd64.whl",
    ],
)
def test_names_that_are_no_wheels(faults: Callable[..., list[str]], name: str) -> None:
    """A wheel for one Python, for every platform, or of another project is refused."""
    assert faults(name) == ["is not named checksig-VERSION-py3-none-PLATFORM.whl"]


def test_tags_that_contradict(wheel: Wheel, faults: Callable[..., list[str]]) -> None:
    """WHEEL has the tag of the file name, and Root-Is-Purelib is false."""
    wheel.change(f"{wheel.info}/WHEEL", "py3-none-", "py2-none-")
    wheel.change(f"{wheel.info}/WHEEL", "Purelib: false", "Purelib: true")
    named, purelib = faults()
    assert named.startswith(f"is named {wheel.tags}, but WHEEL says py2-none-")
    assert purelib == "is marked as a wheel for every platform (Root-Is-Purelib)"


def test_versions_that_contradict(wheel: Wheel, faults: Callable[..., list[str]]) -> None:
    """The version in METADATA is that of the project."""
    wheel.change(f"{wheel.info}/METADATA", f"\nVersion: {wheel.version}\n", "\nVersion: 9.9\n")
    assert faults() == [f"is of version {wheel.version}, but METADATA says 9.9"]


# --- the SBOM


def test_an_sbom_that_is_missing(wheel: Wheel, faults: Callable[..., list[str]]) -> None:
    """Without an SBOM, every module in the binaries is reported."""
    name = f"{wheel.info}/sboms/checksig.cdx.json"
    del wheel.files[name]
    found = faults()
    assert f"lacks {name}" in found
    assert "has no CycloneDX list of its Go code" in found
    assert any(fault.startswith("its SBOM lacks golang.org/x/crypto") for fault in found)


def test_an_sbom_that_is_not_true(wheel: Wheel, faults: Callable[..., list[str]]) -> None:
    """A module that no binary contains, and that has no licence, is reported."""
    name = f"{wheel.info}/sboms/checksig.cdx.json"
    content = json.loads(wheel.files[name])
    content["components"].append({"name": "example.org/other", "version": "v1.2.3"})
    wheel.files[name] = json.dumps(content).encode()
    assert faults() == [
        "its SBOM lists example.org/other v1.2.3, which no binary contains",
        "example.org/other has the licence [], which License-Expression does not name",
        "lacks the licence of example.org/other",
    ]


def test_a_licence_that_is_missing(wheel: Wheel, faults: Callable[..., list[str]]) -> None:
    """The wheel holds the text of each licence, the metadata its name."""
    name = f"{wheel.info}/licenses/LICENSES/go.txt"
    module = "github.com/zeebo/blake3"
    del wheel.files[name]
    wheel.change(f"{wheel.info}/METADATA", " AND CC0-1.0", "")
    assert faults() == [
        f"lacks {name}",
        f"{module} has the licence ['CC0-1.0'], which License-Expression does not name",
        "lacks the licence of std",
    ]


# --- libraries and programs


@pytest.fixture
def elf(wheel: Wheel) -> bytearray:
    """Read the library, for changes."""
    if not wheel.has_library:
        pytest.skip("the wheel holds no ELF library")
    return bytearray(wheel.files[LIBRARY])


def segment(elf: bytearray, kind: str) -> int:
    """Return the offset of a segment's header."""
    file = ELFFile(io.BytesIO(elf))
    (number,) = (i for i, part in enumerate(file.iter_segments()) if part["p_type"] == kind)
    return int(file["e_phoff"]) + number * int(file["e_phentsize"])


def test_an_executable_stack(
    wheel: Wheel, elf: bytearray, faults: Callable[..., list[str]]
) -> None:
    """An executable stack is reported, of the library and of the program."""
    struct.pack_into("<I", elf, segment(elf, "PT_GNU_STACK") + 4, 7)
    wheel.files[LIBRARY] = bytes(elf)
    program = bytearray(wheel.files[ENGINE])
    struct.pack_into("<I", program, segment(program, "PT_GNU_STACK") + 4, 7)
    wheel.files[ENGINE] = bytes(program)
    assert faults() == [f"{name} has an executable stack" for name in (ENGINE, LIBRARY)]


def test_memory_that_can_be_changed(
    wheel: Wheel, elf: bytearray, faults: Callable[..., list[str]]
) -> None:
    """Without a RELRO segment, relocated data stays writable."""
    struct.pack_into("<I", elf, segment(elf, "PT_GNU_RELRO"), 0)
    wheel.files[LIBRARY] = bytes(elf)
    assert faults() == [f"{LIBRARY} has no RELRO"]


def test_late_binding(wheel: Wheel, elf: bytearray, faults: Callable[..., list[str]]) -> None:
    """With lazy binding, part of the relocated data stays writable."""
    section = ELFFile(io.BytesIO(elf)).get_section_by_name(".dynamic")
    assert isinstance(section, DynamicSection)
    for number, tag in enumerate(section.iter_tags()):
        if tag.entry.d_tag in {"DT_BIND_NOW", "DT_FLAGS"}:
            debug = 21  # DT_DEBUG, which the loader ignores
            struct.pack_into("<QQ", elf, section["sh_offset"] + 16 * number, debug, 0)
    wheel.files[LIBRARY] = bytes(elf)
    assert faults() == [f"{LIBRARY} has no BIND_NOW, so RELRO is partial"]


def test_a_name_too_many(wheel: Wheel, elf: bytearray, faults: Callable[..., list[str]]) -> None:
    """An additional export and a missing one are reported."""
    section = ELFFile(io.BytesIO(elf)).get_section_by_name(".dynsym")
    assert isinstance(section, SymbolTableSection)
    numbers = {symbol.name: number for number, symbol in enumerate(section.iter_symbols())}
    # A symbol takes 24 bytes; byte 6 is the section that defines it, 0 if none.
    struct.pack_into("<H", elf, section["sh_offset"] + 24 * numbers["malloc"] + 6, 1)
    struct.pack_into("<H", elf, section["sh_offset"] + 24 * numbers["checksig_wait"] + 6, 0)
    wheel.files[LIBRARY] = bytes(elf)
    assert faults() == [
        f"{LIBRARY} exports malloc",
        f"{LIBRARY} does not export checksig_wait",
    ]


def test_a_library_of_python(
    wheel: Wheel, elf: bytearray, faults: Callable[..., list[str]]
) -> None:
    """The library must not depend on libpython."""
    wheel.files[LIBRARY] = bytes(elf.replace(b"\0libc.so.6\0", b"\0libpython\0"))
    assert faults() == [f"{LIBRARY} needs libpython"]


@pytest.mark.parametrize("tag", ["macosx_13_0_arm64", "win_amd64", "musllinux_1_1_x86_64"])
def test_a_wheel_of_another_platform(
    wheel: Wheel, faults: Callable[..., list[str]], tag: str
) -> None:
    """Binaries of another platform are reported."""
    if tag[:3] == wheel.tags[:3]:
        pytest.skip("this is that platform")
    found = faults(f"checksig-{wheel.version}-py3-none-{tag}.whl")
    assert any(fault.startswith("is named ") for fault in found)
    assert any(fault.startswith(("lacks checksig/", "holds checksig/")) for fault in found)


def test_a_program_of_another_machine(wheel: Wheel, faults: Callable[..., list[str]]) -> None:
    """The machine in the program's header is that of the tag."""
    if not wheel.linux:
        pytest.skip("writes into an ELF file")
    program = bytearray(wheel.files[ENGINE])
    struct.pack_into("<H", program, 18, 243)
    wheel.files[ENGINE] = bytes(program)
    (fault,) = faults()
    assert fault.startswith(f"{ENGINE} is for RISCV, but the tag says ")


def test_a_program_for_one_machine(wheel: Wheel, faults: Callable[..., list[str]]) -> None:
    """In a wheel for every machine, the program is static and has the SIMD kernels."""
    if not wheel.linux:
        pytest.skip("writes into an ELF file")
    program = bytearray(wheel.files[ENGINE].replace(b"\tCGO_ENABLED=1\n", b"\tCGO_ENABLED=0\n"))
    interpreter = 3  # PT_INTERP
    struct.pack_into("<I", program, segment(program, "PT_GNU_STACK"), interpreter)
    wheel.files[ENGINE] = bytes(program)
    found = {
        kind: faults(f"checksig-{wheel.version}-py3-none-{kind}_{platform.machine()}.whl")
        for kind in ("linux", "manylinux_2_99")
    }
    for fault in (f"{ENGINE} is not a static program", f"{ENGINE} has no SIMD kernels"):
        assert fault in found["manylinux_2_99"]
        assert fault not in found["linux"]


def test_a_c_library_without_licence(wheel: Wheel, faults: Callable[..., list[str]]) -> None:
    """The C library that a static program contains is listed."""
    sbom = f"{wheel.info}/sboms/checksig.cdx.json"
    if b'"musl"' not in wheel.files[sbom]:
        pytest.skip("the program contains no C library")
    content = json.loads(wheel.files[sbom])
    content["components"] = [part for part in content["components"] if part["name"] != "musl"]
    wheel.files[sbom] = json.dumps(content).encode()
    assert faults() == ["its SBOM lacks musl"]


def test_a_program_that_is_none(wheel: Wheel, faults: Callable[..., list[str]]) -> None:
    """A script in place of the program is reported."""
    (name,) = (name for name in wheel.files if name.startswith(ENGINE))
    wheel.files[name] = b"#!/bin/sh\n"
    assert any(fault.startswith(f"{name} is not a binary for ") for fault in faults())


@pytest.mark.skipif(sys.platform != "win32", reason="writes into a PE file")
def test_a_library_for_windows_without_protection(
    wheel: Wheel, faults: Callable[..., list[str]]
) -> None:
    """All hardening flags are required."""
    name = "checksig/checksig.dll"
    library = bytearray(wheel.files[name])
    (header,) = struct.unpack_from("<I", library, 0x3C)
    struct.pack_into("<H", library, header + 24 + 70, 0)
    wheel.files[name] = bytes(library)
    lacking = ("HIGH_ENTROPY_VA", "DYNAMIC_BASE", "NX_COMPAT")
    assert faults() == [f"{name} has no {flag}" for flag in lacking]


# --- a release


def test_a_release_is_whole(wheel: Wheel, tmp_path: Path) -> None:
    """A release has one wheel for each platform, all built by one version of Go."""
    wheel.write(tmp_path)
    wheel.retag("manylinux_2_99_aarch64")
    sbom = f"{wheel.info}/sboms/checksig.cdx.json"
    content = json.loads(wheel.files[sbom])
    (go,) = (part for part in content["components"] if part["name"] == "std")
    built, go["version"] = go["version"], "0.9"
    wheel.files[sbom] = json.dumps(content).encode()
    wheel.write(tmp_path, f"checksig-{wheel.version}-py3-none-manylinux_2_99_aarch64.whl")
    code, output = check("--release", *tmp_path.glob("*.whl"))
    faults = [line for line in output.splitlines() if line.startswith("release: ")]
    assert code == 1
    assert "release: there is a wheel for manylinux aarch64" not in faults
    lacking = [fault for fault in faults if fault.startswith("release: there is no wheel for ")]
    assert 5 <= len(lacking) <= 6
    assert f"release: the wheels are built by several versions of Go: 0.9, {built}" in faults
