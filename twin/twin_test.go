package twin

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/ident"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/storage/columns"
)

// settlement has a column of every type.
func settlement() columns.Schema {
	codes := make([]string, 60)
	for i := range codes {
		codes[i] = fmt.Sprintf("H%02d", i)
	}
	return columns.Schema{
		Name: "settlement",
		Columns: []columns.Column{
			{Name: "id_number", Type: columns.PersonID, Role: columns.DirectIdentifier},
			{Name: "employer", Type: columns.BodyID, Role: columns.DirectIdentifier},
			{Name: "name", Type: columns.Text, Role: columns.DirectIdentifier, Required: true},
			{Name: "settle_date", Type: columns.Date, Role: columns.QuasiIdentifier},
			{Name: "month", Type: columns.Month, Role: columns.QuasiIdentifier, Required: true},
			{Name: "hospital", Type: columns.Code, Role: columns.QuasiIdentifier, Codes: codes},
			{Name: "district", Type: columns.Code, Role: columns.Frame, Codes: []string{"520102", "520103"}, Labels: []string{"南明", "云岩"}, Required: true},
			{Name: "note", Type: columns.Text, Role: columns.QuasiIdentifier},
			{Name: "cost_fen", Type: columns.Int64, Role: columns.Measure},
		},
		Unit:    columns.UnitBy{Namespace: jobs.NaturalPerson, Column: "id_number"},
		Derived: []string{columns.BirthMonth, columns.Sex},
	}
}

func make1(t *testing.T, s columns.Schema, o Options) *Twin {
	t.Helper()
	tw, err := New(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return tw
}

func csvOf(t *testing.T, tw *Twin) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tw.CSV(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func all(s columns.Schema) (names []string) {
	for _, c := range s.Readable() {
		names = append(names, c.Name)
	}
	return names
}

// The bytes of a seed are the same on every machine: this digest was made once.
func TestSameBytes(t *testing.T) {
	const want = "9d4a1ee7e0131606ccfbded3ac7c01642e0a97a14801368d3faf04a590673361"
	o := Options{Seed: 7, Dataset: "settlement-a", Units: 300, MaxRows: 64}
	first := csvOf(t, make1(t, settlement(), o))
	sum := sha256.Sum256(first)
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("digest of the CSV %s, want %s", got, want)
	}
	if !bytes.Equal(first, csvOf(t, make1(t, settlement(), o))) {
		t.Error("the same options gave other bytes")
	}
	for name, other := range map[string]Options{
		"seed": {Seed: 8, Dataset: "settlement-a", Units: 300, MaxRows: 64}, "dataset": {Seed: 7, Dataset: "settlement-b", Units: 300, MaxRows: 64},
	} {
		if bytes.Equal(first, csvOf(t, make1(t, settlement(), other))) {
			t.Errorf("another %s gave the same bytes", name)
		}
	}
}

// What a guest would get of the twin is what it would get of the twin's CSV,
// had a provider ingested that.
func TestAsIngested(t *testing.T) {
	for _, namespace := range []string{jobs.NaturalPerson, jobs.LegalPerson, jobs.Row} {
		t.Run(namespace, func(t *testing.T) {
			s := settlement()
			switch namespace {
			case jobs.LegalPerson:
				s.Unit, s.Derived = columns.UnitBy{Namespace: namespace, Column: "employer"}, nil
			case jobs.Row:
				s.Unit, s.Derived = columns.UnitBy{Namespace: namespace}, nil
			}
			tw := make1(t, s, Options{Seed: 3, Units: 400, MaxRows: 20})
			raw := csvOf(t, tw)
			var file bytes.Buffer
			m, err := columns.Ingest(t.Context(), bytes.NewReader(raw), s, make([]byte, 32), &file, columns.Options{Day: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
			if err != nil {
				t.Fatal(err)
			}
			if int64(m.Public.Rows) != tw.Rows() || m.Profile.Units != tw.Units() || len(m.Profile.SetAside) > 0 {
				t.Fatalf("ingested %d rows of %d units, %v set aside; the twin has %d of %d", m.Public.Rows, m.Profile.Units, m.Profile.SetAside, tw.Rows(), tw.Units())
			}
			v, err := columns.Open(bytes.NewReader(file.Bytes()), int64(file.Len()))
			if err != nil {
				t.Fatal(err)
			}
			var want, got []string
			q := columns.Query{Columns: all(s), MaxRows: 20}
			if err := v.Units(t.Context(), 0, q, func(u columns.Unit) error { want = append(want, area(t, u.Columns, u.LeftOut)); return nil }); err != nil {
				t.Fatal(err)
			}
			if err := tw.Each(q.Columns, q.MaxRows, func(u Unit) error { got = append(got, area(t, u.Columns, u.LeftOut)); return nil }); err != nil {
				t.Fatal(err)
			}
			slices.Sort(want) // their order follows from keys that a twin does not have
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Errorf("%d units of the twin are not the %d that were ingested", len(got), len(want))
			}
		})
	}
}

func area(t *testing.T, cols []abi.Column, leftOut int) string {
	t.Helper()
	b, err := abi.AppendArea(nil, nil, cols)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x %d", b, leftOut)
}

// What breaks programs comes up.
func TestEdgesComeUp(t *testing.T) {
	s := settlement()
	tw := make1(t, s, Options{Seed: 1, MaxRows: 50})
	rows := map[int]int{}
	seen := map[string]map[int64]int{}
	missing := map[string]int{}
	total := 0
	names := all(s)
	if err := tw.Each(names, 50, func(u Unit) error {
		rows[u.Rows+u.LeftOut]++
		total += u.Rows
		for k, c := range u.Columns {
			if seen[names[k]] == nil {
				seen[names[k]] = map[int64]int{}
			}
			for i := range u.Rows {
				switch {
				case c.Valid != nil && !c.Valid[i]:
					missing[names[k]]++
				case c.Type == abi.Int64:
					seen[names[k]][c.I64[i]]++
				case c.Type != abi.Utf8:
					seen[names[k]][int64(c.I32[i])]++
				default:
					seen[names[k]][int64(len(c.Str[i]))]++
				}
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if rows[1] == 0 || rows[50] == 0 || rows[53] != 1 || len(rows) < 10 {
		t.Errorf("rows of units: %v", rows)
	}
	for code := range 60 {
		if seen["hospital"][int64(code)] == 0 {
			t.Errorf("hospital %d never came up", code)
		}
	}
	for _, v := range []int64{0, -1, math.MaxInt64, math.MinInt64} {
		if n := seen["cost_fen"][v]; n == 0 || v != 0 && n*50 > total {
			t.Errorf("an amount of %d came up %d times in %d rows", v, n, total)
		}
	}
	leap := dayOf(time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC))
	for _, day := range []int64{leap, tw.from, tw.to, -1, dayOf(firstDay), dayOf(lastDay)} {
		if seen["settle_date"][day] == 0 {
			t.Errorf("day %d never came up", day)
		}
	}
	if seen["note"][4095] == 0 || seen[columns.Sex][0] < total/4 || seen[columns.Sex][1] < total/4 {
		t.Errorf("texts %v, sexes %v", seen["note"], seen[columns.Sex])
	}
	for _, name := range names {
		required := name == "month" || name == "district" || name == columns.BirthMonth || name == columns.Sex
		if share := float64(missing[name]) / float64(total); required && share > 0 || !required && (share < 0.02 || share > 0.05) {
			t.Errorf("%s: %.3f of the values are missing", name, share)
		}
	}
}

// Codes are skewed and amounts have a tail: the most frequent code has several
// times its share, and the largest hundredth most of the sum.
func TestTails(t *testing.T) {
	tw := make1(t, settlement(), Options{Seed: 5, Units: 5000, Typical: map[string]int64{"cost_fen": 200_000}})
	codes, amounts := make([]int, 60), []float64{}
	if err := tw.Each([]string{"hospital", "cost_fen"}, 512, func(u Unit) error {
		for i := range u.Rows {
			codes[u.Columns[0].I32[i]]++
			if v := u.Columns[1].I64[i]; v > 0 && v < math.MaxInt32 {
				amounts = append(amounts, float64(v))
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(amounts)
	n, sum, top := len(amounts), 0.0, 0.0
	for i, a := range amounts {
		if sum += a; i >= n-n/100 {
			top += a
		}
	}
	if median := amounts[n/2]; median < 150_000 || median > 300_000 {
		t.Errorf("the median is %.0f, want about 200,000", median)
	}
	if top < sum/4 {
		t.Errorf("the largest hundredth has %.2f of the sum", top/sum)
	}
	if most := slices.Max(codes); most*8 < n {
		t.Errorf("the most frequent code has %d of %d rows", most, n)
	}
}

// Every identifier is well formed, of a district that does not exist, and of
// one unit only.
func TestHolders(t *testing.T) {
	tw := make1(t, settlement(), Options{Units: 1})
	seen := map[string]bool{}
	for _, i := range append(seq(0, 3000), append(seq(30_969, 100), seq(MaxUnits-100, 100)...)...) {
		h := tw.holder(i)
		p, err := ident.Person(h.identifier(columns.PersonID))
		if err != nil || !strings.HasPrefix(p.Canonical()[2:], nowhere) || seen[p.Canonical()] {
			t.Fatalf("holder %d: %v, or seen before", i, err)
		}
		year, month := p.Birth()
		if (p.Sex() == ident.Male) != (h.sex() == 0) || int64(12*(year-1970)+month-1) != monthOf(h.born) {
			t.Errorf("holder %d: what is derived is not what the number says", i)
		}
		b, err := ident.Body(h.identifier(columns.BodyID))
		if err != nil || b.District()[2:] != nowhere || seen[b.Canonical()] {
			t.Fatalf("holder %d: %v, or seen before", i, err)
		}
		seen[p.Canonical()], seen[b.Canonical()] = true, true
	}
}

func seq(from, n int) (list []int) {
	for i := range n {
		list = append(list, from+i)
	}
	return list
}

func TestRows(t *testing.T) {
	for _, want := range []int64{1, 100, 20_000} {
		tw := make1(t, settlement(), Options{Rows: want})
		if off := tw.Rows() - want; max(off, -off) > 20 {
			t.Errorf("%d rows, want about %d", tw.Rows(), want)
		}
	}
	s := settlement()
	s.Columns[5].Codes = seqCodes(5000) // more codes than the usual twin has rows
	tw := make1(t, s, Options{})
	got := map[int32]bool{}
	if err := tw.Each([]string{"hospital"}, defaultMaxRows, func(u Unit) error {
		for _, v := range u.Columns[0].I32 {
			got[v] = true
		}
		return nil
	}); err != nil || len(got) != 5000 {
		t.Errorf("%d of 5000 codes came up, %v", len(got), err)
	}
}

func seqCodes(n int) (codes []string) {
	for i := range n {
		codes = append(codes, fmt.Sprint("c", i))
	}
	return codes
}

func TestRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"too many units": {Units: MaxUnits + 1}, "fewer than none": {Units: -1}, "too many rows": {Rows: maxRows + 1},
		"a window that runs backward": {From: time.Date(2025, 1, 2, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if _, err := New(settlement(), o); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(columns.Schema{}, Options{}); !errors.Is(err, fault.Invalid) {
		t.Errorf("no schema: %v", err)
	}
	tw := make1(t, settlement(), Options{Units: 3})
	for _, names := range [][]string{{"id_number"}, {"nothing"}, nil} {
		if err := tw.Each(names, 1, func(Unit) error { return nil }); err == nil {
			t.Errorf("%v was read", names)
		}
	}
	stop := errors.New("stop")
	if err := tw.Each([]string{"month"}, 1, func(Unit) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error came back as %v", err)
	}
}

// An entry as the catalogue has it gives back the schema, but for what an entry
// does not say.
func TestSchemaOfEntry(t *testing.T) {
	s := settlement()
	e := governance.Entry{ID: "settlement-a"}
	for _, c := range append(slices.Clone(s.Columns), s.Readable()[6:]...) {
		e.Columns = append(e.Columns, governance.Column{Name: c.Name, Type: string(c.Type), Role: governance.Part(c.Role), Codes: c.Codes, Labels: c.Labels})
	}
	got, err := Schema(e, jobs.NaturalPerson)
	if err != nil {
		t.Fatal(err)
	}
	s.Name = ""
	for i := range s.Columns {
		s.Columns[i].Required = false
	}
	if !bytes.Equal(got.Bytes(), s.Bytes()) {
		t.Errorf("schema\n%s, want\n%s", got.Bytes(), s.Bytes())
	}
	if _, err := Schema(governance.Entry{ID: "none", Columns: e.Columns[3:]}, jobs.LegalPerson); !errors.Is(err, fault.Invalid) {
		t.Errorf("an entry without identifiers: %v", err)
	}
}

// A CSV cell never opens a formula's or another column's door: what is
// written is read back as it was.
func TestCSVReadsBack(t *testing.T) {
	tw := make1(t, settlement(), Options{Units: 200, MaxRows: 5})
	records, err := csv.NewReader(bytes.NewReader(csvOf(t, tw))).ReadAll()
	if err != nil || int64(len(records)) != tw.Rows()+1 || !strings.Contains(tw.Mark(), "SYNTHETIC") {
		t.Errorf("%d records of %d rows, %v", len(records), tw.Rows(), err)
	}
}

func BenchmarkTwin(b *testing.B) {
	tw, err := New(settlement(), Options{Units: 10_000})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := tw.Each([]string{"district", "birth_month", "cost_fen"}, 512, func(Unit) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "units/s")
}

// Groups hold every unit once, as it is by itself.
func TestGroups(t *testing.T) {
	tw := make1(t, settlement(), Options{Units: 100, MaxRows: 10})
	names := []string{"hospital", "note", "cost_fen"}
	var alone, together []string
	if err := tw.Each(names, 10, func(u Unit) error { alone = append(alone, area(t, u.Columns, 0)); return nil }); err != nil {
		t.Fatal(err)
	}
	groups := 0
	if err := tw.Groups(names, 10, 200, 0, true, func(g Group) error {
		groups++
		b, err := abi.AppendUnits(nil, nil, g.Columns, g.Starts)
		if err != nil {
			return err
		}
		if a, err := abi.ParseArea(b); err != nil || a.Units != g.Units {
			t.Errorf("group %d: %d units, want %d: %v", g.Index, a.Units, g.Units, err)
		}
		for i := range g.Units {
			together = append(together, area(t, cut(g.Columns, g.Starts[i], g.Starts[i+1]), 0))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(alone)
	slices.Sort(together)
	if groups != 200 || !slices.Equal(alone, together) {
		t.Errorf("%d groups hold %d units, want 200 and %d", groups, len(together), len(alone))
	}
	if err := tw.Groups(names, 10, 1, 7, false, func(g Group) error {
		if g.Units != 7 || g.LeftOut != 93 || len(g.Starts) != 8 {
			t.Errorf("%d units, %d left out", g.Units, g.LeftOut)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := tw.Groups(names, 10, 0, 0, false, nil); !errors.Is(err, fault.Invalid) {
		t.Errorf("no group: %v", err)
	}
}

func cut(cols []abi.Column, from, to int) []abi.Column {
	out := make([]abi.Column, len(cols))
	for i, c := range cols {
		out[i].Type = c.Type
		if c.Valid != nil {
			out[i].Valid = c.Valid[from:to]
		}
		switch c.Type {
		case abi.Int64:
			out[i].I64 = c.I64[from:to]
		case abi.Utf8:
			out[i].Str = c.Str[from:to]
		default:
			out[i].I32 = c.I32[from:to]
		}
	}
	return out
}
