"""Debian packages, compared with dpkg itself."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import checksig
from checksig import PackageStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Run = subprocess.CompletedProcess[str]

pytestmark = [
    pytest.mark.skipif(shutil.which("dpkg") is None, reason="this system is not Debian's"),
    pytest.mark.needs("dpkg-deb", "md5sum"),
]
needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="dpkg installs packages for root alone"
)


class System:
    """A root folder into which dpkg installs packages."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self._debs = folder
        for name in ("info", "updates", "triggers"):
            (self.root / "var/lib/dpkg" / name).mkdir(parents=True)
        (self.root / "var/lib/dpkg/status").touch()

    def dpkg(self, *arguments: object, tool: str = "dpkg") -> str:
        """Run dpkg on this system."""
        done = subprocess.run(
            [tool, f"--root={self.root}", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0 or "-V" in arguments, done.stderr
        return done.stdout

    def install(
        self, name: str, files: Mapping[str, str], *options: str, control: str = ""
    ) -> None:
        """Make a package of these files, and install it."""
        tree = self._debs / name
        for file, content in files.items():
            path = tree / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        meta = tree / "DEBIAN"
        meta.mkdir(parents=True)
        (meta / "control").write_text(
            f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.org>\n"
            f"Description: x\n{control}"
        )
        conffiles = [file for file in files if file.startswith("etc/")]
        if conffiles:
            (meta / "conffiles").write_text("".join(f"/{file}\n" for file in conffiles))
        sums = b""
        if listed := [file for file in files if file not in conffiles]:
            sums = subprocess.run(
                ["md5sum", *listed], cwd=tree, check=True, capture_output=True, timeout=60
            ).stdout
        (meta / "md5sums").write_bytes(sums)
        deb = self._debs / f"{name}.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-b", tree, deb],
            check=True,
            capture_output=True,
            timeout=60,
        )
        self.dpkg("--force-not-root,bad-path", *options, "-i", deb)

    def failures(self, *packages: str) -> set[str]:
        """Return what ``dpkg -V`` reports, without configuration files."""
        return complaints(self.dpkg("-V", *packages))


def complaints(text: str) -> set[str]:
    """Return the files that dpkg -V reports as changed or missing."""
    lines = re.findall(r"^(?:missing|\S{9}) +(?:(c) )?(/.*?)(?: \(.*\))?$", text, re.MULTILINE)
    return {name for conffile, name in lines if not conffile}


def failed(report: checksig.InstalledReport) -> set[str]:
    """Return the files that failed."""
    reports = [package.report for package in report.packages if package.report is not None]
    return {f"/{failure.name}" for each in reports for failure in each.failures}


@pytest.fixture
def system(tmp_path: Path) -> System:
    """Make an empty system."""
    return System(tmp_path)


@pytest.fixture
def run(run: Callable[..., Run]) -> Callable[..., Run]:
    """Run ``checksig dpkg`` outside the source tree."""
    return functools.partial(run, "dpkg")


@needs_root
def test_changed_and_missing_files(system: System, run: Callable[..., Run]) -> None:
    """They are those that dpkg names; configuration files may be changed."""
    system.install(
        "one", {"usr/bin/a": "a", "usr/bin/b": "b", "usr/bin/c": "c", "etc/conf": "conf"}
    )
    system.install("two", {"usr/bin/d": "d"})
    done = run("--root", system.root)
    assert done.stdout.splitlines()[0] == "NOTE        md5 detects corruption, not tampering"
    assert f"OK          {system.root}: 2 packages: 2 verified; 4 entries (4 B in" in done.stdout
    assert (done.stderr, done.returncode) == ("", 0)
    (system.root / "usr/bin/a").write_text("A")
    (system.root / "usr/bin/b").unlink()
    (system.root / "etc/conf").write_text("changed")
    report = checksig.verify_dpkg(root=system.root)
    assert failed(report) == {"/usr/bin/a", "/usr/bin/b"} == system.failures()
    assert [p.status for p in report.packages] == [PackageStatus.FAILED, PackageStatus.VERIFIED]
    done = run("--root", system.root)
    words = [line[:11].strip() for line in done.stdout.splitlines() if line[:1] != " "]
    assert words == ["MISMATCHED", "MISSING", "FAILED", "NOTE", "FAILED"]
    assert done.returncode == 1
    assert run("--root", system.root, "two").returncode == 0
    document = json.loads(run("--root", system.root, "--json").stdout)
    assert [package["status"] for package in document["packages"]] == ["failed", "verified"]


@needs_root
def test_diverted_files(system: System) -> None:
    """The diverted file is verified, and the diverting package's own in its place."""
    system.install("one", {"usr/bin/a": "of one", "usr/bin/local": "local"})
    system.dpkg(
        "--package",
        "two",
        "--divert",
        "/usr/bin/a.one",
        "--rename",
        "/usr/bin/a",
        tool="dpkg-divert",
    )
    system.dpkg("--local", "--rename", "/usr/bin/local", tool="dpkg-divert")
    system.install("two", {"usr/bin/a": "of two"})
    assert (system.root / "usr/bin/a").read_text() == "of two"
    assert checksig.verify_dpkg(root=system.root).ok
    assert system.failures() == set()
    (system.root / "usr/bin/a.one").write_text("changed")
    (system.root / "usr/bin/local.distrib").unlink()
    report = checksig.verify_dpkg(root=system.root)
    assert failed(report) == {"/usr/bin/a", "/usr/bin/local"}
    # dpkg -V ignores a diverted file; before 1.21 also a missing one.
    assert system.failures("one") <= {"/usr/bin/local.distrib"}
    (one, two) = report.packages
    assert (one.status, two.status) == (PackageStatus.FAILED, PackageStatus.VERIFIED)


@needs_root
def test_replaced_files(system: System, run: Callable[..., Run]) -> None:
    """A file that another package has replaced belongs to that package."""
    system.install("one", {"usr/bin/a": "of one", "usr/bin/b": "b"})
    system.install("two", {"usr/bin/a": "of two"}, control="Replaces: one\n")
    assert (system.root / "usr/bin/a").read_text() == "of two"
    report = checksig.verify_dpkg(root=system.root)
    assert report.ok
    assert system.failures() == set()
    ((skipped,),) = [package.skipped for package in report.packages if package.skipped]
    assert (skipped.name, skipped.detail) == ("usr/bin/a", "another package has replaced it")
    assert "another package has replaced it" in run("--root", system.root, "-v").stdout
    (system.root / "usr/bin/a").write_text("of nobody")
    assert failed(checksig.verify_dpkg(root=system.root)) == {"/usr/bin/a"} == system.failures()


@needs_root
@pytest.mark.parametrize("spelling", ["usr/bin/a", "./usr/bin/a", "/usr/bin/a", "usr//bin/a"])
@pytest.mark.parametrize("listed", ["/.\n/usr\n/usr/bin\n/usr/bin/a\n", "/.\n/usr\n", ""])
def test_a_file_is_excused_only_if_another_package_lists_it(
    system: System, spelling: str, listed: str
) -> None:
    """Neither an unusual spelling nor a list that was cut off hides a changed or deleted file."""
    system.install("one", {"usr/bin/a": "a"})
    info = system.root / "var/lib/dpkg/info"
    sums, file = info / "one.md5sums", system.root / "usr/bin/a"
    sums.write_text(sums.read_text().replace("usr/bin/a", spelling))
    (info / "one.list").write_text(listed)
    assert checksig.verify_dpkg(root=system.root).ok
    file.write_text("b")
    assert not checksig.verify_dpkg(root=system.root).ok
    file.unlink()
    assert not checksig.verify_dpkg(root=system.root).ok


@needs_root
def test_files_that_a_filter_left_out(system: System) -> None:
    """Files that dpkg's path-exclude left out, as in container images, are skipped."""
    folder = system.root / "etc/dpkg/dpkg.cfg.d"
    folder.mkdir(parents=True)
    (folder / "docker").write_text(
        "# no documentation\npath-exclude=/usr/share/doc/*\n"
        "path-include=/usr/share/doc/*/copyright\n"
    )
    (folder / "ignored.dpkg-old").write_text("path-exclude=/usr/bin/*\n")
    options = ("--path-exclude=/usr/share/doc/*", "--path-include=/usr/share/doc/*/copyright")
    files = {
        "usr/bin/a": "a",
        "usr/share/doc/one/README": "read",
        "usr/share/doc/one/copyright": "mine",
    }
    system.install("one", files, *options)
    system.install("one-doc", {"usr/share/doc/one-doc/x": "x"}, *options)
    assert not (system.root / "usr/share/doc/one/README").exists()
    report = checksig.verify_dpkg(root=system.root, ignore_unrecorded=True)
    assert report.ok, str(report)
    nothing = report.of(PackageStatus.UNVERIFIABLE)
    assert [(p.name, p.problem) for p in nothing] == [("one-doc", "no file was verified")]
    assert not checksig.verify_dpkg(root=system.root).ok
    skipped = {result.name: result.detail for p in report.packages for result in p.skipped}
    why = "left out at the installation: path-exclude=/usr/share/doc/*"
    assert skipped == {"usr/share/doc/one/README": why, "usr/share/doc/one-doc/x": why}
    (system.root / "usr/share/doc/one/copyright").unlink()
    (system.root / "usr/bin/a").unlink()
    report = checksig.verify_dpkg(root=system.root)
    assert failed(report) == {"/usr/bin/a", "/usr/share/doc/one/copyright"}


@needs_root
def test_packages_without_digests(system: System, run: Callable[..., Run]) -> None:
    """Those with files cannot be verified; those without files are fine."""
    system.install("one", {"usr/bin/a": "a"})
    system.install("empty", {})
    system.install("meta", {})
    (system.root / "var/lib/dpkg/info/meta.md5sums").unlink()
    assert run("--root", system.root).returncode == 0
    system.install("two", {"usr/bin/b": "b"})
    (system.root / "var/lib/dpkg/info/two.md5sums").unlink()
    report = checksig.verify_dpkg(root=system.root)
    assert [p.name for p in report.of(PackageStatus.UNVERIFIABLE)] == ["two"]
    done = run("--root", system.root)
    assert "NO RECORD   two 1: no md5sums\n" in done.stdout
    assert done.returncode == 1
    assert run("--root", system.root, "--ignore-unrecorded").returncode == 0
    (system.root / "var/lib/dpkg/info/one.md5sums").write_text("nonsense\n")
    assert run("--root", system.root, "--ignore-unrecorded").returncode == 1


@needs_root
def test_a_package_of_which_nothing_is_verified(system: System) -> None:
    """Neither a damaged list without md5sums nor configuration files alone count as verified."""
    system.install("one", {"usr/bin/a": "a"})
    system.install("conf", {"etc/conf": "conf"})
    info = system.root / "var/lib/dpkg/info"
    (info / "one.md5sums").unlink()
    report = checksig.verify_dpkg("conf", root=system.root)
    assert [p.problem for p in report.of(PackageStatus.UNVERIFIABLE)] == [
        "only configuration files, which are not verified"
    ]
    (info / "one.list").write_text("")
    report = checksig.verify_dpkg(root=system.root, ignore_unrecorded=True)
    assert [p.name for p in report.of(PackageStatus.FAILED)] == ["one"]
    (info / "one.list").unlink()
    report = checksig.verify_dpkg(root=system.root, ignore_unrecorded=True)
    assert [p.name for p in report.of(PackageStatus.FAILED)] == ["one"]


@needs_root
def test_a_merged_usr(system: System) -> None:
    """Names through the links of a merged /usr stay in the same root."""
    system.install("one", {"bin/a": "a"})
    os.rename(system.root / "bin", system.root / "usr-bin")
    (system.root / "usr").mkdir()
    os.rename(system.root / "usr-bin", system.root / "usr" / "bin")
    (system.root / "bin").symlink_to("usr/bin")
    assert checksig.verify_dpkg(root=system.root).ok
    (system.root / "bin").unlink()
    (system.root / "bin").symlink_to("/usr/bin")
    (system.root / "usr/bin/a").write_text("changed")
    assert not checksig.verify_dpkg(root=system.root).ok


@needs_root
def test_a_damaged_status_file(system: System, run: Callable[..., Run]) -> None:
    """A damaged status file is an error."""
    system.install("one", {"usr/bin/a": "a"})
    status = system.root / "var/lib/dpkg/status"
    text = status.read_text()
    for spoilt in (text.replace("Status: ", "Stat: "), text.replace("Version: ", "V: "), ""):
        status.write_text(spoilt)
        done = run("--root", system.root)
        assert (done.returncode, done.stdout) == (2, "")
    status.write_text(text)
    (system.root / "var/lib/dpkg/diversions").write_text("/usr/bin/a\n")
    assert run("--root", system.root).returncode == 2
    assert run("--root", system.root / "usr").returncode == 2
    assert run("--root", system.root, "no-such-package").returncode == 2


def test_the_real_system_as_dpkg_sees_it() -> None:
    """Some installed packages, including those that divert files."""
    lines = Path("/var/lib/dpkg/diversions").read_text().splitlines()
    owners = {owner for owner in lines[2::3] if owner != ":"}
    wanted = [*sorted(owners), "coreutils", "perl-base", "libc-bin", "dpkg"]
    installed = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.splitlines()
    names = [name for name in wanted if f"installed {name}" in installed]
    theirs = subprocess.run(
        ["dpkg", "-V", *names], capture_output=True, text=True, timeout=100, check=False
    )
    report = checksig.verify_dpkg(*names)
    skipped = {f"/{result.name}" for package in report.packages for result in package.skipped}
    assert len(report.packages) == len(names)
    assert failed(report) == complaints(theirs.stdout) - skipped
    assert "coreutils" in {p.name for p in report.of(PackageStatus.VERIFIED)}
