package custody

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/storage/seal"
	"github.com/yunei/yunei/suite"
)

// A house is the hospital's custodian and its site, in the governance test's town.
type house struct {
	testing.TB
	*governancetest.Town
	c      *Custodian
	now    time.Time
	sealed map[string][]byte // versions, by name
	file   string            // the journal's
	place  attest.Attester   // the site's
}

var binary = suite.DigestOf([]byte("yunei-site"))

func newHouse(tb testing.TB) *house {
	tb.Helper()
	h := &house{TB: tb, Town: governancetest.NewTown(tb), now: governancetest.Now, sealed: map[string][]byte{}, file: filepath.Join(tb.TempDir(), "journal")}
	key, err := seal.NewKey()
	h.must(err)
	site := h.Keys["site-hospital"].Public()
	h.c = &Custodian{
		Config: Config{
			Domain: "hospital", Provider: h.Signer("hospital-officer"), Site: site, Binaries: []suite.Digest{binary},
			Pins: jobs.Pins{"hospital": h.Users["hospital-officer"].Key, "transit": h.Users["transit-officer"].Key},
			Policy: attest.Policy{
				Types: []attest.Type{jobs.Software}, Life: time.Minute, Software: attest.SoftwarePolicy{Keys: []suite.PublicKey{site}},
			},
			Budgets: map[string]*big.Rat{jobs.NaturalPerson: big.NewRat(1, 1)},
		},
		Key: key, Now: func() time.Time { return h.now }, Random: rand.Reader, Log: slog.New(slog.DiscardHandler),
	}
	h.place = attest.NewSoftware(h.Keys["site-hospital"])
	h.restart()
	for _, version := range []string{"v1", "v2"} {
		name, err := storage.DatasetName("hospital-visits", version)
		h.must(err)
		h.sealed[version], err = seal.Bytes(key.Public(), name, []byte("rows of "+version))
		h.must(err)
	}
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// restart starts the custodian anew on its journal.
func (h *house) restart() {
	h.Helper()
	if h.c.Journal != nil {
		h.must(h.c.Journal.Close())
	}
	var err error
	h.c.Journal, err = journal.Open(h.file, "keys-hospital")
	h.must(err)
	j := h.c.Journal
	h.Cleanup(func() { _ = j.Close() })
	h.c.asked = nil
}

func (h *house) permit(t jobs.Terms) jobs.Permit {
	h.Helper()
	raw, err := governance.Assemble(t, h.Decisions(h.TB, t))
	h.must(err)
	p, err := jobs.OpenPermit(raw, h.c.Pins)
	h.must(err)
	return p
}

// ask is what a good site asks for in a run, changed by edit.
func (h *house) ask(run string, t jobs.Terms, edit func(*Ask)) []byte {
	h.Helper()
	a := Ask{Permit: h.permit(t).Bytes(), Start: h.Start(h.TB, "op", run, t).Bytes(), Header: h.sealed["v1"][:seal.Header], Binary: binary}
	if edit != nil {
		edit(&a)
	}
	raw, err := json.Marshal(a)
	h.must(err)
	return raw
}

// bind is the binding that answers a question in a run.
func (h *house) bind(q Question, run string, t jobs.Terms, key attest.Key) attest.Binding {
	return attest.Binding{
		Subject: attest.Subject{Run: run, Round: q.Round, Permit: t.Digest(), Program: t.Program.Digest, Binary: binary},
		Nonce:   q.Nonce, Key: key.Public(),
	}
}

// release takes a run to its key.
func (h *house) release(run string, t jobs.Terms) (seal.DataKey, error) {
	h.Helper()
	q, err := h.c.Challenge(h.ask(run, t, nil))
	if err != nil {
		return seal.DataKey{}, err
	}
	key, err := attest.NewKey()
	h.must(err)
	b := h.bind(q, run, t, key)
	e, err := h.place.Attest(b)
	h.must(err)
	sealed, err := h.c.Release(h.Context(), e.Bytes())
	if err != nil {
		return seal.DataKey{}, err
	}
	plain, err := key.Open(b, sealed)
	h.must(err)
	return seal.ParseDataKey(plain)
}

func (h *house) refused(what string, err error, code fault.Code) {
	h.Helper()
	if err == nil || fault.Show(err).Code != code {
		h.Errorf("%s: %v, want %s", what, err, code)
	}
}

// What a run is given opens the version that its permit names and no other, and
// is booked before it is given.
func TestRelease(t *testing.T) {
	h := newHouse(t)
	terms := h.Terms()
	key, err := h.release("r-1", terms)
	h.must(err)
	want, err := h.c.Key.Unwrap(h.sealed["v1"][:seal.Header], "datasets/hospital-visits@v1")
	h.must(err)
	if !bytes.Equal(key.Bytes(), want.Bytes()) {
		t.Error("another key was released than the version's")
	}
	if d, u, r := len(h.c.Journal.All(debited)), len(h.c.Journal.All(used)), len(h.c.Journal.All(released)); d != 1 || u != 1 || r != 1 {
		t.Errorf("the journal has %d debits, %d uses, %d releases", d, u, r)
	}
	// The run again, of a site that was started anew: no further use.
	h.restart()
	_, err = h.release("r-1", terms)
	h.must(err)
	if d, u, r := len(h.c.Journal.All(debited)), len(h.c.Journal.All(used)), len(h.c.Journal.All(released)); d != 1 || u != 1 || r != 2 {
		t.Errorf("after the second time: %d debits, %d uses, %d releases", d, u, r)
	}
}

// The custodian refuses before it asks where a key would go, by its own pins,
// clock and journal, whatever the site shows.
func TestNotGranted(t *testing.T) {
	h := newHouse(t)
	terms := h.Terms()
	other := h.Terms()
	other.ID, other.Members[0].Version = "p-2", "v2"
	for _, c := range []struct {
		name string
		ask  []byte
		code fault.Code
	}{
		{"a permit that the own provider did not sign", func() []byte {
			forged := *h.Town
			keys := map[string]suite.PrivateKey{}
			maps.Copy(keys, h.Keys)
			keys["hospital-officer"] = h.Stranger(t)
			forged.Keys = keys
			raw, err := governance.Assemble(terms, forged.Decisions(t, terms))
			h.must(err)
			return h.ask("r-1", terms, func(a *Ask) { a.Permit = raw })
		}(), "permit-broken"},
		{"another permit's start", h.ask("r-1", terms, func(a *Ask) { a.Start = h.Start(t, "op", "r-1", other).Bytes() }), "permit-foreign"},
		{"a start that the operator did not sign", h.ask("r-1", terms, func(a *Ask) { a.Start = h.Start(t, "op2", "r-1", terms).Bytes() }), "permit-foreign"},
		{"another version's header", h.ask("r-1", terms, func(a *Ask) { a.Header = h.sealed["v2"][:seal.Header] }), "dataset"},
		{"a permit for another version", h.ask("r-1", other, nil), "dataset"},
		{"a short header", h.ask("r-1", terms, func(a *Ask) { a.Header = a.Header[:9] }), "dataset"},
		{"another binary", h.ask("r-1", terms, func(a *Ask) { a.Binary = suite.DigestOf(nil) }), "attestation"},
		{"another site's permit", func() []byte {
			t2 := h.Terms()
			t2.Members[0].Site.Key = h.Stranger(t).Public()
			return h.ask("r-1", t2, nil)
		}(), "permit-broken"},
		{"more fields", append(h.ask("r-1", terms, nil)[:10:10], []byte(`,"key":1}`)...), "invalid"},
		{"two at once", append(h.ask("r-1", terms, nil), '{', '}'), "invalid"},
	} {
		_, err := h.c.Challenge(c.ask)
		h.refused(c.name, err, c.code)
	}
	late := h.Terms()
	late.ID, late.NotAfter = "p-3", h.now.Add(time.Second)
	h.now = h.now.Add(time.Second)
	_, err := h.c.Challenge(h.ask("r-1", late, nil))
	h.refused("an expired permit", err, "permit-expired")
	if n := h.c.Journal.Seq(); n != 0 {
		t.Errorf("refusals have left %d entries", n)
	}
}

// Evidence answers one question, once, and in no other run, round, permit,
// program or binary than it was asked for; what does not hold spends nothing.
func TestReplayed(t *testing.T) {
	h := newHouse(t)
	terms := h.Terms()
	key, err := attest.NewKey()
	h.must(err)
	for name, edit := range map[string]func(*attest.Binding){
		"another run":     func(b *attest.Binding) { b.Run = "r-2" },
		"another round":   func(b *attest.Binding) { b.Round++ },
		"another permit":  func(b *attest.Binding) { b.Permit = suite.DigestOf([]byte("p-2")) },
		"another program": func(b *attest.Binding) { b.Program = suite.DigestOf([]byte("another")) },
		"another binary":  func(b *attest.Binding) { b.Binary = suite.DigestOf([]byte("another")) },
		"no key": func(b *attest.Binding) {
			b.Key, b.Receiver = "", suite.DigestOf([]byte("somebody's"))
		},
	} {
		q, err := h.c.Challenge(h.ask("r-1", terms, nil))
		h.must(err)
		b := h.bind(q, "r-1", terms, key)
		edit(&b)
		e, err := h.place.Attest(b)
		h.must(err)
		_, err = h.c.Release(h.Context(), e.Bytes())
		h.refused(name, err, "attestation")
		b = h.bind(q, "r-1", terms, key)
		good, err := h.place.Attest(b)
		h.must(err)
		_, err = h.c.Release(h.Context(), good.Bytes())
		h.refused(name+": a second answer", err, "conflict")
	}
	q, err := h.c.Challenge(h.ask("r-1", terms, nil))
	h.must(err)
	stranger, err := attest.NewSoftware(h.Keys["site-transit"]).Attest(h.bind(q, "r-1", terms, key))
	h.must(err)
	_, err = h.c.Release(h.Context(), stranger.Bytes())
	h.refused("another process's word", err, "attestation")
	if n := h.c.Journal.Seq(); n != 0 {
		t.Errorf("evidence that does not hold has left %d entries", n)
	}
	// A good answer, replayed: at once, and after the custodian was started anew.
	q, err = h.c.Challenge(h.ask("r-1", terms, nil))
	h.must(err)
	e, err := h.place.Attest(h.bind(q, "r-1", terms, key))
	h.must(err)
	_, err = h.c.Release(h.Context(), e.Bytes())
	h.must(err)
	_, err = h.c.Release(h.Context(), e.Bytes())
	h.refused("a replay", err, "conflict")
	h.restart()
	_, err = h.c.Release(h.Context(), e.Bytes())
	h.refused("a replay after a restart", err, "conflict")
	// One that comes too late.
	q, err = h.c.Challenge(h.ask("r-1", terms, nil))
	h.must(err)
	e, err = h.place.Attest(h.bind(q, "r-1", terms, key))
	h.must(err)
	h.now = h.now.Add(2 * time.Minute)
	_, err = h.c.Release(h.Context(), e.Bytes())
	h.refused("a late answer", err, "attestation")
}

// The journal bounds what is released, and not the site's word: uses of a permit,
// the budget, keys of one run, one permit a run.
func TestCounts(t *testing.T) {
	h := newHouse(t)
	terms := h.Terms() // two uses
	for _, run := range []string{"r-1", "r-2"} {
		_, err := h.release(run, terms)
		h.must(err)
	}
	h.restart()
	_, err := h.release("r-3", terms)
	h.refused("a third use of two", err, "permit-spent")
	again := h.Terms()
	again.ID = "p-2"
	_, err = h.release("r-1", again)
	h.refused("a run under a second permit", err, "permit-foreign")
	for range maxReleases - 1 {
		_, err = h.release("r-1", terms)
		h.must(err)
	}
	_, err = h.release("r-1", terms)
	h.refused("one key more for a run", err, "custody")

	h.c.Budgets = map[string]*big.Rat{}
	_, err = h.release("r-4", again)
	h.refused("no budget", err, "budget")
	if len(h.c.Journal.All(used)) != 2 {
		t.Error("a run without budget is booked")
	}
	// Two questions of a permit with one use left: the second answer finds none.
	h.c.Budgets = map[string]*big.Rat{jobs.NaturalPerson: big.NewRat(1, 1)}
	once := h.Terms()
	once.ID, once.Uses = "p-4", 1
	var answers [][]byte
	for _, run := range []string{"r-5", "r-6"} {
		q, err := h.c.Challenge(h.ask(run, once, nil))
		h.must(err)
		key, err := attest.NewKey()
		h.must(err)
		e, err := h.place.Attest(h.bind(q, run, once, key))
		h.must(err)
		answers = append(answers, e.Bytes())
	}
	_, err = h.c.Release(h.Context(), answers[0])
	h.must(err)
	_, err = h.c.Release(h.Context(), answers[1])
	h.refused("two answers to one use", err, "permit-spent")
}

// A policy for data that live long releases to X-Wing keys only, and a question
// says so.
func TestLongLived(t *testing.T) {
	h := newHouse(t)
	h.c.Policy.LongLived = true
	terms := h.Terms()
	q, err := h.c.Challenge(h.ask("r-1", terms, nil))
	h.must(err)
	if !q.Hybrid {
		t.Error("the question does not ask for X-Wing")
	}
	_, err = h.release("r-1", terms) // to X25519
	h.refused("an X25519 key", err, "attestation")
}

// Questions that nobody answers do not fill the memory.
func TestQuestionsAreFew(t *testing.T) {
	h := newHouse(t)
	ask := h.ask("r-1", h.Terms(), nil)
	for range maxAsked {
		_, err := h.c.Challenge(ask)
		h.must(err)
	}
	_, err := h.c.Challenge(ask)
	h.refused("one question more", err, "exhausted")
	h.now = h.now.Add(2 * time.Minute)
	_, err = h.c.Challenge(ask)
	h.must(err)
}

// Over the link: the site by its key, and nobody else; the custodian by its.
func TestLink(t *testing.T) {
	for _, long := range []bool{false, true} {
		h := newHouse(t)
		h.c.Policy.LongLived = long
		own := h.Stranger(t)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		h.must(err)
		done := make(chan error, 1)
		go func() { done <- h.c.Serve(t.Context(), ln, own) }()
		terms := h.Terms()
		permit, start, header := h.permit(terms), h.Start(t, "op", "r-1", terms).Bytes(), h.sealed["v1"][:seal.Header]
		client := func(key suite.PrivateKey, pin suite.PublicKey) *Client {
			c, err := NewClient(ln.Addr().String(), pin, key, h.place, binary)
			h.must(err)
			return c
		}
		site := client(h.Keys["site-hospital"], own.Public())
		key, err := site.Key(t.Context(), "r-1", permit, start, header)
		h.must(err)
		want, err := h.c.Key.Unwrap(header, "datasets/hospital-visits@v1")
		h.must(err)
		if !bytes.Equal(key.Bytes(), want.Bytes()) {
			t.Error("another key came over the link")
		}
		_, err = client(h.Keys["site-transit"], own.Public()).Key(t.Context(), "r-1", permit, start, header)
		h.refused("another site", err, "denied")
		if _, err := client(h.Keys["site-hospital"], h.Keys["gate"].Public()).Key(t.Context(), "r-1", permit, start, header); err == nil || isRefusal(err) || !strings.Contains(err.Error(), "作业等待") {
			t.Errorf("another custodian: %v", err)
		}
		if _, err := site.Key(t.Context(), "r-2", permit, start, header); err == nil {
			t.Error("a key for another run than the start's")
		}
	}
}

func isRefusal(err error) bool {
	_, ok := errors.AsType[fault.Refusal](err)
	return ok
}

// A custodian that is not there refuses nothing.
func TestAway(t *testing.T) {
	h := newHouse(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	h.must(err)
	h.must(ln.Close())
	c, err := NewClient(ln.Addr().String(), h.Stranger(t).Public(), h.Keys["site-hospital"], h.place, binary)
	h.must(err)
	terms := h.Terms()
	_, err = c.Key(t.Context(), "r-1", h.permit(terms), h.Start(t, "op", "r-1", terms).Bytes(), h.sealed["v1"][:seal.Header])
	if err == nil || isRefusal(err) || !strings.Contains(err.Error(), "密钥保管进程没有应答") {
		t.Errorf("nobody there: %v", err)
	}
}

// Whatever a site sends is answered or refused, and books nothing unless it is
// evidence that holds.
func FuzzAsk(f *testing.F) {
	h := newHouse(f)
	terms := h.Terms()
	good := h.ask("r-1", terms, nil)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(`{"permit":{"terms":{},"decisions":[]},"start":{},"header":"","binary":""}`))
	f.Add([]byte(`{}`))
	q, err := h.c.Challenge(good)
	h.must(err)
	key, err := attest.NewKey()
	h.must(err)
	e, err := attest.NewSoftware(h.Stranger(f)).Attest(h.bind(q, "r-1", terms, key))
	h.must(err)
	f.Add(e.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		h.c.asked = nil // questions that nobody answers
		if q, err := h.c.Challenge(raw); err == nil && q.Round != 1 {
			t.Errorf("round %d", q.Round)
		}
		if _, err := h.c.Release(t.Context(), raw); err == nil {
			t.Error("a key was released")
		}
		if h.c.Journal.Seq() != 0 {
			t.Error("something was booked")
		}
	})
}
