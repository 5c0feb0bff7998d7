"""A file system with faults: shows a folder's files, some of which fail, dawdle or hang.

Started as a program, with the mount point, the folder, and the faults in JSON: for a file's name,
``eio`` or ``hang``, the byte from which on a read fails or never returns, and ``delay``, the
seconds that each read takes. With ``others``, reads return once so many of them have waited at the
same time. Where a read hangs, the program writes its process's number into ``<folder>.hangs``.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import mfusepy  # pyright: ignore[reportMissingTypeStubs]


class FaultFS(mfusepy.Operations):  # type: ignore[misc]
    """Reads what lies in *folder*, with *faults*."""

    use_ns = True

    def __init__(self, folder: Path, faults: dict[str, dict[str, float]]) -> None:
        self.folder = folder
        self.faults = faults
        self.waiting = 0
        self.met = threading.Event()
        self.mutex = threading.Lock()

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:  # noqa: ARG002
        """Return the attributes of the file."""
        try:
            stat = (self.folder / path[1:]).lstat()
        except OSError as error:
            raise mfusepy.FuseOSError(error.errno) from None
        names = ("st_mode", "st_size", "st_uid", "st_gid", "st_nlink")
        return {
            **{name: getattr(stat, name) for name in names},
            "st_mtime": stat.st_mtime_ns,
            "st_ctime": stat.st_ctime_ns,
        }

    def readlink(self, path: str) -> str:
        """Return what a link leads to."""
        return os.readlink(self.folder / path[1:])

    def readdir(self, path: str, fh: int) -> list[str]:  # noqa: ARG002
        """List the folder."""
        return [".", "..", *os.listdir(self.folder / path[1:])]

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:  # noqa: ARG002
        """Read, or fail as the faults of the file say."""
        fault = self.faults.get(path[1:], {})
        time.sleep(fault.get("delay", 0))
        if "others" in fault:
            with self.mutex:
                self.waiting += 1
                if self.waiting >= fault["others"]:
                    self.met.set()
            self.met.wait()
        if offset + size > fault.get("hang", float("inf")):
            self.folder.with_suffix(".hangs").write_text(str(os.getpid()))
            threading.Event().wait()
        if offset + size > fault.get("eio", float("inf")):
            raise mfusepy.FuseOSError(errno.EIO)
        with (self.folder / path[1:]).open("rb") as file:
            file.seek(offset)
            return file.read(size)


if __name__ == "__main__":
    mountpoint, folder, faults = sys.argv[1:]
    mfusepy.FUSE(
        FaultFS(Path(folder), json.loads(faults)),
        mountpoint,
        foreground=True,
        ro=True,
        fsname="checksig-faults",
    )
