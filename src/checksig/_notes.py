"""Notes: what limits the reliability of a result, and is no failure."""

from __future__ import annotations

from ._printable import printable, printable_text
from ._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .report import Manifest, Report

__all__ = [
    "INSECURE",
    "KINDS",
    "NOT_UNDERSTOOD",
    "notes",
    "text_about_config",
    "texts_about",
    "weakness",
]

INSECURE = frozenset(
    [
        "bsdsum",
        "sysvsum",
        "crc32",
        "crc32c",
        "adler32",
        "cksum",
        "xxh64",
        "xxh3",
        "crc64nvme",
        "gitblob-sha1",
        "md5",
        "xxh128",
        "sha1",
        "ripemd160",
    ]
)
"""The algorithms that do not protect against tampering; a test compares them with the engine's."""


def notes(reports: Iterable[Report]) -> list[str]:
    """Return the notes about *reports*, each in one line that is safe to print."""
    reports = list(reports)
    manifests = [manifest for report in reports for manifest in report.manifests]
    texts = [texts_about(manifest) for manifest in manifests]
    found = [
        f"{printable(manifest.path)}: {text}"
        for kind in range(KINDS)
        for manifest, of_kinds in zip(manifests, texts, strict=True)
        for text in of_kinds[kind]
    ]
    paths = [path for report in reports for path in report.not_understood]
    found += [f"{printable(path)}: {NOT_UNDERSTOOD}" for path in paths]
    found += [
        f"{printable(report.config)}: {text_about_config(report)}"
        for report in reports
        if report.config is not None
    ]
    for report in reports:
        if report.sample_seed is not None:
            found.append(f"{printable(report.path)}: random sample with seed {report.sample_seed}")
    return found + weakness(name for manifest in manifests for name in manifest.algorithms)


KINDS = 5
"""How many kinds of notes there are about a manifest."""

NOT_UNDERSTOOD = "looks like a manifest, but could not be understood"


def texts_about(manifest: Manifest) -> list[list[str]]:
    """Return the notes of each kind about *manifest*, without its path."""
    chosen = f"{', '.join(manifest.algorithms)}: chosen by the length of the digests alone"
    unverified = ", ".join(map(printable, manifest.unverified))
    unchecked = manifest.wrapper and manifest.signature == "not checked"
    return [
        [f"signature: {manifest.signature} ({manifest.wrapper})"] if unchecked else [],
        [chosen] if manifest.assumed else [],
        [f"lines of text ignored: {manifest.text_lines}"] if manifest.text_lines else [],
        [f"not verified: {unverified}"] if unverified else [],
        list(map(printable_text, manifest.notes)),
    ]


def text_about_config(report: Report) -> str:
    """Return what the configuration file of *report* decided, without its path."""
    return f"settings used: {', '.join(report.configured)}"


def weakness(algorithms: Iterable[str]) -> list[str]:
    """Return a note about those of *algorithms* that do not protect against tampering, if any.

    A name that is not in the table is a secure one with a length, such as blake2b-256.
    """
    weak = [name for name in dict.fromkeys(algorithms) if name in INSECURE]
    detect = "detects" if len(weak) == 1 else "detect"
    return [f"{', '.join(weak)} {detect} corruption, not tampering"] if weak else []
