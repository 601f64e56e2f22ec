package worker

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// Types of the failures that the worker makes itself.
const (
	typeActivityNotFound = "ActivityTaskNotFound" // the names that .NET workers use
	typeEntityNotFound   = "EntityTaskNotFound"
	typeInvalidEntity    = "InvalidEntityID"
	typeInvalidPayload   = "InvalidPayload"
	typePayloadGone      = "PayloadGone"
	typeAnswerTooLarge   = "AnswerTooLarge"
	typeRefused          = "AnswerRefused"
)

// Longest texts of a failure; with longer ones an answer could grow over the
// size of a message and never arrive.
const (
	maxMessage = 64 << 10
	maxStack   = 32 << 10
)

// details turns the error of a function into what is recorded.
func details(err error) *dtspb.TaskFailureDetails {
	return shorten(wire.FromFailure(failure(err)))
}

// maxCauses is how many errors of a chain are kept below the first; messages repeat
// those that they wrap, so more would say little.
const maxCauses = 8

// failure keeps a failure that err is. Otherwise its inner failure is the one that err
// wraps, or else what it wraps, error for error.
func failure(err error) *dts.Failure { return failureOf(err, maxCauses) }

func failureOf(err error, causes int) *dts.Failure {
	if f, ok := err.(*dts.Failure); ok { //nolint:errorlint // wrapped ones are handled below
		if f == nil {
			return &dts.Failure{Type: "dts.Failure", Message: "a nil *dts.Failure was returned as error"}
		}
		return f
	}
	f := &dts.Failure{Type: typeName(err), Message: err.Error()}
	if inner, ok := errors.AsType[*dts.Failure](err); ok && inner != nil {
		f.Inner, f.NonRetriable = inner, inner.NonRetriable
	} else if causes > 0 {
		f.Inner = causeOf(f, err, causes-1)
	}
	if p, ok := errors.AsType[permanent](err); ok && p.NonRetriable() {
		f.NonRetriable = true
	}
	return f
}

// causeOf is the next error of the chain that says more than f, of several that are
// joined the first; nil if there is none.
func causeOf(f *dts.Failure, err error, causes int) *dts.Failure {
	for {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			list := slices.DeleteFunc(slices.Clone(joined.Unwrap()), func(e error) bool { return e == nil })
			if len(list) == 0 {
				return nil
			}
			err = list[0]
		} else if err = errors.Unwrap(err); err == nil {
			return nil
		}
		if typeName(err) != f.Type || err.Error() != f.Message {
			return failureOf(err, causes)
		}
	}
}

// permanent is an error that says whether retries make sense.
type permanent interface {
	error
	NonRetriable() bool
}

// typeName returns the type of err in Go's words, without wrappers that say
// nothing about what went wrong: those that only add text or a mark, and those
// around a failure whose type nobody outside of their package can name. A failure
// has its own.
func typeName(err error) string {
	for {
		name := strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
		_, mark := err.(permanent) //nolint:errorlint // this layer only
		inner := errors.Unwrap(err)
		f, failed := inner.(*dts.Failure) //nolint:errorlint // the next layer only
		failed = failed && f != nil && f.Type != ""
		switch {
		case failed && (mark || !exported(name)):
			return f.Type
		case inner == nil, !mark && name != "fmt.wrapError":
			return name
		}
		err = inner
	}
}

// exported tells it of a type written with its package.
func exported(name string) bool {
	first, _ := utf8.DecodeRuneInString(name[strings.LastIndexByte(name, '.')+1:])
	return unicode.IsUpper(first)
}

// shorten cuts the texts of f and of its inner failures in place.
func shorten(f *dtspb.TaskFailureDetails) *dtspb.TaskFailureDetails {
	for in := f; in != nil; in = in.InnerFailure {
		in.ErrorMessage = cut(in.ErrorMessage, maxMessage)
		if in.StackTrace != nil {
			in.StackTrace.Value = cut(in.StackTrace.Value, maxStack)
		}
	}
	return f
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + " … (cut)"
}
