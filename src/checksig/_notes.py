"""Notes: what limits the reliability of a result, and is no failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._printable import printable, printable_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .report import Manifest, Report

__all__ = ["INSECURE", "notes"]

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
    found = [
        f"{printable(m.path)}: signature: {m.signature} ({m.wrapper})"
        for m in manifests
        if m.signature
    ]
    found += [
        f"{printable(m.path)}: {', '.join(m.algorithms)}: chosen by the length of the digests alone"
        for m in manifests
        if m.assumed
    ]
    found += [
        f"{printable(m.path)}: lines of text ignored: {m.text_lines}"
        for m in manifests
        if m.text_lines
    ]
    found += [
        f"{printable(m.path)}: not verified: {', '.join(map(printable, m.unverified))}"
        for m in manifests
        if m.unverified
    ]
    found += [
        f"{printable(path)}: looks like a manifest, but could not be understood"
        for report in reports
        for path in report.not_understood
    ]
    found += [f"{printable(m.path)}: {printable_text(note)}" for m in manifests for note in m.notes]
    weak = _insecure(manifests)
    if weak:
        detect = "detects" if len(weak) == 1 else "detect"
        found.append(f"{', '.join(weak)} {detect} corruption, not tampering")
    return found


def _insecure(manifests: list[Manifest]) -> list[str]:
    used = dict.fromkeys(name for manifest in manifests for name in manifest.algorithms)
    return [name for name in used if name in INSECURE]
