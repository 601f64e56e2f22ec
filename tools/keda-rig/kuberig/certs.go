package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// authority is a self-signed CA that issues the rig's leaf certificates.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	pem  []byte
}

// writeCerts lays out, under -dir:
//
//	ca.crt apiserver.{crt,key} admin.{crt,key} sa.{key,pub}
//	front-proxy-ca.crt front-proxy-client.{crt,key}
//	keda/{ca.crt,tls.crt,tls.key}
//	kubeconfig
func writeCerts(args []string) error {
	fs := flag.NewFlagSet("certs", flag.ContinueOnError)
	dir := fs.String("dir", "", "output directory")
	server := fs.String("server", "https://127.0.0.1:6443", "API server URL for the kubeconfig")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		return errors.New("certs: -dir is missing")
	}
	at := func(name string) string { return filepath.Join(*dir, name) }
	if err := os.MkdirAll(at("keda"), 0o700); err != nil {
		return err
	}

	loopback := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	cluster, err := newAuthority("keda-rig-ca")
	if err != nil {
		return err
	}
	frontProxy, err := newAuthority("keda-rig-front-proxy-ca")
	if err != nil {
		return err
	}
	keda, err := newAuthority("keda-rig-keda-ca")
	if err != nil {
		return err
	}

	files := map[string][]byte{
		"ca.crt":             cluster.pem,
		"front-proxy-ca.crt": frontProxy.pem,
		"keda/ca.crt":        keda.pem,
	}
	leaves := []struct {
		ca       *authority
		crt, key string
		subject  pkix.Name
		dns      []string
		ips      []net.IP
	}{
		{
			cluster, "apiserver.crt", "apiserver.key",
			pkix.Name{CommonName: "kube-apiserver"},
			[]string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
			append([]net.IP{net.IPv4(10, 0, 0, 1)}, loopback...),
		},
		{cluster, "admin.crt", "admin.key", pkix.Name{CommonName: "rig-admin", Organization: []string{"system:masters"}}, nil, nil},
		{frontProxy, "front-proxy-client.crt", "front-proxy-client.key", pkix.Name{CommonName: "front-proxy-client"}, nil, nil},
		{
			keda, "keda/tls.crt", "keda/tls.key",
			pkix.Name{CommonName: "keda"},
			[]string{"localhost", "keda-operator.keda.svc", "keda-metrics-apiserver.keda.svc", "keda-admission-webhooks.keda.svc"},
			loopback,
		},
	}
	for _, l := range leaves {
		crt, key, err := l.ca.issue(l.subject, l.dns, l.ips)
		if err != nil {
			return err
		}
		files[l.crt], files[l.key] = crt, key
	}

	// Service account tokens are signed with an RSA pair of their own.
	sa, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	saPub, err := x509.MarshalPKIXPublicKey(&sa.PublicKey)
	if err != nil {
		return err
	}
	files["sa.key"] = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(sa)})
	files["sa.pub"] = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: saPub})

	files["kubeconfig"] = fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: rig
clusters:
- name: rig
  cluster: {server: %q, certificate-authority: %q}
users:
- name: admin
  user: {client-certificate: %q, client-key: %q}
contexts:
- name: rig
  context: {cluster: rig, user: admin}
`, *server, abs(at("ca.crt")), abs(at("admin.crt")), abs(at("admin.key")))

	for name, data := range files {
		if err := os.WriteFile(at(name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func abs(p string) string {
	a, err := filepath.Abs(p)
	if err != nil {
		return p
	}
	return a
}

func newAuthority(name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, nil
}

// issue returns a certificate good for both server and client use, and its key.
func (a *authority) issue(subject pkix.Name, dns []string, ips []net.IP) (crt, key []byte, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      subject,
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:     dns,
		IPAddresses:  ips,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, k.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	kder, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		return nil, nil, err
	}
	crt = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return crt, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: kder}), nil
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err)
	}
	return n
}
