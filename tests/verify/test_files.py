"""Hostile files: only regular files, read whole, below their root, are verified."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import checksig
from checksig import Status, verify

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(os.name != "posix", reason="about the files of POSIX systems")
linux = pytest.mark.skipif(sys.platform != "linux", reason="about Linux")

OUTSIDE = "leads outside the manifest's folder"
NOT_REGULAR = "not a regular file"
CHANGED = "changed while being read"
ZEROS = "0" * 64


def listed(content: bytes, name: str | bytes) -> bytes:
    """Return a line that lists *name* with the digest of *content*."""
    return hashlib.sha256(content).hexdigest().encode() + b"  " + os.fsencode(name) + b"\n"


def outcomes(report: checksig.Report) -> dict[str, tuple[Status, str | None]]:
    """Return status and detail of each name."""
    return {r.name: (r.status, r.detail) for r in report.results}


# --- what is not a regular file


def make_fifo(path: Path) -> None:
    """Make a FIFO; opening it would wait for a writer."""
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    """Make a socket."""
    here = os.getcwd()
    os.chdir(path.parent)  # the path of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path.name)
    finally:
        os.chdir(here)


def make_device(path: Path, kind: int, number: int) -> None:
    """Make a device node."""
    try:
        os.mknod(path, kind | 0o666, number)
    except PermissionError:
        pytest.skip("only the superuser may make devices")


def make_zero(path: Path) -> None:
    """Make a /dev/zero, which is endless."""
    make_device(path, stat.S_IFCHR, os.makedev(1, 5))


def make_disk(path: Path) -> None:
    """Make a block device."""
    make_device(path, stat.S_IFBLK, os.makedev(7, 0))


def link_to_fifo(path: Path) -> None:
    """Make a link to a FIFO."""
    os.mkfifo(path.with_name("fifo"))
    path.symlink_to("fifo")


SPECIAL: dict[str, Callable[[Path], None]] = {
    "FIFO": make_fifo,
    "socket": make_socket,
    "character device": make_zero,
    "block device": make_disk,
    "folder": Path.mkdir,
    "link to a FIFO": link_to_fifo,
}


@pytest.mark.parametrize("follow_outside", [False, True])
@pytest.mark.parametrize("kind", SPECIAL)
def test_special_files_are_refused(
    tree: Callable[..., Path], kind: str, follow_outside: bool
) -> None:
    """A special file is unreadable at once, and the others are verified."""
    folder = tree({"a": b"a", "special": b"", "z": b"z"})
    (folder / "special").unlink()
    SPECIAL[kind](folder / "special")
    report = verify(folder, check=False, follow_outside=follow_outside)
    assert outcomes(report) == {
        "a": (Status.VERIFIED, None),
        "special": (Status.UNREADABLE, NOT_REGULAR),
        "z": (Status.VERIFIED, None),
    }


@linux
@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/dev/null", NOT_REGULAR),
        ("/dev/zero", NOT_REGULAR),
        ("/proc/cpuinfo", CHANGED),  # of size 0, and not empty
        ("/proc/self/maps", CHANGED),
        ("/sys/kernel/mm/transparent_hugepage/enabled", CHANGED),  # a page by its size
        ("/proc/self/mem", ""),
        ("/proc/self/fd/0", ""),
    ],
)
def test_files_of_the_kernel_are_refused(tmp_path: Path, path: str, detail: str) -> None:
    """Files that the kernel generates are never verified, even with follow_outside."""
    if not os.path.lexists(path):
        pytest.skip("this system has no such file")
    (tmp_path / "SHA256SUMS").write_bytes(listed(b"", path))
    (refused,) = verify(tmp_path, check=False).failures
    assert (refused.status, refused.detail) == (Status.UNREADABLE, OUTSIDE)
    (refused,) = verify(tmp_path, check=False, follow_outside=True).failures
    assert refused.status in {Status.UNREADABLE, Status.MISSING}
    assert (refused.detail or "").startswith(detail)


@linux
def test_the_log_of_the_kernel_does_not_hang(tmp_path: Path, python: Callable[..., str]) -> None:
    """/proc/kmsg, an endless regular file that blocks, is refused."""
    (tmp_path / "SHA256SUMS").write_text(f"{ZEROS}  /proc/kmsg\n" * 3)
    program = """
import sys
from checksig import verify
report = verify(sys.argv[1], check=False, follow_outside=True)
print(report.entries, report.unreadable)
"""
    # Without permission EACCES makes it unreadable as well.
    assert python(program, tmp_path, timeout=30) == "3 3\n"


def test_a_fifo_is_left_alone(tree: Callable[..., Path]) -> None:
    """A FIFO is not opened: its writer keeps waiting for a reader."""
    folder = tree({"a": b"a", "fifo": b""})
    (folder / "fifo").unlink()
    os.mkfifo(folder / "fifo")
    program = "import sys; open(sys.argv[1], 'wb', 0).write(b'x')"
    with subprocess.Popen([sys.executable, "-c", program, folder / "fifo"]) as writer:
        try:
            time.sleep(0.5)  # until the writer opens the FIFO
            for _ in range(20):
                assert verify(folder, check=False).unreadable == 1
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(0.5)
        finally:
            writer.kill()


# --- links


def test_links(tree: Callable[..., Path]) -> None:
    """Links within the folder are followed; loops and dangling links fail."""
    folder = tree(dict.fromkeys(("file", "d/file", "link", "loop", "dangling", "d/up"), b"x"))
    for name in ("link", "loop", "dangling", "d/up"):
        (folder / name).unlink()
    (folder / "link").symlink_to("d/file")
    (folder / "loop").symlink_to("pool")
    (folder / "pool").symlink_to("loop")
    (folder / "dangling").symlink_to("nothing")
    (folder / "d" / "up").symlink_to("../file")
    for follow_outside in (False, True):
        found = outcomes(verify(folder, check=False, follow_outside=follow_outside))
        assert {name: status for name, (status, _) in found.items()} == {
            "file": Status.VERIFIED,
            "d/file": Status.VERIFIED,
            "link": Status.VERIFIED,
            "loop": Status.UNREADABLE,
            "dangling": Status.MISSING,
            "d/up": Status.VERIFIED,
        }
        assert found["loop"][1] == "too many levels of symbolic links"


def test_a_hard_link_is_a_file(tree: Callable[..., Path], tmp_path: Path) -> None:
    """A file with two names is verified, wherever the other name is."""
    folder = tree({"a": b"a"})
    (tmp_path / "other").hardlink_to(folder / "a")
    assert verify(folder).verified == 1


@pytest.mark.parametrize(
    "name",
    [
        "../out",
        "d/../../out",
        "./../out",
        "{outside}/out",
        "link",
        "folder/out",
        "d/up/out",
        "absolute",
        "d/./..//../out",
    ],
)
def test_names_that_lead_outside(tree: Callable[..., Path], tmp_path: Path, name: str) -> None:
    """Dots, absolute names and links are refused, and read only on request."""
    folder = tree({"d/in": b"in"})
    (tmp_path / "out").write_bytes(b"out")
    (folder / "link").symlink_to("../out")
    (folder / "absolute").symlink_to(tmp_path / "out")
    (folder / "folder").symlink_to("..")
    (folder / "d" / "up").symlink_to("../..")
    name = name.format(outside=tmp_path)
    (folder / "SHA256SUMS").write_bytes(listed(b"out", name) + listed(b"in", "d/in"))
    report = verify(folder, check=False)
    assert outcomes(report) == {
        name: (Status.UNREADABLE, OUTSIDE),
        "d/in": (Status.VERIFIED, None),
    }
    (refused,) = report.failures
    assert (refused.found, refused.size) == (None, 0)
    assert verify(folder, follow_outside=True).verified == 2


def test_what_is_outside_does_not_show(tree: Callable[..., Path]) -> None:
    """The report does not reveal whether a file outside exists or matches."""
    folder = tree({})
    lines = [listed(b"out", name) for name in ("../out", "../none", "/etc/passwd", "/none")]
    (folder / "SHA256SUMS").write_bytes(b"".join(lines))
    (folder.parent / "out").write_bytes(b"out")
    found = outcomes(verify(folder, check=False))
    assert set(found.values()) == {(Status.UNREADABLE, OUTSIDE)}
    assert len(found) == 4


def test_dots_after_a_link(tree: Callable[..., Path], tmp_path: Path) -> None:
    """After a link to a folder, ".." is the target's parent, as everywhere."""
    folder = tree({"x": b"wrong", "d/x": b"right", "d/e/y": b""})
    (folder / "link").symlink_to("d/e")
    (folder / "SHA256SUMS").write_bytes(listed(b"right", "link/../x"))
    for follow_outside in (False, True):
        report = verify(folder, check=False, follow_outside=follow_outside)
        assert outcomes(report) == {"link/../x": (Status.VERIFIED, None)}
        assert Path(report.results[0].path).read_bytes() == b"right"
    assert tmp_path in folder.parents


# --- files that change while they are read

SIZE = 256 << 20  # sparse: takes no room, and some tenths of a second to hash


def append(path: Path) -> None:
    """Add a byte."""
    with path.open("ab") as file:
        file.write(b"x")


def cut(path: Path) -> None:
    """Truncate the file to half."""
    os.truncate(path, SIZE // 2)


def empty(path: Path) -> None:
    """Truncate the file to nothing."""
    os.truncate(path, 0)


def replace(path: Path) -> None:
    """Replace it with another file of the same content."""
    other = path.with_name("other")
    with other.open("wb") as file:
        file.truncate(SIZE)
    other.replace(path)


def overwrite(path: Path) -> None:
    """Overwrite in place with the same content, and restore the times."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"\0")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def remove(path: Path) -> None:
    """Delete the file."""
    path.unlink()


@pytest.mark.parametrize("change", [append, cut, empty, replace, overwrite, remove])
def test_a_file_that_changes_is_refused(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """A file that changes while it is read is not verified."""
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(SIZE)
    zeros = hashlib.sha256()
    for _ in range(SIZE >> 20):
        zeros.update(bytes(1 << 20))
    (tmp_path / "SHA256SUMS").write_text(f"{zeros.hexdigest()}  file\n")
    changed: list[int] = []

    def once(progress: checksig.Progress) -> None:
        if progress.bytes_read and not changed:
            change(path)
            changed.append(progress.bytes_read)

    (failure,) = verify(tmp_path, check=False, progress=once).failures
    assert 0 < changed[0] < SIZE  # it was in the middle of the file
    assert failure.status is Status.UNREADABLE
    assert (failure.detail or "").startswith(CHANGED)
    assert failure.found is None


def test_a_file_that_grows_all_the_time_ends(tmp_path: Path, python: Callable[..., str]) -> None:
    """A log that grows faster than it is read does not block."""
    log = tmp_path / "log"
    log.write_bytes(bytes(1 << 20))
    (tmp_path / "SHA256SUMS").write_text(f"{ZEROS}  log\n")
    writer_program = """
import sys
with open(sys.argv[1], "ab", 0) as log:
    for _ in range(2_000):
        log.write(bytes(1 << 16))
"""
    program = """
import sys
from checksig import verify
for _ in range(20):
    failure, = verify(sys.argv[1], check=False).failures
    print(failure.status, failure.size)
"""
    with subprocess.Popen([sys.executable, "-c", writer_program, log]) as writer:
        try:
            out = python(program, tmp_path, timeout=60).splitlines()
        finally:
            writer.kill()
    # Between two writes the file is stable, but its digest differs.
    assert {line.split()[0] for line in out} <= {"unreadable", "mismatched"}
    assert len(out) == 20


# --- names


@linux
def test_names_of_every_kind(tmp_path: Path) -> None:
    """Newlines, backslashes, bytes that are not UTF-8, long names and dashes verify."""
    plain = [
        b"-",
        b"--help",
        b" ",
        b"  x",
        b"*",
        b"n" * 255,
        b"\xff\xfe\x80",
        b"#c",
        b"a\tb",
        b"\x1b[31m",
    ]
    escaped = {b"new\nline": rb"new\nline", b"back\\slash": rb"back\\slash", b"cr\r": rb"cr\r"}
    lines: list[bytes] = []
    for name in [*plain, *escaped]:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            file.write(name)
        line = listed(name, escaped.get(name, name))
        lines.append(b"\\" + line if name in escaped else line)
    (tmp_path / "SHA256SUMS").write_bytes(b"".join(lines))
    report = verify(tmp_path)
    assert [os.fsencode(r.name) for r in report.results] == [*plain, *escaped]


def test_a_nul_in_a_name_is_a_bad_line(tree: Callable[..., Path]) -> None:
    """The file named by the part before the NUL is not verified."""
    folder = tree({"a": b"a"})
    (folder / "SHA256SUMS").write_bytes(listed(b"a", b"a\0b"))
    report = verify(folder, check=False)
    assert report.entries == 0
    assert [(b.line, b.cause) for b in report.bad_lines] == [(1, "contains a NUL byte")]


def test_a_file_called_dash_is_not_the_input(
    tree: Callable[..., Path], python: Callable[..., str]
) -> None:
    """``-`` is a file's name; standard input is not read."""
    folder = tree({"-": b"x"})
    assert verify(folder).verified == 1
    (folder / "-").unlink()
    program = "import sys, checksig; print(checksig.verify(sys.argv[1], check=False).missing)"
    assert python(program, folder, timeout=30) == "1\n"


@linux
def test_look_alikes_are_other_names(tmp_path: Path) -> None:
    """Case makes another name; so does Unicode's form, if both files exist."""
    name = "Caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    (tmp_path / name).write_bytes(b"x")
    (tmp_path / unicodedata.normalize("NFD", "Zoë")).write_bytes(b"x")
    (tmp_path / "Zoë").write_bytes(b"y")
    similar = [
        name.lower(),
        name.upper(),
        "Zoë",
        name + " ",
        "./" + name,
    ]
    (tmp_path / "SHA256SUMS").write_bytes(b"".join(listed(b"x", n) for n in [name, *similar]))
    found = outcomes(verify(tmp_path, check=False))
    assert [status for status, _ in found.values()] == [
        Status.VERIFIED,
        *[Status.MISSING] * 2,
        Status.MISMATCHED,  # the other file with that content is not searched for
        Status.MISSING,
        Status.VERIFIED,  # ./ is the same folder
    ]
    assert list(found) == [name, *similar]


def test_a_name_too_long_is_not_verified(tree: Callable[..., Path]) -> None:
    """A component of 256 bytes is not a valid name."""
    folder = tree({"a": b"a"})
    (folder / "SHA256SUMS").write_bytes(listed(b"a", "n" * 256) + listed(b"a", "a/" + "n" * 256))
    report = verify(folder, check=False)
    assert report.verified == 0
    assert report.unreadable + report.missing == 2
    assert report.failures[0].detail == "file name too long"


def test_a_path_longer_than_any_path(tmp_path: Path) -> None:
    """A file in twenty nested folders of 250 bytes, beyond PATH_MAX, is verified."""
    part = "d" * 250
    at = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir(part, dir_fd=at)
        deeper = os.open(part, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = deeper
    file = os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=at)
    os.write(file, b"deep")
    os.close(file)
    os.close(at)
    name = "/".join([part] * 20 + ["file"])
    assert len(name) > os.pathconf(tmp_path, "PC_PATH_MAX")
    (tmp_path / "SHA256SUMS").write_bytes(listed(b"deep", name) + listed(b"deep", name + "x"))
    assert outcomes(verify(tmp_path, check=False)) == {
        name: (Status.VERIFIED, None),
        name + "x": (Status.MISSING, "no such file or directory"),
    }
    # As one path it is too long for the system.
    report = verify(tmp_path, check=False, follow_outside=True)
    assert {r.detail for r in report.failures} == {"file name too long"}


# --- what the system refuses

AS_NOBODY = """
import json, os, sys, checksig
checksig.verify(sys.argv[2], check=False)  # loads the engine, whose threads change user too
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
"""


def test_without_read_permission(
    open_folder: Path, httpd: Path, python: Callable[..., str]
) -> None:
    """A file or a folder without permission is unreadable, and the reason says so."""
    content = {"a": b"a", "secret": b"s", "d/x": b"x"}
    (open_folder / "d").mkdir()
    for name, c in content.items():
        (open_folder / name).write_bytes(c)
        (open_folder / name).chmod(0o644)
    (open_folder / "SHA256SUMS").write_bytes(b"".join(listed(c, n) for n, c in content.items()))
    (open_folder / "SHA256SUMS").chmod(0o644)
    (open_folder / "secret").chmod(0)
    (open_folder / "d").chmod(0)
    program = f"""{AS_NOBODY}
report = checksig.verify(sys.argv[1], check=False)
print(json.dumps([[r.name, r.status, r.detail] for r in report.results]))
"""
    try:
        found = json.loads(python(program, open_folder, httpd))
    finally:
        (open_folder / "d").chmod(0o755)
    assert found == [
        ["a", "verified", None],
        ["secret", "unreadable", "permission denied"],
        ["d/x", "unreadable", "permission denied"],
    ]


def test_a_manifest_without_read_permission(
    open_folder: Path, httpd: Path, python: Callable[..., str]
) -> None:
    """As the path it raises PermissionError; in a folder it is a failure."""
    (open_folder / "a").write_bytes(b"a")
    (open_folder / "a").chmod(0o644)
    (open_folder / "SHA256SUMS").write_bytes(listed(b"a", "a"))
    (open_folder / "SHA256SUMS").chmod(0o644)
    (open_folder / "MD5SUMS").touch()
    (open_folder / "MD5SUMS").chmod(0)
    program = f"""{AS_NOBODY}
try:
    checksig.verify(sys.argv[1] + "/MD5SUMS")
except PermissionError as error:
    print(error.errno, error.filename)
report = checksig.verify(sys.argv[1], check=False)
print(report.ok, report.verified, report.bad_lines[0])
"""
    path = open_folder / "MD5SUMS"
    assert python(program, open_folder, httpd) == (
        f'{errno.EACCES} {path}\nFalse 1 "{path}" - cannot be read: permission denied\n'
    )


# --- too few descriptors


def in_limits(program: str, limit: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program in a Python that may open *limit* files."""
    start = f"""
import resource, sys
import checksig, checksig._verify
try:
    import checksig._ffi
except ImportError:
    pass  # cffi does not serve every Python
resource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit}))
{program}
"""
    return subprocess.run(
        [sys.executable, "-c", start, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@linux
def test_few_descriptors_and_many_workers(tmp_path: Path, faulty: Callable[..., Path]) -> None:
    """64 workers with 16 descriptors verify every slow file."""
    folder = tmp_path / "files"
    folder.mkdir()
    names = [f"{i:02}" for i in range(100)]
    for name in names:
        (folder / name).write_bytes(name.encode())
    # So many entries that the second manifest is opened while all descriptors are in use.
    for manifest, part in (("a.sha256", names[:90] * 5), ("b.sha256", names[90:])):
        (folder / manifest).write_bytes(b"".join(listed(n.encode(), n) for n in part))
    mounted = faulty(folder, {name: {"delay": 0.02} for name in names})
    done = in_limits("print(checksig.verify(sys.argv[1], workers=64).summary())", 16, mounted)
    assert (done.stdout, done.stderr) == ("460 entries: 460 verified\n", "")


@pytest.mark.parametrize("limit", range(3, 14))
def test_too_few_descriptors_to_start(httpd: Path, limit: int) -> None:
    """With too few descriptors a call raises; the process never ends."""
    program = """
try:
    print(checksig.verify(sys.argv[1], check=False).summary())
except checksig.EngineError as error:
    print("EngineError", "descriptors" in str(error) or "Too many open files" in str(error))
except OSError as error:
    print("OSError", error.errno)
"""
    done = in_limits(program, limit, httpd)
    assert (done.returncode, done.stderr) == (0, "")
    allowed = {
        "EngineError True\n",
        f"OSError {errno.EMFILE}\n",
        "10 entries: 9 verified, 1 mismatched\n",
    }
    assert done.stdout in allowed
    if limit < 6:  # three are the standard streams
        assert done.stdout == "EngineError True\n"


@linux
def test_a_file_may_be_on_lease(tree: Callable[..., Path]) -> None:
    """A file with a lease, as Samba takes, is waited for and verified."""
    folder = tree({"a": b"a"})
    program = """
import fcntl, os, signal, sys
file = os.open(sys.argv[1], os.O_RDWR)
signal.signal(signal.SIGIO, lambda *_: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK))
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("held", flush=True)
while True:
    signal.pause()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, folder / "a"], stdout=subprocess.PIPE, text=True
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            assert outcomes(verify(folder, check=False)) == {"a": (Status.VERIFIED, None)}
        finally:
            holder.kill()


# --- file systems with faults


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """Make a folder of three files of 1 MiB, to be mounted by faultfs.py."""
    folder = tmp_path / "disc"
    folder.mkdir()
    lines: list[bytes] = []
    for name in ("a", "b", "c"):
        content = name.encode() * (1 << 20)
        (folder / name).write_bytes(content)
        lines.append(listed(content, name))
    (folder / "SHA256SUMS").write_bytes(b"".join(lines))
    return folder


@linux
def test_a_read_error_in_the_middle(disc: Path, faulty: Callable[..., Path]) -> None:
    """A file with a read error is unreadable, for the system's reason."""
    mounted = faulty(disc, {"b": {"eio": 500_000}})
    report = verify(mounted, check=False)
    assert outcomes(report) == {
        "a": (Status.VERIFIED, None),
        "b": (Status.UNREADABLE, "input/output error"),
        "c": (Status.VERIFIED, None),
    }
    assert report.failures[0].found is None


@linux
def test_a_read_error_in_the_manifest(disc: Path, faulty: Callable[..., Path]) -> None:
    """A manifest with a read error is a failure that names it."""
    with (disc / "SHA256SUMS").open("ab") as manifest:
        manifest.write(listed(b"a" * (1 << 20), "a") * 5000)
    (disc / "x.sha256").write_bytes(listed(b"a", "a"))
    mounted = faulty(disc, {"SHA256SUMS": {"eio": 250_000}, "x.sha256": {"eio": 0}})
    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as caught:
        verify(mounted / "x.sha256")
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(mounted / "x.sha256"))
    report = verify(mounted, check=False)
    assert not report.ok
    whole, cut_off = report.bad_lines[1], report.bad_lines[0]
    assert str(whole) == f'"{mounted / "x.sha256"}" - cannot be read: input/output error'
    assert cut_off.manifest == str(mounted / "SHA256SUMS")
    assert cut_off.cause == "cannot be read further: input/output error"
    assert cut_off.line == report.verified + 1 > 1


INTERRUPTED = """
import asyncio, sys, threading, time
import checksig
how, path, marker = sys.argv[1:]

def hanging():
    import os
    while not os.path.exists(marker):
        time.sleep(0.01)
    time.sleep(0.1)

async def main():
    task = asyncio.create_task(checksig.averify(path, workers=3))
    await asyncio.to_thread(hanging)
    at.append(time.monotonic())
    task.cancel()
    await task

at = []
token = checksig.CancelToken()

def stop():
    hanging()
    at.append(time.monotonic())
    if how == "token":
        token.cancel()
    else:
        import signal
        signal.raise_signal(signal.SIGINT)

if how != "asyncio":
    threading.Thread(target=stop).start()
try:
    if how == "asyncio":
        asyncio.run(main())
    elif how == "iter":
        for result in checksig.iter_verify(path, workers=3):
            pass
    else:
        checksig.verify(path, workers=3, cancel=token)
except BaseException as error:
    print(type(error).__name__, time.monotonic() - at[0] < 30, flush=True)
else:
    print("it ended")
"""


@linux
@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("interrupt", "KeyboardInterrupt"),
        ("iter", "KeyboardInterrupt"),
        ("token", "CancelledError"),
        ("asyncio", "CancelledError"),
    ],
)
@pytest.mark.parametrize("what", ["c", "SHA256SUMS"])
def test_a_read_that_hangs(
    disc: Path, faulty: Callable[..., Path], how: str, error: str, what: str
) -> None:
    """Interrupt and cancel end a call in a hanging file system."""
    mounted = faulty(disc, {what: {"hang": 0}})
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, how, mounted, disc.with_suffix(".hangs")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            out, err = child.communicate(timeout=60)  # while the read still hangs
        finally:
            child.kill()
    assert (out, err, child.returncode) == (f"{error} True\n", "", 0)


@linux
def test_the_command_leaves_a_read_that_hangs(
    disc: Path, faulty: Callable[..., Path], command: list[str]
) -> None:
    """Ctrl-C ends the command too."""
    mounted = faulty(disc, {"a": {"hang": 0}})
    with subprocess.Popen([*command, mounted], stderr=subprocess.PIPE, text=True) as child:
        try:
            end = time.monotonic() + 60
            while not disc.with_suffix(".hangs").exists():
                assert time.monotonic() < end
                time.sleep(0.01)
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=60)
        finally:
            child.kill()
    assert (child.returncode, err) == (130, "checksig: interrupted\n")


@linux
def test_a_slow_file_system(disc: Path, faulty: Callable[..., Path]) -> None:
    """Slow files are verified."""
    mounted = faulty(disc, {name: {"delay": 0.05} for name in ("a", "b", "SHA256SUMS")})
    assert verify(mounted).verified == 3


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """Make a folder of 96 small files, to be mounted by faultfs.py."""
    folder = tmp_path / "remote"
    folder.mkdir()
    names = [f"{i:02}" for i in range(96)]
    for name in names:
        (folder / name).write_bytes(name.encode() * 500)
    lines = [listed(name.encode() * 500, name) for name in names]
    (folder / "SHA256SUMS").write_bytes(b"".join(lines))
    return folder


@linux
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("work", ["verify", "create", "several", "leave_cache"])
def test_as_many_files_are_read_at_once_as_asked(
    remote: Path, faulty: Callable[..., Path], tmp_path: Path, work: str, workers: int
) -> None:
    """With io_depth=8, eight reads go on at the same time.

    Of three workers, two may take all files on a busy machine: each has three threads that read.
    """
    at_once = 6 if workers == 3 else 8
    with (remote / "SHA256SUMS").open("ab") as sums:
        for name in (f"+{i}" for i in range(100, 200)):
            (remote / name).write_bytes(name.encode())
            sums.write(listed(name.encode(), name))
    names = [path.name for path in remote.iterdir() if len(path.name) in {2, 4}]
    if work == "several":
        checksig.create(remote, algorithm="md5", output=remote / "MD5SUMS", exclude=["SHA256SUMS"])
    mounted = faulty(remote, {name: {"others": at_once} for name in names})
    if work == "create":
        output = tmp_path / "sums"
        exclude = ["SHA256SUMS"]
        checksig.create(
            mounted, output=output, workers=workers, io_depth=8, exclude=exclude, remember=False
        )
        assert output.read_text().count("\n") == len(names)
    else:
        leave_cache = work == "leave_cache"
        report = verify(mounted, workers=workers, io_depth=8, leave_cache=leave_cache)
        assert len({result.name for result in report.results}) == len(names)


@linux
@pytest.mark.parametrize("depth", [None, 1, 5, 64])
def test_results_do_not_depend_on_the_depth(
    remote: Path, faulty: Callable[..., Path], depth: int | None
) -> None:
    """Slow files have the results that they have where they lie."""
    (remote / "00").write_bytes(b"tampered" * 125)
    (remote / "01").write_bytes(b"of another size")
    (remote / "02").unlink()
    (remote / "03").unlink()
    (remote / "03").symlink_to("04")
    (remote / "05").unlink()
    (remote / "05").symlink_to("../SHA256SUMS")
    (remote / "06").rename(remote / "folder")
    (remote / "06").mkdir()
    (remote / "more.md5").write_bytes(listed(b"99" * 500, "folder/../99"))
    expected = outcomes(verify(remote, check=False))
    names = [path.name for path in remote.iterdir() if path.is_file()]
    mounted = faulty(remote, {name: {"delay": 0.01} for name in names})
    assert outcomes(verify(mounted, check=False, io_depth=depth)) == expected


@linux
@pytest.mark.parametrize("depth", [None, 64])
def test_a_slow_file_system_is_asked_for_many_files(
    remote: Path, faulty: Callable[..., Path], depth: int | None
) -> None:
    """After some slow reads, there are more of them at once than workers."""
    faults = {f"{i:02}": {"delay": 0.02} if i < 40 else {"others": 6} for i in range(88)}
    mounted = faulty(remote, faults)
    assert verify(mounted, workers=2, io_depth=depth).verified == 96


@linux
@pytest.mark.parametrize("how", ["interrupt", "token"])
def test_many_reads_that_hang(remote: Path, faulty: Callable[..., Path], how: str) -> None:
    """Interrupt and cancel end a call with 64 reads in a hanging file system.

    The process itself can end only when the kernel's requests do.
    """
    mounted = faulty(remote, {f"{i:02}": {"hang": 0} for i in range(96)})
    marker = remote.with_suffix(".hangs")
    program = INTERRUPTED.replace("workers=3", "io_depth=64")
    with subprocess.Popen(
        [sys.executable, "-c", program, how, mounted, marker], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout
        try:
            line = child.stdout.readline()
        finally:
            os.kill(int(marker.read_text()), signal.SIGKILL)
            child.kill()
    error = {"interrupt": "KeyboardInterrupt", "token": "CancelledError"}[how]
    assert line == f"{error} True\n"


@linux
def test_a_file_system_that_dies(disc: Path, faulty: Callable[..., Path]) -> None:
    """If the file system dies during a read, its file is unreadable."""
    mounted = faulty(disc, {"b": {"hang": 0}})
    marker = disc.with_suffix(".hangs")

    def die(_: checksig.Progress) -> None:
        if marker.exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(marker.read_text()), signal.SIGKILL)

    report = verify(mounted, check=False, progress=die)
    assert outcomes(report)["b"][0] is Status.UNREADABLE
    assert not report.ok
