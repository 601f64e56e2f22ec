package dts

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Errors that callers branch on; ask with [errors.Is].
var (
	// ErrNotFound: the instance, the entity or the task hub does not exist.
	ErrNotFound = errors.New("not found")
	// ErrExists: the id is taken and may not be replaced.
	ErrExists = errors.New("already exists")
	// ErrInvalid: the request itself is wrong; trying again does not help.
	ErrInvalid = errors.New("invalid")
	// ErrUnavailable: the scheduler could not be reached, or is stopping; or the payload
	// store could not, see [ErrStoreUnavailable].
	ErrUnavailable = errors.New("scheduler unavailable")
	// ErrUnimplemented: this scheduler cannot do that.
	ErrUnimplemented = errors.New("not implemented by this scheduler")
	// ErrConflict: the instance is not in a state that allows it.
	ErrConflict = errors.New("not possible in this state")
)

// kinds maps the codes that the protocol gives a meaning to. Other codes reach
// the caller as gRPC status errors.
var kinds = map[codes.Code]error{
	codes.NotFound:           ErrNotFound,
	codes.AlreadyExists:      ErrExists,
	codes.InvalidArgument:    ErrInvalid,
	codes.Unavailable:        ErrUnavailable,
	codes.Unimplemented:      ErrUnimplemented,
	codes.FailedPrecondition: ErrConflict,
	codes.Aborted:            ErrConflict,
	codes.Canceled:           context.Canceled,
	codes.DeadlineExceeded:   context.DeadlineExceeded,
}

// callError is a call that the scheduler refused or that did not reach it.
type callError struct {
	op       string // what was tried on what: start instance "o-7"
	endpoint string
	status   *status.Status
}

// fail gives an error of a call its meaning and its context. Nil stays nil.
func (c *Client) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	s, ok := status.FromError(err)
	if !ok {
		s = status.FromContextError(err) // a direct call need not dress up the caller's own context
	}
	return &callError{op: op, endpoint: c.endpoint, status: s}
}

func (e *callError) Error() string {
	kind := e.Unwrap()
	if kind == nil {
		return fmt.Sprintf("%s: %s (%s)", e.op, e.status.Message(), e.status.Code())
	}
	text := e.op + ": " + kind.Error()
	unreached := e.status.Code() == codes.Unavailable && e.endpoint != ""
	if unreached {
		text += " at " + e.endpoint
	}
	detail := e.status.Message()
	if unreached {
		detail = lastCause(detail)
	}
	if detail != "" && detail != kind.Error() {
		text += ": " + detail
	}
	if unreached {
		text += "\n  check the Endpoint of the connection string and that the scheduler there answers, or start one there with: funchost scheduler"
	}
	return text
}

// lastCause is what it comes down to when grpc-go tells of a connection: it puts
// the story of its attempts around it, layer by layer, each with a desc.
func lastCause(message string) string {
	for {
		_, inner, found := strings.Cut(message, "desc = ")
		if !found {
			return message
		}
		if plain, err := strconv.Unquote(inner); err == nil {
			inner = plain
		}
		message = inner
	}
}

// Unwrap gives the sentinel, so that errors.Is finds it.
func (e *callError) Unwrap() error { return kinds[e.status.Code()] }

// GRPCStatus lets status.Code and status.FromError see the answer itself.
func (e *callError) GRPCStatus() *status.Status { return e.status }

// invalid is a request that was refused before it was sent.
func invalid(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %w", op, ErrInvalid, err)
}
