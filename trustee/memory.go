package trustee

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/register/sets"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// A trustee remembers two things of every sum that it helps to open, in its
// journal and before it says that it is ready: what each site has said that it
// spent, and of which domains the sum was. By the first a site whose journal was
// brought back from a backup is found out, whatever the coordinator shows it; by
// the second nobody gets a domain's part by subtracting two sums.

// Kinds of the journal.
const (
	noted   = "noted"   // a site's debit, by the site's key and the debit's number
	spanned = "spanned" // a set of domains, by namespace, family, k_min and names
)

// A debit is one as a site confirmed it.
type debit struct {
	Site      suite.PublicKey `json:"site"`
	Seq       uint64          `json:"seq"`
	Run       string          `json:"run"`
	Namespace string          `json:"namespace"`
	Before    string          `json:"before"`
	After     string          `json:"after"`
}

func (n debit) key() string { return string(n.Site) + " " + strconv.FormatUint(n.Seq, 10) }

// follows reports whether a debit stands in one journal with those noted before:
// its number is its own, its run has no other, and what was spent before it is
// all that any debit of a lower number had come to, as what any of a higher
// number began with holds it. Runs go side by side, so that numbers may come out
// of order; amounts of one journal are in the order of the numbers always. An
// older journal, brought back, gives out a number anew or begins below what was
// seen.
func follows(past []debit, d debit) error {
	before, after, err := d.amounts()
	if err != nil {
		return err
	}
	for _, e := range past {
		if e.Site != d.Site || e == d {
			continue
		}
		if e.Seq == d.Seq || e.Run == d.Run {
			return fmt.Errorf("debit %d of run %s was seen as debit %d of run %s: %w", d.Seq, d.Run, e.Seq, e.Run, fault.Tampered)
		}
		if e.Namespace != d.Namespace {
			continue
		}
		from, to, err := e.amounts()
		if err != nil {
			return err
		}
		if e.Seq < d.Seq && before.Cmp(to) < 0 || e.Seq > d.Seq && after.Cmp(from) > 0 {
			return fmt.Errorf("debit %d does not go on from what debit %d had come to: %w", d.Seq, e.Seq, fault.Tampered)
		}
	}
	return nil
}

func (n debit) amounts() (before, after *big.Rat, err error) {
	before, ok := new(big.Rat).SetString(n.Before)
	after, ok2 := new(big.Rat).SetString(n.After)
	if !ok || !ok2 {
		return nil, nil, fmt.Errorf("reading a debit: %w", fault.Tampered)
	}
	return before, after, nil
}

// A span is a set of domains whose sum was opened, or would be.
type span struct {
	Namespace string       `json:"namespace"`
	Family    suite.Digest `json:"family"`
	KMin      int          `json:"k_min"`
	Domains   []string     `json:"domains"` // in the order of their names
}

func (s span) key() string {
	return fmt.Sprintf("%s %s", s.Namespace, suite.DigestOf(fmt.Appendf(nil, "%s %d %s", s.Family, s.KMin, strings.Join(s.Domains, " "))))
}

// spanOf is the set of a run. Every member of the permit is in it.
func spanOf(t jobs.Terms) span {
	s := span{Namespace: t.Shape.Namespace, Family: family(t.Shape), KMin: t.KMin}
	for _, m := range t.Members {
		s.Domains = append(s.Domains, m.Domain)
	}
	slices.Sort(s.Domains)
	return s
}

// family names tables that are to be taken for one query whoever wrote the
// program: those with the same codes and bounds, in whatever order and under
// whatever names and titles. A dim of one code tells nothing apart and is left
// out.
func family(s jobs.Shape) suite.Digest {
	type bounds struct{ Lo, Hi int64 }
	var skeleton struct {
		Dims   [][]string
		Bounds []bounds
	}
	for _, d := range s.Dims {
		if len(d.Codes) > 1 {
			skeleton.Dims = append(skeleton.Dims, slices.Sorted(slices.Values(d.Codes)))
		}
	}
	slices.SortFunc(skeleton.Dims, slices.Compare)
	for _, m := range s.Measures {
		skeleton.Bounds = append(skeleton.Bounds, bounds{m.Lo, m.Hi})
	}
	slices.SortFunc(skeleton.Bounds, func(a, b bounds) int { return cmp.Or(cmp.Compare(a.Lo, b.Lo), cmp.Compare(a.Hi, b.Hi)) })
	raw, err := json.Marshal(skeleton)
	if err != nil {
		panic("trustee: a shape cannot be marshalled: " + err.Error()) // plain data only
	}
	return suite.DigestOf(raw)
}

// apart refuses a set that singles out domains beside those opened before. The
// same set again tells nothing new. Domains whose providers let one domain stand
// alone (k_min of 1) may be singled out, and no others: the strictest k_min of
// the sets that hang together counts.
func apart(past []span, s span) error {
	same := func(e span) bool { return slices.Equal(e.Domains, s.Domains) && e.KMin <= s.KMin }
	together := near(past, s)
	if slices.ContainsFunc(together, same) {
		return nil
	}
	least, granted := 0, []string{}
	var all [][]string
	for _, e := range append(together, s) {
		all = append(all, e.Domains)
		least = max(least, e.KMin)
		if e.KMin == 1 {
			granted = append(granted, e.Domains...)
		}
	}
	leak, err := sets.Isolates(all, least, granted)
	if err != nil || leak != nil {
		return fmt.Errorf("%w: %w", fault.Refuse("set", "house"), errors.Join(fault.Denied, err))
	}
	return nil
}

// near lists the sets of the same namespace and family that overlap s, or one
// that does.
func near(past []span, s span) []span {
	var all []span
	for edge := []span{s}; len(edge) > 0; edge = edge[1:] {
		past = slices.DeleteFunc(slices.Clone(past), func(e span) bool {
			meets := e.Namespace == s.Namespace && e.Family == s.Family && overlap(e.Domains, edge[0].Domains)
			if meets {
				all, edge = append(all, e), append(edge, e)
			}
			return meets
		})
	}
	return all
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(d string) bool { return slices.Contains(b, d) })
}

// objects refuses a run whose set of domains would single some out.
func (t *Trustee) objects(v *msg.View) error {
	past, err := recalled[span](t, spanned)
	if err != nil {
		return err
	}
	return apart(past, spanOf(v.Terms()))
}

// remember notes what the members of a confirmed set have spent, and the set
// itself, or refuses: the same for the same run, however often.
func (t *Trustee) remember(v *msg.View, n int) error {
	t.books.Lock()
	defer t.books.Unlock()
	if err := t.objects(v); err != nil {
		return err
	}
	notes, err := t.debits(v, n)
	if err != nil {
		return err
	}
	for _, d := range notes {
		t.Hook("noted:before")
		if _, err := t.Journal.Once(noted, d.key(), d); err != nil {
			return fmt.Errorf("noting a debit: %w", err)
		}
		t.Hook("noted:after")
	}
	s := spanOf(v.Terms())
	t.Hook("spanned:before")
	if _, err := t.Journal.Once(spanned, s.key(), s); err != nil {
		return fmt.Errorf("noting a set: %w", err)
	}
	t.Hook("spanned:after")
	return nil
}

// debits reads what the members have spent, and refuses what no one journal
// would say.
func (t *Trustee) debits(v *msg.View, n int) ([]debit, error) {
	terms := v.Terms()
	if !terms.Mode.Noisy() {
		return nil, nil
	}
	past, err := recalled[debit](t, noted)
	if err != nil {
		return nil, err
	}
	var all []debit
	var said []msg.Debit
	for _, m := range terms.Members {
		body, err := msg.Read[msg.ConfirmBody](v, n, msg.Confirm, m.Site.Name)
		if err != nil {
			return nil, err
		}
		d := body.Debit
		if _, _, err := d.Check(v.ID(), terms); err != nil {
			return nil, fmt.Errorf("debit of %s: %w: %w", m.Domain, fault.Tampered, err)
		}
		one := debit{m.Site.Key, d.Seq, v.ID(), d.Namespace, d.Before, d.After}
		if err := follows(past, one); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", m.Domain, fault.Refuse("journal-behind", "house"), err)
		}
		all, said = append(all, one), append(said, *d)
	}
	if err := msg.CheckStored(terms, said); err != nil {
		return nil, fmt.Errorf("%w: %w", fault.Refuse("run-dead", "house"), err)
	}
	return all, nil
}

// recalled reads all entries of a kind.
func recalled[T any](t *Trustee, kind string) ([]T, error) {
	var all []T
	for _, e := range t.Journal.All(kind) {
		var one T
		if err := e.Decode(&one); err != nil {
			return nil, fmt.Errorf("reading what was opened: %w: %w", err, fault.Tampered)
		}
		all = append(all, one)
	}
	return all, nil
}
