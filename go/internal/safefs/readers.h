// Reads the names in many folders at once, on threads of its own.
#ifndef CHECKSIG_SAFEFS_READERS_H
#define CHECKSIG_SAFEFS_READERS_H

#include <stddef.h>
#include <stdint.h>

enum {
	SAFEFS_READERS = 64,          // threads, and folders that are read or wait to be fetched, at most
	SAFEFS_ENTRIES = 128 << 10,   // bytes of entries that are read of a folder
};

// A folder that is being read, or was.
typedef struct {
	int parent;     // the open folder that it lies in
	int fd;         // itself, open; -1 if error is set
	int error;      // an errno; 0 if none
	int is_whole;   // all of its entries are there
	int is_blocked; // the thread had to wait for the storage, now or lately
	int has_ended;  // it was read, and not fetched yet
	size_t length;  // bytes of entries: struct linux_dirent64 of getdents64(2), in which the type is always known
	char *entries;  // before it is read: its name
} safefs_reading;

typedef struct safefs_readers safefs_readers;

// Returns readers without threads, of which there will be limit at most; NULL if there is no memory.
safefs_readers *safefs_new_readers(int limit);

// Returns the reading with a number below SAFEFS_READERS. It is the caller's while nothing is read with it.
safefs_reading *safefs_reading_at(safefs_readers *readers, int number);

// Has the folder called name read in parent, which stays open until this reading was fetched. Returns 0 if it cannot,
// because there is no thread or the name is too long. Threads that wait are
// woken by safefs_begin_readings.
int safefs_start_reading(safefs_readers *readers, int number, int parent, const char *name, size_t length);

// Wakes threads for all that was started.
void safefs_begin_readings(safefs_readers *readers);

// Waits until the reading called number has ended, or so many others have. Returns 0 once safefs_wake was called.
int safefs_await_reading(safefs_readers *readers, int number, int others);

// Returns the number of a reading that has ended, and was not fetched yet; -1 if there is none. fd is the caller's
// from then on.
int safefs_fetch_reading(safefs_readers *readers);

// Ends safefs_await_reading, now and in the future.
void safefs_wake(safefs_readers *readers);

// Ends the threads, without waiting for those that read, and closes the folders in which these open others.
void safefs_free_readers(safefs_readers *readers, const int *folders, int count);

#endif
