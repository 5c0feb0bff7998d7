package threads

import "golang.org/x/sys/unix"

// plenty is a limit of processes and threads that a user does not come near to.
const plenty = 4096

// available returns how many of count threads can be created now: none where the limit is so low that the runtime
// may need all of them.
func available(count int) int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NPROC, &limit) != nil || limit.Cur < plenty {
		return 0
	}
	return probe(count)
}
