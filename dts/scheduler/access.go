package scheduler

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts/internal/wire"
)

// access lets calls in whose bearer token is accepted.
type access func(token string) bool

// check refuses a call. What it says must not help to guess.
func (a access) check(ctx context.Context) error {
	token, brought := bearer(ctx)
	if a(token) {
		return nil
	}
	if !brought {
		return status.Error(codes.Unauthenticated, "the call has no bearer token and this scheduler wants one")
	}
	return status.Error(codes.Unauthenticated, "the bearer token is none of this scheduler's")
}

// bearer returns the token of a call.
func bearer(ctx context.Context) (token string, brought bool) {
	for _, v := range metadata.ValueFromIncomingContext(ctx, wire.HeaderAuthorization) {
		if scheme, token, _ := strings.Cut(v, " "); strings.EqualFold(scheme, "Bearer") && token != "" {
			return strings.TrimSpace(token), true
		}
	}
	return "", false
}

func (a access) options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := a.check(ctx); err != nil {
				return nil, err
			}
			return next(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if err := a.check(stream.Context()); err != nil {
				return err
			}
			return next(srv, stream)
		}),
	}
}
