//go:build !planted

package planted

// Active reports whether the program has the bug.
func Active(string) bool { return false }
