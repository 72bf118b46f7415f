package attest

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// A permit's gate is judged by the type that the permit names and by no other;
// without a policy only its own word is taken.
func TestOfGate(t *testing.T) {
	key := signer(t)
	tpm, snp, tdx := tpmPolicy("000b"+strings.Repeat("1", 64)).TPM, milanPolicy().SNP, sapphirePolicy().TDX
	for _, g := range []jobs.Gate{
		{Evidence: SNP, Policy: &jobs.Policy{SNP: &snp}},
		{Evidence: TDX, Policy: &jobs.Policy{TDX: &tdx}},
		{Evidence: TPM, Policy: &jobs.Policy{TPM: &tpm}},
		{Evidence: Software},
	} {
		g.Key = key.Public()
		p := OfGate(g)
		if err := p.Check(); err != nil || !reflect.DeepEqual(p.Types, []Type{g.Evidence}) || p.ConfidentialAgainstHost() != g.ConfidentialAgainstHost() {
			t.Errorf("%s: %+v, %v", g.Evidence, p, err)
		}
		g.Policy = nil
		if err := OfGate(g).Check(); (err == nil) != (g.Evidence == Software) {
			t.Errorf("%s without a policy: %v", g.Evidence, err)
		}
	}
	wantKind(t, "the zero gate", OfGate(jobs.Gate{}).Check(), fault.Invalid)
}

// Evidence that binds a gate's key and no key of ours is good, and no data key is
// released on it.
func TestReceiverOnly(t *testing.T) {
	key := signer(t)
	v := verifier(t, OfGate(jobs.Gate{Process: jobs.Process{Key: key.Public()}, Evidence: Software}), Collateral{})
	c := challenge(t, day)
	b := c.Bind("")
	b.Receiver = suite.DigestOf([]byte("a gate's key"))
	e, err := NewSoftware(key).Attest(b)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := v.Verify(e.Bytes(), c, day); err != nil || r.Binding() != b {
		t.Fatalf("%+v, %v", r, err)
	}
	once := &ledger{}
	sealed, _, err := v.Release(once, c, e.Bytes(), []byte("data key"), day)
	wantKind(t, "a data key for nobody", err, fault.Invalid)
	if sealed != nil || len(once.spent) != 0 {
		t.Error("something was sealed, or the nonce spent")
	}
}

func TestReadCollateral(t *testing.T) {
	files := fstest.MapFS{"amd/milan.crl": {Data: []byte("crl")}, "amd/chip-1.der": {Data: []byte("1")}, "amd/chip-2.der": {Data: []byte("2")}, "amd/readme": {Data: []byte("x")}}
	want := Collateral{AMD: AMDCollateral{CRLs: [][]byte{[]byte("crl")}, VCEKs: [][]byte{[]byte("1"), []byte("2")}}}
	for name, to := range map[string]*[]byte{
		"tcb-info.json": &want.Intel.TCBInfo, "tcb-info-chain.pem": &want.Intel.TCBInfoChain, "qe-identity.json": &want.Intel.QEIdentity,
		"qe-identity-chain.pem": &want.Intel.QEIdentityChain, "pck-crl.der": &want.Intel.PCKCRL, "pck-crl-chain.pem": &want.Intel.PCKCRLChain, "root-crl.der": &want.Intel.RootCRL,
	} {
		*to = []byte(name)
		files["intel/"+name] = &fstest.MapFile{Data: []byte(name)}
	}
	if got, err := ReadCollateral(files); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("%v %s", err, cmp.Diff(want, got))
	}
	delete(files, "intel/root-crl.der")
	if got, err := ReadCollateral(files); err != nil || got.Intel.RootCRL != nil || got.Intel.TCBInfo == nil {
		t.Errorf("without one file: %v, %v", got, err)
	}
	files["amd/milan.crl"] = &fstest.MapFile{Data: make([]byte, maxCollateral+1)}
	_, err := ReadCollateral(files)
	wantKind(t, "a large file", err, fault.Exhausted)
	if none, err := ReadCollateral(nil); err != nil || cmp.Diff(Collateral{}, none) != "" {
		t.Errorf("no folder: %v, %v", none, err)
	}
}
