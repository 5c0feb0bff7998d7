"""Build the Go engine into the wheel.

setuptools-golang runs the compiler. It is made for extension modules that link to Python; this is
a plain library. So two of its functions are replaced here, which is why its version is pinned, and
four commands of setuptools are extended.
"""

from __future__ import annotations

import functools
import gzip
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import checksig_sbom
import setuptools_golang
from checksig_build import (
    find_compiler,
    find_program_compiler,
    has_vendor,
    is_for_musl,
    is_musl_python,
)
from setuptools import Distribution, Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel as _bdist_wheel
from setuptools.command.build import build as _build
from setuptools.command.build_ext import build_ext as _build_ext
from setuptools.command.sdist import sdist as _sdist

ROOT = Path(__file__).resolve().parent
GOOS = os.environ.get("GOOS") or {"win32": "windows"}.get(sys.platform, sys.platform)
LIBRARY = "checksig.checksig"
ENGINE = "checksig.checksig-engine"
FILES = {
    LIBRARY: {"windows": "checksig.dll", "darwin": "libchecksig.dylib"}.get(GOOS, "libchecksig.so"),
    ENGINE: "checksig-engine.exe" if GOOS == "windows" else "checksig-engine",
}
# The earliest time in a zip file, for reproducible builds.
os.environ.setdefault("SOURCE_DATE_EPOCH", "315532800")


def go_environment(scratch: str) -> dict[str, str]:
    """Return the environment for Go: the caller's, with a cache folder if there is no home."""
    env = {"GOTOOLCHAIN": "local", "CGO_CFLAGS": "-O2", **os.environ, "GOWORK": "off"}
    if os.name == "posix":
        env["HOME"] = os.path.expanduser("~")
        if not os.access(env["HOME"], os.W_OK):
            env["HOME"] = scratch
            # A read-only module cache could not be removed with the folder.
            env["GOFLAGS"] = f"{env.get('GOFLAGS', '')} -modcacherw".lstrip()
    return env


def cgo_environment(scratch: str, compiler: str) -> dict[str, str]:
    """Return the environment for Go with a C compiler."""
    return {**go_environment(scratch), "CGO_ENABLED": "1", "CC": compiler}


def link_flags(exports: Path) -> str:
    """Export only the names listed in go/exports; #cgo lines must not hold these flags."""
    if GOOS == "windows":
        return "-Wl,-s"  # Go writes the list itself; its C code adds the alias `free`
    if GOOS == "darwin":
        name = f"-Wl,-install_name,@rpath/{FILES[LIBRARY]}"  # not the path of this build
        return f'{name} "-Wl,-exported_symbols_list,{exports / "darwin.list"}"'
    return f'-Wl,-s -Wl,-z,now "-Wl,--version-script={exports / "linux.map"}"'


def version() -> str:
    """Return the version in pyproject.toml, which the program reports."""
    text = Path(ROOT, "pyproject.toml").read_text(encoding="utf-8")
    return re.search(r'^version = "([^"]+)"', text, re.MULTILINE).group(1)


def run_go(command: tuple[str, ...], cwd: str, env: dict[str, str], *, musl: bool) -> None:
    """Run a reproducible build, instead of the one of setuptools-golang."""
    if command[1] == "get":
        return  # go.mod is complete, and a build from vendor/ must work offline
    output = Path(command[command.index("-o") + 1])
    modules = "-mod=vendor" if has_vendor(ROOT) else "-mod=readonly"
    build = ["go", "build", modules, "-trimpath", "-buildvcs=false", "-o", str(output)]
    ldflags = "-ldflags=-s -w -buildid="
    if output.name == FILES[ENGINE]:
        environment, options, more = program_options(env["GOPATH"], musl=musl)
        build += options
        ldflags += f" -X main.version={version()} {more}"
    else:
        compiler = find_compiler() or sys.exit("checksig: no C compiler: install gcc or ziglang")
        environment = cgo_environment(env["GOPATH"], compiler)
        build.append("-buildmode=c-shared")
        ldflags += f" '-extldflags={link_flags(Path(cwd, 'exports'))}'"
    subprocess.run([*build, ldflags, "."], cwd=cwd, env=environment, check=True)
    output.with_suffix(".h").unlink(missing_ok=True)  # Python does not need cgo's header


def program_options(scratch: str, *, musl: bool) -> tuple[dict[str, str], list[str], str]:
    """Return environment, options and linker flags for the program.

    With a C compiler it has the SIMD kernels. If that is for musl the program is static: it starts
    faster than with glibc, and runs on every Linux. The tag musl is for the SBOM.
    """
    compiler = find_program_compiler()
    static = compiler is not None and GOOS == "linux" and is_for_musl(compiler)
    if compiler is None or (musl and not static):
        if GOOS == "linux" and "CHECKSIG_PROGRAM_CC" in os.environ:
            sys.exit("checksig: CHECKSIG_PROGRAM_CC is no compiler for musl")
        print("checksig-engine: built without SIMD kernels, as there is no C compiler for it")
        return {**go_environment(scratch), "CGO_ENABLED": "0"}, [], ""
    tags, flags = "checksig_program", ""
    if static:
        tags, flags = f"{tags},musl", "-linkmode=external '-extldflags=-static -Wl,-s'"
    elif GOOS == "linux":
        flags = "-linkmode=external '-extldflags=-Wl,-s -Wl,-z,relro -Wl,-z,now'"
    print(f"checksig-engine: built with SIMD kernels, {'static' if static else 'dynamic'}")
    return cgo_environment(scratch, compiler), [f"-tags={tags}"], flags


def is_musl(distribution: Distribution) -> bool:
    """Whether the wheel is for musl: by its platform tag, or by this Python."""
    wheel = distribution.get_command_obj("bdist_wheel")
    requested = getattr(wheel, "plat_name", None) if wheel else None
    if requested and not requested.startswith("linux"):
        return requested.startswith("musllinux")
    return is_musl_python()


setuptools_golang._get_ldflags = str


class build(_build):  # noqa: N801
    """Start from an empty folder, so that no file of an earlier build is in the wheel."""

    def run(self) -> None:
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


class build_ext(_build_ext):  # noqa: N801
    """Build in go/, because setuptools-golang copies the current folder; use plain file names."""

    def get_ext_filename(self, fullname: str) -> str:
        package, _, name = fullname.rpartition(".")
        return os.path.join(package, FILES[f"checksig.{name}"])

    def get_ext_fullpath(self, ext_name: str) -> str:
        return str(ROOT / super().get_ext_fullpath(ext_name))

    def build_extensions(self) -> None:
        musl = is_musl(self.distribution)
        setuptools_golang._check_call = functools.partial(run_go, musl=musl)
        if musl:
            # musl cannot load a Go library (golang/go#54805), so there is only the program.
            self.extensions = [part for part in self.extensions if part.name != LIBRARY]
        for extension in self.extensions:
            extension.sources = [os.path.relpath(source, "go") for source in extension.sources]
        os.chdir(ROOT / "go")
        try:
            super().build_extensions()
        finally:
            os.chdir(ROOT)


class bdist_wheel(_bdist_wheel):  # noqa: N801
    """Tag the wheel for every Python 3; set file modes that do not depend on the umask."""

    def get_tag(self) -> tuple[str, str, str]:
        # Go builds for one architecture, even if Python was built for two.
        tag = super().get_tag()[2].replace("universal2", platform.machine())
        if is_musl(self.distribution):
            # The program is static and needs no musl: the oldest tag that pip knows.
            tag = re.sub(r"^linux", "musllinux_1_1", tag)
        return "py3", "none", tag

    def run(self) -> None:
        shutil.rmtree(self.bdist_dir, ignore_errors=True)
        super().run()

    def write_wheelfile(self, *args, **kwargs) -> None:
        super().write_wheelfile(*args, **kwargs)
        boms = Path(args[0] if args else kwargs["wheelfile_base"], "sboms")
        boms.mkdir(exist_ok=True)
        built = sorted(
            path for path in Path(self.bdist_dir).rglob("*") if path.name in FILES.values()
        )
        metadata = self.distribution.metadata
        text = checksig_sbom.document(metadata.get_name(), metadata.get_version(), built)
        Path(boms, checksig_sbom.FILE).write_text(text, encoding="utf-8", newline="\n")
        for path in Path(self.bdist_dir).rglob("*"):
            path.chmod(0o755 if path.is_dir() or path.name in FILES.values() else 0o644)


class sdist(_sdist):  # noqa: N801
    """Include the Go modules, so that a build needs no network; write reproducible archives."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        vendor = Path(base_dir, "go", "vendor").resolve()
        if has_vendor(ROOT):
            return  # vendor is in the list of files already
        with tempfile.TemporaryDirectory() as scratch:
            command = ("go", "mod", "vendor", "-o", str(vendor))
            subprocess.run(command, cwd=ROOT / "go", env=go_environment(scratch), check=True)

    def make_archive(self, base_name, format, root_dir=None, base_dir=None, **_who):  # noqa: A002
        if format != "gztar" or root_dir:
            sys.exit("checksig: a source distribution is a .tar.gz (PEP 625)")
        archive = Path(f"{base_name}.tar.gz")
        with (
            archive.open("wb") as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            tar.add(base_dir, filter=anonymous)
        return str(archive)


def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Remove owner, time and umask from an archive's member."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = int(os.environ["SOURCE_DATE_EPOCH"])
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return member


extensions = [Extension(LIBRARY, ["go/capi.go"])]
if Path(ROOT, "go/cmd/checksig-engine").is_dir():
    extensions.append(Extension(ENGINE, ["go/cmd/checksig-engine/main.go"]))


def description() -> str:
    """Return README.md with links to the repository, at the tag of this version.

    A package index shows it, where relative links lead nowhere.
    """
    project = Path(ROOT, "pyproject.toml").read_text(encoding="utf-8")
    (source,) = re.findall(r'^Source = "([^"]+)"$', project, re.MULTILINE)
    (version,) = re.findall(r'^version = "([^"]+)"$', project, re.MULTILINE)
    text = Path(ROOT, "README.md").read_text(encoding="utf-8")
    return re.sub(r"(\]\()(?!\w+:|#)", rf"\g<1>{source}/blob/v{version}/", text)


setup(
    long_description=description(),
    long_description_content_type="text/markdown",
    ext_modules=extensions,
    build_golang={"root": "checksig", "strip": False},
    cffi_modules=["build_ffi.py:ffibuilder"],
    cmdclass={"build": build, "build_ext": build_ext, "bdist_wheel": bdist_wheel, "sdist": sdist},
)
