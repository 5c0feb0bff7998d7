package gnu

import (
	"syscall"
	"unsafe"
)

// plainSignals has SIGQUIT end the process as it ends any other, without Go's traces.
func plainSignals() {
	var action [8]uint64 // struct sigaction of the kernel; all zeros is SIG_DFL
	const setSize = 8
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGQUIT),
		uintptr(unsafe.Pointer(&action)), 0, setSize, 0, 0)
}
