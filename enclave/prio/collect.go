package prio

import (
	"fmt"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// A Result is the sum of a batch.
type Result struct {
	Values []int64 // one for each entry, offsets taken away
	Batch          // how many reports, which, and how many were not counted and why
}

// Collect opens the two aggregators' shares and adds them. Both must be over the
// same set of reports, large enough, and give a sum that such a set could have.
// An error is of kind Tampered, or Denied if the set is too small.
func Collect(t Task, box suite.Box, leader, helper []byte) (Result, error) {
	if err := t.check(); err != nil || box.Public() != t.p.Collector {
		return Result{}, fmt.Errorf("collecting a batch: not the collector: %w", fault.Denied)
	}
	var batches [2]Batch
	var shares [2][]byte
	for i, msg := range [2][]byte{leader, helper} {
		var err error
		if batches[i], shares[i], err = openShare(t, Role(i+1), box, msg); err != nil {
			return Result{}, fmt.Errorf("collecting a batch: %w", err)
		}
		defer clear(shares[i])
	}
	if batches[0] != batches[1] {
		return Result{}, fmt.Errorf("collecting a batch: the shares are over different reports: %w", fault.Tampered)
	}
	n := int(batches[0].Accepted)
	if n < t.p.MinBatch || n > t.p.MaxBatch {
		return Result{}, fmt.Errorf("collecting a batch: %d reports: %w", n, fault.Denied)
	}
	s, err := newScheme(t.p, t.context())
	if err != nil {
		return Result{}, fmt.Errorf("collecting a batch: %w", err)
	}
	numbers, err := s.unshard(shares, n)
	if err != nil {
		return Result{}, fmt.Errorf("collecting a batch: %w", fault.Tampered)
	}
	values, err := t.p.values(numbers, n)
	if err != nil {
		return Result{}, fmt.Errorf("collecting a batch: %w", err)
	}
	return Result{values, batches[0]}, nil
}

func openShare(t Task, from Role, box suite.Box, msg []byte) (Batch, []byte, error) {
	body, err := verify(t.agent(from).Key, msg)
	if err != nil {
		return Batch{}, nil, err
	}
	c, letter, err := parseShare(t, from, body)
	if err != nil {
		return Batch{}, nil, err
	}
	plain, err := box.Open(t.shareInfo(from, c), letter)
	if err != nil {
		return Batch{}, nil, err
	}
	if len(plain) != t.output {
		return Batch{}, nil, fmt.Errorf("an aggregate share of the wrong size: %w", fault.Tampered)
	}
	return c, plain, nil
}

func parseShare(t Task, from Role, body []byte) (Batch, []byte, error) {
	c, r, err := parseBatch(shareMark, t, from, body)
	if err != nil {
		return Batch{}, nil, err
	}
	letter := r.letter(t.output)
	return c, letter, r.done("an aggregate share")
}

// values checks that n reports in range can add up to numbers, and takes the
// offsets away.
func (p Params) values(numbers []uint64, n int) ([]int64, error) {
	most := uint64(n) * p.largest() //nolint:gosec // at most MaxTotal, as n is at most MaxBatch
	values, total := make([]int64, len(numbers)), uint64(0)
	for i, x := range numbers {
		if x > most {
			return nil, fmt.Errorf("entry %d is more than so many reports can add up to: %w", i, fault.Tampered)
		}
		total += x                                       // a histogram's: at most MaxElements times MaxReports
		values[i] = int64(x) - int64(uint64(n)*p.Offset) //nolint:gosec // both at most MaxTotal
	}
	if p.Kind == Histogram && total != uint64(n) { //nolint:gosec // a count
		return nil, fmt.Errorf("the buckets do not add up to the reports: %w", fault.Tampered)
	}
	return values, nil
}
