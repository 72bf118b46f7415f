package site

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/gate/register"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/seal"
)

// In mode sdc a domain compares each run, before it seals anything, with every
// earlier one that it took part in, whoever operated it: the register of a
// unit namespace holds what every unit contributed to every cell, under names
// that only this domain can make. It is sealed, and never leaves. A run counts
// from the moment that it is compared until it is certain that it will not be
// released; what is out counts for ever.

// Kinds of the journal about the register.
const (
	segment receipt.Kind = "segment" // a step of a namespace's register: where it is kept, and the head after it
	entered receipt.Kind = "entered" // a run is in the register, with the members of its set
	retired receipt.Kind = "retired" // a run will not be released, and is taken out again
	settled receipt.Kind = "settled" // what of a run is out, is known to the register
)

// A history is the register of one unit namespace, in memory.
type history struct {
	sync.Mutex
	*register.Register
	steps int
}

// histories are loaded when they are first needed.
type histories struct {
	sync.Mutex
	of map[string]*history
}

// An entry is what the journal says of a run in the register.
type entry struct {
	Namespace string   `json:"namespace"`
	Members   []string `json:"members"`         // domains
	Frame     bool     `json:"frame,omitempty"` // it had frame columns and no others
	Query     string   `json:"query"`           // what was asked, by all that the numbers depend on
}

// A step is what the journal says of a segment.
type step struct {
	Object string `json:"object"`
	Head   string `json:"head"`
}

// guard makes the exact sums of a run fit to be sealed: the domain judges every
// cell and total by its own evidence, and the whole by its register. What it
// goes by is kept before anything follows from it.
func (s *Site) guard(ctx context.Context, v *msg.View, cube *jobs.Cube, said *contributions) ([]int64, error) {
	t := v.Terms()
	p, err := gate.Rules(t)
	if err != nil {
		return nil, err
	}
	table, err := said.table(t.Shape)
	if err != nil {
		return nil, err
	}
	found, err := s.confront(ctx, v, p, table, said)
	if err != nil {
		return nil, fmt.Errorf("comparing with earlier releases: %w", err)
	}
	if err := s.testify(ctx, v, gate.Testify(table, found)); err != nil {
		return nil, err
	}
	return gate.Protect(t, cube, table, found, rand.Reader)
}

func findingName(run string) (storage.Name, error) {
	return storage.NewName(register.Kept(run), "1")
}

// confront compares a run with the register and enters it there, once each.
func (s *Site) confront(ctx context.Context, v *msg.View, p params.Parameters, table *evidence.Table, said *contributions) (gate.Found, error) {
	t := v.Terms()
	h, err := s.history(ctx, t.Shape.Namespace)
	if err != nil {
		return gate.Found{}, err
	}
	defer h.Unlock()
	name, err := findingName(v.ID())
	if err != nil {
		return gate.Found{}, err
	}
	this, given := asRelease(v, evidence.Flags(evidence.Judge(table, p), table.Items())), said.registered()
	compared, err := keep(ctx, s, name, comparison{}, func() (comparison, error) {
		return s.consult(ctx, v, h, this, given, p)
	})
	if err == nil && compared.Steps != h.steps && !h.Has(v.ID()) { // others were entered since, and this run was not
		var again comparison
		again, err = s.consult(ctx, v, h, this, given, p)
		again.Hide = append(again.Hide, compared.Hide...)
		if compared.Verdict == register.Refuse {
			again.Finding = compared.Finding
		}
		compared = again
	}
	if err != nil {
		return gate.Found{}, err
	}
	finding := compared.Finding
	this.Hidden = append(this.Hidden, compared.Hide...)
	named, known, err := s.names(ctx, t)
	if err != nil {
		return gate.Found{}, err
	}
	if named || finding.Verdict == register.Refuse {
		if err := s.meter(ctx, v, finding, named); err != nil {
			return gate.Found{}, err
		}
		// The gate will show nothing of it: nothing of it may count as known.
		this.Hidden = this.Hidden[:0]
		for i := range this.Items {
			this.Hidden = append(this.Hidden, int32(i))
		}
	}
	if err := s.enterRegister(ctx, v, h, this, given); err != nil {
		return gate.Found{}, err
	}
	return gate.Found{
		Refuse: named || finding.Verdict == register.Refuse, Review: !known || finding.Verdict != register.Pass && finding.Verdict != register.Refuse, Hide: compared.Hide,
	}, nil
}

// A comparison is what the register said of a run, and which of its items were
// hidden for it first.
type comparison struct {
	register.Finding
	Hide  []int32 `json:"hide,omitempty"`
	Steps int     `json:"steps"` // of the register, when it was asked
}

// compareRounds is how often items are hidden before what is left of a run is
// withheld whole.
const compareRounds = 8

// consult asks the register. An operator whose refusals of the year are used up
// is told the same of every run that was already on its way.
func (s *Site) consult(ctx context.Context, v *msg.View, h *history, this register.Release, given []register.Contribution, p params.Parameters) (comparison, error) {
	t := v.Terms()
	m, err := s.member(t)
	if err != nil {
		return comparison{}, err
	}
	n, err := s.withheldOf(t.Operator.Org, m.Dataset, v.ID(), false)
	if err != nil {
		return comparison{}, err
	}
	if n >= p.Refusals {
		return comparison{Finding: register.Finding{Verdict: register.Refuse, Reasons: []string{"this year's refusals of the operator are used up"}}, Steps: h.steps}, nil
	}
	if first, ok, err := s.asked(ctx, v); ok || err != nil {
		first.Steps = h.steps
		return first, err
	}
	hide, finding, err := h.Mend(this, given, s.asParams(t, p), compareRounds)
	return comparison{finding, hide, h.steps}, err
}

// asked is the comparison of an earlier run of the very same query that still
// counts, unless it was withheld: the same numbers tell nothing new, if the same
// of them are hidden.
func (s *Site) asked(ctx context.Context, v *msg.View) (comparison, bool, error) {
	query := s.query(v)
	for _, e := range s.Journal.All(string(entered)) {
		var x entry
		if e.Decode(&x) != nil || x.Query != query || e.Key == v.ID() || s.isRetired(e.Key) {
			continue
		}
		var first comparison
		name, err := findingName(e.Key)
		if err == nil {
			err = s.get(ctx, name, &first)
		}
		if err != nil {
			return first, false, err
		}
		if first.Verdict != register.Refuse {
			first.Same = e.Key
			return first, true, nil
		}
	}
	return comparison{}, false, nil
}

// asRelease is the run as the register knows it. What this domain flags will
// not be shown, whatever the others do.
func asRelease(v *msg.View, flags []int64) register.Release {
	t := v.Terms()
	r := register.Release{
		ID: v.ID(), Query: string(t.Program.Digest), Items: t.Shape.Lists(), Cells: t.Shape.Cells(), Measures: len(t.Shape.Measures),
	}
	for _, m := range t.Members {
		r.Members = append(r.Members, m.Domain)
	}
	for i, f := range flags {
		if f != 0 {
			r.Hidden = append(r.Hidden, int32(i))
		}
	}
	return r
}

// registerWork bounds one comparison: some tens of seconds.
const registerWork = 1 << 33

// asParams are the register's parameters. A set of one member is one whose
// provider has agreed to be released alone.
func (s *Site) asParams(t jobs.Terms, p params.Parameters) register.Params {
	single := map[string]bool{}
	if len(t.Members) == 1 {
		single[t.Members[0].Domain] = true
	}
	for _, e := range s.Journal.All(string(entered)) {
		var x entry
		if e.Decode(&x) == nil && len(x.Members) == 1 {
			single[x.Members[0]] = true
		}
	}
	out := register.Params{T: int(p.Difference), P: int(p.PPercent), KMin: max(2, t.KMin), AtomCap: int(p.Atoms), Work: registerWork}
	for d := range single {
		out.Single = append(out.Single, d)
	}
	slices.Sort(out.Single)
	return out
}

// enterRegister puts the run into the register. The journal knows a segment
// only once it is kept, and a run only once its segment is known.
func (s *Site) enterRegister(ctx context.Context, v *msg.View, h *history, this register.Release, given []register.Contribution) error {
	if s.Journal.Get(string(entered), v.ID(), new(entry)) == nil {
		return nil
	}
	if !h.Has(v.ID()) { // a crash since may have left it without its entry
		raw, err := h.Add(this, given)
		if err == nil {
			err = s.putSegment(ctx, v.Terms().Shape.Namespace, h, raw)
		}
		if err != nil {
			s.forgetHistory(v.Terms().Shape.Namespace) // memory is ahead of what is kept
			return err
		}
	}
	m, err := s.member(v.Terms())
	if err != nil {
		return err
	}
	free, err := s.isValueFree(ctx, m)
	if err != nil {
		return err
	}
	s.Hook("entered:before")
	_, err = s.Journal.Once(string(entered), v.ID(), entry{v.Terms().Shape.Namespace, this.Members, free, s.query(v)})
	s.Hook("entered:after")
	return err
}

func (s *Site) putSegment(ctx context.Context, namespace string, h *history, raw []byte) error {
	salt := make([]byte, 8)
	if _, err := rand.Read(salt); err != nil {
		return err
	}
	h.steps++
	object := fmt.Sprintf("register/%s/%d-%s", namespace, h.steps, hex.EncodeToString(salt))
	name, err := storage.NewName(object, "1")
	if err != nil {
		return err
	}
	if err := seal.Put(ctx, s.Store, s.Seal.Public(), name, bytes.NewReader(raw)); err != nil {
		return err
	}
	head := h.Head()
	s.Hook("segment:before")
	_, err = s.Journal.Once(string(segment), segmentKey(namespace, h.steps), step{object, hex.EncodeToString(head[:])})
	s.Hook("segment:after")
	return err
}

func segmentKey(namespace string, n int) string { return fmt.Sprintf("%s/%d", namespace, n) }

// history is the register of a namespace as the journal has it, locked: every
// segment that it names must be there, and every run that it has entered. One
// that got ahead of what is kept was forgotten, and is read again.
func (s *Site) history(ctx context.Context, namespace string) (*history, error) {
	for {
		h, err := s.load(ctx, namespace)
		if err != nil {
			return nil, err
		}
		h.Lock()
		s.registers.Lock()
		current := s.registers.of[namespace] == h
		s.registers.Unlock()
		if current {
			return h, nil
		}
		h.Unlock()
	}
}

func (s *Site) load(ctx context.Context, namespace string) (*history, error) {
	s.registers.Lock()
	defer s.registers.Unlock()
	if h := s.registers.of[namespace]; h != nil {
		return h, nil
	}
	h := &history{}
	var segments [][]byte
	var last step
	for ; ; h.steps++ {
		var x step
		err := s.Journal.Get(string(segment), segmentKey(namespace, h.steps+1), &x)
		if errors.Is(err, fault.NotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		raw, err := s.segment(ctx, x.Object)
		if err != nil {
			return nil, fmt.Errorf("reading the register of %s: %w", namespace, err)
		}
		segments, last = append(segments, raw), x
	}
	var head [32]byte
	if _, err := hex.Decode(head[:], []byte(last.Head)); err != nil {
		return nil, fmt.Errorf("reading the register of %s: %w", namespace, fault.Tampered)
	}
	var err error
	if h.Register, err = register.Parse(segments, head); err != nil {
		return nil, err
	}
	for _, e := range s.Journal.All(string(entered)) {
		var x entry
		if err := e.Decode(&x); err != nil {
			return nil, err
		}
		if x.Namespace == namespace && !s.isRetired(e.Key) && !h.Has(e.Key) {
			return nil, fmt.Errorf("the register of %s has no %s: %w", namespace, e.Key, fault.Tampered)
		}
	}
	if s.registers.of == nil {
		s.registers.of = map[string]*history{}
	}
	s.registers.of[namespace] = h
	return h, nil
}

func (s *Site) forgetHistory(namespace string) {
	s.registers.Lock()
	defer s.registers.Unlock()
	delete(s.registers.of, namespace)
}

func (s *Site) segment(ctx context.Context, object string) ([]byte, error) {
	name, err := storage.NewName(object, "1")
	if err != nil {
		return nil, err
	}
	o, err := seal.Get(ctx, s.Store, s.Seal, name)
	if err != nil {
		return nil, err
	}
	defer o.Close() //nolint:errcheck // read only
	return io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
}

// retire takes a run that is over, and will certainly not be released, out of
// the register. A site that has not shown its part decides that by itself: it
// never will. Once it has, only the gate's word counts, or the checkers'
// votes: the coordinator could say that a run is dead and release it.
func (s *Site) retire(ctx context.Context, v *msg.View) error {
	var x entry
	if s.Journal.Get(string(entered), v.ID(), &x) != nil || s.isRetired(v.ID()) {
		return nil
	}
	if s.hasRevealed(v) && !v.Said(0, msg.Dead, v.Terms().Gate.Name) && !governance.Declined(v) {
		return nil
	}
	if v.Said(0, msg.Candidate, v.Terms().Gate.Name) && !governance.Declined(v) {
		return nil
	}
	h, err := s.history(ctx, x.Namespace)
	if err != nil {
		return err
	}
	defer h.Unlock()
	if err := s.once(v, retired, true); err != nil {
		return err
	}
	raw, err := h.Withdraw(v.ID())
	if err == nil {
		err = s.putSegment(ctx, x.Namespace, h, raw)
	}
	if err != nil {
		s.forgetHistory(x.Namespace)
	}
	return err
}

// maxShown bounds a released candidate with its salt, in bytes.
const maxShown = 64 << 20

// settlePast tells the register which items of a released run are out: until
// then it takes all that this domain did not flag for shown.
func (s *Site) settlePast(ctx context.Context, v *msg.View) error {
	var x entry
	var done bool
	t := v.Terms()
	if s.Journal.Get(string(entered), v.ID(), &x) != nil || s.kept(v, settled, &done) == nil || !v.Said(0, msg.Release, t.Coordinator.Name) {
		return nil
	}
	if s.isRetired(v.ID()) {
		s.Log.LogAttrs(ctx, slog.LevelError, "a run was released that this site was shown the end of", slog.String("run", v.ID()))
		return nil
	}
	hidden, err := s.hiddenOf(ctx, v)
	if err != nil {
		return fmt.Errorf("reading what was released: %w", err)
	}
	h, err := s.history(ctx, x.Namespace)
	if err != nil {
		return err
	}
	defer h.Unlock()
	raw, err := h.Hide(v.ID(), hidden)
	if err == nil {
		err = s.putSegment(ctx, x.Namespace, h, raw)
	}
	if err != nil {
		s.forgetHistory(x.Namespace)
		return err
	}
	return s.once(v, settled, true)
}

// hiddenOf are the items that a release does not show, by the very candidate
// that the gate committed to.
func (s *Site) hiddenOf(ctx context.Context, v *msg.View) ([]int32, error) {
	said, err := msg.Read[msg.ReleaseBody](v, 0, msg.Release, v.Terms().Coordinator.Name)
	if err != nil {
		return nil, err
	}
	made, err := msg.Read[msg.CandidateBody](v, 0, msg.Candidate, v.Terms().Gate.Name)
	if err != nil {
		return nil, err
	}
	raw, err := s.Fetch(ctx, said.Shown, maxShown)
	if err != nil {
		return nil, err
	}
	var shown msg.Shown
	if json.Unmarshal(raw, &shown) != nil || !made.Candidate.Opens(shown.Salt, shown.Candidate) {
		return nil, fmt.Errorf("it is not what the gate committed to: %w", fault.Tampered)
	}
	c, err := jobs.ParseCandidate(shown.Candidate)
	if err != nil {
		return nil, err
	}
	var hidden []int32
	for i := range c.Items() {
		if cell, _ := c.Item(i); cell == nil {
			hidden = append(hidden, int32(i))
		}
	}
	return hidden, nil
}

func (s *Site) isRetired(run string) bool {
	return s.Journal.Get(string(retired), msg.Subject(run, 0, retired, s.Name), new(bool)) == nil
}

func (s *Site) hasRevealed(v *msg.View) bool {
	for n := 1; n <= msg.MaxRounds; n++ {
		if s.Remembers(v.ID(), n, msg.Reveal) {
			return true
		}
	}
	return false
}
