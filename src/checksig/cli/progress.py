"""A progress bar for what takes longer than a second."""

from __future__ import annotations

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

_PATIENCE = 1.0
"""Seconds until the bar appears."""


class Bar:
    """A bar on standard error, if that is a terminal; a context manager that clears it away."""

    def __init__(self, *, shown: bool) -> None:
        self.shown = shown and sys.stderr.isatty()
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
            self._bar.close()

    def update(self, progress: Progress) -> None:
        """Draw how far the verification is."""
        if self._bar is None:
            if time.monotonic() - self._began < _PATIENCE:
                return
            from tqdm import tqdm  # here: it takes longer to import than most runs last

            width = os.get_terminal_size(sys.stderr.fileno()).columns
            self._bar = tqdm(
                None,
                unit="B",
                unit_scale=True,
                leave=False,
                file=sys.stderr,
                ncols=None if width else 80,  # a terminal that does not say would get nothing
            )
        if self._bar.total is None and progress.total_bytes is not None:
            self._bar.total = progress.total_bytes
        of = "" if progress.total_files is None else f"/{progress.total_files}"
        self._bar.set_postfix_str(f"{progress.files}{of} files", refresh=False)
        self._bar.update(progress.bytes_read - self._bar.n)
