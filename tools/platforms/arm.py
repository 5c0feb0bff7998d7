"""Linux on Arm, under an emulator."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from base import Outcome, locked, patience, run
from glibc import CPYTHON_ONLY
from systems import PEERS, System, debian, newest
from wheels import build_wheel, suite, zig

if TYPE_CHECKING:
    from collections.abc import Iterator

# ELF, 64 bits, little-endian, of any system; a program or a library; for EM_AARCH64: see elf(5).
MAGIC = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\xb7\0"
MASK = b"\xff" * 7 + b"\0" + b"\xff" * 8 + b"\xfe\xff\xff\xff"


def escaped(content: bytes) -> str:
    """Write bytes as binfmt_misc reads them."""
    return "".join(f"\\x{byte:02x}" for byte in content)


@contextlib.contextmanager
def emulation(system: System) -> Iterator[None]:
    """Let the kernel run Arm programs by a system's qemu, for as long as the tests need it."""
    folder = Path("/proc/sys/fs/binfmt_misc")
    rule = folder / "checksig-aarch64"
    with locked("emulation"):
        if not (folder / "register").exists():
            run("mount", "-t", "binfmt_misc", "binfmt_misc", folder)
        if rule.exists():  # of a run that was killed
            rule.write_text("-1")
        qemu = f"{system.root}/usr/bin/qemu-aarch64"
        # F: opened now, so that it need not be there in the other system. P: programs are told the
        # name that they are called by.
        line = f":{rule.name}:M::{escaped(MAGIC)}:{escaped(MASK)}:{qemu}:PF"
        (folder / "register").write_text(line)
        try:
            yield
        finally:
            rule.write_text("-1")


ENDED_BY_A_SIGNAL = "test_a_signal_ends_it_as_it_ends_any_program"
KERNELS_FILES = "test_files_of_the_kernel_are_refused"
MADE_UP = "qemu shows a file of its own making under that name, with a size that is right"
NO_LIMIT = "qemu keeps no limit of address space (RLIMIT_AS)"
MEMORY = "what is measured is qemu's memory: 69 MB for ten small files, of the 80 MB allowed"
CORE = "qemu adds to stderr that the program dumped core"
# What qemu-user does otherwise than Linux. Each was seen without checksig, or is told by qemu.
EMULATED = {
    "tests/test_host_process.py::test_the_signals_that_threads_of_gos_take": (
        "/proc tells the signals that qemu's own threads block: never SIGABRT, whoever asks"
    ),
    "tests/test_host_process.py::test_a_signal_ends_the_process_as_ever[SIGQUIT]": CORE,
    "tests/test_host_process.py::test_a_signal_ends_the_process_as_ever[SIGABRT]": CORE,
    **{
        f"tests/test_coreutils.py::{ENDED_BY_A_SIGNAL}[{how}-SIGQUIT]": CORE
        for how in ("command", "shim")
    },
    f"tests/test_files.py::{KERNELS_FILES}[/proc/cpuinfo-changed while being read]": MADE_UP,
    f"tests/test_files.py::{KERNELS_FILES}[/proc/self/maps-changed while being read]": MADE_UP,
    "tests/test_manifests.py::test_a_manifest_made_up_by_the_kernel": MADE_UP,
    "tests/test_manifests.py::test_lines_of_the_greatest_length": MEMORY,
    "tests/test_scale.py::test_memory_does_not_grow_with_the_manifest": MEMORY,
    "tests/test_scale.py::test_peak_memory[1000-1048576]": MEMORY,
    "tests/test_scale.py::test_peak_memory[50000-4096]": MEMORY,
    **{
        f"tests/test_process.py::test_little_address_space[{case}]": NO_LIMIT
        for case in ("50-", "50-library", "50-process")
    },
    **{
        f"tests/test_process.py::test_little_address_space[{megabytes}-library]": NO_LIMIT
        for megabytes in (800, 1200, 1500)
    },
}


def aarch64() -> Outcome:
    """Linux aarch64, glibc 2.17 and later."""
    wheel = build_wheel("manylinux_2_17_aarch64", GOARCH="arm64", CC=zig("aarch64-linux-gnu.2.17"))
    with emulation(newest()):
        packages = ("b3sum", "fuse3", "gcc", "libc6-dev", "libfuse2", "python3-venv")
        system = debian("bookworm", *PEERS, *packages, arch="arm64")
        tests = suite(
            system,
            "/usr/bin/python3",
            wheel,
            minutes=200,
            packages=CPYTHON_ONLY,
            deselect=list(EMULATED),
            options=("-m", "not once"),
            one_by_one=True,
            env={"CHECKSIG_TEST_PATIENCE": "10", "HYPOTHESIS_PROFILE": "emulated", **patience()},
        )
    notes = [f"deselected `{test}`: {reason}" for test, reason in EMULATED.items()]
    return Outcome("zig, cross", "Debian 12 under qemu-user 10, CPython 3.11", tests, notes)
