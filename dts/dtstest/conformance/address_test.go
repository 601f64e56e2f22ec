package conformance

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
)

// What the environment can say.
const (
	// addressVariable is the connection string of the scheduler to look at; without
	// it there is one in this process.
	addressVariable = "DTS_CONFORMANCE"
	// tokenVariable names a file with the bearer token for it.
	tokenVariable = "DTS_CONFORMANCE_TOKEN_FILE"
)

// patience is how long a scenario waits for what must happen. It bounds how long
// a failure takes; nothing is measured against it.
const patience = 2 * time.Minute

// address is the scheduler that the scenarios look at.
type address struct {
	conn *grpc.ClientConn
	hub  string
	run  string // begins all ids of this run
	ours bool   // it is the embedded one
}

// open connects to the scheduler that the environment names, or to one that it
// starts, over a socket in both cases. When that one ends, all its rows are checked.
func open(t *testing.T) *address {
	t.Helper()
	text := os.Getenv(addressVariable)
	if text == "" {
		text = dtstest.Start(t, dtstest.Listen()).ConnectionString().String()
	}
	cs, err := dts.ParseConnectionString(text)
	if err != nil {
		t.Fatalf("%s: %v", addressVariable, err)
	}
	if cs.TaskHub == "" {
		cs.TaskHub = "default"
	}
	conn, err := dial(cs)
	if err != nil {
		t.Fatalf("%s: %v", addressVariable, err)
	}
	t.Cleanup(func() { conn.Close() })
	var random [3]byte
	rand.Read(random[:])
	return &address{conn: conn, hub: cs.TaskHub, run: "c" + hex.EncodeToString(random[:]), ours: os.Getenv(addressVariable) == ""}
}

// dial connects with nothing between the scenarios and the wire: no retries, and no
// headers but those that they set.
func dial(cs dts.ConnectionString) (*grpc.ClientConn, error) {
	if !strings.Contains(cs.Endpoint, "://") {
		cs.Endpoint = "https://" + cs.Endpoint
	}
	endpoint, err := url.Parse(cs.Endpoint)
	if err != nil {
		return nil, err
	}
	opts := []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64 << 20))}
	host, port := endpoint.Host, ":443"
	if endpoint.Scheme == "http" || endpoint.Scheme == "grpc" {
		port = ":80"
		opts = append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))
	} else {
		opts = append(opts, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})))
	}
	if endpoint.Port() == "" {
		host += port
	}
	switch file := os.Getenv(tokenVariable); {
	case file != "":
		opts = append(opts, grpc.WithPerRPCCredentials(tokenFile(file)))
	case cs.Authentication != dts.AuthNone:
		return nil, fmt.Errorf("Authentication=%s wants a token: name a file that has it in %s", cs.Authentication, tokenVariable)
	}
	return grpc.NewClient(host, opts...)
}

// tokenFile is the name of a file with a bearer token, read for each call.
type tokenFile string

func (f tokenFile) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	text, err := os.ReadFile(string(f))
	return map[string]string{"authorization": "Bearer " + strings.TrimSpace(string(text))}, err
}

// RequireTransportSecurity keeps the token off plaintext connections.
func (tokenFile) RequireTransportSecurity() bool { return true }
