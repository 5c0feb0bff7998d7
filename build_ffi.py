"""Declare the library's C interface to cffi.

No source is compiled (out-of-line ABI mode): the result is a plain `_ffi.py`, so that one wheel
serves every Python.
"""

from cffi import FFI

ffibuilder = FFI()
ffibuilder.set_source("checksig._ffi", None)
ffibuilder.cdef(
    """
    /* The whole check in one call: NULL, or a message that the caller gives back to free(). */
    char *verify(char *root);

    /* Asked first, so that a library of another version is refused and not called. */
    int checksig_abi(void);

    /* A job is a number, put where the caller keeps it before it can be interrupted. Requests
       and answers are bytes with a length: a text with an end mark could not carry them. */
    void checksig_start(char *request, size_t size, uintptr_t *job);

    /* Waits in slices, so that Python can see its signals in between. The answer goes back to
       free(). */
    char *checksig_wait(uintptr_t job, int timeout_ms, size_t *size);
    void checksig_cancel(uintptr_t job);
    void checksig_free(uintptr_t job);

    /* The C runtime that allocated must free; on Windows the library exports its own. */
    void free(void *memory);
    """
)

if __name__ == "__main__":
    ffibuilder.emit_python_code("src/checksig/_ffi.py")
