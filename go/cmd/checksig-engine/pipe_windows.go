package main

// ignoreBrokenPipe does nothing: a write to a pipe that nobody reads fails there.
func ignoreBrokenPipe() {}
