"""Children of a fork get right answers, whatever the parent did before; none hangs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="about forks")


@pytest.fixture(params=["", "process"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test twice: with the default engine, and with a process for each job."""
    monkeypatch.setenv("CHECKSIG_ENGINE", request.param)


# Python warns about forks while threads run, which these tests do on purpose.
FORKS = """
import os, signal, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
import checksig
from checksig import verify
sample = sys.argv[1]

def right():
    report = verify(sample, check=False)
    return (report.verified, report.mismatched) == (9, 1)

def ended(child, seconds=60):
    end = time.monotonic() + seconds * float(os.environ.get("CHECKSIG_TEST_PATIENCE", "1"))
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hangs"

def forked(work, fork=os.fork):
    # The exit code: 0 if the work gives something true, 1 if not, 2 if it raises.
    child = fork()
    if child:
        return child
    code = 2
    try:
        code = 0 if work() else 1
    finally:
        os._exit(code)

def show(codes):
    print({code: codes.count(code) for code in codes})
"""


def test_children_of_a_fork(httpd: Path, python: Callable[..., str]) -> None:
    """After a call in the parent, each child gets two right answers."""
    program = f"""{FORKS}
assert right()
show([ended(forked(lambda: right() and right())) for _ in range(100)])
assert right()
"""
    assert python(program, httpd, timeout=100) == "{0: 100}\n"


def test_many_children_at_once(httpd: Path, python: Callable[..., str]) -> None:
    """Concurrent children, and their own children, get right answers."""
    program = f"""{FORKS}
assert right()
def family():
    return right() and ended(forked(right)) == 0
for _ in range(5):
    children = [forked(family) for _ in range(10)]
    show([ended(child) for child in children])
"""
    assert python(program, httpd, timeout=100) == "{0: 10}\n" * 5


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="calls fork without Python")
def test_a_fork_by_c_code(httpd: Path, python: Callable[..., str]) -> None:
    """A fork that bypasses Python's os.fork is detected too."""
    program = f"""{FORKS}
import ctypes
fork = ctypes.PyDLL(None).fork
assert right()
show([ended(forked(right, fork)) for _ in range(100)])
"""
    assert python(program, httpd, timeout=100) == "{0: 100}\n"


@pytest.mark.parametrize("engine", ["library", "process"])
def test_forks_while_threads_verify(
    httpd: Path, python: Callable[..., str], engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While threads of the parent verify, each child gets its answer."""
    monkeypatch.setenv("PARENT", engine)
    program = f"""{FORKS}
stop = threading.Event()
wrong = []
def busy():
    while not stop.is_set():
        if not right():
            wrong.append(1)
os.environ["CHECKSIG_ENGINE"] = os.environ["PARENT"]
threads = [threading.Thread(target=busy) for _ in range(3)]
for thread in threads:
    thread.start()
time.sleep(0.1)
def child():
    del os.environ["CHECKSIG_ENGINE"]
    return right()
show([ended(forked(child)) for _ in range(100)])
stop.set()
for thread in threads:
    thread.join()
print(wrong)
"""
    assert python(program, httpd, timeout=100) == "{0: 100}\n[]\n"


# In a child that has not called yet: forks while a thread makes the first call.
FIRST = """
def first(pause):
    thread = threading.Thread(target=right)
    thread.start()
    children = []
    for _ in range(5):
        children.append(forked(right))
        time.sleep(pause)
    thread.join()
    return [ended(child) for child in children] == [0] * 5 and right()
"""


@pytest.mark.usefixtures("either")
def test_forks_while_the_engine_is_loaded(httpd: Path, python: Callable[..., str]) -> None:
    """A child forked during another thread's first call gets its answer."""
    program = f"""{FORKS}{FIRST}
show([ended(forked(lambda: first(0.0005))) for _ in range(20)])
"""
    assert python(program, httpd, timeout=100) == "{0: 20}\n"


@pytest.mark.usefixtures("either")
def test_forks_while_names_are_imported(httpd: Path, python: Callable[..., str]) -> None:
    """A child forked during another thread's first import gets its answer."""
    program = FORKS.replace("from checksig import verify\n", "")
    program = f"""{program.replace("verify(sample", "checksig.verify(sample")}{FIRST}
show([ended(forked(lambda: first(0.002))) for _ in range(8)])
"""
    assert python(program, httpd, timeout=100) == "{0: 8}\n"


@pytest.mark.usefixtures("either")
def test_forks_from_the_first_call_on(httpd: Path, python: Callable[..., str]) -> None:
    """Threads verify from their first call on; children get their answers."""
    program = f"""{FORKS}
going = True
def go():
    while going:
        assert right()
threads = [threading.Thread(target=go) for _ in range(3)]
for thread in threads:
    thread.start()
show([ended(forked(right)) for _ in range(100)])
going = False
for thread in threads:
    thread.join()
"""
    assert python(program, httpd, timeout=100) == "{0: 100}\n"


def test_a_pool_of_forked_processes(httpd: Path, python: Callable[..., str]) -> None:
    """A pool works after a call in the parent, and so do replaced workers."""
    program = f"""{FORKS}
import multiprocessing
def task(_):
    return right(), os.getpid()
assert right()
with multiprocessing.get_context("fork").Pool(4, maxtasksperchild=5) as pool:
    answers = pool.map_async(task, range(100), chunksize=1).get(60)
print(all(answer for answer, _ in answers), len({{pid for _, pid in answers}}) >= 20)
"""
    assert python(program, httpd, timeout=100) == "True True\n"


@pytest.mark.parametrize("engine", ["library", "process"])
def test_a_fork_within_a_verification(
    httpd: Path, python: Callable[..., str], engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child forked in a callback can neither continue nor disturb the parent's job."""
    monkeypatch.setenv("CHECKSIG_ENGINE", engine)
    program = f"""{FORKS}
warnings.simplefilter("error")
complaints = []
sys.unraisablehook = complaints.append
me = os.getpid()
def progress(_):
    if os.getpid() == me:
        child = os.fork()
        if child:
            print("child", ended(child))
class Left(Exception):
    pass
def leave(_):
    progress(_)
    if os.getpid() != me:
        raise Left
for callback, error in ((progress, checksig.ForkedError), (leave, Left)):
    try:
        report = verify(sample, check=False, progress=callback)
    except error:
        assert os.getpid() != me
        import gc; gc.collect()
        os._exit(3 if complaints else 7)
    print(report.verified, report.mismatched)
results = checksig.iter_verify(sample)
next(results)
def generator_is_dropped():
    global results
    del results
    return not complaints
print(ended(forked(generator_is_dropped)), len(list(results)))
"""
    lines = python(program, httpd, timeout=60).splitlines()
    assert set(lines[:-1]) == {"child 7", "9 1"}
    assert lines.count("9 1") == 2
    assert lines[-1] == "0 9"


@pytest.mark.library
@pytest.mark.parametrize(
    "hindrance",
    [
        'os.environ["CHECKSIG_ENGINE"] = "library"',
        'import checksig._engine.process as p; p.__file__ = "/nowhere/_engine/process.py"',
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))",
    ],
)
def test_a_child_that_can_start_no_process(
    httpd: Path, python: Callable[..., str], hindrance: str
) -> None:
    """The child gets an error that says what to do; it does not hang."""
    program = f"""{FORKS}
assert right()
import checksig._engine.process  # with few descriptors an import fails
def child():
    {hindrance}
    try:
        right()
    except checksig.ForkedError as error:
        return "'spawn'" in str(error)
print(ended(forked(child)))
"""
    assert python(program, httpd, timeout=60) == "0\n"


APPLICATION = """
import json, os, sys
from checksig import verify

def answer():
    report = verify(os.environ["SAMPLE"], check=False)
    return [os.getpid(), report.verified, report.mismatched]

master = answer()

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([master, answer()]).encode()]
"""


@pytest.mark.needs("module gunicorn")
def test_gunicorn_with_preload(httpd: Path, tmp_path: Path) -> None:
    """Workers, and their replacements, answer after the master used the engine."""
    (tmp_path / "application.py").write_text(APPLICATION)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = [
            *(sys.executable, "-m", "gunicorn", "--preload", "--workers=3", "--max-requests=10"),
            *("--timeout=20", f"--bind=fd://{server.fileno()}", "application:application"),
        ]
        log = tmp_path / "log"
        with (
            log.open("wb") as output,
            subprocess.Popen(
                command,
                cwd=tmp_path,
                env={**os.environ, "SAMPLE": str(httpd)},
                pass_fds=[server.fileno()],
                stdout=output,
                stderr=output,
            ) as master,
        ):
            try:
                answers = _answers(f"http://127.0.0.1:{port}/", 100)
            finally:
                master.send_signal(signal.SIGTERM)
                try:
                    master.wait(30)
                finally:
                    master.kill()
    assert "WORKER TIMEOUT" not in log.read_text()
    assert Counter(map(tuple, (answer[1:] for _, answer in answers))) == {(9, 1): 100}
    workers = {pid for _, (pid, *_) in answers}
    assert {tuple(first) for first, _ in answers} == {(master.pid, 9, 1)}
    assert master.pid not in workers
    assert len(workers) > 3


def _answers(url: str, count: int) -> list[tuple[list[int], list[int]]]:
    """Get the page *count* times from several threads."""
    answers: list[tuple[list[int], list[int]]] = []
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get() -> None:
        while len(answers) < count:
            with opener.open(url, timeout=60) as response:
                answers.append(json.load(response))

    threads = [threading.Thread(target=get) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    return answers[:count]
