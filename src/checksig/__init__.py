"""Verify files against checksum manifests, with a Go engine that uses every core.

>>> from checksig import verify
>>> report = verify("downloads/")  # doctest: +SKIP
"""

from __future__ import annotations

from ._create import Converted, Created, Updated, Written, convert, create, update
from ._verify import CancelToken, averify, check_signatures, iter_verify, verify
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
from .report import BadLine, Manifest, Progress, Report, Result, Status

__all__ = [
    "BadLine",
    "CancelToken",
    "CancelledError",
    "ChecksigError",
    "Converted",
    "Created",
    "EngineError",
    "ForkedError",
    "Manifest",
    "ManifestError",
    "ManifestNotFoundError",
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
]
