package msg

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// A View is one party's sight of one run: its permit, checked against that
// party's own pins, and the statements that came from the keys it names. It
// does not change once made.
type View struct {
	id     string
	permit jobs.Permit
	run    jobs.Run
	said   map[Place]receipt.Receipt
	logged map[suite.Digest]uint64
	err    error
}

// NewView reads what stands on the board for a run. Statements that are not
// what they claim are left out; a permit or a start that does not hold makes
// Err say so, and a view that says nothing else. It is an error of kind
// NotFound when there is no permit or no start yet.
func NewView(id string, board map[string][]byte, pins jobs.Pins) (*View, error) {
	v := &View{id: id, said: map[Place]receipt.Receipt{}, logged: map[suite.Digest]uint64{}}
	bundle, ok := board[Subject(id, 0, Permit, Coordinator)]
	start, ok2 := board[Subject(id, 0, jobs.Start, Operator)]
	if !ok || !ok2 {
		return nil, fmt.Errorf("run %s: no permit and start yet: %w", id, fault.NotFound)
	}
	if v.err = v.open(bundle, start, pins); v.err != nil {
		v.refusals(board)
		return v, nil //nolint:nilerr // the view's Err says it
	}
	for subject, raw := range board {
		v.take(subject, raw)
	}
	for place, r := range v.said {
		if _, ok := v.logged[r.Digest()]; !ok {
			delete(v.said, place)
		}
	}
	return v, nil
}

// Operator is the operator's name on the board.
const Operator = "operator"

func (v *View) open(bundle, start []byte, pins jobs.Pins) error {
	var err error
	if v.permit, err = jobs.OpenPermit(bundle, pins); err != nil {
		return err
	}
	r, err := receipt.Parse(start)
	if err != nil {
		return err
	}
	if v.run, err = v.permit.OpenRun(r); err != nil {
		return err
	}
	if v.run.ID != v.id {
		return fault.Refuse("permit-foreign", "")
	}
	return nil
}

// refusals keeps what any site said of a run whose permit does not hold here.
func (v *View) refusals(board map[string][]byte) {
	for subject, raw := range board {
		p, err := ParseSubject(subject)
		if err != nil || p.Kind != Refusal {
			continue
		}
		var b RefusalBody
		if r, err := receipt.Parse(raw); err == nil && r.Read(Refusal, &b) == nil && b.Run == v.id {
			v.said[p] = r
		}
	}
}

func (v *View) take(subject string, raw []byte) {
	p, err := ParseSubject(subject)
	if err != nil || p.Run != v.id || p.Kind == Permit || p.Kind == jobs.Start {
		return
	}
	if p.Kind == Logged {
		d, index, ok := strings.Cut(string(raw), " ")
		// Each digest has one subject, which the board takes once.
		if i, err := strconv.ParseUint(index, 10, 63); ok && err == nil && suite.Digest(d).Hex() != "" && subject == LoggedSubject(v.id, suite.Digest(d)) {
			v.logged[suite.Digest(d)] = i
		}
		return
	}
	key, ok := v.keyOf(p)
	if !ok {
		return // before its signature is looked at: anybody may post any number of these
	}
	r, err := receipt.Parse(raw)
	if err != nil || r.Kind() != p.Kind || r.By() != key {
		return
	}
	if want := (Of{v.id, p.Round, v.permit.Digest(), p.Party}).About(); r.Subject().Name != want.Name || r.Subject().Digest["sha256"] != want.Digest["sha256"] {
		return
	}
	v.said[p] = r
}

// keyOf gives the key that the permit names for whoever may say such a thing.
// A round is begun by the coordinator, whose key decides nothing: every round
// of a run opens the same set of the same partials, and there are MaxRounds.
func (v *View) keyOf(p Place) (suite.PublicKey, bool) {
	t := v.permit.Terms()
	var from []jobs.Process
	if t.Verify != nil && p.Kind != Checked && p.Kind != Refusal && p.Kind != Dead {
		return "", false
	}
	switch p.Kind {
	case Hello, Ready:
		from = t.Trustees.Members
	case KeyCommit, KeyOpen, Key, Answer:
		from = committee(t)
	case PrioPart, PrioAnswer, PrioClaim, PrioSum:
		from = t.Aggregators()
	case Lost:
		from = append(slices.Clone(t.Trustees.Members), t.Gate.Process)
		if t.Join != nil { // a site has a secret of the round, too
			from = append(from, members(t)...)
		}
	case Active:
		if !t.Proved() {
			from = []jobs.Process{t.Gate.Process}
		}
	case Receiver, Sum, Candidate:
		from = []jobs.Process{t.Gate.Process}
	case Dead:
		from = slices.Concat(members(t), t.Trustees.Members, []jobs.Process{t.Gate.Process, t.Coordinator}) // anyone can end a run by silence
	case VoteCommit, VoteOpen:
		for i, c := range t.Checkers {
			from = append(from, jobs.Process{Name: Checker(i), Key: c.Key})
		}
	case Admitted, Commit, Confirm, Reveal, Refusal, Replayed, Disclosed:
		from = members(t)
	case Checked:
		if t.Verify != nil {
			from = members(t)
		}
	case Joined:
		if t.Join != nil {
			from = members(t)
		}
	case Replay:
		from = []jobs.Process{{Name: Bureau, Key: t.Bureau.Key}}
	case Round, Release:
		from = []jobs.Process{t.Coordinator}
	default:
		return "", false
	}
	for _, f := range from {
		if f.Name == p.Party {
			return f.Key, true
		}
	}
	return "", false
}

func members(t jobs.Terms) []jobs.Process {
	var all []jobs.Process
	for _, m := range t.Members {
		all = append(all, m.Site)
	}
	return all
}

// Checker is the name on the board of the permit's i-th output checker.
func Checker(i int) string { return "checker-" + strconv.Itoa(i+1) }

// Checkers lists the output checkers' names.
func (v *View) Checkers() []string {
	var names []string
	for i := range v.Terms().Checkers {
		names = append(names, Checker(i))
	}
	return names
}

// Err says why the permit or the start does not hold, nil if they do.
func (v *View) Err() error { return v.err }

// Run is the run that the operator started.
func (v *View) Run() jobs.Run { return v.run }

// ID is the run's name on the board, to be believed only as that.
func (v *View) ID() string { return v.id }

// Permit is the run's permit.
func (v *View) Permit() jobs.Permit { return v.permit }

// Terms are the permit's.
func (v *View) Terms() jobs.Terms { return v.permit.Terms() }

// Of makes the head of a statement.
func (v *View) Of(round int, party string) Of {
	return Of{v.id, round, v.permit.Digest(), party}
}

// Round is the round in hand: the highest that follows on round 1 without a
// gap, 0 if none has begun.
func (v *View) Round() int {
	n := 0
	for n < MaxRounds && v.Said(n+1, Round, v.Terms().Coordinator.Name) {
		n++
	}
	return n
}

// Said reports whether party has made such a statement.
func (v *View) Said(round int, kind receipt.Kind, party string) bool {
	_, ok := v.said[Place{v.id, round, kind, party}]
	return ok
}

// Receipt returns a party's statement.
func (v *View) Receipt(round int, kind receipt.Kind, party string) (receipt.Receipt, bool) {
	r, ok := v.said[Place{v.id, round, kind, party}]
	return r, ok
}

// Receipts returns all statements in the view, in the order of the ledger.
func (v *View) Receipts() []receipt.Receipt {
	var all []receipt.Receipt
	for _, r := range v.said {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b receipt.Receipt) int {
		return int(v.logged[a.Digest()]) - int(v.logged[b.Digest()]) //nolint:gosec // indexes of one ledger
	})
	return all
}

// Index is where the ledger holds the statement of that digest.
func (v *View) Index(d suite.Digest) (uint64, bool) {
	i, ok := v.logged[d]
	return i, ok
}

// Read decodes a party's statement into body and checks that it is about this
// run, round, permit and party.
func Read[B Body](v *View, round int, kind receipt.Kind, party string) (B, error) {
	var b B
	r, ok := v.Receipt(round, kind, party)
	if !ok {
		return b, fmt.Errorf("%s of %s: %w", kind, party, fault.NotFound)
	}
	if err := r.Read(kind, &b); err != nil {
		return b, err
	}
	if b.of() != v.Of(round, party) {
		return b, fmt.Errorf("%s of %s: it is about something else: %w", kind, party, fault.Tampered)
	}
	return b, nil
}

// All reads the statements of every party named; ok is false while one is
// missing or unreadable.
func All[B Body](v *View, round int, kind receipt.Kind, parties []string) (all []B, ok bool) {
	for _, p := range parties {
		b, err := Read[B](v, round, kind, p)
		if err != nil {
			return nil, false
		}
		all = append(all, b)
	}
	return all, len(all) > 0
}

// Digests lists the receipts of the parties, in their order.
func (v *View) Digests(round int, kind receipt.Kind, parties []string) []suite.Digest {
	var ds []suite.Digest
	for _, p := range parties {
		if r, ok := v.Receipt(round, kind, p); ok {
			ds = append(ds, r.Digest())
		}
	}
	return ds
}

// Trustees lists the trustees' names; a trustee's Shamir point is its place,
// from 1.
func (v *View) Trustees() []string {
	var names []string
	for _, t := range v.Terms().Trustees.Members {
		names = append(names, t.Name)
	}
	return names
}

// Named lists the trustees whose points an Active names: Tampered unless they
// are as many different trustees as the permit's quorum.
func (v *View) Named(a ActiveBody) ([]string, error) {
	all := v.Trustees()
	var names []string
	for _, point := range a.Points {
		if point < 1 || point > len(all) || slices.Contains(names, all[point-1]) {
			return nil, fmt.Errorf("reading whom the gate calls: %w", fault.Tampered)
		}
		names = append(names, all[point-1])
	}
	if len(names) != v.Terms().Trustees.Quorum {
		return nil, fmt.Errorf("reading whom the gate calls: %d trustees: %w", len(names), fault.Tampered)
	}
	return names, nil
}

// Sites lists the members' site names, in the permit's order.
func (v *View) Sites() []string {
	var names []string
	for _, m := range v.Terms().Members {
		names = append(names, m.Site.Name)
	}
	return names
}

// Over reports whether nothing more can happen in the run: a site refused, or
// someone ended it, or there is a candidate.
func (v *View) Over() bool {
	if _, answered := v.Answered(); answered {
		return true
	}
	return v.err != nil || v.Refused() != "" || v.Dead() != "" || v.Said(0, Candidate, v.Terms().Gate.Name)
}

// Dead returns the code with which the run was ended, "" if it was not. A
// replay that came to something else ends a run as well.
func (v *View) Dead() fault.Code {
	for _, by := range slices.Concat([]string{v.Terms().Gate.Name, v.Terms().Coordinator.Name}, v.Sites(), v.Trustees()) {
		if b, err := Read[DeadBody](v, 0, Dead, by); err == nil {
			return fault.Code(b.Code)
		}
	}
	if v.Said(0, Release, v.Terms().Coordinator.Name) {
		return "" // what a replay finds afterwards is an incident, but ends nothing
	}
	for _, by := range v.Sites() {
		if b, err := Read[ReplayedBody](v, 0, Replayed, by); err == nil && !b.Agrees {
			return "engines"
		}
	}
	return ""
}

// Unlike reports whether two members have let different forms of the program
// in, so that what they seal would never verify.
func (v *View) Unlike() bool {
	form := AdmittedBody{}
	for _, by := range v.Sites() {
		b, err := Read[AdmittedBody](v, 0, Admitted, by)
		if err != nil {
			continue
		}
		if form.Party != "" && (b.Form != form.Form || b.Rewrite != form.Rewrite || !slices.Equal(b.Engines, form.Engines)) {
			return true
		}
		form = b
	}
	return false
}

// Refused returns the code of a site's refusal, "" if none has refused. Of
// several it is the first by the site's name.
func (v *View) Refused() fault.Code {
	var code fault.Code
	by := ""
	for p, r := range v.said {
		var b RefusalBody
		if p.Kind == Refusal && r.Read(Refusal, &b) == nil && (by == "" || p.Party < by) {
			code, by = fault.Code(b.Code), p.Party
		}
	}
	return code
}

// Engines lists the engines that a permit's runs are computed on.
func Engines(t jobs.Terms) []string {
	if t.Join != nil {
		return []string{jobs.JoinEngine}
	}
	if t.Engines == jobs.BothEngines {
		return []string{"wasmer", "wazero"}
	}
	return []string{"wasmer"}
}

// CRS is the common reference string of a round's key: a hash of everybody's
// hello, so that nobody has chosen it.
func (v *View) CRS(round int) [32]byte { return v.hellos("crs", round) }

// Nonce is what the gate's evidence in a round must answer: a hash of
// everybody's hello, and so of what each trustee drew for this round. One piece
// of evidence is as fresh to each of them as if it had answered that trustee
// alone, for nobody could know the hash before the last of them had spoken; to a
// site it is so as long as one trustee draws honestly, of whom it counts on more.
func (v *View) Nonce(round int) [32]byte { return v.hellos("gate nonce", round) }

func (v *View) hellos(what string, round int) [32]byte {
	h := sha256.New()
	fmt.Fprintf(h, "yunei %s v1 %s %d %s", what, v.id, round, v.permit.Digest())
	for _, d := range v.Digests(round, Hello, v.Trustees()) {
		fmt.Fprintf(h, " %s", d)
	}
	return [32]byte(h.Sum(nil))
}

// Transcript names everything that was said to make a round's key.
func (v *View) Transcript(round int) suite.Digest {
	var all []string
	for _, kind := range []receipt.Kind{Hello, KeyCommit, KeyOpen} {
		for _, d := range v.Digests(round, kind, v.Trustees()) {
			all = append(all, string(d))
		}
	}
	return suite.DigestOf([]byte(strings.Join(all, "\n")))
}

// Key returns the digest of the collective key if every trustee has vouched
// for the same key and the same transcript. With protection prio3 there is none,
// and what stands for it are the trustees' hellos, in which the aggregators' boxes
// are: each is there, under its own signature.
func (v *View) Key(round int) (suite.Digest, bool) {
	if v.Terms().Proved() {
		_, ok := All[HelloBody](v, round, Hello, v.Trustees())
		return v.Transcript(round), ok
	}
	if v.Terms().Join != nil {
		return v.joinKey(round)
	}
	keys, ok := All[KeyBody](v, round, Key, v.Trustees())
	if !ok {
		return "", false
	}
	for _, k := range keys {
		if k.Key != keys[0].Key || k.Transcript != v.Transcript(round) {
			return "", false
		}
	}
	return keys[0].Key, true
}

// Set returns what the members are to confirm, once all of them have
// committed under one key.
func (v *View) Set(round int) (Set, bool) {
	key, ok := v.Key(round)
	recv, err := Read[ReceiverBody](v, round, Receiver, v.Terms().Gate.Name)
	if _, all := All[CommitBody](v, round, Commit, v.Sites()); !ok || err != nil || !all || len(v.Sites()) < v.Terms().KMin {
		return Set{}, false
	}
	return Set{Members: v.Sites(), Commits: v.Digests(round, Commit, v.Sites()), Key: key, Receiver: recv.Key}, true
}

// Confirmed returns the set if every member has signed the very same.
func (v *View) Confirmed(round int) (Set, bool) {
	set, ok := v.Set(round)
	confirms, all := All[ConfirmBody](v, round, Confirm, v.Sites())
	if !ok || !all {
		return Set{}, false
	}
	for _, c := range confirms {
		if !c.Set.Equal(set) || v.Terms().Mode.Noisy() != (c.Debit != nil) || evident(v.Terms()) != (c.Evidence != "") {
			return Set{}, false
		}
	}
	return set, true
}

// Equal reports whether two sets are the same, field by field.
func (s Set) Equal(o Set) bool {
	return slices.Equal(s.Members, o.Members) && slices.Equal(s.Commits, o.Commits) && s.Key == o.Key && s.Receiver == o.Receiver
}

// Revealed returns every member's list of ciphertexts, once the set is
// confirmed and every reveal opens its commitment. An error of kind Tampered
// says that one does not.
func (v *View) Revealed(round int) ([]Parts, bool, error) {
	if _, ok := v.Confirmed(round); !ok {
		return nil, false, nil
	}
	commits, _ := All[CommitBody](v, round, Commit, v.Sites())
	reveals, ok := All[RevealBody](v, round, Reveal, v.Sites())
	if !ok {
		return nil, false, nil
	}
	var parts []Parts
	for i, r := range reveals {
		if !commits[i].Parts.Opens(r.Salt, r.Bind(r.Parts.Bytes())) {
			return nil, false, fmt.Errorf("reveal of %s does not open its commitment: %w", v.Sites()[i], fault.Tampered)
		}
		parts = append(parts, r.Parts)
	}
	return parts, true, nil
}

// Bytes is the one spelling of a list of parts.
func (p Parts) Bytes() []byte {
	var b strings.Builder
	for m, chunks := range p {
		for c, d := range chunks {
			fmt.Fprintf(&b, "%d/%d %s\n", m, c, d)
		}
	}
	return []byte(b.String())
}
