//go:build !race

package fits

const raceEnabled = false
