//go:build race

package ingest

// raceDetector says that the tests run with the race detector. Programs then take several times the
// memory and time, which makes measurements useless.
const raceDetector = true
