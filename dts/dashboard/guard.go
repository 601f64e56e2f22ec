package dashboard

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// guard stands before every page.
type guard struct {
	next   http.Handler
	origin *http.CrossOriginProtection
	names  []string     // allowed besides those of the loopback, in lower case
	addrs  []netip.Addr // likewise
	any    bool         // every IP address
}

func newGuard(next http.Handler, hosts []string) *guard {
	g := &guard{next: next, origin: http.NewCrossOriginProtection()}
	for _, host := range hosts {
		addr, err := netip.ParseAddr(host)
		switch {
		case err != nil:
			g.names = append(g.names, strings.ToLower(host))
		case addr.IsUnspecified():
			g.any = true
		default:
			g.addrs = append(g.addrs, addr.Unmap())
		}
	}
	return g
}

// policy is what a page may do: load its own style and script, and send forms to
// where it came from. Nothing inline runs, so text that got past the templates
// would still be text.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	// Ids stay here. It is not no-referrer, which makes browsers send forms with
	// the origin null; where they leave Sec-Fetch-Site out, that looks foreign.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if !g.knows(r.Host) {
		http.Error(w, "the dashboard is not shown under this name: address it as localhost or 127.0.0.1", http.StatusForbidden)
		return
	}
	if err := g.origin.Check(r); err != nil {
		http.Error(w, "a form of another site was refused: open the dashboard itself and try there", http.StatusForbidden)
		return
	}
	g.next.ServeHTTP(w, r)
}

// knows reports whether a browser may ask for the dashboard by this Host. The
// port does not count: somebody may have forwarded another one to it.
func (g *guard) knows(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"), "."))
	if addr, err := netip.ParseAddr(name); err == nil {
		addr = addr.Unmap()
		return g.any || addr.IsLoopback() || slices.Contains(g.addrs, addr)
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || slices.Contains(g.names, name)
}
