"""What differs on Windows: special names, devices, paths, the console."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig import Status, verify

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.skipif(sys.platform != "win32", reason="about Windows"),
    pytest.mark.usefixtures("engine"),
]

# Only Windows has these; other systems skip the tests.
windll: Any = getattr(ctypes, "windll", None)
CTRL_C_EVENT: int = getattr(signal, "CTRL_C_EVENT", 0)
NEW_GROUP: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)

Run = subprocess.CompletedProcess[str]

X = hashlib.sha256(b"x").hexdigest().encode()
OUTSIDE = "leads outside the manifest's folder"
NOT_REGULAR = "not a regular file"
NO_NAME = "not the name of a file on this system"


@pytest.fixture
def listed(tmp_path: Path) -> Callable[[bytes], Path]:
    """Make a folder with a.txt, sub/b and a manifest that lists one name."""

    def make(name: bytes) -> Path:
        folder = tmp_path / "tree"
        (folder / "sub").mkdir(parents=True, exist_ok=True)
        for file in ("a.txt", "sub/b"):
            (folder / file).write_bytes(b"x")
        escaped = b"\\" if b"\\" in name else b""
        line = escaped + X + b"  " + name.replace(b"\\", b"\\\\") + b"\n"
        (folder / "SHA256SUMS").write_bytes(line)
        return folder

    return make


@pytest.mark.parametrize(
    "name",
    [
        b"C:/Windows/win.ini",
        b"c:\\Windows\\win.ini",
        b"\\Windows\\win.ini",
        b"/Windows/win.ini",
        b"\\\\?\\C:\\Windows\\win.ini",
        b"//?/C:/Windows/win.ini",
        b"\\\\.\\C:\\Windows\\win.ini",
        b"\\??\\C:\\Windows\\win.ini",
        b"\\\\host\\share\\a.txt",
        b"//host/share/a.txt",
        b"..\\tree\\a.txt",
        b"sub\\..\\..\\tree\\a.txt",
    ],
)
def test_absolute_names_are_refused(listed: Callable[[bytes], Path], name: bytes) -> None:
    """Drives, shares, device namespaces and rooted paths are never opened."""
    (failure,) = verify(listed(name), check=False).failures
    assert (failure.status, failure.detail) == (Status.UNREADABLE, OUTSIDE)


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize(
    "name",
    [b"NUL", b"nul.txt", b"CON", b"COM1", b"LPT1.log", b"CONIN$", b"sub/NUL", b"sub\\com1.x"],
)
def test_devices_are_refused(
    listed: Callable[[bytes], Path], name: bytes, *, outside: bool
) -> None:
    """Device names are refused in every folder, with any extension."""
    (failure,) = verify(listed(name), check=False, follow_outside=outside).failures
    assert (failure.status, failure.detail) == (Status.UNREADABLE, NOT_REGULAR)


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        b"a.txt:stream",
        b"a.txt::$DATA",
        b"sub:stream/a.txt",
        b"C:a.txt",
        b"a.txt.",
        b"a.txt ",
        b"sub./b",
        b"sub /b",
        b"...",
        b"caf\xe9",
        b"\xff",
        b"\xed\xa0",
    ],
)
def test_names_that_would_open_another_file(
    listed: Callable[[bytes], Path], name: bytes, *, outside: bool
) -> None:
    """Streams, trailing dots and spaces, and bytes that are not UTF-8 are refused."""
    folder = listed(name)
    with open(f"{folder}\\a.txt:stream", "wb") as stream:
        stream.write(b"x")
    (folder / "caf\ufffd").write_bytes(b"x")
    (failure,) = verify(folder, check=False, follow_outside=outside).failures
    assert (failure.status, failure.detail) == (Status.UNREADABLE, NO_NAME)
    assert failure.name == name.decode("utf-8", "surrogateescape")
    json.loads(verify(folder, check=False).to_json())


@pytest.mark.parametrize(
    ("name", "path"),
    [(b"sub/b", "sub\\b"), (b"sub\\b", "sub\\b"), (b"A.TXT", "A.TXT"), (b"SUB/B", "SUB\\B")],
)
def test_either_separator_and_either_case(
    listed: Callable[[bytes], Path], name: bytes, path: str
) -> None:
    """Both separators and any case work; paths are reported with backslashes."""
    folder = listed(name)
    report = verify(folder)
    assert report.results[0].path == f"{folder}\\{path}"
    assert str(report.results[0]) == f'"{folder}\\{path}" - ok'


def test_a_name_with_half_a_character(tmp_path: Path) -> None:
    """Names are 16-bit units; a lone surrogate is one."""
    name = "x\ud800y"
    try:
        (tmp_path / name).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system does not keep such names")
    if name not in os.listdir(tmp_path):
        pytest.skip("this file system does not keep such names")
    (tmp_path / "SHA256SUMS").write_bytes(X + b"  " + os.fsencode(name) + b"\n")
    assert verify(tmp_path, extra="fail").results[0].name == name


def test_rooted_names_with_follow_outside(listed: Callable[[bytes], Path]) -> None:
    """Without a drive they are on the drive of the folder."""
    folder = listed(b"a.txt")
    path = os.path.splitdrive(folder / "a.txt")[1]
    for name in (path, path.replace("\\", "/"), str(folder / "a.txt"), f"\\\\?\\{folder}\\a.txt"):
        assert verify(listed(os.fsencode(name)), follow_outside=True).verified == 1, name


@pytest.mark.parametrize("prefix", ["", "\\\\?\\"])
def test_paths_longer_than_260_characters(tmp_path: Path, prefix: str) -> None:
    """Long paths are found, read, written and reported, whatever the registry says."""
    parts = ["d" * 100] * 4
    deep = f"\\\\?\\{tmp_path}\\" + "\\".join(parts)
    os.makedirs(deep)
    with open(f"{deep}\\file", "wb") as file:
        file.write(b"x")
    written = checksig.create(f"{prefix}{tmp_path}")
    assert Path(written.manifest).read_bytes() == X + f"  {'/'.join(parts)}/file\n".encode()
    report = verify(f"{prefix}{tmp_path}", extra="fail")
    assert report.results[0].path == f"{prefix}{tmp_path}\\" + "\\".join([*parts, "file"])
    os.replace(written.manifest, f"{deep}\\SHA256SUMS")
    with open(f"{deep}\\SHA256SUMS", "wb") as file:
        file.write(X + b"  file\n")
    assert verify(f"{prefix}{tmp_path}", recursive=True).verified == 1
    assert verify(f"{prefix}{deep.removeprefix(chr(92) * 2 + '?' + chr(92))}").verified == 1


@pytest.mark.parametrize("shape", ["{}\\", "{}\\.", "\\\\?\\{}", "\\\\.\\{}"])
def test_ways_to_write_a_folder(listed: Callable[[bytes], Path], shape: str) -> None:
    """Every spelling of the folder's path works."""
    folder = listed(b"sub/b")
    assert verify(shape.format(folder)).verified == 1
    assert verify(folder.as_posix()).verified == 1
    assert verify(str(folder).swapcase()).verified == 1


def test_a_junction_leads_outside(listed: Callable[[bytes], Path], tmp_path: Path) -> None:
    """A junction, which any user can make, is followed only on request."""
    folder = listed(b"way/c")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "c").write_bytes(b"x")
    made = subprocess.run(
        ["cmd", "/c", "mklink", "/J", folder / "way", tmp_path / "elsewhere"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    if made.returncode or not (folder / "way" / "c").exists():
        pytest.skip("no junction can be made here")
    (failure,) = verify(folder, check=False).failures
    assert (failure.status, failure.detail) == (Status.UNREADABLE, OUTSIDE)
    assert verify(folder, follow_outside=True).verified == 1


def test_a_symbolic_link_leads_outside(listed: Callable[[bytes], Path], tmp_path: Path) -> None:
    """A symbolic link is refused, as on other systems."""
    folder = listed(b"link")
    (tmp_path / "secret").write_bytes(b"x")
    try:
        (folder / "link").symlink_to(tmp_path / "secret")
    except OSError as error:
        pytest.skip(f"no symbolic link can be made here: {error}")
    if not os.path.lexists(folder / "link"):  # Wine reports success without making it
        pytest.skip("no symbolic link can be made here")
    (failure,) = verify(folder, check=False).failures
    assert (failure.status, failure.detail) == (Status.UNREADABLE, OUTSIDE)


def test_a_sharing_violation(listed: Callable[[bytes], Path]) -> None:
    """It makes an entry unreadable, and the reason is reported."""
    folder = listed(b"a.txt")
    kernel = windll.kernel32
    kernel.CreateFileW.restype = ctypes.c_void_p
    kernel.CloseHandle.argtypes = [ctypes.c_void_p]
    handle = kernel.CreateFileW(str(folder / "a.txt"), 0x80000000, 0, None, 3, 0, None)
    try:
        (failure,) = verify(folder, check=False).failures
    finally:
        kernel.CloseHandle(handle)
    assert failure.status is Status.UNREADABLE
    assert failure.detail
    assert verify(folder).verified == 1


LIBRARY = Path(checksig.__file__).with_name("checksig.dll")


def test_the_library_stays() -> None:
    """Freeing the library, as cffi does at exit, does not unload it."""
    library = ctypes.CDLL(str(LIBRARY))
    assert library.checksig_abi() > 0
    kernel = windll.kernel32
    kernel.FreeLibrary.argtypes = [ctypes.c_void_p]
    kernel.GetModuleHandleW.restype = ctypes.c_void_p
    handle = library._handle
    for _ in range(64):
        kernel.FreeLibrary(handle)
    assert kernel.GetModuleHandleW(LIBRARY.name) == handle
    assert library.checksig_abi() > 0


def test_the_exit_code_is_pythons(
    python: Callable[..., str], listed: Callable[[bytes], Path]
) -> None:
    """Python's exit code is kept with the library loaded and threads running."""
    program = (
        "import subprocess, sys\n"
        "end = 'import checksig, sys; checksig.verify(sys.argv[1]); sys.exit(7)'\n"
        "command = [sys.executable, '-c', end, sys.argv[1]]\n"
        "print([subprocess.run(command, check=False).returncode for _ in range(8)])\n"
    )
    assert python(program, listed(b"a.txt"), timeout=110) == f"{[7] * 8}\n"


def test_the_library_exports_what_frees() -> None:
    """It exports free and the C API, and nothing of Go's own."""
    library = ctypes.CDLL(str(LIBRARY))
    for name in ("verify", "free", "checksig_abi", "checksig_start", "checksig_wait"):
        assert hasattr(library, name)
    for name in ("malloc", "crosscall2", "main", "checksig_release"):
        assert not hasattr(library, name)
    library.verify.restype = ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    for _ in range(1000):
        library.free(library.verify(None))


def test_a_signal_within_a_verification(python: Callable[..., str], huge: Path) -> None:
    """SIGINT, raised by Python, ends a verification at once."""
    program = (
        "import checksig, signal, sys, threading\n"
        "threading.Timer(1, signal.raise_signal, [signal.SIGINT]).start()\n"
        "try:\n"
        "    checksig.verify(sys.argv[1])\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    assert python(program, huge) == "interrupted\n"


def test_ctrl_c_at_the_console(huge: Path, tmp_path: Path) -> None:
    """Ctrl-C at the console ends the command with exit code 130."""
    if not windll.kernel32.GetConsoleWindow():
        pytest.skip("there is no console")
    program = (
        "import ctypes, runpy, sys\n"
        "ctypes.WinDLL('kernel32').SetConsoleCtrlHandler(None, False)\n"  # a new group ignores it
        "print('ready', flush=True)\n"
        "runpy.run_module('checksig', run_name='__main__', alter_sys=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, huge],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        creationflags=NEW_GROUP,
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stderr is not None
            assert child.stdout.readline().strip() == b"ready"
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(3)
            os.kill(child.pid, CTRL_C_EVENT)
            assert child.wait(60) == 130
            assert b"interrupted" in child.stderr.read()
        finally:
            child.kill()


@pytest.mark.parametrize("encoding", ["cp437", "cp1252", "ascii", "utf-8"])
def test_names_that_the_console_cannot_show(
    run: Callable[..., Run], tmp_path: Path, encoding: str
) -> None:
    """They are escaped; there is a verdict and no traceback in any code page."""
    for name in ("\u6587", "\u20ac", "\u044f"):
        (tmp_path / name).write_bytes(b"changed")
    names = ("\u6587", "\u20ac", "\u044f", "gone-\u6587")
    lines = [X + b"  " + os.fsencode(name) + b"\n" for name in names]
    (tmp_path / "SHA256SUMS").write_bytes(b"".join(lines) + X + b"  \xe9\n")
    environment = {"PYTHONIOENCODING": f"{encoding}:strict", "PYTHONUTF8": "0"}
    done = run(tmp_path, **environment) if encoding == "utf-8" else None
    words = [sys.executable, "-m", "checksig", str(tmp_path)]
    raw = subprocess.run(
        words, env={**os.environ, **environment}, capture_output=True, timeout=60, check=False
    )
    assert (raw.returncode, raw.stderr) == (1, b"")
    text = raw.stdout.decode(encoding)
    assert text.count("MISMATCHED") == 3
    assert "\u6587" in text or "\\u6587" in text
    assert "\\xe9" in text
    assert done is None or done.returncode == 1


def test_the_commands_of_coreutils(
    run: Callable[..., Run], listed: Callable[[bytes], Path]
) -> None:
    """They read and write lines with the line ends of GNU."""
    folder = listed(b"sub/b")
    done = run("sha256sum", "a.txt", cwd=folder)
    assert (done.returncode, done.stdout.split()[0].lstrip("\\")) == (0, X.decode())
    done = run("sha256sum", "-c", "SHA256SUMS", cwd=folder)
    assert (done.returncode, done.stdout.split()) == (0, ["sub/b:", "OK"])
