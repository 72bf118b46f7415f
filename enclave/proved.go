package enclave

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/yunei/yunei/enclave/prio"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// Protection prio3 (enclave/prio) in a run: the vector that a site would have
// encrypted goes out as one report for each range of the terms (jobs.Range), each
// made for a task of its own. All parties make the same tasks, of the terms, the
// round, the aggregators' boxes and the gate's key, which are what every member
// signs in the set. A batch is all members, so that a sum is of them or is none.

// Tasks are what a round's reports are made for, one for each of the terms'
// ranges, in order. The error is of kind NotFound while a trustee has said no
// hello or the gate has no key.
func Tasks(ctx context.Context, fetch Fetch, v *msg.View, n int) ([]prio.Task, error) {
	said, err := msg.Read[msg.ReceiverBody](v, n, msg.Receiver, v.Terms().Gate.Name)
	if err != nil {
		return nil, err
	}
	raw, err := fetch(ctx, said.Key, maxBoxKey)
	if err != nil {
		return nil, err
	}
	collector := suite.BoxKey(raw)
	if err := collector.Check(); err != nil {
		return nil, fmt.Errorf("reading the gate's key: %w: %w", err, fault.Tampered)
	}
	p, err := params(v, n)
	if err != nil {
		return nil, err
	}
	p.Collector = collector
	var tasks []prio.Task
	for i, r := range v.Terms().Ranges() {
		p.Group, p.Length, p.Bits, p.Chunk = i+1, r.Slots, r.Bits, prio.Chunk(r.Elements())
		p.Offset = uint64(-r.Lo) //nolint:gosec // a range begins at 0 or below
		t, err := prio.New(p)
		if err != nil {
			return nil, fmt.Errorf("range %d: %w", i, err)
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// NameTasks names tasks, in their order.
func NameTasks(tasks []prio.Task) suite.Digest {
	var b []byte
	for _, t := range tasks {
		id := t.ID()
		b = append(b, id[:]...)
	}
	return suite.DigestOf(b)
}

// maxBoxKey bounds the text of a box key.
const maxBoxKey = 128

// params are what the tasks of a round have alike. Their time is the permit's, to
// the hour: when a site sealed is not for its report to tell.
func params(v *msg.View, n int) (prio.Params, error) {
	t := v.Terms()
	p := prio.Params{
		Kind: prio.SumVec, MinBatch: len(t.Members), MaxBatch: len(t.Members), Permit: v.Permit().Digest(), Run: v.ID(), Round: n,
		NotBefore: t.NotBefore.Truncate(time.Hour), NotAfter: t.NotAfter.Truncate(time.Hour).Add(time.Hour), Precision: time.Hour,
	}
	two := t.Aggregators()
	if len(two) != len(p.Agents) {
		return p, fmt.Errorf("the terms name no aggregators: %w", fault.Denied)
	}
	for i, a := range two {
		hello, err := msg.Read[msg.HelloBody](v, n, msg.Hello, a.Name)
		if err != nil {
			return p, err
		}
		p.Agents[i] = prio.Agent{Name: a.Name, Key: a.Key, Box: hello.Box}
	}
	return p, nil
}

// Prove makes a site's reports of the vector that it seals, for the tasks of the
// ranges. A value beyond its range is drawn back to the range's end: of noise that
// has a chance below 2^-180, and tells no more than the value did. Of a mark all
// that is told is whether it is 0. The reports are a list of one, as ciphertexts
// are of two moduli.
func Prove(tasks []prio.Task, ranges []jobs.Range, values []int64) ([][][]byte, error) {
	if len(tasks) != len(ranges) || len(tasks) == 0 {
		return nil, fmt.Errorf("proving a partial: %d tasks for %d ranges: %w", len(tasks), len(ranges), fault.Invalid)
	}
	var reports [][]byte
	for i, r := range ranges {
		if len(values) < r.Slots {
			return nil, fmt.Errorf("proving a partial: it is too short: %w", fault.Invalid)
		}
		report, err := proveOne(tasks[i], r, values[:r.Slots], rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("proving a partial: range %d: %w", i, err)
		}
		reports, values = append(reports, report), values[r.Slots:]
	}
	if len(values) > 0 {
		return nil, fmt.Errorf("proving a partial: it is too long: %w", fault.Invalid)
	}
	return [][][]byte{reports}, nil
}

func proveOne(t prio.Task, r jobs.Range, values []int64, random io.Reader) ([]byte, error) {
	within := make([]int64, len(values))
	defer clear(within)
	for i, x := range values {
		if within[i] = min(max(x, r.Lo), r.Hi()); r.Mark && x != 0 {
			within[i] = 1
		}
	}
	c, err := prio.NewClient(t)
	if err != nil {
		return nil, err
	}
	report, err := c.Report(within, t.Params().NotBefore, random)
	if err != nil {
		return nil, err
	}
	return report.Bytes(), nil
}

// maxMessage bounds what aggregators say of all members' reports, in bytes.
const maxMessage = 16 << 20

// Oversized is a member's report that is larger than any of its task: it is not
// fetched to the end.
type Oversized struct{ Member int }

// Error says that much.
func (Oversized) Error() string { return "a report is larger than its task lets it be" }

// Unwrap gives the kind.
func (Oversized) Unwrap() error { return fault.Exhausted }

// FetchReports fetches what the gate's sum lists (msg.View.Listed), and returns it
// range by range, in the members' order, each of a task's. The error is Oversized
// for a report that cannot be one.
func FetchReports(ctx context.Context, fetch Fetch, tasks []prio.Task, list msg.Parts) ([][][]byte, error) {
	var all [][][]byte
	for k, member := range list {
		if len(member) != len(tasks) {
			return nil, fmt.Errorf("fetching reports: %d for %d tasks: %w", len(member), len(tasks), fault.Tampered)
		}
		for i, d := range member {
			raw, err := fetch(ctx, d, tasks[i].ReportLimit())
			if errors.Is(err, fault.Exhausted) {
				return nil, Oversized{k}
			}
			if err != nil {
				return nil, err
			}
			if i == len(all) {
				all = append(all, nil)
			}
			all[i] = append(all[i], raw)
		}
	}
	return all, nil
}

// FetchMessages fetches what an aggregator has said.
func FetchMessages(ctx context.Context, fetch Fetch, b msg.PrioBody) ([][]byte, error) {
	var all [][]byte
	for _, d := range b.Messages {
		raw, err := fetch(ctx, d, maxMessage)
		if err != nil {
			return nil, err
		}
		all = append(all, raw)
	}
	return all, nil
}

// A Collector holds the gate's key of one round of protection prio3, in memory
// only.
type Collector struct {
	box    suite.Box
	erased bool
}

// NewCollector draws a key for one round.
func NewCollector() (*Collector, error) {
	box, err := suite.NewBox()
	if err != nil {
		return nil, fmt.Errorf("drawing the gate's key: %w", err)
	}
	return &Collector{box: box}, nil
}

// PublicKey is what aggregators seal their sums to.
func (c *Collector) PublicKey() []byte { return []byte(c.box.Public()) }

// Erase drops the key.
func (c *Collector) Erase() { c.box, c.erased = suite.Box{}, true }

// Open puts the two aggregators' sums together, shows the vector to the gate, and
// returns only what the gate returned, as Opener.Open does. A Collector opens
// once.
func (c *Collector) Open(ctx context.Context, tasks []prio.Task, leader, helper [][]byte, gate Gate) (candidate, record []byte, err error) {
	if gate == nil || c.erased || len(tasks) == 0 || len(leader) != len(tasks) || len(helper) != len(tasks) {
		return nil, nil, errors.New("opening: no gate, no key, or not a sum for each task")
	}
	defer c.Erase()
	var opened []int64
	defer func() { clear(opened) }()
	for i, t := range tasks {
		r, err := prio.Collect(t, c.box, leader[i], helper[i])
		if err != nil {
			return nil, nil, fmt.Errorf("opening: range %d: %w", i, err)
		}
		opened = append(opened, r.Values...)
		clear(r.Values)
	}
	return gate(ctx, opened)
}
