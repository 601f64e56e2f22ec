package wire

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// failure is the shape of dts.Failure. Wire sits below dts and cannot name the
// type, so the conversions take it as a parameter and the compiler holds the
// two shapes together.
type failure[F any] struct {
	Type         string
	Message      string
	Stack        string
	Inner        *F
	NonRetriable bool
	Properties   map[string]any
}

// Failure is satisfied by dts.Failure and nothing else in this module.
type Failure[F any] interface {
	~struct {
		Type         string
		Message      string
		Stack        string
		Inner        *F
		NonRetriable bool
		Properties   map[string]any
	}
}

// ToFailure reads a failure with its inner ones: wire.ToFailure[dts.Failure](d).
// Nil stays nil.
func ToFailure[F Failure[F]](d *dtspb.TaskFailureDetails) *F {
	if d == nil {
		return nil
	}
	var properties map[string]any
	if len(d.GetProperties()) > 0 {
		properties = make(map[string]any, len(d.GetProperties()))
		for k, v := range d.GetProperties() {
			properties[k] = v.AsInterface()
		}
	}
	f := F(failure[F]{
		Type:         d.GetErrorType(),
		Message:      d.GetErrorMessage(),
		Stack:        d.GetStackTrace().GetValue(),
		Inner:        ToFailure[F](d.GetInnerFailure()),
		NonRetriable: d.GetIsNonRetriable(),
		Properties:   properties,
	})
	return &f
}

// FromFailure writes a failure with its inner ones. Text that is not UTF-8 is
// repaired and a property of a type that the protocol cannot carry becomes its
// printed form: a failure that cannot be reported would hang its caller.
func FromFailure[F Failure[F]](from *F) *dtspb.TaskFailureDetails {
	if from == nil {
		return nil
	}
	f := failure[F](*from)
	d := &dtspb.TaskFailureDetails{
		ErrorType:      text(f.Type),
		ErrorMessage:   text(f.Message),
		StackTrace:     FromText(text(f.Stack)),
		InnerFailure:   FromFailure(f.Inner),
		IsNonRetriable: f.NonRetriable,
	}
	if len(f.Properties) > 0 {
		d.Properties = make(map[string]*structpb.Value, len(f.Properties))
		for k, v := range f.Properties {
			d.Properties[text(k)] = property(v)
		}
	}
	return d
}

func property(v any) *structpb.Value {
	p, err := structpb.NewValue(v)
	if err != nil {
		return structpb.NewStringValue(text(fmt.Sprint(v)))
	}
	return p
}

func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
