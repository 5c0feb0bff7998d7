"""Equal builds, and the source distribution."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from base import CACHE, Outcome, PlatformError, environment, network, run
from systems import newest
from wheels import (
    PYTEST,
    counts,
    sdist,
)


def reproducible() -> Outcome:
    """Equal builds."""
    system = newest()
    sums = []
    with system.work() as work:
        shutil.copyfile(sdist(), work / sdist().name)
        builds = {
            "one": "umask 022; TZ=UTC",
            "another folder": "umask 077; TZ=Asia/Tokyo faketime -f +26h"
            " setpriv --reuid=65534 --clear-groups",
        }
        for name, how in builds.items():
            script = (
                f"mkdir -p '/checksig/tmp/{name}'; cd '/checksig/tmp/{name}';"
                " python3 -m venv v; v/bin/python -m pip install -q -U pip;"
                f' chown -R 65534 .; {how} env HOME="$PWD" v/bin/python -m pip wheel -q --no-deps'
                f" --no-cache-dir -w out /checksig/{sdist().name}; sha256sum out/*.whl"
            )
            output = system.run(
                "sh", "-exc", script, work=work, minutes=20, env={"PIP_NO_CACHE_DIR": "1"}
            )
            sums.append(re.findall(r"^([0-9a-f]{64}) ", output, re.MULTILINE)[-1])
    if len(set(sums)) != 1:
        raise PlatformError(f"the wheels differ: {sums}")
    notes = [f"sha256 {sums[0]}"]
    how = "twice: other folder, user, umask, time and zone; Go from PyPI"
    return Outcome(how, "the wheels are the same, bit for bit", "-", notes)


def source_distribution() -> Outcome:
    """Source distribution."""
    archive = sdist()
    size = archive.stat().st_size
    if size > 10_000_000:
        raise PlatformError(f"the sdist is {size} bytes")
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        with tarfile.open(archive) as packed:
            packed.extractall(scratch, filter="data")
        (folder,) = Path(scratch).iterdir()
        python = Path(scratch, "venv", "bin", "python")
        pip = (python, "-m", "pip", "install", "-q", "--disable-pip-version-check")
        run(sys.executable, "-m", "venv", python.parent.parent)
        project = (folder / "pyproject.toml").read_text(encoding="utf-8")
        list_of_needs = r"^(?:requires|dependencies) = \[(.*?)\]$"
        lists = re.findall(list_of_needs, project, re.MULTILINE | re.DOTALL)
        needs = re.findall(r'"([^"]+)"', "".join(lists))
        run(*pip, "-U", "pip>=25.1", *needs, env=environment())
        # No network but the loopback's, and no cache of Go's: what a distribution's builder has.
        offline = {"GOPROXY": "off", "GOFLAGS": "", "GOMODCACHE": f"{scratch}/none"}
        command = (*pip, "--no-index", "--no-build-isolation", archive)
        run("unshare", "--net", *command, minutes=15, env=environment(**offline))
        run(*pip, "--group", folder / "pyproject.toml:test", env=environment())
        report = Path(scratch, "report.xml")
        where = ("-c", folder / "pyproject.toml", "--rootdir", folder, folder / "tests")
        path = os.pathsep.join((str(python.parent), os.environ["PATH"]))
        env = environment(PATH=path)
        run(
            python,
            *PYTEST,
            f"--junitxml={report}",
            *where,
            minutes=30,
            env=env,
            check=False,
            cwd=folder,
        )
        tests = counts(report)
        # Once more with an empty PATH: Go and zig come from PyPI.
        bare = Path(scratch, "bare", "bin", "python")
        run(sys.executable, "-m", "venv", bare.parent.parent)
        empty = {"PATH": "/nonexistent", "PIP_CACHE_DIR": str(CACHE / "pip"), **network()}
        run(bare, "-m", "pip", "install", "-q", archive, minutes=20, env=empty)
        run(bare, "-c", "import checksig; checksig.verify", env=empty)
    return Outcome(
        f"{size // 1024} KiB; offline with Go and cc; from PyPI alone", "this machine", tests
    )
