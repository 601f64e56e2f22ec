package framework

import (
	"errors"
	"fmt"
	"net"

	"github.com/funchost/funchost/framework/internal/settings"
	"github.com/funchost/funchost/framework/internal/telemetry"
)

// Names of the settings of a host.
const (
	keyRole            = "role"
	keyListen          = "listen"
	keyAdminListen     = "admin-listen"
	keyScheduler       = "scheduler"
	keyTaskHub         = "task-hub"
	keyRetention       = "retention"
	keySchedulerCA     = "scheduler-ca-file"
	keySchedulerCert   = "scheduler-cert-file"
	keySchedulerKey    = "scheduler-key-file"
	keySchedulerToken  = "scheduler-token-file"
	keyPayloads        = "payload-store"
	keyManagementAPI   = "management-api"
	keyMaxRequests     = "max-requests"
	keyOrchestrations  = "max-orchestrations"
	keyActivities      = "max-activities"
	keyEntities        = "max-entities"
	keyWarm            = "max-warm"
	keyVersion         = "worker-version"
	keyVersionMatch    = "worker-version-match"
	keyVersionMismatch = "worker-version-mismatch"
	keyDefaultVersion  = "default-version"
	keyShutdownTimeout = "shutdown-timeout"
	keyShutdownGrace   = "shutdown-grace"
	keyLogLevel        = "log-level"
	keyLogFormat       = "log-format"
)

// Variables that the command sets for the programs that it runs, and that are no
// settings.
const (
	envLifeline = "FUNCHOST_LIFELINE_FD"
	envReport   = "FUNCHOST_REPORT_FD"
	envVerify   = "FUNCHOST_VERIFY" // set by `funchost verify`: the connection string of the hub
)

// keys are all settings of a host. docs/settings.md describes them, and a test
// compares.
var keys = []settings.Key{
	{
		Name: keyRole, Default: string(RoleAll), Choices: []string{string(RoleAll), string(RoleAPI), string(RoleWorker)},
		Usage: "what this host runs",
	},
	{Name: keyListen, Default: "127.0.0.1:7071", Usage: "address of the public listener, or none"},
	{Name: keyAdminListen, Default: "127.0.0.1:7072", Usage: "address of the admin listener, or none"},
	{
		Name: keyScheduler, Env: []string{"DTS_CONNECTION_STRING", "DURABLE_TASK_SCHEDULER_CONNECTION_STRING"},
		Usage: "memory, embedded:DIR, or a connection string",
	},
	{Name: keyTaskHub, Env: []string{"TASKHUB_NAME"}, Usage: "task hub, if the connection string names none"},
	{Name: keyRetention, Usage: "how long the scheduler in this program keeps what has ended, as in 30d,failed=90d; 0 is for ever"},
	{Name: keySchedulerCA, Usage: "PEM file of the authorities that an https scheduler's certificate may be of"},
	{Name: keySchedulerCert, Usage: "PEM file with the certificate to show to an https scheduler"},
	{Name: keySchedulerKey, Usage: "PEM file with its key"},
	{Name: keySchedulerToken, Usage: "file with the token to send to an https scheduler"},
	{Name: keyPayloads, Usage: "where large payloads are kept: file:DIR, or an Azure storage account"},
	{Name: keyManagementAPI, Kind: settings.Bool, Default: "false", Usage: "serve the HTTP management API"},
	{Name: keyMaxRequests, Kind: settings.Number, Default: "1024", Usage: "requests at once on the public listener; more are answered 429"},
	{Name: keyOrchestrations, Kind: settings.Number, Default: "100", Usage: "orchestrator turns at once in this host"},
	{Name: keyActivities, Kind: settings.Number, Default: "100", Usage: "activities at once in this host"},
	{Name: keyEntities, Kind: settings.Number, Default: "100", Usage: "entities that do operations at once in this host"},
	{Name: keyWarm, Kind: settings.Number, Default: "1000", Usage: "instances that stay in memory between their turns; 0 replays each turn"},
	{Name: keyVersion, Usage: "version of the orchestrations that this host is for"},
	{
		Name: keyVersionMatch, Default: matchAny, Choices: []string{matchAny, matchStrict, matchOlder},
		Usage: "which versions this host takes",
	},
	{
		Name: keyVersionMismatch, Default: mismatchLeave, Choices: []string{mismatchLeave, mismatchFail},
		Usage: "what becomes of other versions: left to other hosts, or failed",
	},
	{Name: keyDefaultVersion, Usage: "version of orchestrations that this host starts without one"},
	{Name: keyShutdownTimeout, Kind: settings.Duration, Default: "30s", Usage: "time for the whole stop"},
	{Name: keyShutdownGrace, Kind: settings.Duration, Default: "0s", Usage: "time that load balancers have to see that the host is not ready"},
	{Name: keyLogLevel, Default: "info", Choices: []string{"debug", "info", "warn", "error"}, Usage: "least important lines that are logged"},
	{
		Name: keyLogFormat, Default: telemetry.FormatAuto,
		Choices: []string{telemetry.FormatAuto, telemetry.FormatJSON, telemetry.FormatConsole},
		Usage:   "auto is console on a terminal and json otherwise",
	},
	{Name: settings.FileKey, Usage: "file with settings; funchost.yaml is read if it exists"},
}

// usageError is a mistake of whoever called the program: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// loadSettings merges the settings and checks those that only make sense
// together.
func loadSettings(args, environ []string, program map[string]string) (*settings.Values, error) {
	v, err := settings.Load(keys, settings.Sources{
		Args:    args,
		Environ: environ,
		Foreign: []string{envLifeline, envReport},
		Program: program,
	})
	if errors.Is(err, settings.ErrHelp) {
		return nil, err
	}
	if err == nil {
		err = errors.Join(
			checkAddress(v, keyListen),
			checkAddress(v, keyAdminListen),
			checkMost(v, keyMaxRequests),
			checkMost(v, keyOrchestrations),
			checkMost(v, keyActivities),
			checkMost(v, keyEntities),
			checkVersion(v),
			checkGrace(v),
			checkManagement(v),
		)
	}
	if err != nil {
		return nil, usageError{err}
	}
	return v, nil
}

func checkAddress(v *settings.Values, key string) error {
	address := v.Text(key)
	if address == listenNone {
		return nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("setting %s (%s): %q is not host:port, as in 127.0.0.1:7071", key, v.Origin(key), address)
	}
	return nil
}

// checkMost checks how many of something there may be at once.
func checkMost(v *settings.Values, key string) error {
	if v.Number(key) == 0 {
		return fmt.Errorf("setting %s (%s): it must be above zero", key, v.Origin(key))
	}
	return nil
}

// Values of the settings about versions.
const (
	matchAny      = "any"
	matchStrict   = "strict"
	matchOlder    = "current-or-older"
	mismatchLeave = "leave"
	mismatchFail  = "fail"
)

// checkVersion refuses a rule for versions with no version to compare with.
func checkVersion(v *settings.Values) error {
	if match := v.Text(keyVersionMatch); match == matchOlder && v.Text(keyVersion) == "" {
		return fmt.Errorf("setting %s (%s): %s needs %s, the version to compare with", keyVersionMatch, v.Origin(keyVersionMatch), match, keyVersion)
	}
	return nil
}

func checkGrace(v *settings.Values) error {
	if timeout := v.Duration(keyShutdownTimeout); timeout <= 0 {
		return fmt.Errorf("setting %s (%s): it must be above zero", keyShutdownTimeout, v.Origin(keyShutdownTimeout))
	} else if grace := v.Duration(keyShutdownGrace); grace > timeout/2 {
		return fmt.Errorf("setting %s (%s): %v is more than half of %s, %v (%s)",
			keyShutdownGrace, v.Origin(keyShutdownGrace), grace, keyShutdownTimeout, timeout, v.Origin(keyShutdownTimeout))
	}
	return nil
}

// checkManagement keeps an API that steers every orchestration, and that nobody
// has to prove anything to, from being reachable by other machines.
func checkManagement(v *settings.Values) error {
	if !v.Bool(keyManagementAPI) || v.Text(keyRole) == string(RoleWorker) || loopback(v.Text(keyListen)) {
		return nil
	}
	if v.Text(keyListen) == listenNone {
		return fmt.Errorf("%s is on (%s) and %s is none (%s)\n  give it an address", keyManagementAPI, v.Origin(keyManagementAPI), keyListen, v.Origin(keyListen))
	}
	return fmt.Errorf("%s is on (%s) and %s is %s (%s): whoever reaches that address could steer every orchestration\n"+
		"  listen on 127.0.0.1, or leave the management API off: authentication for it does not exist yet",
		keyManagementAPI, v.Origin(keyManagementAPI), keyListen, v.Text(keyListen), v.Origin(keyListen))
}

// loopback reports whether only this machine can reach an address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
