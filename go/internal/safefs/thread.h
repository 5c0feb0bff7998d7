// Threads that wait for the storage, for fileset_threads.c and readers_linux.c.
#ifndef CHECKSIG_SAFEFS_THREAD_H
#define CHECKSIG_SAFEFS_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>

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

// Returns how often this thread had to wait so far, or -1 if the system does not count.
static inline long safefs_waits(void) {
#if defined(RUSAGE_THREAD)
	struct rusage usage;
	if (getrusage(RUSAGE_THREAD, &usage) == 0)
		return usage.ru_nvcsw;
#endif
	return -1;
}

#endif
