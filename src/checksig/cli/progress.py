"""A progress bar for operations of more than a second."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import NoReturn

    from tqdm import tqdm
    from typing_extensions import Self

    from .. import Progress

__all__ = ["Bar"]

_DELAY = 1.0
"""Seconds until the bar appears."""


class Bar:
    """A context manager that shows a bar on standard error, if that is a terminal."""

    def __init__(self, *, shown: bool) -> None:
        self.shown = shown and sys.stderr is not None and sys.stderr.isatty()
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

    def update(self, progress: Progress) -> None:
        """Draw the progress."""
        try:
            self._draw(progress)
        except (OSError, ValueError):  # the terminal is gone, which is no reason to stop the work
            self._began = math.inf
            self._bar = None

    def _draw(self, progress: Progress) -> None:
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
                initial=progress.bytes_read,  # the rate is measured from here on
                file=sys.stderr,
                # tqdm draws nothing on a terminal that does not report its size.
                ncols=None if sized else 80,
                nrows=None if sized else 24,
            )
        if self._bar.total is None and progress.total_bytes is not None:
            self._bar.total = progress.total_bytes
        of = "" if progress.total_files is None else f"/{progress.total_files}"
        self._bar.set_postfix_str(f"{progress.files}{of} files", refresh=False)
        self._bar.update(progress.bytes_read - self._bar.n)
