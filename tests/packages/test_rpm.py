"""RPM packages: made and installed by rpm, and compared with rpm -V; and databases made here."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shutil
import sqlite3
import struct
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig import ManifestError, ManifestNotFoundError, PackageStatus, Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Run = subprocess.CompletedProcess[str]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="rpm is for POSIX systems")
needs_rpm = [
    pytest.mark.needs("rpm", "rpmbuild"),
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0, reason="rpm installs packages for root"
    ),
    pytest.mark.xdist_group("rpm"),  # whose fixture builds packages
]

SPEC = """
Name: tool
Version: 1
Release: 2
Epoch: 3
Summary: x
License: x
BuildArch: noarch
%description
x
%package doc
Summary: x
%description doc
x
%package empty
Summary: x
%description empty
x
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/usr/share/doc/tool
mkdir -p '%{buildroot}/usr/share/a b' %{buildroot}/var/lib/tool
echo a > %{buildroot}/usr/bin/a
echo su > %{buildroot}/usr/bin/su
ln %{buildroot}/usr/bin/a %{buildroot}/usr/bin/hard
ln -s a %{buildroot}/usr/bin/link
echo b > '%{buildroot}/usr/share/a b/ü'
echo c > %{buildroot}/etc/changed
echo c > %{buildroot}/etc/unchanged
echo d > %{buildroot}/var/lib/tool/free
: > %{buildroot}/var/lib/tool/void
echo read > %{buildroot}/usr/share/doc/tool/README
%files
%attr(755,root,root) /usr/bin/a
%attr(755,root,root) /usr/bin/hard
%attr(4711,root,root) /usr/bin/su
/usr/bin/link
"/usr/share/a b"
%config(noreplace) /etc/changed
%config /etc/unchanged
%ghost /var/log/tool
%ghost %dir /var/cache/tool
%dir %attr(1777,root,root) /var/lib/tool
%verify(not md5 size mtime mode) /var/lib/tool/free
/var/lib/tool/void
%files doc
%doc /usr/share/doc/tool/README
%files empty
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, tool: Callable[..., str]) -> Path:
    """Build packages, and install them into a root folder."""
    folder = tmp_path_factory.mktemp("rpm")
    (folder / "tool.spec").write_text(SPEC)
    tool("rpmbuild", "-bb", "--define", f"_topdir {folder}/build", folder / "tool.spec")
    found = set((folder / "build/RPMS/noarch").iterdir())
    doc = {path for path in found if path.name.startswith("tool-doc")}
    root = folder / "root"
    root.mkdir()
    for packages, options in ((found - doc, ()), (doc, ("--excludedocs",))):
        where = ("--nodeps", "--root", root, "--dbpath", "/var/lib/rpm")
        tool("rpm", "-i", *options, *where, *packages)
    return root


@pytest.fixture
def root(installed: Path, tmp_path: Path) -> Path:
    """Copy the root folder, so that a test can change it."""
    made = tmp_path / "root"
    subprocess.run(["cp", "-a", installed, made], check=True, timeout=60)
    return made


@pytest.fixture
def run(run: Callable[..., Run]) -> Callable[..., Run]:
    """Run ``checksig rpm`` outside the source tree."""
    return functools.partial(run, "rpm")


def failed(report: checksig.InstalledReport) -> set[str]:
    """Return the files that failed."""
    reports = [package.report for package in report.packages if package.report is not None]
    return {failure.name for each in reports for failure in each.failures}


def of_rpm(root: Path, tool: Callable[..., str]) -> set[str]:
    """Return the files that rpm -V reports, without changed configuration files."""
    text = tool("rpm", "-V", "--nodeps", "--root", root, "--dbpath", "/var/lib/rpm", "-a", ok=False)
    lines = re.findall(r"^(missing|[.?A-Z0-9]{9}) +(?:([cdg]) )?(/.*)$", text, re.MULTILINE)
    return {name for how, kind, name in lines if kind != "c" or how == "missing"}


def with_marks(marks: list[Any]) -> Callable[[Any], Any]:
    """Return a decorator that adds *marks*."""
    return lambda function: functools.reduce(lambda f, mark: mark(f), marks, function)


@with_marks(needs_rpm)
def test_an_unchanged_system(root: Path, run: Callable[..., Run], tool: Callable[..., str]) -> None:
    """Everything is verified; ghosts and files left out are skipped."""
    before = sorted(os.listdir(root / "var/lib/rpm"))
    done = run("--root", root, "-v")
    assert (done.stderr, done.returncode) == ("", 1)
    assert "OK          tool 3:1-2.noarch: 13 entries: 11 verified, 2 skipped\n" in done.stdout
    assert "OK          tool-empty 3:1-2.noarch: no files\n" in done.stdout
    # Of tool-doc, rpm did not install its only file.
    assert "NO RECORD   tool-doc 3:1-2.noarch: 1 entry: 0 verified, 1 skipped" in done.stdout
    assert "no file was verified" in done.stdout
    assert run("--root", root, "--ignore-unrecorded").returncode == 0
    assert sorted(os.listdir(root / "var/lib/rpm")) == before
    report = checksig.verify_rpm("tool", root=root)
    assert report.ok
    assert {result.detail for result in report.packages[0].skipped} == {
        "not part of the package, but made later (%ghost)"
    }
    assert of_rpm(root, tool) == set()


CHANGES = ["change", "append", "to_folder", "to_link", "to_fifo", "setuid", "unlink"]
FILES = ["usr/bin/a", "usr/bin/su", "usr/share/a b/ü", "etc/changed", "var/lib/tool/free"]


@with_marks(needs_rpm)
@pytest.mark.parametrize("how", CHANGES)
def test_what_rpm_reports(root: Path, tool: Callable[..., str], build: Any, how: str) -> None:
    """Whatever happens to a file, rpm -V and checksig report the same ones."""
    for name in FILES:
        build.CHANGES[how](root / name)
    found = failed(checksig.verify_rpm(root=root))
    theirs = of_rpm(root, tool)
    changed = {f"/{name}" for name in FILES}
    if how in {"change", "append"}:
        assert found == theirs == {*changed, "/usr/bin/hard"} - {"/etc/changed", f"/{FILES[4]}"}
    elif how == "setuid":
        # rpm marks configuration files, which of_rpm() takes for changed ones.
        assert found == theirs | {"/etc/changed"} == {*changed, "/usr/bin/hard"} - {f"/{FILES[4]}"}
    else:
        assert theirs <= found == changed


@with_marks(needs_rpm)
def test_links_folders_and_database(root: Path, run: Callable[..., Run]) -> None:
    """A link that leads elsewhere, permissions of a folder, and a damaged database."""
    (root / "usr/bin/link").unlink()
    (root / "usr/bin/link").symlink_to("su")
    (root / "var/lib/tool").chmod(0o777)
    report = checksig.verify_rpm("tool-1-2.noarch", root=root)
    assert failed(report) == {"/usr/bin/link", "/var/lib/tool"}
    (package,) = report.packages
    assert package.report is not None
    assert sorted(failure.detail or "" for failure in package.report.failures) == [
        "has the permissions 0777, and is recorded with 1777",
        "leads to su, recorded as a",
    ]
    done = run("--root", root, "tool")
    assert "            leads to su, recorded as a\n" in done.stdout
    document = json.loads(run("--root", root, "--json", "tool").stdout)
    assert document["packages"][0]["status"] == "failed"
    assert run("--root", root, "none").returncode == 2
    path = root / "var/lib/rpm/rpmdb.sqlite"
    content = path.read_bytes()
    for spoilt in (content[:5000], b"", b"x" * 9000, content.replace(b"/usr/bin/", b"\0usr/bin/")):
        path.write_bytes(spoilt)
        done = run("--root", root)
        assert done.returncode in {1, 2}
        assert "OK " not in done.stdout
        assert "internal error" not in done.stderr


@with_marks(needs_rpm)
def test_a_write_ahead_log(root: Path, tmp_path: Path) -> None:
    """What is in the log alone is read, and nothing is written next to the database."""
    folder = root / "var/lib/rpm"
    database = sqlite3.connect(folder / "rpmdb.sqlite")
    database.execute("PRAGMA wal_autocheckpoint=0")
    database.execute("DELETE FROM Packages WHERE hnum = 1")
    database.commit()
    copy = tmp_path / "copy"  # as after a crash: the log is there, and no process has it open
    subprocess.run(["cp", "-a", root, copy], check=True, timeout=60)
    database.close()
    log = copy / "var/lib/rpm/rpmdb.sqlite-wal"
    assert log.stat().st_size > 0
    before = {path.name: path.read_bytes() for path in log.parent.iterdir()}
    names = [package.name for package in checksig.verify_rpm(root=copy).packages]
    assert len(names) == 2
    assert before == {path.name: path.read_bytes() for path in log.parent.iterdir()}
    log.unlink()
    assert len(checksig.verify_rpm(root=copy).packages) == 3


# --- databases that are made here


FILES_OF_TOOL = {"/usr/bin/a": b"a", "/etc/b": b"bb"}


@pytest.fixture
def made(tmp_path: Path, build: Any) -> Path:
    """Make a root folder with the files of a package."""
    root = tmp_path / "root"
    build.write_files(root, FILES_OF_TOOL)
    return root


@pytest.mark.parametrize("kind", ["write_sqlite", "write_ndb"])
def test_both_kinds_of_database(made: Path, build: Any, kind: str) -> None:
    """rpmdb.sqlite and Packages.db have the same headers."""
    headers = [build.header(build.tags_of(FILES_OF_TOOL)), build.header(build.tags_of({}, "x"))]
    path = getattr(build, kind)(made, headers)
    report = checksig.verify_rpm(root=made)
    assert report.ok
    assert [package.path for package in report.packages] == [str(path)] * 2
    (made / "usr/bin/a").write_bytes(b"b")
    assert failed(checksig.verify_rpm(root=made)) == {"/usr/bin/a"}


def test_every_byte_of_packages_db(made: Path, build: Any) -> None:
    """No byte of a changed ndb leads to OK, but those that nothing depends on."""
    path = build.write_ndb(made, [build.header(build.tags_of(FILES_OF_TOOL))])
    content = path.read_bytes()
    first_free = 32 + 16
    for i in [*range(first_free), *range(4096, len(content))]:
        path.write_bytes(content[:i] + bytes([content[i] ^ 0x41]) + content[i + 1 :])
        try:
            ok = checksig.verify_rpm(root=made).ok
        except ManifestError:
            ok = False
        # The generation, and the next number of a package.
        assert ok == (8 <= i < 12 or 16 <= i < 32), i
    for size in (0, 100, 4096, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(ManifestError):
            assert not checksig.verify_rpm(root=made)


def test_every_byte_of_a_header(made: Path, build: Any) -> None:
    """A header of which a byte was changed is an error, a failure, or says the same of files."""
    good = build.header(build.tags_of(FILES_OF_TOOL))
    count = struct.unpack_from(">I", good)[0]
    start = 8 + 16 * count
    harmless = 0
    for i in range(len(good)):
        bad = good[:i] + bytes([good[i] ^ 0x41]) + good[i + 1 :]
        build.write_sqlite(made, [bad])
        try:
            report = checksig.verify_rpm(root=made)
        except ManifestError:
            continue
        (package,) = report.packages
        if report.ok:  # a tag that is not read, the name, the version, or a flag
            assert package.report is not None
            assert package.report.entries == 2
            named = (package.name, package.version) != ("tool", "1-2.noarch")
            assert named or i < start or not good[i : i + 1].isalnum(), i
            harmless += not named
    assert harmless < 30


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (1000, None),
        (1000, (6, b"../../evil")),
        (1000, (6, b"")),
        (1000, (6, b"a\x1b[31m")),
        (1002, (6, b"a/b")),
        (1000, (8, [b"a", b"b"])),
        (1117, (8, [b"a"])),
        (1117, (8, [b"a", b"../../evil"])),
        (1118, (8, [b"usr/", b"etc/"])),
        (1118, (8, [b"/usr/bin/"])),
        (1116, (4, [0, 7])),
        (1116, (3, [0, 1])),
        (1028, (4, [1])),
        (1030, None),
        (1035, (8, [b"0" * 64])),
        (1036, None),
        (1037, None),
        (1029, (1, [0])),
        (1045, (4, [1])),
        (1027, (8, [b"/usr/bin/a", b"/etc/b"])),
    ],
)
def test_headers_that_are_not_understood(made: Path, build: Any, tag: int, value: Any) -> None:
    """Each is an error or a failure, and never OK."""
    tags = build.tags_of(FILES_OF_TOOL)
    assert_ok = build.write_sqlite(made, [build.header(tags)])
    assert checksig.verify_rpm(root=made).ok, assert_ok
    tags.pop(tag, None)
    if value is not None:
        tags[tag] = value
    build.write_sqlite(made, [build.header(tags)])
    try:
        ok = checksig.verify_rpm(root=made, ignore_unrecorded=True).ok
    except ManifestError:
        ok = False
    assert not ok


@pytest.mark.parametrize(
    ("digests", "algorithm", "code"),
    [
        ([b"", b""], 8, PackageStatus.UNVERIFIABLE),
        ([b"0" * 32, b"0" * 32], 8, PackageStatus.FAILED),
        ([b"0" * 64, b"0" * 64], 99, PackageStatus.FAILED),
        ([b"g" * 64, b"0" * 64], 8, PackageStatus.FAILED),
        ([b"0" * 64, b"0" * 64], 8, PackageStatus.FAILED),
    ],
)
def test_digests(made: Path, build: Any, digests: Any, algorithm: int, code: PackageStatus) -> None:
    """Without a digest nothing is verified; one that is not understood is a failure."""
    tags = {**build.tags_of(FILES_OF_TOOL), 1035: (8, digests), 5011: (4, [algorithm])}
    build.write_sqlite(made, [build.header(tags)])
    (package,) = checksig.verify_rpm(root=made).packages
    assert package.status is code
    assert package.undigested == (2 if not digests[0] else 0)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        *((1, "md5"), (2, "sha1"), (8, "sha256"), (9, "sha384"), (10, "sha512"), (11, "sha224")),
        *((12, "sha3_256"), (14, "sha3_512")),
    ],
)
def test_algorithms(made: Path, build: Any, number: int, name: str) -> None:
    """Every algorithm that a header can name; without a number it is MD5."""
    digests = [
        hashlib.new(name, content, usedforsecurity=False).hexdigest().encode()
        for content in FILES_OF_TOOL.values()
    ]
    tags = {**build.tags_of(FILES_OF_TOOL), 1035: (8, digests), 5011: (4, [number])}
    if name == "md5":
        del tags[5011]
    build.write_sqlite(made, [build.header(tags)])
    report = checksig.verify_rpm(root=made)
    assert report.ok
    assert report.packages[0].report is not None
    assert report.packages[0].report.manifests[0].algorithms == (name.replace("_", "-"),)
    (made / "usr/bin/a").write_bytes(b"b")
    assert failed(checksig.verify_rpm(root=made)) == {"/usr/bin/a"}


@pytest.mark.parametrize("state", [0, 1, 2, 3, 4, 5, 255])
def test_states(made: Path, build: Any, state: int) -> None:
    """A file that was replaced or left out is skipped; an unknown state is a failure."""
    tags = {**build.tags_of(FILES_OF_TOOL), 1029: (1, [state, 0])}
    build.write_sqlite(made, [build.header(tags)])
    (made / "usr/bin/a").write_bytes(b"x")
    assert checksig.verify_rpm(root=made).ok == (state in {1, 2, 3, 4})
    (made / "usr/bin/a").unlink()
    assert checksig.verify_rpm(root=made).ok == (state in {2, 3})


def test_flags(made: Path, build: Any) -> None:
    """A flag allows for the absence alone; a package of which nothing is left is not OK."""
    tags = {**build.tags_of(FILES_OF_TOOL), 1037: (4, [1 << 3, 1 << 3])}
    build.write_sqlite(made, [build.header(tags)])
    (made / "usr/bin/a").unlink()
    assert checksig.verify_rpm(root=made).ok
    (made / "etc/b").write_bytes(b"xx")
    assert failed(checksig.verify_rpm(root=made)) == {"/etc/b"}
    (made / "etc/b").unlink()
    (package,) = checksig.verify_rpm(root=made).packages
    assert (package.status, package.problem) == (PackageStatus.UNVERIFIABLE, "no file was verified")


def test_absolute_links_stay_in_the_root(made: Path, build: Any, tmp_path: Path) -> None:
    """As in a chroot; a file of the host is never read in place of one of the system."""
    build.write_sqlite(made, [build.header(build.tags_of(FILES_OF_TOOL))])
    (made / "usr/bin").rename(made / "usr/lib")
    (made / "usr/bin").symlink_to("/usr/lib")
    assert checksig.verify_rpm(root=made).ok
    build.write_files(tmp_path, {"/outside/a": b"a"})
    (made / "usr/bin").unlink()
    (made / "usr/bin").symlink_to(tmp_path / "outside")
    (package,) = checksig.verify_rpm(root=made).packages
    assert package.report is not None
    assert [failure.status for failure in package.report.failures] == [Status.MISSING]


@pytest.mark.parametrize(
    "table",
    [
        (
            "CREATE VIEW Packages AS WITH RECURSIVE c(hnum) AS (SELECT 1 UNION ALL SELECT hnum + 1"
            " FROM c) SELECT hnum, x'00' AS blob FROM c"
        ),
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob AS (zeroblob(9)))",
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)",
        "CREATE TABLE Other (x)",
    ],
)
def test_another_schema(made: Path, build: Any, table: str) -> None:
    """A view or a computed column could be any program."""
    build.write_sqlite(made, [], table)
    with pytest.raises(ManifestError, match="not a database of rpm"):
        checksig.verify_rpm(root=made)


def test_other_databases(made: Path, build: Any, run: Callable[..., Run]) -> None:
    """None, a Berkeley DB, two of them, one with a journal, and one without packages."""
    with pytest.raises(ManifestNotFoundError, match="rpm has installed nothing there"):
        checksig.verify_rpm(root=made)
    folder = made / "var/lib/rpm"
    folder.mkdir(parents=True)
    (folder / "Packages").write_bytes(b"x")
    done = run("--root", made)
    assert done.returncode == 2
    assert "rpmdb --rebuilddb" in done.stderr
    path = build.write_sqlite(made, [build.header(build.tags_of(FILES_OF_TOOL))])
    with pytest.raises(ManifestError, match="several databases"):
        checksig.verify_rpm(root=made)
    (folder / "Packages").unlink()
    assert checksig.verify_rpm(root=made).ok
    journal = folder / "rpmdb.sqlite-journal"
    journal.write_bytes(b"x")
    with pytest.raises(ManifestError, match="unfinished transaction"):
        checksig.verify_rpm(root=made)
    journal.unlink()
    build.write_sqlite(made, [])
    with pytest.raises(ManifestNotFoundError, match="no package is installed"):
        checksig.verify_rpm(root=made)
    (made / "usr/lib/sysimage").mkdir(parents=True)
    shutil.move(folder, made / "usr/lib/sysimage/rpm")
    build.write_sqlite(made, [build.header(build.tags_of(FILES_OF_TOOL))])
    shutil.rmtree(made / "usr/lib/sysimage/rpm")
    shutil.move(folder, made / "usr/lib/sysimage/rpm")
    folder.symlink_to("../../usr/lib/sysimage/rpm")
    assert checksig.verify_rpm(root=made).ok
    assert path.exists()
