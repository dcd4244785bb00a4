//go:build race

package netem

// raceEnabled reduces the samples of statistical tests: the detector makes
// them ten times as slow and they have one goroutine.
const raceEnabled = true
