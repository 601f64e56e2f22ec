//go:build !race

package scheduler_test

// defaultCuts is how often the power is cut in a normal run.
const defaultCuts = 200

// defaultWorlds is how many days of trouble there are in a normal run.
const defaultWorlds = 10

// defaultErrors is how many disk errors there are in a normal run.
const defaultErrors = 20
