package wire

import (
	"runtime/debug"
	"sync"
)

// Metadata keys of a call. Every call carries HeaderTaskHub and
// HeaderUserAgent; workers add HeaderWorkerID. Two are our own: HeaderRequestID is the
// same in each attempt of a call, HeaderWarm comes with GetWorkItems and says that the
// worker keeps instances between their turns, see PropertyPastFrom.
const (
	HeaderTaskHub       = "taskhub"
	HeaderWorkerID      = "workerid"
	HeaderAuthorization = "authorization"
	HeaderUserAgent     = "x-user-agent"
	HeaderRequestID     = "x-funchost-request-id"
	HeaderWarm          = "x-funchost-warm"
)

// PropertyPastFrom is the property of an orchestrator work item that leaves out the
// beginning of the past events, which the worker has seen before: how many they are.
// A worker that does not remember them gets them by StreamInstanceHistory.
const PropertyPastFrom = "funchost.past-from"

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
