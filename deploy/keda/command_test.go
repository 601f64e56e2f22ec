package keda_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
)

// funchost is the command, built once for all tests.
var funchost = sync.OnceValues(func() (map[string]string, error) {
	help := map[string]string{}
	for _, command := range []string{"scheduler", "scaler"} {
		cmd := exec.Command("go", "run", "./cmd/funchost", command, "--help")
		cmd.Dir = filepath.Join("..", "..")
		out, err := cmd.Output()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = errors.New(string(exit.Stderr))
		}
		if err != nil {
			return nil, err
		}
		help[command] = string(out)
	}
	return help, nil
})

// helpOf gives the flags that a command of ours has.
func helpOf(t *testing.T, command string) []string {
	t.Helper()
	help, err := funchost()
	if err != nil {
		t.Fatal(err)
	}
	var flags []string
	for _, m := range regexp.MustCompile(`(?m)^ +(--[a-z-]+)`).FindAllStringSubmatch(help[command], -1) {
		flags = append(flags, m[1])
	}
	if len(flags) == 0 {
		t.Fatalf("the help of %s has no flags:\n%s", command, help[command])
	}
	return flags
}
