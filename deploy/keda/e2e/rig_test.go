//go:build linux

package main

import (
	"os"
	"regexp"
	"testing"
)

// TestRigRunsTheKEDAThatWeBuildWith: what the test shows is about the version that
// the scaler and the schema test are built with.
func TestRigRunsTheKEDAThatWeBuildWith(t *testing.T) {
	t.Parallel()
	version := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?m)^\s*github\.com/kedacore/keda/v2 (v\S+)`).FindSubmatch(text)
		if m == nil {
			t.Fatalf("%s requires no KEDA", file)
		}
		return string(m[1])
	}
	if ours, rig := version("../../../go.mod"), version("../../../tools/keda-rig/kedarig/go.mod"); ours != rig {
		t.Errorf("go.mod has KEDA %s, the rig has %s", ours, rig)
	}
}
