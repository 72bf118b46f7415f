package domain

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
)

// A second folder of the desk takes what the provider holds and releases. A
// request that finds no site running stays there, and the site places it before
// anything else when it is started. Whoever may write here may hold: a hold
// stops work and shows nothing.

// HoldsDir is the folder's name.
const HoldsDir = "holds"

// What is asked for.
const (
	PlaceHold   = "place"
	ReleaseHold = "release"
	ListHolds   = "list"
	TakeOrder   = "take"
)

// A HoldRequest is one request at the desk.
type HoldRequest struct {
	Act    string   `json:"act"`
	Thing  msg.Held `json:"thing"`
	ID     string   `json:"id,omitempty"`
	Reason string   `json:"reason,omitempty"`
	Order  string   `json:"order,omitempty"` // the envelope of a person's order (msg.Order)
}

// A Hold is what is held now.
type Hold struct {
	ID     string    `json:"id"`
	Thing  msg.Held  `json:"thing"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

type holdAnswer struct {
	Refusal fault.Code `json:"refusal,omitempty"`
	Holds   []Hold     `json:"holds"`
}

const (
	holdAsked  = ".ask"
	holdDone   = ".done"
	maxRequest = 2 * msg.MaxOrder // it may hold one, quoted
	maxAnswer  = 1 << 20
)

// ErrNoSite says that the site did not answer in time. A hold that was asked for
// is placed when it is started, before anything else.
var ErrNoSite = errors.New("域节点没有答复，请确认它在运行 the site does not answer; see that it runs")

// ServeHolds answers requests until ctx ends.
func ServeHolds(ctx context.Context, home string, log *slog.Logger, act func(HoldRequest) ([]Hold, error)) error {
	for {
		if err := AnswerHolds(home, act); err != nil {
			log.LogAttrs(ctx, slog.LevelError, "answering a hold", slog.Any("err", err))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(deskWait):
		}
	}
}

// AnswerHolds answers the requests that are on the desk now, in the order of
// their names, which is that of the time when they were made.
func AnswerHolds(home string, act func(HoldRequest) ([]Hold, error)) error {
	desk := filepath.Join(home, HoldsDir)
	if err := os.MkdirAll(desk, 0o700); err != nil {
		return fmt.Errorf("opening the desk: %w", err)
	}
	names, err := filepath.Glob(filepath.Join(desk, "*"+holdAsked))
	if err != nil {
		return fmt.Errorf("looking at the desk: %w", err)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := answerHold(name, act); err != nil {
			return err
		}
	}
	return nil
}

// answerHold answers one request. What is no request is refused; what the
// journal could not take stays.
func answerHold(name string, act func(HoldRequest) ([]Hold, error)) error {
	raw, err := head(name, maxRequest)
	if err != nil {
		return err
	}
	var answer holdAnswer
	q, err := parseHold(raw)
	if err == nil {
		answer.Holds, err = act(q)
	}
	if r, ok := errors.AsType[fault.Refusal](err); ok {
		answer.Refusal = r.Code
	} else if err != nil {
		return err
	}
	out, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("answering a hold: %w", err)
	}
	if err := lay(strings.TrimSuffix(name, holdAsked)+holdDone, out); err != nil {
		return err
	}
	return os.Remove(name)
}

func parseHold(raw []byte) (HoldRequest, error) {
	var q HoldRequest
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if len(raw) > maxRequest || dec.Decode(&q) != nil {
		return HoldRequest{}, fault.Refuse("hold", "")
	}
	return q, nil
}

// AskHold leaves a request on the desk and waits for what is held afterwards, or
// for the refusal. Without an answer a hold stays on the desk; anything else is
// taken away again.
func AskHold(ctx context.Context, home string, q HoldRequest) ([]Hold, error) {
	raw, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("asking the site: %w", err)
	}
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // never fails
	if err := os.MkdirAll(filepath.Join(home, HoldsDir), 0o700); err != nil {
		return nil, fmt.Errorf("asking the site: %w", err)
	}
	name := filepath.Join(home, HoldsDir, time.Now().UTC().Format("20060102T150405.000000000")+"-"+hex.EncodeToString(nonce[:]))
	if err := lay(name+holdAsked, raw); err != nil {
		return nil, fmt.Errorf("asking the site: %w", err)
	}
	for {
		raw, err := head(name+holdDone, maxAnswer)
		switch {
		case err == nil:
			var a holdAnswer
			if err := errors.Join(json.Unmarshal(raw, &a), os.Remove(name+holdDone)); err != nil {
				return nil, fmt.Errorf("reading the site's answer: %w", err)
			}
			if a.Refusal != "" {
				return nil, fault.Refuse(a.Refusal, "")
			}
			return a.Holds, nil
		case !errors.Is(err, os.ErrNotExist):
			return nil, err
		}
		select {
		case <-ctx.Done():
			if q.Act == PlaceHold || q.Act == TakeOrder {
				return nil, ErrNoSite
			}
			return nil, errors.Join(ErrNoSite, os.Remove(name+holdAsked))
		case <-time.After(deskWait / 2):
		}
	}
}

func head(file string, limit int64) ([]byte, error) {
	f, err := os.Open(filepath.Clean(file))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	return io.ReadAll(io.LimitReader(f, limit+1))
}
