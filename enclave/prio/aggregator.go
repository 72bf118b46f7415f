package prio

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

type (
	// Seen remembers the numbers of reports for as long as the task can be begun
	// anew. Once records those of a task, and says which of them it has now seen
	// for the first time; one that stands twice in ids is new once. It returns
	// when the record is on the disk: what depends on a number being new comes
	// after.
	Seen interface {
		Once(task TaskID, ids []ID) (fresh []bool, err error)
	}
	// A Journal keeps, on the disk before Once returns, the one value that kind
	// and key will ever have; another is an error of kind Conflict, and the same
	// again reports already. The daemons' own (storage/journal) is one.
	Journal interface {
		Once(kind, key string, value any) (already bool, err error)
	}
)

// Own is what an aggregator brings to a task.
type Own struct {
	Role    Role
	Sign    suite.PrivateKey
	Box     suite.Box
	Key     Key
	Seen    Seen
	Journal Journal
}

// An Aggregator is one of the two of a task. It goes through lists of reports,
// one after the other, and then closes. Its methods may be called by many
// goroutines, and do one thing at a time.
type Aggregator struct {
	task   Task
	own    Own
	mu     sync.Mutex
	scheme scheme
	stage  stage
	list   uint32   // of the last list begun, from 1 on
	open   *pending // the list that is begun and not finished
	ids    []ID     // accepted
	tally  Tally
}

type stage uint8

const (
	dead    stage = iota // the zero Aggregator does nothing
	taking               // lists
	closed               // the set is fixed
	showing              // the share is on its way, or out
)

// A pending list waits for the other's answers.
type pending struct {
	ids    []ID
	mine   []entry
	states []any
}

// NewAggregator begins a task. It journals the key: a task has one, for ever.
func NewAggregator(t Task, own Own) (*Aggregator, error) {
	if err := t.may(own.Role, own.Sign); err != nil {
		return nil, fmt.Errorf("beginning a task: %w", err)
	}
	if own.Box.Public() != t.agent(own.Role).Box || own.Key == (Key{}) || own.Seen == nil || own.Journal == nil {
		return nil, fmt.Errorf("beginning a task: no box, key, memory or journal: %w", fault.Denied)
	}
	s, err := newScheme(t.p, t.context())
	if err != nil {
		return nil, fmt.Errorf("beginning a task: %w", err)
	}
	mark := suite.DigestOf(append(append([]byte("yunei prio key v1\n"), t.id[:]...), own.Key[:]...))
	if _, err := own.Journal.Once("prio-key", t.journalKey(own.Role), mark); err != nil {
		return nil, fmt.Errorf("beginning a task: %w", err)
	}
	return &Aggregator{task: t, own: own, scheme: s, stage: taking}, nil
}

func (t Task) journalKey(r Role) string { return t.id.String() + " " + r.String() }

// Prepare begins the next list of reports, which the other must be given in the
// same order, and returns the answers to send to it. Now is the aggregator's
// clock: a report of a later time, by more than the precision, is Untimely. An
// error is of kind Exhausted if the list is too long, or Conflict if this is not
// the time for a list.
func (a *Aggregator) Prepare(reports [][]byte, now time.Time) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage != taking || a.open != nil {
		return nil, fmt.Errorf("preparing reports: a list is open, or the task is closed: %w", fault.Conflict)
	}
	if len(reports) == 0 || len(reports) > a.task.ListLimit() || len(a.ids)+len(reports) > a.task.p.MaxBatch {
		return nil, fmt.Errorf("preparing reports: none, or too many: %w", fault.Exhausted)
	}
	p, inputs := a.receive(reports, now)
	if err := a.once(p, inputs); err != nil {
		// What is on the disk is not known, so neither is what may be counted.
		a.stage = dead
		return nil, fmt.Errorf("preparing reports: %w", err)
	}
	a.list++
	a.open = p
	for i := range p.mine {
		a.prepare(p, i, inputs[i])
	}
	return sign(a.own.Sign, encodeList(a.task, a.own.Role, a.list, p.mine))
}

// An input is what opening a report's letter gave.
type input struct {
	public, share []byte
}

// receive opens what can be opened, and says of the rest why not.
func (a *Aggregator) receive(reports [][]byte, now time.Time) (*pending, []input) {
	p := &pending{ids: make([]ID, len(reports)), mine: make([]entry, len(reports)), states: make([]any, len(reports))}
	inputs := make([]input, len(reports))
	latest := now.Unix() + int64(a.task.p.Precision/time.Second)
	for i, raw := range reports {
		r, err := ParseReport(a.task, raw)
		if err != nil {
			p.mine[i].reason = Malformed
			continue
		}
		p.ids[i], p.mine[i].tag = r.ID, r.tag()
		inputs[i], p.mine[i].reason = a.unseal(r, p.mine[i].tag, latest)
	}
	return p, inputs
}

func (a *Aggregator) unseal(r Report, mark tag, latest int64) (input, Reason) {
	i := a.own.Role.index()
	if r.Task != a.task.id {
		return input{}, Foreign
	}
	if !a.task.p.timely(r.At) || r.At > latest {
		return input{}, Untimely
	}
	share, err := a.own.Box.Open(r.info(mark, a.own.Role), r.Letters[i])
	if err != nil {
		return input{}, Unopened
	}
	if len(share) != a.task.input[i] {
		return input{}, Unshaped
	}
	return input{r.Public, share}, 0
}

// once records the reports that are about to be answered, before any is.
func (a *Aggregator) once(p *pending, inputs []input) error {
	var ids []ID
	var at []int
	for i := range inputs {
		if p.mine[i].reason == 0 {
			ids, at = append(ids, p.ids[i]), append(at, i)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	fresh, err := a.own.Seen.Once(a.task.id, ids)
	if err != nil {
		return err
	}
	if len(fresh) != len(ids) {
		return fmt.Errorf("the memory of reports answered about %d of %d: %w", len(fresh), len(ids), fault.Internal)
	}
	for k, i := range at {
		if !fresh[k] {
			p.mine[i].reason = Replayed
		}
	}
	return nil
}

// prepare makes the answer about one report, and clears the share.
func (a *Aggregator) prepare(p *pending, i int, in input) {
	e := &p.mine[i]
	if e.reason != 0 {
		return
	}
	state, answer, err := a.scheme.prepare(a.own.Key, p.ids[i], a.own.Role, in.public, in.share)
	clear(in.share)
	if err != nil {
		e.reason = reasonOf(err)
		return
	}
	p.states[i], e.answer = state, answer
}

// reasonOf is the reason that an error of a scheme names.
func reasonOf(err error) Reason {
	if r, ok := errors.AsType[Reason](err); ok {
		return r
	}
	return Unproved
}

// Finish takes the other's answers about the open list, and counts the reports
// that stand. It returns how many. After an error the list is still open: what
// is not the other's own message about this list changes nothing.
func (a *Aggregator) Finish(theirs []byte) (accepted int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage != taking || a.open == nil {
		return 0, fmt.Errorf("finishing a list: none is open: %w", fault.Conflict)
	}
	from := a.own.Role.other()
	body, err := verify(a.task.agent(from).Key, theirs)
	if err != nil {
		return 0, fmt.Errorf("finishing a list: %w", err)
	}
	other, err := parseList(a.task, from, a.list, len(a.open.mine), body)
	if err != nil {
		return 0, fmt.Errorf("finishing a list: %w", err)
	}
	p := a.open
	a.open = nil
	for i := range p.mine {
		if reason := a.judge(p, i, other[i]); reason != 0 {
			a.tally[reason]++
			continue
		}
		a.ids = append(a.ids, p.ids[i])
		accepted++
	}
	return accepted, nil
}

// judge says why a report is not counted, alike in both aggregators, or counts
// it. Nothing is counted without an answer of each: the proof is checked over
// the two, here and nowhere before.
func (a *Aggregator) judge(p *pending, i int, theirs entry) Reason {
	mine := p.mine[i]
	both := [2]entry{mine, theirs}
	if a.own.Role == Helper {
		both = [2]entry{theirs, mine}
	}
	switch {
	case mine.tag != theirs.tag:
		return Split
	case both[0].reason != 0:
		return both[0].reason
	case both[1].reason != 0:
		return both[1].reason
	}
	if err := a.scheme.finish(p.states[i], theirs.answer); err != nil {
		return reasonOf(err)
	}
	return 0
}
