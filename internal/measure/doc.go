// Package measure measures a node from outside, as its users meet it: it builds the program, fills
// data files with the data of package dataset, and prints each figure beside the one that must hold
// and the floor that was measured in the same run. One command does it all, from the root of the
// repository:
//
//	NIGHTJAR_MEASURE=1 go test ./internal/measure -v -count 1 -timeout 120m
//
// A part is measured alone with -run, such as -run 'TestMeasure/reads'. Further settings stand in
// the environment:
//
//	NIGHTJAR_MEASURE_DIR    a folder on the disk that is to be measured, for some 10 GB; otherwise a temporary one
//	NIGHTJAR_MEASURE_ROWS   how many data the archive has, 1,000,000 if not given
//	NIGHTJAR_MEASURE_RUNS   of how many runs a figure is the median, 5 if not given
//	NIGHTJAR_MEASURE_SCALE  up to how many data the table of scaling goes, 10,000,000 if not given
//
// Requests come from wrk where it is installed, otherwise from this program; both share the
// processors with the server. No figure makes the test fail: a noisy hour is not a fault. It fails
// when something cannot be measured.
package measure
