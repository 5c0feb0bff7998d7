"""Measure the cost of a call: checksig in this process, and the same engine through gRPC.

Each call verifies a folder with one tiny file, so that nearly all of the time is overhead.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from measure import alternate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST = Path(__file__).with_name("first.py")

Times = dict[str, list[float]]
"""The seconds of each round, by what was measured."""

WARM = {"empty": 20_000, "verify": 2_000, "process": 100}
"""How many calls make one measurement."""


def tiny_folder(folder: Path, content: bytes) -> Path:
    """Make a folder with one file, and a manifest that lists it with the digest of ``a``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a").write_bytes(content)
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(b'a').hexdigest()}  a\n")
    return folder


def measure(folder: Path, grpc: Path | None, rounds: int, scale: float) -> Times:
    """Return the times of the calls; gRPC is measured if *grpc*, the server's program, is given."""
    root, wrong = tiny_folder(folder / "tiny", b"a"), tiny_folder(folder / "wrong", b"b")
    with contextlib.ExitStack() as stack:
        tasks = _in_process(root, scale)
        ways = {"checksig": ["checksig"]}
        if grpc:
            port = stack.enter_context(_server(grpc))
            tasks |= stack.enter_context(_grpc_calls(port, root, wrong, scale))
            ways["gRPC"] = ["grpc", str(port)]
        tasks["checksig: the command"] = _program([sys.executable, "-m", "checksig", str(root)])
        tasks["python -c pass"] = _program([sys.executable, "-c", "pass"])
        times = alternate(tasks, rounds)
        for way, words in ways.items():
            fresh = [_fresh(root, words) for _ in range(rounds)]
            for what in ("import", "first call"):
                times[f"{way}: {what}"] = [one[what] for one in fresh]
    return times


def _fresh(root: Path, words: list[str]) -> dict[str, float]:
    """Return the seconds of the import and of the first call in a fresh interpreter."""
    command = [sys.executable, "-I", str(FIRST), str(root), *words]
    seconds: dict[str, float] = json.loads(subprocess.check_output(command))
    return seconds


def _mean(call: Callable[[], object], times: float) -> Callable[[], float]:
    """Return a function that calls *call* many times and returns the mean of the seconds."""
    count = max(1, round(times))

    def work() -> float:
        began = time.perf_counter()
        for _ in range(count):
            call()
        return (time.perf_counter() - began) / count

    return work


def _program(command: list[str]) -> Callable[[], float]:
    """Return a function that returns the seconds of a program."""
    return _mean(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), 5)


def _in_process(root: Path, scale: float) -> dict[str, Callable[[], float]]:
    import checksig
    from checksig._ffi import ffi

    checksig.verify(root)
    empty = ffi.dlopen(str(Path(checksig.__file__).with_name("libchecksig.so"))).checksig_abi

    def as_process() -> None:
        os.environ["CHECKSIG_ENGINE"] = "process"
        try:
            checksig.verify(root)
        finally:
            del os.environ["CHECKSIG_ENGINE"]

    return {
        "checksig: empty call": _mean(empty, WARM["empty"] * scale),
        "checksig: verify": _mean(lambda: checksig.verify(root), WARM["verify"] * scale),
        "checksig: verify, as a process": _mean(as_process, WARM["process"] * scale),
    }


@contextlib.contextmanager
def _server(program: Path) -> Iterator[int]:
    """Run the server and yield its port. It exits when its standard input is closed."""
    command = [str(program)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        yield int(cast("IO[bytes]", server.stdout).readline())


@contextlib.contextmanager
def _grpc_calls(
    port: int, root: Path, wrong: Path, scale: float
) -> Iterator[dict[str, Callable[[], float]]]:
    from first import grpc_calls

    with grpc_calls(port) as (nothing, check_signatures):
        if check_signatures(str(root)) or not check_signatures(str(wrong)):
            raise RuntimeError("the service does not verify")
        yield {
            "gRPC: empty call": _mean(nothing, WARM["empty"] * scale / 10),
            "gRPC: verify": _mean(lambda: check_signatures(str(root)), WARM["verify"] * scale),
        }
