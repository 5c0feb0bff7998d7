// Opens many regular files beneath a folder, and reads and hashes them together, on one thread. While the
// storage is slow, further threads open and read (fileset_threads.c).
#ifndef CHECKSIG_SAFEFS_FILESET_H
#define CHECKSIG_SAFEFS_FILESET_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	SAFEFS_FILES = 128,        // files in a set
	SAFEFS_TOGETHER = 32,      // files that the hasher takes at once
	SAFEFS_CHUNK = 64 << 10,   // bytes read at once from a file
	SAFEFS_FULL_CHUNKS = 16,   // with more files open than this, half a chunk is read at once
	SAFEFS_TAIL = 2 * 128,     // room for the padding in a buffer
	SAFEFS_SKEW = 192,         // keeps buffers off powers of two, or they would share cache sets
	SAFEFS_NAME = 4096,        // bytes of a name with its final 0
	SAFEFS_STEP = 128 << 10,   // bytes after which a step returns: Go's monitor interferes with calls that take longer
	SAFEFS_READ_AHEAD = 1 << 20, // files of this size and more are read ahead of further than others
	SAFEFS_BATCH = 16,         // files that are waited for at once, at most
	SAFEFS_FRESH = 100,        // milliseconds for which a snapshot is trusted, and a folder stays open
	SAFEFS_FEW = 4,            // so few files, or fewer, are read ahead of
	SAFEFS_WINDOW = 8 << 20,   // bytes that the system is asked to read ahead of each
};

// The state of a file. From SAFEFS_DONE on it is closed, and the state is final.
enum safefs_phase {
	SAFEFS_IDLE,    // no file
	SAFEFS_OPENING, // not open yet
	SAFEFS_READING, // open
	SAFEFS_PADDED,  // read to its end; the rest of the buffer is still to be hashed
	SAFEFS_DONE,    // state holds the digest
	SAFEFS_FAILED,  // error is an errno
	SAFEFS_CHANGED, // size, modification or status change time changed after the opening
	SAFEFS_ENDED,   // ended before the size that it had when it was opened
	SAFEFS_GREW,    // continued beyond that size
	SAFEFS_STALE,   // differs from the snapshot taken before the opening, or could not be read to its end
	SAFEFS_DECLINED, // could not be opened by safefs_open
};

// What stat(2) reports of a file. Times are seconds and nanoseconds.
typedef struct {
	int64_t size; // bytes
	int64_t modified[2], changed[2];
	uint64_t device, inode;
	int64_t taken; // milliseconds of a monotonic clock; 0 for an empty snapshot
} safefs_snapshot;

// An open folder that names start from.
typedef struct {
	int fd;
	int is_open;     // names may lead out of it
	uint64_t number; // of no other folder, not even one that has the same descriptor later
} safefs_folder;

// The folder in which a name was found: the next one is likely to be in it, too.
typedef struct {
	uint64_t number; // of the folder that parent is beneath
	int parent_fd;   // the open folder called parent, or -1
	int64_t opened;  // milliseconds of a monotonic clock; it is used for SAFEFS_FRESH of them
	char parent[SAFEFS_NAME];
} safefs_lookup;

// The hash functions, which another package provides. Functions are numbered from 0.
typedef struct {
	// Hashes whole blocks of count streams, from data[i] into *state[i], a chaining value of 64 bytes.
	void (*hash)(unsigned features, int function, int count, void *const state[], const uint8_t *const data[],
	             size_t blocks);
	// Writes the padding that follows total bytes, at most SAFEFS_TAIL, and returns its length.
	uint32_t (*pad)(int function, uint64_t total, uint8_t *to);
	unsigned features; // for hash
	int functions;     // how many there are
} safefs_hasher;

typedef struct {
	int phase;       // enum safefs_phase
	int is_away;     // a thread of the set has it: nobody else touches it
	int is_verified; // before describes the open file itself, and not only its name
	int fd, error;   // error is an errno
	int function;
	uint32_t block;         // bytes of the function's blocks
	safefs_snapshot before; // the file before it was read
	int64_t expected;       // bytes that it should have, or -1; a file of another size is declined
	int64_t total, counted; // bytes read, and those that steps have returned
	int64_t advised;        // the system was asked to read ahead up to here
	int64_t window;         // bytes that it is asked to read ahead at once; 0 for none
	uint32_t chunk;         // bytes to read at once
	uint32_t at, end;       // the part of the buffer that has not been hashed yet
	uint64_t state[8];
	uint8_t *buffer;
	char *name; // of SAFEFS_NAME bytes, with its final 0
	safefs_folder folder;
} safefs_file;

// How much of the time was spent waiting for the storage. Times are nanoseconds of a monotonic clock.
typedef struct {
	int64_t since, waited;
	int64_t earliest; // when to believe in slow storage again
	int64_t pause;    // how much later the next time
	int calls, waits;
	uintptr_t thread;         // that was used then,
	long before, preemptions; // and how often it had waited, and others got its CPU
} safefs_meter;

typedef struct {
	size_t size; // of its memory
	safefs_hasher hasher;
	safefs_lookup lookup;
	safefs_meter meter;
	const volatile uint32_t *stop; // that of the step
	int used;         // files from this number on are idle
	int away;         // files that threads have
	int is_deep;      // threads open and read
	int most_threads; // how many there may be
	int wants_threads; // the storage is slow, but there may be none
	int is_fixed;     // is_deep does not change
	int cannot_peek;  // whether data is cached is not known
	struct safefs_threads *threads; // NULL for none
	safefs_file file[SAFEFS_FILES];
} safefs_set;

// Returns a set without files, or NULL if there is no memory.
safefs_set *safefs_new_set(void);
void safefs_free_set(safefs_set *set);

// Opens file->name beneath file->folder, and returns whether it did. It declines anything but a regular
// file, symbolic links, and what may lie outside the folder, unless that is an open one. It takes a snapshot
// of the name first, unless file->before is a fresh one.
int safefs_open(safefs_set *set, safefs_file *file);

// Reads an open regular file as an idle file, through a descriptor of its own; returns whether it will.
int safefs_adopt(safefs_file *file, int fd);

// Closes a file, which becomes idle.
void safefs_drop(safefs_file *file);

// Reads and hashes until files have come to their end, SAFEFS_STEP bytes or more are read, or *stop is not 0. Opens
// the files whose phase is SAFEFS_OPENING. Returns the number of bytes read. It sets set->is_deep as the
// storage proves slow or fast.
int64_t safefs_step(safefs_set *set, const volatile uint32_t *stop);

// Closes every file. Waits for the threads of the set.
void safefs_drop_all(safefs_set *set);

// A name to be looked at, and where the one before it was found.
typedef struct {
	safefs_lookup lookup;
	char name[SAFEFS_NAME]; // with its final 0
} safefs_prober;

// Returns a prober without an open folder, or NULL if there is no memory.
safefs_prober *safefs_new_prober(void);
void safefs_free_prober(safefs_prober *prober);

// Takes a snapshot of prober->name beneath folder, and returns whether safefs_open would open it.
int safefs_probe(safefs_prober *prober, const safefs_folder *folder, safefs_snapshot *snapshot);

// Closes the folder that the lookup keeps open.
void safefs_close_parent(safefs_lookup *lookup);

// What follows is for fileset_unix.c and fileset_threads.c.

// Opens the file if it is not open, and reads a chunk of it.
void safefs_serve(const safefs_set *set, safefs_lookup *lookup, safefs_file *file);

// Gives count files to the threads, and returns whether there is one.
int safefs_give(safefs_set *set, int count, const uint8_t numbers[]);

// Takes back the files that threads are done with, and returns how many. It waits for at least so many, but
// not long.
int safefs_take_back(safefs_set *set, int least);

// Returns whether the threads had to wait for the storage lately: -1 for not known yet.
int safefs_threads_wait(safefs_set *set);

// Ends the threads, once they are done with what they have.
void safefs_end_threads(safefs_set *set);

#endif
