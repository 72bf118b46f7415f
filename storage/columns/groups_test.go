package columns

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe" //nolint:depguard // tells whether two strings share their bytes

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/abi"
)

var allColumns = []string{"note", "cost", "ward", "day", "period", "birth_month", "sex"}

// some returns a CSV of rows rows over people, with missing cells.
func some(tb testing.TB, rows, people int) []string {
	tb.Helper()
	lines, _ := many(tb, rows, people)
	for i, line := range lines {
		cells := strings.Split(line, ",")
		if i%3 == 0 {
			cells[4] = ""
		}
		if i%5 == 0 {
			cells[6] = "\n"
		}
		lines[i] = strings.Join(cells, ",")
	}
	return lines
}

// resharded is the version of a CSV in so many shards, whatever its size.
func resharded(tb testing.TB, csv string, shards int) *Version {
	tb.Helper()
	ctx, s := context.Background(), parseSchema(tb, settlements)
	in := newIntake(s, testKey, Options{MaxRows: MaxRows})
	if err := in.read(ctx, strings.NewReader(csv)); err != nil {
		tb.Fatal(err)
	}
	in.table.sort()
	var out bytes.Buffer
	if err := write(ctx, &out, s, in.table, split(in.table.entries, shards), nil); err != nil {
		tb.Fatal(err)
	}
	v, err := load(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		tb.Fatal(err)
	}
	if v.Shards() != shards {
		tb.Fatalf("%d shards, want %d", v.Shards(), shards)
	}
	return v
}

// areas are the areas of all groups, in the order in which they are given, each
// after what else there is to say of its group.
func areas(tb testing.TB, v *Version, q Query, by By) []string {
	tb.Helper()
	var out []string
	err := v.Groups(context.Background(), q, by, func(g Group) error {
		if len(g.Starts) != g.Units+1 {
			tb.Errorf("%d units start at %v", g.Units, g.Starts)
		}
		area, err := abi.AppendUnits(nil, []byte("params"), g.Columns, g.Starts)
		out = append(out, fmt.Sprintf("%d kept, %d left out: %s", g.Units, g.LeftOut, area))
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// expected is what Groups gives, but for the order of groups, in the words of
// its comment: from units one by one.
func expected(tb testing.TB, v *Version, q Query, by By) []string {
	tb.Helper()
	type ranked struct {
		rank []byte
		rows []abi.Column
	}
	groups := make([][]ranked, by.Groups)
	for shard := range v.Shards() {
		err := v.Units(context.Background(), shard, q, func(u Unit) error {
			seed := u.Seed(by.Secret)
			g := binary.BigEndian.Uint64(seed[:8]) % uint64(by.Groups)
			groups[g] = append(groups[g], ranked{seed[8:], slices.Clone(u.Columns)})
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	var out []string
	for _, units := range groups {
		slices.SortFunc(units, func(a, b ranked) int { return bytes.Compare(a.rank, b.rank) })
		left := 0
		if by.Most > 0 && len(units) > by.Most {
			left = len(units) - by.Most
			units = units[:by.Most]
		}
		if len(units) == 0 && !by.Empty {
			continue
		}
		cols, starts := v.none(mustResolve(tb, v, q)), []int{0}
		for _, u := range units {
			for i := range cols {
				for row := range length(&u.rows[i]) {
					cols[i].Valid = append(cols[i].Valid, u.rows[i].Valid == nil || u.rows[i].Valid[row])
				}
				cols[i].I32 = append(cols[i].I32, u.rows[i].I32...)
				cols[i].I64 = append(cols[i].I64, u.rows[i].I64...)
				cols[i].Str = append(cols[i].Str, u.rows[i].Str...)
			}
			starts = append(starts, length(&cols[0]))
		}
		area, err := abi.AppendUnits(nil, []byte("params"), cols, starts)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%d kept, %d left out: %s", len(units), left, area))
	}
	return out
}

func mustResolve(tb testing.TB, v *Version, q Query) []int {
	tb.Helper()
	at, err := v.resolve(0, q)
	if err != nil {
		tb.Fatal(err)
	}
	return at
}

// groupings are batches and blocks, of few units and of many, with empty groups
// and with full ones.
func groupings() map[string]By {
	return map[string]By{
		"batches":           {Groups: 7, Most: 30, Secret: []byte("s")},
		"full batches":      {Groups: 7, Most: 8, Secret: []byte("s")},
		"one batch":         {Groups: 1, Most: 5, Secret: []byte("s")},
		"batches of few":    {Groups: 500, Most: 2, Secret: []byte("s")},
		"blocks":            {Groups: 5, Secret: []byte("s"), Empty: true},
		"one block":         {Groups: 1, Secret: []byte("s"), Empty: true},
		"most blocks empty": {Groups: 1000, Secret: []byte("s"), Empty: true},
	}
}

// What units are gathered depends neither on the shards that a version is cut
// into, nor on how many passes it takes; nor does the order of groups.
func TestGroups(t *testing.T) {
	csv := settlementsHeader + strings.Join(some(t, 2000, 120), "")
	versions := map[int]*Version{}
	for _, shards := range []int{1, 2, 7, 40} {
		versions[shards] = resharded(t, csv, shards)
	}
	q := Query{Columns: allColumns, MaxRows: 14}
	for name, by := range groupings() {
		first := areas(t, versions[1], q, by)
		for shards, v := range versions {
			for _, budget := range []int{1, 20_000, 0} { // of 90,000 bytes
				if by.Budget = budget; budget == 1 && by.Groups > 10 {
					continue // a pass for each group
				}
				if got := areas(t, v, q, by); !slices.Equal(got, first) {
					t.Errorf("%s: in %d shards with a budget of %d: other groups", name, shards, budget)
				}
			}
		}
		want, got := expected(t, versions[1], q, by), slices.Clone(first)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: not the units that belong together", name)
		}
		if by.Empty && len(got) != by.Groups {
			t.Errorf("%s: %d groups were given of %d", name, len(got), by.Groups)
		}
	}
}

// Whoever comes or goes, with all rows: one group changes, and no other byte.
func TestOneUnitMovesOneGroup(t *testing.T) {
	const people = 60
	step := 3
	if os.Getenv("YUNEI_PROVE") == "1" {
		step = 1
	}
	lines := some(t, 600, people)
	whole := settlementsHeader + strings.Join(lines, "")
	q := Query{Columns: allColumns, MaxRows: 7, Secret: []byte("order")}
	for name, by := range groupings() {
		by.Empty = true // so that each group has its place
		before, pushed := areas(t, resharded(t, whole, 3), q, by), 0
		for gone := 0; gone < people; gone += step {
			id := person(t, gone)
			rest := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasPrefix(l, id) })
			after := areas(t, resharded(t, settlementsHeader+strings.Join(rest, ""), 1+gone%4), q, by)
			changed := 0
			for i := range before {
				if before[i] == after[i] {
					continue
				}
				changed++
				_, was, _ := strings.Cut(before[i], " out: ")
				_, is, _ := strings.Cut(after[i], " out: ")
				if strings.HasPrefix(before[i], "8 kept") && strings.HasPrefix(after[i], "8 kept") && was != is {
					pushed++ // another took its place
				}
			}
			if len(after) != len(before) || changed != 1 {
				t.Errorf("%s: without person %d, %d of %d groups changed", name, gone, changed, len(before))
			}
		}
		if name == "full batches" && pushed == 0 {
			t.Error("nobody was pushed out of a batch: the test says less than it should")
		}
	}
}

// The secrets decide what is together and in which order, and nothing else.
func TestSecretsOfGroups(t *testing.T) {
	v := resharded(t, settlementsHeader+strings.Join(some(t, 900, 120), ""), 2)
	by := By{Groups: 20, Secret: []byte("one")}
	q := Query{Columns: allColumns, MaxRows: 100}
	one := areas(t, v, q, by)
	if !slices.Equal(one, areas(t, v, q, by)) {
		t.Error("the same secrets give other groups")
	}
	q.Secret = []byte("order")
	reordered := areas(t, v, q, by)
	if slices.Equal(one, reordered) {
		t.Error("the query's secret does not order groups")
	}
	slices.Sort(one)
	slices.Sort(reordered)
	if !slices.Equal(one, reordered) {
		t.Error("the order of groups changed a group")
	}
	by.Secret = []byte("two")
	other := areas(t, v, q, by)
	slices.Sort(other)
	for _, g := range other {
		if _, same := slices.BinarySearch(one, g); same {
			t.Error("a group of 6 units is the same under another secret")
		}
	}
}

// What is held at a time is within the budget, unless it is a single group, and
// little more is read than has to be.
func TestBudget(t *testing.T) {
	v := resharded(t, settlementsHeader+strings.Join(some(t, 20_000, 2000), ""), 10)
	q := Query{Columns: allColumns, MaxRows: 100}
	for _, by := range []By{
		{Groups: 40, Secret: testKey, Budget: 100_000},
		{Groups: 40, Secret: testKey, Budget: 1000},
		{Groups: 40, Secret: testKey, Budget: 1 << 30},
		{Groups: 40, Most: 10, Secret: testKey, Budget: 100_000},
		{Groups: 1, Most: 10, Secret: testKey, Budget: 100_000},
	} {
		s := &sieve{version: v, at: mustResolve(t, v, q), rows: q.MaxRows, by: by, place: order(by, nil), mac: hmac.New(sha256.New, by.Secret)}
		passes, total := 0, 0
		for from, step := 0, s.guess(); from < by.Groups; passes++ {
			p, err := s.pass(context.Background(), from, min(from+step, by.Groups))
			if err != nil {
				t.Fatal(err)
			}
			held := 0
			for _, part := range p.parts {
				for i := range part {
					held += size(&part[i])
				}
			}
			if p.to <= from || p.size() < held || p.to-from > 1 && p.size() > by.Budget {
				t.Errorf("%+v: holds %d bytes of groups %d to %d", by, held, from, p.to)
			}
			total += p.size()
			from, step = p.to, p.to-p.from
		}
		if most := max(1, 4*total/by.Budget+1); passes > most && passes > by.Groups {
			t.Errorf("%+v: %d passes for %d bytes", by, passes, total)
		}
		if by.Groups == 1 && total > by.Budget {
			t.Errorf("a batch of 10 units took %d bytes", total)
		}
	}
}

// A few cells that are kept hold none of the shard's other text in memory.
func TestKeptTextIsItsOwn(t *testing.T) {
	shard := strings.Repeat("x", 1000)
	from := abi.Column{Type: abi.Utf8, Str: []string{shard[:500], shard[500:502], shard[502:502], shard[502:]}}
	to := gathered(&from, []member{{from: 1, to: 3}}, 2)
	if !slices.Equal(to.Str, []string{"xx", ""}) || unsafe.StringData(to.Str[0]) == unsafe.StringData(from.Str[1]) {
		t.Errorf("kept %q, or the shard with it", to.Str)
	}
}

func TestRefusedGroupings(t *testing.T) {
	v, _, _ := ingest(t, parseSchema(t, settlements), settlementsHeader+goodID+",,,A,1,,\n"+goodID+",,,B,2,,\n")
	good := By{Groups: 1, Secret: []byte("s")}
	q := Query{Columns: []string{"cost"}, MaxRows: math.MaxInt}
	never := func(Group) error { t.Error("a group was given"); return nil }
	for name, by := range map[string]By{
		"nothing":         {},
		"no secret":       {Groups: 1},
		"no group":        {Secret: []byte("s")},
		"too many groups": {Groups: MaxGroups + 1, Secret: []byte("s")},
		"fewer than none": {Groups: 1, Most: -1, Secret: []byte("s")},
		"no budget":       {Groups: 1, Budget: -1, Secret: []byte("s")},
	} {
		if err := v.Groups(context.Background(), q, by, never); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := v.Groups(context.Background(), Query{Columns: []string{"id_number"}, MaxRows: 1}, good, never); fault.Show(err).Code != "column" {
		t.Errorf("an identifier: %v", err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := v.Groups(gone, q, good, never); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	enough, calls := errors.New("enough"), 0
	err := v.Groups(context.Background(), q, good, func(g Group) error {
		calls++
		if s := fmt.Sprintf("%v%+v%#v%s", g, &g, g, []Group{g}); g.Units != 1 || !slices.Equal(g.Columns[0].I64, []int64{1, 2}) || strings.Contains(s, "2") {
			t.Errorf("%d units, %v, printed %q", g.Units, g.Columns[0].I64, s)
		}
		return enough
	})
	if err != enough || calls != 1 { //nolint:errorlint // as it is
		t.Errorf("the function's error came back as %v, after %d calls", err, calls)
	}
	empty, _, _ := ingest(t, parseSchema(t, settlements), settlementsHeader)
	for _, c := range []bool{true, false} {
		calls = 0
		err := empty.Groups(context.Background(), q, By{Groups: 3, Secret: []byte("s"), Empty: c}, func(g Group) error {
			calls++
			_, err := abi.AppendUnits(nil, nil, g.Columns, g.Starts)
			return err
		})
		if err != nil || calls != map[bool]int{true: 3, false: 0}[c] {
			t.Errorf("of no unit: %d calls, %v", calls, err)
		}
	}
}

func BenchmarkGroups(b *testing.B) {
	const rows = 400_000
	lines, _ := many(b, rows, 100_000)
	v, _, _ := ingest(b, parseSchema(b, settlements), settlementsHeader+strings.Join(lines, ""))
	q := Query{Columns: []string{"day", "ward", "cost"}, MaxRows: 1000, Secret: testKey}
	for _, by := range []By{{Groups: 150, Most: 1000, Secret: testKey}, {Groups: 150, Most: 1000, Secret: testKey, Budget: 2 << 20}} {
		b.Run(fmt.Sprint("budget ", by.Budget), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := v.Groups(context.Background(), q, by, func(Group) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
	b.Run("one by one", func(b *testing.B) {
		for b.Loop() {
			for shard := range v.Shards() {
				if err := v.Units(context.Background(), shard, q, func(Unit) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}
