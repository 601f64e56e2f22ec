package durablevet

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis/unitchecker"
)

// Vettool does what `go vet -vettool` asks a program for, and exits. It returns if
// the arguments, without the name of the program, are not those of the go command.
//
// The go command asks for the version of the tool, for its flags, and then to look
// at one package at a time, which a file vet.cfg describes.
func Vettool(args []string) {
	if len(args) == 0 {
		return
	}
	flags, last := args[:len(args)-1], args[len(args)-1]
	if slices.ContainsFunc(flags, func(f string) bool { return !strings.HasPrefix(f, "-") }) {
		return
	}
	switch {
	case last == "-V=full" || last == "-flags":
	case filepath.Base(last) != "vet.cfg":
		return
	case skips(last):
		os.Exit(0)
	}
	unitchecker.Main(Analyzer)
}

// skips writes down at once that there is nothing to know of a package, if it is one
// that is not looked at. Most packages of a program are such, and unitchecker would
// read their source.
func skips(config string) bool {
	text, err := os.ReadFile(config)
	if err != nil {
		return false
	}
	var c unitchecker.Config
	if err := json.Unmarshal(text, &c); err != nil || !c.VetxOnly {
		return false
	}
	hasModule := c.ModulePath != "" || c.Module != nil && c.Module.Path != ""
	return trusted(c.ImportPath, hasModule) && os.WriteFile(c.VetxOutput, nil, 0o600) == nil
}
