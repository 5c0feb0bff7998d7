"""How several operations share the CPUs."""

from __future__ import annotations

import contextlib
import os
import sys

from .._engine.limits import cpu_count
from .._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Speed", "may_spin", "share_workers"]

_MAX_JOBS = 8
"""How many operations run at once; each reads its own manifests."""

_MAX_LOOKED_AT = 64
"""How many paths are looked at for the disk that they lie on."""

_ENOUGH = 64 << 20
_FAST = 350e6
"""More than the bytes that a spinning disk reads in a second."""


def share_workers(workers: int | None, count: int) -> tuple[int | None, int]:
    """Return how many workers each operation has, and how many operations run at once.

    :param workers: How many files are hashed at once, all operations together; None for one a CPU.
        Then each operation has twice its share, so that no CPU is idle when others have ended.
    :param count: How many operations there are.
    """
    cpus = workers or cpu_count()
    jobs = min(count, cpus, _MAX_JOBS)
    if jobs <= 1:
        return workers, 1
    return max(cpus // jobs, 1) if workers else min(-(-2 * cpus // jobs), cpus), jobs


class Speed:
    """Whether files are read faster than a spinning disk can.

    Virtual disks claim to spin, too.
    """

    def __init__(self) -> None:
        self._bytes = 0
        self._seconds = 0.0

    def add(self, size: int, seconds: float) -> None:
        """Count what was read."""
        self._bytes += size
        self._seconds += seconds

    @property
    def is_high(self) -> bool:
        """Whether enough was read, and fast."""
        return self._bytes > _ENOUGH and self._bytes > self._seconds * _FAST


def may_spin(paths: Sequence[str]) -> bool:
    """Whether one of *paths* lies on a disk that claims to spin: several readers slow it down."""
    return any(map(_claims_to_spin, paths[:_MAX_LOOKED_AT]))


def _claims_to_spin(path: str) -> bool:
    if sys.platform != "linux":
        return False
    try:
        device = os.stat(path).st_dev
    except (OSError, ValueError):
        return False
    base = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"
    for name in (f"{base}/queue/rotational", f"{base}/../queue/rotational"):  # of a partition
        with contextlib.suppress(OSError), open(name, "rb") as file:
            return file.read(1) == b"1"
    return False
