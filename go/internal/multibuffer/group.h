// Files that are read and hashed together, by one thread.
#ifndef CHECKSIG_LANES_GROUP_H
#define CHECKSIG_LANES_GROUP_H

#include "lanes.h"

enum {
	LANES_CHUNK = 64 << 10,  // bytes read at once from a file
	LANES_MANY = 16,         // lanes, of which more read half as much at once
	LANES_TAIL = 2 * 128,    // room for the padding
	LANES_SKEW = 192,        // beyond a power of two, or the lanes' data would share cache sets
	LANES_NAME = 4096,       // bytes of a name with its final 0
	LANES_STEP = 8 << 20,    // bytes read before a step returns though no file has ended
	LANES_LARGE = 1 << 20,   // bytes of a file from which it is read ahead of further than others
	LANES_FRESH = 100,       // milliseconds for which it counts what a file was seen to be
};

// What a lane is at. From LANES_DONE on its file is closed, and nothing more happens to it.
enum lanes_phase {
	LANES_IDLE,
	LANES_READING,
	LANES_PADDED,  // read whole; what is in the buffer is the rest
	LANES_DONE,    // state is the digest
	LANES_FAILED,  // error is an errno
	LANES_CHANGED, // between the opening and the end: in size, modification or status change time
	LANES_ENDED,   // before the size that it had when it was opened
	LANES_GREW,    // beyond it
	LANES_STALE,   // not whole, or not what was seen before the opening, which may be why
};

// What a file is seen to be by its name. Times are seconds and nanoseconds.
typedef struct {
	int64_t size; // bytes
	int64_t modified[2], changed[2];
	uint64_t device, inode;
	int64_t when; // it was looked at, in milliseconds of a clock that is never set; 0 for never
} lanes_seen;

// Where names lead that are looked up one after another.
typedef struct {
	int folder, below; // below is the open folder called parent of that one; -1 for none
	char parent[LANES_NAME];
	char name[LANES_NAME]; // with its final 0, to be looked up next
} lanes_place;

typedef struct {
	int phase; // enum lanes_phase
	int function;
	int fd, error;
	int trusted; // seen is of the open file, and not of the name alone
	lanes_seen seen; // before the reading
	int64_t total; // bytes read
	uint32_t at, end;    // of what is in the buffer and not yet hashed
	lanes_state state;
	uint8_t *buffer;
} lanes_lane;

typedef struct {
	size_t size; // of its memory
	unsigned features;
	int width;
	lanes_place place;
	lanes_lane lane[LANES_MAX];
} lanes_group;

// NULL where there is no memory.
lanes_group *lanes_new(unsigned features, int width);
void lanes_free(lanes_group *group);

// Opens the name in group->place below folder for an idle lane, and tells whether it did: what is no
// regular file, a symbolic link, or not sure to lie below the folder, it does not open. It looks at
// the name first, unless it was seen just before.
int lanes_open(lanes_group *group, lanes_lane *lane, int folder, const lanes_seen *seen);

// NULL where there is no memory.
lanes_place *lanes_new_place(void);
void lanes_free_place(lanes_place *place);

// Looks at the name in place below folder, and tells whether that is what lanes_open would open.
int lanes_look(lanes_place *place, int folder, lanes_seen *seen);

// Has an idle lane read an open regular file, through a descriptor of its own; tells whether it will.
int lanes_adopt(lanes_lane *lane, int fd);

// Closes a lane's file, which is then forgotten.
void lanes_drop(lanes_lane *lane);

// Closes what is kept open of the folder. A step does so, too.
void lanes_leave(lanes_place *place);

// Reads and hashes until a file has come to its end, and returns the bytes read; earlier where
// *stop is not 0.
int64_t lanes_step(lanes_group *group, const volatile uint32_t *stop);

// Closes every file.
void lanes_abandon(lanes_group *group);

#endif
