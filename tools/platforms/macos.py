"""MacOS: what can be told without one."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from base import CACHE, Outcome, environment, run
from wheels import (
    build_wheel,
    zig,
)


def stubs(folder: Path) -> None:
    """Write what the linker wants to know of macOS: the names that Go imports from there."""
    go_root = run("go", "env", "GOROOT", env=environment()).split()[-1]
    line = re.compile(r'^//go:cgo_import_dynamic \w+ (\w+) "(/[^"]+)"', re.MULTILINE)
    names: dict[str, set[str]] = {}
    for path in Path(go_root, "src").rglob("*.go"):
        if not path.is_file():
            continue  # a test of Go's own has a folder of such a name
        for symbol, library in line.findall(path.read_text(encoding="utf-8", errors="replace")):
            names.setdefault(library, set()).add(f"_{symbol}")
    targets = "[ arm64-macos, x86_64-macos ]"
    for library, symbols in names.items():
        if "libSystem" in library:
            continue  # zig brings this one
        stem = library.rpartition("/")[2]
        framework = "/Frameworks/" in library
        target = folder / (
            f"{stem}.framework/{stem}.tbd" if framework else f"{stem.split('.')[0]}.tbd"
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(
            f"--- !tapi-tbd\ntbd-version: 4\ntargets: {targets}\ninstall-name: '{library}'\n"
            f"exports:\n  - targets: {targets}\n"
            f"    symbols: [ {', '.join(sorted(symbols))} ]\n...\n"
        )


def macos() -> Outcome:
    """MacOS arm64 and x86-64, 13 and later."""
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        stubs(Path(scratch))
        for machine, arch, name in (("arm64", "arm64", "aarch64"), ("x86_64", "amd64", "x86_64")):
            build_wheel(
                f"macosx_13_0_{machine}",
                GOOS="darwin",
                GOARCH=arch,
                CGO_LDFLAGS=f"-L{scratch} -F{scratch}",
                CC=zig(f"{name}-macos.13.0"),
            )
    notes = [
        "never run here: the workflow builds and tests them on macOS itself",
        "zig's linker exports more than the list says, so that is checked on macOS only",
    ]
    return Outcome("zig, cross", "structure only, not run", "-", notes)
