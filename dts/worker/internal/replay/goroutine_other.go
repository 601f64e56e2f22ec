//go:build !amd64 && !arm64

package replay

// goroutine cannot tell goroutines apart here, so only calls outside of a turn
// are noticed, not those of a foreign goroutine beside a running one.
func goroutine() uintptr { return 1 }
