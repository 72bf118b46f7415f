package gate

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	rnd "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/noise"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/suite"
)

const t0 = 10 // the threshold in these tests

// termsOf makes whole terms: two districts by three ages, a cost and a signed
// difference, n members.
func termsOf(tb testing.TB, mode jobs.Mode, n int) jobs.Terms {
	tb.Helper()
	key := func() suite.PublicKey {
		k, err := suite.NewPrivateKey()
		if err != nil {
			tb.Fatal(err)
		}
		return k.Public()
	}
	terms := jobs.Terms{
		ID: "permit-1", Scenario: "scenario", Purpose: "research", KMin: 1,
		Operator: jobs.Signer{Org: "operator", Key: key()}, Bureau: jobs.Signer{Org: "bureau", Key: key()},
		Program: jobs.Program{Name: "p", Digest: suite.DigestOf([]byte("p")), Size: 100, Review: &jobs.Review{Reviewer: "r"}},
		Shape: jobs.Shape{
			Namespace: jobs.NaturalPerson, L0: 1,
			Dims: []jobs.Dim{
				{Name: "district", Title: "区县", Codes: []string{"440103", "440104"}, Labels: []string{"荔湾区", "越秀区"}},
				{Name: "age", Title: "年龄段", Codes: []string{"0-17", "18-59", "60+"}, Labels: []string{"未成年", "成年", "老年, “60+”"}},
			},
			Units: jobs.Measure{Name: "units", Title: "人数", Hi: 1, Round: 5, Sigma: 100},
			Measures: []jobs.Measure{
				{Name: "cost", Title: "费用（元）", Hi: 50_000, Round: 1000, Sigma: 1_000_000},
				{Name: "change", Title: "较上年增减", Lo: -300, Hi: 200, Round: 10, Sigma: 400},
			},
		},
		Mode: mode, Due: jobs.Slots{First: 1, Every: 60, Count: 4}, Threshold: t0, Limits: jobs.Limits{Fuel: 1, Memory: 1, Input: 1, Rows: 1, Emits: 1},
		Trustees:    jobs.Trustees{Members: []jobs.Process{{Name: "t-1", Key: key()}, {Name: "t-2", Key: key()}}, Quorum: 2},
		Gate:        jobs.Gate{Process: jobs.Process{Name: "gate", Key: key()}, Evidence: jobs.Software},
		Coordinator: jobs.Process{Name: "yuneid", Key: key()}, Desk: "x25519:CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Uses: 1,
		Checkers:  []jobs.Signer{{Org: "a", Key: key()}, {Org: "b", Key: key()}},
		NotBefore: time.Unix(0, 0).UTC(), NotAfter: time.Unix(1e9, 0).UTC(),
	}
	for i := range n {
		domain := fmt.Sprintf("d%d", i)
		terms.Members = append(terms.Members, jobs.Member{
			Domain: domain, Provider: jobs.Signer{Org: "p-" + domain, Key: key()}, Site: jobs.Process{Name: "site-" + domain, Key: key()},
			Dataset: "visits", Version: "v1", Columns: []string{"district"},
		})
	}
	if err := terms.Check(); err != nil {
		tb.Fatal(err)
	}
	return terms
}

// counts is how many units of a domain stand in each cell.
type counts [6]int

// site is a domain's cube: its units with costs of 100 and changes of -3 on
// average, and in mode sdc what it seals beside that.
func site(tb testing.TB, terms jobs.Terms, units counts) []int64 {
	tb.Helper()
	return found(tb, terms, units, Found{})
}

// found is site of a domain whose register says so.
func found(tb testing.TB, terms jobs.Terms, units counts, f Found) []int64 {
	tb.Helper()
	cube, table := came(tb, terms, units)
	if terms.Mode != jobs.SDC {
		return cube.Values
	}
	values, err := Protect(terms, cube, table, f, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return values
}

// came is what the units of a domain come to, and its evidence of them.
func came(tb testing.TB, terms jobs.Terms, units counts) (*jobs.Cube, *evidence.Table) {
	tb.Helper()
	cube := jobs.NewCube(terms.Shape, terms.Pairs())
	table, err := evidence.New(terms.Shape.Lists(), terms.Shape.Cells(), len(terms.Shape.Measures))
	if err != nil {
		tb.Fatal(err)
	}
	cube.Watch(func(c jobs.Contribution) {
		if err := table.Add(c.Cell, c.Values, c.Given); err != nil {
			tb.Fatal(err)
		}
	})
	for cell, n := range units {
		for k := range n {
			at, off := uint32(cell), int64(k%5-2)
			if err := cube.Add(1, true, []abi.Emit{{Cell: at, Value: 100 + 20*off}, {Cell: at, Measure: 1, Value: off - 3}}); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return cube, table
}

func sum(parts ...[]int64) []int64 {
	all := slices.Clone(parts[0])
	for _, p := range parts[1:] {
		for i, v := range p {
			all[i] += v
		}
	}
	return all
}

func judged(tb testing.TB, terms jobs.Terms, opened []int64) (jobs.Candidate, Record) {
	tb.Helper()
	c, r, err := Judge(terms, opened)
	if err != nil {
		tb.Fatal(err)
	}
	return c, r
}

// A cell is shown if every domain has none or at least the threshold in it,
// whatever the sum is.
func TestThresholdByDomain(t *testing.T) {
	for _, c := range []struct {
		name  string
		units []int // of the first cell, by domain
		shown bool
		value int64
	}{
		{"none", []int{0, 0}, true, 0},
		{"t-1", []int{t0 - 1}, false, 0},
		{"t", []int{t0}, true, 10},
		{"t+1", []int{t0 + 1}, true, 10},
		{"one", []int{1}, false, 0},
		{"t and none", []int{t0, 0}, true, 10},
		{"t-1 and none", []int{t0 - 1, 0}, false, 0},
		{"t-1 and t-1: enough together", []int{t0 - 1, t0 - 1}, false, 0},
		{"t and t-1", []int{t0, t0 - 1}, false, 0},
		{"t and t", []int{t0, t0}, true, 20},
		{"a thousand and one", []int{1000, 1}, false, 0},
		{"three domains, the last small", []int{50, 50, 2}, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			terms := termsOf(t, jobs.SDC, len(c.units))
			var parts [][]int64
			for _, n := range c.units {
				parts = append(parts, site(t, terms, counts{n, 33}))
			}
			got, _ := judged(t, terms, sum(parts...))
			if (got.Cells[0] != nil) != c.shown || c.shown && got.Cells[0][0] != c.value {
				t.Errorf("cell is %v, want shown %v with %d", got.Cells[0], c.shown, c.value)
			}
			if got.Cells[1] == nil {
				t.Error("a safe cell is hidden")
			}
		})
	}
}

// Every way in which four people stand in two domains: what Judge shows has no
// unit or at least t of them, overlap included. The variant that goes by the
// summed count is caught at it.
func TestUnionIsSafe(t *testing.T) {
	const threshold, crowd = 3, 5 // each of them stands for five
	terms := termsOf(t, jobs.SDC, 2)
	terms.Threshold = threshold * crowd
	unsafe := 0
	for where := range 256 { // two bits a person: in the first domain, in the second
		var n [2]int
		union := 0
		for p := range 4 {
			in := where >> (2 * p) & 3
			n[0] += in & 1
			n[1] += in >> 1
			if in != 0 {
				union++
			}
		}
		c, _ := judged(t, terms, sum(site(t, terms, counts{crowd * n[0]}), site(t, terms, counts{crowd * n[1]})))
		if safe := union == 0 || union >= threshold; c.Cells[0] != nil && !safe {
			t.Fatalf("domains of %v people, %d in all, are shown", n, union)
		} else if n[0]+n[1] >= threshold && !safe {
			unsafe++
		}
	}
	if unsafe == 0 {
		t.Error("the rule by summed counts was not caught")
	}
}

// Another domain cannot lift a flag: not by padding the cell, and not by a
// flag of its own that is negative, which lifts an unblinded one.
func TestFlagsCannotBeLifted(t *testing.T) {
	terms := termsOf(t, jobs.SDC, 2)
	honest := site(t, terms, counts{1, 40})
	hostile := site(t, terms, counts{9, 40})
	flags := len(hostile) - 6 - 2
	hostile[flags] = 0
	if c, _ := judged(t, terms, sum(honest, hostile)); c.Cells[0] != nil {
		t.Error("padding lifted a flag")
	}
	hostile[flags] = -1
	if c, _, err := Judge(terms, sum(honest, hostile)); err == nil && c.Cells[0] != nil {
		t.Error("a negative flag lifted a flag")
	}
	honest[flags] = 1 // not blinded
	if c, _ := judged(t, terms, sum(honest, hostile)); c.Cells[0] == nil {
		t.Error("the test's attack does not even work on plain flags")
	}
}

func TestBlind(t *testing.T) {
	flags := []int64{0, 1, 0, 1}
	if err := Blind(flags, rnd.NewChaCha8([32]byte{1})); err != nil {
		t.Fatal(err)
	}
	if flags[0] != 0 || flags[2] != 0 || flags[1] < 1 || flags[1] > maxFlag || flags[1] == flags[3] {
		t.Errorf("blinded flags are %v", flags)
	}
	if err := Blind([]int64{1}, strings.NewReader("short")); err == nil {
		t.Error("a short read blinds")
	}
}

// What cannot be a sum of what the terms allow is refused as tampered in noisy
// modes. In mode sdc it hides its cell: whether a run dies of what a domain seals
// would tell it what another has sealed there.
func TestRange(t *testing.T) {
	const cells = 6
	for _, c := range []struct {
		name string
		mode jobs.Mode
		edit func(v []int64) []int64
		ok   bool
	}{
		{"untouched", jobs.SDC, func(v []int64) []int64 { return v }, true},
		{"untouched", jobs.DP, func(v []int64) []int64 { return v }, true},
		{"one short", jobs.SDC, func(v []int64) []int64 { return v[1:] }, false},
		{"one long", jobs.DP, func(v []int64) []int64 { return append(v, 0) }, false},
		{"nothing", jobs.DP, func([]int64) []int64 { return nil }, false},
		{"negative units", jobs.SDC, set(0, -1), false},
		{"a flag below 0", jobs.SDC, set(3*cells, -1), false},
		{"a flag too large", jobs.SDC, set(3*cells, 2*maxFlag+1), false},
		{"flags of all", jobs.SDC, set(3*cells, 2*maxFlag), false},
		{"small and not flagged", jobs.SDC, set(2, 3), false},
		{"cost without units", jobs.SDC, set(cells+5, 1), false},
		{"cost at the bound", jobs.SDC, set(cells, 40*50_000), true},
		{"cost beyond the units' bound", jobs.SDC, set(cells, 40*50_000+1), false},
		{"change at the lower bound", jobs.SDC, set(2*cells, -40*300), true},
		{"change below the units' bound", jobs.SDC, set(2*cells, -40*300-1), false},
		{"the wrap edge", jobs.SDC, set(cells, math.MaxInt64), false},
		{"the other wrap edge", jobs.SDC, set(2*cells, math.MinInt64), false},
		{"noise below 0", jobs.DP, set(0, -2*16*11), true},
		{"below any noise", jobs.DP, set(0, -2*16*11-1), false},
		{"units beyond all there can be", jobs.DP, set(0, 2*jobs.MaxUnits+2*16*11+1), false},
		{"all units there can be", jobs.SDC, set(0, 2*jobs.MaxUnits), true},
		{"a wrapped value", jobs.DP, set(cells, math.MinInt64), false},
	} {
		t.Run(string(c.mode)+" "+c.name, func(t *testing.T) {
			terms := termsOf(t, c.mode, 2)
			v := sum(site(t, terms, counts{20, 30}), site(t, terms, counts{20, 30}))
			v = c.edit(v)
			got, _, err := Judge(terms, v)
			if c.mode == jobs.SDC && len(v) == terms.Slots() {
				if hidden := slices.ContainsFunc(got.Cells, func(c jobs.Cell) bool { return c == nil }); err != nil || hidden == c.ok {
					t.Errorf("Judge says %v, hidden %v", err, hidden)
				}
				return
			}
			if c.ok && err != nil || !c.ok && !errors.Is(err, fault.Tampered) {
				t.Errorf("Judge says %v", err)
			}
		})
	}
}

func set(i int, v int64) func([]int64) []int64 {
	return func(all []int64) []int64 {
		all[i] = v
		return all
	}
}

func TestRound(t *testing.T) {
	for _, c := range []struct{ v, base, want int64 }{
		{0, 5, 0},
		{2, 5, 0},
		{3, 5, 5},
		{-2, 5, 0},
		{-3, 5, -5},
		{4, 10, 0},
		{5, 10, 10},
		{-5, 10, -10},
		{14, 10, 10},
		{15, 10, 20},
		{-15, 10, -20},
		{7, 1, 7},
		{-7, 1, -7},
		{1 << 62, 1 << 30, 1 << 62},
		{-(1 << 62), 1000, -4611686018427388000},
	} {
		if got := round(c.v, c.base); got != c.want {
			t.Errorf("round(%d, %d) = %d, want %d", c.v, c.base, got, c.want)
		}
	}
}

// In mode dp nothing is hidden: on neighbouring data, with the same noise, the
// same cells are shown. A branch on exact counts is caught by the same test.
func TestNoSuppressionByExactData(t *testing.T) {
	terms := termsOf(t, jobs.DP, 1)
	shown := func(units counts, judge func([]int64, counts) jobs.Candidate) string {
		v := site(t, terms, units)
		g, _ := noise.NewGaussian(100)
		if err := g.Add(noise.NewSource(rnd.NewChaCha8([32]byte{5})), v); err != nil {
			t.Fatal(err)
		}
		s := ""
		for _, cell := range judge(v, units).Cells {
			s += fmt.Sprint(cell != nil)
		}
		return s
	}
	honest := func(v []int64, _ counts) jobs.Candidate { c, _ := judged(t, terms, v); return c }
	planted := func(v []int64, exact counts) jobs.Candidate {
		c, _ := judged(t, terms, v)
		for i, n := range exact {
			if n < t0 {
				c.Cells[i] = nil
			}
		}
		return c
	}
	nine, ten := counts{t0 - 1, 0, 1, 50}, counts{t0, 0, 1, 50}
	if a, b := shown(nine, honest), shown(ten, honest); a != b || strings.Contains(a, "false") {
		t.Errorf("neighbours are told apart by what is shown: %s and %s", a, b)
	}
	if shown(nine, planted) == shown(ten, planted) {
		t.Error("a planted threshold on exact counts is not caught")
	}
}

// Released minus true has the variance that the candidate states; a domain
// that adds half of its noise is caught by the same test.
func TestStatedNoiseIsThere(t *testing.T) {
	off := func(drawn uint64) float64 {
		terms := termsOf(t, jobs.DP, 2)
		g, err := noise.NewGaussian(drawn)
		if err != nil {
			t.Fatal(err)
		}
		src := noise.NewSource(rnd.NewChaCha8([32]byte{byte(drawn)}))
		n, square, want := 0.0, 0.0, 2*100.0
		for range 3000 {
			a, b := site(t, terms, counts{3, 0, 40}), site(t, terms, counts{0, 0, 8})
			truth := sum(a, b)
			for _, v := range [][]int64{a[:6], b[:6]} {
				if err := g.Add(src, v); err != nil {
					t.Fatal(err)
				}
			}
			v, err := read(terms, params.Parameters{}, sum(a, b))
			if err != nil {
				t.Fatal(err)
			}
			for i := range 6 {
				d := float64(v.show(i)[0] - truth[i])
				square += d * d
				n++
			}
		}
		c, _ := form(terms)
		if c.Figures[0].Variance != "200" {
			t.Fatalf("stated variance is %s", c.Figures[0].Variance)
		}
		return (square/n/want - 1) / math.Sqrt(2/n) // in standard deviations
	}
	if z := off(100); math.Abs(z) > 4.5 {
		t.Errorf("the variance is %.1f standard deviations off", z)
	}
	if z := off(50); z > -20 {
		t.Errorf("halved noise is only %.1f standard deviations off", z)
	}
}

// The half-width holds 95 %, for small variances and few members too.
func TestHalfWidthCovers(t *testing.T) {
	for _, members := range []int{1, 2, 3} {
		for _, sigma2 := range []uint64{1, 2, 3, 5, 10, 37, 100} {
			terms := termsOf(t, jobs.DP, members)
			terms.Shape.Units.Sigma = sigma2
			h := int(figure(terms, terms.Shape.Units).HalfWidth)
			one := gaussian(float64(sigma2))
			all := one
			for range members - 1 {
				all = convolve(all, one)
			}
			in, mid := 0.0, len(all)/2
			for z := -h; z <= h; z++ {
				in += all[mid+z]
			}
			if in < 0.95 || in > 0.9999 {
				t.Errorf("%d members of variance %d: ±%d holds %.4f", members, sigma2, h, in)
			}
		}
	}
}

func gaussian(sigma2 float64) []float64 {
	const far = 150
	p, sum := make([]float64, 2*far+1), 0.0
	for i := range p {
		z := float64(i - far)
		p[i] = math.Exp(-z * z / (2 * sigma2))
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func convolve(a, b []float64) []float64 {
	out := make([]float64, len(a)+len(b)-1)
	for i, x := range a {
		for k, y := range b {
			out[i+k] += x * y
		}
	}
	return out
}

// Terms under which nothing could be released are refused before a run.
func TestAdmit(t *testing.T) {
	long := strings.Repeat("长", 257)
	for _, c := range []struct {
		name string
		edit func(*jobs.Terms)
		code fault.Code
	}{
		{"whole", func(*jobs.Terms) {}, ""},
		{"no titles", func(x *jobs.Terms) { x.Shape.Dims[0].Title, x.Shape.Units.Title = "", "" }, ""},
		{"a number as code", func(x *jobs.Terms) { x.Shape.Dims[1].Codes[0] = "-1" }, ""},
		{"citizen number", func(x *jobs.Terms) { x.Shape.Dims[0].Labels[0] = "张三11010519491231002X" }, "output-identifier"},
		{"full-width citizen number", func(x *jobs.Terms) {
			x.Shape.Dims[0].Labels[0] = "１１０１０５１９４９１２３１００２Ｘ"
		}, "output-identifier"},
		{"credit code", func(x *jobs.Terms) { x.Shape.Dims[0].Codes[0] = "91350100M000100Y43" }, "output-identifier"},
		{"mobile", func(x *jobs.Terms) { x.Shape.Units.Title = "13800138000 名" }, "output-identifier"},
		{"sixteen digits that are no card", func(x *jobs.Terms) { x.Shape.Dims[0].Labels[1] = "4111111111111112" }, ""},
		{"bank card", func(x *jobs.Terms) { x.Shape.Dims[0].Labels[1] = "4111111111111111" }, "output-identifier"},
		{"a formula", func(x *jobs.Terms) { x.Shape.Dims[0].Labels[0] = "=1+1" }, "shape-text"},
		{"a formula after a minus", func(x *jobs.Terms) { x.Shape.Dims[0].Labels[0] = "-1+cmd" }, "shape-text"},
		{"a new line", func(x *jobs.Terms) { x.Shape.Dims[0].Labels[0] = "a\nb" }, "shape-text"},
		{"a text that runs backwards", func(x *jobs.Terms) { x.Shape.Dims[0].Labels[0] = "a\u202eb" }, "shape-text"},
		{"not in NFC", func(x *jobs.Terms) { x.Shape.Dims[0].Labels[0] = "e\u0301" }, "shape-text"},
		{"a long title", func(x *jobs.Terms) { x.Shape.Dims[0].Title = long }, "shape-text"},
		{"no review", func(x *jobs.Terms) { x.Program.Review = nil }, "invalid"},
		{"nothing", func(x *jobs.Terms) { *x = jobs.Terms{} }, "invalid"},
	} {
		terms := termsOf(t, jobs.SDC, 2)
		c.edit(&terms)
		err := Admit(terms)
		if c.code == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		} else if err == nil || fault.Show(err).Code != c.code {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
		if _, _, jerr := Judge(terms, make([]int64, terms.Slots())); (jerr == nil) != (err == nil) {
			t.Errorf("%s: Judge says %v, Admit %v", c.name, jerr, err)
		}
	}
	terms := termsOf(t, jobs.SDC, 2)
	for i := range terms.Shape.Dims {
		d := &terms.Shape.Dims[i]
		d.Codes, d.Labels = nil, nil
		for k := range 255 {
			d.Codes = append(d.Codes, fmt.Sprint(k))
			d.Labels = append(d.Labels, strings.Repeat("长", 200))
		}
	}
	if err := Admit(terms); err == nil || fault.Show(err).Code != "shape-size" {
		t.Errorf("a large table: %v", err)
	}
}

func TestStatements(t *testing.T) {
	has := func(c jobs.Candidate, zh string) bool {
		return slices.ContainsFunc(c.Statements, func(s jobs.Statement) bool { return strings.Contains(s.ZH, zh) })
	}
	binary, digits := suite.DigestOf([]byte("gate")), strings.Repeat("ab", 48)
	boot := []jobs.PCR{{Index: 0, Values: []string{digits[:64]}}, {Index: 4, Values: []string{digits[:64]}}, {Index: 7, Values: []string{digits[:64]}}}
	policies := map[jobs.Evidence]*jobs.Policy{
		jobs.TPM: {Binary: binary, TPM: &jobs.TPMPolicy{Keys: []string{digits[:68]}, PCRs: boot, Binary: 13, MinFirmware: 1}},
		jobs.TDX: {Binary: binary, TDX: &jobs.TDXPolicy{Images: []jobs.TDXImage{{MRTD: digits}}, MinTCB: digits[:32], MinEvaluation: 1}},
	}
	const admin = "，主管部门系统管理员可读取精确合计值。"
	for _, c := range []struct {
		mode     jobs.Mode
		members  int
		evidence jobs.Evidence
		want     []string
		not      []string
	}{
		{jobs.SDC, 2, jobs.Software, []string{admin, "仅含两个数据域", "不少于 10 个", "不是差分隐私"}, []string{"ε"}},
		{jobs.SDC, 2, jobs.TPM, []string{admin, "证据类型 tpm2"}, nil},
		{jobs.SDC, 1, jobs.TDX, nil, []string{admin, "减去自己的部分"}},
		{jobs.DP, 2, jobs.Software, []string{"ε = ", "仅含两个数据域", "j 倍"}, []string{admin}},
		{jobs.DP, 3, jobs.Software, []string{"其余各域串通"}, []string{"仅含两个数据域"}},
	} {
		terms := termsOf(t, c.mode, c.members)
		terms.Gate.Evidence, terms.Gate.Policy = c.evidence, policies[c.evidence]
		got, _ := judged(t, terms, make([]int64, terms.Slots()))
		for _, zh := range c.want {
			if !has(got, zh) {
				t.Errorf("%s of %d: does not say %s", c.mode, c.members, zh)
			}
		}
		for _, zh := range c.not {
			if has(got, zh) {
				t.Errorf("%s of %d: says %s", c.mode, c.members, zh)
			}
		}
	}
}

// The record has all checks, passes none that was not performed, and leaves
// the verdict to people.
func TestRecordIsWhole(t *testing.T) {
	for _, mode := range []jobs.Mode{jobs.SDC, jobs.DP} {
		terms := termsOf(t, mode, 2)
		_, r := judged(t, terms, sum(site(t, terms, counts{20, 30, 20, 15, 15, 15}), site(t, terms, counts{20, 30, 20, 15, 15, 15})))
		by := map[string]Status{}
		for i, c := range r.Checks {
			if want := fmt.Sprintf("C%02d", i+1); c.ID != want {
				t.Errorf("check %d is %s", i+1, c.ID)
			}
			by[c.ID] = c.Status
		}
		if len(r.Checks) != 36 || r.Verdict != Review {
			t.Errorf("%s: %d checks, verdict %s", mode, len(r.Checks), r.Verdict)
		}
		for _, id := range []string{"C07", "C08", "C10", "C11", "C12", "C20", "C21", "C22", "C23", "C24", "C25", "C26", "C32"} {
			if (by[id] == NotApplicable) != (mode == jobs.DP) {
				t.Errorf("%s: %s is %s", mode, id, by[id])
			}
		}
		again, err := ParseRecord(r.Bytes())
		if err != nil || !bytes.Equal(again.Bytes(), r.Bytes()) {
			t.Errorf("%s: the record does not come back: %v", mode, err)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		have []Status
		want Status
	}{
		{nil, Pass},
		{[]Status{Pass, NotApplicable}, Pass},
		{[]Status{Pass, NotPerformed}, Review},
		{[]Status{Review, Fail, Pass}, Fail},
		{[]Status{Fail, Block, Review}, Block},
		{[]Status{Pass, ""}, Block},
	} {
		var checks []Check
		for _, s := range c.have {
			checks = append(checks, Check{Status: s})
		}
		if got := verdict(checks); got != c.want {
			t.Errorf("%v: %s, want %s", c.have, got, c.want)
		}
	}
}

// Whatever stands in a hidden cell, and whichever domain hid it, candidate and
// record are the same bytes.
func TestHiddenIsHidden(t *testing.T) {
	terms := termsOf(t, jobs.SDC, 2)
	var want []byte
	for i, parts := range [][2]counts{{{1, 40, 3}, {0, 20}}, {{0, 40, 9}, {9, 20, 9}}, {{500, 40}, {2, 20, 1}}} {
		c, r := judged(t, terms, sum(site(t, terms, parts[0]), site(t, terms, parts[1])))
		got := slices.Concat(c.Bytes(), c.CSV(), r.Bytes())
		if i == 0 {
			want = got
		} else if !bytes.Equal(got, want) {
			t.Errorf("what is hidden shows:\n%s\n%s", got, want)
		}
	}
}

// The public part is a verdict, a profile and a commitment, and nothing else.
func TestPublic(t *testing.T) {
	terms := termsOf(t, jobs.SDC, 2)
	_, r := judged(t, terms, make([]int64, terms.Slots()))
	salt, err := suite.NewSalt()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(r.Public(salt))
	if err != nil {
		t.Fatal(err)
	}
	var p map[string]string
	if err := json.Unmarshal(raw, &p); err != nil || len(p) != 3 || p["profile"] != "house" || p["verdict"] != "review" {
		t.Errorf("public part is %s", raw)
	}
	if !suite.Commitment(p["record"]).Opens(salt, r.Bytes()) {
		t.Error("the commitment does not open to the record")
	}
}

// C11 sees a row with nine tenths in one cell, and not one with eight.
func TestClassDisclosure(t *testing.T) {
	terms := termsOf(t, jobs.SDC, 1)
	for _, c := range []struct {
		units counts
		want  Status
	}{
		{counts{30, 30, 30, 30, 30, 30}, Pass},
		{counts{160, 20, 20, 100, 20, 20}, Pass},
		{counts{180, 10, 10, 100, 20, 20}, Fail},
		{counts{30, 30, 30, 0, 30, 30}, Fail}, // a column has one cell
	} {
		_, r := judged(t, terms, site(t, terms, c.units))
		if got := r.Checks[10]; got.ID != "C11" || got.Status != c.want {
			t.Errorf("%v: %s is %s, want %s", c.units, got.ID, got.Status, c.want)
		}
	}
}
