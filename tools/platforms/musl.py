"""Linux with musl: the engine as a program, under a Python that was built with musl."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from base import Outcome, PlatformError, locked, log
from glibc import CPYTHON_ONLY, x86_64
from systems import compile_source, cpython, newest, source
from wheels import build_wheel, lay_out, sdist, suite

if TYPE_CHECKING:
    from systems import System

HERE = "/opt/musl"
COMPILER = f"""#!/bin/sh
# gcc's own word about the system would contradict what the headers say.
case "$*" in *--print-multiarch*) echo x86_64-linux-musl; exit ;; esac
exec musl-gcc -idirafter {HERE}/kernel "$@"
"""
# The kernel's headers and no other ones: those beside them are glibc's.
KERNEL = f"""
mkdir -p {HERE}/kernel
ln -s /usr/include/linux /usr/include/asm-generic /usr/include/x86_64-linux-gnu/asm {HERE}/kernel
"""
CONFIGURE = f"./configure -q --prefix={HERE}"
STATIC = "no-shared no-apps no-tests no-docs; make -s -j2"
# What CPython and the tests need: the source, the Debian that has it, how it is built.
LIBRARIES = (
    ("zlib", "trixie", f"CFLAGS='-O2 -fPIC' ./configure --static --prefix={HERE}; make -s"),
    (
        "libffi",
        "trixie",
        f"./autogen.sh; {CONFIGURE} --disable-builddir --disable-shared --with-pic; make -s",
    ),
    (
        "openssl",
        "trixie",
        f"./Configure linux-x86_64 --prefix={HERE} --libdir=lib --openssldir=/etc/ssl {STATIC}",
    ),
    (
        "fuse",
        "bookworm",
        f"{CONFIGURE} --disable-example --disable-util --disable-mtab --disable-static; make -s",
    ),
)
PYTHON = (
    f"CPPFLAGS=-I{HERE}/include",
    f"LDFLAGS=-L{HERE}/lib",
    f"LIBFFI_CFLAGS=-I{HERE}/include",
    f"LIBFFI_LIBS='-L{HERE}/lib -lffi'",
    f"--with-openssl={HERE}",
    "--disable-test-modules",
    "OPT='-O1 -DNDEBUG'",  # half the time of the build
    # As Alpine has it: else a thread has 128 KiB, and crashes before it can recurse too deeply.
    "LDFLAGS_NODIST=-Wl,-z,stack-size=0x100000",
)


def musl_python(system: System) -> str:
    """Build CPython and the libraries that it needs, with musl, where it is not there yet."""
    recipe = json.dumps([COMPILER, KERNEL, LIBRARIES, PYTHON], indent=1)
    stamp = Path(f"{system.root}{HERE}/recipe.json")
    env = {"CC": "musl-cc"}
    with locked(f"{system.root.name}-musl"):
        if not stamp.exists() or stamp.read_text() != recipe:
            system.shell(f"rm -rf {HERE}; {KERNEL}")
            compiler = Path(f"{system.root}/usr/local/bin/musl-cc")
            compiler.write_text(COMPILER)
            compiler.chmod(0o755)
            for name, release, build in LIBRARIES:
                compile_source(system, source(name, release), f"{build}; make -s install", **env)
            cpython(system, "python3.13", "trixie", HERE, *PYTHON, **env)
            stamp.write_text(recipe)
    return f"{HERE}/bin/python3"


def check_choice(system: System, python: str, *wheels: Path) -> None:
    """Let pip choose among wheels of all kinds and the sdist: each Python takes its own kind."""
    with system.work() as work:
        for path in (*wheels, sdist()):
            shutil.copyfile(path, work / path.name)
        for each, kind in ((python, "musllinux"), ("/usr/bin/python3", "manylinux")):
            venv = f"/tmp/{kind}"  # noqa: S108 - of the system, and gone with it
            system.run(each, "-m", "venv", venv, work=work)
            fetch = ("-m", "pip", "download", "-q", "--no-deps", "--no-index", "-f", "/checksig")
            system.run(f"{venv}/bin/python", *fetch, "-d", f"{venv}/out", "checksig", work=work)
            (chosen,) = (work / "tmp" / kind / "out").iterdir()
            if not re.search(rf"-py3-none-{kind}_\w+_x86_64(\.\w+)?\.whl$", chosen.name):
                raise PlatformError(f"pip of a {kind} Python chose {chosen.name}")


def left_out() -> list[str]:
    """Tell which tests did not run, from what pytest said of them."""
    text = log.path.read_text(errors="replace")
    notes = [
        f"{count} tests about the library are left out, which this wheel does not hold"
        for count in re.findall(r"^=+ .* (\d+) deselected.* in .*=$", text, re.MULTILINE)
    ]
    reasons: Counter[str] = Counter()
    for count, reason in re.findall(r"^SKIPPED \[(\d+)\] \S+: (.*)$", text, re.MULTILINE):
        reasons[reason] += int(count)
    return notes + [f"skipped {count}: {reason}" for reason, count in reasons.items()]


def musllinux() -> Outcome:
    """Linux x86-64, musl."""
    wheel = build_wheel("musllinux_1_1_x86_64", GOOS="linux", GOARCH="amd64")
    system = newest()
    python = musl_python(system)
    check_choice(system, python, wheel, x86_64(), arm_wheel())
    env = {"FUSE_LIBRARY_PATH": f"{HERE}/lib/libfuse.so.2"}
    tests = suite(system, python, wheel, minutes=60, packages=CPYTHON_ONLY, env=env)
    where = "CPython 3.13 built with musl-gcc (musl 1.2.5); its pip chose the wheel by itself"
    return Outcome("Go alone: the engine as a program", where, tests, left_out())


def arm_wheel() -> Path:
    """Build the wheel for Arm, which takes no C compiler."""
    return build_wheel("musllinux_1_1_aarch64", GOOS="linux", GOARCH="arm64")


# The program by qemu: its own commands against Debian's, and behind the Python API.
PROOF = """
cd /checksig
python3 -m zipfile -e *.whl site
cd site/checksig
mv checksig-engine arm
printf '#!/bin/sh\\nexec qemu-aarch64 %s "$@"\\n' "$PWD/arm" > checksig-engine
chmod +x arm checksig-engine
cd ..
for sum in md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum cksum; do
  $sum /usr/bin/*sum > wanted
  checksig/checksig-engine $sum /usr/bin/*sum > found
  cmp wanted found
done
sha512sum /usr/bin/*sum > SHA512SUMS
checksig/checksig-engine sha512sum --check --strict SHA512SUMS
sed -i 's/^[^0]/0/' SHA512SUMS
if checksig/checksig-engine sha512sum --check SHA512SUMS; then exit 1; fi
"""
API = """
import checksig
report = checksig.verify("/checksig/tests/data/httpd", check=False)
assert (report.verified, report.mismatched, report.entries) == (9, 1, 10), report
assert "blake3" in [algorithm.name for algorithm in checksig.algorithms]
"""


def musllinux_aarch64() -> Outcome:
    """Linux aarch64, musl."""
    wheel = arm_wheel()
    system = newest()
    python = musl_python(system)
    with system.work() as work:
        lay_out(work, wheel)
        system.run("sh", "-exc", PROOF, work=work)
        system.run("sh", "-exc", f"cd /checksig/site; {python} -c '{API}'", work=work)
    where = "Debian 13: the program under qemu-user 10, its commands and behind an x86-64 Python"
    return Outcome(
        "Go alone, cross", where, "-", ["no suite: there is no musl Python for Arm here"]
    )
