#!/usr/bin/env python3
"""Check wheels for any platform, without running them: files, hardening, exports, SBOM, licences.

Checks only what check-wheel-contents, twine, auditwheel and delocate do not. ELF, PE and Mach-O
files are read with the package lief.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lief

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
MAX_BYTES = 8_200_000  # a little more than it has, so that a leap is noticed
RELEASE = {  # the platforms of a release; a new one is added here and in wheels.yml
    "manylinux x86_64",
    "manylinux aarch64",
    "musllinux x86_64",
    "musllinux aarch64",
    "macosx x86_64",
    "macosx arm64",
    "win amd64",
}
BINARIES = {
    "win": {"checksig.dll", "checksig-engine.exe"},
    "macosx": {"libchecksig.dylib", "checksig-engine"},
    "musllinux": {"checksig-engine"},
    "manylinux": {"libchecksig.so", "checksig-engine"},
    "linux": {"libchecksig.so", "checksig-engine"},
}
# Libraries that every system of the kind has; none of Python's.
LINUX_LIBRARIES = re.compile(r"lib(c|pthread|dl|m|resolv|rt)\.so\.\d|ld-linux[\w-]*\.so\.\d")
WINDOWS_LIBRARIES = re.compile(
    r"(kernel32|ntdll|msvcrt|ucrtbase|api-ms-win-crt-[\w-]+)\.dll", re.IGNORECASE
)
MAC_LIBRARIES = re.compile(
    r"/usr/lib/lib(System\.B|resolv\.9)\.dylib"
    r"|/System/Library/Frameworks/(CoreFoundation|Security)\.framework/.+"
)


def platform_of(tags: str) -> tuple[str, str]:
    """Return system and machine of a wheel's platform tags, two empty strings if unknown."""
    pattern = r"(manylinux|musllinux|macosx|linux|win)[\d_]*_(x86_64|aarch64|arm64|amd64)"
    matches = [re.fullmatch(pattern, tag) for tag in tags.split(".")]
    found = {(match[1], match[2]) if match else ("", "") for match in matches}
    return found.pop() if len(found) == 1 else ("", "")


def project_version() -> str:
    """Return the version in pyproject.toml."""
    text = Path(ROOT, "pyproject.toml").read_text(encoding="utf-8")
    match = re.search(r'^version = "([^"]+)"', text, re.MULTILINE)
    return match[1] if match else ""


# --- libraries and programs


def check_exports(found: set[str], *more: str) -> Iterator[str]:
    """Compare the names that the library exports with the linker's list."""
    text = Path(ROOT, "go", "exports", "darwin.list").read_text(encoding="utf-8")
    wanted = {line[1:] for line in text.splitlines() if line.startswith("_")} | set(more)
    yield from (f"exports {name}" for name in sorted(found - wanted))
    yield from (f"does not export {name}" for name in sorted(wanted - found))


def check_elf(binary: lief.ELF.Binary, *, library: bool, local: bool) -> Iterator[str]:
    """Linux: hardened, few dependencies; the program is static, unless built for this machine."""
    flag = lief.ELF.Segment.FLAGS
    segments = {part.type.name: part for part in binary.segments}
    if "GNU_STACK" not in segments or segments["GNU_STACK"].has(flag.X):
        yield "has an executable stack"
    loaded = (part for part in binary.segments if part.type.name == "LOAD")
    if any(part.has(flag.W) and part.has(flag.X) for part in loaded):
        yield "has memory that is writable and executable"
    if not library and not local and {"INTERP", "DYNAMIC"} & set(segments):
        yield "is not a static program"
    if library or "DYNAMIC" in segments:
        yield from check_dynamic(binary)
    if library:
        yield from check_exports(
            {
                str(symbol.name)
                for symbol in binary.dynamic_symbols
                if symbol.shndx and symbol.binding != lief.ELF.Symbol.BINDING.LOCAL
            }
        )


def check_dynamic(binary: lief.ELF.Binary) -> Iterator[str]:
    """Linux: what is not static needs few libraries, and is protected after its relocation."""
    for name in map(str, binary.libraries):
        if not LINUX_LIBRARIES.fullmatch(name):
            yield f"needs {name}"
    entries = {entry.tag.name: entry.value for entry in binary.dynamic_entries}
    flags = entries.get("FLAGS", 0)
    if not any(part.type.name == "GNU_RELRO" for part in binary.segments):
        yield "has no RELRO"
    if "BIND_NOW" not in entries and not flags & 8:
        yield "has no BIND_NOW, so RELRO is partial"
    if "TEXTREL" in entries or flags & 4:
        yield "has text relocations"


def check_pe(binary: lief.PE.Binary, *, library: bool) -> Iterator[str]:
    """Windows: address randomisation, no execution of data, system DLLs only."""
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
        yield from check_exports(names, "free")


def check_macho(binary: lief.MachO.Binary, machine: str, *, library: bool) -> Iterator[str]:
    """macOS: system libraries only, a relative install name, signed where required."""
    own = lief.MachO.LoadCommand.TYPE.ID_DYLIB
    for needed in binary.libraries:
        if needed.command != own and not MAC_LIBRARIES.fullmatch(str(needed.name)):
            yield f"needs {needed.name}"
    if machine == "arm64" and not binary.has_code_signature:
        yield "is not signed, so arm64 does not load it"
    if library:
        yield from check_exports(
            {str(symbol.name).removeprefix("_") for symbol in binary.exported_symbols}
        )
        names = {str(part.name) for part in binary.libraries if part.command == own}
        if names != {"@rpath/libchecksig.dylib"}:
            yield f"has the install name {', '.join(sorted(names)) or '(none)'}"


def check_binary(name: str, content: bytes, system: str, machine: str) -> Iterator[str]:
    """Check one library or program."""
    library = "engine" not in name
    binary = lief.parse(io.BytesIO(content))
    if isinstance(binary, lief.ELF.Binary) and system.endswith("linux"):
        found = binary.header.machine_type.name
        local = system == "linux"
        yield from check_elf(binary, library=library, local=local)
        if not local and b"\nbuild\tCGO_ENABLED=1\n" not in content:
            yield "has no SIMD kernels"
    elif isinstance(binary, lief.PE.Binary) and system == "win":
        found = binary.header.machine.name
        yield from check_pe(binary, library=library)
    elif isinstance(binary, lief.MachO.Binary) and system == "macosx":
        found = binary.header.cpu_type.name
        yield from check_macho(binary, machine, library=library)
    else:
        yield f"is not a binary for {system}"
        return
    if found.lower() != machine:
        yield f"is for {found}, but the tag says {machine}"


# --- the wheel


class Wheel:
    """An open wheel, and the parts of its file name."""

    def __init__(self, archive: zipfile.ZipFile, version: str, tags: str) -> None:
        self.archive = archive
        self.version = version
        self.tags = tags
        self.system, self.machine = platform_of(tags)
        self.names = {name for name in archive.namelist() if not name.endswith("/")}
        self.info = f"checksig-{version}.dist-info"

    def read(self, name: str) -> bytes:
        """Read a file; nothing if it is missing, which check_files reports."""
        return self.archive.read(name) if name in self.names else b""

    def headers(self, name: str) -> dict[str, list[str]]:
        """Read the headers of METADATA or WHEEL."""
        message = message_from_bytes(self.read(f"{self.info}/{name}"))
        return {key: message.get_all(key, []) for key in message}

    def sbom(self) -> dict[str, Any]:
        """Read the SBOM."""
        empty = '{"metadata": {"component": {"version": ""}}, "components": []}'
        return json.loads(self.read(f"{self.info}/sboms/checksig.cdx.json") or empty)


def check_files(wheel: Wheel) -> Iterator[str]:
    """The wheel holds the package's sources, the binaries and the metadata, and nothing else."""
    binaries = {f"checksig/{name}" for name in BINARIES[wheel.system]}
    package = Path(ROOT, "src", "checksig")
    wanted = {
        *(path for path in package.rglob("*") if path.suffix in {".py", ".pyi", ".typed"}),
        *package.glob("schema/*.json"),
        package / "_ffi.py",  # written by the build
    }
    licences = {path.name for path in Path(ROOT, "LICENSES").iterdir()}
    needed = {
        *(path.relative_to(package.parent).as_posix() for path in wanted),
        *binaries,
        f"checksig-{wheel.version}.data/data/share/man/man1/checksig.1",
        *(f"{wheel.info}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")),
        *(f"{wheel.info}/{name}" for name in ("sboms/checksig.cdx.json", "licenses/LICENSE")),
        *(f"{wheel.info}/licenses/LICENSES/{name}" for name in licences),
    }
    yield from (f"lacks {name}" for name in sorted(needed - wheel.names))
    extra = wheel.names - needed - {f"{wheel.info}/top_level.txt"}
    yield from (f"holds {name}" for name in sorted(extra))
    for name in sorted(binaries & wheel.names):
        mode = wheel.archive.getinfo(name).external_attr >> 16
        if "engine" in name and wheel.system != "win" and not mode & 0o100:
            yield f"{name} is not executable: its mode is {mode & 0o777:o}"
        faults = check_binary(name, wheel.read(name), wheel.system, wheel.machine)
        yield from (f"{name} {fault}" for fault in faults)


def check_metadata(wheel: Wheel) -> Iterator[str]:
    """Version and tags are the same in all places."""
    versions = {
        "the file name": wheel.version,
        "METADATA": "".join(wheel.headers("METADATA").get("Version", [])),
        "the SBOM": wheel.sbom()["metadata"]["component"]["version"],
    }
    for place, version in versions.items():
        if version != project_version():
            yield f"is of version {project_version()}, but {place} says {version or 'nothing'}"
    headers = wheel.headers("WHEEL")
    if set(headers.get("Tag", [])) != {f"py3-none-{tag}" for tag in wheel.tags.split(".")}:
        yield f"is named {wheel.tags}, but WHEEL says {', '.join(headers.get('Tag', []))}"
    if headers.get("Root-Is-Purelib") != ["false"]:
        yield "is marked as a wheel for every platform (Root-Is-Purelib)"


def check_sbom(wheel: Wheel) -> Iterator[str]:
    """The SBOM lists the Go modules recorded in the binaries; their licences are in the wheel."""
    sbom = wheel.sbom()
    components = {part["name"]: part for part in sbom["components"]}
    if sbom.get("bomFormat") != "CycloneDX" or "std" not in components:
        yield "has no CycloneDX list of its Go code"
    built_in: set[tuple[str, str]] = set()
    for name in BINARIES[wheel.system]:
        content = wheel.read(f"checksig/{name}")
        lines = re.findall(rb"\ndep\t(\S+)\t(v\S+)\t", content)
        built_in |= {(path.decode(), version.decode()) for path, version in lines}
        if re.search(rb"\nbuild\t-tags=(\S+,)?musl[,\n]", content):
            built_in.add(("musl", ""))
    listed = {(name, part.get("version", "")) for name, part in components.items() if name != "std"}
    for module in sorted(built_in - listed):
        yield f"its SBOM lacks {' '.join(filter(None, module))}"
    for module in sorted(listed - built_in):
        yield f"its SBOM lists {' '.join(filter(None, module))}, which no binary contains"
    stated = " ".join(wheel.headers("METADATA").get("License-Expression", [])).split(" AND ")
    for name, part in components.items():
        ids = [entry["license"]["id"] for entry in part.get("licenses", [])]
        if not ids or not set(ids) <= set(stated):
            yield f"{name} has the licence {ids}, which License-Expression does not name"
        file = "go" if name == "std" else name.replace("/", "-")
        if b"copyright" not in wheel.read(f"{wheel.info}/licenses/LICENSES/{file}.txt").lower():
            yield f"lacks the licence of {name}"


def check(path: Path) -> Iterator[str]:
    """Yield every fault of a wheel."""
    match = re.fullmatch(r"checksig-([^-]+)-py3-none-([\w.]+)\.whl", path.name)
    if match is None or not platform_of(match[2])[0]:
        yield "is not named checksig-VERSION-py3-none-PLATFORM.whl"
        return
    if path.stat().st_size >= MAX_BYTES:
        yield f"has {path.stat().st_size} bytes, {MAX_BYTES} or more"
    try:
        with zipfile.ZipFile(path) as archive:
            wheel = Wheel(archive, match[1], match[2])
            yield from check_files(wheel)
            yield from check_metadata(wheel)
            yield from check_sbom(wheel)
    except (zipfile.BadZipFile, ValueError, KeyError) as error:
        yield f"cannot be read: {type(error).__name__}: {error}"


def check_release(paths: list[Path]) -> Iterator[str]:
    """A release has one wheel for each platform, all built by one version of Go."""
    found: list[str] = []
    versions: set[str] = set()
    for path in filter(zipfile.is_zipfile, paths):
        _, version, *_, tags = path.stem.split("-")
        found.append(" ".join(platform_of(tags)))
        with zipfile.ZipFile(path) as archive:
            sbom = Wheel(archive, version, tags).sbom()
        versions |= {part["version"] for part in sbom["components"] if part["name"] == "std"}
    yield from (f"there is no wheel for {name}" for name in sorted(RELEASE - set(found)))
    yield from (f"there is a wheel for {name}" for name in sorted(set(found) - RELEASE))
    if len(set(found)) != len(found):
        yield "there are two wheels for one platform"
    if len(versions) > 1:
        yield f"the wheels are built by several versions of Go: {', '.join(sorted(versions))}"


def main() -> int:
    """Check each wheel named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL")
    parser.add_argument("--release", action="store_true", help="these are all wheels of a release")
    options = parser.parse_args()
    failed = False
    for path in options.wheels:
        faults = list(check(path))
        failed |= bool(faults)
        print(*(f"{path.name}: {fault}" for fault in faults or ["ok"]), sep="\n")
    for fault in check_release(options.wheels) if options.release else ():
        failed = True
        print(f"release: {fault}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
