package scaler

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/funchost/funchost/dts"
)

// Keys of a trigger's metadata. Those that Azure Container Apps has for its own
// rule are spelled as there.
const (
	keyConnection    = "connection"
	keyEndpoint      = "endpoint"
	keyTaskHub       = "taskhubName"
	keyWorkItemType  = "workItemType"
	keyCapacity      = "maxConcurrentWorkItemsCount"
	keyActivation    = "activationWorkItemsCount"
	keyIncludeActive = "includeActive"

	// fromEnv ends keys whose value KEDA has taken from the environment of the
	// scaled pods; it leaves the ending on.
	fromEnv = "FromEnv"
)

const (
	defaultConnection = "default"
	defaultCapacity   = 100 // work items of a kind that a worker takes at once
	allKinds          = "All"
)

// kind is a kind of work item.
type kind struct {
	name     string // in workItemType
	metric   string
	capacity string // metadata key
	work     func(dts.Backlog) dts.Work
}

var kinds = []kind{
	{"Orchestration", "dts-orchestration", "maxConcurrentOrchestrations", func(b dts.Backlog) dts.Work { return b.Orchestrations }},
	{"Activity", "dts-activity", "maxConcurrentActivities", func(b dts.Backlog) dts.Work { return b.Activities }},
	{"Entity", "dts-entity", "maxConcurrentEntities", func(b dts.Backlog) dts.Work { return b.Entities }},
}

// kedaKeys are for KEDA, which passes all metadata on.
var kedaKeys = []string{"scalerAddress", "enableTLS", "unsafeSsl", "caCert", "tlsClientCert", "tlsClientKey"}

// ourKeys are all keys that are not KEDA's.
var ourKeys = []string{
	keyWorkItemType, keyCapacity, kinds[0].capacity, kinds[1].capacity, kinds[2].capacity, keyActivation, keyIncludeActive,
	keyConnection, keyConnection + fromEnv, keyEndpoint, keyEndpoint + fromEnv, keyTaskHub, keyTaskHub + fromEnv,
}

// rule is what the metadata of a trigger ask for.
type rule struct {
	target        Target
	demands       []demand // never empty
	activation    int64
	includeActive bool
}

// demand is one metric: a kind of work and how much of it a replica takes.
type demand struct {
	kind
	perReplica int64
}

// Check says what is wrong with the metadata of a trigger, in the words in which
// a server refuses them. Whether the connection, the endpoint and the task hub
// exist is not looked at.
func Check(metadata map[string]string) error {
	_, err := readRule(metadata)
	return err
}

// readRule reads metadata. All mistakes are in the one error.
func readRule(metadata map[string]string) (rule, error) {
	m := reader{values: metadata}
	m.checkKeys()
	r := rule{
		target: Target{
			Connection: m.named(keyConnection),
			Endpoint:   m.named(keyEndpoint),
			TaskHub:    m.named(keyTaskHub),
		},
		activation:    m.number(keyActivation, 0, 0),
		includeActive: m.truth(keyIncludeActive, true),
	}
	switch {
	case r.target.Connection != "" && r.target.Endpoint != "":
		m.problemf("%s and %s both say where the scheduler is: use one of them", keyConnection, keyEndpoint)
	case r.target.Endpoint == "":
		r.target.Connection = cmp.Or(r.target.Connection, defaultConnection)
	}
	r.demands = m.demands()
	if len(m.problems) > 0 {
		return rule{}, errors.New("trigger metadata: " + strings.Join(m.problems, "; "))
	}
	return r, nil
}

// reader reads values and remembers what is wrong with them.
type reader struct {
	values   map[string]string
	problems []string
}

func (m *reader) problemf(format string, args ...any) {
	m.problems = append(m.problems, fmt.Sprintf(format, args...))
}

// checkKeys refuses what nobody would read: a mistyped key would otherwise be a
// default in disguise.
func (m *reader) checkKeys() {
	var unknown []string
	for key, value := range m.values {
		switch {
		case slices.Contains(kedaKeys, key):
		case !slices.Contains(ourKeys, key):
			unknown = append(unknown, key)
		case strings.TrimSpace(value) == "":
			m.problemf("%s is empty: give it a value or leave it out", key)
		}
	}
	slices.Sort(m.problems) // maps have no order, messages have
	slices.Sort(unknown)
	for _, key := range unknown {
		at := slices.IndexFunc(ourKeys, func(known string) bool { return strings.EqualFold(known, key) })
		if at >= 0 {
			m.problemf("%q is no key of this scaler, did you mean %s?", key, ourKeys[at])
		} else {
			m.problemf("%q is no key of this scaler, it has %s", key, strings.Join(ourKeys, ", "))
		}
	}
}

func (m *reader) text(key string) string { return strings.TrimSpace(m.values[key]) }

// named reads a key that may come from the environment of the pods.
func (m *reader) named(key string) string {
	direct, resolved := m.text(key), m.text(key+fromEnv)
	if direct != "" && resolved != "" && direct != resolved {
		m.problemf("%s is %q and %s gave %q: use one of them", key, direct, key+fromEnv, resolved)
	}
	return cmp.Or(direct, resolved)
}

func (m *reader) number(key string, least, otherwise int64) int64 {
	text := m.text(key)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > math.MaxInt32 {
		m.problemf("%s is %q, want a whole number from %d to %d", key, text, least, math.MaxInt32)
		return otherwise
	}
	return n
}

func (m *reader) truth(key string, otherwise bool) bool {
	switch text := m.text(key); strings.ToLower(text) {
	case "":
		return otherwise
	case "true":
		return true
	case "false":
		return false
	default:
		m.problemf("%s is %q, want true or false", key, text)
		return otherwise
	}
}

// demands reads which kinds count and what a replica takes of each.
func (m *reader) demands() []demand {
	chosen := m.chosen()
	general := m.number(keyCapacity, 1, defaultCapacity)
	before := len(m.problems)
	var demands []demand
	for _, k := range kinds {
		if !chosen[k.name] {
			if m.text(k.capacity) != "" {
				m.problemf("%s is set, and %s leaves that kind out", k.capacity, keyWorkItemType)
			}
			continue
		}
		if n := m.number(k.capacity, 0, general); n > 0 {
			demands = append(demands, demand{k, n})
		}
	}
	if len(demands) == 0 && len(chosen) > 0 && len(m.problems) == before {
		m.problemf("every kind of work has capacity 0, so nothing is left to scale on")
	}
	return demands
}

// chosen reads the kinds of workItemType. It is empty if one of them is wrong.
func (m *reader) chosen() map[string]bool {
	chosen := make(map[string]bool)
	for word := range strings.SplitSeq(cmp.Or(m.text(keyWorkItemType), allKinds), ",") {
		word = strings.TrimSpace(word)
		at := slices.IndexFunc(kinds, func(k kind) bool { return strings.EqualFold(k.name, word) })
		switch {
		case at >= 0:
			chosen[kinds[at].name] = true
		case strings.EqualFold(word, allKinds):
			for _, k := range kinds {
				chosen[k.name] = true
			}
		default:
			m.problemf("%s has %q, want Orchestration, Activity, Entity, several of them with commas, or All", keyWorkItemType, word)
			return nil
		}
	}
	return chosen
}

// value is the metric of one kind.
func (r rule) value(d demand, b dts.Backlog) int64 {
	work := d.work(b)
	if r.includeActive {
		return work.Pending + work.Active
	}
	return work.Pending
}

// active reports whether there must be at least one replica. Work that is held
// always counts here: nobody is stopped in the middle of it.
func (r rule) active(b dts.Backlog) bool {
	return r.waiting(b) || slices.ContainsFunc(r.demands, func(d demand) bool { return d.work(b).Active > 0 })
}

// waiting reports whether more waits than the activation threshold allows.
func (r rule) waiting(b dts.Backlog) bool {
	return slices.ContainsFunc(r.demands, func(d demand) bool { return d.work(b).Pending > r.activation })
}
