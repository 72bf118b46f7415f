package enclave

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// challenge is what a gate's evidence in a round must answer. Its age is not
// asked: the nonce is of the round, and no key outlives that.
func challenge(v *msg.View, n int, binary suite.Digest, now time.Time) attest.Challenge {
	return attest.Challenge{
		Subject: attest.Subject{Run: v.ID(), Round: n, Permit: v.Permit().Digest(), Program: v.Terms().Code(), Binary: binary},
		Nonce:   v.Nonce(n), Made: now,
	}
}

// Vouch has the place that the gate of that binary runs in vouch for its key of a
// round, and returns the evidence, encoded. Every trustee must have said hello.
func Vouch(place attest.Attester, v *msg.View, n int, binary, receiver suite.Digest) ([]byte, error) {
	b := challenge(v, n, binary, time.Time{}).Bind("")
	b.Receiver = receiver
	e, err := place.Attest(b)
	if err != nil {
		return nil, fmt.Errorf("having the gate's key vouched for: %w", err)
	}
	return e.Bytes(), nil
}

// Vouched holds the evidence for the gate's key of a round against the permit's
// policy, with the makers' collateral in a folder (attest.ReadCollateral). The
// refusal is attestation if it does not hold; other errors are of fetching and
// reading, and say nothing of the gate.
func Vouched(ctx context.Context, fetch Fetch, v *msg.View, n int, makers fs.FS, now time.Time) error {
	said, err := msg.Read[msg.ReceiverBody](v, n, msg.Receiver, v.Terms().Gate.Name)
	if err != nil {
		return err
	}
	collateral, err := attest.ReadCollateral(makers)
	if err != nil {
		return err
	}
	raw, err := fetch(ctx, said.Evidence, attest.MaxEvidence)
	if err == nil {
		err = vouched(v, n, said.Key, raw, collateral, now)
	} else if !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.Exhausted) { // those are the gate's: no digest, or too large
		return err
	}
	if err != nil {
		return fmt.Errorf("the gate's evidence: %w: %w", err, fault.Refuse("attestation", ""))
	}
	return nil
}

func vouched(v *msg.View, n int, receiver suite.Digest, evidence []byte, collateral attest.Collateral, now time.Time) error {
	gate := v.Terms().Gate
	verifier, err := attest.NewVerifier(attest.OfGate(gate), collateral)
	if err != nil {
		return err
	}
	e, err := attest.ParseEvidence(evidence)
	if err != nil {
		return err
	}
	binary := e.Binding.Binary // software's word, as all that it says
	if gate.Policy != nil {
		binary = gate.Policy.Binary
	}
	r, err := verifier.Verify(evidence, challenge(v, n, binary, now), now)
	if err != nil {
		return err
	}
	if r.Binding().Receiver != receiver {
		return fmt.Errorf("it is about another key: %w", fault.Denied)
	}
	return nil
}
