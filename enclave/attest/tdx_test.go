package attest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"testing"

	"github.com/google/go-tdx-guest/abi"
	tdxdata "github.com/google/go-tdx-guest/testing/testdata"
	"github.com/google/go-tdx-guest/verify"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

// A real quote of a real Sapphire Rapids holds offline, under the root built in;
// none of its 4935 bytes can be another: report and header are under the
// attestation key, that key is in the quoting enclave's report, which is under the
// platform's certificate; lengths and the spelling of certificates are checked.
func TestSapphireRapids(t *testing.T) {
	v := verifier(t, sapphirePolicy(), Collateral{})
	if _, err := v.tdxSigned(sapphire(), spDay); err != nil {
		t.Fatal(err)
	}
	if err := verify.RawTdxQuote(tdxdata.RawQuote, &verify.Options{Now: spDay, Getter: served{}}); err != nil {
		t.Errorf("the library's own root is another: %v", err)
	}
	step := 11
	if prove {
		step = 1
	}
	quote := sapphire()[0]
	const certificates = quoteAuth + 2 + 32 + 6
	for i := range quote {
		if i >= 48 && i%step != 0 && (i < quoteSigned || i > quoteAuth && i != certificates-1) { // header and lengths: all
			continue
		}
		bad := sapphire()
		bad[0][i] ^= 1 << (i % 8)
		if _, err := v.tdxSigned(bad, spDay); err == nil {
			t.Fatalf("byte %d of the quote changed, and it holds", i)
		}
	}
	for n := 0; n < len(quote); n += 3 * step {
		if _, err := v.tdxSigned([][]byte{quote[:n]}, spDay); err == nil {
			t.Fatalf("the first %d bytes hold", n)
		}
	}
	_, err := v.tdxSigned([][]byte{tdxdata.RawQuote}, spDay)
	wantKind(t, "the sample with its extra bytes", err, fault.Invalid)
	if trimmed, err := trimQuote(tdxdata.RawQuote); err != nil || !bytes.Equal(trimmed, quote) {
		t.Errorf("an attester trims it to %d bytes, %v", len(trimmed), err)
	}
	_, err = v.tdxSigned(sapphire(), spDay.AddDate(-2, 0, 0))
	wantKind(t, "before the platform's certificate", err, fault.Tampered)
	_, err = v.tdxSigned(sapphire(), spDay.AddDate(8, 0, 0))
	wantKind(t, "after it", err, fault.Tampered)
}

// The real quote is of a platform that, by the real collateral of that summer, is
// older than any that Intel vouches for: it is refused for that and nothing else.
func TestSapphireRapidsIsOld(t *testing.T) {
	q := sapphire()
	data := [64]byte(q[0][48+520:])
	v := verifier(t, sapphirePolicy(), Collateral{Intel: intel(t)})
	_, err := v.tdx(q, data, spDay)
	wantKind(t, "an old TCB", err, fault.Denied)
	_, err = v.tdx(q, data, spDay.AddDate(0, 1, 0))
	wantKind(t, "collateral of last month", err, fault.Denied)
	for name, drop := range map[string]func(*IntelCollateral){
		"all":             func(c *IntelCollateral) { *c = IntelCollateral{} },
		"TCB info":        func(c *IntelCollateral) { c.TCBInfo = nil },
		"QE identity":     func(c *IntelCollateral) { c.QEIdentity = nil },
		"platform's list": func(c *IntelCollateral) { c.PCKCRL = nil },
		"root's list":     func(c *IntelCollateral) { c.RootCRL = nil },
		"a chain":         func(c *IntelCollateral) { c.TCBInfoChain = nil },
	} {
		c := intel(t)
		drop(&c)
		_, err := verifier(t, sapphirePolicy(), Collateral{Intel: c}).tdx(q, data, spDay)
		wantKind(t, "without "+name, err, fault.Denied)
	}
}

// A fab is an Intel of our own: the certificates and statements of the samples,
// with other keys under them.
type fab struct {
	root, platform, pck, signing     *x509.Certificate
	rootKey, platformKey, signingKey *ecdsa.PrivateKey
	pckKey, attestKey                *ecdsa.PrivateKey
	change                           func(body []byte) // of the next quote
	tcb, identity                    func(map[string]any)
	revoked, revokedByRoot           *big.Int
}

func newFab(tb testing.TB) *fab {
	tb.Helper()
	keys := make([]*ecdsa.PrivateKey, 5)
	for i := range keys {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		keys[i] = k
	}
	f := &fab{rootKey: keys[0], platformKey: keys[1], signingKey: keys[2], pckKey: keys[3], attestKey: keys[4]}
	chain := certificates(tb, sapphire()[0][quoteAuth+2+32+6:])
	f.root = again(tb, chain[2], f.rootKey, nil, f.rootKey)
	f.platform = again(tb, chain[1], f.platformKey, f.root, f.rootKey)
	f.pck = again(tb, chain[0], f.pckKey, f.platform, f.platformKey)
	f.signing = again(tb, certificates(tb, intel(tb).TCBInfoChain)[0], f.signingKey, f.root, f.rootKey)
	return f
}

func certificates(tb testing.TB, text []byte) (all []*x509.Certificate) {
	tb.Helper()
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return all
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			tb.Fatal(err)
		}
		all, text = append(all, c), rest
	}
}

// again is a certificate like like, for another key and under another parent.
func again(tb testing.TB, like *x509.Certificate, key *ecdsa.PrivateKey, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) *x509.Certificate {
	tb.Helper()
	made := &x509.Certificate{
		SerialNumber: new(big.Int).Abs(like.SerialNumber), Subject: like.Subject, NotBefore: like.NotBefore, NotAfter: like.NotAfter,
		ExtraExtensions: like.Extensions, SignatureAlgorithm: x509.ECDSAWithSHA256,
	}
	if parent == nil {
		parent = made
	}
	der, err := x509.CreateCertificate(rand.Reader, made, parent, key.Public(), parentKey)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func chainOf(certs ...*x509.Certificate) (text []byte) {
	for _, c := range certs {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}

// sign is r and s, 32 bytes each.
func sign(key *ecdsa.PrivateKey, message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return nil, err
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
}

// quote is a quote like the sample's, over data.
func (f *fab) quote(data [64]byte) ([]byte, error) {
	q := sapphire()[0]
	copy(q[48+520:], data[:])
	q[48+120+3] |= 1 << 4 // SEPT_VE_DISABLE
	if f.change != nil {
		f.change(q[48:quoteSigned])
	}
	q = q[:quoteAuth+2+32]
	sig, err := sign(f.attestKey, q[:quoteSigned])
	if err != nil {
		return nil, err
	}
	copy(q[quoteSigned+4:], sig)
	key, err := f.attestKey.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	copy(q[quoteSigned+4+64:], key[1:])
	report := q[quoteKey+6 : quoteKey+6+384]
	sum := sha256.Sum256(append(bytes.Clone(key[1:]), q[quoteAuth+2:]...))
	copy(report[320:], sum[:])
	if sig, err = sign(f.pckKey, report); err != nil {
		return nil, err
	}
	copy(q[quoteKey+6+384:], sig)
	chain := chainOf(f.pck, f.platform, f.root)
	q = binary.LittleEndian.AppendUint16(q, 5)
	q = binary.LittleEndian.AppendUint32(q, uint32(len(chain)))
	q = append(q, chain...)
	binary.LittleEndian.PutUint32(q[quoteSigned:], uint32(len(q)-quoteSigned-4))
	binary.LittleEndian.PutUint32(q[quoteKey+2:], uint32(len(q)-quoteKey-6))
	return append(q, make([]byte, 3000)...), nil // as some kernels fill it
}

// statement is one of Intel's signed statements, changed and signed again.
func (f *fab) statement(tb testing.TB, like []byte, name string, change ...func(map[string]any)) []byte {
	tb.Helper()
	var whole map[string]json.RawMessage
	var inner map[string]any
	if err := json.Unmarshal(like, &whole); err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(whole[name], &inner); err != nil {
		tb.Fatal(err)
	}
	for _, c := range change {
		if c != nil {
			c(inner)
		}
	}
	body, err := json.Marshal(inner)
	if err != nil {
		tb.Fatal(err)
	}
	sig, err := sign(f.signingKey, body)
	if err != nil {
		tb.Fatal(err)
	}
	out, err := json.Marshal(map[string]any{name: json.RawMessage(body), "signature": hex.EncodeToString(sig)})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// each calls do with every object of a list in a statement.
func each(of map[string]any, list string, do func(map[string]any)) {
	all, ok := of[list].([]any)
	if !ok {
		panic("no list " + list)
	}
	for _, one := range all {
		m, ok := one.(map[string]any)
		if !ok {
			panic("no object in " + list)
		}
		do(m)
	}
}

// modest asks less of a platform than Intel does.
func modest(info map[string]any) {
	each(info, "tcbLevels", func(level map[string]any) {
		tcb, ok := level["tcb"].(map[string]any)
		if !ok {
			panic("no TCB in a level")
		}
		tcb["pcesvn"] = 0
		for _, list := range []string{"sgxtcbcomponents", "tdxtcbcomponents"} {
			each(tcb, list, func(c map[string]any) { c["svn"] = 0 })
		}
	})
}

func (f *fab) collateral(tb testing.TB) Collateral {
	tb.Helper()
	list := func(issuer *x509.Certificate, key *ecdsa.PrivateKey, serial *big.Int) []byte {
		l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: spDay.AddDate(0, 0, -1), NextUpdate: spDay.AddDate(0, 1, 0)}
		if serial != nil {
			l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: serial, RevocationTime: spDay.AddDate(0, 0, -1)}}
		}
		der, err := x509.CreateRevocationList(rand.Reader, l, issuer, key)
		if err != nil {
			tb.Fatal(err)
		}
		return der
	}
	return Collateral{Intel: IntelCollateral{
		TCBInfo:    f.statement(tb, tdxdata.TcbInfoBody, "tcbInfo", modest, f.tcb),
		QEIdentity: f.statement(tb, tdxdata.QeIdentityBody, "enclaveIdentity", f.identity),
		PCKCRL:     list(f.platform, f.platformKey, f.revoked), RootCRL: list(f.root, f.rootKey, f.revokedByRoot),
		TCBInfoChain: chainOf(f.signing, f.root), QEIdentityChain: chainOf(f.signing, f.root), PCKCRLChain: chainOf(f.platform, f.root),
	}}
}

func (f *fab) verifier(tb testing.TB, p Policy) *Verifier {
	tb.Helper()
	v := verifier(tb, p, f.collateral(tb))
	v.roots.intel = x509.NewCertPool()
	v.roots.intel.AddCert(f.root)
	return v
}

func fabPolicy() Policy {
	p := sapphirePolicy()
	p.TDX.SeptVE = false
	p.TDX.MinEvaluation = 15
	return p
}

func TestTDX(t *testing.T) {
	f := newFab(t)
	e := sound(t, tdxAttester{f.quote}, f.verifier(t, fabPolicy()), spDay)
	_, err := verifier(t, fabPolicy(), f.collateral(t)).Verify(e.Bytes(), answer(e, spDay), spDay)
	wantKind(t, "an Intel that is none", err, fault.Tampered)

	set := func(name string, value any) func(map[string]any) { return func(m map[string]any) { m[name] = value } }
	status := func(s string) func(map[string]any) {
		return func(m map[string]any) { each(m, "tcbLevels", func(l map[string]any) { l["tcbStatus"] = s }) }
	}
	for name, change := range map[string]func(*fab, *jobs.TDXPolicy){
		"debug":                      func(f *fab, _ *jobs.TDXPolicy) { f.change = func(b []byte) { b[120] |= 1 } },
		"another bit that untrusts":  func(f *fab, _ *jobs.TDXPolicy) { f.change = func(b []byte) { b[120] |= 1 << 4 } },
		"exceptions by the host":     func(f *fab, _ *jobs.TDXPolicy) { f.change = func(b []byte) { b[123] &^= 1 << 4 } },
		"MRTD":                       func(f *fab, _ *jobs.TDXPolicy) { f.change = func(b []byte) { b[136]++ } },
		"MRCONFIGID":                 func(f *fab, _ *jobs.TDXPolicy) { f.change = func(b []byte) { b[184]++ } },
		"MROWNER":                    func(f *fab, _ *jobs.TDXPolicy) { f.change = func(b []byte) { b[232]++ } },
		"MROWNERCONFIG":              func(f *fab, _ *jobs.TDXPolicy) { f.change = func(b []byte) { b[280]++ } },
		"RTMR 0":                     func(f *fab, _ *jobs.TDXPolicy) { f.change = func(b []byte) { b[328]++ } },
		"RTMR 3":                     func(f *fab, _ *jobs.TDXPolicy) { f.change = func(b []byte) { b[519]++ } },
		"a module of somebody's":     func(f *fab, _ *jobs.TDXPolicy) { f.change = func(b []byte) { b[64]++ } },
		"old TCB by the policy":      func(_ *fab, p *jobs.TDXPolicy) { p.MinTCB = "ff" + p.MinTCB[2:] },
		"old TCB by Intel":           func(f *fab, _ *jobs.TDXPolicy) { f.tcb = status("OutOfDate") },
		"revoked TCB":                func(f *fab, _ *jobs.TDXPolicy) { f.tcb = status("Revoked") },
		"hardening needed":           func(f *fab, _ *jobs.TDXPolicy) { f.tcb = status("SWHardeningNeeded") },
		"old quoting enclave":        func(f *fab, _ *jobs.TDXPolicy) { f.identity = status("OutOfDate") },
		"another quoting enclave":    func(f *fab, _ *jobs.TDXPolicy) { f.identity = set("isvprodid", 7) },
		"another platform":           func(f *fab, _ *jobs.TDXPolicy) { f.tcb = set("fmspc", "50806f000001") },
		"old evaluation":             func(f *fab, _ *jobs.TDXPolicy) { f.tcb = set("tcbEvaluationDataNumber", 14) },
		"old evaluation of enclaves": func(f *fab, _ *jobs.TDXPolicy) { f.identity = set("tcbEvaluationDataNumber", 14) },
		"expired TCB info":           func(f *fab, _ *jobs.TDXPolicy) { f.tcb = set("nextUpdate", "2023-06-30T00:00:00Z") },
		"TCB info of tomorrow":       func(f *fab, _ *jobs.TDXPolicy) { f.tcb = set("issueDate", "2023-07-02T00:00:00Z") },
		"revoked platform":           func(f *fab, _ *jobs.TDXPolicy) { f.revoked = f.pck.SerialNumber },
		"revoked authority":          func(f *fab, _ *jobs.TDXPolicy) { f.revokedByRoot = f.platform.SerialNumber },
		"revoked signer":             func(f *fab, _ *jobs.TDXPolicy) { f.revokedByRoot = f.signing.SerialNumber },
	} {
		g, p := *f, fabPolicy()
		change(&g, &p.TDX)
		ask := challenge(t, spDay)
		e, err := tdxAttester{g.quote}.Attest(ask.Bind(newKey(t).Public()))
		if err != nil {
			t.Fatal(err)
		}
		_, err = g.verifier(t, p).Verify(e.Bytes(), ask, spDay)
		wantKind(t, name, err, fault.Denied)
	}
}

// A statement that Intel did not sign is of no use, whoever brings it.
func TestCollateralIsSigned(t *testing.T) {
	f := newFab(t)
	ask := challenge(t, spDay)
	e, err := tdxAttester{f.quote}.Attest(ask.Bind(newKey(t).Public()))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*IntelCollateral){
		"TCB info": func(c *IntelCollateral) {
			c.TCBInfo = bytes.Replace(c.TCBInfo, []byte(`"svn":0`), []byte(`"svn":1`), 1)
		},
		"QE identity": func(c *IntelCollateral) {
			c.QEIdentity = bytes.Replace(c.QEIdentity, []byte(`"isvsvn":4`), []byte(`"isvsvn":1`), 1)
		},
		"list":   func(c *IntelCollateral) { c.PCKCRL[len(c.PCKCRL)/2] ^= 1 },
		"signer": func(c *IntelCollateral) { c.TCBInfoChain = intel(t).TCBInfoChain },
	} {
		v := f.verifier(t, fabPolicy())
		before, err := json.Marshal(v.collateral)
		if err != nil {
			t.Fatal(err)
		}
		change(&v.collateral.Intel)
		if after, err := json.Marshal(v.collateral); err != nil || bytes.Equal(before, after) {
			t.Fatalf("%s: nothing was changed, %v", name, err)
		}
		_, err = v.Verify(e.Bytes(), ask, spDay)
		wantKind(t, name, err, fault.Denied)
	}
}

// What passes checkQuote does not make the library's parser panic, and has no
// byte that it does not read.
func FuzzQuote(f *testing.F) {
	f.Add(sapphire()[0])
	f.Add(tdxdata.RawQuote)
	f.Add(sapphire()[0][:quoteAuth+2])
	long := sapphire()[0]
	binary.LittleEndian.PutUint16(long[quoteAuth:], 0xffff)
	f.Add(long)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if checkQuote(raw) != nil {
			return
		}
		q, err := abi.QuoteToProto(raw)
		if err != nil {
			return
		}
		if again, err := abi.QuoteToAbiBytes(q); err != nil || len(again) != len(raw) {
			t.Fatalf("%d bytes are read as %d, %v", len(raw), len(again), err)
		}
	})
}
