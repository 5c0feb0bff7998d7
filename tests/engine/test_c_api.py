"""The C API, used as a C program or another language would."""

from __future__ import annotations

import ctypes
import functools
import json
import os
import random
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig._engine.wire import ABI, FailureCode, Kind, decode_batch, decode_failure

pytest.importorskip("_cffi_backend", reason="cffi does not serve this Python")
from checksig._ffi import ffi

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.library

NAMES = {"win32": "checksig.dll", "darwin": "libchecksig.dylib"}
GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "quoting.json"
QUOTING: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
LIBRARY = str(Path(checksig.__file__).with_name(NAMES.get(sys.platform, "libchecksig.so")))


@pytest.fixture(scope="module")
def lib() -> Any:
    """Open the library with the installed declarations."""
    return ffi.dlopen(LIBRARY)


def message(lib: Any, root: Any) -> str | None:
    """Call verify and free what it returns."""
    text = lib.verify(root)
    if text == ffi.NULL:
        return None
    try:
        found = ffi.string(text)
        assert isinstance(found, bytes)
        return os.fsdecode(found)
    finally:
        lib.free(text)


def test_verify_returns_null_or_a_message(lib: Any, httpd: Path, tree: Callable[..., Path]) -> None:
    """NULL means success; otherwise the message lists the failures."""
    assert message(lib, os.fsencode(tree({"a": b"a"}, "sha1sum.txt", "sha1"))) is None
    assert message(lib, os.fsencode(httpd)) == f'"{httpd / "httpd-08.log"}" - mismatch'
    none = httpd / "none"
    assert (message(lib, os.fsencode(none)) or "").startswith(f"open {none}: ")
    assert message(lib, ffi.NULL) == "verify: root is NULL"


def test_verify_agrees_with_check_signatures(lib: Any, tree: Callable[..., Path]) -> None:
    """The C function and check_signatures give the same message."""
    folder = tree({"a": b"a", "b": b"b", "c": b"c", "d/e": b"e"})
    (folder / "a").write_bytes(b"changed")
    (folder / "b").unlink()
    (folder / "c").unlink()
    (folder / "c").mkdir()
    with (folder / "SHA256SUMS").open("ab") as manifest:
        manifest.write(b"0" * 64 + b"  ../x\n")
    with pytest.raises(ValueError, match="mismatch") as caught:
        checksig.check_signatures(folder)
    assert message(lib, os.fsencode(folder)) == str(caught.value)


def printed(name: bytes) -> str:
    """Return the name as a result of the Python package prints it."""
    result = checksig.Result(os.fsdecode(name), checksig.Status.MISSING, "", "", None, 0, "", 1)
    return str(result).removesuffix(" - missing")


@pytest.mark.parametrize("group", QUOTING)
def test_names_are_printed_as_in_the_golden_file(group: str) -> None:
    """The Go tests read the same examples."""
    for example in QUOTING[group]:
        name: str | dict[str, str] = example["name"]
        data = name.encode() if isinstance(name, str) else bytes.fromhex(name["hex"])
        is_text = isinstance(name, str)  # other names do not exist on Windows
        if data and (is_text or sys.platform != "win32"):
            wanted = "windows" if sys.platform == "win32" else "posix"
            assert printed(data) == example.get("text", example.get(wanted))


@pytest.mark.parametrize("seed", range(20))
def test_verify_agrees_with_check_signatures_for_any_name(
    lib: Any, tmp_path: Path, seed: int
) -> None:
    """Both print names with any bytes and characters in the same way."""
    random_ = random.Random(seed)
    characters = old_characters() if seed % 5 else []
    lines: list[bytes] = []
    for _ in range(19):  # check_signatures prints only the first failures
        size = random_.randint(1, 12)
        if characters:
            name = "".join(random_.choices(characters, k=size)).encode()
        else:
            name = bytes(random_.choices(range(1, 256), k=size))
        name = b"x" + name.replace(b"/", b"")
        escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
        lines.append(b"\\" * (escaped != name) + b"0" * 64 + b"  " + escaped + b"\n")
    (tmp_path / "SHA256SUMS").write_bytes(b"".join(lines))
    with pytest.raises(ValueError, match=" - ") as caught:
        checksig.check_signatures(tmp_path)
    assert message(lib, os.fsencode(tmp_path)) == str(caught.value)


@functools.cache
def old_characters() -> list[str]:
    """Return what Unicode has had since 2002; whether newer ones print depends on Python."""
    category = unicodedata.ucd_3_2_0.category
    return [c for c in map(chr, range(1, sys.maxunicode + 1)) if category(c) not in {"Cn", "Cs"}]


def test_ctypes_can_use_it(httpd: Path) -> None:
    """The API does not need cffi."""
    lib = ctypes.CDLL(LIBRARY)
    lib.verify.restype = ctypes.c_void_p
    lib.free.argtypes = [ctypes.c_void_p]
    text = lib.verify(os.fsencode(httpd))
    assert b"httpd-08.log" in ctypes.string_at(text)
    lib.free(text)


def drain(lib: Any, job: int) -> bytes:
    """Wait until a job ends, and return the last batch."""
    size: Any = ffi.new("size_t *")
    while True:
        data = lib.checksig_wait(job, 1000, size)
        batch = bytes(ffi.buffer(data, size[0]))
        lib.free(data)
        if batch[0] == 1:
            return batch


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"", FailureCode.REQUEST),
        (b"workers=1", FailureCode.REQUEST),
        (b"\0\0", FailureCode.REQUEST),
        (b"x=1\0path=.", FailureCode.REQUEST),
        (b"workers=0\0path=.", FailureCode.REQUEST),
        (b"op=verify\0x=1\0path=.", FailureCode.REQUEST),
        (b"op=verify\0workers=0\0path=.", FailureCode.VALUE),
    ],
)
def test_a_bad_request_is_an_error_record(lib: Any, request_: bytes, code: int) -> None:
    """A bad request ends the job with an error record; the process goes on."""
    job: Any = ffi.new("uintptr_t *")
    lib.checksig_start(request_, len(request_), job)
    ((kind, payload),) = decode_batch(drain(lib, job[0])).records
    assert kind == Kind.ERROR
    assert decode_failure(bytes(payload)).code == code
    lib.checksig_free(job[0])


def test_an_invalid_handle_is_an_error_record(lib: Any, httpd: Path) -> None:
    """A handle that was freed, or never valid, gives an error record."""
    job: Any = ffi.new("uintptr_t *")
    request = b"op=verify\0path=" + os.fsencode(httpd)
    lib.checksig_start(request, len(request), job)
    lib.checksig_cancel(job[0])
    lib.checksig_free(job[0])
    for handle in (job[0], 0, 123456):
        lib.checksig_cancel(handle)
        lib.checksig_free(handle)
        assert b"panic" in drain(lib, handle)


def test_abi_number(lib: Any) -> None:
    """The library reports the version of its interface."""
    assert lib.checksig_abi() == ABI
