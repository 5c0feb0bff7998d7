"""Python environments, verified against the RECORDs of the installed packages."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig import PackageReport, PackageStatus, Status

if TYPE_CHECKING:
    from collections.abc import Callable

venv: Any = pytest.importorskip("venv", reason="this Python has none, as that which others embed")

pytestmark = [
    pytest.mark.needs("module ensurepip"),
    pytest.mark.xdist_group("env"),  # whose fixture makes an environment
]

Run = subprocess.CompletedProcess[str]

SCRIPTS = "Scripts" if os.name == "nt" else "bin"


def recorded(name: str, content: bytes) -> str:
    """Return a line of a RECORD."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment with pip and a package installed by pip."""
    folder = tmp_path_factory.mktemp("env")
    info = "tool-1.0.dist-info"
    files = {
        "tool.py": b"def main():\n    print('hello')\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: Tool\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": b"[console_scripts]\ntool = tool:main\n",
    }
    record = "".join(recorded(*file) for file in files.items()) + f"{info}/RECORD,,\n"
    wheel = folder / "tool-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in {**files, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(name, content)
    venv.create(folder / "venv", with_pip=True, symlinks=os.name != "nt")
    python = folder / "venv" / SCRIPTS / "python"
    subprocess.run(
        [python, "-m", "pip", "-q", "install", "--no-index", "--no-deps", wheel],
        check=True,
        timeout=100,
        capture_output=True,
    )
    return folder / "venv"


@pytest.fixture
def prefix(made: Path, tmp_path: Path) -> Path:
    """Copy the environment, for a test that changes it."""
    return Path(shutil.copytree(made, tmp_path / "copy of it", symlinks=True))


def packages(prefix: Path) -> Path:
    """Find site-packages."""
    (found,) = {path.resolve() for path in prefix.glob("[lL]ib*/**/site-packages")}
    return found


def report_of(name: str, prefix: Path, *, follow_outside: bool = False) -> PackageReport:
    """Verify an environment, and return the report of one package."""
    report = checksig.verify_environment(
        prefix, follow_outside=follow_outside, ignore_unrecorded=True
    )
    (package,) = [package for package in report.packages if package.name == name]
    return package


@pytest.fixture
def run(run: Callable[..., Run]) -> Callable[..., Run]:
    """Run ``checksig env`` outside the source tree."""
    return functools.partial(run, "env")


def test_what_pip_installed_is_verified(made: Path, run: Callable[..., Run]) -> None:
    """The environment can be given by its folder, its Python or site-packages."""
    for path in (made, made / SCRIPTS / "python", packages(made)):
        report = checksig.verify_environment(path)
        assert report.ok, str(report)
        assert {"pip", "Tool"} <= {package.name for package in report.packages}
    (tool,) = [package for package in report.packages if package.name == "Tool"]
    assert tool.report is not None
    assert (tool.version, tool.status, tool.problem) == ("1.0", PackageStatus.VERIFIED, None)
    assert tool.report.entries == tool.report.verified >= 6
    assert tool.undigested == len(list(packages(made).glob("__pycache__/tool.*.pyc"))) == 1
    done = run(made)
    assert done.stdout.startswith(f"OK          {made}: ")
    assert "files recorded without a digest" in done.stdout
    assert (done.stdout.count("\n"), done.stderr, done.returncode) == (1, "", 0)
    assert "OK          Tool 1.0: " in run("--verbose", made).stdout
    assert run("--quiet", made).stdout == ""


def test_what_was_changed_comes_first(prefix: Path, run: Callable[..., Run]) -> None:
    """A changed module and a missing script are shown first."""
    (packages(prefix) / "tool.py").write_text("def main():\n    print('hullo')\n")
    script = prefix / SCRIPTS / ("tool.exe" if os.name == "nt" else "tool")
    script.unlink()
    tool = report_of("Tool", prefix)
    assert tool.report is not None
    assert {(f.name.rpartition("/")[2], f.status) for f in tool.report.failures} == {
        ("tool.py", Status.MISMATCHED),
        (script.name, Status.MISSING),
    }
    assert {Path(f.path).resolve() for f in tool.report.failures} == {
        packages(prefix) / "tool.py",
        script.resolve(),
    }
    done = run(prefix)
    words = [line[:11].strip() for line in done.stdout.splitlines() if line[:1] != " "]
    assert sorted(words[:2]) == ["MISMATCHED", "MISSING"]
    assert words[2:] == ["FAILED", "FAILED"]
    assert "FAILED      Tool 1.0: " in done.stdout
    assert done.returncode == 1


def test_names_beyond_the_environment_are_refused(prefix: Path, tmp_path: Path) -> None:
    """They are refused unless allowed; names inside it are not."""
    outside, inside = tmp_path / "outside", prefix / "share"
    outside.write_bytes(b"x")
    inside.write_bytes(b"x")
    folder = packages(prefix)
    with (folder / "tool-1.0.dist-info" / "RECORD").open("a") as record:
        for path in (outside, inside):
            record.write(recorded(Path(os.path.relpath(path, folder)).as_posix(), b"x"))
    tool = report_of("Tool", prefix)
    assert tool.report is not None
    assert [(Path(f.name).name, f.status) for f in tool.report.failures] == [
        ("outside", Status.UNREADABLE)
    ]
    assert report_of("Tool", prefix, follow_outside=True).status is PackageStatus.VERIFIED


@pytest.mark.parametrize("kind", ["dist-info", "egg-info"])
def test_a_package_without_a_record(prefix: Path, run: Callable[..., Run], kind: str) -> None:
    """It cannot be verified, and is a failure unless allowed."""
    info = packages(prefix) / "tool-1.0.dist-info"
    (info / "RECORD").unlink()
    if kind == "egg-info":
        shutil.rmtree(info)
        (packages(prefix) / "tool-1.0.egg-info").write_text("Name: Tool\nVersion: 1.0\n")
    name = "Tool" if kind == "dist-info" else "tool"
    tool = report_of(name, prefix)
    assert (tool.version, tool.status) == ("1.0", PackageStatus.UNVERIFIABLE)
    why = {"dist-info": "no RECORD: installed by pip", "egg-info": "installed as .egg-info"}[kind]
    assert why in (tool.problem or "")
    done = run(prefix)
    assert f"NO RECORD   {name} 1.0: " in done.stdout
    assert "1 not verifiable" in done.stdout
    assert done.returncode == 1
    assert run("--ignore-unrecorded", prefix).returncode == 0


def test_an_editable_installation(prefix: Path, run: Callable[..., Run]) -> None:
    """Recorded files are verified; the code itself cannot be (PEP 610)."""
    info = packages(prefix) / "tool-1.0.dist-info"
    origin = json.dumps({"url": "file:///src/tool", "dir_info": {"editable": True}})
    (info / "direct_url.json").write_text(origin)
    lines = (info / "RECORD").read_text().splitlines(keepends=True)
    kept = [line for line in lines if "direct_url" not in line]
    kept.append(recorded(f"{info.name}/direct_url.json", origin.encode()))
    (info / "RECORD").write_text("".join(kept))
    tool = report_of("Tool", prefix)
    assert tool.report is not None
    assert tool.report.ok
    assert tool.status is PackageStatus.UNVERIFIABLE
    assert "editable" in (tool.problem or "")
    assert "file:///src/tool" in (tool.problem or "")
    assert run(prefix).returncode == 1
    (packages(prefix) / "tool.py").write_text("")
    assert report_of("Tool", prefix).status is PackageStatus.FAILED


def test_files_without_a_digest_are_counted(prefix: Path) -> None:
    """They are not verified; if none has a digest, nothing was verified."""
    record = packages(prefix) / "tool-1.0.dist-info" / "RECORD"
    lines = record.read_text().splitlines()
    blank = [",".join([*line.split(",")[:-2], "", ""]) for line in lines]
    installer = next(i for i, line in enumerate(lines) if "INSTALLER" in line)
    record.write_text("\n".join([*lines[:installer], blank[installer], *lines[installer + 1 :]]))
    tool = report_of("Tool", prefix)
    assert (tool.status, tool.undigested) == (PackageStatus.VERIFIED, 2)
    record.write_text("\n".join(blank))
    assert report_of("Tool", prefix).status is PackageStatus.FAILED


@pytest.mark.parametrize("spoilt", ["", "nonsense\n", 'tool.py,"sha256=\n', "tool.py,md9=abc,1\n"])
def test_a_damaged_record(prefix: Path, spoilt: str) -> None:
    """It is a failure, and not the same as an empty one."""
    record = packages(prefix) / "tool-1.0.dist-info" / "RECORD"
    record.write_text(spoilt)
    tool = report_of("Tool", prefix)
    assert tool.status is PackageStatus.FAILED
    assert tool.report is not None
    assert tool.report.bad_lines


def test_no_code_of_the_environment_is_run(prefix: Path) -> None:
    """What is verified is not trusted, and so not executed."""
    trace = prefix / "was run"
    evil = f"import pathlib; pathlib.Path({str(trace)!r}).touch()\n"
    (packages(prefix) / "evil.pth").write_text(evil)
    (packages(prefix) / "sitecustomize.py").write_text(evil)
    checksig.verify_environment(prefix)
    checksig.verify_environment(prefix / SCRIPTS / "python")
    assert not trace.exists()


def test_the_running_environment(command: list[str], run: Callable[..., Run]) -> None:
    """Without an argument, checksig's own environment is verified."""
    found = [p for p in checksig.verify_environment().packages if p.name == "checksig"]
    assert found
    document = json.loads(run("--json").stdout)
    assert {"schema", "ok", "path", "packages", "errors"} <= document.keys()
    names = {package["name"] for package in document["packages"]}
    assert {"checksig", "pytest"} <= names
    assert command


def test_a_base_python() -> None:
    """The Python that environments are made from is asked for its folders."""
    base = getattr(sys, "_base_executable", None)
    inside = base is not None and Path(base).is_relative_to(sys.prefix)  # as on PyPy
    if base is None or inside or sys.prefix == sys.base_prefix:
        pytest.skip("this is no virtual environment, or says nothing of another Python")
    try:
        report = checksig.verify_environment(base)
    except checksig.ManifestNotFoundError as error:
        assert "no Python package" in str(error)  # noqa: PT017 - it may have none
    else:
        assert os.path.samefile(report.path, sys.base_prefix)


def test_what_is_no_environment(run: Callable[..., Run], tmp_path: Path) -> None:
    """An empty or missing folder, or another program, is an error: exit code 2."""
    (tmp_path / "empty").mkdir()
    no_python = shutil.which("true") or shutil.which("where")
    for path in (tmp_path / "empty", tmp_path / "none", no_python):
        done = run(path)
        assert (done.returncode, done.stdout) == (2, ""), path
        assert done.stderr.startswith("checksig: ")


def test_junit_has_a_suite_for_each_package(
    prefix: Path, run: Callable[..., Run], tmp_path: Path
) -> None:
    """Each suite holds the failures of its package."""
    (packages(prefix) / "tool.py").unlink()
    run("--junit", "report.xml", prefix)
    text = (tmp_path / "report.xml").read_text(encoding="utf-8")
    assert '<testsuite name="Tool 1.0" tests="2" failures="1" errors="0"' in text
    assert '<testsuite name="pip ' in text


@pytest.mark.skipif(os.name != "posix", reason="absolute names start with a slash")
@pytest.mark.parametrize("through_a_link", [False, True])
def test_absolute_names(tmp_path: Path, through_a_link: bool) -> None:
    """A name in the environment is verified; one outside is refused unless that is allowed."""
    prefix = tmp_path / "env"
    info = prefix / "lib/python3/site-packages/tool-1.dist-info"
    info.mkdir(parents=True)
    program, outside = prefix / "bin/tool", tmp_path / "outside"
    program.parent.mkdir()
    program.write_bytes(b"a")
    outside.write_bytes(b"b")
    # What is where another tool would look for it: below site-packages.
    (info.parent / "bin").mkdir()
    (info.parent / "bin/tool").write_bytes(b"other")
    record = recorded(str(program), b"a")
    (info / "RECORD").write_text(record)
    (tmp_path / "link").symlink_to(prefix)
    path = tmp_path / "link" if through_a_link else prefix
    assert checksig.verify_environment(path).ok
    (info / "RECORD").write_text(record + recorded(str(outside), b"b"))
    (package,) = checksig.verify_environment(path).packages
    assert package.report is not None
    (failure,) = package.report.failures
    assert (failure.path, failure.status) == (str(outside), Status.UNREADABLE)
    assert checksig.verify_environment(path, follow_outside=True).ok
    program.write_bytes(b"c")
    outside.unlink()
    (package,) = checksig.verify_environment(path, follow_outside=True).packages
    assert package.report is not None
    assert [failure.status for failure in package.report.failures] == [
        Status.MISMATCHED,
        Status.MISSING,
    ]
