"""The clusters that ``--dask``, ``--ray`` and ``--spark`` name."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from .._clusters import connect
from .arguments import CLUSTERS
from .words import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator

__all__ = ["executor_of"]


@contextlib.contextmanager
def executor_of(options: argparse.Namespace) -> Generator[Any]:
    """Return an executor of the cluster that an option names; None if none does.

    :raises UsageError: several name one.
    """
    named = [name for name in CLUSTERS if getattr(options, name) is not None]
    if len(named) > 1:
        raise UsageError(f"--{named[0]} and --{named[1]} cannot be used together")
    if not named:
        yield None
        return
    with connect(named[0], getattr(options, named[0])) as executor:
        yield executor
