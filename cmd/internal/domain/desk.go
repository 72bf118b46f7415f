package domain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// The desk is a folder in a domain's own, where the provider's command leaves a
// consent and the site leaves what came of it: the site holds the journal and
// opens no port, so that whoever asks it must be able to write here. A consent
// is NAME.consent, the answer NAME.packet or NAME.refused, and NAME the hex of
// the consent's digest.

// DeskDir is the desk's folder.
const DeskDir = "consents"

const (
	asked    = ".consent"
	given    = ".packet"
	refused  = ".refused"
	deskWait = 200 * time.Millisecond
	maxAsked = 64 // consents that lie on the desk at once
)

// ErrLater is what a site's answer is while it has none.
var ErrLater = errors.New("not yet")

// ServeDesk answers the consents on the desk with what disclose makes of them,
// until ctx ends. ErrLater leaves a consent where it is; any other error is its
// refusal, of which the code alone is told.
func ServeDesk(ctx context.Context, home string, log *slog.Logger, disclose func(ctx context.Context, consent []byte) ([]byte, error)) error {
	desk := filepath.Join(home, DeskDir)
	if err := os.MkdirAll(desk, 0o700); err != nil {
		return fmt.Errorf("opening the desk: %w", err)
	}
	for {
		names, err := filepath.Glob(filepath.Join(desk, "*"+asked))
		if err != nil {
			return fmt.Errorf("looking at the desk: %w", err)
		}
		for _, name := range names[:min(len(names), maxAsked)] {
			if err := serve(ctx, strings.TrimSuffix(name, asked), disclose); err != nil {
				log.LogAttrs(ctx, slog.LevelError, "answering a consent", slog.Any("err", err))
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(deskWait):
		}
	}
}

func serve(ctx context.Context, name string, disclose func(ctx context.Context, consent []byte) ([]byte, error)) error {
	raw, err := limited(name + asked)
	if err != nil {
		return err
	}
	packet, err := disclose(ctx, raw)
	switch {
	case errors.Is(err, ErrLater) || ctx.Err() != nil:
		return nil //nolint:nilerr // it stays on the desk
	case err != nil:
		if put := lay(name+refused, []byte(fault.Show(err).Code)); put != nil {
			return put
		}
	default:
		if err := lay(name+given, packet); err != nil {
			return err
		}
	}
	return errors.Join(err, os.Remove(name+asked))
}

// AskDesk leaves a consent on the desk and waits for the packet, or for the
// refusal. What the site answers is taken away.
func AskDesk(ctx context.Context, home string, consent []byte) ([]byte, error) {
	name := filepath.Join(home, DeskDir, suite.DigestOf(consent).Hex())
	for _, old := range []string{given, refused} { // of an earlier question that nobody waited for
		if err := os.Remove(name + old); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	if err := lay(name+asked, consent); err != nil {
		return nil, fmt.Errorf("asking the site: %w", err)
	}
	for {
		if code, err := os.ReadFile(name + refused); err == nil {
			return nil, errors.Join(fault.Refuse(fault.Code(code), ""), os.Remove(name+refused))
		}
		if packet, err := os.ReadFile(name + given); err == nil {
			return packet, os.Remove(name + given)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("域节点没有答复，请确认它在运行 the site does not answer; see that it runs: %w", errors.Join(ctx.Err(), os.Remove(name+asked)))
		case <-time.After(deskWait / 2):
		}
	}
}

func limited(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	return io.ReadAll(io.LimitReader(f, receipt.MaxSize+1))
}

// lay makes a file appear whole.
func lay(file string, raw []byte) error {
	if err := os.WriteFile(file+".part", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".part", file)
}
