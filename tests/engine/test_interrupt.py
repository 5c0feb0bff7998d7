"""Ctrl-C stops a running verification and leaves nothing open."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import pytest

from checksig import CancelledError, CancelToken, create, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from checksig import Progress

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal"),
    pytest.mark.usefixtures("engine"),
]

PROGRAM = """
import json, os, sys, time
from checksig import verify

def state():
    return {"cpu": sum(os.times()[:2]), "files": [os.readlink(f"/proc/self/fd/{n}")
        for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")]
        if os.path.isdir("/proc/self/fd") else []}

def started(progress):
    if progress.bytes_read:
        sys.stdout.write("started\\n")
        sys.stdout.flush()
        globals()["started"] = lambda progress: None

try:
    verify(sys.argv[1], progress=lambda p: started(p))
except KeyboardInterrupt:
    at = time.monotonic()
    first = state()
    time.sleep(1)
    print(json.dumps({"at": at, "first": first, "then": state()}))
"""


def test_keyboard_interrupt_comes_at_once(huge: Path, tmp_path: Path) -> None:
    """In a huge file KeyboardInterrupt comes at once; no work and no file is left."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(huge)], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == "started\n"
            sent = time.monotonic()
            child.send_signal(signal.SIGINT)
            out, _ = child.communicate(timeout=30)
        finally:
            child.kill()
    result = json.loads(out)
    # The promise is 200 ms. A busy machine gets more, but less than the minute that is left.
    assert result["at"] - sent < 20
    assert result["then"]["cpu"] - result["first"]["cpu"] < 0.3
    assert not [name for name in result["first"]["files"] if name.endswith("huge")]


def test_an_exception_in_the_callback_stops_the_work(
    huge: Path, python: Callable[..., str]
) -> None:
    """An exception in the progress callback ends the verification at once."""
    program = """
import sys
from checksig import verify
def stop(progress):
    if progress.bytes_read:
        raise LookupError("enough")
try:
    verify(sys.argv[1], progress=stop)
except LookupError as error:
    print(error)
"""
    assert python(program, huge, timeout=30) == "enough\n"


def test_the_command_exits_with_130(huge: Path, httpd: Path, command: list[str]) -> None:
    """The command prints that it was interrupted, without a traceback."""
    with subprocess.Popen(
        [*command, str(httpd), str(huge)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline().startswith("MISMATCHED")  # it has started
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=30)
        finally:
            child.kill()
    assert (child.returncode, err) == (130, "checksig: interrupted\n")


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "blake2b", "blake2b-256", "sha3-256"])
def test_the_largest_file_can_be_cancelled(algorithm: str) -> None:
    """A sparse file of 2**63 - 1 bytes is read, and a cancel ends that."""
    token = CancelToken()

    def progress(p: Progress) -> None:
        if p.bytes_read > 1 << 20:
            token.cancel()

    memory = "/dev/shm"  # noqa: S108  # ext4 has no files of that size
    with tempfile.TemporaryDirectory(dir=memory if os.path.isdir(memory) else None) as folder:
        path = os.path.join(folder, "file")
        with open(path, "wb"):
            pass
        try:
            os.truncate(path, (1 << 63) - 1)
        except OSError as error:
            pytest.skip(f"no file of that size here: {error}")
        with pytest.raises(CancelledError):
            create(path, algorithm=algorithm, progress=progress, cancel=token)
        size = {"sha512": 64, "blake2b": 64}.get(algorithm, 32)
        sums = os.path.join(folder, f"{algorithm.upper()}SUMS")
        with open(sums, "w", encoding="ascii") as file:
            file.write(f"{'0' * 2 * size}  file\n")
        token = CancelToken()
        with pytest.raises(CancelledError):
            verify(sums, algorithm=algorithm, progress=progress, cancel=token)
