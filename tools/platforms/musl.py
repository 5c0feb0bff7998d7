"""Linux with musl."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from base import CACHE, Outcome, environment, run
from systems import compile_source, cpython, newest, source
from wheels import (
    build_wheel,
    suite,
    test_group,
    tools,
)


def musllinux() -> Outcome:
    """Linux x86-64, musl."""
    wheel = build_wheel("musllinux_1_1_x86_64", GOOS="linux", GOARCH="amd64")
    system, env = newest(), {"CC": "musl-cc"}
    # gcc's own word about the system would contradict what the headers say.
    compiler = Path(f"{system.root}/usr/local/bin/musl-cc")
    compiler.write_text(
        '#!/bin/sh\ncase "$*" in *--print-multiarch*) echo x86_64-linux-musl ;;'
        ' *) exec musl-gcc "$@" ;; esac\n'
    )
    compiler.chmod(0o755)
    for name in ("libffi", "zlib"):
        if not (
            system.root / "opt" / "musl" / "lib" / f"{name.replace('zlib', 'libz')}.a"
        ).exists():
            configure = {
                "libffi": "./autogen.sh; ./configure -q --disable-shared --with-pic"
                " CFLAGS='-O2 -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu'",
                "zlib": "CFLAGS='-O2 -fPIC' ./configure --static",
            }[name]
            build = f"{configure} --prefix=/opt/musl; make -s; make -s install"
            compile_source(system, source(name, "trixie"), build, **env)
    here = "/opt/musl"
    flags = (
        f"CPPFLAGS=-I{here}/include LDFLAGS=-L{here}/lib",
        f"LIBFFI_CFLAGS=-I{here}/include LIBFFI_LIBS='-L{here}/lib -lffi'",
    )
    python = cpython(system, "python3.13", "trixie", here, *flags, **env)
    # No wheels for musl; no libfuse there; no TLS, which it imports.
    missing = ("gevent", "mfusepy", "gunicorn")
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        # This Python has no TLS: what pip installs there is fetched here, for musl.
        pip = (tools() / "python", "-m", "pip", "download", "-q", "-d", scratch)
        platforms = [f"--platform=musllinux_1_{minor}_x86_64" for minor in (2, 1)]
        kind = ("--only-binary=:all:", "--python-version=3.13", "--implementation=cp", *platforms)
        group = [need for need in test_group() if not need.startswith(missing)]
        run(*pip, *kind, *group, "pip", "cffi", "tqdm", env=environment())
        store = system.root / "opt" / "wheels"
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(scratch, store)
    env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/opt/wheels"}
    tests = suite(system, python, wheel, without=missing, env=env)
    return Outcome(
        "Go alone: the engine as a program", "CPython 3.13 built with musl-gcc (musl 1.2.5)", tests
    )
