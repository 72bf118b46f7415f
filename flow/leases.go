package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/ledger/proof"
	"github.com/yunei/yunei/suite"
)

// Leases puts what the sites say outside runs in the ledger, and whenever that
// has grown has the trustees witness it and posts the newest lease of each site
// with the proof that the witnessed tree holds it. It runs until ctx ends. It
// judges no lease: those who go by one do.
func (f *Flow) Leases(ctx context.Context) error {
	newest, from, err := f.pastLeases(ctx)
	if err != nil {
		return fmt.Errorf("keeping leases: %w", err)
	}
	items, err := f.Board.WatchFrom(ctx, "lease.*.*", from)
	if err != nil {
		return fmt.Errorf("keeping leases: %w", err)
	}
	var due <-chan time.Time
	soon := len(newest) > 0 // due is for news; more of it does not put that off
	if soon {
		due = time.After(settle)
	}
	show := func() {
		due, soon = nil, false
		if err := f.showLeases(ctx, newest); err != nil && ctx.Err() == nil {
			f.Log.LogAttrs(ctx, slog.LevelError, "showing leases", slog.Any("err", err))
			due = time.After(leaseRetry)
		}
	}
	for {
		select { // what is due comes before what else there is to read
		case <-due:
			show()
		default:
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case item, ok := <-items:
			if !ok {
				return ctx.Err()
			}
			if l, ok := f.insistLease(ctx, item); ok && l.seq > newest[l.party].seq {
				if l.isNews(newest[l.party]) {
					if !soon {
						due, soon = time.After(settle), true
					}
				} else if due == nil {
					due = time.After(together)
				}
				newest[l.party] = l
			}
		case <-due:
			show()
		}
	}
}

// pastLeases logs what is on the board and returns the newest of each site, and
// from which item to go on. A coordinator that is started anew shows nothing before
// it has read it all: others may have gone by later leases than those it reads
// first, and would go on by none.
func (f *Flow) pastLeases(ctx context.Context) (newest map[string]leased, from uint64, err error) {
	newest, from = map[string]leased{}, 1
	enough := time.After(catchUp) // whoever goes on writing is not waited for
	for item, err := range f.Board.All(ctx, "lease.*.*") {
		if err != nil {
			return nil, 0, err
		}
		from = item.Seq + 1
		if l, ok := f.insistLease(ctx, item); ok && l.seq > newest[l.party].seq {
			newest[l.party] = l
		}
		select {
		case <-enough:
			return newest, from, nil
		default:
		}
	}
	return newest, from, nil
}

const (
	settle     = 50 * time.Millisecond // leases that come together are shown together
	together   = 5 * time.Minute       // and those that say nothing new, with others that do not
	leaseRetry = 2 * time.Second
	catchUp    = 10 * time.Second // for what was said before the coordinator was started
)

// A leased is a lease that the ledger holds.
type leased struct {
	party string
	seq   uint64
	index uint64
	raw   []byte
	at    time.Time
	held  []msg.Held // as it says
}

// isNews reports whether a lease should be shown at once: it may say something
// else than the one before, or that one is getting old, or there is none.
func (l leased) isNews(before leased) bool {
	return l.held == nil || before.held == nil || !slices.Equal(l.held, before.held) || l.at.Sub(before.at) > 2*msg.LeaseEvery
}

// insistLease logs a lease, and again after a failure that may pass.
func (f *Flow) insistLease(ctx context.Context, item bus.Item) (leased, bool) {
	for {
		l, err := f.logLease(ctx, item)
		if err == nil || ctx.Err() != nil {
			return l, err == nil
		}
		f.Log.LogAttrs(ctx, slog.LevelError, "logging a lease", slog.String("subject", item.Subject), slog.Any("err", err))
		if kind := fault.Of(err); kind != fault.Internal {
			return l, false // it would fail again
		}
		select {
		case <-ctx.Done():
		case <-time.After(leaseRetry):
		}
	}
}

// logLease puts a lease in the ledger, once: where it stands is noted on the
// board, so that a coordinator that is started anew does not log it again.
func (f *Flow) logLease(ctx context.Context, item bus.Item) (leased, error) {
	party, seq, err := msg.ParseLeaseSubject(item.Subject)
	if err != nil {
		return leased{}, err
	}
	if len(item.Data) > msg.MaxLease {
		return leased{}, fmt.Errorf("a lease of %d bytes: %w", len(item.Data), fault.Exhausted)
	}
	l, d := leased{party: party, seq: seq, raw: item.Data}, suite.DigestOf(item.Data)
	var body msg.LeaseBody
	r, err := receipt.Parse(item.Data)
	if err != nil || r.Read(msg.Lease, &body) != nil || body.Party != party || body.Seq != seq {
		return leased{}, fmt.Errorf("what stands there is no lease of that number: %w", fault.Invalid) // nor is it shown
	}
	l.at, l.held = body.At, body.Held
	note := msg.LeaseLoggedSubject(party, seq)
	if there, err := f.Board.Get(ctx, note); err == nil {
		said, index, _ := strings.Cut(string(there), " ")
		if l.index, err = strconv.ParseUint(index, 10, 62); err == nil && said == string(d) {
			return l, nil
		}
		return leased{}, fmt.Errorf("the note of where a lease is logged is of another: %w", fault.Tampered)
	} else if !errors.Is(err, fault.NotFound) {
		return leased{}, err
	}
	if l.index, err = f.Ledger.Append(ctx, []byte(d)); err != nil {
		return leased{}, fmt.Errorf("appending to the ledger: %w", err)
	}
	return l, f.Board.Post(ctx, note, fmt.Appendf(nil, "%s %d", d, l.index))
}

// showLeases posts a checkpoint that covers the leases, and beside it the leases
// with their proofs.
func (f *Flow) showLeases(ctx context.Context, newest map[string]leased) error {
	f.cp.Lock()
	defer f.cp.Unlock()
	last := uint64(0)
	for _, l := range newest {
		last = max(last, l.index)
	}
	note, err := f.Ledger.CheckpointFor(ctx, last)
	if err != nil {
		return err
	}
	key, err := f.Key.Public().Ed25519()
	if err != nil {
		return err
	}
	tree, err := proof.Verify(note, key, f.Origin, nil, 0)
	if err != nil {
		return err
	}
	var all msg.Leases
	for _, party := range slices.Sorted(maps.Keys(newest)) {
		l := newest[party]
		hashes, err := f.Ledger.Inclusion(ctx, l.index, tree.Size)
		if err != nil {
			return err
		}
		all.Leases = append(all.Leases, msg.Leased{Party: party, Statement: l.raw, Index: l.index, Proof: hashes})
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("showing leases: %w", err)
	}
	if err := f.postCheckpoint(ctx, note, tree.Size); err != nil {
		return err
	}
	if err := f.Board.Post(ctx, msg.LeasesSubject(tree.Size), raw); !errors.Is(err, fault.Conflict) {
		return err
	}
	return nil // the tree has not grown since leases were shown with it
}
