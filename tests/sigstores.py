"""A private Sigstore instance: an authority, two logs, and what is signed with them.

Everything is made in memory with ``cryptography``; nothing is downloaded. Sources: Fulcio's
certificate specification, RFC 6962 (SCTs, Merkle trees), Rekor's entry types, the checkpoint
format of the transparency logs, and DSSE 1.0.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# Without their types, so that the type checkers do not need the package.
x509: Any = pytest.importorskip("cryptography.x509")
hashes: Any = pytest.importorskip("cryptography.hazmat.primitives.hashes")
serialization: Any = pytest.importorskip("cryptography.hazmat.primitives.serialization")
ec: Any = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")
ExtendedKeyUsageOID, NameOID = x509.oid.ExtendedKeyUsageOID, x509.oid.NameOID

IDENTITY = "https://github.com/example/tool/.github/workflows/release.yml@refs/tags/v1"
ISSUER = "https://token.actions.githubusercontent.com"
SLSA = "https://slsa.dev/provenance/v1"
MODEL = "https://model_signing/signature/v1.0"
IN_TOTO = "application/vnd.in-toto+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"

_OIDC_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_OIDC_ISSUER_2 = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_DER = serialization.Encoding.DER
_SCTS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


def b64(data: bytes) -> str:
    """Return *data* in base64."""
    return base64.b64encode(data).decode()


def statement(
    subjects: dict[str, bytes] | list[dict[str, Any]],
    predicate_type: str = SLSA,
    predicate: Any = None,
) -> bytes:
    """Return an in-toto statement about files with that content."""
    if isinstance(subjects, dict):
        subjects = [
            {"name": name, "digest": {"sha256": hashlib.sha256(content).hexdigest()}}
            for name, content in subjects.items()
        ]
    return json.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subjects,
            "predicateType": predicate_type,
            "predicate": predicate or {},
        }
    ).encode()


def model(files: dict[str, bytes], **serialization: Any) -> bytes:
    """Return the statement of a model's signature (OpenSSF model signing)."""
    resources: list[dict[str, str]] = []
    whole = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest = hashlib.sha256(content)
        whole.update(digest.digest())
        resources.append({"name": name, "algorithm": "sha256", "digest": digest.hexdigest()})
    how = {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": ["model.sig"],
        **serialization,
    }
    subjects = [{"name": "model", "digest": {"sha256": whole.hexdigest()}}]
    return statement(subjects, MODEL, {"serialization": how, "resources": resources})


def pae(kind: str, payload: bytes) -> bytes:
    """Return what a DSSE signature covers."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def _sign(key: Any, data: bytes) -> bytes:
    return bytes(key.sign(data, ec.ECDSA(hashes.SHA256())))


def _der(key: Any) -> bytes:
    return bytes(
        key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


class Instance:
    """An authority and two logs."""

    def __init__(self) -> None:
        self.now = dt.datetime.now(dt.timezone.utc).replace(microsecond=0)
        self.authority = ec.generate_private_key(ec.SECP256R1())
        self.rekor = ec.generate_private_key(ec.SECP256R1())
        self.ct = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        day = dt.timedelta(days=1)
        usage = dict.fromkeys(
            (
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        self.root = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(self.name)
            .public_key(self.authority.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - 100 * day)
            .not_valid_after(self.now + 100 * day)
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(x509.KeyUsage(**usage, key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self.authority.public_key()),
                critical=False,
            )
            .sign(self.authority, hashes.SHA256())
        )
        self.stamp_key = ec.generate_private_key(ec.SECP256R1())
        signing = {**usage, "digital_signature": True}
        self.stamper = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test timestamps")]))
            .issuer_name(self.name)
            .public_key(self.stamp_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - 100 * day)
            .not_valid_after(self.now + 100 * day)
            .add_extension(
                x509.KeyUsage(**signing, key_cert_sign=False, crl_sign=False), critical=True
            )
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key()),
                critical=False,
            )
            .sign(self.authority, hashes.SHA256())
        )
        self.leaves: list[bytes] = [b"another entry"]

    def write_trusted_root(self, path: Path) -> Path:
        """Write the trusted root to *path*, which is returned."""
        start = (self.now - dt.timedelta(days=100)).strftime("%Y-%m-%dT%H:%M:%SZ")

        def log(key: Any, url: str) -> dict[str, Any]:
            return {
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": b64(_der(key)),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": {"start": start},
                },
                "logId": {"keyId": b64(hashlib.sha256(_der(key)).digest())},
            }

        root = self.root.public_bytes(_DER)
        document = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(self.rekor, "https://rekor.invalid")],
            "certificateAuthorities": [
                {
                    "subject": {"organization": "test", "commonName": "test authority"},
                    "uri": "https://fulcio.invalid",
                    "certChain": {"certificates": [{"rawBytes": b64(root)}]},
                    "validFor": {"start": start},
                }
            ],
            "ctlogs": [log(self.ct, "https://ct.invalid")],
            "timestampAuthorities": [
                {
                    "subject": {"organization": "test", "commonName": "test authority"},
                    "uri": "https://tsa.invalid",
                    "certChain": {
                        "certificates": [
                            {"rawBytes": b64(self.stamper.public_bytes(_DER))},
                            {"rawBytes": b64(root)},
                        ]
                    },
                    "validFor": {"start": start},
                }
            ],
        }
        path.write_text(json.dumps(document, indent=1))
        return path

    def certificate(
        self,
        key: Any,
        identity: str = IDENTITY,
        issuer: str = ISSUER,
        begins: dt.timedelta = dt.timedelta(),
        *,
        email: bool = False,
    ) -> Any:
        """Return a certificate that is valid for ten minutes."""
        name = x509.RFC822Name(identity) if email else x509.UniformResourceIdentifier(identity)
        usage = dict.fromkeys(
            (
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "key_cert_sign",
                "crl_sign",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        text = issuer.encode()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + begins - dt.timedelta(minutes=5))
            .not_valid_after(self.now + begins + dt.timedelta(minutes=5))
            .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key()),
                critical=False,
            )
            .add_extension(x509.SubjectAlternativeName([name]), critical=True)
            .add_extension(x509.UnrecognizedExtension(_OIDC_ISSUER, text), critical=False)
            .add_extension(
                x509.UnrecognizedExtension(_OIDC_ISSUER_2, bytes([0x0C, len(text)]) + text),
                critical=False,
            )
        )
        signed = builder.sign(self.authority, hashes.SHA256()).tbs_certificate_bytes
        milliseconds = int(self.now.timestamp() * 1000).to_bytes(8, "big")
        covered = b"\0\0" + milliseconds + b"\0\1" + hashlib.sha256(_der(self.authority)).digest()
        covered += len(signed).to_bytes(3, "big") + signed + b"\0\0"
        signature = _sign(self.ct, covered)
        sct = b"\0" + hashlib.sha256(_der(self.ct)).digest() + milliseconds + b"\0\0\4\3"
        sct += len(signature).to_bytes(2, "big") + signature
        entry = len(sct).to_bytes(2, "big") + sct
        scts = len(entry).to_bytes(2, "big") + entry
        octets = b"\4" + (bytes([len(scts)]) if len(scts) < 128 else bytes([0x81, len(scts)]))
        return builder.add_extension(
            x509.UnrecognizedExtension(_SCTS, octets + scts), critical=False
        ).sign(self.authority, hashes.SHA256())

    def log(self, body: dict[str, Any], time: dt.datetime | None = None) -> dict[str, Any]:
        """Add an entry to the log, and return it with its proof and promise."""
        content = _canonical(body)
        index, before = 1, self.leaves[-1]
        own = hashlib.sha256(b"\0" + content).digest()
        other = hashlib.sha256(b"\0" + before).digest()
        root = hashlib.sha256(b"\1" + other + own).digest()
        identifier = hashlib.sha256(_der(self.rekor)).digest()
        note = f"rekor.invalid\n2\n{b64(root)}\n"
        signed = b64(identifier[:4] + _sign(self.rekor, note.encode()))
        seconds = int((time or self.now).timestamp())
        promise = {
            "body": b64(content),
            "integratedTime": seconds,
            "logID": identifier.hex(),
            "logIndex": index,
        }
        return {
            "logIndex": str(index),
            "logId": {"keyId": b64(identifier)},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "integratedTime": str(seconds),
            "inclusionPromise": {
                "signedEntryTimestamp": b64(_sign(self.rekor, _canonical(promise)))
            },
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": b64(root),
                "treeSize": "2",
                "hashes": [b64(other)],
                "checkpoint": {"envelope": f"{note}\n— rekor.invalid {signed}\n"},
            },
            "canonicalizedBody": b64(content),
        }

    def timestamp(self, signature: bytes, folder: Path) -> bytes:
        """Return a timestamp of a signature (RFC 3161), which openssl makes in *folder*."""
        key = self.stamp_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (folder / "tsa.key").write_bytes(key)
        (folder / "tsa.pem").write_bytes(self.stamper.public_bytes(serialization.Encoding.PEM))
        (folder / "signature").write_bytes(signature)
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(
            "[tsa]\ndefault_tsa = own\n[own]\nserial = serial\nsigner_cert = tsa.pem\n"
            "signer_key = tsa.key\nsigner_digest = sha256\ndefault_policy = 1.2.3.4\n"
            "digests = sha256\naccuracy = secs:1\ness_cert_id_alg = sha256\n"
        )
        query = ("-query", "-data", "signature", "-sha256", "-cert", "-out", "query")
        reply = ("-reply", "-queryfile", "query", "-config", "tsa.cnf", "-out", "reply")
        for words in (query, reply):
            subprocess.run(
                ["openssl", "ts", *words], cwd=folder, check=True, capture_output=True, timeout=100
            )
        return (folder / "reply").read_bytes()

    def sign_file(
        self, content: bytes, time: dt.datetime | None = None, **about: Any
    ) -> dict[str, Any]:
        """Return the bundle of a file."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.certificate(key, **about)
        digest = hashlib.sha256(content).digest()
        signature = _sign(key, content)
        body = {
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
                "signature": {
                    "content": b64(signature),
                    "publicKey": {
                        "content": b64(certificate.public_bytes(serialization.Encoding.PEM))
                    },
                },
            },
        }
        return {
            **self._material(certificate, self.log(body, time)),
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": b64(digest)},
                "signature": b64(signature),
            },
        }

    def sign_statement(
        self,
        payload: bytes,
        time: dt.datetime | None = None,
        kind: str = IN_TOTO,
        older: bool = False,
        version: str = "dsse 0.0.1",
        **about: Any,
    ) -> dict[str, Any]:
        """Return the bundle of an in-toto statement; *older* with an entry as of 2023.

        :param version: Of the entry: also ``hashedrekord 0.0.2`` or ``dsse 0.0.2``, of Rekor 2.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.certificate(key, **about)
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        signature = _sign(key, pae(kind, payload))
        hashed = {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}
        if older:
            signed = {"publicKey": b64(pem), "sig": b64(b64(signature).encode())}
            envelope = {"payloadType": kind, "signatures": [signed]}
            content = {"envelope": envelope, "hash": hashed, "payloadHash": hashed}
            body = {"apiVersion": "0.0.2", "kind": "intoto", "spec": {"content": content}}
        elif version.endswith("0.0.2"):
            verifier = {
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "x509Certificate": {"rawBytes": b64(certificate.public_bytes(_DER))},
            }
            made = {"content": b64(signature), "verifier": verifier}
            covered = payload if version.startswith("dsse") else pae(kind, payload)
            digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(covered).digest())}
            if version.startswith("dsse"):
                spec: Any = {"dsseV002": {"payloadHash": digest, "signatures": [made]}}
            else:
                spec = {"hashedRekordV002": {"data": digest, "signature": made}}
            body = {"apiVersion": "0.0.2", "kind": version.split(maxsplit=1)[0], "spec": spec}
        else:
            body = {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": hashed,
                    "payloadHash": hashed,
                    "signatures": [{"signature": b64(signature), "verifier": b64(pem)}],
                },
            }
        return {
            **self._material(certificate, self.log(body, time)),
            "dsseEnvelope": {
                "payload": b64(payload),
                "payloadType": kind,
                "signatures": [{"sig": b64(signature)}],
            },
        }

    @staticmethod
    def _material(certificate: Any, entry: dict[str, Any]) -> dict[str, Any]:
        raw = certificate.public_bytes(serialization.Encoding.DER)
        material = {"certificate": {"rawBytes": b64(raw)}, "tlogEntries": [entry]}
        return {"mediaType": BUNDLE, "verificationMaterial": material}


def as_pypi(bundle: dict[str, Any]) -> dict[str, Any]:
    """Return a bundle in the form of PEP 740."""
    material, envelope = bundle["verificationMaterial"], bundle["dsseEnvelope"]
    return {
        "version": 1,
        "verification_material": {
            "certificate": material["certificate"]["rawBytes"],
            "transparency_entries": material["tlogEntries"],
        },
        "envelope": {
            "statement": envelope["payload"],
            "signature": envelope["signatures"][0]["sig"],
        },
    }
