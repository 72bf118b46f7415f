package flow

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage/ledger/proof"
	"github.com/yunei/yunei/suite"
)

// keep lets the coordinator keep leases until the test calls stop.
func keep(t *testing.T, f *Flow) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Leases(ctx) }()
	return func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Leases = %v", err)
		}
	}
}

// shownWith waits for the leases that are shown with a number of a site.
func shownWith(t *testing.T, b *bus.Board, party string, seq uint64, m jobs.Member) (size uint64, all msg.Leases) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		items, err := b.List(t.Context(), "ledger.*.leases")
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range items {
			var l msg.Leases
			if err := json.Unmarshal(item.Data, &l); err != nil {
				t.Fatal(err)
			}
			for _, one := range l.Leases {
				body, _, err := msg.OpenLease(one.Statement, m)
				if one.Party == party && err == nil && body.Seq == seq {
					checkpoints, err := b.List(t.Context(), "ledger.*.checkpoint")
					if err != nil || len(checkpoints) == 0 {
						t.Fatal("leases without a checkpoint", err)
					}
					last, err := msg.ParseCheckpointSubject(checkpoints[len(checkpoints)-1].Subject)
					if err != nil || item.Subject != msg.LeasesSubject(last) {
						t.Fatalf("the leases stand under %s, the last checkpoint is %d", item.Subject, last)
					}
					return last, l
				}
			}
		}
	}
	t.Fatalf("lease %d of %s was never shown", seq, party)
	return 0, all
}

// What sites say is logged once, and shown with proofs that hold in the
// checkpoint beside it, whatever strangers post and however often the
// coordinator is started anew.
func TestLeasesAreShown(t *testing.T) {
	f, member, w := coordinator(t)
	m := w.Terms().Members[0]
	say := func(seq uint64, held ...msg.Held) {
		t.Helper()
		body := msg.LeaseBody{Domain: m.Domain, Party: m.Site.Name, Seq: seq, At: governancetest.Now, Held: append([]msg.Held{}, held...)}
		subject, r, err := msg.SignLease(w.Keys[m.Site.Name], body)
		if err != nil {
			t.Fatal(err)
		}
		if err := member.Post(t.Context(), subject, r.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	for subject, junk := range map[string]string{
		"lease.stranger.01": "junk", "lease.stranger.1": "junk", "lease.stranger.x": "junk", "lease.huge.1": string(make([]byte, msg.MaxLease+1)), "lease.thief.7": "{}",
	} {
		if err := member.Post(t.Context(), subject, []byte(junk)); err != nil {
			t.Fatal(err)
		}
	}
	stop := keep(t, f)
	say(1)
	shownWith(t, member, m.Site.Name, 1, m)
	say(2, msg.Everything())
	size, all := shownWith(t, member, m.Site.Name, 2, m)
	raw, err := member.Get(t.Context(), msg.CheckpointSubject(size))
	if err != nil {
		t.Fatal(err)
	}
	var cp msg.Checkpoint
	if err := json.Unmarshal(raw, &cp); err != nil {
		t.Fatal(err)
	}
	key, err := w.Keys["yuneid"].Public().Ed25519()
	if err != nil {
		t.Fatal(err)
	}
	tree, err := proof.Verify(cp.Note, key, origin, map[string]ed25519.PublicKey{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all.Leases {
		if err := proof.Included(tree, []byte(suite.DigestOf(l.Statement)), l.Index, l.Proof); err != nil {
			t.Errorf("lease of %s: %v", l.Party, err)
		}
	}
	stop()
	before, err := f.Ledger.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again := &Flow{Party: f.Party, Origin: origin, Ledger: f.Ledger}
	again.Log = slog.New(slog.DiscardHandler)
	stop = keep(t, again)
	say(3)
	if now, _ := shownWith(t, member, m.Site.Name, 3, m); now != before+1 {
		t.Errorf("the ledger had %d leaves, and after one more lease has %d", before, now)
	}
	stop()
}

// A lease is shown at once if it may say something new; otherwise it can wait
// for others.
func TestNews(t *testing.T) {
	old := leased{party: "site-a", seq: 1, at: governancetest.Now, held: []msg.Held{}}
	for name, c := range map[string]struct {
		before, l leased
		news      bool
	}{
		"the first":       {leased{}, old, true},
		"the same":        {old, leased{at: old.at.Add(time.Hour), held: []msg.Held{}}, false},
		"a hold":          {old, leased{at: old.at, held: []msg.Held{msg.Everything()}}, true},
		"a released hold": {leased{at: old.at, held: []msg.Held{msg.Everything()}}, old, true},
		"after a night":   {old, leased{at: old.at.Add(9 * time.Hour), held: []msg.Held{}}, true},
		"null":            {old, leased{at: old.at}, true},
	} {
		if c.l.isNews(c.before) != c.news {
			t.Errorf("%s: news %v", name, !c.news)
		}
	}
}
