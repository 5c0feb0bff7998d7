package gnu

import (
	"syscall"
	"unsafe"
)

// resetSIGQUIT restores the default action of SIGQUIT, which ends the process without Go's stack traces.
func resetSIGQUIT() {
	var action [8]uint64 // the kernel's struct sigaction; zeros are SIG_DFL
	const setSize = 8
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGQUIT),
		uintptr(unsafe.Pointer(&action)), 0, setSize, 0, 0)
}
