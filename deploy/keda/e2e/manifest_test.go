//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestOverlayIsFilledIn(t *testing.T) {
	t.Parallel()
	to := filepath.Join(t.TempDir(), "overlay")
	err := writeOverlay(to, map[string]string{
		"BASE": "../base", "BIN": "/bin", "DIR": "/dir", "SCHEDULER": "127.0.0.1:1", "API": "127.0.0.1:2", "SCALER": "127.0.0.1:3", "CAPACITY": "10",
	})
	if err != nil {
		t.Fatal(err)
	}
	var k struct {
		Resources []string
		Patches   []struct{ Path string }
	}
	files, err := filepath.Glob(to + "/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var content any
		if err := yaml.Unmarshal(text, &content); err != nil || strings.Contains(string(text), "$") {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		if filepath.Base(name) == "kustomization.yaml" {
			if err := yaml.Unmarshal(text, &k); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(k.Resources) != 1 || k.Resources[0] != "../base" || len(k.Patches) != len(files)-1 {
		t.Errorf("resources %v and %d patches of %d files, want the base and all the others", k.Resources, len(k.Patches), len(files))
	}
}

func TestOverlayWithAVariableThatNobodyKnows(t *testing.T) {
	t.Parallel()
	err := writeOverlay(t.TempDir(), map[string]string{"BASE": "../base"})
	if err == nil || !strings.Contains(err.Error(), "${SCALER}") {
		t.Errorf("error is %v, want one that names ${SCALER}", err)
	}
}
