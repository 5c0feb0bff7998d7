"""Measure how fast objects are verified, in a store with the interface of S3 that answers late.

``python3 benchmarks/remote.py`` needs checksig[remote], s3fs, boto3, Go, versitygw and rclone. All
readers take turns, with the same number of requests at once. The ratio is that of bytes a second.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

HERE = Path(__file__).resolve().parent
KEY, SECRET = "checksig", "checksig-secret"
CORPORA = {"small": (2000, 32 << 10), "medium": (200, 1 << 20), "large": (4, 64 << 20)}
"""The number of objects, and the size of each."""
MILLISECONDS = (5, 50)
REQUESTS = 64
"""How many requests are made at once."""


@contextlib.contextmanager
def running(*command: str) -> Generator[str]:
    """Run a server; the first "PORT" in its command is where it listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    words = [word.replace("PORT", address) for word in command]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        host, _, port = address.partition(":")
        while True:
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
                break
            if time.monotonic() > deadline or process.poll() is not None:
                raise OSError(f"{command[0]} does not answer")
            time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait()


def client(address: str) -> Any:
    """Return a client of boto3."""
    return importlib.import_module("boto3").client(
        "s3",
        endpoint_url=f"http://{address}",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
        config=importlib.import_module("botocore.config").Config(max_pool_connections=REQUESTS),
    )


def fill(address: str, folder: Path) -> None:
    """Upload the buckets, and write a manifest of each."""
    store = client(address)
    for bucket, (count, size) in CORPORA.items():
        store.create_bucket(Bucket=bucket)
        lines: list[str] = []
        for i in range(count):
            data = os.urandom(size)
            store.put_object(Bucket=bucket, Key=f"{i:05}", Body=data)
            lines.append(f"{hashlib.sha256(data).hexdigest()}  {i:05}\n")
        (folder / f"{bucket}.sha256").write_text("".join(lines), encoding="utf-8")


def by_checksig(address: str, bucket: str, manifest: Path) -> bool:
    """Verify with checksig."""
    checksig: Any = importlib.import_module("checksig")
    s3fs: Any = importlib.import_module("s3fs")
    store = s3fs.S3FileSystem(
        key=KEY,
        secret=SECRET,
        endpoint_url=f"http://{address}",
        config_kwargs={"max_pool_connections": REQUESTS},
        skip_instance_cache=True,
    )
    with manifest.open("rb") as file:
        options = {"root": bucket, "filesystem": store, "io_depth": REQUESTS}
        return bool(checksig.verify(file, check=False, **options).ok)


def by_boto(address: str, bucket: str, manifest: Path) -> bool:
    """Verify with a pool of threads, each of which gets whole objects and hashes them."""
    store = client(address)

    def check(line: str) -> bool:
        expected, name = line.split()
        hasher = hashlib.sha256()
        body = store.get_object(Bucket=bucket, Key=name)["Body"]
        while data := body.read(1 << 20):
            hasher.update(data)
        return hasher.hexdigest() == expected

    with ThreadPoolExecutor(REQUESTS) as pool:
        return all(pool.map(check, manifest.read_text(encoding="utf-8").splitlines()))


def by_rclone(address: str, bucket: str, manifest: Path) -> bool:
    """Verify with rclone checksum."""
    settings = {
        "TYPE": "s3",
        "PROVIDER": "Other",
        "ACCESS_KEY_ID": KEY,
        "SECRET_ACCESS_KEY": SECRET,
        "ENDPOINT": f"http://{address}",
        "FORCE_PATH_STYLE": "true",
    }
    env = {f"RCLONE_CONFIG_STORE_{name}": value for name, value in settings.items()}
    env["PATH"] = os.environ["PATH"]
    command = ["rclone", "checksum", "sha256", str(manifest), f"store:{bucket}"]
    command += ["--download", "--checkers", str(REQUESTS), "--config", os.devnull]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        print(done.stderr[-1000:], file=sys.stderr)
    return done.returncode == 0


READERS: dict[str, Callable[[str, str, Path], bool]] = {
    "checksig": by_checksig,
    "rclone": by_rclone,
    "boto3": by_boto,
}


def measure(address: str, folder: Path, rounds: int, names: Sequence[str]) -> dict[str, float]:
    """Return the seconds of each reader, in processes of their own, for one corpus each."""
    found: dict[str, float] = {}
    for name in names:
        manifest = folder / f"{name}.sha256"
        seconds: dict[str, list[float]] = {reader: [] for reader in READERS}
        for _ in range(rounds):
            for reader in READERS:
                command = [sys.executable, __file__, "--one", reader, address, name, str(manifest)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                seconds[reader].append(float(done.stdout))
        found |= {f"{name} {reader}": statistics.median(each) for reader, each in seconds.items()}
    return found


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        reader, address, bucket, manifest = options.one
        for module in ("checksig", "s3fs", "boto3"):
            importlib.import_module(module)
        began = time.perf_counter()
        if not READERS[reader](address, bucket, Path(manifest)):
            sys.exit(f"{reader}: not verified")
        print(time.perf_counter() - began)
        return 0
    missing = [name for name in ("go", "versitygw", "rclone") if shutil.which(name) is None]
    if missing:
        sys.exit(f"benchmarks: not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="checksig-") as scratch:
        folder = Path(scratch)
        (folder / "store").mkdir()
        proxy = str(folder / "latencyproxy")
        subprocess.run(["go", "build", "-o", proxy, "./latencyproxy"], cwd=HERE, check=True)
        gateway = ["versitygw", "--access", KEY, "--secret", SECRET, "--port", "PORT", "--quiet"]
        with running(*gateway, "posix", str(folder / "store")) as server:
            fill(server, folder)
            print("| latency | objects | " + " | ".join(f"{r}, MB/s" for r in READERS), end=" | ")
            print("checksig / fastest |")
            print("|---" * (len(READERS) + 3) + "|")
            for milliseconds in MILLISECONDS:
                with running(proxy, "PORT", server, str(milliseconds)) as address:
                    found = measure(address, folder, options.rounds, list(CORPORA))
                for name, (count, size) in CORPORA.items():
                    speeds = [count * size / 1e6 / found[f"{name} {r}"] for r in READERS]
                    cells = " | ".join(f"{speed:.0f}" for speed in speeds)
                    ratio = speeds[0] / max(speeds[1:])
                    what = f"{milliseconds} ms | {count} of {size >> 10} KiB"
                    print(f"| {what} | {cells} | {ratio:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
