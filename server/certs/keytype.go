// Package certs makes certificate chains.
package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"
)

// KeyType is the kind of every key in a chain.
type KeyType string

const (
	RSA2048 KeyType = "rsa-2048"
	RSA3072 KeyType = "rsa-3072"
	RSA4096 KeyType = "rsa-4096"
	P256    KeyType = "p256"
	P384    KeyType = "p384"
)

// KeyTypes lists every KeyType.
func KeyTypes() []KeyType { return []KeyType{RSA2048, RSA3072, RSA4096, P256, P384} }

// Validate says which key types there are when k is none of them.
func (k KeyType) Validate() error {
	if slices.Contains(KeyTypes(), k) {
		return nil
	}
	var names []string
	for _, t := range KeyTypes() {
		names = append(names, string(t))
	}
	return fmt.Errorf("unknown key type %q (there are %s)", k, strings.Join(names, ", "))
}

// generate makes a key; RSA takes a fraction of a second to seconds.
func (k KeyType) generate() (crypto.Signer, error) {
	switch k {
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case RSA3072:
		return rsa.GenerateKey(rand.Reader, 3072)
	case RSA4096:
		return rsa.GenerateKey(rand.Reader, 4096)
	case P256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case P384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	}
	return nil, k.Validate()
}
