//go:build amd64 || arm64

package replay

// goroutine names the goroutine that calls it: the address of the runtime's
// record of it, read from the register that Go keeps it in. It is only ever
// compared. The portable way, parsing runtime.Stack, costs 2.6 µs against
// 2 ns, too much for a check at each call of a context.
func goroutine() uintptr
