package site

import (
	"errors"
	"math/big"
	"path/filepath"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/storage/seal"
)

// board is what a coordinator shows of the run r-1, started under terms.
func board(t *testing.T, w *governancetest.Town, terms jobs.Terms, decisions []receipt.Receipt) *msg.View {
	t.Helper()
	const run = "r-1"
	raw, err := governance.Assemble(terms, decisions)
	if err != nil {
		t.Fatal(err)
	}
	pins := jobs.Pins{}
	for _, domain := range []string{"hospital", "transit"} {
		pins[domain] = w.Users[domain+"-officer"].Key
	}
	v, err := msg.NewView(run, map[string][]byte{
		msg.Subject(run, 0, msg.Permit, msg.Coordinator): raw,
		msg.Subject(run, 0, jobs.Start, msg.Operator):    w.Start(t, "op", run, terms).Bytes(),
	}, pins)
	if err != nil || v.Err() != nil {
		t.Fatal(err, v.Err())
	}
	return v
}

func hospital(t *testing.T, w *governancetest.Town) *Site {
	t.Helper()
	j, err := journal.Open(filepath.Join(t.TempDir(), "journal"), "site-hospital")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	store, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	key, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	p := &party.Party{Standing: governancetest.Unheld{}, Name: "site-hospital", Key: w.Keys["site-hospital"], Journal: j, Now: func() time.Time { return governancetest.Now }}
	return New(p, Config{Domain: "hospital", Provider: w.Signer("hospital-officer")}, store, key)
}

// A run that a site has booked goes on under its permit only. Otherwise a
// coordinator that keeps the run from beginning, and then shows another permit
// under its name, gets the partial sealed to trustees and a gate of its own,
// with one other pinned provider's signature and none of the site's own.
func TestBookedRunUnderAnotherPermit(t *testing.T) {
	w := governancetest.NewTown(t)
	s := hospital(t, w)
	good := w.Terms()
	v := board(t, w, good, w.Decisions(t, good))
	if err := s.book(withBudget(s, v)); err != nil {
		t.Fatal(err)
	}
	if err := s.accept(t.Context(), v); err != nil {
		t.Errorf("the permit that was booked: %v", err)
	}
	evil := w.Terms()
	evil.ID, evil.KMin, evil.Members = "p-2", 1, evil.Members[:1]
	evil.Members[0].Provider = w.Signer("transit-officer")
	v = board(t, w, evil, []receipt.Receipt{
		w.Decide(t, "op", "operator", jobs.Apply, evil), w.Decide(t, "transit-officer", "transit", jobs.Grant, evil),
		w.Decide(t, "op", "operator", jobs.Agree, evil), w.Decide(t, "bureau-officer", "bureau", jobs.Agree, evil),
	})
	err := s.accept(t.Context(), v)
	if !errors.Is(err, fault.Tampered) {
		t.Errorf("a permit that the site's provider never granted: %v", err)
	}
	if err := s.refuse(t.Context(), v, err); err == nil || s.Remembers("r-1", 0, msg.Refusal) {
		t.Errorf("a refusal after the booking: %v", err)
	}
}

// withBudget gives the site what the run costs.
func withBudget(s *Site, v *msg.View) *msg.View {
	cost, err := v.Terms().Rho()
	if err != nil {
		panic(err)
	}
	s.Budgets = map[string]*big.Rat{v.Terms().Shape.Namespace: cost}
	return v
}

// A debit counts for the permit that it was taken under: a crash between debit
// and booking does not let a dearer run of the same name go on with it.
func TestDebitOfAnotherPermit(t *testing.T) {
	w := governancetest.NewTown(t)
	s := hospital(t, w)
	cheap, dear := w.Terms(), w.Terms()
	dear.ID, dear.Shape.Units.Sigma = "p-2", 50
	if err := s.debit(withBudget(s, board(t, w, cheap, w.Decisions(t, cheap)))); err != nil {
		t.Fatal(err)
	}
	v := board(t, w, dear, w.Decisions(t, dear))
	if err := s.book(withBudget(s, v)); !errors.Is(err, fault.Tampered) {
		t.Errorf("another permit's debit: %v", err)
	}
}

// Terms under which the gate could let nothing out are refused before the
// debit, not found out after it.
func TestHopelessTermsAreRefusedFirst(t *testing.T) {
	w := governancetest.NewTown(t)
	s := hospital(t, w)
	terms := w.Terms()
	terms.Shape.Dims[0].Labels[0] = "南明\u202e"
	err := s.accept(t.Context(), board(t, w, terms, w.Decisions(t, terms)))
	if fault.Show(err).Code != "shape-text" {
		t.Errorf("a label that cannot be released: %v", err)
	}
}
