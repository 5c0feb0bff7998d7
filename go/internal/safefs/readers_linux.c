#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "readers.h"
#include "thread.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	STACK = 256 << 10, // bytes; a thread's local variables of the embedding process count as well
	ROOM = 8 << 10,    // bytes that must be left for another call of getdents64
	SAMPLE = 4,        // of one in so many folders it is known whether the thread waited, and how long it took

	// More threads than FEW are only started once MANY samples in a row took SLOW nanoseconds each, as they do where
	// requests go to another machine. To a local disk, FEW have as many requests in flight as help, and more of them
	// only wait more often: for a CPU, and for the next folder.
	FEW = 24,
	MANY = 24,
	SLOW = 700 * 1000,
};

// Numbers, first in, first out.
typedef struct {
	uint8_t number[SAFEFS_READERS];
	unsigned first, count;
} queue;

struct safefs_readers {
	pthread_mutex_t mutex;
	safefs_event queued, ended;
	int limit, threads, idle;
	int slow; // samples that took long since one did not
	int awaited, others; // what safefs_await_reading waits for; awaited is -1 for nothing
	int is_woken, is_freed;
	queue waiting, done;
	safefs_reading reading[SAFEFS_READERS];
	int folder[SAFEFS_READERS], folders; // to be closed with the last thread
	char *memory;
};

// See getdents64(2).
typedef struct {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
} entry;

static void push(queue *q, int number) { q->number[(q->first + q->count++) % SAFEFS_READERS] = (uint8_t)number; }

static int pop(queue *q) {
	q->count--;
	return q->number[q->first++ % SAFEFS_READERS];
}

safefs_readers *safefs_new_readers(int limit) {
	safefs_readers *r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	// Not malloc, of which the threads would make an arena each; what is not used takes no memory.
	r->memory = mmap(NULL, (size_t)SAFEFS_READERS * SAFEFS_ENTRIES, PROT_READ | PROT_WRITE,
	                 MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
	if (r->memory == MAP_FAILED) {
		free(r);
		return NULL;
	}
	for (int i = 0; i < SAFEFS_READERS; i++)
		r->reading[i].entries = r->memory + (size_t)i * SAFEFS_ENTRIES;
	r->limit = limit < SAFEFS_READERS ? limit : SAFEFS_READERS;
	r->awaited = -1;
	pthread_mutex_init(&r->mutex, NULL);
	safefs_init_event(&r->queued);
	safefs_init_event(&r->ended);
	return r;
}

safefs_reading *safefs_reading_at(safefs_readers *r, int number) { return &r->reading[number]; }

// Sets the types that the file system does not report. The inode of what is gone becomes 0.
static int find_types(int fd, char *entries, size_t length) {
	for (size_t at = 0; at < length;) {
		entry *e = (entry *)(entries + at);
		at += e->length;
		if (e->type != DT_UNKNOWN)
			continue;
		struct stat info;
		if (fstatat(fd, e->name, &info, AT_SYMLINK_NOFOLLOW) == 0)
			e->type = (uint8_t)IFTODT(info.st_mode);
		else if (errno == ENOENT)
			e->inode = 0;
		else
			return errno;
	}
	return 0;
}

static void read_folder(safefs_reading *f) {
	f->length = 0, f->is_whole = 0, f->error = 0;
	do
		f->fd = (int)syscall(SYS_openat, f->parent, f->entries,
		                     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	while (f->fd < 0 && errno == EINTR);
	if (f->fd < 0)
		f->error = errno;
	while (f->error == 0 && !f->is_whole && f->length + ROOM <= SAFEFS_ENTRIES) {
		const long n = syscall(SYS_getdents64, f->fd, f->entries + f->length, SAFEFS_ENTRIES - f->length);
		if (n > 0)
			f->error = find_types(f->fd, f->entries + f->length, (size_t)n), f->length += (size_t)n;
		else if (n == 0)
			f->is_whole = 1;
		else if (errno != EINTR)
			f->error = errno;
	}
	if (f->error != 0 && f->fd >= 0)
		close(f->fd), f->fd = -1;
}

// Returns whether f, which has just ended, is one that safefs_await_reading waits for.
static int is_awaited(const safefs_readers *r, int number) {
	return r->awaited >= 0 && (number == r->awaited || (int)r->done.count >= r->others);
}

static void free_all(safefs_readers *r) {
	for (int i = 0; i < r->folders; i++)
		close(r->folder[i]);
	pthread_mutex_destroy(&r->mutex);
	safefs_free_event(&r->queued);
	safefs_free_event(&r->ended);
	munmap(r->memory, (size_t)SAFEFS_READERS * SAFEFS_ENTRIES);
	free(r);
}

static void *work(void *of) {
	safefs_readers *r = of;
	unsigned count = 0;
	int is_blocked = 0;
	pthread_mutex_lock(&r->mutex);
	for (;;) {
		while (r->waiting.count == 0 && !r->is_freed) {
			r->idle++;
			safefs_wait_for(&r->queued, &r->mutex);
			r->idle--;
		}
		if (r->is_freed)
			break;
		const int number = pop(&r->waiting), is_sample = count++ % SAMPLE == 0;
		safefs_reading *f = &r->reading[number];
		pthread_mutex_unlock(&r->mutex);
		const long before = is_sample ? safefs_waits() : 0;
		const int64_t from = is_sample ? safefs_time() : 0;
		read_folder(f);
		int is_slow = 0;
		if (is_sample)
			is_blocked = safefs_waits() != before, is_slow = safefs_time() - from >= SLOW;
		pthread_mutex_lock(&r->mutex);
		if (is_sample)
			r->slow = !is_slow ? 0 : r->slow < MANY ? r->slow + 1 : MANY;
		if (r->is_freed && f->fd >= 0)
			close(f->fd);
		f->is_blocked = is_blocked, f->has_ended = 1;
		push(&r->done, number);
		if (is_awaited(r, number)) {
			r->awaited = -1;
			safefs_signal(&r->ended, &r->mutex, 1);
			pthread_mutex_lock(&r->mutex);
		}
	}
	const int is_last = --r->threads == 0;
	pthread_mutex_unlock(&r->mutex);
	if (is_last)
		free_all(r);
	return NULL;
}

// Starts a thread. Unlike Go's runtime, the caller can do without it.
static int start_thread(safefs_readers *r) {
	pthread_t thread;
	return safefs_start_thread(&thread, STACK, work, r) && pthread_detach(thread) == 0;
}

int safefs_start_reading(safefs_readers *r, int number, int parent, const char *name, size_t length) {
	safefs_reading *f = &r->reading[number];
	if (length >= SAFEFS_ENTRIES)
		return 0;
	memcpy(f->entries, name, length);
	f->entries[length] = 0, f->parent = parent, f->fd = -1, f->has_ended = 0;
	pthread_mutex_lock(&r->mutex);
	const int limit = r->slow < MANY && r->limit > FEW ? FEW : r->limit;
	if (r->idle <= (int)r->waiting.count && r->threads < limit && start_thread(r))
		r->threads++;
	const int will = r->threads > 0;
	if (will)
		push(&r->waiting, number);
	pthread_mutex_unlock(&r->mutex);
	return will;
}

void safefs_begin_readings(safefs_readers *r) {
	pthread_mutex_lock(&r->mutex);
	const int waiting = (int)r->waiting.count;
	safefs_signal(&r->queued, &r->mutex, waiting < r->idle ? waiting : r->idle);
}

int safefs_await_reading(safefs_readers *r, int number, int others) {
	pthread_mutex_lock(&r->mutex);
	while (!r->reading[number].has_ended && (int)r->done.count < others && !r->is_woken) {
		r->awaited = number, r->others = others;
		safefs_wait_for(&r->ended, &r->mutex);
	}
	r->awaited = -1;
	const int is_woken = r->is_woken;
	pthread_mutex_unlock(&r->mutex);
	return !is_woken;
}

int safefs_fetch_reading(safefs_readers *r) {
	pthread_mutex_lock(&r->mutex);
	const int number = r->done.count > 0 && !r->is_woken ? pop(&r->done) : -1;
	if (number >= 0)
		r->reading[number].has_ended = 0;
	pthread_mutex_unlock(&r->mutex);
	return number;
}

void safefs_wake(safefs_readers *r) {
	pthread_mutex_lock(&r->mutex);
	r->is_woken = 1;
	safefs_signal(&r->ended, &r->mutex, 1);
}

void safefs_free_readers(safefs_readers *r, const int *folders, int count) {
	pthread_mutex_lock(&r->mutex);
	r->is_freed = 1;
	for (; r->done.count > 0;) {
		const int fd = r->reading[pop(&r->done)].fd;
		if (fd >= 0)
			close(fd);
	}
	for (int i = 0; i < count; i++)
		r->folder[r->folders++] = folders[i];
	const int is_last = r->threads == 0;
	safefs_signal(&r->queued, &r->mutex, r->threads);
	if (is_last)
		free_all(r);
}
