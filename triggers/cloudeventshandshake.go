package triggers

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/funchost/funchost/framework/httpapi"
)

// Headers of the handshake by which a sender asks whether it may send, in the
// spelling of net/http. The specification writes WebHook.
const (
	headerOrigin        = "Webhook-Request-Origin"
	headerRate          = "Webhook-Request-Rate"
	headerCallback      = "Webhook-Request-Callback"
	headerAllowedOrigin = "Webhook-Allowed-Origin"
	headerAllowedRate   = "Webhook-Allowed-Rate"
)

// Origins answers the handshake of senders that ask with OPTIONS before they send,
// and lets these origins in: names of hosts as "eventgrid.azure.net", "*.example.com"
// for every name under one, "*" for all. Events must then bring the header
// WebHook-Request-Origin as well. It tells senders apart that mean well and is no
// authentication. The default is no handshake, and events of every origin.
//
// A sender may ask to be called back instead; that is never done, since anybody
// could have the host call anything.
func Origins(hosts ...string) EventOption { return originsOption(hosts) }

type originsOption []string

func (originsOption) option()                 {}
func (o originsOption) addTo(t *eventTrigger) { t.origins = append(t.origins, o...) }

func checkOrigins(origins []string) error {
	for _, o := range origins {
		host := strings.TrimPrefix(o, "*.")
		if o != "*" && (host == "" || strings.ContainsAny(host, "*/ ,:?#@")) {
			return fmt.Errorf("origin %q is not the name of a host\n  want example.com, *.example.com or *", o)
		}
	}
	return nil
}

// allows reports whether an origin is one of those that were asked for.
func (t *eventTrigger) allows(origin string) bool {
	for _, allowed := range t.origins {
		suffix, wild := strings.CutPrefix(allowed, "*")
		switch {
		case allowed == "*" && origin != "",
			wild && suffix != "" && len(origin) > len(suffix) && strings.EqualFold(origin[len(origin)-len(suffix):], suffix),
			strings.EqualFold(origin, allowed):
			return true
		}
	}
	return false
}

// handshake answers OPTIONS. A refusal is the absence of what would allow it.
func (h *eventHandler) handshake(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get(headerOrigin)
	if origin == "" {
		httpapi.WriteError(w, h.logger, malformed("header %s is missing", headerOrigin))
		return
	}
	if !h.allows(origin) {
		httpapi.WriteError(w, h.logger, &httpapi.Error{Status: http.StatusForbidden, Message: "this origin may not send events here"})
		return
	}
	if r.Header.Get(headerCallback) != "" {
		h.logger.Info("a sender of events asks to be called back, which is not done", "origin", origin)
	}
	header := w.Header()
	header.Set("Allow", "POST, OPTIONS")
	header.Set(headerAllowedOrigin, origin)
	if r.Header.Get(headerRate) != "" {
		header.Set(headerAllowedRate, "*")
	}
	w.WriteHeader(http.StatusOK)
}

// welcome refuses pages of foreign origins in browsers, and events of origins that
// the handshake would refuse.
func (h *eventHandler) welcome(r *http.Request) error {
	if http.NewCrossOriginProtection().Check(r) != nil {
		return &httpapi.Error{Status: http.StatusForbidden, Message: "cross-origin requests are refused"}
	}
	if len(h.origins) > 0 && !h.allows(r.Header.Get(headerOrigin)) {
		return &httpapi.Error{Status: http.StatusForbidden, Message: "this origin may not send events here"}
	}
	return nil
}
