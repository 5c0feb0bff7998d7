"""Verify files against checksum manifests, with a Go engine that uses every core.

>>> from checksig import verify
>>> report = verify("downloads/")  # doctest: +SKIP
"""

from __future__ import annotations

import _thread
import os

TYPE_CHECKING = False  # that of typing takes longer to import than this module
if TYPE_CHECKING:
    from ._algorithms import Algorithm
    from ._generate import Converted, Created, Updated, Written, convert, create, update
    from .packages.dpkg import verify_dpkg
    from .packages.environment import verify_environment
    from .packages.installed import InstalledReport, PackageReport, PackageStatus
    from ._engine.job import CancelToken
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

# Where each name is, which is imported when the name is first asked for. What verify() needs is all
# there before the first call, also what only a child of a fork will need.
_NAMES = {
    "_algorithms": "Algorithm",
    "_generate": "Converted Created Updated Written convert create update",
    "packages.dpkg": "verify_dpkg",
    "packages.environment": "verify_environment",
    "packages.installed": "InstalledReport PackageReport PackageStatus",
    "_engine.job": "CancelToken",
    "_options": "Options",
    "_verify": "averify check_signatures iter_verify verify",
    "errors": "CancelledError ChecksigError EngineError ForkedError ManifestError"
    " ManifestNotFoundError VerificationError WriteError",
    "report": "BadLine Extra Manifest Progress Report Result Status",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}

# A child that is forked off while another thread of its parent imports a module could never import
# that one: a fork waits until an import of ours is done.
_importing = _thread.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_importing.acquire,
        after_in_parent=_importing.release,
        after_in_child=_importing.release,
    )

if not TYPE_CHECKING:  # to type checkers only what is written above is there

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        with _importing:
            from importlib import import_module

            if name == "algorithms":
                load = import_module("._algorithms", __name__).load
            elif home is not None:
                globals()[name] = found = getattr(import_module(f".{home}", __name__), name)
                return found
            elif name in {"errors", "report"}:
                return import_module(f".{name}", __name__)
            else:
                raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return load()


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "algorithms", "errors", "report"})
