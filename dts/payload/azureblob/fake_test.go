package azureblob_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/funchost/funchost/dts/payload/azureblob"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// account is a connection string with a key that nobody has.
const account = "DefaultEndpointsProtocol=https;AccountName=example;AccountKey=c2VjcmV0LWtleQ==;EndpointSuffix=core.windows.net"

// service answers like a blob service, without a network.
type service struct {
	mu       sync.Mutex
	blobs    map[string]blob // by path; a container is one that ends with /
	requests []*http.Request
	refuse   []answer // the next answers, instead
}

type blob struct {
	body     []byte
	encoding string
}

type answer struct {
	status int
	code   string
	err    error
}

func newService(containers ...string) *service {
	s := &service{blobs: make(map[string]blob)}
	for _, c := range containers {
		s.blobs["/"+c+"/"] = blob{}
	}
	return s
}

func (s *service) store(t *testing.T, storage string, opts ...azureblob.Option) *azureblob.Store {
	t.Helper()
	store, err := azureblob.New(storage, append(opts, azureblob.WithHTTPClient(&http.Client{Transport: s}))...)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	var a answer
	var found blob
	switch {
	case len(s.refuse) > 0:
		a, s.refuse = s.refuse[0], s.refuse[1:]
	case r.Header.Get("Authorization") == "" && r.URL.Query().Get("sig") == "", r.Header.Get("X-Ms-Version") == "", r.Header.Get("X-Ms-Date") == "":
		a = answer{status: http.StatusForbidden, code: "AuthenticationFailed"}
	default:
		a, found = s.answer(r)
	}
	if a.err != nil {
		return nil, a.err
	}
	header := http.Header{}
	if a.code != "" {
		header.Set("X-Ms-Error-Code", a.code)
	}
	if found.encoding != "" {
		header.Set("Content-Encoding", found.encoding)
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(bytes.NewReader(found.body)), Request: r}, nil
}

func (s *service) answer(r *http.Request) (answer, blob) {
	path := r.URL.Path
	container := path[:1+strings.Index(path[1:]+"/", "/")] + "/"
	_, exists := s.blobs[container]
	switch {
	case r.Method == http.MethodPut && r.URL.Query().Get("restype") == "container":
		s.blobs[container] = blob{}
		return answer{status: http.StatusCreated}, blob{}
	case !exists:
		return answer{status: http.StatusNotFound, code: "ContainerNotFound"}, blob{}
	case r.Method == http.MethodPut:
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("X-Ms-Blob-Type") != "BlockBlob" || int64(len(body)) != r.ContentLength {
			return answer{status: http.StatusBadRequest, code: "InvalidHeaderValue"}, blob{}
		}
		s.blobs[path] = blob{body, r.Header.Get("X-Ms-Blob-Content-Encoding")}
		return answer{status: http.StatusCreated}, blob{}
	default:
		found, ok := s.blobs[path]
		if !ok {
			return answer{status: http.StatusNotFound, code: "BlobNotFound"}, blob{}
		}
		return answer{status: http.StatusOK}, found
	}
}

var errNetwork = errors.New("connection reset")
