// Threads that wait for the storage, for fileset_threads.c and readers_linux.c.
#ifndef CHECKSIG_SAFEFS_THREAD_H
#define CHECKSIG_SAFEFS_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

// Starts a thread with a stack of that many bytes, and returns whether it did. It handles no signals: they are
// for the threads of the caller's process.
static inline int safefs_start_thread(pthread_t *thread, size_t stack, void *(*work)(void *), void *of) {
	pthread_attr_t attributes;
	sigset_t all, before;
	if (pthread_attr_init(&attributes) != 0)
		return 0;
	pthread_attr_setstacksize(&attributes, stack);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	const int error = pthread_create(thread, &attributes, work, of);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return error == 0;
}

// Returns the time in nanoseconds.
static inline int64_t safefs_time(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// How often a thread had to wait, and how often others got its CPU while it could have gone on.
typedef struct {
	long waits, preemptions;
} safefs_switches;

// Returns the switches of this thread so far: 0 waits if the system does not count, as gVisor does not, for a thread
// that is used has waited.
static inline safefs_switches safefs_count_switches(void) {
#if defined(RUSAGE_THREAD)
	struct rusage usage;
	if (getrusage(RUSAGE_THREAD, &usage) == 0)
		return (safefs_switches){usage.ru_nvcsw, usage.ru_nivcsw};
#endif
	return (safefs_switches){0, 0};
}

static inline long safefs_waits(void) { return safefs_count_switches().waits; }

// What threads wait for that hold a lock. On Linux it is a futex(2): one system call wakes several, and one waits;
// glibc's condition variables take a call for each thread that wakes, and another one for the lock that it gets back.
typedef struct {
#if defined(__linux__)
	uint32_t signals;
#else
	pthread_cond_t cond;
#endif
} safefs_event;

static inline void safefs_init_event(safefs_event *e) {
#if defined(__linux__)
	e->signals = 0;
#else
	pthread_cond_init(&e->cond, NULL);
#endif
}

static inline void safefs_free_event(safefs_event *e) {
#if defined(__linux__)
	(void)e;
#else
	pthread_cond_destroy(&e->cond);
#endif
}

// Waits for a signal; as others may have taken what it is about, the caller looks again.
static inline void safefs_wait_for(safefs_event *e, pthread_mutex_t *lock) {
#if defined(__linux__)
	uint32_t signals = e->signals;
	pthread_mutex_unlock(lock);
	syscall(SYS_futex, &e->signals, FUTEX_WAIT_PRIVATE, signals, NULL, NULL, 0);
	pthread_mutex_lock(lock);
#else
	pthread_cond_wait(&e->cond, lock);
#endif
}

// Wakes so many threads. The caller holds the lock, which is released. After that, they may free the event: to wake
// whoever waits at its address then does no harm, as they look again.
static inline void safefs_signal(safefs_event *e, pthread_mutex_t *lock, int threads) {
#if defined(__linux__)
	__atomic_add_fetch(&e->signals, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(lock);
	if (threads > 0)
		syscall(SYS_futex, &e->signals, FUTEX_WAKE_PRIVATE, threads, NULL, NULL, 0);
#else
	pthread_mutex_unlock(lock);
	for (; threads > 0; threads--)
		pthread_cond_signal(&e->cond);
#endif
}

#endif
