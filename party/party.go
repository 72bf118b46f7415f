// Package party is a daemon's part in runs: how it speaks, how it listens, and
// how it takes one step after another. A step is the making of one statement.
// The order is always the same: the statement is signed and fsynced in the
// daemon's own journal, then its effect (bulk bytes on the board) happens, then
// the statement is posted. A step may be taken again after a crash at any
// point: what was said is said again in the same bytes, and the journal
// refuses any others, for ever.
//
// The package knows nothing of what the statements mean. It trusts the board
// with nothing: statements are judged by msg.View, bulk by its digest.
package party

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/suite"
)

// A Party speaks and listens under one name and key.
type Party struct {
	Name    string
	Key     suite.PrivateKey
	Board   *bus.Board
	Journal *journal.Journal
	Pins    jobs.Pins
	Log     *slog.Logger
	Now     func() time.Time
	Scratch string // folder for what is too large for memory while a round lasts; "" is the system's for temporary files
	// Standing says whether a run may go on now; nil never does.
	Standing Standing
	Crash    func(point string) // for the crash table only; nil does nothing
}

// ErrLost says that a daemon no longer has the secrets of a round, because it
// was started anew since; what it said in that round stands.
var ErrLost = errors.New("the secrets of this round are lost")

// Later is the error of a step that is not due before At: no failure, and not
// tried before.
type Later struct{ At time.Time }

func (l Later) Error() string { return "not due before " + l.At.Format(time.RFC3339) }

// A Step makes one statement of a round, or of the whole run (Once).
type Step struct {
	Kind receipt.Kind
	Once bool
	Due  func(v *msg.View, round int) bool
	// Make returns the body and the bulk that it names. It is called again
	// after a failure and must then make the same.
	Make func(ctx context.Context, v *msg.View, round int) (msg.Body, [][]byte, error)
	// Bulk puts what the body names and what is too large to return, blob by
	// blob. It is called when the statement is in the journal, before it is
	// posted; nil puts nothing.
	Bulk func(ctx context.Context, v *msg.View, round int) error
}

// Walk takes every step that is due in the round at hand, each only if the run
// may go on now.
func (p *Party) Walk(ctx context.Context, v *msg.View, steps []Step) error {
	for _, s := range steps {
		round := v.Round()
		at := round
		if s.Once {
			at = 0
		}
		if round == 0 || v.Said(at, s.Kind, p.Name) || !s.Due(v, round) {
			continue
		}
		if err := p.Stands(v); err != nil {
			return fmt.Errorf("%s: %w", s.Kind, err)
		}
		body, bulk, err := s.Make(ctx, v, round)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Kind, err)
		}
		if err := p.Stands(v); err != nil { // making it may have taken long
			return fmt.Errorf("%s: %w", s.Kind, err)
		}
		err = p.sayAfter(ctx, s.Kind, body, func() error {
			if s.Bulk != nil {
				if err := s.Bulk(ctx, v, round); err != nil {
					return err
				}
			}
			return p.putAll(ctx, bulk)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", s.Kind, err)
		}
	}
	return nil
}

// Say journals a statement, puts the bulk that it names, and posts it.
func (p *Party) Say(ctx context.Context, kind receipt.Kind, body msg.Body, bulk ...[]byte) error {
	return p.sayAfter(ctx, kind, body, func() error { return p.putAll(ctx, bulk) })
}

func (p *Party) putAll(ctx context.Context, bulk [][]byte) error {
	for _, b := range bulk {
		if err := p.Put(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (p *Party) sayAfter(ctx context.Context, kind receipt.Kind, body msg.Body, put func() error) error {
	subject, r, err := msg.Say(p.Key, kind, body)
	if err != nil {
		return err
	}
	p.Hook(string(kind) + ":before")
	if _, err := p.Journal.Once(string(kind), subject, json.RawMessage(r.Bytes())); err != nil {
		return fmt.Errorf("journalling: %w", err)
	}
	p.Hook(string(kind) + ":after")
	if err := put(); err != nil {
		return err
	}
	return p.Board.Post(ctx, subject, r.Bytes())
}

// Recall returns a statement of the journal, NotFound if it has none.
func (p *Party) Recall(run string, round int, kind receipt.Kind) (receipt.Receipt, error) {
	var raw json.RawMessage
	if err := p.Journal.Get(string(kind), msg.Subject(run, round, kind, p.Name), &raw); err != nil {
		return receipt.Receipt{}, err
	}
	return receipt.Parse(raw)
}

// Again posts a statement of the journal once more, in the same bytes; the
// bulk that it names, if any, must be on the board.
func (p *Party) Again(ctx context.Context, run string, round int, kind receipt.Kind) error {
	r, err := p.Recall(run, round, kind)
	if err != nil {
		return err
	}
	return p.Board.Post(ctx, msg.Subject(run, round, kind, p.Name), r.Bytes())
}

// Hook marks a point beside the journal where the crash table kills a daemon.
func (p *Party) Hook(point string) {
	if p.Crash != nil {
		p.Crash(point)
	}
}

// Remembers reports whether the journal holds such a statement.
func (p *Party) Remembers(run string, round int, kind receipt.Kind) bool {
	var raw json.RawMessage
	return p.Journal.Get(string(kind), msg.Subject(run, round, kind, p.Name), &raw) == nil
}

// blobPart is how much of a blob one message carries.
const blobPart = 512 << 10

func blobSubject(d suite.Digest, by string, part int) string {
	return fmt.Sprintf("blob.%s.%s.%d", d.Hex(), by, part)
}

// Put posts a blob under its digest and the party's name; the same blob again
// is no error.
func (p *Party) Put(ctx context.Context, b []byte) error { return Put(ctx, p.Board, p.Name, b) }

// Put posts a blob under its digest and the name of who posts it.
func Put(ctx context.Context, board *bus.Board, by string, b []byte) error {
	d := suite.DigestOf(b)
	for part := 0; part == 0 || part*blobPart < len(b); part++ {
		end := min(len(b), (part+1)*blobPart)
		if err := board.Post(ctx, blobSubject(d, by, part), b[part*blobPart:end]); err != nil {
			return fmt.Errorf("putting a blob: %w", err)
		}
	}
	return nil
}

// Fetch gets a blob of at most limit bytes and checks its digest.
func (p *Party) Fetch(ctx context.Context, d suite.Digest, limit int) ([]byte, error) {
	return Fetch(ctx, p.Board, d, limit)
}

// Fetch gets a blob of at most limit bytes, whoever posted it, and checks its
// digest: an error of kind NotFound, or Exhausted or Tampered if all that anybody
// posted under the digest is something else.
func Fetch(ctx context.Context, board *bus.Board, d suite.Digest, limit int) ([]byte, error) {
	if d.Hex() == "" {
		return nil, fmt.Errorf("fetching a blob: not a digest: %w", fault.Invalid)
	}
	var err error = fault.NotFound
	for first, listing := range board.All(ctx, blobSubject(d, "*", 0)) {
		if listing != nil {
			return nil, fmt.Errorf("fetching a blob: %w", listing)
		}
		by := strings.Split(first.Subject, ".")[2] // All gives what is under the filter, and nothing else
		b, worse := fetchOf(ctx, board, d, by, first.Data, limit)
		if worse == nil {
			return b, nil
		}
		err = worse
	}
	return nil, fmt.Errorf("fetching a blob: %w", err)
}

// fetchOf gets what one party posted under a digest, of which the first part is
// at hand.
func fetchOf(ctx context.Context, board *bus.Board, d suite.Digest, by string, b []byte, limit int) ([]byte, error) {
	b = slices.Clip(b)
	for part, last := 1, len(b); ; part++ {
		if len(b) > limit {
			return nil, fmt.Errorf("more than %d bytes: %w", limit, fault.Exhausted)
		}
		if last < blobPart || suite.DigestOf(b) == d {
			break
		}
		next, err := board.Get(ctx, blobSubject(d, by, part))
		if err != nil {
			return nil, err
		}
		b, last = append(b, next...), len(next)
	}
	if suite.DigestOf(b) != d {
		return nil, fault.Tampered
	}
	return b, nil
}

// Follow calls advance with the view of every run whenever it has changed, one
// call at a time for each run, until ctx ends. The first view of a run has all
// that was on the board when Follow began: a daemon that was started anew does
// not take an old run for one that it is in the middle of. An error of advance
// is logged and the call repeated, more and more slowly.
func (p *Party) Follow(ctx context.Context, advance func(context.Context, *msg.View) error) error {
	runs, from, err := p.threads(ctx)
	if err != nil {
		return err
	}
	items, err := p.Board.WatchFrom(ctx, "run.>", from)
	if err != nil {
		return fmt.Errorf("following runs: %w", err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	for run, t := range runs {
		wg.Go(func() { p.follow(ctx, run, t, advance) })
	}
	for item := range items {
		if run, t := note(runs, item); t != nil {
			wg.Go(func() { p.follow(ctx, run, t, advance) })
		}
	}
	return ctx.Err()
}

// Recollect calls see with the view of every run that is on the board now. A
// daemon that answers questions does so before it listens: what it told before
// it was started anew, it still knows.
func (p *Party) Recollect(ctx context.Context, see func(*msg.View)) error {
	runs, _, err := p.threads(ctx)
	if err != nil {
		return err
	}
	for run, t := range runs {
		if v, err := t.view(run, p.Pins); err == nil { // otherwise there is nothing to see yet
			see(v)
		}
	}
	return nil
}

// threads reads what is on the board, by run, and from which item to go on.
func (p *Party) threads(ctx context.Context) (runs map[string]*thread, from uint64, err error) {
	runs, from = map[string]*thread{}, 1
	for item, err := range p.Board.All(ctx, "run.>") {
		if err != nil {
			return nil, 0, fmt.Errorf("reading the board: %w", err)
		}
		note(runs, item)
		from = item.Seq + 1
	}
	return runs, from, nil
}

// note adds an item to the thread of its run, and returns the thread if it is
// new.
func note(runs map[string]*thread, item bus.Item) (run string, begun *thread) {
	place, err := msg.ParseSubject(item.Subject)
	if err != nil {
		return "", nil // not a statement about a run
	}
	t := runs[place.Run]
	if t == nil {
		t = &thread{board: map[string][]byte{}, news: make(chan struct{}, 1)}
		runs[place.Run], begun = t, t
	}
	t.add(item.Subject, item.Data)
	return place.Run, begun
}

// Kind is what a statement says.
type Kind = receipt.Kind

type thread struct {
	mu    sync.Mutex
	board map[string][]byte
	news  chan struct{}
}

func (t *thread) add(subject string, data []byte) {
	t.mu.Lock()
	t.board[subject] = data
	t.mu.Unlock()
	select {
	case t.news <- struct{}{}:
	default:
	}
}

func (t *thread) view(run string, pins jobs.Pins) (*msg.View, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return msg.NewView(run, t.board, pins)
}

const firstWait, longestWait = 200 * time.Millisecond, 10 * time.Second

// standingWait is how soon a party looks again whether a run may go on.
const standingWait = 500 * time.Millisecond

func (p *Party) follow(ctx context.Context, run string, t *thread, advance func(context.Context, *msg.View) error) {
	var again <-chan time.Time
	wait, waited := firstWait, ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.news:
		case <-again:
		}
		again = nil
		v, err := t.view(run, p.Pins)
		if err != nil {
			continue // nothing to see yet
		}
		err = advance(ctx, v)
		if later, ok := errors.AsType[Later](err); ok {
			again = time.After(later.At.Sub(p.Now()))
			wait = firstWait
			continue
		}
		if w, ok := errors.AsType[Waits](err); ok {
			if now := w.Error(); now != waited {
				waited = now
				p.Log.LogAttrs(ctx, slog.LevelInfo, "a run may not go on now", slog.String("run", run), slog.String("code", string(w.Code)), slog.Any("who", w.Who))
			}
			again = time.After(standingWait)
			wait = firstWait
			continue
		}
		waited = ""
		if err != nil && ctx.Err() == nil {
			p.Log.LogAttrs(ctx, slog.LevelWarn, "a step failed", slog.String("run", run), slog.String("kind", string(fault.Of(err))), slog.Any("err", err))
			again = time.After(wait)
			wait = min(2*wait, longestWait)
			continue
		}
		wait = firstWait
	}
}
