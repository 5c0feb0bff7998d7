"""Linux on Arm, under an emulator."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from base import Outcome, run
from systems import System, debian, newest
from wheels import (
    build_wheel,
    suite,
    zig,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def emulation(system: System) -> Iterator[None]:
    """Let the kernel run Arm programs by qemu, for as long as the tests need it."""
    folder = Path("/proc/sys/fs/binfmt_misc")
    if not (folder / "register").exists():
        run("mount", "-t", "binfmt_misc", "binfmt_misc", folder)
    rule = folder / "checksig-aarch64"
    if not rule.exists():
        magic = "".join(
            f"\\x{byte:02x}" for byte in b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\xb7\0"
        )
        mask = "".join(
            f"\\x{byte:02x}" for byte in b"\xff" * 7 + b"\0" + b"\xff" * 8 + b"\xfe\xff\xff\xff"
        )
        qemu = f"{system.root}/usr/bin/qemu-aarch64"
        # F: opened now, so that it need not be there in the other system.
        (folder / "register").write_text(f":{rule.name}:M::{magic}:{mask}:{qemu}:F")
    try:
        yield
    finally:
        rule.write_text("-1")


# What qemu-user cannot do, and why.
EMULATED: dict[str, str] = {}


def aarch64() -> Outcome:
    """Linux aarch64, glibc 2.17 and later."""
    wheel = build_wheel("manylinux_2_17_aarch64", GOARCH="arm64", CC=zig("aarch64-linux-gnu.2.17"))
    with emulation(newest()):
        system = debian(
            "bookworm", "fuse3", "gcc", "libc6-dev", "libfuse2", "python3-venv", arch="arm64"
        )
        tests = suite(
            system,
            "/usr/bin/python3",
            wheel,
            minutes=60,
            timeout=900,
            deselect=list(EMULATED),
            env={"CHECKSIG_EMULATED": "1"},
        )
    notes = [f"deselected `{test}`: {reason}" for test, reason in EMULATED.items()]
    return Outcome("zig, cross", "Debian 12 under qemu-user 10, CPython 3.11", tests, notes)


# What qemu-user cannot do, and why.
