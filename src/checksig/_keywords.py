"""The keywords of :func:`checksig.verify` as a type.

It is not in _options.py because a call does without it, and :mod:`typing` takes long to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ._options import AnyPath, KeyFile

__all__ = ["Options"]


class Options(TypedDict, total=False):
    """The options of :func:`checksig.verify`, where they are described."""

    recursive: bool
    extra: Literal["ignore", "report", "fail"]
    ignore_missing: bool
    ignore_text: bool
    ignore_attributes: bool
    root: AnyPath | None
    strip: int
    basename: bool
    remap: Mapping[str, str] | Mapping[bytes, bytes] | None
    only: AnyPath | Sequence[AnyPath]
    include: Sequence[str | bytes]
    exclude: Sequence[str | bytes]
    columns: str | Sequence[str]
    stored: Literal["never", "prefer", "only"]
    part_size: str | int | None
    min_strength: str | None
    trust: KeyFile | Sequence[KeyFile] | None
    trust_fingerprint: str | Sequence[str] | None
    signers: int | None
    signature: AnyPath | None
    namespace: str | None
    trusted_root: AnyPath | None
    identity: str | Sequence[str] | None
    issuer: str | None
    key: AnyPath | None
    predicate_type: str | Sequence[str] | None
    bag_profile: AnyPath | None
    state: AnyPath | None
    resume: bool
    max_age: str | float | None
    max_time: str | float | None
    max_bytes: str | int | None
    sample: str | float | None
    algorithm: str | None
    format: str | None
    follow_outside: bool
    workers: int | None
    io_depth: int | None
    leave_cache: bool
