#!/usr/bin/env python3
"""Check what wheels hold and need, whatever system they are for; nothing of them is run.

The libraries and programs in them, ELF, PE and Mach-O alike, are read with the package lief.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import json
import re
import sys
import zipfile
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import lief

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
MOST_BYTES = 5_000_000
RELEASE = {  # what a release is made of; a new platform is one more line
    "manylinux x86_64",
    "manylinux aarch64",
    "musllinux x86_64",
    "musllinux aarch64",
    "macosx x86_64",
    "macosx arm64",
    "win amd64",
}
# What every system of that kind has. Nothing of Python's is among it.
LINUX_LIBRARIES = re.compile(r"lib(c|pthread|dl|m|resolv|rt)\.so\.\d|ld-linux[\w-]*\.so\.\d")
WINDOWS_LIBRARIES = re.compile(
    r"(kernel32|ntdll|msvcrt|ucrtbase|api-ms-win-crt-[\w-]+)\.dll", re.IGNORECASE
)
MAC_LIBRARIES = re.compile(
    r"/usr/lib/lib(System\.B|resolv\.9)\.dylib"
    r"|/System/Library/Frameworks/(CoreFoundation|Security)\.framework/.+"
)


# What the tags that name no version promise: PEP 600.
OLD_NAMES = {"1": "manylinux_2_5", "2010": "manylinux_2_12", "2014": "manylinux_2_17"}


@dataclass(frozen=True)
class Platform:
    """What the tag of a wheel promises: it runs on this machine with this version or newer."""

    system: str
    version: tuple[int, ...]  # of the C library or of macOS; empty where the tag names none
    machine: str

    def __str__(self) -> str:
        return f"{self.system} {self.machine}"

    @classmethod
    def of(cls, tags: str) -> Platform | None:
        """The oldest of a name's platform tags, None where one of them is unknown."""
        found: set[Platform] = set()
        for tag in tags.split("."):
            match = re.fullmatch(
                r"(manylinux|musllinux|macosx|linux|win)(?:_(\d+)_(\d+))?"
                r"_(x86_64|aarch64|arm64|amd64)",
                re.sub("manylinux(1|2010|2014)(?=_)", lambda old: OLD_NAMES[old[1]], tag),
            )
            if match is None:
                return None
            version = tuple(int(number) for number in match.group(2, 3) if number)
            found.add(cls(match[1], version, match[4]))
        return min(found, key=lambda platform: platform.version)

    def binaries(self) -> set[str]:
        """The files of the engine that a wheel for this platform holds."""
        if self.system == "win":
            return {"checksig.dll", "checksig-engine.exe"}
        library = {"macosx": {"libchecksig.dylib"}, "musllinux": set[str]()}
        return {"checksig-engine"} | library.get(self.system, {"libchecksig.so"})


# --- libraries and programs


def our_exports() -> set[str]:
    """The names that the library gives out: the list that the linker gets."""
    text = Path(ROOT, "go", "exports", "darwin.list").read_text(encoding="utf-8")
    return {line[1:] for line in text.splitlines() if line.startswith("_")}


def check_exports(found: set[str], wanted: set[str]) -> Iterator[str]:
    """Compare the names that a library exports with ours."""
    yield from (f"exports {name}" for name in sorted(found - wanted))
    yield from (f"does not export {name}" for name in sorted(wanted - found))


def check_elf(binary: lief.ELF.Binary, platform: Platform, *, library: bool) -> Iterator[str]:
    """A Linux file: hardened, and at home on every system that the tag promises."""
    flag = lief.ELF.Segment.FLAGS
    segments = {part.type.name: part for part in binary.segments}
    if "GNU_STACK" not in segments or segments["GNU_STACK"].has(flag.X):
        yield "has an executable stack"
    loaded = (part for part in binary.segments if part.type.name == "LOAD")
    if any(part.has(flag.W) and part.has(flag.X) for part in loaded):
        yield "has memory that is writable and executable"
    if library:
        yield from check_loading(binary, set(segments))
        yield from check_glibc(binary, platform)
    elif {"INTERP", "DYNAMIC"} & set(segments):
        yield "is no static program"


def check_loading(binary: lief.ELF.Binary, segments: set[str]) -> Iterator[str]:
    """What the loader does for the library: little, at once, and write-protected afterwards."""
    for name in map(str, binary.libraries):
        if not LINUX_LIBRARIES.fullmatch(name):
            yield f"needs {name}"
    entries = {entry.tag.name: entry.value for entry in binary.dynamic_entries}
    flags = entries.get("FLAGS", 0)
    if "GNU_RELRO" not in segments:
        yield "has no RELRO"
    if "BIND_NOW" not in entries and not flags & 8:
        yield "does not bind at once (BIND_NOW), so RELRO is half"
    if "TEXTREL" in entries or flags & 4:
        yield "changes its own code as it is loaded"
    names = {
        str(symbol.name)
        for symbol in binary.dynamic_symbols
        if symbol.shndx and symbol.binding != lief.ELF.Symbol.BINDING.LOCAL
    }
    yield from check_exports(names, our_exports())


def check_glibc(binary: lief.ELF.Binary, platform: Platform) -> Iterator[str]:
    """No symbol asks for a newer glibc than the tag promises; a tag may promise none."""
    asked = {
        (int(match[1]), int(match[2]))
        for requirement in binary.symbols_version_requirement
        for version in requirement.get_auxiliary_symbols()
        if (match := re.match(r"GLIBC_(\d+)\.(\d+)", str(version.name)))
    }
    if not asked:
        yield "tells no version of glibc"
    elif platform.version and max(asked) > platform.version:
        newest, promised = (".".join(map(str, v)) for v in (max(asked), platform.version))
        yield f"needs glibc {newest}, and the tag says {promised}"


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
        exported = binary.get_export()
        names = {str(entry.name) for entry in exported.entries} if exported else set()
        yield from check_exports(names, our_exports() | {"free"})


def check_macho(binary: lief.MachO.Binary, platform: Platform, *, library: bool) -> Iterator[str]:
    """A macOS file: no newer than the tag says, found by its name, signed where it must be."""
    own = lief.MachO.LoadCommand.TYPE.ID_DYLIB
    for needed in binary.libraries:
        if needed.command != own and not MAC_LIBRARIES.fullmatch(str(needed.name)):
            yield f"needs {needed.name}"
    build = binary.build_version
    minimum = tuple(build.minos[:2] if build else binary.version_min.version[:2])
    if minimum > platform.version:
        yield f"needs macOS {minimum[0]}.{minimum[1]}, and the tag says {platform.version[0]}"
    if platform.machine == "arm64" and not binary.has_code_signature:
        yield "is not signed, and would not be loaded"
    if library:
        names = {str(symbol.name).removeprefix("_") for symbol in binary.exported_symbols}
        yield from check_exports(names, our_exports())
        names = {str(part.name) for part in binary.libraries if part.command == own}
        if names != {"@rpath/libchecksig.dylib"}:
            yield f"has the install name {', '.join(sorted(names)) or '(none)'}"


def check_binary(name: str, content: bytes, platform: Platform) -> Iterator[str]:
    """One library or program: of the tag's machine, and as its system wants it."""
    library = "engine" not in name
    binary = lief.parse(io.BytesIO(content))
    if isinstance(binary, lief.ELF.Binary) and platform.system.endswith("linux"):
        machine = binary.header.machine_type.name
        yield from check_elf(binary, platform, library=library)
    elif isinstance(binary, lief.PE.Binary) and platform.system == "win":
        machine = binary.header.machine.name
        yield from check_pe(binary, library=library)
    elif isinstance(binary, lief.MachO.Binary) and platform.system == "macosx":
        machine = binary.header.cpu_type.name
        yield from check_macho(binary, platform, library=library)
    else:
        yield f"is nothing that {platform.system} runs"
        return
    if machine.lower() != platform.machine:
        yield f"is for {machine}, and the tag says {platform.machine}"


# --- the wheel around them


class Wheel:
    """A wheel that is open, and what its file name says of it."""

    def __init__(self, archive: zipfile.ZipFile, version: str, tags: str) -> None:
        self.archive = archive
        self.version = version
        self.tags = tags
        self.names = [name for name in archive.namelist() if not name.endswith("/")]
        self.info = f"checksig-{version}.dist-info"

    def read(self, name: str) -> bytes:
        """A file; nothing where there is none, which :func:`check_files` tells."""
        return self.archive.read(name) if name in self.names else b""

    def metadata(self, name: str) -> dict[str, list[str]]:
        """The headers of METADATA or WHEEL."""
        message = message_from_bytes(self.read(f"{self.info}/{name}"))
        return {key: message.get_all(key, []) for key in message}


def check_files(wheel: Wheel, platform: Platform) -> Iterator[str]:
    """What must be there is there, and nothing else; RECORD tells of all of it."""
    binaries = {f"checksig/{name}" for name in platform.binaries()}
    licences = sorted(Path(ROOT, "LICENSES").iterdir())
    needed = binaries | {
        *(f"checksig/{name}" for name in ("__init__.py", "__main__.py", "_ffi.py", "_ffi.pyi")),
        *("checksig/py.typed", "checksig/schema/report.v1.json", "checksig/cli/__init__.py"),
        f"checksig-{wheel.version}.data/data/share/man/man1/checksig.1",
        *(f"{wheel.info}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")),
        *(f"{wheel.info}/{name}" for name in ("sboms/checksig.cdx.json", "licenses/LICENSE")),
        *(f"{wheel.info}/licenses/LICENSES/{path.name}" for path in licences),
    }
    module = re.compile(r"checksig/(cli/)?\w+\.py")
    allowed = {f"{wheel.info}/top_level.txt"}
    yield from (f"lacks {name}" for name in sorted(needed - set(wheel.names)))
    for name in sorted(set(wheel.names) - needed - allowed):
        if not module.fullmatch(name):
            yield f"holds {name}"
    if len(wheel.names) != len(set(wheel.names)):
        yield "holds two files of one name"
    for name in sorted(binaries & set(wheel.names)):
        mode = wheel.archive.getinfo(name).external_attr >> 16
        if "engine" in name and platform.system != "win" and not mode & 0o100:
            yield f"{name} may not be run: its mode is {mode & 0o777:o}"
        yield from (f"{name} {x}" for x in check_binary(name, wheel.read(name), platform))
    yield from check_record(wheel)


def check_record(wheel: Wheel) -> Iterator[str]:
    """RECORD lists each file with its digest."""
    record = f"{wheel.info}/RECORD"
    listed = {row[0]: row[1] for row in csv.reader(io.StringIO(wheel.read(record).decode())) if row}
    yield from (f"lists {name}, and lacks it" for name in sorted(set(listed) - set(wheel.names)))
    for name in wheel.names:
        digest = base64.urlsafe_b64encode(hashlib.sha256(wheel.read(name)).digest())
        wanted = "" if name == record else f"sha256={digest.decode().rstrip('=')}"
        if listed.get(name) != wanted:
            yield f"{name} is not what RECORD says"


def check_metadata(wheel: Wheel) -> Iterator[str]:
    """Version and tag are the same wherever they are told."""
    project = Path(ROOT, "pyproject.toml").read_text(encoding="utf-8")
    match = re.search(r'^version = "([^"]+)"', project, re.MULTILINE)
    versions = {
        "the file name": wheel.version,
        "METADATA": "".join(wheel.metadata("METADATA").get("Version", [])),
        "the SBOM": sbom(wheel)["metadata"]["component"]["version"],
    }
    for place, version in versions.items():
        if match and version != match[1]:
            yield f"is of version {match[1]}, and {place} says {version or 'nothing'}"
    told = wheel.metadata("WHEEL")
    tags = {f"py3-none-{tag}" for tag in wheel.tags.split(".")}
    if set(told.get("Tag", [])) != tags:
        yield f"is named for {wheel.tags}, and WHEEL says {', '.join(told.get('Tag', []))}"
    if told.get("Root-Is-Purelib") != ["false"]:
        yield "says that it is for every platform (Root-Is-Purelib)"


def sbom(wheel: Wheel) -> dict[str, object]:
    """Read the list of what Go put in; an empty one where there is none."""
    text = wheel.read(f"{wheel.info}/sboms/checksig.cdx.json")
    empty = {"metadata": {"component": {"version": ""}}, "components": []}
    return json.loads(text) if text else empty


def check_sbom(wheel: Wheel) -> Iterator[str]:
    """The list of the Go code is that which Go wrote into the binaries; its licences are there."""
    bom = sbom(wheel)
    components = {part["name"]: part for part in bom["components"]}
    if bom.get("bomFormat") != "CycloneDX" or "std" not in components:
        yield "has no CycloneDX list of its Go code"
    built_in: set[tuple[str, str]] = set()
    for name in wheel.names:
        if not name.endswith((".py", ".pyi")) and name.startswith("checksig/"):
            lines = re.findall(rb"\ndep\t(\S+)\t(v\S+)\t", wheel.read(name))
            built_in |= {(path.decode(), version.decode()) for path, version in lines}
    listed = {(name, part["version"]) for name, part in components.items() if name != "std"}
    for path, version in sorted(built_in ^ listed):
        fault = "does not list" if (path, version) in built_in else "lists without need"
        yield f"its SBOM {fault} {path} {version}"
    stated = " ".join(wheel.metadata("METADATA").get("License-Expression", [])).split(" AND ")
    for name, part in components.items():
        told = [entry["license"]["id"] for entry in part.get("licenses", [])]
        if not told or not set(told) <= set(stated):
            yield f"{name} has the licence {told}, and License-Expression does not tell"
        file = "go" if name == "std" else name.replace("/", "-")
        text = wheel.read(f"{wheel.info}/licenses/LICENSES/{file}.txt")
        if b"copyright" not in text.lower():
            yield f"lacks the licence of {name}"


def check(path: Path) -> Iterator[str]:
    """Everything that is wrong with one wheel."""
    match = re.fullmatch(r"checksig-([^-]+)-py3-none-([\w.]+)\.whl", path.name)
    platform = Platform.of(match[2]) if match else None
    if match is None or platform is None:
        yield "is not named checksig-VERSION-py3-none-PLATFORM.whl"
        return
    if path.stat().st_size >= MOST_BYTES:
        yield f"is of {path.stat().st_size} bytes, {MOST_BYTES} or more"
    try:
        with zipfile.ZipFile(path) as archive:
            wheel = Wheel(archive, match[1], match[2])
            yield from check_files(wheel, platform)
            yield from check_metadata(wheel)
            yield from check_sbom(wheel)
    except (zipfile.BadZipFile, ValueError, KeyError) as error:
        yield f"cannot be read: {type(error).__name__}: {error}"


def go_versions(path: Path) -> set[str]:
    """The version of Go that the SBOM of a wheel names; none where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith("/checksig.cdx.json")]
            parts = [
                part for name in names for part in json.loads(archive.read(name))["components"]
            ]
    except (zipfile.BadZipFile, ValueError, KeyError):
        return set()  # which is told where the wheel itself is checked
    return {part["version"] for part in parts if part["name"] == "std"}


def check_release(wheels: list[Path]) -> Iterator[str]:
    """The wheels of a release: one for each platform, and each is one that PyPI takes."""
    names = [PurePosixPath(path.name).stem.split("-")[-1] for path in wheels]
    found = sorted(str(Platform.of(tags)) for tags in names)
    yield from (f"there is no wheel for {name}" for name in sorted(RELEASE - set(found)))
    yield from (f"there is a wheel for {name}" for name in sorted(set(found) - RELEASE))
    if len(set(found)) != len(found):
        yield "there are two wheels for one platform"
    versions = set().union(*map(go_versions, wheels))
    if len(versions) > 1:
        yield f"the wheels are built by several versions of Go: {', '.join(sorted(versions))}"


def main() -> int:
    """Check each wheel named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL")
    parser.add_argument(
        "--more-exports",
        action="store_true",
        help="for libraries for macOS that zig linked: its linker knows no list of exports",
    )
    parser.add_argument(
        "--release", action="store_true", help="these are the wheels of all platforms"
    )
    options = parser.parse_args()
    failed = False
    for path in options.wheels:
        faults = list(check(path))
        if options.more_exports:
            faults = [fault for fault in faults if ".dylib exports " not in fault]
        failed |= bool(faults)
        for fault in faults:
            print(f"{path.name}: {fault}")
        if not faults:
            print(f"{path.name}: ok, {path.stat().st_size} bytes")
    if options.release:
        for fault in check_release(options.wheels):
            failed = True
            print(f"release: {fault}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
