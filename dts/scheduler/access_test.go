package scheduler_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/scheduler"
	"github.com/funchost/funchost/dts/worker"
)

// TestListenerAsksForCertificatesAndTokens: a client and a worker with both get
// in, whoever lacks one does not, and calls in process are not asked.
func TestListenerAsksForCertificatesAndTokens(t *testing.T) {
	t.Parallel()
	tokens := filepath.Join(t.TempDir(), "tokens")
	must(t, os.WriteFile(tokens, []byte("# of the workers\n0123456789abcdef\n\nfedcba9876543210\n"), 0o600))
	file, err := scheduler.OpenTokenFile(tokens, slog.New(slog.DiscardHandler))
	must(t, err)
	ours, theirs := selfSigned(t), selfSigned(t)
	s, err := scheduler.New(scheduler.Config{
		Authorize: file.Authorize,
		TLS: &tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{ours.pair},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ours.pool,
		},
	})
	must(t, err)
	run(t, s, func() {
		cs := s.ConnectionString("")
		if !strings.HasPrefix(cs.Endpoint, "https://127.0.0.1:") {
			t.Errorf("endpoint is %s", cs.Endpoint)
		}
		known := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ours.pool, Certificates: []tls.Certificate{ours.pair}}
		for _, tc := range []struct {
			name string
			opts []dts.Option
			want codes.Code
			says string
		}{
			{"everything", []dts.Option{dts.WithTLS(known), dts.WithTokenSource(dts.StaticToken("0123456789abcdef"))}, codes.OK, ""},
			{"the other token", []dts.Option{dts.WithTLS(known), dts.WithTokenSource(dts.StaticToken("fedcba9876543210"))}, codes.OK, ""},
			{"no token", []dts.Option{dts.WithTLS(known)}, codes.Unauthenticated, "has no bearer token"},
			{"a wrong token", []dts.Option{dts.WithTLS(known), dts.WithTokenSource(dts.StaticToken("0123456789abcdeX"))}, codes.Unauthenticated, "none of this scheduler's"},
			{"a comment", []dts.Option{dts.WithTLS(known), dts.WithTokenSource(dts.StaticToken("# of the workers"))}, codes.Unauthenticated, "none of this scheduler's"},
			{"no authority", []dts.Option{dts.WithTokenSource(dts.StaticToken("0123456789abcdef"))}, codes.Unavailable, "certificate"},
			{"no certificate", []dts.Option{
				dts.WithTLS(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ours.pool}), dts.WithTokenSource(dts.StaticToken("0123456789abcdef")),
			}, codes.Unavailable, ""},
			{"a certificate of somebody else", []dts.Option{
				dts.WithTLS(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ours.pool, Certificates: []tls.Certificate{theirs.pair}}),
				dts.WithTokenSource(dts.StaticToken("0123456789abcdef")),
			}, codes.Unavailable, ""},
		} {
			c, err := dts.Dial(cs, tc.opts...)
			must(t, err)
			_, err = c.Start(t.Context(), dts.StartRequest{Name: "hello-cities"})
			if status.Code(err) != tc.want || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: start = %v, want %v with %q", tc.name, err, tc.want, tc.says)
			}
			must(t, c.Close())
		}

		c, err := dts.Dial(cs, dts.WithTLS(known), dts.WithTokenSource(dts.StaticToken("0123456789abcdef")))
		must(t, err)
		defer c.Close()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		w := worker.New(c, helloCities(t))
		go func() { ended <- w.Run(ctx) }()
		id, err := dial(t, s, "default").Start(t.Context(), dts.StartRequest{Name: "hello-cities"})
		must(t, err)
		if got, err := c.Wait(t.Context(), id); err != nil || got.Status != dts.StatusCompleted {
			t.Errorf("a worker with a token: %+v, %v", got, err)
		}
		stop()
		must(t, <-ended)

		fromFiles, err := filesOf(t, ours, "fedcba9876543210").Options(cs)
		must(t, err)
		withFiles, err := dts.Dial(cs, fromFiles...)
		must(t, err)
		defer withFiles.Close()
		if got, err := withFiles.Instance(t.Context(), id); err != nil || got.Status != dts.StatusCompleted {
			t.Errorf("a client with files: %+v, %v", got, err)
		}
		if opts, err := filesOf(t, ours, "fedcba9876543210").Options(dts.ConnectionString{Endpoint: "http://127.0.0.1:8080"}); len(opts) != 0 || err != nil {
			t.Errorf("%d options for plaintext, %v", len(opts), err)
		}
		stranger, err := dts.Dial(cs, dts.WithTLS(known))
		must(t, err)
		defer stranger.Close()
		for _, err := range stranger.History(t.Context(), id) { // a stream
			if status.Code(err) != codes.Unauthenticated {
				t.Errorf("a history without a token: %v", err)
			}
		}
	})
}

func TestTokensAreReplacedWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "tokens")
	written := time.Now()
	write := func(text string) {
		must(t, os.WriteFile(name, []byte(text), 0o600))
		written = written.Add(time.Second)
		must(t, os.Chtimes(name, written, written)) // as long as the one before, and as old to some disks
	}
	write("0123456789abcdef")
	synctest.Test(t, func(t *testing.T) {
		file, err := scheduler.OpenTokenFile(name, slog.New(slog.DiscardHandler))
		must(t, err)
		want := func(token string, want bool) {
			t.Helper()
			if got := file.Authorize(token); got != want {
				t.Errorf("%q is let in: %v, want %v", token, got, want)
			}
		}
		want("0123456789abcdef", true)
		want("fedcba9876543210", false)
		want("", false)
		write("fedcba9876543210")
		time.Sleep(2 * time.Second)
		want("0123456789abcdef", false)
		want("fedcba9876543210", true)
		write("# nobody\n")
		time.Sleep(2 * time.Second)
		want("fedcba9876543210", true) // an empty file is taken for a mistake
		must(t, os.Remove(name))
		time.Sleep(2 * time.Second)
		want("fedcba9876543210", true)
		write("0123456789abcdef")
		time.Sleep(2 * time.Second)
		want("0123456789abcdef", true)
		want("fedcba9876543210", false)
	})
}

func TestTokenFileThatLetsNobodyInIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, tc := range map[string]struct{ text, want string }{
		"empty": {"\n# none\n", "holds no token"},
		"short": {"# one\nsecret\n", "the token in line 2 has 6 characters"},
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(tc.text), 0o600))
		_, err := scheduler.OpenTokenFile(filepath.Join(dir, name), nil)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q and no token", name, err, tc.want)
		}
	}
	if _, err := scheduler.OpenTokenFile(filepath.Join(dir, "gone"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// filesOf writes a certificate and a token to files.
func filesOf(t *testing.T, s signed, token string) dts.CredentialFiles {
	t.Helper()
	dir := t.TempDir()
	f := dts.CredentialFiles{
		CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), Token: filepath.Join(dir, "token"),
	}
	key, err := x509.MarshalPKCS8PrivateKey(s.pair.PrivateKey)
	must(t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.pair.Certificate[0]})
	for name, text := range map[string][]byte{
		f.CA: cert, f.Cert: cert, f.Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), f.Token: []byte(token + "\n"),
	} {
		must(t, os.WriteFile(name, text, 0o600))
	}
	return f
}

func TestCredentialFilesThatDoNotWorkAreNamed(t *testing.T) {
	t.Parallel()
	good := filesOf(t, selfSigned(t), "0123456789abcdef")
	cs := dts.ConnectionString{Endpoint: "https://127.0.0.1"}
	for want, files := range map[string]dts.CredentialFiles{
		"holds no certificate":          {CA: good.Token},
		"read certificate authorities":  {CA: good.CA + ".gone"},
		"go together":                   {Cert: good.Cert},
		"read client certificate":       {Cert: good.Cert, Key: good.Token},
		"read client certificate: open": {Cert: good.Cert + ".gone", Key: good.Key},
	} {
		if _, err := files.Options(cs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", files, err, want)
		}
	}
}

// signed is a certificate that has signed itself, for 127.0.0.1.
type signed struct {
	pair tls.Certificate
	pool *x509.CertPool
}

func selfSigned(t *testing.T) signed {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: rand.Text()},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return signed{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool}
}
