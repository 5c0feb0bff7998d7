"""Databases of packages that were made to block, to flood, to lead outside, or to show files."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig import ManifestError, PackageStatus
from checksig.packages import safefs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Run = subprocess.CompletedProcess[str]

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="about FIFOs, devices and links"),
    pytest.mark.slow,
]

SECRET = "root:$6$secret:19000:0:99999:7:::\n"  # noqa: S105


def fifo(path: Path, _outside: Path) -> None:
    """Opening it blocks."""
    os.mkfifo(path)


def device(path: Path, _outside: Path) -> None:
    """Reading it never ends."""
    path.symlink_to("/dev/zero")


def folder(path: Path, _outside: Path) -> None:
    """It cannot be read."""
    path.mkdir()


def link(path: Path, outside: Path) -> None:
    """It leads to a file that only few may read."""
    path.symlink_to(outside / "secret")


def relative_link(path: Path, outside: Path) -> None:
    """The same, by "..", more often than there are folders."""
    path.symlink_to("../" * 40 + str(outside / "secret").lstrip("/"))


def loop(path: Path, _outside: Path) -> None:
    """It leads to itself."""
    path.symlink_to(path.name)


def hard_link(path: Path, outside: Path) -> None:
    """It is the file that only few may read."""
    path.hardlink_to(outside / "secret")


def sparse(path: Path, _outside: Path) -> None:
    """It has more than fits into memory."""
    path.touch()
    os.truncate(path, 1 << 40)


ATTACKS = [fifo, device, folder, link, relative_link, loop, hard_link, sparse]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Make a folder with a secret, which no report may show."""
    made = tmp_path / "outside"
    made.mkdir()
    (made / "secret").write_text(SECRET)
    return made


@pytest.fixture
def bounded(run: Callable[..., Run]) -> Callable[..., Run]:
    """Run a command, and fail if it shows the secret or a traceback."""

    def bounded(*arguments: object) -> Run:
        done = run(*arguments)
        assert "secret:" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert "internal error" not in done.stderr
        return done

    return bounded


# --- Python environments


@pytest.fixture
def info(tmp_path: Path) -> Path:
    """Make an environment of one package, and return the folder of its metadata."""
    made = tmp_path / "env" / "lib" / "python3" / "site-packages" / "tool-1.dist-info"
    made.mkdir(parents=True)
    (made.parent / "tool.py").write_bytes(b"")
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: Tool\nVersion: 1\n\nName: Other\n")
    (made / "RECORD").write_text(
        "tool.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\ntool-1.dist-info/RECORD,,\n"
    )
    return made


def package_of(info: Path, *, follow_outside: bool = False) -> checksig.PackageReport:
    """Verify the environment of one package."""
    prefix = info.parents[3]
    (found,) = checksig.verify_environment(prefix, follow_outside=follow_outside).packages
    return found


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("name", ["RECORD", "METADATA", "INSTALLER", "direct_url.json"])
def test_every_file_of_a_package(
    info: Path, outside: Path, bounded: Callable[..., Run], name: str, attack: Callable[..., None]
) -> None:
    """None blocks, floods or is shown; without a RECORD that can be read, the package fails."""
    (info / name).unlink(missing_ok=True)
    attack(info / name, outside)
    if name == "INSTALLER":
        (info / "RECORD").unlink()
    for words in ([], ["--json"], ["-v"]):
        done = bounded("env", *words, info.parents[3])
        expected = {"RECORD": 1, "METADATA": 0, "INSTALLER": 1, "direct_url.json": 1}[name]
        if not (name == "METADATA" and attack is hard_link):
            assert done.returncode == expected
    assert package_of(info).status in {
        "RECORD": {PackageStatus.FAILED},
        "METADATA": {PackageStatus.VERIFIED},
    }.get(name, {PackageStatus.UNVERIFIABLE})


def test_links_inside_an_environment(info: Path, outside: Path) -> None:
    """They may lead anywhere inside, and outside only if allowed."""
    prefix = info.parents[3]
    for target in (prefix / "moved", "../../../../moved"):
        (info / "RECORD").rename(prefix / "moved")
        (info / "RECORD").symlink_to(target)
        assert package_of(info).status is PackageStatus.VERIFIED
        (info / "RECORD").unlink()
        (prefix / "moved").rename(info / "RECORD")
    (info / "RECORD").rename(outside / "record")
    (info / "RECORD").symlink_to(outside / "record")
    assert package_of(info).status is PackageStatus.FAILED
    assert package_of(info, follow_outside=True).status is PackageStatus.VERIFIED
    (info / "RECORD").unlink()
    info.rename(outside / "info")
    info.symlink_to(outside / "info")
    assert package_of(info).status is PackageStatus.FAILED


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"dir_info": {"editable": ' + b"[" * 5000 + b"]" * 5000 + b"}}",
        b"\xff",
        b"[]",
        b'{"dir_info": []}',
        b"1" * 10_000,
        b"",
    ],
)
def test_a_hostile_direct_url(info: Path, bounded: Callable[..., Run], content: bytes) -> None:
    """What cannot be understood may be an editable installation, which is not verified."""
    (info / "direct_url.json").write_bytes(content)
    found = package_of(info)
    if b"[[[[[" not in content or not content.endswith(b"}}"):
        assert found.status is PackageStatus.UNVERIFIABLE
        assert "may be editable" in (found.problem or "")
    assert bounded("env", info.parents[3]).returncode in {0, 1}


def test_faked_lines(info: Path, bounded: Callable[..., Run]) -> None:
    """A line break in INSTALLER, a URL or METADATA starts no line of the output."""
    fake = "x\nOK          everything: 9 packages: 9 verified"
    (info / "INSTALLER").write_text(fake)
    (info / "direct_url.json").write_text(json.dumps({"url": fake, "dir_info": {"editable": True}}))
    done = bounded("env", "-v", info.parents[3])
    assert not [line for line in done.stdout.splitlines() if line.startswith("OK")]
    assert done.returncode == 1
    (info / "RECORD").unlink()
    done = bounded("env", "-v", info.parents[3])
    assert not [line for line in done.stdout.splitlines() if line.startswith("OK")]
    assert "installed by x\n" in done.stdout


def test_a_program_that_answers_without_end(tmp_path: Path, bounded: Callable[..., Run]) -> None:
    """Of the answer of what should be a Python, only so much is read."""
    program = tmp_path / "python"
    for body in ("exec cat /dev/zero", "echo '[[1],[2]]'", "echo '{}'", "echo 7", "echo '[[],[]]'"):
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        done = bounded("env", program)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"checksig: {program}: is not a Python executable\n"


# --- Debian systems


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a system of two packages, the second of which replaced a file of the first."""
    made = tmp_path / "root"
    info = made / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (made / "usr").mkdir()
    (made / "usr/a").write_bytes(b"a")
    (made / "usr/b").write_bytes(b"b")
    stanzas = [
        f"Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n"
        for name in ("one", "two")
    ]
    (made / "var/lib/dpkg/status").write_text("\n".join(stanzas))
    a = hashlib.md5(b"a", usedforsecurity=False).hexdigest()
    old = hashlib.md5(b"old", usedforsecurity=False).hexdigest()
    b = hashlib.md5(b"b", usedforsecurity=False).hexdigest()
    (info / "one.md5sums").write_text(f"{old}  usr/a\n{b}  usr/b\n")
    (info / "one.list").write_text("/.\n/usr\n/usr/b\n")
    (info / "two.md5sums").write_text(f"{a}  usr/a\n")
    (info / "two.list").write_text("/.\n/usr\n/usr/a\n")
    (made / "etc/dpkg/dpkg.cfg.d").mkdir(parents=True)
    (made / "etc/dpkg/dpkg.cfg").write_text("path-exclude=/none\n")
    (made / "etc/dpkg/dpkg.cfg.d/x").write_text("path-exclude /none\n")
    (made / "var/lib/dpkg/diversions").write_text("/none\n/none.2\ntwo\n")
    return made


FILES = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/diversions",
    "var/lib/dpkg/info/one.md5sums",
    "var/lib/dpkg/info/one.list",
    "var/lib/dpkg/info/two.list",
    "etc/dpkg/dpkg.cfg",
    "etc/dpkg/dpkg.cfg.d/x",
]


def test_the_system_without_an_attack(root: Path) -> None:
    """It is verified, so each attack below is what fails."""
    report = checksig.verify_dpkg(root=root)
    assert report.ok
    assert [len(package.skipped) for package in report.packages] == [1, 0]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("name", FILES)
def test_every_file_of_a_system(
    root: Path, outside: Path, bounded: Callable[..., Run], name: str, attack: Callable[..., None]
) -> None:
    """None blocks, floods or is shown, and the result is never OK because of one."""
    (root / name).unlink()
    attack(root / name, outside)
    done = bounded("dpkg", "--root", root)
    harmless = "dpkg.cfg" in name and attack in {hard_link, link, relative_link}
    # In the root, these links lead nowhere.
    nowhere = attack in {link, relative_link, device} and name not in {FILES[0], FILES[3]}
    if harmless or (nowhere and name != FILES[4]):
        assert done.returncode in {0, 1}
    else:
        assert done.returncode in {1, 2}
        assert "OK  " not in done.stdout


def test_links_in_a_system_stay_in_it(root: Path, outside: Path) -> None:
    """An absolute link is resolved beneath the root, as in a chroot."""
    (root / "var/lib/dpkg").rename(root / "usr/dpkg")
    for target in ("/usr/dpkg", "../../usr/dpkg", "../../../../../usr/dpkg"):
        (root / "var/lib/dpkg").symlink_to(target)
        assert checksig.verify_dpkg(root=root).ok
        (root / "var/lib/dpkg").unlink()
    (root / "var/lib/dpkg").symlink_to(root / "usr/dpkg")  # a path of the host
    with pytest.raises(checksig.ManifestNotFoundError):
        checksig.verify_dpkg(root=root)
    assert outside.exists()


@pytest.mark.parametrize(
    "name", ["../../../evil", "..", ".", "", "a/b", "/etc/passwd", "a\0b", "a b", "a\x1b", "-", "é"]
)
@pytest.mark.parametrize("field", ["Package", "Architecture"])
def test_names_in_status(root: Path, bounded: Callable[..., Run], name: str, field: str) -> None:
    """A name that is none of a package, and could lead anywhere, is refused."""
    fields = {"Package": "x", "Architecture": "all", field: name}
    text = "".join(f"{key}: {value}\n" for key, value in fields.items())
    status = root / "var/lib/dpkg/status"
    status.write_text(f"{text}Status: install ok installed\nVersion: 1\nMulti-Arch: same\n")
    (root / "evil.md5sums").write_text(SECRET)
    with pytest.raises(ManifestError, match="is not understood"):
        checksig.verify_dpkg(root=root)
    assert bounded("dpkg", "--root", root).returncode == 2


@pytest.mark.parametrize("name", ["usr/../usr/a", "x/../usr/a", "../usr/a", "usr/a/../a"])
def test_a_name_with_dots_is_never_excused(root: Path, name: str) -> None:
    """Through a link it is another file than the one that another package lists."""
    sums = root / "var/lib/dpkg/info/one.md5sums"
    sums.write_text(sums.read_text().replace("usr/a", name))
    (root / "etc/dpkg/dpkg.cfg").write_text("path-exclude=*\n")
    report = checksig.verify_dpkg(root=root)
    assert [package.status for package in report.packages] == [
        PackageStatus.FAILED,
        PackageStatus.VERIFIED,
    ]
    assert not report.packages[0].skipped


def test_lines_of_blanks(root: Path) -> None:
    """They take time in proportion to their length; a quadratic search would take hours."""
    blanks = " \t" * 100_000
    (root / "etc/dpkg/dpkg.cfg").write_text(f"path-exclude={blanks}x{blanks}\n")
    with (root / "var/lib/dpkg/status").open("a") as status:
        status.write(f"\n{blanks}\n{blanks}{blanks}x{blanks}\n\n")
    assert checksig.verify_dpkg(root=root).ok
    info = root / "var/lib/dpkg/info"
    for suffix in ("list", "md5sums"):
        (info / f"two.{suffix}").rename(info / f"x.{suffix}")
    stanza = "Package: x\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nConffiles:\n"
    (root / "var/lib/dpkg/status").write_text(stanza + " /etc/x 0\n" * 300_000)
    assert checksig.verify_dpkg(root=root).ok


def test_filters(root: Path, bounded: Callable[..., Run]) -> None:
    """The spellings that dpkg accepts; too many are refused."""
    (root / "usr/a").unlink()
    for line in ("path-exclude=/usr/a", "path-exclude /usr/a", " path-exclude = '/usr/*' "):
        (root / "etc/dpkg/dpkg.cfg").write_text(f"# comment\n{line}\n")
        assert checksig.verify_dpkg("two", root=root).packages[0].skipped, line
    for line in ("path-excluded=/usr/a", "path-exclude", "path-exclude=", "#path-exclude=/usr/a"):
        (root / "etc/dpkg/dpkg.cfg").write_text(f"{line}\n")
        assert not checksig.verify_dpkg("two", root=root), line
    (root / "etc/dpkg/dpkg.cfg").write_text("path-exclude=/usr/*\n" * 2000)
    assert bounded("dpkg", "--root", root).returncode == 2


# --- other systems, and conda environments


def written(kind: str, folder: Path, build: Any) -> None:
    """Write a system or an environment of one package."""
    files = {"/usr/a": b"a"}
    build.write_files(folder, files)
    if kind == "rpm":
        build.write_sqlite(folder, [build.header(build.tags_of(files))])
    elif kind == "rpm of SUSE":
        build.write_ndb(folder, [build.header(build.tags_of(files))])
    else:
        getattr(build, f"write_{kind}")(folder, files)


OTHERS = [
    ("rpm", "var/lib/rpm/rpmdb.sqlite"),
    ("rpm", "var/lib/rpm/rpmdb.sqlite-wal"),
    ("rpm of SUSE", "usr/lib/sysimage/rpm/Packages.db"),
    ("pacman", "var/lib/pacman/local/tool-1-2/desc"),
    ("pacman", "var/lib/pacman/local/tool-1-2/files"),
    ("pacman", "var/lib/pacman/local/tool-1-2/mtree"),
    ("pacman", "etc/pacman.conf"),
    ("apk", "lib/apk/db/installed"),
    ("conda", "conda-meta/tool-1-h_0.json"),
]


@pytest.mark.parametrize("kind", ["rpm", "rpm of SUSE", "pacman", "apk", "conda"])
def test_the_others_without_an_attack(tmp_path: Path, build: Any, kind: str) -> None:
    """Each is verified, so each attack below is what fails."""
    written(kind, tmp_path, build)
    verify = getattr(checksig, f"verify_{kind.split(maxsplit=1)[0]}")
    assert verify(**{"prefix" if kind == "conda" else "root": tmp_path}).ok


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(("kind", "name"), OTHERS)
def test_every_file_of_other_databases(  # noqa: PLR0917
    tmp_path: Path,
    outside: Path,
    bounded: Callable[..., Run],
    build: Any,
    kind: str,
    name: str,
    attack: Callable[..., None],
) -> None:
    """None blocks, floods or is shown, and the result is never OK because of one."""
    root = tmp_path / "root"
    written(kind, root, build)
    words = ("conda", root) if kind == "conda" else (kind.split(maxsplit=1)[0], "--root", root)
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).unlink(missing_ok=True)
    attack(root / name, outside)
    done = bounded(*words)
    optional = name.endswith(("-wal", "pacman.conf"))
    # In the root, these links lead nowhere. SQLite ignores a log that is none.
    if optional and attack in {device, link, relative_link, hard_link}:
        assert done.returncode == 0
    else:
        assert done.returncode in {1, 2}
        assert "OK  " not in done.stdout


@pytest.mark.parametrize("kind", ["rpm", "rpm of SUSE", "pacman", "apk"])
def test_links_in_other_systems_stay_in_them(tmp_path: Path, build: Any, kind: str) -> None:
    """An absolute link is resolved beneath the root, as in a chroot, also to a file."""
    root = tmp_path / "root"
    written(kind, root, build)
    verify = getattr(checksig, f"verify_{kind.split(maxsplit=1)[0]}")
    (root / "usr").rename(root / "moved")
    (root / "usr").symlink_to("/moved")
    if kind == "apk":  # which lists the folder
        (package,) = verify(root=root).packages
        assert package.report is not None
        assert [failure.name for failure in package.report.failures] == ["/usr"]
    elif kind != "rpm of SUSE":  # whose database has moved as well
        assert verify(root=root).ok
    (root / "usr").unlink()
    (root / "usr").symlink_to(root / "moved")  # a path of the host
    try:
        assert not verify(root=root).ok
    except checksig.ManifestNotFoundError:
        assert kind == "rpm of SUSE"
    (root / "usr").unlink()
    (root / "moved").rename(root / "usr")
    (root / "usr/a").rename(root / "b")
    (root / "usr/a").symlink_to("../b")  # with the same content
    assert not verify(root=root).ok


@pytest.mark.parametrize(("kind", "name"), OTHERS)
def test_a_database_that_few_may_read(
    tmp_path: Path, bounded: Callable[..., Run], build: Any, kind: str, name: str
) -> None:
    """Nothing of a file that is none of the database is shown, however it is damaged."""
    root = tmp_path / "root"
    written(kind, root, build)
    words = ("conda", root) if kind == "conda" else (kind.split(maxsplit=1)[0], "--root", root)
    path = root / name
    content = path.read_bytes() if path.exists() else b""
    for spoilt in (SECRET.encode(), content[: len(content) // 2] + SECRET.encode() + content):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(spoilt)
        done = bounded(*words, "-v")
        if not name.endswith(("-wal", "pacman.conf")):
            assert done.returncode in {1, 2}


# --- the opener


def test_the_opener(root: Path, outside: Path) -> None:
    """What it opens, in both kinds of root, and that it leaves nothing open."""
    before = os.listdir("/dev/fd")
    (root / "usr/l").symlink_to("a")
    (root / "usr/out").symlink_to(outside)
    (root / "usr/absolute").symlink_to("/usr/a")
    (root / "usr/up").symlink_to("../../../../../../../../usr/a")
    (root / "usr/self").symlink_to(root / "usr/a")
    deep = "/".join(["usr"] + ["x"] * 300)
    (root / deep).mkdir(parents=True)
    expected = {
        True: {"usr/a", "usr/l", "/usr//./a", "usr/../usr/a", "usr/absolute", "usr/up", "../usr/a"},
        False: {"usr/a", "usr/l", "/usr//./a", "usr/../usr/a", "usr/self"},
    }
    names = {*expected[True], *expected[False], "usr/out/secret", "usr", "", "usr/a/x", "\0"}
    for is_system, good in expected.items():
        files = safefs.Root(root, is_system=is_system)
        for name in names | {f"{deep}/x"}:
            if name in good:
                assert files.read(name, 1) == b"a"
                assert os.path.samefile(files.resolve(name), root / "usr/a")
            else:
                with pytest.raises(OSError, match=r".") as caught:
                    files.read(name, 1)
                assert caught.value.filename == files.path(name)
        with pytest.raises(OSError, match="more than 0 bytes"):
            files.read("usr/a", 0)
        assert files.read_start("usr/a", 0) == b""
        assert "a" in files.names("usr")
        assert files.names("none") == files.names("usr/a") == []
        assert (files.is_file("usr/a"), files.is_file("usr/l")) == (True, False)
        assert (files.exists("usr/self"), files.exists("usr/none")) == (True, False)
    assert os.listdir("/dev/fd") == before


@pytest.mark.skipif(sys.platform != "linux", reason="this limit is kept by Linux")
def test_memory_is_bounded(root: Path, python: Callable[..., str]) -> None:
    """A database of a terabyte is an error, found without reading it."""
    status = root / "var/lib/dpkg/status"
    os.truncate(status, 1 << 40)
    program = """
import re, sys
import checksig
try:
    checksig.verify_dpkg(root=sys.argv[1])
except OSError as error:
    print(error.strerror)
peak = re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1]
print(int(peak) < 400_000)
"""
    assert python(program, root) == f"has more than {64 << 20} bytes\nTrue\n"
