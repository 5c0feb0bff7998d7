// Command launch runs a program and measures its time and memory.
//
//	launch PROGRAM [ARGUMENT...]
//
// It prints one line of JSON: exit code, output, elapsed time, CPU time, and the peak memory of the
// program or of one of its children, whichever is greater.
//
// It is a separate program because Linux counts the memory of a process from the fork on. A program
// started by Python would never seem smaller than Python.
package main

import (
	"encoding/json"
	"log"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

type result struct {
	Code    int     `json:"code"`
	Output  string  `json:"output"`
	Errors  string  `json:"errors"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu"`    // seconds of all threads and children
	Memory  int64   `json:"memory"` // bytes
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: launch PROGRAM [ARGUMENT...]")
	}
	var output, errors strings.Builder
	command := exec.Command(os.Args[1], os.Args[2:]...)
	command.Stdout, command.Stderr = &output, &errors
	start := time.Now()
	if err := command.Start(); err != nil {
		log.Fatal(err)
	}
	_ = command.Wait() // the error is in its state
	elapsed := time.Since(start)
	state := command.ProcessState
	cpu := state.UserTime() + state.SystemTime()
	r := result{state.ExitCode(), output.String(), errors.String(), elapsed.Seconds(), cpu.Seconds(), 0}
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		r.Memory = usage.Maxrss << 10
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		log.Fatal(err)
	}
}
