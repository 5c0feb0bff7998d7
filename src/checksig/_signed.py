"""Files that are signed one by one, without a manifest; and files of keys."""

from __future__ import annotations

import contextlib
import os

from ._engine import raise_failure, run, wire
from ._options import encode_options
from ._typing import TYPE_CHECKING
from ._verify import collect
from .errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ._engine import CancelToken
    from ._options import AnyPath, KeyFile
    from .report import Key, Progress, Report

__all__ = ["SIGNATURE_SUFFIXES", "has_signature", "keys", "verify_signed"]

SIGNATURE_SUFFIXES = (".asc", ".sig", ".sign", ".gpg", ".gpgsig", ".pgp", ".minisig", ".sshsig")
"""The endings of the names of signatures; go/internal/manifest/names.go has the same."""


def has_signature(path: str) -> bool:
    """Whether a file has a signature next to it."""
    return any(os.path.lexists(path + suffix) for suffix in SIGNATURE_SUFFIXES)


def keys(source: KeyFile | Sequence[KeyFile]) -> tuple[Key, ...]:
    """Return the keys in a file that ``trust`` could name, without trusting them.

    :param source: A file of keys, or several, or their content, as for :func:`verify`.

    :raises OSError: the system refuses access to a file.
    :raises ValueError: a file holds no public key.
    """
    fields = [("cwd", os.getcwdb()), *encode_options("verify", {"trust": source})]
    found: list[Key] = []
    with contextlib.closing(run(wire.encode_request("keys", fields))) as batches:
        for batch in batches:
            for kind, payload in batch.records:
                if kind == wire.Kind.ERROR:
                    raise_failure(wire.decode_failure(payload))
                if kind == wire.Kind.KEY:
                    found.append(wire.decode_key(payload))
    return tuple(found)


def verify_signed(
    path: AnyPath,
    *,
    trust: KeyFile | Sequence[KeyFile],
    check: bool = True,
    recursive: bool = False,
    trust_fingerprint: str | Sequence[str] | None = None,
    signers: int | None = None,
    signature: AnyPath | None = None,
    namespace: str | None = None,
    follow_outside: bool = False,
    progress: Callable[[Progress], object] | None = None,
    cancel: CancelToken | None = None,
) -> Report:
    """Verify a file by the signature next to it, or all files in a folder, and return a report.

    In the report, each signature file takes the place of a manifest, whose format is "signature";
    its entry is the file, with the SHA-256 of what was read. In a folder, every file must be
    signed: one without a signature is in :attr:`Report.unlisted`, and a failure. Files are read
    once, in pieces; only signatures that cover a file itself instead of its hash (signify, and
    minisign's older ones) are limited to files of 64 MiB.

    :param path: A file, or a folder. A named file is read wherever links lead.
    :param trust: A file of keys, or several, or their content, as for :func:`verify`.
    :param check: Raise :exc:`VerificationError` unless everything is signed.
    :param recursive: Verify the files in subfolders too.
    :param trust_fingerprint: The fingerprints of those keys in *trust* that count.
    :param signers: How many different signers each file needs, 1 to 1000; by default one.
    :param signature: The signature of the file, instead of those next to it.
    :param namespace: The namespace of SSH signatures, by default ``"file"``.
    :param follow_outside: Follow links that lead out of the folder.
    :param progress: Called with the :class:`Progress` a few times a second, in this thread.
    :param cancel: Stops the work when its :meth:`CancelToken.cancel` is called.

    :raises VerificationError: a file is not signed as demanded; its ``report`` has the details.
    :raises ManifestNotFoundError: the folder contains no signatures.
    :raises OSError: the system refuses access to the path, or to a file of keys.
    :raises ValueError: a file of keys holds none, or an option has a wrong value.
    """
    options = {
        "recursive": recursive,
        "trust": trust,
        "trust_fingerprint": trust_fingerprint,
        "signers": signers,
        "signature": signature,
        "namespace": namespace,
        "follow_outside": follow_outside,
    }
    fields = [("path", os.fsencode(path)), ("cwd", os.getcwdb())]
    fields += encode_options("verify", options)
    report = collect(
        path, fields, extra_fails=True, progress=progress, cancel=cancel, operation="signed"
    )
    if check and not report.ok:
        raise VerificationError(report)
    return report
