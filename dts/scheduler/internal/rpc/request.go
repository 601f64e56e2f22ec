package rpc

import (
	"context"
	"regexp"

	"google.golang.org/grpc/metadata"

	"github.com/funchost/funchost/dts/internal/wire"
)

// requestID is how our client names a request that it may have to repeat.
var requestID = regexp.MustCompile("^[0-9a-f]{32}$")

// requestOf returns the name of the request, empty if it has none of ours.
func requestOf(ctx context.Context) string {
	if v := metadata.ValueFromIncomingContext(ctx, wire.HeaderRequestID); len(v) == 1 && requestID.MatchString(v[0]) {
		return v[0]
	}
	return ""
}
