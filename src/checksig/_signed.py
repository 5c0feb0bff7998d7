"""Files that are signed one by one, without a manifest; and files of keys."""

from __future__ import annotations

import contextlib
import os

from ._engine import raise_failure, run, wire
from ._options import ATTESTING, encode_options
from ._source import is_remote
from ._typing import TYPE_CHECKING, Any
from ._verify import collect, with_config
from .errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ._engine import CancelToken
    from ._options import AnyPath, KeyFile
    from .report import Key, Progress, Report

__all__ = ["BUNDLE_SUFFIXES", "SIGNATURE_SUFFIXES", "has_signature", "keys", "verify_signed"]

SIGNATURE_SUFFIXES = (".asc", ".sig", ".sign", ".gpg", ".gpgsig", ".pgp", ".minisig", ".sshsig")
"""The endings of the names of signatures; go/internal/manifest/names.go has the same."""

BUNDLE_SUFFIXES = (".sigstore.json", ".sigstore", ".bundle", ".publish.attestation")
"""Those of Sigstore bundles and of PyPI's attestations; the same."""


def has_signature(path: str) -> bool:
    """Whether a file has a signature next to it."""
    return any(os.path.lexists(path + suffix) for suffix in SIGNATURE_SUFFIXES + BUNDLE_SUFFIXES)


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
    trust: KeyFile | Sequence[KeyFile] | None = None,
    check: bool = True,
    config: AnyPath | None = None,
    recursive: bool = False,
    trust_fingerprint: str | Sequence[str] | None = None,
    signers: int | None = None,
    signature: AnyPath | None = None,
    namespace: str | None = None,
    trusted_root: AnyPath | None = None,
    identity: str | Sequence[str] | None = None,
    issuer: str | None = None,
    key: AnyPath | None = None,
    predicate_type: str | Sequence[str] | None = None,
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
    :param trust: A file of keys, or several, or their content, as for :func:`verify`;
        needed, unless *config* has it.
    :param check: Raise :exc:`VerificationError` unless everything is signed.
    :param config: A configuration file, as for :func:`verify`.
    :param recursive: Verify the files in subfolders too.
    :param trust_fingerprint: The fingerprints of those keys in *trust* that count.
    :param signers: How many different signers each file needs, 1 to 1000; by default one.
    :param signature: The signature of the file, instead of those next to it.
    :param namespace: The namespace of SSH signatures, by default ``"file"``.
    :param trusted_root: The trusted root of a Sigstore instance, as for :func:`verify`: each file
        must have a Sigstore bundle or an attestation next to it that covers its digest.
    :param identity: Who must have signed with Sigstore, as for :func:`verify`.
    :param issuer: Who must have vouched for the identity.
    :param key: A public key in PEM that must have signed the bundles or attestations instead.
    :param predicate_type: The predicate type of attestations, as for :func:`verify`.
    :param follow_outside: Follow links that lead out of the folder.
    :param progress: Called with the :class:`Progress` a few times a second, in this thread.
    :param cancel: Stops the work when its :meth:`CancelToken.cancel` is called.

    :raises VerificationError: a file is not signed as demanded; its ``report`` has the details.
    :raises ManifestNotFoundError: the folder contains no signatures.
    :raises OSError: the system refuses access to the path, or to a file of keys.
    :raises ValueError: a file of keys holds none, *path* is an address, or an option has a wrong
        value.
    """
    options: dict[str, Any] = {
        "recursive": recursive,
        "trust": trust,
        "trust_fingerprint": trust_fingerprint,
        "signers": signers,
        "signature": signature,
        "namespace": namespace,
        "follow_outside": follow_outside,
        "trusted_root": trusted_root,
        "identity": identity,
        "issuer": issuer,
        "key": key,
        "predicate_type": predicate_type,
    }
    if is_remote(path):
        raise ValueError("files that are signed one by one must be local; verify takes addresses")
    options, configured = with_config(config, options)
    attesting = {each: options[each] for each in ATTESTING}
    is_attesting = any(value is not None for value in attesting.values())
    if options["trust"] is None and not is_attesting:
        raise ValueError("trust is needed: a file of keys, or a config= that names one")
    fields = [("path", os.fsencode(path)), ("cwd", os.getcwdb())]
    fields += encode_options("verify", options)
    if is_attesting:
        from ._sigstore import attest

        fields += attest(fields, attesting, signed=True, cancel=cancel)
    report = collect(
        path,
        fields,
        extra_fails=True,
        progress=progress,
        cancel=cancel,
        operation="signed",
        config=configured,
    )
    if check and not report.ok:
        raise VerificationError(report)
    return report
