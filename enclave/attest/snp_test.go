package attest

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-sev-guest/abi"
	"github.com/google/go-sev-guest/kds"
	spb "github.com/google/go-sev-guest/proto/sevsnp"
	sevtest "github.com/google/go-sev-guest/testing"
	"github.com/google/go-sev-guest/validate"
	"github.com/google/go-sev-guest/verify/testdata"
	amd "github.com/google/go-sev-guest/verify/trust"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

// A real report of a real EPYC holds offline, under the root built in; none of its
// 1184 bytes can be another: 672 are signed, 144 are the signature, and 368 behind
// it are zeros, which we demand.
func TestMilan(t *testing.T) {
	v := verifier(t, milanPolicy(), Collateral{})
	if _, err := v.snpSigned(milan(), milanDay); err != nil {
		t.Fatal(err)
	}
	step := 5
	if prove {
		step = 1
	}
	report := milan()[0]
	for i := range report {
		if i >= 0x50 && i < 0x260 && i%step != 0 { // the header, and all of the signature
			continue
		}
		bad := milan()
		bad[0][i] ^= 1 << (i % 8)
		if _, err := v.snpSigned(bad, milanDay); err == nil {
			t.Fatalf("byte %#x of the report changed, and it holds", i)
		}
	}
	cert := milan()[1]
	for i := 0; i < len(cert); i += 3 * step {
		bad := milan()
		bad[1][i] ^= 1 << (i % 8)
		if _, err := v.snpSigned(bad, milanDay); err == nil {
			t.Fatalf("byte %d of the VCEK changed, and it holds", i)
		}
	}
}

func TestMilanRefused(t *testing.T) {
	v := verifier(t, milanPolicy(), Collateral{})
	_, err := v.snp(milan(), [64]byte(milan()[0][0x50:]), milanDay)
	wantKind(t, "a guest that may be debugged, in every other way as the policy has it", err, fault.Denied)
	// That is its only fault: were debugging allowed, the library would find none.
	signed, err := v.snpSigned(milan(), milanDay)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.SnpAttestation(signed, &validate.Options{GuestPolicy: abi.SnpPolicy{SMT: true, Debug: true}}); err != nil {
		t.Errorf("the sample has another fault: %v", err)
	}
	_, err = v.snp(milan(), [64]byte{}, milanDay)
	wantKind(t, "another binding", err, fault.Denied)
	for name, c := range map[string]struct {
		change func([][]byte) [][]byte
		day    time.Time
		kind   fault.Kind
	}{
		"before the VCEK":       {nil, milanDay.AddDate(-3, 0, 0), fault.Tampered},
		"after the VCEK":        {nil, milanDay.AddDate(7, 0, 0), fault.Tampered},
		"no VCEK":               {func(p [][]byte) [][]byte { return [][]byte{p[0], nil} }, milanDay, fault.Denied},
		"AMD's ARK as the VCEK": {func(p [][]byte) [][]byte { return [][]byte{p[0], amd.DefaultRootCerts["Milan"].ProductCerts.Ark.Raw} }, milanDay, fault.Tampered},
		"a byte more":           {func(p [][]byte) [][]byte { return [][]byte{append(p[0], 0), p[1]} }, milanDay, fault.Invalid},
		"a byte less":           {func(p [][]byte) [][]byte { return [][]byte{p[0][1:], p[1]} }, milanDay, fault.Invalid},
		"nothing":               {func([][]byte) [][]byte { return nil }, milanDay, fault.Invalid},
	} {
		parts := milan()
		if c.change != nil {
			parts = c.change(parts)
		}
		_, err := v.snpSigned(parts, c.day)
		wantKind(t, name, err, c.kind)
	}
	p := milanPolicy()
	p.SNP.WithoutCRL = false
	_, err = verifier(t, p, Collateral{}).snpSigned(milan(), milanDay)
	wantKind(t, "no revocation list, and a policy that demands one", err, fault.Denied)

	given := verifier(t, milanPolicy(), Collateral{AMD: AMDCollateral{VCEKs: [][]byte{{1}, testdata.VcekBytes}}})
	if _, err := given.snpSigned([][]byte{milan()[0], nil}, milanDay); err != nil {
		t.Errorf("the VCEK is in the collateral: %v", err)
	}
}

// A forge is an AMD of our own, and what it puts into the next report.
type forge struct {
	signer *sevtest.AmdSigner
	change func(report []byte)
}

const fakeTCB = 0x7300000000000003

func newForge(tb testing.TB, at time.Time) *forge {
	tb.Helper()
	b := sevtest.AmdSignerBuilder{
		ProductName: "Milan-B1", TCB: fakeTCB, HWID: [64]byte{9},
		ArkCreationTime: at, AskCreationTime: at, AsvkCreationTime: at, VcekCreationTime: at, VlekCreationTime: at,
		VcekCustom: sevtest.CertOverride{Extensions: sevtest.CustomExtensions(
			kds.DecomposeTCBVersion(fakeTCB), append([]byte{9}, make([]byte, 63)...), "", "Milan-B1")},
	}
	s, err := b.TestOnlyCertChain()
	if err != nil {
		tb.Fatal(err)
	}
	return &forge{signer: s}
}

func (f *forge) roots(r roots) roots {
	r.amd = map[string]*amd.ProductCerts{"Milan": {Ark: f.signer.Ark, Ask: f.signer.Ask}}
	return r
}

// crl is AMD's list of that day, with the ASK on it or not.
func (f *forge) crl(tb testing.TB, at time.Time, serials ...*big.Int) []byte {
	tb.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: at, NextUpdate: at.AddDate(0, 1, 0), SignatureAlgorithm: x509.SHA384WithRSAPSS}
	for _, s := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: s, RevocationTime: at})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, f.signer.Ark, sevtest.DefaultArk())
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

// quote is what the kernel would answer: go-sev-guest's fake device, with a
// report of our own in it.
func (f *forge) quote(data [64]byte) ([]byte, error) {
	r := sevtest.CreateRawReport(&sevtest.TestReportOptions{ReportData: data[:]})
	binary.LittleEndian.PutUint64(r[0x08:], abi.SnpPolicyToBytes(abi.SnpPolicy{SMT: true}))
	copy(r[0x90:0xc0], bytes.Repeat([]byte{0xab}, 48))
	for _, at := range []int{0x38, 0x180, 0x1e0, 0x1f0} {
		binary.LittleEndian.PutUint64(r[at:], fakeTCB)
	}
	r[0x1a0] = 9
	if f.change != nil {
		f.change(r[:])
	}
	p, err := sevtest.TcQuoteProvider([]sevtest.TestCase{{Input: data, Output: r}},
		&sevtest.DeviceOptions{Signer: f.signer, Product: &spb.SevProduct{Name: spb.SevProduct_SEV_PRODUCT_MILAN}})
	if err != nil {
		return nil, err
	}
	return p.GetRawQuote(data)
}

func forgePolicy() Policy {
	return Policy{Types: []Type{SNP}, Life: time.Minute, SNP: jobs.SNPPolicy{
		Images: []jobs.SNPImage{{Measurement: fmt.Sprintf("%096x", 1)}, {Measurement: measured(bytes.Repeat([]byte{0xab}, 48))}},
		MinTCB: "0300000000000073", SMT: true,
	}}
}

func (f *forge) verifier(tb testing.TB, p Policy, crls ...[]byte) *Verifier {
	tb.Helper()
	v := verifier(tb, p, Collateral{AMD: AMDCollateral{CRLs: crls}})
	v.roots = f.roots(v.roots)
	return v
}

func TestSNP(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	f := newForge(t, now.AddDate(-1, 0, 0))
	a := snpAttester{f.quote}
	v := f.verifier(t, forgePolicy(), f.crl(t, now))
	e := sound(t, a, v, now)
	if r, err := v.Verify(e.Bytes(), answer(e, now), now); err != nil || r.Record().TCB != "0300000000000073" || r.Record().RevocationUnchecked {
		t.Errorf("record %+v, %v", r.Record(), err)
	}
	_, err := verifier(t, milanPolicy(), Collateral{}).Verify(e.Bytes(), answer(e, now), now)
	wantKind(t, "an AMD that is none", err, fault.Tampered)

	for name, c := range map[string]struct {
		change func([]byte)
		policy func(*jobs.SNPPolicy)
		kind   fault.Kind
	}{
		"debug":        {change: func(r []byte) { r[0x0a] |= 1 << 3 }, kind: fault.Denied},
		"migration":    {change: func(r []byte) { r[0x0a] |= 1 << 2 }, kind: fault.Denied},
		"measurement":  {change: func(r []byte) { r[0x90]++ }, kind: fault.Denied},
		"host data":    {change: func(r []byte) { r[0xc0]++ }, kind: fault.Denied},
		"level":        {change: func(r []byte) { r[0x30] = 1 }, kind: fault.Denied},
		"another chip": {change: func(r []byte) { r[0x1a0]++ }, kind: fault.Denied},
		"provisional":  {change: func(r []byte) { r[0x1e0]-- }, kind: fault.Denied},
		"TCB above the certificate's": {change: func(r []byte) {
			r[0x180]++
			r[0x38]++
			r[0x1e0]++
		}, kind: fault.Denied},
		"old TCB":            {policy: func(p *jobs.SNPPolicy) { p.MinTCB = "0300000000000074" }, kind: fault.Denied},
		"old TCB, low byte":  {policy: func(p *jobs.SNPPolicy) { p.MinTCB = "0400000000000001" }, kind: fault.Denied},
		"a sibling thread":   {policy: func(p *jobs.SNPPolicy) { p.SMT = false }, kind: fault.Denied},
		"signed by a VLEK":   {change: func(r []byte) { r[0x48] = 1 << 2 }, kind: fault.Denied},
		"an unknown version": {change: func(r []byte) { r[0] = 9 }, kind: fault.Tampered},
	} {
		f.change = c.change
		p := forgePolicy()
		if c.policy != nil {
			c.policy(&p.SNP)
		}
		ask := challenge(t, now)
		e, err := a.Attest(ask.Bind(newKey(t).Public()))
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.verifier(t, p, f.crl(t, now)).Verify(e.Bytes(), ask, now)
		wantKind(t, name, err, c.kind)
	}
}

// A report that says it is not signed, which the library's later checks take for
// one without a certificate to check.
func TestUnsigned(t *testing.T) {
	bad := milan()
	bad[0][0x48] = 7 << 2
	_, err := verifier(t, milanPolicy(), Collateral{}).snpSigned(bad, milanDay)
	wantKind(t, "signed by nobody", err, fault.Denied)
}

func TestAMDRevocation(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	f, other := newForge(t, now.AddDate(-1, 0, 0)), newForge(t, now.AddDate(-2, 0, 0))
	ask := challenge(t, now)
	e, err := snpAttester{f.quote}.Attest(ask.Bind(newKey(t).Public()))
	if err != nil {
		t.Fatal(err)
	}
	serial := f.signer.Ask.SerialNumber
	for name, c := range map[string]struct {
		lists [][]byte
		holds bool
	}{
		"none":                   {nil, false},
		"in force":               {[][]byte{f.crl(t, now)}, true},
		"of tomorrow":            {[][]byte{f.crl(t, now.AddDate(0, 0, 1))}, false},
		"expired":                {[][]byte{f.crl(t, now.AddDate(0, -2, 0))}, false},
		"with the authority":     {[][]byte{f.crl(t, now, serial)}, false},
		"later and earlier":      {[][]byte{f.crl(t, now.AddDate(0, 0, -1)), f.crl(t, now, serial)}, false},
		"not a list":             {[][]byte{{1, 2, 3}}, false},
		"with somebody else":     {[][]byte{f.crl(t, now, new(big.Int).Add(serial, big.NewInt(1)))}, true},
		"and one of yesterday's": {[][]byte{other.crl(t, now.AddDate(0, -3, 0)), f.crl(t, now)}, true},
	} {
		_, err := f.verifier(t, forgePolicy(), c.lists...).Verify(e.Bytes(), ask, now)
		if c.holds && err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !c.holds {
			wantKind(t, name, err, fault.Denied)
		}
	}
}

// The host's certificate table is the host's: lengths in it are not believed.
func FuzzCertTable(f *testing.F) {
	table := func(from, n uint32, rest int) []byte {
		b := append([]byte{}, vcekGUID[:]...)
		b = binary.LittleEndian.AppendUint32(b, from)
		b = binary.LittleEndian.AppendUint32(b, n)
		return append(b, make([]byte, rest)...)
	}
	f.Add(table(48, 4, 28))
	f.Add(table(0xfffffff0, 0x20, 64)) // adds up to 16 in 32 bits
	f.Add(table(0x30, 0xffffffff, 64))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got := certOf(raw, vcekGUID); len(got) > len(raw) || len(got) > maxCert {
			t.Fatalf("%d bytes out of %d", len(got), len(raw))
		}
	})
}
