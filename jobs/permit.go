package jobs

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// The decisions that make a permit, each a receipt about the terms' digest.
const (
	Apply receipt.Kind = "decision-apply" // the operator asks
	Grant receipt.Kind = "decision-grant" // a provider decides for its data
	Agree receipt.Kind = "decision-agree" // operator and bureau sign the agreement
	Start receipt.Kind = "start"          // the operator starts one run
)

// A Decision is what a person states about terms.
type Decision struct {
	Terms suite.Digest `json:"terms"`
	Org   string       `json:"org"`
	At    time.Time    `json:"at"`
	Note  string       `json:"note"`
}

// A Bundle is a permit as it travels: the terms and the envelopes of the
// decisions on them.
type Bundle struct {
	Terms     json.RawMessage   `json:"terms"`
	Decisions []json.RawMessage `json:"decisions"`
}

// A Permit is terms on which every decision has been taken, each signed by a
// key held outside the platform. Only OpenPermit makes one; the zero Permit
// permits nothing.
type Permit struct {
	terms  Terms
	digest suite.Digest
	raw    []byte
}

// Pins are the keys of providers' officers that a party was given by a person
// at enrolment, by organisation. The platform cannot add to them.
type Pins map[string]suite.PublicKey

// OpenPermit checks a bundle: the terms are well-formed and in their one
// spelling; each member's provider granted them with the key pinned for its
// organisation; operator applied; operator and bureau agreed. An error is of
// kind Invalid, Denied (a decision is missing) or Tampered (a signature or a
// key is not the one).
func OpenPermit(raw []byte, pins Pins) (Permit, error) {
	var b Bundle
	if err := json.Unmarshal(raw, &b); err != nil {
		return Permit{}, fmt.Errorf("reading a permit: %w", fault.Invalid)
	}
	terms, err := ParseTerms(b.Terms)
	if err != nil {
		return Permit{}, err
	}
	digest := terms.Digest()
	if digest != suite.DigestOf(b.Terms) {
		return Permit{}, fmt.Errorf("reading a permit: terms not in their one spelling: %w", fault.Tampered)
	}
	// The pins come first, so that nobody can make us verify a stranger's pile.
	for _, m := range terms.Members {
		if pin, ok := pins[m.Provider.Org]; !ok || pin != m.Provider.Key {
			return Permit{}, fmt.Errorf("permit %s: the key of %s is not the one pinned here: %w", terms.ID, m.Provider.Org, fault.Tampered)
		}
	}
	if len(b.Decisions) > 2*len(terms.wanted()) {
		return Permit{}, fmt.Errorf("permit %s: %d decisions: %w", terms.ID, len(b.Decisions), fault.Invalid)
	}
	taken := map[string]bool{}
	for _, env := range b.Decisions {
		r, err := receipt.Parse(env)
		if err != nil {
			return Permit{}, fmt.Errorf("reading a decision: %w", err)
		}
		var d Decision
		if err := r.Read(r.Kind(), &d); err != nil {
			return Permit{}, fmt.Errorf("reading a decision: %w", err)
		}
		if d.Terms != digest {
			return Permit{}, fmt.Errorf("reading a decision: it is about other terms: %w", fault.Tampered)
		}
		taken[decision(r.Kind(), r.By())] = true
	}
	for _, want := range terms.wanted() {
		if !taken[want.String()] {
			return Permit{}, fmt.Errorf("permit %s: %s of %s is missing: %w", terms.ID, want.kind, want.Org, fault.Denied)
		}
	}
	return Permit{terms, digest, slices.Clone(raw)}, nil
}

type wanted struct {
	kind receipt.Kind
	Signer
}

func (w wanted) String() string { return decision(w.kind, w.Key) }

func decision(kind receipt.Kind, by suite.PublicKey) string { return string(kind) + " " + string(by) }

// wanted lists the decisions that the terms need.
func (t Terms) wanted() []wanted {
	w := []wanted{{Apply, t.Operator}, {Agree, t.Operator}, {Agree, t.Bureau}}
	for _, m := range t.Members {
		w = append(w, wanted{Grant, m.Provider})
	}
	return w
}

// Missing lists who has not yet decided on the terms, in the order in which
// the decisions fall due, given the receipts at hand.
func (t Terms) Missing(have []receipt.Receipt) []string {
	taken := map[string]bool{}
	for _, r := range have {
		var d Decision
		if r.Read(r.Kind(), &d) == nil && d.Terms == t.Digest() {
			taken[decision(r.Kind(), r.By())] = true
		}
	}
	var missing []string
	for _, w := range t.wanted() {
		if !taken[w.String()] {
			missing = append(missing, string(w.kind)+" "+w.Org)
		}
	}
	return missing
}

// Terms is what was decided.
func (p Permit) Terms() Terms { return p.terms }

// Digest names the terms.
func (p Permit) Digest() suite.Digest { return p.digest }

// Bytes is the bundle.
func (p Permit) Bytes() []byte { return p.raw }

// At reports whether the permit holds at an instant, as a refusal.
func (p Permit) At(now time.Time) error {
	switch {
	case p.digest == "":
		return fault.Refuse("denied", "")
	case now.Before(p.terms.NotBefore):
		return fault.Refuse("permit-early", "")
	case !now.Before(p.terms.NotAfter):
		return fault.Refuse("permit-expired", "")
	}
	return nil
}

// A Run is one execution of a permit, started by the operator.
type Run struct {
	ID      string       `json:"run"`
	Permit  suite.Digest `json:"permit"`
	Purpose string       `json:"purpose"`
	Program suite.Digest `json:"program"`
	At      time.Time    `json:"at"`
	// Of a verification a run is one query.
	Asked  int    `json:"asked,omitempty"`  // how many claims
	Claims []byte `json:"claims,omitempty"` // Claims, sealed to the domain's box under ClaimsInfo
}

// OpenRun checks the operator's start of a run against the permit.
func (p Permit) OpenRun(r receipt.Receipt) (Run, error) {
	var run Run
	if err := r.Read(Start, &run); err != nil {
		return Run{}, err
	}
	if err := ID(run.ID); err != nil {
		return Run{}, fmt.Errorf("reading a run: %w", err)
	}
	switch {
	case p.digest == "" || run.Permit != p.digest || r.By() != p.terms.Operator.Key:
		return Run{}, fault.Refuse("permit-foreign", "")
	case run.Purpose != p.terms.Purpose:
		return Run{}, fault.Refuse("purpose", "")
	case run.Program != p.terms.Program.Digest:
		return Run{}, fault.Refuse("program", "")
	}
	if err := p.terms.checkQuery(run); err != nil {
		return Run{}, err
	}
	return run, nil
}
