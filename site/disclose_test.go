package site

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

const witnessed = "four units in the second cell"

// ledger takes in what stands on the board of a run.
func (w *world) ledger(run string) {
	w.Helper()
	board := map[string][]byte{}
	for item, err := range w.board.All(w.Context(), "run."+run+".>") {
		w.must(err)
		board[item.Subject] = item.Data
	}
	for subject, data := range board {
		d := suite.DigestOf(data)
		at := msg.LoggedSubject(run, d)
		if _, logged := board[at]; logged || strings.Contains(subject, "."+string(msg.Logged)+".") {
			continue
		}
		w.logged++
		w.post(at, fmt.Appendf(nil, "%s %d", d, w.logged))
	}
}

// judged is a run of mode sdc that the site took part in and the gate judged.
func (w *world) judged(run string) jobs.Terms {
	w.Helper()
	terms, module := w.termsOf(study, func(t *jobs.Terms) {
		t.Mode = jobs.SDC
		t.Program.Review = &jobs.Review{Reviewer: "a reader"}
	})
	w.begin(run, terms, module)
	v := w.view(run)
	w.must(w.site.book(v))
	w.must(w.site.testify(w.Context(), v, []byte(witnessed)))
	evidence, err := w.site.testified(w.Context(), v)
	w.must(err)
	w.say("yuneid", msg.Round, msg.RoundBody{Of: v.Of(1, "yuneid")})
	set := msg.Set{Members: []string{"site-hospital", "site-transit"}, Key: suite.DigestOf([]byte("key"))}
	w.say("site-hospital", msg.Confirm, msg.ConfirmBody{Of: v.Of(1, "site-hospital"), Set: set, Evidence: evidence})
	w.say("gate", msg.Candidate, msg.CandidateBody{Of: v.Of(0, "gate"), Set: set})
	w.ledger(run)
	return terms
}

func (w *world) consent(who string, box suite.Box, terms jobs.Terms, edit func(*msg.ConsentBody)) []byte {
	w.Helper()
	c := msg.ConsentBody{Run: "r-1", Permit: terms.Digest(), Org: "hospital", Recipient: "audit", Box: box.Public(), At: governancetest.Now}
	if edit != nil {
		edit(&c)
	}
	return w.Sign(w, who, msg.Consent, receipt.About("run/"+c.Run+"/evidence", c.Permit), c).Bytes()
}

func (w *world) box() suite.Box {
	w.Helper()
	box, err := suite.NewBox()
	w.must(err)
	return box
}

// Evidence leaves the domain by its own provider's consent, sealed to the box
// that it names, and not before the ledger holds that it does.
func TestDisclose(t *testing.T) {
	w := newWorld(t, crowd(1, false))
	terms, box := w.judged("r-1"), w.box()
	consent := w.consent("hospital-officer", box, terms, nil)
	for range 2 { // the ledger is slow
		if packet, err := w.site.Disclose(t.Context(), consent); !errors.Is(err, ErrUnlogged) || packet != nil {
			t.Fatalf("before the ledger holds it: %d bytes, %v", len(packet), err)
		}
	}
	w.ledger("r-1")
	for range 2 { // asked for again
		packet, err := w.site.Disclose(t.Context(), consent)
		w.must(err)
		if strings.Contains(string(packet), "four units") {
			t.Error("the packet shows what is in it")
		}
		o, confirm, err := msg.OpenPacket(packet, box, terms)
		if err != nil || string(o.Evidence) != witnessed || confirm.Round != 1 {
			t.Errorf("the packet: %q, %v", o.Evidence, err)
		}
	}
	if got := strings.Count(w.said("r-1"), "disclosed:"); got != 1 {
		t.Errorf("it was said %d times", got)
	}
	again := w.consent("hospital-officer", w.box(), terms, func(c *msg.ConsentBody) { c.Recipient = "bureau" })
	if _, err := w.site.Disclose(t.Context(), again); !errors.Is(err, ErrUnlogged) || strings.Count(w.said("r-1"), "disclosed:") != 2 {
		t.Errorf("another recipient: %v", err)
	}
	for i := range msg.MaxRounds - 1 {
		_, err := w.site.Disclose(t.Context(), w.consent("hospital-officer", w.box(), terms, nil))
		if !errors.Is(err, ErrUnlogged) {
			t.Errorf("disclosure %d: %v", i+3, err)
		}
	}
	_, err := w.site.Disclose(t.Context(), w.consent("hospital-officer", w.box(), terms, nil))
	wantCode(t, "once too often", err, "disclosures")
}

// Nobody else's word lets evidence out, nor a word about something else; what
// was changed on the site's own disk is not given out for what was confirmed.
func TestDiscloseRefuses(t *testing.T) {
	w := newWorld(t, crowd(1, false))
	terms, box := w.judged("r-1"), w.box()
	other := terms
	other.Uses++
	for name, c := range map[string]struct {
		raw  []byte
		want fault.Code
	}{
		"nothing":                {nil, "consent"},
		"the other provider's":   {w.consent("transit-officer", box, terms, nil), "consent"},
		"the domain's own admin": {w.consent("hospital-admin", box, terms, nil), "consent"},
		"the bureau's":           {w.consent("bureau-officer", box, terms, nil), "consent"},
		"for another permit":     {w.consent("hospital-officer", box, other, nil), "consent"},
		"for no run":             {w.consent("hospital-officer", box, terms, func(c *msg.ConsentBody) { c.Run = "r-9" }), "no-evidence"},
	} {
		packet, err := w.site.Disclose(t.Context(), c.raw)
		wantCode(t, name, err, c.want)
		if packet != nil {
			t.Errorf("%s: evidence went out", name)
		}
	}
	if said := w.said("r-1"); strings.Contains(said, "disclosed") {
		t.Errorf("the site said %s", said)
	}

	noisy, module := w.termsOf(study, nil)
	w.begin("r-2", noisy, module)
	w.must(w.site.book(w.view("r-2")))
	w.candidate("r-2")
	w.ledger("r-2")
	_, err := w.site.Disclose(t.Context(), w.consent("hospital-officer", box, noisy, func(c *msg.ConsentBody) { c.Run = "r-2" }))
	wantCode(t, "a run with noise", err, "no-evidence")

	bent := newWorld(t, crowd(1, false))
	terms = bent.judged("r-1")
	name, err := testimonyName("r-1")
	bent.must(err)
	bent.must(bent.site.Store.Delete(t.Context(), name))
	bent.must(bent.site.testify(t.Context(), bent.view("r-1"), []byte("forty units in the second cell")))
	if _, err := bent.site.Disclose(t.Context(), bent.consent("hospital-officer", box, terms, nil)); !errors.Is(err, fault.Tampered) || strings.Contains(bent.said("r-1"), "disclosed") {
		t.Errorf("evidence changed on the disk: %v, said %s", err, bent.said("r-1"))
	}
}
