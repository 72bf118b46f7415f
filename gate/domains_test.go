package gate

import (
	"encoding/binary"
	"os"
	"slices"
	"testing"

	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/gate/suppress"
)

// A domainCensus is every table of counts of two domains with at most so many
// units together, judged by each domain for itself and published by the gate's
// rules. In each view that passes the audit it keeps which numbers of units
// every item had: all tables that have a published total are in it, so that an
// item of one number is known to whoever knows the rules.
type domainCensus struct {
	table   suppress.Table
	options suppress.Options
	rules   params.Parameters
	units   int64

	patterns map[string][]bool           // by sums and flags; nil did not pass
	views    map[string][]map[int64]bool // by what is shown, then by item
}

// A domainTable is what one domain has, and flags.
type domainTable struct {
	items, flags []int64
	units        int64
}

func (c *domainCensus) tables(t *testing.T) []domainTable {
	t.Helper()
	base := make([]int64, c.table.Cells)
	var out []domainTable
	var grow func(k int, left int64)
	grow = func(k int, left int64) {
		if k == len(base) {
			out = append(out, c.judged(t, base, c.units-left))
			return
		}
		for n := range left + 1 {
			base[k] = n
			grow(k+1, left-n)
		}
	}
	grow(0, c.units)
	return out
}

func (c *domainCensus) judged(t *testing.T, base []int64, units int64) domainTable {
	t.Helper()
	e, err := evidence.New(c.table.Items, c.table.Cells, 0)
	if err != nil {
		t.Fatal(err)
	}
	for cell, n := range base {
		for range n {
			if err := e.Add(uint32(cell), nil, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	d := domainTable{items: make([]int64, len(c.table.Items)), units: units}
	for i, item := range c.table.Items {
		for _, cell := range item {
			d.items[i] += base[cell]
		}
	}
	d.flags = evidence.Flags(evidence.Judge(e, c.rules), e.Items())
	return d
}

func (c *domainCensus) run(t *testing.T) (views, leaks int) {
	t.Helper()
	c.patterns, c.views = map[string][]bool{}, map[string][]map[int64]bool{}
	all := c.tables(t)
	sums, flags := make([]int64, len(c.table.Items)), make([]int64, len(c.table.Items))
	for n, a := range all {
		for _, b := range all[n:] {
			if a.units+b.units > c.units {
				continue
			}
			for i := range sums {
				sums[i], flags[i] = a.items[i]+b.items[i], a.flags[i]|b.flags[i]
			}
			if slices.Contains(flags, 1) {
				c.see(t, sums, flags)
			}
		}
	}
	for _, items := range c.views {
		if slices.ContainsFunc(items, func(had map[int64]bool) bool { return len(had) == 1 }) {
			leaks++
		}
	}
	return len(c.views), leaks
}

func (c *domainCensus) see(t *testing.T, sums, flags []int64) {
	t.Helper()
	hidden := c.publish(t, sums, flags)
	if hidden == nil || hidden[len(hidden)-1] { // nothing is published, or no total that bounds the tables
		return
	}
	shown := slices.Clone(sums)
	for i, h := range hidden {
		if h {
			shown[i] = -1
		}
	}
	items := c.views[spelt(shown)]
	if items == nil {
		items = make([]map[int64]bool, len(sums))
		c.views[spelt(shown)] = items
	}
	for i, h := range hidden {
		if h && items[i] == nil {
			items[i] = map[int64]bool{}
		}
		if h {
			items[i][sums[i]] = true
		}
	}
}

// publish is the pattern of a table, nil if the audit does not pass it.
func (c *domainCensus) publish(t *testing.T, sums, flags []int64) []bool {
	t.Helper()
	key := spelt(sums, flags)
	hidden, done := c.patterns[key]
	if done {
		return hidden
	}
	primary := make([]bool, len(flags))
	for i, f := range flags {
		primary[i] = f != 0
	}
	data := suppress.Data{Values: [][]int64{sums}, Signed: []bool{false}}
	hidden, err := suppress.Hide(c.table, primary, data, c.options)
	if err != nil {
		t.Fatal(err)
	}
	report, err := suppress.Audit(c.table, hidden, primary, data, c.options)
	if err != nil {
		t.Fatal(err)
	}
	if report.Verdict() != suppress.Pass {
		hidden = nil
	}
	c.patterns[key] = hidden
	return hidden
}

func spelt(lists ...[]int64) string {
	var b []byte
	for _, list := range lists {
		for _, x := range list {
			b = binary.AppendVarint(b, x)
		}
	}
	return string(b)
}

// Two domains, flags that neither tells the gate apart, and an attacker who
// knows all rules: no view that passes leaves one number for a hidden item. It
// takes the room above a threshold for each domain that options asks for: with
// just that threshold, some views do.
func TestDomainsCensus(t *testing.T) {
	p, err := params.For(params.HouseProfile, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.Threshold, p.Group, p.Width = 3, 3, 2
	terms := termsOf(t, "sdc", 2)
	terms.Shape.Measures = nil
	line, square := [][]int{{}}, [][]int{{0}, {1}, {}}
	for _, c := range []struct {
		name   string
		dims   []int
		keep   [][]int
		units  int64
		narrow bool // without the room
		full   bool // only if asked for
	}{
		{"3", []int{3}, line, 18, false, false},
		{"2x2", []int{2, 2}, square, 12, false, false},
		{"2x2, without room", []int{2, 2}, square, 11, true, false},
		{"4", []int{4}, line, 18, false, true},
		{"5", []int{5}, line, 16, false, true},
		{"2x2 to 18", []int{2, 2}, square, 18, false, true},
		{"2x3", []int{2, 3}, square, 13, false, true},
	} {
		if c.full && os.Getenv("YUNEI_PROVE") != "1" {
			continue
		}
		table, err := suppress.Cube(c.dims, c.keep)
		if err != nil {
			t.Fatal(err)
		}
		census := domainCensus{table: table, rules: p, units: c.units, options: options(terms, p)}
		if c.narrow {
			census.options.Union = p.Threshold * 2
		}
		views, leaks := census.run(t)
		t.Logf("%s: %d views, %d leaks", c.name, views, leaks)
		if views == 0 || (leaks > 0) != c.narrow {
			t.Errorf("%s: %d of %d views leak", c.name, leaks, views)
		}
	}
}
