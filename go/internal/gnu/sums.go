package gnu

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

func blocks(size, block uint64) uint64 { return size/block + min(1, size%block) }

func printBSD(dst []byte, sum uint32, size uint64) []byte {
	return fmt.Appendf(dst, "%05d %5d", sum, blocks(size, 1024))
}

func printSysV(dst []byte, sum uint32, size uint64) []byte {
	return fmt.Appendf(dst, "%d %d", sum, blocks(size, 512))
}

func printCRC(dst []byte, sum uint32, size uint64) []byte {
	return fmt.Appendf(dst, "%d %d", sum, size)
}

// support returns the name of the CPU instructions with which coreutils computes the CRC, for --debug.
func (a *algorithm) support() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	has := func(flags ...string) bool {
		return !slices.ContainsFunc(flags, func(f string) bool { return !strings.Contains(string(info), " "+f+" ") })
	}
	switch {
	case runtime.GOARCH == "arm64" && a.name == "crc" && has("pmull"):
		return "vmull"
	case runtime.GOARCH != "amd64" || !has("pclmulqdq", "avx"):
		return "generic"
	case a.name == "crc" && has("avx512f", "avx512bw", "vpclmulqdq"):
		return "avx512"
	case a.name == "crc" && has("avx2", "vpclmulqdq"):
		return "avx2"
	}
	return "pclmul"
}
