"""A progress bar for operations of more than a second, or lines about a long one."""

from __future__ import annotations

import _thread
import os
import sys
import time

from .._light import contextmanager, suppress
from .._short import format_size
from .._typing import TYPE_CHECKING
from ..report import Progress

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType
    from typing import NoReturn

    from tqdm import tqdm
    from typing_extensions import Self

__all__ = ["Bar"]

_DELAY = 1.0
"""Seconds until the bar appears."""

_INTERVAL = 30.0
"""Seconds between two lines."""


class Bar:
    """A context manager that shows progress on standard error.

    :param shown: ``"auto"`` is a bar, if standard error is a terminal that can move its cursor;
        ``"lines"`` is a line now and then, for a log; ``"none"`` is nothing.
    :param parts: How many operations there are, of which it shows the sum.
    """

    def __init__(self, *, shown: str, parts: int = 1) -> None:
        terminal = sys.stderr is not None and sys.stderr.isatty()
        able = terminal and os.environ.get("TERM") != "dumb"
        self._lines = shown == "lines"
        self.shown = self._lines or (shown == "auto" and able)
        self._next = time.monotonic() + _INTERVAL
        self.failures = 0
        """How many failures it shows."""
        self.lock = _thread.RLock()
        """Held by who writes on the terminal."""
        self._expected = parts
        self._parts: dict[int, Progress] = {}
        self._bar: tqdm[NoReturn] | None = None
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            with suppress(OSError, ValueError):  # as below
                self._bar.close()

    def update(self, progress: Progress, part: int = 0) -> None:
        """Draw the progress of a part."""
        with self.lock:
            self._parts[part] = progress
            try:
                if self._lines:
                    self._write_line()
                else:
                    self._draw()
            except (OSError, ValueError):  # the terminal is gone, which is no reason to stop
                self._began = float("inf")
                self._bar = None

    @contextmanager
    def hidden(self) -> Generator[None]:
        """Remove the bar while lines are written above it."""
        with self.lock:
            if self._bar is not None:
                with suppress(OSError, ValueError):
                    self._bar.clear()
            yield
            if self._bar is not None:
                with suppress(OSError, ValueError):
                    self._bar.refresh()

    def _sum(self) -> Progress:
        """Return the progress of all parts; its totals are None until all are known."""
        parts = self._parts.values()
        known = len(self._parts) == self._expected
        counts = [part.total_files for part in parts if part.total_files is not None]
        sizes = [part.total_bytes for part in parts if part.total_bytes is not None]
        return Progress(
            sum(part.files for part in parts),
            sum(counts) if known and len(counts) == self._expected else None,
            sum(part.bytes_read for part in parts),
            sum(sizes) if known and len(sizes) == self._expected else None,
        )

    def _words(self, total: Progress) -> str:
        of = "" if total.total_files is None else f"/{total.total_files:,}"
        failed = f", {self.failures} failed" if self.failures else ""
        return f"{total.files:,}{of} files{failed}"

    def _write_line(self) -> None:
        """Write a line, if it is time for one."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _INTERVAL
        total = self._sum()
        size = format_size(total.bytes_read)
        if total.total_bytes is not None:
            size += f"/{format_size(total.total_bytes)}"
        took = now - self._began
        sys.stderr.write(f"checksig: {self._words(total)}, {size} in {took:.0f} s\n")
        sys.stderr.flush()

    def _draw(self) -> None:
        total = self._sum()
        size = total.bytes_read
        if self._bar is None:
            if time.monotonic() - self._began < _DELAY:
                return
            from tqdm import tqdm  # here, as this import takes longer than most verifications

            sized = os.get_terminal_size(sys.stderr.fileno()).columns > 0
            self._bar = tqdm(
                None,
                unit="B",
                unit_scale=True,
                leave=False,
                initial=size,  # the rate is measured from here on
                file=sys.stderr,
                # tqdm draws nothing on a terminal that does not report its size.
                dynamic_ncols=sized,
                ncols=None if sized else 80,
                nrows=None if sized else 24,
            )
        if self._bar.total is None:
            self._bar.total = total.total_bytes
        self._bar.set_postfix_str(self._words(total), refresh=False)
        self._bar.update(size - self._bar.n)
