"""Ctrl-C and SIGTERM while a command works: what was found so far is still printed."""

from __future__ import annotations

from .._engine import CancelToken
from .._light import contextmanager, signal, suppress
from .._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType, TracebackType
    from typing import Any

    from typing_extensions import Self

__all__ = ["Interruption"]


class Interruption:
    """A context manager in which the first SIGINT or SIGTERM cancels :attr:`token`.

    The second one raises KeyboardInterrupt, as the work may not end. So does the first one within
    :meth:`raising`. A signal that the caller ignores or handles is left alone.
    """

    def __init__(self) -> None:
        self.token = CancelToken()
        self.number = 0
        """The signal that arrived first; 0 if there was none."""
        self._raises = False
        self._before: dict[int, Any] = {}

    @property
    def exit_code(self) -> int:
        """The exit code after the signal, as shells have it: 130 or 143."""
        return 128 + (self.number or signal.SIGINT)

    def __enter__(self) -> Self:
        usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
        with suppress(ValueError):  # not in the main thread
            for number, handler in usual.items():
                if signal.getsignal(number) is handler:
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def raising(self) -> Generator[None]:
        """Let the first signal raise KeyboardInterrupt, for work that no token stops."""
        self._raises = True
        try:
            if self.token.cancelled:
                raise KeyboardInterrupt
            yield
        finally:
            self._raises = False

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        is_first = not self.number
        self.number = self.number or number
        self.token.cancel()
        if self._raises or not is_first:
            raise KeyboardInterrupt
