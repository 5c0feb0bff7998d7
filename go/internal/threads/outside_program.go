//go:build linux && checksig_program

package threads

import "golang.org/x/sys/unix"

// plenty is a limit of processes and threads that a user does not come near to.
const plenty = 4096

// available returns count, or 0 where threads may be so few that the runtime needs all of them.
func available(count int) int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NPROC, &limit) != nil || limit.Cur < plenty {
		return 0
	}
	return count
}
