"""A progress bar for operations of more than a second."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType
    from typing import NoReturn

    from tqdm import tqdm
    from typing_extensions import Self

    from .. import Progress

__all__ = ["Bar"]

_DELAY = 1.0
"""Seconds until the bar appears."""


class Bar:
    """A context manager that shows a bar on standard error, if that is a terminal.

    :param parts: How many operations there are, of which the bar shows the sum.
    """

    def __init__(self, *, shown: bool, parts: int = 1) -> None:
        terminal = sys.stderr is not None and sys.stderr.isatty()
        self.shown = shown and terminal and os.environ.get("TERM") != "dumb"
        self.failures = 0
        """How many failures it shows."""
        self.lock = threading.RLock()
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
            with contextlib.suppress(OSError, ValueError):  # as below
                self._bar.close()

    def update(self, progress: Progress, part: int = 0) -> None:
        """Draw the progress of a part."""
        with self.lock:
            self._parts[part] = progress
            try:
                self._draw()
            except (OSError, ValueError):  # the terminal is gone, which is no reason to stop
                self._began = math.inf
                self._bar = None

    @contextlib.contextmanager
    def hidden(self) -> Generator[None]:
        """Remove the bar while lines are written above it."""
        with self.lock:
            if self._bar is not None:
                with contextlib.suppress(OSError, ValueError):
                    self._bar.clear()
            yield
            if self._bar is not None:
                with contextlib.suppress(OSError, ValueError):
                    self._bar.refresh()

    def _draw(self) -> None:
        parts = self._parts.values()
        files = sum(part.files for part in parts)
        size = sum(part.bytes_read for part in parts)
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
        known = len(self._parts) == self._expected
        sizes = [part.total_bytes for part in parts if part.total_bytes is not None]
        counts = [part.total_files for part in parts if part.total_files is not None]
        if self._bar.total is None and known and len(sizes) == self._expected:
            self._bar.total = sum(sizes)
        of = f"/{sum(counts)}" if known and len(counts) == self._expected else ""
        text = f"{files}{of} files"
        if self.failures:
            text += f", {self.failures} failed"
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(size - self._bar.n)
