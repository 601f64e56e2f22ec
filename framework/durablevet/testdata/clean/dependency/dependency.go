// Package dependency calls code of other modules that is quick by locks and caches.
package dependency

import (
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/funchost/funchost/framework/durable"
)

func run(ctx *durable.Context, in string) (string, error) {
	var v map[string]any
	if err := yaml.Unmarshal([]byte(in), &v); err != nil {
		return "", err
	}
	if cmp.Equal(v, map[string]any{}) {
		return "", nil
	}
	out, err := proto.Marshal(structpb.NewStringValue(in))
	return string(out), err
}
