package party

import (
	"context"
	"errors"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
)

// A daemon that is started anew is shown a run as it stands, and nothing of
// how it came to stand so.
func TestFollowFromTheEnd(t *testing.T) {
	for range 5 {
		w := newTable(t)
		p := w.sit(t, t.TempDir())
		for n := range 4 {
			if n > 0 {
				w.begin(t, n)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		seen := 0
		err := p.Follow(ctx, func(_ context.Context, v *msg.View) error {
			if seen == 0 {
				seen = v.Round()
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) || seen != 3 {
			t.Errorf("the first view is of round %d, want 3: %v", seen, err)
		}
	}
}

// What a daemon recollects before it answers anybody is each run as it stands.
func TestRecollect(t *testing.T) {
	w := newTable(t)
	p := w.sit(t, t.TempDir())
	for n := range 4 {
		if n > 0 {
			w.begin(t, n)
		}
	}
	rounds := map[string]int{}
	if err := p.Recollect(t.Context(), func(v *msg.View) { rounds[v.ID()] = v.Round() }); err != nil {
		t.Fatal(err)
	}
	if len(rounds) != 1 || rounds[run] != 3 {
		t.Errorf("recollected %v, want round 3 of %s", rounds, run)
	}
}

// Again says what the journal holds, and nothing that it does not.
func TestAgain(t *testing.T) {
	w := newTable(t)
	folder := t.TempDir()
	p := w.sit(t, folder)
	w.begin(t, 1)
	v := w.view(t)
	if err := p.Again(t.Context(), v.ID(), 1, msg.Hello); !errors.Is(err, fault.NotFound) {
		t.Errorf("said again what was never said: %v", err)
	}
	p.Crash = func(point string) {
		if point == "hello:after" {
			panic(point)
		}
	}
	func() {
		defer func() { _ = recover() }()
		_ = p.Say(t.Context(), msg.Hello, hello(v, 1, "trustee-1", "nonce"))
	}()
	if err := p.Again(t.Context(), v.ID(), 1, msg.Hello); err != nil {
		t.Fatal(err)
	}
	kept, err := p.Recall(v.ID(), 1, msg.Hello)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := p.Board.Get(t.Context(), msg.Subject(v.ID(), 1, msg.Hello, "trustee-1")); err != nil || string(raw) != string(kept.Bytes()) {
		t.Errorf("the board has %q, %v", raw, err)
	}
}
