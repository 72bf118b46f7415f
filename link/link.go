// Package link makes the ends of every connection between two machines: TLS
// 1.3, in which a side is its own Ed25519 key and nothing else. There is no
// certificate authority, no name and no date to go by. Each process signs
// itself a certificate with its own signing key when it starts, because TLS
// wants one, and the other side looks at the key in it alone: a client at
// whether it is the one key that a person wrote down for it, a server at whose
// it is (Peer), to ask those who keep the register. Every connection proves the
// key anew, for sessions are not resumed. Nobody else makes a tls.Config of a
// key.
//
// The key that signs a party's statements signs here as well, and neither can
// be taken for the other: in TLS 1.3 a signature is over 64 spaces, a context
// string and a zero byte before anything that the peer chose (RFC 8446, 4.4.3),
// while statements begin with "DSSEv1 ", the ledger's notes with their origin's
// name, and the certificate is DER, which begins with the byte 0x30. Earlier
// versions of TLS have no such prefix, and are not spoken.
//
// The package does not say what a peer may do, and keeps nothing.
package link

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// ErrPin says that the server has another key than the one pinned, and is a
// refusal: a wrong address, or somebody in between.
var ErrPin = fault.Refuse("link-pin", "house")

// Members is a server's end at which a client must show a key, too. Any
// Ed25519 key passes: ask Peer whose it is.
func Members(key suite.PrivateKey) (*tls.Config, error) {
	c, err := Public(key)
	if err != nil {
		return nil, err
	}
	c.ClientAuth = tls.RequireAnyClientCert
	c.VerifyConnection = func(s tls.ConnectionState) error {
		_, err := Peer(s)
		return err
	}
	return c, nil
}

// Public is a server's end that shows its key and asks for none: what comes
// over it says by itself who sent it.
func Public(key suite.PrivateKey) (*tls.Config, error) {
	cert, err := certificate(key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true,
	}, nil
}

// Listen is Public on ln.
func Listen(ln net.Listener, key suite.PrivateKey) (net.Listener, error) {
	c, err := Public(key)
	if err != nil {
		return nil, err
	}
	return tls.NewListener(ln, c), nil
}

// Client is the end of a client that talks to the holder of pin only, and
// shows its own key if it is given one. A handshake with anybody else is
// ErrPin.
func Client(key suite.PrivateKey, pin suite.PublicKey) (*tls.Config, error) {
	want, err := pin.Ed25519()
	if err != nil {
		return nil, fmt.Errorf("pinning the server's key: %w", err)
	}
	c := &tls.Config{
		MinVersion: tls.VersionTLS13,
		// A chain and a host name are not looked at: VerifyConnection, which
		// no handshake goes without, looks at the key.
		InsecureSkipVerify: true, //nolint:gosec // see above
		VerifyConnection: func(s tls.ConnectionState) error {
			got, err := Peer(s)
			if err != nil || !got.Equal(want) {
				return errors.Join(ErrPin, err)
			}
			return nil
		},
	}
	if key.Public() == "" {
		return c, nil
	}
	cert, err := certificate(key)
	if err != nil {
		return nil, err
	}
	c.Certificates = []tls.Certificate{cert}
	return c, nil
}

// Peer returns the key that the other side has proved to hold. It is an error
// of kind Denied unless the connection is of TLS 1.3 and the key is Ed25519.
func Peer(s tls.ConnectionState) (ed25519.PublicKey, error) {
	if s.Version != tls.VersionTLS13 || len(s.PeerCertificates) == 0 {
		return nil, fmt.Errorf("asking who is there: no key was shown: %w", fault.Denied)
	}
	key, ok := s.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("asking who is there: a key that is not Ed25519: %w", fault.Denied)
	}
	return key, nil
}

// certificate wraps a key for TLS. It depends on nothing but the key: its dates
// are the longest that there are (RFC 5280, 4.1.2.5), because nobody reads
// them.
func certificate(key suite.PrivateKey) (tls.Certificate, error) {
	private := key.Ed25519()
	if private == nil {
		return tls.Certificate{}, fmt.Errorf("making a certificate: no key: %w", fault.Denied)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, private.Public(), private)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, nil
}
