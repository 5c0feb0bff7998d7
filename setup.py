"""Build the Go engine into the wheel.

setuptools-golang runs the compiler. Its defaults suit an extension module that links to Python;
ours is a plain library, so two of its functions are replaced here (its version is pinned for that
reason), and four commands of setuptools are told the rest.
"""

from __future__ import annotations

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
from checksig_build import find_compiler, has_vendor, is_musl_python
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
# The first day that a zip file can name: two builds of one source are to give the same bytes.
os.environ.setdefault("SOURCE_DATE_EPOCH", "315532800")


def go_environment(scratch: str) -> dict[str, str]:
    """The user's own settings, with a place for the caches of Go and zig where there is no home."""
    env = {"GOTOOLCHAIN": "local", "CGO_CFLAGS": "-O2", **os.environ, "GOWORK": "off"}
    if os.name == "posix":
        env["HOME"] = os.path.expanduser("~")
        if not os.access(env["HOME"], os.W_OK):
            env["HOME"] = scratch
            # else the cache of modules is read-only, and cannot be removed with the folder
            env["GOFLAGS"] = f"{env.get('GOFLAGS', '')} -modcacherw".lstrip()
    return env


def cgo_environment(scratch: str) -> dict[str, str]:
    """The same, with a C compiler."""
    compiler = find_compiler() or sys.exit("checksig: no C compiler: install gcc or ziglang")
    return {**go_environment(scratch), "CGO_ENABLED": "1", "CC": compiler}


def link_flags(exports: Path) -> str:
    """Let nothing out of the library but what go/exports lists; #cgo lines may not say this."""
    if GOOS == "windows":
        return "-Wl,-s"  # Go itself writes the list there; its C code adds the alias `free`
    if GOOS == "darwin":
        name = f"-Wl,-install_name,@rpath/{FILES[LIBRARY]}"  # else the path of this build
        return f'{name} "-Wl,-exported_symbols_list,{exports / "darwin.list"}"'
    return f'-Wl,-s -Wl,-z,now "-Wl,--version-script={exports / "linux.map"}"'


def version() -> str:
    """The version in pyproject.toml, for the program to tell."""
    text = Path(ROOT, "pyproject.toml").read_text(encoding="utf-8")
    return re.search(r'^version = "([^"]+)"', text, re.MULTILINE).group(1)


def run_go(command: tuple[str, ...], cwd: str, env: dict[str, str]) -> None:
    """Stand in for setuptools-golang's call: the same build, with nothing of this machine in it."""
    if command[1] == "get":
        return  # go.mod says it all, and a build from vendor/ must work offline
    output = Path(command[command.index("-o") + 1])
    modules = "-mod=vendor" if has_vendor(ROOT) else "-mod=readonly"
    build = ["go", "build", modules, "-trimpath", "-buildvcs=false", "-o", str(output)]
    ldflags = "-ldflags=-s -w -buildid="
    if output.name == FILES[ENGINE]:
        # A static program, for where the library cannot be loaded.
        environment = {**go_environment(env["GOPATH"]), "CGO_ENABLED": "0"}
        ldflags += f" -X main.version={version()}"
    else:
        environment = cgo_environment(env["GOPATH"])
        build.append("-buildmode=c-shared")
        ldflags += f" '-extldflags={link_flags(Path(cwd, 'exports'))}'"
    subprocess.run([*build, ldflags, "."], cwd=cwd, env=environment, check=True)
    output.with_suffix(".h").unlink(missing_ok=True)  # cgo's header is of no use to Python


def is_musl(distribution: Distribution) -> bool:
    """Whether the wheel is for musl: it is asked for, or this Python is of that kind."""
    wheel = distribution.get_command_obj("bdist_wheel")
    asked = getattr(wheel, "plat_name", None) if wheel else None
    if asked and not asked.startswith("linux"):
        return asked.startswith("musllinux")
    return is_musl_python()


setuptools_golang._check_call = run_go
setuptools_golang._get_ldflags = str


class build(_build):  # noqa: N801
    """Start from an empty folder: what an earlier build left there must not reach the wheel."""

    def run(self) -> None:
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


class build_ext(_build_ext):  # noqa: N801
    """Build in go/ (setuptools-golang copies the whole current folder), to plain file names."""

    def get_ext_filename(self, fullname: str) -> str:
        package, _, name = fullname.rpartition(".")
        return os.path.join(package, FILES[f"checksig.{name}"])

    def get_ext_fullpath(self, ext_name: str) -> str:
        return str(ROOT / super().get_ext_fullpath(ext_name))

    def build_extensions(self) -> None:
        if is_musl(self.distribution):
            # Its loader refuses a Go library (golang/go#54805): the program alone does the work.
            self.extensions = [part for part in self.extensions if part.name != LIBRARY]
        for extension in self.extensions:
            extension.sources = [os.path.relpath(source, "go") for source in extension.sources]
        os.chdir(ROOT / "go")
        try:
            super().build_extensions()
        finally:
            os.chdir(ROOT)


class bdist_wheel(_bdist_wheel):  # noqa: N801
    """Tag the wheel for any Python 3 of its platform; give files modes that no umask decides."""

    def get_tag(self) -> tuple[str, str, str]:
        # Go builds for one architecture, also where Python itself was built for two.
        tag = super().get_tag()[2].replace("universal2", platform.machine())
        if is_musl(self.distribution):
            # A static program needs no musl of its own, so the oldest that pip knows is right.
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
    """Take the Go modules along, so that a build needs no network; give any two the same bytes."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        vendor = Path(base_dir, "go", "vendor").resolve()
        if has_vendor(ROOT):
            return  # which is in the list of files
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
            tar.add(base_dir, filter=of_nobody)
        return str(archive)


def of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out of an archive's member who made it, when, and under which umask."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = int(os.environ["SOURCE_DATE_EPOCH"])
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return member


extensions = [Extension(LIBRARY, ["go/capi.go"])]
if Path(ROOT, "go/cmd/checksig-engine").is_dir():
    extensions.append(Extension(ENGINE, ["go/cmd/checksig-engine/main.go"]))

setup(
    ext_modules=extensions,
    build_golang={"root": "checksig", "strip": False},
    cffi_modules=["build_ffi.py:ffibuilder"],
    cmdclass={"build": build, "build_ext": build_ext, "bdist_wheel": bdist_wheel, "sdist": sdist},
)
