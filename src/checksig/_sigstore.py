"""Sigstore bundles, DSSE envelopes, attestations and model signatures: who signed them, offline.

The engine finds the files and sends them (the operation ``bundles``). This module verifies each
attestation in them, with the library ``sigstore`` or with a public key, and returns the fields of
the request that verifies the files: what was authenticated, and by whom. A file is known by the
SHA-256 of its content, so that nothing else is taken for it. Nothing is downloaded.

Sources: sigstore_bundle.proto 0.1 to 0.3, Rekor's entry types, DSSE 1.0, in-toto attestation
framework (Statement v0.1 and v1), PEP 740, OpenSSF model signing v1.0.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import importlib
import json
import os
import posixpath
import re
from functools import partial

from ._engine import raise_failure, run, wire
from ._printable import printable, printable_text
from ._regular import read_regular
from ._typing import TYPE_CHECKING, Any, NamedTuple, cast
from .errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ._engine import CancelToken
    from .remote import Remote

    Fields = list[tuple[str, bytes]]

__all__ = ["PREDICATES", "attest"]

_PYPI = "pypi"  # PEP 740; the types are names, and nothing is fetched from there

PREDICATES = (
    "https://cosign.sigstore.dev/attestation/v1",
    "https://cyclonedx.org/bom",
    f"https://docs.{_PYPI}.org/attestations/publish/v1",
    "https://github.com/npm/attestation/tree/main/specs/publish/v0.1",
    "https://in-toto.io/attestation/link/v0.3",
    "https://in-toto.io/attestation/release/v0.1",
    "https://in-toto.io/attestation/test-result/v0.1",
    "https://model_signing/signature/v1.0",
    "https://sigstore.dev/cosign/sign/v1",
    "https://slsa.dev/provenance/v0.2",
    "https://slsa.dev/provenance/v1",
    "https://slsa.dev/verification_summary/v1",
    "https://spdx.dev/Document",
    "https://spdx.dev/Document/v2.2",
    "https://spdx.dev/Document/v2.3",
    "https://spdx.dev/Document/v3.0",
)
"""The predicate types that are known: their subjects are what the statement is about."""

_VERDICTS = {
    "https://in-toto.io/attestation/test-result/v0.1": ("result", ("PASSED", "WARNED")),
    "https://slsa.dev/verification_summary/v1": ("verificationResult", ("PASSED",)),
}
"""The members of predicates that may say that the files are bad, and what else they must say."""

_STATEMENTS = tuple(f"https://in-toto.io/Statement/{version}" for version in ("v0.1", "v1", "v1.0"))
_PAYLOAD = "application/vnd.in-toto+json"
_BUNDLE = "application/vnd.dev.sigstore.bundle"
_BUNDLE_3 = "application/vnd.dev.sigstore.bundle.v0.3+json"
_MEDIA_TYPES = (_BUNDLE_3, *(f"{_BUNDLE}+json;version=0.{minor}" for minor in (1, 2, 3)))
_SUFFIXES = (".sigstore.json", ".sigstore", ".bundle")

_HASHES = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}
_SPACE = re.compile(r"[ \t\r\n]*")
_MAX_ATTESTATIONS = 10_000
_MAX_REQUEST = 80 << 20  # go/internal/wire allows 85 MiB
_MAX_WHOLE = 64 << 20
_MAX_ROOT = 16 << 20
_MIN_RSA = 2048
_CURVES = {"secp256r1": "sha256", "secp384r1": "sha384", "secp521r1": "sha512"}


class _RefusedError(Exception):
    """An attestation does not count; the text says why."""


class _OtherError(_RefusedError):
    """A document is no attestation."""


class _LeftOutError(Exception):
    """Nobody asked for an attestation; the text says why."""


class _Found(NamedTuple):
    """What an attestation says, authenticated."""

    text: bytes
    is_statement: bool
    predicate: str
    signer: dict[str, Any]


def attest(
    fields: Fields,
    options: Mapping[str, Any],
    *,
    signed: bool = False,
    cancel: CancelToken | None = None,
    remote: Remote | None = None,
) -> Fields:
    """Verify the attestations that a request with *fields* finds, and return the fields for them.

    :param options: The values of :data:`checksig._options.ATTESTING`.
    :param signed: The request is about files that are signed one by one.
    :param remote: What reads the files of the request; None for the file system.

    :raises ValueError: an option is missing, or has a wrong value.
    :raises ModuleNotFoundError: the package ``sigstore`` is missing.
    :raises OSError: the system refuses access to a file that an option names.
    """
    import logging

    # Without a handler, warnings of the library would be printed.
    logging.getLogger("sigstore").addHandler(logging.NullHandler())
    verifier = _verifier(options)
    common = {"path", "cwd", "content", "format", "root", "include", "exclude", "signature"}
    common |= {"recursive", "follow_outside", "source", "beside"}
    asked = [field for field in fields if field[0] in common]
    if signed:
        asked.append(("signed", b"1"))
    subjects = _Subjects(fields, remote, cancel)
    found: Fields = [("attesting", b"1")]
    seen: set[bytes] = set()
    size = sum(len(value) for _, value in fields)
    server = None if remote is None else remote.server
    with contextlib.closing(run(wire.encode_request("bundles", asked), cancel, server)) as batches:
        for batch in batches:
            for kind, payload in batch.records:
                if kind == wire.Kind.ERROR:
                    raise_failure(wire.decode_failure(payload))
                if kind != wire.Kind.BUNDLE:
                    continue
                path, data = wire.decode_bundle(payload)
                digest = hashlib.sha256(data).digest()
                if digest not in seen:
                    seen.add(digest)
                    about = partial(subjects.read, path)
                    for field in _attested(digest, _verify_all(data, verifier, about, cancel)):
                        found.append(field)
                        size += len(field[1])
                        if size > _MAX_REQUEST:
                            raise ValueError(
                                f"more than {_MAX_REQUEST >> 20} MiB of attestations; verify fewer"
                                " files at once"
                            )
    return found


class _Subjects:
    """Reads the files that bundles would be the signatures of."""

    def __init__(self, fields: Fields, remote: Remote | None, cancel: CancelToken | None) -> None:
        self._given = dict(fields)
        self._beside = {value.partition(b":")[2] for name, value in fields if name == "beside"}
        self._remote, self._cancel = remote, cancel
        self._connection: Remote | None = None

    def read(self, path: bytes) -> bytes:
        """Return the content of the file that the bundle at *path* would be the signature of."""
        given, remote = self._given, self._remote
        if path in self._beside or path == given.get("signature"):
            if "content" in given:
                return binascii.a2b_base64(given["content"])
            return self._read(given["path"])
        suffix = next((each for each in map(os.fsencode, _SUFFIXES) if path.endswith(each)), b"")
        target = path[: len(path) - len(suffix)]
        if remote is not None and "content" in given:
            return self._read(posixpath.join(given["root"], target))
        return self._read(target if remote is None else target[len(os.fsencode(remote.prefix)) :])

    def _read(self, path: bytes) -> bytes:
        if self._remote is None:
            return _read_file(os.path.join(self._given.get("cwd", b""), path), _MAX_WHOLE)
        # Another connection: the remote's own serves the job that has found the bundle.
        self._connection = self._connection or self._remote.place.connect()
        return self._connection.fetch(path, self._cancel)


def _read_file(path: bytes, most: int) -> bytes:
    """Return the content of a regular file.

    :raises OSError: it cannot be read.
    :raises ValueError: it is none, or has more than *most* bytes.
    """
    shown = printable(os.fsdecode(path))
    try:
        data, _ = read_regular(path, most)
    except ValueError as error:
        raise ValueError(f"{shown}: {error}") from error
    if len(data) > most:
        raise ValueError(f"{shown}: more than {most >> 20} MiB")
    return data


def _attested(
    file: bytes, found: Iterable[tuple[int, _Found | Exception]]
) -> Iterator[tuple[str, bytes]]:
    """Yield the fields for the attestations in a file."""
    for line, what in found:
        value: dict[str, Any] = {"file": file.hex(), "line": line}
        if isinstance(what, _Found):
            value |= {"text": base64.b64encode(what.text).decode(), "statement": what.is_statement}
            value |= {**what.signer, "predicate": what.predicate}
        elif isinstance(what, _LeftOutError):
            value["left_out"] = str(what)
        else:
            value["refused"] = str(what)
        yield "attested", json.dumps(value).encode()


# ---- The files


def _verify_all(
    data: bytes,
    verifier: _Keyless | _Keyed,
    about: Callable[[], bytes],
    cancel: CancelToken | None,
) -> list[tuple[int, _Found | Exception]]:
    """Return what each attestation in a file says, or why it does not count, with its line.

    A file of other JSON, such as a manifest, holds none.
    """
    found: list[tuple[int, _Found | Exception]] = []
    try:
        for line, document in _documents(data):
            for bundle in _bundles(document):
                if cancel is not None and cancel.cancelled:
                    raise CancelledError("the operation was cancelled")
                if len(found) == _MAX_ATTESTATIONS:
                    raise _RefusedError(f"more than {_MAX_ATTESTATIONS} attestations in a file")
                try:
                    if bundle is None:
                        raise _OtherError("neither a Sigstore bundle nor an attestation")
                    found.append((line, verifier.verify(bundle, about)))
                except (_RefusedError, _LeftOutError) as error:
                    found.append((line, error))
    except _RefusedError as error:
        if not found or not _are_others(found):
            found.append((1, error))
    return [] if _are_others(found) else found


def _are_others(found: Iterable[tuple[int, _Found | Exception]]) -> bool:
    return all(isinstance(each, _OtherError) for _, each in found)


def _documents(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the JSON documents that follow one another, with their lines."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _RefusedError("not UTF-8") from error
    at, line, counted = 0, 1, 0
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr] # it matches everywhere
        if at == len(text):
            return
        line += text.count("\n", counted, at)
        counted = at
        document, at = _parse_at(text, at)
        yield line, document


def _parse_at(text: str, at: int) -> tuple[Any, int]:
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
    try:
        return decoder.raw_decode(text, at)
    except (ValueError, RecursionError) as error:
        raise _RefusedError(f"not JSON: {error}") from error


def _parse(data: bytes) -> Any:
    """Return the one JSON document in *data*."""
    found = [document for _, document in _documents(data)]
    if len(found) != 1:
        raise _RefusedError("not one JSON document")
    return found[0]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("two members with one key in an object")
    return found


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _bundles(document: Any) -> Iterator[dict[str, Any] | None]:
    """Yield the bundles in a document, in the form of version 0.3; None for anything else."""
    if not isinstance(document, dict):
        yield None
        return
    document = cast("dict[str, Any]", document)
    if str(document.get("mediaType", "")).startswith(_BUNDLE):
        yield document
    elif {"payload", "payloadType", "signatures"} <= document.keys():
        yield {"dsseEnvelope": document}
    elif {"verification_material", "envelope"} <= document.keys():
        yield _from_pypi(document)
    elif "attestation_bundles" in document:
        for each in _list(document["attestation_bundles"]):
            for attestation in _list(_object(each).get("attestations")):
                yield _from_pypi(_object(attestation))
    else:
        yield None


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _RefusedError("not as expected: a member is no object")
    return cast("dict[str, Any]", value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _RefusedError("not as expected: a member is no array")
    return list(cast("Iterable[Any]", value))


def _from_pypi(attestation: dict[str, Any]) -> dict[str, Any]:
    """Return PyPI's form of a DSSE envelope (PEP 740) as a bundle."""
    if attestation.get("version") != 1:
        raise _RefusedError("unknown version of PyPI's attestations")
    material = _object(attestation.get("verification_material"))
    envelope = _object(attestation.get("envelope"))
    return {
        "mediaType": _BUNDLE_3,
        "verificationMaterial": {
            "certificate": {"rawBytes": material.get("certificate")},
            "tlogEntries": material.get("transparency_entries"),
        },
        "dsseEnvelope": {
            "payload": envelope.get("statement"),
            "payloadType": _PAYLOAD,
            "signatures": [{"sig": envelope.get("signature")}],
        },
    }


# ---- Who signs


def _verifier(options: Mapping[str, Any]) -> _Keyless | _Keyed:
    """Return what verifies as *options* ask."""
    identity, issuer, key = (options.get(name) for name in ("identity", "issuer", "key"))
    root = options.get("trusted_root")
    identities = _texts("identity", identity)
    predicates = _texts("predicate_type", options.get("predicate_type"))
    if issuer is not None and not isinstance(issuer, str):
        raise TypeError(f"issuer must be a str, not {issuer!r:.80}")
    if key is not None:
        if identities or issuer:
            raise ValueError("give either --key, or --identity and --issuer (key=, identity=)")
        return _Keyed(key, root, predicates)
    lacking = [
        f"{flag} ({name}=)"
        for flag, name, value in (
            ("--trusted-root FILE", "trusted_root", root),
            ("--identity TEXT", "identity", identities),
            ("--issuer URL", "issuer", issuer),
        )
        if not value
    ]
    if lacking:
        raise ValueError(
            f"to verify Sigstore bundles and attestations, add {', '.join(lacking)};"
            " or give --key FILE (key=), for those that are signed with a key"
        )
    return _Keyless(root, identities, str(issuer), predicates)


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    found: Sequence[Any] = (value,) if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)) or not all(isinstance(each, str) for each in found):
        raise TypeError(f"{name} must be a str or a sequence of str, not {value!r:.80}")
    if not found or not all(found):
        raise ValueError(f"{name} must not be empty")
    return tuple(found)


def _library(name: str) -> Any:
    """Return a module of the library ``sigstore`` or of ``cryptography``, which it needs.

    Its type is unknown, so that the type checkers need neither: much of what is used is private.

    :raises ModuleNotFoundError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModuleNotFoundError(
            "Sigstore bundles and attestations need the package sigstore, which cannot be imported:"
            ' pip install "checksig[sigstore]"',
            name=error.name,
        ) from error


def _trusted_roots(path: Any) -> list[Any]:
    """Return the trusted roots in a file, such as ``gh attestation trusted-root`` writes.

    Those without a transparency log, as that of GitHub's private repositories, verify nothing and
    are left out.

    :raises ValueError: the file holds none.
    """
    models, inner = _library("sigstore.models"), _library("sigstore_models.trustroot.v1")
    shown = printable(os.fsdecode(path))
    data = _read_file(os.fsencode(path), _MAX_ROOT)
    try:
        found = [
            models.TrustedRoot(inner.TrustedRoot.from_json(json.dumps(document)))
            for _, document in _documents(data)
            if _object(document).get("tlogs")
        ]
    except Exception as error:
        raise ValueError(f"{shown}: not a trusted root of Sigstore: {_cause(error)}") from error
    if not found:
        raise ValueError(f"{shown}: holds no trusted root of Sigstore with a transparency log")
    return found


def _cause(error: Exception | None) -> str:
    """Return the text of an error of a library in one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return printable_text(text[:300])


class _Signing:
    """What both kinds of verification have in common."""

    def __init__(self, predicates: tuple[str, ...]) -> None:
        self._predicates = predicates

    def statement(self, kind: Any, payload: bytes, signer: dict[str, Any]) -> _Found:
        """Return the authenticated statement in an envelope."""
        if kind != _PAYLOAD:
            raise _RefusedError(f"expected a payload of the type {_PAYLOAD}, found {kind!r:.80}")
        statement = _object(_parse(payload))
        if statement.get("_type") not in _STATEMENTS:
            raise _RefusedError(f"unknown type of statements {statement.get('_type')!r:.80}")
        if not _list(statement.get("subject")):
            raise _RefusedError("the statement has no subject")
        predicate = statement.get("predicateType")
        if not isinstance(predicate, str) or not predicate:
            raise _RefusedError("the statement has no predicate type")
        if self._predicates:
            if predicate not in self._predicates:
                raise _LeftOutError(
                    f"left out, the predicate type {predicate!r:.200} was not asked for"
                    " (--predicate-type, predicate_type=)"
                )
        elif predicate not in PREDICATES:
            raise _RefusedError(
                f"unknown predicate type {predicate!r:.200};"
                f" --predicate-type (predicate_type=) allows it"
            )
        if predicate in _VERDICTS:
            member, good = _VERDICTS[predicate]
            verdict = _object(statement.get("predicate")).get(member)
            if verdict not in good:
                raise _RefusedError(f"{member} of the statement is {verdict!r:.40}")
        return _Found(payload, is_statement=True, predicate=predicate, signer=signer)

    def check_message(self) -> None:
        """Raise unless the signature of a file was asked for."""
        if self._predicates:
            raise _LeftOutError(
                "left out, the signature of a file has no predicate type (--predicate-type,"
                " predicate_type=)"
            )

    @staticmethod
    def message(name: str, digest: bytes, signer: dict[str, Any]) -> _Found:
        """Return the authenticated digest of a file."""
        about = {"algorithm": name, "digest": base64.b64encode(digest).decode()}
        text = {"mediaType": _BUNDLE_3, "messageSignature": {"messageDigest": about}}
        return _Found(json.dumps(text).encode(), is_statement=False, predicate="", signer=signer)


class _Policy:
    """Accepts the certificates of any of some identities, and remembers whose the last one was."""

    def __init__(self, identities: tuple[str, ...], issuer: str) -> None:
        policy = _library("sigstore.verify.policy")
        self._error: type[Exception] = _library("sigstore.errors").VerificationError
        self._identities = {
            each: policy.Identity(identity=each, issuer=issuer) for each in identities
        }
        self.identity = ""

    def verify(self, certificate: Any) -> None:
        """Raise unless one of them is that of a certificate, which was verified otherwise."""
        self.identity = ""
        for identity, each in self._identities.items():
            with contextlib.suppress(self._error):
                each.verify(certificate)
                self.identity = identity
                return
        names = ", ".join(_alternative_names(certificate)) or "nobody"
        issuer = _issuer_in(certificate)
        raise self._error(f"signed by {names}, for whom {issuer} has vouched: not as demanded")


class _Keyless(_Signing):
    """Verifies signatures with certificates of Sigstore's authority."""

    def __init__(
        self, root: Any, identities: tuple[str, ...], issuer: str, predicates: tuple[str, ...]
    ) -> None:
        super().__init__(predicates)
        roots = _trusted_roots(root)
        newer, older = _library("sigstore.verify").Verifier, _older_verifier()
        try:
            self._verifiers = [(newer(trusted_root=r), older(trusted_root=r)) for r in roots]
        except Exception as error:
            shown = printable(os.fsdecode(root))
            raise ValueError(f"{shown}: cannot be used to verify: {_cause(error)}") from error
        self._issuer = issuer
        self._policy = _Policy(identities, issuer)

    def verify(self, document: dict[str, Any], about: Callable[[], bytes]) -> _Found:  # noqa: ARG002
        """Verify a bundle, and return what it says."""
        if "mediaType" not in document:
            raise _RefusedError(
                "a DSSE envelope without a certificate and an entry of the log: only --key FILE"
                " (key=) can verify it"
            )
        failed: Exception | None = None
        for newer, older in self._verifiers:
            try:
                bundle = _library("sigstore.models").Bundle.from_json(json.dumps(document))
                return self._verify(document, bundle, older if _is_older(bundle) else newer)
            except (_RefusedError, _LeftOutError):  # noqa: PERF203
                raise
            except Exception as error:  # noqa: BLE001 - whatever the library raises
                failed = failed or error
        raise _RefusedError(f"not verified: {_cause(failed)}") from failed

    def _verify(self, document: dict[str, Any], bundle: Any, verifier: Any) -> _Found:
        if "messageSignature" not in document:
            kind, payload = verifier.verify_dsse(bundle, self._policy)
            return self.statement(kind, payload, self._signer(bundle, verifier))
        self.check_message()
        name, digest = _message_digest(document)
        if name != "SHA2_256":
            raise _RefusedError(f"the digest {name} of the file is not supported, only SHA2_256")
        algorithm = _library("sigstore_models.common.v1").HashAlgorithm.SHA2_256
        hashed = _library("sigstore.hashes").Hashed(algorithm=algorithm, digest=digest)
        verifier.verify_artifact(hashed, bundle, self._policy)
        return self.message(name, digest, self._signer(bundle, verifier))

    def _signer(self, bundle: Any, verifier: Any) -> dict[str, Any]:
        sha256 = _library("cryptography.hazmat.primitives.hashes").SHA256()
        certificate = bundle.signing_certificate
        # There is no public way to either.
        times = verifier._establish_time(bundle)  # noqa: SLF001
        entry = bundle.log_entry._inner  # noqa: SLF001
        return {
            "format": "sigstore",
            "key": f"{certificate.serial_number:x}",
            "fingerprint": certificate.fingerprint(sha256).hex(),
            "identity": self._policy.identity,
            "issuer": self._issuer,
            "index": str(entry.log_index),
            "time": min(int(each.time.timestamp()) for each in times),
        }


def _is_older(bundle: Any) -> bool:
    """Whether the entry in the log is of the type ``intoto`` 0.0.2."""
    version = bundle.log_entry._inner.kind_version  # noqa: SLF001 - there is no public way
    return (version.kind, version.version) == ("intoto", "0.0.2")


def _older_verifier() -> Any:
    """Return a verifier for entries of the type ``intoto``, which the library refuses.

    Most attestations had such an entry up to 2024, those of npm later too. The promise of the log
    covers the time and the body of any entry, and the body has the payload's hash, the signature
    and the certificate; so they are verified as those of ``dsse`` 0.0.1 are.
    """
    from datetime import datetime, timezone

    verify_envelope = _library("sigstore.dsse")._verify  # noqa: SLF001 - there is no public way
    timestamp = _library("sigstore._internal.timestamp")
    failure = _library("sigstore.errors").VerificationError

    class Older(_library("sigstore.verify").Verifier):  # type: ignore[misc]
        def _establish_time(self, bundle: Any) -> list[Any]:
            entry = bundle.log_entry._inner  # noqa: SLF001
            times: list[Any] = []
            if bundle.verification_material.timestamp_verification_data:
                times += self._verify_timestamp_authority(bundle)
            if entry.integrated_time and entry.inclusion_promise:
                time = datetime.fromtimestamp(entry.integrated_time, tz=timezone.utc)
                source = timestamp.TimestampSource.TRANSPARENCY_SERVICE
                times.append(timestamp.TimestampVerificationResult(source=source, time=time))
            return times

        def verify_dsse(self, bundle: Any, policy: Any) -> tuple[str, bytes]:
            self._verify_common_signing_cert(bundle, policy)
            envelope = bundle._dsse_envelope  # noqa: SLF001
            if envelope is None:
                raise failure("no DSSE envelope")
            payload = verify_envelope(bundle.signing_certificate.public_key(), envelope)
            inner, entry = envelope._inner, bundle.log_entry._inner  # noqa: SLF001
            body = _object(_parse(entry.canonicalized_body))
            if not _is_older_entry_of(body, inner, bundle.signing_certificate):
                raise failure("the entry of the log is that of another signature")
            return inner.payload_type, payload

    return Older


def _is_older_entry_of(body: dict[str, Any], envelope: Any, certificate: Any) -> bool:
    """Whether the body of an entry of the type ``intoto`` is about the envelope."""
    load = _library("cryptography.x509").load_pem_x509_certificate
    if (body.get("kind"), body.get("apiVersion")) != ("intoto", "0.0.2"):
        return False
    content = _object(_object(body.get("spec")).get("content"))
    hashed, logged = _object(content.get("payloadHash")), _object(content.get("envelope"))
    signatures = _list(logged.get("signatures"))
    if len(signatures) != 1 or len(envelope.signatures) != 1:
        return False
    signature = envelope.signatures[0].sig
    # Rekor has encoded it twice.
    encoded = {signature, base64.b64encode(signature)}
    return (
        hashed.get("algorithm") == "sha256"
        and hashed.get("value") == hashlib.sha256(envelope.payload).hexdigest()
        and logged.get("payloadType") == envelope.payload_type
        and _base64(_object(signatures[0]).get("sig")) in encoded
        and load(_base64(_object(signatures[0]).get("publicKey"))) == certificate
    )


def _alternative_names(certificate: Any) -> list[str]:
    """Return the names in a certificate that was verified, for a message."""
    x509 = _library("cryptography.x509")
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    # Of another name, the value is in DER.
    values = [getattr(name, "value", name) for name in extension.value]
    texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]
    return sorted(map(printable, texts))


def _issuer_in(certificate: Any) -> str:
    """Return who has vouched for the names in a certificate that was verified, for a message."""
    x509 = _library("cryptography.x509")
    for arc in (8, 1):
        number = x509.ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{arc}")
        with contextlib.suppress(x509.ExtensionNotFound):
            value: bytes = certificate.extensions.get_extension_for_oid(number).value.value
            if arc == 8:  # in DER: a type and a length come first
                value = value[2 + (value[1] & 0x7F if value[1] & 0x80 else 0) :]
            return printable(value[:300].decode("utf-8", "replace"))
    return "nobody"


def _message_digest(document: dict[str, Any]) -> tuple[str, bytes]:
    digest = _object(_object(document["messageSignature"]).get("messageDigest"))
    name = digest.get("algorithm")
    if name not in _HASHES:
        raise _RefusedError(f"unknown algorithm {name!r:.40} of the file's digest")
    value = _base64(digest.get("digest"))
    if len(value) != hashlib.new(_HASHES[name]).digest_size:
        raise _RefusedError("the digest of the file has a wrong length")
    return name, value


def _base64(text: Any) -> bytes:
    """Return what *text* is the base64 of; the alphabet of URLs is accepted too (protobuf)."""
    try:
        plain = text.replace("-", "+").replace("_", "/")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (AttributeError, ValueError) as error:
        raise _RefusedError("a value that is not in base64") from error


class _Keyed(_Signing):
    """Verifies signatures with a public key that the caller has."""

    def __init__(self, path: Any, root: Any, predicates: tuple[str, ...]) -> None:
        super().__init__(predicates)
        forms = _library("cryptography.hazmat.primitives.serialization")
        shown = printable(os.fsdecode(path))
        data = _read_file(os.fsencode(path), 1 << 20)
        if data.count(b"-----BEGIN") != 1:
            raise ValueError(f"{shown}: expected one public key in PEM")
        try:
            self._key: Any = forms.load_pem_public_key(data)
        except Exception as error:
            raise ValueError(f"{shown}: not a public key in PEM: {_cause(error)}") from error
        self._kind, self._hashes = _kind_of(self._key, shown)
        self._der = _der(self._key)
        self._roots = None if root is None else _trusted_roots(root)

    def verify(self, document: dict[str, Any], about: Callable[[], bytes]) -> _Found:
        """Verify a bundle or an envelope, and return what it says."""
        try:
            if "mediaType" in document and document["mediaType"] not in _MEDIA_TYPES:
                raise _RefusedError(f"unknown type of bundles {document['mediaType']!r:.80}")
            if "messageSignature" in document and "dsseEnvelope" in document:
                raise _RefusedError("both a signature of a file and an envelope")
            if "messageSignature" in document:
                self.check_message()
                return self._verify_message(document, about)
            return self._verify_envelope(document)
        except (_RefusedError, _LeftOutError):
            raise
        except Exception as error:
            raise _RefusedError(f"not verified: {_cause(error)}") from error

    def _verify_envelope(self, document: dict[str, Any]) -> _Found:
        envelope = _object(document.get("dsseEnvelope"))
        kind, payload = envelope.get("payloadType"), _base64(envelope.get("payload"))
        if not isinstance(kind, str):
            raise _RefusedError("the envelope has no payload type")
        name = kind.encode()
        signed = b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)
        signatures = [_base64(_object(s).get("sig")) for s in _list(envelope.get("signatures"))]
        if not 0 < len(signatures) <= 100:
            raise _RefusedError(f"{len(signatures)} signatures in an envelope")
        valid = [
            (hashed, signature)
            for signature in signatures
            for hashed in self._hashes
            if self._is_valid(signature, signed, hashed)
        ]
        if not valid:
            raise _another_key(document)
        hashed, signature = valid[0]
        index, seconds = self._check_log(
            document, signature, hashlib.new(hashed, signed).hexdigest(), payload=payload
        )
        return self.statement(kind, payload, self._signer(index, seconds))

    def _verify_message(self, document: dict[str, Any], about: Callable[[], bytes]) -> _Found:
        signature = _base64(_object(document["messageSignature"]).get("signature"))
        name, digest = _message_digest(document)
        if self._kind == "ed25519":
            content = about()  # which such a signature covers, instead of its hash
            if hashlib.new(_HASHES[name], content).digest() != digest:
                raise _RefusedError("the signature is that of another content")
            valid = self._is_valid(signature, content, "sha512")
        else:
            valid = self._is_valid(signature, digest, _HASHES[name], prehashed=True)
        if not valid:
            raise _another_key(document)
        index, seconds = self._check_log(document, signature, digest.hex())
        return self.message(name, digest, self._signer(index, seconds))

    def _is_valid(
        self, signature: bytes, signed: bytes, hashed: str, *, prehashed: bool = False
    ) -> bool:
        hashes = _library("cryptography.hazmat.primitives.hashes")
        ec, padding, utils = (
            _library(f"cryptography.hazmat.primitives.asymmetric.{name}")
            for name in ("ec", "padding", "utils")
        )
        invalid: type[Exception] = _library("cryptography.exceptions").InvalidSignature
        if self._kind == "ed25519":
            ways: list[tuple[Any, ...]] = [()]
        else:
            known: dict[str, Any] = {
                "sha256": hashes.SHA256,
                "sha384": hashes.SHA384,
                "sha512": hashes.SHA512,
            }
            algorithm = known[hashed]()
            used = utils.Prehashed(algorithm) if prehashed else algorithm
            if self._kind == "rsa":
                pss = padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO)
                ways = [(padding.PKCS1v15(), used), (pss, used)]
            else:
                ways = [(ec.ECDSA(used),)]
        for way in ways:
            with contextlib.suppress(invalid):
                self._key.verify(signature, signed, *way)
                return True
        return False

    def _check_log(
        self, document: dict[str, Any], signature: bytes, digest: str, payload: bytes | None = None
    ) -> tuple[str, int | None]:
        """Verify the entry in the log, if there is a trusted root; return its index and time."""
        if self._roots is None:
            return "", None
        if "mediaType" not in document:
            raise _RefusedError("no entry of the log, which --trusted-root (trusted_root=) demands")
        inner = _library("sigstore_models.bundle.v1").Bundle.from_json(json.dumps(document))
        entries = inner.verification_material.tlog_entries
        if len(entries) != 1:
            raise _RefusedError(f"expected one entry of the log, found {len(entries)}")
        self._check_entry(_library("sigstore.models").TransparencyLogEntry(entries[0]))
        body = _object(_parse(entries[0].canonicalized_body))
        if not _is_entry_of(body, self._der, signature, digest, payload):
            raise _RefusedError("the entry of the log is that of another signature")
        seconds = entries[0].integrated_time if entries[0].inclusion_promise else None
        return str(entries[0].log_index), seconds or None

    def _check_entry(self, entry: Any) -> None:
        """Raise unless an entry is in the log of one of the trusted roots."""
        purpose = _library("sigstore._internal.trust").KeyringPurpose.VERIFY
        failed: Exception | None = None
        for root in self._roots or ():
            try:
                entry._verify(root.rekor_keyring(purpose))  # noqa: SLF001 - no public way
            except Exception as error:  # noqa: BLE001, PERF203 - whatever the library raises
                failed = failed or error
            else:
                return
        raise _RefusedError(f"not verified: {_cause(failed)}") from failed

    def _signer(self, index: str, seconds: int | None) -> dict[str, Any]:
        return {
            "format": "key",
            "key": self._kind,
            "fingerprint": hashlib.sha256(self._der).hexdigest(),
            "index": index,
            "time": seconds,
            "public": base64.b64encode(_public(self._key)).decode(),
        }


def _public(key: Any) -> bytes:
    """Return by what the engine knows a key, whatever the format of a signature by it."""
    forms = _library("cryptography.hazmat.primitives.serialization")
    numbers = getattr(key, "public_numbers", None)
    if numbers is None:  # Ed25519
        return bytes(key.public_bytes(forms.Encoding.Raw, forms.PublicFormat.Raw))
    if hasattr(numbers(), "n"):
        return str(numbers().n).encode()
    form = forms.PublicFormat.UncompressedPoint
    return bytes(key.public_bytes(forms.Encoding.X962, form))


def _another_key(document: dict[str, Any]) -> _RefusedError:
    """Return the error for a document that another key has signed, with what it says about it."""
    hint: Any = document
    for name in ("verificationMaterial", "publicKey", "hint"):
        hint = cast("dict[str, Any]", hint).get(name) if isinstance(hint, dict) else None
    signatures = document.get("dsseEnvelope", {}).get("signatures", ())
    found: list[Any] = [hint, *(each.get("keyid") for each in signatures)]
    named = [each for each in dict.fromkeys(found) if isinstance(each, str) and each]
    text = "no signature by the key that --key (key=) names"
    if named:
        text += f"; the signature names {', '.join(printable(each[:100]) for each in named[:5])}"
    return _RefusedError(text)


def _kind_of(key: Any, shown: str) -> tuple[str, tuple[str, ...]]:
    """Return the kind of a public key, and the hashes that its signatures may have.

    :raises ValueError: it is too weak, or of another kind.
    """
    ec, ed25519, rsa = (
        _library(f"cryptography.hazmat.primitives.asymmetric.{name}")
        for name in ("ec", "ed25519", "rsa")
    )
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519", ("sha512",)
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        own = _CURVES[key.curve.name]
        return f"ecdsa-p{key.curve.key_size}", tuple(dict.fromkeys((own, "sha256")))
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _MIN_RSA:
            raise ValueError(
                f"{shown}: an RSA key of {key.key_size} bits is too short, {_MIN_RSA} are needed"
            )
        return "rsa", ("sha256", "sha512", "sha384")
    raise ValueError(
        f"{shown}: keys of this kind are not supported, only ECDSA with P-256, P-384 or P-521,"
        " Ed25519 and RSA"
    )


def _der(key: Any) -> bytes:
    forms = _library("cryptography.hazmat.primitives.serialization")
    form = forms.PublicFormat.SubjectPublicKeyInfo
    return bytes(key.public_bytes(forms.Encoding.DER, form))


def _is_entry_of(
    body: dict[str, Any], key: bytes, signature: bytes, digest: str, payload: bytes | None
) -> bool:
    """Whether the body of an entry is about this signature by this key."""
    load_pem_public_key = _library(
        "cryptography.hazmat.primitives.serialization"
    ).load_pem_public_key
    spec = _object(body.get("spec"))
    match body.get("kind"), body.get("apiVersion"):
        case "hashedrekord", "0.0.1":
            hashed = _object(_object(spec.get("data")).get("hash"))
            signed = _object(spec.get("signature"))
            pem = _base64(_object(signed.get("publicKey")).get("content"))
            return (
                payload is None
                and hashed.get("value") == digest
                and _base64(signed.get("content")) == signature
                and _der(load_pem_public_key(pem)) == key
            )
        case "hashedrekord", "0.0.2":
            spec = _object(spec.get("hashedRekordV002"))
            signed = _object(spec.get("signature"))
            verifier = _object(_object(signed.get("verifier")).get("publicKey"))
            return (
                _base64(_object(spec.get("data")).get("digest")).hex() == digest
                and _base64(signed.get("content")) == signature
                and _base64(verifier.get("rawBytes")) == key
            )
        case "dsse", "0.0.1":
            hashed = _object(spec.get("payloadHash"))
            return (
                payload is not None
                and hashed.get("algorithm") == "sha256"
                and hashed.get("value") == hashlib.sha256(payload).hexdigest()
                and any(
                    _base64(_object(each).get("signature")) == signature
                    and _der(load_pem_public_key(_base64(_object(each).get("verifier")))) == key
                    for each in _list(spec.get("signatures"))
                )
            )
        case _:
            return False
