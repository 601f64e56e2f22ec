package worker

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// Versioning says which versions of orchestrations and activities a worker takes.
// The zero value takes all.
type Versioning struct {
	// Version is that of the code in this worker.
	Version string
	// Default is what sub-orchestrations are started with that ask for no version.
	// Empty means none.
	Default string
	// Match is what the version of an instance must be to this worker's.
	Match Match
	// Fail lets what does not match fail with [FailureVersion], and a version that
	// matches and has no function among those of its name fail too. Without it both are
	// left to other workers, and wait until there is one.
	Fail bool
}

// Match is a rule for the version of an instance.
type Match int

// The rules. Versions of up to four numbers with dots between them compare as
// numbers, others as text without case; no version is older than any.
const (
	MatchAny            Match = iota // whatever it is
	MatchStrict                      // the worker's
	MatchCurrentOrOlder              // the worker's or an older one
)

// FailureVersion is the type of the failure of what a worker did not take because of
// its version, see [Versioning].
const FailureVersion = "VersionMismatch" // the name that .NET workers use

// errVersion is work that is for another worker.
var errVersion = errors.New("this version is for another worker")

// WithVersioning sets the version of the worker and which it takes. What belongs to
// this SDK itself, with names that begin with funchost., has no versions.
func WithVersioning(v Versioning) Option {
	return func(w *Worker) { w.versioning = v }
}

// refuse says why something of that version is not for this worker, nil if it is.
func (v Versioning) refuse(name, version string) *dtspb.TaskFailureDetails {
	if v.Match == MatchAny || wire.BuiltIn(name) {
		return nil
	}
	order := compareVersions(version, v.Version)
	switch {
	case order == 0:
		return nil
	case v.Match == MatchStrict:
		return refusal(FailureVersion, fmt.Sprintf("version %q of %q does not match version %q of the worker", version, name, v.Version))
	case order > 0:
		return refusal(FailureVersion, fmt.Sprintf("version %q of %q is newer than version %q of the worker", version, name, v.Version))
	default:
		return nil
	}
}

// asks gives the versions of name that the worker asks the scheduler for; registered
// are those with a function. No versions mean all of them; ok is false if there is
// none to ask for.
func (v Versioning) asks(name string, registered []string) (list []string, ok bool) {
	if v.Fail {
		return nil, true // what is refused must come here first
	}
	if len(registered) == 1 && registered[0] == "" {
		if v.Match == MatchStrict && !wire.BuiltIn(name) {
			return []string{v.Version}, true
		}
		return nil, true // an order cannot be asked for
	}
	for _, r := range registered {
		if v.refuse(name, r) == nil {
			list = append(list, r)
		}
	}
	return list, len(list) > 0
}

// compareVersions says which of two versions is older, as the SDKs do.
func compareVersions(a, b string) int {
	if x, ok := numbers(a); ok {
		if y, ok := numbers(b); ok {
			return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1]), cmp.Compare(x[2], y[2]), cmp.Compare(x[3], y[3]))
		}
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b)) // the empty one is the least
}

func numbers(version string) (n [4]uint64, ok bool) {
	parts := strings.Split(version, ".")
	if len(parts) > len(n) {
		return n, false
	}
	for i, p := range parts {
		var err error
		if n[i], err = strconv.ParseUint(p, 10, 32); err != nil {
			return n, false
		}
	}
	return n, true
}

// startOf returns the start of an execution, nil if its history has none.
func startOf(past, events []*dtspb.HistoryEvent) *dtspb.ExecutionStartedEvent {
	for _, list := range [][]*dtspb.HistoryEvent{past, events} {
		for _, e := range list {
			if started := e.GetExecutionStarted(); started != nil {
				return started
			}
		}
	}
	return nil
}

// versions are the functions of one name, by version.
type versions[F any] map[string]F

// find returns the function for a version. One without a version is for all, unless
// there are others: then somebody has said which versions there are.
func (v versions[F]) find(version string) (f F, ok bool) {
	if f, ok = v[version]; !ok && len(v) == 1 {
		f, ok = v[""]
	}
	return f, ok
}
