//go:build (amd64 || arm64) && (linux || darwin)

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "group.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

lanes_group *lanes_new(unsigned features, int width) {
	const size_t stride = LANES_CHUNK + LANES_TAIL + LANES_SKEW;
	const size_t head = (sizeof(lanes_group) + 63) & ~(size_t)63;
	void *memory;
	if (posix_memalign(&memory, 64, head + stride * (size_t)width))
		return NULL;
	lanes_group *group = memory;
	group->features = features, group->width = width, group->below = -1;
	for (int i = 0; i < width; i++) {
		group->lane[i].phase = LANES_IDLE;
		group->lane[i].buffer = (uint8_t *)memory + head + stride * (size_t)i;
	}
	return group;
}

void lanes_free(lanes_group *group) { free(group); }

void lanes_leave(lanes_group *group) {
	if (group->below >= 0)
		close(group->below);
	group->below = -1;
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

// The folder that group->name lies in, and its name there in *last. It stays open until the next
// step, as the next name likely lies there, too.
static int parent_of(lanes_group *group, int folder, const char **last) {
	char *slash = strrchr(group->name, '/');
	if (slash == NULL) {
		*last = group->name;
		return folder;
	}
	*last = slash + 1;
	*slash = 0;
	if (group->below < 0 || group->folder != folder || strcmp(group->parent, group->name) != 0) {
		lanes_leave(group);
		strcpy(group->parent, group->name);
		group->folder = folder;
		group->below = open_below(folder, group->parent);
	}
	return group->below;
}

#if defined(__APPLE__)
#define MODIFIED st_mtimespec
#define CHANGED st_ctimespec
#else
#define MODIFIED st_mtim
#define CHANGED st_ctim
#endif

static void times_of(const struct stat *info, int64_t modified[2], int64_t changed[2]) {
	modified[0] = info->MODIFIED.tv_sec, modified[1] = info->MODIFIED.tv_nsec;
	changed[0] = info->CHANGED.tv_sec, changed[1] = info->CHANGED.tv_nsec;
}

// Begins with an open file, and tells whether it did; closes what is not regular.
static int begin(lanes_lane *lane, int fd) {
	struct stat info;
	if (fd < 0)
		return 0;
	if (fstat(fd, &info) || !S_ISREG(info.st_mode)) {
		close(fd);
		return 0;
	}
	lane->phase = LANES_READING;
	lane->fd = fd, lane->size = info.st_size;
	lane->total = 0, lane->at = lane->end = 0;
	times_of(&info, lane->modified, lane->changed);
	return 1;
}

int lanes_adopt(lanes_lane *lane, int fd) { return begin(lane, fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

// Opens a regular file that is no symbolic link. The opening alone does something to other things
// (it lets the writer of a FIFO go on), so they are asked what they are before and behind it.
static int open_at(int folder, const char *name) {
	struct stat info;
	if (folder < 0 || !*name || fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) || !S_ISREG(info.st_mode))
		return -1;
	return openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
}

int lanes_open(lanes_group *group, lanes_lane *lane, int folder) {
	const char *name;
	int parent = parent_of(group, folder, &name);
	return begin(lane, open_at(parent, name));
}

static void end(lanes_lane *lane, enum lanes_phase phase) {
	close(lane->fd);
	lane->phase = phase;
}

// Whether the file is as it was when it was opened.
static int unchanged(const lanes_lane *lane, const struct stat *info) {
	int64_t modified[2], changed[2];
	times_of(info, modified, changed);
	return info->st_size == lane->size && !memcmp(modified, lane->modified, sizeof modified) &&
	       !memcmp(changed, lane->changed, sizeof changed);
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
	if (lane->total < lane->size) {
		end(lane, LANES_ENDED);
	} else if (fstat(lane->fd, &info)) {
		lane->error = errno;
		end(lane, LANES_FAILED);
	} else if (!unchanged(lane, &info)) {
		end(lane, LANES_CHANGED);
	} else {
		end(lane, LANES_PADDED);
		pad(lane);
	}
}

// Fills the buffer, whose rest is less than a block, and returns the bytes read.
static int64_t fill(lanes_lane *lane, const volatile uint32_t *stop) {
	int64_t before = lane->total;
	memmove(lane->buffer, lane->buffer + lane->at, lane->end - lane->at);
	lane->end -= lane->at, lane->at = 0;
	while (lane->phase == LANES_READING && lane->end < LANES_CHUNK && !*stop) {
		// A byte more than there should be is enough to see that there is more.
		int64_t room = LANES_CHUNK - lane->end, left = lane->size - lane->total + 1;
		ssize_t n = read(lane->fd, lane->buffer + lane->end, (size_t)(room < left ? room : left));
		if (n == 0) {
			finish(lane);
		} else if (n > 0) {
			lane->end += (uint32_t)n, lane->total += n;
			if (lane->total > lane->size)
				end(lane, LANES_GREW);
		} else if (errno != EINTR) {
			lane->error = errno;
			end(lane, LANES_FAILED);
		}
	}
	return lane->total - before;
}

// Reads what this lane needs before its next block can be hashed.
static int64_t provide(lanes_lane *lane, const volatile uint32_t *stop) {
	if (lane->phase == LANES_READING && lane->end - lane->at < lanes_block(lane->function))
		return fill(lane, stop);
	return 0;
}

static int active(const lanes_lane *lane) { return lane->phase == LANES_READING || lane->phase == LANES_PADDED; }

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
	lanes_leave(group);
	do {
		for (int i = 0; i < group->width && !*stop; i++)
			total += provide(&group->lane[i], stop);
		if (*stop)
			break;
		for (int function = 0; function < LANES_FUNCTIONS; function++)
			hash(group, function);
	} while (total < LANES_STEP && goes_on(group));
	return total;
}

void lanes_drop(lanes_lane *lane) {
	if (lane->phase == LANES_READING)
		close(lane->fd);
	lane->phase = LANES_IDLE;
}

void lanes_abandon(lanes_group *group) {
	lanes_leave(group);
	for (int i = 0; i < group->width; i++)
		lanes_drop(&group->lane[i]);
}
