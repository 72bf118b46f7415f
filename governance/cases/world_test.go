package cases

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// morning is a Monday.
var morning = governancetest.Now

// A world is the town of governancetest with enough people for every
// procedure, and one case.
type world struct {
	testing.TB
	*governancetest.Town
	rules  Rules
	tables Tables
	c      *Case
	now    time.Time
	ballot map[string]ballot // by user
}

type ballot struct {
	salt   suite.Salt
	ruling Ruling
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{TB: tb, Town: governancetest.NewTown(tb), now: morning, ballot: map[string]ballot{}}
	for id, like := range map[string]string{
		"bureau-2": "bureau-officer", "bureau-3": "bureau-officer", "bureau-4": "bureau-officer", "bureau-5": "bureau-officer",
		"hospital-2": "hospital-officer", "transit-2": "transit-officer",
	} {
		u := w.Users[like]
		key, err := suite.NewPrivateKey()
		if err != nil {
			tb.Fatal(err)
		}
		u.ID, u.Name, u.Key = id, "人员 "+id, key.Public()
		w.Users[id], w.Keys[id] = u, key
	}
	tables, err := Procedures()
	if err != nil {
		tb.Fatal(err)
	}
	w.tables, w.rules = tables, NewRules(w.Register, tables)
	return w
}

// casts are the parties that each kind of case has in the world.
var parties = map[string]map[Seat][]string{
	"catalogue.review":  {Bureau: {"bureau"}},
	"consent.record":    {Bureau: {"bureau"}},
	"operator.admit":    {Bureau: {"bureau"}},
	"scenario.apply":    {Bureau: {"bureau"}, Provider: {"hospital", "transit"}},
	"agreement.sign":    {Bureau: {"bureau"}, Operator: {"operator"}},
	"program.review":    {Bureau: {"bureau"}},
	"output.vet":        {Bureau: {"bureau"}, Checker: {"audit", "bureau"}},
	"objection.resolve": {Bureau: {"bureau"}, Provider: {"hospital"}},
	"withdraw.dispose":  {Bureau: {"bureau"}, Operator: {"operator"}, Provider: {"hospital", "transit"}},
	"incident.rectify":  {Bureau: {"bureau"}, Operator: {"operator"}},
	"evaluate.yearly":   {Bureau: {"bureau"}, Operator: {"operator"}},
}

func (w *world) opening(kind string, seat Seat) (Table, Opening) {
	w.Helper()
	t, err := w.tables.Newest(kind)
	if err != nil {
		w.Fatal(err)
	}
	o := Opening{Profile: Profile{"gy", 3, suite.DigestOf([]byte("profile"))}, Title: "办件", Seat: seat, Parties: parties[kind]}
	if t.Yearly {
		o.Year = 2026
	}
	return t, o
}

func (w *world) open(user, kind string, seat Seat) error {
	w.Helper()
	t, o := w.opening(kind, seat)
	r, err := Begin(w.Keys[user], "c-1", t, o, w.now)
	if err != nil {
		w.Fatal(err)
	}
	return w.hear(r)
}

// hear applies a receipt; a refused one must leave the case as it was.
func (w *world) hear(r receipt.Receipt) error {
	w.Helper()
	before := dump(w.c)
	next, err := w.rules.Apply(w.c, r)
	if after := dump(w.c); after != before {
		w.Fatalf("hearing an event changed the case that it was given:\n%s\n%s", before, after)
	}
	if err == nil {
		w.c = next
	}
	return err
}

// dump is everything that there is of a case.
func dump(c *Case) string {
	if c == nil {
		return ""
	}
	d := *c
	d.events, d.history, d.table = nil, nil, Table{}
	return fmt.Sprintf("%+v %d %d", d, len(c.events), len(c.history))
}

func (w *world) sign(user string, e Event) receipt.Receipt {
	w.Helper()
	if e.At.IsZero() {
		e.At = w.now.UTC().Truncate(time.Second)
	}
	r, err := w.c.Say(w.Keys[user], e)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

var (
	lawful = []Basis{{Source: Law, Doc: "示例办法", Article: "第一条"}}
	housed = []Basis{{Source: House, Text: "示例内部规则"}}
)

func doc(name string) *Filing {
	return &Filing{Name: name, Digest: suite.DigestOf([]byte(name)), Media: "application/pdf", Title: "文件 " + name}
}

func refs(names ...string) []Ref {
	m := map[string]suite.Digest{}
	for _, n := range names {
		name, content, _ := strings.Cut(n, "=")
		m[name] = suite.DigestOf([]byte(name + content))
	}
	return Refs(m)
}

func (w *world) ruling(v Verdict, arg string) *Ruling {
	r := &Ruling{On: w.c.Matter(), Verdict: v}
	switch v {
	case Deny:
		r.Basis = housed
		if arg == "law" {
			r.Basis = lawful
		}
		if arg == "bare" {
			r.Basis = nil
		}
	case Inconclusive:
		if r.Reason = "材料不足"; len(w.c.now().Reasons) > 0 {
			r.Reason = w.c.now().Reasons[0]
		}
	case Allow:
	case Conditional:
		kind, id, _ := strings.Cut(arg, ":")
		r.Conditions = []Condition{{ID: id, Kind: ConditionKind(kind), Text: "条件 " + id}}
	}
	return r
}

var verdicts = map[string]Verdict{"allow": Allow, "deny": Deny, "unsure": Inconclusive, "conditional": Conditional}

// event makes the event that a line of a story tells of.
func (w *world) event(user string, f []string) Event {
	arg := ""
	if len(f) > 1 {
		arg = f[1]
	}
	switch f[0] {
	case "file":
		return Event{Act: Filed, Filing: doc(arg)}
	case "attest":
		return Event{Act: Attest, Filing: doc(arg), Text: "电话核对"}
	case "submit":
		return Event{Act: Submit, Refs: refs(append(slices.Clone(w.c.now().Refs), f[1:]...)...)}
	case "hand":
		return Event{Act: Submit, Refs: refs(f[1:]...)}
	case "allow", "deny", "unsure", "conditional":
		return Event{Act: Decide, Ruling: w.ruling(verdicts[f[0]], arg)}
	case "seal":
		salt, err := suite.NewSalt()
		if err != nil {
			w.Fatal(err)
		}
		b := ballot{salt, *w.ruling(verdicts[arg], "")}
		if len(w.c.sides) == 1 && w.c.sides[0].vote(user) < 0 {
			w.ballot[user] = b
		}
		return Event{Act: Seal, Sealed: suite.Commit(salt, Ballot(w.c.id, w.c.stage, w.c.rounds[w.c.stage], w.Users[user].Key, b.ruling))}
	case "unseal":
		b := w.ballot[user]
		return Event{Act: Unseal, Salt: &b.salt, Ruling: &b.ruling}
	case "return":
		return Event{Act: Return, Items: w.items(f[1:])}
	case "answer":
		e := Event{Act: Resubmit}
		for _, x := range f[1:] {
			if strings.Contains(x, "=") {
				e.Refs = append(e.Refs, refs(x)...)
			} else {
				e.Items = append(e.Items, Item{ID: x})
			}
		}
		return e
	case "escalate":
		return Event{Act: Escalate, Text: "逾期未办"}
	case "withdraw":
		return Event{Act: Withdraw}
	case "fulfil":
		return Event{Act: Fulfil, Condition: arg, Filing: doc(f[2])}
	default:
		w.Fatalf("no act %q", f[0])
		return Event{}
	}
}

func (w *world) items(names []string) []Item {
	var all []Item
	for _, n := range names {
		item := Item{ID: n, Text: "请补充 " + n}
		if ret := w.c.now().Return; ret != nil && len(ret.Items) > 0 {
			item.Text = ""
		}
		all = append(all, item)
	}
	return all
}

// play tells a story: a line is "USER ACT ...", with "! CODE" if it is refused;
// "@ STAGE PHASE" says where the case stands, "+ DAYS" lets time pass.
func (w *world) play(story string) {
	w.Helper()
	for n, line := range strings.Split(strings.TrimSpace(story), "\n") {
		line, code, refused := strings.Cut(strings.TrimSpace(line), " ! ")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		switch f[0] {
		case "@":
			if w.c.stage != f[1] || string(w.c.phase) != f[2] {
				w.Fatalf("line %d: at %s, %s, want %s", n+1, w.c.stage, w.c.phase, line)
			}
			continue
		case "+":
			days := 0
			if _, err := fmt.Sscan(f[1], &days); err != nil {
				w.Fatal(err)
			}
			w.now = w.now.AddDate(0, 0, days)
			continue
		}
		w.now = w.now.Add(time.Minute)
		var err error
		if f[1] == "open" {
			err = w.open(f[0], f[2], Seat(f[3]))
		} else {
			err = w.hear(w.sign(f[0], w.event(f[0], f[1:])))
		}
		want(w, fmt.Sprintf("line %d: %s", n+1, line), err, code, refused)
	}
	w.replays()
}

func want(tb testing.TB, what string, err error, code string, refused bool) {
	tb.Helper()
	if !refused {
		if err != nil {
			tb.Fatalf("%s: %v", what, err)
		}
		return
	}
	no, ok := errors.AsType[fault.Refusal](err)
	if !ok || string(no.Code) != strings.TrimSpace(code) || no.Basis == "" || no.Who == "" || no.ZH == "" {
		tb.Fatalf("%s: %v, want %s", what, err, code)
	}
}

// replays checks that the events alone make the same case, and its file too.
func (w *world) replays() {
	w.Helper()
	again, err := w.rules.Fold(w.c.id, w.c.Receipts())
	if err != nil {
		w.Fatal(err)
	}
	if a, b := dump(again), dump(w.c); a != b {
		w.Fatalf("replayed:\n%s\nwas:\n%s", a, b)
	}
	raw, err := Export(w.c, w.Register)
	if err != nil {
		w.Fatal(err)
	}
	for _, rules := range []Rules{w.rules, NewRules(mustFile(w, raw).Register(), w.tables)} {
		read, err := rules.Verify(raw)
		if err != nil || dump(read) != dump(w.c) {
			w.Fatalf("verifying its file: %v", err)
		}
	}
}

func mustFile(tb testing.TB, raw []byte) File {
	tb.Helper()
	f, err := ParseFile(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func (w *world) person(user string) Person {
	p, err := w.rules.Who(w.Users[user].Key, w.now)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

func (w *world) everybody() []string {
	return slices.Sorted(maps.Keys(w.Users))
}
