#!/usr/bin/env python3
"""Check what wheels hold and need, whatever they are for: check_wheel.py [--more-exports] WHEEL...

--more-exports is for macOS libraries that zig linked: its linker knows no list of what to export.
Reads ELF, PE and Mach-O files alike with the package lief; runs nothing of the wheel.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import lief

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
MOST_BYTES = 5_000_000
SIGNED_PAGE = 4096
# What every system of that kind has. Nothing of Python's is among it.
LINUX_LIBRARIES = re.compile(r"lib(c|pthread|dl|m|resolv|rt)\.so\.\d|ld-linux[\w-]*\.so\.\d")
WINDOWS_LIBRARIES = re.compile(
    r"(kernel32|ntdll|msvcrt|ucrtbase|api-ms-win-crt-[\w-]+)\.dll", re.IGNORECASE
)
MAC_LIBRARIES = re.compile(
    r"/usr/lib/lib(System\.B|resolv\.9)\.dylib|/System/Library/Frameworks/.+"
)
MACHINES = {
    "x86_64": {"X86_64"},
    "amd64": {"AMD64"},
    "aarch64": {"AARCH64"},
    "arm64": {"ARM64"},
}


def exports() -> set[str]:
    """The names that the library gives out: the list that the linker gets."""
    text = Path(ROOT, "go", "exports", "darwin.list").read_text(encoding="utf-8")
    return {line[1:] for line in text.splitlines() if line.startswith("_")}


def check_names(found: set[str], wanted: set[str]) -> Iterator[str]:
    """Compare the names that the library exports with ours."""
    if found != wanted and not ("--more-exports" in sys.argv and found > wanted):
        yield f"exports too much: {sorted(found - wanted)}, too little: {sorted(wanted - found)}"


def glibc_versions(binary: lief.ELF.Binary) -> Iterator[tuple[int, ...]]:
    """Every version of glibc that a symbol of the file asks for."""
    for requirement in binary.symbols_version_requirement:
        for version in requirement.get_auxiliary_symbols():
            match = re.fullmatch(r"GLIBC_(\d+)\.(\d+)(\.\d+)?", str(version.name))
            if match:
                yield int(match[1]), int(match[2])


def check_elf(binary: lief.ELF.Binary, tag: str, *, library: bool) -> Iterator[str]:
    """A Linux file: hardened, and at home on every system that the tag promises."""
    segments = {str(part.type).rpartition(".")[2]: part for part in binary.segments}
    stack = segments.get("GNU_STACK")
    if stack is None or stack.flags & lief.ELF.Segment.FLAGS.X:
        yield "its stack is executable"
    needs = [str(name) for name in binary.libraries]
    if not library:
        if "INTERP" in segments or needs:
            yield f"is no static program: needs {needs or 'a loader'}"
        return
    yield from (f"needs {name}" for name in needs if not LINUX_LIBRARIES.fullmatch(name))
    if "GNU_RELRO" not in segments:
        yield "has no RELRO"
    flags = {str(entry.tag).rpartition(".")[2] for entry in binary.dynamic_entries}
    bind_now = any(
        entry.tag == lief.ELF.DynamicEntry.TAG.FLAGS and entry.value & 8
        for entry in binary.dynamic_entries
    )
    if not bind_now and "BIND_NOW" not in flags:
        yield "does not bind at once (-z now), so RELRO is half"
    if "TEXTREL" in flags:
        yield "changes its own code as it is loaded"
    promised = re.match(r"manylinux_(\d+)_(\d+)_", tag)
    newest = max(glibc_versions(binary), default=(0, 0))
    if promised and newest > (int(promised[1]), int(promised[2])):
        yield f"needs glibc {newest[0]}.{newest[1]}, and the tag is {tag}"
    names = {
        str(symbol.name)
        for symbol in binary.dynamic_symbols
        if symbol.shndx and symbol.binding != lief.ELF.Symbol.BINDING.LOCAL
    }
    yield from check_names(names, exports())


def check_pe(binary: lief.PE.Binary, *, library: bool) -> Iterator[str]:
    """A Windows file: address randomisation, no execution of data, system DLLs only."""
    flags = binary.optional_header.dll_characteristics
    for flag, what in ((0x20, "HIGH_ENTROPY_VA"), (0x40, "DYNAMIC_BASE"), (0x100, "NX_COMPAT")):
        if not flags & flag:
            yield f"has no {what}"
    for imported in binary.imports:
        if not WINDOWS_LIBRARIES.fullmatch(str(imported.name)):
            yield f"needs {imported.name}"
    if library:
        names = {str(entry.name) for entry in binary.get_export().entries}
        yield from check_names(names, exports() | {"free"})


def check_macho(binary: lief.MachO.Binary, tag: str, *, library: bool) -> Iterator[str]:
    """A macOS file: minimum version as in the tag, a name by which it is found, signed ad hoc."""
    for needed in binary.libraries:
        name = str(needed.name)
        if needed.command != lief.MachO.LoadCommand.TYPE.ID_DYLIB and not MAC_LIBRARIES.fullmatch(
            name
        ):
            yield f"needs {name}"
    match = re.match(r"macosx_(\d+)_(\d+)_", tag)
    if not match:
        yield f"is in a wheel for {tag}"
        return
    minimum = binary.build_version.minos if binary.has_build_version else binary.version_min.version
    if tuple(minimum[:2]) > (int(match[1]), int(match[2])):
        yield f"needs macOS {minimum}, and the tag is {tag}"
    if not binary.has_code_signature and tag.endswith("arm64"):
        yield "is not signed, and would not be loaded"
    if library:
        names = {str(symbol.name)[1:] for symbol in binary.exported_symbols}
        yield from check_names(names, exports())
        install = [
            str(part.name)
            for part in binary.libraries
            if part.command == lief.MachO.LoadCommand.TYPE.ID_DYLIB
        ]
        if install != ["@rpath/libchecksig.dylib"]:
            yield f"its install name is {install}"


def check_binary(name: str, content: bytes, tag: str) -> Iterator[str]:
    """One library or program: of the tag's architecture, and as its system wants it."""
    library = "engine" not in name
    binary = lief.parse(content)
    if isinstance(binary, lief.ELF.Binary):
        machine = binary.header.machine_type
        yield from check_elf(binary, tag, library=library)
    elif isinstance(binary, lief.PE.Binary):
        machine = binary.header.machine
        yield from check_pe(binary, library=library)
    elif isinstance(binary, lief.MachO.Binary):
        machine = binary.header.cpu_type
        yield from check_macho(binary, tag, library=library)
    else:
        yield "is neither ELF nor PE nor Mach-O"
        return
    architecture = next(name for name in MACHINES if tag.endswith(name))
    if str(machine).rpartition(".")[2] not in MACHINES[architecture]:
        yield f"is for {machine}, and the tag is {tag}"


def expected(tag: str) -> set[str]:
    """The files of the engine that a wheel for the platform holds."""
    if tag.startswith("win"):
        return {"checksig.dll", "checksig-engine.exe"}
    if tag.startswith("macosx"):
        return {"libchecksig.dylib", "checksig-engine"}
    return {"checksig-engine"} | ({"libchecksig.so"} if not tag.startswith("musl") else set())


def check_sbom(wheel: zipfile.ZipFile, info: str) -> Iterator[str]:
    """The list of what Go put in: it is there, and the licence of each part is in the wheel."""
    try:
        bom = json.loads(wheel.read(f"{info}/sboms/checksig.cdx.json"))
    except KeyError:
        yield "has no SBOM"
        return
    parts = {part["name"] for part in bom["components"]}
    if bom["bomFormat"] != "CycloneDX" or "std" not in parts:
        yield "its SBOM does not tell of Go"
    licences = {
        PurePosixPath(name).stem for name in wheel.namelist() if f"{info}/licenses/" in name
    }
    for part in {"LICENSE", *("go" if part == "std" else part.replace("/", "_") for part in parts)}:
        if part not in licences:
            yield f"lacks the licence of {part}"


def check(path: Path) -> Iterator[str]:
    """Everything that is wrong with one wheel."""
    match = re.fullmatch(r"checksig-[^-]+-py3-none-([\w.]+)\.whl", path.name)
    if not match:
        yield "is not named checksig-VERSION-py3-none-PLATFORM.whl"
        return
    # The oldest system promised; manylinux2014 and the like are other names for one of the rest.
    tags = sorted((t for t in match[1].split(".") if not re.match(r"manylinux\d{4}", t)), key=len)
    if path.stat().st_size > MOST_BYTES:
        yield f"is {path.stat().st_size} bytes, more than {MOST_BYTES}"
    with zipfile.ZipFile(path) as wheel:
        if bad := wheel.testzip():
            yield f"is damaged at {bad}"
        info = f"{'-'.join(path.name.split('-')[:2])}.dist-info"
        yield from check_sbom(wheel, info)
        names = {name for name in wheel.namelist() if not name.endswith("/")}
        others = (".py", ".pyi", "/py.typed")
        binaries = {n for n in names if not n.endswith(others) and not n.startswith(f"{info}/")}
        wanted = {f"checksig/{name}" for name in expected(tags[0])}
        if binaries != wanted:
            yield f"holds {sorted(binaries)}, should hold {sorted(wanted)}"
        for name in sorted(binaries):
            for fault in check_binary(name, wheel.read(name), min(tags, key=version_of)):
                yield f"{name} {fault}"


def version_of(tag: str) -> list[int]:
    """The version of the system in a tag, to order tags by."""
    return [int(number) for number in re.findall(r"_(\d+)(?=_)", tag)]


def main() -> int:
    """Check each wheel named on the command line."""
    wheels = [Path(name) for name in sys.argv[1:] if not name.startswith("-")]
    if not wheels:
        sys.exit((__doc__ or "").splitlines()[0])
    failed = 0
    for path in wheels:
        faults = list(check(path))
        failed += bool(faults)
        for fault in faults:
            print(f"{path.name}: {fault}")
        if not faults:
            print(f"{path.name}: ok, {path.stat().st_size} bytes")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
