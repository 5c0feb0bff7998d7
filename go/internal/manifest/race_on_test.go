//go:build race

package manifest_test

// raceDetector tells that the race detector runs, with which memory cannot be measured.
const raceDetector = true
