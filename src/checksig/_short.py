"""Short texts: sizes, and what a REPL shows of an object that may hold a million others."""

from __future__ import annotations

from ._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Items", "format_size", "short", "short_fields"]

_MAX_TEXT = 120
_MAX_ITEMS = 3


class Items(tuple[Any, ...]):
    """A tuple whose representation has its first elements only."""

    __slots__ = ()

    def __repr__(self) -> str:
        return _items(self)


def short(value: object) -> str:
    """Return a representation of *value* of bounded length."""
    if isinstance(value, str) and len(value) > _MAX_TEXT and type(value) is str:
        return repr(f"{value[: _MAX_TEXT // 2]}...{value[-_MAX_TEXT // 4 :]}")
    if type(value) in {tuple, Items}:
        return _items(value)  # type: ignore[arg-type]
    return repr(value)


def _items(items: tuple[Any, ...]) -> str:
    shown = [short(item) for item in items[:_MAX_ITEMS]]
    if len(items) > _MAX_ITEMS:
        shown.append(f"... {len(items) - _MAX_ITEMS:,} more")
    return f"({', '.join(shown)}{',' if len(items) == 1 else ''})"


def format_size(n: float, digits: int = 1) -> str:
    """Return *n* bytes in a suitable unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.{digits}f} {unit}"
        n /= 1000
    return f"{n:.{digits}f} TB"


def short_fields(record: object, names: Iterable[str]) -> str:
    """Return a representation of *record* with the fields of these names, each short."""
    fields = ", ".join(f"{name}={short(getattr(record, name))}" for name in names)
    return f"{type(record).__qualname__}({fields})"
