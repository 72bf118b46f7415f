package attackers_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/register"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/suite"
)

var prove = os.Getenv("YUNEI_PROVE") == "1"

// threshold of units in these tests; it is the house's.
const threshold = 10

// A person has attributes that everybody knows, and values that nobody should.
type person struct {
	id            int
	district, age int
	cost, other   int64 // confidential
	ill           bool  // confidential
}

// people are n of them, numbered from first on.
func people(seed uint64, first, n int) []person {
	random := rand.New(rand.NewPCG(seed, 1))
	all := make([]person, n)
	for i := range all {
		all[i] = person{
			id: first + i, district: i % 3, age: i % 80, cost: 100 + random.Int64N(900), other: 100 + random.Int64N(900),
			ill: random.IntN(3) == 0,
		}
	}
	return all
}

// A said is what a program says of a person: a cell, and a value for each
// measure.
type said struct {
	cell   int
	values []int64
}

// A query is one job.
type query struct {
	members  []string // two of them if none are named
	dims     []int
	margins  [][]int // the dims that each keeps
	measures int
	round    int64
	kmin     int
	give     func(person) []said
}

// unchecked are the checks that are left out.
type unchecked struct {
	register    bool
	flags       bool // and with them what is hidden for the sake of what they hide
	suppression bool // nothing is hidden for the sake of what the flags hide
}

// A domain has people, and a register of what was released of them.
type domain struct {
	people   []person
	register *register.Register
	last     register.Finding // of the last run
}

// A city is some domains on which an attacker asks queries.
type city struct {
	testing.TB
	off     unchecked
	domains map[string]*domain
	random  *rand.ChaCha8
	asked   int
	refused int
}

func newCity(tb testing.TB, off unchecked, domains map[string][]person) *city {
	tb.Helper()
	c := &city{TB: tb, off: off, domains: map[string]*domain{}, random: rand.NewChaCha8([32]byte{1})}
	for name, all := range domains {
		c.domains[name] = &domain{people: all, register: register.New()}
	}
	return c
}

func (c *city) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *city) terms(q query) jobs.Terms {
	c.Helper()
	public := func() suite.PublicKey {
		k, err := suite.NewPrivateKey()
		c.must(err)
		return k.Public()
	}
	t := jobs.Terms{
		ID: "permit-1", Scenario: "scenario", Purpose: "research", KMin: max(1, q.kmin),
		Operator: jobs.Signer{Org: "operator", Key: public()}, Bureau: jobs.Signer{Org: "bureau", Key: public()},
		Program: jobs.Program{Name: "p", Digest: suite.DigestOf(fmt.Append(nil, "program ", c.asked)), Size: 100, Review: &jobs.Review{Reviewer: "r"}},
		Shape: jobs.Shape{
			Namespace: jobs.NaturalPerson, L0: 1, Units: jobs.Measure{Name: "units", Title: "人数", Hi: 1, Round: max(1, q.round), Sigma: 100},
		},
		Mode: jobs.SDC, Due: jobs.Slots{First: 1, Every: 1, Count: 1}, Threshold: threshold, Limits: jobs.Limits{Fuel: 1, Memory: 1, Input: 1, Rows: 1, Emits: 1},
		Trustees:    jobs.Trustees{Members: []jobs.Process{{Name: "t-1", Key: public()}, {Name: "t-2", Key: public()}}, Quorum: 2},
		Gate:        jobs.Gate{Process: jobs.Process{Name: "gate", Key: public()}, Evidence: jobs.Software},
		Coordinator: jobs.Process{Name: "yuneid", Key: public()}, Desk: "x25519:CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Uses: 1,
		Checkers:  []jobs.Signer{{Org: "a", Key: public()}, {Org: "b", Key: public()}},
		NotBefore: time.Unix(0, 0).UTC(), NotAfter: time.Unix(1e9, 0).UTC(),
	}
	for _, name := range q.members {
		t.Members = append(t.Members, jobs.Member{
			Domain: name, Provider: jobs.Signer{Org: "p-" + name, Key: public()}, Site: jobs.Process{Name: "site-" + name, Key: public()},
			Dataset: "visits", Version: "v1", Columns: []string{"district"},
		})
	}
	for i, n := range q.dims {
		d := jobs.Dim{Name: dim(i), Title: dim(i)}
		for code := range n {
			d.Codes, d.Labels = append(d.Codes, fmt.Sprint(code)), append(d.Labels, fmt.Sprint(code))
		}
		t.Shape.Dims = append(t.Shape.Dims, d)
	}
	for _, keep := range q.margins {
		names := []string{}
		for _, i := range keep {
			names = append(names, dim(i))
		}
		t.Shape.Margins = append(t.Shape.Margins, names)
	}
	for m := range q.measures {
		t.Shape.Measures = append(t.Shape.Measures, jobs.Measure{Name: fmt.Sprintf("m%d", m+1), Title: "费用", Hi: 1 << 20, Round: max(1, q.round), Sigma: 100})
	}
	c.must(t.Check())
	return t
}

func dim(i int) string { return string(rune('a' + i)) }

// A table is what an attacker sees of a release: of each item its values, the
// number of units first, or nil.
type table struct {
	id      string
	items   [][]int64
	raw     []byte
	blocked bool
	review  bool
}

// at is the value of a measure in an item; ok is whether it is shown.
func (t table) at(item, measure int) (int64, bool) {
	if t.items[item] == nil {
		return 0, false
	}
	return t.items[item][measure], true
}

// sum adds up values of some items, if all of them are shown.
func (t table) sum(measure int, items ...int) (sum int64, ok bool) {
	for _, i := range items {
		x, shown := t.at(i, measure)
		if !shown {
			return 0, false
		}
		sum += x
	}
	return sum, true
}

// ask is one run from its rows to its candidate.
func (c *city) ask(q query) table {
	c.Helper()
	if q.members == nil {
		q.members = []string{"a", "b"}
	}
	c.asked++
	terms := c.terms(q)
	opened := make([]int64, terms.Slots())
	exact := make([]int64, len(terms.Shape.All())*terms.Shape.Cells())
	flagged := make([]bool, terms.Shape.Items())
	for _, name := range q.members {
		part := c.partial(terms, name, q)
		for i, x := range part.sealed {
			opened[i] += x
		}
		for i, x := range part.cube {
			exact[i] += x
		}
		for i, f := range part.flags {
			flagged[i] = flagged[i] || f != 0
		}
	}
	out := table{id: c.run()}
	if c.off.flags || c.off.suppression {
		out.items = c.naive(terms, exact, flagged)
		return out
	}
	candidate, record, err := gate.Judge(terms, opened)
	c.must(err)
	for i := range candidate.Items() {
		cell, _ := candidate.Item(i)
		out.items = append(out.items, cell)
	}
	out.raw, out.blocked = candidate.CSV(), record.Verdict == gate.Block
	for _, check := range record.Checks {
		out.review = out.review || check.ID == "C26" && check.Status == gate.Review
	}
	if out.blocked {
		c.refused++
		return out
	}
	if !c.off.register {
		c.settle(out, q.members)
	}
	return out
}

// settle tells the registers which items are out, as sites learn from a release.
func (c *city) settle(out table, members []string) {
	c.Helper()
	var hidden []int32
	for i, cell := range out.items {
		if cell == nil {
			hidden = append(hidden, int32(i))
		}
	}
	for _, name := range members {
		_, err := c.domains[name].register.Hide(out.id, hidden)
		c.must(err)
	}
}

func (c *city) run() string { return fmt.Sprintf("run-%d", c.asked) }

type part struct {
	cube, sealed, flags []int64
}

// partial is what a site does of a run.
func (c *city) partial(terms jobs.Terms, name string, q query) part {
	c.Helper()
	d := c.domains[name]
	cube := jobs.NewCube(terms.Shape, terms.Pairs())
	t, err := evidence.New(terms.Shape.Lists(), terms.Shape.Cells(), len(terms.Shape.Measures))
	c.must(err)
	var given []register.Contribution
	for _, p := range d.people {
		cube.Watch(func(x jobs.Contribution) {
			c.must(t.Add(x.Cell, x.Values, x.Given))
			given = append(given, register.Contribution{Unit: unit(name, p.id), Cell: x.Cell, Values: slices.Clone(x.Values)})
		})
		c.must(cube.Add(1, true, emits(q.give(p))))
	}
	rules, err := gate.Rules(terms)
	c.must(err)
	flags := evidence.Flags(evidence.Judge(t, rules), t.Items())
	found := gate.Found{}
	if !c.off.register {
		found = c.confront(d, terms, flags, given)
	}
	sealed, err := gate.Protect(terms, cube, t, found, c.random)
	c.must(err)
	return part{cube.Values, sealed, flags}
}

// emits are what a program emits for a person: in a table of counts alone, that
// it points at the cell.
func emits(all []said) []abi.Emit {
	var out []abi.Emit
	for _, s := range all {
		if len(s.values) == 0 {
			out = append(out, abi.Emit{Cell: uint32(s.cell)})
		}
		for m, v := range s.values {
			out = append(out, abi.Emit{Cell: uint32(s.cell), Measure: uint16(m), Value: v})
		}
	}
	return out
}

// unit is a person's name in a domain's register.
func unit(domain string, id int) (u [16]byte) {
	d := suite.DigestOf(fmt.Append(nil, domain, " ", id)).Hex()
	binary.LittleEndian.PutUint64(u[:], uint64(id))
	copy(u[8:], d)
	return u
}

// confront compares a run with the register and enters it there, as a site
// does.
func (c *city) confront(d *domain, terms jobs.Terms, flags []int64, given []register.Contribution) gate.Found {
	c.Helper()
	p, err := gate.Rules(terms)
	c.must(err)
	this := register.Release{
		ID: c.run(), Query: string(terms.Program.Digest), Items: terms.Shape.Lists(), Cells: terms.Shape.Cells(), Measures: len(terms.Shape.Measures),
	}
	for _, m := range terms.Members {
		this.Members = append(this.Members, m.Domain)
	}
	for i, f := range flags {
		if f != 0 {
			this.Hidden = append(this.Hidden, int32(i))
		}
	}
	hide, f, err := d.register.Mend(this, given, register.Params{
		T: int(p.Difference), P: int(p.PPercent), KMin: max(2, terms.KMin), AtomCap: int(p.Atoms), Work: 1 << 33,
	}, 8)
	c.must(err)
	this.Hidden = append(this.Hidden, hide...)
	if f.Verdict == register.Refuse {
		this.Hidden = nil
		for i := range this.Items {
			this.Hidden = append(this.Hidden, int32(i))
		}
	}
	d.last = f
	_, err = d.register.Add(this, given)
	c.must(err)
	return gate.Found{
		Refuse: f.Verdict == register.Refuse, Review: f.Verdict != register.Pass && f.Verdict != register.Refuse, Hide: hide,
	}
}

// reject takes a run out of the registers, as sites do when it is voted down.
func (c *city) reject(t table) {
	c.Helper()
	for _, d := range c.domains {
		_, _ = d.register.Withdraw(t.id) // who took no part has nothing to withdraw
	}
}

// naive shows all that is not flagged, or all.
func (c *city) naive(terms jobs.Terms, exact []int64, flagged []bool) [][]int64 {
	cells := terms.Shape.Cells()
	out := make([][]int64, terms.Shape.Items())
	for i, list := range terms.Shape.Lists() {
		if flagged[i] && !c.off.flags {
			continue
		}
		out[i] = make([]int64, len(terms.Shape.All()))
		for m := range out[i] {
			for _, cell := range list {
				out[i][m] += exact[m*cells+int(cell)]
			}
		}
	}
	return out
}

// An attack asks what it wants, and says what it found out, if it could.
type attack func(*city) (got int64, ok bool)

// withstands runs an attack against the gate, and without a check.
func withstands(t *testing.T, domains func() map[string][]person, truth int64, off unchecked, a attack) {
	t.Helper()
	if got, ok := a(newCity(t, unchecked{}, domains())); ok && got == truth {
		t.Errorf("the gate gives away %d", got)
	}
	if got, ok := a(newCity(t, off, domains())); !ok || got != truth {
		t.Errorf("without the check the attack comes to %d, %v, want %d: it proves nothing", got, ok, truth)
	}
}
