package attest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"

	"github.com/google/go-tpm/tpm2"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

const (
	pcrSize   = sha256.Size
	pcrCount  = 24 // in a selection
	maxAttest = 1 << 10

	tpmGenerated   = 0xff544347 // TPM_GENERATED_VALUE
	tpmAttestQuote = 0x8018     // TPM_ST_ATTEST_QUOTE
	tpmSHA256      = 0x000b     // TPM_ALG_SHA256
)

// quotedPCRs are the registers that every quote is of: all that a policy may
// name, so that an attester need not know the policy.
var quotedPCRs = func() (all []int) {
	for i := range jobs.PCRs {
		all = append(all, i)
	}
	return all
}()

// tpm appraises a TPM's quote. The key must be one that was enrolled; nothing of
// its public area is read, for there is one form of it, which is rebuilt around
// the point that came.
func (v *Verifier) tpm(e Evidence) (Result, error) {
	if len(e.Parts) != 6 || len(e.Parts[2]) > maxAttest {
		return Result{}, fmt.Errorf("not a key, a quote, a signature and registers: %w", fault.Invalid)
	}
	p := v.policy.TPM
	x, y, quoted, r, s, values := e.Parts[0], e.Parts[1], e.Parts[2], e.Parts[3], e.Parts[4], e.Parts[5]
	name, err := akName(x, y)
	if err != nil {
		return Result{}, err
	}
	if !slices.Contains(p.Keys, name) {
		return Result{}, fmt.Errorf("a key that no endorsement key vouched for: %w", fault.Denied)
	}
	if err := checkSignature(x, y, quoted, r, s); err != nil {
		return Result{}, err
	}
	q, err := parseQuote(quoted)
	if err != nil {
		return Result{}, err
	}
	if want := qualifying(e.Binding); !bytes.Equal(q.extra, want[:]) {
		return Result{}, fmt.Errorf("the quote is about another binding: %w", fault.Denied)
	}
	if q.firmware < p.MinFirmware {
		return Result{}, fmt.Errorf("TPM firmware %016x is older than %016x: %w", q.firmware, p.MinFirmware, fault.Denied)
	}
	if err := holdTPM(p, q, values, e.Binding.Binary); err != nil {
		return Result{}, err
	}
	return Result{measurement: measured(q.digest), tcb: fmt.Sprintf("firmware %016x, reset %d", q.firmware, q.resets)}, nil
}

// qualifying is what a quote carries of a binding: 32 bytes, which every TPM has
// room for.
func qualifying(b Binding) [sha256.Size]byte {
	d := b.Data()
	return sha256.Sum256(d[:])
}

// holdTPM holds the registers against the policy.
func holdTPM(p jobs.TPMPolicy, q tpmQuote, values []byte, program suite.Digest) error {
	if q.selected != selection(quotedPCRs) {
		return fmt.Errorf("a quote of other registers: %w", fault.Denied)
	}
	if sum := sha256.Sum256(values); len(values) != len(quotedPCRs)*pcrSize || !bytes.Equal(sum[:], q.digest) {
		return fmt.Errorf("the registers are not those of the quote: %w", fault.Tampered)
	}
	value := func(i int) []byte { return values[i*pcrSize : (i+1)*pcrSize] }
	for _, pcr := range p.PCRs {
		if !slices.Contains(pcr.Values, measured(value(pcr.Index))) {
			return fmt.Errorf("PCR %d has a value that the policy does not name: %w", pcr.Index, fault.Denied)
		}
	}
	if want, err := extended(program); err != nil || !bytes.Equal(value(p.Binary), want) {
		return fmt.Errorf("PCR %d is not that of the binary: %w", p.Binary, fault.Denied)
	}
	return nil
}

// extended is what a PCR of zeros has after one extension by the digest.
func extended(d suite.Digest) ([]byte, error) {
	raw, err := hex.DecodeString(d.Hex())
	if err != nil || len(raw) != pcrSize {
		return nil, fmt.Errorf("not a digest: %w", fault.Invalid)
	}
	sum := sha256.Sum256(append(make([]byte, pcrSize), raw...))
	return sum[:], nil
}

// selection is the bitmap of a TPMS_PCR_SELECTION.
func selection(indices []int) (s [pcrCount / 8]byte) {
	for _, i := range indices {
		s[i/8] |= 1 << (i % 8)
	}
	return s
}

// A tpmQuote is what a TPMS_ATTEST of type quote says.
type tpmQuote struct {
	extra    []byte
	firmware uint64
	resets   uint32
	selected [pcrCount / 8]byte
	digest   []byte
}

// parseQuote reads a TPMS_ATTEST (TPM 2.0 Library, part 2, 10.12.12) that is a
// quote of one SHA-256 selection of 24 registers, and nothing else.
func parseQuote(raw []byte) (q tpmQuote, err error) {
	r := reader{left: raw}
	sized := func() []byte { return r.take(int(r.number(2))) }
	magic, kind := r.number(4), r.number(2)
	sized() // qualified name of the signer
	q.extra = sized()
	r.number(8) // clock
	q.resets = uint32(r.number(4))
	r.number(4) // restarts
	r.number(1) // safe
	q.firmware = r.number(8)
	lists, hash, size := r.number(4), r.number(2), r.number(1)
	copy(q.selected[:], r.take(len(q.selected)))
	q.digest = sized()
	if err := r.end(); err != nil {
		return tpmQuote{}, fmt.Errorf("reading a quote: %w", err)
	}
	if magic != tpmGenerated || kind != tpmAttestQuote {
		return tpmQuote{}, fmt.Errorf("reading a quote: not one that a TPM made: %w", fault.Denied)
	}
	if lists != 1 || hash != tpmSHA256 || size != uint64(len(q.selected)) || len(q.digest) != sha256.Size {
		return tpmQuote{}, fmt.Errorf("reading a quote: of other banks: %w", fault.Denied)
	}
	return q, nil
}

// checkSignature verifies an ECDSA signature over a quote.
func checkSignature(x, y, quoted, r, s []byte) error {
	if len(r) > 32 || len(s) > 32 {
		return fmt.Errorf("a quote's signature is too long: %w", fault.Invalid)
	}
	point := make([]byte, 65)
	point[0] = 4
	new(big.Int).SetBytes(x).FillBytes(point[1:33])
	new(big.Int).SetBytes(y).FillBytes(point[33:])
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return fmt.Errorf("a quote's key is no point: %w", fault.Invalid)
	}
	sum := sha256.Sum256(quoted)
	if !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)) {
		return fmt.Errorf("the signature over a quote does not hold: %w", fault.Tampered)
	}
	return nil
}

// akTemplate is the one form of attestation key: made in the TPM and never
// leaving it, and restricted, so that it signs nothing that looks like a quote
// but quotes.
func akTemplate(x, y []byte) tpm2.TPMTPublic {
	return tpm2.TPMTPublic{
		Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{
			FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, NoDA: true,
			Restricted: true, SignEncrypt: true,
		},
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
			Scheme: tpm2.TPMTECCScheme{
				Scheme:  tpm2.TPMAlgECDSA,
				Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256}),
			},
			CurveID: tpm2.TPMECCNistP256,
		}),
		Unique: tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{
			X: tpm2.TPM2BECCParameter{Buffer: x}, Y: tpm2.TPM2BECCParameter{Buffer: y},
		}),
	}
}

// akName is the TPM's name of the attestation key with that point, in digits.
func akName(x, y []byte) (string, error) {
	if len(x) == 0 || len(x) > 32 || len(y) == 0 || len(y) > 32 {
		return "", fmt.Errorf("a key's point has %d and %d bytes: %w", len(x), len(y), fault.Invalid)
	}
	pub := akTemplate(x, y)
	name, err := tpm2.ObjectName(&pub)
	if err != nil {
		return "", broken(fault.Invalid, "naming a key", err)
	}
	return measured(name.Buffer), nil
}
