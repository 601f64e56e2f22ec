package azureblob

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// account is the blob service of a storage account.
type account struct {
	endpoint *url.URL   // without a slash at the end
	query    url.Values // a shared access signature, on every request
	sign     func(context.Context, *http.Request) error
	client   *http.Client
}

// What the Azurite emulator has, by its documentation.
const (
	emulatorName     = "devstoreaccount1"
	emulatorKey      = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
	emulatorEndpoint = "http://127.0.0.1:10000/" + emulatorName
)

func parse(storage string) (*account, error) {
	if storage == "" {
		return nil, errors.New("it is empty")
	}
	if strings.HasPrefix(storage, "https://") || strings.HasPrefix(storage, "http://") {
		return parseURL(storage)
	}
	return parseConnectionString(storage)
}

// parseURL reads the address of a blob service.
func parseURL(text string) (*account, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("it is no URL of a blob service, as in https://ACCOUNT.blob.core.windows.net") // without the text: it may have a signature
	}
	a := &account{query: u.Query()}
	a.endpoint = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}
	if len(a.query) > 0 {
		a.sign = signed
	}
	return a, nil
}

// signed is for requests whose URL proves who is calling.
func signed(context.Context, *http.Request) error { return nil }

// parseConnectionString reads what the portal calls one. Errors do not show it.
func parseConnectionString(text string) (*account, error) {
	values := make(map[string]string)
	for part := range strings.SplitSeq(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			return nil, errors.New("a part of the connection string has no =: want Key=value;Key=value")
		}
		values[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
	}
	if strings.EqualFold(values["usedevelopmentstorage"], "true") {
		values = map[string]string{"accountname": emulatorName, "accountkey": emulatorKey, "blobendpoint": emulatorEndpoint}
	}
	name := values["accountname"]
	endpoint := values["blobendpoint"]
	if endpoint == "" {
		if name == "" {
			return nil, errors.New("the connection string has neither AccountName nor BlobEndpoint")
		}
		scheme, suffix := "https", "core.windows.net"
		if v := values["defaultendpointsprotocol"]; v != "" {
			scheme = strings.ToLower(v)
		}
		if v := values["endpointsuffix"]; v != "" {
			suffix = v
		}
		endpoint = scheme + "://" + name + ".blob." + suffix
	}
	if !strings.HasPrefix(endpoint, "http") {
		return nil, errors.New("the connection string has an endpoint that is no http or https URL")
	}
	if signature := strings.TrimPrefix(values["sharedaccesssignature"], "?"); signature != "" {
		endpoint = strings.TrimRight(endpoint, "/") + "?" + signature
	}
	a, err := parseURL(endpoint)
	if err != nil || values["accountkey"] == "" {
		return a, err
	}
	key, err := base64.StdEncoding.DecodeString(values["accountkey"])
	if err != nil || name == "" {
		return nil, errors.New("the connection string has an AccountKey that is no base64, or no AccountName")
	}
	a.sign = sharedKey{name, key}.sign
	return a, nil
}

// plaintext reports whether requests can be read on their way.
func (a *account) plaintext() bool {
	return a.endpoint.Scheme != "https" && a.endpoint.Hostname() != "127.0.0.1" && a.endpoint.Hostname() != "localhost"
}

// url is the address of a blob, or of a container if there is no name.
func (a *account) url(container, name string, query url.Values) *url.URL {
	u := *a.endpoint
	u.Path += "/" + container
	if name != "" {
		u.Path += "/" + name
	}
	all := make(url.Values, len(a.query)+len(query))
	for _, q := range []url.Values{a.query, query} {
		maps.Copy(all, q)
	}
	u.RawQuery = all.Encode()
	return &u
}

// String names the account without what is secret about it.
func (a *account) String() string { return fmt.Sprintf("%s://%s", a.endpoint.Scheme, a.endpoint.Host) }
