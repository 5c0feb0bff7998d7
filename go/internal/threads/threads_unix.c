//go:build (linux || darwin) && !checksig_program

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

typedef struct {
	pthread_mutex_t mutex;
	pthread_cond_t opened;
	int is_open;
} gate;

static void *wait_at(void *at) {
	gate *g = at;
	pthread_mutex_lock(&g->mutex);
	while (!g->is_open)
		pthread_cond_wait(&g->opened, &g->mutex);
	pthread_mutex_unlock(&g->mutex);
	return NULL;
}

// Creates threads that exist at the same time, as package runtime/cgo does, and returns how many of count
// could be created.
int threads_probe(int count) {
	gate g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
	pthread_t *thread = calloc((size_t)count, sizeof *thread);
	int created = 0;
	if (thread == NULL)
		return 0;
	sigset_t all, before; // no thread takes a signal that the process waits for
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (created < count && pthread_create(&thread[created], NULL, wait_at, &g) == 0)
		created++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_mutex_lock(&g.mutex);
	g.is_open = 1;
	pthread_cond_broadcast(&g.opened);
	pthread_mutex_unlock(&g.mutex);
	for (int i = 0; i < created; i++)
		pthread_join(thread[i], NULL);
	free(thread);
	return created;
}

// Returns whether this function is called by this thread for the first time.
int threads_is_new(void) {
	static __thread int is_known;
	int is_new = !is_known;
	is_known = 1;
	return is_new;
}
