package wire

import "strings"

// BuiltIn reports whether a function belongs to this SDK and not to its user.
func BuiltIn(name string) bool { return strings.HasPrefix(name, "funchost.") }
