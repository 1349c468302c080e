// Package measure measures a node from outside, as its users see it. It builds the program, fills
// files with the datums of package dataset, and prints each figure beside its limit and the floor
// measured in the same run. One command, in the root of the repository, does it all:
//
//	NIGHTJAR_MEASURE=1 go test ./internal/measure -v -count 1 -timeout 120m
//
// To measure one part, add -run, such as -run 'TestMeasure/reads'. Environment variables set the
// rest:
//
//	NIGHTJAR_MEASURE_DIR    folder on the measured disk, with 10 GB free; default a temporary one
//	NIGHTJAR_MEASURE_ROWS   datums in the archive; default 1,000,000
//	NIGHTJAR_MEASURE_RUNS   runs; a figure is their median; default 5
//	NIGHTJAR_MEASURE_SCALE  datums of the largest archive in the scaling table; default 10,000,000
//
// Requests come from wrk if it is installed, otherwise from this program; both share the processors
// with the server. The test never fails because of a figure, since other load may cause it, but
// fails when something cannot be measured.
package measure
