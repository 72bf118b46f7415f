package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/enclave/psi"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/suite"
)

// A run of a join has no guest and no partial: the site blinds the numbers of
// its committed set, with its own values encrypted, under a key that it draws
// for the round and keeps in memory alone, shows the list to the other site,
// and answers the other's to gate and trustees. Nothing that it does or keeps
// depends on who is in both sets. A site that is started anew has lost the
// round, says so, and takes part in the next under another key.

// Kinds of the journal of joins.
const (
	blinding receipt.Kind = "psi"     // that a list was blinded, or answered, in a round: each once
	paired   receipt.Kind = "paired"  // the one query that two datasets are joined by, by the pair
	tooFew   receipt.Kind = "too-few" // a run that ended because too few were in both
)

// fewEnds is the code with which a gate ends a join of too few.
const fewEnds = "join-few"

// A joint is a site's part in one round of a join.
type joint struct {
	join     *enclave.Joint
	side     *psi.Side
	salt     suite.Salt
	folder   string // of the lists, all of them blinded or sealed
	lists    []suite.Digest
	answered []suite.Digest // in clear, for the letters
	sealed   []suite.Digest
	keys     [][]byte
	body     *msg.JoinedBody
	letters  map[string][]byte
}

func (s *Site) joinSteps() []party.Step {
	return []party.Step{
		{Kind: msg.Commit, Due: s.keyed, Make: s.joinCommit},
		{Kind: msg.Confirm, Due: s.committed, Make: s.confirm},
		{Kind: msg.Reveal, Due: confirmed, Make: s.joinReveal, Bulk: s.showLists},
		{Kind: msg.Joined, Due: s.shown, Make: s.joinAnswer, Bulk: s.showAnswers},
	}
}

// advanceJoin takes the steps that are due in a run of a join.
func (s *Site) advanceJoin(ctx context.Context, v *msg.View) error {
	if err := s.enrolJoin(ctx, v); err != nil {
		return s.refuse(ctx, v, err)
	}
	if on, err := s.settle(ctx, v); !on {
		return err
	}
	if v.Unlike() {
		return s.end(ctx, v, dead)
	}
	n := v.Round()
	s.dropJoint(ctx, v.ID(), n)
	if n > 0 && s.hasBlinded(v, n) && s.joint(v, n) == nil {
		if v.Said(n, msg.Joined, s.Name) || v.Said(n, msg.Lost, s.Name) {
			return nil
		}
		return s.Say(ctx, msg.Lost, msg.LostBody{Of: v.Of(n, s.Name)})
	}
	err := s.Walk(ctx, v, s.joinSteps())
	if r, ok := errors.AsType[fault.Refusal](err); ok && (r.Code == "attestation" || r.Code == expired) {
		return s.end(ctx, v, string(r.Code))
	}
	if errors.Is(err, fault.Tampered) {
		s.Log.LogAttrs(ctx, slog.LevelError, "a join was tampered with", slog.String("run", v.ID()), slog.Any("err", err))
		s.dropJoint(ctx, v.ID(), msg.MaxRounds+1)
		return s.end(ctx, v, "tampered")
	}
	if errors.Is(err, fault.Conflict) || n > 0 && v.Said(n, msg.Joined, s.Name) { // what was begun and not ended is not done twice
		s.dropJoint(ctx, v.ID(), n+1)
	}
	return err
}

// hasBlinded reports whether this site has blinded a list in the round, in this
// life or in an earlier one.
func (s *Site) hasBlinded(v *msg.View, n int) bool {
	what := fmt.Sprintf("psi/%s/blind/%v/0", v.JoinName(n), enclave.JoinRole(v, s.Name))
	return !errors.Is(s.Journal.Get(string(blinding), what, new(bool)), fault.NotFound)
}

// overJoin notes how a run ended, and drops what is left of it.
func (s *Site) overJoin(ctx context.Context, v *msg.View) error {
	s.dropJoint(ctx, v.ID(), msg.MaxRounds+1)
	var permit string
	if v.Dead() != fewEnds || s.kept(v, used, &permit) != nil || permit != string(v.Permit().Digest()) {
		return nil //nolint:nilerr // not this site's run, or not the permit that it was booked under
	}
	m, err := s.member(v.Terms())
	if err != nil {
		return err
	}
	if s.kept(v, tooFew, new(withholding)) == nil {
		return nil
	}
	s.Log.LogAttrs(ctx, slog.LevelWarn, "too few were in both sets", slog.String("run", v.ID()))
	return s.once(v, tooFew, withholding{v.Terms().Operator.Org, m.Dataset, s.Now().UTC().Truncate(time.Second)})
}

// enrolJoin records the query as admitted and books the run, once.
func (s *Site) enrolJoin(ctx context.Context, v *msg.View) error {
	if !s.Remembers(v.ID(), 0, used) {
		if err := s.pair(v); err != nil {
			return err
		}
		err := s.Say(ctx, msg.Admitted, msg.AdmittedBody{
			Of: v.Of(0, s.Name), Form: v.Terms().Code(), Rewrite: jobs.JoinForm(), Engines: msg.Engines(v.Terms()),
		})
		if err != nil {
			return err
		}
		if err := s.book(v); err != nil {
			return err
		}
	}
	return s.begin(v, computing)
}

// mayJoin refuses a join that this domain has no roll for, that has ended for
// too few as often as a profile allows, or that differs from the one by which
// these two datasets are joined.
func (s *Site) mayJoin(ctx context.Context, v *msg.View, m jobs.Member) error {
	t := v.Terms()
	if err := t.Joinable(); err != nil {
		return err
	}
	if s.Keeper != nil { // no version opens before the run is booked, and a roll is not under the keeper's key
		return fault.Refuse("join-set", "house")
	}
	r, closeRoll, err := s.roll(ctx, m)
	if err != nil {
		return err
	}
	closeRoll()
	if r.Set() != t.Join.Sets()[slices.Index(v.Sites(), s.Name)] || r.Namespace() != t.Shape.Namespace {
		return fault.Refuse("join-set", "house")
	}
	if err := s.hasValues(ctx, v, m); err != nil {
		return err
	}
	p, err := gate.Rules(t)
	if err != nil {
		return err
	}
	few := int64(0)
	for _, e := range s.Journal.All(string(tooFew)) {
		var w withholding
		if err := e.Decode(&w); err != nil {
			return fmt.Errorf("reading the journal of joins: %w", err)
		}
		if e.Key != s.journalKey(v, tooFew) && w.Operator == t.Operator.Org && w.Dataset == m.Dataset && s.Now().Sub(w.At) < 365*24*time.Hour {
			few++
		}
	}
	switch {
	case few >= p.Refusals:
		return fault.Refuse("withheld-spent", "house")
	case !s.Remembers(v.ID(), 0, used) && s.uses(v) >= t.Uses: // before the pair is entered for ever
		return fault.Refuse("permit-spent", "")
	}
	return s.samePair(v)
}

// pairing is the pair of datasets that a run joins, by this domain's own and the
// other's, and what it asks of them. Two joins that differ by one person, or in
// what is asked, tell by their difference what neither tells: so a pair is
// joined in one way only, as often as it likes.
func (s *Site) pairing(v *msg.View) (key string, query suite.Digest) {
	t := v.Terms()
	at := slices.Index(v.Sites(), s.Name)
	own, other := t.Members[at], t.Members[1-at]
	type part struct {
		Domain, Dataset, Version string
		Schema                   suite.Digest
		Columns                  []string
	}
	asked := struct {
		Code      suite.Digest
		Parts     []part
		Profile   string
		Threshold int64
	}{Code: t.Code(), Profile: t.Profile, Threshold: t.Threshold}
	for _, m := range t.Members {
		asked.Parts = append(asked.Parts, part{m.Domain, m.Dataset, m.Version, m.Schema, m.Columns})
	}
	raw, err := json.Marshal(asked)
	if err != nil {
		panic("site: a query cannot be marshalled: " + err.Error()) // plain data only
	}
	return fmt.Sprintf("%s %s %s %s", t.Shape.Namespace, own.Dataset, other.Domain, other.Dataset), suite.DigestOf(append([]byte("yunei join query v1 "), raw...))
}

func (s *Site) samePair(v *msg.View) error {
	key, query := s.pairing(v)
	var before suite.Digest
	switch err := s.Journal.Get(string(paired), key, &before); {
	case errors.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case before != query:
		return fault.Refuse("join-again", "house")
	}
	return nil
}

// pair enters the pair, for ever.
func (s *Site) pair(v *msg.View) error {
	key, query := s.pairing(v)
	s.Hook("paired:before")
	_, err := s.Journal.Once(string(paired), key, query)
	s.Hook("paired:after")
	if errors.Is(err, fault.Conflict) {
		return fault.Refuse("join-again", "house")
	}
	return err
}

// onceIn is the journal of what a round's key was used for.
func (s *Site) onceIn(context.Context) psi.Once {
	return func(_ context.Context, what string) error {
		s.Hook("psi:before")
		already, err := s.Journal.Once(string(blinding), what, true)
		s.Hook("psi:after")
		if err == nil && already {
			err = fmt.Errorf("%s: %w", what, fault.Conflict)
		}
		return err
	}
}

func jointKey(run string, n int) string { return run + "/" + strconv.Itoa(n) }

func (s *Site) joint(v *msg.View, n int) *joint {
	s.joints.Lock()
	defer s.joints.Unlock()
	return s.joints.of[jointKey(v.ID(), n)]
}

// dropJoint erases the secrets of a run's rounds before n, and their lists.
func (s *Site) dropJoint(ctx context.Context, run string, n int) {
	s.joints.Lock()
	defer s.joints.Unlock()
	for i := 1; i < n && i <= msg.MaxRounds; i++ {
		j := s.joints.of[jointKey(run, i)]
		if j == nil {
			continue
		}
		j.side.Erase()
		for _, k := range j.keys {
			clear(k)
		}
		if err := os.RemoveAll(j.folder); err != nil {
			s.Log.LogAttrs(ctx, slog.LevelError, "removing blinded lists", slog.Any("err", err))
		}
		delete(s.joints.of, jointKey(run, i))
	}
}

// joinCommit blinds the set and commits to its lists.
func (s *Site) joinCommit(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	j := s.joint(v, n)
	if j == nil {
		var err error
		if j, err = s.blind(ctx, v, n); err != nil {
			return nil, nil, err
		}
		s.joints.Lock()
		if s.joints.of == nil {
			s.joints.of = map[string]*joint{}
		}
		s.joints.of[jointKey(v.ID(), n)] = j
		s.joints.Unlock()
	}
	of := v.Of(n, s.Name)
	return msg.CommitBody{Of: of, Parts: suite.Commit(j.salt, of.Bind(msg.Parts{j.lists}.Bytes()))}, nil, nil
}

// blind makes the site's part of a round, its lists blinded. Nothing that fails
// leaves a key or a list.
func (s *Site) blind(ctx context.Context, v *msg.View, n int) (*joint, error) {
	if err := v.Permit().At(s.Now()); err != nil { // booked in time, and then down, or without a round, for long
		return nil, err
	}
	// The lists will be sealed to the gate's key as it is shown now.
	if err := enclave.Vouched(ctx, s.Fetch, v, n, s.Makers, s.Now()); err != nil {
		return nil, err
	}
	join, err := enclave.JoinOf(ctx, s.Fetch, v, n)
	if err != nil {
		return nil, err
	}
	m, err := s.member(v.Terms())
	if err != nil {
		return nil, err
	}
	j := &joint{join: join}
	if j.salt, err = suite.NewSalt(); err != nil {
		return nil, err
	}
	role := enclave.JoinRole(v, s.Name)
	if j.side, err = join.Side(role, s.onceIn(ctx)); err != nil {
		return nil, err
	}
	if j.folder, err = os.MkdirTemp(s.Scratch, "join-"); err == nil {
		err = s.blindAll(ctx, v, m, j, role)
	}
	if err != nil {
		j.side.Erase()
		return nil, errors.Join(err, os.RemoveAll(j.folder))
	}
	return j, nil
}

func (s *Site) blindAll(ctx context.Context, v *msg.View, m jobs.Member, j *joint, role psi.Role) error {
	r, closeRoll, err := s.roll(ctx, m)
	if err != nil {
		return err
	}
	defer closeRoll()
	people, err := s.values(ctx, v, m, role)
	if err != nil {
		return err
	}
	defer people.erase()
	for cell := range j.join.Lists(role) {
		err := j.scratch(fmt.Sprintf("blinded-%d", cell), func(tmp, out *os.File) error {
			d, err := j.side.Blind(ctx, cell, r.Salt(), people.records(ctx, r, s.Unit), tmp, out)
			j.lists = append(j.lists, d)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// scratch gives use a file to sort in, which is gone afterwards, and one to
// write to, which stays under that name.
func (j *joint) scratch(name string, use func(tmp, out *os.File) error) error {
	tmp, err := os.CreateTemp(j.folder, "sort-")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // the folder goes anyway
	defer tmp.Close()           //nolint:errcheck // nothing of it is wanted any more
	out, err := os.Create(j.file(name))
	if err != nil {
		return err
	}
	return errors.Join(use(tmp, out), out.Close())
}

func (j *joint) file(name string) string { return filepath.Join(j.folder, name) }

// put puts lists on the board, by the digests of their bytes.
func (s *Site) put(ctx context.Context, j *joint, name string, lists []suite.Digest) error {
	for cell, d := range lists {
		f, err := os.Open(j.file(fmt.Sprintf("%s-%d", name, cell)))
		if err != nil {
			return err
		}
		if err := errors.Join(s.PutFrom(ctx, d, f), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (s *Site) joinReveal(_ context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	j := s.joint(v, n)
	if j == nil {
		return nil, nil, party.ErrLost
	}
	return msg.RevealBody{Of: v.Of(n, s.Name), Salt: j.salt, Parts: msg.Parts{j.lists}}, nil, nil
}

func (s *Site) showLists(ctx context.Context, v *msg.View, n int) error {
	j := s.joint(v, n)
	if j == nil {
		return party.ErrLost
	}
	return s.put(ctx, j, "blinded", j.lists)
}

// shown: every member has opened its commitment.
func (s *Site) shown(v *msg.View, n int) bool {
	_, ok, err := v.Revealed(n)
	return ok && err == nil || err != nil && s.joint(v, n) != nil
}

// joinAnswer answers the other's lists to gate and trustees, sealed so that the
// other opens none.
func (s *Site) joinAnswer(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	j := s.joint(v, n)
	if j == nil {
		return nil, nil, party.ErrLost
	}
	if j.body == nil {
		if err := v.Permit().At(s.Now()); err != nil {
			return nil, nil, err
		}
		parts, _, err := v.Revealed(n)
		if err != nil {
			return nil, nil, err
		}
		own := slices.Index(v.Sites(), s.Name)
		theirs := parts[1-own]
		if len(theirs) != 1 || len(theirs[0]) != j.join.Lists(enclave.JoinRole(v, v.Sites()[1-own])) {
			return nil, nil, fmt.Errorf("the other's lists are not whole: %w", fault.Tampered)
		}
		for cell := len(j.sealed); cell < len(theirs[0]); cell++ {
			err := s.answerOne(ctx, v, j, cell, theirs[0][cell])
			if errors.Is(err, fault.Invalid) { // a point that is none was sent as one
				err = fmt.Errorf("%w: %w", err, fault.Tampered)
			}
			if err != nil {
				return nil, nil, fmt.Errorf("answering list %d: %w", cell, err)
			}
		}
		if err := s.letters(v, n, j); err != nil {
			return nil, nil, err
		}
	}
	var bulk [][]byte
	for _, holder := range v.Holders() {
		bulk = append(bulk, j.letters[holder])
	}
	return *j.body, bulk, nil
}

func (s *Site) answerOne(ctx context.Context, v *msg.View, j *joint, cell int, want suite.Digest) error {
	own := slices.Index(v.Sites(), s.Name)
	peer := v.Sites()[1-own]
	theirs := s.Blob(ctx, peer, want, j.join.ListSize(enclave.JoinRole(v, peer)))
	// A list that is not all there is not begun with: a peer that leaves the end out
	// would have it answered again and again.
	if _, err := io.Copy(io.Discard, theirs.Reader()); err != nil {
		return err
	}
	return j.scratch(fmt.Sprintf("sealed-%d", cell), func(tmp, out *os.File) error {
		w, key, err := j.join.SealList(out, s.Name, cell)
		if err != nil {
			return err
		}
		answered, err := j.side.Answer(ctx, cell, theirs.Reader(), want, tmp, w)
		if err := errors.Join(err, w.Close()); err != nil {
			return err
		}
		if _, err := out.Seek(0, io.SeekStart); err != nil {
			return err
		}
		sealed, err := suite.DigestFrom(out)
		if err != nil {
			return err
		}
		j.answered, j.sealed, j.keys = append(j.answered, answered), append(j.sealed, sealed), append(j.keys, key)
		return nil
	})
}

func (s *Site) letters(v *msg.View, n int, j *joint) error {
	letters, err := j.join.Letters(s.Name, msg.JoinLetter{Keys: j.keys, Lists: j.answered})
	if err != nil {
		return err
	}
	body := msg.JoinedBody{Of: v.Of(n, s.Name), Lists: j.sealed, Letters: map[string]suite.Digest{}}
	for holder, letter := range letters {
		body.Letters[holder] = suite.DigestOf(letter)
	}
	j.letters, j.body = letters, &body
	return nil
}

func (s *Site) showAnswers(ctx context.Context, v *msg.View, n int) error {
	j := s.joint(v, n)
	if j == nil {
		return party.ErrLost
	}
	return s.put(ctx, j, "sealed", j.sealed)
}
