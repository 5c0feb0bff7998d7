"""What the library does to the process that it is loaded into."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

posix = pytest.mark.skipif(os.name != "posix", reason="about POSIX processes")


@posix
def test_limits_signals_and_folder_stay(httpd: Path, python: Callable[..., str]) -> None:
    """Limits, the signal mask and handlers, environment and folder are as before a call."""
    program = """
import json, os, resource, signal, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
def state():
    return [resource.getrlimit(resource.RLIMIT_NOFILE), sorted(signal.pthread_sigmask(0, [])),
            [str(signal.getsignal(n)) for n in sorted(signal.valid_signals())],
            os.getcwd(), dict(os.environ)]
before = state()
import checksig
checksig.verify(sys.argv[1], check=False)
print(json.dumps(before == state()))
"""
    assert json.loads(python(program, httpd)) is True


@posix
def test_a_signal_waits_for_sigwait(httpd: Path, python: Callable[..., str]) -> None:
    """A signal that the application blocks and waits for is not taken by a thread of Go's."""
    program = """
import os, signal, sys
import checksig
checksig.verify(sys.argv[1], check=False)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
os.kill(os.getpid(), signal.SIGTERM)
print(signal.sigwait([signal.SIGTERM]).name)
"""
    assert python(program, httpd, timeout=30) == "SIGTERM\n"


@posix
def test_a_forked_child_gets_its_answer(httpd: Path, python: Callable[..., str]) -> None:
    """In the child of a process that used the engine, a call works; see test_fork.py for more."""
    program = """
import os, sys
import checksig
checksig.verify(sys.argv[1], check=False)
child = os.fork()
if child == 0:
    os._exit(checksig.verify(sys.argv[1], check=False).verified)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert python(program, httpd, timeout=30) == "9\n"


@posix
def test_a_child_may_be_the_first_to_call(httpd: Path, python: Callable[..., str]) -> None:
    """An import before a fork does no harm: nothing is loaded until the first call."""
    program = """
import os, sys
import checksig
child = os.fork()
if child == 0:
    os._exit(checksig.verify(sys.argv[1], check=False).verified)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert python(program, httpd, timeout=30) == "9\n"


@posix
def test_calls_leave_nothing_behind(httpd: Path, python: Callable[..., str]) -> None:
    """After thousands of calls, threads, descriptors and memory are where they were."""
    program = """
import os, resource, sys
from checksig import verify
def used():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1024 if sys.platform == "darwin" else 1)
def descriptors():
    return len(os.listdir("/dev/fd"))
manifest = sys.argv[1]
for _ in range(300):
    verify(manifest, check=False)
fds, kb = descriptors(), used()
for _ in range(3000):
    verify(manifest, check=False)
print(descriptors() - fds, (used() - kb) // 1024 < 16)
"""
    assert python(program, httpd, timeout=100) == "0 True\n"
