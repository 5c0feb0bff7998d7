"""What all platforms share: running commands within a time, what is kept, and how it is told."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "checksig-platforms"
MINUTE = 60
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class PlatformError(Exception):
    """A platform cannot be built, or its tests fail."""


@dataclass
class Outcome:
    """One row of the table."""

    built: str
    tested: str
    tests: str = "-"
    notes: list[str] = field(default_factory=list)


class Log:
    """Where the output of the platform at work goes."""

    def __init__(self) -> None:
        self.path = Path(os.devnull)

    def start(self, name: str) -> None:
        """Begin a file for a platform."""
        self.path = CACHE / "logs" / f"{name}.log"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("")


log = Log()


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Keep other runs of this command off a thing in the cache; the lock ends with the process."""
    path = CACHE / "locks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def shown(words: list[str]) -> str:
    """The end of a command, as it may be recorded: with no path of this machine."""
    return " ".join(words[-6:]).replace(str(CACHE), "CACHE").replace(str(ROOT), ".")


def run(
    *command: object,
    minutes: float = 10,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
) -> str:
    """Run a command within a time; what it prints goes into the log, and is the answer."""
    # However this Python ends, the command ends with it. In the background a shell has signals
    # ignored, which tests of Ctrl-C would inherit.
    # By their paths, as the command may have an empty PATH.
    env_program, setpriv = (shutil.which(name) or name for name in ("env", "setpriv"))
    before = (env_program, "--default-signal=INT,QUIT,HUP", setpriv, "--pdeathsig", "KILL")
    words = [*before, *(str(word) for word in command)]
    with log.path.open("a") as stream:
        print("$", " ".join(words[len(before) :]), file=stream, flush=True)
        begin = stream.tell()
        try:
            done = subprocess.run(
                words,
                cwd=cwd or CACHE,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                timeout=minutes * MINUTE,
                start_new_session=True,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise PlatformError(f"not done in {minutes} minutes: {shown(words)}") from None
    with log.path.open("rb") as stream:
        stream.seek(begin)
        output = stream.read().decode(errors="replace")
    if check and done.returncode:
        raise PlatformError(f"exit code {done.returncode}: {shown(words)}")
    return output


def environment(**extra: str) -> dict[str, str]:
    """The caller's environment without what steers Python and compilers."""
    steering = ("PYTHON", "GO", "CGO", "CC", "CHECKSIG", "CIBW", "VIRTUAL_ENV", "SOURCE_DATE")
    env = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    env["PATH"] = os.pathsep.join((str(CACHE / "tools" / "bin"), os.environ.get("PATH", "")))
    return {**env, **extra}


def network() -> dict[str, str]:
    """What pip needs to know of this network where it runs in another system."""
    return {
        name: value for name, value in os.environ.items() if name in {"PIP_CERT", "PIP_TIMEOUT"}
    }


def patience() -> dict[str, str]:
    """How long the caller lets tests take on this machine; see tests/conftest.py."""
    names = {"CHECKSIG_TEST_PATIENCE", "HYPOTHESIS_PROFILE"}
    return {name: value for name, value in os.environ.items() if name in names}
