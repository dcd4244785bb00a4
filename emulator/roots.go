package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

// systemRootFiles are where systems keep their roots, as crypto/x509 looks
// for them (root_linux.go, root_bsd.go, root_darwin.go). A pool of
// x509.SystemCertPool cannot be read back.
func systemRootFiles() []string {
	if file := os.Getenv("SSL_CERT_FILE"); file != "" {
		return []string{file}
	}
	return []string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Arch
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL 6
		"/etc/ssl/ca-bundle.pem",                            // openSUSE
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7
		"/etc/ssl/cert.pem",                                 // Alpine, macOS, BSD
	}
}

// trustedRoots stands in for the bundle of the firmware: the system's roots,
// and those of the file ca where there is one.
func trustedRoots(ca string) ([]*x509.Certificate, error) {
	var roots []*x509.Certificate
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, wrongUsage("-ca: %v", err)
		}
		if roots, err = certificates(text); err != nil {
			return nil, wrongUsage("-ca: %s: %v", ca, err)
		}
		if len(roots) == 0 {
			return nil, wrongUsage("-ca: %s holds no certificate in PEM", ca)
		}
	}
	for _, file := range systemRootFiles() {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		// One that Go cannot read is one that it would not trust either.
		system, _ := certificates(text)
		return append(roots, system...), nil
	}
	return roots, nil
}

// certificates are those in a PEM text that can be read; the error is about
// the first that cannot.
func certificates(text []byte) (list []*x509.Certificate, first error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return list, first
		}
		c, err := x509.ParseCertificate(block.Bytes)
		switch {
		case err == nil:
			list = append(list, c)
		case first == nil:
			first = fmt.Errorf("%s: %w", block.Type, err)
		}
	}
}
