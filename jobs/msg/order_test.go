package msg

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

func order(w *world) OrderBody {
	return OrderBody{
		ID: "h-1", Thing: Held{HoldDataset, "d"}, Code: "objection", Text: "objection 7", At: noon, Lifters: []suite.PublicKey{w.keys["checker-1"].Public()},
	}
}

// An order says one thing in one spelling, and names somebody else to lift it.
func TestOpenOrder(t *testing.T) {
	w := newWorld(t, jobs.SDC)
	key := w.keys["bureau"]
	r, err := SignOrder(key, order(w))
	if err != nil {
		t.Fatal(err)
	}
	if o, got, err := OpenOrder(r.Bytes()); err != nil || o.Thing.Name != "d" || got.By() != key.Public() {
		t.Errorf("%+v, %v", o, err)
	}
	for name, edit := range map[string]func(*OrderBody){
		"no id":              func(o *OrderBody) { o.ID = "" },
		"no thing":           func(o *OrderBody) { o.Thing = Held{} },
		"a cause of no name": func(o *OrderBody) { o.Cause = "a case" },
		"a code of its own":  func(o *OrderBody) { o.Code = "because" },
		"no reason":          func(o *OrderBody) { o.Text = " " },
		"a hidden reason":    func(o *OrderBody) { o.Text = "a\u202eb" },
		"a long reason":      func(o *OrderBody) { o.Text = strings.Repeat("a", maxWhy+1) },
		"half a second":      func(o *OrderBody) { o.At = o.At.Add(time.Second / 2) },
		"no lifter":          func(o *OrderBody) { o.Lifters = nil },
		"its own lifter":     func(o *OrderBody) { o.Lifters = append(o.Lifters, key.Public()) },
		"a lifter twice":     func(o *OrderBody) { o.Lifters = append(o.Lifters, o.Lifters[0]) },
		"a lifter of no key": func(o *OrderBody) { o.Lifters = []suite.PublicKey{"ed25519:"} },
	} {
		bad := order(w)
		edit(&bad)
		if _, err := SignOrder(key, bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s is signed: %v", name, err)
		}
		r, err := receipt.Sign(key, Order, bad.about(), bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := OpenOrder(r.Bytes()); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s is taken: %v", name, err)
		}
	}
	other := order(w)
	other.Thing = Everything()
	r, err = receipt.Sign(key, Order, other.about(), order(w))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenOrder(r.Bytes()); !errors.Is(err, fault.Tampered) {
		t.Errorf("an order about another thing: %v", err)
	}
}

// A lift counts by whom the order names, on that order and its cause.
func TestLifts(t *testing.T) {
	w := newWorld(t, jobs.SDC)
	caused := order(w)
	caused.Cause = "obj-7"
	said, err := SignOrder(w.keys["bureau"], caused)
	if err != nil {
		t.Fatal(err)
	}
	good := LiftBody{ID: "l-1", On: said.Digest(), Case: "obj-7", Head: suite.DigestOf(nil), Text: "restored", At: noon}
	for name, c := range map[string]struct {
		by   string
		edit func(*LiftBody)
		want bool
	}{
		"whom it names":      {"checker-1", func(*LiftBody) {}, true},
		"its signer":         {"bureau", func(*LiftBody) {}, false},
		"somebody else":      {"checker-2", func(*LiftBody) {}, false},
		"another order":      {"checker-1", func(l *LiftBody) { l.On = suite.DigestOf([]byte("x")) }, false},
		"another case":       {"checker-1", func(l *LiftBody) { l.Case = "obj-8" }, false},
		"without its case":   {"checker-1", func(l *LiftBody) { l.Case, l.Head = "", "" }, false},
		"a case of no state": {"checker-1", func(l *LiftBody) { l.Head = "" }, false},
		"without a reason":   {"checker-1", func(l *LiftBody) { l.Text = "" }, false},
	} {
		l := good
		c.edit(&l)
		r, err := receipt.Sign(w.keys[c.by], Lift, l.about(), l)
		if err != nil {
			t.Fatal(err)
		}
		got, lift, err := OpenLift(r.Bytes())
		if lifts := err == nil && Lifts(said, caused, lift, got); lifts != c.want {
			t.Errorf("%s: %v, %v", name, lifts, err)
		}
	}
}

// Whatever stands on the board, it is refused or read in its one spelling.
func FuzzOpenOrder(f *testing.F) {
	w := newWorld(f, jobs.SDC)
	o, err := SignOrder(w.keys["bureau"], order(w))
	if err != nil {
		f.Fatal(err)
	}
	l, err := SignLift(w.keys["checker-1"], LiftBody{ID: "l-1", On: o.Digest(), Text: "why", At: noon})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(o.Bytes())
	f.Add(l.Bytes())
	f.Add([]byte(`{"payload":""}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if o, r, err := OpenOrder(raw); err == nil && (o.Thing.Check() != nil || string(r.Bytes()) != string(raw)) {
			t.Error("an order that says nothing is taken")
		}
		if l, _, err := OpenLift(raw); err == nil && l.On.Hex() == "" {
			t.Error("a lift of nothing is taken")
		}
	})
}
