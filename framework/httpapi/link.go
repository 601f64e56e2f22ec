package httpapi

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// connectionName is the value of the query parameter connection in links. An
// Azure app may have several connections; a host has one and ignores the
// parameter.
const connectionName = "scheduler"

// links is the body of a check-status answer. Field names and order are Azure's.
type links struct {
	ID        string `json:"id"`
	Status    string `json:"statusQueryGetUri"`
	SendEvent string `json:"sendEventPostUri"`
	Terminate string `json:"terminatePostUri"`
	Purge     string `json:"purgeHistoryDeleteUri"`
	Restart   string `json:"restartPostUri"`
	Suspend   string `json:"suspendPostUri"`
	Resume    string `json:"resumePostUri"`
}

// CheckStatus answers 202 to a request that started the instance id: where to
// ask for its status, and the links that steer it. They point to the host that
// the request was sent to, through proxies that say so with X-Forwarded-Proto
// and X-Forwarded-Host.
func (a *API) CheckStatus(w http.ResponseWriter, r *http.Request, id string) {
	l := a.links(r, id)
	w.Header().Set("Location", l.Status)
	w.Header().Set("Retry-After", "10")
	writeJSON(w, http.StatusAccepted, l)
}

// Accepted answers 202 to a request that started the instance id on a host
// without the API: there are no links, only the id.
func Accepted(w http.ResponseWriter, id string) {
	writeJSON(w, http.StatusAccepted, struct {
		ID string `json:"id"`
	}{id})
}

func (a *API) links(r *http.Request, id string) links {
	instance := origin(r) + BasePath + "/instances/" + url.PathEscape(id)
	plain := "?taskHub=" + url.QueryEscape(a.client.Hub()) + "&connection=" + connectionName
	reason := "?reason={text}&" + plain[1:] // the braces are for the caller to fill
	return links{
		ID:        id,
		Status:    instance + plain,
		SendEvent: instance + "/raiseEvent/{eventName}" + plain,
		Terminate: instance + "/terminate" + reason,
		Purge:     instance + plain,
		Restart:   instance + "/restart" + plain,
		Suspend:   instance + "/suspend" + reason,
		Resume:    instance + "/resume" + reason,
	}
}

// origin is the scheme and the host by which the caller reached us.
func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	switch forwarded := strings.ToLower(first(r.Header.Get("X-Forwarded-Proto"))); forwarded {
	case "http", "https":
		scheme = forwarded
	}
	host := r.Host
	if forwarded := first(r.Header.Get("X-Forwarded-Host")); plainHost(forwarded) {
		host = forwarded
	}
	if !plainHost(host) { // HTTP/1.0 may leave it out
		host = "localhost"
		if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			host = addr.String()
		}
	}
	return scheme + "://" + host
}

// first is the entry of a list header that the outermost proxy wrote.
func first(list string) string {
	entry, _, _ := strings.Cut(list, ",")
	return strings.TrimSpace(entry)
}

// plainHost reports whether host is a name or an address with or without a port,
// and nothing that could change the meaning of a link.
func plainHost(host string) bool {
	if host == "" || len(host) > 260 {
		return false
	}
	return !strings.ContainsFunc(host, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-._:[]", c))
	})
}
