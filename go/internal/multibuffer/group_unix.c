//go:build (amd64 || arm64) && (linux || darwin)

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "group.h"
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

// Straight to the system: the C library's own are points where a thread may be cancelled, which each
// of them prepares for, at some cost beside a small file. Its struct stat is the system's on both
// processors.
#if defined(__linux__)
static int open_at(int folder, const char *name, int flags) { return (int)syscall(SYS_openat, folder, name, flags); }
static ssize_t read_from(int fd, void *to, size_t size) { return syscall(SYS_read, fd, to, size); }
static int stat_of(int fd, struct stat *info) { return (int)syscall(SYS_fstat, fd, info); }
static int stat_at(int folder, const char *name, struct stat *info) {
	return (int)syscall(SYS_newfstatat, folder, name, info, AT_SYMLINK_NOFOLLOW);
}
static void close_it(int fd) { syscall(SYS_close, fd); }
#else
static int open_at(int folder, const char *name, int flags) { return openat(folder, name, flags); }
static ssize_t read_from(int fd, void *to, size_t size) { return read(fd, to, size); }
static int stat_of(int fd, struct stat *info) { return fstat(fd, info); }
static int stat_at(int folder, const char *name, struct stat *info) {
	return fstatat(folder, name, info, AT_SYMLINK_NOFOLLOW);
}
static void close_it(int fd) { close(fd); }
#endif

lanes_group *lanes_new(unsigned features, int width) {
	const size_t stride = LANES_CHUNK + LANES_TAIL + LANES_SKEW;
	const size_t head = (sizeof(lanes_group) + 63) & ~(size_t)63;
	const size_t size = head + stride * (size_t)width;
	// Not of malloc, which would keep it for itself when it is freed.
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	lanes_group *group = memory;
	group->size = size, group->features = features, group->width = width, group->place.below = -1;
	for (int i = 0; i < width; i++) {
		group->lane[i].phase = LANES_IDLE;
		group->lane[i].buffer = (uint8_t *)memory + head + stride * (size_t)i;
	}
	return group;
}

void lanes_free(lanes_group *group) { munmap(group, group->size); }

lanes_place *lanes_new_place(void) {
	lanes_place *place = malloc(sizeof *place);
	if (place != NULL)
		place->below = -1;
	return place;
}

void lanes_free_place(lanes_place *place) {
	lanes_leave(place);
	free(place);
}

void lanes_leave(lanes_place *place) {
	if (place->below >= 0)
		close_it(place->below);
	place->below = -1;
}

// Opens the folder parent below another one. What is not sure to lie below it gives -1.
static int open_below(int folder, const char *parent) {
#if defined(__linux__) && defined(SYS_openat2)
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	return (int)syscall(SYS_openat2, folder, parent, &how, sizeof how);
#else
	(void)folder, (void)parent;
	return -1;
#endif
}

// The folder that place->name lies in, and its name there in *last. It stays open until the next
// step, as the next name likely lies there, too.
static int parent_of(lanes_place *place, int folder, const char **last) {
	char *slash = strrchr(place->name, '/');
	if (slash == NULL) {
		*last = place->name;
		return folder;
	}
	*last = slash + 1;
	*slash = 0;
	if (place->below < 0 || place->folder != folder || strcmp(place->parent, place->name) != 0) {
		lanes_leave(place);
		strcpy(place->parent, place->name);
		place->folder = folder;
		place->below = open_below(folder, place->parent);
	}
	return place->below;
}

#if defined(__APPLE__)
#define MODIFIED st_mtimespec
#define CHANGED st_ctimespec
#define CLOCK CLOCK_MONOTONIC
#else
#define MODIFIED st_mtim
#define CHANGED st_ctim
#define CLOCK CLOCK_MONOTONIC_COARSE
#endif

static int64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK, &t);
	return 1 + (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static lanes_seen seen_as(const struct stat *info) {
	return (lanes_seen){
		.size = info->st_size,
		.modified = {info->MODIFIED.tv_sec, info->MODIFIED.tv_nsec},
		.changed = {info->CHANGED.tv_sec, info->CHANGED.tv_nsec},
		.device = (uint64_t)info->st_dev,
		.inode = (uint64_t)info->st_ino,
	};
}

// Whether it is the same file, and as it was.
static int same(const lanes_seen *a, const lanes_seen *b) {
	return memcmp(a, b, offsetof(lanes_seen, when)) == 0;
}

static void start(lanes_lane *lane, int fd, const lanes_seen *seen, int trusted) {
	lane->phase = LANES_READING;
	lane->fd = fd, lane->seen = *seen, lane->trusted = trusted;
	lane->total = 0, lane->at = lane->end = 0;
}

// Begins with an open file, and tells whether it did; closes what is not regular.
static int begin(lanes_lane *lane, int fd) {
	struct stat info;
	if (fd < 0)
		return 0;
	if (stat_of(fd, &info) || !S_ISREG(info.st_mode)) {
		close_it(fd);
		return 0;
	}
#if defined(__linux__)
	if (info.st_size >= LANES_LARGE) // the system reads twice as far ahead then
		posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
#endif
	lanes_seen seen = seen_as(&info);
	start(lane, fd, &seen, 1);
	return 1;
}

int lanes_adopt(lanes_lane *lane, int fd) { return begin(lane, fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

// Whether name in folder is a regular file and no symbolic link, and what else is seen of it.
static int look_at(int folder, const char *name, lanes_seen *seen) {
	struct stat info;
	if (folder < 0 || !*name || stat_at(folder, name, &info) || !S_ISREG(info.st_mode))
		return 0;
	*seen = seen_as(&info);
	return 1;
}

int lanes_look(lanes_place *place, int folder, lanes_seen *seen) {
	const char *name;
	int parent = parent_of(place, folder, &name);
	int regular = look_at(parent, name, seen);
	seen->when = regular ? now() : 0;
	return regular;
}

// The opening alone does something to what is no regular file (it lets the writer of a FIFO go on),
// so a name is looked at before. What takes one read is not asked once more behind the opening: at
// its end it has to be what was seen.
int lanes_open(lanes_group *group, lanes_lane *lane, int folder, const lanes_seen *seen) {
	const char *name;
	int parent = parent_of(&group->place, folder, &name);
	lanes_seen fresh;
	if (parent >= 0 && seen->when != 0 && now() - seen->when < LANES_FRESH)
		fresh = *seen;
	else if (!look_at(parent, name, &fresh))
		return 0;
	int fd = open_at(parent, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fresh.size >= LANES_CHUNK)
		return begin(lane, fd);
	start(lane, fd, &fresh, 0);
	return 1;
}

static void end(lanes_lane *lane, enum lanes_phase phase) {
	close_it(lane->fd);
	lane->phase = phase == LANES_PADDED || lane->trusted ? phase : LANES_STALE;
}

// Appends the padding of RFC 1321, 3.1 and 3.2, and FIPS 180-4, 5.1.
static void pad(lanes_lane *lane) {
	size_t block = lanes_block(lane->function), length = block / 8;
	uint64_t bits = (uint64_t)lane->total << 3, high = (uint64_t)lane->total >> 61;
	uint8_t *to = lane->buffer + lane->end;
	size_t used = (size_t)(lane->total % (int64_t)block);
	size_t zeros = (used + 1 + length <= block ? block : 2 * block) - used - 1 - 8;
	*to++ = 0x80;
	memset(to, 0, zeros);
	to += zeros;
	if (lane->function == LANES_SHA512)
		to[-1] = (uint8_t)high;
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(bits >> 8 * (lane->function == LANES_MD5 ? i : 7 - i));
	lane->end = (uint32_t)(to + 8 - lane->buffer);
}

// At the end of a file: it counts only if it is whole.
static void finish(lanes_lane *lane) {
	struct stat info;
	if (lane->total < lane->seen.size) {
		end(lane, LANES_ENDED);
		return;
	}
	if (stat_of(lane->fd, &info)) {
		lane->error = errno;
		end(lane, LANES_FAILED);
		return;
	}
	lanes_seen seen = seen_as(&info);
	if (!same(&seen, &lane->seen)) {
		end(lane, LANES_CHANGED);
	} else {
		end(lane, LANES_PADDED);
		pad(lane);
	}
}

// Fills the buffer, whose rest is less than a block, up to chunk bytes, and returns the bytes read.
static int64_t fill(lanes_lane *lane, uint32_t chunk, const volatile uint32_t *stop) {
	int64_t before = lane->total;
	memmove(lane->buffer, lane->buffer + lane->at, lane->end - lane->at);
	lane->end -= lane->at, lane->at = 0;
	while (lane->phase == LANES_READING && lane->end < chunk && !*stop) {
		// A byte more than there should be is enough to see that there is more, or, where it does
		// not come, that there is not.
		int64_t room = chunk - lane->end, left = lane->seen.size - lane->total + 1;
		int64_t wanted = room < left ? room : left;
		ssize_t n = read_from(lane->fd, lane->buffer + lane->end, (size_t)wanted);
		if (n > 0)
			lane->end += (uint32_t)n, lane->total += n;
		if (lane->total > lane->seen.size) {
			end(lane, LANES_GREW);
		} else if (n == 0 || (n > 0 && n < wanted && lane->total == lane->seen.size)) {
			finish(lane);
		} else if (n > 0) {
			continue;
		} else if (errno != EINTR) {
			lane->error = errno;
			end(lane, LANES_FAILED);
		}
	}
	return lane->total - before;
}

// Reads what this lane needs before its next block can be hashed.
static int64_t provide(lanes_lane *lane, uint32_t chunk, const volatile uint32_t *stop) {
	if (lane->phase == LANES_READING && lane->end - lane->at < lanes_block(lane->function))
		return fill(lane, chunk, stop);
	return 0;
}

static int active(const lanes_lane *lane) { return lane->phase == LANES_READING || lane->phase == LANES_PADDED; }

// How much is read at once: what all lanes hold should fit into a core's own cache.
static uint32_t chunk_for(const lanes_group *group) {
	int count = 0;
	for (int i = 0; i < group->width; i++)
		count += active(&group->lane[i]);
	return count > LANES_MANY ? LANES_CHUNK / 2 : LANES_CHUNK;
}

// Hashes as many blocks of every lane with this function as each of them has.
static void hash(lanes_group *group, enum lanes_function function) {
	lanes_state *state[LANES_MAX];
	const uint8_t *data[LANES_MAX];
	lanes_lane *lanes[LANES_MAX];
	int count = 0;
	size_t block = lanes_block(function), blocks = SIZE_MAX;
	for (int i = 0; i < group->width; i++) {
		lanes_lane *lane = &group->lane[i];
		if (!active(lane) || lane->function != (int)function)
			continue;
		size_t has = (lane->end - lane->at) / block;
		blocks = has < blocks ? has : blocks;
		state[count] = &lane->state, data[count] = lane->buffer + lane->at;
		lanes[count++] = lane;
	}
	if (count == 0 || blocks == 0)
		return;
	lanes_hash(group->features, function, count, state, data, blocks);
	for (int i = 0; i < count; i++) {
		lanes[i]->at += (uint32_t)(blocks * block);
		if (lanes[i]->phase == LANES_PADDED && lanes[i]->at == lanes[i]->end)
			lanes[i]->phase = LANES_DONE;
	}
}

// Whether there is something to hash and nothing to tell.
static int goes_on(const lanes_group *group) {
	int some = 0;
	for (int i = 0; i < group->width; i++) {
		if (group->lane[i].phase >= LANES_DONE)
			return 0;
		some |= group->lane[i].phase != LANES_IDLE;
	}
	return some;
}

int64_t lanes_step(lanes_group *group, const volatile uint32_t *stop) {
	int64_t total = 0;
	uint32_t chunk = chunk_for(group);
	lanes_leave(&group->place);
	do {
		for (int i = 0; i < group->width && !*stop; i++)
			total += provide(&group->lane[i], chunk, stop);
		if (*stop)
			break;
		for (int function = 0; function < LANES_FUNCTIONS; function++)
			hash(group, function);
	} while (total < LANES_STEP && goes_on(group));
	return total;
}

void lanes_drop(lanes_lane *lane) {
	if (lane->phase == LANES_READING)
		close_it(lane->fd);
	lane->phase = LANES_IDLE;
}

void lanes_abandon(lanes_group *group) {
	lanes_leave(&group->place);
	for (int i = 0; i < group->width; i++)
		lanes_drop(&group->lane[i]);
}
