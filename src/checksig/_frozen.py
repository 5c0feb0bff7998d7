"""Immutable records, as :func:`dataclasses.dataclass` makes them, without its import.

That module imports :mod:`inspect`, and with it what takes Python apart, which takes longer than all
else that a first call needs. Whoever asks these records for their fields has it imported then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
    from typing import NoReturn
else:

    def dataclass(*, frozen: bool) -> Callable[[type], type]:
        """Make a class of records; a field whose name begins with ``_`` is not shown.

        The fields are the class's annotations and, before them, those of the class it is made from.
        """
        assert frozen  # noqa: S101 - there are no others

        def make(cls: Any) -> type:
            names = (*getattr(cls, "__match_args__", ()), *cls.__annotations__)
            known = set(names)
            defaults = {name: getattr(cls, name) for name in names if hasattr(cls, name)}

            def __init__(self: object, *values: object, **named: object) -> None:  # noqa: N807
                fields = {**defaults, **named}
                if values:
                    fields |= zip(names, values)  # noqa: B905 - too many are found out here
                    if len(values) > len(names) or not named.keys().isdisjoint(
                        names[: len(values)]
                    ):
                        raise TypeError(f"{cls.__name__}() takes each of {', '.join(names)} once")
                if fields.keys() != known:
                    wrong = ", ".join(sorted(fields.keys() ^ known))
                    raise TypeError(f"{cls.__name__}() lacks, or does not take: {wrong}")
                self.__dict__.update(fields)

            cls.__match_args__, cls.__init__ = names, __init__
            for name in ("__repr__", "__eq__", "__hash__"):
                setattr(cls, name, getattr(_Methods, name))
            cls.__setattr__, cls.__delattr__ = _Methods.refuse_to_set, _Methods.refuse_to_delete
            cls.__replace__ = _Methods.replace
            cls.__dataclass_fields__ = _OfTwin("__dataclass_fields__")
            cls.__dataclass_params__ = _OfTwin("__dataclass_params__")
            return cls

        return make

    class _Methods:
        """What the classes are given."""

        def __repr__(self) -> str:
            shown = (name for name in self.__match_args__ if not name.startswith("_"))
            fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
            return f"{type(self).__qualname__}({fields})"

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

    class _OfTwin:
        """What :mod:`dataclasses` asks a class for, from one that it has made of these fields."""

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
            twin = dataclasses.make_dataclass(owner.__name__, fields, frozen=True)
            return getattr(twin, self._name)
