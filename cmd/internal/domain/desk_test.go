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
)

// The desk gives each consent its own answer, after the site has one, and
// leaves nothing behind.
func TestDesk(t *testing.T) {
	home := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	ended, tries := make(chan error, 1), 0
	go func() {
		ended <- ServeDesk(ctx, home, slog.New(slog.DiscardHandler), func(_ context.Context, consent []byte) ([]byte, error) {
			switch string(consent) {
			case "a good one":
				if tries++; tries < 3 {
					return nil, ErrLater
				}
				return []byte("the packet"), nil
			case "a bad one":
				return nil, fault.Refuse("consent", "")
			default:
				return nil, errors.New("a disk of the domain's says something that stays here")
			}
		})
	}()
	for !exists(filepath.Join(home, DeskDir)) {
		time.Sleep(time.Millisecond)
	}
	if packet, err := AskDesk(ctx, home, []byte("a good one")); err != nil || string(packet) != "the packet" || tries != 3 {
		t.Errorf("a good consent: %q, %v, after %d tries", packet, err, tries)
	}
	if _, err := AskDesk(ctx, home, []byte("a bad one")); fault.Show(err).Code != "consent" {
		t.Errorf("a bad consent: %v", err)
	}
	if _, err := AskDesk(ctx, home, []byte("one too many")); fault.Show(err).Code != "internal" {
		t.Errorf("a failure: %v", err)
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the desk ended: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := AskDesk(short, home, []byte("a good one")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody at the desk: %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(home, DeskDir)); err != nil || len(left) != 0 {
		t.Errorf("left on the desk: %v, %v", left, err)
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
