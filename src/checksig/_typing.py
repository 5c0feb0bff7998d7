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
    try:
        from _collections import _tuplegetter as _field  # as collections.namedtuple does
    except ImportError:

        def _field(index: int, doc: str) -> property:
            return property(lambda record: tuple.__getitem__(record, index), doc=doc)

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
            fields = tuple(body.get("__annotations__", ()))
            made = {
                "__slots__": (),
                "__match_args__": fields,
                "_fields": fields,
                "_field_defaults": {field: body[field] for field in fields if field in body},
                **{key: value for key, value in body.items() if key not in fields},
            }
            for index, field in enumerate(fields):
                made[field] = _field(index, f"Alias for field number {index}")
            return type(name, (_Record,), made)

    class _Record(tuple):
        """The base class of named tuples."""

        __slots__ = ()

        def __new__(cls, *values: object, **named: object) -> Any:
            if named or len(values) != len(cls._fields):
                values = _complete(cls, values, named)
            return tuple.__new__(cls, values)

        @classmethod
        def _make(cls, values: object) -> _Record:
            return cls(*values)

        def _replace(self, /, **changes: object) -> _Record:
            return type(self)(**{**self._asdict(), **changes})

        __replace__ = _replace

        def _asdict(self) -> dict[str, object]:
            return dict(zip(self._fields, self))  # noqa: B905 - of equal length

        def __getnewargs__(self) -> tuple[object, ...]:
            return tuple(self)

        def __repr__(self) -> str:
            fields = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
            return f"{type(self).__name__}({fields})"

    def _complete(cls: type, values: object, named: object) -> list[object]:
        """Return the values of all fields, from arguments and defaults."""
        given = dict(zip(cls._fields, values))  # noqa: B905 - too many values are an error below
        twice = given.keys() & named
        found = {**cls._field_defaults, **given, **named}
        if len(values) > len(given) or twice or found.keys() != set(cls._fields):
            wrong = ", ".join(sorted(twice or found.keys() ^ set(cls._fields)))
            raise TypeError(f"{cls.__name__}() got too many, missing or unknown arguments: {wrong}")
        return [found[field] for field in cls._fields]

    class _Signature:
        """The signature of a named tuple, for :mod:`inspect`."""

        def __get__(self, _: object, cls: type) -> object:
            from inspect import Parameter, Signature

            types = {}
            for each in reversed(cls.__mro__):
                types |= getattr(each, "__annotations__", {})
            kind, none = Parameter.POSITIONAL_OR_KEYWORD, Parameter.empty
            return Signature(
                [
                    Parameter(
                        name,
                        kind,
                        default=cls._field_defaults.get(name, none),
                        annotation=types[name],
                    )
                    for name in cls._fields
                ]
            )

    _Record.__signature__ = _Signature()
    NamedTuple = type.__new__(_NamedTupleMeta, "NamedTuple", (), {})
