//go:build race

package scheduler_test

// defaultCuts is how often the power is cut in a normal run. With the race
// detector on, the storage engine checks itself and a cut takes a second.
const defaultCuts = 24

// defaultWorlds is how many days of trouble there are in a normal run.
const defaultWorlds = 3

// defaultErrors is how many disk errors there are in a normal run.
const defaultErrors = 10
