"""Verify files against checksum manifests, with a Go engine that uses every core.

>>> from checksig import verify
>>> report = verify("downloads/")  # doctest: +SKIP
"""

from __future__ import annotations

from ._options import Options
from ._verify import CancelToken, averify, check_signatures, iter_verify, verify
from .errors import (
    CancelledError,
    ChecksigError,
    EngineError,
    ForkedError,
    ManifestError,
    ManifestNotFoundError,
    VerificationError,
)
from .report import BadLine, Extra, Manifest, Progress, Report, Result, Status

__all__ = [
    "BadLine",
    "CancelToken",
    "CancelledError",
    "ChecksigError",
    "EngineError",
    "Extra",
    "ForkedError",
    "Manifest",
    "ManifestError",
    "ManifestNotFoundError",
    "Options",
    "Progress",
    "Report",
    "Result",
    "Status",
    "VerificationError",
    "averify",
    "check_signatures",
    "iter_verify",
    "verify",
]
