"""Checks of what the Go runtime needs; where it gets less, it aborts the process."""

from __future__ import annotations

import _thread  # threading waits until each has started, which takes ten times as long
import errno
import os
import sys

from ..errors import EngineError

if sys.platform != "win32":
    import resource  # not during a call: another thread can fork during the import

__all__ = ["check_limits"]

_SPACE = 2 << 30
"""Bytes of address space for the library, whose runtime reserves 1.6 GB."""

_THREADS = 12
"""How many threads the library starts when it is loaded, besides one for each CPU."""

_MAX_CPUS = 32
"""On larger machines the runtime starts fewer threads at first."""

_PIPES = 3
"""Six file descriptors: four for the Go runtime, one for a folder and one for a file."""


def check_limits() -> None:
    """Raise if the limits of this process are too low for the library.

    :raises EngineError: a limit of address space, threads or open files is too low.
    """
    if sys.platform != "win32":  # Windows has no such limits
        _check_space()
        _check_threads()
        _check_descriptors()


def _check_space() -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < _pages() * resource.getpagesize() + _SPACE:
        raise EngineError(
            f"the limit of address space, {limit >> 20} MB (ulimit -v, RLIMIT_AS), is too low: the"
            f" engine needs {_SPACE >> 20} MB more than Python already uses"
        )


def _check_threads() -> None:
    affinity = getattr(os, "sched_getaffinity", None)  # missing on macOS and in PyPy
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    count = _THREADS + min(cpus, _MAX_CPUS)
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
    try:
        for _ in range(count):
            _thread.start_new_thread(wait, ())
            running.append(None)
    except RuntimeError as error:
        # CPython has one exception for a limit and for an isolated sub-interpreter, which starts
        # no threads although Go can; before Python 3.12 only the text tells them apart.
        if "start new thread" not in str(error):
            return
        raise EngineError(
            f"the engine needs {count} threads, and fewer can be started: raise the limit of"
            " processes (ulimit -u, RLIMIT_NPROC, or the container's limit of pids)"
        ) from error
    finally:
        some = bool(running)
        gate.release()
        if some:
            all_ended.acquire()


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


def _pages() -> int:
    """Return the pages of address space in use; 0 without /proc, where no such limit applies."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0])
    except OSError:
        return 0
