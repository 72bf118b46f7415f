package link

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

func newKey(t *testing.T) suite.PrivateKey {
	t.Helper()
	k, err := suite.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func end(t *testing.T) func(*tls.Config, error) *tls.Config {
	t.Helper()
	return func(c *tls.Config, err error) *tls.Config {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// meet lets a client and a server shake hands and say a word each, and returns
// the error of either and whom the server saw.
func meet(t *testing.T, client, server *tls.Config) (seen ed25519.PublicKey, c, s error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	near, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	deadline := time.Now().Add(5 * time.Second)
	_, _ = near.SetDeadline(deadline), far.SetDeadline(deadline)
	ends := make(chan error, 1)
	go func() {
		conn := tls.Server(far, server)
		err := conn.HandshakeContext(context.Background())
		if err == nil {
			seen, _ = Peer(conn.ConnectionState())
			_, err = conn.Write([]byte("x"))
		}
		_ = far.Close()
		ends <- err
	}()
	conn := tls.Client(near, client)
	if c = conn.HandshakeContext(t.Context()); c == nil {
		_, c = io.ReadFull(conn, make([]byte, 1))
	}
	_ = near.Close()
	s = <-ends // the server has seen by now
	return seen, c, s
}

func TestMeet(t *testing.T) {
	ours, theirs, pin := newKey(t), newKey(t), end(t)
	for _, mutual := range []bool{true, false} {
		server := pin(Public(theirs))
		if mutual {
			server = pin(Members(theirs))
		}
		seen, c, s := meet(t, pin(Client(ours, theirs.Public())), server)
		want, err := ours.Public().Ed25519()
		if errors.Join(c, s, err) != nil || mutual != want.Equal(seen) {
			t.Errorf("mutual %v: %v, %v, and it saw %x", mutual, c, s, seen)
		}
	}
	seen, c, s := meet(t, pin(Client(suite.PrivateKey{}, theirs.Public())), pin(Public(theirs)))
	if c != nil || s != nil || seen != nil {
		t.Errorf("without a key: %v, %v, %x", c, s, seen)
	}
}

// selfSigned wraps a key as badly as one may.
func selfSigned(t *testing.T, key any, public any, form *x509.Certificate) tls.Certificate {
	t.Helper()
	form.SerialNumber = big.NewInt(7)
	der, err := x509.CreateCertificate(rand.Reader, form, form, public, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestStrangers(t *testing.T) {
	ours, theirs, other, pin := newKey(t), newKey(t), newKey(t), end(t)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsa2048, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	plain := func() *x509.Certificate { return &x509.Certificate{NotAfter: time.Now().Add(time.Hour)} }
	with := func(change func(*tls.Config)) func(*tls.Config) *tls.Config {
		return func(c *tls.Config) *tls.Config { change(c); return c }
	}
	same := func(c *tls.Config) *tls.Config { return c }
	shows := func(certs ...tls.Certificate) func(*tls.Config) *tls.Config {
		return with(func(c *tls.Config) { c.Certificates = certs })
	}
	wrapped := func(k suite.PrivateKey) tls.Certificate {
		c, err := certificate(k)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	// A chain that ends in the pinned key's certificate, by another's key.
	chain := wrapped(other)
	chain.Certificate = append(chain.Certificate, wrapped(theirs).Certificate...)
	// The pinned key's certificate, by somebody who does not have the key.
	stolen := tls.Certificate{Certificate: wrapped(theirs).Certificate, PrivateKey: other.Ed25519()}
	for _, c := range []struct {
		name           string
		client, server func(*tls.Config) *tls.Config
		pinned         bool // the client says that the server's key is another
	}{
		{"another server", same, shows(wrapped(other)), true},
		{"a chain to the pinned key", same, shows(chain), true},
		{"the pinned certificate without its key", same, shows(stolen), false},
		{"a server's key of P-256", same, shows(selfSigned(t, p256, p256.Public(), plain())), true},
		{"a server's key of RSA", same, shows(selfSigned(t, rsa2048, rsa2048.Public(), plain())), true},
		{"a server of TLS 1.2", same, with(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }), false},
		{"a client of TLS 1.2", with(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }), same, false},
		{"no certificate", shows(), same, false},
		{"a client's key of P-256", shows(selfSigned(t, p256, p256.Public(), plain())), same, false},
		{"a client's key of RSA", shows(selfSigned(t, rsa2048, rsa2048.Public(), plain())), same, false},
		{"a client's certificate without its key", shows(stolen), same, false},
		{"a certificate that is none", shows(tls.Certificate{Certificate: [][]byte{[]byte("garbage")}, PrivateKey: ours.Ed25519()}), same, false},
	} {
		client, server := c.client(pin(Client(ours, theirs.Public()))), c.server(pin(Members(theirs)))
		seen, cErr, sErr := meet(t, client, server)
		if cErr == nil || seen != nil || errors.Is(cErr, ErrPin) != c.pinned {
			t.Errorf("%s: the client says %v, the server %v and saw %x", c.name, cErr, sErr, seen)
		}
	}
}

// Of a certificate the key counts and nothing else.
func TestOnlyTheKey(t *testing.T) {
	ours, theirs, pin := newKey(t), newKey(t), end(t)
	for name, form := range map[string]*x509.Certificate{
		"expired":         {NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0)},
		"not yet":         {NotBefore: time.Now().Add(1e6 * time.Hour), NotAfter: time.Now().Add(2e6 * time.Hour)},
		"another name":    {Subject: pkix.Name{CommonName: strings.Repeat("x", 300)}, DNSNames: []string{"evil.example"}},
		"for other uses":  {KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}},
		"an authority":    {IsCA: true, BasicConstraintsValid: true},
		"odd extensions":  {ExtraExtensions: []pkix.Extension{{Id: []int{1, 2, 3, 4}, Value: make([]byte, 9000)}}},
		"a made-up chain": {},
	} {
		wrap := func(k suite.PrivateKey) []tls.Certificate {
			c := selfSigned(t, k.Ed25519(), k.Ed25519().Public(), form)
			if name == "a made-up chain" {
				c.Certificate = append(c.Certificate, c.Certificate[0], c.Certificate[0])
			}
			return []tls.Certificate{c}
		}
		client, server := pin(Client(ours, theirs.Public())), pin(Members(theirs))
		client.Certificates, server.Certificates = wrap(ours), wrap(theirs)
		seen, c, s := meet(t, client, server)
		if want, err := ours.Public().Ed25519(); errors.Join(c, s, err) != nil || !want.Equal(seen) {
			t.Errorf("%s: %v, %v", name, c, s)
		}
	}
}

// Every connection proves the key anew.
func TestNotResumed(t *testing.T) {
	ours, theirs, pin := newKey(t), newKey(t), end(t)
	client, server := pin(Client(ours, theirs.Public())), pin(Members(theirs))
	client.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	proofs := 0
	check := server.VerifyConnection
	server.VerifyConnection = func(s tls.ConnectionState) error {
		if !s.DidResume {
			proofs++
		}
		return check(s)
	}
	for range 3 {
		if _, c, s := meet(t, client, server); c != nil || s != nil {
			t.Fatal(c, s)
		}
	}
	if proofs != 3 {
		t.Errorf("of 3 connections %d proved the key", proofs)
	}
}

func TestKeys(t *testing.T) {
	k := newKey(t)
	first, again := end(t)(Public(k)), end(t)(Public(k))
	if string(first.Certificates[0].Certificate[0]) != string(again.Certificates[0].Certificate[0]) {
		t.Error("the certificate depends on more than the key")
	}
	for name, got := range map[string]error{
		"serving without a key":   func() error { _, err := Public(suite.PrivateKey{}); return err }(),
		"admitting without a key": func() error { _, err := Members(suite.PrivateKey{}); return err }(),
		"listening without a key": func() error { _, err := Listen(nil, suite.PrivateKey{}); return err }(),
	} {
		if !errors.Is(got, fault.Denied) {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, pin := range []suite.PublicKey{"", "ed25519:", "x25519:AAAA", "ed25519:short"} {
		if _, err := Client(k, pin); !errors.Is(err, fault.Invalid) {
			t.Errorf("pinning %q: %v", pin, err)
		}
	}
	if _, err := Peer(tls.ConnectionState{}); !errors.Is(err, fault.Denied) {
		t.Errorf("nobody is there: %v", err)
	}
}
