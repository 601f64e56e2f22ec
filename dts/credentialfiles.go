package dts

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// CredentialFiles name what a program needs to talk to a scheduler that has an
// authority of its own, asks for certificates or wants a static token. Each may be
// empty; Cert and Key go together.
type CredentialFiles struct {
	// CA is a PEM file with the authorities that may have signed the scheduler's
	// certificate, in place of those that the machine trusts.
	CA string
	// Cert and Key are PEM files with the certificate to show. They are read again
	// for each connection.
	Cert, Key string
	// Token is a file with the token to send, see [TokenFile].
	Token string
}

// Options are those that a client of cs needs: none without an endpoint, and none for
// a plaintext one, to which nothing secret is sent.
func (f CredentialFiles) Options(cs ConnectionString) ([]Option, error) {
	if cs.Endpoint == "" {
		return nil, nil // the scheduler is in this process
	}
	to, err := parseEndpoint(cs.Endpoint)
	if err != nil {
		return nil, err
	}
	if !to.tls {
		return nil, nil
	}
	var opts []Option
	if f.Token != "" {
		opts = append(opts, WithTokenSource(TokenFile(f.Token)))
	}
	if f.CA == "" && f.Cert == "" && f.Key == "" {
		return opts, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("read certificate authorities: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read certificate authorities: %s holds no certificate", f.CA)
		}
	}
	switch {
	case (f.Cert == "") != (f.Key == ""):
		return nil, errors.New("a certificate and its key go together: name both files or none")
	case f.Cert != "":
		if _, err := f.pair(); err != nil {
			return nil, err
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return f.pair() }
	}
	return append(opts, WithTLS(config)), nil
}

func (f CredentialFiles) pair() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("read client certificate: %w", err)
	}
	return &pair, nil
}
