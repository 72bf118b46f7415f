package register

import (
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/register/sets"
)

// A Verdict is the register's answer. Its zero value is none of them.
type Verdict string

// The verdicts. Review is what could not be decided within the bounds.
const (
	Pass   Verdict = "pass"
	Refuse Verdict = "refuse"
	Review Verdict = "review"
)

// The checks that a combination can fail.
const (
	Pair      = "pair"      // C25: fewer than t units make the difference
	Dominance = "dominance" // C25: one unit makes most of the difference
	Span      = "span"      // C26, C27: a combination rests on fewer than t units
	Relation  = "relation"  // C26: values of several measures are related for all but fewer than t units
	Domains   = "members"   // a combination of opened sets rests on too few domains
)

// Params are the parameters of the test. T, KMin, AtomCap and Work must be set.
type Params struct {
	T       int      // least number of units behind a difference, 0 apart
	P       int      // percent of the p% rule on a difference
	KMin    int      // least number of domains behind a combination of sums
	Single  []string // domains whose providers agreed to be released alone
	AtomCap int      // more atoms than this: the row-space test is not tried
	Work    int64    // elementary steps before the answer is Review

	off checks // for tests that show what a check is good for
}

// checks that are switched off.
type checks struct{ pair, dominance, span, relation, domains, pending bool }

// A Term is one item of one release in one measure (0 = units), with its
// coefficient in a combination. For Domains it is a whole release.
type Term struct {
	Release       string
	Item, Measure int
	Coefficient   *big.Rat
}

// A Combination is what an attacker would compute, and how few it rests on.
type Combination struct {
	Check string
	Terms []Term
	Units int      // behind the result, in this domain; for Dominance: in the difference
	Alone []string // the domains that are left, for Domains
}

// A Finding is for the officer of the domain only. Nothing of it but the
// verdict leaves, and that as one bit of a sum over the domains.
type Finding struct {
	Verdict      Verdict
	Same         string // the earlier release that the candidate repeats
	Combinations []Combination
	Reasons      []string // why it passed, or was left undecided
	Pending      []string // earlier releases of the same units of which it is not known what came out
	Atoms, Small int      // classes of units, and those of fewer than T
	Work         int64
}

// Listed is how many combinations are listed, at most.
const Listed = 256

func (p Params) check() error {
	if p.T < 2 || p.P < 0 || p.KMin < 1 || p.AtomCap < 1 || p.Work < 1 {
		return fmt.Errorf("parameters of the register's test are not set: %w", fault.Invalid)
	}
	return nil
}

// Test tries a candidate against the whole history; the register stays as it
// is. Its items are taken as published unless they are listed as hidden.
func (r *Register) Test(c Release, given []Contribution, p Params) (Finding, error) {
	if err := p.check(); err != nil {
		return Finding{}, err
	}
	d, err := r.plan(c, given)
	if err != nil {
		return Finding{}, fmt.Errorf("testing candidate %q: %w", c.ID, err)
	}
	if d.blind {
		return Finding{Verdict: Review, Reasons: []string{"the register is beyond its bounds"}}, nil
	}
	if err := r.apply(d); err != nil {
		return Finding{}, fmt.Errorf("testing candidate %q: %w", c.ID, err)
	}
	defer r.revert(d)
	f := r.try(p, false)
	var doubt bool
	f.Pending, doubt = r.pending()
	if p.off.pending || !doubt || f.Verdict == Refuse {
		return f, nil
	}
	return f.and(r.try(p, true)), nil
}

// try tests the release that was applied last.
func (r *Register) try(p Params, shut bool) Finding {
	t := newTrial(r, p, shut)
	t.pairs()
	t.span()
	t.relations()
	t.alikes()
	t.members()
	return t.finding()
}

// and adds what the candidate would give away if nothing came out of the pending
// releases that were refused. Counted as known, they would hide that it gives
// away what they did: what is refused is refused again, in another cut as well,
// until it is known that the first did come out.
func (f Finding) and(shut Finding) Finding {
	f.Combinations = append(f.Combinations, shut.Combinations...)
	f.Work += shut.Work
	if shut.Verdict != Pass {
		f.Verdict = shut.Verdict
		f.Reasons = append(f.Reasons, "with releases that were refused, and may have come out, taken as if they had not")
		f.Reasons = append(f.Reasons, shut.Reasons...)
	}
	return f
}

// pending lists the earlier releases whose hidden items are not final and which
// have an item with a unit of an item of the last one; doubt says that one of
// them was refused.
func (r *Register) pending() (out []string, doubt bool) {
	last := &r.releases[len(r.releases)-1]
	if last.col < 0 {
		return nil, false
	}
	mine := make([]bool, len(r.parent))
	r.mark(last, func(a int, shown bool) bool { mine[a] = mine[a] || shown; return true })
	apart := map[int]bool{} // columns without a unit of mine, whatever is hidden
	for k := range len(r.releases) - 1 {
		rel := &r.releases[k]
		if rel.gone || rel.final || rel.col < 0 || apart[rel.col] {
			continue
		}
		hit, near := false, false
		r.mark(rel, func(a int, shown bool) bool {
			near = near || mine[a]
			hit = shown && mine[a]
			return !hit
		})
		if apart[rel.col] = !near; hit {
			out, doubt = append(out, rel.ID), doubt || rel.Refused
		}
	}
	return out, doubt
}

// mark calls see with the atoms of a release, and whether an item that is shown
// has them, until it says no.
func (r *Register) mark(rel *release, see func(a int, shown bool) bool) {
	col := &r.columns[rel.col]
	shown := make([]bool, rel.Cells)
	for _, l := range rel.layers {
		for x, i := range l.row {
			shown[x] = shown[x] || i >= 0
		}
	}
	for a, p := range col.spread(r.parent) {
		for _, x := range col.cell[col.off[p]:col.off[p+1]] {
			if !see(a, shown[x]) {
				return
			}
		}
	}
}

// Protect hides items of the candidate, those of the fewest units first, until
// nothing is left to refuse, and returns what it hid beside c.Hidden. It gives
// up with the last finding when rounds are used up, or when hiding items
// cannot help.
func (r *Register) Protect(c Release, given []Contribution, p Params, rounds int) ([]int32, Finding, error) {
	var hid []int32
	size := unitsOf(c, given)
	for {
		f, err := r.Test(c, given, p)
		if err != nil || f.Verdict != Refuse || rounds == 0 {
			return hid, f, err
		}
		rounds--
		before := len(hid)
		for _, x := range f.Combinations {
			if i := smallest(x, c.ID, size); i >= 0 && !slices.Contains(hid, i) {
				hid = append(hid, i)
				c.Hidden = append(slices.Clone(c.Hidden), i)
			}
		}
		if len(hid) == before {
			return hid, f, nil
		}
	}
}

// unitsOf counts the contributions to each item.
func unitsOf(c Release, given []Contribution) []int {
	cells, out := make([]int, c.Cells), make([]int, len(c.Items))
	for i := range given {
		cells[given[i].Cell]++
	}
	for i, item := range c.Items {
		for _, x := range item {
			out[i] += cells[x]
		}
	}
	return out
}

// smallest is the candidate's item of the fewest units in a combination.
func smallest(x Combination, id string, size []int) int32 {
	best := -1
	for _, t := range x.Terms {
		if t.Release == id && x.Check != Domains && (best < 0 || size[t.Item] < size[best]) {
			best = t.Item
		}
	}
	return int32(best)
}

// members tests the sets of domains of the releases that are equivalent to the
// candidate: those of which an item, or a sum of items of one layer, is an item
// or such a sum of the candidate's in this domain, up to a factor.
func (t *trial) members() {
	if t.p.off.domains {
		return
	}
	opened := [][]string{t.cand().Members}
	who := []string{t.cand().ID}
	for k := range t.last() {
		if rel := &t.r.releases[k]; t.alike[k] && !t.out(k) {
			opened, who = append(opened, rel.Members), append(who, rel.ID)
		}
	}
	leak, err := sets.Isolates(opened, t.p.KMin, t.p.Single)
	switch {
	case errors.Is(err, sets.ErrBound):
		t.undecided("more sets of domains than can be tested")
	case err != nil:
		t.undecided(err.Error())
	case leak != nil:
		c := Combination{Check: Domains, Alone: leak.Domains}
		for i, x := range leak.Coefficients {
			if x.Sign() != 0 {
				c.Terms = append(c.Terms, Term{Release: who[i], Coefficient: x})
			}
		}
		t.found = append(t.found, c)
	}
}

// duplicate is an earlier release of the same members and tables.
func (t *trial) duplicate() string {
	c := t.cand()
	for k := range t.last() {
		rel := &t.r.releases[k]
		if !t.out(k) && rel.col >= 0 && slices.Equal(rel.sheets, c.sheets) && alike(rel.Members, c.Members) {
			return rel.ID
		}
	}
	return ""
}

func alike(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func (t *trial) finding() Finding {
	f := Finding{
		Verdict: Pass, Same: t.duplicate(), Combinations: t.found, Reasons: t.why,
		Atoms: t.n - 1, Small: t.small, Work: t.work,
	}
	if t.open {
		f.Verdict = Review
	}
	if len(t.found) > 0 {
		f.Verdict = Refuse
	}
	return f
}

func (t *trial) undecided(why string) {
	t.open = true
	if !slices.Contains(t.why, why) {
		t.why = append(t.why, why)
	}
}
