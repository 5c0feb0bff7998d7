"""Alpine packages. Debian has no apk, so the database is written here, as apk-tools writes it."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig import ManifestError, ManifestNotFoundError, PackageStatus, Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Run = subprocess.CompletedProcess[str]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="apk is for POSIX systems")


def q(number: int, digest: bytes) -> str:
    """Return a digest as apk writes it."""
    return f"Q{number}{base64.b64encode(digest).decode()}"


def sha1(content: bytes) -> bytes:
    """Return its SHA-1."""
    return hashlib.sha1(content, usedforsecurity=False).digest()


def sha256(content: bytes) -> bytes:
    """Return its SHA-256."""
    return hashlib.sha256(content).digest()


# As in an Alpine container: the fields of the index, then folders and files.
DATABASE = f"""\
C:Q1q0kTs7DIvR1P8Oh0sQbkUkTyEUo=
P:busybox
V:1.36.1-r29
A:x86_64
S:509600
I:962560
T:Size optimized toolbox of many common UNIX utilities
U:https://busybox.net/
L:GPL-2.0-only
o:busybox
m:somebody <somebody@example.org>
t:1718180000
c:1747f01fb96905f101c25609011589d28e01cbb8
D:so:libc.musl-x86_64.so.1
p:/bin/sh cmd:busybox=1.36.1-r29
r:busybox-initscripts
q:100
F:bin
R:busybox
a:0:0:755
Z:{q(1, sha1(b"busybox"))}
R:sh
a:0:0:777
Z:{q(1, sha1(b"/bin/busybox"))}
F:etc
R:securetty
Z:{q(1, sha1(b"tty1"))}
F:etc/init.d
R:service
Z:{q(1, sha1(b"service"))}
F:tmp
M:0:0:1777
F:usr/share/a b
R:ü "x"
Z:{q(1, sha1(b""))}

C:Q1
P:new
V:3.0-r0
f:S
F:usr/bin
M:0:0:755
R:new
a:0:0:755:{q(1, sha1(b"xattr"))}
Z:{q(1, sha256(b"new")[:20])}
R:link
Z:{q(1, sha256(b"new")[:20])}
R:whole
Z:{q(2, sha256(b"whole"))}

C:Q1
P:.build-deps
V:20240101.120000
A:noarch

"""


@pytest.fixture
def root(tmp_path: Path, build: Any) -> Path:
    """Make a system."""
    made = tmp_path / "root"
    files = {
        "bin/busybox": b"busybox",
        "etc/securetty": b"tty1",
        "etc/init.d/service": b"service",
        'usr/share/a b/ü "x"': b"",
        "usr/bin/new": b"new",
        "usr/bin/whole": b"whole",
        "lib/apk/db/installed": DATABASE.encode(),
    }
    build.write_files(made, files)
    for name in ("bin/busybox", "usr/bin/new"):
        (made / name).chmod(0o755)
    (made / "bin/sh").symlink_to("/bin/busybox")
    (made / "usr/bin/link").symlink_to("new")
    (made / "tmp").mkdir()
    return made


@pytest.fixture
def run(run: Callable[..., Run]) -> Callable[..., Run]:
    """Run ``checksig apk`` outside the source tree."""
    return functools.partial(run, "apk")


def failed(root: Path, *packages: str) -> dict[str, str | None]:
    """Return the files that failed, with the details."""
    report = checksig.verify_apk(*packages, root=root)
    reports = [package.report for package in report.packages if package.report is not None]
    return {failure.name: failure.detail for each in reports for failure in each.failures}


def test_an_unchanged_system(root: Path, run: Callable[..., Run]) -> None:
    """Digests of all kinds, and a virtual package."""
    done = run("--root", root, "-v")
    assert (done.stderr, done.returncode) == ("", 0)
    assert "OK          busybox 1.36.1-r29: 10 entries: 10 verified\n" in done.stdout
    assert "OK          new 3.0-r0: 4 entries: 4 verified\n" in done.stdout
    assert "OK          .build-deps 20240101.120000: no files\n" in done.stdout
    assert run("--root", root, "busybox-1.36.1-r29").returncode == 0
    assert run("--root", root, "none").returncode == 2
    document = json.loads(run("--root", root, "--json").stdout)
    assert [package["name"] for package in document["packages"]] == [
        ".build-deps",
        "busybox",
        "new",
    ]


def test_changes(root: Path) -> None:
    """Each kind of change, with its reason; of SHA-256, what is recorded is compared."""
    (root / "bin/busybox").write_bytes(b"BUSYBOX")
    (root / "bin/sh").unlink()
    (root / "bin/sh").symlink_to("/bin/bash")
    (root / "etc/init.d/service").write_bytes(b"x")
    (root / 'usr/share/a b/ü "x"').unlink()
    (root / "usr/bin/new").write_bytes(b"old")
    (root / "usr/bin/link").unlink()
    (root / "usr/bin/link").symlink_to("old")
    (root / "usr/bin/whole").chmod(0o4755)
    (root / "tmp").rmdir()
    assert failed(root) == {
        "/bin/busybox": None,
        "/bin/sh": "leads to /bin/bash",
        "/etc/init.d/service": None,
        '/usr/share/a b/ü "x"': "does not exist",
        "/tmp": "does not exist",  # noqa: S108
        "/usr/bin/new": None,
        "/usr/bin/link": "leads to old",
        "/usr/bin/whole": "has the permissions 4755, and is recorded with 0644",
    }
    (package,) = checksig.verify_apk("new", root=root).packages
    assert package.report is not None
    first = package.report.failures[0]
    assert (first.algorithm, first.expected) == ("sha256", sha256(b"new")[:20].hex())
    assert first.found == sha256(b"old").hex()
    assert package.report.manifests[0].algorithms == ("sha256",)


def test_other_kinds_of_files(root: Path) -> None:
    """A link in place of a file, a file in place of a link, folders and FIFOs."""
    (root / "bin/busybox").rename(root / "bin/moved")
    (root / "bin/busybox").symlink_to("moved")
    (root / "bin/sh").unlink()
    (root / "bin/sh").mkdir()
    (root / "usr/bin/new").unlink()
    os.mkfifo(root / "usr/bin/new")
    (root / "tmp").rmdir()
    (root / "tmp").symlink_to("etc")
    assert failed(root) == {
        "/bin/busybox": "leads to moved",
        "/bin/sh": "is a folder, and recorded as a file or a link",
        "/usr/bin/new": "is a device or FIFO, and recorded as a file or a link",
        "/tmp": "is a link, and recorded as a folder",  # noqa: S108
    }


def test_configuration_files(root: Path) -> None:
    """In /etc they may be changed, but not be missing, nor have other permissions."""
    path = root / "etc/securetty"
    path.write_bytes(b"changed")
    report = checksig.verify_apk("busybox", root=root)
    assert report.ok
    (skipped,) = report.packages[0].skipped
    assert (skipped.name, skipped.status) == ("/etc/securetty", Status.SKIPPED)
    path.chmod(0o666)
    assert set(failed(root)) == {"/etc/securetty"}
    path.unlink()
    path.symlink_to("/dev/null")
    assert failed(root) == {}
    path.unlink()
    assert set(failed(root)) == {"/etc/securetty"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("P:new", "P:../../evil"),
        ("P:new", "P:"),
        ("P:new", "P:\x1b[31m"),
        ("P:new\n", ""),
        ("P:new", "P:new\nP:other"),
        ("V:3.0-r0\n", ""),
        ("V:3.0-r0", "V:3/0"),
        ("F:bin\n", ""),
        ("R:busybox\n", "R:../busybox\n"),
        ("R:busybox\n", "R:\n"),
        ("R:busybox\n", "R:..\n"),
        ("a:0:0:755\n", "a:0:0:9\n"),
        ("M:0:0:1777", "M:0:0"),
        ("F:bin\nR:busybox\n", "F:bin\n"),
        ("Z:Q1", "Z:Q3"),
        ("Z:Q1", "Z:"),
        ("Z:Q1", "Z:Q1é"),
        ("Z:Q2", "Z:Q1Q2"),
        ("f:S", "f:Y"),
        ("F:tmp\n", "F:tmp\nnonsense\n"),
        ("F:tmp\n", "F:tmp\n:\n"),
        ("A:noarch\n\n", "A:noarch"),
    ],
)
def test_a_damaged_database(root: Path, run: Callable[..., Run], old: str, new: str) -> None:
    """It is an error or a failure, and shows nothing as it is."""
    assert old in DATABASE
    (root / "lib/apk/db/installed").write_text(DATABASE.replace(old, new, 1))
    done = run("--root", root, "--ignore-unrecorded")
    assert done.returncode in {1, 2}
    assert "\x1b" not in done.stdout + done.stderr
    assert not [line for line in done.stdout.splitlines() if line.startswith("OK")]


@pytest.mark.parametrize("folder", ["..", "../..", "usr/../..", "/../etc", "bin/../bin"])
def test_folders_with_dots(root: Path, folder: str) -> None:
    """None is followed."""
    path = root / "lib/apk/db/installed"
    path.write_text(DATABASE.replace("F:bin\n", f"F:{folder}\n"))
    (package,) = checksig.verify_apk("busybox", root=root).packages
    assert package.status is PackageStatus.FAILED
    assert package.report is not None
    assert {bad.cause for bad in package.report.bad_lines} == {
        'the name has ".." or a null byte in it'
    }


def test_files_without_digests(root: Path) -> None:
    """They are counted, and the package is not verified."""
    lines = DATABASE.splitlines(keepends=True)
    path = root / "lib/apk/db/installed"
    path.write_text("".join(line for line in lines if not line.startswith("Z:Q2")))
    (package,) = checksig.verify_apk("new", root=root).packages
    assert (package.status, package.undigested) == (PackageStatus.UNVERIFIABLE, 1)
    assert package.problem == "1 files are recorded without a digest"
    path.write_text("".join(line for line in lines if not line.startswith("Z:")))
    report = checksig.verify_apk(root=root)
    assert not report.ok
    assert [package.status for package in report.packages] == [
        PackageStatus.VERIFIED,  # without files
        PackageStatus.UNVERIFIABLE,
        PackageStatus.UNVERIFIABLE,
    ]


@pytest.mark.parametrize("folder", ["none", "none/.", "./none", "none//", "bin/busybox/."])
def test_a_folder_that_does_not_exist(root: Path, folder: str) -> None:
    """However its name is written, it is missing, or no folder."""
    path = root / "lib/apk/db/installed"
    path.write_text(f"P:x\nV:1\nF:bin\nF:{folder}\n\n")
    (package,) = checksig.verify_apk(root=root).packages
    assert package.report is not None
    assert [failure.name for failure in package.report.failures] == [f"/{folder}"]
    assert package.report.verified == 1


@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_file_that_is_listed_twice(tmp_path: Path, build: Any, through_a_link: bool) -> None:
    """With the same digest it is verified, with another one never."""
    build.write_files(tmp_path, {"/usr/a": b"a"})
    (tmp_path / "link").symlink_to("/usr")
    folder = "link/." if through_a_link else "usr"
    for content in (b"a", b"b"):
        line = f"R:a\nZ:{build.apk_digest(content)}\n"
        build.write_apk(tmp_path, {"/usr/a": b"a"}, f"F:{folder}\n{line}")
        (package,) = checksig.verify_apk(root=tmp_path).packages
        assert package.report is not None
        assert package.report.bad_line_count == (content == b"b")
        # The link itself is no folder.
        assert bool(package.report.failures) == through_a_link


def test_where_the_database_is(root: Path) -> None:
    """In /lib or /usr/lib, which can be the same; two of them are an error."""
    (root / "usr/lib").mkdir()
    shutil.move(root / "lib/apk", root / "usr/lib/apk")
    assert checksig.verify_apk(root=root).ok
    (root / "lib").rmdir()
    (root / "lib").symlink_to("usr/lib")
    assert checksig.verify_apk(root=root).ok
    (root / "lib").unlink()
    shutil.copytree(root / "usr/lib", root / "lib")
    with pytest.raises(ManifestError, match="two databases"):
        checksig.verify_apk(root=root)
    for empty in (b"", b"\n\n"):
        (root / "lib/apk/db/installed").write_bytes(empty)
        shutil.rmtree(root / "usr/lib", ignore_errors=True)
        with pytest.raises(ManifestNotFoundError, match="no package is installed"):
            checksig.verify_apk(root=root)
    shutil.rmtree(root / "lib")
    with pytest.raises(ManifestNotFoundError, match="apk has installed nothing there"):
        checksig.verify_apk(root=root)


def test_every_byte(root: Path) -> None:
    """No changed byte of a digest or a name leads to OK."""
    start = DATABASE.index("F:bin")
    end = DATABASE.index("F:etc\n")
    part = DATABASE[: DATABASE.index("P:busybox")] + "P:x\nV:1\n" + DATABASE[start:end] + "\n"
    first = part.index("F:bin")
    path = root / "lib/apk/db/installed"
    path.write_text(part)
    assert checksig.verify_apk(root=root).ok
    for i in range(first, len(part) - 1):
        path.write_text(part[:i] + chr(ord(part[i]) ^ 0x01) + part[i + 1 :])
        try:
            ok = checksig.verify_apk(root=root).ok
        except ManifestError:
            continue
        # An owner, which is not compared, the permissions of a link, and a letter that apk may use
        # for something else, which leaves a folder unlisted.
        line = part[part.rindex("\n", 0, i) + 1 :]
        assert not ok or line.startswith(("a:", "F:")), part[: i + 1]
