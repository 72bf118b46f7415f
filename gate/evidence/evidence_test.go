package evidence

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/jobs"
)

func house(tb testing.TB) params.Parameters {
	tb.Helper()
	p, err := params.For(params.HouseProfile, 0)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// base are the items of cells without margins.
func base(cells int) [][]int32 {
	items := make([][]int32, cells)
	for i := range items {
		items[i] = []int32{int32(i)}
	}
	return items
}

// grid are the items of a table of rows x cols with both margins and the grand
// total.
func grid(rows, cols int) [][]int32 {
	items := base(rows * cols)
	all := []int32{}
	for r := range rows {
		var item []int32
		for c := range cols {
			item = append(item, int32(r*cols+c))
		}
		items, all = append(items, item), append(all, item...)
	}
	for c := range cols {
		var item []int32
		for r := range rows {
			item = append(item, int32(r*cols+c))
		}
		items = append(items, item)
	}
	return append(items, all)
}

func table(tb testing.TB, items [][]int32, cells, measures int) *Table {
	tb.Helper()
	t, err := New(items, cells, measures)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func add(tb testing.TB, t *Table, cell int, values ...int64) {
	tb.Helper()
	given := make([]bool, len(values))
	for i := range given {
		given[i] = true
	}
	if err := t.Add(uint32(cell), values, given); err != nil {
		tb.Fatal(err)
	}
}

// one is a table of one cell and one measure with these values.
func one(tb testing.TB, values ...int64) *Table {
	tb.Helper()
	t := table(tb, base(1), 1, 1)
	for _, v := range values {
		add(tb, t, 0, v)
	}
	return t
}

type contribution struct {
	cell   uint32
	values []int64
	given  []bool
}

// draw makes contributions: few values or many, missing ones, negative ones.
func draw(r *rand.Rand, n, cells, measures int) []contribution {
	out := make([]contribution, n)
	for i := range out {
		c := contribution{cell: uint32(r.IntN(cells))}
		for range measures {
			spread := int64(3)
			if c.cell%2 == 0 {
				spread = 2_000
			}
			c.values = append(c.values, r.Int64N(spread)-r.Int64N(2))
			c.given = append(c.given, r.IntN(5) > 0)
		}
		out[i] = c
	}
	return out
}

// naive is what Item should return, from the contributions themselves.
func naive(items [][]int32, i, measures int, all []contribution) Cell {
	out := Cell{}
	byCell := map[int32]int64{}
	values := make([][]int64, measures)
	for _, c := range all {
		if !slices.Contains(items[i], int32(c.cell)) {
			continue
		}
		out.Units++
		byCell[int32(c.cell)]++
		out.Largest = max(out.Largest, byCell[int32(c.cell)])
		for m, v := range c.values {
			if c.given[m] {
				values[m] = append(values[m], v)
			}
		}
	}
	for _, vs := range values {
		d := Description{Given: int64(len(vs)), Missing: out.Units - int64(len(vs))}
		counts := map[int64]int64{}
		for k, v := range vs {
			if k == 0 {
				d.Min, d.Max = v, v
			}
			d.Min, d.Max = min(d.Min, v), max(d.Max, v)
			d.Sum, d.Abs = d.Sum+v, d.Abs+max(v, -v)
			d.Top = append(d.Top, max(v, -v))
			counts[v]++
		}
		d.Zeros = counts[0]
		slices.SortFunc(d.Top, func(a, b int64) int { return int(b - a) })
		d.Top = append(d.Top, 0, 0, 0)[:params.MaxDominant]
		if len(counts) > params.MaxApart {
			d.Apart = params.MaxApart
		} else {
			most := int64(0)
			for _, n := range counts {
				most = max(most, n)
			}
			d.Apart = d.Given - most
		}
		out.Measures = append(out.Measures, d)
	}
	return out
}

// A table says of each item what the contributions say, whatever their order,
// in one piece or in shards, and after it was sealed.
func TestTableAgreesWithContributions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	items := grid(3, 2)
	for range 30 {
		all := draw(r, 1+r.IntN(400), 6, 2)
		whole, left, right := table(t, items, 6, 2), table(t, items, 6, 2), table(t, items, 6, 2)
		for i, c := range all {
			shard := left
			if i%3 == 0 {
				shard = right
			}
			if err := errors.Join(whole.Add(c.cell, c.values, c.given), shard.Add(c.cell, c.values, c.given)); err != nil {
				t.Fatal(err)
			}
		}
		if err := right.Merge(left); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(whole.Bytes(), right.Bytes()) {
			t.Fatal("shards in another order have another spelling")
		}
		again, err := Parse(whole.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for i := range items {
			want := naive(items, i, 2, all)
			for _, got := range []Cell{whole.Item(i), again.Item(i)} {
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("item %d:\n%+v\n%+v", i, got, want)
				}
			}
		}
		for m, peaks := range Peaks(again) {
			for c, peak := range peaks {
				if want := naive(items, c, 2, all).Measures[m].Top[0]; peak != want {
					t.Fatalf("peak of measure %d, cell %d: %d, want %d", m, c, peak, want)
				}
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		items           [][]int32
		cells, measures int
	}{
		"no cells":           {nil, 0, 0},
		"too many cells":     {base(jobs.MaxCells + 1), jobs.MaxCells + 1, 0},
		"too many measures":  {base(1), 1, jobs.MaxMeasures + 1},
		"negative measures":  {base(1), 1, -1},
		"fewer items":        {base(1), 2, 0},
		"another base cell":  {[][]int32{{1}, {0}}, 2, 0},
		"half a margin":      {append(base(2), []int32{0}), 2, 0},
		"an overlap":         {append(base(3), []int32{0, 1}, []int32{1, 2}), 3, 0},
		"an empty item":      {append(base(2), []int32{}, []int32{0, 1}), 2, 0},
		"a repeated cell":    {append(base(2), []int32{0, 0, 1}), 2, 0},
		"a descending item":  {append(base(2), []int32{1, 0}), 2, 0},
		"a cell beyond":      {append(base(2), []int32{0, 2}), 2, 0},
		"a negative cell":    {append(base(2), []int32{-1, 0, 1}), 2, 0},
		"a trailing surplus": {append(base(2), []int32{0, 1}, []int32{0}), 2, 0},
	} {
		if tab, err := New(c.items, c.cells, c.measures); !errors.Is(err, fault.Invalid) || tab != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAddRefuses(t *testing.T) {
	tab := table(t, base(2), 2, 1)
	before := tab.Bytes()
	for name, err := range map[string]error{
		"no such cell": tab.Add(2, []int64{1}, []bool{true}),
		"far cell":     tab.Add(1<<31, []int64{1}, []bool{true}),
		"two values":   tab.Add(0, []int64{1, 2}, []bool{true, true}),
		"no flags":     tab.Add(0, []int64{1}, nil),
		"too large":    tab.Add(0, []int64{jobs.MaxBound + 1}, []bool{true}),
		"too small":    tab.Add(0, []int64{-jobs.MaxBound - 1}, []bool{true}),
		"other shape":  tab.Merge(table(t, base(3), 3, 1)),
	} {
		if !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !bytes.Equal(before, tab.Bytes()) {
		t.Error("a refused contribution left a trace")
	}
	tab.adds = maxAdds
	if err := tab.Add(0, []int64{1}, []bool{true}); !errors.Is(err, fault.Invalid) {
		t.Errorf("a full table: %v", err)
	}
	// A value that was not given is not looked at.
	if err := table(t, base(1), 1, 1).Add(0, []int64{1 << 40}, []bool{false}); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{0, 5, 200} {
		tab := table(f, grid(2, 3), 6, 2)
		for _, c := range draw(r, n, 6, 2) {
			if err := tab.Add(c.cell, c.values, c.given); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(tab.Bytes())
	}
	f.Add([]byte(format))
	f.Add([]byte(format + "\x80\x80\x04\x10\xff\xff\xff\xff\x0f"))
	p := house(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		tab, err := Parse(raw)
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Errorf("%v is not of kind Invalid", err)
			}
			return
		}
		if !bytes.Equal(tab.Bytes(), raw) {
			t.Error("read what is not its one spelling")
		}
		if got := Flags(Judge(tab, p), tab.Items()); len(got) != tab.Items() {
			t.Error("not a flag an item")
		}
		for i := range min(tab.Items(), 50) {
			tab.Item(i)
		}
	})
}

// What no contributions can have is refused, though it is well spelt.
func TestParseRefusesImpossibleNumbers(t *testing.T) {
	many := func(change func(*stat)) []byte {
		tab := table(t, base(1), 1, 1)
		for i := range int64(40) {
			add(t, tab, 0, i-3)
		}
		change(&tab.rows[0].stats[0])
		return tab.Bytes()
	}
	few := func(change func(*Table)) []byte {
		tab := one(t, 1, 1, 2)
		change(tab)
		return tab.Bytes()
	}
	if _, err := Parse(many(func(*stat) {})); err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{
		"sum above abs":     many(func(s *stat) { s.sum = s.abs + 2 }),
		"sum below -abs":    many(func(s *stat) { s.sum = -s.abs - 2 }),
		"odd difference":    many(func(s *stat) { s.sum++ }),
		"peak not largest":  many(func(s *stat) { s.top[0]++ }),
		"tops out of order": many(func(s *stat) { s.top[1], s.top[2] = s.top[2], s.top[1] }),
		"abs too large":     many(func(s *stat) { s.abs, s.sum = 36*41, 36*39 }),
		"abs too small":     many(func(s *stat) { s.abs, s.sum = 36, 30 }),
		"one value":         many(func(s *stat) { s.min = s.max }),
		"sign":              many(func(s *stat) { s.min = 0 }),
		"more given":        many(func(s *stat) { s.given = 41 }),
		"more zeros":        many(func(s *stat) { s.zeros = 41 }),
		"count":             few(func(t *Table) { t.rows[0].stats[0].values[0].count = 3 }),
		"no count":          few(func(t *Table) { t.rows[0].stats[0].values[0].count = 0 }),
		"wrapped count": few(func(t *Table) {
			t.rows[0].units, t.rows[0].stats[0].given = 1<<31, 1<<31
			t.rows[0].stats[0].values = []tally{{1, 1 << 31}, {2, 1 << 31}, {3, 1 << 31}}
		}),
		"repeated value": few(func(t *Table) { t.rows[0].stats[0].values = []tally{{1, 1}, {1, 1}, {2, 1}} }),
		"large value":    few(func(t *Table) { t.rows[0].stats[0].values[1].value = jobs.MaxBound + 1 }),
		"no units":       few(func(t *Table) { t.rows[0].units = 0 }),
	} {
		if _, err := Parse(raw); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	items := append(grid(100, 100), []int32(nil))
	items = items[:len(items)-1]
	tab := table(b, items, 10_000, 3)
	r := rand.New(rand.NewPCG(5, 6))
	all := draw(r, 1<<16, 10_000, 3)
	for i := 0; b.Loop(); i++ {
		c := all[i&(1<<16-1)]
		if err := tab.Add(c.cell, c.values, c.given); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "contributions/s")
}

func BenchmarkJudge(b *testing.B) {
	tab := table(b, grid(256, 256), jobs.MaxCells, 3)
	for _, c := range draw(rand.New(rand.NewPCG(7, 8)), 1_000_000, jobs.MaxCells, 3) {
		if err := tab.Add(c.cell, c.values, c.given); err != nil {
			b.Fatal(err)
		}
	}
	p := house(b)
	b.Run("judge", func(b *testing.B) {
		for b.Loop() {
			Judge(tab, p)
		}
	})
	b.Run("bytes", func(b *testing.B) {
		for b.Loop() {
			b.SetBytes(int64(len(tab.Bytes())))
		}
	})
	raw := tab.Bytes()
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			if _, err := Parse(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}
