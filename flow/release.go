package flow

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage"
	"github.com/yunei/yunei/storage/ledger"
	"github.com/yunei/yunei/storage/ledger/proof"
	"github.com/yunei/yunei/suite"
)

// A Flow is the coordinator's part in runs.
type Flow struct {
	*party.Party
	Ledger *ledger.Log
	Origin string // the ledger's name
	Store  storage.Store
	Desk   suite.Box // opens the gate's letters, for those who vote
	// Make builds the bundle of a run; cmd binds it to package release.
	Make func(ctx context.Context, v *msg.View, board map[string][]byte, letter msg.Letter, checkpoint []byte) ([]byte, error)

	// Orders says what the decisions on record here hold, whoever took them; nil is
	// none. Others hear those of the officers whom a run's terms name.
	Orders party.Standing
	// Rules says whether an approved output may go out under the city's rules; nil
	// lets nothing out.
	Rules party.Standing

	mu    sync.Mutex
	views map[string]*msg.View
	cp    sync.Mutex // one checkpoint at a time
	shown uint64     // size of the last that was posted, 0 if that is not known
}

func (f *Flow) remember(v *msg.View) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.views == nil {
		f.views = map[string]*msg.View{}
	}
	f.views[v.ID()] = v
}

// Recollect takes up what the board already says of runs, so that View knows
// them: for before the first question is answered.
func (f *Flow) Recollect(ctx context.Context) error { return f.Party.Recollect(ctx, f.remember) }

// View is the latest sight of a run: NotFound if there is none.
func (f *Flow) View(run string) (*msg.View, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v, ok := f.views[run]
	if !ok {
		return nil, fault.NotFound
	}
	return v, nil
}

// Submit puts a run on the board: the program, the permit, and last the
// operator's start. It may be called again.
func (f *Flow) Submit(ctx context.Context, permit jobs.Permit, start receipt.Receipt, program []byte) error {
	run, err := permit.OpenRun(start)
	if err != nil {
		return err
	}
	if has := permit.Terms().HasProgram(); !has && len(program) > 0 || has && suite.DigestOf(program) != run.Program {
		return fault.Refuse("program", "")
	}
	last := msg.Subject(run.ID, 0, jobs.Start, msg.Operator)
	if there, err := f.Board.Get(ctx, last); err == nil && bytes.Equal(there, start.Bytes()) {
		return nil
	}
	if len(program) > 0 { // a join has none, nor a verification
		if err := f.Put(ctx, program); err != nil {
			return err
		}
	}
	if err := f.Board.Post(ctx, msg.Subject(run.ID, 0, msg.Permit, msg.Coordinator), permit.Bytes()); err != nil {
		return err
	}
	f.Hook("start:before")
	defer f.Hook("start:after")
	return f.Board.Post(ctx, last, start.Bytes())
}

// Candidate opens the gate's letter for those who vote.
func (f *Flow) Candidate(ctx context.Context, v *msg.View) (msg.Letter, error) {
	body, err := msg.Read[msg.CandidateBody](v, 0, msg.Candidate, v.Terms().Gate.Name)
	if err != nil {
		return msg.Letter{}, err
	}
	sealed, err := f.Fetch(ctx, body.Letter, maxLetter)
	if err != nil {
		return msg.Letter{}, err
	}
	plain, err := f.Desk.Open(msg.LetterInfo(v.ID(), v.Permit().Digest()), sealed)
	if err != nil {
		return msg.Letter{}, err
	}
	var letter msg.Letter
	if err := json.Unmarshal(plain, &letter); err != nil {
		return msg.Letter{}, fmt.Errorf("reading the gate's letter: %w", fault.Tampered)
	}
	if !body.Candidate.Opens(letter.Salt, letter.Candidate) || !body.Record.Opens(letter.Blind, letter.Record) {
		return msg.Letter{}, fmt.Errorf("the gate's letter is not what it committed to: %w", fault.Tampered)
	}
	return letter, nil
}

const maxLetter = 64 << 20

// Vote posts a checker's statement, a commitment or an opening. The same
// statement again, whose first answer was lost, is no second vote.
func (f *Flow) Vote(ctx context.Context, run string, r receipt.Receipt) error {
	v, err := f.View(run)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(v.Terms().Checkers, func(c jobs.Signer) bool { return c.Key == r.By() })
	if i < 0 {
		return fault.Refuse("not-checker", "house")
	}
	subject := msg.Subject(run, 0, r.Kind(), msg.Checker(i))
	if said, err := f.Board.Get(ctx, subject); err == nil && bytes.Equal(said, r.Bytes()) {
		return nil
	}
	if err := f.votable(ctx, run, r); err != nil {
		return err
	}
	if err := f.Board.Post(ctx, subject, r.Bytes()); errors.Is(err, fault.Conflict) {
		return fault.Refuse("vote-twice", "house")
	} else if err != nil {
		return err
	}
	return nil
}

// Replay posts the bureau's request that the members of a run compute it
// again; the same request again is no second one.
func (f *Flow) Replay(ctx context.Context, run string, r receipt.Receipt) error {
	v, err := f.View(run)
	if err != nil {
		return err
	}
	var body msg.ReplayBody
	if err := r.Read(msg.Replay, &body); err != nil {
		return err
	}
	if r.By() != v.Terms().Bureau.Key || body.Of != v.Of(0, msg.Bureau) {
		return fault.Refuse("role", governance.House)
	}
	return f.Board.Post(ctx, msg.Subject(run, 0, msg.Replay, msg.Bureau), r.Bytes())
}

// votable asks whether a statement counts. Commitments that were handed in a
// moment ago may not be in the ledger yet: an opening waits for them, because
// it counts only after them.
func (f *Flow) votable(ctx context.Context, run string, r receipt.Receipt) error {
	for deadline := f.Now().Add(ledgerWait); ; {
		v, err := f.View(run)
		if err != nil {
			return err
		}
		if err = governance.Votable(v, r); fault.Show(err).Code != "vote-wait" || f.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ledgerWait is how long an opening waits for the commitments before it.
const ledgerWait = 5 * time.Second

// Bundle returns the bundle of a released run.
func (f *Flow) Bundle(ctx context.Context, run string) ([]byte, error) {
	name, err := bundleName(run)
	if err != nil {
		return nil, err
	}
	o, err := f.Store.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer o.Close() //nolint:errcheck // read only
	return io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
}

func bundleName(run string) (storage.Name, error) { return storage.NewName("releases/"+run, "1") }

// release makes the bundle of an approved candidate, keeps it, and says so.
// What is kept first is what is out, whatever crashes.
func (f *Flow) release(ctx context.Context, v *msg.View) error {
	if err := f.mayRelease(v); err != nil { // what is held does not go out
		return err
	}
	raw, err := f.Bundle(ctx, v.ID())
	if errors.Is(err, fault.NotFound) {
		raw, err = f.bundle(ctx, v)
	}
	if err != nil {
		return fmt.Errorf("releasing: %w", err)
	}
	letter, err := f.Candidate(ctx, v)
	if err != nil {
		return fmt.Errorf("releasing: %w", err)
	}
	shown, err := json.Marshal(msg.Shown{Salt: letter.Salt, Candidate: letter.Candidate})
	if err != nil {
		return fmt.Errorf("releasing: %w", err)
	}
	if err := f.Put(ctx, shown); err != nil {
		return fmt.Errorf("releasing: %w", err)
	}
	return f.Say(ctx, msg.Release, msg.ReleaseBody{Of: v.Of(0, f.Name), Bundle: suite.DigestOf(raw), Shown: suite.DigestOf(shown)})
}

// paid: what the gate judged was paid for. The gate looks before it opens; what
// is given out is not left to that.
func paid(v *msg.View) error {
	made, err := msg.Read[msg.CandidateBody](v, 0, msg.Candidate, v.Terms().Gate.Name)
	if err != nil {
		return err
	}
	for n := 1; n <= v.Round(); n++ {
		if sum, ok := v.Receipt(n, msg.Sum, v.Terms().Gate.Name); ok && sum.Digest() == made.Sum {
			return v.Debited(n)
		}
	}
	return fmt.Errorf("the candidate is of no sum in the ledger: %w", fault.Tampered)
}

func (f *Flow) bundle(ctx context.Context, v *msg.View) ([]byte, error) {
	if err := paid(v); err != nil {
		return nil, err
	}
	letter, err := f.Candidate(ctx, v)
	if err != nil {
		return nil, err
	}
	board := map[string][]byte{}
	last := uint64(0)
	for item, err := range f.Board.All(ctx, "run."+v.ID()+".>") {
		if err != nil {
			return nil, err
		}
		board[item.Subject] = item.Data
	}
	said := []suite.Digest{
		suite.DigestOf(board[msg.Subject(v.ID(), 0, msg.Permit, msg.Coordinator)]),
		suite.DigestOf(board[msg.Subject(v.ID(), 0, jobs.Start, msg.Operator)]),
	}
	for _, r := range v.Receipts() {
		said = append(said, r.Digest())
	}
	for _, d := range said {
		i, err := f.place(ctx, v, d)
		if err != nil {
			return nil, err
		}
		last = max(last, i)
	}
	checkpoint, err := f.checkpoint(ctx, last, v.Terms().Trustees.Members)
	if err != nil {
		return nil, err
	}
	raw, err := f.Make(ctx, v, board, letter, checkpoint)
	if err != nil {
		return nil, err
	}
	name, err := bundleName(v.ID())
	if err != nil {
		return nil, err
	}
	f.Hook("bundle:before")
	if err := f.Store.Put(ctx, name, bytes.NewReader(raw)); err != nil && !errors.Is(err, fault.Conflict) {
		return nil, err
	}
	f.Hook("bundle:after")
	return f.Bundle(ctx, v.ID())
}

// checkpoint asks the trustees to witness a checkpoint that covers index, and
// returns it with the cosignatures of all but one of them, at least two.
func (f *Flow) checkpoint(ctx context.Context, index uint64, trustees []jobs.Process) ([]byte, error) {
	f.cp.Lock()
	defer f.cp.Unlock()
	note, err := f.Ledger.CheckpointFor(ctx, index)
	if err != nil {
		return nil, err
	}
	key, err := f.Key.Public().Ed25519()
	if err != nil {
		return nil, err
	}
	tree, err := proof.Verify(note, key, f.Origin, nil, 0)
	if err != nil {
		return nil, err
	}
	if err := f.postCheckpoint(ctx, note, tree.Size); err != nil {
		return nil, err
	}
	need := msg.Witnesses(len(trustees))
	ctx, cancel := context.WithTimeout(ctx, witnessWait)
	defer cancel()
	for {
		lines := f.cosignatures(ctx, note, tree.Size, trustees)
		if len(lines) >= need {
			return proof.Join(note, lines...)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for witnesses: %d of %d: %w", len(lines), need, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// place is where the ledger holds a statement, as the ledger says it: on the
// board anyone may have said otherwise, and before the scribe.
func (f *Flow) place(ctx context.Context, v *msg.View, d suite.Digest) (uint64, error) {
	i, ok := v.Index(d)
	if !ok {
		return 0, fmt.Errorf("a statement is not in the ledger yet: %w", fault.Conflict)
	}
	leaf, err := f.Ledger.Leaf(ctx, i)
	if err == nil && string(leaf) != string(d) {
		err = fmt.Errorf("a statement is not where the board says: %w", fault.Tampered)
	}
	return i, err
}

const witnessWait = 20 * time.Second

// postCheckpoint posts a checkpoint with the proof that it extends the one
// posted before it.
func (f *Flow) postCheckpoint(ctx context.Context, note []byte, size uint64) error {
	before, err := f.lastCheckpoint(ctx)
	if err != nil || before == size {
		return err
	}
	proof, err := f.Ledger.Consistency(ctx, before, size)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(msg.Checkpoint{Note: note, Before: before, Consistency: proof})
	if err != nil {
		return err
	}
	f.Log.LogAttrs(ctx, slog.LevelDebug, "checkpoint", slog.Uint64("size", size))
	if err := f.Board.Post(ctx, msg.CheckpointSubject(size), raw); err != nil {
		return err
	}
	f.shown = size
	return nil
}

func (f *Flow) lastCheckpoint(ctx context.Context) (uint64, error) {
	if f.shown > 0 {
		return f.shown, nil // the board keeps what it has
	}
	key, err := f.Key.Public().Ed25519()
	if err != nil {
		return 0, err
	}
	last := uint64(0)
	for item, err := range f.Board.All(ctx, "ledger.*.checkpoint") {
		if err != nil {
			return 0, err
		}
		var cp msg.Checkpoint
		if json.Unmarshal(item.Data, &cp) != nil {
			continue // not ours: others may post here
		}
		tree, err := proof.Verify(cp.Note, key, f.Origin, nil, 0)
		if err == nil && item.Subject == msg.CheckpointSubject(tree.Size) {
			last = max(last, tree.Size)
		}
	}
	return last, nil
}

// cosignatures are the lines on the board that hold, of one trustee each.
func (f *Flow) cosignatures(ctx context.Context, note []byte, size uint64, trustees []jobs.Process) [][]byte {
	var lines [][]byte
	own, err := f.Key.Public().Ed25519()
	if err != nil {
		return nil
	}
	for _, t := range trustees {
		line, err := f.Board.Get(ctx, msg.CosignatureSubject(size, t.Name))
		if err != nil {
			continue // not there yet
		}
		key, err := t.Key.Ed25519()
		if err != nil {
			continue
		}
		joined, err := proof.Join(note, line)
		if err != nil {
			continue
		}
		if _, err := proof.Verify(joined, own, f.Origin, map[string]ed25519.PublicKey{t.Name: key}, 1); err == nil {
			lines = append(lines, line)
		}
	}
	return lines
}
