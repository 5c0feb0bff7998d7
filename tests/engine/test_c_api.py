"""The C interface, as a C program or another language would use it."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig._engine import ABI

pytest.importorskip("_cffi_backend", reason="cffi does not serve this Python")
from checksig._ffi import ffi

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.library

NAMES = {"win32": "checksig.dll", "darwin": "libchecksig.dylib"}
LIBRARY = str(Path(checksig.__file__).with_name(NAMES.get(sys.platform, "libchecksig.so")))


@pytest.fixture(scope="module")
def lib() -> Any:
    """Open the library through the installed declaration."""
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
    """NULL when all is well, otherwise what is not as listed."""
    assert message(lib, os.fsencode(tree({"a": b"a"}, "sha1sum.txt", "sha1"))) is None
    assert message(lib, os.fsencode(httpd)) == f'"{httpd / "httpd-08.log"}" - mismatch'
    none = httpd / "none"
    assert (message(lib, os.fsencode(none)) or "").startswith(f"open {none}: ")
    assert message(lib, ffi.NULL) == "verify: root is NULL"


def test_verify_agrees_with_check_signatures(lib: Any, tree: Callable[..., Path]) -> None:
    """Both doors say the same of the same folder."""
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


def test_ctypes_can_use_it_too(httpd: Path) -> None:
    """Nothing in the interface needs cffi."""
    lib = ctypes.CDLL(LIBRARY)
    lib.verify.restype = ctypes.c_void_p
    lib.free.argtypes = [ctypes.c_void_p]
    text = lib.verify(os.fsencode(httpd))
    assert b"httpd-08.log" in ctypes.string_at(text)
    lib.free(text)


def drain(lib: Any, job: int) -> bytes:
    """Wait for a job's end, and give the last batch."""
    size: Any = ffi.new("size_t *")
    while True:
        data = lib.checksig_wait(job, 1000, size)
        batch = bytes(ffi.buffer(data, size[0]))
        lib.free(data)
        if batch[0] == 1:
            return batch


@pytest.mark.parametrize(
    "request_", [b"", b"workers=1", b"\0\0", b"x=1\0path=.", b"workers=0\0path=."]
)
def test_a_bad_request_is_an_answer(lib: Any, request_: bytes) -> None:
    """A request that makes no sense ends the job with an error record, not the process."""
    job: Any = ffi.new("uintptr_t *")
    lib.checksig_start(request_, len(request_), job)
    assert b"bad request" in drain(lib, job[0])
    lib.checksig_free(job[0])


def test_what_is_not_a_job_is_survived(lib: Any, httpd: Path) -> None:
    """A handle that was freed, or never was one, is answered with an error."""
    job: Any = ffi.new("uintptr_t *")
    request = b"path=" + os.fsencode(httpd)
    lib.checksig_start(request, len(request), job)
    lib.checksig_cancel(job[0])
    lib.checksig_free(job[0])
    for handle in (job[0], 0, 123456):
        lib.checksig_cancel(handle)
        lib.checksig_free(handle)
        assert b"panic" in drain(lib, handle)


def test_abi_number(lib: Any) -> None:
    """The library says which interface it speaks."""
    assert lib.checksig_abi() == ABI
