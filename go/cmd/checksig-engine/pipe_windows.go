package main

// ignoreBrokenPipe does nothing: on Windows a write to a pipe without a reader fails.
func ignoreBrokenPipe() {}

// endOnSignals does nothing: Windows ends a program without asking it.
func endOnSignals(func()) {}
