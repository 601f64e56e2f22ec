// Package lib answers for one mistake and not for the other.
package lib

import (
	"os"
	"time"
)

// Stamp reads the clock.
func Stamp() time.Time { return time.Now() }

// Region is the same wherever this runs.
func Region() string {
	return os.Getenv("REGION") //durable:ignore one region for each hub
}
