"""Durations, sizes and shares as users write them: ``"30d"``, ``"8MiB"``, ``"5%"``."""

from __future__ import annotations

import os

from ._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["parse_bytes", "parse_duration", "parse_sample"]

_DURATIONS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_BYTES = {
    "B": 1,
    **{f"{letter}B": 1000**i for i, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}iB": 1024**i for i, letter in enumerate("KMGTPE", 1)},
}


def parse_duration(name: str, value: Any) -> float:
    """Return the seconds in a text such as ``"30d"``, a number of seconds or a timedelta."""
    if hasattr(value, "total_seconds"):
        value = value.total_seconds()
    return _parse(name, value, _DURATIONS, "a duration such as 30d or 1.5h")


def parse_bytes(name: str, value: Any) -> int:
    """Return the bytes in a text such as ``"1TB"``, or a number of bytes."""
    return int(_parse(name, value, _BYTES, "a size such as 500GB or 1TiB"))


def _parse(name: str, value: Any, units: Mapping[str, int], what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError(f"{name} must be a str or a number, not {value!r:.80}")
    if isinstance(value, str):
        digits = value.strip().rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%")
        unit = value.strip()[len(digits) :]
        if unit not in units:
            known = ", ".join(units)
            given = f"unknown unit {unit!r:.40}" if unit else "no unit"
            raise ValueError(f"{name} must be {what}: {given} in {value!r:.80}; known: {known}")
        number = _number(name, digits, value, what) * units[unit]
    else:
        number = value
    if not 0 < number < 2**62:
        raise ValueError(f"{name} must be positive, and not too large, not {value!r:.80}")
    return number


def _number(name: str, digits: str, value: str, what: str) -> float:
    try:
        if digits.strip().isascii() and "_" not in digits:
            return int(digits) if digits.strip().isdigit() else float(digits)
    except ValueError:
        pass
    raise ValueError(f"{name} must be {what}, not {value!r:.80}")


def parse_sample(name: str, value: Any) -> tuple[float, int]:
    """Return the share and the seed of a sample: ``"5%"``, ``"5%@1234"`` or a fraction."""
    seed = int.from_bytes(os.urandom(4), "little")
    what = "a share such as 5%, or 5%@SEED to repeat a sample"
    if isinstance(value, str):
        text, at, given = value.partition("@")
        if at:
            if not (given.isascii() and given.isdigit() and int(given) < 2**32):
                raise ValueError(f"{name} must be {what}, not {value!r:.80}")
            seed = int(given)
        share = _parse(name, text, {"%": 1}, what) / 100
    else:
        share = _parse(name, value, {}, what)
    if share > 1:
        raise ValueError(f"{name} must be at most 100%, not {value!r:.80}")
    return share, seed
