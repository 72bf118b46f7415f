package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/api"
	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/api/dossier"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/link"
	"github.com/yunei/yunei/storage/dir"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// A liar is a real server with the coordinator's own key, whose answers to one
// verb are altered on their way out. Its records can hold anything: it is the
// platform.
type liar struct {
	*gatestest.World

	t      *testing.T
	rec    *records.Records
	url    string
	alters map[verb.Verb]func([]byte) []byte // nil bytes: there is no such thing
}

func newLiar(t *testing.T) *liar {
	t.Helper()
	l := &liar{World: gatestest.New(t, "guiyang", "authop"), t: t, alters: map[verb.Verb]func([]byte) []byte{}}
	var err error
	if l.rec, err = records.Open(t.Context(), t.TempDir()+"/records.db"); err != nil {
		t.Fatal(err)
	}
	programs, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := api.New(api.Config{
		Installation: installation, Root: l.Root, Records: l.rec, Programs: programs, Way: &way{views: map[string]verb.View{}},
		Now: func() time.Time { return gatestest.Now }, Notary: &notary{},
	})
	if err != nil {
		t.Fatal(err)
	}
	inner := httptest.NewServer(s.Handler())
	to, err := url.Parse(inner.URL)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: l.lie,
	})
	if front.TLS, err = link.Public(l.Keys["yuneid"]); err != nil {
		t.Fatal(err)
	}
	front.StartTLS()
	l.url = front.URL
	t.Cleanup(func() { front.Close(); inner.Close(); _ = l.rec.Close() })
	l.register()
	return l
}

func (l *liar) lie(r *http.Response) error {
	alter := l.alters[verb.Verb(strings.TrimPrefix(r.Request.URL.Path, verb.Path))]
	if alter == nil {
		return nil
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.StatusCode = http.StatusOK
	if raw = alter(raw); raw == nil {
		r.StatusCode, raw = http.StatusNotFound, []byte(`{"kind":"not found","code":"not-found"}`)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	r.Header.Del("Content-Length")
	return nil
}

func (l *liar) as(who string) *client.Client {
	c, err := client.New(l.url, l.Keys["yuneid"].Public(), l.Keys[who], installation, func() time.Time { return gatestest.Now })
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

// register has people register everything through the door, and two officers put
// the rules into force.
func (l *liar) register() {
	l.t.Helper()
	ctx, root := l.t.Context(), l.as("root")
	var errs []error
	for _, o := range l.Orgs {
		errs = append(errs, root.AddOrg(ctx, o))
	}
	for _, u := range l.Users {
		errs = append(errs, root.AddUser(ctx, u))
	}
	for _, p := range l.Processes {
		errs = append(errs, root.AddProcess(ctx, p))
	}
	for _, e := range l.Catalogue {
		errs = append(errs, l.as(e.Provider+"-officer").AddEntry(ctx, e))
	}
	source, said := l.Adopted(l.t)
	for _, who := range []string{"bureau-officer", "bureau-2"} {
		_, err := l.as(who).Publish(ctx, said[who], source)
		errs = append(errs, err)
	}
	errs = append(errs, l.as("bureau-officer").GrantLicence(ctx, l.Licences["l-1"]))
	if err := errors.Join(errs...); err != nil {
		l.t.Fatal(err)
	}
}

// applied has everybody go the procedure, and keeps terms that the operator has
// signed, as a platform would that asks no gate.
func (l *liar) applied(edit func(*jobs.Terms)) verb.Application {
	l.t.Helper()
	f := l.Facts()
	shelve(l.t, l.rec, l.World, f)
	for id, sheet := range l.Sheets { // an entry's paper is put by who opens its case
		raw := f.Papers[gates.PapersOf(f.Cases["entry-"+id])[0]]
		if _, err := l.rec.PutPaper(l.t.Context(), l.Keys[l.Catalogue[id].Provider+"-officer"].Public(), raw, []byte("request")); err != nil {
			l.t.Fatal(sheet.Dataset, err)
		}
	}
	if edit != nil {
		edit(&f.Terms)
	}
	return l.proposed(f.Terms)
}

func (l *liar) proposed(t jobs.Terms) verb.Application {
	l.t.Helper()
	rec := records.Record[governance.Application]{ID: t.ID, Revision: 1, Parent: t.Scenario, Value: governance.Application{Terms: t}, Envelope: []byte("{}")}
	if err := l.rec.Applications.Put(l.t.Context(), rec); err != nil {
		l.t.Fatal(err)
	}
	r := l.Decide(l.t, "op", "operator", jobs.Apply, t)
	if _, err := l.as("op").Decide(l.t.Context(), t.ID, r); err != nil {
		l.t.Fatal(err)
	}
	a, err := l.as("hospital-officer").Application(l.t.Context(), t.ID)
	if err != nil {
		l.t.Fatal(err)
	}
	return a
}

// again has the platform be honest, for another test.
func (l *liar) again(t *testing.T) {
	t.Helper()
	l.t = t
	clear(l.alters)
}

// sign is what the machine of the hospital's officer does before it signs.
func (l *liar) sign(a verb.Application) ([]dossier.Word, error) {
	return l.signs("hospital-officer", a)
}

func (l *liar) signs(who string, a verb.Application) ([]dossier.Word, error) {
	ctx := l.t.Context()
	d, err := dossier.Open(ctx, l.as(who), dossier.Place{Root: l.Root, Installation: installation}, a.Terms)
	if err != nil {
		return nil, err
	}
	if err := d.Due(a.Decisions, l.Decide(l.t, who, l.Users[who].Org, jobs.Grant, a.Terms), gatestest.Now); err != nil {
		return nil, err
	}
	_, word, err := d.Ask(ctx, false, gatestest.Now)
	return word, err
}

// wants has a signature refused, with a code and a sentence of its own.
func (l *liar) wants(a verb.Application, code fault.Code, sentence string) {
	l.t.Helper()
	_, err := l.sign(a)
	r, ok := errors.AsType[fault.Refusal](err)
	if !ok || r.Code != code || !strings.Contains(r.ZH, sentence) {
		l.t.Fatalf("have %v %s, want %s: %s", err, r.ZH, code, sentence)
	}
}

func at(a verb.Application, kind string) int {
	return slices.IndexFunc(a.Terms.Under.Cases, func(r jobs.CaseRef) bool { return r.Kind == kind })
}

// What an honest platform shows is checked on the machine of each who signs, the
// other provider's entry included; what no signature says is called its word.
func TestDossier(t *testing.T) {
	l := newLiar(t)
	a := l.applied(nil)
	for _, who := range []string{"hospital-officer", "transit-officer"} {
		word, err := l.signs(who, a)
		if err != nil {
			t.Fatalf("%s: %v", who, err)
		}
		var codes []string
		for _, w := range word {
			if codes = append(codes, w.Code); w.ZH == "" || w.EN == "" {
				t.Errorf("%s: no words", w.Code)
			}
		}
		if want := []string{"holds-unread", "duties-unread", "years-unread", "latest"}; !slices.Equal(codes, want) {
			t.Errorf("%s takes the platform's word for %v, want %v", who, codes, want)
		}
	}
	d, err := dossier.Open(t.Context(), l.as("checker-a"), dossier.Place{Root: l.Root, Installation: installation}, a.Terms)
	if err != nil || len(d.Cases) != len(a.Terms.Under.Cases) {
		t.Fatalf("a checker: %v", err)
	}
	if _, word, err := d.Ask(t.Context(), true, gatestest.Now); err != nil || !slices.ContainsFunc(word, func(w dossier.Word) bool { return w.Code == "uses-unread" }) {
		t.Errorf("while it runs: %v, %v", word, err)
	}
	if err := d.Permitted([]byte(`{}`), gatestest.Now); fault.Show(err).Code != "dossier-permit" {
		t.Errorf("no permit: %v", err)
	}
	all, err := governance.Assemble(a.Terms, l.Decisions(t, a.Terms))
	if err != nil || d.Permitted(all, gatestest.Now) != nil {
		t.Errorf("the permit: %v, %v", err, d.Permitted(all, gatestest.Now))
	}
	if _, err := dossier.Open(t.Context(), l.as("op"), dossier.Place{Installation: installation}, a.Terms); fault.Show(err).Code != "root-unpinned" {
		t.Errorf("without a root key: %v", err)
	}
	// Who has nothing to do with the application is shown nothing of it.
	for _, who := range []string{"rival", "outsider"} {
		if raw, err := l.as(who).CaseOf(t.Context(), a.ID, a.Terms.Under.Cases[0].ID); !errors.Is(err, fault.NotFound) {
			t.Errorf("%s is shown a case: %.40s, %v", who, raw, err)
		}
	}
	// A paper that no such case decided on is not shown, whoever asks.
	secret, err := l.as("op").PutPaper(t.Context(), []byte("another paper"))
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := l.as("hospital-officer").PaperOf(t.Context(), a.ID, a.Terms.Under.Cases[0].ID, secret); !errors.Is(err, fault.NotFound) {
		t.Errorf("a paper is shown: %s, %v", raw, err)
	}
}

// A platform that lies is found out by the machine of whoever signs, each time
// with its own sentence; nothing is signed.
func TestLyingPlatform(t *testing.T) {
	l := newLiar(t)
	a := l.applied(nil)
	t.Run("the file of another ended case", func(t *testing.T) {
		l.again(t)
		i := at(a, "catalogue.review")
		other, err := l.as("hospital-officer").CaseOf(t.Context(), a.ID, a.Terms.Under.Cases[i+1].ID)
		if err != nil {
			t.Fatal(err)
		}
		l.alters[verb.ApplicationCase] = func(raw []byte) []byte {
			if bytes.Contains(raw, []byte(`"case":"`+a.Terms.Under.Cases[i].ID+`"`)) {
				return other
			}
			return raw
		}
		l.wants(a, "dossier-case", "平台交出的是另一办件（entry-hospital-visits）")
	})
	t.Run("a head of another ended case in the terms", func(t *testing.T) {
		l := newLiar(t)
		a := l.applied(func(t *jobs.Terms) { t.Under.Cases[0].Head = t.Under.Cases[1].Head })
		l.wants(a, "dossier-case", "末端摘要与条款所载不同")
	})
	t.Run("an event is removed", func(t *testing.T) {
		l.again(t)
		l.alters[verb.ApplicationCase] = func(raw []byte) []byte { return without(t, raw, func(n int) int { return n - 2 }) }
		l.wants(a, "dossier-case", "签名、次序或办理人不成立")
	})
	t.Run("the last event is removed, and the file made to fit", func(t *testing.T) {
		l.again(t)
		rules := cases.NewRules(l.Register, l.Tables)
		l.alters[verb.ApplicationCase] = func(raw []byte) []byte {
			return refolded(t, rules, raw, l.Register)
		}
		l.wants(a, "dossier-case", "尚未办结")
	})
	t.Run("decided by one officer where the table wants two", func(t *testing.T) {
		l := newLiar(t)
		k := l.reviewed(l.Tables)
		if k.Phase() == cases.Ended {
			t.Fatal("one officer decided")
		}
		l.wants(l.resting(k), "dossier-case", "尚未办结（program-1）")
	})
	t.Run("decided by one officer, by a table of the platform's own", func(t *testing.T) {
		l := newLiar(t)
		own := l.Table("program.review", "")
		own.Stages = slices.Clone(own.Stages)
		own.Stages[2].Quorum, own.Version = 0, own.Version+1
		tables := maps.Clone(l.Tables)
		tables[own.Digest()] = own
		k := l.reviewed(tables)
		if outcome, _ := k.Outcome(); outcome != cases.Approved {
			t.Fatalf("by the platform's own table one officer did not decide: %s", outcome)
		}
		l.wants(l.resting(k), "dossier-case", "签名、次序或办理人不成立（program-1）")
	})
	t.Run("the agreement of another scenario", func(t *testing.T) {
		l := newLiar(t)
		l.Agreement = func(a *papers.Agreement) { a.Scenario = "another" }
		l.wants(l.applied(nil), "dossier-gate", "G4 ")
	})
	t.Run("another operator's licence", func(t *testing.T) {
		l := newLiar(t)
		l.Admission.Operator = "rival"
		l.wants(l.applied(nil), "dossier-gate", "G1 ")
	})
	t.Run("another dataset's entry", func(t *testing.T) {
		l := newLiar(t)
		l.Sheets["hospital-visits"].Dataset = "another"
		l.wants(l.applied(nil), "dossier-gate", "G6 ")
	})
	t.Run("another program's review", func(t *testing.T) {
		l := newLiar(t)
		l.Program.Digest = suite.DigestOf([]byte("another"))
		l.wants(l.applied(nil), "dossier-gate", "G10 ")
	})
	t.Run("terms that the operator did not sign", func(t *testing.T) {
		l.again(t)
		a := a
		a.Terms.Uses++
		_, err := l.sign(a)
		if fault.Show(err).Code != "decision-early" {
			t.Fatal(err)
		}
	})
	t.Run("another application than was asked for", func(t *testing.T) {
		l.again(t)
		other := a
		other.Terms.ID = "p-2"
		l.alters[verb.ApplicationShow] = func([]byte) []byte { return marshal(t, other) }
		if got, err := l.as("hospital-officer").Application(t.Context(), a.Terms.ID); !errors.Is(err, fault.Tampered) || got.Terms.ID != "" {
			t.Errorf("%s is shown as %s: %v", got.Terms.ID, a.Terms.ID, err)
		}
	})
	t.Run("a case and a paper are withheld", func(t *testing.T) {
		l.again(t)
		l.alters[verb.ApplicationPaper] = func([]byte) []byte { return nil }
		l.wants(a, "dossier-gate", "材料无从查得")
		l.alters[verb.ApplicationCase] = func([]byte) []byte { return nil }
		l.wants(a, "dossier-case", "没有交出")
	})
	t.Run("other bytes for a paper", func(t *testing.T) {
		l.again(t)
		l.alters[verb.ApplicationPaper] = func(raw []byte) []byte { return append([]byte(" "), raw...) }
		l.wants(a, "dossier-gate", "材料无从查得")
	})
}

// Who holds which key, and which rules were published, is not the platform's to
// say either.
func TestLyingRegister(t *testing.T) {
	l := newLiar(t)
	a := l.applied(nil)
	t.Run("an officer whom nobody registered", func(t *testing.T) {
		l.again(t)
		u := l.Users["bureau-officer"]
		u.ID, u.Key = "bureau-9", l.Stranger(t).Public()
		forged, err := verb.Sign(l.Keys["yuneid"], verb.UserAdd, installation, gatestest.Now, strings.NewReader(strings.Repeat("n", 16)), u)
		if err != nil {
			t.Fatal(err)
		}
		l.alters[verb.RegisterGet] = func(raw []byte) []byte {
			return registered(t, raw, func(r *verb.Registered) { r.Users = append(r.Users, forged.Bytes()) })
		}
		l.wants(a, "register-unsigned", "")
	})
	t.Run("a request of another installation's root", func(t *testing.T) {
		l.again(t)
		u := l.Users["bureau-officer"]
		u.ID, u.Key = "bureau-9", l.Stranger(t).Public()
		foreign, err := verb.Sign(l.Keys["root"], verb.UserAdd, "another", gatestest.Now, strings.NewReader(strings.Repeat("n", 16)), u)
		if err != nil {
			t.Fatal(err)
		}
		l.alters[verb.RegisterGet] = func(raw []byte) []byte {
			return registered(t, raw, func(r *verb.Registered) { r.Users = append(r.Users, foreign.Bytes()) })
		}
		l.wants(a, "register-unsigned", "")
	})
	t.Run("a licence that an operator signed", func(t *testing.T) {
		l.again(t)
		own := l.Licences["l-1"]
		own.ID = "l-2"
		forged, err := verb.Sign(l.Keys["op"], verb.LicenceGrant, installation, gatestest.Now, strings.NewReader(strings.Repeat("n", 16)), own)
		if err != nil {
			t.Fatal(err)
		}
		l.alters[verb.RegisterGet] = func(raw []byte) []byte {
			return registered(t, raw, func(r *verb.Registered) { r.Licences = append(r.Licences, forged.Bytes()) })
		}
		l.wants(a, "register-unsigned", "")
	})
	t.Run("rules that one officer published", func(t *testing.T) {
		l.again(t)
		l.alters[verb.ProfileSigned] = func(raw []byte) []byte {
			var all []json.RawMessage
			if err := json.Unmarshal(raw, &all); err != nil || len(all) != 2 {
				t.Errorf("%s: %v", raw, err)
			}
			again, err := json.Marshal([]json.RawMessage{all[0], all[0]})
			if err != nil {
				t.Error(err)
			}
			return again
		}
		l.wants(a, "rules-unpublished", "")
	})
	t.Run("rules that nobody published", func(t *testing.T) {
		l.again(t)
		source, err := profiles.Source("guiyang")
		if err != nil {
			t.Fatal(err)
		}
		forged, err := profiles.Load(bytes.Replace(source, []byte("\nversion: 1\n"), []byte("\nversion: 2\n"), 1))
		if err != nil || forged.Frozen().Version != 2 {
			t.Fatal(err)
		}
		real, err := l.as("op").Publications(t.Context(), l.Profile.Frozen())
		if err != nil || len(real) != 2 {
			t.Fatal(err)
		}
		a, under := a, *a.Terms.Under
		under.Rules, under.Version, a.Terms.Under = forged.Frozen().Digest, 2, &under
		l.wants(a, "rules-unpublished", "") // the platform has no such version
		l.alters[verb.ProfileGet] = func([]byte) []byte {
			return marshal(t, verb.Profile{Frozen: forged.Frozen(), Bytes: forged.Bytes()})
		}
		l.wants(a, "rules-unpublished", "") // nor statements for it
		l.alters[verb.ProfileSigned] = func([]byte) []byte { return marshal(t, real) }
		l.wants(a, "rules-unpublished", "") // those for another do not count
	})
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Error(err)
	}
	return raw
}

// reviewed is a review of the program by the tables given that went to two people,
// of whom one has decided.
func (l *liar) reviewed(tables cases.Tables) *cases.Case {
	l.t.Helper()
	kept := l.Tables
	l.Tables, l.Stop["program.review"] = tables, "review"
	k, rules := l.Facts().Cases["program-1"], cases.NewRules(l.Register, tables)
	for _, does := range []struct {
		who string
		e   cases.Event
	}{
		{"op", cases.Event{Act: cases.Escalate, Text: "请双人复审"}},
		{"bureau-3", cases.Event{Act: cases.Decide, Ruling: &cases.Ruling{On: k.Matter(), Verdict: cases.Allow}}},
	} {
		does.e.At = gatestest.Now.AddDate(0, 0, -1)
		r, err := k.Say(l.Keys[does.who], does.e)
		if err != nil {
			l.t.Fatal(err)
		}
		if k, err = rules.Apply(k, r); err != nil {
			l.t.Fatal(err)
		}
	}
	l.Tables = kept
	delete(l.Stop, "program.review")
	return k
}

// resting is an application whose terms rest on a case as the platform shows it.
func (l *liar) resting(k *cases.Case) verb.Application {
	l.t.Helper()
	file, err := cases.Export(k, l.Register)
	if err != nil {
		l.t.Fatal(err)
	}
	l.alters[verb.ApplicationCase] = func(raw []byte) []byte {
		if bytes.Contains(raw, []byte(`"case":"`+k.ID()+`"`)) {
			return file
		}
		return raw
	}
	return l.applied(func(t *jobs.Terms) {
		i := slices.IndexFunc(t.Under.Cases, func(r jobs.CaseRef) bool { return r.ID == k.ID() })
		t.Under.Cases[i].Head = k.Head()
	})
}

// registered alters the register that the platform gives.
func registered(t *testing.T, raw []byte, edit func(*verb.Registered)) []byte {
	t.Helper()
	var r verb.Registered
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Error(err)
	}
	edit(&r)
	out, err := json.Marshal(r)
	if err != nil {
		t.Error(err)
	}
	return out
}

// without takes an event out of a case's file.
func without(t *testing.T, raw []byte, which func(n int) int) []byte {
	t.Helper()
	var f cases.File
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Error(err)
		return raw
	}
	i := which(len(f.Events))
	f.Events, f.Digests = slices.Delete(f.Events, i, i+1), slices.Delete(f.Digests, i, i+1)
	out, err := json.Marshal(f)
	if err != nil {
		t.Error(err)
	}
	return out
}

// refolded is the file of a case as it was before its last event.
func refolded(t *testing.T, rules cases.Rules, raw []byte, g governance.Register) []byte {
	t.Helper()
	k, err := rules.Verify(raw)
	if err != nil {
		t.Error(err)
		return raw
	}
	all := k.Receipts()
	if k, err = rules.Fold(k.ID(), all[:len(all)-1]); err != nil {
		t.Error(err)
		return raw
	}
	out, err := cases.Export(k, g)
	if err != nil {
		t.Error(err)
	}
	return out
}
