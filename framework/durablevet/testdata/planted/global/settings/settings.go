// Package settings has variables that others change.
package settings

// Most is changed by the program, Least by a package that its reader does not know.
var Most, Least = 10, 1
