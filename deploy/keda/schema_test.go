package keda_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// scaledObjectSchema is the schema of the version of KEDA that we build with.
func scaledObjectSchema(t *testing.T) map[string]any {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/kedacore/keda/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "config/crd/bases/keda.sh_scaledobjects.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var definition struct {
		Spec struct {
			Versions []struct {
				Name   string
				Schema struct {
					OpenAPIV3Schema map[string]any `yaml:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &definition); err != nil {
		t.Fatal(err)
	}
	versions := definition.Spec.Versions
	if len(versions) != 1 || versions[0].Name != "v1alpha1" {
		t.Fatalf("KEDA has versions %v of a ScaledObject, want v1alpha1 alone", versions)
	}
	return versions[0].Schema.OpenAPIV3Schema
}

// violations says where a value does not follow the schema of a custom resource.
// It knows the parts of the language that KEDA uses, but for CEL.
func violations(schema map[string]any, value any, at string) []string {
	if schema["x-kubernetes-int-or-string"] == true {
		if _, ok := value.(int); ok {
			return nil
		}
		return ofType("string", schema, value, at)
	}
	kind, _ := schema["type"].(string)
	if bad := ofType(kind, schema, value, at); bad != nil {
		return bad
	}
	var bad []string
	switch v := value.(type) {
	case map[string]any:
		bad = ofObject(schema, v, at)
	case []any:
		items, _ := schema["items"].(map[string]any)
		for i, item := range v {
			bad = append(bad, violations(items, item, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case int:
		if least, ok := schema["minimum"].(int); ok && v < least {
			bad = append(bad, fmt.Sprintf("%s is %d, want at least %d", at, v, least))
		}
	}
	return bad
}

func ofType(kind string, schema map[string]any, value any, at string) []string {
	ok := false
	switch kind {
	case "object":
		_, ok = value.(map[string]any)
	case "array":
		_, ok = value.([]any)
	case "string":
		var text string
		text, ok = value.(string)
		if pattern, has := schema["pattern"].(string); ok && has && !regexp.MustCompile(pattern).MatchString(text) {
			return []string{fmt.Sprintf("%s is %q, want %s", at, text, pattern)}
		}
	case "integer":
		_, ok = value.(int)
	case "number":
		switch value.(type) {
		case int, float64:
			ok = true
		}
	case "boolean":
		_, ok = value.(bool)
	}
	if !ok {
		return []string{fmt.Sprintf("%s is a %T, want %s", at, value, kind)}
	}
	if enum, has := schema["enum"].([]any); has && !slices.Contains(enum, value) {
		return []string{fmt.Sprintf("%s is %v, want one of %v", at, value, enum)}
	}
	return nil
}

func ofObject(schema, object map[string]any, at string) []string {
	var bad []string
	required, _ := schema["required"].([]any)
	for _, key := range required {
		if _, has := object[key.(string)]; !has {
			bad = append(bad, fmt.Sprintf("%s has no %v", at, key))
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	others, _ := schema["additionalProperties"].(map[string]any)
	for key, value := range object {
		property, known := properties[key].(map[string]any)
		switch {
		case known:
			bad = append(bad, violations(property, value, at+"."+key)...)
		case others != nil:
			bad = append(bad, violations(others, value, at+"."+key)...)
		case len(properties) > 0: // none at all is metadata, which Kubernetes checks
			bad = append(bad, fmt.Sprintf("%s has no field %s", at, key))
		}
	}
	return bad
}

// TestSchemaFindsMistakes breaks our own ScaledObject in each way that the
// schema can see.
func TestSchemaFindsMistakes(t *testing.T) {
	t.Parallel()
	schema := scaledObjectSchema(t)
	text, err := os.ReadFile("base/scaledobject.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, old, replacement, want string }{
		{"an unknown field", "pollingInterval:", "pollInterval:", "spec has no field pollInterval"},
		{"a missing field", "scaleTargetRef:\n    name: funchost-worker\n  ", "", "spec has no scaleTargetRef"},
		{"a text for a number", "maxReplicaCount: 20", `maxReplicaCount: "20"`, "spec.maxReplicaCount is a string, want integer"},
		{"a number for a text", `maxConcurrentWorkItemsCount: "100"`, "maxConcurrentWorkItemsCount: 100", "spec.triggers[0].metadata.maxConcurrentWorkItemsCount is a int, want string"},
		{"an unknown word", "behavior: currentReplicasIfHigher", "behavior: higher", "spec.fallback.behavior is higher, want one of"},
		{"a number that is too small", "stabilizationWindowSeconds: 120", "stabilizationWindowSeconds: soon", "stabilizationWindowSeconds is a string"},
	} {
		broken := strings.Replace(string(text), tc.old, tc.replacement, 1)
		if broken == string(text) {
			t.Fatalf("%s: %q is not in the manifest", tc.name, tc.old)
		}
		var object any
		if err := yaml.Unmarshal([]byte(broken), &object); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(violations(schema, object, "."), "\n"); !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
