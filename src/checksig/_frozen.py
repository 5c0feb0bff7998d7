"""Frozen data classes without the import of :mod:`dataclasses`.

That import loads :mod:`inspect` and more, and takes 10 to 15 ms, which is longer than a first
call needs otherwise. It happens only if a program asks these classes for their fields.
"""

from __future__ import annotations

from ._short import Items, short_fields
from ._typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
    from typing import NoReturn
else:

    def dataclass(*, frozen: bool) -> Callable[[type], type]:
        """Return a decorator that turns a class into a frozen data class.

        The fields are those of the base class, followed by the annotations of the class. A field
        whose name begins with ``_`` is not part of the repr, which is short. A tuple in any other
        field has a short repr, too.
        """
        assert frozen  # noqa: S101 - the only kind

        def make(cls: Any) -> type:
            names = (*getattr(cls, "__match_args__", ()), *cls.__annotations__)
            known = set(names)
            defaults = {name: getattr(cls, name) for name in names if hasattr(cls, name)}

            def __init__(self: object, *values: object, **named: object) -> None:  # noqa: N807
                fields = {**defaults, **named}
                if values:
                    fields |= zip(names, values)  # noqa: B905 - too many values are an error below
                    if len(values) > len(names) or not named.keys().isdisjoint(
                        names[: len(values)]
                    ):
                        raise TypeError(f"{cls.__name__}() takes each of {', '.join(names)} once")
                if fields.keys() != known:
                    wrong = ", ".join(sorted(fields.keys() ^ known))
                    raise TypeError(f"{cls.__name__}() got missing or unknown arguments: {wrong}")
                for name, value in fields.items():
                    if type(value) is tuple and not name.startswith("_"):
                        fields[name] = Items(value)
                self.__dict__.update(fields)

            cls.__match_args__, cls.__init__ = names, __init__
            cls.__eq__, cls.__hash__ = _Methods.__eq__, _Methods.__hash__
            if "__repr__" not in vars(cls):
                cls.__repr__ = _Methods.__repr__
            cls.__setattr__, cls.__delattr__ = _Methods.refuse_to_set, _Methods.refuse_to_delete
            cls.__replace__ = _Methods.replace
            cls.__dataclass_fields__ = _FromRealDataclass("__dataclass_fields__")
            cls.__dataclass_params__ = _FromRealDataclass("__dataclass_params__")
            return cls

        return make

    class _Methods:
        """The methods of the classes."""

        def __repr__(self) -> str:
            return short_fields(
                self, (name for name in self.__match_args__ if not name.startswith("_"))
            )

        def __eq__(self, other: object) -> bool:
            if other.__class__ is not self.__class__:
                return NotImplemented
            return _values(self) == _values(other)

        def __hash__(self) -> int:
            return hash(_values(self))

        def refuse_to_set(self, name: str, value: object) -> NoReturn:  # noqa: ARG002
            from dataclasses import FrozenInstanceError

            raise FrozenInstanceError(f"cannot assign to field {name!r}")

        def refuse_to_delete(self, name: str) -> NoReturn:
            from dataclasses import FrozenInstanceError

            raise FrozenInstanceError(f"cannot delete field {name!r}")

        def replace(self, /, **changes: object) -> Any:
            from dataclasses import replace

            return replace(self, **changes)

    def _values(record: Any) -> tuple[Any, ...]:
        return tuple(getattr(record, name) for name in record.__match_args__)

    class _FromRealDataclass:
        """An attribute for :mod:`dataclasses`, from a class that it makes of the same fields."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __get__(self, instance: object, owner: type) -> Any:
            import dataclasses

            types = {}
            for cls in reversed(owner.__mro__):
                types |= getattr(cls, "__annotations__", {})
            fields = [
                (
                    name,
                    types[name],
                    dataclasses.field(
                        default=getattr(owner, name, dataclasses.MISSING),
                        repr=not name.startswith("_"),
                    ),
                )
                for name in owner.__match_args__
            ]
            real = dataclasses.make_dataclass(owner.__name__, fields, frozen=True)
            return getattr(real, self._name)
