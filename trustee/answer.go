package trustee

import (
	"context"
	"fmt"
	"slices"

	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/enclave/he"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
)

// summed: the gate has said what it added, and there is a set to add.
func summed(v *msg.View, n int) bool {
	_, ok, err := v.Revealed(n)
	return ok && err == nil && v.Said(n, msg.Sum, v.Terms().Gate.Name)
}

// ready holds what vouches for the gate's key against the permit, adds the
// revealed ciphertexts, one at a time, and answers to the same sum only.
func (t *Trustee) ready(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r, sum, err := t.toCheck(ctx, v, n)
	if err != nil {
		return nil, nil, err
	}
	parts, _, err := v.Revealed(n)
	if err != nil {
		return nil, nil, err
	}
	check := t.added
	if v.Terms().Proved() {
		check = t.listed
	}
	if err := check(ctx, v, n, r, parts, sum); err != nil {
		return nil, nil, err
	}
	if err := t.remember(v, n); err != nil {
		return nil, nil, err
	}
	set, _ := v.Confirmed(n)
	r.to = set.Receiver
	said, _ := v.Receipt(n, msg.Sum, v.Terms().Gate.Name)
	return msg.ReadyBody{Of: v.Of(n, t.Name), Sum: said.Digest()}, nil, nil
}

// toCheck is what a trustee holds its own reckoning against: the gate's sum, if the
// gate's key is vouched for as the permit demands.
func (t *Trustee) toCheck(ctx context.Context, v *msg.View, n int) (*round, msg.SumBody, error) {
	r := t.round(v, n)
	if r == nil {
		return nil, msg.SumBody{}, party.ErrLost
	}
	if err := enclave.Vouched(ctx, t.Fetch, v, n, t.Makers, t.Now()); err != nil {
		return nil, msg.SumBody{}, err
	}
	sum, err := msg.Read[msg.SumBody](v, n, msg.Sum, v.Terms().Gate.Name)
	return r, sum, err
}

// added adds the revealed ciphertexts, and keeps the sum if it is the gate's.
func (t *Trustee) added(ctx context.Context, v *msg.View, _ int, r *round, parts []msg.Parts, sum msg.SumBody) error {
	added, err := enclave.Add(ctx, t.Fetch, parts, v.Terms().Slots(), t.Scratch)
	if err != nil {
		return err
	}
	if !slices.Equal(added.Parts().Bytes(), sum.Parts.Bytes()) {
		added.Close()
		return fmt.Errorf("the gate's sum is not the sum of the confirmed set: %w", fault.Tampered)
	}
	if r.sum != nil {
		r.sum.Close()
	}
	r.sum = added
	return nil
}

// called: the gate has named who is to answer, and this trustee is among them.
func (t *Trustee) called(v *msg.View, n int) bool {
	a, err := msg.Read[msg.ActiveBody](v, n, msg.Active, v.Terms().Gate.Name)
	return err == nil && v.Said(n, msg.Ready, t.Name) && slices.Contains(a.Points, slices.Index(v.Trustees(), t.Name)+1) && v.Permit().At(t.Now()) == nil
}

// reply is the one answer of this round, for the whole ordered list of
// ciphertexts; afterwards the secret is gone, and so is the round if there is no
// answer.
func (t *Trustee) reply(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r := t.round(v, n)
	if r == nil || r.sum == nil && r.answer == nil {
		return nil, nil, party.ErrLost
	}
	gate := v.Terms().Gate.Name
	active, err := msg.Read[msg.ActiveBody](v, n, msg.Active, gate)
	if err != nil {
		return nil, nil, err
	}
	said, _ := v.Receipt(n, msg.Active, gate)
	sum, _ := v.Receipt(n, msg.Sum, gate)
	if active.Sum != sum.Digest() {
		return nil, nil, fmt.Errorf("the gate calls for another sum: %w", fault.Tampered)
	}
	if r.answer == nil {
		to, err := t.Fetch(ctx, r.to, he.PublicKeySize)
		if err != nil {
			return nil, nil, err
		}
		if r.answer, err = enclave.Reply(r.member, active.Points, to, r.sum, t.Scratch); err != nil {
			t.forget(v.ID(), n+1)
			return nil, nil, err
		}
		r.sum.Close()
		r.sum = nil
	}
	seq, err := t.number(v, n, string(msg.Answer))
	if err != nil {
		return nil, nil, err
	}
	return msg.AnswerBody{Of: v.Of(n, t.Name), Active: said.Digest(), Parts: r.answer.Parts(), Seq: seq}, nil, nil
}

// shares puts the answer on the board, when the journal has its digests.
func (t *Trustee) shares(ctx context.Context, v *msg.View, n int) error {
	r := t.round(v, n)
	if r == nil || r.answer == nil {
		return party.ErrLost
	}
	return r.answer.Each(func(b []byte) error { return t.Put(ctx, b) })
}
