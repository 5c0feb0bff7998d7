"""Systems made of Debian's packages, and the Pythons that are built into them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from base import CACHE, CERTIFICATES, PlatformError, locked, network, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


ENTER = """
root=$1 work=$2; shift 2
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount --bind "$work" "$root/checksig"
mount --bind "$work/tmp" "$root/tmp"
setsid --fork --wait chroot "$root" "$@" || exit $?  # the shell stays, and buries the orphans
"""


@dataclass
class System:
    """A folder with a Debian in it. Commands there see of the machine the work folder only."""

    root: Path

    def run(
        self,
        *command: object,
        work: Path | None = None,
        minutes: float = 10,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> str:
        """Run a command in the system. Its mounts and processes end with it, whatever happens."""
        work = work or CACHE / "nothing"
        (work / "tmp").mkdir(parents=True, exist_ok=True)
        (work / "tmp").chmod(0o1777)
        shutil.copyfile("/etc/resolv.conf", self.root / "etc" / "resolv.conf")
        inner = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
            **network(),
            **(env or {}),
        }
        isolate = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
        words = ("env", "-i", *(f"{k}={v}" for k, v in inner.items()), *command)
        shell = ("sh", "-ec", ENTER, "sh", self.root, work)
        return run(*isolate, *shell, *words, minutes=minutes, check=check)

    def shell(self, script: str, *, minutes: float = 10, **env: str) -> str:
        """Run a few lines of shell in the system."""
        return self.run("sh", "-exc", script, minutes=minutes, env=env)

    @contextlib.contextmanager
    def work(self) -> Iterator[Path]:
        """Make a folder that the system sees as /checksig."""
        with tempfile.TemporaryDirectory(dir=CACHE, prefix="work-") as scratch:
            Path(scratch).chmod(0o755)
            yield Path(scratch)


def mirror() -> str:
    """Where this machine has its packages from. What comes from there is signed."""
    for path in sorted(Path("/etc/apt").glob("sources.list*")):
        files = path.rglob("*") if path.is_dir() else (path,)
        for file in files:
            text = file.read_text(encoding="utf-8") if file.is_file() else ""
            if match := re.search(
                r"^(?:deb .*?|URIs: *)(https?://\S+/debian/?)(?:\s|$)", text, re.MULTILINE
            ):
                return match[1]
    raise PlatformError("apt's list of sources names no mirror of Debian")


def debian(suite: str, *packages: str, arch: str = "amd64") -> System:
    """Make a system, or take the one that is there, and install what it lacks."""
    system = System(CACHE / f"{suite}-{arch}")
    with locked(system.root.name):
        if not system.root.exists():
            bootstrap(system, suite, arch)
        install(system, *packages)
        if os.environ.get("PIP_CERT"):  # a private authority is a fact of the network
            shutil.copyfile(os.environ["PIP_CERT"], f"{system.root}{CERTIFICATES}")
    return system


def bootstrap(system: System, suite: str, arch: str) -> None:
    """Make a system of Debian's essential packages."""
    half = system.root.with_name(f"{system.root.name}.half")
    run("rm", "-rf", "--one-file-system", half)
    foreign = ("--foreign",) if arch != "amd64" else ()
    run(
        *("debootstrap", "--variant=minbase", f"--arch={arch}", *foreign),
        *("--include=ca-certificates", suite, half, mirror()),
        minutes=15,
    )
    (half / "checksig").mkdir()
    if foreign:
        System(half).run("/debootstrap/debootstrap", "--second-stage", minutes=30)
    half.rename(system.root)


def install(system: System, *packages: str) -> None:
    """Install the packages that an earlier call did not."""
    stamp = system.root / "checksig-packages"
    present = set(stamp.read_text().split()) if stamp.exists() else set()
    if lacking := sorted(set(packages) - present):
        command = "apt-get install -qy --no-install-recommends"
        system.shell(f"apt-get update -q; {command} {' '.join(lacking)}", minutes=30)
        stamp.write_text(" ".join(sorted(present.union(packages))))


# What compiles CPython, and the libraries that the tests load.
COMPILER = ("gcc", "libc6-dev", "make", "xz-utils")
LIBRARIES = (
    *("fuse3", "libbz2-dev", "libffi-dev", "liblzma-dev", "libsqlite3-dev", "libssl-dev"),
    "zlib1g-dev",
)
# The shells, formatters and judges that the tests ask where they are there.
PEERS = (
    *("fish", "hashdeep", "man-db", "mandoc", "openssl", "perl", "rhash", "xxhash", "zsh"),
    *("git", "procps"),
)
OLD_PACKAGES = (*COMPILER, *LIBRARIES, *PEERS, "libfuse2")
NEW_PACKAGES = (
    *(*COMPILER, *LIBRARIES, *PEERS, "b3sum", "libfuse2t64"),
    *("faketime", "pypy3", "pypy3-dev", "pypy3-venv", "python3-venv"),
    *("qemu-user", "wine", "wine64", "musl-tools", "autoconf", "automake", "libtool", "texinfo"),
)


def oldest() -> System:
    """The oldest Debian that is still served: glibc 2.31."""
    return debian("bullseye", *OLD_PACKAGES)


def newest() -> System:
    """A current Debian, for Wine, PyPy, musl and qemu."""
    return debian("trixie", *NEW_PACKAGES)


def source(package: str, suite: str) -> Path:
    """Fetch the upstream source of a package as Debian keeps it."""
    folder = CACHE / "sources"
    folder.mkdir(exist_ok=True)
    system = newest()
    with locked(f"source-{package}"), system.work() as work:
        if not any(folder.glob(f"{package}_*.orig.tar.?z")):
            signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
            (work / "sources.list").write_text(f"deb-src {signed} {mirror()} {suite} main\n")
            options = (
                "-o Dir::Etc::sourcelist=/checksig/sources.list -o Dir::Etc::sourceparts=-"
                " -o Dir::State::lists=/checksig/lists -o APT::Sandbox::User=root"
                " -o Acquire::Check-Valid-Until=false"  # a list may be old, as long as it is signed
            )
            fetch = (
                "cd /checksig; mkdir -p s lists/partial;"
                f" apt-get {options} update; cd s; apt-get {options} source"
                " --only-source --download-only"
            )
            system.run("sh", "-exc", f"{fetch} {package}", work=work, minutes=15)
            for path in (work / "s").glob("*.orig.tar.?z"):
                shutil.move(path, folder / path.name)
        return next(folder.glob(f"{package}_*.orig.tar.?z"))


def compile_source(system: System, archive: Path, script: str, **env: str) -> None:
    """Unpack a source in a system and run a script there; what it installs is kept."""
    shutil.copyfile(archive, system.root / "srv" / archive.name)
    build = f"/srv/build-{archive.name}"
    unpack = f"rm -rf {build}; mkdir {build}; cd {build}; tar -xf /srv/{archive.name}"
    system.shell(f"{unpack} --strip-components=1; {script}; rm -rf {build}", minutes=45, **env)


def cpython(system: System, package: str, suite: str, prefix: str, *flags: str, **env: str) -> str:
    """Build CPython into a system where it is not there yet, and say where it is."""
    python = f"{prefix}/bin/python3"
    with locked(f"{system.root.name}{prefix.replace('/', '-')}"):
        if Path(f"{system.root}{python}").exists():
            return python
        configure = " ".join(
            ("./configure -q --with-ensurepip=install", f"--prefix={prefix}", *flags)
        )
        script = f"{configure}; make -s -j2; make -s install"
        compile_source(system, source(package, suite), script, **env)
    return python
