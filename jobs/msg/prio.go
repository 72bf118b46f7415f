package msg

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// What a round says with protection prio3 (jobs.Prio3). It goes the way of any
// other up to the reveals, which name reports in place of ciphertexts: the set
// that every member signs names the trustees' hellos and the gate's key, and so
// the two aggregators' boxes and the collector, of which the tasks are made. The
// gate's sum lists the reports that are to be added, and the trustees that are
// ready have checked what they check for any sum. Then the two aggregators, and
// nobody else, go through the reports.

// committee are the trustees that hold a share of the round's key, if it has one.
func committee(t jobs.Terms) []jobs.Process {
	if t.Proved() {
		return nil
	}
	return t.Trustees.Members
}

// Aggregators lists the names of the two aggregators, leader first; none if the
// protection is another.
func (v *View) Aggregators() []string {
	var names []string
	for _, p := range v.Terms().Aggregators() {
		names = append(names, p.Name)
	}
	return names
}

// Listed is what the gate's sum names with protection prio3: the reports of each
// member, in the members' order. An error of kind Tampered says that a member has
// not revealed one report for each range of the terms.
func (v *View) Listed(reveals []Parts) (Parts, error) {
	ranges := len(v.Terms().Ranges())
	var list Parts
	for i, parts := range reveals {
		if len(parts) != 1 || len(parts[0]) != ranges {
			return nil, fmt.Errorf("%s has not revealed a report for each range: %w", v.Sites()[i], fault.Tampered)
		}
		list = append(list, parts[0])
	}
	return list, nil
}

// ReadyFor lists the trustees that are ready for the gate's sum of a round, in
// the permit's order.
func (v *View) ReadyFor(round int) []string {
	sum, ok := v.Receipt(round, Sum, v.Terms().Gate.Name)
	if !ok {
		return nil
	}
	var names []string
	for _, name := range v.Trustees() {
		if b, err := Read[ReadyBody](v, round, Ready, name); err == nil && b.Sum == sum.Digest() {
			names = append(names, name)
		}
	}
	return names
}

// MayAggregate reports whether a quorum of the trustees, and both aggregators
// among them, are ready for the gate's sum, so that as many remember what is
// opened as of any other sum.
func (v *View) MayAggregate(round int) bool {
	ready := v.ReadyFor(round)
	if len(ready) < v.Terms().Trustees.Quorum {
		return false
	}
	two := v.Aggregators()
	return len(two) == 2 && slices.Contains(ready, two[0]) && slices.Contains(ready, two[1])
}

// ReadPrio reads what an aggregator has said of a kind: a message for each range
// of the terms, about the gate's sum of the round unless it is a prio-part, which
// is said before there is one. An error is of kind NotFound or Tampered.
func ReadPrio(v *View, round int, kind receipt.Kind, party string) (PrioBody, error) {
	b, err := Read[PrioBody](v, round, kind, party)
	if err != nil {
		return PrioBody{}, err
	}
	var about suite.Digest
	if kind != PrioPart {
		sum, ok := v.Receipt(round, Sum, v.Terms().Gate.Name)
		if !ok {
			return PrioBody{}, fmt.Errorf("the sum that %s of %s is about: %w", kind, party, fault.NotFound)
		}
		about = sum.Digest()
	}
	if b.Sum != about || len(b.Messages) != len(v.Terms().Ranges()) {
		return PrioBody{}, fmt.Errorf("%s of %s: not a message for each range, about this sum: %w", kind, party, fault.Tampered)
	}
	return b, nil
}
