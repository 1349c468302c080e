//go:build race

package fits

// raceEnabled says that the tests run with the race detector, with which programs take several
// times the memory and the time: what is measured then says nothing.
const raceEnabled = true
