"""What modules need of :mod:`typing` while they run, without its import.

That import loads :mod:`re` and takes as long as the start of Python itself takes without it.
Type checkers see the real names: they take ``TYPE_CHECKING`` to be true wherever it comes from.
"""

from __future__ import annotations

TYPE_CHECKING = False

__all__ = ["TYPE_CHECKING", "Any", "NamedTuple", "NoReturn", "Protocol", "cast", "overload"]

if TYPE_CHECKING:
    from typing import Any, NamedTuple, NoReturn, Protocol, cast, overload
else:
    from collections import namedtuple

    Any = NoReturn = Protocol = object

    def cast(_: object, value: object) -> object:
        """Return *value*."""
        return value

    def overload(function: object) -> object:
        """Return *function*, which the next one of its name replaces."""
        return function

    class _NamedTupleMeta(type):
        """Turns classes with annotations into named tuples, as :class:`typing.NamedTuple` does."""

        def __new__(cls, name: str, _: tuple[type, ...], body: dict[str, Any]) -> type:
            fields = body.get("__annotations__", {})
            defaults = [body[field] for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])  # noqa: PYI024
            for key, value in body.items():
                if key not in fields:
                    setattr(made, key, value)
            return made

    NamedTuple = type.__new__(_NamedTupleMeta, "NamedTuple", (), {})
