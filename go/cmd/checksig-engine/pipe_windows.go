package main

// ignoreBrokenPipe does nothing: on Windows a write to a pipe without a reader fails.
func ignoreBrokenPipe() {}
