package framework

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/internal/settings"
)

// defaultDir is where an embedded scheduler keeps its state unless it is told.
const defaultDir = "./.funchost"

// Values of the setting scheduler that mean a scheduler in this process.
const (
	schedulerMemory   = "memory"
	schedulerEmbedded = "embedded:"
)

// target is the scheduler that the settings choose: one in this process, or
// one behind a connection string.
type target struct {
	embedded   bool
	dir        string // of an embedded scheduler; empty keeps nothing
	connection dts.ConnectionString
}

// chooseScheduler reads the settings scheduler and task-hub. Present says
// whether the binary has a scheduler in it.
func chooseScheduler(v *settings.Values, environ []string, present bool) (target, error) {
	text, origin := v.Text(keyScheduler), v.Origin(keyScheduler)
	dir, embedded := strings.CutPrefix(text, schedulerEmbedded)
	switch {
	case text == "" && onPlatform(environ):
		return target{}, usageError{errors.New("no scheduler is set, and on Kubernetes or Container Apps each replica would keep a hub of its own\n" +
			"  set DTS_CONNECTION_STRING, or --scheduler=" + schedulerEmbedded + "DIR for a single replica with a volume")}
	case text == "" && !present:
		return target{}, usageError{errors.New("no scheduler is set and none is linked into this program\n" +
			`  set DTS_CONNECTION_STRING, or import _ "github.com/funchost/funchost/framework/embedded"`)}
	case text == "" && v.Text(keyRole) != string(RoleAll):
		return target{}, usageError{fmt.Errorf("setting %s (%s): a host in the role %s shares its scheduler with others, and none is set\n"+
			"  set DTS_CONNECTION_STRING, or --scheduler=%sDIR for a scheduler in this process, which no other host sees",
			keyRole, v.Origin(keyRole), v.Text(keyRole), schedulerEmbedded)}
	case embedded && dir == "":
		return target{}, usageError{fmt.Errorf("setting %s (%s): %s needs a folder, as in %s/data",
			keyScheduler, origin, schedulerEmbedded, schedulerEmbedded)}
	case text == "":
		return embeddedTarget(v, defaultDir), nil
	case !embedded && text != schedulerMemory:
		return remoteTarget(v)
	case !present:
		return target{}, usageError{fmt.Errorf("setting %s (%s): %s needs a scheduler, and none is linked into this program\n"+
			`  import _ "github.com/funchost/funchost/framework/embedded"`, keyScheduler, origin, text)}
	case embedded:
		return embeddedTarget(v, dir), nil
	default:
		return embeddedTarget(v, ""), nil
	}
}

func embeddedTarget(v *settings.Values, dir string) target {
	return target{
		embedded:   true,
		dir:        dir,
		connection: dts.ConnectionString{TaskHub: v.Text(keyTaskHub), Authentication: dts.AuthNone},
	}
}

func remoteTarget(v *settings.Values) (target, error) {
	origin := v.Origin(keyScheduler)
	text := v.Text(keyScheduler)
	if !strings.Contains(text, "=") {
		return target{}, usageError{fmt.Errorf("setting %s (%s): want memory, embedded:DIR or a connection string Endpoint=...;Authentication=...",
			keyScheduler, origin)}
	}
	cs, err := dts.ParseConnectionString(text)
	if err != nil {
		return target{}, usageError{fmt.Errorf("setting %s (%s): %w", keyScheduler, origin, err)}
	}
	switch hub := v.Text(keyTaskHub); {
	case cs.TaskHub == "":
		cs.TaskHub = hub
	case hub != "" && hub != cs.TaskHub:
		return target{}, usageError{fmt.Errorf("two task hubs are set: %q (%s) and %q (%s)\n  remove one of them",
			cs.TaskHub, origin, hub, v.Origin(keyTaskHub))}
	}
	return target{connection: cs}, nil
}

// onPlatform reports whether a platform runs this process that may run several
// replicas of it: Kubernetes or Azure Container Apps.
func onPlatform(environ []string) bool {
	return slices.ContainsFunc(environ, func(entry string) bool {
		name, text, _ := strings.Cut(entry, "=")
		return text != "" && (name == "KUBERNETES_SERVICE_HOST" || name == "CONTAINER_APP_NAME")
	})
}
