// Package lease tells a party whether a run may go on now: whether every member
// of its permit has said lately that it holds nothing of it, and what time it is
// by the witnesses of the ledger.
//
// The rule is turned round on purpose: not "stop when somebody objects", which
// the coordinator could keep from being heard, but "go on only while everybody
// has lately said that they do not". A lease counts if the site's own key, as the
// terms name it, signed it, if it is not older than msg.LeaseLife, and if it is
// in a tree of the ledger that all but one of the permit's own trustees, at least
// two, have cosigned. Its number never goes back: the highest seen of each site
// is in the journal before a party goes on by it. So a coordinator that hides a
// hold can go on with the last lease for a day at most, and then stops all work.
//
// Time is the later of the local clock and the time for which those cosignatures
// vouch (C2SP tlog-cosignature, cosignature/v1). A clock that is behind the
// witnesses by more than msg.Tolerance stops the party.
//
// The package decides nothing about a run and says nothing on the board. It
// trusts the trustees of a permit, all but one, for the time; it does not trust
// the board, whose only choice is to show nothing.
package lease

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/storage/journal"
	"github.com/yunei/yunei/suite"
)

// leased is the journal's word for the highest lease of a site that was gone by.
const leased = "leased"

// A Book is what a party has seen of leases and of the witnessed time. Its zero
// value lets nothing go on. It may be used concurrently.
type Book struct {
	journal *journal.Journal
	wall    func() time.Time
	log     *slog.Logger

	mu      sync.Mutex
	board   board
	highest map[suite.PublicKey]mark
	last    map[suite.Digest]time.Time // the latest that each committee's witnesses have vouched for
	sights  map[suite.Digest]*sight    // by permit
	slow    bool                       // the clock was behind when it was last looked at
}

// A mark is the highest lease of a site, as the journal has it.
type mark struct {
	Site      suite.PublicKey `json:"site"`
	Seq       uint64          `json:"seq"`
	Lease     suite.Digest    `json:"lease"`
	Witnessed time.Time       `json:"witnessed"` // time of the checkpoint that it was seen in
	Committee suite.Digest    `json:"committee"` // whose that time is
}

func (m mark) key() string { return fmt.Sprintf("%s %d", m.Site, m.Seq) }

// Open makes a book of what the journal remembers. wall is the local clock.
func Open(j *journal.Journal, wall func() time.Time, log *slog.Logger) (*Book, error) {
	b := &Book{journal: j, wall: wall, log: log, highest: map[suite.PublicKey]mark{}, last: map[suite.Digest]time.Time{}, sights: map[suite.Digest]*sight{}}
	for _, e := range j.All(leased) {
		var m mark
		if err := e.Decode(&m); err != nil {
			return nil, fmt.Errorf("reading the journal of leases: %w: %w", err, fault.Tampered)
		}
		if m.Seq > b.highest[m.Site].Seq {
			b.highest[m.Site] = m
		}
		b.heed(m.Committee, m.Witnessed)
	}
	return b, nil
}

// Now is the later of the local clock and the last witnessed time, but no more
// than msg.Tolerance ahead of the local clock: beyond that nothing is done under
// the permits of that committee, and what another committee says of the time is
// nothing to the others'.
func (b *Book) Now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	wall := b.wall()
	now := wall.Add(b.behind(wall))
	if most := wall.Add(msg.Tolerance); now.After(most) {
		return most
	}
	return now
}

// heed takes what a committee's witnesses vouch for as the time.
func (b *Book) heed(committee suite.Digest, witnessed time.Time) {
	if witnessed.After(b.last[committee]) {
		b.last[committee] = witnessed
	}
}

// behind is how far a local clock is behind all that was witnessed.
func (b *Book) behind(wall time.Time) time.Duration {
	most := time.Duration(0)
	for _, last := range b.last {
		most = max(most, last.Sub(wall))
	}
	return most
}

// committee names the trustees of a permit, and how many of them it takes.
func committee(t jobs.Terms) suite.Digest {
	raw, err := json.Marshal(t.Trustees)
	if err != nil {
		panic("lease: trustees cannot be marshalled: " + err.Error()) // plain data only
	}
	return suite.DigestOf(raw)
}

// Check returns nil if the run may go on now, and a party.Waits otherwise: of
// code clock if this party's own clock is behind the witnesses, held if a member
// holds something of the run, and lease if a member's lease is missing, old, of
// a number that has been passed, or in no tree with enough cosignatures.
func (b *Book) Check(v *msg.View) error {
	if b == nil || b.journal == nil {
		return party.Waits{Code: party.NoLease}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := v.Terms()
	s := b.sight(v.Permit().Digest(), t)
	if s == nil {
		return party.Waits{Code: party.NoLease, Who: v.Trustees()}
	}
	of := committee(t)
	b.heed(of, s.tree.Time)
	if b.isSlow(of) {
		return party.Waits{Code: party.SlowClock}
	}
	var missing, holding []string
	for _, m := range t.Members {
		l, ok := s.leases[m.Site.Name]
		if ok = ok && !b.passed(m, l); ok && l.body.Holds(t, m) {
			holding = append(holding, m.Site.Name)
		} else if !ok || !b.isFresh(of, l) {
			missing = append(missing, m.Site.Name)
			continue
		}
		if err := b.keep(m, l, of, s.tree.Time); err != nil {
			return err
		}
	}
	switch {
	case holding != nil:
		return party.Waits{Code: party.Held, Who: holding}
	case missing != nil:
		return party.Waits{Code: party.NoLease, Who: missing}
	}
	return nil
}

// passed reports whether a lease is behind the highest of its site, or another
// of the same number.
func (b *Book) passed(m jobs.Member, l lease) bool {
	last := b.highest[m.Site.Key]
	return l.body.Seq < last.Seq || l.body.Seq == last.Seq && l.digest != last.Lease
}

// isFresh reports whether a lease is as young as it must be. One from the future
// would last for too long.
func (b *Book) isFresh(committee suite.Digest, l lease) bool {
	now := b.wall()
	if last := b.last[committee]; last.After(now) {
		now = last
	}
	age := now.Sub(l.body.At)
	return age <= msg.LeaseLife && age >= -msg.Tolerance
}

// keep journals a lease that is the highest of its site, before it is gone by.
func (b *Book) keep(m jobs.Member, l lease, committee suite.Digest, witnessed time.Time) error {
	if l.body.Seq == b.highest[m.Site.Key].Seq {
		return nil
	}
	next := mark{m.Site.Key, l.body.Seq, l.digest, witnessed, committee}
	if _, err := b.journal.Once(leased, next.key(), next); err != nil {
		return fmt.Errorf("noting a lease: %w", err)
	}
	b.highest[m.Site.Key] = next
	return nil
}

// Behind is how far the local clock is behind the last witnessed time; beyond
// msg.Tolerance the party has stopped work.
func (b *Book) Behind() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.behind(b.wall())
}

// isSlow reports whether the local clock is behind the witnesses, and logs it
// when that begins and when it ends.
func (b *Book) isSlow(committee suite.Digest) bool {
	last := b.last[committee]
	behind := last.Sub(b.wall())
	slow := behind > msg.Tolerance
	switch {
	case slow && !b.slow:
		b.log.LogAttrs(context.Background(), slog.LevelError, "本机时钟落后于账本见证时间，已停止工作，请校准时钟 the clock is behind the witnessed time: all work stops until it is set right", slog.Duration("behind", behind), slog.Time("witnessed", last))
	case !slow && b.slow:
		b.log.LogAttrs(context.Background(), slog.LevelInfo, "本机时钟已校准 the clock is right again")
	}
	b.slow = slow
	return slow
}
