//go:build !race

package scheduler_test

// defaultCuts is how often the power is cut in a normal run.
const defaultCuts = 200
