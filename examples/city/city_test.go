package city

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/ident"
)

// digest is that of the city of 1,500 people of seed 7. It changes only when
// the city does; then every committed figure of a study changes with it.
const digest = "77eece7a8482c95385d1584764b7df1a1c1b89909009944b1a543b00a6c6db16"

func build7(t *testing.T, o Options) (string, Truth) {
	t.Helper()
	o.Dir = t.TempDir()
	truth, err := Build(o)
	if err != nil {
		t.Fatal(err)
	}
	return o.Dir, truth
}

func digestOf(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		fmt.Fprintf(h, "%s\n%d\n", filepath.ToSlash(rel), len(b))
		h.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestSameSeedSameBytes(t *testing.T) {
	dir, _ := build7(t, Options{People: 1500, Seed: 7, Tiny: true})
	if got := digestOf(t, dir); got != digest {
		t.Errorf("seed 7 has digest %s", got)
	}
	other, _ := build7(t, Options{People: 1500, Seed: 8, Tiny: true})
	if digestOf(t, other) == digest {
		t.Error("seed 8 is seed 7")
	}
}

func TestOptions(t *testing.T) {
	dir := t.TempDir()
	for name, o := range map[string]Options{
		"nobody":    {Dir: dir},
		"negative":  {Dir: dir, People: -1},
		"too many":  {Dir: dir, People: maxPeople + 1},
		"no folder": {People: 10},
		"no cells":  {Dir: dir, People: 10, Bounds: Bounds{Visits: 1, CostFen: 1}},
	} {
		if _, err := Build(o); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for people := 1; people < 12; people++ { // no table is too small to draw from
		build7(t, Options{People: people, Seed: uint64(people)})
	}
}

func rowsOf(t *testing.T, parts ...string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

func decode(t *testing.T, v any, parts ...string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		t.Fatal(err)
	}
}

// A part is what one person has in one cell, by its place in the answers.
type part struct{ visits, cost int64 }

// read adds up a settlement file per person and cell, by the words of the
// documentation and with none of the generator's code.
func read(t *testing.T, rows [][]string, districts []string) (map[string]map[int]part, int) {
	t.Helper()
	people, used := map[string]map[int]part{}, 0
	for _, row := range rows {
		p, err := ident.Person(row[0])
		d := slices.Index(districts, row[3])
		if err != nil || d < 0 {
			continue
		}
		used++
		year, month := p.Birth()
		age := ((2025*12 + 12) - (year*12 + month)) / 12
		cell := d * 6
		for _, edge := range []int{18, 35, 50, 65, 80} {
			if age >= edge {
				cell++
			}
		}
		cost := int64(0)
		if row[5] != "" {
			if cost, err = strconv.ParseInt(row[5], 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		if people[p.Canonical()] == nil {
			people[p.Canonical()] = map[int]part{}
		}
		was := people[p.Canonical()][cell]
		people[p.Canonical()][cell] = part{was.visits + 1, was.cost + cost}
	}
	return people, used
}

// bound keeps the first cells of each person and clips them.
func bound(people map[string]map[int]part, b Bounds) map[string]map[int]part {
	out := map[string]map[int]part{}
	for id, cells := range people {
		out[id] = map[int]part{}
		for cell := 0; cell < 60 && len(out[id]) < b.Cells; cell++ {
			if x, ok := cells[cell]; ok {
				out[id][cell] = part{min(x.visits, b.Visits), min(x.cost, b.CostFen)}
			}
		}
	}
	return out
}

func cells(domains ...map[string]map[int]part) []Cell {
	out := make([]Cell, 60)
	seen := map[string]map[int]bool{}
	for _, people := range domains {
		for id, mine := range people {
			if seen[id] == nil {
				seen[id] = map[int]bool{}
			}
			for cell, x := range mine {
				out[cell].Persons++
				out[cell].Visits += x.visits
				out[cell].CostFen += x.cost
				if !seen[id][cell] {
					out[cell].Distinct++
				}
				seen[id][cell] = true
			}
		}
	}
	return out
}

// figures takes the names off, which read knows by place.
func figures(named []Cell) []Cell {
	out := slices.Clone(named)
	for i := range out {
		out[i].District, out[i].Band = "", ""
	}
	return out
}

func TestTruthFollowsFromFiles(t *testing.T) {
	for _, bounds := range []Bounds{DefaultBounds, {Cells: 1, Visits: 3, CostFen: 90_000}} {
		dir, returned := build7(t, Options{People: 4000, Seed: 3, Bounds: bounds})
		var truth Truth
		decode(t, &truth, dir, "truth.json")
		if diff := cmp.Diff(returned, truth); diff != "" {
			t.Error("the file is not what Build returned", diff)
		}
		rowsA, rowsB := rowsOf(t, dir, "a/settlement.csv"), rowsOf(t, dir, "b/settlement.csv")
		a, usedA := read(t, rowsA, truth.Districts)
		b, usedB := read(t, rowsB, truth.Districts)
		union := map[string]bool{}
		for _, people := range []map[string]map[int]part{a, b} {
			for id := range people {
				union[id] = true
			}
		}
		got := []any{
			len(rowsA), len(rowsB), usedA, usedB, len(a), len(b), len(a) + len(b), len(union),
			cells(a), cells(b), cells(a, b),
			cells(bound(a, bounds)), cells(bound(b, bounds)), cells(bound(a, bounds), bound(b, bounds)),
		}
		want := []any{
			truth.A.Rows, truth.B.Rows, truth.A.Used, truth.B.Used, truth.A.Persons, truth.B.Persons, truth.Union.Persons, truth.Union.Distinct,
			figures(truth.A.Exact), figures(truth.B.Exact), figures(truth.Union.Exact),
			figures(truth.A.Bounded), figures(truth.B.Bounded), figures(truth.Union.Bounded),
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%+v: %s", bounds, diff)
		}
		if cmp.Equal(truth.A.Exact, truth.A.Bounded) || cmp.Equal(truth.B.Exact, truth.B.Bounded) {
			t.Errorf("%+v bound nobody", bounds)
		}
	}
}

func TestEmploymentFollowsFromFile(t *testing.T) {
	dir, truth := build7(t, Options{People: 6000, Seed: 4})
	rows := rowsOf(t, dir, "b/employment.csv")
	held, bad := map[string]map[string]int64{}, 0
	for i, row := range rows {
		if i > 0 && row[3] < rows[i-1][3] {
			t.Fatal("the months are out of order")
		}
		_, err := ident.Body(row[1])
		if err != nil {
			bad++
		}
		if _, perr := ident.Person(row[0]); err != nil || perr != nil || row[4] == "" {
			continue
		}
		if held[row[2]] == nil {
			held[row[2]] = map[string]int64{}
		}
		fen, err := strconv.ParseInt(row[4], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		held[row[2]][row[1]] += fen
	}
	if len(rows) != truth.Employment.Rows || bad != truth.Employment.BadCode || bad == 0 {
		t.Errorf("%d rows, %d bad codes; truth has %d, %d", len(rows), bad, truth.Employment.Rows, truth.Employment.BadCode)
	}
	ruled := 0
	for _, s := range truth.Employment.Sectors {
		var sizes []int64
		for _, x := range held[s.Sector] {
			sizes = append(sizes, x)
		}
		slices.Sort(sizes)
		sum := int64(0)
		for _, x := range sizes {
			sum += x
		}
		sizes = append([]int64{0, 0}, sizes...)
		got := Sector{s.Sector, len(sizes) - 2, sum, sizes[len(sizes)-1], sizes[len(sizes)-2]}
		if got != s {
			t.Errorf("sector %s: %+v, truth has %+v", s.Sector, got, s)
		}
		if s.First*10 > s.BaseFen*8 {
			ruled++
		}
	}
	if ruled < 2 {
		t.Errorf("%d sectors have an employer with over 80 %%", ruled)
	}
}

// middling builds a city for the tests of its shape.
func middling(t *testing.T) (string, Truth) {
	t.Helper()
	return build7(t, Options{People: 20_000, Seed: 11})
}

func TestDefects(t *testing.T) {
	dir, truth := middling(t)
	for domain, d := range map[string]Domain{"a": truth.A, "b": truth.B} {
		var got Defects
		rows := rowsOf(t, dir, domain, "settlement.csv")
		for _, row := range rows {
			count(&got, row)
		}
		if diff := cmp.Diff(got, d.Defects); diff != "" {
			t.Errorf("domain %s: %s", domain, diff)
		}
		for _, c := range []struct {
			name   string
			n      int
			lo, hi float64 // per cent of the rows
		}{
			{"15 digits", got.Fifteen, 0.3, 0.7},
			{"full width", got.FullWidth, 0.1, 0.3},
			{"small x", got.SmallX, 1, 5},
			{"padded", got.Padded, 0.08, 0.25},
			{"bad check digit", got.BadCheck, 0.4, 0.6},
			{"blank", got.Blank, 0.2, 0.4},
			{"passport", got.Passport, 0.05, 0.6},
			{"no date", got.NoDate, 0.8, 1.2},
			{"no district", got.NoDistrict, 0.8, 1.2},
			{"no cost", got.NoCost, 0.8, 1.2},
		} {
			if share := 100 * float64(c.n) / float64(len(rows)); share < c.lo || share > c.hi {
				t.Errorf("domain %s, %s: %.3f %% of the rows", domain, c.name, share)
			}
		}
	}
}

// count says what is wrong with a row, from its text alone.
func count(d *Defects, row []string) {
	id := row[0]
	_, err := ident.Person(id)
	for _, c := range []struct {
		n  *int
		is bool
	}{
		{&d.Blank, id == ""},
		{&d.Passport, strings.HasPrefix(id, "E")},
		{&d.BadCheck, len(id) == 18 && err != nil},
		{&d.Fifteen, len(id) == 15},
		{&d.FullWidth, utf8.RuneCountInString(id) == 18 && len(id) == 54},
		{&d.Padded, strings.HasPrefix(id, " ")},
		{&d.SmallX, strings.HasSuffix(id, "x")},
		{&d.NoDate, row[1] == ""},
		{&d.NoDistrict, row[3] == ""},
		{&d.NoCost, row[5] == ""},
	} {
		if c.is {
			*c.n++
		}
	}
}

func TestShapeOfTheCity(t *testing.T) {
	dir, truth := middling(t)
	both := truth.Union.Persons - truth.Union.Distinct
	if share := 100 * float64(both) / float64(truth.Union.Distinct); share < 3 || share > 5 {
		t.Errorf("%.2f %% are in both domains", share)
	}
	hospitalsOf := map[string]map[string]bool{}
	oldest := 0
	for domain, d := range map[string]Domain{"a": truth.A, "b": truth.B} {
		small := 0
		for _, c := range d.Exact {
			if c.Persons > 0 && c.Persons < 10 {
				small++
			}
		}
		if small < 3 || small > 30 {
			t.Errorf("domain %s has %d cells of 1 to 9 people", domain, small)
		}
		hospitalsOf[domain] = map[string]bool{}
		var costs []int64
		last := ""
		for _, row := range rowsOf(t, dir, domain, "settlement.csv") {
			hospitalsOf[domain][row[2]] = true
			if cost, err := strconv.ParseInt(row[5], 10, 64); err == nil {
				costs = append(costs, cost)
			}
			if p, err := ident.Person(row[0]); err == nil {
				year, _ := p.Birth()
				oldest = max(oldest, 2025-year)
				if !p.BornBy(2025, 12, 31) {
					t.Error("someone is born after the year")
				}
			}
			if row[1] != "" {
				if row[1] < last {
					t.Fatal("the days are out of order")
				}
				last = row[1]
			}
		}
		heavy(t, domain, costs)
	}
	if oldest < 100 {
		t.Errorf("the oldest is %d", oldest)
	}
	shared := 0
	for h := range hospitalsOf["a"] {
		if hospitalsOf["b"][h] {
			shared++
		}
	}
	if shared == 0 || shared == len(hospitalsOf["a"]) || shared == len(hospitalsOf["b"]) {
		t.Errorf("%d hospitals serve both of %d and %d", shared, len(hospitalsOf["a"]), len(hospitalsOf["b"]))
	}
}

// heavy demands that one row in a hundred holds a fifth of the sum or more.
func heavy(t *testing.T, domain string, costs []int64) {
	t.Helper()
	slices.Sort(costs)
	var all, top int64
	for i, c := range costs {
		all += c
		if i >= len(costs)*99/100 {
			top += c
		}
	}
	if costs[0] < 1 || costs[len(costs)-1] > maxCost || top*5 < all {
		t.Errorf("domain %s: costs from %d to %d, the top hundredth holds %d of %d", domain, costs[0], costs[len(costs)-1], top, all)
	}
}

func TestRowsObeySchema(t *testing.T) {
	dir, _ := middling(t)
	for file, name := range map[string]string{"a/settlement.csv": "settlement", "b/settlement.csv": "settlement", "b/employment.csv": "employment"} {
		var s schema
		decode(t, &s, dir, "schema", name+".json")
		for _, row := range rowsOf(t, dir, file) {
			if bad := broken(&s, row); bad != "" {
				t.Fatalf("%s: %s in %q", file, bad, row)
			}
		}
		if s.Unit != (unit{"natural-person", "id_number"}) || s.Columns[0].Name != s.Unit.Column {
			t.Errorf("%s: unit %+v", name, s.Unit)
		}
	}
	for _, d := range districts {
		if got, err := ident.District(d.Code); err != nil || got != d.Code {
			t.Errorf("district %s: %v", d.Code, err)
		}
	}
}

// broken returns the first column whose value its type does not allow. Blanks
// and wrong identifiers are allowed: quality is another matter.
func broken(s *schema, row []string) string {
	if len(row) != len(s.Columns) {
		return "number of fields"
	}
	for i, c := range s.Columns {
		v, err := row[i], error(nil)
		if v == "" {
			continue
		}
		switch c.Type {
		case "date":
			_, err = time.Parse("2006-01-02", v)
		case "month":
			_, err = time.Parse("2006-01", v)
		case "int64":
			_, err = strconv.ParseInt(v, 10, 64)
		case "code":
			if !slices.Contains(c.Codes, v) || len(c.Labels) != len(c.Codes) {
				err = fault.Invalid
			}
		case "person_id", "body_id":
		default:
			return "type " + c.Type
		}
		if err != nil || !utf8.ValidString(v) {
			return c.Name
		}
	}
	return ""
}

func TestMalformedIsMalformed(t *testing.T) {
	dir := t.TempDir()
	truth, err := Build(Options{Dir: dir, Tiny: true})
	if err != nil || truth.People != 0 {
		t.Fatalf("%+v, %v", truth, err)
	}
	full, _ := middling(t)
	var s schema
	decode(t, &s, full, "schema/settlement.json")
	b, err := os.ReadFile(filepath.Join(dir, "tiny/settlement.csv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if lines[0]+"\n" != settlementHeader {
		t.Errorf("header %q", lines[0])
	}
	for i, line := range lines[1:] {
		row, err := csv.NewReader(strings.NewReader(line)).Read()
		if ok := err == nil && broken(&s, row) == ""; ok != (i == 0) {
			t.Errorf("row %d, %q: well formed is %v", i+1, line, ok)
		}
	}
}

// BenchmarkSettlements writes the year of 200,000 people to nowhere.
func BenchmarkSettlements(b *testing.B) {
	people, _ := settle(200_000, 7)
	rows := 0
	for b.Loop() {
		t := newTally(len(people))
		if err := settlements(people, 7, [2]io.Writer{io.Discard, io.Discard}, t); err != nil {
			b.Fatal(err)
		}
		rows += t.rows[0] + t.rows[1]
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkBuild(b *testing.B) {
	for b.Loop() {
		if _, err := Build(Options{People: 200_000, Seed: 7, Dir: b.TempDir()}); err != nil {
			b.Fatal(err)
		}
	}
}
