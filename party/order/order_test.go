package order

import (
	"errors"
	"testing"

	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/suite"
)

// lifter is whom the orders of these tests name.
const lifter = "op2"

func said(t *testing.T, w *governancetest.Town, by string, thing msg.Held, named string) []byte {
	t.Helper()
	r, err := msg.SignOrder(w.Keys[by], msg.OrderBody{
		ID: "h-1", Thing: thing, Code: "objection", Text: "objection 7", At: governancetest.Now, Lifters: []suite.PublicKey{w.Keys[named].Public()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.Bytes()
}

func lift(t *testing.T, w *governancetest.Town, by string, order []byte) []byte {
	t.Helper()
	r, err := msg.SignLift(w.Keys[by], msg.LiftBody{ID: "l-1", On: suite.DigestOf(order), Text: "looked into", At: governancetest.Now})
	if err != nil {
		t.Fatal(err)
	}
	return r.Bytes()
}

func heldBy(t *testing.T, b *Book, terms jobs.Terms) string {
	t.Helper()
	err := b.holds(terms)
	if err == nil {
		return ""
	}
	w, ok := errors.AsType[party.Waits](err)
	if !ok || w.Code != party.Held || len(w.Who) != 1 {
		t.Fatalf("%v", err)
	}
	return w.Who[0]
}

// An order holds a run only if its terms name who signed it, and a lift ends it
// only if the order names who signed that.
func TestOnlyWhomTheTermsName(t *testing.T) {
	w := governancetest.NewTown(t)
	terms := w.Terms()
	first, second := terms.Members[0], terms.Members[1]
	officer := func(m jobs.Member) string {
		for id, u := range w.Users {
			if u.Key == m.Provider.Key {
				return id
			}
		}
		t.Fatal("no officer")
		return ""
	}
	data := msg.Held{Kind: msg.HoldDataset, Name: first.Dataset}
	for name, c := range map[string]struct {
		by    string
		thing msg.Held
		want  string
	}{
		"the bureau, everything":               {"bureau-officer", msg.Everything(), msg.Bureau},
		"the bureau, the dataset":              {"bureau-officer", data, msg.Bureau},
		"the bureau, the operator":             {"bureau-officer", msg.Held{Kind: msg.HoldOperator, Name: terms.Operator.Org}, msg.Bureau},
		"the bureau, another scenario":         {"bureau-officer", msg.Held{Kind: msg.HoldScenario, Name: "another"}, ""},
		"the provider, its dataset":            {officer(first), data, first.Site.Name},
		"the provider, everything":             {officer(first), msg.Everything(), ""},
		"another provider, the dataset":        {officer(second), data, ""},
		"the operator":                         {"op", msg.Everything(), ""},
		"the coordinator":                      {"yuneid", msg.Everything(), ""},
		"a checker, by the terms not for this": {"checker-a", msg.Everything(), ""},
	} {
		b := &Book{}
		b.listen(true)
		o := said(t, w, c.by, c.thing, lifter)
		b.Take(o)
		if got := heldBy(t, b, terms); got != c.want {
			t.Errorf("%s: held by %q, want %q", name, got, c.want)
		}
		for _, by := range []string{c.by, "yuneid", "checker-a"} { // none of them is named
			b.Take(lift(t, w, by, o))
		}
		if got := heldBy(t, b, terms); got != c.want {
			t.Errorf("%s: lifted by whom it does not name", name)
		}
		b.Take(lift(t, w, lifter, o))
		if got := heldBy(t, b, terms); got != "" {
			t.Errorf("%s: held by %q when it was lifted", name, got)
		}
	}
}

// A lift may come first; what is neither holds nothing up.
func TestInAnyOrder(t *testing.T) {
	w := governancetest.NewTown(t)
	b := &Book{}
	b.listen(true)
	o := said(t, w, "bureau-officer", msg.Everything(), lifter)
	b.Take(lift(t, w, lifter, o))
	b.Take([]byte("{}"))
	b.Take(o)
	if got := heldBy(t, b, w.Terms()); got != "" {
		t.Errorf("held by %s", got)
	}
}

// Who hears nothing, or more than it keeps, does nothing.
func TestFailsClosed(t *testing.T) {
	w := governancetest.NewTown(t)
	b := &Book{}
	if heldBy(t, b, w.Terms()) == "" {
		t.Error("a book that was never read lets go on")
	}
	b.listen(true)
	if got := heldBy(t, b, w.Terms()); got != "" {
		t.Errorf("held by %s", got)
	}
	b.kept = most
	b.Take(said(t, w, "op", msg.Everything(), lifter))
	if heldBy(t, b, w.Terms()) == "" {
		t.Error("a full book lets go on")
	}
	if err := (beside{}).Check(nil); err == nil {
		t.Error("no book lets go on")
	}
	if err := b.Beside(nil).Check(nil); err == nil {
		t.Error("no leases let go on")
	}
}
