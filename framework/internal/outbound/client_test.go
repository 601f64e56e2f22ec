package outbound

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOnlyTheInternetIsPublic(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "172.15.255.255": true, "172.32.0.0": true, "100.63.255.255": true, "223.255.255.255": true,
		"2606:4700:4700::1111": true, "::ffff:8.8.8.8": true, "64:ff9b::8.8.8.8": true, "2002:808:808::1": true, "168.63.129.17": true,
		"0.0.0.0": false, "10.1.2.3": false, "100.64.0.1": false, "127.0.0.1": false, "127.255.255.254": false, "169.254.169.254": false,
		"172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "192.0.0.192": false, "198.18.0.1": false, "203.0.113.7": false,
		"224.0.0.1": false, "239.255.255.250": false, "240.0.0.1": false, "255.255.255.255": false, "168.63.129.16": false, "192.88.99.1": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false, "64:ff9b::10.0.0.1": false,
		"64:ff9b::169.254.169.254": false, "64:ff9b:1::1": false, "2002:7f00:1::": false, "2002:a9fe:a9fe::": false, "2001:0:1::1": false,
		"fc00::1": false, "fd00:ec2::254": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "ff02::1": false, "2001:db8::1": false, "100::1": false,
	} {
		if got := public(netip.MustParseAddr(address)); got != want {
			t.Errorf("public(%s) = %t, want %t", address, got, want)
		}
	}
}

// TestWhatIsPrivateIsNotDialled has a server that counts who comes through.
func TestWhatIsPrivateIsNotDialled(t *testing.T) {
	t.Parallel()
	reached := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		rules Rules
		host  string
		want  bool
	}{
		"nothing is allowed":       {Rules{}, "127.0.0.1", false},
		"a name that leads inside": {Rules{}, "localhost", false},
		"an address in one number": {Rules{}, "2130706433", false},
		"a mapped address":         {Rules{}, "[::ffff:127.0.0.1]", false},
		"another network":          {Rules{Networks: prefixes("10.0.0.0/8", "169.254.0.0/16")}, "127.0.0.1", false},
		"the network":              {Rules{Networks: prefixes("127.0.0.0/8")}, "127.0.0.1", true},
		"another host":             {Rules{Hosts: []string{"example.com"}}, "127.0.0.1", false},
		"the host by its name":     {Rules{Hosts: []string{"LocalHost"}}, "localhost", true},
		"its address by another":   {Rules{Hosts: []string{"localhost"}}, "127.0.0.1", false},
	} {
		before := reached
		resp, err := NewClient(tt.rules).Get("http://" + tt.host + ":" + port)
		if err == nil {
			_ = resp.Body.Close()
		}
		if got := reached > before; got != tt.want || (err == nil) != tt.want {
			t.Errorf("%s: reached is %t (%v), want %t", name, got, err, tt.want)
		}
		if refused, ok := errors.AsType[*RefusedError](err); !tt.want && ok && !strings.Contains(err.Error(), refused.Address) {
			t.Errorf("%s: Get = %v, want one that names the address", name, err)
		} else if !tt.want && !ok && tt.host != "2130706433" { // which no resolver has to know
			t.Errorf("%s: Get = %v, want a RefusedError", name, err)
		}
	}
}

func TestRedirectStaysInItsOrigin(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was reached", r.URL) }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/near":
			http.Redirect(w, r, "/here", http.StatusFound)
		case "/far":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		}
	}))
	defer server.Close()
	client := NewClient(Rules{Networks: prefixes("127.0.0.0/8")})
	for path, want := range map[string]int{"/near": http.StatusOK, "/far": http.StatusFound, "/round": http.StatusFound} {
		resp, err := client.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s gives %d, want %d", path, resp.StatusCode, want)
		}
	}
}

func TestOriginsAreComparedWithTheirPorts(t *testing.T) {
	t.Parallel()
	for other, want := range map[string]bool{
		"https://a.example/x": true, "https://A.example:443": true, "http://a.example": false, "https://a.example:8443": false, "https://b.a.example": false,
	} {
		a, err := url.Parse("https://a.example")
		if err != nil {
			t.Fatal(err)
		}
		b, err := url.Parse(other)
		if err != nil {
			t.Fatal(err)
		}
		if got := SameOrigin(a, b); got != want {
			t.Errorf("SameOrigin(%s, %s) = %t, want %t", a, b, got, want)
		}
	}
}

func TestRulesAreChecked(t *testing.T) {
	t.Parallel()
	if err := (Rules{Hosts: []string{"a.internal", "*.internal", "::1"}, Networks: prefixes("10.0.0.0/8")}).Check(); err != nil {
		t.Error(err)
	}
	for _, r := range []Rules{
		{Hosts: []string{""}}, {Hosts: []string{"*."}}, {Hosts: []string{"https://a"}}, {Hosts: []string{"a:80"}}, {Hosts: []string{"a.*"}}, {Networks: []netip.Prefix{{}}},
	} {
		if r.Check() == nil {
			t.Errorf("%+v was taken", r)
		}
	}
	r := Rules{Hosts: []string{"*.internal"}}
	for host, want := range map[string]bool{"a.internal": true, "a.b.INTERNAL.": true, "internal": false, "evilinternal": false, ".internal": false} {
		if got := r.names(host); got != want {
			t.Errorf("names(%q) = %t, want %t", host, got, want)
		}
	}
}
