"""How several operations share the CPUs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["share_workers"]

_MAX_JOBS = 8
"""How many operations run at once; each reads its own manifests."""

_MAX_LOOKED_AT = 64
"""How many paths are looked at for the disk that they lie on."""


def share_workers(workers: int | None, paths: Sequence[str]) -> tuple[int | None, int]:
    """Return how many workers each operation has, and how many operations run at once.

    :param workers: How many files are hashed at once, all operations together; None for one a CPU.
        Then each operation has twice its share, so that no CPU is idle when others have ended.
    """
    cpus = workers or _cpus()
    jobs = min(len(paths), cpus, _MAX_JOBS)
    if jobs <= 1 or any(map(_is_spinning, paths[:_MAX_LOOKED_AT])):
        return workers, 1
    return max(cpus // jobs, 1) if workers else min(-(-2 * cpus // jobs), cpus), jobs


def _cpus() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _is_spinning(path: str) -> bool:
    """Whether *path* lies on a disk that claims to spin, which is slower with several readers."""
    if sys.platform != "linux":
        return False
    try:
        device = os.stat(path).st_dev
    except (OSError, ValueError):
        return False
    base = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"
    for name in (f"{base}/queue/rotational", f"{base}/../queue/rotational"):
        try:
            with open(name, "rb") as file:
                return file.read(1) == b"1"
        except OSError:
            continue
    return False
