package attest

import (
	"errors"
	"testing"
	"time"

	"github.com/yunei/yunei/enclave/attest/attesttest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// The policy of a machine as it is is the one that its own evidence meets: of the
// makers' samples, the values that the tests' own policies have.
func TestHere(t *testing.T) {
	binary := suite.DigestOf([]byte("gate"))
	p, err := Here(Evidence{Type: SNP, Parts: milan()}, Wish{Binary: binary})
	if want := milanPolicy().SNP; err != nil || p.Binary != binary || p.SNP.Images[0] != want.Images[0] || p.SNP.VMPL != want.VMPL || p.SNP.MinTCB < want.MinTCB {
		t.Errorf("SNP: %+v, %v", p.SNP, err)
	}
	p, err = Here(Evidence{Type: TDX, Parts: sapphire()}, Wish{Binary: binary, Evaluation: 3})
	if want := sapphirePolicy().TDX; err != nil || p.TDX.Images[0] != want.Images[0] || p.TDX.MinEvaluation != 3 {
		t.Errorf("TDX: %+v, %v", p.TDX, err)
	}
	for name, e := range map[string]Evidence{
		"software": {Type: Software}, "a report cut short": {Type: SNP, Parts: [][]byte{milan()[0][:99], nil}},
		"a quote cut short": {Type: TDX, Parts: [][]byte{sapphire()[0][:700]}}, "no registers": {Type: TPM, Parts: make([][]byte, 6)},
	} {
		if _, err := Here(e, Wish{Binary: binary, Evaluation: 1}); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Here(Evidence{Type: TDX, Parts: sapphire()}, Wish{Binary: binary}); !errors.Is(err, fault.Invalid) {
		t.Errorf("TDX without a least evaluation: %v", err)
	}
}

// Of a TPM: what it holds now, with its own enrolled key, if the binary is in its
// register; and the machine meets that.
func TestHereTPM(t *testing.T) {
	m, now := machine{attesttest.Boot(t)}, time.Now() // the certificates are of this minute
	d := m.open(t)
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	key := m.enrol(t, d)
	c := challenge(t, now)
	w := Wish{Binary: c.Binary, PCRs: []int{0, 4, 7, 11}, At: 13, Keys: []string{key}}
	quote := func() Evidence {
		e, err := d.Attest(c.Bind(newKey(t).Public()))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if _, err := Here(quote(), w); !errors.Is(err, fault.Conflict) {
		t.Errorf("a binary that was not measured: %v", err)
	}
	if err := d.Measure(13, c.Binary); err != nil {
		t.Fatal(err)
	}
	e := quote()
	p, err := Here(e, w)
	if err != nil {
		t.Fatal(err)
	}
	v := verifier(t, Policy{Types: []Type{TPM}, Life: tpmPolicy(key).Life, TPM: *p.TPM}, Collateral{})
	if _, err := v.Verify(e.Bytes(), c, now); err != nil {
		t.Errorf("the machine does not meet its own policy: %v", err)
	}
	extend(t, d, 11)
	if _, err := v.Verify(quote().Bytes(), c, now); !errors.Is(err, fault.Denied) {
		t.Errorf("another register: %v", err)
	}
	for name, edit := range map[string]func(*Wish){
		"no boot registers": func(w *Wish) { w.PCRs = []int{11} },
		"one that is none":  func(w *Wish) { w.PCRs = []int{0, 4, 7, 99} },
		"a negative one":    func(w *Wish) { w.At = -1 },
	} {
		bad := w
		edit(&bad)
		if _, err := Here(e, bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.Keys = []string{"000b" + suite.DigestOf(nil).Hex()}
	if _, err := Here(e, w); !errors.Is(err, fault.Denied) {
		t.Errorf("a key that was not enrolled: %v", err)
	}
}

// An enrolment outlives the process that began it.
func TestEnrolmentInAFile(t *testing.T) {
	e := Enrolment{name: "000b" + suite.DigestOf(nil).Hex(), secret: []byte("a secret of thirty-two bytes, so")}
	raw, err := e.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseEnrolment(raw)
	if err != nil {
		t.Fatal(err)
	}
	if name, err := again.Key(e.secret); err != nil || name != e.name {
		t.Errorf("%s, %v", name, err)
	}
	for _, bad := range []string{"", "{}", `{"name":"x","secret":"AA=="}`} {
		if _, err := ParseEnrolment([]byte(bad)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
