// Command launch runs a program and prints, as one line of JSON, how it ended, what it printed,
// how long it took, also in processor time, and the most memory that it or one of its children had at once.
//
// It is a program of its own because Linux counts the memory of a process from the fork on: what
// Python started would never seem smaller than Python.
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
	CPU     float64 `json:"cpu"`    // seconds of all its threads and children
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
	began := time.Now()
	if err := command.Start(); err != nil {
		log.Fatal(err)
	}
	_ = command.Wait() // how it ended is in its state
	took := time.Since(began)
	state := command.ProcessState
	cpu := state.UserTime() + state.SystemTime()
	r := result{state.ExitCode(), output.String(), errors.String(), took.Seconds(), cpu.Seconds(), 0}
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		r.Memory = usage.Maxrss << 10
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		log.Fatal(err)
	}
}
