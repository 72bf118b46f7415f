package flow

import (
	"testing"
	"time"

	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs/msg"
)

// A site that has news without end keeps nobody's hold from being shown.
func TestNewsWithoutEnd(t *testing.T) {
	f, member, w := coordinator(t)
	say := func(i int, seq uint64, held ...msg.Held) {
		m := w.Terms().Members[i]
		body := msg.LeaseBody{Domain: m.Domain, Party: m.Site.Name, Seq: seq, At: governancetest.Now, Held: append([]msg.Held{}, held...)}
		subject, r, err := msg.SignLease(w.Keys[m.Site.Name], body)
		if err != nil {
			t.Fatal(err)
		}
		if err := member.Post(t.Context(), subject, r.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	shown := func() int {
		items, err := member.List(t.Context(), "ledger.*.leases")
		if err != nil {
			t.Fatal(err)
		}
		return len(items)
	}
	stop := keep(t, f)
	defer stop()
	say(0, 1)
	for shown() == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	say(0, 2, msg.Everything())
	before := shown()
	for seq := uint64(1); ; seq++ {
		if seq%2 == 0 {
			say(1, seq, msg.Everything())
		} else {
			say(1, seq)
		}
		if seq%100 == 0 && shown() > before+1 { // the first may be of before the hold
			return
		}
		if seq >= 20_000 {
			t.Fatalf("nothing is shown while a site says %d leases", seq)
		}
	}
}
