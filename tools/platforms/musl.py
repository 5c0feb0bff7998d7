"""Linux with musl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from base import Outcome
from systems import compile_source, cpython, newest, source
from wheels import build_wheel, suite

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
LIBRARIES = {
    "zlib": f"CFLAGS='-O2 -fPIC' ./configure --static --prefix={HERE}",
    "libffi": f"./autogen.sh; {CONFIGURE} --disable-builddir --disable-shared --with-pic",
    "openssl": f"./Configure linux-x86_64 --prefix={HERE} --libdir=lib --openssldir=/etc/ssl"
    " no-shared no-apps no-tests no-docs; make -s -j2",
    "fuse": f"{CONFIGURE} --disable-example --disable-util --disable-mtab --disable-static",
}
PYTHON = (
    f"CPPFLAGS=-I{HERE}/include",
    f"LDFLAGS=-L{HERE}/lib",
    f"LIBFFI_CFLAGS=-I{HERE}/include",
    f"LIBFFI_LIBS='-L{HERE}/lib -lffi'",
    f"--with-openssl={HERE}",
    # As Alpine has it: else a thread has 128 KiB, and crashes before it can recurse too deeply.
    "LDFLAGS_NODIST=-Wl,-z,stack-size=0x100000",
)


def musl_python(system: System) -> str:
    """Build CPython and the libraries that it needs, with musl, where it is not there yet."""
    recipe = json.dumps([COMPILER, KERNEL, LIBRARIES, PYTHON], indent=1)
    stamp = Path(f"{system.root}{HERE}/recipe.json")
    env = {"CC": "musl-cc"}
    if not stamp.exists() or stamp.read_text() != recipe:
        system.shell(f"rm -rf {HERE}; {KERNEL}")
        compiler = Path(f"{system.root}/usr/local/bin/musl-cc")
        compiler.write_text(COMPILER)
        compiler.chmod(0o755)
        for name, configure in LIBRARIES.items():
            build = f"{configure}; make -s; make -s install"
            compile_source(system, source(name, "trixie"), build, **env)
        cpython(system, "python3.13", "trixie", HERE, *PYTHON, **env)
        stamp.write_text(recipe)
    return f"{HERE}/bin/python3"


def musllinux() -> Outcome:
    """Linux x86-64, musl."""
    wheel = build_wheel("musllinux_1_1_x86_64", GOOS="linux", GOARCH="amd64")
    system = newest()
    env = {"FUSE_LIBRARY_PATH": f"{HERE}/lib/libfuse.so.2"}
    tests = suite(system, musl_python(system), wheel, env=env)
    return Outcome(
        "Go alone: the engine as a program", "CPython 3.13 built with musl-gcc (musl 1.2.5)", tests
    )
