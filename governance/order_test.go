package governance_test

import (
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// bureau is a town whose bureau has a second officer, and a third.
func bureau(t *testing.T) *governancetest.Town {
	t.Helper()
	w := governancetest.NewTown(t)
	for _, id := range []string{"bureau-2", "bureau-3"} {
		key, err := suite.NewPrivateKey()
		if err != nil {
			t.Fatal(err)
		}
		u := w.Users["bureau-officer"]
		u.ID, u.Key = id, key.Public()
		w.Keys[id], w.Users[id] = key, u
	}
	return w
}

func ordered(t *testing.T, w *governancetest.Town, by string, edit func(*msg.OrderBody)) receipt.Receipt {
	t.Helper()
	o := msg.OrderBody{
		ID: "h-1", Thing: msg.Held{Kind: msg.HoldDataset, Name: w.Terms().Members[0].Dataset}, Code: "objection", Text: "objection 7", At: governancetest.Now,
		Lifters: []suite.PublicKey{w.Keys["bureau-2"].Public()},
	}
	edit(&o)
	r, err := msg.SignOrder(w.Keys[by], o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantCode(t *testing.T, name string, err error, code fault.Code) {
	t.Helper()
	if code == "" && err != nil || code != "" && (err == nil || fault.Show(err).Code != code) {
		t.Errorf("%s: %v, want %q", name, err, code)
	}
}

func TestMayOrder(t *testing.T) {
	w := bureau(t)
	entry := w.Terms().Members[0]
	w.Catalogue[entry.Dataset] = governance.Entry{ID: entry.Dataset, Provider: entry.Provider.Org}
	as := func(*msg.OrderBody) {}
	all := func(o *msg.OrderBody) { o.Thing = msg.Everything() }
	for name, c := range map[string]struct {
		by   string
		edit func(*msg.OrderBody)
		want fault.Code
	}{
		"the bureau":                        {"bureau-officer", as, ""},
		"the bureau, everything":            {"bureau-officer", all, ""},
		"the provider":                      {"hospital-officer", as, ""},
		"the provider, everything":          {"hospital-officer", all, "role"},
		"another provider":                  {"transit-officer", as, "role"},
		"the operator":                      {"op", as, "role"},
		"a checker":                         {"checker-a", all, "role"},
		"an auditor":                        {"auditor", all, "role"},
		"a process":                         {"yuneid", all, "unknown-key"},
		"to be lifted by no officer":        {"bureau-officer", func(o *msg.OrderBody) { o.Lifters = []suite.PublicKey{w.Keys["op"].Public()} }, "order"},
		"to be lifted by a stranger":        {"bureau-officer", func(o *msg.OrderBody) { o.Lifters = []suite.PublicKey{w.Stranger(t).Public()} }, "order"},
		"signed yesterday":                  {"bureau-officer", func(o *msg.OrderBody) { o.At = o.At.AddDate(0, 0, -1) }, "order"},
		"signed tomorrow":                   {"bureau-officer", func(o *msg.OrderBody) { o.At = o.At.AddDate(0, 0, 1) }, "order"},
		"to be lifted by a provider's":      {"hospital-officer", func(o *msg.OrderBody) { o.Lifters = []suite.PublicKey{w.Keys["transit-officer"].Public()} }, "order"},
		"of the provider, an operator":      {"hospital-officer", func(o *msg.OrderBody) { o.Thing = msg.Held{Kind: msg.HoldOperator, Name: "operator"} }, "role"},
		"of the provider, what nobody gave": {"hospital-officer", func(o *msg.OrderBody) { o.Thing.Name = "nowhere" }, "role"},
	} {
		_, err := w.MayOrder(ordered(t, w, c.by, c.edit), governancetest.Now)
		wantCode(t, name, err, c.want)
	}
	if keys := governance.Lifters([]governance.User{w.Users["bureau-officer"], w.Users["bureau-2"], w.Users["op"]}, w.Keys["bureau-officer"].Public(), governancetest.Now); len(keys) != 1 || keys[0] != w.Keys["bureau-2"].Public() {
		t.Errorf("lifters %v", keys)
	}
}

// Nobody lifts what they have ordered, and an order that waits for a case waits
// until that has ended, and not against going on.
func TestMayLift(t *testing.T) {
	w := bureau(t)
	now := governancetest.Now
	head := suite.DigestOf([]byte("head"))
	plain := func(*msg.OrderBody) {}
	caused := func(o *msg.OrderBody) { o.Cause = "obj-7" }
	end := func(kind, id string) governance.CaseEnd {
		return governance.CaseEnd{ID: "obj-7", Kind: kind, End: id, Outcome: "settled", Head: head}
	}
	over := func(l *msg.LiftBody) { l.Case, l.Head = "obj-7", head }
	none := func(*msg.LiftBody) {}
	for name, c := range map[string]struct {
		edit func(*msg.OrderBody)
		by   string
		lift func(*msg.LiftBody)
		end  governance.CaseEnd
		want fault.Code
	}{
		"another officer":              {plain, "bureau-2", none, governance.CaseEnd{}, ""},
		"whom the order does not name": {plain, "bureau-3", none, governance.CaseEnd{}, "order-own"},
		"who placed it":                {plain, "bureau-officer", none, governance.CaseEnd{}, "order-own"},
		"the provider":                 {plain, "hospital-officer", none, governance.CaseEnd{}, "role"},
		"the operator":                 {plain, "op", none, governance.CaseEnd{}, "role"},
		"of no order":                  {plain, "bureau-2", func(l *msg.LiftBody) { l.On = head }, governance.CaseEnd{}, "order-unknown"},
		"signed yesterday":             {plain, "bureau-2", func(l *msg.LiftBody) { l.At = l.At.AddDate(0, 0, -1) }, governance.CaseEnd{}, "order"},
		"by a case that it has not":    {plain, "bureau-2", over, end("objection.resolve", "restored"), "order-cause"},
		"the case goes on":             {caused, "bureau-2", over, governance.CaseEnd{}, "order-cause"},
		"the case is not named":        {caused, "bureau-2", none, end("objection.resolve", "restored"), "order-cause"},
		"restored":                     {caused, "bureau-2", over, end("objection.resolve", "restored"), ""},
		"rejected":                     {caused, "bureau-2", over, end("objection.resolve", "rejected"), ""},
		"the data were withdrawn":      {caused, "bureau-2", over, end("objection.resolve", "removed"), "order-cause"},
		"put right":                    {caused, "bureau-2", over, end("incident.rectify", "closed"), ""},
		"censured":                     {caused, "bureau-2", over, end("incident.rectify", "censured"), "order-cause"},
		"data were disposed of":        {caused, "bureau-2", over, end("withdraw.dispose", "disposed"), "order-cause"},
		"the provider thought better":  {caused, "bureau-2", over, end("withdraw.dispose", "withdrawn"), ""},
		"a case of another kind":       {caused, "bureau-2", over, end("scenario.apply", "restored"), "order-cause"},
		"as it was before":             {caused, "bureau-2", func(l *msg.LiftBody) { l.Case, l.Head = "obj-7", suite.DigestOf(nil) }, end("objection.resolve", "restored"), "order-cause"},
		"another case's end": {
			caused, "bureau-2", over, governance.CaseEnd{ID: "obj-8", Kind: "objection.resolve", End: "restored", Outcome: "settled", Head: head}, "order-cause",
		},
	} {
		o, err := w.MayOrder(ordered(t, w, "bureau-officer", c.edit), now)
		if err != nil {
			t.Fatal(err)
		}
		l := msg.LiftBody{ID: "l-1", On: o.Digest, Text: "looked into", At: now}
		c.lift(&l)
		r, err := msg.SignLift(w.Keys[c.by], l)
		if err != nil {
			t.Fatal(err)
		}
		orders := []governance.Order{o}
		_, err = w.MayLift(orders, nil, r, c.end, now)
		wantCode(t, name, err, c.want)
		if c.want != "" {
			continue
		}
		if len(governance.InForce(orders, nil, now)) != 1 || len(governance.Holding(orders, w.Terms())) != 1 {
			t.Errorf("%s: not in force before it is lifted", name)
		}
		if lifts := []receipt.Receipt{r}; len(governance.InForce(orders, lifts, now)) != 0 || len(governance.InForce(orders, lifts, now.Add(-time.Hour))) != 1 {
			t.Errorf("%s: in force after it was lifted, or lifted before", name)
		}
		_, err = w.MayLift(orders, []receipt.Receipt{r}, r, c.end, now)
		wantCode(t, name+", again", err, "order-unknown")
	}
}
