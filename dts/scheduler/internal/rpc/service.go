package rpc

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// Hubs finds task hubs. Hub and Create answer ErrNoHub for one that cannot be
// there.
type Hubs interface {
	Hub(name string) (*hub.Hub, error)
	// Create makes a hub; one that is there is deleted before if anew is set, else
	// left alone.
	Create(ctx context.Context, name string, anew bool) error
	// Delete deletes a hub with all that is in it.
	Delete(ctx context.Context, name string) error
	// Stopping ends when the server begins to stop.
	Stopping() context.Context
}

// ErrNoHub is what Hubs answers for an unknown hub.
var ErrNoHub = errors.New("task hub not found")

// Register serves both services of the protocol for the hubs.
func Register(r grpc.ServiceRegistrar, hubs Hubs) {
	dtsgrpc.RegisterTaskHubSidecarServiceServer(r, &sidecar{hubs: hubs})
	r.RegisterService(backendService(), &backend{hubs: hubs})
}

// sidecar serves TaskHubSidecarService.
type sidecar struct {
	dtsgrpc.UnimplementedTaskHubSidecarServiceServer
	hubs Hubs
}

// Hello answers when the caller's hub is there, so that a wrong name shows as
// soon as a worker starts.
func (s *sidecar) Hello(ctx context.Context, _ *emptypb.Empty) (*emptypb.Empty, error) {
	_, err := hubOf(ctx, s.hubs)
	return &emptypb.Empty{}, err
}

// Task hub headers in the order they are looked at. Functions' isolated workers
// send the second.
var hubHeaders = []string{wire.HeaderTaskHub, "durable-taskhub"}

// hubName returns the name of the hub that the caller means.
func hubName(ctx context.Context) string {
	for _, header := range hubHeaders {
		if v := metadata.ValueFromIncomingContext(ctx, header); len(v) > 0 && v[0] != "" {
			return v[0]
		}
	}
	return wire.DefaultTaskHub
}

// hubOf returns the hub that the caller named.
func hubOf(ctx context.Context, hubs Hubs) (*hub.Hub, error) {
	name := hubName(ctx)
	h, err := hubs.Hub(name)
	return h, answerHub(name, err)
}

// answerHub is answer for what concerns a hub as such.
func answerHub(name string, err error) error {
	if errors.Is(err, ErrNoHub) {
		// The text of DTS, which people search for, and why, if there is a reason.
		return status.Errorf(codes.NotFound, "Task hub not found: %s%s", name, strings.TrimPrefix(err.Error(), ErrNoHub.Error()))
	}
	return answer(err)
}

// answer turns an error into a status that clients understand. A conflict of
// state is never UNKNOWN or INTERNAL: workers would repeat it.
func answer(err error) error {
	code := codes.Unavailable // the store failed or is closed; the caller may try again
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		code = codes.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		code = codes.DeadlineExceeded
	case errors.Is(err, store.ErrHubGone):
		return status.Error(codes.NotFound, "Task hub not found: it was deleted")
	case errors.Is(err, engine.ErrNotFound), errors.Is(err, engine.ErrStale):
		code = codes.NotFound
	case errors.Is(err, engine.ErrExists):
		code = codes.AlreadyExists
	case errors.Is(err, engine.ErrConflict):
		code = codes.FailedPrecondition
	case errors.Is(err, engine.ErrInvalid):
		code = codes.InvalidArgument
	case errors.Is(err, store.ErrDamaged):
		code = codes.DataLoss
	}
	if s, ok := status.FromError(err); ok && s.Code() != codes.Unknown {
		return err
	}
	return status.Error(code, err.Error())
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

func checkID(id string) error {
	if err := wire.CheckID(id); err != nil {
		return invalid("%v", err)
	}
	return nil
}

func checkPayload(what string, v *wrapperspb.StringValue) error {
	if err := wire.CheckPayload(what, wire.ToPayload(v)); err != nil {
		return invalid("%v", err)
	}
	return nil
}

// checkName refuses names of functions and events that could not be shown.
func checkName(what, name string) error {
	if name == "" {
		return invalid("%s is empty", what)
	}
	if err := engine.CheckName(what, name); err != nil {
		return invalid("%v", err)
	}
	return nil
}
