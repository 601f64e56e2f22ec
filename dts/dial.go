package dts

import (
	"crypto/tls"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/funchost/funchost/dts/internal/wire"
)

// A call that finds the scheduler unavailable is tried again with these pauses,
// about two seconds in all, which outlasts a restart of a local scheduler. The
// other SDKs use the same figures. grpc-go cuts attempts to 5 unless a dial
// option raises that too.
const (
	maxAttempts   = 10
	serviceConfig = `{"methodConfig":[{"name":[{}],"retryPolicy":{
		"maxAttempts":10,"initialBackoff":"0.05s","maxBackoff":"0.25s","backoffMultiplier":2,
		"retryableStatusCodes":["UNAVAILABLE"]}}]}`
)

// A connection on which nothing was heard for keepaliveTime is asked, and is
// dead when it does not answer for keepaliveTimeout. Without this a client
// behind a silent network waits for minutes.
const (
	keepaliveTime    = 20 * time.Second
	keepaliveTimeout = 10 * time.Second
)

// A scheduler that is back after a long outage is found within maxReconnect and a
// fifth of it more, which keeps a thousand hosts from coming at once. grpc-go
// would wait for up to two minutes. An attempt that nobody answers ends after
// connectTimeout.
const (
	maxReconnect   = 5 * time.Second
	connectTimeout = 10 * time.Second
)

// dial prepares the connection to an endpoint; it is made on first use. More is
// for a transport in memory.
func dial(cs ConnectionString, o options, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	to, err := parseEndpoint(cs.Endpoint)
	if err != nil {
		return nil, err
	}
	if o.tokens != nil && !to.tls {
		return nil, fmt.Errorf("a token would go to %s in plaintext: use an https endpoint, or Authentication=None without a token source", cs.Endpoint)
	}
	if o.tls != nil && !to.tls {
		return nil, fmt.Errorf("WithTLS is for an https endpoint and %s is plaintext: write https, or leave WithTLS out", cs.Endpoint)
	}
	creds := insecure.NewCredentials()
	switch {
	case o.tls != nil:
		creds = credentials.NewTLS(o.tls)
	case to.tls:
		creds = credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	}
	return grpc.NewClient(to.host, append([]grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithUserAgent(o.agent),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithMaxCallAttempts(maxAttempts),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: time.Second, Multiplier: 1.6, Jitter: 0.2, MaxDelay: maxReconnect},
			MinConnectTimeout: connectTimeout,
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(wire.MaxMessage)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time:                keepaliveTime,
			Timeout:             keepaliveTimeout,
			PermitWithoutStream: true,
		}),
	}, more...)...)
}
