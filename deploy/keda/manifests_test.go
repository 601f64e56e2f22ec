// Package keda_test checks the manifests without a cluster: against what they
// say about each other, against our binaries, and against KEDA's own schema.
package keda_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/funchost/funchost/dts"
)

// placeholder is the image name that a user replaces.
const placeholder = "funchost-app"

// kustomization is what ours use of it.
type kustomization struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Namespace  string   `yaml:"namespace"`
	Resources  []string `yaml:"resources"`
	Images     []struct {
		Name    string `yaml:"name"`
		NewName string `yaml:"newName"`
		NewTag  string `yaml:"newTag"`
	} `yaml:"images"`
	Patches []struct {
		Path   string `yaml:"path"`
		Target struct {
			Kind string `yaml:"kind"`
			Name string `yaml:"name"`
		} `yaml:"target"`
	} `yaml:"patches"`
}

func readKustomization(t *testing.T, dir string) kustomization {
	t.Helper()
	var k kustomization
	d := yaml.NewDecoder(bytes.NewReader(read(t, filepath.Join(dir, "kustomization.yaml"))))
	d.KnownFields(true)
	if err := d.Decode(&k); err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	return k
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// base reads the manifests as they are written.
func base(t *testing.T) *cluster {
	t.Helper()
	k := readKustomization(t, "base")
	var texts [][]byte
	for _, name := range k.Resources {
		texts = append(texts, read(t, filepath.Join("base", name)))
	}
	c, err := readCluster(k.Namespace, texts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBaseHoldsTogether(t *testing.T) {
	t.Parallel()
	k := readKustomization(t, "base")
	files, err := filepath.Glob("base/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if name = filepath.Base(name); name != "kustomization.yaml" && !slices.Contains(k.Resources, name) {
			t.Errorf("base/%s is in no kustomization", name)
		}
	}
	if len(k.Images) != 1 || k.Images[0].Name != placeholder {
		t.Fatalf("images %v, want the placeholder %s alone", k.Images, placeholder)
	}
	// A cluster asks the registry for latest each time, also for an image that was
	// loaded into it.
	if tag := k.Images[0].NewTag; tag == "" || tag == "latest" {
		t.Errorf("tag %q, want one that says which image it is", tag)
	}
	c := base(t)
	for _, kind := range []struct {
		name string
		has  []string
	}{
		{"workloads", slices.Sorted(maps.Keys(c.workloads))},
		{"services", slices.Sorted(maps.Keys(c.services))},
		{"scaled objects", slices.Sorted(maps.Keys(c.scaledObjects))},
	} {
		want := map[string][]string{
			"workloads":      {"funchost-api", "funchost-scaler", "funchost-scheduler", "funchost-worker"},
			"services":       {"funchost-api", "funchost-scaler", "funchost-scheduler"},
			"scaled objects": {"funchost-worker"},
		}[kind.name]
		if !slices.Equal(kind.has, want) {
			t.Errorf("%s %v, want %v", kind.name, kind.has, want)
		}
	}
	checkCluster(t, c)
}

// TestRenderedManifestsHoldTogether looks at what kustomize makes of base and
// overlays, where there is a kustomize.
func TestRenderedManifestsHoldTogether(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"base", "overlays/aks"} {
		c, err := readCluster("funchost", render(t, dir))
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		checkCluster(t, c)
		if dir == "base" {
			continue
		}
		if _, has := c.workloads["funchost-scheduler"]; has {
			t.Errorf("%s still has a scheduler of our own", dir)
		}
		for _, w := range c.workloads {
			if w.Spec.Template.Metadata.Labels["azure.workload.identity/use"] != "true" {
				t.Errorf("%s: %s gets no token of the workload identity", dir, w.Metadata.Name)
			}
		}
		if c.accounts["funchost"].Metadata.Annotations["azure.workload.identity/client-id"] == "" {
			t.Errorf("%s: the account names no identity", dir)
		}
		cs, err := dts.ParseConnectionString(c.configs["funchost-connection"].Data["DTS_CONNECTION_STRING"])
		if err != nil || cs.Authentication != dts.AuthWorkloadIdentity {
			t.Errorf("%s: connection %v, %v, want the workload identity", dir, cs, err)
		}
	}
}

func render(t *testing.T, dir string) []byte {
	t.Helper()
	for _, command := range [][]string{{"kustomize", "build", dir}, {"kubectl", "kustomize", dir}} {
		if _, err := exec.LookPath(command[0]); err != nil {
			continue
		}
		cmd := exec.Command(command[0], command[1:]...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		text, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%.500s", cmd, err, stderr.Bytes())
		}
		return text
	}
	t.Skip("neither kustomize nor kubectl is here: overlays are not rendered")
	return nil
}

// TestOverlayPatchesWhatIsThere does without kustomize.
func TestOverlayPatchesWhatIsThere(t *testing.T) {
	t.Parallel()
	c := base(t)
	names := map[string]bool{}
	for _, some := range [][]string{
		slices.Collect(maps.Keys(c.accounts)), slices.Collect(maps.Keys(c.configs)), slices.Collect(maps.Keys(c.services)),
		slices.Collect(maps.Keys(c.workloads)), slices.Collect(maps.Keys(c.policies)),
	} {
		for _, name := range some {
			names[name] = true
		}
	}
	for _, p := range readKustomization(t, "overlays/aks").Patches {
		var patch header
		if err := yaml.Unmarshal(read(t, filepath.Join("overlays/aks", p.Path)), &patch); err != nil {
			t.Fatalf("%s: %v", p.Path, err)
		}
		if p.Target.Kind == "" && !names[patch.Metadata.Name] {
			t.Errorf("%s patches %s, which the base does not have", p.Path, patch.Metadata.Name)
		}
		if name := p.Target.Name; name != "" && !names[name] {
			t.Errorf("%s is for %s, which the base does not have", p.Path, name)
		}
	}
}

func TestImageHasWhatTheManifestsRun(t *testing.T) {
	t.Parallel()
	text := string(read(t, "Dockerfile"))
	for name, w := range base(t).workloads {
		program := w.Spec.Template.Spec.Containers[0].Command[0]
		if !strings.Contains(text, "-o /out"+program+" ") {
			t.Errorf("%s runs %s, which the image does not have", name, program)
		}
	}
	if from := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(text, -1); len(from) != 2 || from[1][1] != "scratch" {
		t.Errorf("the image is made from %v, want the last to be scratch", from)
	}
	for _, m := range regexp.MustCompile(`(?m)^ARG \w+=(\./\S+)$`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("../..", m[1], "main.go")); err != nil {
			t.Errorf("the image builds %s: %v", m[1], err)
		}
	}
}
