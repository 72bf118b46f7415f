package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// A cast is everybody's keys, by the name of the person or process.
type cast map[string]suite.PrivateKey

func newCast(tb testing.TB) cast {
	tb.Helper()
	c := cast{}
	for _, name := range []string{
		"op", "bureau", "hospital", "transit", "site-hospital", "site-transit", "trustee-1", "trustee-2", "trustee-3",
		"gate", "yuneid", "checker-a", "checker-b", "stranger",
	} {
		key, err := suite.NewPrivateKey()
		if err != nil {
			tb.Fatal(err)
		}
		c[name] = key
	}
	return c
}

func (c cast) signer(name string) Signer   { return Signer{Org: name, Key: c[name].Public()} }
func (c cast) process(name string) Process { return Process{Name: name, Key: c[name].Public()} }
func (c cast) pins() Pins {
	return Pins{"hospital": c["hospital"].Public(), "transit": c["transit"].Public()}
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// terms are in order, in mode sdc.
func (c cast) terms() Terms {
	member := func(domain string) Member {
		return Member{
			Domain: domain, Provider: c.signer(domain), Site: c.process("site-" + domain), Dataset: domain + "-visits", Version: "v1",
			Schema: suite.DigestOf([]byte(domain)), Columns: []string{"district"}, Budget: Budget{Rho: "1/2"},
		}
	}
	return Terms{
		ID: "p-1", Scenario: "flu", Purpose: "health", Operator: c.signer("op"), Bureau: c.signer("bureau"),
		Program: Program{
			Name: "count", Digest: suite.DigestOf([]byte("program")), Size: 8,
			Review: &Review{Reviewer: "lab", Source: suite.DigestOf([]byte("source")), Report: "read"},
		},
		Params: []byte{1}, Members: []Member{member("hospital"), member("transit")}, KMin: 2,
		Shape: Shape{
			Namespace: NaturalPerson, Dims: []Dim{dim("district", 3)}, L0: 1,
			Units:    Measure{Name: "units", Hi: 1, Round: 5, Sigma: 100},
			Measures: []Measure{{Name: "days", Hi: 30, Round: 5, Sigma: 900}},
		},
		Mode: SDC, Threshold: 10, Limits: Limits{Fuel: 1, Memory: 1, Input: 1, Rows: 1, Emits: 1}, Due: DefaultSlots(100),
		Trustees: Trustees{Members: []Process{c.process("trustee-1"), c.process("trustee-2"), c.process("trustee-3")}, Quorum: 2},
		Gate:     Gate{Process: c.process("gate"), Evidence: Software}, Coordinator: c.process("yuneid"), Desk: "x25519:CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Uses: 2,
		Checkers: []Signer{c.signer("checker-a"), c.signer("checker-b")}, Recipients: []string{"op"},
		NotBefore: noon, NotAfter: noon.AddDate(1, 0, 0),
	}
}

func dp(t *Terms) { t.Mode, t.Program.Review = DP, nil }

func TestTermsCheck(t *testing.T) {
	c := newCast(t)
	for _, x := range []struct {
		want string // in the error; "" for none
		edit func(*Terms)
	}{
		{"", func(*Terms) {}},
		{"", dp},
		{"", func(t *Terms) { t.Members[0].Budget.Rho = "" }},
		{"", func(t *Terms) { t.Params = nil }},
		{"", func(t *Terms) { t.Members, t.KMin = t.Members[:1], 1 }},
		{"", func(t *Terms) { t.Trustees = Trustees{t.Trustees.Members[:2], 2} }},

		{"id: want", func(t *Terms) { t.ID = "" }},
		{"id: want", func(t *Terms) { t.ID = "P" }},
		{"id: want", func(t *Terms) { t.ID = "-p" }},
		{"id: want", func(t *Terms) { t.ID = strings.Repeat("p", 64) }},
		{"id: want", func(t *Terms) { t.ID = "p\n" }},
		{"scenario: want", func(t *Terms) { t.Scenario = "a.b" }},
		{"purpose: want", func(t *Terms) { t.Purpose = "a b" }},
		{"operator: want", func(t *Terms) { t.Operator.Org = "" }},
		{"bureau: want", func(t *Terms) { t.Bureau.Org = "局" }},
		{"gate: want", func(t *Terms) { t.Gate.Name = "" }},
		{"not_before", func(t *Terms) { t.NotAfter = t.NotBefore }},
		{"not_before", func(t *Terms) { t.NotBefore, t.NotAfter = time.Time{}, time.Time{} }},
		{"uses", func(t *Terms) { t.Uses = 0 }},
		{"uses", func(t *Terms) { t.Uses = 1001 }},
		{"program: want", func(t *Terms) { t.Program.Digest = "" }},
		{"program: want", func(t *Terms) { t.Program.Size = 7 }},
		{"program: want", func(t *Terms) { t.Program.Size = maxProgram + 1 }},
		{"params", func(t *Terms) { t.Params = make([]byte, maxParams+1) }},

		{"members: want", func(t *Terms) { t.Members = nil }},
		{"members: want", func(t *Terms) { t.Members = slices.Repeat(t.Members, 26) }},
		{"k_min", func(t *Terms) { t.KMin = 0 }},
		{"k_min", func(t *Terms) { t.KMin = 3 }},
		{"named as it should", func(t *Terms) { t.Members[0].Domain = "" }},
		{"named as it should", func(t *Terms) { t.Members[0].Dataset = "../x" }},
		{"named as it should", func(t *Terms) { t.Members[0].Version = "V1" }},
		{"named as it should", func(t *Terms) { t.Members[0].Site.Name = "site-transit" }},
		{"domain transit stands twice", func(t *Terms) { t.Members[0].Domain, t.Members[0].Site.Name = "transit", "site-transit" }},
		{"stands twice", func(t *Terms) { t.Members[0].Site.Key = t.Members[1].Site.Key }},
		{"stands twice", func(t *Terms) { t.Members[0].Provider.Key = t.Members[1].Provider.Key }},
		{"columns", func(t *Terms) { t.Members[0].Columns = nil }},
		{"columns", func(t *Terms) { t.Members[0].Columns = make([]string, maxColumns+1) }},
		{"budget", func(t *Terms) { t.Members[0].Budget.Rho = "-1" }},
		{"budget", func(t *Terms) { t.Members[0].Budget.Rho = "much" }},
		{"budget", func(t *Terms) { t.Members[0].Budget.Rho = "1/0" }},
		{"budget", func(t *Terms) { t.Members[0].Budget.Rho = "1e999999999" }},
		{"budget", func(t *Terms) { t.Members[0].Budget.Rho = "0x1p-999999999" }},
		{"budget", func(t *Terms) { t.Members[0].Budget.Rho = strings.Repeat("1", 65) }},

		{"trustees: want", func(t *Terms) { t.Trustees.Members = t.Trustees.Members[:1] }},
		{"trustees: want", func(t *Terms) { t.Trustees.Members = make([]Process, 8) }},
		{"trustees: want", func(t *Terms) { t.Trustees.Quorum = 1 }},
		{"trustees: want", func(t *Terms) { t.Trustees.Quorum = 4 }},
		{"names of their own", func(t *Terms) { t.Trustees.Members[0].Name = "" }},
		{"names of their own", func(t *Terms) { t.Trustees.Members[1].Name = "trustee-1" }},
		{"names of their own", func(t *Terms) { t.Trustees.Members[1].Name = "gate" }},
		{"names of their own", func(t *Terms) { t.Coordinator.Name = "gate" }},
		{"names of their own", func(t *Terms) { t.Coordinator.Name = "a.b" }},
		{"names of their own", func(t *Terms) {
			t.Members[0].Domain = strings.Repeat("d", 60) // no subject of the board holds "site-" and so long a name
			t.Members[0].Site.Name = "site-" + t.Members[0].Domain
		}},
		{"keys: one is missing", func(t *Terms) { t.Operator.Key = "" }},
		{"keys: one is missing", func(t *Terms) { t.Bureau.Key = t.Operator.Key }},
		{"keys: one is missing", func(t *Terms) { t.Gate.Key = t.Coordinator.Key }},
		{"keys: one is missing", func(t *Terms) { t.Trustees.Members[2].Key = t.Trustees.Members[0].Key }},
		{"keys: one is missing", func(t *Terms) { t.Members[0].Site.Key = t.Coordinator.Key }},
		{"keys: one is missing", func(t *Terms) { t.Members[0].Provider.Key = t.Coordinator.Key }},
		{"keys: one is missing", func(t *Terms) { t.Members[1].Provider.Key = t.Operator.Key }},
		{"checkers: want", func(t *Terms) { t.Checkers = t.Checkers[:1] }},
		{"checkers: one", func(t *Terms) { t.Checkers[1].Key = t.Checkers[0].Key }},
		{"checkers: one", func(t *Terms) { t.Checkers[1].Key = t.Operator.Key }},
		{"checkers: one", func(t *Terms) { t.Checkers[1].Key = "" }},
		{"checkers: one", func(t *Terms) { t.Checkers[1].Key = t.Gate.Key }},
		{"desk", func(t *Terms) { t.Desk = "x25519:desk" }},

		{"", func(t *Terms) { t.Gate.Evidence, t.Gate.Policy = TPM, tpmPolicy() }},
		{"", func(t *Terms) { t.Gate.Evidence, t.Gate.Policy = SNP, snpPolicy() }},
		{"", func(t *Terms) { t.Gate.Evidence, t.Gate.Policy = TDX, tdxPolicy() }},
		{"gate: evidence", func(t *Terms) { t.Gate.Evidence = "" }},
		{"gate: evidence", func(t *Terms) { t.Gate.Evidence = "sgx" }},
		{"none for software", func(t *Terms) { t.Gate.Policy = tpmPolicy() }},
		{"want a policy", func(t *Terms) { t.Gate.Evidence = TDX }},
		{"want a policy", func(t *Terms) { t.Gate.Evidence, t.Gate.Policy = TDX, tpmPolicy() }},
		{"want a policy", func(t *Terms) { t.Gate.Evidence, t.Gate.Policy = TPM, &Policy{} }},
		{"want a policy", func(t *Terms) {
			t.Gate.Evidence, t.Gate.Policy = TPM, tpmPolicy()
			t.Gate.Policy.SNP = snpPolicy().SNP
		}},
		{"digest of the gate's binary", func(t *Terms) {
			t.Gate.Evidence, t.Gate.Policy = TPM, tpmPolicy()
			t.Gate.Policy.Binary = "sha256:x"
		}},
		{"policy: tpm2: 0 keys", func(t *Terms) {
			t.Gate.Evidence, t.Gate.Policy = TPM, tpmPolicy()
			t.Gate.Policy.TPM.Keys = nil
		}},
		{"policy: sev-snp: 0 images", func(t *Terms) {
			t.Gate.Evidence, t.Gate.Policy = SNP, &Policy{Binary: suite.DigestOf(nil), SNP: &SNPPolicy{}}
		}},
		{"policy: tdx: 0 images", func(t *Terms) {
			t.Gate.Evidence, t.Gate.Policy = TDX, &Policy{Binary: suite.DigestOf(nil), TDX: &TDXPolicy{}}
		}},

		{"mode: want", func(t *Terms) { t.Mode = "" }},
		{"mode: want", func(t *Terms) { t.Mode = "raw" }},
		{"source review", func(t *Terms) { t.Program.Review = nil }},
		{"source review", func(t *Terms) { t.Program.Review.Reviewer = "" }},
		{"threshold", func(t *Terms) { t.Threshold = minCell - 1 }},
		{"days has no noise", func(t *Terms) { dp(t); t.Shape.Measures[0].Sigma = 0 }},
		{"units has no noise", func(t *Terms) { dp(t); t.Shape.Units.Sigma = 0 }},
		{"", func(t *Terms) { t.Engines = BothEngines }},
		{"", func(t *Terms) { t.Shape.Grouping = Grouping{Batch: 1000, Batches: 7} }},
		{"", func(t *Terms) { dp(t); t.Shape.L0, t.Shape.Grouping = 3, Grouping{Blocks: 9, Default: []int64{30}} }},
		{"slots: want", func(t *Terms) { t.Due = Slots{} }},
		{"slots: want", func(t *Terms) { t.Due.Count = 0 }},
		{"engines: want", func(t *Terms) { t.Engines = "wasmer" }},
		{"blocks are for mode dp", func(t *Terms) { t.Shape.L0, t.Shape.Grouping = 3, Grouping{Blocks: 9, Default: []int64{30}} }},
		{"limits: fuel", func(t *Terms) { t.Limits.Fuel = 0 }},
		{"shape: l0", func(t *Terms) { t.Shape.L0 = 0 }},
	} {
		terms := c.terms()
		x.edit(&terms)
		err := terms.Check()
		if (x.want == "") != (err == nil) || err != nil && (!errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), x.want)) {
			t.Errorf("want %q: %v", x.want, err)
		}
	}
	if err := (Terms{}).Check(); !errors.Is(err, fault.Invalid) {
		t.Errorf("the zero terms: %v", err)
	}
}

func TestTermsSizes(t *testing.T) {
	terms := newCast(t).terms()
	if n := terms.Slots(); n != 3*2+3+2 { // cube, flags, the register's two
		t.Errorf("mode sdc: %d slots", n)
	}
	dp(&terms)
	if n := terms.Slots(); n != 3*2 {
		t.Errorf("mode dp: %d slots", n)
	}
	// Two datasets: 2^2/200 + 60^2/1800.
	if rho, err := terms.Rho(); err != nil || terms.Pairs() != 2 || rho.RatString() != "101/50" {
		t.Errorf("Rho = %v, %v", rho, err)
	}
	if m, ok := terms.Member("transit"); !ok || m.Site.Name != "site-transit" {
		t.Errorf("Member(transit) = %v, %v", m.Domain, ok)
	}
	if _, ok := terms.Member("other"); ok {
		t.Error("a stranger is a member")
	}
}

func TestParseTerms(t *testing.T) {
	terms := newCast(t).terms()
	raw := terms.Bytes()
	back, err := ParseTerms(raw)
	if err != nil || back.Digest() != terms.Digest() || !bytes.Equal(back.Bytes(), raw) {
		t.Fatalf("the terms came back as others, %v", err)
	}
	if diff := cmp.Diff(terms, back); diff != "" {
		t.Error(diff)
	}
	for name, bad := range map[string]string{
		"nothing":          "",
		"cut":              string(raw[:len(raw)-1]),
		"a brace after":    string(raw) + "}",
		"a bracket after":  string(raw) + "]",
		"terms after":      string(raw) + string(raw),
		"an unknown field": strings.Replace(string(raw), "{", `{"also":true,`, 1),
		"too long":         string(raw) + strings.Repeat(" ", maxTerms),
		"zero terms":       "{}",
		"a number":         "1",
	} {
		if _, err := ParseTerms([]byte(bad)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever ParseTerms takes has one spelling, which it takes as well.
func FuzzParseTerms(f *testing.F) {
	terms := newCast(f).terms()
	f.Add(terms.Bytes())
	dp(&terms)
	f.Add(terms.Bytes())
	terms.Engines, terms.Shape.L0, terms.Shape.Grouping = BothEngines, 3, Grouping{Blocks: 9, Default: []int64{30}}
	f.Add(terms.Bytes())
	for e, p := range map[Evidence]*Policy{TPM: tpmPolicy(), SNP: snpPolicy(), TDX: tdxPolicy()} {
		terms.Gate.Evidence, terms.Gate.Policy = e, p
		f.Add(terms.Bytes())
	}
	indented, err := json.MarshalIndent(terms, "", " ")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(indented)
	f.Add([]byte(`{"shape":{"dims":[{}]},"members":[{"budget":{"rho":"1e9"}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := ParseTerms(raw)
		if err != nil {
			if !errors.Is(err, fault.Invalid) || got.ID != "" {
				t.Fatalf("ParseTerms = %s, %v", got.ID, err)
			}
			return
		}
		again, err := ParseTerms(got.Bytes())
		if err != nil || !bytes.Equal(again.Bytes(), got.Bytes()) {
			t.Fatalf("%s is spelled %s, %v", got.Bytes(), again.Bytes(), err)
		}
		if got.Slots() < 1 || got.Slots() > MaxCells*(MaxMeasures+2) {
			t.Fatalf("%d slots", got.Slots())
		}
		if _, err := got.Rho(); got.Mode == DP && err != nil {
			t.Fatal(err)
		}
	})
}

func TestID(t *testing.T) {
	for _, good := range []string{"a", "0", "a-b-", strings.Repeat("z", 63)} {
		if err := ID(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "-", "A", "a_b", "a.b", "a\n", "域", strings.Repeat("z", 64), fmt.Sprint(-1)} {
		if err := ID(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
