// Opens many regular files beneath a folder, and reads and hashes them together, on one thread.
#ifndef CHECKSIG_SAFEFS_FILESET_H
#define CHECKSIG_SAFEFS_FILESET_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	SAFEFS_FILES = 32,         // files in a set
	SAFEFS_CHUNK = 64 << 10,   // bytes read at once from a file
	SAFEFS_FULL_CHUNKS = 16,   // with more files open than this, half a chunk is read at once
	SAFEFS_TAIL = 2 * 128,     // room for the padding in a buffer
	SAFEFS_SKEW = 192,         // keeps buffers off powers of two, or they would share cache sets
	SAFEFS_NAME = 4096,        // bytes of a name with its final 0
	SAFEFS_STEP = 8 << 20,     // a step returns after this many bytes even if no file has ended
	SAFEFS_READ_AHEAD = 1 << 20, // files of this size and more are read ahead of further than others
	SAFEFS_FRESH = 100,        // milliseconds for which a snapshot is trusted
};

// The state of a file. From SAFEFS_DONE on it is closed, and the state is final.
enum safefs_phase {
	SAFEFS_IDLE,    // no file
	SAFEFS_READING, // open
	SAFEFS_PADDED,  // read to its end; the rest of the buffer is still to be hashed
	SAFEFS_DONE,    // state holds the digest
	SAFEFS_FAILED,  // error is an errno
	SAFEFS_CHANGED, // size, modification or status change time changed after the opening
	SAFEFS_ENDED,   // ended before the size that it had when it was opened
	SAFEFS_GREW,    // continued beyond that size
	SAFEFS_STALE,   // differs from the snapshot taken before the opening, or could not be read to its end
};

// What stat(2) reports of a file. Times are seconds and nanoseconds.
typedef struct {
	int64_t size; // bytes
	int64_t modified[2], changed[2];
	uint64_t device, inode;
	int64_t taken; // milliseconds of a monotonic clock; 0 for an empty snapshot
} safefs_snapshot;

// A name to be looked up, and the folder in which the name before it was found.
typedef struct {
	int folder, parent_fd; // parent_fd is the open folder called parent beneath folder, or -1
	char parent[SAFEFS_NAME];
	char name[SAFEFS_NAME]; // with its final 0
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
	int phase; // enum safefs_phase
	int function;
	uint32_t block; // bytes of the function's blocks
	int fd, error;
	int is_verified; // before describes the open file itself, and not only its name
	safefs_snapshot before; // the file before it was read
	int64_t total; // bytes read
	uint32_t at, end; // the part of the buffer that has not been hashed yet
	uint64_t state[8];
	uint8_t *buffer;
} safefs_file;

typedef struct {
	size_t size; // of its memory
	safefs_hasher hasher;
	safefs_lookup lookup;
	safefs_file file[SAFEFS_FILES];
} safefs_set;

// Returns a set without files, or NULL if there is no memory.
safefs_set *safefs_new_set(void);
void safefs_free_set(safefs_set *set);

// Opens set->lookup.name beneath folder as an idle file of the set, and returns whether it did. It
// declines anything but a regular file, symbolic links, and what may lie outside the folder. It takes
// a snapshot of the name first, unless the one given is fresh.
int safefs_open(safefs_set *set, safefs_file *file, int folder, const safefs_snapshot *snapshot);

// Reads an open regular file as an idle file, through a descriptor of its own; returns whether it will.
int safefs_adopt(safefs_file *file, int fd);

// Closes a file, which becomes idle.
void safefs_drop(safefs_file *file);

// Reads and hashes until a file has come to its end, SAFEFS_STEP bytes are read, or *stop is not 0.
// Returns the number of bytes read.
int64_t safefs_step(safefs_set *set, const volatile uint32_t *stop);

// Closes every file.
void safefs_drop_all(safefs_set *set);

// Returns a lookup without an open folder, or NULL if there is no memory.
safefs_lookup *safefs_new_lookup(void);
void safefs_free_lookup(safefs_lookup *lookup);

// Takes a snapshot of lookup->name beneath folder, and returns whether safefs_open would open it.
int safefs_probe(safefs_lookup *lookup, int folder, safefs_snapshot *snapshot);

// Closes the folder that the lookup keeps open. safefs_step does so, too.
void safefs_close_parent(safefs_lookup *lookup);

#endif
