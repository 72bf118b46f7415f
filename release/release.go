// Package release makes of an approved candidate and of everything that was
// signed on its way one file, the bundle, and verifies such a file. A stranger
// who holds the bundle and a page of keys (Pins) needs nothing else: Verify asks
// no network, no clock and no platform. It rebuilds the board of the run from
// statements whose places in the ledger are proved, as of a checkpoint that
// pinned trustees cosigned, and walks the run from the providers' decisions to
// the votes, one named check after another; the first that breaks is named.
//
// A bundle has one spelling. Every byte of it is signed, logged, committed to or
// compared, so that no byte can change unseen.
//
// Verify trusts the pinned keys, and as many of their holders as the permit's
// quorum and the witnesses ask for. It proves procedure and integrity (Promise
// 4): not that inputs were true, that a domain ran what it signed for, or that
// nothing was left out of the bundle that could be; a Report lists that too. The
// package signs nothing and carries no exact value: of the gate's record there
// is a hiding commitment only.
package release

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/ledger/proof"
	"github.com/yunei/yunei/suite"
)

// Bounds of what is parsed.
const (
	MaxBundle     = 64 << 20 // bytes
	maxStatements = 4096
)

// format names the spelling of a bundle.
const format = "yunei-release/v1"

// kinds are the statements that a bundle holds beside the permit and the start.
// A run that a site refused or that was ended has no release.
var kinds = []receipt.Kind{
	msg.Round, msg.Hello, msg.KeyCommit, msg.KeyOpen, msg.Key, msg.Receiver, msg.Admitted, msg.Commit, msg.Confirm, msg.Reveal, msg.Joined, msg.Sum,
	msg.Ready, msg.Active, msg.Answer, msg.PrioPart, msg.PrioAnswer, msg.PrioClaim, msg.PrioSum, msg.Lost, msg.Candidate, msg.VoteCommit, msg.VoteOpen, msg.Replay, msg.Replayed,
}

// A Bundle is a released run as a file. It is well-formed, which says nothing of
// whether it holds: only Verify does. The zero Bundle is empty.
type Bundle struct {
	raw  []byte
	file file
}

// A file is the bundle's JSON, in the order of its fields.
type file struct {
	Format       string          `json:"format"`
	Installation string          `json:"installation"`
	Run          string          `json:"run"`
	Candidate    json.RawMessage `json:"candidate"` // what is released
	Salt         []byte          `json:"salt"`      // opens the gate's commitment to it, 32 bytes
	Checkpoint   string          `json:"checkpoint"`
	Statements   []statement     `json:"statements"` // in the order of the ledger
}

// A statement stood on the board under Subject, and its digest stands in the
// ledger at Index.
type statement struct {
	Subject string   `json:"subject"`
	Index   uint64   `json:"index"`
	Proof   [][]byte `json:"proof"`
	Body    []byte   `json:"body"`
}

// leaf is what the ledger holds of a statement.
func (s statement) leaf() []byte { return []byte(suite.DigestOf(s.Body)) }

// Input is what a bundle is made of.
type Input struct {
	Installation string
	View         *msg.View
	Board        map[string][]byte // what stands on the board, by subject
	Letter       msg.Letter        // the gate's, opened
	Checkpoint   []byte            // with the trustees' cosignatures
	// Proof returns the inclusion proof of the leaf at index in the tree of
	// Checkpoint.
	Proof func(index uint64) ([][]byte, error)
}

// Make collects the bundle of a run. It takes the statements that the view
// accepted and leaves the rest of the board behind. Errors: Denied for a run
// whose permit does not hold, that was refused or ended, or that has no
// candidate; Conflict while the ledger lacks the permit or the start; Tampered if
// the letter does not open the gate's commitment; Exhausted beyond MaxBundle.
func Make(in Input) (Bundle, error) {
	b, err := gather(in)
	if err != nil {
		return Bundle{}, fmt.Errorf("making a release: %w", err)
	}
	return b, nil
}

func gather(in Input) (Bundle, error) {
	if in.View == nil || in.View.Err() != nil || in.View.Refused() != "" || in.View.Dead() != "" || in.Proof == nil {
		return Bundle{}, fmt.Errorf("not a run to release: %w", fault.Denied)
	}
	v := in.View
	body, err := msg.Read[msg.CandidateBody](v, 0, msg.Candidate, v.Terms().Gate.Name)
	if err != nil {
		return Bundle{}, fmt.Errorf("no candidate: %w: %w", err, fault.Denied)
	}
	if !body.Candidate.Opens(in.Letter.Salt, in.Letter.Candidate) {
		return Bundle{}, fmt.Errorf("the letter does not open the gate's commitment: %w", fault.Tampered)
	}
	statements, err := logged(in)
	if err != nil {
		return Bundle{}, err
	}
	raw, err := json.Marshal(file{
		Format: format, Installation: in.Installation, Run: v.ID(), Candidate: in.Letter.Candidate, Salt: in.Letter.Salt[:],
		Checkpoint: string(in.Checkpoint), Statements: statements,
	})
	if err != nil {
		return Bundle{}, fmt.Errorf("writing it: %w: %w", err, fault.Invalid)
	}
	b, err := Parse(raw)
	if err != nil {
		return Bundle{}, err
	}
	if !bytes.Equal(b.file.Candidate, in.Letter.Candidate) || b.file.Checkpoint != string(in.Checkpoint) {
		return Bundle{}, fmt.Errorf("the candidate or the checkpoint is not in its one spelling: %w", fault.Invalid)
	}
	return b, nil
}

// logged lists the statements of a run with their proofs.
func logged(in Input) ([]statement, error) {
	var list []statement
	for subject, raw := range in.Board {
		if !wanted(in.View, subject, raw) {
			continue
		}
		index, ok := in.View.Index(suite.DigestOf(raw))
		if !ok {
			return nil, fmt.Errorf("the ledger does not hold %s yet: %w", subject, fault.Conflict)
		}
		hashes, err := in.Proof(index)
		if err != nil {
			return nil, fmt.Errorf("proving %s: %w", subject, err)
		}
		list = append(list, statement{subject, index, hashes, raw})
	}
	slices.SortFunc(list, func(a, b statement) int { return cmp.Compare(a.Index, b.Index) })
	return list, nil
}

// wanted reports whether a bundle holds what stands under subject.
func wanted(v *msg.View, subject string, raw []byte) bool {
	if subject == permitSubject(v.ID()) || subject == startSubject(v.ID()) {
		return true
	}
	p, err := msg.ParseSubject(subject)
	if err != nil || p.Run != v.ID() || !slices.Contains(kinds, p.Kind) {
		return false
	}
	r, ok := v.Receipt(p.Round, p.Kind, p.Party)
	return ok && bytes.Equal(r.Bytes(), raw)
}

func permitSubject(run string) string { return msg.Subject(run, 0, msg.Permit, msg.Coordinator) }

func startSubject(run string) string { return msg.Subject(run, 0, jobs.Start, msg.Operator) }

// Bytes is the file.
func (b Bundle) Bytes() []byte { return b.raw }

// Table is what the bundle says is released. Only Verify says whether it is.
func (b Bundle) Table() (jobs.Candidate, error) { return jobs.ParseCandidate(b.file.Candidate) }

// Has reports whether a statement, byte for byte, is one of the bundle's.
func (b Bundle) Has(said []byte) bool {
	return slices.ContainsFunc(b.file.Statements, func(s statement) bool { return bytes.Equal(s.Body, said) })
}

// Run is the run that the bundle claims to be of.
func (b Bundle) Run() string { return b.file.Run }

// Parse reads a bundle. It refuses bytes that it would not write itself, as an
// error of kind Invalid, and more than MaxBundle as Exhausted.
func Parse(raw []byte) (Bundle, error) {
	if len(raw) > MaxBundle {
		return Bundle{}, fmt.Errorf("reading a release: %d bytes: %w", len(raw), fault.Exhausted)
	}
	var f file
	if err := strict(raw, &f); err != nil {
		return Bundle{}, fmt.Errorf("reading a release: %w", err)
	}
	if err := f.check(); err != nil {
		return Bundle{}, fmt.Errorf("reading a release: %w: %w", err, fault.Invalid)
	}
	return Bundle{bytes.Clone(raw), f}, nil
}

func (f file) check() error {
	switch {
	case f.Format != format:
		return fmt.Errorf("not of format %s", format)
	case jobs.ID(f.Installation) != nil || jobs.ID(f.Run) != nil:
		return errors.New("installation or run is not a name")
	case len(f.Salt) != len(suite.Salt{}):
		return fmt.Errorf("a salt of %d bytes", len(f.Salt))
	case len(f.Checkpoint) > proof.MaxCheckpoint:
		return fmt.Errorf("a checkpoint of %d bytes", len(f.Checkpoint))
	case len(f.Statements) > maxStatements:
		return fmt.Errorf("%d statements", len(f.Statements))
	}
	subjects := map[string]bool{}
	for i, s := range f.Statements {
		if i > 0 && s.Index <= f.Statements[i-1].Index {
			return errors.New("statements are not in the order of the ledger")
		}
		if subjects[s.Subject] {
			return errors.New("two statements under one subject")
		}
		subjects[s.Subject] = true
	}
	return nil
}

// at returns what stood under a subject.
func (f file) at(subject string) ([]byte, bool) {
	i := slices.IndexFunc(f.Statements, func(s statement) bool { return s.Subject == subject })
	if i < 0 {
		return nil, false
	}
	return f.Statements[i].Body, true
}

// strict decodes JSON that is spelled just as json.Marshal would spell it: no
// unknown or repeated field, no other order, case or space.
func strict(raw []byte, v any) error {
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("not our JSON: %w", fault.Invalid)
	}
	again, err := json.Marshal(v)
	if err != nil || !bytes.Equal(again, raw) {
		return fmt.Errorf("not in its one spelling: %w", fault.Invalid)
	}
	return nil
}
