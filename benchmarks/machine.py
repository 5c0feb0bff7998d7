"""Describe the machine and the versions, without anything that identifies the machine."""

from __future__ import annotations

import os
import platform
import re
import ssl
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_FLAGS = (
    "sse2",
    "ssse3",
    "avx2",
    "avx512f",
    "avx512bw",
    "avx512vl",
    "sha_ni",
    "asimd",
    "sha1",
    "sha2",
)


def describe() -> dict[str, str]:
    """Return the processor, its instruction sets, memory and kernel."""
    text = Path("/proc/cpuinfo").read_text()

    def field(pattern: str) -> str:
        found = re.search(rf"^(?:{pattern})\s*:\s*(.*)$", text, re.MULTILINE)
        return found[1] if found else ""

    flags = set(field("flags|Features").split())
    return {
        "Processor": field("model name") or platform.machine(),
        "Processors that may be used": str(len(os.sched_getaffinity(0))),
        "Instruction sets": ", ".join(flag for flag in _FLAGS if flag in flags) or "unknown",
        "Memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "Kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
    }


def versions(go: str) -> dict[str, str]:
    """Return the versions of checksig and of its peers."""
    return {
        "checksig": version("checksig"),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "OpenSSL (in hashlib)": ssl.OPENSSL_VERSION.split()[1],
        "Go": _printed_version([go, "env", "GOVERSION"]).removeprefix("go"),
        "coreutils": _printed_version(["sha256sum", "--version"]),
        "findutils": _printed_version(["xargs", "--version"]),
        "rhash": _printed_version(["rhash", "--version"]).removeprefix("v"),
        "hashdeep": _printed_version(["hashdeep", "-V"]),
        "grpcio": _installed("grpcio"),
    }


def _printed_version(command: list[str]) -> str:
    """Return the version at the end of the first line that a program prints."""
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return printed.splitlines()[0].split()[-1]


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
