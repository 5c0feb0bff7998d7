"""What modules need of contextlib, functools and signal, without these imports.

They load :mod:`collections`, :mod:`enum` and more, which takes as long as verifying a small folder.
Type checkers see the real names.
"""

from __future__ import annotations

from ._typing import TYPE_CHECKING

__all__ = ["closing", "contextmanager", "signal", "suppress", "wraps"]

if TYPE_CHECKING:
    import signal
    from contextlib import closing, contextmanager, suppress
    from functools import wraps
else:
    import _signal as signal

    class closing:  # noqa: N801 - named like the original, as below
        """A context manager that closes an object."""

        def __init__(self, opened: object) -> None:
            self._opened = opened

        def __enter__(self) -> object:
            return self._opened

        def __exit__(self, *_: object) -> None:
            self._opened.close()

    class suppress:  # noqa: N801
        """A context manager that ends quietly after exceptions of these classes."""

        def __init__(self, *classes: type[BaseException]) -> None:
            self._classes = classes

        def __enter__(self) -> None:
            pass

        def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
            return kind is not None and issubclass(kind, self._classes)

    def contextmanager(function: object) -> object:
        """Return *function*, a generator with one ``yield``, as a maker of context managers."""

        @wraps(function)
        def make(*arguments: object, **named: object) -> _Generated:
            return _Generated(function(*arguments, **named))

        return make

    class _Generated:
        """A context manager of a generator, which must let exceptions through or raise others."""

        def __init__(self, generator: object) -> None:
            self._generator = generator

        def __enter__(self) -> object:
            return next(self._generator)

        def __exit__(self, kind: object, error: BaseException | None, _: object) -> bool:
            if error is None:
                next(self._generator, None)
                return False
            try:
                self._generator.throw(error)
            except StopIteration as ended:
                return ended is not error
            except BaseException as raised:
                # A generator turns a StopIteration into a RuntimeError.
                if raised is error or (
                    isinstance(error, StopIteration) and raised.__cause__ is error
                ):
                    return False
                raise
            return True

    def wraps(original: object) -> object:
        """Return a decorator that makes a function look like *original*."""

        def wrap(function: object) -> object:
            for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
                setattr(function, name, getattr(original, name))
            function.__wrapped__ = original
            return function

        return wrap
