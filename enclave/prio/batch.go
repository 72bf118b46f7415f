package prio

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
)

// A Set stands for exactly the reports that were accepted: the digest of their
// numbers in order. The numbers are public and random, so it hides nothing and
// need not.
type Set [32]byte

// String returns 64 hex digits.
func (s Set) String() string { return hex.EncodeToString(s[:]) }

func setOf(t Task, ids []ID) Set {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(x, y ID) int { return bytes.Compare(x[:], y[:]) })
	b := append([]byte("yunei prio set v1\n"), t.id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(ids)))
	for _, id := range sorted {
		b = append(b, id[:]...)
	}
	return Set(digest(b))
}

// A Batch is what an aggregator says of all that it went through.
type Batch struct {
	Lists    uint32
	Accepted uint32
	Set      Set
	Tally    Tally // of those that were not accepted
}

func (c Batch) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, c.Lists)
	b = binary.BigEndian.AppendUint32(b, c.Accepted)
	b = append(b, c.Set[:]...)
	for _, n := range c.Tally {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

func (r *reader) batch() Batch {
	c := Batch{Lists: r.u32(), Accepted: r.u32(), Set: r.hash()}
	for i := range c.Tally {
		c.Tally[i] = r.u32()
	}
	if c.Tally[0] != 0 {
		r.bad = true
	}
	return c
}

func (a *Aggregator) batch() Batch {
	return Batch{a.list, uint32(len(a.ids)), setOf(a.task, a.ids), a.tally} //nolint:gosec // at most MaxReports
}

// Close fixes the set of accepted reports, and returns the message that says so
// to the other. Nothing is accepted after; closing again says the same.
func (a *Aggregator) Close() ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage == dead || a.open != nil {
		return nil, fmt.Errorf("closing a batch: a list is open, or the task is lost: %w", fault.Conflict)
	}
	a.stage = max(a.stage, closed)
	return sign(a.own.Sign, encodeBatch(claimMark, a.task, a.own.Role, a.batch()))
}

// Batch is what Close states.
func (a *Aggregator) Batch() Batch {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.batch()
}

// Accepted are the numbers of the reports that were accepted, in the order of
// the lists: by them whoever made the lists knows which were not.
func (a *Aggregator) Accepted() []ID {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.ids)
}

func encodeBatch(mark byte, t Task, from Role, c Batch) []byte {
	b := append(append(begin(mark), t.id[:]...), byte(from))
	return c.append(b)
}

// parseBatch begins to read what encodeBatch wrote.
func parseBatch(mark byte, t Task, from Role, body []byte) (Batch, *reader, error) {
	r := read(mark, body)
	if id := r.hash(); r.bad || id != t.id || Role(r.u8()) != from {
		return Batch{}, r, fmt.Errorf("reading what an aggregator states: of another task or sender: %w", fault.Tampered)
	}
	return r.batch(), r, nil
}

func parseClaim(t Task, from Role, body []byte) (Batch, error) {
	c, r, err := parseBatch(claimMark, t, from, body)
	if err != nil {
		return Batch{}, err
	}
	return c, r.done("what an aggregator states")
}

// Share takes what the other states, and returns this aggregator's sum, sealed
// to the collector, if both accepted the same reports and enough of them. It
// does so once: what it is about to give is journalled first, and whoever loses
// the message has lost the batch. An error is of kind Tampered if the sets
// differ, Denied if too few reports were accepted, Conflict if it was asked
// before.
func (a *Aggregator) Share(theirs []byte) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage != closed {
		return nil, fmt.Errorf("giving a share: the batch is not closed, or has been given: %w", fault.Conflict)
	}
	from := a.own.Role.other()
	body, err := verify(a.task.agent(from).Key, theirs)
	if err != nil {
		return nil, fmt.Errorf("giving a share: %w", err)
	}
	claim, err := parseClaim(a.task, from, body)
	if err != nil {
		return nil, fmt.Errorf("giving a share: %w", err)
	}
	own := a.batch()
	if claim != own {
		return nil, fmt.Errorf("giving a share: the aggregators did not accept the same reports: %w", fault.Tampered)
	}
	if int(own.Accepted) < a.task.p.MinBatch {
		return nil, fmt.Errorf("giving a share: %d reports accepted, %d needed: %w", own.Accepted, a.task.p.MinBatch, fault.Denied)
	}
	already, err := a.own.Journal.Once("prio-share", a.task.journalKey(a.own.Role), own.Set.String())
	if err != nil {
		return nil, fmt.Errorf("giving a share: %w", err)
	}
	a.stage = showing
	if already {
		return nil, fmt.Errorf("giving a share: it was given before: %w", fault.Conflict)
	}
	return a.show(own)
}

// show seals the sum, and forgets it.
func (a *Aggregator) show(c Batch) ([]byte, error) {
	plain, err := a.scheme.sum()
	if err != nil {
		return nil, fmt.Errorf("giving a share: %w", err)
	}
	defer clear(plain)
	a.scheme = nil
	letter, err := a.task.p.Collector.Seal(a.task.shareInfo(a.own.Role, c), plain)
	if err != nil {
		return nil, fmt.Errorf("giving a share: %w", err)
	}
	return sign(a.own.Sign, appendLetter(encodeBatch(shareMark, a.task, a.own.Role, c), letter))
}

func (t Task) shareInfo(from Role, c Batch) string {
	return fmt.Sprintf("yunei prio aggregate share v1 %s from %s over %s", t.id, from, Set(digest(c.append(nil))))
}
