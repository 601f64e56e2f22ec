package dts

import (
	"crypto/tls"
	"log/slog"

	"google.golang.org/grpc"
)

// Option changes what [Dial] makes. A repeated option replaces the earlier one.
type Option func(*options)

type options struct {
	conn      grpc.ClientConnInterface
	tokens    TokenSource
	tls       *tls.Config
	converter Converter
	payloads  *Payloads // nil without a store
	agent     string
	version   string
	log       *slog.Logger
}

// WithConn carries the calls over cc instead of dialling the endpoint, which may
// then be empty: the way to a scheduler in this program (its Conn method), and
// to transports with special needs. [Client.Close] leaves cc open. A token goes
// over cc as over any other; whether cc keeps it secret is the caller's care.
func WithConn(cc grpc.ClientConnInterface) Option {
	return func(o *options) { o.conn = cc }
}

// WithTokenSource sends tokens of ts with every call. Any Authentication other
// than None needs one. Tokens are never sent in plaintext: Dial refuses an http
// endpoint.
func WithTokenSource(ts TokenSource) Option {
	return func(o *options) { o.tokens = ts }
}

// WithTLS sets how the connection speaks TLS: whose certificates it trusts
// (RootCAs, where the scheduler has an authority of its own) and which it shows
// (Certificates, where the scheduler asks for one). The default trusts what the
// machine trusts. Dial refuses it for an http endpoint.
func WithTLS(config *tls.Config) Option {
	return func(o *options) { o.tls = config }
}

// WithConverter sets how values become payloads; the default is JSON.
func WithConverter(c Converter) Option {
	return func(o *options) { o.converter = c }
}

// WithDefaultVersion sets the version of orchestrations that [Client.Start] is given
// none for. The default is none. What belongs to this SDK itself, with names that begin
// with funchost., has no versions.
func WithDefaultVersion(version string) Option {
	return func(o *options) { o.version = version }
}

// WithUserAgent sets what the client calls itself to the scheduler, for its logs
// and its dashboard. The default is funchost-go with the version.
func WithUserAgent(agent string) Option {
	return func(o *options) { o.agent = agent }
}

// WithLogger sets where the client writes what a person should look at this
// week; the default drops it.
func WithLogger(l *slog.Logger) Option {
	return func(o *options) { o.log = l }
}
