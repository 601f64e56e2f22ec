package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts"
)

// Error is an answer that is not a success: its code and what the caller may
// know about the reason.
type Error struct {
	Status  int
	Message string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

func badRequest(format string, args ...any) *Error {
	return &Error{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// WriteError answers with the code and the text of err, as an object with the
// field message. An [*Error] says both itself. Errors of package dts have their
// codes; a scheduler that cannot be asked is always 503 with Retry-After, since
// senders give up on 4xx. The detail of any other error goes to the log and the
// caller reads "internal error".
func WriteError(w http.ResponseWriter, logger *slog.Logger, err error) {
	e := explain(err)
	if e.Status >= http.StatusInternalServerError && e.Status != http.StatusNotImplemented {
		logger.Warn("a request could not be answered", "status", e.Status, "error", err)
	}
	if e.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	writeJSON(w, e.Status, struct {
		Message string `json:"message"`
	}{e.Message})
}

func explain(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	text := strings.ToValidUTF8(err.Error(), "\uFFFD")
	switch {
	case errors.Is(err, dts.ErrStoreUnavailable):
		return &Error{http.StatusServiceUnavailable, "the payload store cannot be reached, try again"}
	case errors.Is(err, dts.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{http.StatusServiceUnavailable, "the scheduler cannot be reached, try again"}
	case errors.Is(err, dts.ErrNotFound):
		return &Error{http.StatusNotFound, text}
	case errors.Is(err, dts.ErrInvalid):
		return &Error{http.StatusBadRequest, text}
	case errors.Is(err, dts.ErrExists), errors.Is(err, dts.ErrConflict):
		return &Error{http.StatusConflict, text}
	case errors.Is(err, dts.ErrUnimplemented):
		return &Error{http.StatusNotImplemented, text}
	case grpcstatus.Code(err) == codes.ResourceExhausted:
		return &Error{http.StatusServiceUnavailable, "the scheduler has too much to do, try again"}
	default:
		return &Error{http.StatusInternalServerError, "internal error"}
	}
}
