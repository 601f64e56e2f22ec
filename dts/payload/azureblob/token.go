package azureblob

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// The forms of tokens: container and name, as Java and Python write it and .NET
// once did, and the address of the blob.
const (
	tokenV1 = "blob:v1:"
	tokenV2 = "blob:v2:"
)

func isToken(text string) bool {
	return strings.HasPrefix(text, tokenV1) || strings.HasPrefix(text, tokenV2)
}

var containerName = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9]){2,62}$`)

// parseToken reads which blob a token stands for.
func (a *account) parseToken(token string) (container, name string, err error) {
	if address, ok := strings.CutPrefix(token, tokenV2); ok {
		container, name, err = a.parseAddress(address)
	} else {
		container, name, _ = strings.Cut(strings.TrimPrefix(token, tokenV1), ":")
	}
	if err != nil {
		return "", "", err
	}
	if !containerName.MatchString(container) {
		return "", "", fmt.Errorf("container %q is no name of one", container)
	}
	return container, name, checkName(name)
}

// parseAddress reads the address of a blob of this account.
func (a *account) parseAddress(address string) (container, name string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", errors.New("its address cannot be read")
	}
	path, ours := strings.CutPrefix(u.Path, a.endpoint.Path+"/")
	if !ours || !strings.EqualFold(u.Scheme, a.endpoint.Scheme) || !strings.EqualFold(u.Host, a.endpoint.Host) || u.User != nil {
		return "", "", errors.New("its address is not of this account")
	}
	container, name, _ = strings.Cut(path, "/")
	return container, name, nil
}

// checkName refuses names that could lead out of the container on their way through
// URLs.
func checkName(name string) error {
	odd := func(c rune) bool { return c == '\\' || unicode.IsControl(c) || c == unicode.ReplacementChar }
	parts := strings.Split(name, "/")
	if name == "" || len(name) > 1024 || strings.ContainsFunc(name, odd) ||
		slices.Contains(parts, "..") || slices.Contains(parts, ".") || slices.Contains(parts, "") {
		return fmt.Errorf("%.100q is no name of a payload", name)
	}
	return nil
}
