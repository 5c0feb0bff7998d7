"""Verify files against checksum manifests, with a Go engine that uses every core.

>>> from checksig import verify
>>> report = verify("downloads/")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._algorithms import Algorithm
from ._create import Converted, Created, Updated, Written, convert, create, update
from ._dpkg import verify_dpkg
from ._environment import verify_environment
from ._installed import InstalledReport, PackageReport, PackageStatus
from ._job import CancelToken
from ._options import Options
from ._verify import averify, check_signatures, iter_verify, verify
from .errors import (
    CancelledError,
    ChecksigError,
    EngineError,
    ForkedError,
    ManifestError,
    ManifestNotFoundError,
    VerificationError,
    WriteError,
)
from .report import BadLine, Extra, Manifest, Progress, Report, Result, Status

if TYPE_CHECKING:
    algorithms: tuple[Algorithm, ...]
    """What the engine can compute, by growing length of the digests. The engine is asked for it
    when it is first used, which is why ``from checksig import *`` leaves it out."""

__all__ = [
    "Algorithm",
    "BadLine",
    "CancelToken",
    "CancelledError",
    "ChecksigError",
    "Converted",
    "Created",
    "EngineError",
    "Extra",
    "ForkedError",
    "InstalledReport",
    "Manifest",
    "ManifestError",
    "ManifestNotFoundError",
    "Options",
    "PackageReport",
    "PackageStatus",
    "Progress",
    "Report",
    "Result",
    "Status",
    "Updated",
    "VerificationError",
    "WriteError",
    "Written",
    "averify",
    "check_signatures",
    "convert",
    "create",
    "iter_verify",
    "update",
    "verify",
    "verify_dpkg",
    "verify_environment",
]


if not TYPE_CHECKING:  # to type checkers only what is written above is there

    def __getattr__(name: str) -> object:
        if name == "algorithms":
            from ._algorithms import load

            return load()
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), "algorithms"})
