package trustee

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/enclave/prio"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/suite"
)

// With protection prio3 a trustee holds no share of a key. It says hello, in which
// an aggregator's box is, and it is ready when it has checked what it checks
// before any sum is opened. The two that the permit names then go through the
// reports, which lie in pieces: each can open its own piece of each, and a share
// of the sum is given once, over all members' or none, and not before a quorum of
// the trustees remembers what is opened.

// reported is the journal's kind of the reports that a task was begun with: one list,
// once and for ever.
const reported = "prio-seen"

// remembered is a prio.Seen in the journal. Reports that stand in a list twice, and
// all of a list that was seen before, are not new.
type remembered struct{ *Trustee }

func (m remembered) Once(task prio.TaskID, ids []prio.ID) ([]bool, error) {
	names := make([]string, len(ids))
	fresh := make([]bool, len(ids))
	for i, id := range ids {
		names[i] = id.String()
		fresh[i] = !slices.Contains(names[:i], names[i])
	}
	m.Hook("prio-seen:before")
	already, err := m.Journal.Once(reported, task.String(), names)
	m.Hook("prio-seen:after")
	if err != nil {
		return nil, fmt.Errorf("noting which reports were seen: %w", err)
	}
	if already {
		clear(fresh)
	}
	return fresh, nil
}

func (t *Trustee) proofSteps() []party.Step {
	return []party.Step{
		{Kind: msg.Hello, Due: t.may, Make: t.hello},
		{Kind: msg.PrioPart, Due: t.collected, Make: t.giveParts},
		{Kind: msg.Ready, Due: summed, Make: t.ready},
		{Kind: msg.PrioAnswer, Due: t.mayAggregate, Make: t.examine},
		{Kind: msg.PrioClaim, Due: t.told(msg.PrioAnswer), Make: t.claim},
		{Kind: msg.PrioSum, Due: t.told(msg.PrioClaim), Make: t.give},
	}
}

func (t *Trustee) aggregates(v *msg.View) bool { return slices.Contains(v.Aggregators(), t.Name) }

// collected: this is an aggregator, and all is there that the tasks are made of.
func (t *Trustee) collected(v *msg.View, n int) bool {
	return t.aggregates(v) && said(msg.Hello)(v, n) && v.Said(n, msg.Receiver, v.Terms().Gate.Name)
}

func (t *Trustee) mayAggregate(v *msg.View, n int) bool {
	return t.told(msg.PrioPart)(v, n) && v.Said(n, msg.Ready, t.Name) && v.MayAggregate(n) && t.may(v, n)
}

// told: this is an aggregator, and both have said that much.
func (t *Trustee) told(kind receipt.Kind) func(*msg.View, int) bool {
	return func(v *msg.View, n int) bool {
		return t.aggregates(v) && !slices.ContainsFunc(v.Aggregators(), func(name string) bool { return !v.Said(n, kind, name) }) && t.may(v, n)
	}
}

// giveParts draws this aggregator's parts of the verify keys.
func (t *Trustee) giveParts(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r := t.round(v, n)
	if r == nil {
		return nil, nil, party.ErrLost
	}
	if r.batch == nil {
		tasks, err := enclave.Tasks(ctx, t.Fetch, v, n)
		if err != nil {
			return nil, nil, err
		}
		role := prio.Leader
		if v.Aggregators()[0] != t.Name {
			role = prio.Helper
		}
		if r.batch, err = enclave.NewAggregation(tasks, role, t.Key, r.box); err != nil {
			return nil, nil, err
		}
	}
	return t.prioBody(v, n, msg.PrioPart, r.batch.Parts())
}

func (t *Trustee) prioBody(v *msg.View, n int, kind receipt.Kind, messages [][]byte) (msg.Body, [][]byte, error) {
	b := msg.PrioBody{Of: v.Of(n, t.Name)}
	for _, m := range messages {
		b.Messages = append(b.Messages, suite.DigestOf(m))
	}
	if kind != msg.PrioPart {
		sum, _ := v.Receipt(n, msg.Sum, v.Terms().Gate.Name)
		b.Sum = sum.Digest()
	}
	return b, messages, nil
}

// listed is what a trustee checks of the gate's list of reports: it is of all that
// the members have revealed, and the tasks that they were made for are those that
// this trustee goes by, if it is an aggregator.
func (t *Trustee) listed(ctx context.Context, v *msg.View, n int, r *round, reveals []msg.Parts, sum msg.SumBody) error {
	list, err := v.Listed(reveals)
	if err != nil {
		return err
	}
	if !slices.Equal(list.Bytes(), sum.Parts.Bytes()) {
		return fmt.Errorf("the gate's list is not of the confirmed set's reports: %w", fault.Tampered)
	}
	if !t.aggregates(v) {
		return nil
	}
	tasks, err := enclave.Tasks(ctx, t.Fetch, v, n)
	if err != nil {
		return err
	}
	if r.batch == nil || enclave.NameTasks(tasks) != enclave.NameTasks(r.batch.Tasks()) {
		return fmt.Errorf("the members' reports are for other tasks than this aggregator's: %w", fault.Tampered)
	}
	r.list = list
	return nil
}

// theirs fetches what the other aggregator has said.
func (t *Trustee) theirs(ctx context.Context, v *msg.View, n int, kind receipt.Kind) (*round, [][]byte, error) {
	r := t.round(v, n)
	if r == nil || r.batch == nil {
		return nil, nil, party.ErrLost
	}
	two := v.Aggregators()
	other := two[0]
	if other == t.Name {
		other = two[1]
	}
	b, err := msg.ReadPrio(v, n, kind, other)
	if err != nil {
		return nil, nil, foul(err)
	}
	raw, err := enclave.FetchMessages(ctx, t.Fetch, b)
	if errors.Is(err, fault.Tampered) { // the board's doing, and not that of whoever named the digest
		return nil, nil, err
	}
	return r, raw, foul(err)
}

// examine opens this aggregator's pieces of the reports, and answers what the
// proofs ask.
func (t *Trustee) examine(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r, parts, err := t.theirs(ctx, v, n, msg.PrioPart)
	if err != nil {
		return nil, nil, err
	}
	if r.list == nil {
		return nil, nil, party.ErrLost
	}
	reports, err := enclave.FetchReports(ctx, t.Fetch, r.batch.Tasks(), r.list)
	if large, ok := errors.AsType[enclave.Oversized](err); ok {
		return nil, nil, unproved{v.Sites()[large.Member]}
	}
	if err != nil {
		return nil, nil, err
	}
	answers, err := r.batch.Prepare(parts, reports, remembered{t}, t.Journal, t.Now())
	if err != nil {
		return nil, nil, foul(err)
	}
	return t.prioBody(v, n, msg.PrioAnswer, answers)
}

// unproved is the end of a run for the report of a site that was not accepted.
type unproved struct{ site string }

// Error names the site, and nothing of what its report holds.
func (u unproved) Error() string { return "the report of " + u.site + " does not stand" }

// Unwrap gives the refusal.
func (u unproved) Unwrap() error { return fault.Refuse("unproved", "house") }

// claim checks the proofs over both answers, and says which reports stand: all, or
// the run ends here.
func (t *Trustee) claim(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r, answers, err := t.theirs(ctx, v, n, msg.PrioAnswer)
	if err != nil {
		return nil, nil, err
	}
	claims, rejected, err := r.batch.Finish(answers)
	if err != nil {
		return nil, nil, foul(err)
	}
	if len(rejected) > 0 {
		return nil, nil, unproved{v.Sites()[rejected[0]]}
	}
	return t.prioBody(v, n, msg.PrioClaim, claims)
}

// give gives this aggregator's shares of the sums, once.
func (t *Trustee) give(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r, claims, err := t.theirs(ctx, v, n, msg.PrioClaim)
	if err != nil {
		return nil, nil, err
	}
	shares, err := r.batch.Share(claims)
	if err != nil {
		return nil, nil, foul(err)
	}
	return t.prioBody(v, n, msg.PrioSum, shares)
}

// foul turns what the other aggregator has signed, and is not what it should be,
// into the end of the run: it would be no better the next time.
func foul(err error) error {
	if errors.Is(err, fault.Tampered) || errors.Is(err, fault.Invalid) || errors.Is(err, fault.Exhausted) {
		return fmt.Errorf("%w: %w", err, fault.Refuse("tampered", "house"))
	}
	return err
}
