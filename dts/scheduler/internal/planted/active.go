//go:build planted

package planted

import "os"

// Active reports whether the program has the bug.
func Active(bug string) bool { return os.Getenv(Variable) == bug }
