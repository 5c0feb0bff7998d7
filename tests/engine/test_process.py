"""The engine as a separate process: the same results, and no process left over."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import checksig
from checksig import EngineError, verify
from checksig._engine.process import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

posix = pytest.mark.skipif(os.name != "posix", reason="about POSIX processes")

# Keeps the started processes, for inspection.
KEPT = """
import os, signal, subprocess, sys, time
started = []
class Kept(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        started.append(self)
subprocess.Popen = Kept
import checksig
from checksig import verify
def say(*words):
    print(*words, flush=True)
"""


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Select the process, here and in programs started from here."""
    monkeypatch.setenv("CHECKSIG_ENGINE", "process")


@pytest.fixture
def scripted(tmp_path: Path) -> Callable[[str], Process]:
    """Make a Process that runs a shell script instead of the engine."""

    def make(script: str) -> Process:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return Process(path)

    return make


def _is_running(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    done = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)] if sys.platform == "darwin" else ["true"],
        capture_output=True,
        text=True,
        check=False,
    )
    if sys.platform == "darwin":
        return done.stdout.strip()[:1] not in {"", "Z"}
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


def _ends(pid: int, seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while _is_running(pid):
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            return False
        time.sleep(0.05)
    return True


@pytest.mark.library
def test_the_answers_are_the_same(httpd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process returns the same report as the library."""
    reports: list[checksig.Report] = []
    for engine in ("library", "process"):
        monkeypatch.setenv("CHECKSIG_ENGINE", engine)
        reports.append(verify(httpd, check=False))
    assert reports[0].results == reports[1].results
    assert reports[0].manifests == reports[1].manifests
    assert (reports[1].verified, reports[1].mismatched) == (9, 1)


@pytest.mark.library
def test_the_variable_is_read_at_each_call(httpd: Path, python: Callable[..., str]) -> None:
    """CHECKSIG_ENGINE takes effect at once; the process loads no library."""
    program = f"""{KEPT}
import threading
def run(engine):
    os.environ["CHECKSIG_ENGINE"] = engine
    try:
        return verify(sys.argv[1], check=False).verified
    except checksig.EngineError as error:
        return error
say(run("process"), len(started), threading.active_count(), sys.modules.get("checksig._ffi"))
say(run("library"), run(""), len(started))
say(run("thread"))
"""
    assert python(program, httpd).splitlines() == [
        "9 1 1 None",
        "9 9 1",
        "CHECKSIG_ENGINE must be 'library' or 'process', not 'thread'",
    ]


@posix
def test_environment_folder_and_signals_are_the_callers(
    scripted: Callable[[str], Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program gets the caller's folder and environment; the signal mask stays."""
    monkeypatch.setenv("SOMETHING", "of the caller")
    monkeypatch.chdir(tmp_path)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    process = scripted('echo "$SOMETHING" "$(pwd -P)" >&2; exit 3')
    with pytest.raises(EngineError, match=r"\(exit code 3\): of the caller ") as caught:
        list(process.batches(b"path=x"))
    assert str(caught.value).endswith(str(tmp_path.resolve()))
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_a_missing_program(tmp_path: Path) -> None:
    """The error names the missing program."""
    with pytest.raises(EngineError, match=r"none cannot be started: "):
        list(Process(tmp_path / "none").batches(b"path=x"))


@posix
def test_a_program_without_execute_permission(tmp_path: Path) -> None:
    """The error names the program, whose mode some archive tools lose."""
    path = tmp_path / "program"
    path.write_bytes(b"")
    with pytest.raises(EngineError, match=r"program cannot be started: .*Permission denied"):
        list(Process(path).batches(b"path=x"))


@posix
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 0", r"\(exit code 0\)$"),
        ("printf 12", r"\(exit code 0\)$"),
        ("printf '\\377\\0\\0\\0short'; echo sorry >&2; exit 5", r"\(exit code 5\): sorry$"),
        ("kill -KILL $$", r"\(SIGKILL\)$"),
        ("sleep 10 & kill -KILL $$", r"\(SIGKILL\)$"),  # the pipe stays open
        ("yes 'a long story' | head -c 300000 >&2; exit 2", r"\(exit code 2\): a long story\n"),
    ],
)
def test_a_program_that_breaks_off(
    scripted: Callable[[str], Process], script: str, message: str
) -> None:
    """If the results end early, the exception says how the program ended."""
    with pytest.raises(EngineError, match=message):
        list(scripted(script).batches(b"path=x" * 100_000))


@posix
def test_a_program_that_does_not_end(scripted: Callable[[str], Process]) -> None:
    """A program that closes its output and keeps running is not waited for."""
    start = time.monotonic()
    with pytest.raises(EngineError, match=r"sends nothing more, and does not end$"):
        list(scripted("exec sleep 60 >&-").batches(b"path=x"))
    assert time.monotonic() - start < 30


@pytest.mark.usefixtures("process")
def test_a_request_that_is_too_long() -> None:
    """The program refuses requests longer than any manifest in one may be."""
    with pytest.raises(
        EngineError, match=r"the request is too long: .* bytes, at most 90527060 are allowed"
    ):
        verify("x" * 91_000_000)


@posix
@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT"])
@pytest.mark.usefixtures("process")
def test_a_process_that_is_killed(
    huge: Path, httpd: Path, python: Callable[..., str], name: str
) -> None:
    """EngineError holds what Go printed; the next call works."""
    program = f"""{KEPT}
def kill(progress):
    if progress.bytes_read:
        os.kill(started[-1].pid, signal.{name})
try:
    verify(sys.argv[1], progress=kill)
except checksig.EngineError as error:
    print("{name}" in str(error), "goroutine" in str(error))
print(verify(sys.argv[2], check=False).verified)
"""
    assert python(program, huge, httpd) == f"True {name != 'SIGKILL'}\n9\n"


@posix
@pytest.mark.usefixtures("process")
def test_ctrl_c_at_a_terminal(huge: Path, tmp_path: Path) -> None:
    """SIGINT to the whole group interrupts the caller; the process is gone by then."""
    program = f"""{KEPT}
def started_(progress):
    if progress.bytes_read:
        say(started[0].pid)
try:
    verify(sys.argv[1], progress=started_)
except KeyboardInterrupt:
    # It ends by end of input or SIGKILL, whichever comes first, but not by SIGINT. On a busy
    # machine it may take longer than the second that is waited.
    say("interrupted", started[0].returncode in {{1, -signal.SIGKILL, None}})
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(huge)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        start_new_session=True,
    ) as child:
        assert child.stdout is not None
        try:
            pid = int(child.stdout.readline())
            os.killpg(child.pid, signal.SIGINT)
            out, _ = child.communicate(timeout=30)
        finally:
            child.kill()
    assert out.splitlines()[-1] == "interrupted True"
    assert _ends(pid)


@posix
@pytest.mark.usefixtures("process")
def test_a_process_that_is_stopped(huge: Path, python: Callable[..., str]) -> None:
    """A process stopped by SIGSTOP does not block the caller from leaving."""
    program = f"""{KEPT}
token = checksig.CancelToken()
turns = 0
def progress(_):
    global turns
    os.kill(started[-1].pid, signal.SIGSTOP)
    turns += 1
    if turns == 10:
        token.cancel()
try:
    verify(sys.argv[1], progress=progress, cancel=token)
except checksig.CancelledError:
    say(turns, started[-1].returncode == -signal.SIGKILL)
"""
    assert python(program, huge) == "10 True\n"


@posix
@pytest.mark.parametrize("sibling", [False, True])
@pytest.mark.usefixtures("process")
def test_a_process_whose_parent_is_killed(huge: Path, tmp_path: Path, sibling: bool) -> None:
    """The process ends by itself, even if a sibling holds its pipe open."""
    program = f"""{KEPT}
def progress(progress):
    if progress.bytes_read:
        child = os.fork() if sys.argv[2] == "True" else 0
        if child == 0 and sys.argv[2] == "True":
            time.sleep(100)
            os._exit(0)
        say(started[0].pid, child)
        time.sleep(100)
verify(sys.argv[1], progress=progress)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(huge), str(sibling)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as parent:
        assert parent.stdout is not None
        pid, other = map(int, parent.stdout.readline().split())
        parent.kill()
    try:
        assert _ends(pid)
        assert other == 0 or _is_running(other)
    finally:
        if other:
            os.kill(other, signal.SIGKILL)


@posix
@pytest.mark.parametrize("reaping", ["SIG_DFL", pytest.param("SIG_IGN", marks=pytest.mark.slow)])
@pytest.mark.parametrize("patience", [1.0, pytest.param(0.0, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("process")
def test_jobs_leave_nothing_open(
    httpd: Path, python: Callable[..., str], reaping: str, patience: float
) -> None:
    """After 200 jobs, finished or abandoned, no child and no descriptor is left."""
    program = f"""{KEPT}
import gc, warnings
warnings.simplefilter("error")
complaints = []
sys.unraisablehook = complaints.append
signal.signal(signal.SIGCHLD, signal.{reaping})
def descriptors():
    return len(os.listdir("/dev/fd"))
def leave(_):
    raise LookupError
verify(sys.argv[1], check=False)
import checksig._engine.process
checksig._engine.process._STOP_SECONDS = {patience}
before = descriptors()
for i in range(200):
    match i % 4:
        case 0:
            try:
                verify(sys.argv[1], progress=leave)
            except LookupError:
                pass
        case 1:
            next(checksig.iter_verify(sys.argv[1]))
        case _:
            assert verify(sys.argv[1], check=False).verified == 9
gc.collect()
end = time.monotonic() + 30
while checksig._engine.process._unreaped and time.monotonic() < end:  # as the next call does
    time.sleep(0.01)
    checksig._engine.process._reap()
try:
    os.waitpid(-1, os.WNOHANG)
    print("a child is left")
except ChildProcessError:
    print(len(started), descriptors() - before, complaints)
"""
    assert python(program, httpd) == "201 0 []\n"


LITTLE_MEMORY = """
import os, resource, sys
import checksig, checksig._verify, checksig._engine.library
name, megabytes, when = sys.argv[2], int(sys.argv[3]), sys.argv[4]
def attempt():
    try:
        return str(checksig.verify(sys.argv[1], check=False).verified)
    except checksig.EngineError as error:
        return str(error)
if when == "later":
    print(attempt())
with open("/proc/self/statm") as file:
    pages = file.read().split()[0 if name == "RLIMIT_AS" else 5]
size = int(pages) * os.sysconf("SC_PAGE_SIZE")
resource.setrlimit(getattr(resource, name), (size + (megabytes << 20),) * 2)
print(attempt())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="these limits are kept by Linux")
@pytest.mark.parametrize("choice", ["", "library", "process"])
@pytest.mark.parametrize(
    ("name", "megabytes"),
    [
        *(("RLIMIT_AS", n) for n in (0, 50, 800, 1200, 1500)),
        *(("RLIMIT_DATA", n) for n in (0, 8, 32, 64, 100, 150)),
    ],
)
def test_little_memory(  # noqa: PLR0917
    httpd: Path,
    python: Callable[..., str],
    choice: str,
    name: str,
    megabytes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where Go's runtime would abort, there is a result, or an error that names the limit."""
    monkeypatch.setenv("CHECKSIG_ENGINE", choice)
    out = python(LITTLE_MEMORY, httpd, name, megabytes, "first")
    assert out == "9\n" or f", {name})" in out
    if choice == "library" or megabytes < 10:
        assert f", {name}), is too low" in out


@pytest.mark.library
@pytest.mark.skipif(sys.platform != "linux", reason="these limits are kept by Linux")
@pytest.mark.parametrize("choice", ["", "library"])
@pytest.mark.parametrize("name", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_little_memory_for_a_later_job(
    httpd: Path, python: Callable[..., str], choice: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit that is set while the library is loaded is noticed before the next job."""
    monkeypatch.setenv("CHECKSIG_ENGINE", choice)
    first, later = python(LITTLE_MEMORY, httpd, name, 4, "later").splitlines()
    assert first == "9"
    # The program has limits of its own, and so may work.
    assert f", {name}), is too low" in later or (choice, later) == ("", "9")


@posix
@pytest.mark.parametrize(
    "frame",
    [
        "\\0\\0\\0\\0",  # an empty batch would never end
        "\\5\\0\\0\\0hello",
        "\\377\\377\\377\\377",  # 4 GB would be collected
        "\\41\\0\\0\\0" + "\\7" * 33,
        "\\46\\0\\0\\0\\1" + "\\0" * 32 + "E\\1\\0\\0\\0",
    ],
)
def test_a_program_that_sends_nonsense(
    tmp_path: Path, httpd: Path, monkeypatch: pytest.MonkeyPatch, frame: str
) -> None:
    """Whatever it sends, the caller gets an EngineError at once."""
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\nprintf '{frame}'\nexec sleep 100\n")
    path.chmod(0o755)
    monkeypatch.setenv("CHECKSIG_ENGINE", "process")
    monkeypatch.setattr("checksig._engine.process.Process", lambda: Process(path))
    with pytest.raises(EngineError):
        verify(httpd)


@pytest.mark.usefixtures("process")
def test_damaged_answers(tree: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer with any byte changed gives a report or a documented exception."""
    folder = tree({"a": b"a", "b": b"b"})
    (folder / "b").unlink()
    (folder / "c").touch()
    with (folder / "SHA256SUMS").open("a") as manifest:
        manifest.write("nonsense\n")
    sent: list[bytes] = []
    batches = Process.batches

    def keep(self: Process, request: bytes, remote: None) -> Generator[bytes]:
        for batch in batches(self, request, remote):
            sent.append(batch)
            yield batch

    monkeypatch.setattr(Process, "batches", keep)
    verify(folder, check=False, extra="report")
    whole = sent.copy()
    answer: list[bytes] = []

    def replay(_: Process, _request: bytes, _remote: None) -> Generator[bytes]:
        yield from answer

    monkeypatch.setattr(Process, "batches", replay)
    outcomes: set[bool] = set()
    for i, batch in enumerate(whole):
        for at in range(len(batch)):
            for value in (0, 0xFF, batch[at] ^ 1, batch[at] ^ 0x40):
                damaged = batch[:at] + bytes([value]) + batch[at + 1 :]
                answer[:] = [*whole[:i], damaged, *whole[i + 1 :]]
                try:
                    report = verify(folder, check=False, extra="report")
                    outcomes.add(bool(report.results and str(report) and report.to_json()))
                except EngineError:
                    outcomes.add(False)
    assert outcomes == {False, True}


ALARMS = f"""{KEPT}
import gc, random
class Alarm(BaseException):
    pass
def ring(*_):
    raise Alarm
signal.signal(signal.SIGALRM, ring)
sys.unraisablehook = lambda _: None  # an alarm in a finalizer
def descriptors():
    return len(os.listdir("/dev/fd"))
verify(sys.argv[1], check=False)
before = descriptors()
random.seed(int(sys.argv[2]))
rung = 0
for _ in range(int(sys.argv[3])):
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 0.012), random.choice([0, 3e-4]))
        verify(sys.argv[1], check=False)
    except Alarm:
        rung += 1
    while True:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            break
        except Alarm:
            pass
assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
gc.collect()
end = time.monotonic() + 30
while time.monotonic() < end:
    verify(sys.argv[1], check=False)  # which collects what an unlucky alarm has left
    if not checksig._engine.process._unreaped:
        break
try:
    os.waitpid(-1, os.WNOHANG)
    say("a child is left")
except ChildProcessError:
    say("none", descriptors() - before, rung > 10, checksig._engine.process._started)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no alarms")
@pytest.mark.parametrize(
    ("seed", "count"), [(1, 150), pytest.param(2, 3000, marks=pytest.mark.slow)]
)
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("process")
def test_alarms_that_raise(httpd: Path, python: Callable[..., str], seed: int, count: int) -> None:
    """A handler that raises at any instruction leaves no process, descriptor or blocked signal."""
    assert python(ALARMS, httpd, seed, count, timeout=500) == "none 0 True []\n"


@pytest.mark.library
@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="takes a user without other processes"
)
@pytest.mark.parametrize("choice", ["", "library"])
def test_few_threads(
    httpd: Path, python: Callable[..., str], choice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Go's runtime would abort, there is a result or a clear error."""
    monkeypatch.setenv("CHECKSIG_ENGINE", choice)
    program = f"""{KEPT}
import resource, threading
import checksig._engine.library, checksig._ffi  # while they can be read
sample = sys.argv[1]
os.setgroups([])
user = 100000 + os.getpid()  # whose processes are counted
os.setresgid(user, user, user)
os.setresuid(user, user, user)
if not os.access(sample, os.R_OK) or not os.access(checksig.__file__, os.R_OK):
    say("unreadable")
    sys.exit()
for limit in range(1, 25):
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_NPROC, (limit + 1, limit + 1))  # the parent is one
        code = 3
        try:
            code = 0 if verify(sample, check=False).verified == 9 else 1
        except checksig.EngineError as error:
            code = 2 if "(ulimit -u, RLIMIT_NPROC, " in str(error) else 4
        except BaseException as error:
            say(repr(error))
        finally:
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), end=" ", flush=True)
"""
    out = python(program, httpd, timeout=100)
    if out == "unreadable\n":
        pytest.skip("the test's files cannot be read by another user")
    assert set(out.split()) == {"0", "2"}
    codes = [int(code) for code in out.split()]
    assert (codes[0], codes[-1]) == (2, 0)


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="takes a user without other processes"
)
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("workers", [1, 16])
def test_few_threads_for_many_jobs(
    tree: Callable[..., Path], open_folder: Path, python: Callable[..., str], workers: int
) -> None:
    """Jobs in several threads share few threads: results or clear errors, and never an abort."""
    files = {f"{n}": b"%d" % n * 1000 for n in range(200)}
    shutil.copytree(tree(files), open_folder / "files")
    program = f"""{KEPT}
import resource, threading
import checksig._engine.library, checksig._ffi  # while they can be read
sample, workers = sys.argv[1], int(sys.argv[2])
os.setgroups([])
user = 100000 + os.getpid()  # whose processes are counted
os.setresgid(user, user, user)
os.setresuid(user, user, user)
if not os.access(checksig.__file__, os.R_OK):
    say("unreadable")
    sys.exit()
hints = "ulimit -u", "cannot be started", "newosproc", "pthread_create failed"
def work(barrier, found):
    barrier.wait()
    for _ in range(3):
        try:
            found.append(verify(sample, check=False, workers=workers).verified == 200)
        except checksig.EngineError as error:
            text = str(error)
            clear = any(hint in text for hint in hints)
            found.append(clear or text)
for limit in range(8, 41, 2):
    child = os.fork()
    if child == 0:
        found = []
        barrier = threading.Barrier(5)
        threads = [threading.Thread(target=work, args=(barrier, found)) for _ in range(4)]
        for thread in threads:
            thread.start()
        resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
        barrier.wait()
        for thread in threads:
            thread.join()
        if found != [True] * 12:
            say(limit, found)
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 0:
        say(limit, status)
"""
    out = python(program, open_folder / "files", workers, timeout=100)
    if out == "unreadable\n":
        pytest.skip("the test's files cannot be read by another user")
    assert out == ""


@pytest.mark.usefixtures("process")
def test_many_jobs_at_once(httpd: Path, python: Callable[..., str]) -> None:
    """Threads with a process each do not mix up their pipes."""
    program = f"""{KEPT}
import threading
wrong = []
def work():
    for _ in range(10):
        report = verify(sys.argv[1], check=False)
        if (report.verified, report.mismatched) != (9, 1):
            wrong.append(report)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(started), wrong)
"""
    assert python(program, httpd) == "80 []\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the library has another name")
def test_a_wheel_without_the_library(
    httpd: Path, python: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program is used where there is no library; asking for the library is an error."""
    monkeypatch.delenv("CHECKSIG_ENGINE", raising=False)
    program = f"""{KEPT}
import checksig._engine.library
def tried():
    try:
        return verify(sys.argv[1], check=False).verified
    except checksig.EngineError as error:
        return f"{{type(error).__name__}}: {{error}}"
checksig._engine.library.__file__ = "/nowhere/_engine/library.py"
say(tried(), len(started))
os.environ["CHECKSIG_ENGINE"] = "library"
say(tried())
del os.environ["CHECKSIG_ENGINE"]
checksig._engine.process.__file__ = "/nowhere/_engine/process.py"
say(tried())
"""
    used, insisted, bare = python(program, httpd).splitlines()
    assert used == "9 1"
    assert insisted == (
        "EngineError: the engine is not installed: there is no /nowhere/libchecksig.so"
        " (a wheel for musl has none: musl cannot load Go libraries, golang/go#54805)"
    )
    assert bare.startswith("EngineError: /nowhere/checksig-engine cannot be started: ")
