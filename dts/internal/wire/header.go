package wire

import (
	"runtime/debug"
	"sync"
)

// Metadata keys of a call. Every call carries HeaderTaskHub and
// HeaderUserAgent; workers add HeaderWorkerID. HeaderRequestID is our own: it is the
// same in each attempt of a call.
const (
	HeaderTaskHub       = "taskhub"
	HeaderWorkerID      = "workerid"
	HeaderAuthorization = "authorization"
	HeaderUserAgent     = "x-user-agent"
	HeaderRequestID     = "x-funchost-request-id"
)

// DefaultTaskHub is the hub of a caller who names none.
const DefaultTaskHub = "default"

// Roles for [UserAgent].
const (
	RoleClient = "Client"
	RoleWorker = "Worker"
)

const modulePath = "github.com/funchost/funchost"

// UserAgent is the value of HeaderUserAgent for a role, in the form that the
// other SDKs of the protocol use.
func UserAgent(role string) string {
	return "funchost-go/" + version() + " (" + role + ")"
}

// version is the version of this module in the running program, read once.
var version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == modulePath && m.Version != "" && m.Version != "(devel)" {
			return m.Version
		}
	}
	return "devel"
})
