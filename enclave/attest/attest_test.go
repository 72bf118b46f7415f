package attest

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func signer(tb testing.TB) suite.PrivateKey {
	tb.Helper()
	k, err := suite.NewPrivateKey()
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func softwarePolicy(keys ...suite.PublicKey) Policy {
	return Policy{Types: []Type{Software}, Life: time.Minute, Software: SoftwarePolicy{Keys: keys}}
}

func TestSoftware(t *testing.T) {
	key, stranger := signer(t), signer(t)
	v := verifier(t, softwarePolicy(stranger.Public(), key.Public()), Collateral{})
	e := sound(t, NewSoftware(key), v, day)
	tampered(t, v, e, day)
	_, err := verifier(t, softwarePolicy(stranger.Public()), Collateral{}).Verify(e.Bytes(), answer(e, day), day)
	wantKind(t, "a process that is not named", err, fault.Denied)
	_, err = verifier(t, milanPolicy(), Collateral{}).Verify(e.Bytes(), answer(e, day), day)
	wantKind(t, "a policy that does not name software", err, fault.Denied)
	listed := milanPolicy() // the process is listed, and the type is not named
	listed.Software.Keys = []suite.PublicKey{key.Public()}
	_, err = verifier(t, listed, Collateral{}).Verify(e.Bytes(), answer(e, day), day)
	wantKind(t, "a policy that lists the process and does not name software", err, fault.Denied)
	if _, err := NewSoftware(suite.PrivateKey{}).Attest(e.Binding); err == nil {
		t.Error("the zero key attests")
	}
}

// Whatever the evidence is dressed up as, the verifier decides by the type that it
// verified: software that calls itself another type is refused.
func TestTypeIsNotBelieved(t *testing.T) {
	key := signer(t)
	p := forgePolicy()
	p.Types = append(p.Types, Software, TDX, TPM)
	p.Software, p.TDX, p.TPM = softwarePolicy(key.Public()).Software, sapphirePolicy().TDX, tpmPolicy("000b"+strings.Repeat("1", 64)).TPM
	v := verifier(t, p, Collateral{})
	if p.ConfidentialAgainstHost() || !forgePolicy().ConfidentialAgainstHost() || (Policy{}).ConfidentialAgainstHost() {
		t.Error("a policy is confidential only if each type that it names is")
	}
	c := challenge(t, day)
	e, err := NewSoftware(key).Attest(c.Bind(newKey(t).Public()))
	if err != nil {
		t.Fatal(err)
	}
	r, err := v.Verify(e.Bytes(), c, day)
	if err != nil || r.Type() != Software || r.ConfidentialAgainstHost() {
		t.Fatalf("software where the policy names it: %+v, %v", r, err)
	}
	for _, of := range []Type{SNP, TDX, TPM} {
		e.Type = of
		if r, err := v.Verify(e.Bytes(), c, day); err == nil || r != (Result{}) {
			t.Errorf("software as %s: %+v, %v", of, r, err)
		}
	}
}

func TestZeroDenies(t *testing.T) {
	key := signer(t)
	c := challenge(t, day)
	e, err := NewSoftware(key).Attest(c.Bind(newKey(t).Public()))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]*Verifier{"nil": nil, "zero": {}} {
		_, err := v.Verify(e.Bytes(), c, day)
		wantKind(t, name, err, fault.Denied)
	}
	v := verifier(t, softwarePolicy(key.Public()), Collateral{})
	_, err = v.Verify(e.Bytes(), c, time.Time{})
	wantKind(t, "no clock", err, fault.Denied)
	_, err = v.Verify(e.Bytes(), Challenge{}, day)
	wantKind(t, "no challenge", err, fault.Denied)
	_, err = v.Verify(nil, c, day)
	wantKind(t, "no evidence", err, fault.Invalid)
	_, _, err = v.Release(nil, c, e.Bytes(), []byte("key"), day)
	wantKind(t, "no journal", err, fault.Invalid)
	_, _, err = v.Release(&ledger{}, c, e.Bytes(), nil, day)
	wantKind(t, "no data key", err, fault.Invalid)
	_, _, err = v.Release(&ledger{}, c, e.Bytes(), make([]byte, maxDataKey+1), day)
	wantKind(t, "a data key that is none", err, fault.Invalid)
	if w := Type("").Words(); w.ZH == "" || !strings.Contains(w.EN, "no evidence") || Type("").ConfidentialAgainstHost() || (Result{}).ConfidentialAgainstHost() {
		t.Error("no type says something")
	}
	_, err = NewChallenge(bytes.NewReader(make([]byte, 31)), subject(), day)
	if err == nil {
		t.Error("a nonce was drawn from nothing")
	}
	_, err = NewChallenge(bytes.NewReader(make([]byte, 32)), Subject{}, day)
	wantKind(t, "no subject", err, fault.Invalid)
	wantKind(t, "a receiver of zeros", Binding{Subject: subject(), Nonce: Nonce{1}, Key: newKey(t).Public(), Receiver: none}.Check(), fault.Invalid)
	wantKind(t, "no key at all", Binding{Subject: subject(), Nonce: Nonce{1}}.Check(), fault.Invalid)
	wantKind(t, "a nonce of zeros", Binding{Subject: subject(), Key: newKey(t).Public()}.Check(), fault.Invalid)
}

func TestLongLived(t *testing.T) {
	key := signer(t)
	p := softwarePolicy(key.Public())
	p.LongLived = true
	v := verifier(t, p, Collateral{})
	hybrid, err := NewHybridKey()
	if err != nil {
		t.Fatal(err)
	}
	c := challenge(t, day)
	for name, k := range map[string]Key{"short": newKey(t), "long": hybrid} {
		e, err := NewSoftware(key).Attest(c.Bind(k.Public()))
		if err != nil {
			t.Fatal(err)
		}
		sealed, _, err := v.Release(&ledger{}, c, e.Bytes(), []byte("key"), day)
		if name == "short" {
			wantKind(t, name, err, fault.Denied)
		} else if got, err2 := k.Open(e.Binding, sealed); err != nil || err2 != nil || string(got) != "key" {
			t.Errorf("%s: %v, %v", name, err, err2)
		}
	}
}

func TestWords(t *testing.T) {
	for _, of := range types {
		r := Result{kind: of, measurement: "ab", tcb: "1"}
		rec := r.Record()
		if err := rec.Check(); err != nil || of.Check() != nil {
			t.Error(err)
		}
		says := strings.Contains(rec.EN, "administrator could read the data")
		if rec.ConfidentialAgainstHost == says || strings.Contains(rec.ZH, "宿主机管理员可读取") == rec.ConfidentialAgainstHost || !utf8.ValidString(rec.ZH) {
			t.Errorf("%s: the words are not those of a type that is confidential: %v", of, rec.ConfidentialAgainstHost)
		}
		lie := rec
		lie.ConfidentialAgainstHost = !lie.ConfidentialAgainstHost
		wantKind(t, "a record that lies", lie.Check(), fault.Tampered)
		lie = rec
		lie.EN = "all is well"
		wantKind(t, "a record in other words", lie.Check(), fault.Tampered)
		lie = rec
		lie.RevocationUnchecked = true
		wantKind(t, "a record that forgets to say it", lie.Check(), fault.Tampered)
	}
	wantKind(t, "no type", Record{}.Check(), fault.Invalid)
}

func TestPolicyCheck(t *testing.T) {
	if err := errors.Join(milanPolicy().Check(), sapphirePolicy().Check(), tpmPolicy("000b"+strings.Repeat("1", 64)).Check()); err != nil {
		t.Fatal(err)
	}
	full := func() Policy {
		p := milanPolicy()
		p.Types = []Type{SNP, TDX, TPM, Software}
		p.TDX, p.TPM = sapphirePolicy().TDX, tpmPolicy("000b"+strings.Repeat("1", 64)).TPM
		p.Software = softwarePolicy(signer(t).Public()).Software
		return p
	}
	raw, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ParsePolicy(raw); err != nil || len(back.TPM.PCRs) != 9 {
		t.Fatalf("%+v, %v", back, err)
	}
	for name, bad := range map[string]func(*Policy){
		"no type":               func(p *Policy) { p.Types = nil },
		"another type":          func(p *Policy) { p.Types = []Type{"sgx"} },
		"too many types":        func(p *Policy) { p.Types = append(p.Types, SNP) },
		"no life":               func(p *Policy) { p.Life = 0 },
		"a long life":           func(p *Policy) { p.Life = 2 * time.Hour },
		"no image":              func(p *Policy) { p.SNP.Images = nil },
		"a measurement of none": func(p *Policy) { p.SNP.Images[0].Measurement = strings.Repeat("0", 96) },
		"capitals":              func(p *Policy) { p.SNP.Images[0].Measurement = strings.Repeat("A", 96) },
		"no TCB":                func(p *Policy) { p.SNP.MinTCB = "0000000000000000" },
		"a short TCB":           func(p *Policy) { p.SNP.MinTCB = "01" },
		"level":                 func(p *Policy) { p.SNP.VMPL = 4 },
		"host data":             func(p *Policy) { p.SNP.Images[0].HostData = "ab" },
		"no MRTD":               func(p *Policy) { p.TDX.Images[0].MRTD = "" },
		"register":              func(p *Policy) { p.TDX.Images[0].RTMR[3] = "ab" },
		"no TDX TCB":            func(p *Policy) { p.TDX.MinTCB = "" },
		"no evaluation":         func(p *Policy) { p.TDX.MinEvaluation = 0 },
		"no TPM key":            func(p *Policy) { p.TPM.Keys = nil },
		"no boot loader": func(p *Policy) {
			p.TPM.PCRs = slices.DeleteFunc(p.TPM.PCRs, func(r jobs.PCR) bool { return r.Index == 4 })
		},
		"debug register":       func(p *Policy) { p.TPM.Binary = 16 },
		"application register": func(p *Policy) { p.TPM.PCRs[0].Index = 23 },
		"register twice":       func(p *Policy) { p.TPM.PCRs[0].Index = 1 },
		"binary's listed too":  func(p *Policy) { p.TPM.Binary = 9 },
		"binary's is the boot": func(p *Policy) { p.TPM.Binary = 4; p.TPM.PCRs[4].Index = 8 },
		"no values":            func(p *Policy) { p.TPM.PCRs[0].Values = nil },
		"a short value":        func(p *Policy) { p.TPM.PCRs[0].Values = []string{"00"} },
		"no firmware":          func(p *Policy) { p.TPM.MinFirmware = 0 },
		"no process":           func(p *Policy) { p.Software.Keys = nil },
		"a process of no key":  func(p *Policy) { p.Software.Keys[0] = "ed25519:x" },
	} {
		p := full()
		bad(&p)
		wantKind(t, name, p.Check(), fault.Invalid)
		if _, err := NewVerifier(p, Collateral{}); err == nil {
			t.Errorf("%s: a verifier was made", name)
		}
	}
}

// Detect says what the openers then do, and openers refuse clearly elsewhere.
func TestDetect(t *testing.T) {
	found := Detect("")
	if !slices.Contains(found, Software) || len(Detect("/nowhere")) > len(found) {
		t.Errorf("found %v", found)
	}
	for of, open := range map[Type]func() (Attester, error){
		SNP: func() (Attester, error) { return OpenSNP(0) },
		TDX: OpenTDX,
		TPM: func() (Attester, error) { return OpenTPM("/nowhere") },
	} {
		there := slices.Contains(found, of) && of != TPM
		if _, err := open(); !there {
			wantKind(t, string(of), err, fault.NotFound)
		} else if err != nil {
			t.Errorf("%s was detected: %v", of, err)
		}
	}
	_, err := OpenTPM(t.TempDir())
	wantKind(t, "a folder", err, fault.NotFound)
	bad := func([64]byte) ([]byte, error) { return []byte("short"), nil }
	gone := func([64]byte) ([]byte, error) { return nil, errors.New("device") }
	b := Binding{Subject: subject(), Nonce: Nonce{1}, Key: newKey(t).Public()}
	for name, a := range map[string]Attester{"snp": snpAttester{bad}, "tdx": tdxAttester{bad}, "snp gone": snpAttester{gone}, "tdx gone": tdxAttester{gone}} {
		_, err := a.Attest(b)
		wantKind(t, name, err, fault.Internal)
		_, err = a.Attest(Binding{})
		wantKind(t, name+": no binding", err, fault.Invalid)
	}
}

// Evidence of every type, for the fuzzer to start from.
func seeds(tb testing.TB) (v *Verifier, c Challenge, all [][]byte) {
	tb.Helper()
	key := signer(tb)
	f := newForge(tb, day.AddDate(-1, 0, 0))
	p := forgePolicy()
	p.Types = []Type{SNP, TDX, TPM, Software}
	p.TDX, p.TPM = sapphirePolicy().TDX, tpmPolicy("000b"+strings.Repeat("1", 64)).TPM
	p.Software = softwarePolicy(key.Public()).Software
	v, c = f.verifier(tb, p, f.crl(tb, day)), challenge(tb, day)
	b := c.Bind(newKey(tb).Public())
	for _, a := range []Attester{snpAttester{f.quote}, NewSoftware(key)} {
		e, err := a.Attest(b)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, e.Bytes())
	}
	name, err := akName([]byte{1}, []byte{2})
	if err != nil {
		tb.Fatal(err)
	}
	v.policy.TPM.Keys = []string{name} // so that its quotes are looked at
	return v, c, append(all,
		Evidence{Type: TDX, Binding: b, Parts: sapphire()}.Bytes(),
		Evidence{Type: SNP, Binding: b, Parts: milan()}.Bytes(),
		Evidence{Type: TPM, Binding: b, Parts: [][]byte{{1}, {2}, {3}, {4}, {5}, {6}}}.Bytes())
}

// Any bytes are evidence that does not hold, or the evidence that was made; none
// makes the verifier panic.
func FuzzVerify(f *testing.F) {
	v, c, all := seeds(f)
	for _, s := range all {
		f.Add(s)
	}
	f.Add([]byte(evidenceMagic))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := ParseEvidence(raw)
		if err != nil {
			wantKind(t, "what cannot be read", err, fault.Invalid)
			return
		}
		if !bytes.Equal(e.Bytes(), raw) {
			t.Fatal("evidence with two encodings")
		}
		r, err := v.Verify(raw, c, day)
		if err == nil != (bytes.Equal(raw, all[0]) || bytes.Equal(raw, all[1])) {
			t.Fatalf("%+v, %v", r, err)
		}
	})
}

func FuzzEvidence(f *testing.F) {
	b := Binding{Subject: subject(), Nonce: Nonce{1}, Key: newKey(f).Public()}
	f.Add(Evidence{Type: TDX, Binding: b, Parts: [][]byte{[]byte("quote")}}.Bytes())
	f.Add(Evidence{Type: Software, Binding: b, Parts: [][]byte{nil, {1}}}.Bytes())
	f.Add([]byte(evidenceMagic))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := ParseEvidence(raw)
		if err != nil {
			wantKind(t, "what cannot be read", err, fault.Invalid)
		} else if !bytes.Equal(e.Bytes(), raw) {
			t.Fatal("evidence with two encodings")
		}
	})
}

func FuzzBinding(f *testing.F) {
	b := Binding{Subject: subject(), Nonce: Nonce{1}, Key: newKey(f).Public()}
	f.Add(b.Bytes())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := ParseBinding(raw)
		if err != nil {
			wantKind(t, "what cannot be read", err, fault.Invalid)
		} else if !bytes.Equal(b.Bytes(), raw) {
			t.Fatal("a binding with two encodings")
		}
	})
}

// tpmStatement is a TPMS_ATTEST of type quote, of PCR 0, 4, 7 and 13.
func tpmStatement() []byte {
	q := []byte{0xff, 0x54, 0x43, 0x47, 0x80, 0x18, 0, 1, 7, 0, 1, 9}
	q = append(q, make([]byte, 25)...)
	q = append(q, 0, 0, 0, 1, 0, 0x0b, 3, 0x91, 0x20, 0, 0, 32)
	return append(q, make([]byte, 32)...)
}

// A restricted key also signs statements of other kinds, some of which could be
// made as long as a quote.
func TestParseQuote(t *testing.T) {
	if q, err := parseQuote(tpmStatement()); err != nil || q.selected != selection([]int{0, 4, 7, 13}) || !bytes.Equal(q.extra, []byte{9}) {
		t.Fatalf("%+v, %v", q, err)
	}
	for name, at := range map[string]int{"not by a TPM": 0, "an NV index": 5, "two banks": 40, "SHA-1": 42, "an open end": 43} {
		bad := tpmStatement()
		bad[at] ^= 0x0f
		if _, err := parseQuote(bad); err == nil {
			t.Errorf("%s is read as a quote", name)
		}
	}
}

func FuzzTPMQuote(f *testing.F) {
	f.Add(tpmStatement())
	f.Add(tpmStatement()[:12])
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := parseQuote(raw)
		if err == nil && (len(got.digest) != 32 || len(got.extra) > len(raw)) {
			t.Fatalf("%+v", got)
		}
	})
}

func FuzzPolicy(f *testing.F) {
	raw, err := json.Marshal(milanPolicy())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := ParsePolicy(raw)
		if err == nil {
			err = p.Check()
		}
		if err != nil {
			wantKind(t, "a policy", err, fault.Invalid)
		}
	})
}
