"""What a call costs: checksig in this process, against the same engine behind gRPC.

One folder with one tiny file is verified. All that matters is then the way there and back.
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
"""Seconds of each round, by what was measured."""

WARM = {"empty": 20_000, "verify": 2_000, "process": 100}
"""How often a call is made to time it once."""


def tiny_folder(folder: Path, content: bytes) -> Path:
    """A folder of one file, and a manifest that lists it with the byte ``a``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a").write_bytes(content)
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(b'a').hexdigest()}  a\n")
    return folder


def measure(folder: Path, grpc: Path | None, rounds: int, scale: float) -> Times:
    """Time the calls; *grpc* is the server's program, and without it gRPC is left out."""
    root, wrong = tiny_folder(folder / "tiny", b"a"), tiny_folder(folder / "wrong", b"b")
    with contextlib.ExitStack() as stack:
        tasks = _in_process(root, scale)
        ways = {"checksig": ["checksig"]}
        if grpc:
            port = stack.enter_context(_server(grpc))
            tasks |= stack.enter_context(_over_the_wire(port, root, wrong, scale))
            ways["gRPC"] = ["grpc", str(port)]
        times = alternate(tasks, rounds)
        for way, words in ways.items():
            fresh = [_fresh(root, words) for _ in range(rounds)]
            for what in ("import", "first call"):
                times[f"{way}: {what}"] = [one[what] for one in fresh]
    return times


def _fresh(root: Path, words: list[str]) -> dict[str, float]:
    """Import and make the first call in a fresh interpreter."""
    command = [sys.executable, "-I", str(FIRST), str(root), *words]
    seconds: dict[str, float] = json.loads(subprocess.check_output(command))
    return seconds


def _mean(call: Callable[[], object], times: float) -> Callable[[], float]:
    """Time a call by making it many times."""
    count = max(1, round(times))

    def work() -> float:
        began = time.perf_counter()
        for _ in range(count):
            call()
        return (time.perf_counter() - began) / count

    return work


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
    """Run the server; what is yielded is its port. It ends with its standard input."""
    command = [str(program)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        yield int(cast("IO[bytes]", server.stdout).readline())


@contextlib.contextmanager
def _over_the_wire(
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
