"""Checks of what the Go runtime needs; where it gets less, it aborts the process."""

from __future__ import annotations

import _thread  # threading waits until each has started, which takes ten times as long
import errno
import os
import sys

from .._typing import TYPE_CHECKING
from ..errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

if sys.platform != "win32":
    import resource  # not during a call: another thread can fork during the import

__all__ = ["check_job", "check_limits", "check_process", "cpu_count", "memory_limits"]

_STACK = 8 << 20  # of a thread, unless RLIMIT_STACK says otherwise
_WAIT_SECONDS = 5.0

_SPACE = 2 << 30
"""Bytes of address space for the library, whose runtime reserves 1.6 GB."""

_DATA = 192 << 20
"""Bytes of memory for the library, besides the stacks of its threads; 100 MB are too few."""

_JOB = 256 << 20
"""Bytes of both that must be free for a job in the library; a small one needs a tenth of it."""

_PROCESS_SPACE, _PROCESS_DATA = 512 << 20, 48 << 20
"""Bytes of both with which the engine's program cannot start; it may need more."""

_THREADS = 12
"""How many threads the library starts when it is loaded, besides one for each CPU."""

_MAX_CPUS = 32
"""On larger machines the runtime starts fewer threads at first."""

_PIPES = 3
"""Six file descriptors: four for the Go runtime, one for a folder and one for a file."""


def check_limits(start_threads: Callable[[int], int] | None = None) -> None:
    """Raise if the limits of this process are too low for the library.

    *start_threads* starts up to so many threads at once, which have ended when it returns how many
    could be started.

    :raises EngineError: a limit of memory, threads or open files is too low.
    """
    if sys.platform != "win32":  # Windows has no such limits
        count = _thread_count()
        stacks = count * _stack_size()
        _check_memory(_SPACE + max(0, stacks - count * _STACK), _DATA + stacks)
        _check_threads(count, start_threads or _start_threads)
        _check_descriptors()


def check_job() -> None:
    """Raise if the limits of memory are too low for another job in the library.

    :raises EngineError: a limit of memory is too low.
    """
    if sys.platform != "win32":
        _check_memory(_JOB, _JOB)


def check_process() -> None:
    """Raise if the engine's program cannot start with the limits of memory, which it inherits.

    :raises EngineError: a limit of memory is too low.
    """
    for limit, what, least in zip(_memory(), _NAMES, (_PROCESS_SPACE, _PROCESS_DATA), strict=True):
        if limit is not None and limit < least:
            raise EngineError(
                f"the limit of {what.format(limit >> 20)}, is too low: the engine's program needs"
                f" at least {least >> 20} MB"
            )


def memory_limits() -> str:
    """Return the limits of memory in words; empty if there are none."""
    limits = zip(_memory(), _NAMES, strict=True)
    return ", ".join(what.format(n >> 20) for n, what in limits if n is not None)


_NAMES = (
    "address space, {} MB (ulimit -v, RLIMIT_AS)",
    "memory, {} MB (ulimit -d, RLIMIT_DATA)",
)


def _memory() -> tuple[int | None, int | None]:
    """Return the limits of address space and of memory, where the system enforces them."""
    if sys.platform in {"win32", "darwin"}:
        return None, None
    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    data, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return (
        None if space == resource.RLIM_INFINITY else space,
        None if data == resource.RLIM_INFINITY else data,
    )


def _check_memory(space: int, data: int) -> None:
    limits = _memory()
    if limits == (None, None):
        return
    for limit, what, used, needed in zip(limits, _NAMES, _used(), (space, data), strict=True):
        if limit is not None and limit < used + needed:
            raise EngineError(
                f"the limit of {what.format(limit >> 20)}, is too low: the engine needs"
                f" {needed >> 20} MB more than the {used >> 20} MB that are in use"
            )


def _stack_size() -> int:
    """Return the address space of a thread's stack, which the C library takes from the limit."""
    size, _ = resource.getrlimit(resource.RLIMIT_STACK)
    return _STACK if size == resource.RLIM_INFINITY else size


def cpu_count() -> int:
    """Return how many CPUs this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # missing on macOS and in PyPy
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _thread_count() -> int:
    return _THREADS + min(cpu_count(), _MAX_CPUS)


def _check_threads(count: int, start_threads: Callable[[int], int]) -> None:
    if start_threads(count) < count:
        raise EngineError(
            f"the engine needs {count} threads, and fewer can be started: raise the limit of"
            " processes (ulimit -u, RLIMIT_NPROC, or the container's limit of pids)"
        )


def _start_threads(count: int) -> int:
    """Start up to so many threads at once, let them end, and return how many could be started."""
    gate, all_ended = _thread.allocate_lock(), _thread.allocate_lock()
    running: list[None] = []

    def wait() -> None:
        with gate:
            if running:  # empty if an interrupt came before the thread was counted
                running.pop()
            if not running and all_ended.locked():
                all_ended.release()

    gate.acquire()
    all_ended.acquire()
    started = 0
    try:
        for started in range(count):  # noqa: B007 - used when one cannot be started
            _thread.start_new_thread(wait, ())
            running.append(None)
    except RuntimeError as error:
        # CPython has one exception for a limit and for an isolated sub-interpreter, which starts
        # no threads although Go can; before Python 3.12 only the text tells them apart.
        return count if "start new thread" not in str(error) else started
    finally:
        some = bool(running)
        gate.release()
        if some:
            all_ended.acquire(timeout=_WAIT_SECONDS)  # one without memory ends uncounted
    return count


def _check_descriptors() -> None:
    pipes: list[int] = []
    try:
        for _ in range(_PIPES):
            pipes += os.pipe()
    except OSError as error:
        if error.errno not in {errno.EMFILE, errno.ENFILE}:
            raise
        raise EngineError(
            f"the engine needs {2 * _PIPES} free file descriptors: {error.strerror};"
            " close some, or raise the limit (ulimit -n)"
        ) from error
    finally:
        for descriptor in pipes:
            os.close(descriptor)


def _used() -> tuple[int, int]:
    """Return how much address space and memory is in use, as the limits count it."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = file.read().split()
    except OSError:  # it is not mounted
        return 0, 0
    return int(pages[0]) * resource.getpagesize(), int(pages[5]) * resource.getpagesize()
