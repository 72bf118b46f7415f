package domain

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
)

// A site as the desk sees it.
type holder struct{ held []Hold }

func (h *holder) act(q HoldRequest) ([]Hold, error) {
	switch {
	case q.Act == ListHolds:
	case q.Act == PlaceHold && q.Thing.Check() == nil:
		h.held = append(h.held, Hold{ID: "1", Thing: q.Thing, Reason: q.Reason})
	default:
		return nil, fault.Refuse("hold", "")
	}
	return h.held, nil
}

func TestHoldsDesk(t *testing.T) {
	home, all := t.TempDir(), msg.Held{Kind: msg.HoldAll}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	// Nobody is there: a hold stays, a question is taken away.
	if _, err := AskHold(ctx, home, HoldRequest{Act: PlaceHold, Thing: all, Reason: "r"}); !errors.Is(err, ErrNoSite) {
		t.Errorf("nobody answers: %v", err)
	}
	if _, err := AskHold(ctx, home, HoldRequest{Act: ListHolds}); !errors.Is(err, ErrNoSite) {
		t.Errorf("nobody answers: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(home, HoldsDir, "*")); err != nil || len(left) != 1 {
		t.Errorf("%v are left: %v", left, err)
	}
	var site holder
	if err := AnswerHolds(home, site.act); err != nil || len(site.held) != 1 || site.held[0].Thing != all {
		t.Errorf("when the site starts, %+v are held: %v", site.held, err)
	}
	ctx, stop = context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- ServeHolds(ctx, home, slog.New(slog.DiscardHandler), site.act) }()
	if got, err := AskHold(t.Context(), home, HoldRequest{Act: ListHolds}); err != nil || len(got) != 1 || got[0].Reason != "r" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := AskHold(t.Context(), home, HoldRequest{Act: PlaceHold}); fault.Show(err).Code != "hold" {
		t.Errorf("the zero thing: %v", err)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What the journal could not take stays on the desk, and whatever else lies there
// stops nothing.
func TestHoldsDeskTriesAgain(t *testing.T) {
	home := t.TempDir()
	desk := filepath.Join(home, HoldsDir)
	if err := errors.Join(os.Mkdir(desk, 0o700), os.WriteFile(filepath.Join(desk, "1.ask"), []byte("rubbish"), 0o600), os.WriteFile(filepath.Join(desk, "2.ask"), []byte(`{"act":"place","thing":{"kind":"all","name":""},"reason":"r"}`), 0o600)); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no space is left")
	if err := AnswerHolds(home, func(HoldRequest) ([]Hold, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("AnswerHolds = %v", err)
	}
	var site holder
	if err := AnswerHolds(home, site.act); err != nil || len(site.held) != 1 {
		t.Errorf("%+v are held: %v", site.held, err)
	}
}

func FuzzHoldRequest(f *testing.F) {
	f.Add([]byte(`{"act":"place","thing":{"kind":"dataset","name":"d"},"reason":"r"}`))
	f.Add([]byte(`{"act":"release","thing":{"kind":"","name":""},"id":"1"}`))
	f.Add([]byte(`{"act":"take","thing":{"kind":"","name":""},"order":"{}"}`))
	f.Add([]byte(`{"x":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if q, err := parseHold(raw); err != nil && q != (HoldRequest{}) {
			t.Errorf("refused, and taken as %+v", q)
		}
	})
}
