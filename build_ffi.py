"""Declare the library's C functions to cffi.

No source is compiled (cffi's out-of-line ABI mode). The result is a plain `_ffi.py`, so one wheel
works with every Python.
"""

from cffi import FFI

ffibuilder = FFI()
ffibuilder.set_source("checksig._ffi", None)
ffibuilder.cdef(
    """
    /* Verifies a folder. Returns NULL, or a message that the caller frees with free(). */
    char *verify(char *root);

    /* The version of this interface. It is compared before any other call. */
    int checksig_abi(void);

    /* A job is a number, stored in *job before the call returns, so that an interrupt cannot
       lose it. Requests and batches contain NUL bytes, so they have a length. */
    void checksig_start(char *request, size_t size, uintptr_t *job);

    /* Waits at most timeout_ms, so that Python can handle signals between two calls. The
       caller frees the batch with free(). */
    char *checksig_wait(uintptr_t job, int timeout_ms, size_t *size);
    /* Answers a query of a job, from any thread. The data is copied. */
    void checksig_answer(uintptr_t job, unsigned int query, int status, char *data, size_t size);
    void checksig_cancel(uintptr_t job);
    void checksig_free(uintptr_t job);

    /* From the C runtime that allocated the memory; on Windows the library exports it. */
    void free(void *memory);

    /* Of the C library on Linux, with which library.py finds out whether threads can be started. */
    int pthread_create(uintptr_t *thread, void *attributes, void *start, void *argument);
    int pthread_join(uintptr_t thread, void **result);
    int sem_init(void *semaphore, int shared, unsigned int value);
    int sem_wait(void *semaphore);
    int sem_post(void *semaphore);
    """
)

if __name__ == "__main__":
    ffibuilder.emit_python_code("src/checksig/_ffi.py")
