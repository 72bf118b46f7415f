package release

import (
	"fmt"
	"slices"
	"strings"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/ledger/proof"
	"github.com/yunei/yunei/suite"
)

// Verify judges a bundle by pins, offline. The error, if any, is a *Broken that
// names the first check that did not hold, of the kind of its cause; the report
// then lists the checks up to that one and says nothing else of the run.
func Verify(raw []byte, pins Pins) (Report, error) {
	v := &verification{raw: raw, pins: pins}
	var done []Check
	for _, c := range checks {
		err := c.holds(v)
		part, proves := v.words(c)
		done = append(done, Check{Name: c.name, Part: part, Proves: proves, OK: err == nil})
		if err != nil {
			return Report{Size: len(raw), Checks: done}, &Broken{Check: done[len(done)-1], Cause: err}
		}
	}
	return v.report(done), nil
}

// Broken says which check of a release did not hold.
type Broken struct {
	Check Check
	Cause error
}

// Error names the check and its cause.
func (b *Broken) Error() string {
	return fmt.Sprintf("verifying a release: %s: %s", b.Check.Name, plain(b.Cause.Error()))
}

// Unwrap gives the cause.
func (b *Broken) Unwrap() error { return b.Cause }

// A verification is what the checks have found so far; each relies on those
// before it.
type verification struct {
	raw  []byte
	pins Pins

	file       file
	tree       proof.Tree
	permit     jobs.Permit
	terms      jobs.Terms
	run        jobs.Run
	view       *msg.View
	round      int // whose sum the candidate is made of
	set        msg.Set
	sum        receipt.Receipt
	active     []string // the trustees that answered
	candidate  msg.CandidateBody
	table      jobs.Candidate
	checkers   []jobs.Signer          // who approved
	exceptions []governance.Exception // that they named, for a candidate that failed
}

func (v *verification) format() error {
	b, err := Parse(v.raw)
	v.file = b.file
	return err
}

func (v *verification) installation() error {
	if err := v.pins.Check(); err != nil {
		return err
	}
	if v.file.Installation != v.pins.Installation {
		return fmt.Errorf("the release is of another installation: %w", fault.Tampered)
	}
	return nil
}

// checkpoint demands that every signature on the checkpoint is a pinned one: a
// stranger's line proves nothing, and could be altered unseen.
func (v *verification) checkpoint() error {
	key, err := v.pins.Log.Key.Ed25519()
	if err != nil {
		return err
	}
	witnesses, err := v.pins.witnesses()
	if err != nil {
		return err
	}
	_, lines, _ := strings.Cut(v.file.Checkpoint, "\n\n")
	cosigned := strings.Count(lines, "\n") - 1
	v.tree, err = proof.Verify([]byte(v.file.Checkpoint), key, v.pins.Log.Origin, witnesses, max(cosigned, v.pins.Witnesses))
	return err
}

func (v *verification) inclusion() error {
	for _, s := range v.file.Statements {
		if err := proof.Included(v.tree, s.leaf(), s.Index, s.Proof); err != nil {
			return fmt.Errorf("%s: %w", s.Subject, err)
		}
	}
	return nil
}

func (v *verification) permitted() error {
	raw, ok := v.file.at(permitSubject(v.file.Run))
	if !ok {
		return fmt.Errorf("no permit: %w", fault.Denied)
	}
	var err error
	if v.permit, err = jobs.OpenPermit(raw, v.pins.Providers); err != nil {
		return err
	}
	v.terms = v.permit.Terms()
	return nil
}

func (v *verification) trustees() error {
	for _, t := range v.terms.Trustees.Members {
		if !slices.Contains(v.pins.Trustees, t) {
			return fmt.Errorf("the permit names a trustee that is not pinned: %w", fault.Tampered)
		}
	}
	return nil
}

func (v *verification) started() error {
	raw, ok := v.file.at(startSubject(v.file.Run))
	if !ok {
		return fmt.Errorf("no start: %w", fault.Denied)
	}
	r, err := receipt.Parse(raw)
	if err != nil {
		return err
	}
	if v.run, err = v.permit.OpenRun(r); err != nil {
		return err
	}
	if v.run.ID != v.file.Run {
		return fmt.Errorf("the start is of another run: %w", fault.Tampered)
	}
	return nil
}

func (v *verification) dates() error { return v.permit.At(v.run.At) }

// statements rebuilds the board of the run, with a place in the ledger for
// those only that have proved theirs, and demands that the view accepts every
// one of them.
func (v *verification) statements() error {
	board := map[string][]byte{}
	for _, s := range v.file.Statements {
		board[s.Subject] = s.Body
		d := suite.DigestOf(s.Body)
		board[msg.LoggedSubject(v.run.ID, d)] = fmt.Appendf(nil, "%s %d", d, s.Index)
	}
	var err error
	if v.view, err = msg.NewView(v.run.ID, board, v.pins.Providers); err != nil {
		return err
	}
	if err := v.view.Err(); err != nil {
		return err
	}
	for _, s := range v.file.Statements {
		if !wanted(v.view, s.Subject, s.Body) {
			return fmt.Errorf("%s is not a statement of the party, run, round and permit that it stands for: %w", s.Subject, fault.Tampered)
		}
	}
	v.findRound()
	return nil
}

// findRound looks for the round whose sum the candidate names; without one it is
// the last, and a later check fails.
func (v *verification) findRound() {
	gate := v.terms.Gate.Name
	v.round = v.view.Round()
	body, err := msg.Read[msg.CandidateBody](v.view, 0, msg.Candidate, gate)
	for n := 1; err == nil && n <= v.view.Round(); n++ {
		if r, ok := v.view.Receipt(n, msg.Sum, gate); ok && r.Digest() == body.Sum {
			v.round = n
		}
	}
	v.sum, _ = v.view.Receipt(v.round, msg.Sum, gate)
}

func (v *verification) key() error {
	all := v.view.Trustees()
	if _, ok := v.view.Key(v.round); !ok {
		return fmt.Errorf("not every trustee vouches for one key: %w", fault.Denied)
	}
	if v.terms.Proved() || v.terms.Join != nil {
		return v.inOrder(v.said(msg.Hello, all...))
	}
	return v.inOrder(v.said(msg.Hello, all...), v.said(msg.KeyCommit, all...), v.said(msg.KeyOpen, all...), v.said(msg.Key, all...))
}

// maxRewrite bounds the name of a version of the rewrite.
const maxRewrite = 64

// admitted demands a record of admission of every member, alike in all, from
// before it committed and before any signed the set; and that no replay came to
// something else.
func (v *verification) admitted() error {
	sites := v.view.Sites()
	records, ok := msg.All[msg.AdmittedBody](v.view, 0, msg.Admitted, sites)
	if !ok {
		return fmt.Errorf("not every member signed a record of admission: %w", fault.Denied)
	}
	for _, r := range records {
		if r.Form.Hex() == "" || r.Rewrite == "" || len(r.Rewrite) > maxRewrite || r.Program != v.terms.Program.Digest || v.view.Unlike() || v.terms.Join != nil && r.Form != v.terms.Code() || !slices.Equal(r.Engines, msg.Engines(v.terms)) {
			return fmt.Errorf("the record of admission of %s is not of this program, form or engines: %w", r.Party, fault.Tampered)
		}
	}
	if code := v.view.Dead(); code != "" {
		return fmt.Errorf("the run was ended: %s: %w", code, fault.Tampered)
	}
	var places []msg.Place
	for _, name := range sites {
		own := msg.Place{Run: v.run.ID, Kind: msg.Admitted, Party: name}
		if err := v.inOrder([]msg.Place{own}, v.said(msg.Commit, name)); err != nil {
			return err
		}
		places = append(places, own)
	}
	return v.inOrder(places, v.said(msg.Confirm, sites...))
}

func (v *verification) confirmed() error {
	var ok bool
	if v.set, ok = v.view.Confirmed(v.round); !ok || len(v.set.Members) < v.terms.KMin {
		return fmt.Errorf("not every member signed one set of at least k_min: %w", fault.Denied)
	}
	sites, gate := v.view.Sites(), v.terms.Gate.Name
	if err := v.inOrder(v.keyedBy(), v.said(msg.Commit, sites...), v.said(msg.Confirm, sites...)); err != nil {
		return err
	}
	return v.inOrder(v.said(msg.Receiver, gate), v.said(msg.Commit, sites...))
}

func (v *verification) revealed() error {
	if _, ok, err := v.view.Revealed(v.round); err != nil || !ok {
		return fmt.Errorf("not every member opened its commitment: %w", orDenied(err))
	}
	sites := v.view.Sites()
	return v.inOrder(v.said(msg.Confirm, sites...), v.said(msg.Reveal, sites...))
}

func (v *verification) summed() error {
	if v.terms.Join != nil {
		return v.joined()
	}
	gate := v.terms.Gate.Name
	sum, err := msg.Read[msg.SumBody](v.view, v.round, msg.Sum, gate)
	if err != nil {
		return err
	}
	parts, _, err := v.view.Revealed(v.round)
	if err != nil {
		return err
	}
	if v.terms.Proved() {
		return v.listed(parts, sum)
	}
	for _, p := range parts {
		if !alike(p, sum.Parts) {
			return fmt.Errorf("the sum has not the layout of the partials: %w", fault.Tampered)
		}
	}
	return v.inOrder(v.said(msg.Reveal, v.view.Sites()...), v.said(msg.Sum, gate))
}

// alike reports whether two lists name as many ciphertexts for each modulus.
func alike(a, b msg.Parts) bool {
	return slices.EqualFunc(a, b, func(x, y []suite.Digest) bool { return len(x) == len(y) })
}

func (v *verification) answered() error {
	if v.terms.Proved() {
		return v.aggregated()
	}
	gate := v.terms.Gate.Name
	body, err := msg.Read[msg.ActiveBody](v.view, v.round, msg.Active, gate)
	if err != nil {
		return err
	}
	if body.Sum != v.sum.Digest() {
		return fmt.Errorf("the gate called for another sum: %w", fault.Tampered)
	}
	if v.active, err = v.view.Named(body); err != nil {
		return err
	}
	active, _ := v.view.Receipt(v.round, msg.Active, gate)
	for _, name := range v.active {
		ready, err := msg.Read[msg.ReadyBody](v.view, v.round, msg.Ready, name)
		if err != nil {
			return err
		}
		answer, err := msg.Read[msg.AnswerBody](v.view, v.round, msg.Answer, name)
		if err != nil {
			return err
		}
		if ready.Sum != v.sum.Digest() || answer.Active != active.Digest() {
			return fmt.Errorf("%s answered to another sum: %w", name, fault.Tampered)
		}
	}
	return v.inOrder(v.said(msg.Sum, gate), v.said(msg.Ready, v.active...), v.said(msg.Active, gate), v.said(msg.Answer, v.active...))
}

func (v *verification) gated() error {
	gate := v.terms.Gate
	var err error
	if v.candidate, err = msg.Read[msg.CandidateBody](v.view, 0, msg.Candidate, gate.Name); err != nil {
		return err
	}
	switch c := v.candidate; {
	case !c.Set.Equal(v.set):
		return fmt.Errorf("the candidate is of another set: %w", fault.Tampered)
	case c.Sum != v.sum.Digest():
		return fmt.Errorf("the candidate is of another sum: %w", fault.Tampered)
	case !slices.Contains(passing, c.Verdict):
		return fmt.Errorf("the gate did not let it pass: %w", fault.Denied)
	case c.Evidence != gate.Evidence:
		return fmt.Errorf("the gate's evidence is not what the permit says: %w", fault.Tampered)
	}
	candidate := []msg.Place{{Run: v.run.ID, Kind: msg.Candidate, Party: gate.Name}}
	last := msg.Answer
	if v.terms.Proved() {
		last = msg.PrioSum
	}
	return v.inOrder(v.said(last, v.active...), candidate)
}

// passing are the gate's verdicts on what people may let go out; what failed,
// only if both who approve name an exception, which the votes show.
var passing = []string{"pass", "review", "fail"}

func (v *verification) opened() error {
	if !v.candidate.Candidate.Opens(suite.Salt(v.file.Salt), v.file.Candidate) {
		return fmt.Errorf("the bytes are not those that the gate committed to: %w", fault.Tampered)
	}
	return nil
}

// voted counts the votes as governance does, from the statements alone: sealed
// before any was opened, about this candidate, record and recipients.
func (v *verification) voted() error {
	if governance.Tally(v.view) != governance.Approved {
		return fmt.Errorf("the checkers did not approve: %w", fault.Denied)
	}
	commits, opens := governance.Ballots(v.view)
	candidate := []msg.Place{{Run: v.run.ID, Kind: msg.Candidate, Party: v.terms.Gate.Name}}
	var sealed, opened []msg.Place
	for i, c := range v.terms.Checkers {
		by := func(r receipt.Receipt) bool { return r.By() == c.Key }
		if !slices.ContainsFunc(commits, by) || !slices.ContainsFunc(opens, by) {
			continue
		}
		if c.Key == v.terms.Operator.Key || c.Org == v.terms.Operator.Org {
			return fmt.Errorf("a checker is of the operator's organisation: %w", fault.Denied)
		}
		v.checkers = append(v.checkers, c)
		sealed = append(sealed, msg.Place{Run: v.run.ID, Kind: msg.VoteCommit, Party: msg.Checker(i)})
		opened = append(opened, msg.Place{Run: v.run.ID, Kind: msg.VoteOpen, Party: msg.Checker(i)})
	}
	v.exceptions = governance.Excepted(v.view)
	if len(v.checkers) < jobs.Votes {
		return fmt.Errorf("%d checkers approved, want %d: %w", len(v.checkers), jobs.Votes, fault.Denied)
	}
	return v.inOrder(candidate, sealed, opened)
}

// said lists the places of the parties' statements in the round.
func (v *verification) said(kind receipt.Kind, parties ...string) []msg.Place {
	var places []msg.Place
	for _, p := range parties {
		places = append(places, msg.Place{Run: v.run.ID, Round: v.round, Kind: kind, Party: p})
	}
	return places
}

// inOrder demands that the ledger took in all of each group before any of the
// next: a party acts on a statement only once the ledger holds it.
func (v *verification) inOrder(groups ...[]msg.Place) error {
	next := uint64(0) // the least index that the group may have
	for _, group := range groups {
		end := next
		for _, p := range group {
			r, ok := v.view.Receipt(p.Round, p.Kind, p.Party)
			if !ok {
				return fmt.Errorf("%s of %s is missing: %w", p.Kind, p.Party, fault.Denied)
			}
			i, _ := v.view.Index(r.Digest())
			if i < next {
				return fmt.Errorf("%s of %s was said before its time: %w", p.Kind, p.Party, fault.Tampered)
			}
			end = max(end, i+1)
		}
		next = end
	}
	return nil
}

func orDenied(err error) error {
	if err == nil {
		return fault.Denied
	}
	return err
}
