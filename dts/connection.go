package dts

import (
	"errors"
	"fmt"
	"strings"
)

// ConnectionString says where a task hub is and how to prove who is calling. It
// has the keys of the Azure service, so one string works with every SDK.
type ConnectionString struct {
	// Endpoint is a URL, or host or host:port, which means https. http is
	// plaintext HTTP/2; without a port it is 80, and 443 for https.
	Endpoint string
	// TaskHub is the hub; empty means "default".
	TaskHub string
	// Authentication is how tokens are obtained.
	Authentication Authentication
	// ClientID names a user-assigned managed identity or a workload identity.
	ClientID string
	// TenantID is the tenant of a workload identity.
	TenantID string
	// AdditionallyAllowedTenants are further tenants of a workload identity.
	AdditionallyAllowedTenants []string
	// TokenFilePath is the projected token file of a workload identity.
	TokenFilePath string
	// IgnoredKeys are the keys that were read and not understood, for a warning.
	// Their values are dropped: they could be secrets.
	IgnoredKeys []string
}

// Authentication is how a caller obtains tokens for the scheduler.
type Authentication string

// The values of the Authentication key. All but AuthNone need a token source,
// see [WithTokenSource].
const (
	AuthNone               Authentication = "None"               // no tokens: for an emulator and for schedulers of one machine
	AuthDefaultAzure       Authentication = "DefaultAzure"       // the first of those below that works
	AuthManagedIdentity    Authentication = "ManagedIdentity"    // the identity of the machine
	AuthWorkloadIdentity   Authentication = "WorkloadIdentity"   // the identity of a pod in Kubernetes
	AuthEnvironment        Authentication = "Environment"        // what AZURE_CLIENT_ID and its like name
	AuthAzureCLI           Authentication = "AzureCLI"           // who has called az login
	AuthAzurePowerShell    Authentication = "AzurePowerShell"    // who has called Connect-AzAccount
	AuthInteractiveBrowser Authentication = "InteractiveBrowser" // who signs in when asked
	AuthVisualStudio       Authentication = "VisualStudio"       // who has signed in to Visual Studio
	AuthVisualStudioCode   Authentication = "VisualStudioCode"   // who has signed in to Visual Studio Code
	AuthIntelliJ           Authentication = "IntelliJ"           // who has signed in to IntelliJ
)

var authentications = []Authentication{
	AuthNone, AuthDefaultAzure, AuthManagedIdentity, AuthWorkloadIdentity, AuthEnvironment, AuthAzureCLI,
	AuthAzurePowerShell, AuthInteractiveBrowser, AuthVisualStudio, AuthVisualStudioCode, AuthIntelliJ,
}

// Keys of a connection string, in the order in which String writes them.
const (
	keyEndpoint       = "Endpoint"
	keyTaskHub        = "TaskHub"
	keyAuthentication = "Authentication"
	keyClientID       = "ClientID"
	keyTenantID       = "TenantId"
	keyTenants        = "AdditionallyAllowedTenants"
	keyTokenFilePath  = "TokenFilePath"
)

// localExample is what an error shows to someone whose string is not right.
const localExample = "Endpoint=http://localhost:8080;TaskHub=default;Authentication=None"

// ParseConnectionString reads Key=Value;Key=Value. Keys and Authentication
// values match in any case, space around them is dropped, and a value
// with a semicolon or space at its ends stands in single or double quotes, doubled
// inside. A key that stands there twice is refused, one that it does not know is
// ignored and listed in IgnoredKeys.
//
// Endpoint and Authentication are required. A missing TaskHub stays empty, so
// that a caller can fill it from elsewhere. The error is an [ErrInvalid] and
// never shows a value except that of Authentication and Endpoint.
func ParseConnectionString(s string) (ConnectionString, error) {
	cs, err := parseConnectionString(s)
	if err != nil {
		return ConnectionString{}, invalid("connection string", err)
	}
	return cs, nil
}

func parseConnectionString(s string) (ConnectionString, error) {
	pairs, err := splitPairs(s)
	if err != nil {
		return ConnectionString{}, err
	}
	var cs ConnectionString
	var authentication, tenants string
	fields := map[string]*string{
		strings.ToLower(keyEndpoint):       &cs.Endpoint,
		strings.ToLower(keyTaskHub):        &cs.TaskHub,
		strings.ToLower(keyAuthentication): &authentication,
		strings.ToLower(keyClientID):       &cs.ClientID,
		strings.ToLower(keyTenantID):       &cs.TenantID,
		strings.ToLower(keyTenants):        &tenants,
		strings.ToLower(keyTokenFilePath):  &cs.TokenFilePath,
	}
	seen := make(map[string]bool)
	for _, p := range pairs {
		key := strings.ToLower(p.key)
		if seen[key] {
			return ConnectionString{}, fmt.Errorf("%s stands there twice: remove one of them", p.key)
		}
		seen[key] = true
		if field := fields[key]; field != nil {
			*field = p.value
		} else {
			cs.IgnoredKeys = append(cs.IgnoredKeys, p.key)
		}
	}
	for tenant := range strings.SplitSeq(tenants, ",") {
		if tenant = strings.TrimSpace(tenant); tenant != "" {
			cs.AdditionallyAllowedTenants = append(cs.AdditionallyAllowedTenants, tenant)
		}
	}
	if cs.Authentication, err = parseAuthentication(authentication); err != nil {
		return ConnectionString{}, err
	}
	if _, err := parseEndpoint(cs.Endpoint); err != nil {
		return ConnectionString{}, err
	}
	return cs, checkHub(cs.TaskHub)
}

func parseAuthentication(value string) (Authentication, error) {
	if value == "" {
		return "", errors.New("Authentication is missing; a local one is " + localExample)
	}
	var names []string
	for _, a := range authentications {
		if strings.EqualFold(value, string(a)) {
			return a, nil
		}
		names = append(names, string(a))
	}
	return "", fmt.Errorf("Authentication %q is not supported: want one of %s", value, strings.Join(names, ", "))
}

// checkHub refuses what cannot travel in a header. Which names a scheduler takes
// is the scheduler's to say.
func checkHub(hub string) error {
	for _, r := range hub {
		if r < ' ' || r > '~' {
			return fmt.Errorf("TaskHub %q has characters outside printable ASCII", hub)
		}
	}
	return nil
}

// String gives the text that [ParseConnectionString] reads back to the same
// value, but for IgnoredKeys. No key holds a secret; still, logs should show the
// endpoint and the hub instead.
func (cs ConnectionString) String() string {
	var b strings.Builder
	for _, p := range []pair{
		{keyEndpoint, cs.Endpoint},
		{keyTaskHub, cs.TaskHub},
		{keyAuthentication, string(cs.Authentication)},
		{keyClientID, cs.ClientID},
		{keyTenantID, cs.TenantID},
		{keyTenants, strings.Join(cs.AdditionallyAllowedTenants, ",")},
		{keyTokenFilePath, cs.TokenFilePath},
	} {
		if p.value == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(';')
		}
		b.WriteString(p.key + "=" + quote(p.value))
	}
	return b.String()
}
