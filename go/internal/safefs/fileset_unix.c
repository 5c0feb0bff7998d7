//go:build (amd64 || arm64) && (linux || darwin)

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fileset.h"
#include "thread.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
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
static int stat_at(int folder, const char *name, struct stat *info, int flags) {
	return (int)syscall(SYS_newfstatat, folder, name, info, flags);
}
static void close_fd(int fd) { syscall(SYS_close, fd); }
#else
static int open_at(int folder, const char *name, int flags) { return openat(folder, name, flags); }
static ssize_t read_fd(int fd, void *to, size_t size) { return read(fd, to, size); }
static int stat_fd(int fd, struct stat *info) { return fstat(fd, info); }
static int stat_at(int folder, const char *name, struct stat *info, int flags) {
	return fstatat(folder, name, info, flags);
}
static void close_fd(int fd) { close(fd); }
#endif

safefs_set *safefs_new_set(void) {
	const size_t stride = SAFEFS_CHUNK + SAFEFS_TAIL + SAFEFS_SKEW + SAFEFS_NAME;
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
		set->file[i].name = (char *)set->file[i].buffer + SAFEFS_CHUNK + SAFEFS_TAIL + SAFEFS_SKEW;
	}
	return set;
}

void safefs_free_set(safefs_set *set) { munmap(set, set->size); }

safefs_prober *safefs_new_prober(void) {
	safefs_prober *prober = malloc(sizeof *prober);
	if (prober != NULL)
		prober->lookup.parent_fd = -1;
	return prober;
}

void safefs_free_prober(safefs_prober *prober) {
	safefs_close_parent(&prober->lookup);
	free(prober);
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

// Returns the folder that contains name, and in *last the name there. The folder stays open for a moment,
// because the next name is likely to be in it, too. The slash between the two becomes a 0 in *end.
static int parent_of(safefs_lookup *lookup, const safefs_folder *folder, char *name, char **last, char **end) {
	char *slash = folder->is_open ? NULL : strrchr(name, '/');
	*end = slash;
	if (slash == NULL) {
		*last = name;
		return folder->fd;
	}
	*last = slash + 1;
	*slash = 0;
	int64_t time = now();
	if (lookup->parent_fd < 0 || lookup->number != folder->number || time - lookup->opened >= SAFEFS_FRESH ||
	    strcmp(lookup->parent, name) != 0) {
		safefs_close_parent(lookup);
		strcpy(lookup->parent, name);
		lookup->number = folder->number, lookup->opened = time;
		lookup->parent_fd = open_beneath(folder->fd, lookup->parent);
	}
	return lookup->parent_fd;
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
	file->total = file->counted = file->advised = 0, file->at = file->end = 0;
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
static int take_snapshot(int folder, const char *name, int flags, safefs_snapshot *snapshot) {
	struct stat info;
	if (folder < 0 || !*name || stat_at(folder, name, &info, flags) || !S_ISREG(info.st_mode))
		return 0;
	*snapshot = snapshot_of(&info);
	return 1;
}

static int stat_flags(const safefs_folder *folder) { return folder->is_open ? 0 : AT_SYMLINK_NOFOLLOW; }

int safefs_probe(safefs_prober *prober, const safefs_folder *folder, safefs_snapshot *snapshot) {
	char *last, *end;
	int parent = parent_of(&prober->lookup, folder, prober->name, &last, &end);
	int is_regular = take_snapshot(parent, last, stat_flags(folder), snapshot);
	snapshot->taken = is_regular ? now() : 0;
	return is_regular;
}

// Opening has side effects on some files that are not regular (it unblocks the writer of a FIFO), so
// the name is looked at first. A file that takes a single read is not looked at again after the
// opening: at its end it must match the snapshot.
static int open_file(safefs_lookup *lookup, safefs_file *file) {
	const safefs_folder *folder = &file->folder;
	char *last, *end;
	int parent = parent_of(lookup, folder, file->name, &last, &end);
	safefs_snapshot before = file->before;
	int is_fresh = parent >= 0 && before.taken != 0 && now() - before.taken < SAFEFS_FRESH;
	int opened = 0;
	if (is_fresh || take_snapshot(parent, last, stat_flags(folder), &before)) {
		int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (folder->is_open ? 0 : O_NOFOLLOW);
		int fd = open_at(parent, last, flags);
		if (fd < 0 || before.size >= SAFEFS_CHUNK) {
			opened = start_regular(file, fd);
		} else {
			start(file, fd, &before, 0);
			opened = 1;
		}
	}
	if (end != NULL)
		*end = '/';
	return opened;
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

// Ways to fill a buffer.
enum {
	WAIT, // for the storage
	PEEK, // only what is in the page cache
};

static ssize_t read_some(safefs_file *file, size_t wanted, int how) {
	uint8_t *to = file->buffer + file->end;
#if defined(__linux__) && defined(SYS_preadv2) && defined(RWF_NOWAIT)
	if (how == PEEK) {
		struct iovec part = {to, wanted};
		return syscall(SYS_preadv2, file->fd, &part, 1, -1L, -1L, RWF_NOWAIT);
	}
#endif
	(void)how;
	return read_fd(file->fd, to, wanted);
}

// Fills the buffer, which holds less than a block, up to chunk bytes. Returns 0 if it could not peek.
static int fill(const safefs_hasher *hasher, safefs_file *file, uint32_t chunk, const volatile uint32_t *stop, int how) {
	memmove(file->buffer, file->buffer + file->at, file->end - file->at);
	file->end -= file->at, file->at = 0;
	while (file->phase == SAFEFS_READING && file->end < chunk && !*stop) {
		// Asking for one byte more than is left shows in the same call whether the file has grown.
		int64_t room = chunk - file->end, left = file->before.size - file->total;
		int64_t wanted = room <= left ? room : left + 1;
		ssize_t n = read_some(file, (size_t)wanted, how);
		if (n > 0)
			file->end += (uint32_t)n, file->total += n;
		if (file->total > file->before.size) {
			end(file, SAFEFS_GREW);
		} else if (n == 0 || (n > 0 && n < wanted && file->total == file->before.size)) {
			finish(hasher, file);
		} else if (n > 0) {
			continue;
		} else if (errno != EINTR) {
			if (how == PEEK)
				return 0;
			file->error = errno;
			end(file, SAFEFS_FAILED);
		}
	}
	return 1;
}

// Returns whether the system should be asked to read the next part of a file.
static int wants_advice(const safefs_file *file) {
	return file->window > 0 && file->before.size > (int64_t)file->chunk && file->advised < file->before.size &&
	       file->advised - file->total <= file->window / 2;
}

static void read_ahead(safefs_file *file) {
	int64_t size = file->before.size, until = file->total + file->window;
	until = until < size ? until : size;
#if defined(__linux__)
	posix_fadvise(file->fd, file->advised, until - file->advised, POSIX_FADV_WILLNEED);
#endif
	file->advised = until;
}

static int is_unexpected(const safefs_file *file) {
	return file->expected >= 0 && file->expected != file->before.size;
}

// Opens a file, and returns whether it did.
static int open_expected(safefs_lookup *lookup, safefs_file *file) {
	errno = 0;
	if (!open_file(lookup, file)) {
		file->error = errno;
		return 0;
	}
	file->error = 0;
	if (is_unexpected(file))
		safefs_drop(file);
	return file->phase != SAFEFS_IDLE;
}

void safefs_serve(const safefs_set *set, safefs_lookup *lookup, safefs_file *file) {
	if (file->phase == SAFEFS_OPENING && !open_expected(lookup, file)) {
		file->phase = SAFEFS_DECLINED;
		return;
	}
	if (wants_advice(file))
		read_ahead(file);
	fill(&set->hasher, file, file->chunk, set->stop, WAIT);
}

// What takes longer than these nanoseconds was not in memory.
enum {
	OPENING_TIME = 30 * 1000,
	READING_TIME = 20 * 1000, // and one for each byte
	LEAST_PAUSE = 10 * 1000 * 1000,
	MOST_PAUSE = 1000 * 1000 * 1000,
};

// Begins to count what is waited for anew.
static void start_meter(safefs_meter *m, int64_t now) {
	safefs_switches so_far = safefs_count_switches();
	m->since = now, m->waited = 0, m->waits = 0;
	m->thread = (uintptr_t)pthread_self(), m->before = so_far.waits, m->preemptions = so_far.preemptions;
}

// Returns whether the thread did wait, as often as it seemed to: others may just have had its CPU.
static int did_wait(const safefs_meter *m) {
	safefs_switches now = safefs_count_switches();
	if (now.waits == 0 || m->thread != (uintptr_t)pthread_self())
		return 1;
	return now.waits - m->before >= m->waits && now.preemptions - m->preemptions < m->waits;
}

// Notes what took from one time until another, and times as long with others like it. The set becomes deep
// if much of the time is spent waiting.
static void measure(safefs_set *set, int64_t from, int64_t to, int64_t usual, int times) {
	safefs_meter *m = &set->meter;
	if (to - from > usual)
		m->waited += (to - from) * times, m->waits++;
	int64_t passed = to - m->since;
	int is_slow = m->waits >= 3 && m->waited > passed / 3;
	if (!is_slow && passed < 20 * 1000 * 1000)
		return;
	if (is_slow && did_wait(m)) {
		if (set->most_threads == 0)
			set->wants_threads = 1;
		else if (!set->is_fixed && to > m->earliest)
			set->is_deep = 1, set->cannot_peek = 0;
	}
	start_meter(m, to);
}

int safefs_open(safefs_set *set, safefs_file *file) {
	safefs_meter *m = &set->meter;
	int is_first = m->calls < 16;
	if (++m->calls % 4 != 0 && !is_first)
		return open_expected(&set->lookup, file);
	int64_t from = safefs_time();
	if (m->since == 0)
		start_meter(m, from);
	int opened = open_expected(&set->lookup, file);
	measure(set, from, safefs_time(), OPENING_TIME, is_first ? 1 : 4);
	return opened;
}

static int is_active(const safefs_file *file) {
	return !file->is_away && (file->phase == SAFEFS_READING || file->phase == SAFEFS_PADDED);
}

static int lacks_data(const safefs_file *file) {
	return !file->is_away && (file->phase == SAFEFS_OPENING ||
	                          (file->phase == SAFEFS_READING && file->end - file->at < file->block));
}

// Returns how many bytes are read at once: all files' data should fit into a core's own cache.
static uint32_t chunk_size(const safefs_set *set) {
	int count = 0;
	for (int i = 0; i < set->used; i++)
		count += is_active(&set->file[i]);
	return count > SAFEFS_FULL_CHUNKS ? SAFEFS_CHUNK / 2 : SAFEFS_CHUNK;
}

// Hashes as many blocks of each file as all of them have.
static void hash_together(const safefs_set *set, int function, int count, safefs_file *const files[]) {
	void *state[SAFEFS_TOGETHER];
	const uint8_t *data[SAFEFS_TOGETHER];
	size_t blocks = SIZE_MAX;
	for (int i = 0; i < count; i++) {
		size_t has = (files[i]->end - files[i]->at) / files[i]->block;
		blocks = has < blocks ? has : blocks;
		state[i] = files[i]->state, data[i] = files[i]->buffer + files[i]->at;
	}
	if (count == 0 || blocks == 0)
		return;
	set->hasher.hash(set->hasher.features, function, count, state, data, blocks);
	for (int i = 0; i < count; i++) {
		files[i]->at += (uint32_t)(blocks * files[i]->block);
		if (files[i]->phase == SAFEFS_PADDED && files[i]->at == files[i]->end)
			files[i]->phase = SAFEFS_DONE;
	}
}

static void hash(safefs_set *set, int function) {
	safefs_file *files[SAFEFS_TOGETHER];
	int count = 0;
	for (int i = 0; i < set->used; i++) {
		safefs_file *file = &set->file[i];
		if (!is_active(file) || file->function != function)
			continue;
		files[count++] = file;
		if (count == SAFEFS_TOGETHER) {
			hash_together(set, function, count, files);
			count = 0;
		}
	}
	hash_together(set, function, count, files);
}

// Reads into every buffer that is short of data.
static void fill_here(safefs_set *set, uint32_t chunk) {
	int64_t from = 0, bytes = 0;
	int files = 0;
	for (int i = 0; i < set->used && !*set->stop; i++) {
		safefs_file *file = &set->file[i];
		if (!lacks_data(file))
			continue;
		if (files++ == 0)
			from = safefs_time();
		file->chunk = chunk, file->window = 0;
		safefs_serve(set, &set->lookup, file);
		bytes += file->total - file->counted;
	}
	if (files > 0)
		measure(set, from, safefs_time(), files * (int64_t)READING_TIME + bytes, 1);
}

static int peek(safefs_set *set, safefs_file *file) {
	if (file->phase != SAFEFS_READING || set->cannot_peek || wants_advice(file))
		return 0;
	if (fill(&set->hasher, file, file->chunk, set->stop, PEEK))
		return 1;
	set->cannot_peek = errno != EAGAIN;
	return 0;
}

// Has threads read into every buffer that is short of data. Where there is nothing to hash, waits for some.
static void fill_by_threads(safefs_set *set, int64_t window) {
	uint8_t lacking[SAFEFS_FILES];
	int count = 0, ready = 0;
	for (int i = 0; i < set->used && !*set->stop; i++) {
		safefs_file *file = &set->file[i];
		if (lacks_data(file)) {
			file->chunk = SAFEFS_CHUNK, file->window = window;
			if (!peek(set, file))
				lacking[count++] = (uint8_t)i;
		}
		ready += !file->is_away && file->phase != SAFEFS_IDLE;
	}
	ready -= count;
	if (count > 0 && !(set->is_deep && safefs_give(set, count, lacking))) {
		for (int i = 0; i < count; i++)
			safefs_serve(set, &set->lookup, &set->file[lacking[i]]);
		ready += count;
	}
	if (set->away > 0) {
		int part = (set->away + 3) / 4; // so that threads have something to do meanwhile
		safefs_take_back(set, ready > 0 ? 0 : part < SAFEFS_BATCH ? part : SAFEFS_BATCH);
	}
	int waits = set->is_fixed ? -1 : safefs_threads_wait(set);
	if (waits == 1) {
		set->meter.pause = 0;
	} else if (waits == 0) {
		safefs_meter *m = &set->meter;
		m->pause = m->pause == 0 ? LEAST_PAUSE : m->pause * 2 < MOST_PAUSE ? m->pause * 2 : MOST_PAUSE;
		start_meter(m, safefs_time());
		m->earliest = m->since + m->pause;
		set->is_deep = 0;
	}
}

// Returns the bytes that were read and not counted yet.
static int64_t count(safefs_set *set) {
	int64_t bytes = 0;
	for (int i = 0; i < set->used; i++) {
		safefs_file *file = &set->file[i];
		if (file->is_away)
			continue;
		bytes += file->total - file->counted;
		file->counted = file->total;
	}
	return bytes;
}

// Returns whether a file is active and none has ended.
static int goes_on(const safefs_set *set) {
	int some = set->away > 0;
	for (int i = 0; i < set->used; i++) {
		const safefs_file *file = &set->file[i];
		if (file->is_away)
			continue;
		if (file->phase >= SAFEFS_DONE)
			return 0;
		some |= file->phase != SAFEFS_IDLE;
	}
	return some;
}

int64_t safefs_step(safefs_set *set, const volatile uint32_t *stop) {
	int64_t total = 0, window = 0;
	uint32_t chunk = chunk_size(set);
	set->stop = stop;
	if (set->is_deep) { // many files together need no reading ahead
		int files = 0;
		for (int i = 0; i < set->used; i++)
			files += set->file[i].is_away || set->file[i].phase != SAFEFS_IDLE;
		window = files > SAFEFS_FEW ? 0 : SAFEFS_WINDOW;
	}
	do {
		if (set->is_deep || set->away > 0)
			fill_by_threads(set, window);
		else
			fill_here(set, chunk);
		total += count(set);
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
	safefs_end_threads(set);
	safefs_close_parent(&set->lookup);
	for (int i = 0; i < set->used; i++)
		safefs_drop(&set->file[i]);
	set->used = 0, set->is_deep = 0, set->most_threads = 0, set->wants_threads = 0, set->is_fixed = 0;
	set->meter = (safefs_meter){0};
}
