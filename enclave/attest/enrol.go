package attest

import (
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/go-tpm/tpm2"

	"github.com/yunei/yunei/fault"
)

var (
	oidSAN = asn1.ObjectIdentifier{2, 5, 29, 17}
	// tcg-kp-EKCertificate (TCG EK Credential Profile, 3.2.16)
	oidEK = asn1.ObjectIdentifier{2, 23, 133, 8, 1}
)

// A Candidate is what a TPM shows to have its attestation key enrolled: its
// endorsement key's certificate (DER) and the attestation key's point.
type Candidate struct {
	EK   []byte
	X, Y []byte
}

// A Credential is a secret that only the TPM with the endorsement key can read,
// and that it gives out only if it holds the attestation key too
// (TPM2_MakeCredential).
type Credential struct {
	Blob, Secret []byte
}

// An Enrolment is a relying party's half of one: it waits for the secret.
type Enrolment struct {
	name   string
	secret []byte
}

// Enrol checks that a maker's root vouches for the endorsement key, and puts a
// secret from random under it and the attestation key's name. Roots, and authorities
// between, are the certificates (DER) that a person chose for the TPMs bought.
// Errors are of kind Invalid or, for a certificate that does not hold, Denied.
func Enrol(random io.Reader, c Candidate, roots, between [][]byte, now time.Time) (Enrolment, Credential, error) {
	key, err := endorsed(c.EK, roots, between, now)
	if err != nil {
		return Enrolment{}, Credential{}, fmt.Errorf("enrolling a TPM: %w", err)
	}
	name, err := akName(c.X, c.Y)
	if err != nil {
		return Enrolment{}, Credential{}, fmt.Errorf("enrolling a TPM: %w", err)
	}
	raw, err := hex.DecodeString(name)
	if err != nil {
		return Enrolment{}, Credential{}, fmt.Errorf("enrolling a TPM: %w", err)
	}
	e := Enrolment{name: name, secret: make([]byte, 32)}
	if _, err := io.ReadFull(random, e.secret); err != nil {
		return Enrolment{}, Credential{}, fmt.Errorf("enrolling a TPM: %w", err)
	}
	blob, secret, err := tpm2.CreateCredential(random, key, raw, e.secret)
	if err != nil {
		return Enrolment{}, Credential{}, broken(fault.Invalid, "enrolling a TPM", err)
	}
	return e, Credential{Blob: blob, Secret: secret}, nil
}

// Key is the enrolled key as TPMPolicy.Keys has it, if answer is the secret. The
// error is of kind Denied if it is not.
func (e Enrolment) Key(answer []byte) (string, error) {
	if len(e.secret) == 0 || subtle.ConstantTimeCompare(e.secret, answer) != 1 {
		return "", fmt.Errorf("enrolling a TPM: it does not hold the key that it showed: %w", fault.Denied)
	}
	return e.name, nil
}

// endorsed reads the endorsement key out of a certificate that holds. The key has
// the form of the TCG's RSA 2048 template (EK Credential Profile, L-1).
func endorsed(der []byte, roots, between [][]byte, now time.Time) (tpm2.LabeledEncapsulationKey, error) {
	if len(der) > maxCert || now.IsZero() {
		return nil, fmt.Errorf("an endorsement certificate of %d bytes: %w", len(der), fault.Invalid)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading an endorsement certificate: %w", fault.Invalid)
	}
	// The name in it is of the TPM, in a form that Go does not read; it is critical.
	cert.UnhandledCriticalExtensions = slices.DeleteFunc(cert.UnhandledCriticalExtensions, func(o asn1.ObjectIdentifier) bool { return o.Equal(oidSAN) })
	if !slices.ContainsFunc(cert.UnknownExtKeyUsage, oidEK.Equal) {
		return nil, fmt.Errorf("not a certificate of an endorsement key: %w", fault.Denied)
	}
	opts := x509.VerifyOptions{CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if opts.Roots, err = pool(roots); err != nil {
		return nil, err
	}
	if opts.Intermediates, err = pool(between); err != nil {
		return nil, err
	}
	if _, err := cert.Verify(opts); err != nil {
		return nil, fmt.Errorf("the endorsement certificate: %w: %w", err, fault.Denied)
	}
	pub, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || pub.N.BitLen() != 2048 || pub.E != 65537 {
		return nil, fmt.Errorf("not an endorsement key of RSA 2048: %w", fault.Invalid)
	}
	public := tpm2.RSAEKTemplate
	public.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgRSA, &tpm2.TPM2BPublicKeyRSA{Buffer: pub.N.Bytes()})
	key, err := tpm2.ImportEncapsulationKey(&public)
	if err != nil {
		return nil, broken(fault.Invalid, "reading an endorsement key", err)
	}
	return key, nil
}

func pool(ders [][]byte) (*x509.CertPool, error) {
	p := x509.NewCertPool()
	for _, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("reading a TPM maker's certificate: %w", fault.Invalid)
		}
		p.AddCert(c)
	}
	return p, nil
}
