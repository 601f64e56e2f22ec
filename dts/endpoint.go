package dts

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// endpoint is an Endpoint value made fit for gRPC, which knows no URLs and
// implies no ports.
type endpoint struct {
	host string // host:port
	tls  bool
}

// parseEndpoint takes what the other SDKs take: http and https URLs, their gRPC
// spellings, and a bare host or host:port, which means TLS.
func parseEndpoint(s string) (endpoint, error) {
	if s == "" {
		return endpoint{}, errors.New("Endpoint is missing; a local one is " + localExample)
	}
	text := s
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return endpoint{}, fmt.Errorf("Endpoint %q is no URL: write http://host:port or https://host", s)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return endpoint{}, fmt.Errorf("Endpoint has more than scheme, host and port: write %s://%s", u.Scheme, u.Host)
	}
	var e endpoint
	port := u.Port()
	switch u.Scheme {
	case "https", "grpcs":
		e.tls = true
		if port == "" {
			port = "443"
		}
	case "http", "grpc":
		if port == "" {
			port = "80"
		}
	default:
		return endpoint{}, fmt.Errorf("Endpoint %q has scheme %q: use http for plaintext, https for TLS", s, u.Scheme)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return endpoint{}, fmt.Errorf("Endpoint %q has port %s: want 1 to 65535", s, port)
	}
	e.host = net.JoinHostPort(u.Hostname(), port)
	return e, nil
}
