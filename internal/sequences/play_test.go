package sequences

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/flow"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/release"
	"github.com/yunei/yunei/suite"
)

// A play is a random sequence of calls about one application and its runs.
type play struct {
	*house
	*rapid.T
	terms   jobs.Terms
	runs    []*run
	right   bool  // if all do as they should
	pair    []int // the checkers who mean to vote
	done    map[string]bool
	ballots map[suite.Digest]ballot
	sealed  []ballot // last first
	sent    []sent
	told    *tally

	verified map[suite.Digest]error
}

// A sent request can be sent again, byte for byte.
type sent struct {
	path string
	raw  []byte
}

// A tally of what plays came to, so that one sees that they are not all idle.
type tally struct{ plays, calls, released, lacking, mutants int }

// An order is for a play in which all do as they should in a mode, but for what
// it does to the run. The zero order leaves all to chance.
type order struct {
	mode jobs.Mode
	but  func(*run)
}

// game plays one sequence, and says what of the property does not hold.
func game(t *rapid.T, h *house, id string, o order, told *tally) error {
	p := &play{house: h, T: t, done: map[string]bool{}, ballots: map[suite.Digest]ballot{}, right: o.mode != "", told: told, verified: map[suite.Digest]error{}}
	mode := rapid.SampledFrom([]jobs.Mode{jobs.DP, jobs.SDC, jobs.Both}).Draw(t, "mode")
	p.terms = h.terms("p-"+id, cmp.Or(o.mode, mode))
	p.pair = rapid.Permutation([]int{0, 1, 2}).Draw(t, "checkers")[:2]
	runs, steps := max(1, rapid.IntRange(0, 2).Draw(t, "runs")), 30-rapid.IntRange(0, 14).Draw(t, "steps less")
	if p.right {
		runs, steps = 1, 15
	}
	for i := range runs {
		r := p.newRun(fmt.Sprintf("r-%s-%d", id, i))
		if o.but != nil {
			o.but(r)
		}
		p.runs = append(p.runs, r)
	}
	told.plays++
	for range steps {
		if p.likely("right") {
			p.next()
		} else {
			p.stray()
		}
		if err := p.holds(false); err != nil {
			return err
		}
	}
	return errors.Join(p.holds(true), p.forced())
}

func (p *play) newRun(id string) *run {
	r := &run{
		id: id, terms: p.terms, flaw: none,
		verdict: rapid.SampledFrom([]string{"pass", "pass", "pass", "review", "fail", "block", "splendid"}).Draw(p.T, "verdict"),
		loses:   !p.likely("keeps its key"),
	}
	if p.right {
		r.verdict = "pass"
	}
	if !p.likely("honest") || p.bent == opensUnpaid {
		r.flaw = rapid.SampledFrom(flaws).Draw(p.T, "flaw")
		r.blind = p.bent == opensUnpaid || rapid.Bool().Draw(p.T, "blind")
		r.wrong = rapid.SampledFrom([]string{"", "", "", "set", "sum", "evidence"}).Draw(p.T, "wrong")
	}
	return r
}

// call asks the API, and keeps what was asked.
func (p *play) call(who string, v verb.Verb, id string, inner []byte) (int, []byte) {
	p.told.calls++
	r, err := verb.Sign(p.Keys[who], v, installation, governancetest.Now, reader, verb.Inner{ID: id, Receipt: inner})
	must(err)
	p.sent = append(p.sent, sent{verb.Path + string(v), r.Bytes()})
	return p.send(http.MethodPost, verb.Path+string(v), r.Bytes())
}

// once reports whether something is done for the first time.
func (p *play) once(what string) bool {
	was := p.done[what]
	p.done[what] = true
	return !was
}

// next does what comes next when all do as they should.
func (p *play) next() {
	if p.prepare() {
		return
	}
	_ = slices.ContainsFunc(p.runs, p.goOn)
}

// decisions are those that the terms need.
var decisions = []struct {
	who, org string
	kind     receipt.Kind
}{
	{"op", "operator", jobs.Apply},
	{"hospital-officer", "hospital", jobs.Grant},
	{"transit-officer", "transit", jobs.Grant},
	{"op", "operator", jobs.Agree},
	{"bureau-officer", "bureau", jobs.Agree},
}

// prepare takes the application a step on; it is false if there is none left.
func (p *play) prepare() bool {
	if p.once("applied") {
		p.ask("op", verb.ApplicationSubmit, p.terms)
		return true
	}
	for i, d := range decisions {
		if p.once(fmt.Sprint("decision ", i)) {
			p.call(d.who, verb.DecisionAdd, p.terms.ID, p.decision(p.terms, d.who, d.org, d.kind))
			if i == len(decisions)-1 {
				p.ask("op", verb.ProgramPut, p.terms.Program)
				p.send(http.MethodPut, verb.BlobPath+p.terms.Program.Digest.Hex(), governancetest.Program)
			}
			return true
		}
	}
	return false
}

// goOn takes a run a step on.
func (p *play) goOn(r *run) bool {
	switch {
	case p.once("start " + r.id):
		p.call("op", verb.JobSubmit, p.terms.ID, p.startOf(r, "op"))
		return true
	case p.stands(r) && !r.played:
		p.play(r)
		return true
	case r.candidate == nil:
		return false
	}
	for n, i := range p.pair {
		if p.once(fmt.Sprint("seal ", r.id, i)) {
			twist := ""
			if n == 1 {
				twist = r.twist
			}
			p.call(checkers[i], verb.VoteCommit, r.id, p.sealVote(r, i, p.mind() && (n == 0 || !r.against), p.exception(r), twist))
			return true
		}
	}
	for n, i := range p.pair {
		if p.once(fmt.Sprint("open ", r.id, i)) {
			if n == 1 && r.silent {
				return true
			}
			p.call(checkers[i], verb.VoteOpen, r.id, p.openVote(r, i, ""))
			return true
		}
	}
	return false
}

// stands reports whether the run is on the board, and has a round.
func (p *play) stands(r *run) bool {
	v, err := p.flow.View(r.id)
	return err == nil && v.Round() > 0 && !v.Over()
}

// mind is what a checker thinks; most approve.
func (p *play) mind() bool { return p.likely("approves") }

// likely is true most of the time: rapid draws small numbers more often.
func (p *play) likely(what string) bool {
	return rapid.IntRange(0, 15).Draw(p.T, what) < 12 || p.right
}

// exception is what a checker names: most know when one is needed.
func (p *play) exception(r *run) string {
	if known := p.likely("knows"); known == (r.verdict == "fail" && !r.mute) {
		return rapid.SampledFrom([]string{"consented", "not-personal", "consented", "because"}).Draw(p.T, "exception")
	}
	return ""
}

// people are all who can ask.
var people = []string{
	"op", "op2", "rival", "hospital-officer", "hospital-admin", "transit-officer", "auditor", "outsider", "stranger",
	"bureau-officer", "checker-a", "checker-b", "checker-c",
}

// stray does something else.
func (p *play) stray() {
	r := rapid.SampledFrom(p.runs).Draw(p.T, "run")
	switch what := rapid.SampledFrom([]string{"decide", "submit", "vote", "vote", "vote", "again", "restart", "replay", "carry"}).Draw(p.T, "stray"); what {
	case "decide":
		who := p.someone()
		d := rapid.SampledFrom(decisions).Draw(p.T, "decision")
		p.call(who, verb.DecisionAdd, p.terms.ID, p.decision(p.terms, rapid.SampledFrom([]string{who, d.who}).Draw(p.T, "signs"), d.org, d.kind))
	case "submit":
		who := p.someone()
		p.call(who, verb.JobSubmit, p.terms.ID, p.startOf(r, rapid.SampledFrom([]string{who, "op"}).Draw(p.T, "signs")))
	case "again":
		if len(p.sent) > 0 {
			s := rapid.SampledFrom(p.sent).Draw(p.T, "what again")
			p.told.calls++
			p.send(http.MethodPost, s.path, s.raw)
		}
	case "restart":
		p.restart()
		p.told.calls++
	case "replay":
		who := p.someone()
		_, rec, err := msg.Say(p.Keys[who], msg.Replay, msg.ReplayBody{Of: r.of(0, msg.Bureau)})
		must(err)
		p.call(who, verb.JobReplay, r.id, rec.Bytes())
	case "carry":
		p.carry(r)
	case "vote":
		p.strayVote(r)
	}
}

func (p *play) someone() string { return rapid.SampledFrom(people).Draw(p.T, "who") }

// carry posts the gate's statement of another run as this one's, or one that
// the coordinator signed, once the gate has had its turn.
func (p *play) carry(r *run) {
	if !r.played || r.candidate != nil {
		return
	}
	b := msg.CandidateBody{Of: r.of(0, "gate"), Verdict: "pass", Profile: "house", Evidence: r.terms.Gate.Evidence}
	by := "yuneid"
	for _, o := range p.runs {
		if o.candidate != nil {
			b, by = *o.candidate, "gate"
		}
	}
	rec, err := receipt.Sign(p.Keys[by], msg.Candidate, b.About(), b)
	must(err)
	_ = p.board.Post(p.ctx, msg.Subject(r.id, 0, msg.Candidate, "gate"), rec.Bytes()) // taken, the second time
}

// strayVote votes out of turn, wrongly, for another, or past the API.
func (p *play) strayVote(r *run) {
	if r.candidate == nil {
		return
	}
	i := rapid.IntRange(0, len(checkers)-1).Draw(p.T, "checker")
	twist := rapid.SampledFrom(append([]string{"", "", ""}, twists...)).Draw(p.T, "twist")
	kind, v := msg.VoteCommit, verb.VoteCommit
	var raw []byte
	if rapid.Bool().Draw(p.T, "opens") {
		kind, v, raw = msg.VoteOpen, verb.VoteOpen, p.openVote(r, i, twist)
	} else {
		raw = p.sealVote(r, i, p.mind(), p.exception(r), twist)
	}
	if raw == nil {
		return
	}
	switch rapid.IntRange(0, 3).Draw(p.T, "by") {
	case 0:
		p.call(p.someone(), v, r.id, raw)
	case 1: // past the API
		_ = p.board.Post(p.ctx, msg.Subject(r.id, 0, kind, checkerName(i)), raw) // it may be taken
	default:
		p.call(checkers[i], v, r.id, raw)
	}
}

// place is where the ledger has a statement; the board says it.
func (p *play) place(r *run, raw []byte) uint64 {
	v, err := p.flow.View(r.id)
	must(err)
	i, _ := v.Index(suite.DigestOf(raw))
	return i
}

// lacks names what the run lacks to be released, by what was truly signed.
func (p *play) lacks(r *run) string {
	switch {
	case r.candidate == nil || r.wrong != "":
		return "the gate's record"
	case r.terms.Mode.Noisy() && r.flaw != none:
		return "a debit: " + r.flaw
	case !slices.Contains([]string{"pass", "review", "fail"}, r.verdict):
		return "a verdict that lets pass: " + r.verdict
	case !p.approved(r):
		return "two approving votes"
	default:
		return ""
	}
}

// holds is the property after a step. Of the people one listens, and in the end
// several, to everything.
func (p *play) holds(end bool) error {
	for _, r := range p.runs {
		board, err := p.settle(r.id)
		if err != nil && r.honest(p.bent) {
			return fmt.Errorf("settling: %w", err)
		}
		for subject, raw := range board {
			if secret(raw) {
				return fmt.Errorf("the board has the candidate, under %s", subject)
			}
		}
		ask, who := []verb.Verb{verb.CandidateGet, verb.ReleaseGet, rapid.SampledFrom(verb.All).Draw(p.T, "verb")}, []string{p.someone()}
		if end {
			ask, who = verb.All, rapid.Permutation(people).Draw(p.T, "listeners")[:listeners]
		}
		if p.right && !end { // what others hear is rather for plays of chance
			who = nil
		}
		for _, w := range who {
			if err := p.listens(r, w, ask); err != nil {
				return err
			}
		}
		if err := p.given(r); err != nil {
			return err
		}
	}
	return nil
}

// listens asks what somebody can ask about a run, and reports what they should
// not have heard.
func (p *play) listens(r *run, who string, verbs []verb.Verb) error {
	released := p.state(r) == jobs.Released
	judge := strings.HasPrefix(who, "checker") || who == "bureau-officer"
	for _, v := range verbs {
		p.told.calls++
		_, raw := p.ask(who, v, p.question(r, v))
		switch loud := secret(raw); {
		case loud && !judge && (!released || v != verb.ReleaseGet) && p.bent != countsNoVotes:
			return fmt.Errorf("%s hears the candidate of %s by %s", who, r.id, v)
		case !loud && judge && v == verb.CandidateGet && r.candidate != nil:
			return fmt.Errorf("%s does not hear the candidate: the play is deaf", who)
		}
	}
	return nil
}

// question is the body with which one asks for a verb; of those that change
// something, it is one that does not fit.
func (p *play) question(r *run, v verb.Verb) any {
	switch v {
	case verb.JobList, verb.ApplicationList, verb.BudgetShow, verb.DirectoryGet:
		return verb.None{}
	case verb.ApplicationShow, verb.PermitGet:
		return verb.Name{ID: p.terms.ID}
	default:
		return verb.Name{ID: r.id}
	}
}

// secret reports whether bytes hold a candidate, plainly or in base64, whatever
// stands before it.
func secret(raw []byte) bool {
	for _, s := range []string{secretTitle, "[" + secretFigure + "]"} {
		if bytes.Contains(raw, []byte(s)) {
			return true
		}
	}
	for shift := range 3 {
		coded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secretTitle))
		if bytes.Contains(raw, []byte(coded[4:len(coded)-4])) {
			return true
		}
	}
	return false
}

func (p *play) state(r *run) jobs.State {
	v, err := p.flow.View(r.id)
	if err != nil {
		return 0
	}
	return flow.State(v)
}

// given judges the bundle that the API gives out, if it does.
func (p *play) given(r *run) error {
	code, raw := p.ask("op", verb.ReleaseGet, verb.Name{ID: r.id})
	lacks := p.lacks(r)
	released := p.state(r) == jobs.Released
	switch {
	case released && !p.approved(r):
		return fmt.Errorf("%s is released without two approving votes", r.id)
	case code != http.StatusOK && lacks == "":
		return fmt.Errorf("%s lacks nothing, and is not released: %d %s", r.id, code, raw)
	case code != http.StatusOK:
		return nil
	}
	broken := p.verify(raw)
	switch {
	case broken == nil && lacks != "":
		return fmt.Errorf("the bundle of %s holds, and lacks %s", r.id, lacks)
	case broken != nil && r.honest(p.bent):
		return fmt.Errorf("the bundle of %s that the API gives out does not hold: %w", r.id, broken)
	case broken == nil && !r.mutated:
		r.mutated = true
		p.told.released++
		return p.mutants(r, raw)
	default:
		return nil // seen already, or whoever has it sees that it does not hold
	}
}

// verify verifies what the API gives out, which is mostly what it gave before.
func (p *play) verify(raw []byte) error {
	d := suite.DigestOf(raw)
	err, was := p.verified[d]
	if !was {
		_, err = release.Verify(raw, p.pins())
		p.verified[d] = err
	}
	return err
}

// forced has a coordinator without scruples write bundles in the end.
func (p *play) forced() error {
	for _, r := range p.runs {
		if r.candidate == nil {
			continue
		}
		raw, err := p.force(r.id)
		if err != nil {
			return fmt.Errorf("writing a bundle: %w", err)
		}
		lacks := p.lacks(r)
		if _, err = release.Verify(raw, p.pins()); (err == nil) != (lacks == "") {
			return fmt.Errorf("a bundle of %s that lacks %q: %w", r.id, lacks, err)
		}
		if lacks != "" {
			p.told.lacking++
		}
	}
	return nil
}

// A file is a bundle's, in its spelling.
type file struct {
	Format       string          `json:"format"`
	Installation string          `json:"installation"`
	Run          string          `json:"run"`
	Candidate    json.RawMessage `json:"candidate"`
	Salt         []byte          `json:"salt"`
	Checkpoint   string          `json:"checkpoint"`
	Statements   []statement     `json:"statements"`
}

type statement struct {
	Subject string   `json:"subject"`
	Index   uint64   `json:"index"`
	Proof   [][]byte `json:"proof"`
	Body    []byte   `json:"body"`
}

// mutants demands that a good bundle without any one of what it needs, or with
// another of it that the same party signed, does not hold.
func (p *play) mutants(r *run, raw []byte) error {
	var f file
	must(json.Unmarshal(raw, &f))
	round := p.view(r).Round()
	for i, s := range f.Statements {
		place, err := msg.ParseSubject(s.Subject)
		must(err)
		needed := []receipt.Kind{msg.Admitted, msg.Commit, msg.Confirm, msg.Reveal, msg.Sum, msg.Active, msg.Candidate, msg.VoteOpen}
		if place.Round != 0 && place.Round != round || !slices.Contains(needed, place.Kind) && place.Kind != msg.VoteCommit {
			continue
		}
		if place.Kind == msg.VoteCommit && !slices.ContainsFunc(p.cast(r), func(b posted) bool { return b.kind == msg.VoteOpen && b.place == place.Party }) {
			continue // sealed and never opened, a third in vain
		}
		g := f
		g.Statements = slices.Delete(slices.Clone(f.Statements), i, i+1)
		if err := p.broken(g, "without "+s.Subject); err != nil {
			return err
		}
		if body := p.otherwise(r, place, s.Body); body != nil {
			g.Statements = slices.Clone(f.Statements)
			g.Statements[i].Body = body
			if err := p.broken(g, "with another "+s.Subject); err != nil {
				return err
			}
		}
	}
	f.Candidate = bytes.ReplaceAll(f.Candidate, []byte(secretFigure), []byte("765435"))
	return p.broken(f, "with another cell")
}

func (p *play) broken(f file, how string) error {
	raw, err := json.Marshal(f)
	must(err)
	p.told.mutants++
	if _, err := release.Verify(raw, p.pins()); err == nil {
		return fmt.Errorf("the bundle of %s holds %s", f.Run, how)
	}
	return nil
}

// otherwise is another statement of the same party, in earnest signed: blocked,
// unpaid, or a vote against.
func (p *play) otherwise(r *run, place msg.Place, raw []byte) []byte {
	rec, err := receipt.Parse(raw)
	must(err)
	var by string
	var body msg.Body
	switch place.Kind {
	case msg.Candidate:
		b := *r.candidate
		b.Verdict = "block"
		by, body = "gate", b
	case msg.Confirm:
		var b msg.ConfirmBody
		must(rec.Read(msg.Confirm, &b))
		if by = place.Party; b.Debit != nil {
			b.Debit = debit(r, beyond)
		} else {
			b.Evidence = ""
		}
		body = b
	case msg.VoteOpen:
		var b msg.VoteOpenBody
		must(rec.Read(msg.VoteOpen, &b))
		i := slices.IndexFunc(r.terms.Checkers, func(c jobs.Signer) bool { return c.Key == rec.By() })
		by, b.Vote.Approve, b.Vote.Reason = checkers[i], false, "other"
		body = b
	default:
		return nil
	}
	_, other, err := msg.Say(p.Keys[by], place.Kind, body)
	must(err)
	return other.Bytes()
}
