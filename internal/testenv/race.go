//go:build race

package testenv

// Race reports whether the race detector is on: programs then need several times the memory and the
// time, so that measuring them says nothing.
const Race = true
