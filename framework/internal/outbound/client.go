// Package outbound makes HTTP requests whose addresses come from elsewhere. It does
// not let them reach what is private: this machine, its network, the metadata of its
// cloud.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Rules say what may be reached besides the internet.
type Rules struct {
	// Hosts are reached wherever their names lead. One that begins with *. stands for
	// all hosts below.
	Hosts []string
	// Networks are reached by whatever name.
	Networks []netip.Prefix
}

// Check says which rule makes no sense.
func (r Rules) Check() error {
	for _, host := range r.Hosts {
		if name := strings.TrimPrefix(host, "*."); name == "" || strings.ContainsAny(name, "*/: ") && !isAddress(name) {
			return fmt.Errorf("host %q: want a name or an address without a port, as in payments.internal or *.internal", host)
		}
	}
	for _, p := range r.Networks {
		if !p.IsValid() {
			return errors.New("a network is the zero Prefix: make one with netip.MustParsePrefix")
		}
	}
	return nil
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// RefusedError is the error of a request to a place that the rules do not allow.
type RefusedError struct{ Host, Address string }

func (e *RefusedError) Error() string {
	at := e.Host
	if e.Host != e.Address {
		at += " is at " + e.Address + ", which"
	}
	return at + " is no address of the internet\n  allow its host or its network with framework.WithHTTP, if requests may go there"
}

// Limits of a request. Whoever waits longer for an answer says so in the context.
const (
	dialTimeout = 10 * time.Second
	maxHeader   = 64 << 10
	maxHops     = 10
)

// NewClient returns a client that keeps to the rules. It looks at the address that is
// dialled, after names were resolved, so no name can promise one address and lead to
// another. Every request makes a connection of its own, for the same reason, and none
// goes through a proxy. It follows redirects within their origin only; others are
// answers.
func NewClient(r Rules) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            r.dial,
			DisableKeepAlives:      true,
			TLSHandshakeTimeout:    dialTimeout,
			MaxResponseHeaderBytes: maxHeader,
		},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if len(via) >= maxHops || !SameOrigin(next.URL, via[0].URL) {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

// SameOrigin reports whether scheme, host and port are the same.
func SameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case strings.EqualFold(u.Scheme, "https"):
		return "443"
	}
	return "80"
}

func (r Rules) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: dialTimeout}
	if !r.names(host) {
		d.Control = func(_, dialled string, _ syscall.RawConn) error { return r.check(host, dialled) }
	}
	return d.DialContext(ctx, network, address)
}

// names reports whether a host is allowed by its name.
func (r Rules) names(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return slices.ContainsFunc(r.Hosts, func(allowed string) bool {
		allowed = strings.ToLower(allowed)
		below, wild := strings.CutPrefix(allowed, "*")
		return host == allowed || wild && strings.HasSuffix(host, below) && len(host) > len(below)
	})
}

func (r Rules) check(host, dialled string) error {
	to, err := netip.ParseAddrPort(dialled)
	if err != nil {
		return &RefusedError{host, dialled}
	}
	address := to.Addr().Unmap().WithZone("")
	if public(address) || slices.ContainsFunc(r.Networks, func(p netip.Prefix) bool { return p.Contains(address) }) {
		return nil
	}
	return &RefusedError{host, to.Addr().String()}
}
