"""What the Go runtime needs of its host: where it gets less, it ends the process."""

from __future__ import annotations

import _thread  # threading's wait for the start of each, which takes ten times as long
import errno
import os
import sys

from ..errors import EngineError

if sys.platform != "win32":
    import resource  # not within a call: another thread may fork meanwhile

__all__ = ["check_limits"]

_SPACE = 2 << 30
"""Address space for the library: its runtime reserves 1.6 GB, and aborts where it gets less."""

_THREADS = 6
"""How many threads the runtime starts on its own, and one for each CPU (of a big machine's, few
at first); it aborts where one cannot be started."""

_MOST_CPUS = 32

_PAIRS = 3
"""As pairs: the Go runtime keeps four descriptors; a folder and a file are the least to verify."""


def check_limits() -> None:
    """Make sure that the library can be loaded into this process.

    :raises EngineError: its address space, its threads or its open files are limited too much.
    """
    if sys.platform != "win32":  # which has no such limits
        _check_space()
        _check_threads()
        _check_descriptors()


def _check_space() -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < _pages() * resource.getpagesize() + _SPACE:
        raise EngineError(
            f"the limit of address space, {limit >> 20} MB (ulimit -v, RLIMIT_AS), is too low for"
            f" the engine: it needs {_SPACE >> 20} MB more than Python has already"
        )


def _check_threads() -> None:
    affinity = getattr(os, "sched_getaffinity", None)  # not everywhere, nor in PyPy
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    count = _THREADS + min(cpus, _MOST_CPUS)
    gate, all_ended = _thread.allocate_lock(), _thread.allocate_lock()
    running: list[None] = []

    def wait() -> None:
        with gate:
            if running:  # not if an interrupt came between the start of a thread and its count
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
        if "start new thread" not in str(error):
            return  # an isolated sub-interpreter may start none, but Go may
        raise EngineError(
            f"fewer than the {count} threads that the engine needs can be started: raise the limit"
            " of processes (ulimit -u, RLIMIT_NPROC, or the container's limit of pids)"
        ) from error
    finally:
        some = bool(running)
        gate.release()
        if some:
            all_ended.acquire()


def _check_descriptors() -> None:
    pipes: list[int] = []
    try:
        for _ in range(_PAIRS):
            pipes += os.pipe()
    except OSError as error:
        if error.errno not in {errno.EMFILE, errno.ENFILE}:
            raise
        raise EngineError(
            f"the engine needs {2 * _PAIRS} free file descriptors to start: {error.strerror};"
            " close some, or raise the limit (ulimit -n)"
        ) from error
    finally:
        for descriptor in pipes:
            os.close(descriptor)


def _pages() -> int:
    """Count the pages of address space in use; 0 where there is no /proc, nor such a limit."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0])
    except OSError:
        return 0
