// Package dossier is the file (案卷) that terms rest on, as the machine of whoever
// is about to sign them has it. The platform assembles it, and cannot decide: what
// it gives is taken for bytes, and everything that a signature can say is asked of
// signatures here, before the key in this machine makes one more.
//
//   - Who holds which key, what is in the catalogue and who is licensed: from the
//     requests that people signed for it, back to the root key, which a person gave
//     to this machine (Registered).
//   - Which rules: the version that the terms name by its digest, if two officers of
//     the bureau have signed its publication.
//   - Every case that the terms name: its file, each event's signature, folded anew
//     by the tables that this program holds, with the head, kind and end that the
//     terms rest on.
//   - What the cases decided about: the pure gates of package governance/gates over
//     those cases, their papers and that register.
//
// What no signature can say is that something is not there, or was not replaced
// since: a hold, a duty that is overdue, an evaluation, a consent taken back, a
// later version, a revocation. Those are a Word each, taken from the platform and
// called that; no check that was not made here is said to have passed.
//
// The package signs nothing, keeps nothing and believes nobody but the root key. It
// does not hear what the platform leaves out of a case's file beyond the head that
// the terms name, since nothing happens to a case that has ended. It does not look
// into what people filed as evidence, which is for those who decided the case.
package dossier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// Bounds of what is read, whatever the platform sends.
const (
	maxSaid       = 1 << 14 // registrations
	maxStatements = 64      // for one version of the rules, or on one application's terms
)

// A Platform is who is asked, and is not believed (client.Client).
type Platform interface {
	Registered(ctx context.Context) (verb.Registered, error)
	Rules(ctx context.Context, want *profile.Frozen) (profile.Profile, error)
	Publications(ctx context.Context, of profile.Frozen) ([]json.RawMessage, error)
	CaseOf(ctx context.Context, application, id string) ([]byte, error)
	PaperOf(ctx context.Context, application, id string, d suite.Digest) ([]byte, error)
}

// A Place is what a person has given to this machine: by which key everybody is
// registered, and for which installation.
type Place struct {
	Root         suite.PublicKey
	Installation string
}

// A Dossier is what was checked. Only Open makes one.
type Dossier struct {
	Terms    jobs.Terms
	Register governance.Register // with the rules of the terms; nothing in it is the platform's word
	Cases    []*cases.Case       // in the order of the terms, each ended in approval

	from   Platform
	papers map[suite.Digest]string // by the case that names it
}

// Open gets everything that terms rest on and checks it. A refusal is of code
// root-unpinned, terms-under, register-unsigned, rules-unpublished or dossier-case;
// any other error is of asking.
func Open(ctx context.Context, from Platform, at Place, t jobs.Terms) (*Dossier, error) {
	if at.Root == "" {
		return nil, fault.Refuse("root-unpinned", governance.House)
	}
	if t.Under == nil {
		return nil, fault.Refuse("terms-under", governance.House)
	}
	said, err := from.Registered(ctx)
	if err != nil {
		return nil, fmt.Errorf("getting the register: %w", err)
	}
	reg, err := Registered(said, at)
	if err != nil {
		return nil, err
	}
	d := &Dossier{Terms: t, Register: reg, from: from, papers: map[suite.Digest]string{}}
	if err := d.ruled(ctx); err != nil {
		return nil, err
	}
	tables, err := cases.Procedures()
	if err != nil {
		return nil, err
	}
	rules := cases.NewRules(reg, tables)
	for _, ref := range t.Under.Cases {
		c, err := d.fold(ctx, rules, ref)
		if err != nil {
			return nil, err
		}
		d.Cases = append(d.Cases, c)
		for _, p := range gates.PapersOf(c) {
			d.papers[p] = ref.ID
		}
	}
	return d, nil
}

// ruled takes the version of the rules that the terms name, if it was published.
func (d *Dossier) ruled(ctx context.Context) error {
	u := d.Terms.Under
	want := profile.Frozen{ID: u.City, Version: u.Version, Digest: u.Rules}
	p, err := d.from.Rules(ctx, &want)
	if errors.Is(err, fault.NotFound) || errors.Is(err, fault.Tampered) || errors.Is(err, fault.Invalid) {
		return fault.Refuse("rules-unpublished", governance.House)
	}
	if err != nil {
		return fmt.Errorf("getting the rules: %w", err)
	}
	raw, err := d.from.Publications(ctx, want)
	if errors.Is(err, fault.NotFound) {
		return fault.Refuse("rules-unpublished", governance.House)
	}
	if err != nil {
		return fmt.Errorf("getting who published the rules: %w", err)
	}
	if len(raw) > maxStatements {
		return fmt.Errorf("reading who published the rules: %d statements: %w", len(raw), fault.Exhausted)
	}
	if p.Frozen() != want {
		return fault.Refuse("rules-unpublished", governance.House)
	}
	d.Register.Rules = p
	return d.Register.Enacted(want, receipts(raw))
}

// fold makes a case that the terms name from what people signed.
func (d *Dossier) fold(ctx context.Context, rules cases.Rules, ref jobs.CaseRef) (*cases.Case, error) {
	raw, err := d.from.CaseOf(ctx, d.Terms.ID, ref.ID)
	if errors.Is(err, fault.NotFound) || errors.Is(err, fault.Denied) {
		return nil, not(withheld, ref)
	}
	if err != nil {
		return nil, fmt.Errorf("getting case %s: %w", ref.ID, err)
	}
	c, err := rules.Verify(raw)
	if err != nil {
		return nil, not(unsigned, ref)
	}
	switch outcome, _ := c.Outcome(); {
	case c.ID() != ref.ID || c.Opening().Kind != ref.Kind:
		return nil, not(another, ref)
	case outcome == cases.Pending:
		return nil, not(pending, ref)
	case c.Head() != ref.Head:
		return nil, not(moved, ref)
	case outcome != cases.Approved:
		return nil, not(refused, ref)
	}
	return c, nil
}

// A reason is why a case does not hold, of a closed list.
type reason struct{ zh, en string }

var (
	withheld = reason{"平台没有交出该办件", "the platform does not show it"}
	unsigned = reason{"其事件的签名、次序或办理人不成立", "its events do not hold: a signature, their order, or who may act"}
	another  = reason{"平台交出的是另一办件", "the platform shows another case"}
	pending  = reason{"按签名推演，该办件尚未办结", "by what was signed it has not ended"}
	moved    = reason{"按签名推演的末端摘要与条款所载不同", "by what was signed its head is another than the terms name"}
	refused  = reason{"按签名推演，该办件未获同意", "by what was signed it did not end in approval"}
)

func not(why reason, ref jobs.CaseRef) error {
	return fault.Specify("dossier-case", governance.House, fault.Bureau, why.zh+"（"+ref.ID+"）", why.en+" ("+ref.ID+")")
}

// Ask asks the register and the gates of a job, over nothing but what was checked.
// It returns what they say, and what they could not say from here: that is the
// platform's word. What stops is a refusal, of code dossier-gate or the register's.
// Of terms that are not yet permitted there was no run; running says that there
// may have been.
func (d *Dossier) Ask(ctx context.Context, running bool, now time.Time) ([]gates.Verdict, []Word, error) {
	if err := d.Register.InOrder(d.Terms.Operator.Key, d.Terms, now); err != nil {
		return nil, nil, err
	}
	f, err := gates.Gather(ctx, source{d, running}, d.Register, d.Terms, now)
	if err != nil {
		return nil, nil, err
	}
	at := gates.AtSubmission
	if running {
		at = gates.AtStart
	}
	var found []gates.Verdict
	taken := words{}
	for _, v := range gates.Check(f, at) {
		if taken.hear(v) {
			continue
		}
		if v.Blocks() {
			return nil, nil, stop(v)
		}
		found = append(found, v)
	}
	return found, taken.all(), nil
}

// stop is the refusal of a gate that this machine asked.
func stop(v gates.Verdict) error {
	thing, basis := "", v.Cite
	if jobs.ID(v.Thing) == nil {
		thing = " " + v.Thing
	}
	if v.Quote != "" {
		basis += "：“" + v.Quote + "”"
	}
	return fault.Specify("dossier-gate", basis, fault.Party(v.Who), v.Gate+" "+v.ZH+thing, v.Gate+" "+v.EN+thing)
}

// Due reports whether a decision on the terms is its signer's to take now, by what
// others are shown to have signed; the refusals are those of
// governance.Register.MayDecide.
func (d *Dossier) Due(said []json.RawMessage, r receipt.Receipt, now time.Time) error {
	if len(said) > maxStatements {
		return fmt.Errorf("reading decisions: %d of them: %w", len(said), fault.Exhausted)
	}
	return d.Register.MayDecide(d.Terms, receipts(said), r, now)
}

// receipts are those of the statements that can be read; the others are nobody's.
func receipts(raw []json.RawMessage) []receipt.Receipt {
	var have []receipt.Receipt
	for _, e := range raw {
		if r, err := receipt.Parse(e); err == nil {
			have = append(have, r)
		}
	}
	return have
}

// Permitted checks the permit of the terms by the keys of the register: that
// everybody whom the terms name has signed them. A refusal is of code
// dossier-permit.
func (d *Dossier) Permitted(raw []byte, now time.Time) error {
	p, err := jobs.OpenPermit(raw, d.Register.Pins(d.Terms, now))
	if err != nil || p.Digest() != d.Terms.Digest() {
		return fault.Refuse("dossier-permit", governance.House)
	}
	return nil
}
