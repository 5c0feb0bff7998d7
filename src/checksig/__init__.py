"""Verify files against checksum manifests, with a Go engine that uses all CPU cores.

>>> from checksig import verify
>>> report = verify("downloads/")  # doctest: +SKIP
"""

from __future__ import annotations

import _thread
import os
import sys

TYPE_CHECKING = False  # importing typing takes longer than importing this module
if TYPE_CHECKING:
    from ._algorithms import Algorithm
    from ._arrow import entries_reader, entries_table, verify_table
    from ._engine import CancelToken
    from ._files import digest, entries, verify_file
    from ._generate import Converted, Created, Updated, Written, convert, create, update
    from ._keywords import Options
    from ._signed import keys, verify_signed
    from ._verify import averify, check_signatures, iter_verify, verify
    from .errors import (
        CancelledError,
        ChecksigError,
        ConfigError,
        EngineError,
        ForkedError,
        ManifestError,
        ManifestNotFoundError,
        ReadError,
        StateError,
        VerificationError,
        WriteError,
    )
    from .packages.apk import verify_apk
    from .packages.conda import verify_conda
    from .packages.dpkg import verify_dpkg
    from .packages.environment import verify_environment
    from .packages.installed import InstalledReport, PackageReport, PackageStatus
    from .packages.pacman import verify_pacman
    from .packages.rpm import verify_rpm
    from .report import (
        BadLine,
        Entry,
        Extra,
        Key,
        Manifest,
        Progress,
        Report,
        Result,
        Signer,
        Status,
    )

    __version__: str
    """The version of the installed package."""

    algorithms: tuple[Algorithm, ...]
    """The algorithms that the engine can compute, shortest digests first. The first access starts
    the engine, so ``from checksig import *`` does not include it."""

__all__ = [
    "Algorithm",
    "BadLine",
    "CancelToken",
    "CancelledError",
    "ChecksigError",
    "ConfigError",
    "Converted",
    "Created",
    "EngineError",
    "Entry",
    "Extra",
    "ForkedError",
    "InstalledReport",
    "Key",
    "Manifest",
    "ManifestError",
    "ManifestNotFoundError",
    "Options",
    "PackageReport",
    "PackageStatus",
    "Progress",
    "ReadError",
    "Report",
    "Result",
    "Signer",
    "StateError",
    "Status",
    "Updated",
    "VerificationError",
    "WriteError",
    "Written",
    "averify",
    "check_signatures",
    "convert",
    "create",
    "digest",
    "entries",
    "entries_reader",
    "entries_table",
    "iter_verify",
    "keys",
    "update",
    "verify",
    "verify_apk",
    "verify_conda",
    "verify_dpkg",
    "verify_environment",
    "verify_file",
    "verify_pacman",
    "verify_rpm",
    "verify_signed",
    "verify_table",
]

# The module of each name, imported at the first access. Everything that verify() needs is imported
# before the first call, including what only a forked child needs: the engine's process.
_NAMES = {
    "_algorithms": "Algorithm",
    "_arrow": "entries_reader entries_table verify_table",
    "_generate": "Converted Created Updated Written convert create update",
    "packages.apk": "verify_apk",
    "packages.conda": "verify_conda",
    "packages.dpkg": "verify_dpkg",
    "packages.environment": "verify_environment",
    "packages.pacman": "verify_pacman",
    "packages.rpm": "verify_rpm",
    "packages.installed": "InstalledReport PackageReport PackageStatus",
    "_engine": "CancelToken",
    "_files": "digest entries verify_file",
    "_keywords": "Options",
    "_signed": "keys verify_signed",
    "_verify": "averify check_signatures iter_verify verify",
    "errors": "CancelledError ChecksigError ConfigError EngineError ForkedError ManifestError"
    " ManifestNotFoundError ReadError StateError VerificationError WriteError",
    "report": "BadLine Entry Extra Key Manifest Progress Report Result Signer Status",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}

# A child that is forked while another thread imports a module can never import that module. So a
# fork waits until this package has finished an import.
_importing = _thread.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_importing.acquire,
        after_in_parent=_importing.release,
        after_in_child=_importing.release,
    )

if not TYPE_CHECKING:  # type checkers see only the names above

    def __getattr__(name: str) -> object:
        if name == "algorithms":
            return _load("_algorithms", "load").load()
        if name in _MODULE_OF:
            globals()[name] = found = getattr(_load(_MODULE_OF[name], name), name)
            return found
        if name in {"errors", "report"}:
            return _load(name, name)
        if name == "__version__":
            with _importing:
                from importlib.metadata import version  # takes long, and few need it

                return version(__name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def _load(module: str, name: str) -> object:
        with _importing:  # without importlib, which would have to be imported first
            found = __import__(f"{__name__}.{module}", fromlist=[name])
            if f"{__name__}._engine" in sys.modules:
                __import__(f"{__name__}._engine.process")
            return found


def __dir__() -> list[str]:
    own = (name for name in globals() if name.startswith("__"))
    return sorted({*own, *__all__, "__version__", "algorithms", "errors", "report"})
