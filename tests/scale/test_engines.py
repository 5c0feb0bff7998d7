"""Engines of other projects hash files and verify tables: the guide's recipes, and failures."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig import create, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.timeout(300)
GUIDE = Path(__file__).resolve().parent.parent.parent / "docs" / "guides" / "scale-out.md"
RECIPE = re.compile(
    r"### ([^\n]+)\n(?:(?!\n##).)*?<!-- tested by: test_engines.py::test_recipe -->\n"
    r"```python\n(.*?)```",
    re.DOTALL,
)
RECIPES = {
    f"{name} {'files' if 'executor=' in text else 'table'}": text
    for name, text in RECIPE.findall(GUIDE.read_text(encoding="utf-8"))
}
NIGHTLY = ("Spark", "Ray")
FILES = 50


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Make a folder with a manifest of files, one of which has changed."""
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number}.csv").write_bytes(b"%d" % number)
    create(folder)
    (folder / "7.csv").write_bytes(b"8")
    return folder


@pytest.mark.services
def test_all_recipes_are_here() -> None:
    """Each comment of the guide that names this test is found."""
    text = GUIDE.read_text(encoding="utf-8")
    assert len(RECIPES) == text.count("test_engines.py::test_recipe -->") == 8


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(
            each, marks=pytest.mark.nightly if each.startswith(NIGHTLY) else pytest.mark.services
        )
        for each in RECIPES
    ],
)
def test_recipe(recipe: str, data: Path, needs: Callable[..., None]) -> None:
    """It finds the one file that has changed."""
    text = RECIPES[recipe]
    package = re.findall(
        r"^(?:from|import) (dask|mpi4py|parsl|polars|duckdb|pyspark|ray)\b", text, re.MULTILINE
    )[0]
    needs(f"module {package}")
    if package == "pyspark":
        needs("java")
    program = data.parent / "recipe.py"
    # A failure is no error of the examples, which verify good data.
    program.write_text(text.replace('"data", executor', '"data", check=False, executor'))
    command = [sys.executable, program.name]
    if package == "mpi4py":
        needs("mpiexec")
        mpiexec = str(shutil.which("mpiexec"))
        command = [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", program.name]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # has Parsl's programs
    ran = subprocess.run(
        command,
        cwd=data.parent,
        env={**os.environ, "PATH": path, "PYSPARK_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    printed = ran.stdout.strip().splitlines()[-1]
    if recipe.endswith("files"):
        assert printed == f"{FILES} entries: {FILES - 1} verified, 1 mismatched"
    else:
        counts = dict(re.findall(r"(verified|mismatched)\D+(\d+)", printed))
        assert counts == {"verified": str(FILES - 1), "mismatched": "1"}, printed


@pytest.mark.parametrize(
    ("engine", "address"),
    [
        pytest.param("ray", "local", marks=pytest.mark.nightly),
        pytest.param("spark", "local[2]", marks=pytest.mark.nightly),
    ],
)
def test_the_command(engine: str, address: str, data: Path, needs: Callable[..., None]) -> None:
    """Its option names a cluster, which hashes the files."""
    needs(f"module {'pyspark' if engine == 'spark' else engine}")
    if engine == "spark":
        needs("java")
    run_with(engine, address, data)


def run_with(engine: str, address: str, data: Path) -> None:
    """Verify and create with the command and a cluster."""
    command = [sys.executable, "-m", "checksig"]
    cluster = [f"--{engine}", address, "data"]
    done = subprocess.run([*command, *cluster], cwd=data.parent, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    assert b"1 mismatched" in done.stdout
    output = ["create", "-o", "made", "--no-remember"]
    subprocess.run([*command, *output, *cluster], cwd=data.parent, check=True)
    create(data, output=data.parent / "here", remember=False)
    assert (data.parent / "made").read_bytes() == (data.parent / "here").read_bytes()


@pytest.mark.services
def test_the_command_with_dask(dask: Any, data: Path) -> None:
    """The same for Dask."""
    run_with("dask", dask.scheduler.address, data)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Make a folder with files of 40 MiB, each a shard of its own."""
    folder = tmp_path / "large"
    folder.mkdir()
    for number in range(30):
        with (folder / f"{number}").open("wb") as file:
            file.truncate(40 << 20)
    create(folder)
    with (folder / "3").open("r+b") as file:
        file.write(b"changed")
    return folder


@pytest.fixture
def dask(tmp_path: Path, needs: Callable[..., None]) -> Iterator[Any]:
    """Start a scheduler and two workers, as programs, and return a client."""
    needs("module distributed")
    client_of: Any = importlib.import_module("distributed").Client

    environment = {**os.environ, "DASK_DISTRIBUTED__WORKER__DAEMON": "false"}
    address = tmp_path / "scheduler.json"
    common = ["--scheduler-file", str(address)]
    programs = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "distributed.cli.dask_scheduler",
                *common,
                "--port",
                "0",
                "--no-dashboard",
                "--host",
                "127.0.0.1",
            ],
            env=environment,
        )
    ]
    programs += [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "distributed.cli.dask_worker",
                *common,
                "--nthreads",
                "1",
                "--no-dashboard",
                "--host",
                "127.0.0.1",
            ],
            env=environment,
            cwd=tmp_path,
        )
        for _ in range(2)
    ]
    try:
        with client_of(scheduler_file=str(address), timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
            yield client
    finally:
        for program in programs:
            program.terminate()
        for program in programs:
            program.wait(30)


@pytest.mark.services
def test_a_dask_worker_is_killed(dask: Any, large: Path) -> None:
    """Its shards are hashed by the other one; no entry is lost or counted twice."""
    here = verify(large, check=False)
    pids: dict[str, int] = dask.run(os.getpid)
    killed: list[int] = []

    def kill(progress: checksig.Progress) -> None:
        if progress.files >= 3 and not killed:
            killed.append(next(iter(pids.values())))
            os.kill(killed[0], signal.SIGKILL)

    found = verify(large, check=False, executor=dask, progress=kill)
    assert killed
    assert found.results == here.results
    assert (found.entries, found.verified, found.mismatched) == (30, 29, 1)
    # What was found before is not remembered.
    (large / "5").write_bytes(b"changed")
    assert verify(large, check=False, executor=dask.get_executor()).mismatched == 2


@pytest.mark.services
def test_cancelling_with_dask(dask: Any, large: Path) -> None:
    """Shards that have not begun are cancelled."""
    token = checksig.CancelToken()
    timer = threading.Timer(0.2, token.cancel)
    timer.start()

    def go_on() -> None:
        while True:
            verify(large, check=False, executor=dask, cancel=token)

    with pytest.raises(checksig.CancelledError):
        go_on()
    timer.join()
    for _ in range(600):
        if not any(dask.processing().values()):
            break
        time.sleep(0.1)
    assert not any(dask.processing().values())


@pytest.mark.services
def test_loky(large: Path, needs: Callable[..., None]) -> None:
    """Its executor hashes, and is broken once a worker was killed."""
    needs("module loky")
    get_reusable_executor: Any = importlib.import_module("loky").get_reusable_executor

    here = verify(large, check=False)
    executor = get_reusable_executor(2)
    assert verify(large, check=False, executor=executor).results == here.results
    victim = executor.submit(os.getpid).result()

    def kill(_: checksig.Progress) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)

    with pytest.raises(checksig.EngineError):
        verify(large, check=False, executor=executor, progress=kill)
    executor = get_reusable_executor(2)  # a new one
    assert verify(large, check=False, executor=executor).results == here.results
    executor.shutdown()
