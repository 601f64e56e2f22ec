package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/scaler"
)

func TestScalerOpensHubsOfItsOwnSchedulerOnly(t *testing.T) {
	t.Parallel()
	var dialled []dts.ConnectionString
	hubs := scaledHubs{
		connection: dts.ConnectionString{Endpoint: "https://a.example", TaskHub: "own", Authentication: dts.AuthNone},
		dial: func(cs dts.ConnectionString) (*dts.Client, error) {
			dialled = append(dialled, cs)
			return dts.Dial(cs)
		},
	}
	for _, tc := range []struct {
		name   string
		target scaler.Target
		hub    string // empty if it is refused
		want   string
	}{
		{"its own hub", scaler.Target{Connection: "default"}, "own", ""},
		{"another hub", scaler.Target{Connection: "default", TaskHub: "shop"}, "shop", ""},
		{"its own endpoint in another spelling", scaler.Target{Endpoint: "https://A.example/", TaskHub: "shop"}, "shop", ""},
		{"not another endpoint", scaler.Target{Endpoint: "https://evil.example"}, "", "connected to another endpoint: leave endpoint out"},
		{"not another connection", scaler.Target{Connection: "azure"}, "", "no connection of that name: leave connection out"},
		{"not a hub that cannot be one", scaler.Target{Connection: "default", TaskHub: "sh\nop"}, "", "outside printable ASCII"},
	} {
		dialled = nil
		source, err := hubs.open(tc.target)
		if tc.want != "" {
			if err == nil || source != nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: open = %v, %v, want %q", tc.name, source, err, tc.want)
			}
			continue
		}
		if client, ok := source.(*dts.Client); ok {
			defer client.Close()
		}
		if err != nil || len(dialled) != 1 || dialled[0].TaskHub != tc.hub || dialled[0].Endpoint != hubs.connection.Endpoint {
			t.Errorf("%s: dialled %v, %v, want hub %q of the own endpoint", tc.name, dialled, err, tc.hub)
		}
	}
}

func TestScalerIsNotShownToStrangersUnaware(t *testing.T) {
	t.Parallel()
	encrypted := tlsFiles{cert: "c", key: "k"}
	certified := tlsFiles{cert: "c", key: "k", clientCA: "a"}
	for _, tc := range []struct {
		name  string
		flags scalerFlags
		want  string // empty if it may listen
	}{
		{"loopback", scalerFlags{listen: "127.0.0.1:0", adminListen: "127.0.0.1:0"}, ""},
		{"everywhere", scalerFlags{listen: "0.0.0.0:0", adminListen: none}, "no encryption and no authentication\n  use --tls-cert and --tls-key with --tls-client-ca"},
		{"with TLS alone", scalerFlags{listen: "0.0.0.0:0", adminListen: none, tls: encrypted}, "no authentication"},
		{"with certificates of callers", scalerFlags{listen: "0.0.0.0:0", adminListen: none, tls: certified}, ""},
		{"with the word", scalerFlags{listen: "0.0.0.0:0", adminListen: "0.0.0.0:0", public: true}, ""},
		{"its metrics", scalerFlags{listen: "127.0.0.1:0", adminListen: "0.0.0.0:0"}, "shows metrics without encryption"},
		{"no address", scalerFlags{listen: "here", adminListen: none}, "it must be host:port"},
	} {
		err := tc.flags.check()
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}

func TestTLSFilesAreReadForEachConnection(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := tlsFiles{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), clientCA: filepath.Join(dir, "ca.pem")}
	first := certificate(t)
	first.write(t, files.cert, files.key)
	first.write(t, files.clientCA, os.DevNull)
	config, err := files.config()
	if err != nil {
		t.Fatal(err)
	}
	shake := func(client *tls.Config) error {
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		served := make(chan error, 1)
		go func() {
			conn := tls.Server(b, config)
			err := conn.Handshake()
			if err == nil {
				_, err = conn.Write([]byte("x")) // with TLS 1.3 a client learns of a refusal when it reads
			}
			served <- err
			b.Close()
		}()
		conn := tls.Client(a, client)
		_, err := conn.Read(make([]byte, 1))
		if got := conn.ConnectionState().NegotiatedProtocol; err == nil && got != "h2" {
			t.Errorf("negotiated protocol %q, want h2: gRPC needs it", got)
		}
		a.Close()
		return errors.Join(err, <-served)
	}
	with := func(server, own identity) *tls.Config {
		return &tls.Config{RootCAs: server.pool, ServerName: "scaler", Certificates: []tls.Certificate{own.pair}, NextProtos: []string{"h2"}}
	}
	if err := shake(with(first, first)); err != nil {
		t.Errorf("handshake = %v, want none", err)
	}
	second := certificate(t)
	if err := shake(with(first, second)); err == nil {
		t.Error("a client of an unknown authority was let in")
	}
	second.write(t, files.cert, files.key)
	if err := shake(with(second, first)); err != nil {
		t.Errorf("handshake after the certificate was replaced = %v, want none", err)
	}
}

func TestTLSFilesThatDoNotWorkAreRefusedAtStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key, text := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "text")
	certificate(t).write(t, cert, key)
	if err := os.WriteFile(text, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, files := range map[string]tlsFiles{
		"use --tls-cert and --tls-key together": {cert: cert},
		"read --tls-cert and --tls-key":         {cert: cert, key: filepath.Join(dir, "gone")},
		"read --tls-client-ca":                  {cert: cert, key: key, clientCA: filepath.Join(dir, "gone")},
		"holds no certificate":                  {cert: cert, key: key, clientCA: text},
	} {
		if _, err := files.config(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("config of %+v = %v, want %q", files, err, want)
		}
	}
}

// identity is a certificate that has signed itself.
type identity struct {
	pair tls.Certificate
	pool *x509.CertPool
	key  []byte
}

func certificate(t *testing.T) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: rand.Text()},
		DNSNames:              []string{"scaler"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return identity{pair: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool: pool, key: private}
}

func (i identity) write(t *testing.T, cert, key string) {
	t.Helper()
	for name, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: i.pair.Certificate[0]},
		key:  {Type: "PRIVATE KEY", Bytes: i.key},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
