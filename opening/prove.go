package opening

import (
	"context"
	"errors"
	"fmt"

	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
)

// With protection prio3 the gate's key of a round is a box that the two
// aggregators seal their sums to. It adds nothing: its sum lists the reports that
// the members have revealed, and what it opens are two shares of what the
// aggregators have added.

func newRound(v *msg.View) (*round, error) {
	if v.Terms().Proved() {
		c, err := enclave.NewCollector()
		return &round{collector: c}, err
	}
	o, err := enclave.NewOpener()
	return &round{opener: o}, err
}

func (r *round) publicKey() []byte {
	if r.collector != nil {
		return r.collector.PublicKey()
	}
	return r.opener.PublicKey()
}

func (r *round) erase() {
	if r.joint != nil {
		r.joint.holder.Erase()
		return
	}
	if r.collector != nil {
		r.collector.Erase()
		return
	}
	r.opener.Erase()
	if r.sum != nil {
		r.sum.Close()
	}
}

// list says which reports are to be added.
func (g *Gate) list(v *msg.View, n int, r *round, reveals []msg.Parts) (msg.Body, [][]byte, error) {
	if r.list == nil {
		list, err := v.Listed(reveals)
		if err != nil {
			return nil, nil, err
		}
		r.list = list
	}
	return msg.SumBody{Of: v.Of(n, g.Name), Parts: r.list}, nil, nil
}

// shared: both aggregators have given their sums, and what these are of is in
// sight: a board that shows a part of it for now ends nothing.
func shared(v *msg.View, n int) bool {
	_, ok := msg.All[msg.PrioBody](v, n, msg.PrioSum, v.Aggregators())
	_, revealed, err := v.Revealed(n)
	return ok && revealed && err == nil && v.Said(n, msg.Sum, v.Terms().Gate.Name)
}

// collectShares fetches what the aggregators have given. What one of them has
// signed and is no sum for each range ends the run.
func (g *Gate) collectShares(ctx context.Context, v *msg.View, n int, r *round) (unlock, error) {
	tasks, err := enclave.Tasks(ctx, g.Fetch, v, n)
	if err != nil {
		return nil, err
	}
	var shares [2][][]byte
	for i, name := range v.Aggregators() {
		b, err := msg.ReadPrio(v, n, msg.PrioSum, name)
		if err != nil {
			return nil, err
		}
		if shares[i], err = enclave.FetchMessages(ctx, g.Fetch, b); err != nil {
			if errors.Is(err, fault.Invalid) || errors.Is(err, fault.Exhausted) { // the aggregator's: no digest, or too large
				err = fmt.Errorf("%w: %w", err, fault.Tampered)
			}
			return nil, err
		}
	}
	return func(ctx context.Context, gate enclave.Gate) (candidate, record []byte, err error) {
		return r.collector.Open(ctx, tasks, shares[0], shares[1], gate)
	}, nil
}
