package certs

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Options says what chain to make.
type Options struct {
	Key   KeyType
	Names []string  // DNS names and IP addresses of the leaf, at least one
	Now   time.Time // the certificates are valid from an hour before
}

// Chain is a root → intermediate → leaf.
type Chain struct {
	Certificate tls.Certificate // leaf and intermediate, as a server sends them
	Root        *x509.Certificate
	RootPEM     []byte // what a client has to trust
}

// Validity as public authorities give it: 90 days, about 5 and 20 years.
const (
	day               = 24 * time.Hour
	leafValid         = 90 * day
	intermediateValid = 5 * 365 * day
	rootValid         = 20 * 365 * day
	backdate          = time.Hour
)

// Make makes a chain with keys of one type. The leaf carries the extensions
// that public authorities put in, so that its size on the wire is like theirs
// but for the signed certificate timestamps.
func Make(o Options) (Chain, error) {
	if len(o.Names) == 0 {
		return Chain{}, errors.New("certificate chain: no names")
	}
	root, err := issue(authority("xzfleet test root", o.Now, rootValid), o.Key, nil)
	if err != nil {
		return Chain{}, err
	}
	middle, err := withPointers(authority("xzfleet test intermediate", o.Now, intermediateValid), "root")
	if err != nil {
		return Chain{}, err
	}
	middle.MaxPathLenZero = true
	intermediate, err := issue(middle, o.Key, root)
	if err != nil {
		return Chain{}, err
	}
	end, err := withPointers(leafTemplate(o), "intermediate")
	if err != nil {
		return Chain{}, err
	}
	leaf, err := issue(end, o.Key, intermediate)
	if err != nil {
		return Chain{}, err
	}
	return Chain{
		Certificate: tls.Certificate{
			Certificate: [][]byte{leaf.cert.Raw, intermediate.cert.Raw},
			PrivateKey:  leaf.key,
			Leaf:        leaf.cert,
		},
		Root:    root.cert,
		RootPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.cert.Raw}),
	}, nil
}

// pair is a certificate and its key.
type pair struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// issue makes a key and has it certified by the issuer, or by itself.
func issue(t *x509.Certificate, k KeyType, issuer *pair) (*pair, error) {
	key, err := k.generate()
	if err != nil {
		return nil, fmt.Errorf("certificate chain: %w", err)
	}
	by := pair{cert: t, key: key}
	if issuer != nil {
		by = *issuer
	}
	if t.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, fmt.Errorf("certificate chain: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, by.cert, key.Public(), by.key)
	if err != nil {
		return nil, fmt.Errorf("certificate chain: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certificate chain: %w", err)
	}
	return &pair{cert: cert, key: key}, nil
}

func authority(name string, now time.Time, valid time.Duration) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{Country: []string{"CN"}, Organization: []string{"xzfleet"}, CommonName: name},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(valid),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
}

func leafTemplate(o Options) *x509.Certificate {
	t := &x509.Certificate{
		Subject:               pkix.Name{CommonName: o.Names[0]},
		NotBefore:             o.Now.Add(-backdate),
		NotAfter:              o.Now.Add(leafValid),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, n := range o.Names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	return t
}

// withPointers adds what a certificate says about its issuer, and the
// domain-validated policy of the CA/Browser Forum. Nothing is served at the
// addresses: they end in .invalid (RFC 2606).
func withPointers(t *x509.Certificate, issuer string) (*x509.Certificate, error) {
	domainValidated, err := x509.OIDFromInts([]uint64{2, 23, 140, 1, 2, 1})
	if err != nil {
		return nil, fmt.Errorf("certificate chain: %w", err)
	}
	t.Policies = []x509.OID{domainValidated}
	t.IssuingCertificateURL = []string{"http://" + issuer + ".xzfleet.invalid/ca.der"}
	t.CRLDistributionPoints = []string{"http://" + issuer + ".xzfleet.invalid/ca.crl"}
	return t, nil
}
