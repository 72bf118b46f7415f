package site

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/yunei/yunei/jobs/msg"
)

// A site that was brought back from a backup holds everything once, whatever the
// board shows under its next numbers, and says leases again when it has passed
// them.
func TestBroughtBack(t *testing.T) {
	w := newWorld(t, crowd(20, false))
	const said = 3
	for i := range uint64(said) {
		w.must(w.site.Board.Post(t.Context(), msg.LeaseSubject(w.site.Name, i+1), fmt.Appendf(nil, "said before the backup %d", i)))
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.site.Lease(ctx) }()
	for len(w.site.Journal.All(string(msg.Lease))) < said+1 {
		time.Sleep(50 * time.Millisecond)
	}
	cancel()
	<-done
	holds, err := w.site.Holds()
	w.must(err)
	if len(holds) != 1 || holds[0].Thing != msg.Everything() {
		t.Errorf("%d holds: %v", len(holds), holds)
	}
	w.must(w.site.Release(holds[0].ID, "looked into"))
	if holds, err = w.site.Holds(); err != nil || len(holds) != 0 {
		t.Errorf("%v after the release: %v", holds, err)
	}
}
