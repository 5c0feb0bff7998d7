"""Where files are while they are measured: in the page cache, on a cold disk, or far away."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Storage = Callable[[Path], AbstractContextManager[Path]]

_DROP = Path("/proc/sys/vm/drop_caches")


def not_cold(folder: Path) -> str | None:
    """Return why the page cache of *folder* cannot be dropped, or None."""
    if not os.access(_DROP, os.W_OK):
        return "only root can drop the page cache"
    kind = subprocess.check_output(["stat", "-f", "-c", "%T", str(folder)], text=True).strip()
    in_memory = kind in {"tmpfs", "ramfs"}
    return f"{folder} is in memory: {kind}; --folder names another" if in_memory else None


def not_remote() -> str | None:
    """Return why latencyfs cannot be mounted, or None."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse cannot be used"
    if not (shutil.which("fusermount3") or shutil.which("fusermount")):
        return "fusermount3 is not installed"
    return None


@contextlib.contextmanager
def warm(folder: Path) -> Iterator[Path]:
    """Read all files, so that they are in the page cache."""
    for path in folder.rglob("*.bin"):
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 20):
                pass
    yield folder


@contextlib.contextmanager
def cold(folder: Path) -> Iterator[Path]:
    """Drop the page cache, names and attributes."""
    os.sync()
    _DROP.write_text("3")
    yield folder


@contextlib.contextmanager
def remote(program: Path, milliseconds: int, folder: Path) -> Iterator[Path]:
    """Mount *folder* anew, so that the kernel knows nothing of it; its disk is left warm."""
    mount = folder.with_name("mount")
    mount.mkdir(exist_ok=True)
    command = [str(program), str(mount), str(folder), str(milliseconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        try:
            if cast("IO[bytes]", server.stdout).readline() != b"mounted\n":
                raise RuntimeError(f"{command} does not mount")
            yield mount
        finally:
            while server.poll() is None:  # a file may still be open for a moment
                server.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.wait(1)
