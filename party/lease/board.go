package lease

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage/ledger/proof"
	"github.com/yunei/yunei/suite"
)

// What the board can make a book keep is bounded: of the newest checkpoints, and
// a line of each of so many names.
const (
	kept      = 16
	maxLines  = proof.MaxSignatures
	maxLine   = 1 << 10
	maxLeases = 1 << 10
	permits   = 1 << 10
)

// board is what stands there about the newest checkpoints. Nothing in it is
// believed before it is held against a permit.
type board struct {
	checkpoints map[uint64]*checkpoint
	news        uint64 // counts what was added
}

type checkpoint struct {
	size   uint64
	note   []byte
	lines  map[string][]byte // cosignatures by name
	leases []msg.Leased
}

// A sight is what a permit's newest tree holds, for its own trustees' and
// coordinator's keys. It is made anew only when the board has news.
type sight struct {
	news   uint64
	tree   proof.Tree
	leases map[string]lease // by the site's name
}

type lease struct {
	body   msg.LeaseBody
	digest suite.Digest
}

// Watch takes in what the board says of checkpoints until ctx ends.
func (b *Book) Watch(ctx context.Context, on *bus.Board) error {
	items, err := on.Watch(ctx, "ledger.>")
	if err != nil {
		return fmt.Errorf("watching the ledger: %w", err)
	}
	for item := range items {
		b.Take(item.Subject, item.Data)
	}
	return ctx.Err()
}

// Take takes in one statement of the board about a checkpoint; anything else is
// passed over.
func (b *Book) Take(subject string, raw []byte) {
	f := strings.Split(subject, ".")
	if len(f) < 3 || len(f) > 4 || f[0] != "ledger" {
		return
	}
	size, err := strconv.ParseUint(f[1], 10, 62)
	if err != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch subject {
	case msg.CheckpointSubject(size):
		b.board.add(size, raw)
	case msg.LeasesSubject(size):
		var l msg.Leases
		if c := b.board.checkpoints[size]; c != nil && c.leases == nil && json.Unmarshal(raw, &l) == nil && len(l.Leases) <= maxLeases {
			c.leases = l.Leases
		}
	default:
		c := b.board.checkpoints[size]
		if c == nil || len(f) != 4 || subject != msg.CosignatureSubject(size, f[3]) || len(raw) > maxLine || len(c.lines) >= maxLines {
			return
		}
		c.lines[f[3]] = slices.Clone(raw)
	}
	b.board.news++
}

// add keeps a checkpoint, and lets go of the smallest if there are too many.
func (b *board) add(size uint64, raw []byte) {
	var cp msg.Checkpoint
	if json.Unmarshal(raw, &cp) != nil || len(cp.Note) > proof.MaxCheckpoint || b.checkpoints[size] != nil {
		return
	}
	if b.checkpoints == nil {
		b.checkpoints = map[uint64]*checkpoint{}
	}
	b.checkpoints[size] = &checkpoint{size: size, note: cp.Note, lines: map[string][]byte{}}
	if sizes := b.sizes(); len(sizes) > kept {
		delete(b.checkpoints, sizes[len(sizes)-1])
	}
}

// sizes lists the checkpoints, the largest first.
func (b *board) sizes() []uint64 {
	var all []uint64
	for size := range b.checkpoints {
		all = append(all, size)
	}
	slices.Sort(all)
	slices.Reverse(all)
	return all
}

// sight is the permit's newest tree with enough cosignatures, nil if there is
// none. A tree that was seen once is not gone back from.
func (b *Book) sight(permit suite.Digest, t jobs.Terms) *sight {
	old := b.sights[permit]
	if old != nil && old.news == b.board.news {
		return old
	}
	for _, size := range b.board.sizes() {
		if old != nil && size <= old.tree.Size {
			break
		}
		c := b.board.checkpoints[size]
		if c.leases == nil {
			continue
		}
		if tree, err := c.witnessed(t); err == nil {
			old = &sight{tree: tree, leases: c.of(t, tree)}
			break
		}
	}
	if old == nil {
		return nil
	}
	if len(b.sights) >= permits { // begin anew rather than grow without end
		clear(b.sights)
	}
	old.news = b.board.news
	b.sights[permit] = old
	return old
}

// witnessed returns the tree that all but one of the permit's trustees, at least
// two, have cosigned, with the time that so many of them vouch for. Which log it
// is they answer for: an honest one cosigns the log of its enrolment only.
func (c *checkpoint) witnessed(t jobs.Terms) (proof.Tree, error) {
	key, err := t.Coordinator.Key.Ed25519()
	if err != nil {
		return proof.Tree{}, err
	}
	origin, _, _ := strings.Cut(string(c.note), "\n")
	witnesses, lines := map[string]ed25519.PublicKey{}, [][]byte{}
	for _, w := range t.Trustees.Members {
		line, ok := c.lines[w.Name]
		own, err := w.Key.Ed25519()
		if !ok || err != nil {
			continue
		}
		joined, err := proof.Join(c.note, line)
		if err != nil {
			continue
		}
		if _, err := proof.Verify(joined, key, origin, map[string]ed25519.PublicKey{w.Name: own}, 1); err == nil {
			witnesses[w.Name], lines = own, append(lines, line)
		}
	}
	joined, err := proof.Join(c.note, lines...)
	if err != nil {
		return proof.Tree{}, err
	}
	tree, err := proof.Verify(joined, key, origin, witnesses, msg.Witnesses(len(t.Trustees.Members)))
	if err == nil && tree.Size != c.size {
		err = fmt.Errorf("checkpoint %d is of another size: %w", c.size, fault.Tampered)
	}
	return tree, err
}

// of picks the members' leases that the tree holds; what does not hold is left
// out.
func (c *checkpoint) of(t jobs.Terms, tree proof.Tree) map[string]lease {
	found := map[string]lease{}
	for _, l := range c.leases {
		i := slices.IndexFunc(t.Members, func(m jobs.Member) bool { return m.Site.Name == l.Party })
		if i < 0 {
			continue // others', before a signature is looked at
		}
		body, r, err := msg.OpenLease(l.Statement, t.Members[i])
		if err != nil || body.Seq < found[body.Party].body.Seq {
			continue
		}
		if proof.Included(tree, []byte(r.Digest()), l.Index, l.Proof) == nil {
			found[body.Party] = lease{body, r.Digest()}
		}
	}
	return found
}
