//go:build (amd64 || arm64) && (linux || darwin)

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fileset.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

// System calls without the C library's wrappers, which are cancellation points: preparing for a
// cancellation costs noticeable time with small files. The library's struct stat is the kernel's on
// amd64 and arm64.
#if defined(__linux__)
static int open_at(int folder, const char *name, int flags) { return (int)syscall(SYS_openat, folder, name, flags); }
static ssize_t read_fd(int fd, void *to, size_t size) { return syscall(SYS_read, fd, to, size); }
static int stat_fd(int fd, struct stat *info) { return (int)syscall(SYS_fstat, fd, info); }
static int stat_at(int folder, const char *name, struct stat *info) {
	return (int)syscall(SYS_newfstatat, folder, name, info, AT_SYMLINK_NOFOLLOW);
}
static void close_fd(int fd) { syscall(SYS_close, fd); }
#else
static int open_at(int folder, const char *name, int flags) { return openat(folder, name, flags); }
static ssize_t read_fd(int fd, void *to, size_t size) { return read(fd, to, size); }
static int stat_fd(int fd, struct stat *info) { return fstat(fd, info); }
static int stat_at(int folder, const char *name, struct stat *info) {
	return fstatat(folder, name, info, AT_SYMLINK_NOFOLLOW);
}
static void close_fd(int fd) { close(fd); }
#endif

safefs_set *safefs_new_set(void) {
	const size_t stride = SAFEFS_CHUNK + SAFEFS_TAIL + SAFEFS_SKEW;
	const size_t head = (sizeof(safefs_set) + 63) & ~(size_t)63;
	const size_t size = head + stride * SAFEFS_FILES;
	// Not malloc, which would keep the memory for itself after free.
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	safefs_set *set = memory;
	set->size = size, set->lookup.parent_fd = -1;
	for (int i = 0; i < SAFEFS_FILES; i++) {
		set->file[i].phase = SAFEFS_IDLE;
		set->file[i].buffer = (uint8_t *)memory + head + stride * (size_t)i;
	}
	return set;
}

void safefs_free_set(safefs_set *set) { munmap(set, set->size); }

safefs_lookup *safefs_new_lookup(void) {
	safefs_lookup *lookup = malloc(sizeof *lookup);
	if (lookup != NULL)
		lookup->parent_fd = -1;
	return lookup;
}

void safefs_free_lookup(safefs_lookup *lookup) {
	safefs_close_parent(lookup);
	free(lookup);
}

void safefs_close_parent(safefs_lookup *lookup) {
	if (lookup->parent_fd >= 0)
		close_fd(lookup->parent_fd);
	lookup->parent_fd = -1;
}

// Opens the folder parent beneath folder. Returns -1 if it may lie outside.
static int open_beneath(int folder, const char *parent) {
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

// Returns the folder that contains lookup->name, and in *last the name there. The folder stays open
// until the next step, because the next name is likely to be in it, too.
static int parent_of(safefs_lookup *lookup, int folder, const char **last) {
	char *slash = strrchr(lookup->name, '/');
	if (slash == NULL) {
		*last = lookup->name;
		return folder;
	}
	*last = slash + 1;
	*slash = 0;
	if (lookup->parent_fd < 0 || lookup->folder != folder || strcmp(lookup->parent, lookup->name) != 0) {
		safefs_close_parent(lookup);
		strcpy(lookup->parent, lookup->name);
		lookup->folder = folder;
		lookup->parent_fd = open_beneath(folder, lookup->parent);
	}
	return lookup->parent_fd;
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

// Returns the time in milliseconds; never 0.
static int64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK, &t);
	return 1 + (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static safefs_snapshot snapshot_of(const struct stat *info) {
	return (safefs_snapshot){
		.size = info->st_size,
		.modified = {info->MODIFIED.tv_sec, info->MODIFIED.tv_nsec},
		.changed = {info->CHANGED.tv_sec, info->CHANGED.tv_nsec},
		.device = (uint64_t)info->st_dev,
		.inode = (uint64_t)info->st_ino,
	};
}

// Returns whether both are of the same file, unchanged.
static int is_same(const safefs_snapshot *a, const safefs_snapshot *b) {
	return memcmp(a, b, offsetof(safefs_snapshot, taken)) == 0;
}

static void start(safefs_file *file, int fd, const safefs_snapshot *before, int is_verified) {
	file->phase = SAFEFS_READING;
	file->fd = fd, file->before = *before, file->is_verified = is_verified;
	file->total = 0, file->at = file->end = 0;
}

// Starts to read an open file, and returns whether it did; closes anything but a regular file.
static int start_regular(safefs_file *file, int fd) {
	struct stat info;
	if (fd < 0)
		return 0;
	if (stat_fd(fd, &info) || !S_ISREG(info.st_mode)) {
		close_fd(fd);
		return 0;
	}
#if defined(__linux__)
	if (info.st_size >= SAFEFS_READ_AHEAD) // doubles the kernel's read-ahead
		posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
#endif
	safefs_snapshot before = snapshot_of(&info);
	start(file, fd, &before, 1);
	return 1;
}

int safefs_adopt(safefs_file *file, int fd) { return start_regular(file, fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

// Takes a snapshot of name in folder, and returns whether it is a regular file and no symbolic link.
static int take_snapshot(int folder, const char *name, safefs_snapshot *snapshot) {
	struct stat info;
	if (folder < 0 || !*name || stat_at(folder, name, &info) || !S_ISREG(info.st_mode))
		return 0;
	*snapshot = snapshot_of(&info);
	return 1;
}

int safefs_probe(safefs_lookup *lookup, int folder, safefs_snapshot *snapshot) {
	const char *name;
	int parent = parent_of(lookup, folder, &name);
	int is_regular = take_snapshot(parent, name, snapshot);
	snapshot->taken = is_regular ? now() : 0;
	return is_regular;
}

// Opening has side effects on some files that are not regular (it unblocks the writer of a FIFO), so
// the name is looked at first. A file that takes a single read is not looked at again after the
// opening: at its end it must match the snapshot.
int safefs_open(safefs_set *set, safefs_file *file, int folder, const safefs_snapshot *snapshot) {
	const char *name;
	int parent = parent_of(&set->lookup, folder, &name);
	safefs_snapshot before;
	if (parent >= 0 && snapshot->taken != 0 && now() - snapshot->taken < SAFEFS_FRESH)
		before = *snapshot;
	else if (!take_snapshot(parent, name, &before))
		return 0;
	int fd = open_at(parent, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || before.size >= SAFEFS_CHUNK)
		return start_regular(file, fd);
	start(file, fd, &before, 0);
	return 1;
}

static void end(safefs_file *file, enum safefs_phase phase) {
	close_fd(file->fd);
	file->phase = phase == SAFEFS_PADDED || file->is_verified ? phase : SAFEFS_STALE;
}

// Ends a file after its last byte: it counts only if it is whole and unchanged.
static void finish(const safefs_hasher *hasher, safefs_file *file) {
	struct stat info;
	if (file->total < file->before.size) {
		end(file, SAFEFS_ENDED);
		return;
	}
	if (stat_fd(file->fd, &info)) {
		file->error = errno;
		end(file, SAFEFS_FAILED);
		return;
	}
	safefs_snapshot after = snapshot_of(&info);
	if (!is_same(&after, &file->before)) {
		end(file, SAFEFS_CHANGED);
	} else {
		end(file, SAFEFS_PADDED);
		file->end += hasher->pad(file->function, (uint64_t)file->total, file->buffer + file->end);
	}
}

// Fills the buffer, which holds less than a block, up to chunk bytes, and returns the bytes read.
static int64_t fill(const safefs_hasher *hasher, safefs_file *file, uint32_t chunk, const volatile uint32_t *stop) {
	int64_t before = file->total;
	memmove(file->buffer, file->buffer + file->at, file->end - file->at);
	file->end -= file->at, file->at = 0;
	while (file->phase == SAFEFS_READING && file->end < chunk && !*stop) {
		// Asking for one byte more than is left shows in the same call whether the file has grown.
		int64_t room = chunk - file->end, left = file->before.size - file->total;
		int64_t wanted = room <= left ? room : left + 1;
		ssize_t n = read_fd(file->fd, file->buffer + file->end, (size_t)wanted);
		if (n > 0)
			file->end += (uint32_t)n, file->total += n;
		if (file->total > file->before.size) {
			end(file, SAFEFS_GREW);
		} else if (n == 0 || (n > 0 && n < wanted && file->total == file->before.size)) {
			finish(hasher, file);
		} else if (n > 0) {
			continue;
		} else if (errno != EINTR) {
			file->error = errno;
			end(file, SAFEFS_FAILED);
		}
	}
	return file->total - before;
}

static int is_active(const safefs_file *file) { return file->phase == SAFEFS_READING || file->phase == SAFEFS_PADDED; }

// Returns how many bytes are read at once: all files' data should fit into a core's own cache.
static uint32_t chunk_size(const safefs_set *set) {
	int count = 0;
	for (int i = 0; i < SAFEFS_FILES; i++)
		count += is_active(&set->file[i]);
	return count > SAFEFS_FULL_CHUNKS ? SAFEFS_CHUNK / 2 : SAFEFS_CHUNK;
}

// Hashes as many blocks of every file with this function as each of them has.
static void hash(safefs_set *set, int function) {
	void *state[SAFEFS_FILES];
	const uint8_t *data[SAFEFS_FILES];
	safefs_file *files[SAFEFS_FILES];
	int count = 0;
	size_t block = 0, blocks = SIZE_MAX;
	for (int i = 0; i < SAFEFS_FILES; i++) {
		safefs_file *file = &set->file[i];
		if (!is_active(file) || file->function != function)
			continue;
		block = file->block;
		size_t has = (file->end - file->at) / block;
		blocks = has < blocks ? has : blocks;
		state[count] = file->state, data[count] = file->buffer + file->at;
		files[count++] = file;
	}
	if (count == 0 || blocks == 0)
		return;
	set->hasher.hash(set->hasher.features, function, count, state, data, blocks);
	for (int i = 0; i < count; i++) {
		files[i]->at += (uint32_t)(blocks * block);
		if (files[i]->phase == SAFEFS_PADDED && files[i]->at == files[i]->end)
			files[i]->phase = SAFEFS_DONE;
	}
}

// Returns whether a file is active and none has ended.
static int goes_on(const safefs_set *set) {
	int some = 0;
	for (int i = 0; i < SAFEFS_FILES; i++) {
		if (set->file[i].phase >= SAFEFS_DONE)
			return 0;
		some |= set->file[i].phase != SAFEFS_IDLE;
	}
	return some;
}

int64_t safefs_step(safefs_set *set, const volatile uint32_t *stop) {
	int64_t total = 0;
	uint32_t chunk = chunk_size(set);
	safefs_close_parent(&set->lookup);
	do {
		for (int i = 0; i < SAFEFS_FILES && !*stop; i++) {
			safefs_file *file = &set->file[i];
			if (file->phase == SAFEFS_READING && file->end - file->at < file->block)
				total += fill(&set->hasher, file, chunk, stop);
		}
		if (*stop)
			break;
		for (int function = 0; function < set->hasher.functions; function++)
			hash(set, function);
	} while (total < SAFEFS_STEP && goes_on(set));
	return total;
}

void safefs_drop(safefs_file *file) {
	if (file->phase == SAFEFS_READING)
		close_fd(file->fd);
	file->phase = SAFEFS_IDLE;
}

void safefs_drop_all(safefs_set *set) {
	safefs_close_parent(&set->lookup);
	for (int i = 0; i < SAFEFS_FILES; i++)
		safefs_drop(&set->file[i]);
}
