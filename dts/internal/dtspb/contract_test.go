package dtspb_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/dtspb"
)

// The packages of the protocol's own two files; ours has one for both, which the
// wire does not show.
const (
	ours    = "funchost.dts."
	backend = "durabletask.protos.backend.v1."
)

// TestDescriptorsMatchContract holds the generated code against the table of the
// protocol, line by line and both ways: a field that is missing here breaks what
// others send, one that is only here breaks what they read.
func TestDescriptorsMatchContract(t *testing.T) {
	t.Parallel()
	want := readContract(t)
	got := make(map[string]string)
	add := func(key string, columns ...string) {
		if _, double := got[key]; double {
			t.Errorf("generated code has %s twice", key)
		}
		got[key] = strings.Join(columns, " ")
	}

	for _, file := range []protoreflect.FileDescriptor{
		dtspb.File_dts_internal_dtspb_messages_proto,
		dtspb.File_dts_internal_dtspb_backend_proto,
	} {
		for i := range file.Messages().Len() {
			describeMessage(file.Messages().Get(i), add)
		}
		for i := range file.Enums().Len() {
			enum := file.Enums().Get(i)
			for j := range enum.Values().Len() {
				value := enum.Values().Get(j)
				add(fmt.Sprintf("enum %s %s", wireName(enum), value.Name()), fmt.Sprint(value.Number()))
			}
		}
	}
	services := dtsgrpc.File_dts_internal_dtsgrpc_services_proto.Services()
	for i := range services.Len() {
		name := wireName(services.Get(i))
		if name == "BackendService" {
			name = backend + name
		}
		for j := range services.Get(i).Methods().Len() {
			m := services.Get(i).Methods().Get(j)
			add(fmt.Sprintf("rpc %s %s", name, m.Name()), wireName(m.Input()), streaming(m), wireName(m.Output()))
		}
	}

	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("generated code differs from testdata/contract.tsv (-contract +generated):\n%s", diff)
	}
}

// readContract gives what each line says about its subject. The lines that name
// a package have no subject.
func readContract(t *testing.T) map[string]string {
	t.Helper()
	table, err := os.ReadFile("testdata/contract.tsv")
	if err != nil {
		t.Fatal(err)
	}
	facts := make(map[string]string)
	lines := strings.Split(strings.TrimSuffix(string(table), "\n"), "\n")
	for n, line := range lines[1:] {
		c := strings.Split(line, "\t")
		if len(c) != 9 {
			t.Fatalf("contract.tsv:%d has %d columns, want 9", n+2, len(c))
		}
		kind, owner, name, number, typ, label, response, note := c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8]
		var key, fact string
		switch kind {
		case "package":
			continue
		case "message":
			key = "message " + owner
			fact = label
		case "field":
			key = fmt.Sprintf("field %s %s", owner, name)
			fact = strings.TrimSpace(fmt.Sprintf("%s %s %s %s", number, typ, label, note))
		case "enum":
			key = fmt.Sprintf("enum %s %s", owner, name)
			fact = number
		case "reserved":
			key = "reserved " + owner
			fact = number
		case "rpc":
			key = fmt.Sprintf("rpc %s %s", owner, name)
			fact = fmt.Sprintf("%s %s %s", typ, label, response)
		default:
			t.Fatalf("contract.tsv:%d has kind %q, which this test does not know", n+2, kind)
		}
		if _, double := facts[key]; double {
			t.Errorf("contract.tsv:%d repeats %s", n+2, key)
		}
		facts[key] = fact
	}
	return facts
}

func describeMessage(m protoreflect.MessageDescriptor, add func(key string, columns ...string)) {
	owner := wireName(m)
	if m.Fields().Len() == 0 {
		add("message "+owner, "empty")
	}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		columns := []string{fmt.Sprint(f.Number()), fieldType(f), label(f)}
		if options, ok := f.Options().(*descriptorpb.FieldOptions); ok && options.GetDeprecated() {
			columns = append(columns, "deprecated")
		}
		add(fmt.Sprintf("field %s %s", owner, f.Name()), columns...)
	}
	for i := range m.ReservedRanges().Len() {
		r := m.ReservedRanges().Get(i)
		for n := r[0]; n < r[1]; n++ {
			add("reserved "+owner, fmt.Sprint(n))
		}
	}
	for i := range m.Messages().Len() {
		if nested := m.Messages().Get(i); !nested.IsMapEntry() {
			describeMessage(nested, add)
		}
	}
}

func fieldType(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return fmt.Sprintf("map<%s,%s>", fieldType(f.MapKey()), fieldType(f.MapValue()))
	case f.Message() != nil:
		return wireName(f.Message())
	case f.Enum() != nil:
		return "enum:" + wireName(f.Enum())
	default:
		return f.Kind().String()
	}
}

func label(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return "map"
	case f.IsList():
		return "repeated"
	case f.HasOptionalKeyword():
		return "optional"
	case f.ContainingOneof() != nil:
		return "oneof:" + string(f.ContainingOneof().Name())
	default:
		return "singular"
	}
}

func streaming(m protoreflect.MethodDescriptor) string {
	switch {
	case m.IsStreamingClient():
		return "client-stream"
	case m.IsStreamingServer():
		return "server-stream"
	default:
		return "unary"
	}
}

// wireName gives a descriptor the name that it has in the protocol's files.
func wireName(d protoreflect.Descriptor) string {
	name, isOurs := strings.CutPrefix(string(d.FullName()), ours)
	_, isMessage := d.(protoreflect.MessageDescriptor)
	if isOurs && isMessage && d.ParentFile().Path() == dtspb.File_dts_internal_dtspb_backend_proto.Path() {
		return backend + name
	}
	return name
}
