package attest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"

	"github.com/yunei/yunei/enclave/attest/attesttest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// A machine is a software TPM that a maker of our own certified, running.
type machine struct{ attesttest.Machine }

func tpmPolicy(keys ...string) Policy {
	zeros := fmt.Sprintf("%064x", 0)
	p := Policy{Types: []Type{TPM}, Life: time.Minute, TPM: jobs.TPMPolicy{Keys: keys, Binary: 13, MinFirmware: 1}}
	for _, i := range []int{0, 1, 2, 3, 4, 5, 7, 9, 14} { // not all that are quoted
		p.TPM.PCRs = append(p.TPM.PCRs, jobs.PCR{Index: i, Values: []string{zeros}})
	}
	return p
}

func (m machine) open(t *testing.T) *TPMDevice {
	t.Helper()
	d, err := OpenTPM(m.Socket)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// enrol takes a TPM's key through the whole of an enrolment.
func (m machine) enrol(t *testing.T, d *TPMDevice) string {
	t.Helper()
	c, err := d.Candidate()
	if err != nil {
		t.Fatal(err)
	}
	e, cred, err := Enrol(rand.Reader, c, m.Roots, m.Between, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	secret, err := d.Activate(cred)
	if err != nil {
		t.Fatal(err)
	}
	name, err := e.Key(secret)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// A live TPM, from its endorsement certificate to a released key.
func TestTPM(t *testing.T) {
	m := machine{attesttest.Boot(t)}
	now := time.Now() // the certificates are of this minute
	d := m.open(t)
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	name := m.enrol(t, d)
	if again := m.enrol(t, d); again != name {
		t.Errorf("the same TPM makes key %s and then %s", name, again)
	}
	v := verifier(t, tpmPolicy(name), Collateral{})

	c, key := challenge(t, now), newKey(t)
	before, err := d.Attest(c.Bind(key.Public()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(before.Bytes(), c, now)
	wantKind(t, "nothing measured", err, fault.Denied)

	if err := errors.Join(d.Measure(13, subject().Binary), d.Measure(13, subject().Binary)); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "another program in the same boot", d.Measure(13, suite.DigestOf([]byte("another"))), fault.Conflict)
	e := sound(t, d, v, now)
	tampered(t, v, e, now)
	forged(t, v, d, now)
	strangers(t, m, d, e, now)
	replaced(t, v, e, now)

	// Another binary, extended on top: the register is neither's any more.
	extend(t, d, 13)
	c = challenge(t, now)
	e, err = d.Attest(c.Bind(key.Public()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(e.Bytes(), c, now)
	wantKind(t, "a second extension", err, fault.Denied)
}

func extend(t *testing.T, d *TPMDevice, pcr int) {
	t.Helper()
	_, err := tpm2.PCRExtend{
		PCRHandle: tpm2.AuthHandle{Handle: tpm2.TPMHandle(pcr), Auth: tpm2.PasswordAuth(nil)},
		Digests:   tpm2.TPMLDigestValues{Digests: []tpm2.TPMTHA{{HashAlg: tpm2.TPMAlgSHA256, Digest: make([]byte, 32)}}},
	}.Execute(d.tpm)
	if err != nil {
		t.Fatal(err)
	}
}

// answer is the challenge that evidence answers.
func answer(e Evidence, now time.Time) Challenge {
	return Challenge{Subject: e.Binding.Subject, Nonce: e.Binding.Nonce, Made: now}
}

// tampered: no byte of the evidence can be another.
func tampered(t *testing.T, v *Verifier, e Evidence, now time.Time) {
	t.Helper()
	c, raw := answer(e, now), e.Bytes()
	if _, err := v.Verify(raw, c, now); err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for _, bit := range []byte{1, 0x80} {
			bad := slices.Clone(raw)
			bad[i] ^= bit
			if _, err := v.Verify(bad, c, now); err == nil {
				t.Fatalf("byte %d of %d changed, and it holds", i, len(raw))
			}
		}
	}
	for n := range raw {
		if _, err := v.Verify(raw[:n], c, now); err == nil {
			t.Fatalf("the first %d bytes hold", n)
		}
	}
}

// forged: the restricted key signs nothing that is like a quote and is none, and
// another kind of statement by it is not taken for one.
func forged(t *testing.T, v *Verifier, d *TPMDevice, now time.Time) {
	t.Helper()
	c, key := challenge(t, now), newKey(t)
	b := c.Bind(key.Public())
	extra := qualifying(b)
	// TPM2_GetTime by the same key, about the same binding.
	got, err := tpm2.GetTime{
		PrivacyAdminHandle: tpm2.TPMRHEndorsement,
		SignHandle:         tpm2.AuthHandle{Handle: d.handle, Name: d.name, Auth: tpm2.PasswordAuth(nil)},
		QualifyingData:     tpm2.TPM2BData{Buffer: extra[:]},
		InScheme:           tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull},
	}.Execute(d.tpm)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := got.Signature.Signature.ECDSA()
	if err != nil {
		t.Fatal(err)
	}
	e := Evidence{Type: TPM, Binding: b, Parts: [][]byte{d.x, d.y, got.TimeInfo.Bytes(), sig.SignatureR.Buffer, sig.SignatureS.Buffer, nil}}
	if _, err = v.Verify(e.Bytes(), c, now); err == nil {
		t.Error("a statement of the time is taken for a quote")
	}
	// A quote of fewer registers: those that would not pass are left out.
	few := *d
	few.pcrs = []int{0, 4, 7, 13}
	e, err = few.Attest(b)
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(e.Bytes(), c, now)
	wantKind(t, "a quote of fewer registers", err, fault.Denied)
	// Values that are not those quoted.
	if e, err = d.Attest(b); err != nil {
		t.Fatal(err)
	}
	e.Parts[5] = append([]byte{1}, e.Parts[5][1:]...)
	_, err = v.Verify(e.Bytes(), c, now)
	wantKind(t, "other registers than quoted", err, fault.Tampered)
}

// strangers: keys that no endorsement vouched for, and endorsements of nobody.
func strangers(t *testing.T, m machine, d *TPMDevice, e Evidence, now time.Time) {
	t.Helper()
	v := verifier(t, tpmPolicy(fmt.Sprintf("000b%064x", 7)), Collateral{})
	_, err := v.Verify(e.Bytes(), answer(e, now), now)
	wantKind(t, "a key that was not enrolled", err, fault.Denied)

	c, err := d.Candidate()
	if err != nil {
		t.Fatal(err)
	}
	other := c
	other.X = slices.Clone(c.Y)
	enrolment, cred, err := Enrol(rand.Reader, other, m.Roots, m.Between, now)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Activate(cred)
	wantKind(t, "a credential for a key that the TPM does not hold", err, fault.Denied)
	_, err = enrolment.Key(make([]byte, 32))
	wantKind(t, "a guess of the secret", err, fault.Denied)
	_, err = Enrolment{}.Key(nil)
	wantKind(t, "the zero enrolment", err, fault.Denied)

	_, _, err = Enrol(rand.Reader, c, m.Between, nil, now)
	if err != nil {
		t.Errorf("an authority between, chosen as a root: %v", err)
	}
	_, _, err = Enrol(rand.Reader, c, nil, m.Between, now)
	wantKind(t, "no root", err, fault.Denied)
	_, _, err = Enrol(rand.Reader, c, m.Roots, nil, now)
	wantKind(t, "no authority between", err, fault.Denied)
	_, _, err = Enrol(rand.Reader, c, m.Roots, m.Between, now.AddDate(-1, 0, 0))
	wantKind(t, "before the certificate", err, fault.Denied)
	_, _, err = Enrol(rand.Reader, Candidate{EK: m.Between[0], X: c.X, Y: c.Y}, m.Roots, nil, now)
	wantKind(t, "a certificate of something else", err, fault.Denied)
	step := 7
	if prove {
		step = 1
	}
	for i := 0; i < len(c.EK); i += step {
		bad := c
		bad.EK = slices.Clone(c.EK)
		bad.EK[i] ^= 1
		if _, _, err := Enrol(rand.Reader, bad, m.Roots, m.Between, now); err == nil {
			t.Fatalf("byte %d of the endorsement certificate changed, and it holds", i)
		}
	}
}

// replaced: another TPM of the same maker, and an older firmware.
func replaced(t *testing.T, v *Verifier, e Evidence, now time.Time) {
	t.Helper()
	p := v.policy
	p.TPM.MinFirmware = 1 << 63
	_, err := verifier(t, p, Collateral{}).Verify(e.Bytes(), answer(e, now), now)
	wantKind(t, "an older firmware", err, fault.Denied)
	q, err := parseQuote(e.Parts[2])
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := tpm2.Unmarshal[tpm2.TPMSAttest](e.Parts[2])
	if err != nil {
		t.Fatal(err)
	}
	about, err := theirs.Attested.Quote()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(about.PCRDigest.Buffer, q.digest) || theirs.FirmwareVersion != q.firmware || theirs.ClockInfo.ResetCount != q.resets ||
		!slices.Equal(theirs.ExtraData.Buffer, q.extra) || !slices.Equal(about.PCRSelect.PCRSelections[0].PCRSelect, q.selected[:]) {
		t.Errorf("we read a quote as %+v, go-tpm as %+v", q, theirs)
	}
	other := machine{attesttest.Boot(t)}
	if other.enrol(t, other.open(t)) == v.policy.TPM.Keys[0] {
		t.Error("two TPMs have one key")
	}
}
