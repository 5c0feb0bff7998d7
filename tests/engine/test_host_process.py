"""What the library does to the process that loads it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

posix = pytest.mark.skipif(os.name != "posix", reason="about POSIX processes")
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs" / "reference" / "promises-host-process.md"


@posix
def test_limits_signals_and_folder_stay(httpd: Path, python: Callable[..., str]) -> None:
    """Limits, signals, environment and folder are unchanged after a call."""
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
    """No Go thread takes a signal that the application blocks and waits for."""
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
    """After a fork a call works in the child; test_fork.py has more."""
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
    """An import before a fork is harmless: the first call loads the engine."""
    program = """
import os, sys
import checksig
child = os.fork()
if child == 0:
    os._exit(checksig.verify(sys.argv[1], check=False).verified)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert python(program, httpd, timeout=30) == "9\n"


def documented(words: str) -> set[str]:
    """Return the signals that the documentation lists after these words."""
    listed = re.search(re.escape(words) + r":(.*?)\.", DOCS.read_text(), re.DOTALL)
    assert listed is not None
    return set(re.findall(r"SIG[A-Z]+", listed[1]))


def named(numbers: str) -> set[str]:
    """Return the names of signals; Python 3.10 has no name for one of them."""
    found = map(int, numbers.split())
    return {"SIGSTKFLT" if n == 16 else signal.Signals(n).name for n in found}


@pytest.mark.library
@linux
def test_the_signal_handlers_that_go_replaces(httpd: Path, python: Callable[..., str]) -> None:
    """Go replaces exactly the signal handlers that the documentation lists."""
    program = """
import ctypes, os, signal, sys
class Action(ctypes.Structure):  # as glibc has it
    _fields_ = [("handler", ctypes.c_void_p), ("mask", ctypes.c_ubyte * 128),
                ("flags", ctypes.c_int), ("restorer", ctypes.c_void_p)]
libc = ctypes.CDLL(None)
def actions():
    found = {}
    for number in signal.valid_signals():
        action = Action()
        assert libc.sigaction(int(number), None, ctypes.byref(action)) == 0
        # Go adds SA_ONSTACK to every handler, which is ignored here.
        found[int(number)] = (action.handler, action.flags & 0xF7FFFFFF)
    return found
before = actions()
import checksig
checksig.verify(sys.argv[1], check=False)
after = actions()
print(*(number for number in before if before[number] != after[number]))
"""
    assert named(python(program, httpd)) == documented("become Go's")


@pytest.mark.library
@linux
def test_the_signals_that_go_threads_accept(httpd: Path, python: Callable[..., str]) -> None:
    """Go threads block every signal except those the documentation lists."""
    program = """
import os, signal, sys, time
import checksig
for workers in (None, 1, 64):
    checksig.verify(sys.argv[1], check=False, workers=workers)

def unblocked():
    for thread in set(os.listdir("/proc/self/task")) - {str(os.getpid())}:
        try:
            status = open(f"/proc/self/task/{thread}/status").read()
        except OSError:
            continue  # it has ended
        mask = int(status.split("SigBlk:")[1].split()[0], 16)
        yield " ".join(str(n) for n in range(1, 32) if not mask >> (n - 1) & 1)

for _ in range(100):
    found = set(unblocked())
    if len(found) == 1:
        break
    time.sleep(0.05)  # a new thread blocks all signals first
print(*found, sep="\\n")
"""
    threads = python(program, httpd).splitlines()
    assert [named(unblocked) for unblocked in threads] == [documented("do not block")]


@linux
def test_threads_and_descriptors_that_stay(httpd: Path, python: Callable[..., str]) -> None:
    """The engine keeps a few threads and descriptors; children inherit none.

    Go keeps every thread that it needed at the same time, which depends on how busy the machine
    is; a leak would leave one for each of the 300 calls.
    """
    program = """
import os, sys
def descriptors():
    return {int(n) for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")}
before = descriptors()
import checksig
for _ in range(300):
    checksig.verify(sys.argv[1], check=False)
new = descriptors() - before
print(len(new), any(map(os.get_inheritable, new)), len(os.listdir("/proc/self/task")) - 1)
links = [os.readlink(f"/proc/self/fd/{n}") for n in new]
# Go's runtime keeps its cgroup's limits and its poller open.
known = ("/cpu.max", "/cpu.cfs_quota_us", "/cpu.cfs_period_us", "[eventpoll]", "[eventfd]")
print([link for link in links if not link.endswith(known)])
"""
    counts, unknown = python(program, httpd).splitlines()
    count, inherited, threads = counts.split()
    assert int(count) <= 4
    assert (inherited, unknown) == ("False", "[]")
    assert int(threads) < 150


@pytest.mark.library
@linux
def test_children_inherit_the_same(httpd: Path, python: Callable[..., str]) -> None:
    """Children see the same environment, folder, limits and signals as before a call.

    One exception: without ``restore_signals``, SIGPIPE is no longer ignored.
    """
    program = """
import signal, subprocess, sys
import checksig
show = ("env; pwd; ulimit -aS; ulimit -aH; ls /proc/self/fd;"
        "grep -E 'Sig(Ign|Blk)' /proc/self/status")
def child(**options):
    out = subprocess.run(["sh", "-c", show], stdout=subprocess.PIPE, text=True, **options).stdout
    return out.splitlines()
before, raw = child(), child(restore_signals=False)
checksig.verify(sys.argv[1], check=False)
print(child() == before)
def ignored(lines):
    return int(next(line for line in lines if line.startswith("SigIgn")).split()[1], 16)
now = child(restore_signals=False)
print(ignored(raw) ^ ignored(now) == 1 << (signal.SIGPIPE - 1),
      [n for n in now if "SigIgn" not in n] == [n for n in raw if "SigIgn" not in n])
"""
    assert python(program, httpd) == "True\nTrue True\n"


@posix
def test_a_closed_pipe_is_an_error(httpd: Path, python: Callable[..., str]) -> None:
    """After a call, SIGPIPE still ends nothing: the write fails, in every thread."""
    program = """
import os, sys, threading
import checksig
checksig.verify(sys.argv[1], check=False)
read, write = os.pipe()
os.close(read)
def attempt():
    try:
        os.write(write, b"x")
    except BrokenPipeError:
        print("broken")
attempt()
thread = threading.Thread(target=attempt)
thread.start()
thread.join()
"""
    assert python(program, httpd) == "broken\nbroken\n"


@posix
def test_handlers_run_during_and_after_a_call(huge: Path, python: Callable[..., str]) -> None:
    """Python's signal handlers run during a verification and after it."""
    program = """
import os, signal, subprocess, sys, time
from checksig import CancelledError, CancelToken, verify
numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH]
seen = []
for number in [*numbers, signal.SIGCHLD, signal.SIGALRM]:
    signal.signal(number, lambda number, frame: seen.append(number))
token, sent = CancelToken(), []
def progress(p):
    if not sent and p.bytes_read:
        for number in numbers:
            os.kill(os.getpid(), number)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        sent.append(subprocess.Popen([sys.executable, "-c", ""]))
    if {*numbers, signal.SIGCHLD, signal.SIGALRM} <= set(seen):
        token.cancel()
try:
    verify(sys.argv[1], progress=progress, cancel=token)
except CancelledError:
    print("all ran")
print(sent[0].wait())
seen.clear()
for number in numbers:
    os.kill(os.getpid(), number)
subprocess.run([sys.executable, "-c", ""])
deadline = time.monotonic() + 30
while not {*numbers, signal.SIGCHLD} <= set(seen) and time.monotonic() < deadline:
    time.sleep(0.01)
print({*numbers, signal.SIGCHLD} <= set(seen))
"""
    assert python(program, huge) == "all ran\n0\nTrue\n"


def ended(program: str, *arguments: object, send: int | None = None) -> tuple[int, str, str]:
    """Run a program that prints "ready", send it a signal, and return how it ended."""
    with subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program, *map(str, arguments)],
        bufsize=0,  # what follows the line must not be read with it
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline().strip() == b"ready"
            if send is not None:
                child.send_signal(send)
            out, err = child.communicate(timeout=30)
        finally:
            child.kill()
    return child.returncode, out.decode().replace("\r\n", "\n"), err.decode()


BUSY = """
import sys, threading
from checksig import verify
def work(path, **options):
    started = threading.Event()
    def progress(p):
        if p.bytes_read:
            started.set()
    thread = threading.Thread(
        target=verify, args=(path,), kwargs={"progress": progress, **options}, daemon=True)
    thread.start()
    started.wait(30)
    return thread
"""


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGABRT", "SIGUSR1", "SIGKILL"])
def test_a_signal_ends_the_process(huge: Path, name: str) -> None:
    """A signal without a handler ends the process; nothing is printed."""
    program = f"""
{BUSY}
import faulthandler, signal
faulthandler.disable()  # -X dev enabled it
if {name!r} != "SIGKILL":
    signal.signal(signal.{name}, signal.SIG_DFL)  # nohup, for example, ignores it
thread = work(sys.argv[1])
print("ready", flush=True)
thread.join()
"""
    number = signal.Signals[name]
    assert ended(program, huge, send=number) == (-number, "", "")


@posix
@pytest.mark.parametrize("when", ["before", "after", "never"])
def test_a_segfault_ends_the_process(httpd: Path, when: str) -> None:
    """A crash of other code ends the process with faulthandler's traceback."""
    program = f"""
import ctypes, faulthandler, sys
import checksig
faulthandler.disable()
if {when!r} == "before":
    faulthandler.enable()
checksig.verify(sys.argv[1], check=False)
if {when!r} == "after":
    faulthandler.enable()
print("ready", flush=True)
ctypes.string_at(8)
"""
    code, _, err = ended(program, httpd)
    assert code in {-signal.SIGSEGV, -signal.SIGBUS}
    dumped = "Fatal Python error: Segmentation fault" in err and "in string_at" in err
    assert dumped == (when != "never")
    assert "goroutine" not in err


def test_development_mode_prints_nothing(
    httpd: Path, tree: Callable[..., Path], tmp_path: Path
) -> None:
    """With -X dev and warnings as errors, an import and each call run clean."""
    program = """
import asyncio, sys
import checksig
wrong, right = sys.argv[1:]
report = checksig.verify(wrong, check=False, progress=lambda p: None)
print(report.verified, len(list(checksig.iter_verify(wrong))))
async def patient():
    asyncio.get_running_loop().slow_callback_duration = 60  # for slow machines
    return await checksig.averify(right)
print(asyncio.run(patient()).ok, checksig.check_signatures(right))
generator = checksig.iter_verify(wrong)
next(generator)  # and left open to the end
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program, httpd, tree({"a": b"a"})],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "9 10\nTrue None\n", "")


def test_the_interpreter_may_end_during_a_call(huge: Path) -> None:
    """A verification in a daemon thread delays neither the exit nor atexit."""
    program = f"""
{BUSY}
import atexit
work(sys.argv[1])
atexit.register(print, "bye")
print("ready", flush=True)
"""
    for _ in range(5):
        assert ended(program, huge) == (0, "bye\n", "")


def test_atexit_may_verify(httpd: Path, python: Callable[..., str]) -> None:
    """A call works while the interpreter ends, even as the first one."""
    program = """
import atexit, sys
import checksig
atexit.register(lambda: print(checksig.verify(sys.argv[1], check=False).verified))
"""
    assert python(program, httpd) == "9\n"
    assert python(program + "checksig.verify(sys.argv[1], check=False)", httpd) == "9\n"


@linux
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.xdist_group("go")
def test_go_reads_the_initial_environment(httpd: Path, tagged: Path, tmp_path: Path) -> None:
    """GOMAXPROCS counts if set before Python starts; later changes do not."""
    program = """
import ctypes, os, sys
import checksig
from checksig._engine import library as engine_library
engine_library._library_path = lambda: sys.argv[2]
if len(sys.argv) > 3:
    os.environ["GOMAXPROCS"] = sys.argv[3]
checksig.verify(sys.argv[1], check=False)
print(ctypes.CDLL(sys.argv[2]).checksig_processors())
"""

    def processors(*arguments: str, **environment: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", program, httpd, tagged, *arguments],
            cwd=tmp_path,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            timeout=60,
            check=True,
        )
        return int(done.stdout)

    default = processors()
    assert processors(GOMAXPROCS=str(default + 1)) == default + 1
    assert processors(str(default + 1)) == default
