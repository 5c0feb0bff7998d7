/* reader - only read the files of a manifest: what no verifier can do in less time.
 *
 *     reader MANIFEST THREADS
 *
 * Names are opened relative to the manifest's folder and read to the end, 256 KiB at a time. If there are
 * fewer files than threads, several threads share a file. Prints the numbers of files and bytes, and the
 * wall-clock and processor seconds without parsing the manifest, as JSON. The exit code is 1 if a file could not be read. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 256 << 10 };

struct entry {
	char *name;
	long offset; /* of the next part to read */
};

static struct entry *entries;
static long files, visits; /* a file that threads share is visited by each of them */
static long next, done, bytes;
static int folder;

static int read_parts(struct entry *entry, char *buffer)
{
	int fd = openat(folder, entry->name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t count;
	long total = 0;
	do {
		long offset = __atomic_fetch_add(&entry->offset, BUFFER, __ATOMIC_RELAXED);
		count = pread(fd, buffer, BUFFER, offset);
		total += count;
	} while (count > 0);
	close(fd);
	__atomic_fetch_add(&bytes, total, __ATOMIC_RELAXED);
	return count < 0 ? -1 : 0;
}

static void *work(void *unused)
{
	(void)unused;
	char *buffer = malloc(BUFFER);
	long i;
	while ((i = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)) < visits)
		if (buffer && read_parts(&entries[i % files], buffer) == 0)
			__atomic_fetch_add(&done, 1, __ATOMIC_RELAXED);
	free(buffer);
	return NULL;
}

/* parse keeps the names of lines "digest  name". */
static int parse(const char *manifest)
{
	FILE *lines = fopen(manifest, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t length;
	if (!lines)
		return -1;
	while ((length = getline(&line, &size, lines)) > 0) {
		char *space = strstr(line, "  ");
		if (!space || line[length - 1] != '\n')
			return -1;
		line[length - 1] = 0;
		entries = realloc(entries, (files + 1) * sizeof *entries);
		if (!entries)
			return -1;
		entries[files++] = (struct entry){strdup(space + 2), 0};
	}
	free(line);
	fclose(lines);
	return files ? 0 : -1;
}

static double now(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	int threads = argc == 3 ? atoi(argv[2]) : 0;
	if (threads < 1) {
		fputs("usage: reader MANIFEST THREADS\n", stderr);
		return 2;
	}
	if (parse(argv[1]) < 0) {
		perror(argv[1]);
		return 2;
	}
	folder = open(dirname(argv[1]), O_PATH | O_DIRECTORY | O_CLOEXEC);
	visits = files * (threads > files ? threads / files : 1);

	pthread_t pool[threads];
	double began = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < threads; i++)
		if (pthread_create(&pool[i], NULL, work, NULL)) {
			fputs("reader: no more threads\n", stderr);
			return 2;
		}
	for (int i = 0; i < threads; i++)
		pthread_join(pool[i], NULL);
	printf("{\"files\": %ld, \"bytes\": %ld, \"seconds\": %.6f, \"cpu\": %.6f}\n", done * files / visits, bytes,
	       now(CLOCK_MONOTONIC) - began, now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	return done != visits;
}
