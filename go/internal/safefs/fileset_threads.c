//go:build (amd64 || arm64) && (linux || darwin)

// The threads of a file set. A file is given to them by its number; whoever is free opens or reads it, and
// puts its number back. They start when they are needed, and end with the run.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fileset.h"
#include "thread.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum {
	STACK = 64 << 10, // bytes of a thread's stack, with its lookup
	PATIENCE = 10,    // milliseconds after which safefs_take_back returns
	SAMPLE = 8,       // one in so many files is timed
	SAMPLES = 64,     // after so many it is known whether threads wait
	SLOW = 100 * 1000, // nanoseconds; where the system does not count waits
};

struct safefs_threads {
	safefs_set *set;
	pthread_mutex_t lock; // for what follows
	safefs_event given;   // there is a file, or the end
	pthread_cond_t done;  // as many files are done as are wanted
	uint8_t queue[SAFEFS_FILES]; // a ring of file numbers
	int first, queued;
	uint8_t finished[SAFEFS_FILES];
	int ready, wanted;
	int idle, count, is_ending;
	int samples, waits;
	pthread_t thread[SAFEFS_FILES];
};

// Serves a file, and returns whether the thread had to wait for the storage.
static int is_slow(safefs_set *set, safefs_lookup *lookup, safefs_file *file) {
	long before = safefs_waits();
	int64_t from = safefs_time();
	safefs_serve(set, lookup, file);
	// A thread that is about to serve a file has waited for one, at the latest when it was started.
	return before > 0 ? safefs_waits() > before : safefs_time() - from > SLOW;
}

static void *work(void *of) {
	struct safefs_threads *t = of;
	safefs_lookup lookup = {.parent_fd = -1};
	unsigned served = 0;
	pthread_mutex_lock(&t->lock);
	for (;;) {
		while (t->queued == 0 && !t->is_ending) {
			t->idle++;
			safefs_wait_for(&t->given, &t->lock);
			t->idle--;
		}
		if (t->is_ending)
			break;
		int number = t->queue[t->first];
		t->first = (t->first + 1) % SAFEFS_FILES, t->queued--;
		pthread_mutex_unlock(&t->lock);

		safefs_file *file = &t->set->file[number];
		int is_sample = served++ % SAMPLE == 0, waited = 0;
		if (is_sample)
			waited = is_slow(t->set, &lookup, file);
		else
			safefs_serve(t->set, &lookup, file);

		pthread_mutex_lock(&t->lock);
		t->samples += is_sample, t->waits += waited;
		t->finished[t->ready++] = (uint8_t)number;
		if (t->wanted > 0 && t->ready >= t->wanted) {
			t->wanted = 0;
			pthread_mutex_unlock(&t->lock);
			pthread_cond_signal(&t->done);
			pthread_mutex_lock(&t->lock);
		}
	}
	pthread_mutex_unlock(&t->lock);
	safefs_close_parent(&lookup);
	return NULL;
}

static struct safefs_threads *new_threads(safefs_set *set) {
	struct safefs_threads *t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->set = set;
	pthread_condattr_t clock;
	pthread_mutex_init(&t->lock, NULL);
	safefs_init_event(&t->given);
	pthread_condattr_init(&clock);
#if !defined(__APPLE__)
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
#endif
	pthread_cond_init(&t->done, &clock);
	pthread_condattr_destroy(&clock);
	return t;
}

static void start_thread(struct safefs_threads *t) {
	if (safefs_start_thread(&t->thread[t->count], STACK, work, t))
		t->count++;
	else
		t->set->most_threads = t->count; // the system has no more
}

int safefs_give(safefs_set *set, int count, const uint8_t numbers[]) {
	if (set->threads == NULL && (set->threads = new_threads(set)) == NULL)
		return 0;
	struct safefs_threads *t = set->threads;
	if (t->count == 0)
		start_thread(t);
	if (t->count == 0)
		return 0;
	for (int i = 0; i < count; i++)
		set->file[numbers[i]].is_away = 1;
	set->away += count;
	pthread_mutex_lock(&t->lock);
	for (int i = 0; i < count; i++)
		t->queue[(t->first + t->queued++) % SAFEFS_FILES] = numbers[i];
	safefs_signal(&t->given, &t->lock, t->idle < count ? t->idle : count);
	return 1;
}

int safefs_take_back(safefs_set *set, int least) {
	struct safefs_threads *t = set->threads;
	pthread_mutex_lock(&t->lock);
	if (t->ready < least) {
		// There are as many threads as it takes: one more whenever there is nothing to hash, and files wait.
		if (t->queued > t->idle && t->count < set->most_threads) {
			pthread_mutex_unlock(&t->lock);
			start_thread(t);
			pthread_mutex_lock(&t->lock);
		}
		struct timespec until;
#if defined(__APPLE__)
		clock_gettime(CLOCK_REALTIME, &until);
#else
		clock_gettime(CLOCK_MONOTONIC, &until);
#endif
		until.tv_nsec += PATIENCE * 1000000;
		if (until.tv_nsec >= 1000000000)
			until.tv_sec++, until.tv_nsec -= 1000000000;
		t->wanted = least;
		while (t->ready < least && pthread_cond_timedwait(&t->done, &t->lock, &until) != ETIMEDOUT)
			continue;
		t->wanted = 0;
	}
	int count = t->ready;
	for (int i = 0; i < count; i++)
		set->file[t->finished[i]].is_away = 0;
	t->ready = 0, set->away -= count;
	pthread_mutex_unlock(&t->lock);
	return count;
}

int safefs_threads_wait(safefs_set *set) {
	struct safefs_threads *t = set->threads;
	int waits = -1;
	if (t == NULL)
		return waits;
	pthread_mutex_lock(&t->lock);
	if (t->samples >= SAMPLES) {
		waits = t->waits * 16 >= t->samples;
		t->samples = t->waits = 0;
	}
	pthread_mutex_unlock(&t->lock);
	return waits;
}

void safefs_end_threads(safefs_set *set) {
	struct safefs_threads *t = set->threads;
	if (t == NULL)
		return;
	pthread_mutex_lock(&t->lock);
	t->is_ending = 1;
	safefs_signal(&t->given, &t->lock, t->count);
	for (int i = 0; i < t->count; i++)
		pthread_join(t->thread[i], NULL);
	pthread_mutex_destroy(&t->lock);
	safefs_free_event(&t->given);
	pthread_cond_destroy(&t->done);
	free(t);
	for (int i = 0; i < set->used; i++)
		set->file[i].is_away = 0;
	set->threads = NULL, set->away = 0;
}
